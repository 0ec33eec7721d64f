"""95 % intervals of metrics of predicted classes, from counts of rows alone: no folds are needed, and every threshold has its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np

from muster.metrics.figure import Interval
from muster.metrics.intervals import Z, wilson
from muster.metrics.labels import Labels, PerClass
from muster.profiles.keys import Floats

__all__ = [
    "LEAST_HIT", "LEAST_HIT_OF_EACH", "LEAST_WRONG", "MOST_CLASSES", "f_beta_interval", "leave_one_out", "mean_of_rows", "mean_of_two",
    "of_accuracy", "too_few_hit",
]  # fmt: skip

LEAST_WRONG = 20
"""With fewer rows that are predicted wrong, intervals other than those of shares were seen to cover the truth too seldom."""

LEAST_HIT, LEAST_HIT_OF_EACH = 10, 5
"""The same of rows predicted right: of all classes but the most frequent one together, and of each where each counts alike."""

MOST_CLASSES = 20
"""Of more, rows are not left out one by one."""

Scale = Literal["logit", "fisher"]


def f_beta_interval(beta: float, hits: float, predicted: float, actual: float) -> Interval:
    """Of F-beta: Wilson's, for as many rows as make a share as sure as it (by the delta method). It has a width also at 0 and 1.

    Of F1 it is nearly Wilson's interval of Jaccard's share J turned to 2 J / (1 + J), and at 0 and 1 it is that.
    """
    square = beta * beta
    weighed = square * actual + predicted
    if not weighed > 0:
        return Interval.none("there is no row to take a share of")
    missed, alarms = actual - hits, predicted - hits
    value = (1 + square) * hits / weighed
    # What an error counts, on average. One of the dearer kind is added: that few of them occurred says little.
    dear = max(1.0, square)
    counts = (square * square * missed + alarms + dear * dear) / (square * missed + alarms + dear)
    rows = weighed / ((1 - value) * (1 + square) + value * counts)
    return wilson(value * rows, rows)


def mean_of_two(labels: Labels) -> Interval:
    """Of the mean of the recalls of two classes, which are shares of different rows (MOVER, Zou and Donner 2008, of Wilson's)."""
    hits, actual = labels.hits[0], labels.actual[0]
    if not (actual > 0).all():
        return Interval.none("a class has no row")
    value, below, above = 0.0, 0.0, 0.0
    for right, rows in zip(hits.tolist(), actual.tolist(), strict=True):
        own, share = wilson(right, rows), right / rows
        assert own.low is not None
        assert own.high is not None
        value, below, above = value + share / 2, below + (share - own.low) ** 2, above + (own.high - share) ** 2
    return Interval(value - below**0.5 / 2, value + above**0.5 / 2, "wilson of both recalls")


def of_accuracy(metric: PerClass, labels: Labels) -> Interval:
    """Of a metric of all decisions about every class together, which follows from the share of rows predicted right."""
    classes, rows = labels.hits.shape[1], labels.total
    found = wilson(float(labels.hits.sum()), float(rows[0]))
    if found.low is None or found.high is None:
        return found
    low, high = (float(metric(share * rows, rows, rows, classes * rows)[0]) for share in (found.low, found.high))
    return Interval(low, high, "wilson")


def too_few_hit(labels: Labels, *, each: bool, times: int = 1) -> str:
    """Why an interval would cover the truth too seldom, of rows counted one by one; empty if it does not."""
    hits, actual, predicted = labels.hits[0], labels.actual[0], labels.predicted[0]
    if each:
        least = LEAST_HIT_OF_EACH * times
        occurs = actual + predicted > 0
        return (
            f"fewer than {least} rows of a class are predicted right"
            if hits[occurs].min(initial=np.inf) < least
            else ""
        )
    least = LEAST_HIT * times
    others = hits.sum() - hits[actual.argmax()]
    kind = "the other class" if len(hits) == 2 else "all classes but the most frequent one"
    return f"fewer than {least} rows of {kind} are predicted right" if others < least else ""


def leave_one_out(metric: Callable[[Labels], Floats], labels: Labels, scale: Scale, *, each: bool) -> Interval:
    """From the figure without each single row (jackknife, Tukey 1958): rows of one actual and predicted class all make the same of it."""
    if few := _too_few(labels) or too_few_hit(labels, each=each):
        return Interval.none(few)
    value, without, times = _without_each(metric, labels)
    if not np.isfinite(without).all():
        return Interval.none("without some of the rows it is not defined")
    rows = times.sum()
    error = float(np.sqrt((rows - 1) / rows * (times * (without - (times * without).sum() / rows) ** 2).sum()))
    least = -1.0 if scale == "fisher" else 0.0
    if not error > 0 or not least < value < 1:
        return Interval.none("all rows say the same")
    if scale == "fisher":
        at, half = np.arctanh(value), Z * error / (1 - value * value)
        return Interval(float(np.tanh(at - half)), float(np.tanh(at + half)), "jackknife of Fisher's z")
    from scipy.special import expit

    at, half = np.log(value / (1 - value)), Z * error / (value * (1 - value))
    return Interval(float(expit(at - half)), float(expit(at + half)), "jackknife of the logit")


def mean_of_rows(each: Floats, labels: Labels) -> Interval:
    """Of the mean of what rows of each actual and predicted class count, as `each` (classes, classes) tells.

    Rare rows that count much make up most of what can vary, also those of which there is none here.
    """
    times = labels.confusion[0]
    rows = times.sum()
    if rows < 2:
        return Interval.none("too few rows for an interval")
    value = float((times * each).sum() / rows)
    apart = (each - value) ** 2
    if not (times * apart).sum() >= LEAST_WRONG * apart.max():
        return Interval.none(f"it rests on fewer than {LEAST_WRONG} rows that count much")
    error = float(np.sqrt((times * apart).sum() / (rows - 1) / rows))
    return Interval(max(value - Z * error, float(each.min())), min(value + Z * error, float(each.max())), "normal")


def _too_few(labels: Labels) -> str:
    if labels.total[0] - labels.hits.sum() < LEAST_WRONG:
        return f"fewer than {LEAST_WRONG} rows are predicted wrong"
    return (
        f"of more than {MOST_CLASSES} classes no interval of it is worked out"
        if labels.hits.shape[1] > MOST_CLASSES
        else ""
    )


def _without_each(metric: Callable[[Labels], Floats], labels: Labels) -> tuple[float, Floats, Floats]:
    """The figure, and that without a row of each actual and predicted class that occur, with how many such rows there are."""
    confusion = labels.confusion[0]
    places = np.flatnonzero(confusion)
    fewer = np.repeat(confusion.reshape(1, -1), len(places), 0)
    fewer[np.arange(len(places)), places] -= 1
    without = metric(Labels(fewer.reshape(-1, *confusion.shape)))
    return float(metric(labels)[0]), without, confusion.reshape(-1)[places]
