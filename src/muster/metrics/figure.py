"""One figure, with all that it rests on."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from muster.signature import Json

__all__ = ["SHARED", "Figure", "Interval", "figure", "undefined"]

LEVEL = 0.95
"""Of every interval."""

SHARED = "values that share cells can move it by {:.2g}, which is more than chance makes"


@dataclass(frozen=True, slots=True)
class Interval:
    """What 95 % intervals of this kind cover the true figure; `method` names it, or `reason` says why there is none.

    `allows` says that the ends hold what cells of several values hide already.
    """

    low: float | None = None
    high: float | None = None
    method: str = ""
    reason: str = ""
    allows: bool = False

    @classmethod
    def none(cls, reason: str) -> Interval:
        return cls(reason=reason)

    def allowing(self, bound: float, within: tuple[float, float]) -> Interval:
        """Wider by the `bound` of the figure, where chance alone makes it as wide; else it would say that chance is all there is."""
        if self.low is None or self.high is None or self.allows or not bound > 0:
            return self
        if bound > (self.high - self.low) / 2:
            return Interval.none(SHARED.format(bound))
        return replace(self, low=max(within[0], self.low - bound), high=min(within[1], self.high + bound), allows=True)


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

    @property
    def loose(self) -> bool:
        """Whether the bound can change one of the first four digits."""
        return self.bound > 5e-5 * (abs(self.value or 0.0) or 1.0)

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


def figure(
    name: str,
    value: float,
    rows: int,
    interval: Interval,
    *,
    bound: float = 0.0,
    why: str = "",
    within: tuple[float, float] = (-math.inf, math.inf),
) -> Figure:
    """NaN and infinite values are none: `why` says how that comes. The interval allows for the `bound`, and stays `within`."""
    if not math.isfinite(value):
        return undefined(name, rows, why or "it is not defined for these rows")
    told = interval.allowing(bound, within)
    return Figure(name, value, rows, told.low, told.high, told.method, bound, told.reason)
