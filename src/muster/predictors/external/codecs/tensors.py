"""Rows as tensors of the Open Inference Protocol: one matrix, or one tensor for each column."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from muster.casts import is_list, type_name
from muster.errors import InvalidInput
from muster.predictors.external.codecs.request import RequestSpec
from muster.predictors.external.codecs.template import Rows
from muster.signature import TENSOR, Json

__all__ = ["tensor_document"]

_DATATYPES = {
    pa.bool_(): "BOOL",
    pa.int8(): "INT8",
    pa.int16(): "INT16",
    pa.int32(): "INT32",
    pa.int64(): "INT64",
    pa.uint8(): "UINT8",
    pa.uint16(): "UINT16",
    pa.uint32(): "UINT32",
    pa.uint64(): "UINT64",
    pa.float16(): "FP16",
    pa.float32(): "FP32",
    pa.float64(): "FP64",
}


def tensor_document(rows: Rows, types: Sequence[pa.Field], spec: RequestSpec) -> dict[str, Json]:
    if spec.tensors == "matrix":
        return {"inputs": [_matrix(rows, types, spec)]}
    return {
        "inputs": [
            _tensor(name, values, one, spec) for name, values, one in zip(rows.names, rows.columns, types, strict=True)
        ]
    }


def _matrix(rows: Rows, types: Sequence[pa.Field], spec: RequestSpec) -> Json:
    kinds = {_leaf(f.type) for f in types}
    datatype = spec.datatype or _common(types, spec)
    if len(types) == 1 and is_list(types[0].type):
        return _tensor(rows.input, rows.columns[0], types[0], spec)
    if any(is_list(f.type) for f in types):
        raise InvalidInput(
            f"columns of lists are no columns of one matrix ({', '.join(type_name(k) for k in kinds)})",
            hint="declare `tensors` as `columns`: a tensor for each column",
        )
    data: list[Json] = [v for row in zip(*rows.columns, strict=True) for v in row]
    return {"name": rows.input, "shape": [rows.count, len(types)], "datatype": datatype, "data": data}


def _common(types: Sequence[pa.Field], spec: RequestSpec) -> str:
    """The datatype that takes all columns; where there is none, the matrix is none."""
    names = {_datatype(f.type, spec) for f in types}
    if len(names) == 1:
        return names.pop()
    if not names:
        return "FP64"
    if names <= {"FP16", "FP32", "INT8", "INT16", "UINT8", "UINT16", "BOOL"} and names & {"FP16", "FP32"}:
        return "FP32"
    if "BYTES" not in names and any(n.startswith("FP") for n in names):
        return "FP64"
    if all(n.startswith("INT") or n in ("UINT8", "UINT16", "UINT32") for n in names):
        return "INT64"
    mixed = ", ".join(sorted(names))
    raise InvalidInput(
        f"the columns are of {mixed}, which no matrix holds together",
        hint="declare `tensors` as `columns`, or the `datatype` of the matrix",
    )


def _tensor(name: str, values: Sequence[Any], field: pa.Field, spec: RequestSpec) -> Json:
    shape: list[Json] = [len(values)]
    if is_list(field.type):
        shape += _row_shape(values, field)
        data = list(_flat(values))
    else:
        shape += [1] if spec.column_rank == "2" else []
        data = list(values)
    return {"name": name, "shape": shape, "datatype": spec.datatype or _datatype(field.type, spec), "data": data}


def _row_shape(values: Sequence[Any], field: pa.Field) -> list[Json]:
    """The shape that all rows share."""
    found = {_extent(v) for v in values}
    if len(found) > 1 or found == {None}:
        shown = " and ".join(str(list(s)) if s else "null" for s in sorted(found, key=str)[:2])
        raise InvalidInput(
            f"the rows of `{field.name}` are of different shapes ({shown}), and a tensor has one",
            hint="send rows of one shape together, and no nulls among them",
        )
    declared = (field.metadata or {}).get(TENSOR)
    if not found:
        return [max(n, 0) for n in json.loads(declared)["shape"][1:]] if declared else [0]
    return list(found.pop() or ())


def _extent(value: Any) -> tuple[int, ...] | None:
    if value is None:
        return None
    shape: list[int] = []
    while isinstance(value, list):
        shape.append(len(value))
        value = value[0] if value else None
    return tuple(shape)


def _flat(values: Sequence[Any]) -> Sequence[Any]:
    while values and isinstance(values[0], list):
        values = [v for row in values for v in row]
    return values


def _leaf(kind: pa.DataType) -> pa.DataType:
    while is_list(kind):
        kind = kind.value_type
    return kind


def _datatype(kind: pa.DataType, spec: RequestSpec) -> str:
    kind = _leaf(kind)
    if spec.strings_only:
        return "BYTES"
    if pa.types.is_boolean(kind):
        return {"true/false": "BOOL", "1/0": "INT64"}.get(spec.booleans, "BYTES")
    if pa.types.is_decimal(kind):
        return "FP64" if spec.decimals == "number" else "BYTES"
    if pa.types.is_duration(kind) or (
        (pa.types.is_timestamp(kind) or pa.types.is_date(kind)) and "epoch" in spec.dates
    ):
        return "INT64"
    return _DATATYPES.get(kind, "BYTES")
