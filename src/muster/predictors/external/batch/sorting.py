"""Lines that a job wrote in no order and into many files, by the piece that they are about: on disk, so that memory is bounded."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from muster.objects.bucket import PIECE, Entry
from muster.objects.stream import ObjectStream
from muster.predictors.external.batch.staged import told
from muster.scratch import scratch

__all__ = ["Sorted", "sorted_by_piece"]

_KEY = re.compile(rb"\b(\d{6}-\d{6}-\d{8}-\d{8}-\d{8}-[0-9a-f]{16})\.(\d+)\b")
"""A row's key, as no other text would have it."""
_HELD = 64 << 20


class Sorted:
    """What was written of each piece, as `(row, document)`."""

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

    def of(self, name: str, field: str) -> Iterator[tuple[int, dict[str, Any]]]:
        """In the order in which they were added; `field` has the key where there is no `key`. What is cut off is left out."""
        file = self._folder / name
        if not file.exists():
            return
        for line in file.read_bytes().split(b"\n"):
            with suppress(ValueError):
                document = json.loads(line)
                if isinstance(document, dict) and (row := _row(document, name, field)) is not None:
                    yield row, document


def _row(document: dict[str, Any], name: str, field: str) -> int | None:
    """The row of a piece that a line is about. A job tells the key by itself, or in the instance that it repeats."""
    instance = document.get("instance")
    for key in (document.get("key"), document.get(field), instance.get(field) if isinstance(instance, dict) else None):
        if isinstance(key, str) and key.startswith(f"{name}."):
            return int(key.rpartition(".")[2])
    return None


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
