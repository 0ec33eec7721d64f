"""Rejects that runs left, found again by their digest: nothing that somebody has put in their place is ever taken for them."""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from stat import S_ISREG
from typing import TYPE_CHECKING

from muster.datasets.disk import digest_of, writing
from muster.datasets.objects import explained
from muster.objects.faults import ObjectChanged, ObjectNotFound
from muster.objects.place import Place, is_object_url

if TYPE_CHECKING:
    from muster.objects.bucket import Entry

__all__ = ["FileLeft", "ObjectLeft", "rejects_left"]


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


def rejects_left(place: str, sha256: str) -> FileLeft | ObjectLeft | None:
    """The rejects of this digest at a place. None where they are not on this machine: then they may be on another one."""
    return _object(Place.parse(place), sha256) if is_object_url(place) else _file(Path(place), sha256)


def _file(path: Path, sha256: str) -> FileLeft | None:
    with suppress(OSError):
        status = path.lstat()
        if S_ISREG(status.st_mode) and digest_of(path) == sha256:
            return FileLeft(path, status)
    return None


def _object(place: Place, sha256: str) -> ObjectLeft:
    from muster.objects.bucket import bucket_of
    from muster.objects.stream import pieces

    with explained():
        try:
            entry = bucket_of(place).head(place.key)
            digest = hashlib.sha256()
            for piece in pieces(entry):
                digest.update(piece)
        except (ObjectNotFound, ObjectChanged):
            return ObjectLeft(None)
    return ObjectLeft(entry if digest.hexdigest() == sha256 else None)


def _marks(status: os.stat_result) -> tuple[int, ...]:
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns
