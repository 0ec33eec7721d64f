"""A model that answers several targets for each row."""

from __future__ import annotations

import pyarrow as pa

from muster.errors import InvalidModel
from muster.predictors.local.case import Case, Form
from muster.predictors.local.classes import type_of
from muster.predictors.local.raw import is_list, is_number
from muster.signature import Json, Output, Scalar

__all__ = ["target_outputs"]


def target_outputs(case: Case, form: Form, names: Json) -> dict[str, Output]:
    """What each target is: a classification where the model knows its classes, a regression where it gives numbers."""
    types = _types(case, form, names)
    scored = len(form.probabilities) == len(types)
    classes = [*case.targets, *[()] * len(types)]
    return {n: _output(kind, own, scored=scored) for (n, kind), own in zip(types.items(), classes, strict=False)}


def _output(kind: pa.DataType, classes: tuple[Scalar, ...], *, scored: bool) -> Output:
    if classes:
        return Output("binary" if len(classes) == 2 else "multiclass", type_of(classes), classes, probabilities=scored)
    return Output("regression", pa.float64()) if is_number(kind) else Output("other", kind)


def _types(case: Case, form: Form, names: Json) -> dict[str, pa.DataType]:
    if form.value is None:
        return {n: case.raw.column(n).type for n in case.names if n not in form.probabilities}
    kind = case.type(form.value)
    if pa.types.is_struct(kind):
        return {f.name: f.type for f in kind}
    count = case.width(form.value)
    if count == 0:
        raise InvalidModel(
            f"the model's `{form.value}` has rows of different lengths",
            hint="declare task='other' to keep them as they are",
        )
    given = names if isinstance(names, list) and len(names) == count else [f"target_{i}" for i in range(count)]
    return {str(n): kind.value_type if is_list(kind) else kind for n in given}
