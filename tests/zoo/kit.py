"""Data to train on, and how a model is put down with what its own library predicts for it."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

random = np.random.default_rng(13)
ROWS = 300
X = pd.DataFrame(
    {
        "age": random.integers(18, 90, ROWS),
        "income": random.normal(40_000, 9_000, ROWS).round(2),
        "rate": random.normal(size=ROWS).astype("float32"),
        "city": random.choice(["Bern", "Oslo", "Rome"], ROWS),
    }
)
N = X[["age", "income", "rate"]]
SCORE = (X["age"] - 50) / 20 + (X["income"] - 40_000) / 9_000 + X["rate"]
YES = np.where(SCORE + random.normal(scale=0.5, size=ROWS) > 0, "yes", "no")
CODE = (YES == "yes").astype(int)
THREE = np.array(["high", "low", "mid"])[np.digitize(SCORE, [-1, 1])]
VALUE = (SCORE * 10 + 3).to_numpy()
DATA = X.iloc[::3].reset_index(drop=True)
D = DATA[["age", "income", "rate"]]

makers: dict[str, Callable[[Path], Any]] = {}


def maker(make: Callable[[Path], Any]) -> Callable[[Path], Any]:
    makers[make.__name__] = make
    return make


def pins(*packages: str) -> list[str]:
    """The versions that are here, as requirements; what is not here is left out."""
    found = []
    for name in packages:
        try:
            found.append(f"{name}=={version(name)}")
        except PackageNotFoundError:
            continue
    return found


def said(place: Path, prediction: Any, probabilities: Any = None, *, data: Any = DATA, **case: Any) -> None:
    """Write data and expectation. `case` has what must be declared, and `task` and `classes` that come out."""
    table = data if isinstance(data, pa.Table) else pa.Table.from_pandas(data, preserve_index=False)
    columns = {"prediction": pa.array(prediction.tolist() if hasattr(prediction, "tolist") else prediction)}
    if probabilities is not None:
        rows = probabilities if isinstance(probabilities, list) else np.asarray(probabilities, np.float64).tolist()
        columns["probabilities"] = pa.array(rows)
    for name, written in (("data", table), ("expected", pa.table(columns))):
        with pa.OSFile(str(place / f"{name}.arrow"), "wb") as sink, pa.ipc.new_file(sink, written.schema) as writer:
            writer.write_table(written)
    (place / "case.json").write_text(json.dumps(case))


def of_classifier(place: Path, model: Any, given: Any = D, *, data: Any = DATA, **case: Any) -> None:
    """`given` is what the model is asked with, `data` the table that Muster gets."""
    classes = [c.item() if hasattr(c, "item") else c for c in model.classes_]
    case = {"task": "binary" if len(classes) == 2 else "multiclass", "classes": classes, **case}
    said(place, model.predict(given), model.predict_proba(given), data=data, **case)
