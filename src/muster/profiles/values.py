"""Distinct values: each counted while few occur; else counts by wider cells, and of a sample of values that no order has chosen."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Self

import numpy as np

from muster.profiles.cells import CellCounts
from muster.profiles.keys import Cells, Floats, Hashes, mixed
from muster.profiles.stored import Arrays, fitting
from muster.signature import Json

__all__ = ["SAMPLED", "Distinct", "Sample", "Values"]

SAMPLED = 1_024
"""Values in a sample."""


@dataclass(frozen=True, slots=True)
class Distinct:
    """How many values are distinct. `error` is the relative standard error of an estimate, 0 of a count."""

    value: int
    error: float

    def to_json(self) -> dict[str, Json]:
        return {"value": self.value, "error": self.error, "exact": self.error == 0}


class Sample:
    """The `SAMPLED` distinct values of least hash, and the rows of each: a sample of values, exact for those that are in it.

    A value among the least of all rows was among the least of every part of them, so it was never left out: the same bits in any
    order and grouping. Samples of two profiles have the values in common that a hash up to the lesser of both ends allows.
    """

    __slots__ = ("counts", "hashes")

    def __init__(self) -> None:
        self.hashes: Hashes = np.empty(0, np.uint64)
        self.counts: Cells = np.empty(0, np.int64)

    def add(self, hashes: Hashes, counts: Cells) -> None:
        """Count values by their hash, each given once."""
        if len(self.hashes) == SAMPLED:
            low = hashes <= self.hashes[-1]
            hashes, counts = hashes[low], counts[low]
        if not len(hashes):
            return
        hashes, counts = np.concatenate([self.hashes, hashes]), np.concatenate([self.counts, counts])
        self.hashes, place = np.unique(hashes, return_inverse=True)
        self.counts = np.zeros(len(self.hashes), np.int64)
        np.add.at(self.counts, place, counts)
        self.hashes, self.counts = self.hashes[:SAMPLED], self.counts[:SAMPLED]

    def distinct(self) -> Distinct:
        """All that there are while they fit; else an estimate by the largest hash (Bar-Yossef and others 2002, Beyer and others 2007)."""
        if len(self.hashes) < SAMPLED:
            return Distinct(len(self.hashes), 0.0)
        share = (float(self.hashes[-1]) + 1) / 2.0**64
        return Distinct(round((SAMPLED - 1) / share), 1 / math.sqrt(SAMPLED - 2))


class Values:
    """`cells` counts rows by code, exact while at most `most` codes are distinct. After that there is a `sample`, else None.

    The cells of a code that is itself a hash are a histogram of all values by their hash.
    """

    __slots__ = ("cells", "sample")

    def __init__(self, most: int, *, weighted: bool = False) -> None:
        self.cells = CellCounts(most, sums=1 if weighted else 0)
        self.sample: Sample | None = None

    @property
    def exact(self) -> bool:
        return self.sample is None

    def add(self, codes: Cells, counts: Cells, mass: Floats | None = None) -> None:
        """Count distinct codes that stand in order; `mass` is the weight of the rows of each."""
        if not len(codes):
            return
        before = self.cells.cells, self.cells.counts[:, 0]
        self.cells.take(codes, counts[:, None], None if mass is None else mass[:, None])
        self._sampled([before], [(codes, counts)])

    def merge(self, other: Self) -> None:
        mine, its = ((v.cells.cells, v.cells.counts[:, 0]) for v in (self, other))
        self.cells.merge(other.cells)
        if other.sample is None:
            self._sampled([mine], [its])
            return
        self._sampled([mine], [])
        assert self.sample is not None
        self.sample.add(other.sample.hashes, other.sample.counts)

    def distinct(self) -> Distinct:
        return Distinct(len(self.cells.cells), 0.0) if self.sample is None else self.sample.distinct()

    def arrays(self) -> Arrays:
        arrays = dict(self.cells.arrays())
        if self.sample is not None:
            arrays |= {"sample.hashes": self.sample.hashes, "sample.counts": self.sample.counts}
        return arrays

    def restore(self, arrays: Arrays, prefix: str) -> None:
        """Take what `arrays` gave, as stored under `prefix`; ValueError or KeyError if it does not fit."""
        self.cells.restore(arrays, prefix)
        self.sample = None
        if not self.cells.shift:
            return
        self.sample = sample = Sample()
        size = min(len(arrays[f"{prefix}sample.hashes"]), SAMPLED)
        sample.hashes = fitting(arrays[f"{prefix}sample.hashes"], np.empty(size, np.uint64))
        sample.counts = fitting(arrays[f"{prefix}sample.counts"], np.empty(size, np.int64))
        if (sample.hashes[1:] <= sample.hashes[:-1]).any() or (sample.counts < 1).any():
            raise ValueError("a sample out of order")
        counted = int(sample.counts.sum())
        if counted > self.cells.rows or (size < SAMPLED and counted < self.cells.rows):
            raise ValueError("a sample of other rows than those that are counted")

    def _sampled(self, before: list[tuple[Cells, Cells]], added: list[tuple[Cells, Cells]]) -> None:
        """Once cells are wide: sample what was counted before, if nothing was sampled yet, and what is added."""
        if not self.cells.shift:
            return
        if self.sample is None:
            self.sample = Sample()
            added = before + added
        for codes, counts in added:
            self.sample.add(mixed(codes.view(np.uint64)), counts)
