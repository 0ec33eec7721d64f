"""How far apart a figure is between groups of rows: the greatest less the least, or the least over the greatest."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from muster.metrics.differences import independent
from muster.metrics.figure import Figure, Interval, figure, undefined

__all__ = ["between", "greatest", "least", "over", "spread", "together"]

_FEW = "fewer than two groups have {} rows"
_OF_MANY = "it is of the most distant of several groups, which chance drives apart"
_OF_TWO = "it is the worse of two rates, which chance makes worse"
_ZERO = "it is 0 in every group"


def between(name: str, one: Figure, other: Figure) -> Figure:
    """`other` less `one`, of two given groups."""
    if one.value is None or other.value is None:
        return undefined(name, min(one.rows, other.rows), one.reason if one.value is None else other.reason)
    bound = one.bound + other.bound
    return figure(name, other.value - one.value, min(one.rows, other.rows), independent(one, other), bound=bound)


def over(name: str, one: Figure, other: Figure) -> Figure:
    """`other` over `one`, of two given groups."""
    rows = min(one.rows, other.rows)
    if one.value is None or other.value is None:
        return undefined(name, rows, one.reason if one.value is None else other.reason)
    if one.value == 0:
        return undefined(name, rows, "it is 0 in the group that it is compared with")
    return _quotient(name, other, one, rows, _of_ratio(other, one))


def spread(name: str, groups: Mapping[str, Figure], *, ratio: bool, least_rows: int) -> Figure:
    """Over groups that are large enough to count: how far the most distant two are apart, as a difference or a `ratio`.

    An interval there is only for two groups, which were given and not found.
    """
    rows = sum(f.rows for f in groups.values())
    if len(groups) < 2:
        return undefined(name, rows, _FEW.format(least_rows))
    for group, found in groups.items():
        if found.value is None:
            return undefined(name, rows, f"of `{group}` it is not known: {found.reason}")
    one, other = groups[least(groups)], groups[greatest(groups)]
    assert one.value is not None
    assert other.value is not None
    if not ratio:
        interval = _folded(independent(one, other)) if len(groups) == 2 else Interval.none(_OF_MANY)
        bound = 2 * max(f.bound for f in groups.values())
        return figure(name, other.value - one.value, rows, interval, bound=bound, within=(0.0, math.inf))
    if not other.value > 0:
        return undefined(name, rows, _ZERO)
    interval = _folded_ratio(_of_ratio(one, other)) if len(groups) == 2 else Interval.none(_OF_MANY)
    return _quotient(name, one, other, rows, interval)


def together(name: str, found: Sequence[Figure], *, ratio: bool) -> Figure:
    """The worst of several differences or ratios; not known unless all are."""
    rows = max(f.rows for f in found)
    for one in found:
        if one.value is None:
            return undefined(name, rows, one.reason)
    values = [float(f.value) for f in found if f.value is not None]
    value = min(values) if ratio else max(values)
    return figure(name, value, rows, Interval.none(_OF_TWO), bound=max(f.bound for f in found))


def least(groups: Mapping[str, Figure]) -> str:
    """The group whose figure is least, of those that have one."""
    return min((g for g, f in groups.items() if f.value is not None), key=lambda g: groups[g].value or 0.0)


def greatest(groups: Mapping[str, Figure]) -> str:
    return max((g for g, f in groups.items() if f.value is not None), key=lambda g: groups[g].value or 0.0)


def _quotient(name: str, part: Figure, whole: Figure, rows: int, interval: Interval) -> Figure:
    a, b = part.value or 0.0, whole.value or 0.0
    if b <= whole.bound:
        return undefined(name, rows, "scores in cells do not tell whether it is 0")
    bound = (a + part.bound) / (b - whole.bound) - a / b if part.bound or whole.bound else 0.0
    return figure(name, a / b, rows, interval, bound=bound, within=(0.0, math.inf))


def _of_ratio(part: Figure, whole: Figure) -> Interval:
    """From the intervals of both, which are independent (MOVER, Donner and Zou 2012)."""
    ends = (part.low, part.high, whole.low, whole.high)
    if any(end is None for end in ends):
        return Interval.none("one of the two has no interval")
    low, high, other_low, other_high = (float(str(end)) for end in ends)
    if other_low <= 0:
        return Interval.none("what it is compared with may be 0")
    a, b = part.value or 0.0, whole.value or 0.0

    def root(end: float, other: float) -> float:
        return math.sqrt(max(0.0, (a * b) ** 2 - end * other * (2 * a - end) * (2 * b - other)))

    below = low * (2 * a - low) / (a * b + root(low, other_high)) if a > 0 else 0.0
    above = (a * b + root(high, other_low)) / (other_low * (2 * b - other_low))
    return Interval(max(0.0, below), above, "independent")


def _folded(found: Interval) -> Interval:
    """Of a distance, from that of a difference: what covers one covers the other."""
    if found.low is None or found.high is None:
        return found
    ends = sorted((abs(found.low), abs(found.high)))
    return Interval(0.0 if found.low <= 0 <= found.high else ends[0], ends[1], found.method)


def _folded_ratio(found: Interval) -> Interval:
    """Of the lesser over the greater, from that of one over the other."""
    if found.low is None or found.high is None:
        return found
    ends = sorted(min(r, 1 / r) if r > 0 else 0.0 for r in (found.low, found.high))
    return Interval(ends[0], 1.0 if found.low <= 1 <= found.high else ends[1], found.method)
