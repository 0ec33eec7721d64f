"""How far each row moves the metrics that take the order of rows, from pairs of prediction and actual value.

To first order, as the delta method has it; of squares of pairs, the middles of values and the mean ranks of their rows.
"""

from __future__ import annotations

import numpy as np

from muster.metrics.error_pairs import IN_SQUARES, error_pairs
from muster.metrics.quantiles import between, quantile
from muster.metrics.ranks import actual_steps
from muster.metrics.strips import Strips, strips
from muster.metrics.uneven import Influence, of_rows
from muster.profiles.keys import Cells, Floats
from muster.profiles.regression import Regression

__all__ = ["of_explained", "of_gini", "of_rank_correlation"]


def of_explained(profile: Regression, alpha: float) -> Influence | str:
    """Of the logarithm of pinball loss / that of the best constant, or why it is not known. That the constant moves with the rows makes
    no difference, as the loss is least there.
    """
    if (found := error_pairs(profile, "actual")) is None:
        return IN_SQUARES
    at, _ = quantile(actual_steps(profile), alpha)
    loss, constant = _pinball(-found.error, alpha), _pinball(found.actual - at, alpha)
    rows = found.rows
    return of_rows(loss / (rows * loss).sum() - constant / (rows * constant).sum(), rows)


def of_gini(profile: Regression, value: float) -> Influence:
    """Of the normalised Gini, on the scale of Fisher's z."""
    _, _, low_y, high_y, rows = profile.together.squares()
    actual, n = between(low_y, high_y), rows.sum()
    above = actual - (rows * actual).sum() / n
    by_prediction, by_actual = (_order(strip, above, rows) for strip in strips(profile, profile.together.places()))
    area = float((rows * by_actual).sum() / n) / 2
    each = by_prediction - value * by_actual
    return of_rows((each - (rows * each).sum() / n) / (area * n * (1 - value * value)), rows)


def of_rank_correlation(profile: Regression, value: float) -> Influence:
    """Of Spearman's, on the scale of Fisher's z."""
    rows, (x, y) = profile.together.counts, strips(profile, profile.together.places())
    n = rows.sum()
    rank_x, rank_y = x.means / n, y.means / n
    each = rank_x * rank_y + _behind(x, rank_y, rows) + _behind(y, rank_x, rows)
    # Rows that tie take from the squares of ranks, n²(n - t²) / 12 of t rows.
    spread = [side.squares / n**3 for side in (x, y)]
    ties = [(np.bincount(side.place, rows)[side.place] / n) ** 2 / 4 for side in (x, y)]
    each = each / np.sqrt(spread[0] * spread[1]) + value / 2 * sum(t / s for t, s in zip(ties, spread, strict=True))
    return of_rows((each - (rows * each).sum() / n) / (n * (1 - value * value)), rows)


def _order(strip: Strips, above: Floats, rows: Cells) -> Floats:
    """What a row adds to the area under the curve of `above`: of its own, and by moving those behind it; but for a constant."""
    return above * strip.means / rows.sum() + _behind(strip, above, rows)


def _behind(strip: Strips, above: Floats, rows: Cells) -> Floats:
    """The mean over all rows of `above`, of those that a row stands behind; of ties half."""
    sums = np.bincount(strip.place, rows * above)
    return ((np.cumsum(sums[::-1])[::-1] - sums / 2) / rows.sum())[strip.place]


def _pinball(short: Floats, alpha: float) -> Floats:
    return np.where(short > 0, alpha, alpha - 1) * short
