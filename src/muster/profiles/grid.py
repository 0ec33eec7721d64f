"""Counts of pairs of numbers: of each pair while few occur, else by squares of their ordered keys."""

from __future__ import annotations

from copy import copy
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from muster.errors import InvalidInput
from muster.profiles.keys import Cells, Floats, ordered, unordered
from muster.profiles.squares import HALF, PLACES, Squares, in_larger, plausible
from muster.profiles.stored import Arrays, fitting

__all__ = ["PairCounts", "Places"]


class Places(NamedTuple):
    """Of each square, what its rows add up to of how far they lie into it, in sides of a square: in x, in y, and of the products of both.
    Bits of a key below `grain` are not seen: a row lies in the middle of what it shares with others.
    """

    x: Floats
    y: Floats
    product: Floats
    grain: int


class PairCounts:
    """How often each pair (x, y) occurred, or squares of them.

    While at most `most` pairs are distinct, each is counted by itself (`x`, `y`, `counts`). After that the lowest bits of both
    ordered keys are dropped, as few as `most` allows: `side` of them. Numbers that are close for their size, as years or prices around
    10⁷ are, need squares of less than 32 bits to be told apart. Of others only the high 32 bits of each key are looked at, interleaved
    to one code of a Morton curve whose leading bits are a square. Which of these it is, and which squares, depends on the pairs alone,
    not on their order.

    With `places`, what is dropped is added up by square: PLACES, in the order of updates and merges. They are lost in what is merged with
    counts that have none.
    """

    __slots__ = ("_pairs", "_squares", "most", "side")

    def __init__(self, most: int, *, places: bool = False) -> None:
        self.most, self.side = most, 0
        self._pairs = _Pairs.none(PLACES if places else 0)
        self._squares: Squares | None = None

    @property
    def x(self) -> Cells:
        return self._pairs.x

    @property
    def y(self) -> Cells:
        return self._pairs.y

    @property
    def counts(self) -> Cells:
        return self._pairs.counts if self._squares is None else self._squares.counts[:, 0]

    @property
    def exact(self) -> bool:
        return self._squares is None and not self.side

    @property
    def rows(self) -> int:
        return int(self.counts.sum())

    @property
    def placed(self) -> bool:
        return self._pairs.placed

    def add(self, x: Floats, y: Floats) -> None:
        keys = ordered(x), ordered(y)
        if len(x) > self.most:  # then it is worth a look whether squares alone tell that there are too many pairs
            found = Squares(self.most, places=self.placed)
            found.count(*keys)
            if found.shift or self._squares is not None:
                self._square().merge(found)
                return
        self._take(_Pairs.single(*keys, self._pairs.places.shape[1]), 0)

    def merge(self, other: Self) -> None:
        if self.most != other.most:
            raise InvalidInput("these profiles count other things", hint="merge profiles of one kind only")
        if self.placed and not other.placed:
            self.forget_places()
        elif other.placed and not self.placed:
            self.merge(other.without_places())
            return
        if other._squares is not None:
            self._square().merge(other._squares)
        else:
            self._take(other._pairs, other.side)

    def squares(self) -> tuple[Floats, Floats, Floats, Floats, Cells]:
        """Of each square that is occupied: the least and the largest x, the least and the largest y, and its rows."""
        sides, size = self.corners()
        low_x, low_y = (unordered(side) for side in sides)
        high_x, high_y = (unordered(side + ((1 << size) - 1)) for side in sides)
        return low_x, high_x, low_y, high_y, self.counts

    def corners(self) -> tuple[tuple[Cells, Cells], int]:
        """The least keys of x and of y of each square that is occupied, and how many bits of the key are not told apart."""
        if self._squares is None:
            return (self.x << self.side, self.y << self.side), self.side
        return self._squares.corners()

    def places(self) -> Places | None:
        """None if that was not kept."""
        if not self.placed:
            return None
        if self._squares is None:
            side = 2.0**self.side
            x, y, product = self._pairs.places.T
            return Places(x / side, y / side, product / side**2, 0)
        # Of steps that are whole, their middles.
        side, rows = 2.0 ** (self._squares.shift // 2), self.counts
        x, y, product = self._squares.sums.T
        return Places((x + rows / 2) / side, (y + rows / 2) / side, (product + (x + y) / 2 + rows / 4) / side**2, HALF)

    def forget_places(self) -> None:
        self._pairs = self._pairs._replace(places=self._pairs.places[:, :0])
        if (found := self._squares) is not None:
            bare = Squares(self.most, places=False)
            self._squares = bare.like(found.shift, found.cells, found.counts, found.sums[:, :0])

    def without_places(self) -> Self:
        """The same, of which the places are not known."""
        bare = copy(self)
        bare.forget_places()
        return bare

    def arrays(self) -> Arrays:
        if self._squares is not None:
            return {f"squares.{name}": array for name, array in self._squares.arrays().items()}
        pairs = {"x": self.x, "y": self.y, "counts": self.counts}
        if not self.side:
            return pairs
        return (
            pairs | {"side": np.array([self.side], np.int64)} | ({"places": self._pairs.places} if self.placed else {})
        )

    def restore(self, arrays: Arrays, prefix: str) -> None:
        """Take what `arrays` gave, as stored under `prefix`; ValueError or KeyError if it does not fit."""
        if f"{prefix}squares.cells" in arrays:
            if arrays[f"{prefix}squares.sums"].shape[1:] == (0,):
                self.forget_places()
            self._square().restore(arrays, f"{prefix}squares.")
            return
        size = len(arrays[f"{prefix}x"])
        self.side = int(fitting(arrays.get(f"{prefix}side", np.zeros(1, np.int64)), np.empty(1, np.int64))[0])
        x, y, counts = (fitting(arrays[prefix + name], np.empty(size, np.int64)) for name in ("x", "y", "counts"))
        self._pairs = _Pairs(x, y, counts, np.zeros((size, self._pairs.places.shape[1])))
        rising = (x[:-1] < x[1:]) | ((x[:-1] == x[1:]) & (y[:-1] < y[1:]))
        if size > self.most or (self.counts < 1).any() or not rising.all() or not 0 <= self.side < HALF:
            raise ValueError("pairs that are too many, or out of order")
        if f"{prefix}places" in arrays:
            places = fitting(arrays[f"{prefix}places"], self._pairs.places)
            self._pairs = self._pairs._replace(places=plausible(places, counts, 2.0**self.side))
        elif self.side:
            self.forget_places()

    def _take(self, pairs: _Pairs, side: int) -> None:
        """Keys without their lowest `side` bits."""
        if self._squares is not None:
            self._squares.count(pairs.x << side, pairs.y << side, pairs.counts)
            return
        wider = max(side, self.side)
        both = self._pairs.narrowed(self.side, wider), pairs.narrowed(side, wider)
        self._pairs = both[0].joined(both[1])
        self.side = wider
        if len(self.x) > self.most:
            self._narrow()

    def _narrow(self) -> None:
        """Keep to the limit, by the fewest bits that do."""
        least, enough = self.side + 1, HALF
        while least < enough:
            side = (least + enough) // 2
            x, y = self.x >> (side - self.side), self.y >> (side - self.side)
            order = np.lexsort((y, x))
            fits = np.count_nonzero(_first(x[order], y[order])) <= self.most
            least, enough = (least, side) if fits else (side + 1, enough)
        if least == HALF:
            self._square()
            return
        self._pairs, self.side = self._pairs.narrowed(self.side, least).merged(), least

    def _square(self) -> Squares:
        """From now on only squares are told apart."""
        if self._squares is None:
            self._squares, pairs = Squares(self.most, places=self.placed), self._pairs
            if len(pairs.x):
                self._squares.count(pairs.x << self.side, pairs.y << self.side, pairs.counts)
            self._pairs, self.side = _Pairs.none(pairs.places.shape[1]), 0
        return self._squares


class _Pairs(NamedTuple):
    """Keys without some of their lowest bits, how often both occurred, and PLACES in what is dropped, of shape (pairs, PLACES or 0)."""

    x: Cells
    y: Cells
    counts: Cells
    places: Floats

    @classmethod
    def none(cls, places: int) -> Self:
        return cls.single(np.empty(0, np.int64), np.empty(0, np.int64), places)

    @classmethod
    def single(cls, x: Cells, y: Cells, places: int) -> Self:
        """Each once, and whole."""
        return cls(x, y, np.ones(len(x), np.int64), np.zeros((len(x), places)))

    @property
    def placed(self) -> bool:
        return bool(self.places.shape[1])

    def narrowed(self, side: int, wider: int) -> Self:
        """`wider` bits dropped where `side` were; pairs that are alike then are not joined."""
        if not (by := wider - side):
            return self
        places = self.places
        if self.placed:
            x, y = ((keys & ((1 << by) - 1)).astype(np.float64) for keys in (self.x, self.y))
            places = in_larger(places, self.counts, x, y, 2.0**side)
        return type(self)(self.x >> by, self.y >> by, self.counts, places)

    def joined(self, other: Self) -> Self:
        return type(self)(*(np.concatenate(both) for both in zip(self, other, strict=True))).merged()

    def merged(self) -> Self:
        """The distinct pairs in order, with what their counts and places add up to."""
        order = np.lexsort((self.y, self.x))
        x, y, counts, places = self.x[order], self.y[order], self.counts[order], self.places[order]
        starts = np.flatnonzero(_first(x, y))
        if len(starts) == len(x):
            return type(self)(x, y, counts, places)
        places = np.add.reduceat(places, starts) if self.placed else places[starts]
        return type(self)(x[starts], y[starts], np.add.reduceat(counts, starts), places)


def _first(x: Cells, y: Cells) -> NDArray[np.bool_]:
    """Of pairs in order, which stand for the first time."""
    first = np.ones(len(x), np.bool_)
    first[1:] = (x[1:] != x[:-1]) | (y[1:] != y[:-1])
    return first
