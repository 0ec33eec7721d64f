"""95 % intervals of means whose spread is known."""

from __future__ import annotations

import math

from muster.metrics.figure import Interval
from muster.metrics.intervals import t_quantile

__all__ = ["LEAST_OF_A_MEAN", "student"]

LEAST_OF_A_MEAN = 100
"""With fewer rows, the mean of uneven ones was seen to be covered too seldom."""


def student(value: float, variance: float, rows: int, within: tuple[float, float] = (-math.inf, math.inf)) -> Interval:
    """Of the mean of rows with this mean squared distance from it (Student 1908)."""
    if rows < 2 or not math.isfinite(value + variance):
        return Interval.none("too few rows for an interval")
    half = t_quantile(rows - 1) * math.sqrt(max(variance, 0.0) / (rows - 1))
    if half <= 0:
        return Interval.none("all rows say the same")
    return Interval(max(within[0], value - half), min(within[1], value + half), "student")
