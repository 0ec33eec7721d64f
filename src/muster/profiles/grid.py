"""Counts of pairs of numbers: of each pair while few occur, else by squares of their ordered keys."""

from __future__ import annotations

from typing import Self

import numpy as np

from muster.errors import InvalidInput
from muster.profiles.cells import CellCounts
from muster.profiles.keys import Cells, Floats, ordered, unordered
from muster.profiles.stored import Arrays, fitting

__all__ = ["PairCounts"]

_HALF = 32
"""Of the bits of a key."""


class PairCounts:
    """How often each pair (x, y) occurred, or squares of them.

    While at most `most` pairs are distinct, each is counted by itself (`x`, `y`, `counts`). After that the lowest bits of both
    ordered keys are dropped, as few as `most` allows: `side` of them. Numbers that are close for their size, as years or prices around
    10⁷ are, need squares of less than 32 bits to be told apart. Of others only the high 32 bits of each key are looked at, interleaved
    to one code of a Morton curve whose leading bits are a square. Which of these it is, and which squares, depends on the pairs alone,
    not on their order.
    """

    __slots__ = ("_squares", "counts", "most", "side", "x", "y")

    def __init__(self, most: int) -> None:
        self.most, self.side = most, 0
        self.x, self.y, self.counts = (np.empty(0, np.int64) for _ in range(3))
        self._squares: CellCounts | None = None

    @property
    def exact(self) -> bool:
        return self._squares is None and not self.side

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
        self._take(*keys, np.ones(len(x), np.int64), 0)

    def merge(self, other: Self) -> None:
        if self.most != other.most:
            raise InvalidInput("these profiles count other things", hint="merge profiles of one kind only")
        if other._squares is not None:
            self._square().merge(other._squares)
        else:
            self._take(other.x, other.y, other.counts, other.side)

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
            return (self.x << self.side, self.y << self.side), self.side
        codes, shift = self._squares.cells, self._squares.shift
        least = (codes << shift).view(np.uint64) ^ np.uint64(1 << 63)
        x, y = (((_apart(half).astype(np.int64)) - (1 << 31)) << 32 for half in (least >> np.uint64(1), least))
        return (x, y), 32 + shift // 2

    def arrays(self) -> Arrays:
        if self._squares is not None:
            return {f"squares.{name}": array for name, array in self._squares.arrays().items()}
        narrowed = {"side": np.array([self.side], np.int64)} if self.side else {}
        return {"x": self.x, "y": self.y, "counts": self.counts, **narrowed}

    def restore(self, arrays: Arrays, prefix: str) -> None:
        if f"{prefix}squares.cells" in arrays:
            self._square().restore(arrays, f"{prefix}squares.")
            return
        size = len(arrays[f"{prefix}x"])
        self.side = int(fitting(arrays.get(f"{prefix}side", np.zeros(1, np.int64)), np.empty(1, np.int64))[0])
        self.x, self.y, self.counts = (
            fitting(arrays[prefix + name], np.empty(size, np.int64)) for name in ("x", "y", "counts")
        )
        before, after = (self.x[:-1], self.y[:-1]), (self.x[1:], self.y[1:])
        rising = (before[0] < after[0]) | ((before[0] == after[0]) & (before[1] < after[1]))
        if size > self.most or (self.counts < 1).any() or not rising.all() or not 0 <= self.side < _HALF:
            raise ValueError("pairs that are too many, or out of order")

    def _take(self, x: Cells, y: Cells, counts: Cells, side: int) -> None:
        """Keys without their lowest `side` bits."""
        if self._squares is not None:
            self._count(self._squares, x << side, y << side, counts)
            return
        mine, its = max(side - self.side, 0), max(self.side - side, 0)
        self.side = max(side, self.side)
        pairs = np.concatenate([self.x >> mine, x >> its]), np.concatenate([self.y >> mine, y >> its])
        self.x, self.y, self.counts = _together(*pairs, np.concatenate([self.counts, counts]))
        if len(self.x) > self.most:
            self._narrow()

    def _narrow(self) -> None:
        """Keep to the limit, by the fewest bits that do."""
        least, enough = self.side + 1, _HALF
        while least < enough:
            by = (least + enough) // 2 - self.side
            fits = len(_together(self.x >> by, self.y >> by, self.counts)[0]) <= self.most
            least, enough = (least, by + self.side) if fits else (by + self.side + 1, enough)
        if least == _HALF:
            self._square()
            return
        by = least - self.side
        self.x, self.y, self.counts = _together(self.x >> by, self.y >> by, self.counts)
        self.side = least

    def _square(self) -> CellCounts:
        """From now on only squares are told apart."""
        if self._squares is None:
            self._squares = CellCounts(self.most, step=2)
            self._count(self._squares, self.x << self.side, self.y << self.side, self.counts)
            self.x, self.y, self.counts = (np.empty(0, np.int64) for _ in range(3))
            self.side = 0
        return self._squares

    @staticmethod
    def _count(squares: CellCounts, x: Cells, y: Cells, counts: Cells) -> None:
        squares.add(_interleaved(x, y), counts=counts)


def _together(x: Cells, y: Cells, counts: Cells) -> tuple[Cells, Cells, Cells]:
    """The distinct pairs in order, with what their counts add up to."""
    order = np.lexsort((y, x))
    x, y, counts = x[order], y[order], counts[order]
    first = np.ones(len(x), np.bool_)
    first[1:] = (x[1:] != x[:-1]) | (y[1:] != y[:-1])
    starts = np.flatnonzero(first)
    return x[starts], y[starts], np.add.reduceat(counts, starts) if len(starts) else counts


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
