"""Where a hub's blobs are: told once, then known; and never another place by a slip of the pen."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import muster
from muster.errors import Conflict
from muster.hub import Hub

MODEL = Path(__file__).parents[1] / "hub" / "numbers_model.py"


def register(hub: Hub) -> None:
    hub.register("numbers", MODEL, task="binary", sample={"n": [1]})


def test_where_blobs_are_is_remembered_and_only_a_place_that_has_them_is_taken(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    with muster.open(tmp_path / "hub", blobs=first) as hub:
        register(hub)
    with muster.open(tmp_path / "hub") as hub:
        assert hub.predict("numbers", {"n": [1]}).num_rows == 1
    with pytest.raises(Conflict, match=r"files of `numbers:1` are not at .*second") as caught:
        muster.open(tmp_path / "hub", blobs=second)
    assert str(first) in caught.value.hint
    shutil.rmtree(second)
    shutil.copytree(first, second)
    shutil.rmtree(first)
    with muster.open(tmp_path / "hub", blobs=second):
        pass
    shutil.rmtree(tmp_path / "hub" / "artifacts")
    with muster.open(tmp_path / "hub") as hub:
        assert hub.predict("numbers", {"n": [1]}).num_rows == 1


def test_blobs_move_out_of_the_folder_of_a_hub_and_back(tmp_path: Path) -> None:
    with muster.open(tmp_path / "hub") as hub:
        register(hub)
        inside = hub.folder / "blobs"
    shutil.copytree(inside, tmp_path / "outside")
    with muster.open(tmp_path / "hub", blobs=tmp_path / "outside"):
        pass
    with muster.open(tmp_path / "hub", blobs=inside) as hub:
        assert hub.predict("numbers", {"n": [1]}).num_rows == 1
