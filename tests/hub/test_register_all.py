"""A whole registry is moved here: from a tracking server of this process, whose models are quick ones."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

import muster
from muster.errors import Conflict, InvalidInput, SourceDenied, SourceUnavailable
from muster.hub import Hub
from muster.predictors.tracking import transport
from muster.registry.importing import ImportReport
from tests.tracking import Tracking, tracking

MODEL = """
INPUT = "arrow"

def predict(data):
    return data["x"]
"""
DECLARED = {"task": "regression"}


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [n for n in os.environ if n.startswith(("MLFLOW_", "DATABRICKS_", "MUSTER_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setattr(transport, "PAUSES", (0.01, 0.01))


@pytest.fixture
def server() -> Iterator[Tracking]:
    with tracking() as state:
        yield state


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """One whose only models are quick ones."""
    monkeypatch.setattr(Hub, "origins", staticmethod(lambda: {"quick": "tests.hub.quick_origin:QuickOrigin"}))
    with muster.open(tmp_path / "hub") as opened:
        yield opened


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "quick.json").write_text('{"must": "task"}')
    return folder


def everything(hub: Hub, server: Tracking, *names: str, **options: object) -> ImportReport:
    declare = dict.fromkeys(names or server.models, DECLARED)
    return hub.register_all(server.url, declare=declare, environment="current", **options)  # type: ignore[arg-type]


def outcomes(report: ImportReport) -> dict[str, str]:
    return {f"{i.name}:{i.number}": i.outcome for i in report.items}


def test_models_that_run_come_with_what_is_declared_of_them(server: Tracking, tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "model.py").write_text(MODEL)
    server.add("Price", tmp_path / "real", "Champion", number=3)
    declare = {"Price": {"task": "regression", "sample": {"x": [0.5, 1.5]}}}
    with muster.open(tmp_path / "hub") as hub:
        report = hub.register_all(server.url, declare=declare, environment="current")
        assert outcomes(report) == {"Price:3": "imported"}
        answer = hub.predict("price@champion", {"x": [2.5]})
        assert answer["prediction"].to_pylist() == [2.5]
        assert list((hub.folder / "scratch").iterdir()) == []


def test_a_registry_comes_whole_and_once(hub: Hub, server: Tracking, model: Path) -> None:
    server.add("Churn Model", model, number=2, tags={"team": "ops"}, current_stage="Archived")
    server.add("Churn Model", model, "Champion", number=5, description="better")
    server.add("price", model)
    server.models["Churn Model"].update(description="Who leaves", tags=[{"key": "owner", "value": "ada"}])
    first = everything(hub, server)
    assert set(outcomes(first).values()) == {"imported"}
    assert [i.ref for i in first.items] == ["churn-model:2", "churn-model:5", "price:1"]
    assert (hub.model("churn-model").description, hub.model("churn-model").tags["owner"]) == ("Who leaves", "ada")
    assert [v.number for v in hub.versions("churn-model")] == [5, 2]
    champion = hub.version("churn-model@champion")
    assert (champion.number, champion.description) == (5, "better")
    assert champion.imported == f"{server.url}/Churn Model:5"
    assert champion.lineage["aliases"] == ["Champion"]
    old = hub.version("churn-model:2")
    assert (old.tags["team"], old.tags["mlflow.stage"]) == ("ops", "Archived")
    for found in (["imported~Churn Model:5"], ["tag.mlflow.alias=Champion"], ["tag.mlflow.version=5"]):
        assert [v.ref for v in hub.versions(filters=found)] == ["churn-model:5"]
    events, blobs = sum(1 for _ in hub.events()), len(server.seen)
    again = everything(hub, server)
    assert set(outcomes(again).values()) == {"there"}
    assert sum(1 for _ in hub.events()) == events
    assert not any("artifacts" in call for call in server.seen[blobs:])


def test_the_next_version_is_counted_from_the_highest(hub: Hub, server: Tracking, model: Path) -> None:
    server.add("price", model, number=7)
    everything(hub, server)
    assert hub.register("price", model, environment="current", **DECLARED).number == 8  # type: ignore[arg-type]


def test_a_version_that_fails_is_told_and_the_rest_go_on(
    hub: Hub, server: Tracking, model: Path, tmp_path: Path
) -> None:
    server.add("price", model)
    gone = server.add("price", tmp_path / "gone")
    server.add("price", model, "champion")
    report = everything(hub, server)
    assert outcomes(report) == {"price:1": "imported", "price:2": "failed", "price:3": "imported"}
    failed = report.items[gone - 1]
    assert "there are no files at mlflow-artifacts:/1/" in failed.reason
    assert failed.hint
    assert not report.complete
    server.artifacts[f"1/{2:032x}/artifacts/model"] = model
    mended = everything(hub, server)
    assert outcomes(mended) == {"price:1": "there", "price:2": "imported", "price:3": "there"}


def test_a_defect_met_at_one_version_is_told_and_the_rest_go_on(
    hub: Hub, server: Tracking, model: Path, tmp_path: Path
) -> None:
    (tmp_path / "strange").mkdir()
    (tmp_path / "strange" / "quick.json").write_text('{"must": "break"}')
    server.add("price", tmp_path / "strange")
    server.add("price", model)
    report = everything(hub, server)
    assert outcomes(report) == {"price:1": "failed", "price:2": "imported"}
    assert "ZeroDivisionError: a defect" in report.items[0].reason


def test_what_must_be_declared_is_told_by_version(hub: Hub, server: Tracking, model: Path) -> None:
    server.add("price", model)
    report = hub.register_all(server.url, environment="current")
    assert outcomes(report) == {"price:1": "failed"}
    assert (report.items[0].reason, report.items[0].hint) == ("the model does not tell its task", "declare task=")


def test_names_that_would_become_one_are_refused_before_anything(hub: Hub, server: Tracking, model: Path) -> None:
    server.add("Churn Model", model)
    server.add("churn/model", model)
    server.add("price", model)
    with pytest.raises(Conflict, match="`Churn Model` and `churn/model` would both be `churn-model`"):
        everything(hub, server)
    assert list(hub.models()) == []
    assert outcomes(everything(hub, server, filter="name=Churn Model")) == {"Churn Model:1": "imported"}
    later = everything(hub, server, filter="name=churn/model")
    assert outcomes(later) == {"churn/model:1": "failed"}
    assert "Churn Model:1" in later.items[0].reason


def test_versions_of_your_own_keep_their_numbers(hub: Hub, server: Tracking, model: Path) -> None:
    own = hub.register("price", model, environment="current", **DECLARED)  # type: ignore[arg-type]
    server.add("price", model)
    server.add("price", model)
    report = everything(hub, server)
    assert set(outcomes(report).values()) == {"failed"}
    assert "the model `price` has other versions here: price:1" in report.items[0].reason
    assert [v.id for v in hub.versions("price")] == [own.id]


def test_a_dry_run_changes_nothing(hub: Hub, server: Tracking, model: Path) -> None:
    server.add("price", model, "Champion")
    report = everything(hub, server, dry_run=True)
    assert outcomes(report) == {"price:1": "planned"}
    assert report.items[0].aliases == ("champion",)
    assert list(hub.models()) == []
    assert list(hub.events()) == []


def test_filters_choose_by_name_alias_tag_and_number(hub: Hub, server: Tracking, model: Path) -> None:
    server.add("price", model, tags={"team": "ops"})
    server.add("price", model, "champion")
    server.add("Fraud", model, current_stage="Production")

    def chosen(*filters: str) -> list[str]:
        return list(outcomes(everything(hub, server, dry_run=True, filter=filters)))

    assert chosen("name~fra") == ["Fraud:1"]
    assert chosen("alias=champion") == ["price:2"]
    assert chosen("tag.team=ops") == ["price:1"]
    assert chosen("number>1") == ["price:2"]
    assert chosen("stage=Production") == ["Fraud:1"]
    assert chosen("name=price", "number=1") == ["price:1"]
    with pytest.raises(InvalidInput, match="`owner` cannot be searched"):
        chosen("owner=ada")


def test_a_server_that_goes_down_leaves_whole_versions_and_the_next_call_goes_on(
    hub: Hub, server: Tracking, model: Path
) -> None:
    for _ in range(4):
        server.add("price", model)
    root = f"1/{3:032x}"
    down = False

    def fault(call: str) -> str | None:
        nonlocal down
        down = down or root in call
        return "drop" if down else None

    server.fault = fault
    report = everything(hub, server, parallel=1)
    assert outcomes(report) == {
        "price:1": "imported",
        "price:2": "imported",
        "price:3": "waiting",
        "price:4": "waiting",
    }
    assert "cannot be reached" in report.stopped
    assert [v.number for v in hub.versions("price")] == [2, 1]
    server.fault = lambda _: None
    assert list(outcomes(everything(hub, server)).values()) == ["there", "there", "imported", "imported"]


def test_a_wrong_token_is_one_error(hub: Hub, server: Tracking, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server.add("price", model)
    server.auth = "Bearer right"
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "wr0ng")
    with pytest.raises(SourceDenied) as caught:
        everything(hub, server)
    assert "wr0ng" not in str(caught.value)
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "right")
    assert outcomes(everything(hub, server)) == {"price:1": "imported"}
    stored = "".join(f.read_text(errors="replace") for f in hub.folder.glob("muster.db*"))
    assert "Bearer" not in stored


def test_a_server_that_is_down_from_the_start_says_so(hub: Hub, server: Tracking) -> None:
    server.fault = lambda _: 503
    with pytest.raises(SourceUnavailable, match="503"):
        hub.register_all(server.url)


def test_an_alias_that_was_moved_here_stays(hub: Hub, server: Tracking, model: Path) -> None:
    server.add("price", model)
    server.add("price", model, "champion")
    everything(hub, server)
    hub.set_alias("price:1", "champion")
    report = everything(hub, server)
    assert hub.version("price@champion").number == 1
    assert report.items[1].notes == ("`champion` means price:1 here, and stays",)


def test_a_version_that_was_deleted_here_does_not_come_back(hub: Hub, server: Tracking, model: Path) -> None:
    server.add("price", model)
    server.add("price", model)
    everything(hub, server)
    hub.delete_version("price:1")
    assert outcomes(everything(hub, server)) == {"price:1": "there", "price:2": "there"}
    assert [v.number for v in hub.versions("price")] == [2]
    hub.delete_version("price:1", for_good=True)
    report = everything(hub, server)
    assert outcomes(report) == {"price:1": "there", "price:2": "there"}
    assert report.items[0].notes == ("it was deleted here, for good",)
    with pytest.raises(Conflict, match="`price:1` is, or was, another version here"):
        hub.register("price", model, environment="current", number=1, **DECLARED)  # type: ignore[arg-type]
    assert hub.register("price", model, environment="current", **DECLARED).number == 3  # type: ignore[arg-type]


def test_slips_in_what_is_declared_are_told_before_anything(hub: Hub, server: Tracking, model: Path) -> None:
    server.add("price", model)
    with pytest.raises(InvalidInput) as caught:
        hub.register_all(server.url, declare={"pirce": {}, "price": {"taks": "regression"}})
    assert "no model or version `pirce`; did you mean `price`" in caught.value.message
    assert "no key `taks`; did you mean `task`?" in caught.value.message
