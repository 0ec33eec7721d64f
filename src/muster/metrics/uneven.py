"""95 % intervals of figures to which rows contribute very unequally, as errors and their squares do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from muster.metrics.figure import Interval
from muster.profiles.keys import Floats

__all__ = [
    "FISHER",
    "LOG",
    "MEAN",
    "PLAIN",
    "REST",
    "Influence",
    "Scale",
    "interval_on",
    "less_bias",
    "of_folds",
    "of_rows",
    "uneven",
]


@dataclass(frozen=True)
class Scale:
    """What a figure is turned to for its interval, and back; the ends of what it can be have none. A `skewed` one is a mean of rows;
    the interval holds from `least` rows on.
    """

    name: str
    there: Callable[[Any], Any]
    back: Callable[[float], float]
    skewed: bool = False
    least: int = 2


PLAIN = Scale("", lambda x: x, lambda x: x)
LOG = Scale(" of the logarithm", np.log, lambda x: float(np.exp(x)))
MEAN = Scale(" of the logarithm", np.log, lambda x: float(np.exp(x)), skewed=True)
REST = Scale(" of log(1 - x)", lambda x: np.log(1 - x), lambda x: 1 - float(np.exp(x)), least=100)
FISHER = Scale(" of Fisher's z", np.arctanh, lambda x: float(np.tanh(x)))


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
        return "without some of the rows it is not defined, or the best that it can be"
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
        sides = [3 / g * _cube_root_of_1_plus(g * (side - g / 6)) for side in sides]
    return at - influence.error * sides[1], at - influence.error * sides[0]


def _cube_root_of_1_plus(z: float) -> float:
    """Less 1."""
    return float(np.expm1(np.log1p(z) / 3) if abs(z) < 0.5 else np.cbrt(1 + z) - 1)


def interval_on(
    scale: Scale, value: float, found: Influence | str, within: tuple[float, float], method: str
) -> Interval:
    """Of a figure, by what contributions make of it on the scale; or why there is none."""
    if isinstance(found, str):
        return Interval.none(found)
    if found.error == 0.0:
        return Interval.none("all rows say the same")
    ends = uneven(float(scale.there(value)), found, skewed=scale.skewed)
    low, high = sorted(scale.back(end) for end in ends)
    if not np.isfinite([low, high]).all():
        return Interval.none("too few rows for an interval")
    return Interval(max(low, within[0]), min(high, within[1]), method + scale.name)


def less_bias(value: float, folded: float, without: Floats, sizes: Floats) -> Interval:
    """Of a figure from 0 to 1 that chance enlarges where rows are few, about what the folds say it is without that (Quenouille 1956), on
    the logit. `folded` is what all folds together say it is: from `value` it may differ by the cells that they have.
    """
    from scipy.special import expit, stdtrit

    found = of_folds(without, sizes)
    if isinstance(found, str):
        return Interval.none(found)
    if not found.error > 0:
        return Interval.none("all rows say the same")
    if not 0 < value < 1:
        return Interval.none("it is at the end of what it can be, where folds of rows tell no width")
    some = without[sizes > 0]
    at = float(np.clip(value - (len(some) - 1) * (some.mean() - folded), value / 2, (1 + value) / 2))
    middle, half = np.log(at / (1 - at)), float(stdtrit(found.freedom, 0.975)) * found.error / (at * (1 - at))
    low, high = float(expit(middle - half)), float(expit(middle + half))
    return Interval(min(low, value), max(high, value), "jackknife")


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
