"""What a response format gives, as the output of a model."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pyarrow as pa

from muster.classes import one_type
from muster.errors import InvalidInput
from muster.predictors.external.codecs.response import Meaning, ResponseSpec
from muster.predictors.local.classes import type_of
from muster.signature import Output, Scalar, Task, canonical, type_from_json

__all__ = ["label_type", "output_of"]


def label_type(labels: Iterable[object]) -> str:
    """The type of labels whose classes nobody declared."""
    names = {canonical(v) for v in labels}
    if names <= {"true", "false"}:
        return "bool"
    return "int64" if all(n.removeprefix("-").isdecimal() and len(n) < 19 for n in names) else "string"


def output_of(spec: ResponseSpec, task: Task, classes: Sequence[Scalar] | None = None) -> Output:
    """The classes are those that are declared, in their order, else those that the specification has."""
    if task == "multioutput":
        targets = {n: _target(m) for n, m in spec.targets.items()}
        kind = pa.struct([(n, t.type) for n, t in targets.items()])
        return Output(task, kind, probabilities=any(t.probabilities for t in targets.values()), targets=targets)
    return _output(spec.meaning, task, tuple(classes or spec.meaning.classes), spec)


def _target(meaning: Meaning) -> Output:
    if meaning.value is not None:
        return Output("regression", pa.float64())
    if not meaning.classes:
        raise InvalidInput("a target that is no number has no classes", hint="declare its `classes`")
    return _output(meaning, "binary" if len(meaning.classes) == 2 else "multiclass", meaning.classes, None)


def _output(meaning: Meaning, task: Task, classes: tuple[Scalar, ...], spec: ResponseSpec | None) -> Output:
    told = None if spec is None or spec.type is None else type_from_json(spec.type)
    match task:
        case "regression":
            return Output(task, told or pa.float64())
        case "other":
            return Output(task, told or pa.string())
        case "multilabel":
            kind = pa.list_(pa.bool_(), len(classes))
            return Output(task, kind, one_type(classes), probabilities=meaning.gives_probabilities)
    if not classes:
        return Output(task, told or pa.string())
    return Output(task, type_of(one_type(classes)), one_type(classes), probabilities=meaning.gives_probabilities)
