"""Rows from all over a dataset: all of a small one, an even share of a larger one, and always the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyarrow import csv

from muster.dataset import Dataset
from muster.datasets.table import Files
from muster.scoring import spread as module
from muster.scoring.spread import spread

ROWS = 200_000


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """Four files of rows in order, of a size that no step of a sample fits."""
    for n, start in enumerate(range(0, ROWS, ROWS // 4)):
        table = pa.table({"n": np.arange(start, start + ROWS // 4), "x": np.zeros(ROWS // 4)})
        pq.write_table(table, tmp_path / f"{n}.parquet", row_group_size=9_973)
    return tmp_path


def opened(path: Path) -> Dataset:
    return Files().open(str(path), {})


def test_a_small_one_is_taken_whole(files: Path) -> None:
    table, looked_at = spread(opened(files / "1.parquet"), ["n"], 40_000)
    assert table["n"].to_pylist() == [*range(50_000, 100_000)]
    assert looked_at == 50_000


def test_of_a_larger_one_every_place_has_its_share(files: Path) -> None:
    table, looked_at = spread(opened(files), ["n"], 10_000)
    found = table["n"].to_numpy()
    assert looked_at == ROWS
    assert 10_000 <= len(found) < 20_000
    assert len(np.unique(found)) == len(found)
    assert np.abs(np.histogram(found, 20, (0, ROWS))[0] / len(found) - 1 / 20).max() < 0.01
    for period in (2, 3, 7, 16, 24):  # of rows that take turns each has its share too
        assert np.abs(np.bincount(found % period) / len(found) - 1 / period).max() < 0.02
    assert spread(opened(files), ["n"], 10_000)[0].equals(table)
    csv.write_csv(pa.table({"n": np.arange(ROWS)}), files.parent / "rows.csv")
    assert spread(opened(files.parent / "rows.csv"), ["n"], 10_000)[0]["n"].to_pylist() == found.tolist()


def test_of_one_that_is_too_large_the_first_rows_of_parts_from_all_over_it_are_looked_at(
    files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_CELLS", 40_000)
    monkeypatch.setattr(module, "_STEP", 5_000)
    table, looked_at = spread(opened(files), ["n", "x"], 1_000)
    assert 16_000 <= looked_at <= 40_000
    assert 1_000 <= table.num_rows < 2_000
    assert (np.histogram(table["n"].to_numpy(), 4, (0, ROWS))[0] > 100).all()
    csv.write_csv(pa.table({"n": np.arange(ROWS)}), files / "rows.csv")
    monkeypatch.setattr(module, "_BYTES", 1_000)
    assert spread(opened(files / "rows.csv"), ["n"], 1_000)[1] == 5_000
