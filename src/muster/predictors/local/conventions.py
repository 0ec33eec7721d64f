"""Columns of a raw answer whose names have a meaning."""

from __future__ import annotations

import pyarrow as pa

from muster.predictors.local.case import Case, Form, ask
from muster.predictors.local.objectives import Activation
from muster.predictors.local.raw import is_number, texts
from muster.signature import Task, canonical

__all__ = ["by_class", "field_names", "named"]

_PAIRS: tuple[tuple[str, str], ...] = (
    ("predict", "predict_proba"),
    ("predict", "predict_log_proba"),
    ("prediction", "probabilities"),
    ("label", "probabilities"),
    ("output_label", "output_probability"),
    ("label", "output_probability"),
)
"""Labels and probabilities, as scikit-learn, Muster and the converters to ONNX name them."""


def named(case: Case) -> Form | None:
    """The form, where names that have one meaning only tell it."""
    activation: Activation
    for label, probability in ((case.pair,) if case.pair else ()) + _PAIRS:
        if probability in case.names:
            activation = "exp" if probability == "predict_log_proba" else case.given.activation
            told = field_names(case, probability)
            return Form(label=_first(case, label), probabilities=(probability,), activation=activation, names=told)
    for prefix in ("predict_proba_", "probability_"):
        if found := tuple(n for n in case.names if n.startswith(prefix) and n != prefix):
            told = tuple(n.removeprefix(prefix) for n in found) if prefix == "probability_" else ()
            label_column = _first(case, "predict", "prediction", "label")
            return Form(label=label_column, probabilities=found, activation=case.given.activation, names=told)
    return None


def _first(case: Case, *names: str | None) -> str | None:
    return next((n for n in names if n in case.names), None)


def field_names(case: Case, name: str) -> tuple[str, ...]:
    """The names of a struct's fields; of anything else, none."""
    kind = case.type(name)
    return tuple(f.name for f in kind) if pa.types.is_struct(kind) else ()


def by_class(case: Case, task: Task | None) -> Form:
    """Several columns of no convention: one for each class, if they are named so; else asks."""
    names = tuple(case.names)
    numeric = all(is_number(case.type(n)) for n in names)
    as_known = {canonical(n) for n in names} == {canonical(c) for c in case.classes}
    if numeric and (as_known or (task is not None and not case.classes)):
        return Form(probabilities=names, activation=case.given.activation, names=names)
    what = f"the model answers the columns {texts(names)}, and what they hold is not told"
    if case.classes:
        what = f"the model answers the columns {texts(names)}, and its classes are {texts(case.classes)}"
    raise ask(
        what,
        "output={'label': …, 'probabilities': […]}",
        "task='multioutput' for values",
        "task='other' to keep them as they are",
    )
