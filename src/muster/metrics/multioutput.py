"""The metrics of several targets: each one's own, and their means, scikit-learn's `multioutput="uniform_average"`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from muster.metrics import baseline, classes, regression
from muster.metrics.class_intervals import LEAST_OF_A_CLASS, LEAST_WRONG_IN_WEIGHTS
from muster.metrics.discordant import apart_in_folds
from muster.metrics.errors import Errors
from muster.metrics.figure import Figure, Interval, figure, undefined
from muster.metrics.intervals import jackknife
from muster.metrics.label_intervals import LEAST_WRONG
from muster.metrics.metric import Metric
from muster.metrics.quality import Quality, quality, without_folds
from muster.metrics.resolution import all_folds, unresolved
from muster.metrics.uneven import interval_on, of_folds
from muster.profiles.classification import Classification
from muster.profiles.keys import Floats
from muster.profiles.multioutput import Multioutput
from muster.profiles.regression import Regression

__all__ = ["AVERAGE", "dummy", "measure", "paired"]

AVERAGE = "_uniform_average"
"""At the end of the names of means."""

Target = Classification | Regression
_OF_RANGES = ("interval_coverage", "interval_width")
"""No answer to several targets has ranges."""
_NO_MEAN_OF = ("_micro", "_weighted")
"""Of the averages over classes the macro ones alone are averaged over targets."""
_NO_FOLDS = "no folds of the rows are kept for it"
_OWN_WAY = "its interval is not of folds of the rows, which could be taken together"


@dataclass(frozen=True)
class _Mean:
    """One metric over all targets of a kind: each one's figure, and its values without each fold, where there are any.

    `thin` says why folds would give no valid interval of shares of rows, whatever each target has.
    """

    metric: Metric[Quality] | regression.Of
    figures: Mapping[str, Figure]
    without: Callable[[], Floats | None]
    sizes: Floats
    thin: str = ""


def measure(profile: Multioutput) -> dict[str, Figure]:
    """The mean of each metric over the targets that it is of: numbers, or classes. It is defined where it is for each of these."""
    with np.errstate(all="ignore"):
        return {mean.metric.name + AVERAGE: _figure(mean) for mean in _means(profile)}


def dummy(profile: Multioutput) -> dict[str, float | None]:
    """The means of what the best constant of each target would have reached."""
    found: dict[str, float | None] = {}
    of = {name: _dummy(target) for name, target in profile.targets.items()}
    for mean in _means(profile):
        values = [of[name].get(mean.metric.name) for name in mean.figures]
        known = [v for v in values if v is not None]
        found[mean.metric.name + AVERAGE] = float(np.mean(known)) if len(known) == len(values) else None
    return found


def paired(one: Multioutput, other: Multioutput) -> dict[str, Floats | Interval]:
    """Of each mean, the difference `other - one` without each fold of the rows, which are the same in both."""
    with np.errstate(all="ignore"):
        first, second = ({m.metric.name + AVERAGE: m for m in _means(profile)} for profile in (one, other))
        found = {name: (first[name], second[name]) for name in first if name in second}
        folds = {name: (mean, _folds(mean), _folds(its)) for name, (mean, its) in found.items()}
    few = {of: _few_apart(one, other, of) for of in {_kind(mean) for mean, _ in found.values()}}
    return {
        name: Interval.none(why) if (why := few[_kind(mean)]) else theirs - mine
        for name, (mean, mine, theirs) in folds.items()
        if mine is not None and theirs is not None
    }


def _kind(mean: _Mean) -> tuple[type[Target], bool]:
    """The kind of its targets, and whether it is of scores."""
    return (Regression, False) if isinstance(mean.metric, regression.Of) else (Classification, mean.metric.scores)


def _few_apart(one: Multioutput, other: Multioutput, of: tuple[type[Target], bool]) -> str:
    kind, scores = of
    first, second = ([t for t in profile.targets.values() if isinstance(t, kind)] for profile in (one, other))
    return apart_in_folds(first, second, scores=scores)


def _dummy(target: Target) -> Mapping[str, float | None]:
    if isinstance(target, Classification):
        return classes.dummy(target)
    return {name: figure.value for name, figure in baseline.dummy(target).items()}


def _means(profile: Multioutput) -> Iterator[_Mean]:
    numbers = {n: t for n, t in profile.targets.items() if isinstance(t, Regression)}
    labels = {n: t for n, t in profile.targets.items() if isinstance(t, Classification)}
    if numbers:
        yield from _of_numbers(numbers)
    if labels:
        yield from _of_classes(labels)


def _of_numbers(targets: Mapping[str, Regression]) -> Iterator[_Mean]:
    figures = {name: regression.measure(target) for name, target in targets.items()}
    folds = [Errors(t.folds.others(), not t.weighted) for t in targets.values() if t.folds.groups]
    first = next(iter(targets.values()))
    for metric in regression.REGRESSION:
        if metric.name in _OF_RANGES:
            continue

        def without(metric: regression.Of = metric) -> Floats | None:
            return np.mean([metric.of(each) for each in folds], axis=0) if folds else None

        own = {name: found[metric.name] for name, found in figures.items()}
        yield _Mean(metric, own, without, first.folds.facts[:, 0].astype(np.float64))


def _of_classes(targets: Mapping[str, Classification]) -> Iterator[_Mean]:
    figures = {name: classes.measure(target) for name, target in targets.items()}
    folds = [found for t in targets.values() if (found := without_folds(t)) is not None]
    totals = [quality(target) for target in targets.values()]
    first = next(iter(targets.values()))
    thin = _thin([*targets.values()])
    kinds = [{m.name: m for m in classes.metrics_of(t.classes)} for t in targets.values()]
    for name, metric in kinds[0].items():
        same = [kind[name] for kind in kinds if name in kind]
        if len(same) < len(kinds) or name.endswith(_NO_MEAN_OF):
            continue

        def without(same: list[Metric[Quality]] = same) -> Floats | None:
            if len(folds) < len(same) or (same[0].scores and not all(each.curves for each in folds)):
                return None
            if same[0].scores and any(map(_coarse, same, totals, folds)):
                return None
            return np.mean([m.of(each) for m, each in zip(same, folds, strict=True)], axis=0)

        own = {target: found[name] for target, found in figures.items()}
        yield _Mean(metric, own, without, first.folds.confusion.sum((1, 2)).astype(np.float64), thin)


def _coarse(metric: Metric[Quality], total: Quality, without: Quality) -> str:
    return unresolved(metric, total, without, all_folds(without), total.sizes - without.sizes)


def _thin(targets: Sequence[Classification]) -> str:
    found = [quality(target) for target in targets]
    least = LEAST_WRONG if found[0].whole else LEAST_WRONG_IN_WEIGHTS
    if min(one.rarest for one in found) < LEAST_OF_A_CLASS:
        return f"a class has fewer than {LEAST_OF_A_CLASS} rows"
    return f"fewer than {least} rows are predicted wrong" if min(one.wrong for one in found) < least else ""


def _figure(mean: _Mean) -> Figure:
    name, each = mean.metric.name + AVERAGE, mean.figures
    rows = min(figure.rows for figure in each.values())
    for target, own in each.items():
        if own.value is None:
            return undefined(name, rows, f"`{target}`: {own.reason}")
    value = float(np.mean([own.value for own in each.values() if own.value is not None]))
    bound = float(np.mean([own.bound for own in each.values()]))
    return figure(name, value, rows, _interval(mean, value), bound=bound, within=mean.metric.within)


def _interval(mean: _Mean, value: float) -> Interval:
    """There is one where each target has its own."""
    metric = mean.metric
    for target, own in mean.figures.items():
        if own.low is None or own.high is None:
            return Interval.none(f"`{target}`: {own.reason}" if len(mean.figures) > 1 else own.reason)
    if len(mean.figures) == 1:
        (own,) = mean.figures.values()
        return Interval(own.low, own.high, own.method, allows=True)
    if mean.thin:
        return Interval.none(mean.thin)
    without = _folds(mean)
    if without is None:
        return Interval.none(_OWN_WAY if isinstance(metric, regression.Of) and metric.interval else _NO_FOLDS)
    if isinstance(metric, regression.Of):
        found = of_folds(metric.on.there(without), mean.sizes.sum() - mean.sizes)
        return interval_on(metric.on, value, found, metric.within, "jackknife")
    return jackknife(value, without, mean.sizes, within=metric.within, logit=metric.logit)


def _folds(mean: _Mean) -> Floats | None:
    metric = mean.metric
    if metric.no_interval or (isinstance(metric, regression.Of) and metric.interval is not None):
        return None
    return mean.without()
