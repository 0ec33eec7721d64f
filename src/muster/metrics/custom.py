"""The figures of metrics of the user's own, and how much two evaluations differ in them."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from muster.metrics.classes import LEAST_OF_A_CLASS
from muster.metrics.differences import apart
from muster.metrics.discordant import apart_in, apart_in_folds, differ
from muster.metrics.figure import Figure, Interval, figure, undefined
from muster.metrics.intervals import jackknife
from muster.metrics.quality import quality
from muster.metrics.uneven import Scale, interval_on, of_folds
from muster.profiles.classification import Classification
from muster.profiles.custom import CustomMetric, Means
from muster.profiles.evaluation import EvaluationProfile, Measurement
from muster.profiles.keys import Floats
from muster.profiles.regression import Regression

__all__ = ["custom_differences", "custom_figures", "custom_of_part"]

LEAST_ROWS = 100
"""With fewer, an interval of a mean of unlike rows was seen to cover the truth too seldom."""

_MEAN = Scale("", lambda x: x, lambda x: x, skewed=True)
_EVERYWHERE = (-math.inf, math.inf)
_NO_ROW = "it gave no row a number"
_NO_WEIGHT = "all rows that it gave a number weigh 0"
_TOO_LARGE = "its numbers are too large for a sum of them"
_NOTHING = "it gave no number"
_NOT_ASKED = "it was not asked"
_PART = "no folds of the rows are kept for it"


def custom_figures(profile: EvaluationProfile) -> dict[str, Figure]:
    """Those of all rows, by name, in the order in which they were asked for."""
    custom, whole = profile.custom, profile.whole
    found = {m.name: _mean(m, custom.whole, n, folds=True) for n, m in enumerate(custom.of_rows)}
    for n, metric in enumerate(custom.of_profiles):
        told = custom.told[n]
        found[metric.name] = _told(metric, told, whole.rows, _of_folds(told, whole))
    return {m.name: _within(m, found[m.name]) for m in custom.metrics}


def custom_of_part(profile: EvaluationProfile, segment: str, value: str) -> dict[str, Figure]:
    """Those of one part of the rows, of which no folds are kept."""
    custom, rows = profile.custom, profile.segments[segment][value].rows
    found = {m.name: _mean(m, custom.parts[segment][value], n, folds=False) for n, m in enumerate(custom.of_rows)}
    told = custom.told_parts.get(segment, {}).get(value, np.empty(0))
    for n, metric in enumerate(custom.of_profiles):
        found[metric.name] = _told(metric, told[n : n + 1], rows, Interval.none(_PART))
    return {m.name: _within(m, found[m.name]) for m in custom.metrics}


def custom_differences(
    one: EvaluationProfile,
    other: EvaluationProfile,
    figures: tuple[Mapping[str, Figure], Mapping[str, Figure]],
    *,
    paired: bool,
) -> dict[str, Figure]:
    """The differences `other - one` of the metrics that both were asked for. What is another function in each has none."""
    theirs = {m.name: m for m in other.question.custom}
    found = {}
    for metric in one.question.custom:
        name, its = metric.name, theirs.get(metric.name)
        if its is None:
            continue
        rows = min(figures[0][name].rows, figures[1][name].rows)
        if its.digest != metric.digest or its.kind != metric.kind:
            found[name] = undefined(name, rows, f"`{name}` is another function in each of the two")
            continue
        found[name] = apart(name, figures[0][name], figures[1][name], None, one.whole)
        if paired and found[name].value is not None:
            interval = _paired(metric, float(found[name].value or 0.0), one, other, rows)
            found[name] = figure(name, float(found[name].value or 0.0), rows, interval)
    return found


def _mean(metric: CustomMetric, means: Means, n: int, *, folds: bool) -> Figure:
    rows, mass, total = int(means.rows[n].sum()), means.mass[n].sum(), means.sums[n].sum()
    if not rows or not mass > 0:
        return undefined(metric.name, rows, _NO_WEIGHT if rows else _NO_ROW)
    interval = _of_means(means, n) if folds else Interval.none(_PART)
    with np.errstate(over="ignore", invalid="ignore"):
        return figure(metric.name, float(total / mass), rows, interval, why=_TOO_LARGE)


def _of_means(means: Means, n: int) -> Interval:
    if means.rows[n].sum() < LEAST_ROWS:
        return Interval.none(f"there are fewer than {LEAST_ROWS} rows")
    value = float(means.sums[n].sum() / means.mass[n].sum())
    influence = of_folds(_without(means, n), means.rows[n].astype(np.float64))
    return interval_on(_MEAN, value, influence, _EVERYWHERE, "jackknife")


def _without(means: Means, n: int) -> Floats:
    """The mean without each fold."""
    mass, sums = means.mass[n], means.sums[n]
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray((sums.sum() - sums) / (mass.sum() - mass), np.float64)


def _told(metric: CustomMetric, told: Floats, rows: int, interval: Interval) -> Figure:
    if not len(told):
        return undefined(metric.name, rows, _NOT_ASKED)
    return figure(metric.name, float(told[0]), rows, interval, why=_NOTHING)


def _of_folds(told: Floats, whole: Measurement) -> Interval:
    """Of what a metric made of a profile, and of it without each fold."""
    sizes = _sizes(whole)
    if len(told) != 1 + len(sizes) or not len(sizes):
        return Interval.none(_PART)
    few = _few(whole)
    return Interval.none(few) if few else _spread(float(told[0]), told[1:], sizes)


def _spread(value: float, without: Floats, sizes: Floats) -> Interval:
    some = without[sizes > 0]
    if len(some) and (some == some[0]).all():
        return Interval.none("all rows say the same")
    return jackknife(value, without, sizes, within=_EVERYWHERE)


def _sizes(whole: Measurement) -> Floats:
    if isinstance(whole, Classification):
        return whole.folds.confusion.sum((1, 2)).astype(np.float64)
    assert isinstance(whole, Regression)
    return whole.folds.facts[:, 0].astype(np.float64)


def _few(whole: Measurement) -> str:
    """Why there are too few rows for an interval; empty if there are enough."""
    if whole.rows < LEAST_ROWS:
        return f"there are fewer than {LEAST_ROWS} rows"
    if isinstance(whole, Classification) and quality(whole).rarest < LEAST_OF_A_CLASS:
        return f"a class has fewer than {LEAST_OF_A_CLASS} rows"
    return ""


def _paired(
    metric: CustomMetric, value: float, one: EvaluationProfile, other: EvaluationProfile, rows: int
) -> Interval:
    if rows < LEAST_ROWS:
        return Interval.none(f"there are fewer than {LEAST_ROWS} rows")
    if metric.kind == "batch":
        first, second = (p.custom.of_rows.index(_named(p, metric.name)) for p in (one, other))
        sums = one.custom.whole.sums[first], other.custom.whole.sums[second]
        if few := apart_in(differ(*sums), "predictions"):
            return Interval.none(few)
        sizes = np.minimum(one.custom.whole.rows[first], other.custom.whole.rows[second]).astype(np.float64)
        without = _without(other.custom.whole, second) - _without(one.custom.whole, first)
        return interval_on(_MEAN, value, of_folds(without, sizes), _EVERYWHERE, "jackknife")
    told = [p.custom.told[p.custom.of_profiles.index(_named(p, metric.name))] for p in (one, other)]
    sizes = _sizes(one.whole)
    if any(len(t) != 1 + len(sizes) for t in told) or not len(sizes):
        return Interval.none(_PART)
    if few := _few(one.whole) or _few_apart(one.whole, other.whole):
        return Interval.none(few)
    return _spread(value, told[1][1:] - told[0][1:], sizes)


def _few_apart(one: Measurement, other: Measurement) -> str:
    kinds = (Classification, Regression)
    return apart_in_folds([one], [other]) if isinstance(one, kinds) and isinstance(other, kinds) else ""


def _named(profile: EvaluationProfile, name: str) -> CustomMetric:
    return next(m for m in profile.question.custom if m.name == name)


def _within(metric: CustomMetric, found: Figure) -> Figure:
    """Kept within what the metric was declared to be."""
    if metric.within is None or found.value is None:
        return found
    low, high = metric.within
    if not low <= found.value <= high:
        told = f"it gave {found.value:g}, which is not within {low:g} to {high:g} as was declared"
        return undefined(found.name, found.rows, told)
    if found.low is None or found.high is None:
        return found
    interval = Interval(max(low, found.low), min(high, found.high), found.method)
    return figure(found.name, found.value, found.rows, interval)
