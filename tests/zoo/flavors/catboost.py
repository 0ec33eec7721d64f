"""CatBoost: a classifier with text columns, whole numbers as classes, values; and a graph of ONNX that it wrote."""

from __future__ import annotations

from pathlib import Path

import catboost
import mlflow.catboost
import mlflow.onnx
import numpy as np
import onnx
from mlflow.models import infer_signature

from tests.zoo.kit import CODE, DATA, THREE, VALUE, D, N, X, maker, pins, said

PIP = {"pip_requirements": pins("mlflow-skinny", "catboost", "numpy", "pandas")}
SMALL = {"iterations": 5, "depth": 3, "verbose": False, "allow_writing_files": False, "random_seed": 1}


@maker
def classifier(place: Path) -> None:
    model = catboost.CatBoostClassifier(cat_features=["city"], **SMALL).fit(X, THREE)
    mlflow.catboost.save_model(model, str(place / "model"), signature=infer_signature(X), **PIP)
    classes = [str(c) for c in model.classes_]
    label = np.asarray(model.predict(DATA)).reshape(-1)
    said(place, label, model.predict_proba(DATA), task="multiclass", classes=classes, sample=True)


@maker
def codes(place: Path) -> None:
    model = catboost.CatBoostClassifier(**SMALL).fit(N, CODE)
    mlflow.catboost.save_model(model, str(place / "model"), signature=infer_signature(N), **PIP)
    said(place, model.predict(D), model.predict_proba(D), data=D, task="binary", classes=[0, 1], sample=True)


@maker
def regressor(place: Path) -> None:
    model = catboost.CatBoostRegressor(**SMALL).fit(N, VALUE)
    mlflow.catboost.save_model(model, str(place / "model"), signature=infer_signature(N), **PIP)
    said(place, model.predict(D), data=D, task="regression", sample=True)


@maker
def file_classifier(place: Path) -> None:
    """In its own format, by itself: it has names of columns and classes."""
    model = catboost.CatBoostClassifier(cat_features=["city"], **SMALL).fit(X, THREE)
    model.save_model(str(place / "saved.cbm"))
    classes = [str(c) for c in model.classes_]
    label = np.asarray(model.predict(DATA)).reshape(-1)
    said(place, label, model.predict_proba(DATA), source="saved.cbm", task="multiclass", classes=classes, sample=True)


@maker
def file_codes(place: Path) -> None:
    model = catboost.CatBoostClassifier(**SMALL).fit(N, CODE)
    model.save_model(str(place / "saved.cbm"))
    said(
        place, np.array(["no", "yes"])[model.predict(D)], model.predict_proba(D), data=D, source="saved.cbm", sample=True,
        task="binary", classes=["no", "yes"], declare={"classes": ["no", "yes"]},
    )  # fmt: skip


@maker
def file_regressor(place: Path) -> None:
    model = catboost.CatBoostRegressor(**SMALL).fit(N, VALUE)
    model.save_model(str(place / "saved.cbm"))
    said(place, model.predict(D), data=D, source="saved.cbm", task="regression", sample=True)


@maker
def file_poisson(place: Path) -> None:
    """Learnt as the logarithm of a count, which the regressor does not answer."""
    model = catboost.CatBoostRegressor(loss_function="Poisson", **SMALL).fit(N, np.round(np.abs(VALUE)))
    model.save_model(str(place / "saved.cbm"))
    said(place, model.predict(D), data=D, source="saved.cbm", task="regression", sample=True)


@maker
def file_tweedie(place: Path) -> None:
    model = catboost.CatBoostRegressor(loss_function="Tweedie:variance_power=1.5", **SMALL).fit(N, np.abs(VALUE))
    model.save_model(str(place / "saved.cbm"))
    said(place, model.predict(D), data=D, source="saved.cbm", task="regression", sample=True)


@maker
def file_unnamed(place: Path) -> None:
    """Trained on an array: it knows how many columns there are. Its values lie within 0 and 1, and are no probabilities."""
    share = (VALUE - VALUE.min()) / (VALUE.max() - VALUE.min())
    model = catboost.CatBoostRegressor(loss_function="Quantile:alpha=0.8", **SMALL).fit(N.to_numpy(), share)
    model.save_model(str(place / "saved.cbm"))
    said(place, model.predict(D.to_numpy()), data=D, source="saved.cbm", task="regression", sample=True)


@maker
def file_plain(place: Path) -> None:
    """Of the plain class, whose own answer is a margin."""
    model = catboost.CatBoost({**SMALL, "loss_function": "Logloss"}).fit(N, CODE)
    model.save_model(str(place / "saved.cbm"))
    yes = model.predict(D, prediction_type="Probability")
    said(
        place, np.array(["no", "yes"])[yes.argmax(axis=1)], yes, data=D, source="saved.cbm", sample=True, task="binary",
        classes=["no", "yes"], declare={"classes": ["no", "yes"]},
    )  # fmt: skip


@maker
def exported(place: Path) -> None:
    """Labels are texts, and probabilities a map of them."""
    given = D.astype("float32")
    model = catboost.CatBoostClassifier(**SMALL).fit(N.astype("float32"), THREE)
    model.save_model(str(place / "graph.onnx"), format="onnx")
    needs = pins("mlflow-skinny", "numpy", "onnx", "onnxruntime", "pandas")
    signature = infer_signature(given.to_numpy())
    graph = onnx.load(str(place / "graph.onnx"))
    mlflow.onnx.save_model(graph, str(place / "model"), signature=signature, pip_requirements=needs)
    (place / "graph.onnx").unlink()
    label = np.asarray(model.predict(given)).reshape(-1)
    classes = [str(c) for c in model.classes_]
    said(place, label, model.predict_proba(given), data=given, task="multiclass", classes=classes, sample=True)
