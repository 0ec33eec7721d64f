"""How figures are written in tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from muster.metrics.figure import Figure

__all__ = ["interval", "number", "signed"]


def interval(figure: Figure) -> str:
    return "" if figure.low is None or figure.high is None else f"{number(figure.low)} to {number(figure.high)}"


def number(value: float | None) -> str | None:
    """Four digits after the point below a thousand; six digits in all above."""
    if value is None:
        return None
    return f"{round(value, 4) + 0.0:.4f}" if abs(value) < 1_000 else f"{value:,.6g}"


def signed(value: float | None) -> str | None:
    """Of a difference."""
    told = number(value)
    return told if told is None or told.startswith("-") else f"+{told}"
