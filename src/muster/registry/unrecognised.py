"""What is told of a source that no origin claims: which format it looks like, and how it can be brought all the same."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from muster.errors import InvalidModel

__all__ = ["unrecognised"]

_WRAP = "or write a model.py whose `load` reads the file, and register the folder of both"
_ONNX = f"convert it to ONNX, {_WRAP}"
_FOREIGN: Mapping[str, tuple[str, str]] = {
    ".pmml": ("a PMML document, which Muster does not run: what runs all of PMML needs a Java machine", _ONNX),
    ".pt": ("weights of PyTorch, without the code of their network", f"export it with torch.onnx, {_WRAP}"),
    ".pth": ("weights of PyTorch, without the code of their network", f"export it with torch.onnx, {_WRAP}"),
    ".safetensors": ("weights, by themselves", f"give the folder that has them beside its config.json, {_WRAP}"),
    ".h5": ("a file of HDF5, as Keras writes", f"save it with mlflow.keras, {_WRAP}"),
    ".keras": ("a model of Keras", f"save it with mlflow.keras, {_WRAP}"),
    ".mlmodel": ("a model of Core ML, which runs on Apple's systems alone", _ONNX),
    ".rds": ("an object of R", "save it with R's mlflow, or serve it and register its endpoint"),
    ".gguf": ("a language model of llama.cpp", _WRAP.removeprefix("or ")),
}
"""Formats by suffix that people try: what it is, and what to do."""
_FOLDERS: Mapping[str, tuple[str, str]] = {
    "model_index.json": ("a pipeline of Hugging Face's diffusers, which makes pictures", _WRAP.removeprefix("or ")),
    "*.gguf": _FOREIGN[".gguf"],
    "saved_model.pb": ("a model of TensorFlow", f"save it with mlflow.tensorflow, {_WRAP}"),
}
"""Folders by what is in them."""


def unrecognised(source: object, origins: Sequence[str]) -> InvalidModel:
    if not isinstance(source, (str, os.PathLike)):
        return _nothing_known(f"an object of type {type(source).__name__}", origins)
    path = Path(source)
    folder = next((told for name, told in _FOLDERS.items() if path.is_dir() and any(path.glob(name))), None)
    what, mend = folder or _FOREIGN.get(path.suffix.lower(), ("", ""))
    if what:
        return InvalidModel(f"`{os.fspath(source)}` is {what}", hint=mend)
    return _nothing_known(f"`{os.fspath(source)}`", origins)


def _nothing_known(what: str, origins: Sequence[str]) -> InvalidModel:
    return InvalidModel(
        f"{what} is not a model that Muster recognises",
        hint="give an MLflow folder or archive, a folder of Hugging Face, a Python file or folder, an ONNX or booster file,"
        " or an object with `predict`;"
        f" origins are {', '.join(origins)}",
    )
