"""Real workers whose model is a piece of Python text: the program is the real one, only its loaders are replaced."""

from __future__ import annotations

import shutil
from pathlib import Path

import muster.worker

LOADER = """
import pyarrow as pa


def load(spec, folder):
    space = {"__name__": "model", "folder": folder}
    exec(compile(spec["code"], "model.py", "exec"), space)
    return Loaded(space)


class Loaded:
    def __init__(self, space):
        self.space = space
        self.facts = space.get("FACTS", {"methods": ["predict"]})

    def call(self, batch, params, outputs):
        answer = self.space["predict"](batch)
        if isinstance(answer, pa.RecordBatch):
            return answer
        return pa.RecordBatch.from_arrays([pa.array(answer)], names=["predict"])
"""


def program(folder: Path) -> Path:
    """A copy of the worker's program in `folder`, with a loader that runs `spec["code"]`; what to start."""
    copy = folder / "worker"
    ignored = shutil.ignore_patterns("loaders", "__pycache__")
    shutil.copytree(Path(muster.worker.__file__).parent, copy, ignore=ignored)
    (copy / "loaders").mkdir()
    (copy / "loaders" / "__init__.py").write_text(LOADER, encoding="utf-8")
    return copy / "__main__.py"
