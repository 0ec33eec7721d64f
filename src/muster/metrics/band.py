"""95 % bands about curves of shares: an interval at each place."""

from __future__ import annotations

import numpy as np

from muster.metrics.intervals import t_quantile
from muster.profiles.keys import Floats

__all__ = ["band"]


def band(values: Floats, without: Floats, sizes: Floats, most: Floats) -> tuple[Floats, Floats] | None:
    """Low and high at each place; `without` (folds, places) is the curve without each fold of rows, as for the jackknife.

    The jackknife's error tells of how many rows a plain share would be as sure, and the interval is Wilson's for so many: it keeps
    within 0 and 1, and has a width also where the share is 0 or 1. It is taken for no surer than a share of `most` rows.

    The band is pointwise: at each single place it covers the curve of all such rows in 95 of 100 cases, not at all places together.
    None with fewer than two folds that have rows, or where the curve is not defined without one of them.
    """
    some = without[sizes > 0]
    folds = len(some)
    if folds < 2 or not np.isfinite(some).all():
        return None
    variance = (folds - 1) / folds * ((some - some.mean(0)) ** 2).sum(0)
    spread = values * (1 - values)
    rows = np.minimum(np.divide(spread, variance, out=np.full_like(values, np.inf), where=variance > 0), most)
    rows = np.maximum(np.where(spread > 0, rows, most), 1.0)
    z2 = t_quantile(folds - 1) ** 2
    centre = (values + z2 / (2 * rows)) / (1 + z2 / rows)
    half = np.sqrt(z2 * (spread / rows + z2 / (4 * rows**2))) / (1 + z2 / rows)
    # At the very ends of shares rounding must not put the curve beside its band.
    return np.clip(np.minimum(centre - half, values), 0.0, 1.0), np.clip(np.maximum(centre + half, values), 0.0, 1.0)
