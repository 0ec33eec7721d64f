"""What screens show of predicted numbers: how errors are spread, and where predictions are good and where not.

All is aggregated; what is told by cells of several values counts as spread evenly over them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from muster.metrics.error_pairs import error_pairs
from muster.metrics.figure import Interval
from muster.metrics.grids import parts_of, readable_edges
from muster.metrics.quantiles import Steps, magnitudes, order_statistics, quantile, steps
from muster.metrics.ranks import actual_steps, predicted_steps
from muster.profiles.grid import PairCounts
from muster.profiles.keys import Floats
from muster.profiles.regression import BY_PREDICTION, MOMENTS, Regression

__all__ = [
    "Band",
    "Group",
    "Heat",
    "Histogram",
    "Quantile",
    "bands",
    "deciles",
    "error_histogram",
    "error_histograms",
    "error_quantiles",
    "heat",
    "histogram",
    "lift",
    "predicted_by_actual",
    "quantiles",
    "size_quantiles",
]

PARTS = (0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99)
BANDS = (0.05, 0.25, 0.5, 0.75, 0.95)

_SHOWN = (0.005, 0.995)
"""The quantiles between which values are drawn; the few beyond would leave no room for the others."""


class Quantile(NamedTuple):
    """The value below which a `part` of the rows lies, how far it can be off, and its 95 % interval."""

    part: float
    value: float
    bound: float
    interval: Interval


class Histogram(NamedTuple):
    """Rows, or their weights, between `edges`, and below and above all of them. At most `bound` of it may belong to the next part."""

    edges: Floats
    mass: Floats
    under: float
    over: float
    bound: float


class Heat(NamedTuple):
    """`rows` (parts, parts) by prediction and by actual value, on the same `edges`; and how many are `outside`."""

    edges: Floats
    rows: Floats
    outside: float


class Group(NamedTuple):
    """Rows with predictions from `low` to `high`: their weights, and the means of what was predicted, of what came of it and of
    errors; None where the numbers are too large for a sum.
    """

    low: float
    high: float
    mass: float
    predicted: float | None
    actual: float | None
    mae: float | None
    rmse: float | None


class Band(NamedTuple):
    """Rows with predictions from `low` to `high`, and quantiles of their errors."""

    low: float
    high: float
    rows: float
    errors: tuple[float, ...]


def error_quantiles(profile: Regression, parts: Sequence[float] = PARTS) -> tuple[Quantile, ...]:
    """Of errors, prediction less actual value; none of no rows, or of errors too large for a double."""
    return quantiles(_errors(profile), parts, whole=not profile.weighted)


def size_quantiles(profile: Regression, parts: Sequence[float] = PARTS) -> tuple[Quantile, ...]:
    """Of the sizes of errors, likewise."""
    largest = _largest(profile)
    numbers = magnitudes(profile.error, largest) if largest is not None else None
    return quantiles(numbers, parts, whole=not profile.weighted)


def error_histogram(profile: Regression, most: int = 40) -> Histogram | None:
    """Of errors; None of no rows, or of errors too large for a double."""
    return error_histograms([profile], most)[0]


def error_histograms(profiles: Sequence[Regression], most: int = 40) -> list[Histogram | None]:
    """Of the errors of several, with the same edges."""
    every = [_errors(profile) for profile in profiles]
    known = [errors for errors in every if errors is not None and errors.mass.sum() > 0]
    if not known:
        return [None] * len(every)
    low, high = (end(quantile(e, part)[0] for e in known) for end, part in zip((min, max), _SHOWN, strict=True))
    edges = readable_edges(low, high, most)
    return [None if e is None or not e.mass.sum() > 0 else _histogram(e, edges) for e in every]


def histogram(numbers: Steps | None, most: int = 40) -> Histogram | None:
    """Of numbers; None of none that weighs something."""
    if numbers is None or not numbers.mass.sum() > 0:
        return None
    low, high = (quantile(numbers, part)[0] for part in _SHOWN)
    return _histogram(numbers, readable_edges(low, high, most))


def _histogram(errors: Steps, edges: Floats) -> Histogram:
    parts = parts_of(errors.low, errors.high, edges)
    under, over = (float(errors.mass[side].sum()) for side in (errors.high < edges[0], errors.low > edges[-1]))
    mass = errors.mass @ parts
    beyond = max(float(errors.mass.sum() - mass.sum() - under - over), 0.0)
    cut = (errors.low[:, None] < edges) & (errors.high[:, None] >= edges)
    return Histogram(edges, mass, under + beyond / 2, over + beyond / 2, float((errors.mass @ cut).max()))


def predicted_by_actual(profile: Regression, most: int = 40) -> Heat | None:
    """Counts rows, whatever they weigh. None of no rows, or where pairs are not kept."""
    return heat(profile.together, (predicted_steps(profile), actual_steps(profile)), most)


def heat(pairs: PairCounts, both: tuple[Steps, Steps], most: int = 40) -> Heat | None:
    """Of pairs, whose sides are spread as `both` tell; None of no pair."""
    low_x, high_x, low_y, high_y, rows = pairs.squares()
    if not len(rows):
        return None
    ends = [(min, 0), (max, 1)]
    low, high = (end(_at(numbers, _SHOWN[n]) for numbers in both) for end, n in ends)
    edges = readable_edges(low, high, most)
    x, y = parts_of(low_x, high_x, edges), parts_of(low_y, high_y, edges)
    found = (x * rows[:, None]).T @ y
    return Heat(edges, found, max(float(rows.sum() - found.sum()), 0.0))


def deciles(profile: Regression, groups: int = 10) -> tuple[Group, ...]:
    """As many groups of equal weight, from the lowest predictions to the highest. Of a prediction that lies in two of them, each has
    its share. None of no rows, or of weights too large for a sum.
    """
    numbers, sums = predicted_steps(profile), profile.predicted.sums
    with np.errstate(over="ignore"):
        upto = np.cumsum(numbers.mass)
    if not len(upto) or not 0 < upto[-1] < np.inf:
        return ()
    cuts = np.arange(groups + 1) / groups * upto[-1]
    taken = np.minimum(upto, cuts[1:, None]) - np.maximum(upto - numbers.mass, cuts[:-1, None])
    some = np.where(numbers.mass > 0, numbers.mass, 1.0)
    found = []
    for share in np.clip(taken / some, 0.0, 1.0):
        inside = np.flatnonzero(share > 1e-9)
        with np.errstate(over="ignore", invalid="ignore"):
            mass, *columns = share[inside] @ sums[inside]
            means = dict(zip(BY_PREDICTION[1:], columns / mass, strict=True))
            means["squared"] = np.sqrt(means["squared"])
        of = (means[name] for name in ("predicted", "actual", "absolute", "squared"))
        found.append(
            Group(
                float(numbers.low[inside[0]]),
                float(numbers.high[inside[-1]]),
                float(mass),
                *(float(mean) if np.isfinite(mean) else None for mean in of),
            )
        )
    return tuple(found)


def lift(profile: Regression, groups: int = 10) -> tuple[float | None, ...]:
    """How many times the mean actual value of all rows that of each group is, from the highest predictions down. None where the mean
    is not above 0.
    """
    found = deciles(profile, groups)
    means = [group.actual for group in reversed(found)]
    mean = float(profile.totals.moments[0, MOMENTS.index("actual")])
    with np.errstate(over="ignore"):
        return tuple(
            each / mean if each is not None and mean > 0 and np.isfinite(each / mean) else None for each in means
        )


def bands(profile: Regression, parts: Sequence[float] = BANDS, most: int = 40) -> tuple[Band, ...]:
    """Quantiles of the errors along the predictions. Counts rows, whatever they weigh; none where pairs are not kept or do not tell, or
    of errors too large for a double.
    """
    if _largest(profile) is None or (pairs := error_pairs(profile, "predicted")) is None:
        return ()
    low, high = (_at(predicted_steps(profile), part) for part in _SHOWN)
    edges = readable_edges(low, high, most)
    order = np.argsort(pairs.error, kind="stable")
    error, rows, within = pairs.error[order], pairs.rows[order], parts_of(pairs.low, pairs.high, edges)[order]
    found = []
    for n in range(len(edges) - 1):
        mass = rows * within[:, n]
        if mass.sum() > 0:
            numbers = Steps(error, error, rows, mass)
            at = tuple(quantile(numbers, part)[0] for part in parts)
            found.append(Band(float(edges[n]), float(edges[n + 1]), float(mass.sum()), at))
    return tuple(found)


def _errors(profile: Regression) -> Steps | None:
    largest = _largest(profile)
    return steps(profile.error, (-largest, largest)) if largest is not None else None


def _largest(profile: Regression) -> float | None:
    """The greatest error, if it is a double."""
    largest = float(profile.totals.largest[0, 0])
    return largest if np.isfinite(largest) else None


def _at(numbers: Steps, part: float) -> float:
    return quantile(numbers, part)[0]


def quantiles(numbers: Steps | None, parts: Sequence[float] = PARTS, *, whole: bool) -> tuple[Quantile, ...]:
    """Of numbers; `whole` where each row counts once, and ranks give an interval."""
    if numbers is None or not numbers.mass.sum() > 0:
        return ()
    none = Interval.none("ranks of rows give it, and these have weights")
    return tuple(
        Quantile(part, *quantile(numbers, part), order_statistics(numbers, part) if whole else none) for part in parts
    )
