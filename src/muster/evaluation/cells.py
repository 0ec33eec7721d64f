"""How figures stand in the cells of a report's tables."""

from __future__ import annotations

from muster.charts.words import count, number, short
from muster.evaluation.subject import Effort
from muster.metrics.figure import Figure

__all__ = ["effort_text", "interval_cell", "number_cell", "signed_cell"]


def number_cell(value: float | None) -> str:
    return number(value, 4 if value is None or abs(value) < 1_000 else 0)


def interval_cell(found: Figure) -> str:
    return "" if found.low is None or found.high is None else f"{number_cell(found.low)} to {number_cell(found.high)}"


def signed_cell(value: float | None) -> str:
    """Of a difference."""
    return f"{'+' if value is not None and value > 0 else ''}{number_cell(value)}"


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
