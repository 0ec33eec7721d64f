"""What a model's raw answer means, decided once at registration: the task, the classes, and how the answer is read.

The rules, in order: what the user declares; what the model tells of itself (its kind, classes, objective); what the probe
shows. Where two meanings fit, nothing is guessed: InvalidInput names all that must be declared.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import get_args

import pyarrow as pa

from muster.classes import one_type
from muster.errors import InvalidInput, InvalidModel, ModelFailed
from muster.predictor import Declared, Description
from muster.predictors.answers import check
from muster.predictors.local.case import POSITIVE_LAST, Case, Form, overrides
from muster.predictors.local.classes import Classes, by_codes, match, numbered, type_of
from muster.predictors.local.forms import find_form
from muster.predictors.local.objectives import Activation, objective
from muster.predictors.local.raw import column, counted, places, texts
from muster.predictors.local.reading import read, scores
from muster.predictors.local.targets import target_outputs
from muster.predictors.order import better_order, never_likely
from muster.records import Reading
from muster.signature import CLASSIFICATION, Json, Output, Scalar, Task

__all__ = ["OUTPUT_KEYS", "Decision", "decide"]

OUTPUT_KEYS = ("label", "probabilities", "value", "activation", "classes", "targets")
"""What `output` may say: the keys of Reading, and the names of several targets."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What the model's answers are, and how they are read."""

    task: Task
    reading: Reading
    output: Output
    notes: tuple[str, ...] = ()


def decide(
    facts: Mapping[str, Json], raw: pa.RecordBatch | None, declared: Declared, description: Description
) -> Decision:
    """Decide by the answer to the probe, or without one by the model's facts alone."""
    told = dict(description.output) | dict(declared.output)
    answer = raw if raw is not None else _expected(facts)
    case = _case(facts, answer, told, declared, description)
    task, form = find_form(case)
    _check_read(task, told)
    if task == "multioutput":
        decision = _targets(case, form, told.get("targets"))
    elif task in CLASSIFICATION:
        decision = _classified(case, task, form)
    else:
        kind = pa.float64() if task == "regression" else _other_type(answer, form.value)
        decision = Decision(task, Reading(value=form.value), Output(task, kind))
    unasked = "the model was loaded, and not asked: there was no sample"
    notes = [unasked] if raw is None else _verified(raw, decision)
    return replace(decision, notes=(*decision.notes, *notes))


_READ: Mapping[Task, tuple[str, ...]] = {
    "regression": ("value",),
    "other": ("value",),
    "multioutput": ("value", "probabilities", "classes", "targets"),
    **dict.fromkeys(CLASSIFICATION, ("label", "probabilities", "activation", "classes")),
}
"""The keys of `output` that mean something for a task."""


def _check_read(task: Task, told: Mapping[str, Json]) -> None:
    """What is declared of the answer has a meaning for the task; nothing is passed over."""
    idle = [k for k, v in told.items() if k not in _READ[task] and v not in (None, [], {}, "none")]
    if idle:
        raise InvalidInput(
            f"`output` says {texts(idle)}, which means nothing for task {task}",
            hint=f"for task {task} it may say {texts(_READ[task])}; leave out the rest, or declare another task",
        )


def _case(
    facts: Mapping[str, Json],
    raw: pa.RecordBatch,
    told: Mapping[str, Json],
    declared: Declared,
    description: Description,
) -> Case:
    wrong: list[str] = []
    if unknown := [k for k in told if k not in OUTPUT_KEYS]:
        wrong.append(f"`output` has no {texts(unknown)}; its keys are {texts(OUTPUT_KEYS)}")
    if told.get("activation", "none") not in get_args(Activation):
        wrong.append(f"the activation cannot be {told['activation']!r}; it is one of {texts(get_args(Activation))}")
    given = overrides(told, raw.schema.names, wrong)
    if wrong:
        raise InvalidInput("; ".join(wrong), hint="mend `output`, or leave it out")
    native, targets = _native(told.get("classes") or facts.get("classes"))
    kind, name, layer = facts.get("kind"), facts.get("objective"), facts.get("scores")
    return Case(
        raw=raw,
        task=declared.task or description.task,
        native=native,
        declared=one_type(declared.classes or description.classes),
        inherited=declared.inherited,
        targets=targets,
        kind=kind if isinstance(kind, str) else None,
        multilabel=facts.get("multilabel") is True,
        objective=objective(name) if isinstance(name, str) else None,
        pair=_pair(facts.get("pair")),
        scores=layer if isinstance(layer, str) else None,
        activated=told.get("activation") is not None,
        given=given,
    )


def _pair(told: Json) -> tuple[str | None, str] | None:
    match told:
        case [str() | None as label, str() as probabilities]:
            return label, probabilities
    return None


def _native(told: Json) -> tuple[tuple[Scalar, ...], tuple[tuple[Scalar, ...], ...]]:
    """The model's classes, or those of each of its targets."""
    if not isinstance(told, list):
        return (), ()
    if told and all(isinstance(c, list) for c in told):
        return (), tuple(one_type(c) for c in told if isinstance(c, list))
    return one_type(told), ()


def _expected(facts: Mapping[str, Json]) -> pa.RecordBatch:
    """An answer of no rows with the columns that the model's facts promise."""
    classes, targets = _native(facts.get("classes"))
    methods, kind, name = facts.get("methods") or [], facts.get("kind"), facts.get("objective")
    known = objective(name) if isinstance(name, str) else None
    columns: dict[str, pa.DataType] = {}
    if kind == "classifier" and classes and isinstance(methods, list):
        if "predict" in methods:
            columns["predict"] = type_of(classes)
        if "predict_proba" in methods:
            columns["predict_proba"] = pa.list_(pa.float64(), len(classes))
    elif kind == "regressor" and not targets:
        count = facts.get("n_outputs")
        columns["predict"] = pa.list_(pa.float64(), count) if isinstance(count, int) and count > 1 else pa.float64()
    elif kind is None and known is not None and known.task in {"binary", "regression"}:
        columns["predict"] = pa.float64()
    if not columns:
        raise InvalidInput(
            "nothing shows what the model answers: it has no input example, and there is no sample",
            hint="give a sample: some rows of its input, as a file or a table",
            details={"declare": ["sample"]},
        )
    return pa.RecordBatch.from_pylist([], schema=pa.schema(list(columns.items())))


def _other_type(raw: pa.RecordBatch, value: str | None) -> pa.DataType:
    return pa.struct(list(raw.schema)) if value is None else raw.column(value).type


def _classified(case: Case, task: Task, form: Form) -> Decision:
    classes = _classes(case, task, form)
    if task == "multilabel":
        _check_seen(case, classes)
    kind = type_of(classes.registered)
    if task == "multilabel":
        kind = pa.list_(pa.bool_(), len(classes.registered))
    _check_count(case, task, form, classes)
    reading = Reading(
        label=form.label,
        probabilities=form.probabilities,
        activation=form.activation,
        classes=classes.native,
        codes=classes.codes,
    )
    output = Output(task, kind, classes.registered, probabilities=bool(form.probabilities))
    return Decision(task, reading, output, (classes.note,) if classes.note else ())


def _classes(case: Case, task: Task, form: Form) -> Classes:
    native, order = case.native, case.declared
    coded = case.objective is not None and case.objective.form == "codes" and form.label is not None and not native
    codes = False
    if form.names:
        # Columns are read as the classes that they are named by; the model's own order is then the one to register.
        own = match(native, one_type(form.names))
        native, order, codes = own.registered, order or own.native, own.codes
    elif not native and not order and task == "binary" and form.label and pa.types.is_boolean(case.type(form.label)):
        native = (False, True)
    classes = by_codes(order) if coded else match(native, order)
    if codes:
        classes = replace(classes, codes=True)
    if case.inherited and not form.names and not numbered(order):
        _check_told(case, classes)
    if not classes.registered:
        raise InvalidInput(
            f"the model is {task}, and its classes are not told",
            hint=f"declare {POSITIVE_LAST}",
            details={"declare": ["classes"]},
        )
    if task == "binary" and len(classes.registered) != 2:
        raise InvalidInput(
            f"a binary model has 2 classes, and this one has {len(classes.registered)}: {texts(classes.registered)}",
            hint="declare task='multiclass'"
            if len(classes.registered) > 2
            else "declare both classes, the positive one last",
        )
    return classes


def _check_told(case: Case, classes: Classes) -> None:
    """Earlier versions tell what the classes are, but not by which numbers this one knows them: another training may count otherwise."""
    if classes.codes or (case.objective is not None and not case.native):
        raise InvalidInput(
            f"the model knows its classes by the numbers 0, 1, … alone, and nothing tells which of {texts(case.declared)} each is",
            hint="declare classes=[…] in the order of those numbers, as the labels were encoded for its training",
            details={"declare": ["classes"]},
        )


def _check_seen(case: Case, classes: Classes) -> None:
    """Each label both ways: else the one probability that the model gives may be that of not having the label."""
    constant = [c for c, seen in zip(classes.native, case.targets, strict=False) if len(seen) != 2]
    if constant:
        raise InvalidModel(
            f"the model was not trained on rows with and rows without {texts(constant)}, so it tells nothing of them",
            hint="train it on data where every label is sometimes there and sometimes not",
        )


def _check_count(case: Case, task: Task, form: Form, classes: Classes) -> None:
    """As many probabilities as classes; one is enough for two."""
    count, names = len(classes.native), form.probabilities
    widths = [case.width(n) for n in names]
    width = sum(widths)
    if not names or 0 in widths or width == count or (width == 1 and count == 2):
        return
    if task == "multilabel" and len(names) == count:
        return
    raise InvalidModel(
        f"the model gives {counted(width)} for each row, and it has {count} classes: {texts(classes.native)}",
        hint="declare as many classes as probabilities, in their order",
    )


def _targets(case: Case, form: Form, names: Json) -> Decision:
    targets = target_outputs(case, form, names)
    probabilities = form.probabilities if any(o.probabilities for o in targets.values()) else ()
    whole = pa.struct([(n, o.type) for n, o in targets.items()])
    output = Output("multioutput", whole, probabilities=bool(probabilities), targets=targets)
    return Decision("multioutput", Reading(value=form.value, probabilities=probabilities), output)


def _verified(raw: pa.RecordBatch, decision: Decision) -> list[str]:
    """Read the probe's answer as it will be read: refused if no row can be; notes for the rows that cannot."""
    if raw.num_rows == 0:
        return []
    try:
        answer = check(read(raw, decision.reading, decision.output), raw.num_rows, decision.output)
    except ModelFailed as error:
        raise InvalidModel(error.message, hint=error.hint) from None
    errors = answer.column("error").drop_null().to_pylist() if "error" in answer.schema.names else []
    if len(errors) == raw.num_rows:
        raise InvalidModel(
            f"none of {len(errors)} rows has a prediction; the first: {errors[0]}", hint=_mend(errors[0])
        )
    if outside := [e for e in errors if "not within" in e]:
        # Those of the other rows are no probabilities either: they only happen to lie within.
        raise InvalidModel(
            f"what the model gives are no probabilities, by {len(outside)} of {raw.num_rows} rows: {outside[0]}",
            hint=_mend(outside[0]),
        )
    notes = _check_order(raw, decision)
    if errors:
        notes.append(f"{len(errors)} of {raw.num_rows} rows of the probe have no prediction; the first: {errors[0]}")
    return notes


_NEVER = (
    "the label is in no row of the probe the most probable class: see that {} is the order of the probabilities;"
    " a threshold of the model's own looks the same"
)


def _mend(error: str) -> str:
    if "add up" in error or "not within" in error:
        scores = "output={'activation': 'softmax'} (or 'sigmoid', 'normalise') if these are scores"
        mend = f"declare {scores}, or task='multilabel' if the classes are independent"
        if "not within" in error:
            mend += "; two that add up to 1 are a margin m as (1 - m, m): train the model to give probabilities instead"
        return mend
    if "none of its classes" in error:
        return "declare all classes of the model, as it names them"
    return "mend the model, or give a sample that it can predict"


def _check_order(raw: pa.RecordBatch, decision: Decision) -> list[str]:
    """Refuse an order that another explains better; a note where none is better and the labels are never the most probable class."""
    reading, native = decision.reading, decision.reading.classes
    if decision.task not in {"binary", "multiclass"} or reading.label is None or not reading.probabilities:
        return []
    found, labels = scores(raw, reading, native), places(column(raw, reading.label), native, codes=reading.codes)
    order = better_order(found, labels)
    if order is None:
        return [_NEVER.format(texts(native))] if never_likely(found, labels) else []
    better = [native[i] for i in order]
    raise InvalidModel(
        f"the class order {texts(native)} disagrees with the labels that the model predicts: {texts(better)} explains them better",
        hint=f"declare the order of its probabilities: output={{'classes': {better!r}}}",
    )
