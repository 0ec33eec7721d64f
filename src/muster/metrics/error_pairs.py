"""Errors by prediction, from whichever pairs of numbers tell them apart."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from muster.metrics.quantiles import between
from muster.profiles.grid import PairCounts
from muster.profiles.keys import Cells, Floats
from muster.profiles.regression import MOMENTS, SUMS, Regression

__all__ = ["IN_SQUARES", "ErrorPairs", "error_pairs"]

IN_SQUARES = "predictions and errors share squares in which they are not told apart"

_WIDEST = 0.5
"""How wide squares may be on average, in units of how far what is looked at is spread."""


class ErrorPairs(NamedTuple):
    """Of each pair or square: the least and the greatest prediction, the error and the actual value in its middle, and its rows."""

    low: Floats
    high: Floats
    error: Floats
    actual: Floats
    rows: Cells


def error_pairs(profile: Regression, along: str) -> ErrorPairs | None:
    """None of no row, and where neither tells `along` ("predicted" or "actual") and errors apart.

    Pairs of prediction and error have the errors best. Where predictions are close for their size, and errors are not, they share
    squares there, and those of prediction and actual value tell more.
    """
    low_f, high_f, low_e, high_e, rows = profile.apart.squares()
    if not len(rows):
        return None
    error = between(low_e, high_e)
    by_error = ErrorPairs(low_f, high_f, error, between(low_f, high_f) - error, rows)
    mass = float(profile.totals.moments[0, 0])
    with np.errstate(all="ignore"):
        spread = np.sqrt(profile.totals.moments[0, MOMENTS.index(f"{along}_2")] / mass)
        size = np.sqrt(profile.totals.sums[0, SUMS.index("squared")] / mass)
        first = _width(profile.apart, sides=1) / spread
        if profile.apart.exact or first <= _WIDEST:
            return by_error
        second = _width(profile.together, sides=2) / size
    if not second <= _WIDEST:
        return None
    low_f, high_f, low_y, high_y, rows = profile.together.squares()
    actual = between(low_y, high_y)
    return ErrorPairs(low_f, high_f, between(low_f, high_f) - actual, actual, rows)


def _width(pairs: PairCounts, sides: int) -> float:
    """Of the squares on average: of the first side, or of both together."""
    low_x, high_x, low_y, high_y, rows = pairs.squares()
    wide = high_x - low_x if sides == 1 else (high_x - low_x) + (high_y - low_y)
    return float((rows / rows.sum() * wide).sum())
