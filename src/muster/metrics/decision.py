"""What it is worth to decide by the scores: the cost of each threshold, and the net benefit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from muster.metrics.costs import cost_matrix, mean_cost
from muster.metrics.labels import share
from muster.metrics.optimum import Best, best_threshold
from muster.metrics.screen import Screen
from muster.metrics.steps import steps
from muster.metrics.thin import POINTS, thin
from muster.profiles.classification import Classification
from muster.profiles.keys import Floats

__all__ = ["CostCurve", "NetBenefit", "cost_curve", "net_benefit"]


@dataclass(frozen=True, eq=False, kw_only=True)
class CostCurve(Screen):
    """The `mean` cost of a row at `thresholds`, from the greatest down, the first infinite; `costs[actual][predicted]` of one row.

    `never` and `always` take nothing, and everything, for the class. Each mean is exact.
    """

    costs: Floats
    thresholds: Floats
    mean: Floats
    never: float
    always: float
    best: Best


def cost_curve(profile: Classification, costs: ArrayLike, most: int = POINTS) -> CostCurve:
    matrix, found = cost_matrix(costs, 2), steps(profile)
    mean = mean_cost(found.labels(), matrix)
    shown = thin((np.minimum(found.thresholds, 1.0), mean), most, [int(np.argmin(np.nan_to_num(mean, nan=np.inf)))])
    return CostCurve(
        rows=profile.rows,
        costs=matrix,
        thresholds=found.thresholds[shown],
        mean=mean[shown],
        never=float(mean[0]),
        always=float(mean[-1]),
        best=best_threshold(profile, matrix),
    )


@dataclass(frozen=True, eq=False, kw_only=True)
class NetBenefit(Screen):
    """At probabilities from 1 to 99 %, hits less the alarms that are worth as much, in hits per row (Vickers and Elkin 2006).

    `always` takes every row for the class; to take none is worth 0. `bound` is of `model`, where a cell of scores is divided.
    """

    thresholds: Floats
    model: Floats
    always: Floats


def net_benefit(profile: Classification) -> NetBenefit:
    found = steps(profile)
    thresholds = np.arange(1, 100) / 100
    odds = thresholds / (1 - thresholds)
    total = np.full(len(thresholds), found.total)
    upwards, ends = found.thresholds[:0:-1], found.ends[::-1]
    whole_cells = len(upwards) - np.searchsorted(upwards, thresholds)
    hits, alarms = found.hits[whole_cells], found.alarms[whole_cells]
    # The cell below may reach over the threshold.
    next_cell = np.minimum(whole_cells + 1, len(found.hits) - 1)
    divided = np.append(-np.inf, ends)[len(upwards) - whole_cells] > thresholds
    more_hits, more_alarms = (np.where(divided, s[next_cell] - s[whole_cells], 0.0) for s in (found.hits, found.alarms))
    off = np.maximum(share(more_hits, total), share(more_alarms * odds, total))
    return NetBenefit(
        rows=profile.rows,
        bound=float(np.nanmax(off, initial=0.0)),
        bounded="net benefit",
        thresholds=thresholds,
        model=share(hits - alarms * odds, total),
        always=share(found.positives - found.negatives * odds, total),
    )
