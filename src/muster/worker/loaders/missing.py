"""Missing texts and flags as a model was trained to see them: NaN, or None.

pandas has had both, by its release and by where data came from, and encoders of scikit-learn tell them apart: what is not the one
that they know is a value that they never saw, which many are told to ignore.
"""

from __future__ import annotations

from typing import Any, Callable, List, Set

import pyarrow as pa

KnownAsNone = Callable[[str], bool]
"""Whether the model knows missing values of this column as None."""


def known_as_none(model: Any) -> KnownAsNone:
    """By the categories of its encoders, and what its imputers look for."""
    whole: List[bool] = []
    names: Set[str] = set()
    for part in _parts(model):
        if "missing_values" in part and part["missing_values"] is None:
            whole.append(True)
        categories = part.get("categories_")
        if not isinstance(categories, (list, tuple)):
            continue
        found = [i for i, c in enumerate(categories) if str(getattr(c, "dtype", "")) == "object" and _has_none(c)]
        known = part.get("feature_names_in_")
        if known is not None and len(known) == len(categories):
            names.update(str(known[i]) for i in found)
        elif found:
            whole.append(True)
    return lambda name: bool(whole) or name in names


def _parts(model: Any) -> List[dict[str, Any]]:
    """The attributes of the estimator and of all in it."""
    found: List[dict[str, Any]] = []
    queue, seen = [model], {id(model)}
    while queue:
        value = queue.pop()
        inner: List[Any] = []
        if isinstance(value, (list, tuple)):
            inner = list(value)
        elif isinstance(value, dict):
            inner = list(value.values())
        elif hasattr(value, "get_params") and hasattr(value, "__dict__") and not isinstance(value, type):
            found.append(vars(value))
            inner = list(vars(value).values())
        for one in inner:
            if id(one) not in seen and not isinstance(one, (str, bytes, int, float)):
                seen.add(id(one))
                queue.append(one)
    return found


def _has_none(values: Any) -> bool:
    return any(v is None for v in values)


def marked(data: Any, batch: pa.RecordBatch, is_none: KnownAsNone) -> Any:
    """The frame, or the array of objects, with missing values as the model knows them."""
    framed = hasattr(data, "iloc")
    if not framed and getattr(getattr(data, "dtype", None), "kind", "") != "O":
        return data
    for place, (field, column) in enumerate(zip(batch.schema, batch.columns)):
        if not column.null_count or not (_is_text(field.type) or (framed and pa.types.is_boolean(field.type))):
            continue
        values = column.to_numpy(zero_copy_only=False)  # with None
        if not is_none(field.name):
            values = values.copy()
            values[column.is_null().to_numpy(zero_copy_only=False)] = float("nan")
        if not framed:
            data[:, place] = values
        elif is_none(field.name) or str(data.dtypes.iloc[place]) == "object":
            import pandas as pd

            data[field.name] = pd.Series(values, dtype=object)
    return data


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))
