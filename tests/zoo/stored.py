"""The stored models of the zoo, by line, flavor and name."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import yaml

from muster.predictors.mlflow import MlflowOrigin
from muster.scratch import scratch
from tests.zoo.build import STORED
from tests.zoo.entries import Entry

__all__ = ["assert_same", "mlflow_python", "names", "reason", "stored"]


def names() -> Iterator[str]:
    """`3/sklearn/mixed`, …"""
    return iter(sorted(str(f.parent.relative_to(STORED)) for f in STORED.glob("*/*/*/case.json")))


def stored(name: str) -> Entry:
    return Entry(STORED / name)


def mlflow_python(entry: Entry) -> str:
    told = yaml.safe_load((entry.source / "MLmodel").read_text(encoding="utf-8"))
    return str(told["flavors"]["python_function"]["python_version"])


def reason(name: str) -> str | None:
    """Why a model does not load in this process; None if it does."""
    entry, here = stored(name), f"{sys.version_info.major}.{sys.version_info.minor}"
    with scratch() as place:
        found = MlflowOrigin().describe(entry.source, place)
    if (entry.source / "model.xgb").is_file() and name.startswith("1.30/"):
        return "a binary format of xgboost that later releases do not read; --deep loads it with its own"
    if not found.exact_python:
        return None
    if found.python != here:
        return f"a pickle of Python {found.python}, and this is {here}; --deep loads it in its own environment"
    return None if name.startswith("3/") else "a pickle of older libraries; --deep loads it with these"


def assert_same(answer: pa.Table | pa.RecordBatch, expected: pa.Table, *, near: float = 1e-9) -> None:
    """Labels are equal, numbers `near`."""
    assert "error" not in answer.schema.names or answer["error"].null_count == answer.num_rows, answer["error"]
    assert "probabilities" in answer.schema.names or "probabilities" not in expected.schema.names
    for name in expected.schema.names:
        _same(answer[name].to_pylist(), expected[name].to_pylist(), near)


def _same(found: Any, wanted: Any, near: float) -> None:
    if isinstance(wanted, list) and wanted and isinstance(wanted[0], float):
        np.testing.assert_allclose(found, wanted, rtol=near, atol=near)
    elif isinstance(wanted, list):
        assert isinstance(found, list)
        assert len(found) == len(wanted)
        for one, other in zip(found, wanted, strict=True):
            _same(one, other, near)
    elif isinstance(wanted, dict):
        assert isinstance(found, dict)
        assert set(found) == set(wanted)
        for key, value in wanted.items():
            _same(found[key], value, near)
    elif isinstance(wanted, float):
        np.testing.assert_allclose([found], [wanted], rtol=near, atol=near)
    else:
        assert found == wanted
