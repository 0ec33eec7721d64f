"""Metrics of the user's own: a function over a batch of evaluated rows, or over what was counted of all of them."""

from __future__ import annotations

import json
from typing import Any, Callable, Dict, List

import pyarrow as pa

from . import inputs
from .answers import BadAnswer, Columns, array
from .loaded import Loaded
from .modelfile import import_file
from .objects import read_object


def load_metric(spec: Dict[str, Any], folder: str) -> Loaded:
    """`file` with the `function`, or an object that was saved in its `format`; `kind` is `batch` or `profile`."""
    if spec.get("function"):
        module = import_file(spec, folder)
        function = getattr(module, spec["function"], None)
        form = getattr(module, "INPUT", None)
    else:
        function = read_object(spec, folder)
        form = getattr(function, "INPUT", None)
    if not callable(function):
        raise BadAnswer("there is no function `{}`".format(spec.get("function") or spec["file"]))
    return Loaded(
        _over_profiles(function) if spec["kind"] == "profile" else _over_rows(function, spec, form), ["value"]
    )


def _over_rows(function: Callable[[Any], Any], spec: Dict[str, Any], form: Any) -> Callable[..., Columns]:
    chosen = inputs.choose(spec.get("input") or form)
    inputs.check_form(chosen)

    def ask(batch: pa.RecordBatch, _params: Dict[str, Any], _wanted: List[str]) -> Columns:
        return {"value": array("the function", function(inputs.build(batch, chosen)))}

    return ask


def _over_profiles(function: Callable[[Any], Any]) -> Callable[..., Columns]:
    def ask(batch: pa.RecordBatch, _params: Dict[str, Any], _wanted: List[str]) -> Columns:
        return {"value": array("the function", [_single(function(json.loads(t))) for t in batch.column(0).to_pylist()])}

    return ask


def _single(value: Any) -> Any:
    """One number, or None."""
    value = value.tolist() if hasattr(value, "tolist") else value
    if value is not None and not isinstance(value, (int, float)):
        raise BadAnswer(f"it returned {type(value).__name__}, and a figure is one number, or None where there is none")
    return value
