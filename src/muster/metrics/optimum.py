"""The threshold that is best for a goal."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from muster.metrics.classes import measure
from muster.metrics.costs import mean_cost
from muster.metrics.figure import Figure, undefined
from muster.metrics.goals import Limit, parsed_goal
from muster.metrics.steps import Steps, steps
from muster.metrics.threshold_table import best_of, metrics_of
from muster.profiles.classification import Classification
from muster.profiles.keys import Floats
from muster.signature import Json

__all__ = ["Best", "best_threshold"]

_NO_ROW = "there is no row"


@dataclass(frozen=True)
class Best:
    """The `threshold` that is best for a `goal`, or None and the `reason`; and the `figure` that it makes best.

    The figure's interval takes the threshold as given: it was chosen by the same rows, so new rows will tend to do worse.
    `complete` is false where scores share cells, so that a threshold within one could do better yet.
    """

    goal: str
    threshold: float | None
    figure: Figure
    complete: bool
    reason: str = ""

    def to_json(self) -> dict[str, Json]:
        return {
            "goal": self.goal,
            "threshold": self.threshold,
            "figure": {"name": self.figure.name, **self.figure.to_json()},
            "complete": self.complete,
            "reason": self.reason,
        }


def best_threshold(profile: Classification, goal: str | ArrayLike) -> Best:
    """Over all thresholds of a binary profile, the best for one of these goals.

    - A metric (`f1`, `mcc`, …): where it is greatest.
    - `recall>=R`: the greatest threshold that finds so much of the class; the figure is its precision.
    - `precision>=P`: the least threshold whose alerts are right so often; the figure is its recall.
    - `alerts<=N`: the least threshold with so few positive rows (or weights); the figure is its recall.
    - A cost matrix `[[tn, fp], [fn, tp]]`, or its text: where the mean cost is least.

    Where a class has no row that counts there is none, as every threshold would do; an alert budget needs rows of the class alone.

    Of equal ones it is the greatest threshold. It stands in the middle between the neighbouring scores that it separates, or at
    the edge of a cell where scores share cells.
    """
    found, wanted = steps(profile), parsed_goal(goal)
    if isinstance(wanted, np.ndarray):
        return _by_costs(profile, found, wanted)
    name, place = _by_limit(found, wanted) if isinstance(wanted, Limit) else _by_metric(found, wanted)
    budget = isinstance(wanted, Limit) and wanted.of == "alerts"
    why = _lacking(found, both=not budget) or (place if isinstance(place, str) else "")
    if why or isinstance(place, str):
        return Best(str(goal), None, undefined(name, profile.rows, why), found.single, why)
    threshold = float(found.middles[place])
    figure = measure(profile, threshold=threshold, names={name})[name]
    return Best(str(goal), threshold, figure, found.single)


def _lacking(found: Steps, *, both: bool = True) -> str:
    """Why no threshold is better than others: a class that has no row. Empty where each has one that counts."""
    if not found.rows:
        return _NO_ROW
    with_weight = "" if found.total == found.rows else " that weighs something"
    if not found.positives > 0:
        return f"no row{with_weight} is of the class"
    return f"every row{with_weight} is of the class" if both and not found.negatives > 0 else ""


def _by_metric(found: Steps, name: str) -> tuple[str, int | str]:
    """The metric, and the place of its greatest value or why there is none."""
    values = np.where(np.isfinite(found.middles), metrics_of(found.labels())[name], np.nan)
    return name, best_of(values) if np.isfinite(values).any() else f"{name} is not defined at any threshold"


def _by_limit(found: Steps, limit: Limit) -> tuple[str, int | str]:
    """The metric that is left free, and the place where it is greatest within the limit or why there is none."""
    of, number = limit.of, limit.number
    values = -(found.hits + found.alarms) if of == "alerts" else metrics_of(found.labels())[of]
    values = np.where(np.isfinite(found.middles), np.nan_to_num(values, nan=-np.inf), -np.inf)
    places = np.flatnonzero(values >= (-number if of == "alerts" else number))
    free = "precision" if of == "recall" else "recall"
    if len(places):
        return free, int(places[0] if of == "recall" else places[-1])
    if of == "alerts":
        return free, f"the highest score alone has {-values.max():,.0f} rows"
    return free, f"no threshold has a {of} of {number:g}; the greatest is {max(values.max(), 0.0):.4g}"


def _by_costs(profile: Classification, found: Steps, costs: Floats) -> Best:
    if why := _lacking(found):
        return Best("cost", None, undefined("cost", profile.rows, why), found.single, why)
    means = np.where(np.isfinite(found.middles), mean_cost(found.labels(), costs), np.nan)
    threshold = float(found.middles[best_of(-means)])
    cost = measure(profile, threshold=threshold, names={"cost"}, costs=costs)["cost"]
    return Best("cost", threshold, cost, found.single)
