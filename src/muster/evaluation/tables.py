"""How figures stand in the cells of a report's tables."""

from __future__ import annotations

from muster.charts.words import NOTHING, number
from muster.metrics.figure import Figure

__all__ = ["interval_text", "number_text"]


def number_text(value: float | None) -> str:
    """Four digits after the point below a thousand, none above."""
    return NOTHING if value is None else number(value, 4 if abs(value) < 1_000 else 0)


def interval_text(found: Figure) -> str:
    return "" if found.low is None or found.high is None else f"{number_text(found.low)} to {number_text(found.high)}"
