"""XGBoost: its estimators, and Boosters by themselves."""

from __future__ import annotations

from pathlib import Path

import mlflow.xgboost
import numpy as np
import xgboost
from mlflow.models import infer_signature

from tests.zoo.kit import CODE, THREE, VALUE, D, N, maker, pins, said

PIP = {"pip_requirements": pins("mlflow-skinny", "numpy", "pandas", "scikit-learn", "scipy", "xgboost")}
NAMES = np.array(["high", "low", "mid"])
PLACES = np.unique(THREE, return_inverse=True)[1]


@maker
def classifier(place: Path) -> None:
    model = xgboost.XGBClassifier(n_estimators=3, max_depth=2).fit(N, PLACES)
    mlflow.xgboost.save_model(model, place / "model", signature=infer_signature(N), input_example=N.head(3), **PIP)
    said(place, model.predict(D), model.predict_proba(D), data=D, task="multiclass", classes=[0, 1, 2])


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
