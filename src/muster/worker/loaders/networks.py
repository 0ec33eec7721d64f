"""Networks of PyTorch and Keras: numbers in, raw outputs out; and what the last layer tells of these."""

from __future__ import annotations

import os
from typing import Any, Dict, List

import pyarrow as pa

from . import inputs
from .answers import Columns, columns_of
from .loaded import Loaded, attribute


def load_pytorch(spec: Dict[str, Any], folder: str) -> Loaded:
    """A module that was pickled, a script, or an exported program, in `file`."""
    import torch

    path = os.path.join(os.path.abspath(folder), spec["file"])
    if path.endswith(".pt2"):
        model = torch.export.load(path).module()
    else:
        model = _unpickled(torch, path)
        model.eval()

    def ask(batch: pa.RecordBatch, _params: Dict[str, Any], _wanted: List[str]) -> Columns:
        with torch.no_grad():
            return columns_of("predict", model(*_tensors(torch, batch)))

    return Loaded(ask, ["predict"], input="numpy", scores=_torch_scores(model))


def _unpickled(torch: Any, path: str) -> Any:
    try:
        return torch.load(path, map_location="cpu", weights_only=False)
    except TypeError:  # releases before 1.13 do not know the word
        return torch.load(path, map_location="cpu")


def _tensors(torch: Any, batch: pa.RecordBatch) -> List[Any]:
    """Tensors as they are; a table as one matrix of floats, as MLflow gives it."""
    data = inputs.build(batch, "numpy")
    if isinstance(data, dict):
        return [torch.from_numpy(v) for v in data.values()]
    whole = inputs.tensors(batch)
    return [torch.from_numpy(data if whole else data.astype("float32"))]


def _torch_scores(model: Any) -> str:
    """By the last layer of a plain sequence; what a module of its own does is not to be seen."""
    while type(model).__name__ == "Sequential" and len(model):
        model = model[len(model) - 1]
    return _APPLIED.get(type(model).__name__, "unknown")


def load_keras(spec: Dict[str, Any], folder: str) -> Loaded:
    """A model of Keras 3, with the library that did the work when it was saved as its `backend`."""
    if spec.get("backend"):
        os.environ["KERAS_BACKEND"] = spec["backend"]
    import keras

    model = keras.saving.load_model(os.path.join(os.path.abspath(folder), spec["file"]))

    def ask(batch: pa.RecordBatch, _params: Dict[str, Any], _wanted: List[str]) -> Columns:
        return columns_of("predict", model.predict(inputs.build(batch, "numpy"), verbose=0))

    return Loaded(ask, ["predict"], input="numpy", scores=keras_scores(model))


def keras_scores(model: Any) -> str:
    """By the activation of the last layer."""
    layers = attribute(model, "layers") or []
    last = attribute(layers[-1], "activation") if layers else None
    name = getattr(last, "__name__", None) or (type(layers[-1]).__name__ if layers else "")
    return _APPLIED.get(name, "unknown")


_APPLIED = {
    "Sigmoid": "probabilities",
    "Softmax": "probabilities",
    "LogSoftmax": "logarithms",
    "sigmoid": "probabilities",
    "softmax": "probabilities",
    "log_softmax": "logarithms",
}
