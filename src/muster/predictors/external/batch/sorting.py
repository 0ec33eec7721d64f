"""Lines that a job wrote in no order and into many files, by the piece that they are about: on disk, so that memory is bounded."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from muster.objects.bucket import PIECE, Entry
from muster.objects.stream import ObjectStream
from muster.predictors.external.batch.staged import told
from muster.scratch import scratch

__all__ = ["Sorted", "sorted_by_piece"]

_KEY = re.compile(rb'"(\d{6}-\d{6}-\d{8}-\d{8}-\d{8}-[0-9a-f]{16})/(\d+)"')
"""A row's key, as no other text would have it."""
_HELD = 64 << 20


class Sorted:
    """What was written of each piece, as `(row, line)`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._held: dict[str, list[bytes]] = {}
        self._size = 0

    def add(self, line: bytes) -> None:
        key = _KEY.search(line)
        if key is not None:
            self._held.setdefault(key[1].decode(), []).append(line)
            self._size += len(line)
            if self._size > _HELD:
                self.flush()

    def flush(self) -> None:
        for name, lines in self._held.items():
            with (self._folder / name).open("ab") as file:
                file.writelines(line + b"\n" for line in lines)
        self._held, self._size = {}, 0

    def of(self, name: str) -> Iterator[tuple[int, bytes]]:
        """In the order in which they were added."""
        file = self._folder / name
        if not file.exists():
            return
        for line in file.read_bytes().split(b"\n"):
            if (key := _KEY.search(line)) is not None:
                yield int(key[2]), line


@contextmanager
def sorted_by_piece(entries: list[Entry]) -> Iterator[Sorted]:
    """The lines of objects, read one after the other."""
    with scratch() as folder:
        found = Sorted(folder)
        for entry in entries:
            with told(), io.BufferedReader(ObjectStream(entry), PIECE) as stream:
                for line in stream:
                    found.add(line.rstrip(b"\r\n"))
        found.flush()
        yield found
