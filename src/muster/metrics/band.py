"""95 % bands about curves: an interval at each place, by the jackknife over the folds of the rows."""

from __future__ import annotations

import numpy as np

from muster.metrics.intervals import t_quantile
from muster.profiles.keys import Floats

__all__ = ["band"]


def band(values: Floats, without: Floats, sizes: Floats) -> tuple[Floats, Floats] | None:
    """Low and high at each place of a curve of shares; `without` (folds, places) is the curve without each fold of rows.

    It is pointwise: at each single place it covers the curve of all such rows in 95 of 100 cases, not at all places together. None with
    fewer than two folds that have rows, or where it is not defined without one of them.
    """
    some = without[sizes > 0]
    folds = len(some)
    if folds < 2 or not np.isfinite(some).all():
        return None
    error = np.sqrt((folds - 1) / folds * ((some - some.mean(0)) ** 2).sum(0))
    half = t_quantile(folds - 1) * error
    return np.clip(values - half, 0.0, 1.0), np.clip(values + half, 0.0, 1.0)
