"""Models of the user's own: a function, or an object with hooks.

Data goes through `transform`, if there is one, to `predict` and `predict_proba`; each answer goes through `post_process`, which
gets the answer, and as a second argument, if it takes one, the name of the method that gave it.
"""

from __future__ import annotations

import inspect
import os
import pathlib
import types
from typing import Any, Callable, Dict, List

import pyarrow as pa

from . import inputs
from .answers import BadAnswer, Columns, columns_of, scores_of
from .loaded import Loaded, attribute, plain

METHODS = ("predict", "predict_proba")


def load_custom(model: Any, spec: Dict[str, Any], folder: str) -> Loaded:
    """A class is made and its `load` is called with the artifact's folder; an object was made before it was saved."""
    if inspect.isclass(model):
        form = getattr(model, "INPUT", None)
        model = model()
        _load(model, folder)
        return load_hooks(model, spec, form)
    if isinstance(model, (types.FunctionType, types.BuiltinFunctionType, types.MethodType)) or not hasattr(
        model, "predict"
    ):
        if not callable(model):
            raise BadAnswer(f"{type(model).__name__} has no `predict`, and cannot be called")
        return load_hooks(types.SimpleNamespace(predict=model), spec, getattr(model, "INPUT", None))
    return load_hooks(model, spec, getattr(model, "INPUT", None))


def load_module(module: Any, spec: Dict[str, Any], folder: str) -> Loaded:
    """A module with a class `Model`, or with the hooks as functions."""
    form = getattr(module, "INPUT", None)
    if hasattr(module, "Model"):
        model = module.Model() if inspect.isclass(module.Model) else module.Model
        form = getattr(model, "INPUT", form)
    else:
        model = module
    _load(model, folder)
    return load_hooks(model, spec, form)


def _load(model: Any, folder: str) -> None:
    load = getattr(model, "load", None)
    if callable(load):
        load(pathlib.Path(os.path.abspath(folder)))


def load_hooks(model: Any, spec: Dict[str, Any], form: Any) -> Loaded:
    """`form` is what the code says in INPUT."""
    methods = [m for m in METHODS if callable(getattr(model, m, None))]
    if not methods:
        raise BadAnswer("there is no function or method `predict`")
    chosen = inputs.choose(spec.get("input") or form)
    transform, post_process = getattr(model, "transform", None), getattr(model, "post_process", None)

    def ask(batch: pa.RecordBatch, params: Dict[str, Any], wanted: List[str]) -> Columns:
        data = inputs.build(batch, chosen, named=bool(spec.get("named")))
        if callable(transform):
            data = transform(data)
        columns: Columns = {}
        for method in wanted:
            answer = _called(getattr(model, method), data, params)
            if callable(post_process):
                answer = post_process(answer, method) if _takes_two(post_process) else post_process(answer)
            columns.update((scores_of if method == "predict_proba" else columns_of)(method, answer))
        return columns

    features = plain(attribute(model, "feature_names_in_"))
    return Loaded(ask, methods, classes=_classes(model), features=features, input=chosen)


def _classes(model: Any) -> Any:
    classes = getattr(model, "classes", None)
    if callable(classes):
        classes = classes()
    return plain(classes if classes is not None else attribute(model, "classes_"))


def _called(method: Callable[..., Any], data: Any, params: Dict[str, Any]) -> Any:
    """With the parameters that it takes by name, or all of them as `params`."""
    if not params:
        return method(data)
    known = inspect.signature(method).parameters
    if "params" in known:
        return method(data, params=params)
    if any(p.kind is p.VAR_KEYWORD for p in known.values()):
        return method(data, **params)
    unknown = sorted(set(params) - set(known))
    if unknown:
        raise TypeError(
            "`{}` does not take the parameters {}".format(getattr(method, "__name__", "predict"), ", ".join(unknown))
        )
    return method(data, **params)


def _takes_two(hook: Callable[..., Any]) -> bool:
    kinds = [p.kind for p in inspect.signature(hook).parameters.values()]
    return kinds.count(inspect.Parameter.POSITIONAL_OR_KEYWORD) + kinds.count(inspect.Parameter.POSITIONAL_ONLY) >= 2
