"""TensorFlow: a network of its Keras, a module, what Keras 3 saves and exports over it; of MLflow 1 a saved model by columns."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import mlflow
import mlflow.tensorflow
import numpy as np
import tensorflow as tf
from mlflow.models import infer_signature

from tests.zoo.kit import D, N, maker, pins, said

PIP = {"pip_requirements": pins("mlflow-skinny", "keras", "numpy", "pandas", "protobuf", "tensorflow-cpu")}
LINE = tuple(int(p) for p in mlflow.__version__.split(".")[:2])
W = ((D - N.mean()) / N.std()).astype("float64")
F = W.astype("float32")
NAMES = np.array(["high", "low", "mid"])
tf.random.set_seed(3)


class Net(tf.Module):  # type: ignore[misc]
    """Three numbers in, one out for each of `wide`."""

    def __init__(self, wide: int) -> None:
        super().__init__()
        self.weights = tf.Variable(np.random.default_rng(7).normal(size=(3, wide)).astype(np.float32))

    @tf.function(input_signature=[tf.TensorSpec([None, 3], tf.float32)], autograph=False)  # type: ignore[untyped-decorator]
    def __call__(self, x: Any) -> Any:
        return tf.linalg.matmul(x, self.weights)


def net(wide: int, last: Any = None) -> Any:
    layers = [tf.keras.Input((3,)), tf.keras.layers.Dense(4, "relu"), tf.keras.layers.Dense(wide, last)]
    return tf.keras.Sequential(layers)


def softmax(raw: Any) -> Any:
    e = np.exp(raw - raw.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


if LINE < (2, 0):

    class Columns(tf.Module):  # type: ignore[misc]
        """A tensor for each column, of doubles: MLflow makes no other numbers of a frame."""

        @tf.function(input_signature=[tf.TensorSpec([None], tf.float64, name=c) for c in W], autograph=False)  # type: ignore[untyped-decorator]
        def __call__(self, age: Any, income: Any, rate: Any) -> Any:
            return {"value": age * 2.0 - income + rate * 0.5}

    @maker
    def columns(place: Path) -> None:
        model = Columns()
        tf.saved_model.save(model, str(place / "saved"), signatures=model.__call__)
        mlflow.tensorflow.save_model(
            tf_saved_model_dir=str(place / "saved"), tf_meta_graph_tags=["serve"], tf_signature_def_key="serving_default",
            path=str(place / "model"), signature=infer_signature(W), **PIP,
        )  # fmt: skip
        tf.io.gfile.rmtree(str(place / "saved"))
        wanted = model(*(tf.constant(W[c].to_numpy()) for c in W))["value"].numpy()
        said(place, wanted, data=W, sample=True, task="regression", declare={"task": "regression"}, near=1e-5)

else:

    @maker
    def network(place: Path) -> None:
        model = net(3, "softmax")
        mlflow.tensorflow.save_model(model, str(place / "model"), signature=infer_signature(F.to_numpy()), **PIP)
        p = np.asarray(model.predict(F.to_numpy(), verbose=0), np.float64)
        said(
            place, NAMES[p.argmax(axis=1)], p, data=F, sample=True, task="multiclass", classes=list(NAMES), asks="classes",
            declare={"classes": list(NAMES)}, near=1e-5,
        )  # fmt: skip

    @maker
    def module(place: Path) -> None:
        """Gives scores, which nothing tells."""
        model = Net(3)
        mlflow.tensorflow.save_model(model, str(place / "model"), signature=infer_signature(F.to_numpy()), **PIP)
        p = softmax(model(tf.constant(F.to_numpy())).numpy().astype(np.float64))
        said(
            place, NAMES[p.argmax(axis=1)], p, data=F, sample=True, task="multiclass", classes=list(NAMES), near=1e-5,
            asks="activation", declare={"classes": list(NAMES), "output": {"activation": "softmax"}},
        )  # fmt: skip


if LINE >= (2, 12):
    import mlflow.keras

    @maker
    def saved_by_keras(place: Path) -> None:
        """Its last layer tells that it gives a probability."""
        model = net(1, "sigmoid")
        mlflow.keras.save_model(model, str(place / "model"), signature=infer_signature(F.to_numpy()), **PIP)
        p = np.asarray(model.predict(F.to_numpy(), verbose=0), np.float64)[:, 0]
        said(
            place, np.where(p >= 0.5, "yes", "no"), np.column_stack([1 - p, p]), data=F, sample=True, task="binary",
            classes=["no", "yes"], declare={"classes": ["no", "yes"]}, asks="classes", near=1e-5,
        )  # fmt: skip

    @maker
    def exported_by_keras(place: Path) -> None:
        model = net(1)
        signature = infer_signature(F.to_numpy())
        mlflow.keras.save_model(model, str(place / "model"), signature=signature, save_exported_model=True, **PIP)
        raw = np.asarray(model.predict(F.to_numpy(), verbose=0), np.float64)[:, 0]
        declare = {"task": "regression"}
        said(place, raw, data=F, sample=True, task="regression", declare=declare, asks="regression", near=1e-5)
