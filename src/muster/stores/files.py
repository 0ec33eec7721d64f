"""Blobs as files of a folder: `ab/cdef…` for the digest `abcdef…`.

A blob is written under the name `.put-…` beside those folders, synced, renamed, and the folder synced. What a killed process
left under such a name is never listed, and is removed when it is older than a day.
"""

from __future__ import annotations

import errno
import hashlib
import io
import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from muster.errors import StoreError
from muster.stores.digests import check_digest, damaged, is_digest, missing, occupied, unreadable

__all__ = ["FileBlobs"]

_CHUNK = 1 << 20
_DAY = 86_400.0
_UNFINISHED = ".put-"


class FileBlobs:
    """A folder, made when new. Blobs are read-only files.

    Putting bytes that are there already keeps the file if it has the right size, and mends it if it has not.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        with _explained(folder):
            folder.mkdir(parents=True, exist_ok=True)
        self._swept = False
        self._durable: set[str] = set()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._folder}>"

    @property
    def folder(self) -> Path:
        return self._folder

    def put(self, source: Path | bytes) -> str:
        if not self._swept:
            self._swept = True
            with suppress(StoreError):  # another account's leftovers are no reason to refuse
                self.sweep()
        if not isinstance(source, Path):
            return self._put(io.BytesIO(source), Path())
        try:
            stream = source.open("rb")
        except OSError as error:
            raise unreadable(source, error) from error
        with stream:
            return self._put(stream, source)

    def open(self, digest: str) -> BinaryIO:
        path = self._path(digest)
        try:
            return path.open("rb")
        except FileNotFoundError:
            raise missing(digest) from None
        except OSError as error:
            raise _fault(path, error) from error

    def read(self, digest: str) -> bytes:
        with self.open(digest) as stream, _explained(self._path(digest)):
            content = stream.read()
        if (found := hashlib.sha256(content).hexdigest()) != digest:
            raise damaged(digest, found)
        return content

    def fetch(self, digest: str, target: Path) -> None:
        path = self._path(digest)
        with self.open(digest) as stream:
            try:
                file = target.open("xb")
            except FileExistsError:
                raise occupied(target) from None
            except OSError as error:
                raise _fault(target, error) from error
            try:
                with _explained(target), file:
                    found, _ = _copy(_read(stream, path), stream, path, file)
                if found != digest:
                    raise damaged(digest, found)
            except BaseException:
                target.unlink(missing_ok=True)
                raise

    def has(self, digest: str) -> bool:
        return self._size(digest) is not None

    def size(self, digest: str) -> int:
        size = self._size(digest)
        if size is None:
            raise missing(digest)
        return size

    def modified(self, digest: str) -> datetime:
        path = self._path(digest)
        try:
            return datetime.fromtimestamp(path.stat().st_mtime, UTC)
        except FileNotFoundError:
            raise missing(digest) from None
        except OSError as error:
            raise _fault(path, error) from error

    def delete(self, digest: str) -> None:
        path = self._path(digest)
        with _explained(path):
            path.unlink(missing_ok=True)

    def __iter__(self) -> Iterator[str]:
        for folder in self._listed(self._folder):
            if len(folder) == 2:
                yield from (folder + name for name in self._listed(self._folder / folder) if is_digest(folder + name))

    def sweep(self, older: float = _DAY) -> int:
        """Remove what killed puts left behind more than `older` seconds ago; the number of files."""
        removed, before = 0, time.time() - older
        for name in self._listed(self._folder):
            path = self._folder / name
            # Another process may sweep too.
            with _explained(path), suppress(FileNotFoundError):
                if name.startswith(_UNFINISHED) and path.stat().st_mtime < before:
                    path.unlink()
                    removed += 1
        return removed

    def _put(self, stream: BinaryIO, source: Path) -> str:
        first = _read(stream, source)
        if len(first) < _CHUNK and self._size(digest := hashlib.sha256(first).hexdigest()) == len(first):
            return self._settled(digest)
        temporary = self._folder / f"{_UNFINISHED}{os.getpid()}-{secrets.token_hex(8)}"
        with _explained(temporary):
            try:
                descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o444)
                with os.fdopen(descriptor, "wb", buffering=0) as file:
                    digest, size = _copy(first, stream, source, file)
                    if self._size(digest) == size:
                        return self._settled(digest)
                    os.fsync(descriptor)
                self._place(temporary, digest)
                return digest
            finally:
                temporary.unlink(missing_ok=True)

    def _place(self, temporary: Path, digest: str) -> None:
        path = self._path(digest)
        path.parent.mkdir(exist_ok=True)
        temporary.rename(path)
        self._sync(path.parent)

    def _settled(self, digest: str) -> str:
        """Whoever renamed the blob may not have synced its folder yet. It is as young as if it had been stored now."""
        path = self._path(digest)
        with suppress(PermissionError):  # another account's file
            os.utime(path)
        with _explained(path):
            self._sync(path.parent)
        return digest

    def _sync(self, folder: Path) -> None:
        """Make the names in it durable, and once its own, which whoever made it may not have synced yet."""
        _sync(folder)
        if folder.name not in self._durable:
            _sync(self._folder)
            self._durable.add(folder.name)

    def _path(self, digest: str) -> Path:
        check_digest(digest)
        return self._folder / digest[:2] / digest[2:]

    def _size(self, digest: str) -> int | None:
        path = self._path(digest)
        try:
            return path.stat().st_size
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _fault(path, error) from error

    def _listed(self, folder: Path) -> list[str]:
        try:
            return sorted(path.name for path in folder.iterdir())
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as error:
            raise _fault(folder, error) from error


def _copy(first: bytes, stream: BinaryIO, source: Path, file: BinaryIO | io.RawIOBase) -> tuple[str, int]:
    """Copy `first` and the rest of the stream; digest and size of what was written."""
    digest, size, part = hashlib.sha256(), 0, first
    while part:
        digest.update(part)
        size += len(part)
        left = memoryview(part)
        while left:
            left = left[file.write(left) :]
        part = _read(stream, source)
    return digest.hexdigest(), size


def _read(stream: BinaryIO, source: Path) -> bytes:
    try:
        return stream.read(_CHUNK)
    except OSError as error:
        raise unreadable(source, error) from error


def _sync(folder: Path) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise _fault(path, error) from error


def _fault(path: Path, error: OSError) -> StoreError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return StoreError(f"the disk of {path} is full; nothing was stored", hint="make room, then try again")
    return StoreError(
        f"{path} cannot be used: {error.strerror or error}", hint="see that its disk works and that you may write it"
    )
