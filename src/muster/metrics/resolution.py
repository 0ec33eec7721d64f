"""Whether the cells in which folds of rows are counted still tell their scores apart, as an interval from the folds takes for granted."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

import numpy as np

from muster.metrics.labels import Labels
from muster.metrics.metric import Metric
from muster.metrics.quality import Quality, curve_of_all
from muster.profiles.keys import Floats

__all__ = ["COARSE", "DIVIDED", "all_folds", "unresolved", "unresolved_labels"]

V = TypeVar("V")

COARSE = "the groups of rows that tell its interval are kept in cells too wide for these scores"
DIVIDED = "the threshold divides a cell in which the groups of rows that tell its interval are kept"

_APART, _PART = 0.3, 0.01
"""How far the figure of all folds may be from that of single scores: in standard errors, or in parts of the way to the end of what it
can be. What is so near varies as much.
"""
_OPEN, _OPEN_PRECISION, _OPEN_TOP = 0.1, 0.3, 0.5
"""How far cells may leave it open at most, in such parts: chance can bring the figure of wide cells near, and not how it varies. The
bound of average precision is that of the worst order of the first few rows, and may be wider; the top of rows takes a share of one cell.
"""


def all_folds(without: Quality) -> Quality:
    """All folds together, as one group."""
    return replace(
        without,
        labels=Labels(_all(without.labels.confusion)),
        sizes=_all(without.sizes),
        curves=tuple(curve_of_all(curve) for curve in without.curves),
        pooled=None if without.pooled is None else curve_of_all(without.pooled),
        losses=None if without.losses is None else _all(without.losses),
        ranks=None if without.ranks is None else _all(without.ranks),
    )


def unresolved(metric: Metric[V], total: V, without: V, folds: V, sizes: Floats) -> str:
    """Why the folds tell no valid interval of a metric of scores; empty if they do. `folds` are all together, `sizes` their rows."""
    if metric.bound is None:
        return ""
    value, found = float(metric.of(total)[0]), float(metric.of(folds)[0])
    reach = _reach(metric, value)
    near = max(_APART * _error(metric.of(without), sizes), _PART * reach)
    apart = abs(found - value) - float(metric.bound(total)[0])
    most = _OPEN_TOP if metric.top else _OPEN_PRECISION if metric.enlarged else _OPEN
    return COARSE if apart > near or float(metric.bound(folds)[0]) > most * reach else ""


def unresolved_labels(metric: Metric[V], total: V, without: V, folds: V, sizes: Floats) -> str:
    """The same of a metric of labels at a threshold; `folds` has the most that they can differ where it divides a cell."""
    value = float(metric.of(total)[0])
    near = max(_APART * _error(metric.of(without), sizes), _PART * _reach(metric, value))
    apart = float(np.nanmax(np.abs(metric.of(folds) - value), initial=0.0))
    return DIVIDED if apart > near else ""


def _reach(metric: Metric[V], value: float) -> float:
    """How far it is to the nearer end of what the figure can be; of the top of rows, from none."""
    if metric.top:
        return abs(value)
    low, high = metric.within
    ends = [abs(value - end) for end in (low, high) if np.isfinite(end)]
    return min(ends, default=abs(value))


def _error(without: Floats, sizes: Floats) -> float:
    some = without[sizes > 0]
    if len(some) < 2 or not np.isfinite(some).all():
        return 0.0
    return float(np.sqrt((len(some) - 1) / len(some) * ((some - some.mean()) ** 2).sum()))


def _all(without: Floats) -> Floats:
    return np.asarray(without.sum(0, keepdims=True) / max(len(without) - 1, 1), np.float64)
