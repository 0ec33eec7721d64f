"""Rows that are predicted worse than the rest, found among the bins of columns and of pairs of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import overload

import numpy as np

from muster.errors import InvalidInput
from muster.metrics.candidates import Candidates
from muster.metrics.figure import Figure
from muster.metrics.joined import Joined, joined, words
from muster.metrics.multiplicity import adjusted
from muster.metrics.redundant import kept_of, saying_more
from muster.metrics.worse import ROWS, Kind, chance, compared, surely
from muster.profiles.binning import PAIRED
from muster.profiles.keys import Floats
from muster.profiles.losses import Losses
from muster.signature import Json

__all__ = ["RATE", "WeakSegment", "WeakSegments"]

RATE = 0.05
"""Of the segments that are told, at most this share is expected to be there by chance."""
MOST = 20


@dataclass(frozen=True, slots=True)
class WeakSegment:
    """Rows of which all `conditions` are true. `there` and `elsewhere` are the figure of these and of all other rows, `gap` by how much
    it is worse; their intervals are adjusted for the search, so that of those that are told 95 % hold. `chance` is the p-value (of
    neighbouring bins the greatest), `adjusted` that over all that was looked at.
    """

    conditions: tuple[str, ...]
    columns: tuple[str, ...]
    rows: int
    share: float
    there: Figure
    elsewhere: Figure
    gap: Figure
    chance: float
    adjusted: float

    @property
    def condition(self) -> str:
        return " and ".join(self.conditions)

    @property
    def weight(self) -> float:
        """By which segments are in order: what they surely add to the loss of all rows."""
        return self.share * (self.gap.low or 0.0)

    def to_json(self) -> dict[str, Json]:
        return {
            "condition": self.condition,
            "conditions": [*self.conditions],
            "columns": [*self.columns],
            "rows": self.rows,
            "share": self.share,
            "there": self.there.to_json(),
            "elsewhere": self.elsewhere.to_json(),
            "gap": self.gap.to_json(),
            "p_value": self.chance,
            "adjusted_p_value": self.adjusted,
        }


class WeakSegments(Sequence[WeakSegment]):
    """At most 20, the worst first: significantly worse than the rest over all that was looked at, and none that says no more than
    another.

    `metric` is what is compared, one of `metrics`, and `by` compares another. `looked_at` bins and pairs of bins had enough rows;
    `left_out` has the columns that were not looked at, by why, `unpaired` those that were not in pairs; `more` were found than are told.
    """

    def __init__(self, losses: Losses, metric: str | None = None) -> None:
        self._losses = losses
        known = _kinds(losses)
        self.metrics = tuple(known)
        self.metric = self.metrics[0] if metric is None else metric
        if self.metric not in known:
            raise InvalidInput(f"there is no loss `{metric}`", hint=f"there are {', '.join(known)}")
        search = losses.search
        self.columns = tuple(b.column for b in search.binnings)
        self.unpaired = self.columns[PAIRED:]
        self.left_out: Mapping[str, str] = dict(search.left_out)
        self.rows = int(losses.alone(0)[0].sum()) if search.binnings else 0
        self.looked_at, found = _found(Candidates.of(losses, known[self.metric]), self.metric)
        self._told, self.more = found[:MOST], max(0, len(found) - MOST)

    def by(self, metric: str) -> WeakSegments:
        """The same by another loss."""
        return WeakSegments(self._losses, metric)

    @overload
    def __getitem__(self, n: int) -> WeakSegment: ...
    @overload
    def __getitem__(self, n: slice) -> list[WeakSegment]: ...
    def __getitem__(self, n: int | slice) -> WeakSegment | list[WeakSegment]:
        return self._told[n]

    def __len__(self) -> int:
        return len(self._told)

    def __iter__(self) -> Iterator[WeakSegment]:
        return iter(self._told)

    def to_json(self) -> dict[str, Json]:
        return {
            "metric": self.metric,
            "looked_at": self.looked_at,
            "columns": [*self.columns],
            "unpaired": [*self.unpaired],
            "left_out": dict(self.left_out),
            "segments": [one.to_json() for one in self],
            "more": self.more,
        }

    def __repr__(self) -> str:
        return f"<{len(self)} weak segments by {self.metric}, of {self.looked_at} looked at>"


def _kinds(losses: Losses) -> dict[str, Kind]:
    if losses.rows.shape[1] == 1:
        return {"mae": "mean"}
    return {"log_loss": "mean", "error_rate": "share"} if losses.sums.shape[1] else {"error_rate": "share"}


def _found(candidates: Candidates, metric: str) -> tuple[int, list[WeakSegment]]:
    """How many were looked at, and what was found, the worst first."""
    looked_at = len(candidates.places)
    if not looked_at:
        return 0, []
    kind, counts = candidates.kind, candidates.counts
    others = candidates.whole - counts
    p = np.minimum(1.0, 2 * chance(kind, counts, others))  # of both sides, as intervals are
    chosen = _chosen(candidates, p, others)
    segments = [_segment(candidates, group, metric, float(p[[*group]].max()), len(chosen)) for group in chosen]
    return looked_at, sorted(segments, key=lambda s: (-s.weight, s.adjusted, s.condition))


def _chosen(candidates: Candidates, p: Floats, others: Floats) -> list[Joined]:
    """Those that are significantly worse than the rest and say more than others.

    What is left out after a test makes chance a larger share of what is left. So the bar is the highest of which Benjamini and
    Hochberg's rule holds for those that are left (focused BH, Katsevich, Sabatti and Bogomolov 2021).
    """
    looked_at = len(p)
    bar = RATE * float((adjusted(p) <= RATE).sum()) / looked_at
    while bar > 0:
        found = np.flatnonzero(p <= bar)
        sure = surely(candidates.kind, candidates.counts[found], others[found], bar)
        weight = sure * candidates.counts[found, ROWS]
        ranked = found[np.lexsort((found, p[found], -weight))].tolist()
        kept = joined(candidates, kept_of(candidates, saying_more(candidates, ranked)))
        if bar <= RATE * len(kept) / looked_at:
            return kept
        bar = RATE * len(kept) / looked_at
    return []


def _segment(candidates: Candidates, group: Joined, metric: str, p: float, chosen: int) -> WeakSegment:
    """One of so many that were chosen; `p` is that of its weakest bin."""
    inside = candidates.counts[[*group]].sum(0)
    part = RATE * chosen / len(candidates.places)  # of the chosen ones 95 % hold (Benjamini and Yekutieli 2005)
    others = candidates.whole - inside
    there, elsewhere, gap = compared(candidates.kind, metric, inside, others, level=1 - part)
    columns = tuple(candidates.search.binnings[column].column for column, _ in candidates.places[group[0]])
    return WeakSegment(
        words(candidates, group),
        columns,
        there.rows,
        there.rows / float(candidates.whole[ROWS]),
        there,
        elsewhere,
        gap,
        p,
        min(1.0, p * RATE / part),
    )
