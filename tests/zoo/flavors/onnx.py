"""ONNX: probabilities with and without ZipMap, one tensor and one input for each column, labels alone, values."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import mlflow.onnx
import numpy as np
import onnxruntime
from mlflow.models import infer_signature
from skl2onnx import convert_sklearn
from skl2onnx.common.data_types import FloatTensorType, Int64TensorType, StringTensorType
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from tests.zoo.kit import CODE, DATA, THREE, VALUE, YES, D, N, X, maker, pins, said

PIP = {"pip_requirements": pins("mlflow-skinny", "numpy", "onnx", "onnxruntime", "pandas")}
F, G = N.astype(np.float32).to_numpy(), D.astype(np.float32).to_numpy()
ONE = [("x", FloatTensorType([None, 3]))]


def run(graph: Any, feed: Any) -> Any:
    session = onnxruntime.InferenceSession(graph.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, feed)


def scaled(last: Any, y: Any) -> Any:
    return make_pipeline(StandardScaler(), last).fit(F, y)


@maker
def zipmap(place: Path) -> None:
    """A dict of class to probability for each row."""
    graph = convert_sklearn(scaled(LogisticRegression(), THREE), initial_types=ONE, target_opset=12)
    mlflow.onnx.save_model(graph, place / "model", signature=infer_signature(F), **PIP)
    label, rows = run(graph, {"x": G})
    classes = sorted(rows[0])
    said(
        place, label, [[row[c] for c in classes] for row in rows], data=D.astype("float32"), task="multiclass",
        classes=classes, sample=True,
    )  # fmt: skip


@maker
def tensor(place: Path) -> None:
    """Probabilities as a matrix, with whole numbers as labels."""
    model = scaled(LogisticRegression(), CODE)
    graph = convert_sklearn(model, initial_types=ONE, options={id(model): {"zipmap": False}}, target_opset=12)
    mlflow.onnx.save_model(graph, place / "model", signature=infer_signature(F), **PIP)
    label, rows = run(graph, {"x": G})
    said(
        place,
        label,
        rows,
        data=D.astype("float32"),
        task="binary",
        classes=[0, 1],
        declare={"classes": [0, 1]},
        sample=True,
    )


@maker
def columns(place: Path) -> None:
    """An input for each column, of text and of numbers."""
    steps = ColumnTransformer([("city", OneHotEncoder(), ["city"]), ("age", StandardScaler(), ["age"])])
    model = make_pipeline(steps, LogisticRegression()).fit(X[["city", "age"]], YES)
    types = [("city", StringTensorType([None, 1])), ("age", Int64TensorType([None, 1]))]
    graph = convert_sklearn(model, initial_types=types, options={id(model): {"zipmap": False}}, target_opset=12)
    given = DATA[["city", "age"]]
    mlflow.onnx.save_model(graph, place / "model", signature=infer_signature(given), **PIP)
    label, rows = run(graph, {"city": given[["city"]].to_numpy(object), "age": given[["age"]].to_numpy(np.int64)})
    said(
        place,
        label,
        rows,
        data=given,
        task="binary",
        classes=["no", "yes"],
        declare={"classes": ["no", "yes"]},
        sample=True,
    )


@maker
def value(place: Path) -> None:
    """Columns in a signature, and one tensor in the graph."""
    graph = convert_sklearn(scaled(LinearRegression(), VALUE), initial_types=ONE, target_opset=12)
    mlflow.onnx.save_model(graph, place / "model", signature=infer_signature(N.astype("float32")), **PIP)
    said(
        place, run(graph, {"x": G})[0][:, 0], data=D.astype("float32"), task="regression", sample=True,
        declare={"task": "regression"},
    )  # fmt: skip
