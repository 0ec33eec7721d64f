"""The ranks of predicted numbers, as cells and squares of pairs know them: in each strip of squares a line in the key."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from muster.profiles.cells import CellCounts
from muster.profiles.keys import Cells, Floats
from muster.profiles.regression import Regression

__all__ = ["Strips", "strips"]


class Strips(NamedTuple):
    """Of the squares of pairs, those that share the same range of one side: in which strip each square lies (`place`), the mean centred
    rank of its rows (`means`), and how much it rises across the square (`slopes`), both as the line of the strip has it. Of all rows
    the squares of ranks, as those of cells (`squares`), and what is `hidden` in cells; the squares of what ranks on the line differ
    from the means of their squares (`inside`, at most); and the root of those of what ranks differ from the line (`missed`, at most).
    Of pairs that are counted by themselves, a strip is one value.
    """

    place: NDArray[np.intp]
    means: Floats
    slopes: Floats
    squares: float
    hidden: float
    inside: float
    missed: float


def strips(profile: Regression) -> tuple[Strips, Strips]:
    """By prediction, and by actual value."""
    places = profile.together.places()
    corners, side = profile.together.corners()
    rows = profile.together.squares()[4]
    places_of = (None, None) if places is None else (places.x / rows, places.y / rows)
    grain = 0 if places is None else places.grain
    found = [
        _strips(_Side(keys, side, rows, at, grain), cells)
        for keys, at, cells in zip(corners, places_of, (profile.predicted, profile.actual), strict=True)
    ]
    return found[0], found[1]


class _Side(NamedTuple):
    """Of the squares of pairs one side: the least `keys`, how many bits are not told apart, the rows of each, where these lie `within` on
    average, from 0 to 1, and the bits below which that is not seen.
    """

    keys: Cells
    side: int
    rows: Cells
    within: Floats | None
    grain: int


def _strips(of_pairs: _Side, cells: CellCounts) -> Strips:
    keys, side, rows, within, grain = of_pairs
    by = max(side, cells.shift)
    strip, place = np.unique(keys >> by, return_inverse=True)
    counts, of = cells.counts[:, 0].astype(np.float64), np.searchsorted(strip, cells.cells >> (by - cells.shift))
    ranks = np.cumsum(counts) - counts / 2 - counts.sum() / 2
    total = np.bincount(of, counts, len(strip))
    centre = np.bincount(of, counts * ranks, len(strip)) / total
    # What the ranks of a cell's rows add to the squares, if none of them tie.
    hidden = float((counts**3 - counts).sum()) / 12 if cells.shift else 0.0
    squares = float((counts * ranks * ranks).sum())
    apart = ranks - centre[of]
    if within is None:
        missed = np.sqrt((counts * apart * apart).sum() + hidden)
        return Strips(place, centre[place], np.zeros(len(rows)), squares, hidden, 0.0, float(missed))
    scale = 2.0 ** (side - by)
    at = (keys & ((1 << by) - 1)) / 2.0**by + within * scale
    middle = np.bincount(place, rows * at, len(strip)) / total
    seen, unseen = _seen(cells, by, grain)
    along = seen - (np.bincount(of, counts * seen, len(strip)) / total)[of]
    spread = np.bincount(of, counts * along * along, len(strip))
    slope = np.bincount(of, counts * apart * along, len(strip)) / np.where(spread > 0, spread, 1.0)
    off = apart - slope[of] * along
    # Where cells are seen amiss by no more than so much, that less its mean in the strip has no larger squares.
    missed = np.sqrt((counts * off * off).sum() + hidden) + unseen * np.sqrt((counts * slope[of] ** 2).sum())
    slopes = slope[place] * scale
    inside = float((slopes * slopes * rows * within * (1 - within)).sum())
    means = centre[place] + slope[place] * (at - middle[place])
    return Strips(place, means, slopes, squares, hidden, inside, float(missed))


def _seen(cells: CellCounts, by: int, grain: int) -> tuple[Floats, float]:
    """Where in their strip the rows of each cell are counted by squares, from 0 to 1, and how far that can be off."""
    low = ((cells.cells << cells.shift) >> grain << grain) & ((1 << by) - 1)
    width = 2.0 ** (max(cells.shift, grain) - by) if max(cells.shift, grain) else 0.0
    return low / 2.0**by + width / 2, width / 2 if cells.shift > grain else 0.0
