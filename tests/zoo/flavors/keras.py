"""Keras: the last layer tells its activation, or has none. Over PyTorch in Keras 3, over TensorFlow in the lines before."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

os.environ["KERAS_BACKEND"] = "torch"
os.environ["CUDA_VISIBLE_DEVICES"] = "-1"

import mlflow
import mlflow.keras
import numpy as np
from mlflow.models import infer_signature

from tests.zoo.kit import VALUE, D, N, maker, pins, said

if tuple(int(p) for p in mlflow.__version__.split(".")[:2]) >= (2, 12):
    import keras
else:
    from tensorflow import keras

PIP = {"pip_requirements": pins("mlflow-skinny", "keras", "numpy", "pandas", "protobuf", "tensorflow-cpu", "torch")}
F = ((D - N.mean()) / N.std()).astype("float32")
NAMES = np.array(["high", "low", "mid"])
keras.utils.set_random_seed(3)


def net(width: int, activation: Any = None) -> Any:
    layers = [
        keras.Input((3,)),
        keras.layers.Dense(4, activation="relu"),
        keras.layers.Dense(width, activation=activation),
    ]
    return keras.Sequential(layers)


def put(place: Path, model: Any, **more: Any) -> Any:
    mlflow.keras.save_model(model, str(place / "model"), signature=infer_signature(F.to_numpy()), **more, **PIP)
    return np.asarray(model.predict(F.to_numpy(), verbose=0), np.float64)


@maker
def softmax(place: Path) -> None:
    p = put(place, net(3, "softmax"))
    said(
        place, NAMES[p.argmax(axis=1)], p, data=F, sample=True, task="multiclass", classes=list(NAMES), asks="classes",
        declare={"classes": list(NAMES)}, near=1e-5,
    )  # fmt: skip


@maker
def sigmoid(place: Path) -> None:
    """Gives the probability of the last class, and says so."""
    p = put(place, net(1, "sigmoid"))[:, 0]
    said(
        place, np.where(p >= 0.5, "yes", "no"), np.column_stack([1 - p, p]), data=F, sample=True, task="binary",
        classes=["no", "yes"], declare={"classes": ["no", "yes"]}, near=1e-5,
    )  # fmt: skip


@maker
def scores(place: Path) -> None:
    raw = put(place, net(1))[:, 0]
    p = 1 / (1 + np.exp(-raw))
    said(
        place, np.where(p >= 0.5, "yes", "no"), np.column_stack([1 - p, p]), data=F, sample=True, task="binary", near=1e-5,
        classes=["no", "yes"], declare={"classes": ["no", "yes"], "output": {"activation": "sigmoid"}}, asks="activation",
    )  # fmt: skip


@maker
def value(place: Path) -> None:
    """Fitted, with its optimiser in the file."""
    model = net(1)
    model.compile(optimizer="adam", loss="mse")
    model.fit(((N - N.mean()) / N.std()).astype("float32").to_numpy(), VALUE, epochs=2, verbose=0)
    raw = put(place, model)[:, 0]
    said(
        place, raw, data=F, sample=True, task="regression", declare={"task": "regression"}, asks="regression", near=1e-5
    )  # fmt: skip
