"""The signature of an MLflow model: columns with types of their own names, tensors, parameters."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa

from muster.predictors.mlmodel.document import Document
from muster.signature import Column, Json, Parameter, Signature, TensorSpec

__all__ = ["UNNAMED", "output_names", "read_signature", "takes_objects"]

UNNAMED = "inputs"
"""What a tensor is called that the model has no name for."""

_TYPES: Mapping[str, pa.DataType] = {
    "boolean": pa.bool_(),
    "integer": pa.int32(),
    "long": pa.int64(),
    "float": pa.float32(),
    "double": pa.float64(),
    "string": pa.string(),
    "binary": pa.binary(),
    "datetime": pa.timestamp("us"),
    "sparkml_vector": pa.list_(pa.float64()),
    # Of any type, which is then told by a sample.
    "any": pa.null(),
}


def read_signature(document: Document) -> Signature | None:
    """None where the model has none; what is wrong with it is noted in the document."""
    told = document.body.get("signature")
    if not isinstance(told, dict):
        return None
    inputs, params = _parsed(document, told, "inputs"), _parsed(document, told, "params")
    if takes_objects(document):
        inputs = _properties(inputs[0])
    elif [{k: e[k] for k in ("type", "name") if k in e} for e in inputs] == [{"type": "any"}]:
        inputs = []  # what MLflow 3 writes where it could not tell the columns
    columns = [c for c in (_column(document, i, entry) for i, entry in enumerate(inputs)) if c is not None]
    parameters = [p for p in (_parameter(document, entry) for entry in params) if p is not None]
    named = [isinstance(e.get("name"), (str, int)) for e in inputs]
    if any(named) and not all(named):
        document.wrong.append("some columns of its signature have names, and others have none")
    unique = {c.name: c for c in columns}
    if len(unique) < len(columns):
        double = sorted(n for n, count in Counter(c.name for c in columns).items() if count > 1)
        document.wrong.append(f"its signature has {', '.join(double)} more than once")
    taken = {p.name: p for p in parameters}
    return Signature(tuple(unique.values()), tuple(taken.values()), positional=bool(columns) and not any(named))


def takes_objects(document: Document) -> bool:
    """Whether it takes a list of objects, by the type hints of its `predict`: their properties are its columns."""
    told = document.body.get("signature")
    if document.body.get("is_signature_from_type_hint") is not True or not isinstance(told, dict):
        return False
    inputs = _parsed(document, told, "inputs")
    return len(inputs) == 1 and inputs[0].get("type") == "object" and isinstance(inputs[0].get("properties"), dict)


def _properties(entry: Mapping[str, Json]) -> list[Mapping[str, Json]]:
    properties = entry["properties"]
    assert isinstance(properties, dict), "takes_objects has looked"
    return [{**told, "name": name} for name, told in properties.items() if isinstance(told, dict)]


def output_names(document: Document) -> list[str]:
    """The names of what it returns, where it returns several named things."""
    told = document.body.get("signature")
    outputs = _parsed(document, told, "outputs") if isinstance(told, dict) else []
    names = [e["name"] for e in outputs if isinstance(e.get("name"), str)]
    return [str(n) for n in names] if len(names) == len(outputs) > 1 else []


def _parsed(document: Document, told: Mapping[str, Json], key: str) -> Sequence[Mapping[str, Json]]:
    """A part of the signature, which is JSON in a string."""
    part = told.get(key)
    if isinstance(part, str):
        try:
            part = json.loads(part)
        except ValueError as error:
            document.wrong.append(f"the {key} of its signature are not JSON: {error}")
            return []
    if part is None:
        return []
    if not isinstance(part, list) or not all(isinstance(e, dict) for e in part):
        document.wrong.append(f"the {key} of its signature are no list of objects")
        return []
    return [e for e in part if isinstance(e, dict)]


def _column(document: Document, place: int, entry: Mapping[str, Json]) -> Column | None:
    name = entry.get("name")
    tensor = entry.get("type") == "tensor"
    label = str(name) if isinstance(name, (str, int)) else UNNAMED if tensor and place == 0 else str(place)
    required = entry.get("required") is not False and entry.get("optional") is not True
    if tensor:
        return _tensor(document, label, entry, required=required)
    kind = _type(entry)
    if kind is None:
        document.wrong.append(
            f"the column `{label}` of its signature has the type {entry.get('type')!r}, which is none of MLflow's"
        )
        return None
    return Column(label, kind, required=required)


def _tensor(document: Document, name: str, entry: Mapping[str, Json], *, required: bool) -> Column | None:
    told = entry.get("tensor-spec")
    dtype, shape = (told.get("dtype"), told.get("shape")) if isinstance(told, dict) else (None, None)
    kind = _numpy_type(dtype)
    if kind is None or not isinstance(shape, list) or not shape or not all(isinstance(n, int) for n in shape):
        document.wrong.append(
            f"the tensor `{name}` of its signature has no type or shape that is one: {dtype!r}, {shape!r}"
        )
        return None
    sizes = tuple(n for n in shape if isinstance(n, int))
    return Column(name, pa.list_(kind), required=required, tensor=TensorSpec(str(dtype), sizes))


def _numpy_type(dtype: Json) -> pa.DataType | None:
    if dtype in {"str", "string", "object", "unicode"}:
        return pa.string()
    try:
        return pa.from_numpy_dtype(np.dtype(str(dtype)))
    except (TypeError, pa.ArrowNotImplementedError):
        return None


def _type(entry: Mapping[str, Json]) -> pa.DataType | None:
    """The Arrow type of a column's, nested ones too; None if there is none."""
    match entry.get("type"):
        case "array":
            inner = _inner(entry.get("items"))
            return None if inner is None else pa.list_(inner)
        case "map":
            inner = _inner(entry.get("values"))
            return None if inner is None else pa.map_(pa.string(), inner)
        case "object":
            return _struct(entry.get("properties"))
        case str(name):
            return _TYPES.get(name)
    return None


def _inner(entry: Json) -> pa.DataType | None:
    if isinstance(entry, str):
        entry = {"type": entry}
    kind = _type(entry) if isinstance(entry, dict) else None
    return pa.string() if kind is not None and pa.types.is_null(kind) else kind


def _struct(properties: Json) -> pa.DataType | None:
    if not isinstance(properties, dict):
        return None
    fields = {str(n): _inner(p) for n, p in properties.items()}
    return None if None in fields.values() else pa.struct(list(fields.items()))


def _parameter(document: Document, entry: Mapping[str, Json]) -> Parameter | None:
    name, kind = entry.get("name"), _type(entry)
    if not isinstance(name, str) or kind is None:
        document.wrong.append(f"a parameter of its signature has no name, or no type of MLflow's: {dict(entry)!r}")
        return None
    many = isinstance(entry.get("shape"), list)
    return Parameter(name, pa.string() if pa.types.is_null(kind) else kind, entry.get("default"), many)
