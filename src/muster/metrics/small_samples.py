"""What Spearman's correlation of few rows lacks of that of all such rows."""

from __future__ import annotations

import numpy as np

from muster.profiles.keys import Cells
from muster.profiles.regression import Regression

__all__ = ["discordant", "less_than_of_many"]

_MOST = 16_384
"""Of more rows it is nothing beside the rest."""


def less_than_of_many(profile: Regression, value: float) -> float:
    """How far Spearman's correlation of these rows is below that of all such rows on average, 0 where that is not to be seen.

    Of n rows it is (n - 2) / (n + 1) of that of many and 3 / (n + 1) of Kendall's (Moran 1948). That tells most where rows are
    nearly in order: what noise does to neighbours is much to few rows, and nothing to many.
    """
    pairs, n = profile.together, profile.rows
    if not pairs.exact or not 2 < n <= _MOST:
        return 0.0
    kendall = 1 - 4 * discordant(np.repeat(pairs.x, pairs.counts), np.repeat(pairs.y, pairs.counts)) / (n * (n - 1))
    return float((n + 1) * value - 3 * kendall) / (n - 2) - value


def discordant(x: Cells, y: Cells) -> int:
    """Pairs of rows that x and y put in another order; none that tie in one of them.

    For each bit of the rank by y, from the highest on: of rows that have all bits before it in common, those in order of x that have it
    before others that do not.
    """
    rank = np.unique(y[np.lexsort((y, x))], return_inverse=True)[1]
    found = 0
    for bit in range(int(rank.max(initial=0)).bit_length()):
        shared = rank >> (bit + 1)
        order = np.argsort(shared, kind="stable")
        shared, has = shared[order], (rank[order] >> bit) & 1
        before = np.cumsum(has) - has
        starts = np.flatnonzero(np.diff(shared, prepend=-1))
        before -= np.repeat(before[starts], np.diff(starts, append=len(shared)))
        found += int((before * (1 - has)).sum())
    return found
