"""A logistic model in plain Python, of an hour, a distance, a carrier and an airport.

It runs in a worker like any Python file, and behind the local endpoints of the tour; `weights.json` beside it was fitted.
"""

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

INPUT = "arrow"
COLUMNS = ("hour", "distance", "carrier", "origin")


def chance(weights: Mapping[str, Any], row: Sequence[Any]) -> float:
    """Of being late. A number has a weight, a word one of its own; one that was never seen adds nothing."""
    total = weights["intercept"]
    for name, value in zip(COLUMNS, row, strict=True):
        weight = weights[name]
        total += weight.get(value, 0.0) if isinstance(weight, dict) else weight * value
    return 1 / (1 + math.exp(-total))


class Model:
    classes = ("no", "yes")

    def load(self, path: Path) -> None:
        self.weights = json.loads((path / "weights.json").read_text())

    def predict_proba(self, data: Any) -> list[list[float]]:
        rows = zip(*(data[name].to_pylist() for name in COLUMNS), strict=True)
        return [[1 - p, p] for p in (chance(self.weights, row) for row in rows)]

    def predict(self, data: Any) -> list[str]:
        return ["yes" if p >= 0.5 else "no" for _, p in self.predict_proba(data)]
