"""How much is lost in each bin of the columns, and in each pair of bins: where weak segments are found."""

from __future__ import annotations

from typing import Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from muster.errors import InvalidInput
from muster.profiles.binning import Search
from muster.profiles.judged import Judged
from muster.profiles.keys import Cells, Floats
from muster.profiles.regression import Predicted
from muster.profiles.stored import Arrays, fitting
from muster.profiles.tally import Classified

__all__ = ["Losses"]

_AT_ONCE = 16_384
"""Rows whose bins stay in the processor's cache while they are counted for one pair after the other."""


class Losses:
    """Tables of cells, one behind the other: of each binning alone, then of each pair of `search.pairs`, the second one's bins in a row.

    `rows` (cells, 2) counts those predicted right and wrong, of numbers (cells, 1) all. `sums` (cells, 2) has losses and their squares: log
    losses in nats, or absolute errors; of labels without probabilities there are none.
    """

    def __init__(self, search: Search, *, classes: bool, scores: bool) -> None:
        self.search = search
        sizes = [b.count for b in search.binnings]
        shapes = [(n, 1) for n in sizes] + [(sizes[a], sizes[b]) for a, b in search.pairs]
        self._starts = np.concatenate([[0], np.cumsum([a * b for a, b in shapes], dtype=np.int64)])
        self._shapes = shapes
        cells = int(self._starts[-1])
        self.rows = np.zeros((cells, 2 if classes else 1), np.int64)
        self.sums = np.zeros((cells, 2 if scores or not classes else 0), np.float64)

    def add(self, batch: pa.RecordBatch, found: Judged) -> None:
        codes = [b.codes(batch.column(b.column))[found.places] for b in self.search.binnings]
        wrong, loss = _lost(found)
        with np.errstate(over="ignore", invalid="ignore"):
            squares = None if loss is None else loss * loss
        for start in range(0, len(found.places), _AT_ONCE):
            some = slice(start, start + _AT_ONCE)
            mine = [c[some] for c in codes]
            lost = () if loss is None or squares is None else (loss[some], squares[some])
            missed = None if wrong is None else wrong[some]
            for n, own in enumerate(mine):
                self._count(n, own, missed, lost)
            for n, (a, b) in enumerate(self.search.pairs, len(mine)):
                self._count(n, mine[a] * self._shapes[n][1] + mine[b], missed, lost)

    def _count(self, table: int, index: Cells, wrong: Cells | None, lost: tuple[Floats, ...]) -> None:
        first, end = self._starts[table : table + 2].tolist()
        rows = self.rows[first:end]
        kinds = index if wrong is None else index * 2 + wrong
        rows += np.bincount(kinds, minlength=rows.size).reshape(rows.shape)
        with np.errstate(over="ignore", invalid="ignore"):
            for n, each in enumerate(lost):
                self.sums[first:end, n] += np.bincount(index, each, end - first)

    def merge(self, other: Self) -> None:
        if self.search != other.search or self.rows.shape != other.rows.shape or self.sums.shape != other.sums.shape:
            raise InvalidInput("these profiles count other things", hint="merge profiles of one kind only")
        self.rows += other.rows
        with np.errstate(over="ignore", invalid="ignore"):
            self.sums += other.sums

    def alone(self, column: int) -> tuple[NDArray[np.int64], Floats]:
        """Rows and sums by bin of a column."""
        some = slice(*self._starts[column : column + 2].tolist())
        return self.rows[some], self.sums[some]

    def pair(self, n: int) -> tuple[NDArray[np.int64], Floats]:
        """The same of a pair, by its place in `search.pairs`: the first two axes are the bins of both."""
        table = len(self.search.binnings) + n
        some = slice(*self._starts[table : table + 2].tolist())
        rows, sums = self.rows[some], self.sums[some]
        shape = self._shapes[table]
        return rows.reshape(*shape, rows.shape[1]), sums.reshape(*shape, sums.shape[1])

    def arrays(self) -> Arrays:
        """All that is counted, by name."""
        return {"rows": self.rows, "sums": self.sums}

    def restore(self, arrays: Arrays, prefix: str) -> None:
        """Take what `arrays` gave, as stored under `prefix`; ValueError or KeyError if it does not fit."""
        for name, mine in self.arrays().items():
            mine[...] = fitting(arrays[prefix + name], mine)
        if (self.rows < 0).any():
            raise ValueError("counts below 0")


def _lost(found: Judged) -> tuple[Cells | None, Floats | None]:
    """Of each row whether it is predicted wrong, where there are classes; and its loss."""
    measured = found.measured
    if isinstance(measured, Predicted):
        return None, measured.terms[0]
    assert isinstance(measured, Classified)  # several outputs are not searched
    wrong = (measured.actual != measured.predicted).astype(np.int64)
    return wrong, None if measured.probabilities is None else measured.probabilities.losses[0]
