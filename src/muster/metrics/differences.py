"""How much two evaluations differ, and within what interval: paired where both are of the same rows."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from muster.metrics import multilabel, multioutput
from muster.metrics.classes import metrics_of
from muster.metrics.discordant import apart_in_folds, same_answers, told_apart
from muster.metrics.errors import Errors
from muster.metrics.figure import Figure, Interval, figure, undefined
from muster.metrics.intervals import jackknife
from muster.metrics.quality import quality, without_folds
from muster.metrics.regression import REGRESSION
from muster.profiles.classification import Classification
from muster.profiles.keys import Floats
from muster.profiles.multilabel import Multilabel
from muster.profiles.multioutput import Multioutput
from muster.profiles.regression import Regression

__all__ = ["apart", "independent", "paired"]

Measurement = Classification | Regression | Multilabel | Multioutput
_NUMBERS = {metric.name for metric in REGRESSION}
_LEAST_ROWS = 100
_LEAST = 30
"""With fewer rows of a class, the jackknife was seen to cover the truth too seldom."""


def paired(one: Measurement, other: Measurement, *, costs: Floats | None = None) -> dict[str, Floats | Interval]:
    """Of each metric that both have, the difference `other - one` without each fold of the rows, which are the same in both, or the
    interval that is known without; of `cost` too where a matrix of costs tells it.

    Empty where the profiles keep no folds.
    """
    with np.errstate(all="ignore"):  # what comes out as no number is told as such
        if isinstance(one, Classification) and isinstance(other, Classification):
            return _of_classes(one, other, costs)
        if isinstance(one, Regression) and isinstance(other, Regression):
            return _of_numbers(one, other)
        if isinstance(one, Multilabel) and isinstance(other, Multilabel):
            return multilabel.paired(one, other)
        if isinstance(one, Multioutput) and isinstance(other, Multioutput):
            return multioutput.paired(one, other)
    return {}


def _of_classes(one: Classification, other: Classification, costs: Floats | None) -> dict[str, Floats | Interval]:
    first, second = without_folds(one), without_folds(other)
    if first is None or second is None:
        return {}
    scored = bool(first.curves and second.curves)
    metrics = [m for m in metrics_of(one.classes, costs) if not m.no_interval and (scored or not m.scores)]
    if same_answers(first, second):
        return {m.name: Interval(0.0, 0.0, "same answers") for m in metrics}
    totals = quality(one), quality(other)
    return {m.name: told_apart(m, totals, (first, second)) for m in metrics}


def _of_numbers(one: Regression, other: Regression) -> dict[str, Floats | Interval]:
    if not one.folds.groups or not other.folds.groups:
        return {}
    first, second = (Errors(r.folds.others(), whole=not r.weighted) for r in (one, other))
    metrics = [m for m in REGRESSION if not m.no_interval and m.interval is None]
    if few := apart_in_folds([one], [other]):
        return {m.name: Interval.none(few) for m in metrics}
    return {m.name: m.of(second) - m.of(first) for m in metrics}


def apart(name: str, one: Figure, other: Figure, without: Floats | Interval | None, profile: Measurement) -> Figure:
    """The difference `other - one` of a figure. `without` has it without each fold, where the rows are the same, or the
    interval that is known without.

    Of different rows the interval is that of two independent estimates, from their own intervals (MOVER, Zou and Donner 2008).
    """
    if one.value is None or other.value is None:
        return undefined(name, min(one.rows, other.rows), one.reason or other.reason)
    value = other.value - one.value
    rows, bound = min(one.rows, other.rows), one.bound + other.bound
    if isinstance(without, Interval):
        return figure(name, value, rows, without, bound=bound)
    if without is not None:
        return figure(name, value, rows, _of_folds(name, value, without, profile), bound=bound)
    return figure(name, value, rows, independent(one, other), bound=bound)


def _of_folds(name: str, value: float, without: Floats, profile: Measurement) -> Interval:
    if few := _few(name, profile):
        return Interval.none(few)
    return jackknife(value, without, _sizes(profile).astype(np.float64), within=(-math.inf, math.inf))


def _few(name: str, profile: Measurement) -> str:
    """Why the folds would give no valid interval; empty if they do."""
    match profile:
        case Regression():
            return f"there are fewer than {_LEAST_ROWS} rows" if profile.rows < _LEAST_ROWS else ""
        case Classification():
            return f"a class has fewer than {_LEAST} rows" if quality(profile).rarest < _LEAST else ""
        case Multioutput():
            kind = Regression if name.removesuffix(multioutput.AVERAGE) in _NUMBERS else Classification
            return next((few for t in profile.targets.values() if isinstance(t, kind) and (few := _few(name, t))), "")
    if name.endswith("_macro"):
        return next((few for label in profile.labels if (few := _few(name, label))), "")
    return f"there are fewer than {_LEAST_ROWS} rows" if profile.rows < _LEAST_ROWS else ""


def _sizes(profile: Measurement) -> NDArray[np.int64]:
    """The rows of each fold."""
    match profile:
        case Regression():
            return profile.folds.facts[:, 0]
        case Classification():
            return np.asarray(profile.folds.confusion.sum((1, 2)))
        case Multioutput():
            return _sizes(next(iter(profile.targets.values())))
    return profile.sets.facts[:, 0]


def independent(one: Figure, other: Figure) -> Interval:
    """Of the difference `other - one` of two figures of different rows."""
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
