"""Counts by whole number, exact while few occur and else by cells that are as narrow as a limit on their number allows."""

from __future__ import annotations

from typing import Self

import numpy as np
import numpy.typing as npt

from muster.errors import InvalidInput
from muster.profiles.keys import Cells
from muster.profiles.stored import Arrays, fitting

__all__ = ["CellCounts", "least_shift", "together"]

Counts = npt.NDArray[np.int64]
Sums = npt.NDArray[np.float64]


class CellCounts:
    """Per cell of 2**`shift` codes: `counts`, int64 of shape (cells, kinds), and `sums`, float64 of shape (cells, sums).

    `shift` is the least multiple of `step` at which no more than `most` cells are occupied. That depends on the codes alone:
    fewer codes never occupy more cells, and wider cells never are more. So counts merge to the same bits in any order and
    grouping, and `shift` 0 means that every code was counted by itself. Sums are in the order of updates and merges.
    """

    __slots__ = ("cells", "counts", "most", "shift", "step", "sums")

    def __init__(self, most: int, kinds: int = 1, sums: int = 0, step: int = 1) -> None:
        self.most, self.step, self.shift = most, step, 0
        self.cells: Cells = np.empty(0, np.int64)
        self.counts: Counts = np.empty((0, kinds), np.int64)
        self.sums: Sums = np.empty((0, sums), np.float64)

    @property
    def rows(self) -> int:
        return int(self.counts.sum())

    def add(self, codes: Cells, kind: Cells | None = None, sums: Sums | None = None) -> None:
        """Count each code; `kind` says in which column (else the first).

        `sums` of shape (codes, sums) is added up.
        """
        if not len(codes):
            return
        kinds, columns = self.counts.shape[1], self.sums.shape[1]
        added = self._new()
        added.shift = self.shift
        cells = codes >> self.shift if self.shift else codes
        if not columns:
            added.cells, added.counts, added.sums = _added(*_counted(cells, kind, kinds))
        else:
            added.cells, place = np.unique(cells, return_inverse=True)
            added.counts = np.zeros((len(added.cells), kinds), np.int64)
            index = place * kinds + (0 if kind is None else kind)
            np.add.at(added.counts.reshape(-1), index, 1)
            added.sums = np.empty((len(added.cells), columns), np.float64)
            for n in range(columns):
                assert sums is not None
                added.sums[:, n] = np.bincount(place, sums[:, n], len(added.cells))  # in the order of the rows
        added.narrow()
        self.merge(added)

    def take(self, codes: Cells, counts: Counts, sums: Sums | None = None) -> None:
        """Count distinct codes that stand in order, `counts` of shape (codes, kinds) and `sums` of shape (codes, sums) of each."""
        added = self._new()
        added.cells, added.counts = codes, counts
        added.sums = np.empty((len(codes), 0), np.float64) if sums is None else sums
        added.widen(self.shift)
        added.narrow()
        self.merge(added)

    def like(self, shift: int, cells: Cells, counts: Counts, sums: Sums) -> Self:
        """Others of the same kind, of distinct cells that stand in order, as they are."""
        result = self._new()
        result.shift, result.cells, result.counts, result.sums = shift, cells, counts, sums
        return result

    def merge(self, other: CellCounts) -> None:
        mine = (self.most, self.step, self.counts.shape[1], self.sums.shape[1])
        if mine != (other.most, other.step, other.counts.shape[1], other.sums.shape[1]):
            raise InvalidInput("these profiles count other things", hint="merge profiles of one kind only")
        if not len(other.cells):
            self.widen(max(self.shift, other.shift))
            return
        shift = max(self.shift, other.shift)
        self.widen(shift)
        other = other.coarser(shift)
        self.cells, self.counts, self.sums = _added(
            np.concatenate([self.cells, other.cells]),
            np.concatenate([self.counts, other.counts]),
            np.concatenate([self.sums, other.sums]),
        )
        self.narrow()

    def coarser(self, shift: int) -> Self:
        """The same counts in cells of 2**`shift` codes."""
        result = self.like(self.shift, self.cells, self.counts, self.sums)
        result.widen(shift)
        return result

    def arrays(self) -> Arrays:
        """All that is counted, by name. Of the cells the first, and then the steps to the next, which compress well."""
        steps = np.diff(self.cells, prepend=np.int64(0))
        return {"cells": steps, "counts": self.counts, "sums": self.sums, "shift": np.array([self.shift], np.int64)}

    def restore(self, arrays: Arrays, prefix: str) -> None:
        """Take what `arrays` gave, as stored under `prefix`; ValueError or KeyError if it does not fit."""
        cells, counts, sums = (arrays[prefix + name] for name in ("cells", "counts", "sums"))
        size = len(cells)
        self.shift = int(fitting(arrays[f"{prefix}shift"], np.empty(1, np.int64))[0])
        self.cells = np.cumsum(fitting(cells, np.empty(size, np.int64)))
        self.counts = fitting(counts, np.empty((size, self.counts.shape[1]), np.int64))
        self.sums = fitting(sums, np.empty((size, self.sums.shape[1]), np.float64))
        if size > self.most or not 0 <= self.shift < 64 or (self.cells[1:] <= self.cells[:-1]).any():
            raise ValueError("cells that are too many, or out of order")
        if (self.counts < 0).any():
            raise ValueError("counts below 0")
        if self.shift % self.step:
            raise ValueError("a shift between two steps")

    def _new(self) -> Self:
        """Of the same kind, and empty."""
        return type(self)(self.most, self.counts.shape[1], self.sums.shape[1], self.step)

    def widen(self, shift: int) -> None:
        """Tell no more apart than 2**`shift` codes."""
        if shift > self.shift:
            cells, self.shift = self.cells >> (shift - self.shift), shift
            self.cells, self.counts, self.sums = _added(cells, self.counts, self.sums)

    def narrow(self) -> None:
        """Keep to the limit, by the least shift that does."""
        if len(self.cells) > self.most:
            self.widen(self.shift + -(-least_shift(self.cells, self.most) // self.step) * self.step)


def _added(cells: Cells, counts: Counts, sums: Sums) -> tuple[Cells, Counts, Sums]:
    """The distinct cells in order, with what falls into each added up in the order given."""
    order = np.argsort(cells, kind="stable")
    cells, counts, sums = cells[order], counts[order], sums[order]
    starts = np.flatnonzero(_first(cells))
    if len(starts) == len(cells):
        return cells, counts, sums
    summed = np.add.reduceat(sums, starts) if sums.shape[1] else np.empty((len(starts), 0))
    return cells[starts], np.add.reduceat(counts, starts), summed


def least_shift(cells: Cells, most: int) -> int:
    """By how many bits distinct numbers in order have to be shifted for no more than `most` to be left."""
    if len(cells) <= most:
        return 0
    # Neighbours are apart until the highest bit in which they differ is shifted out.
    apart = _bit_lengths(cells[1:] ^ cells[:-1])
    return int(np.partition(apart, len(apart) - most)[len(apart) - most])


def together(a: CellCounts, b: CellCounts) -> tuple[int, Cells, Counts, Counts]:
    """Both in cells of the wider width of the two: their shift, the cells that either occupies, and the counts of each."""
    shift = max(a.shift, b.shift)
    a, b = a.coarser(shift), b.coarser(shift)
    cells = np.union1d(a.cells, b.cells)
    counts = []
    for one in (a, b):
        spread = np.zeros((len(cells), one.counts.shape[1]), np.int64)
        spread[np.searchsorted(cells, one.cells)] = one.counts
        counts.append(spread)
    return shift, cells, counts[0], counts[1]


def _counted(cells: Cells, kind: Cells | None, kinds: int) -> tuple[Cells, Counts, Sums]:
    """The distinct cells of each kind in order, how often each occurs, and no sums.

    To sort alone is several times as quick as an index of places.
    """
    found, counts = [], []
    for n in range(kinds if kind is not None else 1):
        column = np.sort(cells if kind is None else cells[kind == n])
        starts = np.flatnonzero(_first(column))
        found.append(column[starts])
        times = np.zeros((len(starts), kinds), np.int64)
        times[:, n] = np.diff(starts, append=len(column))
        counts.append(times)
    together = np.concatenate(found)
    return together, np.concatenate(counts), np.empty((len(together), 0))


def _first(cells: Cells) -> npt.NDArray[np.bool_]:
    """Of numbers in order, which stand for the first time."""
    first = np.empty(len(cells), np.bool_)
    first[:1] = True
    np.not_equal(cells[1:], cells[:-1], out=first[1:])
    return first


def _bit_lengths(numbers: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """How many bits each needs, as 64 unsigned ones."""
    bits = numbers.view(np.uint64)
    # The bit below the highest one is cleared, so that rounding to a double cannot reach the next power of two.
    return np.frexp((bits & ~(bits >> np.uint64(1))).astype(np.float64))[1].astype(np.int64)
