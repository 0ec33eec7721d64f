"""How vectors lie: their lengths, their norms, their mean, and how their directions fall onto fixed random ones."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple, Self

import numpy as np
import numpy.typing as npt

from muster.profiles.keys import Cells, Floats, mixed
from muster.profiles.numbers import Numbers
from muster.profiles.stored import Arrays, fitting
from muster.signature import Json

__all__ = ["DIRECTIONS", "LONGEST", "PLACES", "Lists", "Vectors", "place_edges"]

DIRECTIONS = 64
LONGEST = 4_096
"""Elements of a vector that are regarded."""

PLACES, _PER_UNIT = 128, 16
_FRACTION = (
    20  # bits to which an element counts: sums of products of LONGEST such numbers are exact in doubles, in any order
)
_SPREAD = 512
_AT_ONCE = 1 << 20


def place_edges() -> Floats:
    """Where each cell of `Vectors.projections` begins; the first and the last have all that is beyond, too."""
    return (np.arange(PLACES) - PLACES // 2) / _PER_UNIT


class Lists(NamedTuple):
    """Lists of doubles: list `i` is `values[offsets[i]:offsets[i + 1]]`."""

    values: Floats
    offsets: Cells


class Vectors:
    """`lengths` of vectors, and for those of finite elements, of which the first LONGEST are regarded: `norms`, `sums` of each element,
    and `projections` (DIRECTIONS, PLACES).

    A projection is x·s / |x| for signs s, the same for everyone: near a standard normal number where no direction is preferred.
    Elements count to 2**-21 of the largest of their vector, so norms are that precise, and cells the same on every machine. `broken`
    is the number of vectors with an element that is missing or no finite number. Weights are not regarded.
    """

    __slots__ = ("broken", "lengths", "norms", "projections", "sums")

    def __init__(self) -> None:
        self.lengths, self.norms = Numbers(_SPREAD), Numbers(_SPREAD)
        self.broken = np.zeros(1, np.int64)
        self.sums = np.zeros(0, np.float64)
        self.projections = np.zeros((DIRECTIONS, PLACES), np.int64)

    @property
    def rows(self) -> int:
        return self.lengths.rows

    def add(self, lists: Lists, weight: Floats | None = None) -> None:
        sizes = np.diff(lists.offsets)
        self.lengths.add(sizes.astype(np.float64))
        for size in np.unique(sizes).tolist():
            starts = lists.offsets[:-1][sizes == size]
            regarded = min(size, LONGEST)
            step = max(1, _AT_ONCE // max(1, regarded))
            for at in range(0, len(starts), step):
                self._count(lists.values[starts[at : at + step, None] + np.arange(regarded)])

    def _count(self, vectors: Floats) -> None:
        finite = np.isfinite(vectors).all(1)
        self.broken = self.broken + np.count_nonzero(~finite)
        vectors = vectors[finite]
        with np.errstate(over="ignore", invalid="ignore"):
            self._sum(vectors.sum(0))
        exponents = np.frexp(np.abs(vectors).max(1, initial=0.0))[1]
        whole = np.rint(np.ldexp(vectors, (_FRACTION - exponents)[:, None]))
        root = np.sqrt((whole * whole).sum(1))
        with np.errstate(over="ignore"):
            self.norms.add(np.ldexp(root, exponents - _FRACTION))
        some = root > 0
        projected = (whole[some] @ _signs()[: vectors.shape[1]]) / root[some, None]
        place = np.clip(np.floor(projected * _PER_UNIT) + PLACES // 2, 0, PLACES - 1).astype(np.int64)
        place += np.arange(DIRECTIONS) * PLACES
        self.projections = self.projections + np.bincount(place.reshape(-1), minlength=DIRECTIONS * PLACES).reshape(
            self.projections.shape
        )

    def merge(self, other: Self) -> None:
        self.lengths.merge(other.lengths)
        self.norms.merge(other.norms)
        self.broken = self.broken + other.broken
        with np.errstate(over="ignore", invalid="ignore"):
            self._sum(other.sums)
        self.projections = self.projections + other.projections

    def mean(self) -> Floats:
        """Of the vectors of finite elements; a shorter one counts as 0 in its absent elements. NaN where there are none."""
        rows = self.rows - int(self.broken[0])
        return self.sums / rows if rows else np.full(len(self.sums), np.nan)

    def arrays(self) -> Arrays:
        pieces = {"lengths": self.lengths, "norms": self.norms}
        named = {f"{of}.{name}": a for of, piece in pieces.items() for name, a in piece.arrays().items()}
        return named | {"broken": self.broken, "sums": self.sums, "projections": self.projections}

    def restore(self, arrays: Arrays, prefix: str) -> None:
        """Take what `arrays` gave, as stored under `prefix`; ValueError or KeyError if it does not fit."""
        self.lengths.restore(arrays, f"{prefix}lengths.")
        self.norms.restore(arrays, f"{prefix}norms.")
        self.broken = fitting(arrays[f"{prefix}broken"], self.broken)
        self.projections = fitting(arrays[f"{prefix}projections"], self.projections)
        size = min(len(arrays[f"{prefix}sums"]), LONGEST)
        self.sums = fitting(arrays[f"{prefix}sums"], np.empty(size, np.float64))
        directed = self.norms.rows - self.norms.facts[4]
        if self.norms.rows + self.broken[0] != self.rows or (self.projections < 0).any():
            raise ValueError("norms of other vectors than those that are counted")
        if (self.projections.sum(1) != directed).any():
            raise ValueError("directions of other vectors than those that are counted")

    def figures(self) -> dict[str, Json]:
        """`broken`, and the figures of `length` and `norm`; `note` says so where only the first elements were regarded."""
        figures: dict[str, Json] = {"broken": int(self.broken[0])}
        for name, numbers in (("length", self.lengths), ("norm", self.norms)):
            found = numbers.figures()
            figures[name] = {key: found[key] for key in ("min", "max", "mean", "std", "quantiles") if key in found}
        if self.lengths.rows and self.lengths.greatest > LONGEST:
            figures["note"] = f"of longer vectors the first {LONGEST} elements are regarded"
        return figures

    def _sum(self, added: Floats) -> None:
        if len(added) > len(self.sums):
            self.sums = np.concatenate([self.sums, np.zeros(len(added) - len(self.sums))])
        elif len(added) < len(self.sums):
            added = np.concatenate([added, np.zeros(len(self.sums) - len(added))])
        self.sums = self.sums + added


@cache
def _signs() -> npt.NDArray[np.float64]:
    """Of each element for each direction, 1 or -1."""
    bits = mixed(np.arange(LONGEST, dtype=np.uint64))[:, None] >> np.arange(DIRECTIONS, dtype=np.uint64)
    signs = (bits & np.uint64(1)).astype(np.float64) * 2 - 1
    signs.flags.writeable = False
    return signs
