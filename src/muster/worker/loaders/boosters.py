"""XGBoost, LightGBM and CatBoost: boosters by themselves, and their estimators."""

from __future__ import annotations

import functools
import importlib
import json
import os
from typing import Any, Dict, List

import pyarrow as pa

from . import inputs
from .answers import Columns, columns_of
from .estimators import accepted, load_estimator
from .loaded import Loaded, attribute, plain


def load_xgboost(spec: Dict[str, Any], folder: str) -> Loaded:
    """`file`, and the `class` that wrote it."""
    module, _, name = spec["class"].rpartition(".")
    model = getattr(importlib.import_module(module), name)()
    model.load_model(os.path.join(folder, spec["file"]))
    return wrap_xgboost(model, spec)


def wrap_xgboost(model: Any, spec: Dict[str, Any]) -> Loaded:
    """A Booster, or one of its estimators."""
    estimator = hasattr(model, "get_booster")
    booster = model.get_booster() if estimator else model
    categories = _xgboost_categories(booster)
    facts = {
        "objective": json.loads(booster.save_config())["learner"]["objective"]["name"],
        "n_features": booster.num_features(),
    }
    if not estimator:
        return _xgboost_booster(booster, spec, categories, facts)
    if categories:
        model.set_params(enable_categorical=True)
    if facts["objective"] == "binary:logitraw":
        # xgboost gives the margin m as (1 - m, m); by itself it is what the objective says it is.
        pairs = model.predict_proba
        model.predict_proba = functools.wraps(pairs)(lambda data, **params: pairs(data, **params)[:, 1])
    return load_estimator(model, dict(spec, params=True), categories=lambda _: categories, **facts)


def _xgboost_categories(booster: Any) -> List[str]:
    """The columns of categories. Since 3.1 a model knows their values; before, it only knew places among those of a frame."""
    import xgboost

    names, kinds = booster.feature_names or [], booster.feature_types or []
    found = [n for n, k in zip(names, kinds) if k == "c"]
    if found and tuple(int(p) for p in xgboost.__version__.split(".")[:2]) < (3, 1):
        raise ValueError(
            "the columns {} are categories, which xgboost {} does not store with the model: encode them as numbers in a pipeline, "
            "or train with xgboost 3.1 or later".format(", ".join(found), xgboost.__version__)
        )
    return found


def _xgboost_booster(booster: Any, spec: Dict[str, Any], categories: List[str], facts: Dict[str, Any]) -> Loaded:
    import xgboost

    form = _form(spec, booster.feature_names)

    def ask(batch: pa.RecordBatch, params: Dict[str, Any], _wanted: List[str]) -> Columns:
        batch = inputs.ordered(batch, booster.feature_names)
        data = inputs.build(batch, form)
        if form == "pandas":
            data = inputs.flags_as_numbers(data, batch)
        if categories and form == "pandas":
            data = inputs.categorise(data, categories, batch)
        told = {"enable_categorical": True} if categories else {}
        return columns_of(
            "predict", booster.predict(xgboost.DMatrix(data, **told), **accepted(booster.predict, params))
        )

    return Loaded(ask, ["predict"], **dict(facts, features=booster.feature_names, input=form))


def _form(spec: Dict[str, Any], names: List[str] | None) -> str:
    """Frames where the columns have names, else arrays."""
    wanted = spec.get("input") or ("numpy" if not names else inputs.choose(None))
    return "numpy" if wanted == "arrow" else wanted


def load_lightgbm(spec: Dict[str, Any], folder: str) -> Loaded:
    """A Booster's own `file`."""
    import lightgbm

    return wrap_lightgbm(lightgbm.Booster(model_file=os.path.join(folder, spec["file"])), spec)


def wrap_lightgbm(model: Any, spec: Dict[str, Any]) -> Loaded:
    """A Booster, or one of its estimators."""
    estimator = hasattr(model, "booster_")
    booster = model.booster_ if estimator else model
    told = booster.dump_model(num_iteration=1)
    names = booster.feature_name()
    named = names != [f"Column_{i}" for i in range(len(names))]
    facts = {
        "objective": told.get("objective"),
        "features": names if named else None,
        "n_features": len(names),
        "renamed": True,
    }

    def categories(batch: pa.RecordBatch) -> List[str]:
        return _lightgbm_categories(booster.pandas_categorical, told, batch)

    if estimator:
        return load_estimator(model, spec, categories=categories, order=names, **facts)
    form = _form(spec, names if named else None)

    def ask(batch: pa.RecordBatch, _params: Dict[str, Any], _wanted: List[str]) -> Columns:
        batch = inputs.ordered(batch, names)
        data = inputs.build(batch, form)
        if form == "pandas":
            data = inputs.categorise(data, categories(batch), batch)
        return columns_of("predict", booster.predict(data))

    return Loaded(ask, ["predict"], **dict(facts, input=form))


def _lightgbm_categories(values: Any, told: Dict[str, Any], batch: pa.RecordBatch) -> List[str]:
    """The columns that were categories in the frame it was trained on, in order.

    The model keeps the values and not the names: they are the columns of text, or else those that it splits by value.
    """
    if not values:
        return []
    names = inputs.texts(batch)
    if len(names) != len(values):
        infos = told.get("feature_infos") or {}
        names = [
            c for c, f in zip(batch.schema.names, told.get("feature_names") or []) if infos.get(f, {}).get("values")
        ]
    if len(names) != len(values):
        raise ValueError(
            "the model was trained with {} columns of categories, and {} of the data can be: {}".format(
                len(values), len(names), ", ".join(names) or "none"
            )
        )
    return names


def load_catboost(spec: Dict[str, Any], folder: str) -> Loaded:
    """`file`, its `format`, and the `class` that wrote it."""
    import catboost

    model = getattr(catboost, spec["class"])()
    path = os.path.join(folder, spec["file"])
    model.load_model(path, spec.get("format") or "cbm")
    told: Dict[str, Any] = {}
    if type(model) is catboost.CatBoost:
        # The same file: these classes tell labels and probabilities, and values of objectives that are learnt as logarithms (Poisson,
        # Tweedie) in their own unit, where the plain one gives what the trees add up to.
        labels = plain(attribute(model, "classes_"))
        model = catboost.CatBoostClassifier() if labels else catboost.CatBoostRegressor()
        model.load_model(path, spec.get("format") or "cbm")
        if not labels:
            told["kind"] = None  # the objective says what it is: it may rank
    parameters = model.get_all_params() or {}
    names = plain(attribute(model, "feature_names_"))
    if names:  # one that comes from a file says that it takes no columns
        told["n_features"] = len(names)
    objective = (parameters.get("loss_function") or "").partition(":")[0]  # `Quantile:alpha=0.9`
    return load_estimator(model, spec, objective=objective or None, **told)
