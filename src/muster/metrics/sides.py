"""Which rows are predicted too high, which too low, and which about right: how many they are, and by how much they are off."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from muster import typed
from muster.errors import InvalidInput
from muster.metrics.figure import Figure, Interval, figure, undefined
from muster.metrics.intervals import wilson
from muster.metrics.quantiles import Steps, order_statistics, quantile, steps
from muster.metrics.screen import Screen
from muster.profiles.keys import Floats
from muster.profiles.regression import MOMENTS, Regression

__all__ = ["SIDES", "Side", "Sides", "sides", "usual_band"]

SIDES = ("too low", "within", "too high")
_PART = 0.1
"""Of the standard deviation of the actual values: as near counts as right where nothing else is said."""
_RANKS = "ranks of rows give it, and these have weights"
_WEIGHTED = "no weights of rows are kept by side and fold"


class Side(NamedTuple):
    """`share` is that of all rows. `median` and `mean` are of the sizes of errors of this side; `part` is its share of the sum of them
    over all rows.
    """

    name: str
    rows: float
    share: Figure
    median: Figure
    mean: Figure
    part: float | None


@dataclass(frozen=True, eq=False, kw_only=True)
class Sides(Screen):
    """An error of up to `band` either way is `within`; of more, the row is predicted `too low` or `too high`."""

    band: float
    sides: tuple[Side, ...]

    def __getitem__(self, name: str) -> Side:
        return self.sides[SIDES.index(name)]


def usual_band(profile: Regression) -> float:
    """A tenth of the standard deviation of the actual values, to one digit that counts; 0 where they do not differ."""
    mass, squares = (float(profile.totals.moments[0, MOMENTS.index(n)]) for n in ("mass", "actual_2"))
    spread = math.sqrt(squares / mass) if mass > 0 and 0 <= squares < math.inf else 0.0
    return float(f"{_PART * spread:.1g}")


def sides(profile: Regression, band: float | None = None) -> Sides | None:
    """None of no rows, or of errors or weights too large for a double. InvalidInput if the band is no size."""
    if band is not None:
        band = typed.read_one("band", band, typed.NUMBER)
    if band is not None and not (math.isfinite(band) and band >= 0):
        raise InvalidInput(f"the band {band:g} is no size of an error", hint="give a number of 0 or more")
    largest = float(profile.totals.largest[0, 0])
    errors = steps(profile.error, (-largest, largest)) if math.isfinite(largest) else None
    if errors is None or not 0 < errors.mass.sum() < math.inf:
        return None
    at = usual_band(profile) if band is None else float(band)
    above, below = _beyond(errors.low, errors.high, at), _beyond(-errors.high, -errors.low, at)
    parts = (below, 1.0 - below - above, above)
    cut = _cut(errors.low, errors.high, at) | _cut(-errors.high, -errors.low, at)
    bound = float(errors.mass[cut].sum() / errors.mass.sum())
    found = tuple(
        _side(name, errors, part, bound, weighted=profile.weighted) for name, part in zip(SIDES, parts, strict=True)
    )
    return Sides(rows=profile.rows, band=at, sides=found, bound=bound, bounded="shares")


def _beyond(low: Floats, high: Floats, at: float) -> Floats:
    """The part of each cell that lies above: what is in a cell counts as spread evenly over it."""
    span = np.where(high > low, high - low, 1.0)
    with np.errstate(over="ignore"):  # of cells that are all of one side, which is looked at first
        return np.where(low > at, 1.0, np.where(high <= at, 0.0, np.clip((high - at) / span, 0.0, 1.0)))


def _cut(low: Floats, high: Floats, at: float) -> NDArray[np.bool_]:
    """The cells that have, or may have, rows on both sides: also those that begin there."""
    return (low <= at) & (high > at)


def _sizes(errors: Steps) -> tuple[Floats, Floats, Floats]:
    """Of each cell, the least size of an error in it, the greatest, and that of its middle."""
    least = np.where(
        np.sign(errors.low) * np.sign(errors.high) > 0, np.minimum(np.abs(errors.low), np.abs(errors.high)), 0.0
    )
    return least, np.maximum(np.abs(errors.low), np.abs(errors.high)), np.abs(errors.middle)


def _side(name: str, errors: Steps, part: Floats, bound: float, *, weighted: bool) -> Side:
    least, most, middle = _sizes(errors)
    total = float((errors.mass * middle).sum())
    mass, rows = errors.mass * part, errors.rows * part
    own, hits, every = float(mass.sum()), float(rows.sum()), float(errors.mass.sum())
    count, all_rows = round(hits), int(errors.rows.sum())
    interval = Interval.none(_WEIGHTED) if weighted else wilson(hits, all_rows)
    share = figure("share", own / every, all_rows, interval, bound=bound, within=(0.0, 1.0))
    if not own > 0:
        why = "there is no such row"
        return Side(
            name, hits, share, undefined("median", 0, why), undefined("mean", 0, why), 0.0 if total > 0 else None
        )
    some = part > 0
    order = np.argsort(middle[some], kind="stable")
    counts = np.rint(rows[some][order]).astype(np.int64)
    ordered = Steps(least[some][order], most[some][order], counts, mass[some][order])
    value, off = quantile(ordered, 0.5)
    slack = min(0.5, bound * every / own / 2)  # rows that may be of the next side move the middle by so much
    off += max(abs(quantile(ordered, 0.5 + by)[0] - value) for by in (-slack, slack)) if slack else 0.0
    ranks = Interval.none(_RANKS) if weighted else replace(order_statistics(ordered, 0.5), allows=not slack)
    median = figure("median", value, count, ranks, bound=off, within=(0.0, math.inf))
    spread = float((mass * (most - least)).sum() / own / 2) + 2 * slack * float(np.ptp(ordered.high))
    centre = float((mass * middle).sum() / own)
    mean = figure("mean", centre, count, Interval.none("no folds are kept by side"), bound=spread)
    part_of = float((mass * middle).sum() / total) if 0 < total < math.inf else None
    return Side(name, hits, share, median, mean, part_of)
