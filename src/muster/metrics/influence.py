"""How far each row moves the metrics that take the order of rows, from pairs of prediction and actual value.

To first order, as the delta method has it; of squares of pairs, their middles.
"""

from __future__ import annotations

import numpy as np

from muster.metrics.quantiles import between, quantile
from muster.metrics.ranks import actual_steps
from muster.metrics.uneven import Influence, of_rows
from muster.profiles.cells import CellCounts
from muster.profiles.keys import Cells, Floats, ordered
from muster.profiles.regression import Regression

__all__ = ["of_explained", "of_gini"]


def of_explained(profile: Regression, alpha: float) -> Influence:
    """Of the logarithm of pinball loss / that of the best constant. That the constant moves with the rows makes no difference, as the
    loss is least there.
    """
    low_f, high_f, low_e, high_e, rows = profile.apart.squares()
    error = between(low_e, high_e)
    actual = between(low_f, high_f) - error
    at, _ = quantile(actual_steps(profile), alpha)
    loss, constant = _pinball(-error, alpha), _pinball(actual - at, alpha)
    return of_rows(loss / (rows * loss).sum() - constant / (rows * constant).sum(), rows)


def of_gini(profile: Regression, value: float) -> Influence:
    """Of the normalised Gini, on the scale of Fisher's z."""
    low_f, high_f, low_y, high_y, rows = profile.together.squares()
    predicted, actual = between(low_f, high_f), between(low_y, high_y)
    n = rows.sum()
    middle = float((rows * actual).sum() / n)
    sides = [
        _order(cells, values, sums, actual - middle)
        for cells, values, sums in (
            (profile.predicted, predicted, profile.predicted.sums[:, 2]),
            (profile.actual, actual, profile.actual.sums[:, 1]),
        )
    ]
    by_prediction, by_actual = (side - (rows * side).sum() / n for side in sides)
    area = float((rows * sides[1]).sum() / n) / 2
    return of_rows((by_prediction - value * by_actual) / (area * n * (1 - value * value)), rows)


def _order(cells: CellCounts, values: Floats, sums: Floats, above: Floats) -> Floats:
    """Of the area under the curve by `cells`: what each row adds of its own, and by moving those behind it; but for a constant."""
    n = cells.rows
    counts = cells.counts[:, 0].astype(np.float64)
    centred = sums - counts * (sums.sum() / n)
    rank = (np.cumsum(counts) - counts / 2) / n - 0.5
    before = (np.cumsum(centred[::-1])[::-1] - centred / 2) / n
    place = _place(cells, values)
    return above * rank[place] + before[place]


def _place(cells: CellCounts, values: Floats) -> Cells:
    """The cell of each value, or the nearest one above."""
    found = np.searchsorted(cells.cells, ordered(values) >> cells.shift)
    return np.minimum(found, len(cells.cells) - 1)


def _pinball(short: Floats, alpha: float) -> Floats:
    return np.where(short > 0, alpha, alpha - 1) * short
