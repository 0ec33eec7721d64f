"""Commands that Muster names can be typed as they stand: in a clone, through its `./run`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

import muster
from muster.cli.program import called_here, program
from tests.cli.conftest import VERSION
from tests.cli.helpers import call


@pytest.fixture
def clone(place: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """This folder, as `./run` of a clone tells it."""
    monkeypatch.setenv("MUSTER_RUN", str(place / "run"))
    return place


def test_where_it_is_installed_it_has_its_own_name(place: Path) -> None:
    assert program() == "muster"
    assert called_here("try `muster model list`") == "try `muster model list`"


def test_in_a_clone_it_is_called_by_its_run(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert program() == "./run muster"
    assert program(clone / "a folder") == "../run muster"
    assert called_here("muster run show 1") == "./run muster run show 1"
    assert called_here("see `muster run show 1`, or `muster run list`; a muster of men") == (
        "see `./run muster run show 1`, or `./run muster run list`; a muster of men"
    )
    deep = clone / "a b" / "c" / "d" / "e"
    deep.mkdir(parents=True)
    monkeypatch.chdir(deep)
    monkeypatch.setenv("MUSTER_RUN", "/a b/run")
    assert program() == "'/a b/run' muster"


def test_hints_and_next_steps_name_it(clone: Path) -> None:
    muster.open().close()
    answer = call("model", "show", "churn")
    assert answer.err.endswith("\n\nhint: list them with `./run muster model list`\n")
    assert call("model", "show", "churn", "--json").error["hint"] == "list them with `./run muster model list`"
    assert call("model", "list").err.endswith("next: ./run muster register MODEL SOURCE\n")


def test_a_model_of_many_versions_says_where_the_others_are(written: Path, clone: Path) -> None:
    with muster.open(written) as hub, hub._records.transaction("ada", "written") as tx:
        for number in range(3, 13):
            tx.insert(replace(VERSION, id=f"01JD4ZT7K5Q3F0W8V9X2Y6B{number:03}", number=number, digest=f"{number:064}"))
    assert "… all of them: ./run muster version list churn\n" in call("model", "show", "churn").out
