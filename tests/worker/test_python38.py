"""The worker in the oldest environment that it supports: Python 3.8 with the first pyarrow that has wheels for it."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pyarrow as pa
import pytest
from uv import find_uv_bin

from muster.errors import ModelDied, ModelFailed, ModelTimeout
from muster.predictors.local import launch
from tests.worker.doubles import ask, make_worker, numbers, program

PYARROW = "0.16.0"
CODE = """
import os, sys, time
FACTS = {"python": "%d.%d" % sys.version_info[:2]}
def predict(batch):
    if len(batch) == 2: raise ValueError("two")
    if len(batch) == 4: os._exit(4)
    if len(batch) == 5: time.sleep(1000)
    return batch.column(0)
"""


def python38() -> str | None:
    found = subprocess.run([find_uv_bin(), "python", "find", "3.8"], capture_output=True, text=True, check=False)
    candidates = [
        found.stdout.strip(),
        shutil.which("python3.8"),
        *map(str, Path.home().glob(".pyenv/versions/3.8*/bin/python")),
    ]
    for candidate in filter(None, candidates):
        said = subprocess.run(
            [candidate, "-c", "import sys; print(sys.version_info[:2])"], capture_output=True, text=True, check=False
        )
        if said.stdout.strip() == "(3, 8)":
            return candidate
    return None


@pytest.fixture(scope="module")
def old_python(tmp_path_factory: pytest.TempPathFactory) -> str:
    base = python38()
    if base is None:
        pytest.skip("never: there is no Python 3.8 on this machine")
    folder = tmp_path_factory.mktemp("old") / "venv"
    subprocess.run([find_uv_bin(), "venv", "--quiet", "--python", base, folder], check=True)
    python = str(folder / "bin/python")
    install = [
        find_uv_bin(),
        "pip",
        "install",
        "--quiet",
        "--python",
        python,
        "--only-binary",
        ":all:",
        f"pyarrow=={PYARROW}",
    ]
    done = subprocess.run(install, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"never: pyarrow {PYARROW} cannot be installed here: {done.stderr.strip().splitlines()[-1]}")
    return python


@pytest.fixture(autouse=True)
def text_models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launch, "PROGRAM", program(tmp_path))


def test_loads_and_answers(old_python: str) -> None:
    with make_worker(CODE, python=old_python) as worker:
        assert worker.start() == {"python": "3.8"}
        for rows in (1, 3, 100_000):
            batch = numbers(rows, columns=20)
            assert worker.predict(batch, {}, [], 30.0).column(0).equals(batch.column(0))


@pytest.mark.parametrize(
    "column",
    [
        pa.array(["a", None, "ä" * 100]),
        pa.array([True, None, False]),
        pa.array([1, None, 3], pa.int8()),
        pa.array([[1.0, 2.0], None, [3.0, 4.0]], pa.list_(pa.float64(), 2)),
        pa.array([["a"], [], None]),
        pa.array([{"a": 1, "b": "x"}, None, {"a": None, "b": None}]),
        pa.array([1, None, 3], pa.timestamp("us", "UTC")),
        pa.array(["a", "b", "a"]).dictionary_encode(),
        pa.array([b"a", None, b""]),
        pa.array(["1.10", None, "2.20"]).cast(pa.decimal128(10, 2)),
    ],
    ids=lambda column: str(column.type)[:20],
)
def test_types_come_and_go(old_python: str, column: pa.Array) -> None:
    with make_worker(CODE, python=old_python) as worker:
        worker.start()
        raw = worker.predict(pa.record_batch([column], names=["x"]), {}, [], 30.0)
        assert raw.column(0).equals(column)


def test_faults_are_told(old_python: str) -> None:
    with make_worker(CODE, python=old_python) as worker:
        worker.start()
        with pytest.raises(ModelFailed, match="ValueError: two"):
            ask(worker, 2)
        with pytest.raises(ModelDied) as died:
            ask(worker, 4)
        assert died.value.details["exit_code"] == 4
    with make_worker(CODE, python=old_python) as worker:
        worker.start()
        with pytest.raises(ModelTimeout):
            ask(worker, 5, seconds=0.1)
