"""One metric: its name, what it is computed from, and what interval and bound it has."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

from muster.metrics.figure import Interval
from muster.profiles.keys import Floats

__all__ = ["Better", "Metric"]

V = TypeVar("V")
Better = Literal["higher", "lower", ""]


@dataclass(frozen=True)
class Metric(Generic[V]):
    """`of` gives a value for each group of a view, NaN where it is not defined, and `why` says how that comes.

    `share` gives hits and rows of one group where the metric is a share of rows; `interval` is a method of its own; `counted` is one
    that counts of rows alone tell, and that says itself where it does not hold; `no_interval` says why there is none; otherwise the
    jackknife gives it, and `right` says of which rows it needs enough that are predicted right: of all classes but the most frequent
    one together, or of each. `enlarged`: by chance, where rows are few. `bound` is how far the value can be from that of single scores.
    `within` are the least and the greatest that it can be. `scores` says that labels alone do not tell it.
    `top` is the part of the rows with the highest scores that it looks at, and
    `rate` says that it is a share of these. `logit`: on that scale its jackknife is nearest to normal.
    """

    name: str
    title: str
    of: Callable[[V], Floats]
    why: str
    better: Better = "higher"
    share: Callable[[V], tuple[float, float]] | None = None
    interval: Callable[[V], Interval] | None = None
    counted: Callable[[V], Interval] | None = None
    no_interval: str = ""
    bound: Callable[[V], Floats] | None = None
    within: tuple[float, float] = (0.0, 1.0)
    scores: bool = False
    top: float = 0.0
    rate: bool = False
    logit: bool = False
    right: Literal["", "others", "each"] = ""
    enlarged: bool = False
