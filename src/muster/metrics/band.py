"""95 % bands about curves of shares: an interval at each place."""

from __future__ import annotations

import numpy as np

from muster.metrics.intervals import t_quantile
from muster.profiles.keys import Floats

__all__ = ["band"]

_NEAR = 0.25
"""How far the error at a place is that of its neighbours too, in parts of the way to the nearer end of the curve."""


def band(at: Floats, values: Floats, without: Floats, sizes: Floats, most: Floats) -> tuple[Floats, Floats] | None:
    """Low and high at each place `at`, from 0 to 1; `without` (folds, places) is the curve without each fold, as for the jackknife.

    The jackknife's error tells of how many rows a plain share would be as sure, and the interval is Wilson's for so many: it keeps
    within 0 and 1, and has a width also where the share is 0 or 1. It is taken for no surer than a share of `most` rows. At single
    places the jackknife's error is uncertain itself, as curves have steps, so it is the mean of what is found nearby.

    The band is pointwise: at each single place it covers the curve of all such rows in 95 of 100 cases, not at all places together.
    None with fewer than two folds that have rows, or where the curve is not defined without one of them.
    """
    some = without[sizes > 0]
    folds = len(some)
    if folds < 2 or not np.isfinite(some).all():
        return None
    variance = (folds - 1) / folds * ((some - some.mean(0)) ** 2).sum(0)
    spread = values * (1 - values)
    rows = np.clip(_rows(at, variance, spread), 1.0, np.maximum(most, 1.0))
    z2 = t_quantile(folds - 1) ** 2
    centre = (values + z2 / (2 * rows)) / (1 + z2 / rows)
    half = np.sqrt(z2 * (spread / rows + z2 / (4 * rows**2))) / (1 + z2 / rows)
    # At the very ends of shares rounding must not put the curve beside its band.
    return np.clip(np.minimum(centre - half, values), 0.0, 1.0), np.clip(np.maximum(centre + half, values), 0.0, 1.0)


def _rows(at: Floats, variance: Floats, spread: Floats) -> Floats:
    """Of how many a plain share would be as sure at each place; infinite where nothing nearby tells."""
    tells = spread > 1e-12
    each = np.divide(variance, spread, out=np.zeros_like(variance), where=tells)
    near = (np.abs(at[:, None] - at) <= _NEAR * np.minimum(at, 1 - at)[:, None] + 1e-9) & tells
    mean = np.divide(near @ each, near.sum(1), out=np.zeros_like(each), where=near.any(1))
    return np.divide(1.0, mean, out=np.full_like(mean, np.inf), where=mean > 0)
