"""Whether two models differ on enough of the same rows for an interval of how much they do."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from muster.metrics.figure import Interval
from muster.metrics.labels import Labels
from muster.metrics.metric import Metric
from muster.metrics.quality import Quality
from muster.metrics.resolution import all_folds, unresolved
from muster.profiles.keys import Floats

__all__ = ["LEAST_APART", "apart_in", "same_answers", "told_apart"]

LEAST_APART = 10
"""In fewer folds of rows, the jackknife of a difference was seen to cover the truth too seldom; it has no width where none differs."""

_ROUNDING = 1e-12


def told_apart(
    metric: Metric[Quality], totals: tuple[Quality, Quality], without: tuple[Quality, Quality]
) -> Floats | Interval:
    """The difference of two, the second less the first, without each fold of the rows; or why it tells no interval."""
    one, other = without
    for total, rest in zip(totals, without, strict=True):
        if metric.scores and (coarse := unresolved(metric, total, rest, all_folds(rest), total.sizes - rest.sizes)):
            return Interval.none(coarse)
    if few := apart_in(_moved(metric, one, other), scores=metric.scores):
        return Interval.none(few)
    apart = np.asarray(metric.of(other) - metric.of(one), np.float64)
    return Interval(0.0, 0.0, "same ranks") if _ranked_alike(metric, one, apart) else apart


def _ranked_alike(metric: Metric[Quality], one: Quality, apart: Floats) -> bool:
    """Whether a figure of all ranks is the same without each fold; where it is the best there is, the ranks may differ all the same."""
    if metric.bound is None or metric.top or not (np.abs(apart) <= _ROUNDING).all():
        return False
    return bool((metric.of(one) < metric.within[1] - _ROUNDING).all())


def same_answers(one: Quality, other: Quality) -> bool:
    """Whether both gave every row the same scores, as far as their losses and labels in each fold tell."""
    if one.losses is None or other.losses is None:
        return False
    pairs = ((one.losses, other.losses), (one.labels.confusion, other.labels.confusion))
    return all(bool((np.abs(a - b) <= _ROUNDING * np.maximum(1.0, np.abs(a))).all()) for a, b in pairs)


def apart_in(moved: Floats, *, scores: bool) -> str:
    """Why there would be no valid interval, from how much each fold moves the figure; empty if there is one."""
    apart = int((np.abs(moved) > _ROUNDING).sum())
    if apart >= LEAST_APART:
        return ""
    what = "scores" if scores else "labels"
    if not apart:
        return f"the {what} of both say the same of all rows that count for it"
    return f"the {what} of both differ on too few rows"


def _moved(metric: Metric[Quality], one: Quality, other: Quality) -> Floats:
    """How much the figure of the first moves with the answers of the second in each fold; of scores how much their losses do."""
    if metric.scores:
        assert one.losses is not None
        assert other.losses is not None
        own, its = (_own(q.losses) for q in (one, other) if q.losses is not None)
        return np.asarray(np.abs(own - its).max(1) / np.maximum(1.0, np.abs(own).max(1)), np.float64)
    its = _own(other.labels.confusion)
    mixed = metric.of(replace(one, labels=Labels(one.labels.confusion + its)))
    unmixed = metric.of(replace(one, labels=Labels(one.labels.confusion + _own(one.labels.confusion))))
    return np.nan_to_num(mixed - unmixed)


def _own(others: Floats) -> Floats:
    """Of each fold itself, from that of all others."""
    total = others.sum(0, keepdims=True) / max(len(others) - 1, 1)
    return np.asarray(total - others, np.float64)
