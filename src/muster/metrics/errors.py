"""Metrics of predicted numbers, from sums over rows. Each gives a value per group, NaN where it is not defined."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from muster.metrics.labels import share
from muster.profiles.keys import Floats
from muster.profiles.regression import FACTS, MOMENTS, RANGES, SUMS, Regression, Totals

__all__ = [
    "Errors",
    "OfErrors",
    "correlation",
    "coverage",
    "deviance",
    "explained_deviance",
    "explained_variance",
    "largest",
    "log_squares",
    "mean",
    "mean_error",
    "of_sizes",
    "percentage",
    "pinball",
    "r2",
    "root",
    "squares",
    "width",
]

_LEAST = 1e-292
"""Sums of squares below it have lost digits, or all of them, to the least double."""

_DOMAINS = {"poisson": ("negative",), "gamma": ("negative", "zero"), "tweedie": ("negative",)}
"""FACTS of actual values of which a deviance is not defined; none is of a prediction of 0 or below."""


@dataclass(frozen=True, eq=False)
class Errors:
    """Sums over the rows of one group or many, in weights unless `whole`; `spread`, of all rows only, tells how values are spread."""

    totals: Totals
    whole: bool = True
    spread: Regression | None = None

    @property
    def mass(self) -> Floats:
        """(groups,)."""
        return self.moment("mass")

    def sum(self, name: str) -> Floats:
        """(groups,), a column of SUMS."""
        return self.totals.sums[:, SUMS.index(name)]

    def moment(self, name: str) -> Floats:
        """(groups,), a column of MOMENTS."""
        return self.totals.moments[:, MOMENTS.index(name)]

    def rows(self, *facts: str) -> Floats:
        """(groups,), columns of FACTS added up."""
        return np.asarray(sum(self.totals.facts[:, FACTS.index(fact)] for fact in facts), np.float64)

    def range(self, name: str) -> Floats:
        """(groups,), a column of RANGES."""
        return self.totals.ranges[:, RANGES.index(name)]

    def varies(self, name: str) -> Floats:
        """(groups,): how far the greatest of the actual values, or of the predictions, is from the least."""
        at = {"actual": 1, "predicted": 3}[name]
        with np.errstate(over="ignore", invalid="ignore"):
            return np.maximum(self.totals.largest[:, at + 1] - self.totals.largest[:, at], 0.0)


OfErrors = Callable[[Errors], Floats]
"""A value per group."""


def mean(name: str) -> OfErrors:
    """Of a column of SUMS."""
    return lambda q: share(q.sum(name), q.mass)


def squares(q: Errors) -> Floats:
    """The mean squared error."""
    return share(_sound(q.sum("squared"), q.sum("absolute")), q.mass)


def root(metric: OfErrors) -> OfErrors:
    return lambda q: np.sqrt(metric(q))


def log_squares(q: Errors) -> Floats:
    """The mean squared difference of log(1 + value), of values above -1."""
    return _where(q.rows("below") == 0, mean("log_squared")(q))


def percentage(q: Errors) -> Floats:
    """The mean of |error| / |actual value|, of actual values other than 0."""
    return _where(q.rows("zero") == 0, mean("relative")(q))


def of_sizes(q: Errors) -> Floats:
    """The sum of absolute errors in units of that of actual values."""
    return share(q.sum("absolute"), q.sum("actual_absolute"))


def mean_error(q: Errors) -> Floats:
    """Of predictions less actual values: above 0 where too much is predicted."""
    return _where(q.mass > 0, q.moment("error") + q.moment("error_rest"))


def largest(q: Errors) -> Floats:
    return _where(q.mass > 0, q.totals.largest[:, 0])


def r2(q: Errors) -> Floats:
    return 1 - share(_sound(q.sum("squared"), q.sum("absolute")), _variation(q))


def explained_variance(q: Errors) -> Floats:
    return 1 - share(q.moment("error_2"), _variation(q))


def correlation(q: Errors) -> Floats:
    """Pearson's."""
    spread = np.sqrt(_variation(q)) * np.sqrt(_variation(q, "predicted"))
    return np.clip(share(q.moment("product"), spread), -1.0, 1.0)


def pinball(alpha: float) -> OfErrors:
    """`alpha` times what is predicted too little, 1 - `alpha` times what is predicted too much."""

    def loss(q: Errors) -> Floats:
        over = q.sum("over")
        return share(alpha * np.maximum(q.sum("absolute") - over, 0.0) + (1 - alpha) * over, q.mass)

    return loss


def deviance(name: str) -> OfErrors:
    def of(q: Errors) -> Floats:
        return _where(q.rows("unpositive", *_DOMAINS[name]) == 0, mean(name)(q))

    return of


def explained_deviance(name: str) -> OfErrors:
    """1 - deviance / deviance of the mean, as scikit-learn's `d2_tweedie_score`."""

    def of(q: Errors) -> Floats:
        from_mean = _where(q.varies("actual") > 0, q.moment(f"actual_{name}"))
        return 1 - share(_where(q.rows("unpositive", *_DOMAINS[name]) == 0, q.sum(name)), from_mean)

    return of


def coverage(q: Errors) -> Floats:
    """The share of rows inside their predicted interval, of those that have one."""
    return share(q.range("inside"), q.range("mass"))


def width(q: Errors) -> Floats:
    """The mean width of predicted intervals."""
    return share(q.range("width"), q.range("mass"))


def _variation(q: Errors, name: str = "actual") -> Floats:
    """The centred sum of squares."""
    varies = q.varies(name)
    return _where(varies > 0, _sound(q.moment(f"{name}_2"), varies))


def _sound(sums: Floats, sizes: Floats) -> Floats:
    """Squares that were too small to be summed up, of sizes that are not 0, are none."""
    return _where((sums >= _LEAST) | (sizes == 0), sums)


def _where(defined: np.typing.NDArray[np.bool_], values: Floats) -> Floats:
    return np.where(defined, values, np.nan)
