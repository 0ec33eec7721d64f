"""Which classes are taken for which."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from muster.errors import InvalidInput
from muster.metrics.costs import cost_matrix
from muster.metrics.intervals import wilson
from muster.metrics.labels import share
from muster.metrics.quality import at_threshold, quality, scores_of
from muster.metrics.screen import Screen
from muster.profiles.classification import Classification
from muster.profiles.keys import Floats

__all__ = ["Confused", "Confusion", "confused_pairs", "confusion", "confusion_of"]

SHOWN = 30
"""Classes of which each has its own row and column."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Confusion(Screen):
    """Rows (or weights) by actual and predicted class, `counts[actual][predicted]`, in the order of `classes`.

    `by_row` are shares of the actual class, `by_column` of the predicted one, NaN where it has no row; `costs`, where costs are given,
    what the rows of each pair cost together. `others` classes are taken together in the last row and column, if any. `bound` is of
    single counts, where a threshold divides a cell of scores.
    """

    classes: tuple[str, ...]
    counts: Floats
    by_row: Floats
    by_column: Floats
    costs: Floats | None = None
    others: int = 0


def confusion(
    profile: Classification,
    classes: Sequence[object],
    *,
    threshold: float | None = None,
    costs: ArrayLike | None = None,
    most: int = SHOWN,
    by_confusion: bool = False,
) -> Confusion:
    """With the labels given, or in binary with those of a threshold. `by_confusion` puts the most confused classes first.

    Of more than `most` classes the most confused ones are shown, and the others taken together.
    """
    counts, bound = _counts(profile, threshold)
    return confusion_of(counts, profile.rows, classes, bound=bound, costs=costs, most=most, by_confusion=by_confusion)


def confusion_of(
    counts: Floats,
    rows: int,
    classes: Sequence[object],
    *,
    bound: float = 0.0,
    costs: ArrayLike | None = None,
    most: int = SHOWN,
    by_confusion: bool = False,
) -> Confusion:
    """Of `rows` rows that were counted; likewise."""
    names = tuple(str(name) for name in classes)
    if len(names) != len(counts):
        raise InvalidInput(f"{len(names)} names are given for {len(counts)} classes")
    spent = None if costs is None else counts * cost_matrix(costs, len(counts))
    order = np.arange(len(names))
    if by_confusion or len(names) > most:
        order = np.argsort(-_wrong(counts), kind="stable")
    kept = order if len(names) <= most else order[: most - 1]
    if not by_confusion:
        kept = np.sort(kept)
    others = len(names) - len(kept)
    rest = order[len(kept) :]
    counts = _together(counts, kept, rest)
    shown = tuple(names[n] for n in kept) + ((f"{others} others",) if others else ())
    return Confusion(
        rows=rows,
        bound=bound,
        bounded="rows of a cell",
        classes=shown,
        counts=counts,
        by_row=share(counts, counts.sum(1, keepdims=True)),
        by_column=share(counts, counts.sum(0, keepdims=True)),
        costs=None if spent is None else _together(spent, kept, rest),
        others=others,
    )


def _counts(profile: Classification, threshold: float | None) -> tuple[Floats, float]:
    total = quality(profile)
    if threshold is None:
        return total.labels.confusion[0], 0.0
    if profile.classes != 2 or not total.curves:
        raise InvalidInput("a threshold needs the probabilities of two classes")
    labelled, corners = at_threshold(total.curves[0], scores_of(profile, 0), threshold)
    return labelled.confusion[0], float(np.abs(corners.confusion - labelled.confusion).max())


def _wrong(counts: Floats) -> Floats:
    """Rows of each class that were taken for another, and the other way round."""
    return counts.sum(0) + counts.sum(1) - 2 * np.diagonal(counts)


def _together(counts: Floats, kept: np.typing.NDArray[np.int64], rest: np.typing.NDArray[np.int64]) -> Floats:
    """Those kept, and the sum of the rest behind them."""
    if not len(rest):
        return counts[np.ix_(kept, kept)]
    rows = np.concatenate([counts[kept], counts[rest].sum(0, keepdims=True)])
    return np.concatenate([rows[:, kept], rows[:, rest].sum(1, keepdims=True)], axis=1)


@dataclass(frozen=True, eq=False, kw_only=True)
class Confused(Screen):
    """The most frequent mistakes: `count` rows (or weights) of the class `actual` were taken for `predicted`.

    `part` is their share of the actual class, with its 95 % interval (Wilson; NaN for weights); `mistakes` is their share of all mistakes.
    """

    actual: tuple[str, ...]
    predicted: tuple[str, ...]
    count: Floats
    part: Floats
    low: Floats
    high: Floats
    mistakes: Floats


def confused_pairs(profile: Classification, classes: Sequence[object], most: int = 20) -> Confused:
    counts = quality(profile).labels.confusion[0].copy()
    actual = counts.sum(1)
    np.fill_diagonal(counts, 0.0)
    places = np.argsort(-counts, axis=None, kind="stable")[:most]
    rows, columns = np.unravel_index(places, counts.shape)
    some = counts[rows, columns] > 0
    rows, columns = rows[some], columns[some]
    count = counts[rows, columns]
    limits = [wilson(h, n) for h, n in zip(count, actual[rows], strict=True)] if not profile.weighted else []
    nothing = np.full(len(count), np.nan)
    return Confused(
        rows=profile.rows,
        actual=tuple(str(classes[n]) for n in rows),
        predicted=tuple(str(classes[n]) for n in columns),
        count=count,
        part=share(count, actual[rows]),
        low=np.array([i.low for i in limits], np.float64) if limits else nothing,
        high=np.array([i.high for i in limits], np.float64) if limits else nothing,
        mistakes=share(count, np.full(len(count), counts.sum())),
    )
