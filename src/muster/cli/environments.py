"""One environment as people read it: what is in it, how large it is, who uses it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from muster.cli.documents import environment_document
from muster.cli.render import Sheet
from muster.cli.text import exact, listed, size
from muster.errors import InvalidReference, NotApplicable

if TYPE_CHECKING:
    from muster.cli.documents import Built
    from muster.hub import Hub
    from muster.records import Environment

__all__ = ["Found", "environment_sheet", "find"]

_KEY = re.compile(r"[0-9a-f]{6,64}")
_SHOWN = 12


@dataclass(frozen=True, slots=True)
class Found:
    """`environment` is None for one that no version has any more; `built` where it is not on this machine."""

    key: str
    environment: Environment | None
    built: Built | None
    packages: tuple[str, ...]
    used_by: tuple[str, ...]
    serves: bool

    def document(self) -> dict[str, object]:
        told: dict[str, object] = {"key": self.key, "packages": list(self.packages), "used_by": list(self.used_by)}
        told |= {"kind": self.environment.kind if self.environment else "built", "serves": self.serves}
        built = environment_document(self.built) if self.built is not None else None
        return told | {"python": self._python, "built": built}

    @property
    def _python(self) -> str:
        return self.built.python if self.built else self.environment.python if self.environment else ""


def find(hub: Hub, text: str) -> Found:
    """By a version's reference, or the beginning of a key."""
    built = {e.key: e for e in hub.environments.list()}
    of = [(v.ref, v.environment) for v in hub.versions() if v.environment is not None]
    of += [(f"metric {m.ref}", m.environment) for m in hub.metrics()]
    known = {e.key: e for _, e in of}
    keys = [k for k in known | built if k.startswith(text)] if _KEY.fullmatch(text) else []
    if len(keys) > 1:
        raise InvalidReference(
            f"`{text}` begins {len(keys)} keys: {listed(k[:12] for k in keys)}", hint="give more of it"
        )
    if not keys:
        version = hub.version(text)
        if version.environment is None:
            raise NotApplicable(f"`{version.ref}` runs no code here, so it has no environment", hint="it needs none")
        keys, known = [version.environment.key], known | {version.environment.key: version.environment}
    [key] = keys
    environment, here = known.get(key), built.get(key)
    packages = hub.environments.packages(environment) if environment is not None else here.packages if here else ()
    used_by = tuple(ref for ref, e in of if e.key == key)
    serves = environment is not None and hub.environments.serves(environment)
    return Found(key, environment, here, packages, used_by, serves)


def environment_sheet(found: Found) -> Sheet:
    sheet = Sheet(f"environment  {found.key[:_SHOWN]}")
    environment, built = found.environment, found.built
    sheet.fact("python", built.python if built else environment.python if environment else "")
    if environment is not None and environment.kind == "executable":
        where = f"the Python at {environment.executable}, which is yours"
    elif built is not None:
        where = str(built.path)
    else:
        where = "this Python has all of it" if found.serves else "not built here"
    sheet.fact("where", where)
    if built is not None:
        sheet.fact("size", size(built.size))
        sheet.fact("built", exact(built.created_at))
        sheet.fact("used", exact(built.used_at))
    sheet.fact("used by", listed(found.used_by) if found.used_by else "no version")
    sheet.fact(
        "asked for", listed(environment.requirements) if environment is not None and environment.requirements else ""
    )
    sheet.fact(f"{len(found.packages)} packages", *found.packages)
    sheet.fact("notes", *(environment.notes if environment is not None else ()))
    sheet.fact("key", found.key)
    return sheet
