"""Prophet: a value for each row's time, in the order of the rows."""

from __future__ import annotations

import json
import os
from typing import Any, Dict, List

import pyarrow as pa

from . import inputs
from .answers import Columns, columns_of
from .loaded import Loaded


def load_prophet(spec: Dict[str, Any], folder: str) -> Loaded:
    """The model in `file`, as JSON."""
    from prophet.serialize import model_from_json

    with open(os.path.join(folder, spec["file"]), encoding="utf-8") as file:
        text = json.load(file)
    model = model_from_json(text if isinstance(text, str) else json.dumps(text))
    # What lies around the forecast is drawn by chance, anew for each batch; the forecast itself is not.
    model.uncertainty_samples = 0

    def ask(batch: pa.RecordBatch, _params: Dict[str, Any], _wanted: List[str]) -> Columns:
        return columns_of("predict", _forecast(model, inputs.build(batch, "pandas")))

    return Loaded(ask, ["predict"], input="pandas", kind="regressor")


def _forecast(model: Any, data: Any) -> Any:
    """Prophet sorts what it is given by time, and tells no row from another of the same time: such rows are asked in turns."""
    import pandas as pd

    data["ds"] = pd.to_datetime(data["ds"])
    turns, found = data.groupby("ds", dropna=False).cumcount(), []
    for turn in range(int(turns.max()) + 1 if len(data) else 1):
        part = data[turns == turn].sort_values("ds")
        answer = model.predict(part.reset_index(drop=True))
        answer.index = part.index
        found.append(answer.drop(columns="ds"))
    return pd.concat(found).sort_index().reset_index(drop=True)
