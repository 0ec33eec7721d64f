"""How figures are written in tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import isfinite
from typing import TYPE_CHECKING

from muster.charts.digits import written

if TYPE_CHECKING:
    from muster.metrics.figure import Figure

__all__ = ["bound", "interval", "notes", "number", "signed", "value"]


def interval(figure: Figure) -> str:
    if figure.low is None or figure.high is None:
        return ""
    beside = (figure.value, figure.low, figure.high)
    return f"{number(figure.low, *beside)} to {number(figure.high, *beside)}"


def value(figure: Figure) -> str | None:
    """With as many digits as tell it from the ends of its interval."""
    return number(figure.value, figure.low, figure.high)


def bound(figure: Figure) -> str:
    """How far it can be off."""
    return "" if figure.value is None else "exact" if figure.exact else f"± {figure.bound:.2g}"


def notes(figures: Mapping[str, Figure], names: Iterable[str], *, small: bool) -> str:
    """What is to be known of a part of the rows, with how far those of its figures can be off to which it matters: `roc_auc ± 0.02`."""
    return "; ".join(
        [*(["few rows"] if small else []), *(f"{n} {bound(figures[n])}" for n in names if figures[n].loose)]
    )


def number(value: float | None, *beside: float | None) -> str | None:
    """Four digits after the point below a thousand, six digits in all above; more where it takes them to tell it from 0, and from what
    stands `beside` it.
    """
    return None if value is None else written(value, beside) if isfinite(value) else str(value)


def signed(difference: Figure) -> str | None:
    told = value(difference)
    return told if told is None or told.startswith("-") else f"+{told}"
