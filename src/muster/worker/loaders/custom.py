"""Models of the user's own: a function, or an object with hooks.

Data goes through `transform`, if there is one, to `predict` and `predict_proba`; each answer goes through `post_process`, which
gets the answer, and as a second argument, if it takes one, the name of the method that gave it. `load` gets the artifact's
folder, and as a second argument the runtime parameters; hooks that have an argument `model` get there what it returned.
"""

from __future__ import annotations

import functools
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
        return load_hooks(model, spec, form, _load(model, spec, folder))
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
    return load_hooks(model, spec, form, _load(model, spec, folder))


def _load(model: Any, spec: Dict[str, Any], folder: str) -> Any:
    load = getattr(model, "load", None)
    if not callable(load):
        return None
    path, runtime = pathlib.Path(os.path.abspath(folder)), spec.get("runtime") or {}
    return load(path, runtime) if _takes_two(load) else load(path)


def load_hooks(model: Any, spec: Dict[str, Any], form: Any, loaded: Any = None) -> Loaded:
    """`form` is what the code says in INPUT, `loaded` what its `load` returned."""
    methods = [m for m in METHODS if callable(getattr(model, m, None))]
    if not methods:
        raise BadAnswer("there is no function or method `predict`")
    chosen = inputs.choose(spec.get("input") or form)
    transform, post_process = (_given(getattr(model, n, None), loaded) for n in ("transform", "post_process"))
    asked = {m: _given(getattr(model, m), loaded) for m in methods}

    def ask(batch: pa.RecordBatch, params: Dict[str, Any], wanted: List[str]) -> Columns:
        data = inputs.build(batch, chosen, named=bool(spec.get("named")))
        if callable(transform):
            data = transform(data)
        columns: Columns = {}
        for method in wanted:
            answer = _called(asked[method], data, params)
            if callable(post_process):
                answer = post_process(answer, method) if _takes_two(post_process) else post_process(answer)
            columns.update((scores_of if method == "predict_proba" else columns_of)(method, answer))
        return columns

    features = plain(attribute(model if loaded is None else loaded, "feature_names_in_"))
    classes = _classes(model)
    if classes is None and loaded is not None:
        classes = plain(attribute(loaded, "classes_"))
    return Loaded(ask, methods, classes=classes, features=features, input=chosen)


def _given(hook: Any, loaded: Any) -> Any:
    """The hook, with its argument `model` filled in, if it has one that is not its first."""
    if not callable(hook):
        return hook
    try:
        known = list(inspect.signature(hook).parameters)
    except (TypeError, ValueError):  # of compiled code
        return hook
    return functools.partial(hook, model=loaded) if "model" in known[1:] else hook


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
    given = getattr(hook, "keywords", {})  # what is filled in already stays among the parameters
    kinds = [p.kind for n, p in inspect.signature(hook).parameters.items() if n not in given]
    return kinds.count(inspect.Parameter.POSITIONAL_OR_KEYWORD) + kinds.count(inspect.Parameter.POSITIONAL_ONLY) >= 2
