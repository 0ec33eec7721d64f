"""One figure, with all that it rests on."""

from __future__ import annotations

import math
from dataclasses import dataclass

from muster.signature import Json

__all__ = ["Figure", "Interval", "figure", "undefined"]

LEVEL = 0.95
"""Of every interval."""


@dataclass(frozen=True, slots=True)
class Interval:
    """What 95 % intervals of this kind cover the true figure; `method` names it, or `reason` says why there is none."""

    low: float | None = None
    high: float | None = None
    method: str = ""
    reason: str = ""

    @classmethod
    def none(cls, reason: str) -> Interval:
        return cls(reason=reason)


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure: its `value`, or None and the `reason`; its 95 % interval from `low` to `high` by `method`, or None and why.

    `bound` is how far the value can be from that of the same rows counted one by one: 0 where it is `exact`. `rows` is how many
    rows it rests on.
    """

    name: str
    value: float | None
    rows: int
    low: float | None = None
    high: float | None = None
    method: str = ""
    bound: float = 0.0
    reason: str = ""

    @property
    def exact(self) -> bool:
        return self.bound == 0.0

    def to_json(self) -> dict[str, Json]:
        return {
            "value": self.value,
            "low": self.low,
            "high": self.high,
            "method": self.method,
            "bound": self.bound,
            "exact": self.exact,
            "rows": self.rows,
            "reason": self.reason,
        }


def undefined(name: str, rows: int, reason: str) -> Figure:
    return Figure(name, None, rows, reason=reason)


def figure(name: str, value: float, rows: int, interval: Interval, *, bound: float = 0.0, why: str = "") -> Figure:
    """NaN and infinite values are none: `why` says how that comes."""
    if not math.isfinite(value):
        return undefined(name, rows, why or "it is not defined for these rows")
    return Figure(name, value, rows, interval.low, interval.high, interval.method, bound, interval.reason)
