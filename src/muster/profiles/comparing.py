"""Two profiles of one column in the same cells, bins or values, so that their rows can be compared."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from muster.profiles.categories import Categories
from muster.profiles.cells import Counts, together
from muster.profiles.keys import Cells, Floats
from muster.profiles.numbers import Numbers, spans

__all__ = ["Aligned", "Binned", "Matched", "aligned", "binned", "matched"]


class Aligned(NamedTuple):
    """Two profiles in the same cells, in order: the least and the largest double of each, and the rows of each profile in it."""

    low: Floats
    high: Floats
    a: Cells
    b: Cells


def aligned(a: Numbers, b: Numbers) -> Aligned:
    """Both in the wider cells of the two. Cells are single numbers where both profiles are exact."""
    shift, cells, in_a, in_b = together(a.values.cells, b.values.cells)
    return Aligned(*spans(cells, shift), in_a[:, 0], in_b[:, 0])


class Binned(NamedTuple):
    """Bins [edges[n], edges[n + 1]) of equal shares of a reference, as far as its numbers allow, and the rows of both in each.

    Each array of rows begins with those below the first edge and ends with those from the last edge on.
    """

    edges: Floats
    reference: Cells
    current: Cells


def binned(reference: Numbers, current: Numbers, bins: int) -> Binned:
    """Up to `bins` bins, fewer where single numbers have larger shares.

    Edges are numbers of the reference alone, so that they stay where they are whatever is compared; but where the other profile
    has wider cells, an edge that is inside of one goes down to where that one begins.
    """
    own = reference.values.cells
    shift, cells, a, b = together(own, current.values.cells)
    cuts = _cuts(own.cells, own.counts, bins, shift - own.shift)
    place = np.searchsorted(cuts, cells, side="right")
    counts = [np.bincount(place, side[:, 0], len(cuts) + 1).astype(np.int64) for side in (a, b)]
    return Binned(spans(cuts, shift)[0], counts[0], counts[1])


def _cuts(cells: Cells, counts: Counts, bins: int, wider: int) -> Cells:
    """The cells with which bins begin, and the one after the last; in cells wider by 2**`wider`."""
    if not len(cells):
        return cells
    upto = np.cumsum(counts[:, 0])
    shares = upto[-1] * np.arange(1, bins) / bins
    after = np.searchsorted(upto, shares) + 1
    first = np.concatenate([cells[:1], cells[after[after < len(cells)]]]) >> wider
    return np.concatenate([np.unique(first), (cells[-1:] >> wider) + 1])


class Matched(NamedTuple):
    """The values of two profiles and the rows that each has of them; `texts`, what they are, or None where one does not keep them.

    If not `exact`, they are no single values but cells of many, by hash.
    """

    exact: bool
    texts: list[str] | None
    a: Cells
    b: Cells


def matched(a: Categories, b: Categories) -> Matched:
    """Both by the same values while both have few, else by the same cells of hashes; values of neither are left out."""
    shift, codes, in_a, in_b = together(a.values.cells, b.values.cells)
    texts = None
    if a.texts is not None and b.texts is not None:
        both = a.texts | b.texts
        texts = [both[code] for code in codes.tolist()]
    return Matched(shift == 0, texts, in_a[:, 0], in_b[:, 0])
