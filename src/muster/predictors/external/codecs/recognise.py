"""The first answer of an endpoint, looked at once: what it is, as a specification that later answers are read by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from muster.classes import one_type
from muster.errors import InvalidInput, ModelFailed
from muster.predictors.external.codecs.aliases import VALUES, named
from muster.predictors.external.codecs.case import Case
from muster.predictors.external.codecs.cells import number
from muster.predictors.external.codecs.classifying import classified
from muster.predictors.external.codecs.decode import batch_of
from muster.predictors.external.codecs.document import text_of
from muster.predictors.external.codecs.finding import find_form, find_rows
from muster.predictors.external.codecs.flagging import flagged
from muster.predictors.external.codecs.hints import Hints, hints_of
from muster.predictors.external.codecs.outputs import label_type, output_of
from muster.predictors.external.codecs.refusing import ask
from muster.predictors.external.codecs.response import Meaning, ResponseSpec
from muster.predictors.external.codecs.rows import ONLY, Table, tabulate
from muster.signature import Json, Scalar, Task, canonical

__all__ = ["recognise"]


def recognise(  # noqa: PLR0917  # the brief form of what a decoder must be given, in the order that it is always given in
    body: bytes,
    content_type: str,
    rows: int,
    task: Task | None,
    classes: Sequence[Scalar] | None = None,
    hints: Json | ResponseSpec = "auto",
) -> ResponseSpec:
    """The specification that reads this body, and all that are like it, with nothing left to guess.

    InvalidInput says what must be declared where two readings fit, ModelFailed what is wrong with the body.
    """
    if rows < 1:
        raise InvalidInput("an answer for no rows shows nothing", hint="send a few rows")
    told = hints_of(hints)
    declared = one_type(classes or told.base.meaning.classes)
    text = text_of(body, content_type)
    spec = find_form(text, content_type, told.base)
    found, spec = find_rows(text, rows, spec)
    table = tabulate(found, rows, spec)
    if len(table.errors) == rows:
        raise ModelFailed(f"no row has a prediction: {table.errors[0]}", hint="send other rows")
    spec = _meant(table, spec, told, task or _task(declared), declared)
    return _tried(found, rows, spec, task or _task(declared), declared)


def _task(classes: Sequence[Scalar]) -> Task:
    """That of the classes; without any, numbers may be anything."""
    if not classes:
        raise ask("what the numbers of an answer mean depends on the task", "`task`", "`classes`")
    return "binary" if len(classes) == 2 else "multiclass"


def _meant(table: Table, spec: ResponseSpec, hints: Hints, task: Task, classes: Sequence[Scalar]) -> ResponseSpec:
    if task == "binary" and classes and len(classes) != 2:
        raise InvalidInput(
            f"a binary task has 2 classes and not {len(classes)}", hint="declare two, the positive one last"
        )
    case = Case.of(table, spec, hints, classes, task)
    if task != "other" and all(c.nature == "nothing" for c in case.cells.values()):
        raise ModelFailed("no row has a prediction: the endpoint answered nothing but nulls", hint="send other rows")
    match task:
        case "regression":
            return replace(spec, meaning=replace(spec.meaning, value=_value(case)))
        case "multioutput":
            return _targets(case, spec)
        case "other":
            return _whole_rows(spec)
        case "multilabel":
            return replace(spec, meaning=flagged(case))
    meaning = classified(case)
    kind = None if meaning.classes or meaning.label is None else label_type(case.cells[meaning.label].values)
    return replace(spec, meaning=meaning, type=spec.type or kind)


def _whole_rows(spec: ResponseSpec) -> ResponseSpec:
    """Rows as they are, also those that are null, unless one column was declared."""
    kind = spec.type or "string"
    if spec.meaning.value is not None:
        return replace(spec, type=kind)
    only = replace(spec, meaning=replace(spec.meaning, value=ONLY), type=kind)
    if spec.format == "csv" and spec.columns == (ONLY,):
        return only
    if spec.format != "csv" and spec.row in ("object", "list", "value"):
        return replace(only, row="value", columns=())
    return replace(spec, meaning=replace(spec.meaning, value=""), type=kind)


def _value(case: Case) -> str:
    """The column of a regression."""
    name = case.hints.base.meaning.value or case.hints.score or case.hints.base.meaning.label
    if name is not None and name in case.cells:
        return name
    if name is not None and case.only is None:
        case.see(name)
    numeric = [n for n in case.cells if _is_numeric(case, n)]
    if case.only is not None:
        only = case.cells[case.only]
        if not numeric:
            shown = f"a {only.nature} of {only.width}" if only.nature == "list" else f"a {only.nature}"
            raise ask(
                f"the answer has {shown} for each row, and a regression is one number",
                "task='multioutput'",
                "`classes`",
            )
        return numeric[0]
    likely = named(numeric, VALUES)
    if len(likely) > 1 and len({tuple(map(canonical, case.cells[n].values)) for n in likely}) > 1:
        raise _several(likely)
    if likely:
        return likely[0]
    if len(numeric) == 1:
        return numeric[0]
    raise _several(numeric or list(case.cells))


def _is_numeric(case: Case, name: str) -> bool:
    cells = case.cells[name]
    return cells.nature == "number" or (cells.nature == "text" and all(number(v) is not None for v in cells.values))


def _several(names: Sequence[str]) -> InvalidInput:
    return ask(f"which of {', '.join(f'`{n}`' for n in names[:12])} is the prediction is not told", '{"value": …}')


def _targets(case: Case, spec: ResponseSpec) -> ResponseSpec:
    """A column for each target, or an item of a list."""
    if case.only is not None:
        only = case.cells[case.only]
        if only.nature != "list" or only.width < 2:
            raise ask(f"the answer has a {only.nature} for each row, and several targets are more", "task='regression'")
        numbered = tuple(map(str, range(only.width)))
        declared = spec.columns if len(spec.columns) == only.width else numbered
        spec = replace(spec, row="tensors" if spec.row == "tensors" else "list", columns=declared)
        return spec if spec.targets else replace(spec, targets=_by_target(declared))
    if spec.targets:
        for name in [n for m in spec.targets.values() for n in (m.value, m.label) if n]:
            case.see(name)
        return spec
    numeric = [n for n in case.cells if _is_numeric(case, n)]
    if len(numeric) < len(case.cells) or not numeric:
        raise ask(
            "which columns of the answer are targets is not told", '{"targets": {"price": {"value": "price"}, …}}'
        )
    return replace(spec, targets=_by_target(numeric))


def _by_target(columns: Sequence[str]) -> dict[str, Meaning]:
    """Each by the name of its column, if that is more than its place."""
    numbered = list(columns) == [str(i) for i in range(len(columns))]
    return {f"target_{n}" if numbered else n: Meaning(value=n) for n in columns}


def _tried(found: Any, rows: int, spec: ResponseSpec, task: Task, classes: Sequence[Scalar]) -> ResponseSpec:
    """The specification, once it has read what it was made of."""
    answer = batch_of(tabulate(found, rows, spec), spec, output_of(spec, task, classes))
    if "error" in answer.schema.names and answer.column("error").null_count == 0:
        raise ModelFailed(
            f"no row has a prediction: {answer.column('error')[0]}", hint="send other rows, or mend the response format"
        )
    return spec
