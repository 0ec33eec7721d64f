"""One file of a dataset: its name, its format, its content's digest, and what is wrong with it."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import PurePath

import pyarrow as pa

from muster.datasets.content import Content
from muster.errors import DatasetError
from muster.objects.faults import ObjectChanged, ObjectError

__all__ = ["File", "compression_of", "cores", "fingerprint", "first_line", "reading", "stamp", "suffix_of"]

_COMPRESSIONS = {".gz": "gzip", ".zst": "zstd"}
_MAGICS = (
    (b"PAR1", "Parquet"), (b"ARROW1", "an Arrow file"), (b"FEA1", "Feather version 1"), (b"\xff\xff\xff\xff", "an Arrow stream"),
    (b"\x1f\x8b", "gzip"), (b"\x28\xb5\x2f\xfd", "zstd"), (b"BZh", "bzip2"), (b"PK\x03\x04", "a zip archive or Excel file"),
    (b"%PDF", "PDF"), (b"SQLite format 3", "an SQLite database"), (b"\x89HDF", "HDF5"), (b"Obj\x01", "Avro"), (b"ORC", "ORC"),
    (b"\xff\xfe", "UTF-16 text"), (b"\xfe\xff", "UTF-16 text"), (b"{", "JSON"), (b"[", "JSON"), (b"<", "XML or HTML"),
)  # fmt: skip
_REQUESTS = 16
_CLOSED = (b"PAR1", b"ARROW1")
"""Formats that end as they begin."""


def compression_of(path: PurePath) -> str | None:
    return _COMPRESSIONS.get(path.suffix.lower())


def suffix_of(path: PurePath) -> str:
    """Of the format, in lower case: `.csv` for `x.CSV.gz`."""
    return (PurePath(path.stem) if compression_of(path) else path).suffix.lower()


@dataclass(frozen=True, slots=True)
class File:
    """One file of a dataset. `name` is its path within the dataset; `partition` what its folders say (`month=2`), in order."""

    content: Content
    name: str
    size: int
    partition: tuple[tuple[str, str | None], ...] = ()

    @property
    def compression(self) -> str | None:
        return compression_of(PurePath(self.name))

    @property
    def suffix(self) -> str:
        return suffix_of(PurePath(self.name))

    def error(self, what: str, hint: str = "", *, resume: bool = False) -> DatasetError:
        """`resume` where the cause lies not in what the file says: then it may be read another time."""
        return DatasetError(f"{self.name}: {what}", hint=hint, details={"file": self.name, "resume": resume})

    def looks(self) -> str:
        """What the file seems to be, by its first bytes."""
        try:
            with self.content.open() as stream:
                head = stream.read(512)
                stream.seek(max(0, self.size - 8))
                tail = stream.read()
        except OSError as error:
            return f"it cannot be opened ({error.strerror})"
        if not head:
            return "it is empty"
        magic, known = next((m for m in _MAGICS if head.startswith(m[0])), (b"", None))
        if magic in _CLOSED and not tail.endswith(magic):
            return f"it begins as {known}, but its end is missing: it was cut, or is still being written"
        return f"it looks like {known or ('text' if _is_text(head) else 'other binary data')}"


def _is_text(head: bytes) -> bool:
    return not any(byte < 9 or 13 < byte < 32 for byte in head)


def cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def reading(file: File) -> Iterator[None]:
    """Whatever goes wrong while the file is read is told with its name."""
    try:
        yield
    except FileNotFoundError:
        raise file.error("is gone", "it was there when the dataset was opened: put it back", resume=True) from None
    except ObjectChanged as error:
        raise file.error("was changed while it was read", "start anew when nothing writes to it") from error
    except ObjectError as error:
        raise file.error(f"cannot be read: {error}", error.hint, resume=True) from error
    except DatasetError as error:
        raise error if "file" in error.details else file.error(error.message, error.hint) from error
    except (OSError, pa.ArrowException) as error:
        raise file.error(
            f"cannot be read: {first_line(error)}; {file.looks()}",
            "check the file, or make it anew",
            resume=getattr(error, "errno", None) is not None,  # the system's; Arrow's own tell of the content
        ) from error


def first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")


def fingerprint(files: Sequence[File]) -> str:
    """SHA-256 over a line per file, in order: its name, its size and the SHA-256 of its content or its tag, with zero bytes between."""
    with ThreadPoolExecutor(cores()) as pool:
        contents = list(pool.map(_content, files))
    total = hashlib.sha256()
    for file, (size, digest) in zip(files, contents, strict=True):
        total.update(f"{file.name}\0{size}\0{digest}\n".encode())
    return total.hexdigest()


def stamp(files: Sequence[File]) -> str:
    """SHA-256 over a line per file, in order: its name, its size and when it was last written, or its tag."""
    remote = any(file.content.remote for file in files)
    with ThreadPoolExecutor(_REQUESTS if remote else 1) as pool:
        stamps = list(pool.map(_stamp, files))
    total = hashlib.sha256()
    for file, stamped in zip(files, stamps, strict=True):
        total.update(f"{file.name}\0{stamped}\n".encode())
    return total.hexdigest()


def _stamp(file: File) -> str:
    with reading(file):
        return file.content.stamp()


def _content(file: File) -> tuple[int, str]:
    with reading(file):
        return file.content.digest()
