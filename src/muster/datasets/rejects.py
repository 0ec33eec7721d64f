"""Rejects that runs left, found again by their digest: nothing that somebody has put in their place is ever taken for them.

Equal data has equal rejects, also in another hub, so that a file must be as old as the run, and an object say that it is the run's.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from stat import S_ISREG
from typing import TYPE_CHECKING

from muster.datasets.disk import digest_of, writing
from muster.datasets.named import connection_of
from muster.datasets.object_named import named_place
from muster.datasets.object_staging import RUN
from muster.datasets.objects import explained
from muster.objects.faults import ObjectChanged, ObjectNotFound
from muster.objects.place import Place, is_object_url
from muster.records import Connection, Run

if TYPE_CHECKING:
    from muster.objects.bucket import Entry

__all__ = ["FileLeft", "ObjectLeft", "rejects_left"]

_CLOCKS = timedelta(hours=1)
"""How far the clock of a disk in the network may be ahead of the one by which runs end."""


@dataclass(frozen=True, slots=True)
class FileLeft:
    """A file, as it was when it was looked at."""

    path: Path
    status: os.stat_result

    @property
    def size(self) -> int:
        return self.status.st_size

    def remove(self) -> int:
        """The bytes that this freed: none if it went meanwhile, or another one came in its place."""
        with writing(self.path), suppress(FileNotFoundError):
            if _marks(self.path.lstat()) == _marks(self.status):
                self.path.unlink()
                return self.size
        return 0


@dataclass(frozen=True, slots=True)
class ObjectLeft:
    """An object, or None where it is gone for certain."""

    entry: Entry | None

    @property
    def size(self) -> int:
        return 0 if self.entry is None else self.entry.size

    def remove(self) -> int:
        from muster.objects.bucket import bucket_of

        if self.entry is None:
            return 0
        place = self.entry.place
        with explained():
            try:
                if bucket_of(place).head(place.key).tag != self.entry.tag:
                    return 0
            except ObjectNotFound:
                return 0
            bucket_of(place).delete([place.key])
        return self.size


def rejects_left(run: Run, find: Callable[[str], Connection]) -> FileLeft | ObjectLeft | None:
    """The rejects of a run's record. None where they are not on this machine: then they may be on another one.

    `find` gives the connection of a name.
    """
    assert run.rejects is not None
    assert run.rejects_sha256 is not None
    if is_object_url(run.rejects):
        return _object(Place.parse(run.rejects), run)
    if (connection := connection_of(run.rejects, find)) is not None:
        return _object(named_place(run.rejects, connection), run)
    return _file(Path(run.rejects), run)


def _file(path: Path, run: Run) -> FileLeft | None:
    latest = None if run.ended_at is None else (run.ended_at + _CLOCKS).timestamp()
    with suppress(OSError):
        status = path.lstat()
        later = latest is not None and status.st_mtime > latest
        if S_ISREG(status.st_mode) and not later and digest_of(path) == run.rejects_sha256:
            return FileLeft(path, status)
    return None


def _object(place: Place, run: Run) -> ObjectLeft:
    from muster.objects.bucket import bucket_of
    from muster.objects.stream import pieces

    with explained():
        try:
            bucket = bucket_of(place)
            entry = bucket.head(place.key)
            if bucket.notes(place.key).get(RUN, run.id) != run.id:
                return ObjectLeft(None)
            digest = hashlib.sha256()
            for piece in pieces(entry):
                digest.update(piece)
        except (ObjectNotFound, ObjectChanged):
            return ObjectLeft(None)
    return ObjectLeft(entry if digest.hexdigest() == run.rejects_sha256 else None)


def _marks(status: os.stat_result) -> tuple[int, ...]:
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns
