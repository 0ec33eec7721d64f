"""Which columns of a raw answer hold labels, probabilities or values, and so what the task is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from muster.casts import type_name
from muster.errors import InvalidInput
from muster.predictors.local.case import POSITIVE_LAST, Case, Form, ask
from muster.predictors.local.conventions import by_class, field_names, named
from muster.predictors.local.raw import Floats, flat, floats, is_list, is_number, is_text, places, texts
from muster.signature import Scalar, Task

__all__ = ["find_form"]


def find_form(case: Case) -> tuple[Task, Form]:
    """The task, and the form of the answer; asks where two fit."""
    match _task(case):
        case "other":
            return "other", Form(value=case.given.value or case.single)
        case "multioutput":
            return "multioutput", _several(case)
        case "regression":
            return "regression", _value(case)
        case task:
            return _classification(case, task)


def _task(case: Case) -> Task | None:
    """As far as it can be told without looking at the values."""
    if case.task is not None:
        return case.task
    if case.targets:
        return "multioutput"
    if case.multilabel:
        return "multilabel"
    if case.objective is not None and case.kind is None:
        return case.objective.task
    match case.kind:
        case "regressor":
            return "multioutput" if case.single and case.width(case.single) > 1 else "regression"
        case "classifier":
            return _by_count(case.classes)
        case None:
            return None
    return "other"


def _by_count(classes: Sequence[Scalar]) -> Task | None:
    return None if len(classes) < 2 else "binary" if len(classes) == 2 else "multiclass"


def _several(case: Case) -> Form:
    probabilities = tuple(n for n in case.names if n.startswith("predict_proba_"))
    rest = [n for n in case.names if n not in probabilities]
    value = case.given.value or (rest[0] if len(rest) == 1 else None)
    return Form(value=value, probabilities=case.given.probabilities or probabilities)


def _value(case: Case) -> Form:
    value = case.given.value or case.single or next((n for n in ("predict", "prediction") if n in case.names), None)
    if value is None:
        raise ask(f"the model answers {texts(case.names)}, and which is the value is not told", "output={'value': …}")
    kind = case.type(value)
    if is_list(kind):
        raise ask(
            f"`{value}` has {case.width(value) or 'several'} numbers in a row, and a regression has one",
            "task='multioutput'",
        )
    if not (is_number(kind) or pa.types.is_boolean(kind)):
        raise ask(
            f"`{value}` holds {type_name(kind)}, and a regression gives numbers", "another task", "output={'value': …}"
        )
    return Form(value=value)


def _classification(case: Case, task: Task | None) -> tuple[Task, Form]:
    given = case.given
    if given.value is not None and task is None:
        return ("regression" if is_number(case.type(given.value)) else "other"), Form(value=given.value)
    form = given if given.label or given.probabilities else named(case)
    if form is None and case.single:
        task, form = _one_column(case, case.single, task)
    elif form is None:
        form = by_class(case, task)
    if form.value is not None:
        assert task is not None, "what is read as a value has a task"
        return task, form
    link = case.objective.activation if case.objective is not None else "none"
    # An estimator has applied its own link already; only margins, and scores of each class against the rest, are left as they are.
    if form.probabilities and form.activation == "none" and (case.kind is None or link in {"normalise", "sigmoid"}):
        form = replace(form, activation=link)
    if form.probabilities and case.scores is not None and not case.activated:
        form = _of_network(case, form)
    return task or _counted(case, form), form


_ACTIVATION = "output={'activation': …}: 'softmax' or 'sigmoid' for scores, 'none' for probabilities"


def _of_network(case: Case, form: Form) -> Form:
    """What its last layer tells, or rows that add up to 1; else nothing does: scores of a probe may lie within 0 and 1 by chance."""
    if case.scores == "logarithms":
        return replace(form, activation="exp")
    if case.scores == "probabilities" or (len(form.probabilities) == 1 and _adds_up(case, form.probabilities[0])):
        return form
    raise ask(
        f"the model is a network, and nothing tells whether `{form.probabilities[0]}` gives scores or probabilities",
        _ACTIVATION,
        "task='other' to keep the answers as they are",
    )


def _counted(case: Case, form: Form) -> Task:
    """The task by the number of classes."""
    if len(case.classes) == 1:
        raise InvalidInput(
            f"the model knows one class only: {texts(case.classes)}", hint="a classification has two classes or more"
        )
    if task := _by_count(case.classes or form.names):
        return task
    if form.label and pa.types.is_boolean(case.type(form.label)):
        return "binary"
    raise ask(
        f"{_seen(case, form)}, and its classes are not told",
        POSITIVE_LAST,
        "task='other' to keep the answers as they are",
    )


def _seen(case: Case, form: Form) -> str:
    if form.label:
        seen = [v for v in pc.unique(flat(case.raw.column(form.label))).to_pylist() if v is not None]
        return f"the model answers labels such as {texts(seen, 6)}" if seen else "the model answers labels"
    width = case.width(form.probabilities[0])
    if width == 1:
        return "the model answers the probability of one class"
    return f"the model answers {width or 'several'} probabilities in a row"


def _one_column(case: Case, name: str, task: Task | None) -> tuple[Task | None, Form]:
    kind, activation = case.type(name), case.given.activation
    task = task or _by_count(case.classes)
    as_label, as_scores = (
        Form(label=name),
        Form(probabilities=(name,), activation=activation, names=field_names(case, name)),
    )
    if activation != "none":
        return task, as_scores
    if case.kind == "classifier" and name == "predict":
        return task, as_label
    if case.objective is not None and case.objective.form != "value":
        return task, as_label if case.objective.form == "codes" else as_scores
    if is_text(kind) or pa.types.is_boolean(kind):
        return task, as_label
    if is_number(kind) and case.scores is not None and task is not None and pa.types.is_floating(kind):
        return task, as_scores
    if is_number(kind):
        return _numbers(case, name, task)
    if pa.types.is_struct(kind) and task in {"binary", "multiclass"}:
        return task, as_scores
    if is_list(kind):
        return _lists(case, name, task)
    if task is None:
        return "other", Form(value=name)
    what = f"`{name}` holds {type_name(kind)}, which is neither labels nor probabilities"
    raise ask(what, "output={'label': …, 'probabilities': …}", "task='other'")


def _numbers(case: Case, name: str, task: Task | None) -> tuple[Task | None, Form]:
    """A number for each row: labels, the probability of one class, or a value."""
    answers = flat(case.raw.column(name))
    values = floats(answers, name)
    values = values[np.isfinite(values)]
    within = bool(((values >= 0) & (values <= 1)).all())
    whole = bool((values == np.round(values)).all())
    if task is None:
        if case.scores == "unknown":
            needs = f"{POSITIVE_LAST} with {_ACTIVATION}"
            raise ask(f"the model is a network that gives numbers {_range(values)}", "task='regression'", needs)
        if not within and not whole:
            return "regression", Form(value=name)
        raise ask(
            f"`{name}` gives numbers {_range(values)}: labels, probabilities or values",
            "task='regression'",
            POSITIVE_LAST,
        )
    if pa.types.is_integer(answers.type):
        return task, Form(label=name)
    labels = bool((places(answers, case.classes) >= 0).all()) if case.classes else whole
    if labels and within and task == "binary":
        what = f"`{name}` gives only 0.0 and 1.0: labels, or probabilities of the last class"
        raise ask(what, f"output={{'label': {name!r}}}", f"output={{'probabilities': {name!r}}}")
    if labels:
        return task, Form(label=name)
    if within and task == "binary":
        return task, Form(probabilities=(name,))
    known = f" ({texts(case.classes)})" if case.classes else ""
    what = f"`{name}` gives numbers {_range(values)}, which are neither classes{known} nor probabilities"
    scores = f"output={{'probabilities': {name!r}, 'activation': 'sigmoid'}} for scores of the positive class"
    raise ask(what, scores, "task='regression'")


def _range(values: Floats) -> str:
    return f"from {values.min():.6g} to {values.max():.6g}" if values.size else "of an unknown range"


def _lists(case: Case, name: str, task: Task | None) -> tuple[Task | None, Form]:
    """Several values for each row."""
    kind, width = case.type(name), case.width(name)
    if task == "multilabel":
        return task, _flags(case, name, kind)
    if not (is_number(kind.value_type) or pa.types.is_boolean(kind.value_type)):
        raise ask(
            f"`{name}` holds {type_name(kind)}",
            "task='multilabel' with classes=[…]",
            "task='other' to keep it as it is",
        )
    if task is not None or len(case.classes) == width:
        return task, Form(probabilities=(name,))
    shown = (
        f"`{name}` gives {width or 'several'} numbers in a row{', which add up to 1' if _adds_up(case, name) else ''}"
    )
    needs = (
        f"{POSITIVE_LAST} with {_ACTIVATION}" if case.scores == "unknown" and "add up" not in shown else POSITIVE_LAST
    )
    raise ask(f"{shown}: probabilities of classes, or values", needs, "task='multioutput'")


def _flags(case: Case, name: str, kind: pa.DataType) -> Form:
    """Labels of a multilabel model, or a probability for each class."""
    if not pa.types.is_floating(kind.value_type):
        return Form(label=name)
    values = floats(case.raw.column(name).flatten(), name)
    if len(values) and ((values == 0) | (values == 1)).all():
        raise ask(
            f"`{name}` gives only 0.0 and 1.0", f"output={{'label': {name!r}}}", f"output={{'probabilities': {name!r}}}"
        )
    return Form(probabilities=(name,))


def _adds_up(case: Case, name: str) -> bool:
    answers = case.raw.column(name)
    if not pa.types.is_fixed_size_list(answers.type) or not len(answers) or answers.null_count:
        return False
    values = floats(answers.flatten(), name).reshape(len(answers), -1)
    return bool((values >= 0).all() and np.allclose(values.sum(axis=1), 1, atol=1e-3))
