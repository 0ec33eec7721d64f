from __future__ import annotations

import datetime as dt
from pathlib import Path

import polars as pl
import pyarrow as pa
import pytest
from pyarrow import feather, ipc

from muster.errors import DatasetError, InvalidInput
from tests.datasets.tables import opened, rows, table, types, written

TABLE = pa.table(
    {"n": range(1_000), "s": [f"text {i}" for i in range(1_000)], "d": pa.array(["a", "b"] * 500).dictionary_encode()}
)


def stream(path: Path, whole: pa.Table = TABLE, size: int = 300) -> Path:
    with pa.OSFile(str(path), "wb") as out, ipc.new_stream(out, whole.schema) as writer:
        writer.write_table(whole, max_chunksize=size)
    return path


def file(path: Path, whole: pa.Table = TABLE, size: int = 300, compression: str | None = None) -> Path:
    options = ipc.IpcWriteOptions(compression=compression)
    with pa.OSFile(str(path), "wb") as out, ipc.new_file(out, whole.schema, options=options) as writer:
        writer.write_table(whole, max_chunksize=size)
    return path


@pytest.mark.parametrize("compression", [None, "lz4", "zstd"])
def test_a_file_is_read_apart_by_its_batches(tmp_path: Path, compression: str | None) -> None:
    found = opened(file(tmp_path / "x.arrow", compression=compression))
    assert [(p.offset, p.rows) for p in found.parts(250)] == [(0, 300), (300, 300), (600, 400)]
    assert found.rows() == 1_000
    assert table(found, 250).to_pylist() == TABLE.to_pylist()
    assert table(found, 70, ["s", "n"]).equals(TABLE.select(["s", "n"]))


def test_a_stream_is_one_part(tmp_path: Path) -> None:
    found = opened(stream(tmp_path / "x.arrow"))
    assert [(p.offset, p.rows) for p in found.parts(250)] == [(0, None)]
    assert found.rows() is None
    assert table(found, 250).to_pylist() == TABLE.to_pylist()
    assert table(found, 250, ["s", "n"]).equals(TABLE.select(["s", "n"]))


def test_files_and_streams_in_one_folder(tmp_path: Path) -> None:
    stream(tmp_path / "a.arrow", TABLE.slice(0, 400))
    file(tmp_path / "b.arrow", TABLE.slice(400), 200)
    found = opened(tmp_path)
    assert [(p.file, p.rows) for p in found.parts(300)] == [("a.arrow", None), ("b.arrow", 600)]
    assert [(p.file, p.rows) for p in found.parts(200)][1:] == [("b.arrow", 200)] * 3
    assert [r["n"] for r in rows(found, 200)] == list(range(1_000))


def test_files_of_other_programs(tmp_path: Path) -> None:
    frame = pl.DataFrame({"a": [1, None], "s": ["x", "é"], "t": [dt.datetime.fromisoformat("2024-01-01T10:00")] * 2})
    frame.write_ipc(tmp_path / "a.arrow", compression="zstd")
    frame.write_ipc_stream(tmp_path / "b.arrow")
    feather.write_feather(frame.to_arrow(), tmp_path / "c.feather")
    for name in ("a.arrow", "b.arrow", "c.feather"):
        assert rows(opened(tmp_path / name)) == frame.to_dicts(), name


@pytest.mark.parametrize("make", [file, stream])
def test_a_cut_file_is_told_wherever_it_is_cut(tmp_path: Path, make: object) -> None:
    path = tmp_path / "x.arrow"
    make(path)  # type: ignore[operator]
    whole = path.read_bytes()
    ends = [i + 8 for i in range(len(whole) - 8) if whole[i : i + 4] == b"\xff\xff\xff\xff"]
    for cut in {1, 4, 8, 100, len(whole) // 2, len(whole) - 1, len(whole) - 8, *(e - 8 for e in ends)} - {0}:
        with pytest.raises(DatasetError, match=r"^x\.arrow: "):
            rows(opened(written(path, whole[:cut])))


def test_what_is_no_arrow(tmp_path: Path) -> None:
    for content, told in (
        (b"", "it is empty"),
        (b"a,b\n1,2\n" * 9, "it looks like text"),
        (b"PAR1" + b"\0" * 99, "Parquet"),
    ):
        with pytest.raises(DatasetError, match=told):
            opened(written(tmp_path / "x.arrow", content))
    with pytest.raises(DatasetError, match="Feather of version 1"):
        opened(written(tmp_path / "x.feather", b"FEA1" + b"\0" * 99 + b"FEA1"))
    with pytest.raises(InvalidInput, match="no option `compression`"):
        opened(f"{file(tmp_path / 'x.arrow')}?compression=lz4")


def test_columns_may_be_none(tmp_path: Path) -> None:
    for make in (file, stream):
        assert rows(opened(make(tmp_path / "x.arrow")), columns=[]) == [{}] * 1_000
    assert types(opened(file(tmp_path / "y.arrow", pa.table({"a": pa.array([], pa.int8())})))) == {"a": "int8"}


def test_columns_of_the_same_name_are_refused(tmp_path: Path) -> None:
    file(tmp_path / "x.arrow", pa.Table.from_arrays([pa.array([1]), pa.array([2])], ["a", "a"]))
    with pytest.raises(DatasetError, match="more than one column `a`"):
        opened(tmp_path / "x.arrow")
