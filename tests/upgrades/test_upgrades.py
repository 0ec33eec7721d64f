"""Hubs that earlier releases made open, and have all that was in them."""

from __future__ import annotations

import tarfile
from pathlib import Path

import pyarrow as pa
import pytest

import muster
from muster.stores.tables import REVISION

HERE = Path(__file__).parent
KEPT = sorted(path.name.removesuffix(".tar.gz") for path in HERE.glob("*.tar.gz"))


@pytest.fixture(params=KEPT)
def hub(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    with tarfile.open(HERE / f"{request.param}.tar.gz") as archive:
        archive.extractall(tmp_path, filter="data")
    return tmp_path / "hub"


def test_each_schema_that_was_released_is_kept() -> None:
    assert [f"{n:04}" for n in range(1, len(KEPT) + 1)] == KEPT
    assert int(REVISION) - len(KEPT) in (0, 1), "make one with tests/upgrades/make.py before the schema changes again"


def test_an_earlier_hub_opens_with_all_that_was_in_it(hub: Path) -> None:
    with muster.open(hub) as opened:
        assert [m.name for m in opened.models()] == ["delays", "gone"]
        first, second = opened.version("delays@champion"), opened.version("delays@challenger")
        assert (first.ref, first.tags, first.classes) == ("delays:1", {"team": "ops", "stage": "test"}, ("no", "yes"))
        assert (second.ref, second.description) == ("delays:2", "a lower bar")
        [run] = opened.runs(["kind=score"])
        assert (run.status, run.rows, run.rejected) == ("done", 3, 1)
        assert [d.name for d in opened.datasets()] == ["people"]
        if connections := list(opened.connections()):  # there are some since 0003
            assert [c.name for c in connections] == ["scores"]
            assert opened.connection_spent("scores") == 0
        for record in opened.evaluations(["tag.month=2"]):  # there is one since 0005
            assert opened.evaluation(record.id).metrics["accuracy"].value == pytest.approx(2 / 3)
        assert list(opened.metrics()) == []
        events, broken = opened.verify_events()
        assert broken is None
        assert events >= 10


def test_an_earlier_hub_goes_on(hub: Path, tmp_path: Path) -> None:
    with muster.open(hub) as opened:
        model = tmp_path / "model.py"
        model.write_text('INPUT = "arrow"\n\ndef predict(data):\n    return ["no"] * len(data)\n')
        made = opened.register("delays", str(model), sample=pa.table({"x": [0.1, 0.9]}), aliases=["champion"])
        assert made.ref == "delays:3"
        assert opened.register("gone", str(model), sample=pa.table({"x": [0.1]})).number == 2
        assert opened.verify_events()[1] is None
