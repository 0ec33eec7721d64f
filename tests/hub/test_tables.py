"""Tables that are no files: scored from and to Delta, databases and memory; and where a registered dataset was used."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable, write_deltalake

import muster
from muster.errors import Conflict, InvalidInput, MusterError
from muster.hub import Hub
from muster.records import Progress
from tests.hub.conftest import numbers


def lite(folder: Path, rows: int = 5_000) -> str:
    connection = sqlite3.connect(folder / "data.db")
    connection.execute("CREATE TABLE t (n INTEGER PRIMARY KEY, text TEXT)")
    connection.executemany("INSERT INTO t VALUES (?, ?)", ((n, f"row {n}") for n in range(rows)))
    connection.commit()
    connection.close()
    return f"sqlite:///{folder}/data.db"


def test_from_a_database_to_a_database(hub: Hub, tmp_path: Path) -> None:
    base = lite(tmp_path)
    run = hub.score("numbers", f"{base}?table=t", f"{base}?table=scored", keep="n")
    assert (run.status, run.rows, run.rejected) == ("done", 5_000, 0)
    scored = hub.open_dataset(f"{base}?table=scored&key=n")
    assert scored.names[:2] == ("n", "prediction")
    assert scored.rows() == 5_000
    assert not list((hub.folder / "outputs").iterdir())
    with pytest.raises(Conflict, match=r"table `scored` of .* exists already"):
        hub.score("numbers", f"{base}?table=t", f"{base}?table=scored")


def test_from_delta_to_delta_while_it_grows(hub: Hub, tmp_path: Path) -> None:
    write_deltalake(tmp_path / "t", numbers(3_000))
    run = hub.score("numbers", f"delta:{tmp_path}/t", f"delta:{tmp_path}/out", keep="n")
    assert run.input == f"delta:{tmp_path}/t?version=0"
    write_deltalake(tmp_path / "t", numbers(10), mode="append")
    again = hub.score("numbers", f"delta:{tmp_path}/t", f"delta:{tmp_path}/out?mode=append", keep="n")
    assert again.rows == 3_010
    assert DeltaTable(tmp_path / "out").to_pyarrow_dataset().count_rows() == 6_010


def test_a_table_that_changes_while_it_is_scored_is_told(hub: Hub, tmp_path: Path) -> None:
    base = lite(tmp_path, 3_000)
    changed = False

    def watch(progress: Progress) -> None:
        nonlocal changed
        if progress.rows and not changed:
            connection = sqlite3.connect(tmp_path / "data.db")
            connection.execute("UPDATE t SET text = 'other' WHERE n = 2999")
            connection.commit()
            connection.close()
            changed = True

    with pytest.raises(MusterError, match="the data was changed while it was scored"):
        hub.score("numbers", f"{base}?table=t", tmp_path / "out.parquet", watch=watch)
    assert not (tmp_path / "out.parquet").exists()


FORMS: dict[str, Callable[[pa.Table], object]] = {
    "polars": pl.from_arrow,
    "rows": lambda table: table.to_pylist(),
}


@pytest.mark.parametrize("make", FORMS.values(), ids=FORMS)
def test_from_memory(hub: Hub, tmp_path: Path, make: Callable[[pa.Table], object]) -> None:
    run = hub.score("numbers", make(numbers(3_000)), tmp_path / "out.parquet", keep="n")
    assert run.rows == 3_000
    assert run.fingerprint is not None
    assert pq.read_table(tmp_path / "out.parquet")["n"].to_pylist() == list(range(3_000))
    assert not list((hub.folder / "frames").iterdir())


def test_a_table_in_memory_waits_for_its_resume(place: Path, tmp_path: Path) -> None:
    """A run that was cut off is gone on with by another process, which never had the table."""

    class Cut(BaseException):
        pass

    def watch(progress: Progress) -> None:
        if progress.rows:
            raise Cut

    with muster.open(place, score__chunk_rows=1_024) as hub:
        with pytest.raises(Cut):
            hub.score("numbers", numbers(5_000), tmp_path / "out.parquet", keep="n", watch=watch)
        (run,) = hub.runs()
        assert len(list((hub.folder / "frames").iterdir())) == 1
    with muster.open(place, score__chunk_rows=1_024) as hub:
        assert hub.resume(run.id).rows == 5_000
        assert not list((hub.folder / "frames").iterdir())


def test_what_is_no_table_is_refused_and_leaves_nothing(hub: Hub, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="is no table"):
        hub.score("numbers", 7, tmp_path / "out.parquet")
    with pytest.raises(MusterError):
        hub.score("numbers", pa.table({"other": [1]}), tmp_path / "out.parquet")
    assert not list((hub.folder / "frames").iterdir())
    with pytest.raises(InvalidInput, match="not left to other processes"):
        hub.score("numbers", numbers(1), tmp_path / "out.parquet", queue=True)


def test_a_registered_dataset_tells_where_it_was_used(hub: Hub, tmp_path: Path, data: Path) -> None:
    hub.dataset("input", data)
    first = hub.score("numbers", "data:input", tmp_path / "a.parquet", keep="n")
    second = hub.score("numbers", data, f"delta:{tmp_path}/b", keep="n")
    hub.dataset("scored", f"delta:{tmp_path}/b")
    third = hub.score("numbers", "data:scored", tmp_path / "c.parquet")
    assert [(u.how, u.run.id) for u in hub.dataset_uses("input")] == [("read", second.id), ("read", first.id)]
    assert [(u.how, u.run.id) for u in hub.dataset_uses("data:scored")] == [("read", third.id), ("wrote", second.id)]
    (tmp_path / "moved.parquet").write_bytes(data.read_bytes())
    hub.dataset("input", tmp_path / "moved.parquet", replace=True)
    assert [u.run.id for u in hub.dataset_uses("input")] == [first.id]
