"""The input example that an MLflow model was saved with, as a table."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from muster.predictors.mlmodel.document import Document
from muster.predictors.mlmodel.signature import UNNAMED
from muster.signature import Column, Signature

__all__ = ["Example", "read_example"]

_MOST_BYTES = 64 << 20

Example = tuple[pa.Table | None, bool]
"""The table, and whether it was an array without names."""


def read_example(document: Document, signature: Signature | None) -> Example:
    """None where there is none. One that cannot be read is no fault of the model: it is noted, and left out."""
    info = document.body.get("saved_input_example_info")
    if not isinstance(info, dict):
        return None, False
    name = info.get("artifact_path")
    before = len(document.wrong)
    path = document.inside(name if isinstance(name, str) else "input_example.json", "its input example")
    if path is None:
        document.notes.append(document.wrong.pop() if len(document.wrong) > before else "its input example is missing")
        return None, False
    try:
        file = document.folder / path
        if file.stat().st_size > _MOST_BYTES:
            raise ValueError(f"it has more than {_MOST_BYTES >> 20} MB")
        # A bare NaN is no JSON, but MLflow writes it; Python reads it.
        body = json.loads(file.read_text(encoding="utf-8"))
        if info.get("params") and isinstance(body, dict) and "inputs" in body:
            body = body["inputs"]
        return _table(body, str(info.get("type")), info.get("pandas_orient"), signature)
    except (ValueError, KeyError, TypeError, IndexError, OSError, pa.ArrowException) as error:
        document.notes.append(f"its input example cannot be used: {' '.join(str(error).split())[:200]}")
        return None, False


def _table(body: Any, kind: str, orient: Any, signature: Signature | None) -> Example:
    """By what MLflow says of it, and the forms that its servers take."""
    body = _served(body)
    if kind.startswith("sparse_matrix"):
        return _unnamed(_dense(body, kind), signature), True
    if isinstance(body, dict) and isinstance(body.get("data"), list) and ("columns" in body or "index" in body):
        rows, names = body["data"], body.get("columns")
        if names is None:
            return _unnamed(rows, signature), True
        return _columns({str(n): [row[i] for row in rows] for i, n in enumerate(names)}, signature), False
    if kind == "ndarray" or orient == "values":
        if isinstance(body, dict):
            return _columns(dict(body), signature), False
        return _unnamed(body, signature), True
    if isinstance(body, list) and body and all(isinstance(row, dict) for row in body):
        names = list(dict.fromkeys(n for row in body for n in row))
        return _columns({n: [row.get(n) for row in body] for n in names}, signature), False
    if isinstance(body, dict):
        many = all(isinstance(v, list) for v in body.values()) and len({len(v) for v in body.values()}) == 1
        single = signature is not None and any(pa.types.is_list(c.type) for c in signature)
        return _columns(body if many and not single else {n: [v] for n, v in body.items()}, signature), False
    if isinstance(body, list):
        return _unnamed(body, signature), True
    return _unnamed([body], signature), True


def _served(body: Any) -> Any:
    """What is inside one of the forms of a request."""
    if isinstance(body, dict):
        for key in ("dataframe_split", "dataframe_records", "inputs", "instances"):
            if key in body and set(body) <= {key, "params", "signature_name"}:
                return body[key]
    return body


def _dense(body: Mapping[str, Any], kind: str) -> list[list[float]]:
    """The rows of a sparse matrix: indices run along the rows of a CSR one, down the columns of a CSC one."""
    rows, columns = body["shape"]
    dense = [[0.0] * columns for _ in range(rows)]
    for major, (start, stop) in enumerate(zip(body["indptr"], body["indptr"][1:], strict=False)):
        for place in range(start, stop):
            minor = body["indices"][place]
            row, column = (major, minor) if kind.endswith("csr") else (minor, major)
            dense[row][column] = body["data"][place]
    return dense


def _unnamed(rows: list[Any], signature: Signature | None) -> pa.Table:
    """An array, or a list: one column of lists where the model takes a tensor, else one column for each place."""
    columns = signature.columns if signature is not None else ()
    if columns and columns[0].tensor is not None:
        return _columns({columns[0].name: rows}, signature)
    if rows and all(isinstance(row, list) for row in rows):
        if len({len(row) for row in rows}) > 1:
            raise ValueError("its rows are of different lengths")
        names = [c.name for c in columns] if len(columns) == len(rows[0]) else [str(i) for i in range(len(rows[0]))]
        return _columns({n: [row[i] for row in rows] for i, n in enumerate(names)}, signature)
    return _columns({columns[0].name if columns else UNNAMED: rows}, signature)


def _columns(values: Mapping[str, Any], signature: Signature | None) -> pa.Table:
    known = {c.name: c for c in signature} if signature is not None else {}
    return pa.table({n: _column(v if isinstance(v, list) else [v], known.get(n)) for n, v in values.items()})


def _column(values: list[Any], column: Column | None) -> pa.Array:
    """Values of JSON as the signature's type where they are of it, else as what they look like."""
    values = [None if v != v else v for v in values]  # noqa: PLR0124  # NaN stands for nothing in a column of any type
    if column is None or pa.types.is_null(column.type):
        return pa.array(values)
    if column.tensor is not None:
        values = [_flat(v) for v in values]
    if pa.types.is_binary(column.type):
        values = [_bytes(v) for v in values]
    if pa.types.is_timestamp(column.type):
        return pa.array(values).cast(column.type)
    try:
        return pa.array(values, column.type)
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        return pa.array(values)


def _flat(value: Any) -> list[Any]:
    """A tensor's values, row by row."""
    return [v for part in value for v in _flat(part)] if isinstance(value, list) else [value]


def _bytes(value: Any) -> Any:
    """MLflow writes bytes in base64."""
    try:
        return base64.b64decode(value, validate=True) if isinstance(value, str) else value
    except binascii.Error:
        return value.encode()
