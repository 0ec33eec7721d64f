"""Estimators in scikit-learn's manner, of any library: their facts, and each of their answers without the same work twice."""

from __future__ import annotations

import inspect
import sys
from typing import Any, Callable, Dict, List

import pyarrow as pa

from . import inputs, missing
from .answers import BadAnswer, Columns, columns_of, scores_of
from .loaded import Loaded, attribute, plain

# Their `predict` is by its source the argmax of `predict_proba`. By library and class: modules move between releases.
LABELS_ARE_ARGMAX = {
    ("lightgbm", "LGBMClassifier"),
    ("sklearn", "BaggingClassifier"),
    ("sklearn", "CalibratedClassifierCV"),
    ("sklearn", "ExtraTreesClassifier"),
    ("sklearn", "RandomForestClassifier"),
    ("xgboost", "XGBClassifier"),
}
# Theirs is that of scores from which `predict_proba` is computed by a function that keeps their order (expit, softmax), up to
# rounding: where two probabilities are equal, the scores may not be, and the model is asked.
LABELS_FOLLOW_SCORES = {
    ("sklearn", "GradientBoostingClassifier"),
    ("sklearn", "HistGradientBoostingClassifier"),
}

# They hand `predict` and the like on to what their search found.
SEARCHES = {
    ("sklearn", "GridSearchCV"),
    ("sklearn", "RandomizedSearchCV"),
    ("sklearn", "HalvingGridSearchCV"),
    ("sklearn", "HalvingRandomSearchCV"),
}

# They take texts, and no table with a column of them.
TEXT_READERS = {("sklearn", "CountVectorizer"), ("sklearn", "TfidfVectorizer"), ("sklearn", "HashingVectorizer")}

METHODS = ("predict", "predict_proba")

Categorise = Callable[[pa.RecordBatch], List[str]]


def is_estimator(model: Any) -> bool:
    """Whether it keeps scikit-learn's conventions, so that its data and classes are known from its attributes."""
    return hasattr(model, "predict") and (
        hasattr(model, "get_params")
        or attribute(model, "n_features_in_") is not None
        or attribute(model, "feature_names_in_") is not None
    )


def load_estimator(
    model: Any,
    spec: Dict[str, Any],
    *,
    categories: Categorise | None = None,
    order: List[str] | None = None,
    **facts: Any,
) -> Loaded:
    """`method` of the specification is what a model without classes is asked; `params` whether it takes parameters.

    `categories` tells which columns of a batch are categories; `order` the order that columns of these names must have.
    """
    kind = kind_of(model)
    methods = methods_of(model, kind, spec.get("method"))
    features, count = names_of(model), count_of(model)
    known = {"classes": classes_of(model), "features": features, "n_features": count, "kind": kind}
    known.update(multilabel=attribute(model, "multilabel_") is True, n_outputs=outputs_of(model))
    known.update(facts)
    form = spec.get("input") or ("numpy" if known["features"] is None and known["n_features"] else inputs.choose(None))
    form = "numpy" if form == "arrow" else form  # estimators take arrays and frames
    order = order or known["features"]
    if categories is None and takes_categories(model):
        categories = inputs.texts

    knows_none = missing.known_as_none(model)
    by_text = takes_texts(model)

    def ask(batch: pa.RecordBatch, params: Dict[str, Any], wanted: List[str]) -> Columns:
        if by_text:
            return answers(model, inputs.only_texts(batch), wanted, params if spec.get("params") else {})
        batch = inputs.ordered(batch, order)
        data = missing.marked(inputs.build(batch, form, named=bool(spec.get("named"))), batch, knows_none)
        if _named(model)[0] == "xgboost" and form == "pandas":
            data = inputs.flags_as_numbers(data, batch)
        if categories is not None and form == "pandas":
            data = inputs.categorise(data, categories(batch), batch)
        return answers(model, data, wanted, params if spec.get("params") else {})

    return Loaded(ask, methods, **dict(known, input=form))


def methods_of(model: Any, kind: str | None, chosen: str | None) -> List[str]:
    """What to ask: labels and probabilities of a classifier; of anything else what was chosen, else `predict`."""
    if kind != "classifier":
        methods = [m for m in (chosen, "predict") if m and hasattr(model, m)][:1]
    else:
        methods = [m for m in METHODS if hasattr(model, m)]
        if "predict" in methods and attribute(model, "objective") == "binary:hinge":
            methods = ["predict"]  # what xgboost gives as its probabilities is 0 or 1, by the label
        if "predict_proba" not in methods and hasattr(model, "predict_log_proba"):
            methods.append("predict_log_proba")
    if not methods:
        raise BadAnswer(f"{type(model).__name__} has no `predict`")
    return methods


def answers(model: Any, data: Any, wanted: List[str], params: Dict[str, Any]) -> Columns:
    """What each method gives, as columns."""
    found = results(model, data, wanted, params)
    columns: Columns = {}
    for method in wanted:
        columns.update((scores_of if "proba" in method else columns_of)(method, found[method]))
    return columns


def results(model: Any, data: Any, wanted: List[str], params: Dict[str, Any]) -> Dict[str, Any]:
    """What each method returns. Where that is the same: a pipeline transforms once, and labels are had from probabilities."""
    while _named(model) in SEARCHES and attribute(model, "best_estimator_") is not None:
        model = model.best_estimator_
    if len(wanted) > 1 and _named(model) == ("sklearn", "Pipeline") and not _routes():
        for _, step in model.steps[:-1]:
            data = data if step is None or step == "passthrough" else step.transform(data)
        return results(model.steps[-1][1], data, wanted, params)
    if (
        set(wanted) == {"predict", "predict_proba"}
        and not params
        and _named(model) in LABELS_ARE_ARGMAX | LABELS_FOLLOW_SCORES
    ):
        scores = model.predict_proba(data)
        return {"predict_proba": scores, "predict": _labels(model, data, scores)}
    return {m: getattr(model, m)(data, **accepted(getattr(model, m), params)) for m in wanted}


def _named(model: Any) -> Any:
    """The library and class of an object of exactly that class; one derived from it may do anything."""
    kind = type(model)
    return kind.__module__.split(".")[0], kind.__qualname__


def _routes() -> bool:
    """Whether scikit-learn hands metadata through its pipelines, which it then does in its own way."""
    config = attribute(sys.modules.get("sklearn"), "get_config")
    return bool(config and config().get("enable_metadata_routing"))


def _labels(model: Any, data: Any, scores: Any) -> Any:
    """The labels by the probabilities; the model's own where these do not tell."""
    import numpy as np

    classes, name = attribute(model, "classes_"), _named(model)
    if not isinstance(classes, np.ndarray) or getattr(scores, "shape", None) != (len(scores), len(classes)):
        return model.predict(data)
    if name[0] == "xgboost" and attribute(model, "objective") not in ("binary:logistic", "multi:softprob"):
        return model.predict(data)
    best = scores.argmax(axis=1)
    if name in LABELS_FOLLOW_SCORES:
        ties = (scores == scores[np.arange(len(scores)), best][:, None]).sum(axis=1) > 1
        if ties.any():
            return model.predict(data)
    # As places among the classes: texts for each row would take longer to make than many a model to predict.
    return pa.DictionaryArray.from_arrays(pa.array(best, pa.int32()), pa.array(classes))


def accepted(method: Any, params: Dict[str, Any]) -> Dict[str, Any]:
    """Those of the parameters that the method takes by name."""
    if not params:
        return {}
    known = inspect.signature(method).parameters
    return (
        params
        if any(p.kind is p.VAR_KEYWORD for p in known.values())
        else {n: v for n, v in params.items() if n in known}
    )


def kind_of(model: Any) -> str | None:
    """What it calls itself: by `_estimator_type`, or by the tags that newer releases of scikit-learn have."""
    kind = attribute(model, "_estimator_type")
    if isinstance(kind, str):
        return kind
    if "sklearn" in sys.modules:
        from sklearn import base

        for name in ("classifier", "regressor", "clusterer", "outlier_detector"):
            try:
                if getattr(base, "is_" + name, lambda _: False)(model):
                    return name
            except Exception:  # noqa: BLE001, S112  # it asks the model's own code, which may be of any release
                continue
    return "classifier" if classes_of(model) else None


def classes_of(model: Any) -> Any:
    """In its own order; None where it tells none."""
    classes = plain(attribute(model, "classes_"))
    return classes if isinstance(classes, list) and classes else None


def names_of(model: Any) -> List[str] | None:
    """The columns that it was fitted with, by name; None where it saw none, or only those that a library made up."""
    names = plain(attribute(model, "feature_names_in_"))
    if names is None and _named(model)[0] == "catboost":
        names = plain(attribute(model, "feature_names_"))
    if not isinstance(names, list) or not all(isinstance(n, str) for n in names) or not names:
        return None
    invented = _INVENTED.get(_named(_first(model))[0])
    return None if invented and names == [invented.format(i) for i in range(len(names))] else names


_INVENTED = {"catboost": "{}", "lightgbm": "Column_{}"}
"""What libraries call the columns of an array."""


def _first(model: Any) -> Any:
    """Who sees the data first: its names are those of the whole."""
    while True:
        if _named(model) == ("sklearn", "Pipeline"):
            model = model.steps[0][1]
        elif _named(model) in SEARCHES and attribute(model, "best_estimator_") is not None:
            model = model.best_estimator_
        else:
            return model


def count_of(model: Any) -> int | None:
    """How many columns it was fitted with."""
    count = plain(attribute(model, "n_features_in_"))
    return count if isinstance(count, int) else None


def outputs_of(model: Any) -> int | None:
    """How many numbers it gives for a row; None where it does not tell."""
    last = _last(model)
    for told in (plain(attribute(model, "n_outputs_")), plain(attribute(last, "n_outputs_"))):
        if isinstance(told, int):
            return told
    for name, axis in (("coef_", 0), ("y_train_", 1), ("_y", 1), ("dual_coef_", 1)):
        shape = getattr(attribute(last, name), "shape", ())
        if len(shape) == 2 and shape[axis] > 1 and kind_of(last) == "regressor" and hasattr(last, "predict"):
            return int(shape[axis])
    return None


def _last(model: Any) -> Any:
    """Who answers."""
    while True:
        if _named(model) == ("sklearn", "Pipeline"):
            model = model.steps[-1][1]
        elif _named(model) in SEARCHES and attribute(model, "best_estimator_") is not None:
            model = model.best_estimator_
        else:
            return model


def takes_texts(model: Any) -> bool:
    """Whether it takes texts one after the other, where others take a table."""
    return _named(_first(model)) in TEXT_READERS


def takes_categories(model: Any) -> bool:
    """Whether it knows its text columns by pandas's type for categories alone."""
    name = _named(model)
    if name == ("sklearn", "Pipeline"):
        return len(model.steps) == 1 and takes_categories(model.steps[0][1])
    if name[0] == "sklearn" and name[1].startswith("HistGradientBoosting"):
        return attribute(model, "categorical_features") == "from_dtype"
    return False
