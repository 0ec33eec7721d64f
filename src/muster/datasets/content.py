"""Where the bytes of a file are: on a disk, or in object storage. The formats read either through this, and know neither."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import pyarrow as pa

if TYPE_CHECKING:
    from muster.objects.bucket import Entry

__all__ = ["Content", "Disk", "Remote"]


class Content(Protocol):
    """A hashable and picklable value: another one when the bytes were changed. Whatever fails is an OSError."""

    def __hash__(self) -> int: ...

    @property
    def remote(self) -> bool:
        """Whether each read is a request, so that few large ones are better than many small ones."""
        ...

    def open(self) -> pa.NativeFile:
        """For readers that jump."""
        ...

    def stream(self) -> Any:
        """For reading from the beginning to the end: what `pa.input_stream` takes."""
        ...

    def stamp(self) -> str:
        """What tells at once, as it is now, that nothing was touched."""
        ...

    def digest(self) -> tuple[int, str]:
        """The size, and what tells one content from another: its SHA-256, or the tag that the service gave it."""
        ...


@dataclass(frozen=True, slots=True)
class Disk:
    """`changed` is the time of its last change, so that what was found out about one content is not believed of another."""

    path: Path
    changed: int = 0
    remote: bool = False

    def open(self) -> pa.NativeFile:
        return pa.OSFile(str(self.path))

    def stream(self) -> Any:
        return str(self.path)

    def stamp(self) -> str:
        found = self.path.stat()
        return f"{found.st_size}\0{found.st_mtime_ns}"

    def digest(self) -> tuple[int, str]:
        with self.path.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
            return stream.tell(), digest


@dataclass(frozen=True, slots=True)
class Remote:
    """Reads are of the object that was listed, and fail once it is another one."""

    entry: Entry
    remote: bool = True

    def open(self) -> pa.NativeFile:
        from muster.objects.stream import ObjectStream

        return pa.PythonFile(ObjectStream(self.entry), "r")

    def stream(self) -> Any:
        from muster.objects.stream import pieces

        return pa.PythonFile(_InOrder(pieces(self.entry)), "r")

    def stamp(self) -> str:
        from muster.objects.bucket import bucket_of

        found = bucket_of(self.entry.place).head(self.entry.place.key)
        return f"{found.size}\0{found.tag}"

    def digest(self) -> tuple[int, str]:
        return self.entry.size, self.entry.tag


class _InOrder(io.RawIOBase):
    """A stream of pieces as they come."""

    def __init__(self, coming: Iterator[bytes]) -> None:
        super().__init__()
        self._coming = coming
        self._piece = memoryview(b"")

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        if size is None or size < 0:
            return bytes(self._piece) + b"".join(self._coming)
        found = []
        while size and (some := self._some(size)):
            found.append(some)
            size -= len(some)
        return found[0] if len(found) == 1 else b"".join(found)

    def _some(self, size: int) -> bytes:
        if not self._piece:
            self._piece = memoryview(next(self._coming, b""))
        some = bytes(self._piece[:size])
        self._piece = self._piece[size:]
        return some

    def close(self) -> None:
        close = getattr(self._coming, "close", None)
        if close is not None:
            close()
        super().close()
