"""The ranks of predicted numbers, as cells and squares of pairs know them: in each strip of squares a line in the key."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from muster.profiles.cells import CellCounts
from muster.profiles.grid import Places
from muster.profiles.keys import Cells, Floats
from muster.profiles.regression import Regression

__all__ = ["PLACE_ROUNDING", "Strips", "strips"]

PLACE_ROUNDING = 1024 * float(np.finfo(np.float64).eps)
"""How far rounding can move where rows lie, in sides of a square: sums of them are made of so many additions at most, in effect."""

_NARROW = 2.0**-60
"""The variance of keys, in squares of a strip, below which doubles tell no line through them."""


class Strips(NamedTuple):
    """Of the squares of pairs, those that share the same range of one side: in which strip each square lies (`place`), the mean centred
    rank of its rows (`means`), and how much it rises across the square (`slopes`), both as the line of the strip has it. Of all rows
    the squares of ranks, as those of cells (`squares`), and what is `hidden` in cells; the squares of what ranks on the line differ
    from the means of their squares (`inside`, at most); and the roots of those of what ranks differ from the line (`missed`, at most),
    and of what `rounding` moves it. Of pairs that are counted by themselves, a strip is one value.
    """

    place: NDArray[np.intp]
    means: Floats
    slopes: Floats
    squares: float
    hidden: float
    missed: float
    inside: float = 0.0
    rounding: float = 0.0


def strips(profile: Regression, places: Places | None = None) -> tuple[Strips, Strips]:
    """By prediction, and by actual value; without `places` all lines are level."""
    corners, side = profile.together.corners()
    rows = profile.together.counts
    within = (None, None) if places is None else (places.x / rows, places.y / rows)
    grain = 0 if places is None else places.grain
    found = []
    for keys, at, cells in zip(corners, within, (profile.predicted, profile.actual), strict=True):
        known = _single(keys, rows) if profile.together.exact else cells
        found.append(_strips(_Side(keys, side, rows, at, grain), known))
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


def _single(keys: Cells, rows: Cells) -> CellCounts:
    """Each value by itself: more of them may be known of pairs than are kept of one side."""
    found, place = np.unique(keys, return_inverse=True)
    counts = np.zeros((len(found), 1), np.int64)
    np.add.at(counts[:, 0], place, rows)
    cells = CellCounts(max(len(found), 1))
    cells.take(found, counts)
    return cells


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
        return Strips(place, centre[place], np.zeros(len(rows)), squares, hidden, float(missed))
    scale = 2.0 ** (side - by)
    at = (keys & ((1 << by) - 1)) / 2.0**by + within * scale
    middle = np.bincount(place, rows * at, len(strip)) / total
    seen, unseen = _seen(cells, by, grain)
    along = seen - (np.bincount(of, counts * seen, len(strip)) / total)[of]
    spread = np.bincount(of, counts * along * along, len(strip))
    straight = spread > _NARROW * total
    slope = np.where(
        straight, np.bincount(of, counts * apart * along, len(strip)) / np.where(straight, spread, 1.0), 0.0
    )
    off = apart - slope[of] * along
    # Where cells are seen amiss by no more than so much, that less its mean in the strip has no larger squares.
    rise = np.sqrt(total * slope * slope)
    missed = np.sqrt((counts * off * off).sum() + hidden) + unseen * np.sqrt((rise * rise).sum())
    slopes, off_centre = slope[place] * scale, slope[place] * (at - middle[place])
    # No more than if rows lay at both ends of each square, nor than what all squares together leave of the line.
    ends = np.bincount(place, slopes * slopes * rows * within * (1 - within), len(strip))
    line = (np.abs(slope) * np.sqrt(spread) + unseen * rise) ** 2
    left = line * (1 + PLACE_ROUNDING) - np.bincount(place, rows * off_centre * off_centre, len(strip))
    inside = float(np.minimum(ends, np.maximum(left, 0.0)).sum())
    rounding = PLACE_ROUNDING * float(np.sqrt((rise * rise).sum()))
    return Strips(place, centre[place] + off_centre, slopes, squares, hidden, float(missed), inside, rounding)


def _seen(cells: CellCounts, by: int, grain: int) -> tuple[Floats, float]:
    """Where in their strip the rows of each cell are counted by squares, from 0 to 1, and how far that can be off."""
    low = ((cells.cells << cells.shift) >> grain << grain) & ((1 << by) - 1)
    width = 2.0 ** (max(cells.shift, grain) - by) if max(cells.shift, grain) else 0.0
    return low / 2.0**by + width / 2, width / 2 if cells.shift > grain else 0.0
