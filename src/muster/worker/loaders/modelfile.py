"""Models as Python files: `model.py` with `predict`, or with a class `Model`."""

from __future__ import annotations

import importlib.util
import os
import sys
from typing import Any, Dict

from .custom import load_module
from .loaded import Loaded


def load_file(spec: Dict[str, Any], folder: str) -> Loaded:
    """The model that the `file` defines."""
    return load_module(import_file(spec, folder), spec, folder)


def import_file(spec: Dict[str, Any], folder: str) -> Any:
    """Import the `file`; modules beside it can be imported by it."""
    path = os.path.join(os.path.abspath(folder), spec["file"])
    sys.path.insert(0, os.path.dirname(path))
    name = os.path.splitext(os.path.basename(path))[0]
    found = importlib.util.spec_from_file_location(name, path)
    assert found is not None, path
    assert found.loader is not None, path
    module = importlib.util.module_from_spec(found)
    sys.modules[name] = module
    found.loader.exec_module(module)
    return module
