"""What a URI of files names: a path or glob, and the options behind `?`.

`data.csv?delimiter=%3B&type.flight=string`: options follow the last `?` that `name=` follows, joined by `&` and
percent-decoded. A path that exists as it is written is always that path, whatever signs it has.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from muster.config import expanded
from muster.errors import InvalidInput

__all__ = ["Location", "claims", "fits", "is_magic", "locate", "split_options"]

_SCHEME = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]+:")
_OPTION = r"[a-z]+(?:\.[^=&/]*)?=[^&]*"
_QUERY = re.compile(rf"\?({_OPTION}(?:&{_OPTION})*)$", re.DOTALL)
_MAGIC = re.compile(r"[*?[]")


@dataclass(frozen=True, slots=True)
class Location:
    """An absolute path. `pattern` are the parts behind it of a glob; a `folder` was written with a slash at its end."""

    path: Path
    options: Mapping[str, str] = field(default_factory=dict)
    pattern: tuple[str, ...] = ()
    folder: bool = False

    @property
    def uri(self) -> str:
        """The text that names the same from every folder."""
        options = "&".join(f"{quote(k)}={quote(v)}" for k, v in self.options.items())
        return f"{self}{'/' if self.folder else ''}{'?' if options else ''}{options}"

    def __str__(self) -> str:
        return str(self.path.joinpath(*self.pattern))

    def matches(self, path: Path) -> bool:
        """Whether the glob names this path, which need not exist."""
        return path.is_relative_to(self.path) and fits(path.relative_to(self.path).parts, self.pattern)


def fits(parts: Sequence[str], pattern: Sequence[str]) -> bool:
    if not pattern:
        return not parts
    if pattern[0] == "**":
        return fits(parts, pattern[1:]) or (bool(parts) and fits(parts[1:], pattern))
    return bool(parts) and fnmatchcase(parts[0], pattern[0]) and fits(parts[1:], pattern[1:])


def claims(uri: str) -> bool:
    """Paths, globs and `file:` URLs; whatever has another scheme is another kind's."""
    found = _SCHEME.match(uri)
    return bool(uri) and (found is None or found.group().lower() == "file:")


def split_options(uri: str) -> tuple[str, dict[str, str]]:
    """What stands before the options, and the options."""
    found = _QUERY.search(uri)
    if found is None:
        return uri, {}
    pairs = (pair.partition("=") for pair in found.group(1).split("&"))
    return uri[: found.start()], {unquote(k): unquote(v) for k, _, v in pairs}


def is_magic(part: str) -> bool:
    """Whether a part of a path is a pattern."""
    return _MAGIC.search(part) is not None


def locate(uri: str, options: Mapping[str, str] | None = None) -> Location:
    """Read a URI; `options` win over those that it carries itself."""
    path, query = (uri, {}) if _exists(_absolute(uri)) else split_options(uri)
    if path[:5].lower() == "file:":
        path = _from_url(path)
    if not path:
        raise InvalidInput("the path is empty", hint="give a file, a folder or a glob")
    absolute, chosen = _absolute(path), {**query, **(options or {})}
    magic = next((i for i, part in enumerate(absolute.parts) if is_magic(part)), None)
    if magic is None or _exists(absolute):
        return Location(absolute, chosen, folder=path.endswith("/") and absolute != Path("/"))
    return Location(Path(*absolute.parts[:magic]), chosen, absolute.parts[magic:])


def _absolute(path: str) -> Path:
    return Path(os.path.normpath(expanded(path).absolute()))


def _exists(path: Path) -> bool:
    try:
        return path.exists() or path.is_symlink()
    except OSError:  # a name that is too long, or holds a zero byte, names nothing
        return False


def _from_url(url: str) -> str:
    if not url[5:].startswith("//"):
        return unquote(url[5:])
    parts = urlsplit(url)
    if parts.netloc not in ("", "localhost"):
        raise InvalidInput(f"`{url}` names another machine", hint="write file:///absolute/path, or a plain path")
    return unquote(parts.path)
