"""The charts of an evaluation are those of its own profile, threshold and classes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from muster.hub import Hub


def test_an_evaluation_shows_its_screens(hub: Hub, tmp_path: Path) -> None:
    n = np.arange(4_000)
    late = np.random.default_rng(3).random(4_000) < 0.2 + 0.6 * ((n & 1023) / 1023.0)
    table = pa.table({"n": n, "late": np.where(late, "yes", "no")})
    found = hub.evaluate("numbers", table, target="late")
    roc = found.charts["roc"]
    assert roc["$schema"].endswith("vega-lite/v6.json")
    assert f"{found.metrics['roc_auc'].value:.3f}" in roc.reading
    assert roc.note.startswith("4\u202f000 rows, exact")
    assert "share of yes" in json.dumps(roc)
    cells = {(row["actual"], row["predicted"]): row["rows"] for row in found.charts["confusion"].table}
    confusion = found.confusion
    assert confusion is not None
    assert cells == {(a, p): confusion[i][j] for i, a in enumerate(("no", "yes")) for j, p in enumerate(("no", "yes"))}
    roc.save(tmp_path / "roc.html")
    assert "<figure" in (tmp_path / "roc.html").read_text(encoding="utf-8")
    with pytest.raises(KeyError, match="no chart `map`"):
        found.charts["map"]


def test_classes_that_are_no_texts_have_names(hub: Hub) -> None:
    chance = np.random.default_rng(1)
    p = chance.random(500)
    table = pa.table({"y": chance.random(500) < p, "q": 1 - p, "p": p})
    found = hub.evaluate(data=table, target="y", probabilities=["q", "p"], classes=[False, True])
    assert {row["actual"] for row in found.charts["confusion"].table} == {"false", "true"}
    assert found.charts["thresholds"].table
