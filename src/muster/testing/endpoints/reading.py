"""How containers read requests: the bytes of a body to the rows that a model gets."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from typing import Any

from muster.testing.endpoints.refusal import ColumnsMissing, Malformed
from muster.testing.endpoints.served import Served

__all__ = ["csv_rows", "document", "features", "frame", "items", "json_lines", "named", "shaped", "table"]


def csv_rows(body: bytes, served: Served, *, header: bool = False) -> list[Any]:
    lines = list(csv.reader(io.StringIO(body.decode(), newline="")))
    lines = [line for line in lines if line]
    if header:
        names, lines = (lines[0], lines[1:]) if lines else ([], [])
        named(dict.fromkeys(names), served)
        return [named(dict(zip(names, _typed(line, names, served), strict=True)), served) for line in lines]
    return [shaped(_typed(line, served.columns, served), served) for line in lines]


def _typed(line: list[str], names: Sequence[str], served: Served) -> list[Any]:
    texts = [served.is_text(name) for name in names] or [False] * len(line)
    if len(texts) != len(line):
        raise Malformed(f"Feature size mismatch: the model was trained with {len(texts)} columns, got {len(line)}")
    return [_value(value, text=text) for value, text in zip(line, texts, strict=True)]


def _value(value: str, *, text: bool) -> Any:
    if value == "":
        return None
    if text:
        return value
    try:
        return float(value)
    except ValueError:
        raise Malformed(f"could not convert string to float: {value!r}") from None


def shaped(values: Sequence[Any], served: Served) -> Any:
    """A row of values without names, with those of the model if it has any."""
    if not served.columns:
        return list(values)
    if len(values) != len(served.columns):
        raise Malformed(
            f"X has {len(values)} features, but the model is expecting {len(served.columns)} features as input"
        )
    return dict(zip(served.columns, values, strict=True))


def named(row: Mapping[str, Any], served: Served) -> dict[str, Any]:
    """A row with names, in the model's order; what it does not know is left out."""
    missing = [name for name in served.columns if name not in row]
    if missing:
        raise ColumnsMissing(f"Model is missing inputs {missing}.")
    return {name: row[name] for name in served.columns} if served.columns else dict(row)


def document(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError as error:
        raise Malformed(f"Failed to parse the request as JSON: {error}") from None


def items(found: Any, key: str) -> list[Any]:
    if not isinstance(found, Mapping) or not isinstance(found.get(key), list):
        raise Malformed(f"the request has no list `{key}`")
    return list(found[key])


def features(item: Any, served: Served) -> Any:
    """One row of JSON, in any of the ways in which services write it."""
    if isinstance(item, Mapping):
        inner = item.get("features", item)
        if isinstance(item.get("data"), Mapping):
            inner = item["data"]["features"]["values"]
        return named(inner, served) if isinstance(inner, Mapping) else shaped(inner, served)
    return shaped(item if isinstance(item, list) else [item], served)


def json_lines(body: bytes, served: Served) -> list[Any]:
    return [features(document(line), served) for line in body.splitlines() if line.strip()]


def table(columns: Sequence[str], data: Sequence[Sequence[Any]], served: Served) -> list[Any]:
    """Rows with the names of columns beside them, as pandas splits a frame."""
    wrong = next((row for row in data if len(row) != len(columns)), None)
    if wrong is not None:
        raise Malformed(f"{len(columns)} columns passed, passed data had {len(wrong)} columns")
    named(dict.fromkeys(columns), served)
    return frame([dict(zip(columns, row, strict=True)) for row in data], served)


def frame(rows: Sequence[Mapping[str, Any]], served: Served) -> list[Any]:
    """Rows with names, cast to the types of the model as MLflow casts them: numbers to text, text to numbers where it can."""
    return [named({name: _cast(name, value, served) for name, value in row.items()}, served) for row in rows]


def _cast(name: str, value: Any, served: Served) -> Any:
    if name not in served.columns or value is None:
        return value
    if served.is_text(name):
        return value if isinstance(value, str) else str(value)
    try:
        return float(value) if isinstance(value, str) else value
    except ValueError as error:
        raise Malformed(
            f"Invalid input. Data is not compatible with model signature. Failed to convert column {name} to type 'float64'."
            f" Error: '{error!r}'"
        ) from None
