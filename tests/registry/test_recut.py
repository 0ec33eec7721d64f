"""Answers that were kept by chunk are found again by the chunks of another reading, row for row."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from muster.datasets.opening import open_dataset
from muster.errors import Conflict
from muster.registry.recut import Reading, recut


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three files, of which some rows cannot be read as whole numbers, and one has no row."""
    made = tmp_path / "parts"
    made.mkdir()
    number = 0
    for name, rows in (("a", 37), ("b", 0), ("c", 101)):
        values = ["bad" if n % 13 == 5 else str(n) for n in range(number, number + rows)]
        (made / f"{name}.csv").write_text("\n".join(["n", *values]) + "\n")
        number += rows
    return made


def _reading(folder: Path, rows: int, kind: str = "int64") -> Reading:
    import pyarrow as pa

    dataset = open_dataset(str(folder / "*.csv"), pytest.fail)
    return Reading(dataset.declare({"n": pa.type_for_alias(kind)}), rows, ("n",))


def _values(reading: Reading) -> dict[tuple[int, int], list[int]]:
    parts = reading.dataset.parts(reading.rows)
    chunks = [chunk for part in parts for chunk in part.chunks(reading.rows, ("n",))]
    return {(c.part, c.index): [int(v) for v in c.batch.column("n").to_pylist()] for c in chunks}


@pytest.mark.parametrize(("kept", "wanted"), [(10, 10), (10, 7), (7, 10), (3, 1_000), (1_000, 3)])
def test_each_row_finds_its_answer(folder: Path, kept: int, wanted: int) -> None:
    """The answer to a row is here its number."""
    before, after = _reading(folder, kept), _reading(folder, wanted)
    blobs = {str(key): np.array(values) for key, values in _values(before).items()}
    pieces = recut({key: str(key) for key in _values(before)}, before, after)
    for key, values in _values(after).items():
        found = [int(v) for digest, places in pieces[key] for v in blobs[digest][places]]
        assert found == values
    assert sum(map(len, _values(after).values())) == 138 - 11


def test_a_row_without_an_answer_is_told(folder: Path) -> None:
    before = _reading(folder, 10)
    chunks = {key: str(key) for key in _values(before)}
    chunks.pop((0, 1))
    with pytest.raises(Conflict, match="answers to some of the rows are not kept any more"):
        recut(chunks, before, _reading(folder, 7))
    with pytest.raises(Conflict, match="the answers that are kept are not those to these rows"):
        recut({key: str(key) for key in _values(before)}, before, _reading(folder, 7, "string"))
