"""What decisions cost: a number for each pair of actual and predicted class."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from muster.errors import InvalidInput
from muster.metrics.label_intervals import mean_of_rows
from muster.metrics.labels import Labels, share
from muster.metrics.metric import Metric
from muster.metrics.quality import Quality
from muster.profiles.keys import Floats
from muster.profiles.question import Question

__all__ = ["cheapest_label", "cost_matrix", "cost_metric", "costs_of", "mean_cost"]


def cost_matrix(costs: ArrayLike, classes: int) -> Floats:
    """`costs[actual][predicted]` of one row; what is gained is negative. InvalidInput where it does not fit the classes."""
    try:
        matrix = np.asarray(costs, np.float64)
    except (TypeError, ValueError):
        raise InvalidInput("the cost matrix is not made of numbers", hint=_HINT) from None
    if matrix.shape != (classes, classes):
        raise InvalidInput(f"the cost matrix has the shape {matrix.shape}, and there are {classes} classes", hint=_HINT)
    if not np.isfinite(matrix).all():
        raise InvalidInput("the cost matrix has a number that is not finite", hint=_HINT)
    return matrix


_HINT = "give a row for each actual class and in it a number for each predicted one: [[0, 1], [5, 0]]"


def costs_of(question: Question) -> Floats | None:
    """Those that were asked with."""
    return np.array(question.costs) if question.costs else None


def cost_metric(costs: Floats) -> Metric[Quality]:
    return Metric(
        "cost",
        "Mean cost of a row",
        lambda q: mean_cost(q.labels, costs),
        "there is no row",
        "lower",
        within=(float(costs.min()), float(costs.max())),
        counted=lambda q: mean_of_rows(costs, q.labels),
    )


def cheapest_label(actual: Floats, costs: Floats) -> float:
    """The mean cost of a row where each is given the one label that costs least; `actual` are rows by class."""
    return float((share(actual, actual.sum()) @ costs).min())


def mean_cost(labels: Labels, costs: Floats) -> Floats:
    """Of a row, for each group."""
    return share((labels.confusion * costs).sum((1, 2)), labels.total)
