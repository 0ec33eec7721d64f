"""Quantiles of numbers that were counted in cells, each with how far it can be from that of the single numbers."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from muster.metrics.figure import Interval
from muster.profiles.cells import CellCounts
from muster.profiles.keys import Cells, Floats, ordered, unordered

__all__ = ["Steps", "between", "magnitudes", "order_statistics", "quantile", "steps"]

_LARGEST = float(np.finfo(np.float64).max)

_SAME = 1e-12
"""Of all weights: so near to it, a share of them is reached."""


@dataclass(frozen=True, eq=False)
class Steps:
    """Numbers in order: of each cell its `rows`, their weights (`mass`), and the least and the greatest number that is of it."""

    low: Floats
    high: Floats
    rows: Cells
    mass: Floats

    @cached_property
    def middle(self) -> Floats:
        return between(self.low, self.high)

    @property
    def width(self) -> Floats:
        with np.errstate(invalid="ignore"):
            return np.where(self.low == self.high, 0.0, self.high - self.low)


def steps(cells: CellCounts, within: tuple[float, float] = (-_LARGEST, _LARGEST)) -> Steps:
    """Of what was counted; the first of the sums, where there are some, are weights. No number that weighs something is outside of
    `within`.
    """
    return _steps(cells.cells, cells.shift, cells.counts[:, 0], _mass(cells), within)


def magnitudes(cells: CellCounts, most: float = _LARGEST) -> Steps:
    """Of the sizes of what was counted: the key of -x is -1 less that of x, so that cells below 0 fold onto those above."""
    folded, place = np.unique(np.where(cells.cells < 0, -cells.cells - 1, cells.cells), return_inverse=True)
    rows = np.zeros(len(folded), np.int64)
    np.add.at(rows, place, cells.counts[:, 0])
    return _steps(
        folded, cells.shift, rows, np.bincount(place, _mass(cells), len(folded)).astype(np.float64), (0.0, most)
    )


def quantile(numbers: Steps, part: float) -> tuple[float, float]:
    """The number below which `part` of the weights lies, between two the mean of both (as `numpy.quantile`'s
    `averaged_inverted_cdf`, and scikit-learn's weighted quantiles); and how far it can be from the true one. NaN of none, or of
    weights too large for a sum.
    """
    with np.errstate(over="ignore"):
        upto = np.cumsum(numbers.mass)
    if not len(upto) or not 0 < upto[-1] < np.inf:
        return float("nan"), 0.0
    wanted, slack = part * upto[-1], _SAME * upto[-1]
    last = int(np.searchsorted(upto, upto[-1]))
    first = min(int(np.searchsorted(upto, max(wanted - slack, np.nextafter(0.0, 1.0)))), last)
    next_one = min(int(np.searchsorted(upto, wanted + slack, side="right")), last)
    low, high, middle = (
        float(between(ends[first], ends[next_one])) for ends in (numbers.low, numbers.high, numbers.middle)
    )
    return middle, max(high - middle, middle - low)


def order_statistics(numbers: Steps, part: float) -> Interval:
    """Of a quantile of independent rows, whatever their distribution (David and Nagaraja 2003, 7.1); only where rows count."""
    from scipy.special import bdtr, bdtrik

    upto = np.cumsum(numbers.rows)
    n = int(upto[-1]) if len(upto) else 0
    if n == 0 or bdtr(0, n, part) > 0.025 or bdtr(n - 1, n, part) < 0.975:
        return Interval.none("too few rows for an interval")
    least, most = (int(np.ceil(bdtrik(p, n, part))) for p in (0.025, 0.975))
    low, high = (int(np.searchsorted(upto, rank)) for rank in (least, most + 1))
    ends = float(numbers.low[low]), float(numbers.high[high])
    if not np.isfinite(ends).all():
        return Interval.none("some of the numbers are too large")
    return Interval(*ends, "order statistics", allows=True)


def between(low: Floats, high: Floats) -> Floats:
    """The middle, also of numbers whose sum is too large."""
    with np.errstate(over="ignore", invalid="ignore"):
        middle = (low + high) / 2
        return np.where(np.isfinite(middle), middle, low / 2 + high / 2)


def _steps(cells: Cells, shift: int, rows: Cells, mass: Floats, within: tuple[float, float]) -> Steps:
    least, most = (int(ordered(np.array([end]))[0]) for end in within)
    low = unordered(np.clip(cells << shift, least, most))
    high = unordered(np.clip(((cells + 1) << shift) - 1, least, most))
    return Steps(low, high, rows, mass)


def _mass(cells: CellCounts) -> Floats:
    return cells.sums[:, 0] if cells.sums.shape[1] else cells.counts[:, 0].astype(np.float64)
