"""An object as a file that is read from anywhere, in ranges, as the one that it was when it was listed."""

from __future__ import annotations

import io
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from muster.objects.bucket import PIECE, Bucket, Entry, bucket_of
from muster.objects.faults import ObjectError

__all__ = ["ObjectStream", "pieces"]

_LEAST = 256 << 10
_AHEAD = 3


class ObjectStream(io.RawIOBase):
    """For readers that jump: each read is one request, or several at once where it is large. What follows a small read is kept."""

    def __init__(self, entry: Entry) -> None:
        super().__init__()
        self._entry = entry
        self._bucket = bucket_of(entry.place)
        self._at = 0
        self._kept = b""
        self._kept_at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def size(self) -> int:
        return self._entry.size

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._entry.size}[whence]
        self._at = max(0, base + offset)
        return self._at

    def read(self, size: int = -1) -> bytes:
        left = max(0, self._entry.size - self._at)
        wanted = left if size is None or size < 0 else min(size, left)
        found = self._from_kept(wanted)
        if found is None:
            found = self._fetched(wanted, left)
        self._at += len(found)
        return found

    def readinto(self, buffer: Any) -> int:
        found = self.read(len(buffer))
        buffer[: len(found)] = found
        return len(found)

    def _from_kept(self, wanted: int) -> bytes | None:
        begin = self._at - self._kept_at
        return self._kept[begin : begin + wanted] if begin >= 0 and begin + wanted <= len(self._kept) else None

    def _fetched(self, wanted: int, left: int) -> bytes:
        if wanted >= 2 * PIECE:
            return b"".join(pieces(self._entry, self._at, wanted))
        found = _range(self._bucket, self._entry, self._at, min(left, max(wanted, _LEAST)))
        if len(found) <= _LEAST:
            self._kept, self._kept_at = found, self._at
        return found[:wanted]


def pieces(entry: Entry, start: int = 0, size: int | None = None, bucket: Bucket | None = None) -> Iterator[bytes]:
    """The bytes in order, with the next ranges on their way while one is used. Memory is bounded by a few of them.

    The first is small, and nothing is asked for behind it before it is used up: who only looks at a beginning gets no more.
    """
    bucket = bucket or bucket_of(entry.place)
    end = entry.size if size is None else start + size
    if start < end:
        yield _range(bucket, entry, start, min(_LEAST, end - start))
    starts = iter(range(start + _LEAST, end, PIECE))
    coming: deque[Future[bytes]] = deque()
    with ThreadPoolExecutor(_AHEAD, thread_name_prefix="muster-ahead") as pool:

        def ask() -> None:
            if (begin := next(starts, None)) is not None:
                coming.append(pool.submit(_range, bucket, entry, begin, min(PIECE, end - begin)))

        try:
            for _ in range(_AHEAD):
                ask()
            while coming:
                found = coming.popleft().result()
                ask()
                yield found
        finally:
            for one in coming:
                one.cancel()


def _range(bucket: Bucket, entry: Entry, start: int, size: int) -> bytes:
    found = bucket.read(entry.place.key, start, size, entry.tag)
    if len(found) != size:
        raise ObjectError(f"{entry.place} ended before its {entry.size:,} bytes came", "try again")
    return found
