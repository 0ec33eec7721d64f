"""The bins and pairs of bins that have enough rows to be looked at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from muster.metrics.groups import LEAST_OF_A_GROUP
from muster.metrics.worse import ROWS, Kind
from muster.profiles.binning import Search
from muster.profiles.keys import Floats
from muster.profiles.losses import Losses

__all__ = ["Candidates", "Condition", "Place"]

Condition: TypeAlias = tuple[int, int]
"""A column, by its place among the binnings, and one of its bins."""
Place: TypeAlias = tuple[Condition, ...]
"""One condition, or two of different columns in their order."""

_MOST_SHARE = 0.5
"""More than half of the rows are no segment, but the rule."""


@dataclass(frozen=True, eq=False)
class Candidates:
    """`counts` (candidates, 4) are rows, wrong ones, losses and their squares at `places`; `whole` (4,) those of all rows. `alone` has the
    counts of every bin of each column, `pairs` of every pair of bins, by their columns.
    """

    search: Search
    kind: Kind
    whole: Floats
    alone: tuple[Floats, ...]
    pairs: dict[tuple[int, int], Floats]
    places: tuple[Place, ...]
    counts: Floats

    @classmethod
    def of(cls, losses: Losses, kind: Kind) -> Candidates:
        search = losses.search
        alone = tuple(_counts(*losses.alone(n)) for n in range(len(search.binnings)))
        pairs = {columns: _counts(*losses.pair(n)) for n, columns in enumerate(search.pairs)}
        whole = alone[0].sum(0) if alone else np.zeros(4)
        places: list[Place] = []
        for a, table in enumerate(alone):
            places += [((a, n),) for n in _enough(table, whole)[0].tolist()]
        for (a, b), table in pairs.items():
            first, second = _enough(table, whole)
            places += [((a, n), (b, m)) for n, m in zip(first.tolist(), second.tolist(), strict=True)]
        found = cls(search, kind, whole, alone, pairs, tuple(places), np.empty((0, 4)))
        counts = np.array([found.at(place) for place in places]) if places else found.counts
        return cls(search, kind, whole, alone, pairs, tuple(places), counts)

    def at(self, place: Place) -> Floats:
        """The counts of rows of which all conditions are true."""
        if len(place) == 1:
            ((column, code),) = place
            return self.alone[column][code]
        (a, n), (b, m) = place
        return self.pairs[a, b][n, m]

    def both(self, one: Condition, other: Condition) -> Floats | None:
        """Those of which two conditions are true; None where that was not counted."""
        if one[0] == other[0]:
            return self.alone[one[0]][one[1]] if one == other else np.zeros(4)
        place = (one, other) if one[0] < other[0] else (other, one)
        return self.at(place) if (place[0][0], place[1][0]) in self.pairs else None


def _counts(rows: np.typing.NDArray[np.int64], sums: Floats) -> Floats:
    """(…, 4)."""
    found = np.zeros((*rows.shape[:-1], 4))
    found[..., 0] = rows.sum(-1)
    if rows.shape[-1] == 2:
        found[..., 1] = rows[..., 1]
    if sums.shape[-1]:
        found[..., 2:] = sums
    return found


def _enough(table: Floats, whole: Floats) -> tuple[np.typing.NDArray[np.int64], ...]:
    rows = table[..., ROWS]
    return np.nonzero((rows >= LEAST_OF_A_GROUP) & (rows <= _MOST_SHARE * whole[ROWS]))
