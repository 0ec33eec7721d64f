"""How far what is predicted moved from one answer to another to the same rows."""

from __future__ import annotations

from typing import Self

import numpy as np

from muster.profiles.counted import Counted
from muster.profiles.keys import Cells, Floats
from muster.profiles.numbers import Numbers
from muster.profiles.pieces import Composed
from muster.profiles.stored import Arrays, fitting

__all__ = ["FAR", "PLACES", "Scores", "Shift", "signs"]

FAR = 0.1
"""A probability that moved by more than this has moved far."""
_ROUNDING = 1e-9
"""As 0.4 - 0.3 is more than 0.1 in doubles."""

PLACES = 50
"""Of equal width, in which probabilities are counted against each other."""
_EDGES = np.arange(PLACES + 1) / PLACES

_MOVES, _ENDS = 16_384, 512
"""Distinct numbers that are told apart: of moves, and of what moved."""


class Shift(Composed):
    """`first` and `second` are how the numbers are spread in either answer, `moves` how the second less the first is.

    `squares`, where rows have weights w and moves d: the sums of w², w²d and w²d².
    """

    def __init__(self, *, weighted: bool) -> None:
        self.first, self.second = Numbers(_ENDS, weighted=weighted), Numbers(_ENDS, weighted=weighted)
        self.moves = Numbers(_MOVES, weighted=weighted)
        self.squares = np.zeros(3 if weighted else 0, np.float64)

    @property
    def rows(self) -> int:
        return self.moves.rows

    def add(self, first: Floats, second: Floats, weight: Floats | None) -> None:
        with np.errstate(over="ignore"):
            moves = second - first
        for numbers, values in ((self.first, first), (self.second, second), (self.moves, moves)):
            numbers.add(values, weight)
        if weight is not None:
            with np.errstate(over="ignore", invalid="ignore"):
                each = weight * weight
                self.squares = self.squares + np.array([each.sum(), (each * moves).sum(), (each * moves * moves).sum()])

    def merge(self, other: Self) -> None:
        super().merge(other)
        with np.errstate(over="ignore", invalid="ignore"):
            self.squares = self.squares + other.squares

    def arrays(self) -> Arrays:
        return {**super().arrays(), "squares": self.squares}

    def restore(self, arrays: Arrays, prefix: str) -> None:
        super().restore(arrays, prefix)
        self.squares = fitting(arrays[f"{prefix}squares"], self.squares)
        if not self.first.rows == self.second.rows == self.moves.rows:
            raise ValueError("moves of other rows than those that moved")

    def _pieces(self) -> dict[str, Numbers]:
        return {"first": self.first, "second": self.second, "moves": self.moves}


class Scores(Composed):
    """Of probabilities: their `shift`, rows that moved `far` (down, less than that, up), and both against each other in a `grid`."""

    def __init__(self, *, weighted: bool) -> None:
        self.shift = Shift(weighted=weighted)
        self.far = Counted(3, weighted=weighted)
        self.grid = Counted(PLACES, PLACES, weighted=weighted)

    def add(self, first: Floats, second: Floats, weight: Floats | None) -> None:
        self.shift.add(first, second, weight)
        moves = second - first
        self.far.add(1 + signs(np.where(np.abs(moves) > FAR + _ROUNDING, moves, 0.0)), weight)
        self.grid.add(_place(first) * PLACES + _place(second), weight)

    def restore(self, arrays: Arrays, prefix: str) -> None:
        super().restore(arrays, prefix)
        if self.far.rows.sum() != self.shift.rows or self.grid.rows.sum() != self.shift.rows:
            raise ValueError("counts of other numbers of rows")

    def _pieces(self) -> dict[str, Shift | Counted]:
        return {"shift": self.shift, "far": self.far, "grid": self.grid}


def signs(values: Floats) -> Cells:
    """-1, 0 or 1."""
    return np.sign(values).astype(np.int64)


def _place(scores: Floats) -> Cells:
    """The part [edges[n], edges[n + 1]) that each lies in; exactly 1 in the last."""
    return np.minimum(np.searchsorted(_EDGES, scores, side="right") - 1, PLACES - 1).astype(np.int64)
