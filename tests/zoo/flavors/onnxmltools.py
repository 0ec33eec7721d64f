"""ONNX that onnxmltools made of LightGBM and XGBoost: estimators and Boosters, labels and probabilities, values."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import lightgbm
import mlflow.onnx
import numpy as np
import onnxruntime
import xgboost
from mlflow.models import infer_signature
from onnxmltools import convert_lightgbm, convert_xgboost
from onnxmltools.convert.common.data_types import FloatTensorType

from tests.zoo.kit import CODE, THREE, VALUE, D, N, maker, pins, said

PIP = {"pip_requirements": pins("mlflow-skinny", "numpy", "onnx", "onnxruntime", "pandas")}
F, G = N.astype(np.float32).to_numpy(), D.astype(np.float32).to_numpy()
HOW: Any = {"initial_types": [("x", FloatTensorType([None, 3]))], "target_opset": 12}
NAMES = ["high", "low", "mid"]
PLACES = np.unique(THREE, return_inverse=True)[1]
SMALL = {"num_leaves": 4, "verbose": -1}
NEAR = 1e-6
"""The libraries add up in doubles, and a graph in floats."""


def put(place: Path, graph: Any) -> None:
    mlflow.onnx.save_model(graph, place / "model", signature=infer_signature(F), **PIP)
    onnxruntime.InferenceSession(graph.SerializeToString(), providers=["CPUExecutionProvider"])


def told(place: Path, prediction: Any, probabilities: Any = None, **case: Any) -> None:
    said(place, prediction, probabilities, data=D.astype("float32"), sample=True, near=NEAR, **case)


@maker
def lightgbm_zipmap(place: Path) -> None:
    """Texts as classes, and a dict of them for each row."""
    model = lightgbm.LGBMClassifier(n_estimators=3, **SMALL).fit(F, THREE)
    put(place, convert_lightgbm(model, zipmap=True, **HOW))
    told(place, model.predict(G), model.predict_proba(G), task="multiclass", classes=NAMES)


@maker
def lightgbm_tensor(place: Path) -> None:
    model = lightgbm.LGBMClassifier(n_estimators=3, **SMALL).fit(F, CODE)
    put(place, convert_lightgbm(model, zipmap=False, **HOW))
    told(place, model.predict(G), model.predict_proba(G), task="binary", classes=[0, 1])


@maker
def lightgbm_booster(place: Path) -> None:
    model = lightgbm.train({"objective": "binary", **SMALL}, lightgbm.Dataset(F, CODE), 3)
    put(place, convert_lightgbm(model, zipmap=False, **HOW))
    p = model.predict(G)
    told(place, (p > 0.5).astype(int), np.column_stack([1 - p, p]), task="binary", classes=[0, 1])


@maker
def lightgbm_value(place: Path) -> None:
    model = lightgbm.LGBMRegressor(n_estimators=3, **SMALL).fit(F, VALUE)
    put(place, convert_lightgbm(model, **HOW))
    told(place, model.predict(G), task="regression")


@maker
def xgboost_binary(place: Path) -> None:
    model = xgboost.XGBClassifier(n_estimators=3, max_depth=2).fit(F, CODE)
    put(place, convert_xgboost(model, **HOW))
    told(place, model.predict(G), model.predict_proba(G), task="binary", classes=[0, 1])


@maker
def xgboost_several(place: Path) -> None:
    """Its codes are named by the classes that are declared."""
    model = xgboost.XGBClassifier(n_estimators=2, max_depth=2).fit(F, PLACES)
    put(place, convert_xgboost(model, **HOW))
    labels = np.array(NAMES)[model.predict(G)]
    told(place, labels, model.predict_proba(G), task="multiclass", classes=NAMES, declare={"classes": NAMES})


@maker
def xgboost_booster(place: Path) -> None:
    model = xgboost.train({"objective": "binary:logistic", "max_depth": 2}, xgboost.DMatrix(F, label=CODE), 3)
    put(place, convert_xgboost(model, **HOW))
    p = model.predict(xgboost.DMatrix(G)).astype(np.float64)
    told(place, (p > 0.5).astype(int), np.column_stack([1 - p, p]), task="binary", classes=[0, 1])


@maker
def xgboost_value(place: Path) -> None:
    model = xgboost.XGBRegressor(n_estimators=3, max_depth=2).fit(F, VALUE)
    put(place, convert_xgboost(model, **HOW))
    told(place, model.predict(G), task="regression")
