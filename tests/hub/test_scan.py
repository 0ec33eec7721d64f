"""A pickle that would run something is told before it could: it is refused, or loaded in its worker alone."""

from __future__ import annotations

import os
import pickle
from pathlib import Path
from typing import Any

import pytest

import muster
from muster.cli.versions import version_sheet

FINDING = {"file": "model.pkl", "global": "posix.mkdir", "severity": "dangerous"}


class Bad:
    """Makes a folder when it is loaded: with its worker's limits, or with nobody's."""

    def __init__(self, place: Path) -> None:
        self.place = place

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.place),)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    file = tmp_path / "model.pkl"
    file.write_bytes(pickle.dumps(Bad(tmp_path / "ran")))
    return file


def test_it_is_refused_and_on_record(model: Path, tmp_path: Path) -> None:
    with muster.open(tmp_path / "hub") as hub:
        with pytest.raises(muster.MusterError, match="the model was not loaded, since that can do harm") as raised:
            hub.register("m", model, sample={"x": [1.0]}, environment="current")
        assert "`posix.mkdir`" in raised.value.message
        assert "MUSTER_SCAN_PICKLES=warn" in raised.value.hint
        assert raised.value.details["findings"] == [FINDING]
        assert not (tmp_path / "ran").exists()
        assert list(hub.models()) == []
        (run,) = hub.runs()
        assert (run.kind, run.status, run.input) == ("scan", "failed", str(model))
        assert run.summary["findings"] == [FINDING]
        assert run.error == raised.value.message
        assert next(e.action for e in hub.events()).startswith("run.")
    assert not any((tmp_path / "hub" / "artifacts").glob("*"))


def test_where_it_is_let_in_the_finding_is_stored_before_it_is_loaded(model: Path, tmp_path: Path) -> None:
    told: list[str] = []
    with muster.open(tmp_path / "hub", scan__pickles="warn") as hub:
        hub.talk_to(told.append)
        with pytest.raises(muster.MusterError):  # a folder's name is no model
            hub.register("m", model, sample={"x": [1.0]}, environment="current")
        (run,) = hub.runs()
        assert (run.kind, run.status, run.summary["findings"]) == ("scan", "done", [FINDING])
    assert any(line.startswith("warning: model.pkl refers to `posix.mkdir`") for line in told)


class Odd:
    """A model that comes with something dangerous, and works."""

    def __init__(self) -> None:
        self.extra = os.getpid

    def predict(self, data: Any) -> Any:
        return data["x"] * 2.5


def test_findings_are_stored_and_shown_with_the_version(tmp_path: Path) -> None:
    with muster.open(tmp_path / "hub", scan__pickles="warn") as hub:
        version = hub.register("m", Odd(), sample={"x": [1.0, 7.5]}, environment="current", task="regression")
        assert hub.version("m").findings == version.findings
        assert {"file": "model.pkl", "global": "posix.getpid", "severity": "dangerous"} in version.findings
        assert any(n.startswith("scanned: model.pkl refers to `posix.getpid`") for n in version.notes)
        shown = version_sheet(version, {}).text()
        assert "findings      dangerous: model.pkl refers to posix.getpid\n" in shown
        assert hub.predict("m", {"x": [4.0]})["prediction"].to_pylist() == [10.0]
