"""How much of the class lies among the rows with the highest scores: lift, cumulative gain and the table of tenths."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from muster.metrics import curves
from muster.metrics.curves import Curve
from muster.metrics.intervals import wilson
from muster.metrics.screen import Screen
from muster.metrics.steps import steps
from muster.profiles.classification import Classification
from muster.profiles.keys import Floats

__all__ = ["Gains", "gains"]

_PARTS = np.arange(1, 101) / 100
_TENTHS = np.arange(10, 101, 10)


@dataclass(frozen=True, eq=False, kw_only=True)
class Gains(Screen):
    """`parts` of the rows from the top, 1 to 100 %, each rounded up to a row: the share of the class `captured` there and its `lift`.

    `best` is what a perfect order would capture. `size`, `hits`, `rate` with its 95 % interval (`rate_low`, `rate_high`; NaN for
    weights) and the least score `down_to` are those of each tenth, from the top. Rows of equal score count in a part by their share
    of it; `bound` is of `captured`, `lift_bound` of the lift of any part, `rate_bound` of the rate of any tenth.
    """

    parts: Floats
    captured: Floats
    lift: Floats
    best: Floats
    base: float
    size: Floats
    hits: Floats
    rate: Floats
    rate_low: Floats
    rate_high: Floats
    down_to: Floats
    lift_bound: float
    rate_bound: float


def gains(profile: Classification, lane: int = 0) -> Gains:
    found = steps(profile, lane)
    curve = found.curve
    total, positives = found.total, found.positives
    tops = np.ceil(_PARTS * total * (1 - 1e-12)) if curve.whole else _PARTS * total
    captured, lift = (_each(of, curve) for of in (curves.captured, curves.lift))
    off = _each(curves.top_bound, curve)
    size, hits = (np.diff(values[_TENTHS - 1], prepend=0.0) for values in (tops, captured * positives))
    with np.errstate(invalid="ignore", divide="ignore"):
        rate, best = hits / size, np.minimum(tops / positives, 1.0)
        bound = float(np.max(off) / positives) if positives else 0.0
        lift_bound = float(np.max(off / _PARTS) / positives) if positives else 0.0
        ends = off[_TENTHS - 1]
        of_tenths = (ends + np.append(0.0, ends[:-1])) / size
        rate_bound = float(np.nanmax(of_tenths, initial=0.0))
    limits = [
        wilson(h, n).allowing(b, (0.0, 1.0)) if curve.whole and n > 0 else None
        for h, n, b in zip(hits, size, of_tenths, strict=True)
    ]
    places = np.searchsorted(found.hits + found.alarms, tops[_TENTHS - 1] - 1e-9)
    return Gains(
        rows=profile.rows,
        bound=bound,
        bounded="captured share",
        parts=_PARTS,
        captured=captured,
        lift=lift,
        best=best,
        base=positives / total if total else np.nan,
        size=size,
        hits=hits,
        rate=rate,
        rate_low=np.array([np.nan if i is None or i.low is None else i.low for i in limits]),
        rate_high=np.array([np.nan if i is None or i.high is None else i.high for i in limits]),
        lift_bound=lift_bound,
        rate_bound=rate_bound,
        down_to=found.thresholds[np.minimum(places, len(found.thresholds) - 1)],
    )


def _each(of: Callable[[float], curves.OfCurve], curve: Curve) -> Floats:
    return np.array([float(of(float(part))(curve)[0]) for part in _PARTS])
