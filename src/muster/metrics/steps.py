"""All thresholds of a binary score that can make a difference."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from muster.errors import NotApplicable
from muster.metrics.classes import LEAST_OF_A_CLASS
from muster.metrics.curves import Curve
from muster.metrics.labels import Labels
from muster.metrics.quality import curve_of, scores_of
from muster.profiles.classification import Classification
from muster.profiles.keys import Floats
from muster.profiles.tally import lanes_of

__all__ = ["Steps", "steps"]


@dataclass(frozen=True, eq=False)
class Steps:
    """`hits` of the class and `alarms` of the others at or above each of the `thresholds`, from the greatest down.

    The first threshold is infinite and has no row above it; the others are each occupied cell's least score. All counts are exact:
    no cell is divided. `middles` separate the same rows from as far between neighbouring scores as is known (NaN where nothing
    within [0, 1] does). `ends` has, of each occupied cell downwards, the greatest score that it can hold. `curve` is what this was
    made of; `single` says that no two scores share a cell. `rows` are all rows, and `own` those of the class, whatever they weigh.
    """

    thresholds: Floats
    hits: Floats
    alarms: Floats
    middles: Floats
    ends: Floats
    curve: Curve
    single: bool
    rows: int
    own: int

    @property
    def positives(self) -> float:
        return float(self.hits[-1])  # added up in the same order as those that are held against it

    @property
    def negatives(self) -> float:
        return float(self.alarms[-1])

    @property
    def few(self) -> bool:
        """Whether one of the classes has too few rows for intervals of curves."""
        return min(self.own, self.rows - self.own) < LEAST_OF_A_CLASS

    @property
    def total(self) -> float:
        return self.positives + self.negatives

    @property
    def whole(self) -> bool:
        return self.curve.whole

    def labels(self) -> Labels:
        """A group for each threshold."""
        rows = [self.negatives - self.alarms, self.alarms, self.positives - self.hits, self.hits]
        return Labels(np.stack(rows, axis=1).reshape(-1, 2, 2))


def steps(profile: Classification, lane: int = 0) -> Steps:
    """Of the scores of a lane; NotApplicable where the profile has labels only."""
    if not profile.lanes:
        raise NotApplicable("this needs probabilities, and there are only labels")
    curve, scores = curve_of(profile, lane), scores_of(profile, lane)
    occupied = np.flatnonzero(curve.own[0] + curve.others[0] > 0)[::-1]
    ends = np.where(curve.single, scores, np.append(scores[1:], 1.0))[occupied]
    return Steps(
        np.concatenate([[np.inf], scores[occupied]]),
        np.concatenate([[0.0], curve.hits[0, occupied]]),
        np.concatenate([[0.0], curve.alarms[0, occupied]]),
        _middles(scores[occupied], ends, curve.single[occupied]),
        ends,
        curve,
        bool(curve.single[occupied].all()),
        profile.rows,
        int(profile.tally.confusion[0, lanes_of(profile.classes)[lane]].sum()),
    )


def _middles(scores: Floats, ends: Floats, single: NDArray[np.bool_]) -> Floats:
    """For none, and for each occupied cell downwards, a threshold between it and the one below it; 0 for all."""
    if not len(scores):
        return np.zeros(1)
    above, below = np.append(1.0, scores), np.append(ends, 0.0)
    middles = (above + below) / 2
    middles[:-1] = np.where(single & (middles[:-1] <= ends), above[:-1], middles[:-1])
    if single[0] and ends[0] >= 1.0:
        middles[0] = np.nan
    middles[-1] = 0.0
    return middles
