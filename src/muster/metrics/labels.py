"""Metrics of predicted classes, from counts by actual and predicted class. Each gives a value per group, NaN where it is not defined."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from muster.profiles.keys import Floats

__all__ = [
    "Labels",
    "accuracy",
    "balanced_accuracy",
    "f_beta",
    "hamming_loss",
    "jaccard",
    "kappa",
    "macro",
    "matthews",
    "micro",
    "precision",
    "recall",
    "specificity",
    "weighted",
]


@dataclass(frozen=True, eq=False)
class Labels:
    """Rows, or their weights, by actual and predicted class: `confusion` (groups, classes, classes)."""

    confusion: Floats

    @cached_property
    def total(self) -> Floats:
        """(groups,)."""
        return self.confusion.sum((1, 2))

    @cached_property
    def hits(self) -> Floats:
        """(groups, classes)."""
        return np.diagonal(self.confusion, axis1=1, axis2=2)

    @cached_property
    def actual(self) -> Floats:
        """(groups, classes)."""
        return self.confusion.sum(2)

    @cached_property
    def predicted(self) -> Floats:
        """(groups, classes)."""
        return self.confusion.sum(1)

    @cached_property
    def others(self) -> Floats:
        """(groups, classes): of any other class. A sum: a difference of weights would keep what rounding made of the large ones."""
        return np.asarray(self.actual @ (1.0 - np.eye(self.confusion.shape[1])))

    @cached_property
    def rest(self) -> Floats:
        """(groups, classes): neither of the class nor predicted as it, as a sum too."""
        apart = 1.0 - np.eye(self.confusion.shape[1])
        return np.asarray(((self.confusion @ apart) * apart).sum(1))


PerClass = Callable[[Floats, Floats, Floats, Floats], Floats]
"""Of hits, rows predicted as the class, rows of the class, and all rows; arrays of one shape."""


def share(part: Floats, of: Floats) -> Floats:
    """NaN where there is nothing to take a share of."""
    return np.divide(part, of, out=np.full(np.broadcast_shapes(part.shape, of.shape), np.nan), where=of > 0)


def precision(hits: Floats, predicted: Floats, _actual: Floats, _total: Floats) -> Floats:
    return share(hits, predicted)


def recall(hits: Floats, _predicted: Floats, actual: Floats, _total: Floats) -> Floats:
    return share(hits, actual)


def specificity(hits: Floats, predicted: Floats, actual: Floats, total: Floats) -> Floats:
    """The recall of the other classes together."""
    return share(total - actual - predicted + hits, total - actual)


def f_beta(beta: float) -> PerClass:
    """(1 + beta²) hits / (beta² actual + predicted), as scikit-learn's `fbeta_score`."""
    square = beta * beta

    def score(hits: Floats, predicted: Floats, actual: Floats, _total: Floats) -> Floats:
        return share((1 + square) * hits, square * actual + predicted)

    return score


def jaccard(hits: Floats, predicted: Floats, actual: Floats, _total: Floats) -> Floats:
    """Rows that are of the class and predicted as it, among those that are either."""
    return share(hits, predicted + actual - hits)


def of_classes(metric: PerClass, labels: Labels) -> Floats:
    """(groups, classes)."""
    if metric is specificity:
        return share(labels.rest, labels.others)
    return metric(labels.hits, labels.predicted, labels.actual, labels.total[:, None])


def macro(metric: PerClass) -> Callable[[Labels], Floats]:
    """The mean over the classes that occur, as actual or predicted ones."""

    def score(labels: Labels) -> Floats:
        occurs = labels.actual + labels.predicted > 0
        values = np.where(occurs, of_classes(metric, labels), 0.0)
        return share(values.sum(1), occurs.sum(1).astype(np.float64))

    return score


def weighted(metric: PerClass) -> Callable[[Labels], Floats]:
    """The mean over classes, each by its actual rows."""

    def score(labels: Labels) -> Floats:
        values = np.where(labels.actual > 0, of_classes(metric, labels), 0.0)
        return share((values * labels.actual).sum(1), labels.total)

    return score


def micro(metric: PerClass) -> Callable[[Labels], Floats]:
    """Of all decisions about every class together."""

    def score(labels: Labels) -> Floats:
        if metric is specificity:
            return share(labels.rest.sum(1), labels.others.sum(1))
        classes = labels.hits.shape[1]
        return metric(labels.hits.sum(1), labels.predicted.sum(1), labels.actual.sum(1), classes * labels.total)

    return score


def accuracy(labels: Labels) -> Floats:
    return share(labels.hits.sum(1), labels.total)


def hamming_loss(labels: Labels) -> Floats:
    """The share of wrong labels, which with one label a row is 1 - accuracy."""
    return share(labels.total - labels.hits.sum(1), labels.total)


def balanced_accuracy(labels: Labels) -> Floats:
    """The mean recall of the classes that occur as actual ones."""
    occurs = labels.actual > 0
    recalls = np.where(occurs, of_classes(recall, labels), 0.0)
    return share(recalls.sum(1), occurs.sum(1).astype(np.float64))


def kappa(labels: Labels) -> Floats:
    """Agreement beyond chance (Cohen 1960)."""
    chance = (labels.actual * labels.predicted).sum(1)
    return share(labels.total * labels.hits.sum(1) - chance, _apart(labels.actual, labels.predicted))


def matthews(labels: Labels) -> Floats:
    """The correlation of actual and predicted classes (Matthews 1975; of many classes Gorodkin 2004)."""
    together = labels.total * labels.hits.sum(1) - (labels.actual * labels.predicted).sum(1)
    alone = _apart(labels.actual, labels.actual) * _apart(labels.predicted, labels.predicted)
    return share(together, np.sqrt(alone))


def _apart(a: Floats, b: Floats) -> Floats:
    """Pairs of one row of each that are of different classes: exactly 0 where there are none, whatever rounding does to weights."""
    return (a * (b @ (1.0 - np.eye(b.shape[1])))).sum(1)
