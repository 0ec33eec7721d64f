"""How much two evaluations differ, and within what interval: paired where both are of the same rows."""

from __future__ import annotations

import math

import numpy as np

from muster.metrics.classes import metrics_of
from muster.metrics.figure import Figure, Interval, figure, undefined
from muster.metrics.intervals import jackknife
from muster.metrics.quality import quality, without_folds
from muster.profiles.classification import Classification
from muster.profiles.keys import Floats

__all__ = ["apart", "paired"]

_LEAST = 30
"""With fewer rows of a class, the jackknife was seen to cover the truth too seldom."""


def paired(one: Classification, other: Classification) -> dict[str, Floats]:
    """Of each metric that both have, the difference `other - one` without each fold of the rows, which are the same in both.

    Empty where the profiles keep no folds.
    """
    first, second = without_folds(one), without_folds(other)
    if first is None or second is None:
        return {}
    scored = bool(first.curves and second.curves)
    metrics = [m for m in metrics_of(one.classes) if not m.no_interval and (scored or not m.scores)]
    with np.errstate(invalid="ignore"):
        return {m.name: m.of(second) - m.of(first) for m in metrics}


def apart(name: str, one: Figure, other: Figure, without: Floats | None, profile: Classification) -> Figure:
    """The difference `other - one` of a figure. `without` has it without each fold, where the rows are the same.

    Of different rows the interval is that of two independent estimates, from their own intervals (MOVER, Zou and Donner 2008).
    """
    if one.value is None or other.value is None:
        return undefined(name, min(one.rows, other.rows), one.reason or other.reason)
    value = other.value - one.value
    rows, bound = min(one.rows, other.rows), one.bound + other.bound
    if without is not None:
        return figure(name, value, rows, _of_folds(value, without, profile), bound=bound)
    return figure(name, value, rows, _independent(one, other), bound=bound)


def _of_folds(value: float, without: Floats, profile: Classification) -> Interval:
    sizes = profile.folds.confusion.sum((1, 2)).astype(np.float64)
    if quality(profile).rarest < _LEAST:
        return Interval.none(f"a class has fewer than {_LEAST} rows")
    return jackknife(value, without, sizes, within=(-math.inf, math.inf))


def _independent(one: Figure, other: Figure) -> Interval:
    ends = (one.low, one.high, other.low, other.high)
    if any(end is None for end in ends):
        return Interval.none("one of the two has no interval")
    assert one.value is not None
    assert other.value is not None
    low, high, other_low, other_high = (float(str(end)) for end in ends)
    value = other.value - one.value
    below = math.hypot(other.value - other_low, high - one.value)
    above = math.hypot(other_high - other.value, one.value - low)
    return Interval(value - below, value + above, "independent")
