"""A loaded model: its facts, and its raw answers."""

from __future__ import annotations

import sys
from typing import Any, Callable, Dict, List

import pyarrow as pa

from .answers import Columns, to_batch
from .libraries import versions

Ask = Callable[[pa.RecordBatch, Dict[str, Any], List[str]], Columns]
"""A batch, parameters, and the methods that are wanted, to columns of raw outputs."""


class Loaded:
    """A model that was loaded. Its `facts` are what it tells of itself, as JSON.

    `methods` (of `predict`, `predict_proba`, …), `classes` (in its own order; for several targets a list of such lists),
    `features` (names), `n_features`, `kind` (`classifier`, `regressor`, `clusterer`, …), `objective` (of a booster),
    `multilabel`, `n_outputs`, `renamed` (its feature names have `_` for blanks), `input` (`pandas`, `arrow` or `numpy`),
    `libraries` (versions of what it loaded) and `python`. What is not known is None or left out.
    """

    def __init__(self, ask: Ask, methods: List[str], **facts: Any) -> None:
        self._ask = ask
        told: Dict[str, Any] = {
            "methods": methods,
            "libraries": versions(),
            "python": "{}.{}.{}".format(*sys.version_info),
        }
        unknown = dict.fromkeys(("classes", "features", "n_features", "kind", "objective"))
        self.facts: Dict[str, Any] = dict(unknown, **dict(told, **facts))

    def call(self, batch: pa.RecordBatch, params: Dict[str, Any], outputs: List[str]) -> pa.RecordBatch:
        """The raw outputs that are wanted, or all there are; as many rows as the model returned."""
        return to_batch(self._ask(batch, params, self._methods(outputs)))

    def _methods(self, outputs: List[str]) -> List[str]:
        """The methods that give these outputs: `predict_proba_0` comes from `predict_proba`, any other name from `predict`."""
        methods = self.facts["methods"]
        if not outputs:
            return list(methods)
        longest = sorted(methods, key=len, reverse=True)
        wanted = {next((m for m in longest if o == m or o.startswith(m + "_")), methods[0]) for o in outputs}
        return [m for m in methods if m in wanted]


def plain(value: Any) -> Any:
    """Values of numpy as JSON has them; lists, arrays and tuples become lists."""
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    return value if isinstance(value, (bool, int, float, str)) or value is None else str(value)


def attribute(model: Any, name: str) -> Any | None:
    """An attribute that may be a property which raises for this model: xgboost's raise what is not AttributeError."""
    try:
        return getattr(model, name, None)
    except Exception:  # noqa: BLE001  # the model's own code; it says that it has no such thing
        return None
