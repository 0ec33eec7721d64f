"""XGBoost: its estimators, and Boosters by themselves."""

from __future__ import annotations

from pathlib import Path

import mlflow
import mlflow.xgboost
import numpy as np
import xgboost
from mlflow.models import infer_signature

from tests.zoo.kit import CODE, DATA, THREE, VALUE, D, N, maker, pins, said

PIP = {"pip_requirements": pins("mlflow-skinny", "numpy", "pandas", "scikit-learn", "scipy", "xgboost")}
NAMES = np.array(["high", "low", "mid"])
PLACES = np.unique(THREE, return_inverse=True)[1]
# Without the word, earlier lines write a binary format of XGBoost's own, and later ones UBJSON.
JSON = {"model_format": "json"} if int(mlflow.__version__.split(".")[0]) >= 2 else {}


@maker
def classifier(place: Path) -> None:
    model = xgboost.XGBClassifier(n_estimators=3, max_depth=2).fit(N, PLACES)
    mlflow.xgboost.save_model(model, place / "model", signature=infer_signature(N), input_example=N.head(3), **PIP)
    said(place, model.predict(D), model.predict_proba(D), data=D, task="multiclass", classes=[0, 1, 2])


@maker
def binary(place: Path) -> None:
    """Without a signature: the names are the model's own, which the earlier format does not keep."""
    model = xgboost.XGBClassifier(n_estimators=3, max_depth=2).fit(N, CODE)
    mlflow.xgboost.save_model(model, place / "model", **JSON, **PIP)
    labels, given = np.where(model.predict(D), "yes", "no"), DATA if JSON else D
    said(
        place, labels, model.predict_proba(D), data=given, task="binary", sample=True,
        classes=["no", "yes"], declare={"classes": ["no", "yes"]},
    )  # fmt: skip


@maker
def forest(place: Path) -> None:
    model = xgboost.XGBRFRegressor(n_estimators=3, max_depth=2, random_state=1).fit(N, VALUE)
    mlflow.xgboost.save_model(model, place / "model", signature=infer_signature(N), **JSON, **PIP)
    said(place, model.predict(D), data=D, task="regression")


@maker
def regressor(place: Path) -> None:
    model = xgboost.XGBRegressor(n_estimators=3, max_depth=2).fit(N, VALUE)
    mlflow.xgboost.save_model(model, place / "model", signature=infer_signature(N), **PIP)
    said(place, model.predict(D), data=D, task="regression")


@maker
def booster(place: Path) -> None:
    """Gives the probability of the last class, and knows no labels."""
    model = xgboost.train({"objective": "binary:logistic", "max_depth": 2}, xgboost.DMatrix(N, label=CODE), 3)
    mlflow.xgboost.save_model(model, place / "model", signature=infer_signature(N), **PIP)
    p = model.predict(xgboost.DMatrix(D)).astype(np.float64)
    said(
        place, np.where(p >= 0.5, "yes", "no"), np.column_stack([1 - p, p]), data=D, sample=True, task="binary",
        classes=["no", "yes"], declare={"classes": ["no", "yes"]}, asks="classes",
    )  # fmt: skip


@maker
def matrix(place: Path) -> None:
    """Gives a row of probabilities, and knows no labels."""
    parameters = {"objective": "multi:softprob", "num_class": 3, "max_depth": 2}
    model = xgboost.train(parameters, xgboost.DMatrix(N, label=PLACES), 2)
    mlflow.xgboost.save_model(model, place / "model", signature=infer_signature(N), **PIP)
    p = model.predict(xgboost.DMatrix(D))
    said(
        place, NAMES[p.argmax(axis=1)], p, data=D, sample=True, task="multiclass", classes=list(NAMES),
        declare={"classes": list(NAMES)}, asks="classes",
    )  # fmt: skip


@maker
def codes(place: Path) -> None:
    """Gives the places of classes, as floats."""
    parameters = {"objective": "multi:softmax", "num_class": 3, "max_depth": 2}
    model = xgboost.train(parameters, xgboost.DMatrix(N, label=PLACES), 2)
    mlflow.xgboost.save_model(model, place / "model", signature=infer_signature(N), **PIP)
    labels = NAMES[model.predict(xgboost.DMatrix(D)).astype(int)]
    declare = {"classes": list(NAMES)}
    said(place, labels, data=D, sample=True, task="multiclass", classes=list(NAMES), declare=declare, asks="classes")


@maker
def value(place: Path) -> None:
    """A Booster that regresses."""
    model = xgboost.train({"objective": "reg:squarederror", "max_depth": 2}, xgboost.DMatrix(N, label=VALUE), 3)
    mlflow.xgboost.save_model(model, place / "model", signature=infer_signature(N), **JSON, **PIP)
    said(place, model.predict(xgboost.DMatrix(D)), data=D, task="regression")
