"""Whether two models differ on enough of the same rows for an interval of how much they do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from muster.metrics.figure import Interval
from muster.metrics.labels import Labels
from muster.metrics.metric import Metric
from muster.metrics.quality import Quality
from muster.metrics.resolution import all_folds, unresolved
from muster.profiles.classification import Classification
from muster.profiles.keys import Floats
from muster.profiles.label_sets import RANKED
from muster.profiles.multilabel import Multilabel
from muster.profiles.regression import Regression

__all__ = ["LEAST_APART", "apart_in", "apart_in_folds", "differ", "same_answers", "told_apart"]

Counted: TypeAlias = Classification | Regression | Multilabel

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
    if few := apart_in(_moved(metric, one, other), "scores" if metric.scores else "labels"):
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


def apart_in_folds(one: Sequence[Counted], other: Sequence[Counted], *, scores: bool | None = None) -> str:
    """The same as of `told_apart`, of whole profiles: why two differ in too few folds of the rows; empty if in enough.

    Of classes and labels in `scores`, or in labels; None in any of these.
    """
    of = (True, False) if scores is None else (scores,)
    held = ([array for profile in each for s in of for array in _held(profile, scores=s)] for each in (one, other))
    moved = [differ(a, b) for a, b in zip(*held, strict=True) if a.size]
    kind = "predictions" if scores is None or isinstance(one[0], Regression) else "scores" if scores else "labels"
    return apart_in(np.max([m.reshape(len(m), -1).max(1) for m in moved], axis=0), kind)


def differ(sums: NDArray[Any], others: NDArray[Any]) -> Floats:
    """1 where two sums are of different answers, and 0 where rounding can be all that is between them."""
    with np.errstate(invalid="ignore"):  # of sums beyond what doubles hold no difference is known
        return np.asarray(np.abs(sums - others) > _ROUNDING * np.abs(sums), np.float64)


def _held(profile: Counted, *, scores: bool) -> Iterator[NDArray[Any]]:
    """What its folds hold of the answers, each (folds, …)."""
    match profile:
        case Regression():
            yield profile.folds.sums
        case Classification():
            yield profile.folds.losses if scores else profile.folds.confusion
        case Multilabel():
            terms, ranked = profile.sets.terms, len(RANKED) if profile.scores else 0
            first = terms.shape[1] - ranked
            yield terms[:, first:] if scores else terms[:, :first]
            for label in profile.labels:
                yield from _held(label, scores=scores)


def apart_in(moved: Floats, what: str) -> str:
    """Why there would be no valid interval, from how much each fold moves the figure; empty if there is one."""
    apart = int((np.abs(moved) > _ROUNDING).sum())
    if apart >= LEAST_APART:
        return ""
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
