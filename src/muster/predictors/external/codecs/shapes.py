"""Tensors of the Open Inference Protocol as columns: flat or nested, a value or a list of them in each row."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from muster.errors import ModelFailed, plural, shortened

__all__ = ["tensor_columns"]

_FORM = "see what the endpoint answers: it should be `outputs` of the Open Inference Protocol"


def tensor_columns(found: Any, rows: int) -> dict[str, Sequence[Any]]:
    """Each output by its name, row by row; those that are not of the rows are left out unless none is."""
    if not isinstance(found, list) or not found or not all(isinstance(one, Mapping) for one in found):
        raise ModelFailed(f"the answer has {shortened(json.dumps(found))} where tensors were expected", hint=_FORM)
    columns: dict[str, Sequence[Any]] = {}
    counts = []
    for one in found:
        name, shape, data = str(one.get("name", "")), _shape(one), _data(one)
        if name in columns:
            raise ModelFailed(f"the answer has the tensor `{name}` twice", hint=_FORM)
        if math.prod(shape) != len(data):
            raise ModelFailed(
                f"the tensor `{name}` has the shape {list(shape)} and {plural(len(data), 'value')}", hint=_FORM
            )
        counts.append(shape[0] if shape else 1)
        if counts[-1] == rows:
            columns[name] = _by_row(data, rows)
    if not columns:
        raise ModelFailed(
            f"the endpoint answered {plural(counts[0], 'row')} for {rows:,}",
            hint="a model must answer each row that it is given, in order",
        )
    return columns


def _shape(one: Mapping[str, Any]) -> tuple[int, ...]:
    shape = one.get("shape")
    if not isinstance(shape, list) or not all(type(n) is int and n >= 0 for n in shape):
        raise ModelFailed(f"a tensor has the shape {shortened(json.dumps(shape))}, which is none", hint=_FORM)
    return tuple(shape)


def _data(one: Mapping[str, Any]) -> list[Any]:
    """The values, row-major."""
    data = one.get("data")
    if not isinstance(data, list):
        told = "as bytes beside the JSON" if "binary_data_size" in str(one.get("parameters")) else "without `data`"
        raise ModelFailed(f"the tensor `{one.get('name')}` comes {told}", hint="ask for tensors in JSON")
    while data and list in set(map(type, data)):
        if set(map(type, data)) != {list}:
            raise ModelFailed(f"the tensor `{one.get('name')}` mixes values and lists", hint=_FORM)
        data = [value for row in data for value in row]
    return data


def _by_row(data: list[Any], rows: int) -> Sequence[Any]:
    width = len(data) // rows if rows else 1
    if width == 1:
        return data
    return [data[i * width : (i + 1) * width] for i in range(rows)]
