"""PyTorch: a network that gives scores, one that gives probabilities, a value, a tensor, and an exported program."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import cloudpickle
import mlflow
import mlflow.pytorch
import numpy as np
import torch
from mlflow.models import infer_signature

from tests.zoo.kit import D, N, maker, pins, said

PIP = {"pip_requirements": pins("mlflow-skinny", "cloudpickle", "numpy", "pandas", "torch")}
NAMES = np.array(["high", "low", "mid"])
RECENT = int(mlflow.__version__.split(".")[0]) >= 3
PICKLED = {"serialization_format": "pickle"} if RECENT else {}
F = ((D - N.mean()) / N.std()).astype("float32")
cloudpickle.register_pickle_by_value(sys.modules[__name__])
torch.manual_seed(3)


class Net(torch.nn.Module):  # type: ignore[misc]
    def __init__(self, wide: int) -> None:
        super().__init__()
        self.hidden, self.last = torch.nn.Linear(3, 4), torch.nn.Linear(4, wide)

    def forward(self, x: Any) -> Any:
        return self.last(torch.relu(self.hidden(x)))


def run(model: Any) -> Any:
    with torch.no_grad():
        return model.eval()(torch.from_numpy(F.to_numpy())).numpy().astype(np.float64)


def softmax(raw: Any) -> Any:
    e = np.exp(raw - raw.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


@maker
def scores(place: Path) -> None:
    model = Net(3)
    mlflow.pytorch.save_model(model, str(place / "model"), signature=infer_signature(F), **PICKLED, **PIP)
    p = softmax(run(model))
    said(
        place, NAMES[p.argmax(axis=1)], p, data=F, sample=True, task="multiclass", classes=list(NAMES), asks="activation",
        declare={"classes": list(NAMES), "output": {"activation": "softmax"}},
    )  # fmt: skip


@maker
def binary(place: Path) -> None:
    """The last layer tells that it gives a probability."""
    model = torch.nn.Sequential(torch.nn.Linear(3, 1), torch.nn.Sigmoid())
    mlflow.pytorch.save_model(model, str(place / "model"), signature=infer_signature(F), **PICKLED, **PIP)
    p = run(model)[:, 0]
    said(
        place, np.where(p >= 0.5, "yes", "no"), np.column_stack([1 - p, p]), data=F, sample=True, task="binary",
        classes=["no", "yes"], declare={"classes": ["no", "yes"]}, asks="classes",
    )  # fmt: skip


@maker
def value(place: Path) -> None:
    model = Net(1)
    signature = infer_signature(F.to_numpy())
    mlflow.pytorch.save_model(model, str(place / "model"), signature=signature, **PICKLED, **PIP)
    said(
        place,
        run(model)[:, 0],
        data=F,
        sample=True,
        task="regression",
        declare={"task": "regression"},
        asks="regression",
    )


@maker
def script(place: Path) -> None:
    """TorchScript."""
    model = torch.jit.script(torch.nn.Sequential(torch.nn.Linear(3, 3), torch.nn.LogSoftmax(dim=1)))
    mlflow.pytorch.save_model(model, str(place / "model"), signature=infer_signature(F), **PICKLED, **PIP)
    p = np.exp(run(model))
    said(
        place, NAMES[p.argmax(axis=1)], p, data=F, sample=True, task="multiclass", classes=list(NAMES), near=1e-5,
        declare={"classes": list(NAMES), "output": {"activation": "exp"}}, asks="activation",
    )  # fmt: skip


if RECENT:

    @maker
    def exported(place: Path) -> None:
        model = Net(3)
        raw = run(model)
        mlflow.pytorch.save_model(
            model, str(place / "model"), signature=infer_signature(F.to_numpy()), input_example=F.to_numpy()[:4], **PIP
        )
        p = softmax(raw)
        said(
            place, NAMES[p.argmax(axis=1)], p, data=F, sample=True, task="multiclass", classes=list(NAMES), near=1e-5,
            declare={"classes": list(NAMES), "output": {"activation": "softmax"}}, asks="activation",
        )  # fmt: skip
