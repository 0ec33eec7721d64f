"""Fewer points of a curve, such that nobody sees which are gone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from muster.profiles.keys import Cells, Floats

__all__ = ["POINTS", "thin"]

POINTS = 200
"""Of a curve that is drawn."""


def thin(coordinates: Sequence[Floats], most: int = POINTS, keep: Iterable[int] = ()) -> Cells:
    """Which of the points to draw, in order: at most `most`, and the first, the last and those of `keep` always.

    Along each coordinate they are spread evenly: between two neighbours none varies by more than its share of the whole way, but
    where a single step does. What is not finite counts as no way.
    """
    size = len(coordinates[0])
    if size <= most:
        return np.arange(size)
    always = np.unique([0, size - 1, *keep])
    each = (most - len(always)) // len(coordinates)
    chosen = [always]
    for values in coordinates:
        way = np.concatenate([[0.0], np.cumsum(np.nan_to_num(np.abs(np.diff(values)), posinf=0.0))])
        stations = np.linspace(0.0, way[-1], each + 2)[1:-1]
        chosen.append(np.minimum(np.searchsorted(way, stations), size - 1))
    return np.unique(np.concatenate(chosen))
