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
