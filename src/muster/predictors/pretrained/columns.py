"""The columns of text that a model takes: named by what is declared, by the sample, or as its pipeline calls them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pyarrow as pa

from muster.errors import InvalidInput, SignatureMismatch, plural
from muster.predictor import Declared, Description
from muster.predictors.local.raw import is_text, texts
from muster.signature import Column, Json, Parameter, Signature, Task

__all__ = ["EXAMPLE_NOTE", "complete_columns", "parameters_of"]

_NAMES: Mapping[str, tuple[str, ...]] = {"question-answering": ("question", "context")}
_PAIR = "text", "text_pair"
"""As the pipeline calls the two of a classifier of pairs."""
EXAMPLE_NOTE = "there was no sample: the model was asked about a text of Muster's own"
_EXAMPLE = "This is a text."

_CUT = Parameter("truncation", pa.bool_(), False)
_GENERATE = (
    Parameter("max_new_tokens", pa.int64()),
    Parameter("do_sample", pa.bool_()),
    Parameter("temperature", pa.float64()),
)
_PARAMETERS: Mapping[str, tuple[Parameter, ...]] = {
    "text-classification": (_CUT,),
    "feature-extraction": (_CUT,),
    "sentence-similarity": (_CUT,),
    "fill-mask": (Parameter("top_k", pa.int64(), 5),),
    "text-generation": _GENERATE,
    "text2text-generation": (_CUT, *_GENERATE),
}

_HOW = "signature={'columns': [{'name': …, 'type': 'string'}]}"


def parameters_of(kind: str) -> tuple[Parameter, ...]:
    """The words of the library's own pipelines, which go with each call."""
    return _PARAMETERS.get(kind, ())


def complete_columns(description: Description, declared: Declared, sample: pa.Schema | None) -> Description:
    """With the signature, and an example where nobody gave one; and how the answers are read for the task that is declared."""
    load, own = description.load, description.signature or Signature()
    columns = _declared(declared, str(load["task"]))
    if not columns:
        columns = _columns(_names(str(load["task"]), sample, declared.target))
    signature = Signature(columns, (declared.signature and declared.signature.parameters) or own.parameters)
    mask = load.get("mask")
    text = _EXAMPLE if not isinstance(mask, str) else f"{_EXAMPLE[:-1]} {mask}."
    return replace(
        description,
        signature=signature,
        example=pa.table({c.name: [text] for c in columns}) if sample is None else None,
        output=dict(description.output) | _activation(declared.task or description.task, load),
    )


def _activation(task: Task | None, load: Mapping[str, Json]) -> dict[str, Json]:
    """A classifier gives scores; its own pipeline says what becomes of them."""
    if load.get("sigmoid") is True or load["task"] != "text-classification":
        return {}
    named: Mapping[Task | None, str] = {"binary": "softmax", "multiclass": "softmax", "multilabel": "sigmoid"}
    if task == "binary" and load.get("labels") == 1:
        return {"activation": "sigmoid"}
    return {"activation": named[task]} if task in named else {}


def _columns(names: tuple[str, ...]) -> tuple[Column, ...]:
    return tuple(Column(n, pa.string(), nullable=False) for n in names)


def _declared(declared: Declared, kind: str) -> tuple[Column, ...]:
    columns = declared.signature.columns if declared.signature is not None else ()
    counts = {"question-answering": (2,), "text-classification": (1, 2)}.get(kind, (1,))
    other = [c.name for c in columns if not is_text(c.type)]
    if other or (columns and len(columns) not in counts):
        takes = " or ".join(plural(n, "column") for n in counts)
        told = (
            f"{texts(other)} hold none" if other else f"{len(columns)} are declared: {texts([c.name for c in columns])}"
        )
        raise InvalidInput(f"the model takes {takes} of text, and {told}", hint=f"declare {_HOW}")
    return _in_usual_order(columns, kind)


def _in_usual_order(columns: tuple[Column, ...], kind: str) -> tuple[Column, ...]:
    """A pair by the names of its pipeline, where it has them: those say which is which, and not their places."""
    usual, found = _NAMES.get(kind, _PAIR), {c.name: c for c in columns}
    return tuple(found[n] for n in usual) if set(usual) == set(found) else columns


def _names(kind: str, sample: pa.Schema | None, target: str | None) -> tuple[str, ...]:
    """The sample's only column of text. Which of several is meant is not guessed, but by the pipeline's own names."""
    usual = _NAMES.get(kind, _PAIR[:1])
    if sample is None:
        return usual
    found = tuple(f.name for f in sample if is_text(f.type) and f.name != target)
    for names in (_PAIR, usual) if kind == "text-classification" else (usual,):
        if set(names) <= set(found):
            return names
    if len(usual) == 1 and len(found) == 1:
        return found
    what = f"the columns {texts(usual)}" if len(usual) > 1 else "a column of text"
    told = f"{plural(len(found), 'column')} of text: {texts(found)}" if found else f"no text: {texts(sample.names)}"
    hint = f"declare the columns of text in their order, {_HOW}"
    raise SignatureMismatch(f"the model takes {what}, and the sample has {told}", hint=hint)
