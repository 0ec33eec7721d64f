"""What the best constant would have reached on the same rows, by each metric: what a model has to be better than."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from muster.metrics.errors import Errors
from muster.metrics.figure import Figure, Interval, figure, undefined
from muster.metrics.quantiles import Steps, quantile
from muster.metrics.ranks import Bounded, actual_steps, constant_loss
from muster.metrics.regression import Of, errors_of, reason, regression_metrics
from muster.profiles.keys import Floats
from muster.profiles.regression import Regression

__all__ = ["dummy"]

_FITTED = "the constant is the best one of these very rows"
_SAME = "all actual values are the same"
_CONSTANT = "a constant is in no order"
_NO_RANGE = "a constant predicts no interval"
_ZEROS = (
    "r2",
    "explained_variance",
    "gini_norm",
    "d2_absolute_error",
    "d2_pinball",
    "fve_poisson",
    "fve_gamma",
    "fve_tweedie",
)

Term = Callable[[Floats, float], Floats]
"""Of actual values and the constant: 0 where they are equal, and never less the further they are apart."""


def dummy(profile: Regression, *, alpha: float = 0.5) -> dict[str, Figure]:
    """Each metric of the constant that is its best: the mean for squared errors and deviances, the median for absolute errors and
    shares, the `alpha` quantile for the pinball loss. A share that is explained is 0 by its definition.
    """
    total = errors_of(profile)
    with np.errstate(all="ignore"):
        found = _found(profile, total, alpha) if total.mass[0] > 0 else {}
    return {metric.name: _figure(metric, total, found.get(metric.name, "")) for metric in regression_metrics(alpha)}


def _figure(metric: Of, total: Errors, found: Bounded | str) -> Figure:
    rows = int(total.rows("rows")[0])
    if isinstance(found, str):
        return undefined(metric.name, rows, found or reason(metric, total))
    return figure(metric.name, found.value, rows, Interval.none(_FITTED), bound=found.bound, why=metric.why)


def _found(profile: Regression, total: Errors, alpha: float) -> dict[str, Bounded | str]:
    """A value or why there is none."""
    numbers, mass = actual_steps(profile), float(total.mass[0])
    mean = float(total.moment("actual")[0])
    median = Bounded(*quantile(numbers, 0.5))
    least, most = (float(end) for end in profile.totals.largest[0, 1:3])
    squared = float(total.moment("actual_2")[0]) / mass
    absolute = _times(constant_loss(profile, 0.5), 2 / mass)
    sizes = float(total.sum("actual_absolute")[0])
    zero, negative = (float(total.rows(fact)[0]) for fact in ("zero", "negative"))
    varies: Bounded | str = Bounded(0.0) if most > least else _SAME
    positive = {"poisson": not negative, "gamma": not negative + zero, "tweedie": not negative}
    return {
        "mae": absolute,
        "mse": Bounded(squared),
        "rmse": Bounded(float(np.sqrt(squared))),
        "mean_error": Bounded(0.0),
        "median_absolute_error": _median_of(numbers, median, _absolute),
        "max_error": Bounded(max(median.value - least, most - median.value), median.bound),
        "mape": "a percentage of 0 is not defined" if zero else _mean_of(numbers, median, _relative),
        "smape": _mean_of(numbers, median, _symmetric),
        "wape": _times(absolute, mass / sizes) if sizes > 0 else "all actual values are 0",
        "rmsle": _root(_mean_of(numbers, Bounded(mean), _log_squared)) if least > -1 else "the logarithmic error needs values above -1",
        "pinball_loss": _times(constant_loss(profile, alpha), 1 / mass),
        **{
            f"{name}_deviance": Bounded(float(total.moment(f"actual_{name}")[0]) / mass)
            if defined and mean > 0
            else f"it needs actual values {'above 0' if name == 'gamma' else 'of 0 or above, and not 0 alone'}"
            for name, defined in positive.items()
        },
        **dict.fromkeys(_ZEROS, varies),
        **{f"fve_{name}": "it is not defined for these actual values" for name, defined in positive.items() if not defined},
        **dict.fromkeys(("pearson", "spearman"), _CONSTANT),
        **dict.fromkeys(("interval_coverage", "interval_width"), _NO_RANGE),
    }  # fmt: skip


def _absolute(y: Floats, c: float) -> Floats:
    return np.abs(y - c)


def _relative(y: Floats, c: float) -> Floats:
    return np.abs(y - c) / np.maximum(np.abs(y), np.finfo(np.float64).eps)


def _symmetric(y: Floats, c: float) -> Floats:
    both = np.abs(y) + abs(c)
    return np.where(both > 0, 2 * (np.abs(y - c) / both), 0.0)


def _log_squared(y: Floats, c: float) -> Floats:
    return (np.log1p(y) - np.log1p(c)) ** 2


def _terms(numbers: Steps, constant: Bounded, term: Term) -> tuple[Floats, Floats, Floats]:
    """Of each cell: of its middle, and the least and the most that it can be."""
    around = (constant.value - constant.bound, constant.value + constant.bound)
    corners = [term(ends, c) for ends in (numbers.low, numbers.high) for c in around]
    reached = (numbers.low <= around[1]) & (numbers.high >= around[0])
    middle = term(numbers.middle, constant.value)
    return middle, np.where(reached, 0.0, np.min(corners, axis=0)), np.max(corners, axis=0)


def _mean_of(numbers: Steps, constant: Bounded, term: Term) -> Bounded:
    value, least, most = (float((numbers.mass * t).sum() / numbers.mass.sum()) for t in _terms(numbers, constant, term))
    return _between(value, least, most, numbers)


def _median_of(numbers: Steps, constant: Bounded, term: Term) -> Bounded:
    def median(values: Floats) -> float:
        order = np.argsort(values, kind="stable")
        return quantile(Steps(values[order], values[order], numbers.rows[order], numbers.mass[order]), 0.5)[0]

    value, least, most = (median(values) for values in _terms(numbers, constant, term))
    return _between(value, least, most, numbers)


def _between(value: float, least: float, most: float, numbers: Steps) -> Bounded:
    return Bounded(value, 0.0 if not numbers.width.any() else max(value - least, most - value))


def _times(found: Bounded, factor: float) -> Bounded:
    return Bounded(found.value * factor, found.bound * factor)


def _root(found: Bounded) -> Bounded:
    value = float(np.sqrt(found.value))
    ends = (max(found.value - found.bound, 0.0), found.value + found.bound)
    return Bounded(value, max(abs(value - float(np.sqrt(end))) for end in ends) if found.bound else 0.0)
