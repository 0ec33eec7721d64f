"""What a database does for a dataset, whichever it is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol, TypeAlias

import pyarrow as pa

from muster.datasets.chunks import Piece
from muster.datasets.sql_source import ENGINES, Source
from muster.extensions import load

__all__ = ["Connection", "Engine", "FileState", "engine_of", "file_state"]

FileState: TypeAlias = tuple[tuple[int, int, int], ...]
"""Size and times of a database's file and of its log."""


class Connection(Protocol):
    """A connection that only reads, in one transaction."""

    def columns(self) -> dict[str, pa.DataType | None]:
        """The columns of the source, in order, with their types; None where only the values tell."""
        ...

    def infer(self, names: Sequence[str]) -> dict[str, pa.DataType]:
        """The types of columns that have none, by looking at all values."""
        ...

    def key(self) -> tuple[str, ...]:
        """SQL of what orders the rows of the table uniquely: its primary key, or a row number of its own; nothing if neither is there."""
        ...

    def scalars(self, sql: str) -> list[tuple[object, ...]]: ...

    def pieces(self, sql: str, schema: pa.Schema) -> Iterator[Piece]:
        """The rows of a statement that gives the columns of the schema. At least one piece."""
        ...

    def digest(self, order: str) -> str:
        """What every change of the rows changes."""
        ...

    def stamp(self) -> str | None:
        """The same at less cost, where there is a way."""
        ...

    def state(self) -> FileState | None:
        """What changes whenever the file of the database does: with the same one, its content need not be read again. None of a server."""
        ...

    def size(self) -> int:
        """Bytes as stored, or a guess."""
        ...


class Engine(Protocol):
    def reading(self, source: Source) -> AbstractContextManager[Connection]:
        """DatasetNotFound where there is no such database or table; what goes wrong inside is told as DatasetError."""
        ...


def engine_of(source: Source) -> Engine:
    found: Engine = load(ENGINES[source.engine])()
    return found


def file_state(address: str, log: str) -> FileState:
    found = [path.stat() for path in (Path(address), Path(address + log)) if path.exists()]
    return tuple((s.st_size, s.st_mtime_ns, s.st_ctime_ns) for s in found)
