"""Where to cut numbers of which a sample is known: into parts of near equally many rows, at edges that read well."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from muster.profiles.edges import after
from muster.profiles.keys import Floats

__all__ = ["cuts"]

_SLACK = 0.01
"""Of the rows between two values that are numerous: how many an edge may be moved over to read better."""
_LEAST = 0.01
"""Of all rows: parts beside a value of its own are no smaller, where they can be larger."""
_DIGITS = 17
"""Of a double: with more, nothing reads better."""


@dataclass(frozen=True, slots=True)
class _Values:
    """Distinct numbers in rising order, and the rows of each."""

    values: Floats
    rows: Floats
    times: bool = False
    least: float = 0
    """The rows below which nothing is cut once more."""

    @property
    def total(self) -> float:
        return float(self.rows.sum())

    def __getitem__(self, some: slice) -> _Values:
        return _Values(self.values[some], self.rows[some], self.times, self.least)


def cuts(numbers: Floats, parts: int, *, times: bool = False) -> tuple[float, ...]:
    """The edges of about so many parts, none where there is one value. A value of more rows than a part would have is one by itself: an
    edge at it, and one after it. Of `times`, in seconds, edges are whole days, hours, minutes or seconds.
    """
    values, rows = np.unique(numbers[np.isfinite(numbers)] + 0.0, return_counts=True)
    if len(values) < 2:
        return ()
    return tuple(sorted(set(_cut(_Values(values, rows.astype(np.float64), times, _LEAST * len(numbers)), parts))))


def _cut(found: _Values, parts: int) -> Iterator[float]:
    if len(found.values) < 2 or parts < 2:
        return
    most = int(found.rows.argmax())
    if found.rows[most] * parts < found.total:
        yield from _between(found, parts)
        return
    value = float(found.values[most])
    below, above = found[:most], found[most + 1 :]
    yield value
    if math.isfinite(end := after(value, times=found.times)):
        yield end
    rest = below.total + above.total
    for side in (below, above):
        share = round((parts - 1) * side.total / rest)
        yield from _cut(side, max(1, min(share, int(side.total // found.least))))


def _between(found: _Values, parts: int) -> Iterator[float]:
    """Of values none of which has more rows than a part."""
    before = np.cumsum(found.rows) - found.rows
    for part in range(1, parts):
        place = int(np.abs(before[1:] - found.total * part / parts).argmin()) + 1
        yield _readable(found, before, place)


def _readable(found: _Values, before: Floats, place: int) -> float:
    """The number that reads best of those that cut near the value of this place."""
    values, exact = found.values, float(found.values[place])
    ends = np.append(before, found.total)
    for edge in _of_time(exact) if found.times else _of_digits(exact, values):
        moved = abs(ends[np.searchsorted(values, edge)] - before[place])
        if moved <= _SLACK * found.total and values[0] < edge <= values[-1]:
            return edge + 0.0
    return exact


def _of_digits(exact: float, values: Floats) -> Iterator[float]:
    """With ever more digits, from the first in which the values differ."""
    half = float(values[-1] / 2 - values[0] / 2)  # the spread itself may be infinite
    start = -math.floor(math.log10(half)) if half > 0 else 0
    yield from (round(exact, digits) for digits in range(start, start + _DIGITS))


def _of_time(exact: float) -> Iterator[float]:
    yield from (round(exact / step) * step for step in (86_400.0, 3_600.0, 60.0))
