"""What executors on other machines must see, they are asked before anything is read or written."""

from __future__ import annotations

import pickle
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from muster.datasets.opening import open_dataset
from muster.errors import ClusterFailed, NotFound
from muster.owners import machine
from muster.registry.seen import Seen


def _no_connection(name: str) -> object:
    raise NotFound(name)


@pytest.fixture
def seen(tmp_path: Path) -> Seen:
    """As an executor on another machine has it, where all is under the same paths."""
    pq.write_table(pa.table({"n": [1, 2]}), tmp_path / "in.parquet")
    for name in ("blobs", "out.muster-1"):
        (tmp_path / name).mkdir()
    dataset = open_dataset(str(tmp_path / "in.parquet"), _no_connection)  # type: ignore[arg-type]  # never asked
    folders = (tmp_path / "blobs", tmp_path / "out.muster-1")
    made = Seen(dataset, dataset.stamp(), folders, made_on="other/boot/1")
    sent: Seen = pickle.loads(pickle.dumps(made))
    return sent


def test_all_is_there(seen: Seen) -> None:
    seen()


def test_all_that_is_not_there_is_told_at_once(seen: Seen, tmp_path: Path) -> None:
    (tmp_path / "out.muster-1").rmdir()
    (tmp_path / "in.parquet").unlink()
    with pytest.raises(ClusterFailed, match="does not see what the driver sees") as raised:
        seen()
    assert raised.value.details["missing"] == [str(tmp_path / "out.muster-1"), str(tmp_path / "in.parquet")]
    assert machine().partition("/")[0] in raised.value.message


def test_other_data_under_the_same_path_are_seen(seen: Seen, tmp_path: Path) -> None:
    pq.write_table(pa.table({"n": [1, 2, 3]}), tmp_path / "in.parquet")
    with pytest.raises(ClusterFailed, match=r"in\.parquet"):
        seen()


def test_records_in_a_file_are_shared_on_one_machine_only(seen: Seen, tmp_path: Path) -> None:
    shared = replace(seen, database=tmp_path / "muster.db")
    with pytest.raises(ClusterFailed, match="cannot share") as raised:
        shared()
    assert "PostgreSQL" in raised.value.hint


def test_the_machine_itself_is_not_asked(seen: Seen, tmp_path: Path) -> None:
    (tmp_path / "blobs").rmdir()
    replace(seen, made_on=machine(), database=tmp_path / "muster.db")()
