"""Counts of pairs of numbers: of each pair while few occur, else by squares of a Morton curve over their ordered keys."""

from __future__ import annotations

from typing import Self

import numpy as np

from muster.errors import InvalidInput
from muster.profiles.cells import CellCounts
from muster.profiles.keys import Cells, Floats, ordered, unordered
from muster.profiles.stored import Arrays, fitting

__all__ = ["PairCounts"]


class PairCounts:
    """How often each pair (x, y) occurred, or squares of them.

    While at most `most` pairs are distinct, each is counted by itself (`x`, `y`, `counts`). After that only the high 32 bits of
    each ordered key are told apart, interleaved to one code whose leading bits are a square, in as many squares as `most` allows.
    Which of the two it is, and which squares, depends on the pairs alone, not on their order.
    """

    __slots__ = ("_squares", "counts", "most", "x", "y")

    def __init__(self, most: int) -> None:
        self.most = most
        self.x, self.y, self.counts = (np.empty(0, np.int64) for _ in range(3))
        self._squares: CellCounts | None = None

    @property
    def exact(self) -> bool:
        return self._squares is None

    @property
    def rows(self) -> int:
        return int(self.counts.sum()) if self._squares is None else self._squares.rows

    def add(self, x: Floats, y: Floats) -> None:
        keys = ordered(x), ordered(y)
        if len(x) > self.most:  # then it is worth a look whether squares alone tell that there are too many pairs
            found = CellCounts(self.most, step=2)
            found.add(_interleaved(*keys))
            if found.shift or self._squares is not None:
                self._square().merge(found)
                return
        self._take(*keys, np.ones(len(x), np.int64))

    def merge(self, other: Self) -> None:
        if self.most != other.most:
            raise InvalidInput("these profiles count other things", hint="merge profiles of one kind only")
        if other._squares is not None:
            self._square().merge(other._squares)
        else:
            self._take(other.x, other.y, other.counts)

    def squares(self) -> tuple[Floats, Floats, Floats, Floats, Cells]:
        """Of each square that is occupied: the least and the largest x, the least and the largest y, and its rows."""
        sides, size = self.corners()
        low_x, low_y = (unordered(side) for side in sides)
        high_x, high_y = (unordered(side + ((1 << size) - 1)) for side in sides)
        counts = self.counts if self._squares is None else self._squares.counts[:, 0]
        return low_x, high_x, low_y, high_y, counts

    def corners(self) -> tuple[tuple[Cells, Cells], int]:
        """The least keys of x and of y of each square that is occupied, and how many bits of the key are not told apart."""
        if self._squares is None:
            return (self.x, self.y), 0
        codes, shift = self._squares.cells, self._squares.shift
        least = (codes << shift).view(np.uint64) ^ np.uint64(1 << 63)
        x, y = (((_apart(half).astype(np.int64)) - (1 << 31)) << 32 for half in (least >> np.uint64(1), least))
        return (x, y), 32 + shift // 2

    def arrays(self) -> Arrays:
        if self._squares is not None:
            return {f"squares.{name}": array for name, array in self._squares.arrays().items()}
        return {"x": self.x, "y": self.y, "counts": self.counts}

    def restore(self, arrays: Arrays, prefix: str) -> None:
        if f"{prefix}squares.cells" in arrays:
            self._square().restore(arrays, f"{prefix}squares.")
            return
        size = len(arrays[f"{prefix}x"])
        self.x, self.y, self.counts = (
            fitting(arrays[prefix + name], np.empty(size, np.int64)) for name in ("x", "y", "counts")
        )
        before, after = (self.x[:-1], self.y[:-1]), (self.x[1:], self.y[1:])
        rising = (before[0] < after[0]) | ((before[0] == after[0]) & (before[1] < after[1]))
        if size > self.most or (self.counts < 1).any() or not rising.all():
            raise ValueError("pairs that are too many, or out of order")

    def _take(self, x: Cells, y: Cells, counts: Cells) -> None:
        if self._squares is not None:
            self._count(self._squares, x, y, counts)
            return
        x, y, counts = np.concatenate([self.x, x]), np.concatenate([self.y, y]), np.concatenate([self.counts, counts])
        order = np.lexsort((y, x))
        x, y, counts = x[order], y[order], counts[order]
        first = np.ones(len(x), np.bool_)
        first[1:] = (x[1:] != x[:-1]) | (y[1:] != y[:-1])
        starts = np.flatnonzero(first)
        self.x, self.y = x[starts], y[starts]
        self.counts = np.add.reduceat(counts, starts) if len(starts) else counts
        if len(starts) > self.most:
            self._square()

    def _square(self) -> CellCounts:
        """From now on only squares are told apart."""
        if self._squares is None:
            self._squares = CellCounts(self.most, step=2)
            self._count(self._squares, self.x, self.y, self.counts)
            self.x, self.y, self.counts = (np.empty(0, np.int64) for _ in range(3))
        return self._squares

    @staticmethod
    def _count(squares: CellCounts, x: Cells, y: Cells, counts: Cells) -> None:
        squares.add(_interleaved(x, y), counts=counts)


def _interleaved(x: Cells, y: Cells) -> Cells:
    """The high halves of both, bit by bit, those of x first; as signed numbers in the order of the unsigned ones."""
    codes = (_spread(_high(x)) << np.uint64(1)) | _spread(_high(y))
    return (codes ^ np.uint64(1 << 63)).view(np.int64)


def _high(keys: Cells) -> Cells:
    return (keys >> 32) + (1 << 31)


_MASKS = [
    (16, 0x0000_FFFF_0000_FFFF),
    (8, 0x00FF_00FF_00FF_00FF),
    (4, 0x0F0F_0F0F_0F0F_0F0F),
    (2, 0x3333_3333_3333_3333),
    (1, 0x5555_5555_5555_5555),
]


def _spread(numbers: Cells) -> np.typing.NDArray[np.uint64]:
    """The 32 bits of each number with a 0 before each."""
    bits = numbers.astype(np.uint64)
    for by, mask in _MASKS:
        bits = (bits | (bits << np.uint64(by))) & np.uint64(mask)
    return bits


def _apart(bits: np.typing.NDArray[np.uint64]) -> np.typing.NDArray[np.uint64]:
    """Every second bit, the inverse of `_spread`."""
    bits = bits & np.uint64(_MASKS[-1][1])
    for (by, _), mask in zip(reversed(_MASKS), [m for _, m in reversed(_MASKS[:-1])] + [0xFFFF_FFFF], strict=True):
        bits = (bits | (bits >> np.uint64(by))) & np.uint64(mask)
    return bits
