"""Metrics of predicted numbers that take their order, from how values are spread; each with how far it can be from that of single rows.

A metric is a value and its bound; the value is NaN where it is not defined.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from muster.metrics.quantiles import Steps, quantile, steps
from muster.metrics.strips import PLACE_ROUNDING, strips
from muster.profiles.grid import Places
from muster.profiles.keys import Cells, Floats
from muster.profiles.regression import MOMENTS, Regression

__all__ = ["Bounded", "actual_steps", "constant_loss", "gini", "predicted_steps", "rank_correlation"]

_ROUNDING = 8 * float(np.finfo(np.float64).eps)


class Bounded(NamedTuple):
    value: float
    bound: float = 0.0

    def over(self, other: Bounded) -> Bounded:
        """The quotient, of which the lower side is positive; NaN if what is known of it leaves it open whether it is."""
        if not other.value > other.bound:
            return Bounded(float("nan"))
        value = self.value / other.value
        if self.bound == other.bound == 0.0:
            return Bounded(value)
        corners = [(self.value + a * self.bound) / (other.value + b * other.bound) for a in (-1, 1) for b in (-1, 1)]
        return Bounded(value, max(abs(corner - value) for corner in corners))


def actual_steps(profile: Regression) -> Steps:
    """The actual values in order."""
    return steps(profile.actual, (float(profile.totals.largest[0, 1]), float(profile.totals.largest[0, 2])))


def predicted_steps(profile: Regression) -> Steps:
    """The predictions in order."""
    return steps(profile.predicted, (float(profile.totals.largest[0, 3]), float(profile.totals.largest[0, 4])))


def constant_loss(profile: Regression, alpha: float) -> Bounded:
    """The sum of the pinball losses of the constant that has the least: the `alpha` quantile of the actual values."""
    numbers = actual_steps(profile)
    if not profile.actual.shift:
        at, _ = quantile(numbers, alpha)
        apart = numbers.low - at
        return Bounded(float((numbers.mass * np.where(apart > 0, alpha, alpha - 1) * apart).sum()))
    upto = np.cumsum(numbers.mass)
    cell = min(int(np.searchsorted(upto, alpha * upto[-1])), len(upto) - 1)
    mass, values = profile.actual.sums.T
    at = values[cell] / mass[cell] if mass[cell] > 0 else numbers.middle[cell]
    apart = values - at * mass
    side = np.where(np.arange(len(mass)) > cell, alpha, alpha - 1)
    side[cell] = 0.0
    # The quantile is in the cell, and the loss there is least if all of its rows are at their mean (Jensen), most if all are at its ends.
    low, high = numbers.low[cell], numbers.high[cell]
    near = np.clip(at, low, high)
    inside = mass[cell] * (high - near) * ((near - low) / (high - low)) if low < high else 0.0
    rounding = _ROUNDING * np.abs(values).sum()
    return Bounded(float((side * apart).sum() + inside / 2), float(inside / 2 + rounding))


def gini(profile: Regression) -> Bounded:
    """How much of the order of the actual values the predictions tell: the area between the curve of actual values summed up from
    the highest prediction down and the straight line, in units of the same by the actual values themselves. Rows that tie share:
    what is summed up over them rises evenly, so their order does not matter.
    """
    if not profile.totals.largest[0, 2] > profile.totals.largest[0, 1]:
        return Bounded(float("nan"))
    return _by_prediction(profile).over(_by_actual(profile))


def _by_prediction(profile: Regression) -> Bounded:
    numbers = predicted_steps(profile)
    mass, predicted, actual, error, absolute, squared = profile.predicted.sums.T
    middle, rest = _mean(profile, "actual")
    if not profile.predicted.shift:
        predicted = numbers.low * mass
        by_error = (numbers.low - middle) * mass - rest * mass - error
    else:
        by_error = (predicted - middle * mass) - rest * mass - error
    by_value = (actual - middle * mass) - rest * mass
    above = np.where(absolute < np.abs(actual), by_error, by_value)
    value = _area(mass, above)
    if not profile.predicted.shift:
        return Bounded(value)
    # What rows of a cell can differ by their order: the mean difference of numbers is at most 2 / sqrt(3) of their deviation.
    some = np.where(mass > 0, mass, 1.0)
    deviation = np.sqrt(np.maximum(squared / some - (error / some) ** 2, 0.0)) + numbers.width / 2
    deviation = np.minimum(deviation, (profile.totals.largest[0, 2] - profile.totals.largest[0, 1]) / 2)
    within = np.where(numbers.rows > 1, mass * mass * deviation, 0.0).sum() / (2 * np.sqrt(3))
    return Bounded(value, float(within + _ROUNDING * mass.sum() * (np.abs(actual) + np.abs(predicted)).sum()))


def _by_actual(profile: Regression) -> Bounded:
    numbers = actual_steps(profile)
    mass, values = profile.actual.sums.T
    middle, rest = _mean(profile, "actual")
    if not profile.actual.shift:
        return Bounded(_area(mass, (numbers.low - middle) * mass - rest * mass))
    value = _area(mass, (values - middle * mass) - rest * mass)
    # Rows of a cell do not tie: their own order adds a quarter of its weight squared times their range, at most, and halved.
    within = float(np.where(numbers.rows > 1, mass * mass * numbers.width, 0.0).sum()) / 8
    return Bounded(value + within / 2, within / 2 + float(_ROUNDING * mass.sum() * np.abs(values).sum()))


def _area(mass: Floats, above: Floats) -> float:
    """Under the sums of `above` from the last cell to the first, each rising evenly over its weight; their total is 0."""
    mass, above = mass[::-1], above[::-1]
    return float((mass * (np.cumsum(above) - above / 2)).sum())


def rank_correlation(profile: Regression) -> Bounded:
    """Spearman's, of ranks that ties share. Counts rows, whatever they weigh."""
    if not profile.rows:
        return Bounded(float("nan"))
    if profile.together.exact:
        x, y, rows = profile.together.x, profile.together.y, profile.together.counts
        sides = [_centred_ranks(*np.unique(keys, return_inverse=True), rows) for keys in (x, y)]
        spread = [np.sqrt((rows * side * side).sum()) for side in sides]
        value = (rows * sides[0] * sides[1]).sum() / (spread[0] * spread[1]) if min(spread) > 0 else np.nan
        return Bounded(float(np.clip(value, -1.0, 1.0)))
    return _by_squares(profile)


def _by_squares(profile: Regression) -> Bounded:
    """With lines through the ranks, or level ones where these leave it open less: of clumps that doubles hardly tell apart."""
    found = [_by_strips(profile, places) for places in (profile.together.places(), None)]
    value, bound = min(found, key=lambda one: one.bound)
    return Bounded(float(np.clip(value, -1.0, 1.0)), min(bound, 1.0 + min(abs(value), 1.0)))


def _by_strips(profile: Regression, places: Places | None) -> Bounded:
    """Within a strip of squares a rank is taken as a line in the key, as each square knows what the keys of its rows add up to. What
    ranks differ from the line is known of single cells, and adds up to nothing in a strip; what it can make with the ranks of the other
    side is bounded by Cauchy and Schwarz.
    """
    rows = profile.together.counts
    x, y = strips(profile, places)
    product = float((rows * x.means * y.means).sum())
    loose = [np.sqrt(_within(one.means, rows, other.place) + one.inside) for one, other in ((x, y), (y, x))]
    error = loose[0] * y.missed + loose[1] * x.missed + x.missed * y.missed
    if places is not None:
        both = x.slopes * y.slopes
        product += float((both * (places.product - places.x * places.y / rows)).sum())
        error += (
            x.rounding * np.sqrt(y.squares) + y.rounding * np.sqrt(x.squares) + PLACE_ROUNDING * np.abs(both) @ rows
        )
    least, most = (np.sqrt(x.squares + part * x.hidden) * np.sqrt(y.squares + part * y.hidden) for part in (0, 1))
    return Bounded(product, float(error)).over(Bounded((least + most) / 2, (most - least) / 2))


def _within(values: Floats, rows: Cells, strip: NDArray[np.intp]) -> float:
    """The squares of values about the mean of their strip."""
    total = np.bincount(strip, rows)
    mean = np.bincount(strip, rows * values) / np.maximum(total, 1)
    return float((rows * (values - mean[strip]) ** 2).sum())


def _centred_ranks(values: Cells, place: NDArray[np.intp], rows: Cells) -> Floats:
    counts = np.bincount(place, rows, len(values))
    return (np.cumsum(counts) - counts / 2 - rows.sum() / 2)[place]


def _mean(profile: Regression, name: str) -> tuple[float, float]:
    """And what rounding left out of it."""
    moments = profile.totals.moments[0]
    return float(moments[MOMENTS.index(name)]), float(moments[MOMENTS.index(f"{name}_rest")])
