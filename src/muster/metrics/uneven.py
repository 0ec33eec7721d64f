"""95 % intervals of figures to which rows contribute very unequally, as errors and their squares do."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from muster.profiles.keys import Floats

__all__ = ["Influence", "of_folds", "of_rows", "uneven"]


@dataclass(frozen=True, slots=True)
class Influence:
    """What single contributions make of a figure: its standard `error`, the `skew` of its distribution, and the `freedom` with which
    the error is known, which is small where few contributions make up most of it (Satterthwaite 1946).
    """

    error: float
    skew: float
    freedom: float


def of_folds(without: Floats, sizes: Floats) -> Influence | str:
    """From the figure `without` each fold of rows (delete-a-group jackknife, Kott 2001), or why there is none; empty folds do not count."""
    some = without[sizes > 0]
    folds = len(some)
    if folds < 2:
        return "too few rows for an interval"
    if not np.isfinite(some).all():
        return "without some of the rows it is not defined"
    return _influence(some.mean() - some, np.ones(folds), (folds - 1) / folds)


def of_rows(influence: Floats, rows: NDArray[np.int64]) -> Influence:
    """From how far `rows` rows each move the figure (Efron and Tibshirani 1993, 21)."""
    return _influence(influence, rows.astype(np.float64), 1.0)


def uneven(at: float, influence: Influence, *, skewed: bool) -> tuple[float, float]:
    """The ends, by Student's distribution; of means, which are `skewed` as their terms are, by Hall's (1992) cubic transformation of it."""
    from scipy.special import stdtrit

    reach = float(stdtrit(influence.freedom, 0.975))
    sides = [-reach, reach]
    if skewed and influence.skew:
        g = influence.skew
        sides = [3 / g * (float(np.cbrt(1 + g * (side - g / 6))) - 1) for side in sides]
    return at - influence.error * sides[1], at - influence.error * sides[0]


def _influence(each: Floats, times: Floats, factor: float) -> Influence:
    largest = np.abs(each).max(initial=0.0)
    if not largest > 0:
        return Influence(0.0, 0.0, 1.0)
    unit, n = each / largest, times.sum()
    second, third, fourth = ((times * unit**power).sum() for power in (2, 3, 4))
    freedom = 2 / max(fourth / second**2 - 1 / n, 2 / max(n - 1, 1))
    return Influence(
        float(largest * np.sqrt(factor * second)), float(third / second**1.5), float(np.clip(freedom, 1.0, n - 1))
    )
