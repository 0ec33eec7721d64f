"""Takes a model out of an archive that may be hostile: zip, or tar with any usual compression.

Everything is streamed and counted as it comes out, whatever the archive's headers promise. Nothing is left if it is refused.
"""

from __future__ import annotations

import lzma
import shutil
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING, Protocol, TypeAlias, cast

from muster.errors import InvalidModel

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["SUFFIXES", "extract", "is_archive"]

SUFFIXES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz", ".tar.zst", ".tzst")

MOST_FILES = 100_000
MOST_DEEP = 100
FREE_BYTES = 256 << 20
"""An archive may always give this much, and beyond it so many times its own size: weights and trees shrink by far less."""
MOST_RATIO = 100
MOST_BYTES = 256 << 30

_BLOCK = 1 << 20
_JUNK = ("__MACOSX", ".DS_Store")


def is_archive(path: Path) -> bool:
    """By its name."""
    return path.name.lower().endswith(SUFFIXES)


def extract(archive: Path, target: Path) -> None:
    """Write the archive's files into `target`, a new folder. InvalidModel says what is wrong with it."""
    target.mkdir(parents=True)
    try:
        with _told(archive):
            budget = _Budget(archive)
            members = _zip if archive.name.lower().endswith(".zip") else _tar
            place = _Place(archive, target)
            for name, content in members(archive, budget):
                place.write(name, content)
            if not place.files:
                raise InvalidModel(f"{archive.name} holds no file", hint="pack the model's folder again")
    except BaseException:
        shutil.rmtree(target, ignore_errors=True)
        raise


@contextmanager
def _told(archive: Path) -> Iterator[None]:
    """What the libraries raise, as what is wrong with the archive."""
    try:
        yield
    except (
        tarfile.TarError,
        zipfile.BadZipFile,
        zlib.error,
        lzma.LZMAError,
        EOFError,
        struct.error,
        NotImplementedError,
    ) as error:
        raise InvalidModel(
            f"{archive.name} is no archive that can be read, or is cut short: {error}",
            hint="pack the model's folder again",
        ) from None
    except (ValueError, RuntimeError) as error:
        raise InvalidModel(f"{archive.name} is damaged: {error}", hint="pack the model's folder again") from None
    except OSError as error:
        if isinstance(error, FileNotFoundError) and not archive.exists():
            raise InvalidModel(f"there is no file {archive}", hint="give the path of a model") from None
        told = "is damaged" if error.errno is None else "cannot be unpacked"  # decompressors raise it without a number
        raise InvalidModel(
            f"{archive.name} {told}: {error}", hint="see that the disk has room, or pack the folder again"
        ) from None


class _Readable(Protocol):
    def read(self, size: int = -1, /) -> bytes: ...


_Opened: TypeAlias = AbstractContextManager[_Readable]


class _Budget:
    """How many bytes may still come out."""

    def __init__(self, archive: Path) -> None:
        self._archive = archive
        self._size = archive.stat().st_size
        self._left = min(MOST_BYTES, FREE_BYTES + MOST_RATIO * self._size)
        self._taken = 0

    def take(self, count: int) -> None:
        self._taken += count
        if self._taken > self._left:
            raise InvalidModel(
                f"{self._archive.name} has {self._size:,} bytes and gives more than {self._left:,}: it is no model, but a bomb",
                hint="if it is a model, unpack it yourself and register the folder",
            )


class _Place:
    """The folder that files go to."""

    def __init__(self, archive: Path, target: Path) -> None:
        self._archive, self._target = archive, target
        self.files: set[PurePosixPath] = set()
        self._folders: set[PurePosixPath] = set()

    def write(self, name: str, content: _Readable | None) -> None:
        """A file, or a folder where there is no content."""
        path = self._path(name)
        if path is None or path.parts[0] == _JUNK[0] or path.name in _JUNK:
            return
        parents = set(path.parents) - {PurePosixPath()}
        if path in self.files or parents & self.files or (content is not None and path in self._folders):
            raise self._refused(name, "is in it twice")
        self._folders |= parents if content is not None else {*parents, path}
        self.files |= {path} if content is not None else set()
        if max(len(self.files), len(self._folders)) > MOST_FILES:
            raise InvalidModel(
                f"{self._archive.name} holds more than {MOST_FILES:,} files or folders",
                hint="unpack it and register the folder",
            )
        where = self._target / path
        if content is None:
            where.mkdir(parents=True, exist_ok=True)
            return
        where.parent.mkdir(parents=True, exist_ok=True)
        with where.open("xb") as file:
            while block := content.read(_BLOCK):
                file.write(block)

    def _path(self, name: str) -> PurePosixPath | None:
        """The place of a member; None is the folder itself."""
        if "\0" in name or "\\" in name:
            raise self._refused(name, "has a character that no path should have")
        path = PurePosixPath(name)
        if path.is_absolute() or (len(name) > 1 and name[1] == ":"):
            raise self._refused(name, "is an absolute path")
        if ".." in path.parts:
            raise self._refused(name, "leads out of its folder")
        if len(path.parts) > MOST_DEEP:
            shown = "/".join(path.parts[:3]) + "/…"
            raise self._refused(shown, f"lies {len(path.parts):,} folders deep, and {MOST_DEEP} is the most")
        return path if path.parts else None

    def _refused(self, name: str, why: str) -> InvalidModel:
        return InvalidModel(
            f"{self._archive.name}: `{name}` {why}",
            hint="pack the model's folder again, with relative paths of plain files",
        )


def _zip(archive: Path, budget: _Budget) -> Iterator[tuple[str, _Readable | None]]:
    with zipfile.ZipFile(archive) as opened:
        for info in opened.infolist():
            kind = stat.S_IFMT(info.external_attr >> 16)
            if kind not in {0, stat.S_IFREG, stat.S_IFDIR}:
                raise _no_file(archive, info.filename, "a link" if kind == stat.S_IFLNK else "a device or pipe")
            if info.flag_bits & 1:
                raise InvalidModel(f"{archive.name} is encrypted", hint="pack the model's folder without a password")
            if info.is_dir():
                yield info.filename, None
                continue
            with opened.open(info) as content:
                yield info.filename, _Counted(content, budget)


def _tar(archive: Path, budget: _Budget) -> Iterator[tuple[str, _Readable | None]]:
    """Bytes are counted as they are decompressed, headers and all: a header alone can be a bomb."""
    with _decompressed(archive) as stream:
        counted = cast("IO[bytes]", _Counted(stream, budget))  # tarfile calls only its `read`
        yield from _members(archive, counted)


def _members(archive: Path, stream: IO[bytes]) -> Iterator[tuple[str, _Readable | None]]:
    with tarfile.open(fileobj=stream, mode="r|") as opened:
        for member in opened:
            if member.issym() or member.islnk():
                raise _no_file(archive, member.name, "a link")
            if member.isdir():
                yield member.name, None
            elif member.isreg() and not member.issparse():
                content = opened.extractfile(member)
                assert content is not None, "a regular file has content"
                yield member.name, content
            else:
                raise _no_file(archive, member.name, "a device, pipe or sparse file")


def _no_file(archive: Path, name: str, what: str) -> InvalidModel:
    return InvalidModel(
        f"{archive.name}: `{name}` is {what}", hint="pack the model's folder again, with plain files only"
    )


@contextmanager
def _decompressed(archive: Path) -> Iterator[_Readable]:
    """The tar inside, by what the file begins with."""
    with archive.open("rb") as file:
        start = file.read(8)
        file.seek(0)
        for magic, opened in _COMPRESSIONS.items():
            if start.startswith(magic):
                with opened(file) as stream:
                    yield stream
                return
        yield file


def _gzip(file: IO[bytes]) -> _Opened:
    import gzip

    return gzip.GzipFile(fileobj=file)


def _bzip2(file: IO[bytes]) -> _Opened:
    import bz2

    return bz2.BZ2File(file)


def _xz(file: IO[bytes]) -> _Opened:
    return lzma.LZMAFile(file)


def _zstd(file: IO[bytes]) -> _Opened:
    import pyarrow as pa

    return pa.CompressedInputStream(file, "zstd")


_COMPRESSIONS: dict[bytes, Callable[[IO[bytes]], _Opened]] = {
    b"\x1f\x8b": _gzip,
    b"BZh": _bzip2,
    b"\xfd7zXZ\x00": _xz,
    b"\x28\xb5\x2f\xfd": _zstd,
}


class _Counted:
    """A stream whose bytes are counted as they are read."""

    def __init__(self, stream: _Readable, budget: _Budget) -> None:
        self._stream, self._budget = stream, budget

    def read(self, size: int = -1) -> bytes:
        data = self._stream.read(size)
        self._budget.take(len(data))
        return data
