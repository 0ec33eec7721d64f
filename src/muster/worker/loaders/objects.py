"""Objects that were saved whole: estimators, functions, and other things with `predict`."""

from __future__ import annotations

import inspect
import os
from typing import Any, Dict

from .boosters import wrap_lightgbm, wrap_xgboost
from .custom import load_custom
from .estimators import is_estimator, load_estimator
from .loaded import Loaded


def load_object(spec: Dict[str, Any], folder: str) -> Loaded:
    """`file`, and its `format`: pickle, cloudpickle, joblib or skops, with the types that skops may trust."""
    return wrap(read_object(spec, folder), spec, folder)


def read_object(spec: Dict[str, Any], folder: str) -> Any:
    """What was saved, as it was."""
    return _READ[spec["format"]](os.path.join(folder, spec["file"]), spec)


def wrap(model: Any, spec: Dict[str, Any], folder: str) -> Loaded:
    """Whatever was saved, by what it is."""
    library = type(model).__module__.split(".")[0]
    if library == "lightgbm":
        return wrap_lightgbm(model, spec)
    if library == "xgboost":
        return wrap_xgboost(model, spec)
    if not inspect.isclass(model) and is_estimator(model):
        return load_estimator(model, spec)
    return load_custom(model, spec, folder)


def _pickle(path: str, _spec: Dict[str, Any]) -> Any:
    import pickle

    with open(path, "rb") as file:
        return pickle.load(file)  # noqa: S301  # this process exists to run the model's code


def _cloudpickle(path: str, spec: Dict[str, Any]) -> Any:
    try:
        import cloudpickle
    except ImportError:
        return _pickle(path, spec)  # what needs it says so when it is loaded
    with open(path, "rb") as file:
        return cloudpickle.load(file)


def _joblib(path: str, _spec: Dict[str, Any]) -> Any:
    import joblib

    return joblib.load(path)


def _skops(path: str, spec: Dict[str, Any]) -> Any:
    import skops.io

    trusted = list(spec.get("trusted") or [])
    unknown = sorted(set(skops.io.get_untrusted_types(file=path)) - set(trusted))
    if unknown:
        raise ValueError("the file has types that are not trusted: {}".format(", ".join(unknown)))
    try:
        return skops.io.load(path, trusted=trusted)
    except TypeError:  # releases before 0.9 took True for all
        return skops.io.load(path, trusted=trusted or False)


_READ = {"pickle": _pickle, "cloudpickle": _cloudpickle, "joblib": _joblib, "skops": _skops}
