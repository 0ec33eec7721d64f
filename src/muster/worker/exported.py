"""A model of Muster's as MLflow's python_function: `muster_model`, in the folder `code` of what `muster version download` writes.

It gives what Muster predicts: `prediction`, and for classification `probability_<class>` in the order of the classes. Of several
labels `prediction` is a list, one flag for each class; of several targets a dictionary by target, beside it `probabilities` by
target in lists. Answers of other tasks are the model's own columns.
"""

from __future__ import annotations

import json
import os
from typing import Any, Callable, Dict, List, Sequence

import pyarrow as pa

from .loaders import load


def _load_pyfunc(path: str, model_config: Any = None) -> Model:  # noqa: ARG001  # as MLflow calls it
    with open(os.path.join(os.path.dirname(os.path.abspath(path)), "muster.json"), encoding="utf-8") as file:
        return Model(json.load(file), path)


class Model:
    """What MLflow calls."""

    def __init__(self, told: Dict[str, Any], folder: str) -> None:
        self._told = told
        self._schema = pa.ipc.read_schema(pa.py_buffer(bytes.fromhex(told["schema"])))
        self._loaded = load(told["load"], folder)

    def predict(self, data: Any, params: Any = None) -> Any:
        batch = _batch(data, self._schema)
        # MLflow hands on its own default for what was not given, which may be none.
        given = dict(self._told["params"], **{n: v for n, v in (params or {}).items() if v is not None})
        raw = self._loaded.call(batch, given, self._told["wanted"])
        return _answer(raw, self._told)


def _batch(data: Any, schema: pa.Schema) -> pa.RecordBatch:
    """Rows of a frame, of arrays by name, or of one array, as the model's columns."""
    import numpy as np

    if hasattr(data, "iloc"):
        columns = {f.name: data.get(f.name) for f in schema}
        size = len(data)
    elif isinstance(data, dict):
        columns = dict(data)
        size = len(next(iter(columns.values())))
    else:
        data = np.asarray(data)
        size = len(data)
        columns = {schema.names[0]: data} if len(schema) == 1 else {n: data[:, i] for i, n in enumerate(schema.names)}
    return pa.RecordBatch.from_arrays([_column(columns[f.name], f, size) for f in schema], schema=schema)


def _column(values: Any, field: pa.Field, size: int) -> pa.Array:
    if values is None:
        return pa.nulls(size, field.type)
    if pa.types.is_list(field.type):
        rows = [_flat(v) for v in (values.tolist() if hasattr(values, "tolist") else values)]
        return pa.array(rows, field.type)
    found = pa.array(values, from_pandas=True)
    found = found.combine_chunks() if isinstance(found, pa.ChunkedArray) else found
    # Floats are rounded to the model's type; whole numbers and texts change only where nothing is lost.
    return found.cast(field.type, safe=not pa.types.is_floating(field.type))


def _flat(value: Any) -> List[Any]:
    value = value.tolist() if hasattr(value, "tolist") else value
    return [v for part in value for v in _flat(part)] if isinstance(value, list) else [value]


def _answer(raw: pa.RecordBatch, told: Dict[str, Any]) -> Any:
    import pandas as pd

    reading = told["reading"]
    if told["task"] in ("binary", "multiclass"):
        return _frame(_classified(raw, told))
    if told["task"] == "regression":
        return pd.DataFrame({"prediction": _numbers(raw.column(reading["value"]))})
    if told["task"] == "multilabel":
        return _frame(_labelled(raw, told))
    if told["task"] == "multioutput":
        return pd.DataFrame(_by_target(raw, told))
    name = reading["value"] or reading["label"]
    if name:
        return pd.DataFrame({"prediction": raw.column(name).to_pylist()})
    return pd.DataFrame({n: raw.column(i).to_pylist() for i, n in enumerate(raw.schema.names)})


def _frame(columns: Dict[str, Any]) -> Any:
    """Classes stay what they are also beside a row that has none: pandas would make numbers with a fraction of whole ones."""
    import pandas as pd

    labels = columns["prediction"]
    return pd.DataFrame(dict(columns, prediction=pd.Series(labels, dtype=object) if None in labels else labels))


def _numbers(values: pa.Array) -> Any:
    import numpy as np

    if pa.types.is_fixed_size_list(values.type):
        return np.array([None if row is None else row[0] for row in values.to_pylist()], dtype=np.float64)
    return values.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)


def _labelled(raw: pa.RecordBatch, told: Dict[str, Any]) -> Dict[str, Any]:
    """A flag for each class, and its probability, whatever those of the others. None for a row that Muster rejects."""
    import numpy as np

    reading, classes = told["reading"], told["classes"]
    native = reading["classes"] or classes
    order = [[_text(c) for c in native].index(_text(c)) for c in classes]
    scores: Any = None
    if reading["probabilities"]:
        parts = [_matrix(raw.column(n), native) for n in reading["probabilities"]]
        found = parts[0] if len(parts) == 1 else np.column_stack([part[:, -1] for part in parts])
        scores = _ACTIVATIONS[reading["activation"]](found)[:, order]
    held = _held(raw.column(reading["label"]), native)[:, order] if reading["label"] else scores
    sound = np.isfinite(held).all(axis=1)
    if scores is not None:
        sound &= _sound(scores, together=False)
    flags = (held >= 0.5).tolist()
    columns: Dict[str, Any] = {"prediction": [row if good else None for row, good in zip(flags, sound)]}
    if scores is not None:
        columns.update(("probability_" + _text(c), scores[:, i]) for i, c in enumerate(classes))
    return columns


def _held(labels: pa.Array, native: Sequence[Any]) -> Any:
    """1 where a row has the class, else 0; NaN where the model gave null."""
    import numpy as np

    inner = getattr(labels.type, "value_type", None)
    if inner is None or not (pa.types.is_string(inner) or pa.types.is_large_string(inner)):
        flags = _matrix(labels, native)
        return np.where(np.isnan(flags), np.nan, flags > 0)
    known = [_text(c) for c in native]
    rows = labels.to_pylist()
    unknown = sorted({str(v) for row in rows for v in row or () if v not in known})
    if unknown:
        raise ValueError("the model has labels that are none of its classes: " + ", ".join(unknown))
    nothing = [np.nan] * len(known)
    held = [nothing if row is None else [float(c in row) for c in known] for row in rows]
    return np.array(held, dtype=np.float64).reshape(-1, len(known))


def _by_target(raw: pa.RecordBatch, told: Dict[str, Any]) -> Dict[str, Any]:
    """Each target is read as a model of its own."""
    reading, targets = told["reading"], told["targets"]
    scored = iter(reading["probabilities"])
    predictions, probabilities = {}, {}
    for place, (name, target) in enumerate(targets.items()):
        values, classes = _of_target(raw, reading["value"], name, place), target["classes"]
        columns = {"value": values}
        if target["probabilities"]:
            columns["scores"] = raw.column(next(scored))
        if not classes:
            number = target["task"] == "regression"
            predictions[name] = _numbers(values).tolist() if number else values.to_pylist()
            continue
        own = {"label": "value", "probabilities": ["scores"] if target["probabilities"] else [], "classes": classes}
        own.update(codes=False, activation=reading["activation"])
        part = pa.RecordBatch.from_arrays(list(columns.values()), names=list(columns))
        found = _classified(part, {"reading": own, "classes": classes, "threshold": None})
        predictions[name] = found.pop("prediction")
        if found:
            probabilities[name] = [list(row) for row in zip(*(c.tolist() for c in found.values()))]
    given = {"prediction": predictions, **({"probabilities": probabilities} if probabilities else {})}
    return {n: [dict(zip(by, row)) for row in zip(*by.values())] for n, by in given.items()}


def _of_target(raw: pa.RecordBatch, value: Any, name: str, place: int) -> pa.Array:
    if value is None:
        return raw.column(name)
    values = raw.column(value)
    struct = pa.types.is_struct(values.type)
    kind = values.type[values.type.names.index(name)].type if struct else values.type.value_type
    return pa.array([None if row is None else row[name if struct else place] for row in values.to_pylist()], kind)


def _classified(raw: pa.RecordBatch, told: Dict[str, Any]) -> Dict[str, Any]:
    """The label, and the probability of each class. The label is None for a row that Muster rejects."""
    import numpy as np

    reading, classes, threshold = told["reading"], told["classes"], told["threshold"]
    native = reading["classes"] or classes
    order = [[_text(c) for c in native].index(_text(c)) for c in classes]
    scores: Any = None
    if reading["probabilities"]:
        scores = np.column_stack([_matrix(raw.column(n), native) for n in reading["probabilities"]])
        scores = _ACTIVATIONS[reading["activation"]](scores)
        if scores.shape[1] == 1:
            scores = np.column_stack([1 - scores, scores])
        scores = scores[:, order]
    own = _places(raw.column(reading["label"]), native, reading["codes"], order) if reading["label"] else None
    places: Sequence[Any]
    if threshold is not None:
        places = (scores[:, 1] >= threshold).astype(int)
    elif own is not None:
        places = own
    else:
        places = (scores[:, 1] >= 0.5).astype(int) if len(classes) == 2 else scores.argmax(axis=1)
    sound = [True] * len(places) if scores is None else _sound(scores, together=True)
    # A label that is none is a fault of the row, also where a threshold would decide.
    known = [p is not None and bool(good) for p, good in zip(places if own is None else own, sound)]
    columns: Dict[str, Any] = {"prediction": [classes[p] if k else None for p, k in zip(places, known)]}
    if scores is not None:
        columns.update(("probability_" + _text(c), scores[:, i]) for i, c in enumerate(classes))
    return columns


def _sound(scores: Any, *, together: bool) -> Any:
    """Rows of probabilities: finite, from 0 to 1, and of classes of which there is one, 1 in all. By what Muster allows for rounding."""
    import numpy as np

    with np.errstate(invalid="ignore"):
        good = np.isfinite(scores).all(axis=1) & ((scores >= -1e-6) & (scores <= 1 + 1e-6)).all(axis=1)
        return good & (np.abs(scores.sum(axis=1) - 1) <= 1e-3) if together else good


def _places(labels: pa.Array, native: Sequence[Any], codes: Any, order: List[int]) -> List[Any]:
    """The place of each label among the registered classes, None for one that is none; a label may be a place among the model's own."""
    values = labels.to_pylist()
    if pa.types.is_fixed_size_list(labels.type):
        values = [None if row is None else row[0] for row in values]
    known = {} if codes else {_text(c): i for i, c in enumerate(native)}
    if codes or not any(_number(c) for c in known):
        known.update((str(i), i) for i in range(len(native)))
    back: Dict[Any, int] = {own: place for place, own in enumerate(order)}
    return [back.get(known.get(_text(v))) for v in values]


def _number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return text in ("true", "false")
    return True


def _text(value: Any) -> str:
    """A class as all of Muster writes it: 6.0 is 6, True is true."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _matrix(column: pa.Array, native: Sequence[Any]) -> Any:
    import numpy as np

    if pa.types.is_struct(column.type):
        places = {_text(f.name): i for i, f in enumerate(column.type)}
        parts = column.flatten()
        return np.column_stack(
            [parts[places[_text(c)]].cast(pa.float64()).to_numpy(zero_copy_only=False) for c in native]
        )
    if pa.types.is_fixed_size_list(column.type) or pa.types.is_list(column.type):
        rows = column.to_pylist()
        width = max((len(row) for row in rows if row is not None), default=len(native))
        return np.array([[None] * width if row is None else row for row in rows], dtype=np.float64).reshape(-1, width)
    return column.cast(pa.float64()).to_numpy(zero_copy_only=False).reshape(-1, 1)


def _softmax(raw: Any) -> Any:
    import numpy as np

    shifted = np.exp(raw - raw.max(axis=1, keepdims=True))
    return shifted / shifted.sum(axis=1, keepdims=True)


def _sigmoid(raw: Any) -> Any:
    import numpy as np

    small = np.exp(-np.abs(raw))
    return np.where(raw >= 0, 1 / (1 + small), small / (1 + small))


def _exp(raw: Any) -> Any:
    import numpy as np

    return np.exp(raw)


_ACTIVATIONS: Dict[str, Callable[[Any], Any]] = {
    "none": lambda raw: raw,
    "softmax": _softmax,
    "sigmoid": _sigmoid,
    "exp": _exp,
    "normalise": lambda raw: raw / raw.sum(axis=1, keepdims=True),
}
