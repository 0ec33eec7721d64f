"""Metrics of scores, from how many rows of a class and of the others have each score.

Each gives a value per group, NaN where it is not defined. Where a cell holds several scores, its rows count as ties; `*_bound`
says how far that can be from the figure of single scores.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from muster.metrics.figure import Interval
from muster.metrics.intervals import normal
from muster.metrics.labels import share
from muster.profiles.keys import Floats

__all__ = [
    "Curve",
    "OfCurve",
    "average_precision",
    "average_precision_bound",
    "captured",
    "delong",
    "kolmogorov_smirnov",
    "kolmogorov_smirnov_bound",
    "lift",
    "rate_in_top",
    "roc_auc",
    "roc_auc_bound",
    "top_bound",
]


@dataclass(frozen=True, eq=False)
class Curve:
    """Rows, or their weights, by score: `others` and `own` (groups, cells), of the class and not, from the least score to the greatest.

    `single` (cells,) tells which cells hold one score only; `whole`, whether rows were counted rather than weighed.
    """

    others: Floats
    own: Floats
    single: NDArray[np.bool_]
    whole: bool = True

    @cached_property
    def positives(self) -> Floats:
        """(groups,)."""
        return self.own.sum(1)

    @cached_property
    def negatives(self) -> Floats:
        """(groups,)."""
        return self.others.sum(1)

    @cached_property
    def hits(self) -> Floats:
        """(groups, cells): rows of the class at or above each cell."""
        return np.cumsum(self.own[:, ::-1], 1)[:, ::-1]

    @cached_property
    def alarms(self) -> Floats:
        """(groups, cells): other rows at or above each cell."""
        return np.cumsum(self.others[:, ::-1], 1)[:, ::-1]


_AROUND = 0.25
"""What counts as around the end of the top, in parts of it: five rows to each side where twenty are in it."""

OfCurve = Callable[[Curve], Floats]
"""A value per group."""


def roc_auc(curve: Curve) -> Floats:
    """How often a row of the class has a higher score than another one; equal scores count half (Hanley and McNeil 1982)."""
    below = np.cumsum(curve.others, 1) - curve.others / 2
    return share((curve.own * below).sum(1), curve.positives * curve.negatives)


def roc_auc_bound(curve: Curve) -> Floats:
    """Half of the pairs within one cell of several scores."""
    within = np.where(curve.single, 0.0, curve.own * curve.others)
    return share(within.sum(1), 2 * curve.positives * curve.negatives)


def delong(curve: Curve) -> Interval:
    """Of the ROC AUC of one group, unweighted (DeLong, DeLong and Clarke-Pearson 1988), on the scale of its logit.

    The logit keeps the interval within 0 and 1 and its cover near what is said where the AUC is near 1 (Pepe 2003, 107).
    """
    own, others = curve.own[0], curve.others[0]
    m, n = own.sum(), others.sum()
    if m < 2 or n < 2:
        return Interval.none("it takes two rows of the class and two others")
    value = float(roc_auc(curve)[0])
    of_own = (np.cumsum(others) - others / 2) / n
    of_others = 1 - (np.cumsum(own) - own / 2) / m
    variance = (own * (of_own - value) ** 2).sum() / (m - 1) / m + (others * (of_others - value) ** 2).sum() / (
        n - 1
    ) / n
    if not 0 < value < 1:
        return Interval.none("all rows of the class are on the same side of all others")
    if not variance > 0:
        return Interval.none("all rows have the same score, or share one cell of scores")
    at, slope = np.log(value / (1 - value)), 1 / (value * (1 - value))
    logit = normal(at, slope * np.sqrt(variance), "delong")
    assert logit.low is not None
    assert logit.high is not None
    return Interval(float(1 / (1 + np.exp(-logit.low))), float(1 / (1 + np.exp(-logit.high))), "delong")


def average_precision(curve: Curve) -> Floats:
    """The sum of precision over the steps of recall, without interpolation, as scikit-learn's `average_precision_score`."""
    precision = share(curve.hits, curve.hits + curve.alarms)
    return share((np.where(curve.own > 0, precision, 0.0) * curve.own).sum(1), curve.positives)


def average_precision_bound(curve: Curve) -> Floats:
    """From each cell's precision with all of the others first, and with all of the class first."""
    value = average_precision(curve)
    before, wrong = curve.hits - curve.own, curve.alarms - curve.others
    several = ~curve.single & (curve.own > 0)
    middle = share(curve.hits, curve.hits + curve.alarms)
    # Of scores within the cell, precision is least at the first row of the class, if that stands behind all others.
    first = before + (np.minimum(curve.own, 1.0) if curve.whole else 0.0)
    least = np.where(several & (curve.alarms > 0), share(first, first + curve.alarms), middle)
    most = np.where(several, share(curve.hits, curve.hits + wrong), middle)
    low, high = (share((np.where(curve.own > 0, p, 0.0) * curve.own).sum(1), curve.positives) for p in (least, most))
    return np.maximum(value - low, high - value)


def kolmogorov_smirnov(curve: Curve) -> Floats:
    """The greatest distance between the shares of the class and of the others at or above a score."""
    apart = share(curve.hits, curve.positives[:, None]) - share(curve.alarms, curve.negatives[:, None])
    return apart.max(1, initial=0.0)


def kolmogorov_smirnov_bound(curve: Curve) -> Floats:
    """Within a cell all of the class may stand before the others."""
    alarms = np.where(curve.single, curve.alarms, curve.alarms - curve.others)
    most = share(curve.hits, curve.positives[:, None]) - share(alarms, curve.negatives[:, None])
    return most.max(1, initial=0.0) - kolmogorov_smirnov(curve)


def rate_in_top(part: float) -> OfCurve:
    """The share of the class among the `part` of all rows that has the highest scores, rounded up to a row; of ties a share."""

    def rate(curve: Curve) -> Floats:
        return share(_hits_in_top(curve, part), _top(curve, part))

    return rate


def captured(part: float) -> OfCurve:
    """The share of the class that lies in the top `part` of all rows."""

    def rate(curve: Curve) -> Floats:
        return share(_hits_in_top(curve, part), curve.positives)

    return rate


def lift(part: float) -> OfCurve:
    """How many times the share of the class in the top `part` is its share in all rows."""

    def times(curve: Curve) -> Floats:
        return share(rate_in_top(part)(curve) * (curve.positives + curve.negatives), curve.positives)

    return times


def top_bound(part: float) -> OfCurve:
    """Rows of the class that the top may have more or less, as several scores share the cell at its end."""

    def rows(curve: Curve) -> Floats:
        taken = _taken(curve, part)
        hits = _in_top(curve.own, taken, curve)
        least = np.where(curve.single, hits, np.maximum(taken - curve.others, 0.0)).sum(1)
        most = np.where(curve.single, hits, np.minimum(taken, curve.own)).sum(1)
        return np.maximum(hits.sum(1) - least, most - hits.sum(1))

    return rows


def _top(curve: Curve, part: float) -> Floats:
    wanted = part * (curve.positives + curve.negatives)
    return np.ceil(wanted * (1 - 1e-12)) if curve.whole else wanted


def _hits_in_top(curve: Curve, part: float) -> Floats:
    """Rows of the class in the top of each group.

    The top of several groups, which are the same rows but for a few, ends near the same score for all: rows that a group has more or
    less above it are taken to be of the class as often as those around it are. The very next row would be chance, the same for all.
    """
    if len(curve.own) == 1:
        return _in_top(curve.own, _taken(curve, part), curve).sum(1)
    own, others = (side.sum(0, keepdims=True) for side in (curve.own, curve.others))
    together = replace(curve, own=own, others=others)
    taken, top = _taken(together, part), _top(curve, part)
    hits, alarms = (_in_top(side, taken, together).sum(1) for side in (curve.own, curve.others))
    around = _taken(together, part * (1 + _AROUND)) - _taken(together, part * (1 - _AROUND))
    rate = np.nan_to_num(share(_in_top(own, around, together).sum(), around.sum()))
    hits = hits + (top - hits - alarms) * rate
    return np.clip(hits, np.maximum(top - curve.negatives, 0.0), np.minimum(top, curve.positives))


def _taken(curve: Curve, part: float) -> Floats:
    """How many rows of each cell are in the top, (groups, cells)."""
    rows = curve.own + curve.others
    above = curve.hits + curve.alarms - rows
    return np.clip(_top(curve, part)[:, None] - above, 0.0, rows)


def _in_top(side: Floats, taken: Floats, curve: Curve) -> Floats:
    """Of rows of either side, by cell, those that are among the rows of the curve that are taken."""
    rows = curve.own + curve.others
    return np.divide(side * taken, rows, out=np.zeros_like(side), where=rows > 0)
