"""Profiles that earlier releases stored are opened by this one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from muster.profiles.columns import Columns
from muster.profiles.stored import unpack
from tests.profiles.make import FORMAT, STORED, measured


@pytest.mark.parametrize("path", sorted(STORED.glob("columns-*.bin")), ids=lambda path: path.stem)
def test_columns_of_every_layout_open_with_their_figures(path: Path) -> None:
    _, header, arrays = unpack(path.read_bytes(), FORMAT)
    columns = Columns.restored(header["input"], arrays, "input.")
    assert columns.figures() == json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    columns.merge(measured())
    assert columns.rows == 1_200
    assert columns.columns["id"].missing == 0


def test_the_layout_of_today_has_a_stored_profile_with_the_counts_of_today() -> None:
    today = measured()
    _, header, arrays = unpack((STORED / f"columns-{today.header()['layout']}.bin").read_bytes(), FORMAT)
    assert header["input"] == today.header()
    for name, array in today.arrays().items():
        stored = arrays[f"input.{name}"]
        if array.dtype.kind in "iu":
            assert stored.tolist() == array.tolist(), name
        else:
            assert stored == pytest.approx(array), name
