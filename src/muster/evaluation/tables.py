"""How figures stand in the cells of a report's tables."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from muster.charts.words import NOTHING, count, number, short
from muster.evaluation.subject import Effort
from muster.metrics.figure import Figure

__all__ = ["INTERVAL", "Table", "effort_text", "interval_text", "number_text", "signed_text"]

INTERVAL = "95 % interval"
"""The name of a column with the interval of the figure before it."""


class Table:
    """A heading, what it says in a sentence, and rows of text under their columns; those at the places `left` are words, no figures."""

    def __init__(self, heading: str, words: str, columns: Sequence[str], left: Collection[int] = (0,)) -> None:
        self.heading, self.words, self.columns, self.left = heading, words, tuple(columns), frozenset(left)
        self.rows: list[tuple[str, ...]] = []
        self.quiet: set[int] = set()

    def add(self, *cells: str, quiet: bool = False) -> None:
        if quiet:
            self.quiet.add(len(self.rows))
        self.rows.append(cells)


def number_text(value: float | None) -> str:
    """Four digits after the point below a thousand, none above."""
    return NOTHING if value is None else number(value, 4 if abs(value) < 1_000 else 0)


def interval_text(found: Figure) -> str:
    return "" if found.low is None or found.high is None else f"{number_text(found.low)} to {number_text(found.high)}"


def signed_text(value: float | None) -> str:
    """Of a difference."""
    return f"{'+' if value is not None and value > 0 else ''}{number_text(value)}"


def effort_text(effort: Effort) -> str:
    """What predicting took, in a line; or why that is not known."""
    parts = []
    if effort.rate is not None and effort.seconds is not None:
        parts.append(
            f"{short(effort.rate)} rows/s: {count(effort.rows)} in {short(effort.seconds)} s, with the start of the model"
        )
    if tries := effort.asked.get("tries"):
        parts.append(f"{count(tries)} calls")
    if effort.cost is not None:
        parts.append(f"at most {short(effort.cost)} at the connection's prices")
    return "; ".join([*parts, *([effort.reason] if effort.reason else [])])
