"""The models that `make.py` makes, once for all tests that want them."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pyarrow as pa

__all__ = ["NAMES", "Entry", "entry"]

_CODE = "\n".join(
    Path(__file__).with_name(f"{n}.py").read_text(encoding="utf-8") for n in ("kit", "estimators", "others")
)
NAMES = re.findall(r"^@maker\ndef (\w+)", _CODE, re.MULTILINE)


@dataclass(frozen=True)
class Entry:
    """One model, with data and what its own library predicts for it."""

    folder: Path

    @cached_property
    def case(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.folder / "case.json").read_text(encoding="utf-8"))
        return found

    @property
    def source(self) -> Path:
        return self.folder / str(self.case.get("source", "model"))

    @property
    def data(self) -> pa.Table:
        return _read(self.folder / "data.arrow")

    @property
    def expected(self) -> pa.Table:
        return _read(self.folder / "expected.arrow")


def _read(file: Path) -> pa.Table:
    with pa.memory_map(str(file)) as source:
        return pa.ipc.open_file(source).read_all()


def entry(name: str) -> Entry:
    return Entry(_made() / name)


@cache
def _made() -> Path:
    """Made when something that goes into it changed: the script, or a library; in the environment, where nobody else writes."""
    told = [_CODE, sys.version]
    told += [version(n) for n in ("lightgbm", "mlflow-skinny", "numpy", "pandas", "scikit-learn", "skops", "xgboost")]
    shelf = Path(sys.prefix) / "test-models"
    shelf.mkdir(exist_ok=True)
    place = shelf / hashlib.sha256("\n".join(told).encode()).hexdigest()[:16]
    with (shelf / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not place.exists():
            fresh = shelf / f"{place.name}.{os.getpid()}"
            subprocess.run(
                [sys.executable, "-m", "tests.zoo.make", str(fresh)],
                cwd=Path(__file__).parents[2],
                check=True,
                capture_output=True,
                timeout=280,
                env={**os.environ, "MLFLOW_TRACKING_URI": ""},
            )
            fresh.rename(place)
            for other in shelf.iterdir():
                if other.is_dir() and other != place:
                    shutil.rmtree(other, ignore_errors=True)
    return place
