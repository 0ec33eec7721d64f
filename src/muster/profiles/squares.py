"""Squares of pairs of ordered keys along a Morton curve, with how far into its square each pair lies."""

from __future__ import annotations

from typing import Self

import numpy as np
from numpy.typing import NDArray

from muster.profiles.cells import CellCounts
from muster.profiles.keys import Cells, Floats
from muster.profiles.stored import Arrays

__all__ = ["HALF", "PLACES", "Squares", "in_larger", "plausible"]

HALF = 32
"""Of the bits of a key."""

PLACES = 3
"""Sums of a square: of how far its rows lie into it, in x and in y, and of the products of both."""


_SLACK = 1e-9
"""For rounding of sums of many rows."""


class Squares(CellCounts):
    """Counts of codes of the curve by their leading bits. Where places are kept, `sums` are PLACES in steps of the high half of a key:
    they follow from the codes alone, and to the bit while they are below 2**53.
    """

    __slots__ = ()

    def __init__(self, most: int, *, places: bool) -> None:
        super().__init__(most, sums=PLACES if places else 0, step=2)

    def count(self, x: Cells, y: Cells, counts: Cells | None = None) -> None:
        """Count pairs of keys, `counts` times where given, in any order and more than once."""
        columns = self.sums.shape[1]
        least = 0 if columns else self.shift  # for places all bits of the codes are looked at
        codes = _interleaved(x, y) >> least
        if counts is None:
            found, times = np.unique(codes, return_counts=True)
        else:
            found, place = np.unique(codes, return_inverse=True)
            times = np.zeros(len(found), np.int64)
            np.add.at(times, place, counts)
        added = self.like(least, found, times[:, None], np.zeros((len(found), columns)))
        added.narrow()
        self.merge(added)

    def corners(self) -> tuple[tuple[Cells, Cells], int]:
        """The least keys of x and of y of each square, and how many bits of a key are not told apart."""
        least = (self.cells << self.shift).view(np.uint64) ^ np.uint64(1 << 63)
        x, y = ((_apart(half).astype(np.int64) - (1 << 31)) << HALF for half in (least >> np.uint64(1), least))
        return (x, y), HALF + self.shift // 2

    def restore(self, arrays: Arrays, prefix: str) -> None:
        """As of any cells; ValueError too for squares of no row, and for places that no rows can have."""
        super().restore(arrays, prefix)
        if (self.counts < 1).any():
            raise ValueError("a square of no row")
        if self.sums.shape[1]:
            plausible(self.sums, self.counts[:, 0], 2.0 ** (self.shift // 2))

    def _new(self) -> Self:
        return type(self)(self.most, places=bool(self.sums.shape[1]))

    def widen(self, shift: int) -> None:
        if (by := shift - self.shift) > 0 and self.sums.shape[1]:
            inside = self.cells & ((1 << by) - 1)
            x, y = (_apart(half.view(np.uint64)).astype(np.float64) for half in (inside >> 1, inside))
            self.sums = in_larger(self.sums, self.counts[:, 0], x, y, 2.0 ** (self.shift // 2))
        super().widen(shift)


def in_larger(sums: Floats, counts: NDArray[np.int64], x: Floats, y: Floats, side: float) -> Floats:
    """PLACES of squares of such a `side` in larger ones, in which they begin `x` and `y` sides from the corner."""
    x, y = x * side, y * side
    in_x, in_y, product = sums.T
    return np.stack([in_x + counts * x, in_y + counts * y, product + x * in_y + y * in_x + counts * x * y], axis=1)


def plausible(sums: Floats, counts: NDArray[np.int64], side: float) -> Floats:
    """PLACES that as many rows can have in squares of such a side (Fréchet's bounds of the product); ValueError if they cannot."""
    x, y, product = sums.T
    with np.errstate(over="ignore", invalid="ignore"):
        far = (side - 1) * counts
        least, most = np.maximum((side - 1) * (x + y - far), 0.0), (side - 1) * np.minimum(x, y)
        slack = _SLACK * far * (side - 1)
        fits = (least - slack <= product) & (product <= most + slack)
        for places in (x, y):
            fits &= (places >= 0) & (places <= far * (1 + _SLACK))
    if not fits.all():
        raise ValueError("places outside of their squares")
    return sums


def _interleaved(x: Cells, y: Cells) -> Cells:
    """The high halves of both, bit by bit, those of x first; as signed numbers in the order of the unsigned ones."""
    codes = (_spread(_high(x)) << np.uint64(1)) | _spread(_high(y))
    return (codes ^ np.uint64(1 << 63)).view(np.int64)


def _high(keys: Cells) -> Cells:
    return (keys >> HALF) + (1 << 31)


_MASKS = [
    (16, 0x0000_FFFF_0000_FFFF),
    (8, 0x00FF_00FF_00FF_00FF),
    (4, 0x0F0F_0F0F_0F0F_0F0F),
    (2, 0x3333_3333_3333_3333),
    (1, 0x5555_5555_5555_5555),
]


def _spread(numbers: Cells) -> NDArray[np.uint64]:
    """The 32 bits of each number with a 0 before each."""
    bits = numbers.astype(np.uint64)
    for by, mask in _MASKS:
        bits = (bits | (bits << np.uint64(by))) & np.uint64(mask)
    return bits


def _apart(bits: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Every second bit, the inverse of `_spread`."""
    bits = bits & np.uint64(_MASKS[-1][1])
    for (by, _), mask in zip(reversed(_MASKS), [m for _, m in reversed(_MASKS[:-1])] + [0xFFFF_FFFF], strict=True):
        bits = (bits | (bits >> np.uint64(by))) & np.uint64(mask)
    return bits
