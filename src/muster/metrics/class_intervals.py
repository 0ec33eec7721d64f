"""Which interval a metric of classes has, and where it has none."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from muster.metrics.figure import Interval
from muster.metrics.intervals import jackknife, share_of_folds, wilson
from muster.metrics.label_intervals import LEAST_HIT, LEAST_WRONG, too_few_hit
from muster.metrics.labels import Labels
from muster.metrics.metric import Metric
from muster.metrics.quality import Quality
from muster.metrics.resolution import all_folds, unresolved, unresolved_labels
from muster.metrics.uneven import less_bias

__all__ = ["LEAST_HIT_IN_WEIGHTS", "LEAST_OF_A_CLASS", "LEAST_WRONG_IN_WEIGHTS", "interval_of"]

LEAST_OF_A_CLASS = 30
"""With fewer rows of a class, intervals other than those of shares were seen to cover the truth too seldom."""

LEAST_WRONG_IN_WEIGHTS = 100
"""The same of rows that are predicted wrong: few of them make up most of what can vary."""

LEAST_IN_TOP = 20
"""The same of rows with the highest scores."""

_BY_CLASS = ("_macro", "balanced_accuracy")
"""Those of several classes to which the rarest one counts as much as the others."""

_IN_WEIGHTS = 4
"""Where rows have weights, so many times the rows have to be predicted right."""

LEAST_HIT_IN_WEIGHTS = _IN_WEIGHTS * LEAST_HIT
"""Rows of a class that are predicted right."""


def interval_of(
    metric: Metric[Quality], value: float, total: Quality, without: Quality | None, divided: Labels | None = None
) -> Interval:
    """`divided` are the labels of all folds that a threshold leaves open, as it divides one of their cells."""
    if metric.no_interval:
        return Interval.none(metric.no_interval)
    if total.whole and metric.share is not None:
        return wilson(*metric.share(total))
    if few := _too_few(metric, total):
        return Interval.none(few)
    if total.whole and metric.counted is not None:
        return metric.counted(total)
    if total.whole and metric.interval is not None:
        return metric.interval(total)
    if without is None:
        return Interval.none("no folds of the rows are kept for it")
    sizes = total.sizes - without.sizes
    if coarse := _coarse(metric, total, without, divided):
        return Interval.none(coarse)
    if metric.share is not None or metric.rate:
        most = metric.top * total.sizes[0] if metric.rate else np.inf
        return share_of_folds(value, metric.of(without), sizes, most=most)
    if metric.enlarged:
        return less_bias(value, float(metric.of(all_folds(without))[0]), metric.of(without), sizes)
    return jackknife(value, metric.of(without), sizes, within=metric.within, logit=metric.logit)


def _coarse(metric: Metric[Quality], total: Quality, without: Quality, divided: Labels | None) -> str:
    sizes = total.sizes - without.sizes
    if metric.scores:
        return unresolved(metric, total, without, all_folds(without), sizes)
    if divided is None:
        return ""
    return unresolved_labels(metric, total, without, replace(without, labels=divided), sizes)


def _too_few(metric: Metric[Quality], total: Quality) -> str:
    """Why there are too few rows of some kind for an interval; empty if there are enough. Metrics that are `counted` say so themselves."""
    two, counted = total.labels.hits.shape[1] == 2, total.whole and metric.counted is not None
    if total.rarest < LEAST_OF_A_CLASS and (not counted if two else metric.name.endswith(_BY_CLASS)):
        return f"a class has fewer than {LEAST_OF_A_CLASS} rows"
    if counted:
        return ""
    if metric.top and metric.top * total.sizes[0] < LEAST_IN_TOP:
        return f"fewer than {LEAST_IN_TOP} rows are in the top"
    least = LEAST_WRONG if total.whole else LEAST_WRONG_IN_WEIGHTS
    if total.wrong < least and not (metric.top or (total.whole and metric.interval is not None)):
        return f"fewer than {least} rows are predicted wrong"
    if not metric.right or total.counts is None:
        return ""
    return too_few_hit(total.counts, each=metric.right == "each", times=_IN_WEIGHTS)
