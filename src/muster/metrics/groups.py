"""What is told of one group of rows where groups are treated alike or not: the rates of a class, or how numbers are predicted."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from muster.metrics.classes import LEAST_OF_A_CLASS, of_lane
from muster.metrics.figure import Figure, Interval, figure, undefined
from muster.metrics.intervals import wilson
from muster.metrics.moments import LEAST_OF_A_MEAN, student
from muster.metrics.quality import Quality, at_threshold, scores_of
from muster.metrics.regression import errors_of
from muster.metrics.regression import measure as measure_numbers
from muster.profiles.classification import Classification
from muster.profiles.keys import Floats
from muster.profiles.regression import Regression
from muster.profiles.tally import BRIER, lanes_of

__all__ = ["LEAST_OF_A_GROUP", "RATES", "Group", "Measurement", "group_of_class", "group_of_labels", "group_of_numbers"]

Measurement = Classification | Regression

LEAST_OF_A_GROUP = 30
"""A group of fewer rows is told, and decides nothing."""

_NO_ROW = "there is no row"
_WEIGHTS = "no folds of the rows are kept for it"


class Group(Mapping[str, Figure]):
    """The figures of one group, by name."""

    def __init__(self, rows: int, figures: Mapping[str, Figure]) -> None:
        self.rows, self._figures = rows, dict(figures)

    @property
    def small(self) -> bool:
        """Whether it has too few rows to decide anything."""
        return self.rows < LEAST_OF_A_GROUP

    def __getitem__(self, name: str) -> Figure:
        try:
            return self._figures[name]
        except KeyError:
            raise KeyError(f"there is no figure `{name}`; there are {', '.join(self._figures)}") from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._figures)

    def __len__(self) -> int:
        return len(self._figures)


@dataclass(frozen=True, slots=True)
class _Rate:
    """A share of rows, of those of a table of others and own by actual and predicted class; `why` it may not be defined."""

    part: Callable[[Floats], Floats]
    of: Callable[[Floats], Floats]
    why: str

    def value(self, table: Floats) -> Floats:
        part, of = self.part(table), self.of(table)
        return np.divide(part, of, out=np.full(np.shape(of), np.nan), where=of > 0)


def _sum(*places: tuple[int, int]) -> Callable[[Floats], Floats]:
    return lambda table: np.asarray(sum(table[..., a, p] for a, p in places), np.float64)


_TN, _FP, _FN, _TP = (0, 0), (0, 1), (1, 0), (1, 1)
_ALL = _sum(_TN, _FP, _FN, _TP)
_ABSENT, _ALONE = "no row is of the class", "all rows are of the class"

RATES: Mapping[str, _Rate] = {
    "selection_rate": _Rate(_sum(_FP, _TP), _ALL, _NO_ROW),
    "accuracy": _Rate(_sum(_TN, _TP), _ALL, _NO_ROW),
    "true_positive_rate": _Rate(_sum(_TP), _sum(_FN, _TP), _ABSENT),
    "false_positive_rate": _Rate(_sum(_FP), _sum(_TN, _FP), _ALONE),
    "true_negative_rate": _Rate(_sum(_TN), _sum(_TN, _FP), _ALONE),
    "false_negative_rate": _Rate(_sum(_FN), _sum(_FN, _TP), _ABSENT),
    "positive_predictive_value": _Rate(_sum(_TP), _sum(_FP, _TP), "no row was predicted as the class"),
    "negative_predictive_value": _Rate(_sum(_TN), _sum(_TN, _FN), "every row was predicted as the class"),
    "base_rate": _Rate(_sum(_FN, _TP), _ALL, _NO_ROW),
}
"""Shares of rows, by the names that fairlearn has where it has them."""


def group_of_class(
    profile: Classification, total: Quality, label: int, threshold: float | None = None, *, scores: bool = True
) -> Group:
    """The rates of a class against all others, with the labels given or in binary with those of a threshold; `total` is the quality of
    the profile. Without `scores` what labels tell.
    """
    table, corners = _table(total.labels.confusion[0], label), None
    if threshold is not None:
        labelled, four = at_threshold(total.curves[0], scores_of(profile, 0), threshold)
        table, corners = labelled.confusion[0], four.confusion
    figures = {name: _rate(name, table, corners, total) for name in RATES}
    lanes = {of: lane for lane, of in enumerate(lanes_of(profile.classes))} if profile.lanes else {}
    if scores and label in lanes:
        figures |= _of_scores(profile, total, lanes[label], table)
    return Group(profile.rows, figures)


def group_of_labels(profile: Classification, total: Quality) -> Group:
    """What there is to tell of several classes at once."""
    confusion = total.labels.confusion[0]
    right = float(np.trace(confusion))
    table = np.array([[right, float(confusion.sum()) - right], [0.0, 0.0]])
    return Group(profile.rows, {"accuracy": _rate("accuracy", table, None, total)})


def group_of_numbers(profile: Regression) -> Group:
    """How large predictions are, and how far off."""
    errors, found = errors_of(profile), measure_numbers(profile)
    rows, mass = profile.rows, float(errors.mass[0])
    figures = {}
    for name, moment in (("mean_prediction", "predicted"), ("mean_actual", "actual")):
        if not mass > 0:
            figures[name] = undefined(name, rows, "all weights are 0" if rows else _NO_ROW)
            continue
        value = float(errors.moment(moment)[0] + errors.moment(f"{moment}_rest")[0])
        variance = float(errors.moment(f"{moment}_2")[0]) / mass
        figures[name] = figure(name, value, rows, _of_mean(value, variance, rows, whole=errors.whole))
    return Group(rows, figures | {name: found[name] for name in ("mae", "rmse", "mean_error")})


def _table(confusion: Floats, label: int) -> Floats:
    """Others and own, by actual and predicted class."""
    rest = np.delete(np.delete(confusion, label, 0), label, 1).sum()
    others, missed = (np.delete(side, label).sum() for side in (confusion[:, label], confusion[label]))
    return np.array([[rest, others], [missed, confusion[label, label]]], np.float64)


def _rate(name: str, table: Floats, corners: Floats | None, total: Quality) -> Figure:
    rate = RATES[name]
    value = float(rate.value(table))
    bound = 0.0 if corners is None else float(np.nanmax(np.abs(rate.value(corners) - value), initial=0.0))
    interval = wilson(float(rate.part(table)), float(rate.of(table))) if total.whole else Interval.none(_WEIGHTS)
    return figure(name, value, int(total.sizes[0]), interval, bound=bound, why=rate.why, within=(0.0, 1.0))


def _of_scores(profile: Classification, total: Quality, lane: int, table: Floats) -> dict[str, Figure]:
    assert total.bins is not None
    own = int(profile.tally.confusion[0, lanes_of(profile.classes)[lane]].sum())
    alone = replace(total, bins=total.bins[lane : lane + 1])
    figures = {name: of_lane(name, alone, None, lane, own) for name in ("roc_auc", "calibration_loss")}
    rows, mass = profile.rows, float(table.sum())
    scores = float(total.bins[lane, :, 2].sum())
    mean = scores / mass if mass > 0 else np.nan
    figures["mean_score"] = figure("mean_score", mean, rows, Interval.none(_SPREAD), why=_NO_ROW)
    apart = (scores - float(table[1].sum())) / mass if mass > 0 else np.nan
    interval = _of_apart(profile, total, apart, min(own, rows - own))
    figures["calibration_in_the_large"] = figure("calibration_in_the_large", apart, rows, interval, why=_NO_ROW)
    return figures


_SPREAD = "how single scores are spread is not kept for it"


def _of_apart(profile: Classification, total: Quality, apart: float, rarest: int) -> Interval:
    """Of the mean of scores less outcomes, whose squares make up the Brier score."""
    if not total.whole:
        return Interval.none(_WEIGHTS)
    if profile.classes > 2:
        return Interval.none(_SPREAD)
    if rarest < LEAST_OF_A_CLASS:
        return Interval.none(f"a class has fewer than {LEAST_OF_A_CLASS} rows")
    assert total.losses is not None
    return student(apart, float(total.losses[0, BRIER]) / profile.rows - apart**2, profile.rows, (-1.0, 1.0))


def _of_mean(value: float, variance: float, rows: int, *, whole: bool) -> Interval:
    if not whole:
        return Interval.none(_WEIGHTS)
    if rows < LEAST_OF_A_MEAN:
        return Interval.none(f"it takes {LEAST_OF_A_MEAN} rows")
    return student(value, variance, rows)
