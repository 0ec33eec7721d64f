"""Scores of each group of rows, in cells that are as narrow as a limit on their number allows."""

from __future__ import annotations

from typing import Self

import numpy as np
import numpy.typing as npt

from muster.profiles.cells import CellCounts, least_shift
from muster.profiles.keys import Cells, Floats, probability_codes, probability_of, wide_codes, wide_shift
from muster.profiles.stored import Arrays, fitting
from muster.profiles.tally import width_of

__all__ = ["FOLDS", "FoldCells"]

FOLDS = 64
"""Groups of rows, by their hash, for jackknife intervals."""

_WINDOW = 4_096
"""Cells that are counted at once without a sort."""


class FoldCells:
    """Rows of one lane by score: of each cell and fold, others and own, beside each other in `found`.

    Codes of probabilities are as narrow near 1 as near 0. Each cell takes 2**shift of them, the least at which no more than `most` are
    occupied: with few scores each by itself, and else as fine as the scores lie, be they between 0.509 and 0.511 or around 1e-12.
    """

    __slots__ = ("found",)

    def __init__(self, most: int, *, weighted: bool) -> None:
        self.found = CellCounts(most, 2 * FOLDS, 2 * FOLDS if weighted else 0)

    @property
    def shift(self) -> int:
        return self.found.shift

    def start_at(self, shift: int) -> None:
        """Of nothing yet: take cells no narrower than those of what it will be merged with."""
        if not len(self.found.cells):
            self.found.shift = max(self.found.shift, shift)

    def add(self, scores: Floats, fold: Cells, own: npt.NDArray[np.bool_], weight: Floats | None) -> None:
        """Count rows, each in its fold."""
        if not len(scores):
            return
        found, codes = self.found, probability_codes(scores)
        shift = found.shift or least_shift(np.unique(codes), found.most)
        cells = codes >> shift
        places, place = _places(cells)
        index = place * (2 * FOLDS) + fold * 2 + own
        size = len(places) * 2 * FOLDS
        counts = np.bincount(index, minlength=size).reshape(-1, 2 * FOLDS)
        some = counts.any(1)
        sums: Floats = np.empty((int(some.sum()), 0), np.float64)
        if weight is not None:
            mass = np.asarray(np.bincount(index, weight, size), np.float64)
            sums = mass.reshape(-1, 2 * FOLDS)[some]
        self._take(found.like(shift, places[some], counts[some], sums))

    def merge(self, other: Self) -> None:
        self._take(other.found)

    def _take(self, other: CellCounts) -> None:
        """Where all cells are known already, as they soon are, rows are added to them as they stand."""
        mine = self.found
        if not len(mine.cells) and mine.shift <= other.shift:
            self.found = mine.like(other.shift, other.cells, other.counts, other.sums)
            self.found.narrow()
            return
        place = np.searchsorted(mine.cells, other.cells)
        known = mine.shift == other.shift and len(place) and place[-1] < len(mine.cells)
        if not known or (mine.cells[place] != other.cells).any():
            mine.merge(other)
            return
        counts, sums = mine.counts.copy(), mine.sums.copy()
        counts[place] += other.counts
        sums[place] += other.sums
        self.found = mine.like(mine.shift, mine.cells, counts, sums)

    def coarser(self, shift: int) -> FoldCells:
        """The same in cells of 2**`shift` codes."""
        result = FoldCells(self.found.most, weighted=bool(self.found.sums.shape[1]))
        result.found = self.found.coarser(shift)
        return result

    def smoothed(self, most: int) -> FoldCells:
        """In no more than so many cells."""
        return self.coarser(self.shift + least_shift(self.found.cells, most))

    @property
    def least(self) -> Floats:
        """The least score of each cell."""
        return probability_of(self.found.cells << self.shift)

    @property
    def ends(self) -> Floats:
        """The least score beyond each cell."""
        return probability_of((self.found.cells + 1) << self.shift)

    def sides(self, *, weighted: bool) -> tuple[Floats, Floats]:
        """Others and own, each (folds, cells)."""
        counts = (self.found.sums if weighted else self.found.counts).astype(np.float64)
        both = counts.reshape(-1, FOLDS, 2).transpose(2, 1, 0)
        return np.ascontiguousarray(both[0]), np.ascontiguousarray(both[1])

    def arrays(self) -> Arrays:
        return self.found.arrays()

    def restore(self, arrays: Arrays, prefix: str) -> None:
        self.found.restore(arrays, prefix)

    def restore_fixed(self, counts: npt.NDArray[np.int64], mass: Floats | None, by: int) -> None:
        """Take what was kept in the same wide cells whatever the scores, `by` fine ones together: (folds, cells, 2)."""
        width, found = width_of(by), self.found
        columns = [fitting(counts, np.empty((FOLDS, width, 2), np.int64))]
        if mass is not None:
            columns.append(fitting(mass, np.empty((FOLDS, width, 2), np.float64)))
        some = np.flatnonzero(columns[0].any((0, 2)))
        if (columns[0] < 0).any():
            raise ValueError("counts below 0")
        flat = [a.transpose(1, 0, 2)[some].reshape(-1, 2 * FOLDS) for a in columns]
        shift = wide_shift(by)
        wide = CellCounts(width, 2 * FOLDS, found.sums.shape[1])
        sums = flat[1] if mass is not None else np.empty((len(some), 0), np.float64)
        wide.merge(wide.like(shift, wide_codes(by)[some] >> shift, flat[0], sums))
        wide.most = found.most
        wide.narrow()
        self.found = wide


def _places(cells: Cells) -> tuple[Cells, Cells]:
    """Cells in order, of which some may be empty where they lie close, and the place of each one among them."""
    first = int(cells.min())
    span = int(cells.max()) - first + 1
    if span <= _WINDOW:
        return np.arange(first, first + span), cells - first
    found, place = np.unique(cells, return_inverse=True)
    return found, place
