"""ONNX: probabilities with and without ZipMap, one tensor, several, one for each column, labels alone, values, networks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import mlflow.onnx
import numpy as np
import onnxruntime
import pyarrow as pa
from mlflow.models import infer_signature
from onnx import TensorProto, helper, numpy_helper
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


@maker
def labels(place: Path) -> None:
    """A graph whose probabilities were left out."""
    graph = convert_sklearn(scaled(LogisticRegression(), THREE), initial_types=ONE, target_opset=12)
    del graph.graph.output[1:]
    mlflow.onnx.save_model(graph, place / "model", signature=infer_signature(F), **PIP)
    label = run(graph, {"x": G})[0]
    said(place, label, data=D.astype("float32"), task="multiclass", classes=["high", "low", "mid"], sample=True)


@maker
def tensors(place: Path) -> None:
    """Two tensors of each row go in, and two come out: all is kept."""
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, [None, 2, 2])
    bias = helper.make_tensor_value_info("bias", TensorProto.FLOAT, [None, 1])
    total = helper.make_tensor_value_info("total", TensorProto.FLOAT, [None, 1])
    doubled = helper.make_tensor_value_info("doubled", TensorProto.FLOAT, [None, 2, 2])
    nodes = [
        helper.make_node("ReduceSum", ["image"], ["sum"], axes=[1, 2], keepdims=0),
        helper.make_node("Unsqueeze", ["sum"], ["column"], axes=[1]),
        helper.make_node("Add", ["column", "bias"], ["total"]),
        helper.make_node("Add", ["image", "image"], ["doubled"]),
    ]
    body = helper.make_graph(nodes, "several", [image, bias], [total, doubled])
    graph = helper.make_model(body, opset_imports=[helper.make_opsetid("", 12)], ir_version=7)
    random = np.random.default_rng(2)
    feed = {n: random.normal(size=(5, *s)).astype(np.float32) for n, s in (("image", (2, 2)), ("bias", (1,)))}
    mlflow.onnx.save_model(graph, place / "model", signature=infer_signature(feed), **PIP)
    totals, doubles = run(graph, feed)
    rows = [{"total": t, "doubled": d} for t, d in zip(totals.tolist(), doubles.tolist())]
    data = pa.table({n: v.tolist() for n, v in feed.items()})
    said(place, rows, data=data, task="other", declare={"task": "other"}, sample=True)


def network(last: str) -> Any:
    """One layer, and what stands after it."""
    random = np.random.default_rng(5)
    weights = [
        numpy_helper.from_array(random.normal(size=s).astype(np.float32), n) for n, s in (("w", (3, 3)), ("b", (3,)))
    ]
    nodes = [helper.make_node("Gemm", ["x", "w", "b"], ["h"]), helper.make_node(last, ["h"], ["y"])]
    x, y = (helper.make_tensor_value_info(n, TensorProto.FLOAT, [None, 3]) for n in ("x", "y"))
    graph = helper.make_graph(nodes, "net", [x], [y], weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 12)], ir_version=7)


def of_network(place: Path, last: str, **case: Any) -> None:
    scaled = ((D - N.mean()) / N.std()).astype("float32")
    graph, names = network(last), np.array(["high", "low", "mid"])
    mlflow.onnx.save_model(graph, place / "model", signature=infer_signature(scaled.to_numpy()), **PIP)
    raw = np.asarray(run(graph, {"x": scaled.to_numpy()})[0], np.float64)
    p = raw if last == "Softmax" else np.exp(raw - raw.max(axis=1, keepdims=True))
    p = p / p.sum(axis=1, keepdims=True) if last != "Softmax" else p
    classes = [str(n) for n in names]
    said(place, names[p.argmax(axis=1)], p, data=scaled, sample=True, task="multiclass", classes=classes, **case)


@maker
def scores(place: Path) -> None:
    """A network that gives scores, which nothing tells."""
    names = ["high", "low", "mid"]
    of_network(place, "Identity", asks="activation", declare={"classes": names, "output": {"activation": "softmax"}})


@maker
def softmax(place: Path) -> None:
    of_network(place, "Softmax", asks="classes", declare={"classes": ["high", "low", "mid"]})
