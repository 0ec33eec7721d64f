"""What metrics are called, and which way they are better."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from muster.metrics.classes import metrics_of
from muster.metrics.differences import Measurement
from muster.metrics.metric import Better
from muster.metrics.multilabel import MULTILABEL
from muster.metrics.multioutput import AVERAGE
from muster.metrics.regression import REGRESSION
from muster.profiles.classification import Classification
from muster.profiles.keys import Floats
from muster.profiles.multilabel import Multilabel
from muster.profiles.multioutput import Multioutput
from muster.profiles.regression import Regression

__all__ = ["Named", "named"]


class Named(NamedTuple):
    name: str
    title: str
    better: Better

    def gain(self, difference: float) -> float:
        """Above 0 where a difference is for the better, below where it is for the worse; 0 where neither is said."""
        return {"higher": difference, "lower": -difference, "": 0.0}[self.better]


def named(name: str, measurement: Measurement, costs: Floats | None = None) -> Named:
    """One that is not known is called by its name, and no way is better."""
    found = next((told for told in _known(measurement, costs) if told.name == name), None)
    return found or Named(name, name, "")


def _known(measurement: Measurement, costs: Floats | None) -> Iterator[Named]:
    match measurement:
        case Classification():
            yield from (Named(m.name, m.title, m.better) for m in metrics_of(measurement.classes, costs))
        case Multilabel():
            yield from (Named(m.name, m.title, m.better) for m in MULTILABEL)
        case Multioutput():
            for target in measurement.targets.values():
                for one in _known(target, None):
                    yield Named(one.name + AVERAGE, f"{one.title}, mean of targets", one.better)
        case Regression():
            yield from (Named(m.name, m.title, m.better) for m in REGRESSION)
