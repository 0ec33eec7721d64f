"""How good a version was found one time after the other."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import muster
from muster.errors import InvalidInput, ModelNotFound, VersionNotFound
from muster.hub import Hub
from tests.hub.test_evaluate import labelled


@pytest.fixture(scope="module")
def evaluated(made: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A hub with `numbers:1` evaluated on three months, of which one comes late, on one a second time, and once without a month.

    What it predicted stands in the data.
    """
    folder = tmp_path_factory.mktemp("history")
    shutil.copytree(made, folder / "hub")
    with muster.open(folder / "hub") as hub:
        for month, seed in {"10": 5, "2": 6, "9": 7}.items():
            file = folder / f"month-{month}.parquet"
            pq.write_table(_scored(2_000, seed), file)
            _evaluate(hub, file, labels={"month": month, "region": "north"})
        _evaluate(hub, folder / "month-2.parquet", threshold=0.9, labels={"month": "2"})
        _evaluate(hub, _scored(500, 8))
    return folder / "hub"


def _scored(rows: int, seed: int) -> pa.Table:
    table = labelled(rows, seed)
    return table.append_column("p", pa.array((table["n"].to_numpy() & 1023) / 1023.0))


def _evaluate(hub: Hub, data: object, **asked: Any) -> None:
    hub.evaluate("numbers", data, target="late", probabilities=["p"], **asked)


@pytest.fixture
def hub(evaluated: Path) -> Iterator[Hub]:
    with muster.open(evaluated) as opened:
        yield opened


def test_evaluations_stand_in_time(hub: Hub) -> None:
    found = hub.history("numbers:1", ["roc_auc", "recall"])
    records = list(hub.evaluations(["model=numbers"]))
    assert [row.id for row in found] == [r.id for r in reversed(records)]
    for row in found:
        whole = hub.evaluation(row.id).metrics
        assert dict(row.figures) == {name: whole[name] for name in ("roc_auc", "recall")}
    assert [row.record.labels.get("month") for row in found] == ["10", "2", "9", "2", None]
    assert found.metrics == ("roc_auc", "recall")
    assert list(found.charts) == ["roc_auc", "recall"]
    assert found.newest == [found[-1]]
    told = json.loads(json.dumps(found.to_json(), allow_nan=False))
    assert [item["evaluation"] for item in told["items"]] == [row.id for row in found]
    assert (told["older"], told["unlabelled"], told["by"]) == (False, 0, None)
    assert hub.history("numbers").to_json()["metrics"] == ["roc_auc", "log_loss", "accuracy", "precision"]
    assert len(hub.history("numbers@champion")) == 5


def test_or_in_the_order_of_a_label(hub: Hub) -> None:
    found = hub.history("numbers", "accuracy", by="month")
    assert [row.label for row in found] == ["2", "2", "9", "10"], "numbers in their order"
    assert found[0].record.created_at < found[1].record.created_at
    assert found.unlabelled == 1
    chart = found.charts["accuracy"]
    assert [dot["at"] for dot in chart["datasets"]["dots"]] == ["2", "9", "10"], "of one label the newest"
    assert chart["datasets"]["dots"][0]["value"] == pytest.approx(found[1].figures["accuracy"].value, rel=1e-5)
    assert len(chart.table) == 4
    assert chart.note.endswith("; 4 evaluations, of which 3 are drawn")
    assert [row.label for row in hub.history("numbers", by="region")] == ["north"] * 3


def test_some_of_them(hub: Hub) -> None:
    assert len(hub.history("numbers", filters=["tag.region=north", "tag.month=9"])) == 1
    found = hub.history("numbers", limit=2)
    assert (len(found), found.older) == (2, True)
    assert found[-1].id == hub.history("numbers")[-1].id, "the newest"
    assert not hub.history("numbers", limit=5).older
    nothing = hub.history("numbers", filters=["tag.month=7"])
    assert (list(nothing), list(nothing.charts), nothing.unmet) == ([], [], {})
    assert nothing.faults == [], "where nothing is required"
    assert nothing.nothing == "of 5 evaluations of numbers none has `tag.month=7`"
    required = hub.history("numbers", filters=["tag.month=7"], require=["accuracy>=0"])
    assert required.faults == [f"no evaluation meets `accuracy>=0`: {nothing.nothing}"]
    assert required.to_json()["faults"] == required.faults


def test_what_is_required_of_the_newest(hub: Hub) -> None:
    found = hub.history("numbers", "roc_auc", require=["roc_auc>=0.5", "accuracy.low>=0.99"])
    assert found.metrics == ("roc_auc", "accuracy"), "what is required is looked at"
    assert found.unmet == {found[-1].id: ["accuracy.low>=0.99"]}
    assert found[0].unmet(found.required) == ["accuracy.low>=0.99"]
    few = hub.history("numbers", require=["rows>=501", "counted>=1"])
    assert few.unmet == {few[-1].id: ["rows>=501"]}
    layers = json.dumps(found.charts["roc_auc"]["layer"])
    assert "roc_auc>=0.5" in layers
    assert "accuracy" not in layers


def test_what_is_required_is_required_of_a_version_that_is_not_among_the_newest_too(hub: Hub) -> None:
    late = [r for r in hub.evaluations(["model=numbers"]) if r.labels.get("month") == "9"]
    found = hub.history("numbers", "accuracy", ["tag.region=north"], limit=1, require=["accuracy>=0.99"])
    assert list(found.unmet) == [r.id for r in late]
    assert found.older


def test_what_was_asked_of_another_target_has_its_own_line(evaluated: Path, tmp_path: Path) -> None:
    shutil.copytree(evaluated, tmp_path / "hub")
    with muster.open(tmp_path / "hub") as hub:
        table = _scored(2_000, 11)
        same = [not late for late in pa.compute.equal(table["late"], "yes").to_pylist()]
        late = pa.array(["yes" if one else "no" for one in same])
        pq.write_table(table.append_column("other", late), tmp_path / "rows.parquet")
        hub.evaluate("numbers", tmp_path / "rows.parquet", target="other", probabilities=["p"])
        pq.write_table(table, tmp_path / "again.parquet")
        _evaluate(hub, tmp_path / "again.parquet", weight="n")
        found = hub.history("numbers", "roc_auc", require=["roc_auc>=0.7"])
        assert found.differing == ("target", "weight")
        lines = ["target late, weight none", "target other, weight none", "target late, weight n"]
        assert [found.line(row) for row in found.newest] == [f"numbers:1 ({line})" for line in lines]
        dots = found.charts["roc_auc"]["datasets"]["dots"]
        assert {dot["version"] for dot in dots} == {found.line(row) for row in found}
        assert found[-2].id in found.unmet, "also where a newer evaluation is of another target"
        assert found[-2].to_json()["target"] == "other"
        short = hub.history("numbers", "roc_auc", limit=1, require=["roc_auc>=0.7"])
        assert found[-2].id in short.unmet


def test_all_that_is_wrong_is_told(hub: Hub) -> None:
    with pytest.raises(InvalidInput, match=r"there is no metric `auc`.*there is no metric `f3`") as caught:
        hub.history("numbers", ["auc", "f3", "roc_auc"])
    assert "roc_auc, " in caught.value.hint
    with pytest.raises(InvalidInput, match="a history is of all rows and outputs"):
        hub.history("numbers", require=["recall>=0.9 for carrier=AA"])
    with pytest.raises(InvalidInput, match="`month` cannot be searched"):
        hub.history("numbers", filters=["month=2"])
    with pytest.raises(VersionNotFound):
        hub.history("numbers:7")
    with pytest.raises(ModelNotFound):
        hub.history("nobody")
