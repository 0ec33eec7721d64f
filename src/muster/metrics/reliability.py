"""Calibration: how often rows of a score turn out to be of the class."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist
from typing import Literal

import numpy as np

from muster.errors import InvalidInput, NotApplicable
from muster.metrics.figure import LEVEL
from muster.metrics.intervals import wilson
from muster.metrics.labels import share
from muster.metrics.quality import quality
from muster.metrics.screen import Screen
from muster.metrics.steps import Steps, steps
from muster.profiles.classification import EQUAL_WIDTHS, Classification
from muster.profiles.keys import Cells, Floats

__all__ = ["Reliability", "reliability"]

By = Literal["width", "rows"]


@dataclass(frozen=True, eq=False, kw_only=True)
class Reliability(Screen):
    """Bins of scores, each from `lower` to `upper` with its upper end, where rows are: their `mean` score, and the share of the class.

    `observed` has the 95 % interval from `low` to `high` (Wilson; NaN for weights), `size` rows or weights. Bins `by` width are equally
    wide, bins by rows hold about as many rows each: scores that are equal stay together. `bound` is of `mean`.
    """

    by: By
    whole: bool
    lower: Floats
    upper: Floats
    size: Floats
    mean: Floats
    observed: Floats
    low: Floats
    high: Floats

    def off(self) -> Cells:
        """1 for each bin whose scores are too high, -1 where they are too low, 0 where chance explains the difference, or for weights.

        A score test in each bin, at a level at which all bins together call well-fitting scores off in 5 of 100 cases (Bonferroni).
        """
        if not self.whole or not len(self.size):
            return np.zeros(len(self.size), np.int64)
        most = NormalDist().inv_cdf(1 - (1 - LEVEL) / 2 / len(self.size))
        apart = self.mean - self.observed
        error = np.sqrt(self.mean * (1 - self.mean) / self.size)
        return np.where(np.abs(apart) > most * error + 1e-12, np.sign(apart), 0.0).astype(np.int64)


def reliability(profile: Classification, lane: int = 0, *, bins: int = 10, by: By = "width") -> Reliability:
    """Of up to `bins` bins, which for those of equal width divide 100."""
    if not profile.lanes:
        raise NotApplicable("this needs probabilities, and there are only labels")
    if bins < 1 or (by == "width" and EQUAL_WIDTHS % bins):
        raise InvalidInput(f"{bins} bins do not divide a hundred", hint="take 10 or 20")
    edges, sums, bound = _by_width(profile, lane, bins) if by == "width" else _by_rows(steps(profile, lane), bins)
    others, own, scores = sums.T
    some = others + own > 0
    size = (others + own)[some]
    limits = [wilson(h, n) for h, n in zip(own[some], size, strict=True)] if not profile.weighted else []
    nothing = np.full(len(size), np.nan)
    return Reliability(
        rows=profile.rows,
        bound=bound,
        bounded="mean score",
        by=by,
        whole=not profile.weighted,
        lower=edges[:-1][some],
        upper=edges[1:][some],
        size=size,
        mean=share(scores[some], size),
        observed=share(own[some], size),
        low=np.array([i.low for i in limits], np.float64) if limits else nothing,
        high=np.array([i.high for i in limits], np.float64) if limits else nothing,
    )


def _by_width(profile: Classification, lane: int, bins: int) -> tuple[Floats, Floats, float]:
    """Edges; other rows, own rows and sums of scores of each bin; and how far a mean can be off."""
    counted = quality(profile).bins
    assert counted is not None
    return np.arange(bins + 1) / bins, counted[lane].reshape(bins, -1, 3).sum(1), 0.0


def _by_rows(found: Steps, bins: int) -> tuple[Floats, Floats, float]:
    """The same between quantiles of the scores, as scikit-learn's `calibration_curve` takes them."""
    own, others = (np.diff(sums)[::-1] for sums in (found.hits, found.alarms))
    least, rows = found.thresholds[:0:-1], own + others
    if not len(rows):
        return np.array([0.0, 1.0]), np.zeros((1, 3)), 0.0
    greatest = found.ends[::-1]
    middle = (least + greatest) / 2
    edges = _quantiles(middle, rows, np.arange(1, bins) / bins, whole=found.whole)
    place = np.searchsorted(edges, middle)
    sums = np.stack([np.bincount(place, w, bins) for w in (others, own, middle * rows)], axis=1).astype(np.float64)
    off = np.bincount(place, (greatest - least) / 2 * rows, bins).astype(np.float64)
    bound = float(np.nanmax(share(off, sums[:, 0] + sums[:, 1]), initial=0.0))
    return np.concatenate([least[:1], edges, greatest[-1:]]), sums, bound


def _quantiles(scores: Floats, rows: Floats, shares: Floats, *, whole: bool) -> Floats:
    """Of rows between two neighbours by linear interpolation, as NumPy's `percentile`; of weights the score that reaches the share."""
    upto = np.cumsum(rows)
    if not whole:
        return scores[np.minimum(np.searchsorted(upto, shares * upto[-1] * (1 - 1e-12)), len(scores) - 1)]
    position = shares * (upto[-1] - 1)
    lower = np.floor(position)
    at, after = (
        scores[np.minimum(np.searchsorted(upto, p, side="right"), len(scores) - 1)] for p in (lower, lower + 1)
    )
    return at + (after - at) * (position - lower)
