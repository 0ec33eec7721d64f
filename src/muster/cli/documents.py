"""Records as `--json` prints them: the keys of the stored document, and those that Python gives beside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from muster.records import Model, Run, Version

__all__ = [
    "Built",
    "environment_document",
    "model_document",
    "plain",
    "run_document",
    "thing_document",
    "version_document",
]


class Built(Protocol):
    """What is told of an environment that is built on this machine."""

    @property
    def key(self) -> str: ...
    @property
    def python(self) -> str: ...
    @property
    def packages(self) -> Sequence[str]: ...
    @property
    def size(self) -> int: ...
    @property
    def created_at(self) -> datetime: ...
    @property
    def used_at(self) -> datetime: ...
    @property
    def path(self) -> Path: ...


def plain(record: object) -> dict[str, object]:
    """The stored document without the number of its format."""
    from muster.documents import document

    return {key: value for key, value in document(record).items() if key != "format"}


def model_document(model: Model, aliases: Mapping[str, int] | None = None) -> dict[str, object]:
    return plain(model) | ({"aliases": dict(aliases)} if aliases is not None else {})


def version_document(version: Version) -> dict[str, object]:
    first = {"id": version.id, "ref": version.ref}
    return first | plain(version) | {"classes": list(version.classes), "aliases": list(version.aliases)}


def run_document(run: Run) -> dict[str, object]:
    first = {"id": run.id, "kind": run.kind, "status": run.status, "ref": run.ref}
    return first | plain(run)


def environment_document(info: Built) -> dict[str, object]:
    """What is built on this machine; it is no record, so that its keys are written here."""
    return {
        "key": info.key,
        "python": info.python,
        "packages": list(info.packages),
        "size": info.size,
        "created_at": _time(info.created_at),
        "used_at": _time(info.used_at),
        "path": str(info.path),
    }


def _time(time: datetime) -> str:
    return time.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def thing_document(thing: Model | Version) -> dict[str, object]:
    """What a reference to either led to."""
    from muster.records import Version

    return version_document(thing) if isinstance(thing, Version) else model_document(thing)
