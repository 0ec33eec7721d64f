"""How the numbers of a column are spread: counts by value or narrow cells, moments, ends, and what is no finite number."""

from __future__ import annotations

import math
from typing import NamedTuple, Self

import numpy as np
import numpy.typing as npt

from muster.profiles.keys import Cells, Floats, ordered, unordered
from muster.profiles.stored import Arrays, fitting
from muster.profiles.values import Values
from muster.signature import Json

__all__ = ["FACTS", "QUANTILES", "Numbers", "Quantile", "spans"]

FACTS = ("finite", "nan", "infinite", "minus_infinite", "zero", "negative", "fractional")
"""Places in `Numbers.facts`: rows with a finite number, NaN, infinity, minus infinity; of the finite ones those of 0, those below, and
those that are not whole."""

QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
"""Those among the figures."""

_EXACT = 2.0**53
"""Up to here each whole number is a double."""

_FEW = 20
"""A column of up to so many distinct whole numbers is shown by value."""


class Quantile(NamedTuple):
    """The least number that the share of rows does not exceed lies between `low` and `high`; they are equal where it is known."""

    low: float
    high: float


class Numbers:
    """Numbers as doubles; a larger integer is the nearest one.

    `values` counts the finite ones by `ordered`, with sums of weights. `facts` as FACTS tells. `moments`: the sum of weights (rows
    without), the mean, and the centred sum of squares. `ends`: the least and the greatest. Weights matter to `values` and `moments`.
    """

    __slots__ = ("ends", "facts", "moments", "values")

    def __init__(self, most: int, *, weighted: bool = False) -> None:
        self.values = Values(most, weighted=weighted)
        self.facts = np.zeros(len(FACTS), np.int64)
        self.moments = np.zeros(3, np.float64)
        self.ends = np.array([np.inf, -np.inf])

    @property
    def rows(self) -> int:
        return int(self.facts[:4].sum())

    @property
    def finite(self) -> int:
        return int(self.facts[0])

    @property
    def least(self) -> float:
        return float(self.ends[0])

    @property
    def greatest(self) -> float:
        return float(self.ends[1])

    @property
    def mean(self) -> float | None:
        """None without rows, without weight, and past the largest double."""
        if self.least == self.greatest and self.moments[0] > 0:
            return self.least
        return float(self.moments[1]) if self.moments[0] > 0 and math.isfinite(self.moments[1]) else None

    @property
    def deviation(self) -> float | None:
        """The standard deviation of these very rows (divided by their number, not by one less)."""
        if self.mean is None or not math.isfinite(self.moments[2]):
            return None
        if self.least == self.greatest:
            return 0.0
        return math.sqrt(max(self.moments[2], 0.0) / self.moments[0])

    def add(self, numbers: Floats, weight: Floats | None = None, counts: Cells | None = None) -> None:
        """Count numbers, each `counts` times where given; `weight` is needed where the profile is weighted."""
        finite = np.isfinite(numbers)
        self.facts = self.facts + _facts(numbers, finite, counts)
        if not finite.all():
            numbers = numbers[finite]
            weight = None if weight is None else weight[finite]
            counts = None if counts is None else counts[finite]
        if not len(numbers):
            return
        # Adding 0 makes one zero of both.
        self.ends = np.array([min(self.least, numbers.min() + 0.0), max(self.greatest, numbers.max() + 0.0)])
        self._join(_moments(numbers, counts if weight is None else weight))
        keys = ordered(numbers)
        if counts is None and weight is None:  # to sort alone is several times as quick as an order
            keys = np.sort(keys)
            starts = _starts(keys)
            self.values.add(keys[starts], np.diff(starts, append=len(keys)))
            return
        order = np.argsort(keys, kind="stable")
        keys = keys[order]
        starts = _starts(keys)
        times = np.diff(starts, append=len(keys)) if counts is None else np.add.reduceat(counts[order], starts)
        self.values.add(keys[starts], times, None if weight is None else np.add.reduceat(weight[order], starts))

    def merge(self, other: Self) -> None:
        self.values.merge(other.values)
        self.facts = self.facts + other.facts
        self.ends = np.array([min(self.least, other.least), max(self.greatest, other.greatest)])
        self._join(other.moments)

    def cells(self) -> tuple[Floats, Floats]:
        """The least and the largest double of each cell."""
        return spans(self.values.cells.cells, self.values.cells.shift)

    def mass(self) -> Floats:
        """The weight of the rows in each cell; without weights, their number."""
        sums = self.values.cells.sums
        return sums[:, 0] if sums.shape[1] else self.values.cells.counts[:, 0].astype(np.float64)

    def quantiles(self, shares: tuple[float, ...] = QUANTILES) -> list[Quantile]:
        """Of each share, the least number up to which that share of all weight lies (numpy's `inverted_cdf`); none without weight."""
        upto = np.cumsum(self.mass())
        if not len(upto) or not upto[-1] > 0:
            return []
        low, high = self.cells()
        slack = 1 - 1e-12  # a share that is met but for rounding is met
        at = [int(np.searchsorted(upto, share * upto[-1] * slack)) for share in shares]
        return [Quantile(max(float(low[n]), self.least), min(float(high[n]), self.greatest)) for n in at]

    def arrays(self) -> Arrays:
        """All that is counted, by name."""
        own = {"facts": self.facts, "moments": self.moments, "ends": self.ends}
        return own | {f"values.{name}": array for name, array in self.values.arrays().items()}

    def restore(self, arrays: Arrays, prefix: str) -> None:
        """Take what `arrays` gave, as stored under `prefix`; ValueError or KeyError if it does not fit."""
        for name in ("facts", "moments", "ends"):
            setattr(self, name, fitting(arrays[prefix + name], getattr(self, name)))
        self.values.restore(arrays, f"{prefix}values.")
        if (self.facts < 0).any() or self.values.cells.rows != self.finite or (self.facts[4:] > self.finite).any():
            raise ValueError("facts of other rows than those that are counted")
        if self.finite and not -np.inf < self.least <= self.greatest < np.inf:
            raise ValueError("ends that are none")

    def figures(self) -> dict[str, Json]:
        """Facts, `distinct`, and where there are numbers `min`, `max`, `mean`, `std`, `quantiles`; `values` of few whole ones."""
        facts: dict[str, Json] = {name: int(n) for name, n in zip(FACTS, self.facts, strict=True)}
        figures = facts | {"distinct": self.values.distinct().to_json()}
        if not self.finite:
            return figures
        figures |= {"min": self.least, "max": self.greatest, "mean": self.mean, "std": self.deviation}
        if not self.facts[6] and max(-self.least, self.greatest) > _EXACT:
            figures["note"] = "whole numbers past 2**53 are counted as the nearest double, near ones as one"
        found = self.quantiles()
        figures["quantiles"] = [
            {"share": share, "low": q.low, "high": q.high, "exact": q.low == q.high}
            for share, q in zip(QUANTILES, found, strict=bool(found))
        ]
        if self.values.exact and len(self.values.cells.cells) <= _FEW and not self.facts[6]:
            low, _ = self.cells()
            counts = self.values.cells.counts[:, 0]
            figures["values"] = [{"value": v, "rows": n} for v, n in zip(low.tolist(), counts.tolist(), strict=True)]
        return figures

    def _join(self, added: Floats) -> None:
        """Moments of two sets of rows together (Chan, Golub and LeVeque 1983)."""
        if not added[0] > 0:
            return
        if not self.moments[0] > 0:
            self.moments = added.copy()
            return
        (mine, mean, squares), (its, its_mean, its_squares) = self.moments, added
        mass = mine + its
        with np.errstate(over="ignore", invalid="ignore"):
            apart = its_mean - mean
            moments = [mass, mean + apart * (its / mass), squares + its_squares + apart * apart * (mine * (its / mass))]
        self.moments = np.array(moments)


def _facts(numbers: Floats, finite: npt.NDArray[np.bool_], counts: Cells | None) -> Cells:
    kinds = (
        finite,
        np.isnan(numbers),
        numbers == np.inf,
        numbers == -np.inf,
        numbers == 0,
        finite & (numbers < 0),
        finite & (numbers != np.floor(numbers)),
    )
    return np.array([np.count_nonzero(kind) if counts is None else counts[kind].sum() for kind in kinds], np.int64)


def _moments(numbers: Floats, weight: Floats | Cells | None) -> Floats:
    mass = len(numbers) if weight is None else float(weight.sum())
    if not mass > 0:
        return np.zeros(3)
    each = 1.0 if weight is None else weight
    share = each / mass  # before the sum, so that numbers near the largest double do not exceed it
    with np.errstate(over="ignore", invalid="ignore"):
        mean = float((numbers * share).sum())
        apart = numbers - mean
        left = float((apart * share).sum())  # what rounding left of the mean
        return np.array([mass, mean + left, float((apart * apart * each).sum()) - mass * left * left])


def _starts(keys: Cells) -> Cells:
    """Of numbers in order, where each stands for the first time."""
    first = np.ones(len(keys), np.bool_)
    np.not_equal(keys[1:], keys[:-1], out=first[1:])
    return np.flatnonzero(first)


def spans(cells: Cells, shift: int) -> tuple[Floats, Floats]:
    """The least and the largest double of each cell of 2**`shift` keys, infinite ones at most."""
    least, most = (int(key) for key in ordered(np.array([-np.inf, np.inf])))
    low = np.clip(cells, least >> shift, most >> shift) << shift
    high = low | ((1 << shift) - 1)
    low = np.where(cells > most >> shift, most, np.maximum(low, least))
    low = np.where(low == -1, 0, low)  # no double has the key of -0.0: the first from there on is 0
    return unordered(low), unordered(np.minimum(high, most))
