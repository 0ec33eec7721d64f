"""Tensors and rows: how servers of the Open Inference Protocol, and of KServe's first, read requests and write answers."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from muster.testing.endpoints.reading import document, features, frame, items, shaped
from muster.testing.endpoints.refusal import Malformed
from muster.testing.endpoints.served import Container, Served, Told, Written
from muster.testing.endpoints.server import Incoming
from muster.testing.endpoints.writing import by_class, json_text, probabilities

__all__ = ["CONTAINERS", "PLAIN", "tensors_of"]

_TYPES: Mapping[str, tuple[type, ...]] = {
    "BOOL": (bool,), "BYTES": (str,), **dict.fromkeys(("FP16", "FP32", "FP64"), (int, float)),
    **dict.fromkeys(("INT8", "INT16", "INT32", "INT64", "UINT8", "UINT16", "UINT32", "UINT64"), (int,)),
}  # fmt: skip


def _flat(data: Any) -> list[Any]:
    if not isinstance(data, list):
        return [data]
    return [one for inner in data for one in _flat(inner)] if any(isinstance(d, list) for d in data) else data


def _tensor(tensor: Any) -> tuple[str, list[list[Any]]]:
    """A tensor's name and its rows, whether its data is flat or nested."""
    missing = [key for key in ("name", "shape", "datatype", "data") if key not in tensor]
    if missing:
        raise Malformed(f"Field required: {', '.join(missing)}", code="request")
    name, shape, datatype, data = tensor["name"], tensor["shape"], tensor["datatype"], _flat(tensor["data"])
    if datatype not in _TYPES:
        raise Malformed(f"input '{name}' has the unknown datatype '{datatype}'", code="datatype")
    if math.prod(shape) != len(data):
        raise Malformed(f"input '{name}' has {len(data)} elements, but its shape {shape} has {math.prod(shape)}")
    wrong = [one for one in data if one is not None and not isinstance(one, _TYPES[datatype])]
    if wrong:
        raise Malformed(f"input '{name}' is of {datatype}, but has {wrong[0]!r}")
    width = math.prod(shape[1:])
    return name, [data[i : i + width] for i in range(0, len(data), width)] if width else [[] for _ in range(shape[0])]


def _inputs(incoming: Incoming) -> list[Any]:
    """A request that is none at all is told apart from one that the model cannot take."""
    try:
        return items(document(incoming.body), "inputs")
    except Malformed as error:
        raise Malformed(error.message, code="request") from None


def _read(incoming: Incoming, served: Served) -> list[Any]:
    tensors = [_tensor(tensor) for tensor in _inputs(incoming)]
    if len(tensors) == 1 and (tensors[0][0] not in served.columns or len(served.columns) == 1):
        return [shaped(row, served) for row in tensors[0][1]]
    if len({len(rows) for _, rows in tensors}) > 1:
        raise Malformed("inputs have different numbers of rows")
    return frame(
        [{name: rows[i][0] for name, rows in tensors} for i in range(len(tensors[0][1]) if tensors else 0)], served
    )


def _output(name: str, values: Sequence[Any], width: int | None = None) -> dict[str, Any]:
    """A tensor of values for each row, `width` of them where they are several."""
    first = values[0] if values else 0.0
    kind = {bool: "BOOL", int: "INT64", str: "BYTES"}.get(type(first), "FP64")
    shape = [len(values)] if width is None else [len(values) // width, width]
    return {"name": name, "datatype": kind, "shape": shape, "data": list(values)}


def _labels(told: Told) -> Written:
    return json_text([_output("predict", [o.prediction for o in told.outcomes])])


def _of_classes(change: Callable[[float], float]) -> Callable[[Told], Written]:
    def write(told: Told) -> Written:
        values = [change(p) for o in told.outcomes for p in probabilities(o, told.served)]
        return json_text([_output("predict", values, len(told.served.classes))])

    return write


def _columns(told: Told) -> Written:
    found = [_output(told.served.target, [o.prediction for o in told.outcomes])]
    names = by_class(told.outcomes[0], told.served) if told.outcomes and told.served.classifies else {}
    rows = [by_class(o, told.served) for o in told.outcomes]
    return json_text(found + [_output(f"Probability_{name}", [row[name] for row in rows]) for name in names])


def _logit(p: float) -> float:
    return math.log(max(p, 1e-12))


CONTAINERS: Mapping[str, Container] = {
    "labels": Container(_read, _labels),
    "probabilities": Container(_read, _of_classes(float)),
    "logits": Container(_read, _of_classes(_logit)),
    "columns": Container(_read, _columns),
}


def tensors_of(body: bytes, asked: Mapping[str, Any], *, name: str, nested: bool) -> list[dict[str, Any]]:
    """The tensors of an answer: those that were asked for by name, if any were."""
    tensors: list[dict[str, Any]] = json.loads(body)
    wanted = [one["name"] for one in asked.get("outputs") or []]
    unknown = set(wanted) - {tensor["name"] for tensor in tensors}
    if unknown:
        raise Malformed(f"unexpected inference output '{min(unknown)}' for model '{name}'")
    for tensor in tensors:
        if nested and len(tensor["shape"]) == 2:
            width = tensor["shape"][1]
            tensor["data"] = [tensor["data"][i : i + width] for i in range(0, len(tensor["data"]), width)]
    return [tensor for tensor in tensors if not wanted or tensor["name"] in wanted]


def _read_instances(incoming: Incoming, served: Served) -> list[Any]:
    try:
        found = document(incoming.body)
    except Malformed as error:
        raise Malformed(error.message, code="request") from None
    return [features(item, served) for item in items(found, "instances")]


def _plain(told: Told) -> Written:
    return json_text({"predictions": [o.prediction for o in told.outcomes]})


def _plain_probabilities(told: Told) -> Written:
    return json_text({"predictions": [probabilities(o, told.served) for o in told.outcomes]})


def _plain_columns(told: Told) -> Written:
    rows = [
        {told.served.target: o.prediction, **{f"Probability_{k}": p for k, p in by_class(o, told.served).items()}}
        for o in told.outcomes
    ]
    return json_text({"predictions": rows})


def _scores(told: Told) -> Written:
    """As TensorFlow's signatures answer: scores, and the place of the highest."""
    rows = [probabilities(o, told.served) for o in told.outcomes]
    return json_text({"predictions": [{"scores": row, "prediction": row.index(max(row))} for row in rows]})


PLAIN: Mapping[str, Container] = {
    "labels": Container(_read_instances, _plain),
    "probabilities": Container(_read_instances, _plain_probabilities),
    "columns": Container(_read_instances, _plain_columns),
    "logits": Container(_read_instances, _scores),
}
"""The same over KServe's first protocol."""
