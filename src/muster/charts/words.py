"""How figures are written under and beside charts."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from decimal import ROUND_UP, Context, Decimal

from muster.charts.digits import written
from muster.metrics.figure import Figure
from muster.metrics.screen import Screen

__all__ = [
    "LOOSE",
    "count",
    "counted",
    "figure",
    "number",
    "percent",
    "rows_and_bound",
    "rows_spread",
    "sentence_list",
    "short",
    "told",
    "within",
]

NOTHING = "–"
LOOSE = 0.02
"""A share that may be further off than this is not worth a sentence."""
_THIN = "\u202f"
_MINUS = "\u2212"


def number(value: float | None, places: int = 3) -> str:
    """With so many decimals, in groups of three; what is not known is a dash."""
    if value is None or not math.isfinite(value):
        return NOTHING
    text = f"{abs(value):,.{places}f}".replace(",", _THIN)
    return f"{_MINUS}{text}" if value < 0 and text.strip("0.") else text


def told(value: float | None, places: int = 3, beside: Iterable[float | None] = ()) -> str:
    """The same with more decimals where it takes them to tell it from 0, and from what stands `beside` it."""
    if value is None or not math.isfinite(value):
        return NOTHING
    return written(value, beside, places).replace(",", _THIN).replace("-", _MINUS)


def count(value: float) -> str:
    """Rows, or weights, which have a decimal."""
    return number(value, 0 if float(value).is_integer() else 1)


def percent(value: float | None, places: int = 1) -> str:
    """With more decimals where it takes them to tell a share from 0 and from 1."""
    if value is None or not math.isfinite(value):
        return NOTHING
    size = 100 * value
    ends = [end for end in (0.0, 100.0) if size != end and number(size, places) == number(end, places)]
    return f"{told(size, places, ends) if ends else number(size, places)}{_THIN}%"


def figure(found: Figure, places: int = 3) -> str:
    """`0.903 [0.901, 0.906]`, or why there is none; without an interval `0.903 ± 0.002`, where it is not exact."""
    if found.value is None:
        return f"not known: {found.reason}"
    ends = (found.low, found.high)
    value, low, high = (told(n, places, (found.value, *ends)) for n in (found.value, *ends))
    if None not in ends:
        return f"{value} [{low}, {high}]"
    return f"{value} {within(found.bound)}" if found.bound > 10.0**-places / 2 else value


def counted(screen: Screen) -> str:
    """What stands under each chart: the number of rows, and how far its figures can be off."""
    return rows_and_bound(screen.rows, screen.bound, screen.bounded)


def rows_and_bound(rows: float, bound: float = 0.0, bounded: str = "") -> str:
    """The same of what has no screen."""
    told = f"{count(rows)} {'row' if rows == 1 else 'rows'}"
    return f"{told}, {bounded} {within(bound)}" if bound else f"{told}, exact"


def rows_spread(rows: float) -> str:
    """The same where several values were counted together, and no bound is known."""
    return f"{rows_and_bound(rows).removesuffix('exact')}counted in cells, each spread evenly"


def short(value: float | None, *beside: float | None) -> str:
    """A number of any size with three digits that count, or more where it takes them to tell it from what stands `beside` it."""
    if value is None or not math.isfinite(value):
        return NOTHING
    if any(v is not None and v != value and _rounded(v) == _rounded(value) for v in beside):
        return told(value, 0, beside)
    size = math.floor(math.log10(abs(value))) if value else 0
    if not -4 <= size < 15:
        return f"{value:.2e}"
    return number(value, max(0, 2 - size))


def _rounded(value: float) -> float:
    return float(f"{value:.3g}")


def within(bound: float) -> str:
    """`± 0.0002`, with one digit that counts, and never less than the bound is."""
    rounded = Context(prec=1, rounding=ROUND_UP).create_decimal(Decimal(bound))
    return f"±{_THIN}{format(rounded, 'f') if rounded >= Decimal('0.000001') else format(rounded, 'e')}"


def sentence_list(items: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return " and ".join([", ".join(items[:-1]), items[-1]] if len(items) > 1 else items)
