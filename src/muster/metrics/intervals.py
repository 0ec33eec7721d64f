"""95 % intervals. Each says by which method, and where it holds; tests/metrics/test_coverage.py counts how often each covers the truth."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from muster.metrics.figure import Interval

__all__ = ["Z", "jackknife", "normal", "t_quantile", "wilson"]

Floats = NDArray[np.float64]

Z = 1.959963984540054
"""The 97.5 % quantile of the normal distribution."""


def t_quantile(freedom: int) -> float:
    """The 97.5 % quantile of Student's distribution."""
    from scipy.special import stdtrit

    return float(stdtrit(freedom, 0.975))


def wilson(hits: float, of: float) -> Interval:
    """Of a share: the interval that Wilson's score test does not refuse (Wilson 1927)."""
    if of <= 0:
        return Interval.none("there is no row to take a share of")
    share, z2 = hits / of, Z * Z
    centre = (share + z2 / (2 * of)) / (1 + z2 / of)
    half = Z / (1 + z2 / of) * np.sqrt(share * (1 - share) / of + z2 / (4 * of * of))
    return Interval(max(0.0, float(centre - half)), min(1.0, float(centre + half)), "wilson")


def normal(value: float, error: float, method: str, low: float = -np.inf, high: float = np.inf) -> Interval:
    """Of an estimate with a standard error, kept within what the figure can be."""
    return Interval(max(low, float(value - Z * error)), min(high, float(value + Z * error)), method)


def jackknife(
    value: float, without: Floats, sizes: Floats, *, within: tuple[float, float], logit: bool = False
) -> Interval:
    """From the figure `without` each fold of rows, one after the other (delete-a-group jackknife, Kott 2001).

    `sizes` are the rows of the folds; empty ones do not count. On the scale of the `logit` it never leaves 0 to 1.
    """
    some = without[sizes > 0]
    folds = len(some)
    if folds < 2:
        return Interval.none("too few rows for an interval")
    if not np.isfinite(some).all():
        return Interval.none("without some of the rows it is not defined")
    error = float(np.sqrt((folds - 1) / folds * ((some - some.mean()) ** 2).sum()))
    half = t_quantile(folds - 1) * error
    if logit and 0 < value < 1:
        at, half = np.log(value / (1 - value)), half / (value * (1 - value))
        ends = [float(1 / (1 + np.exp(-end))) for end in (at - half, at + half)]
        return Interval(ends[0], ends[1], "jackknife")
    return Interval(max(within[0], value - half), min(within[1], value + half), "jackknife")
