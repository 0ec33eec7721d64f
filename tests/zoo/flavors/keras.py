"""Keras 3, over PyTorch: the last layer tells its activation, or has none."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

os.environ["KERAS_BACKEND"] = "torch"

import keras
import mlflow.keras
import numpy as np
from mlflow.models import infer_signature

from tests.zoo.kit import D, N, maker, pins, said

PIP = {"pip_requirements": pins("mlflow-skinny", "keras", "numpy", "pandas", "torch")}
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


def put(place: Path, model: Any) -> Any:
    mlflow.keras.save_model(model, str(place / "model"), signature=infer_signature(F.to_numpy()), **PIP)
    return np.asarray(model.predict(F.to_numpy(), verbose=0), np.float64)


@maker
def softmax(place: Path) -> None:
    p = put(place, net(3, "softmax"))
    said(
        place, NAMES[p.argmax(axis=1)], p, data=F, sample=True, task="multiclass", classes=list(NAMES), asks="classes",
        declare={"classes": list(NAMES)}, near=1e-5,
    )  # fmt: skip


@maker
def scores(place: Path) -> None:
    raw = put(place, net(1))[:, 0]
    p = 1 / (1 + np.exp(-raw))
    said(
        place, np.where(p >= 0.5, "yes", "no"), np.column_stack([1 - p, p]), data=F, sample=True, task="binary", near=1e-5,
        classes=["no", "yes"], declare={"classes": ["no", "yes"], "output": {"activation": "sigmoid"}}, asks="activation",
    )  # fmt: skip
