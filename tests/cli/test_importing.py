"""`muster register --all`, from a tracking server of this process."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from muster.hub import Hub
from muster.predictors.tracking import transport
from tests.cli.helpers import call
from tests.tracking import Tracking, tracking


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Tracking]:
    for name in [n for n in os.environ if n.startswith(("MLFLOW_", "DATABRICKS_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setattr(transport, "PAUSES", (0.01,))
    monkeypatch.setattr(Hub, "origins", staticmethod(lambda: {"quick": "tests.hub.quick_origin:QuickOrigin"}))
    with tracking() as state:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", state.url)
        yield state


@pytest.fixture
def model(tmp_path: Path) -> Path:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "quick.json").write_text('{"must": "task"}')
    return tmp_path / "model"


def test_all_come_with_what_a_file_declares(server: Tracking, model: Path, place: Path) -> None:
    server.add("Price", model)
    server.add("Price", model, "Champion")
    (place / "declared.toml").write_text('[Price]\ntask = "regression"\n')
    told = call("register", "--all", "--declare", "declared.toml")
    assert (told.code, told.out.splitlines()[1].split()[:4]) == (0, ["price:1", "imported", "Price:1", "–"])
    assert "imported  price:2  2 of 2  → champion" in told.err
    assert f"{server.url}: 2 imported" in told.err
    again = call("register", "--all", server.url, "--json")
    assert (again.code, [i["outcome"] for i in again.json["items"]]) == (0, ["there", "there"])
    assert again.json["server"] == server.url
    sheet = call("version", "show", "price@champion").out
    assert f"imported from {server.url}/Price:2" in sheet
    assert "run metrics: auc=0.82, loss=nan" in sheet


def test_what_fails_is_told_with_what_to_do_and_ends_with_1(server: Tracking, model: Path, tmp_path: Path) -> None:
    server.add("Price", model)
    server.add("gone", tmp_path / "gone")
    told = call("register", "--all")
    assert told.code == 1
    assert "failed  price:1  the model does not tell its task\n  hint: declare task=" in told.err
    assert "failed  gone:1  there are no files at mlflow-artifacts:/1/" in told.err
    assert [line.split()[1] for line in told.out.splitlines()[1:]] == ["failed", "failed"]


def test_a_dry_run_shows_what_would_come(server: Tracking, model: Path) -> None:
    server.add("Price", model, "Champion")
    told = call("register", "--all", "--dry-run", "--filter", "alias~champ")
    assert (told.code, told.out.splitlines()[1].split()[:4]) == (0, ["price:1", "planned", "Price:1", "champion"])
    assert call("model", "list", "--json").json["items"] == []


def test_a_server_that_stops_in_the_middle_is_told_with_how_to_go_on(server: Tracking, model: Path) -> None:
    server.add("Price", model)
    server.fault = lambda asked: "drop" if "artifacts" in asked else None
    told = call("register", "--all")
    assert told.code == 1
    assert "stopped: http" in told.err
    assert "give the same command again, which goes on here" in told.err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--all", "--task", "binary"), "--task does not go with --all"),
        (("churn", "model", "--dry-run"), "--dry-run needs --all"),
        (("--all", "http://x", "churn"), "MODEL does not go with --all"),
        (("churn",), "SOURCE"),
        ((), "MODEL"),
    ],
)
def test_one_model_or_all(arguments: tuple[str, ...], told: str) -> None:
    answer = call("register", *arguments)
    assert answer.code == 2
    assert told in answer.err


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("none.toml", None, "cannot read `none.toml`"),
        ("bad.toml", "[price", "bad.toml is no TOML"),
        ("bad.json", "[1]", "bad.json holds no object"),
        ("slip.toml", '[price]\ntaks = "x"', "`price` has no key `taks`; did you mean `task`?"),
    ],
)
def test_a_file_that_declares_nothing_is_refused(
    name: str, content: str | None, told: str, server: Tracking, model: Path
) -> None:
    server.add("price", model)
    if content is not None:
        Path(name).write_text(content)
    answer = call("register", "--all", "--declare", name, "--json")
    assert answer.code == 2
    assert told in answer.error["message"]
