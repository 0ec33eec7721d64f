"""What decisions cost: a number for each pair of actual and predicted class."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from muster.errors import InvalidInput
from muster.metrics.labels import Labels, share
from muster.profiles.keys import Floats

__all__ = ["cost_matrix", "mean_cost"]


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


def mean_cost(labels: Labels, costs: Floats) -> Floats:
    """Of a row, for each group."""
    return share((labels.confusion * costs).sum((1, 2)), labels.total)
