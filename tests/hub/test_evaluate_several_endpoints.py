"""Endpoints that answer labels, or several targets, are evaluated as local models are, and asked once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from sklearn import metrics as sk

import muster
from muster.testing.endpoints import Served, serving
from tests.hub.endpoint_stage import chance, table

ROWS = 120
LABELS = ("a", "b", "c")


def _labels(rows: list[Any]) -> list[list[float]]:
    found = [chance(row["row"]) for row in rows]
    return [[p, 1 - p, p * p] for p in found]


def _targets(rows: list[Any]) -> list[list[float]]:
    return [[row["row"] * 2, row["row"] + 1] for row in rows]


def _evaluated(tmp_path: Path, patch: pytest.MonkeyPatch, served: Served, data: pa.Table, **more: Any) -> Any:
    with serving("http", {"several": served}) as account, muster.open(tmp_path / "hub") as hub:
        for variable, value in account.environ.items():
            patch.setenv(variable, value)
        settings: dict[str, Any] = dict(account.settings)
        hub.connect("c", "http", **settings)
        hub.register("several", muster.Endpoint("c"), task=served.task, sample=table(30), **more)
        found = hub.evaluate("several", data)
        asked = len(account.invocations)
        hub.evaluate("several", data, segments=["row:50"])
        assert len(account.invocations) == asked, "the same rows are not paid for twice"
    return found


def test_labels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = np.array(_labels([{"row": n} for n in range(ROWS)]))
    own = np.random.default_rng(1).random(given.shape) < given
    data = table(ROWS)
    for n, name in enumerate(LABELS):
        data = data.append_column(name, pa.array(own[:, n]))
    served = Served(
        predict=_labels, columns=("row", "weight"), task="multilabel", classes=LABELS, container="probabilities"
    )
    found = _evaluated(tmp_path, monkeypatch, served, data, classes=list(LABELS))
    assert found.record.counted == ROWS
    expected = sk.roc_auc_score(own, given, average="macro")
    assert found.metrics["roc_auc_macro"].value == pytest.approx(expected, abs=1e-9)
    assert found.outputs["c"].metrics["recall"].value == pytest.approx(sk.recall_score(own[:, 2], given[:, 2] >= 0.5))


def test_targets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = table(ROWS)
    row = data["row"].to_numpy()
    data = data.append_column("target_0", pa.array(row * 2 + 3)).append_column("target_1", pa.array(row))
    served = Served(predict=_targets, columns=("row", "weight"), task="multioutput", container="labels")
    found = _evaluated(tmp_path, monkeypatch, served, data)
    assert found.metrics["mae_uniform_average"].value == pytest.approx(2.0)
    assert found.outputs["target_0"].metrics["mae"].value == pytest.approx(3.0)
