"""LightGBM: its estimators, and Boosters by themselves."""

from __future__ import annotations

from pathlib import Path

import lightgbm
import mlflow
import mlflow.lightgbm
import numpy as np
from mlflow.models import infer_signature

from tests.zoo.kit import CODE, THREE, VALUE, YES, D, N, maker, of_classifier, pins, said

PIP = {
    "pip_requirements": pins(
        "mlflow-skinny", "cloudpickle", "lightgbm", "numpy", "pandas", "scikit-learn", "scipy", "skops"
    )
}
NAMES = np.array(["high", "low", "mid"])
SMALL = {"num_leaves": 4, "verbose": -1}


@maker
def classifier(place: Path) -> None:
    model = lightgbm.LGBMClassifier(n_estimators=3, **SMALL).fit(N, YES)
    mlflow.lightgbm.save_model(model, place / "model", signature=infer_signature(N), input_example=N.head(3), **PIP)
    of_classifier(place, model)


@maker
def several(place: Path) -> None:
    """Without a signature: the names are the model's own."""
    model = lightgbm.LGBMClassifier(n_estimators=2, **SMALL).fit(N, THREE)
    mlflow.lightgbm.save_model(model, place / "model", **PIP)
    of_classifier(place, model, sample=True)


@maker
def regressor(place: Path) -> None:
    model = lightgbm.LGBMRegressor(n_estimators=3, **SMALL).fit(N, VALUE)
    mlflow.lightgbm.save_model(model, place / "model", signature=infer_signature(N), **PIP)
    said(place, model.predict(D), data=D, task="regression")


@maker
def booster(place: Path) -> None:
    """Gives the probability of the last class, and knows no labels."""
    model = lightgbm.train({"objective": "binary", **SMALL}, lightgbm.Dataset(N, CODE), 3)
    mlflow.lightgbm.save_model(model, place / "model", signature=infer_signature(N), **PIP)
    p = model.predict(D)
    said(
        place, np.where(p >= 0.5, "yes", "no"), np.column_stack([1 - p, p]), data=D, sample=True, task="binary",
        classes=["no", "yes"], declare={"classes": ["no", "yes"]}, asks="classes",
    )  # fmt: skip


@maker
def matrix(place: Path) -> None:
    """Gives a row of probabilities, and knows no labels."""
    places = np.unique(THREE, return_inverse=True)[1]
    model = lightgbm.train({"objective": "multiclass", "num_class": 3, **SMALL}, lightgbm.Dataset(N, places), 2)
    mlflow.lightgbm.save_model(model, place / "model", signature=infer_signature(N), **PIP)
    p = model.predict(D)
    said(
        place, NAMES[p.argmax(axis=1)], p, data=D, sample=True, task="multiclass", classes=list(NAMES),
        declare={"classes": list(NAMES)}, asks="classes",
    )  # fmt: skip


@maker
def value(place: Path) -> None:
    """A Booster that regresses."""
    model = lightgbm.train({"objective": "regression", **SMALL}, lightgbm.Dataset(N, VALUE), 3)
    mlflow.lightgbm.save_model(model, place / "model", signature=infer_signature(N), **PIP)
    said(place, model.predict(D), data=D, task="regression")
