"""What metrics are called, and which way they are better."""

from __future__ import annotations

from typing import NamedTuple

from muster.metrics.classes import metrics_of
from muster.metrics.metric import Better
from muster.metrics.regression import REGRESSION
from muster.profiles.classification import Classification
from muster.profiles.keys import Floats
from muster.profiles.regression import Regression

__all__ = ["Named", "named"]


class Named(NamedTuple):
    name: str
    title: str
    better: Better

    def gain(self, difference: float) -> float:
        """Above 0 where a difference is for the better, below where it is for the worse; 0 where neither is said."""
        return {"higher": difference, "lower": -difference, "": 0.0}[self.better]


def named(name: str, measurement: Classification | Regression, costs: Floats | None = None) -> Named:
    """One that is not known is called by its name, and no way is better."""
    known = metrics_of(measurement.classes, costs) if isinstance(measurement, Classification) else REGRESSION
    found = next((Named(m.name, m.title, m.better) for m in known if m.name == name), None)
    return found or Named(name, name, "")
