"""What a graph means: its columns, and where it is a classifier its classes and which outputs are labels and probabilities."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa

from muster.predictors.onnxfile.graph import Graph, Value
from muster.signature import Column, Json, Signature, TensorSpec

__all__ = ["Meaning", "find_meaning"]

_NAMES = ("feature_names", "features", "input_features", "columns")
_CLASSES = ("classes", "class_names", "labels")
"""What people call these in a model's metadata: JSON lists, or names with commas."""

_PASSING = {"Cast", "Identity", "Reshape", "Squeeze", "Flatten", "Unsqueeze"}
_REGRESSORS = {"LinearRegressor", "TreeEnsembleRegressor", "SVMRegressor"}
_TREES = _REGRESSORS | {"TreeEnsembleClassifier", "LinearClassifier", "SVMClassifier", "ZipMap", "Normalizer"}
_APPLIED = {"Softmax": "probabilities", "Sigmoid": "probabilities", "LogSoftmax": "logarithms"}
_MOST_STEPS = 50


@dataclass(frozen=True, slots=True)
class Meaning:
    """What is known without running it; None and empty where the graph does not tell.

    `classes` are what the graph calls them, and `names` what its metadata does.
    """

    signature: Signature | None
    kind: str | None = None
    classes: tuple[str, ...] | tuple[int, ...] = ()
    names: tuple[str, ...] = ()
    label: str | None = None
    probabilities: str | None = None
    scores: str | None = None


def find_meaning(graph: Graph, wrong: list[str]) -> Meaning:
    """What no column can hold is added to `wrong`."""
    signature, names = _signature(graph, wrong), tuple(_listed(graph, _CLASSES))
    labels = [o for o in graph.outputs if _is_label(o)]
    scores = [o for o in graph.outputs if o.instead == "a sequence" or _is_scores(o)]
    for label in labels:
        found = _classes(graph, label.name)
        names = names if len(names) == len(found) or not found else ()
        if found and len(labels) == len(scores) == 1:
            return Meaning(signature, "classifier", found, names, label.name, scores[0].name)
        if found:
            return Meaning(signature, "classifier", found, names, label.name)
    if len(graph.outputs) == 1 and not labels and _from_regressor(graph, graph.outputs[0].name):
        return Meaning(signature, "regressor")
    return Meaning(signature, names=names, scores=_scores(graph))


def _scores(graph: Graph) -> str | None:
    if len(graph.outputs) != 1 or not _is_scores(graph.outputs[0]):
        return None
    op = _source(graph, graph.outputs[0].name)[0]
    return None if op in _TREES else _APPLIED.get(op, "unknown")


def _is_label(value: Value) -> bool:
    return value.dtype in {"int64", "int32", "string"} and (value.shape is None or len(value.shape) <= 2)


def _is_scores(value: Value) -> bool:
    return value.dtype in {"float32", "float64"} and (value.shape is None or len(value.shape) <= 2)


def _source(graph: Graph, name: str) -> tuple[str, list[str]]:
    """Back through what only changes type or shape: the operator that a value comes from, and its inputs' names."""
    for _ in range(_MOST_STEPS):
        node = graph.nodes.get(name)
        if node is None:
            return "", [name]
        if node.op not in _PASSING or not node.inputs:
            return node.op, [name, *node.inputs]
        name = node.inputs[0]
    return "", [name]


def _classes(graph: Graph, name: str) -> tuple[str, ...] | tuple[int, ...]:
    """The classes that a label is chosen from: those of the operator that chooses it, or of the list that it is looked up in."""
    _, names = _source(graph, name)
    node = graph.nodes.get(names[0])
    if node is None:
        return ()
    if node.op == "ArrayFeatureExtractor":
        return tuple(graph.constant(_source(graph, node.inputs[0])[1][0]))  # type: ignore[return-value]
    if texts := node.texts("classlabels_strings"):
        return tuple(texts)
    return tuple(node.ints("classlabels_int64s") or node.ints("classlabels_ints"))


def _from_regressor(graph: Graph, name: str) -> bool:
    op, names = _source(graph, name)
    node = graph.nodes.get(names[0])
    told = node.attribute("post_transform") if node is not None else None
    return op in _REGRESSORS and (told is None or told.text(4) == "NONE")


def _listed(graph: Graph, keys: Sequence[str]) -> list[str]:
    """Names in the metadata of the model."""
    told = next((graph.metadata[k] for k in keys if graph.metadata.get(k)), "")
    try:
        found: Json = json.loads(told)
    except ValueError:
        found = [part.strip() for part in told.split(",")] if told else []
    if isinstance(found, dict):
        found = list(found.values())
    names = [str(f) for f in found] if isinstance(found, list) else []
    return names if all(names) and len(set(names)) == len(names) else []


def _signature(graph: Graph, wrong: list[str]) -> Signature | None:
    """None where the columns are not told: the sample's are taken then."""
    if not graph.inputs:
        wrong.append("it takes no input, so there is nothing to predict from")
    wrong += [f"its input `{i.name}` is {i.instead}, which no column holds" for i in graph.inputs if i.dtype is None]
    wrong += [
        f"its input `{i.name}` is a single value, and not one for each row" for i in graph.inputs if i.shape == ()
    ]
    if wrong:
        return None
    if len(graph.inputs) == 1:
        return _alone(graph, graph.inputs[0])
    return Signature(tuple(_column(i) for i in graph.inputs))


def _alone(graph: Graph, value: Value) -> Signature | None:
    """The columns of a table, side by side in one tensor; or a tensor of each row."""
    shape = value.shape
    if shape is not None and len(shape) != 2:
        return Signature((_column(value),), positional=True)
    width = -1 if shape is None else shape[1]
    names = _listed(graph, _NAMES)
    if names and width in {-1, len(names)}:
        return Signature(tuple(_plain(n, value) for n in names))
    if shape is None:
        return None
    return Signature((Column(value.name, pa.list_(_type(value)), tensor=_spec(value)),), positional=True)


def _column(value: Value) -> Column:
    """One for each row, or a tensor of each row."""
    if value.shape is None or len(value.shape) == 1 or value.shape[1:] == (1,):
        return _plain(value.name, value)
    return Column(value.name, pa.list_(_type(value)), tensor=_spec(value))


def _plain(name: str, value: Value) -> Column:
    return Column(name, _type(value), nullable=value.dtype in _FLOATS)


_FLOATS = {"float16", "float32", "float64"}


def _type(value: Value) -> pa.DataType:
    """Numbers are taken as doubles and rounded to the tensor's type where the model runs: tables have doubles."""
    if value.dtype in _FLOATS:
        return pa.float64()
    return pa.string() if value.dtype == "string" else pa.type_for_alias(str(value.dtype))


def _spec(value: Value) -> TensorSpec:
    assert value.dtype is not None, "what is no tensor is wrong"
    assert value.shape is not None, "what has no shape is a column"
    return TensorSpec("str" if value.dtype == "string" else value.dtype, (-1, *value.shape[1:]))
