"""Who is better, in a line."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from muster.charts.words import number, told, within
from muster.evaluation.telling import first_metric
from muster.metrics.naming import Named

if TYPE_CHECKING:
    from muster.evaluation.comparison import Contest
    from muster.metrics.figure import Figure

__all__ = ["SAID", "Verdict", "difference", "lowered", "outcome", "verdict"]

Number = Callable[[float, int], str]
_SAYS = {
    "roc_auc": ("ranks better", "ranks worse", "ranks no differently"),
    "rmse": ("errs less", "errs more", "errs no differently"),
    "accuracy": ("is right more often", "is right less often", "is right no more or less often"),
}
_ELSE = ("is better", "is worse", "is no different")
_MOST = 6
"""Decimals; with more than these, digits that count are told."""
_IN_CELLS = "values that share cells may explain it"
SAID = {"better": "better", "worse": "worse", "": "may be chance", None: ""}
"""An outcome in a cell of a table."""


class Verdict(NamedTuple):
    """`outcome` is "better", "worse", "" where chance may explain the difference, or None where it is not known."""

    metric: str | None
    outcome: str | None
    text: str


def outcome(found: Figure, metric: Named) -> str | None:
    """Of a difference: "better" or "worse" where 0 lies outside of its interval, else ""; None where no interval tells, and where it
    is not chance but cells of several values that may explain the difference.
    """
    if found.value is None or found.low is None or found.high is None or not metric.better:
        return None
    if found.low <= 0 <= found.high:
        return "" if found.low + found.bound <= 0 <= found.high - found.bound else None
    return "better" if metric.gain(found.value) > 0 else "worse"


def verdict(contest: Contest, write: Number = number) -> Verdict:
    """By the first metric; `write` gives a number with so many decimals."""
    name = first_metric(contest.differences)
    one, rows = contest.names[1], "same rows" if contest.paired else "other rows"
    if name is None:
        return Verdict(None, None, f"{one} has no figure in common with {contest.names[0]}")
    found, metric = contest.differences[name], contest.metric(name)
    if found.value is None:
        return Verdict(name, None, f"{one} is not compared by {lowered(metric.title)}: {found.reason}")
    judged = outcome(found, metric)
    by = f"{lowered(metric.title)} {difference(found, write)}, {rows}"
    if judged is None:
        why = f" ({found.reason or _IN_CELLS})" if found.reason or found.bound else ""
        return Verdict(name, None, f"{one} has no verdict: {by}{why}")
    better, worse, neither = next((says for of, says in _SAYS.items() if name.startswith(of)), _ELSE)
    same = neither if found.low == found.high == 0 else f"{neither} beyond chance"
    says = {"better": better, "worse": worse, "": same}[judged]
    return Verdict(name, judged, f"{one} {says}: {by}")


def lowered(title: str) -> str:
    """Within a sentence: `mean error`, but `ROC AUC`."""
    return title[:1].lower() + title[1:] if title[1:2].islower() else title


def difference(found: Figure, write: Number = number) -> str:
    """`+0.009 [0.005, 0.014]`, with as many decimals as its interval is worth."""
    if found.value is None:
        return f"not known: {found.reason}"
    ends = [end for end in (found.low, found.high) if end is not None]
    size = (ends[1] - ends[0]) / 2 if len(ends) == 2 and ends[1] > ends[0] else max(abs(found.value) / 10, found.bound)
    digit = -math.floor(math.log10(size)) if size > 0 else 3
    places = max(digit, 3) if max(map(abs, (found.value, *ends))) < 1 else max(digit + 1, 0)
    if places > _MOST:
        write, places = (lambda value, _: told(value, 3, (found.value, *ends))), _MOST
    sign = "+" if found.value > 0 else ""
    said = f"{sign}{write(found.value, places)}"
    if len(ends) < 2:
        return f"{said} {within(found.bound)}" if found.loose else said
    return f"{said} [{write(ends[0], places)}, {write(ends[1], places)}]"
