"""How the scores of each class are spread."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from muster.errors import NotApplicable
from muster.metrics.figure import Figure, Interval, figure, undefined
from muster.metrics.intervals import wilson
from muster.metrics.labels import share
from muster.metrics.quality import curve_of, quality, scores_of
from muster.metrics.screen import Screen
from muster.profiles.classification import EQUAL_WIDTHS, Classification
from muster.profiles.keys import Floats

__all__ = ["SURE", "Confidence", "Density", "confidence", "density"]

_MIDDLES = (np.arange(EQUAL_WIDTHS) + 0.5) / EQUAL_WIDTHS

SURE = 0.9
"""From this highest score on, a prediction is called sure."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Density(Screen):
    """Bins of equal width between `edges`, each with its upper end: rows (or weights) of the class and of the others, and their shares.

    `own_share` and `others_share` each add up to 1; NaN where there is no such row. `own_mean` and `others_mean` are the mean scores,
    `mean_bound` is how far they can be off.
    """

    edges: Floats
    own: Floats
    others: Floats
    own_share: Floats
    others_share: Floats
    own_mean: float
    others_mean: float
    mean_bound: float


@dataclass(frozen=True, eq=False, kw_only=True)
class Confidence(Density):
    """The same of the highest score of each row: `own` are the rows that were predicted right, `others` those that were not.

    `sure` is the share of wrong ones among those with a highest score above `SURE`.
    """

    sure: Figure


def confidence(profile: Classification, bins: int = 50) -> Confidence:
    """NotApplicable where highest scores are not kept: of labels alone, of two classes, and in profiles of before they were."""
    if profile.top is None:
        raise NotApplicable("the highest probabilities of these rows are not kept")
    counted = profile.top.astype(np.float64) if profile.top_mass is None else profile.top_mass
    others, own = counted.reshape(bins, EQUAL_WIDTHS // bins, 2).sum(1).T
    above = slice(round(SURE * EQUAL_WIDTHS), None)
    wrong, of = float(counted[above, 0].sum()), float(counted[above].sum())
    interval = Interval.none("no weights of these rows are kept by fold") if profile.weighted else wilson(wrong, of)
    rows = int(profile.top[above].sum())
    found = (
        undefined("sure", rows, "there is no such row") if not of > 0 else figure("sure", wrong / of, rows, interval)
    )
    return Confidence(
        rows=profile.rows,
        edges=np.arange(bins + 1) / bins,
        own=own,
        others=others,
        own_share=share(own, own.sum(keepdims=True)),
        others_share=share(others, others.sum(keepdims=True)),
        own_mean=_mean(_MIDDLES, counted[:, 1]),
        others_mean=_mean(_MIDDLES, counted[:, 0]),
        mean_bound=0.5 / EQUAL_WIDTHS,
        sure=found,
    )


def density(profile: Classification, lane: int = 0, bins: int = 50) -> Density:
    """Of a lane's scores."""
    if (counted := quality(profile).bins) is None:
        raise NotApplicable("this needs probabilities, and there are only labels")
    others, own = counted[lane, :, :2].reshape(bins, EQUAL_WIDTHS // bins, 2).sum(1).T
    curve, least, greatest = curve_of(profile, lane), *_ends(profile, lane)
    middles, off = (least + greatest) / 2, (greatest - least) / 2
    sides = (curve.own[0], curve.others[0])
    return Density(
        rows=profile.rows,
        edges=np.arange(bins + 1) / bins,
        own=own,
        others=others,
        own_share=share(own, own.sum(keepdims=True)),
        others_share=share(others, others.sum(keepdims=True)),
        own_mean=_mean(middles, sides[0]),
        others_mean=_mean(middles, sides[1]),
        mean_bound=max(float(np.nan_to_num(_mean(off, side))) for side in sides),
    )


def _ends(profile: Classification, lane: int) -> tuple[Floats, Floats]:
    """The least and the greatest score of each cell of the curve."""
    least = scores_of(profile, lane)
    return least, least if profile.exact is not None else np.append(least[1:], 1.0)


def _mean(scores: Floats, rows: Floats) -> float:
    return float(share(np.array([scores @ rows]), np.array([rows.sum()]))[0])
