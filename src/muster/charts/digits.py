"""How many digits a figure is written with: so many that it is told from 0, and from what stands beside it."""

from __future__ import annotations

import math
from collections.abc import Iterable

__all__ = ["written"]

_SMALL = 2
"""Digits that count of a number too small for the decimals that are usual."""

_LARGE = 6
"""Digits that count of one of a thousand and more."""

_APART = 4
"""Units of the last digit that numbers beside each other differ by at least, so that rounding changes little of how far they are apart."""

_SAME = 1e-13
"""Of the largest: what is no further apart differs by rounding only."""

_LAST = 15
"""Digits that a double is sure of."""


def written(value: float, beside: Iterable[float | None] = (), places: int = 4) -> str:
    """With `places` decimals, six digits from a thousand on, or as many more as it takes: `0.8153`, `0.0000123`, `1,000,000,001.25`.

    `beside` are numbers that it has to be told from: the ends of its interval, or what it is held against.
    """
    known = [value, *(v for v in beside if v is not None and math.isfinite(v))]
    largest = max(map(abs, known))
    size = _size(largest) if largest else 0
    need = places if abs(value) < 1_000 else _LARGE - 1 - size
    if size < 1 - places:
        need = max(need, _SMALL - 1 - size)
    gaps = [abs(value - other) for other in known[1:]] + [max(known) - min(known)]
    need = max([need, *(_places(gap) for gap in gaps if math.inf > gap > _SAME * largest)])
    need = min(need, _LAST - 1 - size)
    if not -5 <= size < _LAST:
        return f"{value:.{max(need + size, _SMALL - 1)}e}"
    text = f"{value:,.{max(need, 0)}f}"
    if size >= 3 and "." in text and len(known) == 1:
        text = text.rstrip("0").rstrip(".")
    return text if text.strip("-0.,") else text.lstrip("-")


def _places(apart: float) -> int:
    """Decimals at which so great a difference is seen."""
    return math.ceil(math.log10(_APART) - math.log10(apart))


def _size(value: float) -> int:
    """The power of ten of its first digit."""
    return math.floor(math.log10(value))
