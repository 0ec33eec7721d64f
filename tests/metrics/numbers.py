"""Rows of predicted numbers to measure, of many kinds, and their profiles."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from muster.profiles.keys import hash_rows
from muster.profiles.regression import WHOLE, Predicted, Reach, Regression

Floats = NDArray[np.float64]

BINNED = Reach(48, 48, folds=True)
"""Fewer cells than nearly all rows that are drawn have values."""


@dataclass(frozen=True)
class Rows:
    actual: Floats
    predicted: Floats
    weight: Floats | None = None
    low: Floats | None = None
    high: Floats | None = None

    def __len__(self) -> int:
        return len(self.actual)

    def profile(self, reach: Reach = WHOLE, cuts: int = 1, file: int = 0) -> Regression:
        """Counted in so many pieces."""
        found = Regression(reach, weighted=self.weight is not None)
        hashes = hash_rows(file, np.arange(len(self)))
        for some in np.array_split(np.arange(len(self)), cuts):
            columns = (None if a is None else a[some] for a in (self.weight, self.low, self.high))
            found.add(Predicted.of(self.actual[some], self.predicted[some], *columns), hashes[some])
        return found

    def take(self, some: NDArray[np.int64]) -> Rows:
        columns = {name: a[some] for name, a in vars(self).items() if a is not None}
        return replace(self, **columns)

    @property
    def mass(self) -> Floats:
        return np.ones(len(self)) if self.weight is None else self.weight


def _plain(r: np.random.Generator, n: int) -> tuple[Floats, Floats]:
    actual = r.normal(3, 2, n)
    return actual, actual + r.normal(0.1, 0.7, n)


def _positive(r: np.random.Generator, n: int) -> tuple[Floats, Floats]:
    actual = np.exp(r.normal(1, 1, n))
    return actual, actual * np.exp(r.normal(0, 0.5, n))


def _counts(r: np.random.Generator, n: int) -> tuple[Floats, Floats]:
    expected = np.ceil(np.exp(r.normal(0, 1, n)) * 2) / 2
    return r.poisson(expected).astype(np.float64), expected


def _ties(r: np.random.Generator, n: int) -> tuple[Floats, Floats]:
    return r.integers(-2, 3, n).astype(np.float64), r.integers(-2, 3, n) / 2


def _negative(r: np.random.Generator, n: int) -> tuple[Floats, Floats]:
    return -np.exp(r.normal(0, 2, n)), -np.exp(r.normal(0, 2, n))


def _apart(r: np.random.Generator, n: int) -> tuple[Floats, Floats]:
    """Predictions of another order of magnitude, without any skill."""
    return r.random(n), 1e6 * r.random(n)


def _scales(r: np.random.Generator, n: int) -> tuple[Floats, Floats]:
    actual = 10.0 ** r.uniform(-6, 6, n)
    return actual, actual * np.exp(r.normal(0, 0.3, n))


KINDS = {f.__name__[1:]: f for f in (_plain, _positive, _counts, _ties, _negative, _apart, _scales)}


def rows(kind: str, seed: int, n: int, *, weighted: bool = False, ranges: bool = False) -> Rows:
    r = np.random.default_rng(seed)
    actual, predicted = KINDS[kind](r, n)
    weight = r.integers(0, 4, n) + r.random(n) if weighted else None
    half = r.exponential(1.0, n) if ranges else None
    low, high = (None, None) if half is None else (predicted - half, predicted + half)
    return Rows(actual, predicted, weight, low, high)
