"""What an output needs of a file system: files that are there whole or not at all, and folders that change places in one step."""

from __future__ import annotations

import ctypes
import errno
import hashlib
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum
from pathlib import Path
from typing import BinaryIO

from muster.errors import Conflict, DatasetError

__all__ = ["can_exchange", "create", "digest_of", "exchange", "move_new", "remove", "sync_folder", "writing"]

_FULL = (errno.ENOSPC, errno.EDQUOT)
_DENIED = (errno.EACCES, errno.EPERM, errno.EROFS)
_TAKEN = (errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR, errno.EISDIR)
_UNKNOWN = (errno.ENOSYS, errno.EINVAL, errno.ENOTSUP)
_HERE = -100  # AT_FDCWD: relative names are relative to the current folder


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Whatever goes wrong while something is written is told with its path."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise DatasetError(
                f"no space is left on the disk of {path}",
                hint="make room there: what was written before is kept",
            ) from error
        told = f"{path} cannot be written: {error.strerror or error}"
        hint = "choose another place, or mend the rights on it" if error.errno in _DENIED else "check the disk"
        raise DatasetError(told, hint=hint) from error


@contextmanager
def create(path: Path) -> Iterator[BinaryIO]:
    """A new file that appears under its name when it is complete and on the disk, in place of one that was there."""
    unfinished = path.with_name(f".{path.name}.{uuid.uuid4().hex}.tmp")
    with writing(path):
        try:
            with unfinished.open("wb") as stream:
                yield stream
                stream.flush()
                os.fsync(stream.fileno())
            unfinished.replace(path)
            sync_folder(path.parent)
        except BaseException:
            unfinished.unlink(missing_ok=True)
            raise


def digest_of(path: Path) -> str:
    """The SHA-256 of a file."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def move_new(source: Path, target: Path) -> None:
    """Rename to a name that nothing has, or an empty folder. Conflict if something is there."""
    try:
        if source.is_dir():
            source.rename(target)
        else:
            _rename(source, target, _Flag.NO_REPLACE)
    except OSError as error:
        plain = error.errno in _UNKNOWN
        if error.errno in _TAKEN or (plain and target.exists()):
            raise Conflict(f"{target} has come to exist while the run was at work", hint="move it away") from None
        if not plain:
            raise
        source.rename(target)


def exchange(a: Path, b: Path) -> None:
    """Let two names change what they name, in one step that everyone sees before or after. OSError where the disk cannot."""
    _rename(a, b, _Flag.EXCHANGE)


class _Flag(Enum):
    """What a rename does beyond renaming, as Linux and as macOS number it."""

    NO_REPLACE = 1, 4
    EXCHANGE = 2, 2


def _rename(a: Path, b: Path, flag: _Flag) -> None:
    library = ctypes.CDLL(None, use_errno=True)
    linux, macos = flag.value
    if hasattr(library, "renameat2"):
        failed = library.renameat2(_HERE, os.fsencode(a), _HERE, os.fsencode(b), linux)
    elif hasattr(library, "renamex_np"):
        failed = library.renamex_np(os.fsencode(a), os.fsencode(b), macos)
    else:
        raise OSError(errno.ENOSYS, "this system has only plain renames", str(b))
    if failed:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), str(b))


def can_exchange(folder: Path) -> bool:
    """Tried on two new folders there, which are gone afterwards."""
    names = [folder / f".muster-{uuid.uuid4().hex}" for _ in range(2)]
    try:
        for name in names:
            name.mkdir()
        exchange(*names)
    except OSError:
        return False
    finally:
        for name in names:
            if name.exists():
                name.rmdir()
    return True


def remove(path: Path) -> None:
    """Remove a file or a folder with all in it, if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
