"""How far the cells of a histogram in two directions can be off, where pairs of numbers were counted in squares."""

from __future__ import annotations

import numpy as np

from muster.metrics.grids import parts_of
from muster.metrics.residuals import Heat
from muster.profiles.grid import PairCounts

__all__ = ["heat_bound"]


def heat_bound(pairs: PairCounts, found: Heat) -> float:
    """The most rows that any cell may have more or less: those of all squares that an edge of it cuts."""
    low_x, high_x, low_y, high_y, rows = pairs.squares()
    across, up = parts_of(low_x, high_x, found.edges), parts_of(low_y, high_y, found.edges)
    whole = np.minimum(across.max(1, initial=0.0), up.max(1, initial=0.0)) >= 1 - 1e-12
    cut = np.where(whole, 0, rows).astype(np.float64)
    return float((((across > 0) * cut[:, None]).T @ (up > 0)).max(initial=0.0))
