"""How figures are written under and beside charts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import ROUND_UP, Context, Decimal

from muster.metrics.figure import Figure
from muster.metrics.screen import Screen

__all__ = ["count", "counted", "figure", "number", "percent", "sentence_list"]

NOTHING = "–"
_THIN = "\u202f"


def number(value: float | None, places: int = 3) -> str:
    """With so many decimals, in groups of three; what is not known is a dash."""
    if value is None or not math.isfinite(value):
        return NOTHING
    text = f"{value:,.{places}f}".replace(",", _THIN)
    return text.lstrip("-") if float(text.replace(_THIN, "")) == 0 else text


def count(value: float) -> str:
    """Rows, or weights, which have a decimal."""
    return number(value, 0 if float(value).is_integer() else 1)


def percent(value: float | None, places: int = 1) -> str:
    return NOTHING if value is None or not math.isfinite(value) else f"{number(100 * value, places)}{_THIN}%"


def figure(found: Figure, places: int = 3) -> str:
    """`0.903 [0.901, 0.906]`, or why there is none."""
    if found.value is None:
        return f"not known: {found.reason}"
    if found.low is None or found.high is None:
        return number(found.value, places)
    return f"{number(found.value, places)} [{number(found.low, places)}, {number(found.high, places)}]"


def counted(screen: Screen, *, what: str = "rows") -> str:
    """What stands under each chart: the number of rows, and how far its figures can be off."""
    rows = f"{count(screen.rows)} {what if screen.rows != 1 else what.removesuffix('s')}"
    return f"{rows}, exact" if screen.exact else f"{rows}, {screen.bounded} ±{_THIN}{upwards(screen.bound)}"


def upwards(bound: float) -> str:
    """With one digit that counts, never less than the bound is."""
    rounded = Context(prec=1, rounding=ROUND_UP).create_decimal(Decimal(bound))
    return format(rounded, "f") if rounded >= Decimal("0.000001") else f"{rounded:e}"


def sentence_list(items: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return " and ".join([", ".join(items[:-1]), items[-1]] if len(items) > 1 else items)
