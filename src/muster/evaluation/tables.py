"""How figures stand in the cells of a report's tables."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from muster.charts.words import count, short, told
from muster.evaluation.subject import Effort
from muster.metrics.figure import Figure

__all__ = [
    "INTERVAL", "Table", "bound_text", "effort_text", "interval_text", "loose_text", "number_text", "signed_text", "value_text",
]  # fmt: skip

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


def number_text(value: float | None, *beside: float | None) -> str:
    """Four digits after the point below a thousand, six digits in all above; more where it takes them to tell it from 0, and from what
    stands `beside` it.
    """
    return told(value, 4, beside)


def value_text(found: Figure) -> str:
    return number_text(found.value, found.low, found.high)


def loose_text(found: Figure) -> str:
    """With how far it can be off, where that matters and no column says so."""
    return f"{value_text(found)} {bound_text(found)}" if found.loose else value_text(found)


def interval_text(found: Figure) -> str:
    if found.low is None or found.high is None:
        return ""
    beside = (found.value, found.low, found.high)
    return f"{number_text(found.low, *beside)} to {number_text(found.high, *beside)}"


def signed_text(found: Figure) -> str:
    """Of a difference."""
    return f"{'+' if found.value is not None and found.value > 0 else ''}{value_text(found)}"


def bound_text(found: Figure) -> str:
    """How far it can be off."""
    return "" if found.value is None else "exact" if found.exact else f"± {found.bound:.2g}"


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
