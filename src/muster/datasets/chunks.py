"""Cutting what a reader meets into chunks of exactly so many rows, whatever the sizes that it came in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from muster.dataset import Fault
from muster.errors import DatasetError

__all__ = ["Piece", "batch_of", "cut", "nothing", "shifted"]


@dataclass(frozen=True, slots=True)
class Piece:
    """Consecutive rows: `batch` has those that are whole, `faults` the others, by their row in the piece.

    Without a batch, the rows were passed over because nobody wants them.
    """

    length: int
    batch: pa.RecordBatch | None
    faults: tuple[Fault, ...] = ()

    def split(self, at: int) -> tuple[Piece, Piece]:
        """The first `at` rows, and the others."""
        before = tuple(f for f in self.faults if f.row < at)
        after = shifted(self.faults[len(before) :], -at)
        if self.batch is None:
            return Piece(at, None, before), Piece(self.length - at, None, after)
        head = at - len(before)
        return Piece(at, self.batch.slice(0, head), before), Piece(self.length - at, self.batch.slice(head), after)

    def column(self, name: str) -> pa.Array:
        """Of a piece that was read."""
        assert self.batch is not None
        return self.batch.column(name)

    def rows(self) -> npt.NDArray[np.int64]:
        """The row in the piece of each row of the batch."""
        return np.delete(np.arange(self.length), [f.row for f in self.faults])


def shifted(faults: Iterable[Fault], by: int) -> tuple[Fault, ...]:
    return tuple(replace(f, row=f.row + by) for f in faults)


def cut(pieces: Iterable[Piece], rows: int) -> Iterator[tuple[Piece, bool]]:
    """Pieces of `rows` rows, the last one shorter, and whether it is the last: that is known only when more rows follow or none."""
    held: list[Piece] = []
    count = 0
    for incoming in pieces:
        piece = incoming
        while count + piece.length > rows:
            head, piece = piece.split(rows - count)
            yield _join([*held, head]), False
            held, count = [], 0
        if piece.length or not held:
            held.append(piece)
            count += piece.length
    yield _join(held), True


def _join(pieces: Sequence[Piece]) -> Piece:
    filled = [p for p in pieces if p.length] or pieces[:1]
    if len(filled) == 1:
        return filled[0]
    faults: list[Fault] = []
    length = 0
    for piece in filled:
        faults += shifted(piece.faults, length)
        length += piece.length
    batches = [p.batch for p in filled]
    return Piece(length, None if any(b is None for b in batches) else _concat(batches), tuple(faults))


def _concat(batches: Sequence[pa.RecordBatch]) -> pa.RecordBatch:
    if batches[0].num_columns == 0:
        return batch_of([], batches[0].schema, sum(b.num_rows for b in batches))
    try:
        return pa.concat_batches(batches)
    except pa.ArrowInvalid as error:
        raise DatasetError(
            f"a chunk of {sum(b.num_rows for b in batches):,} rows does not fit in memory: {error}",
            hint="set `score.chunk_rows` to fewer rows",
        ) from None


def nothing(schema: pa.Schema) -> Piece:
    """No rows of these columns: what a reader begins with, so that a part without rows has columns too."""
    return Piece(0, batch_of([pa.nulls(0, f.type) for f in schema], schema, 0))


def batch_of(arrays: Sequence[pa.Array], schema: pa.Schema, rows: int) -> pa.RecordBatch:
    """A record batch that keeps its rows even when it has no columns."""
    if not arrays:
        return pa.RecordBatch.from_arrays([pa.nulls(rows)], ["x"]).select([])
    return pa.RecordBatch.from_arrays(arrays, schema=schema)
