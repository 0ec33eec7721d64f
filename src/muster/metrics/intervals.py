"""95 % intervals. Each says by which method, and where it holds; tests/metrics/test_coverage.py counts how often each covers the truth."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from muster.metrics.figure import Interval

__all__ = ["Z", "jackknife", "normal", "share_of_folds", "t_quantile", "wilson"]

Floats = NDArray[np.float64]

Z = 1.959963984540054
"""The 97.5 % quantile of the normal distribution."""


def t_quantile(freedom: float) -> float:
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
    # At the very ends rounding must not put the share beside its interval.
    return Interval(max(0.0, min(share, float(centre - half))), min(1.0, max(share, float(centre + half))), "wilson")


def normal(value: float, error: float, method: str, low: float = -np.inf, high: float = np.inf) -> Interval:
    """Of an estimate with a standard error, kept within what the figure can be."""
    return Interval(max(low, float(value - Z * error)), min(high, float(value + Z * error)), method)


def share_of_folds(value: float, without: Floats, sizes: Floats, *, most: float = np.inf) -> Interval:
    """Of a share in weights, or of other rows than all: Wilson's interval for as many rows as a plain share would need to be as sure
    as the jackknife says, `most` at most.
    """
    some = without[sizes > 0]
    folds = len(some)
    if folds < 2 or not np.isfinite(some).all():
        return Interval.none("too few rows for an interval")
    variance = float((folds - 1) / folds * ((some - some.mean()) ** 2).sum())
    rows = min(most, value * (1 - value) / variance if variance > 0 and 0 < value < 1 else np.inf)
    if not np.isfinite(rows):
        return Interval.none("all rows say the same")
    z2 = t_quantile(folds - 1) ** 2
    centre = (value + z2 / (2 * rows)) / (1 + z2 / rows)
    half = float(np.sqrt(z2 * (value * (1 - value) / rows + z2 / (4 * rows * rows)))) / (1 + z2 / rows)
    return Interval(max(0.0, float(centre - half)), min(1.0, float(centre + half)), "wilson of the jackknife")


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
    if not np.ptp(some) > 0:
        return Interval.none("all rows say the same")
    half = t_quantile(folds - 1) * error
    if logit and not 0 < value < 1:
        return Interval.none("it is at the end of what it can be, where folds of rows tell no width")
    if logit:
        from scipy.special import expit

        at, half = np.log(value / (1 - value)), half / (value * (1 - value))
        return Interval(float(expit(at - half)), float(expit(at + half)), "jackknife")
    return Interval(max(within[0], value - half), min(within[1], value + half), "jackknife")
