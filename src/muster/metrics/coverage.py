"""Whether predicted intervals hold what they promise: how many actual values are inside, where, and how wide that makes them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from muster.metrics.figure import Figure, Interval, figure
from muster.metrics.intervals import wilson
from muster.metrics.quantiles import steps
from muster.metrics.regression import measure
from muster.metrics.screen import Screen
from muster.profiles.cells import CellCounts
from muster.profiles.regression import COVERED, FACTS, Regression

__all__ = ["Coverage", "Covered", "coverage"]

_WEIGHTED = "no weights of these rows are kept by fold"


class Covered(NamedTuple):
    """Rows with predictions from `low` to `high`: their weights, the shares inside with its 95 % interval, below and above, and the mean
    width of their intervals.
    """

    low: float
    high: float
    mass: float
    inside: Figure
    below: float
    above: float
    width: float | None


@dataclass(frozen=True, eq=False, kw_only=True)
class Coverage(Screen):
    """`level` is the share that was promised, where that is known. `inside`, `below` and `above` are shares of all rows; `width` is the
    mean width; `tenths` go from the lowest predictions up. `rows` are those with an interval.
    """

    level: float | None
    inside: Figure
    below: Figure
    above: Figure
    width: Figure
    tenths: tuple[Covered, ...]
    spread: bool
    """Whether predictions of several values were counted together, each spread evenly over the tenths that it is in."""

    @property
    def verdict(self) -> str:
        """`too few`, `too many` or `as promised`, as far as chance leaves it open; empty where it cannot be told."""
        if self.level is None or self.inside.low is None or self.inside.high is None:
            return ""
        if self.inside.high < self.level:
            return "too few"
        return "too many" if self.inside.low > self.level else "as promised"


def coverage(profile: Regression, level: float | None = None) -> Coverage | None:
    """None where no row has a predicted interval."""
    facts = {name: int(n) for name, n in zip(FACTS, profile.totals.facts[0].tolist(), strict=True)}
    rows = facts["inside"] + facts["under"] + facts["above"]
    metrics = measure(profile)
    if not rows or metrics["interval_coverage"].value is None:
        return None
    return Coverage(
        rows=rows,
        level=level,
        inside=metrics["interval_coverage"],
        below=_share("below", profile, facts["under"], rows),
        above=_share("above", profile, facts["above"], rows),
        width=metrics["interval_width"],
        tenths=_tenths(profile.covered, weighted=profile.weighted) if profile.covered.rows == rows else (),
        spread=profile.covered.shift > 0,
    )


def _share(name: str, profile: Regression, hits: int, rows: int) -> Figure:
    if not profile.weighted:
        return figure(name, hits / rows, rows, wilson(hits, rows))
    side = COVERED.index({"below": "under", "above": "above"}[name])
    mass = profile.covered.sums[:, 1:].sum()
    value = float(profile.covered.sums[:, side].sum() / mass) if profile.covered.rows == rows and mass > 0 else np.nan
    return figure(name, value, rows, Interval.none(_WEIGHTED), why="weights of these rows are not kept by side")


def _tenths(cells: CellCounts, groups: int = 10, *, weighted: bool) -> tuple[Covered, ...]:
    """As many groups of equal weight. Of a prediction that lies in two of them, each has its share."""
    numbers = steps(cells)
    counts = cells.counts.astype(np.float64)
    mass = cells.sums[:, 1:].sum(1)
    upto = np.cumsum(mass)
    if not len(upto) or not upto[-1] > 0:
        return ()
    cuts = np.arange(groups + 1) / groups * upto[-1]
    taken = np.minimum(upto, cuts[1:, None]) - np.maximum(upto - mass, cuts[:-1, None])
    found = []
    for share in np.clip(taken / np.where(mass > 0, mass, 1.0), 0.0, 1.0):
        within = np.flatnonzero(share > 1e-9)
        with np.errstate(over="ignore", invalid="ignore"):
            width, inside, under, above = share[within] @ cells.sums[within]
            total = inside + under + above
            mean = width / total
        hits, of = share[within] @ counts[within, 0], share[within] @ counts[within].sum(1)
        interval = Interval.none(_WEIGHTED) if weighted else wilson(hits, of)
        found.append(
            Covered(
                float(numbers.low[within[0]]),
                float(numbers.high[within[-1]]),
                float(total),
                figure("inside", float(inside / total), round(float(of)), interval),
                float(under / total),
                float(above / total),
                float(mean) if np.isfinite(mean) else None,
            )
        )
    return tuple(found)
