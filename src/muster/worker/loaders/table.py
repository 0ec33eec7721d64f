"""Loaders by name. A specification says which one loads a model, and the rest is that loader's own."""

from __future__ import annotations

import importlib
import os
import sys
from typing import Any, Dict

from .inputs import check_form
from .loaded import Loaded

# name -> module and function. A module is imported when it is needed: each wants other libraries.
LOADERS = {
    "object": ("objects", "load_object"),
    "xgboost": ("boosters", "load_xgboost"),
    "lightgbm": ("boosters", "load_lightgbm"),
    "catboost": ("boosters", "load_catboost"),
    "onnx": ("onnxmodel", "load_onnx"),
    "pyfunc": ("pyfunc", "load_pyfunc"),
    "file": ("modelfile", "load_file"),
    "metric": ("metric", "load_metric"),
    "keras": ("networks", "load_keras"),
    "prophet": ("forecast", "load_prophet"),
    "pytorch": ("networks", "load_pytorch"),
    "sentence-transformers": ("pretrained", "load_sentences"),
    "spacy": ("texts", "load_spacy"),
    "statsmodels": ("statsmodel", "load_statsmodels"),
    "transformers": ("pretrained", "load_transformers"),
}


def load(spec: Dict[str, Any], folder: str) -> Loaded:
    """Load the model in the folder. `spec` is what its origin stored with the version: `loader`; `folder`, where in it the model
    lies; and `code`, folders to import from.
    """
    folder = os.path.join(folder, spec["folder"]) if spec.get("folder") else folder
    sys.dont_write_bytecode = True  # the artifact is read-only, and shared by workers
    for path in reversed(spec.get("code") or []):
        sys.path.insert(0, os.path.join(folder, path))
    check_form(spec.get("input"))
    module, name = LOADERS[spec["loader"]]
    loader = getattr(importlib.import_module("." + module, __package__), name)
    return loader(spec, folder)
