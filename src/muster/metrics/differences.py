"""How much two evaluations differ, and within what interval: paired where both are of the same rows."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from muster.metrics.classes import metrics_of
from muster.metrics.errors import Errors, mean, mean_error, squares
from muster.metrics.figure import Figure, Interval, figure, undefined
from muster.metrics.intervals import jackknife, t_quantile
from muster.metrics.quality import quality, without_folds
from muster.metrics.regression import REGRESSION, errors_of
from muster.profiles.classification import Classification
from muster.profiles.keys import Floats
from muster.profiles.regression import Regression

__all__ = ["apart", "independent", "means_apart", "paired"]

Measurement = Classification | Regression
_LEAST_ROWS = 100
_LEAST = 30
"""With fewer rows of a class, the jackknife was seen to cover the truth too seldom."""


def paired(one: Measurement, other: Measurement, *, costs: Floats | None = None) -> dict[str, Floats]:
    """Of each metric that both have, the difference `other - one` without each fold of the rows, which are the same in both;
    of `cost` too where a matrix of costs tells it.

    Empty where the profiles keep no folds.
    """
    with np.errstate(all="ignore"):  # what comes out as no number is told as such
        if isinstance(one, Classification) and isinstance(other, Classification):
            return _of_classes(one, other, costs)
        if isinstance(one, Regression) and isinstance(other, Regression):
            return _of_numbers(one, other)
    return {}


def _of_classes(one: Classification, other: Classification, costs: Floats | None) -> dict[str, Floats]:
    first, second = without_folds(one), without_folds(other)
    if first is None or second is None:
        return {}
    scored = bool(first.curves and second.curves)
    metrics = [m for m in metrics_of(one.classes, costs) if not m.no_interval and (scored or not m.scores)]
    return {m.name: m.of(second) - m.of(first) for m in metrics}


def _of_numbers(one: Regression, other: Regression) -> dict[str, Floats]:
    if not one.folds.groups or not other.folds.groups:
        return {}
    first, second = (Errors(r.folds.others(), whole=not r.weighted) for r in (one, other))
    metrics = [m for m in REGRESSION if not m.no_interval and m.interval is None]
    return {m.name: m.of(second) - m.of(first) for m in metrics}


def apart(name: str, one: Figure, other: Figure, without: Floats | None, profile: Measurement) -> Figure:
    """The difference `other - one` of a figure. `without` has it without each fold, where the rows are the same.

    Of different rows the interval is that of two independent estimates, from their own intervals (MOVER, Zou and Donner 2008).
    """
    if one.value is None or other.value is None:
        return undefined(name, min(one.rows, other.rows), one.reason or other.reason)
    value = other.value - one.value
    rows, bound = min(one.rows, other.rows), one.bound + other.bound
    if without is not None:
        return figure(name, value, rows, _of_folds(value, without, profile), bound=bound)
    return figure(name, value, rows, independent(one, other), bound=bound)


def means_apart(found: Figure, one: Measurement, other: Measurement) -> Figure:
    """The difference of a mean of errors of parts, which keep no folds, with Welch's (1947) interval of two independent samples; any
    other figure, and those that have one, as they are.
    """
    if (
        found.value is None
        or found.low is not None
        or not (isinstance(one, Regression) and isinstance(other, Regression))
    ):
        return found
    of = {"mae": mean("absolute"), "mean_error": mean_error}.get(found.name)
    if of is None or one.weighted or other.weighted:
        return found
    rows = np.array([one.rows, other.rows], np.float64)
    if rows.min() < _LEAST_ROWS:
        return replace(found, reason=f"there are fewer than {_LEAST_ROWS} rows")
    both = [errors_of(part) for part in (one, other)]
    with np.errstate(all="ignore"):
        spread = np.array([squares(q)[0] - of(q)[0] ** 2 for q in both]) / (rows - 1)
        freedom = spread.sum() ** 2 / (spread**2 / (rows - 1)).sum()
    if not (np.isfinite(freedom) and (spread > 0).all()):
        return replace(found, reason="the errors do not differ from row to row")
    half = t_quantile(float(freedom)) * math.sqrt(float(spread.sum()))
    return replace(found, low=found.value - half, high=found.value + half, method="welch", reason="")


def _of_folds(value: float, without: Floats, profile: Measurement) -> Interval:
    if isinstance(profile, Regression):
        sizes, least, few = profile.folds.facts[:, 0], _LEAST_ROWS, "there are fewer than {} rows"
        rows = profile.rows
    else:
        sizes, least, few = profile.folds.confusion.sum((1, 2)), _LEAST, "a class has fewer than {} rows"
        rows = quality(profile).rarest
    if rows < least:
        return Interval.none(few.format(least))
    return jackknife(value, without, sizes.astype(np.float64), within=(-math.inf, math.inf))


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
