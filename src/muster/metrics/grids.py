"""Linear grids with edges that people read easily, and how much of what was counted falls into each part of them."""

from __future__ import annotations

import numpy as np

from muster.profiles.keys import Floats

__all__ = ["parts_of", "readable_edges"]

_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0, 20.0)


def readable_edges(low: float, high: float, most: int = 40) -> Floats:
    """Multiples of 1, 2, 2.5 or 5 times a power of ten, from `low` or less to `high` or more, with at most `most` parts between them."""
    if not low < high:
        around = abs(low) / 2 or 0.5
        largest = float(np.finfo(np.float64).max)
        low, high = max(low - around, -largest), min(high + around, largest)
    rough = high / most - low / most
    places = np.floor(np.log10(rough)) if rough > 0 else -np.inf
    if not -290 < places < 290 or rough < 8 * np.spacing(max(abs(low), abs(high))):
        return _plain(low, high, most)
    for factor in _STEPS:
        power = 10.0 ** abs(places)
        step = factor * power if places >= 0 else factor / power
        first, last = np.floor(low / step), np.ceil(high / step)
        if last - first <= most:
            break
    multiples = np.arange(first, last + 1) * factor
    return multiples * power if places >= 0 else multiples / power


def _plain(low: float, high: float, most: int) -> Floats:
    """Of numbers too near to each other, or too far, for such steps."""
    share = np.arange(most + 1) / most
    return np.unique(low * (1 - share) + high * share)


def parts_of(low: Floats, high: Floats, edges: Floats) -> Floats:
    """(ranges, parts): of each range, how much of it lies in each part, as if what it holds were spread evenly. A single number lies
    in the part that begins with it or before; what is outside of all edges lies in none.
    """
    single = low == high
    wide = np.where(single, 1.0, high / 2 - low / 2)
    within = np.minimum(high[:, None], edges[1:]) / 2 - np.maximum(low[:, None], edges[:-1]) / 2
    share = np.clip(within, 0.0, None) / wide[:, None]
    place = np.searchsorted(edges, low, side="right") - 1
    place[low == edges[-1]] = len(edges) - 2
    at = (place[:, None] == np.arange(len(edges) - 1)).astype(np.float64)
    return np.where(single[:, None], at, share)
