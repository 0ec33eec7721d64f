from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from muster.errors import DatasetError, InvalidInput
from tests.datasets.tables import chunks, opened, rows, table, types, written


def numbers(path: Path, count: int, group: int) -> Path:
    pq.write_table(pa.table({"n": pa.array(range(count), pa.int64())}), path, row_group_size=group)
    return path


@given(st.lists(st.integers(0, 40), min_size=1, max_size=5), st.integers(1, 50), st.sets(st.integers(0, 12)))
def test_parts_are_consecutive_row_groups_of_at_least_a_chunk(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int], size: int, skip: set[int]
) -> None:
    path = tmp_path_factory.mktemp("p") / "x.parquet"
    with pq.ParquetWriter(path, pa.schema([("n", pa.int64())])) as writer:
        start = 0
        for count in sizes:
            writer.write_table(pa.table({"n": pa.array(range(start, start + count), pa.int64())}))
            start += count
    found = opened(path)
    parts = found.parts(size)
    assert found.rows() == start
    assert sum(p.rows or 0 for p in parts) == start
    assert all((p.rows or 0) >= size for p in parts) or len(parts) == 1
    total = 0
    for part in parts:
        assert part.offset == total
        assert part.rows is not None
        every = list(part.chunks(size))
        assert [n for c in every for n in c.batch.column("n").to_pylist()] == list(range(total, total + part.rows))
        assert list(part.chunks(size, skip=frozenset(skip))) == [c for c in every if c.index not in skip]
        total += part.rows


def test_row_groups_that_nobody_wants_are_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (part,) = opened(numbers(tmp_path / "x.parquet", 100, 10)).parts(100)
    read: list[int] = []
    original = pq.ParquetFile.iter_batches

    def noted(self: pq.ParquetFile, size: int, groups: list[int], columns: list[str]) -> Any:
        read.extend(groups)
        return original(self, size, groups, columns)

    monkeypatch.setattr(pq.ParquetFile, "iter_batches", noted)
    found = list(part.chunks(25, skip=frozenset({0, 2})))
    assert [c.start for c in found] == [25, 75]
    assert [n for c in found for n in c.batch.column("n").to_pylist()] == [*range(25, 50), *range(75, 100)]
    assert read == [2, 3, 4, 7, 8, 9]


def test_one_giant_row_group_is_read_with_bounded_memory(tmp_path: Path) -> None:
    n = 1_000_000
    path = tmp_path / "x.parquet"
    values = np.random.default_rng(0).normal(size=n)
    pq.write_table(pa.table({f"x{i}": values for i in range(6)}), path, row_group_size=n, use_dictionary=False)
    assert path.stat().st_size > 45 << 20
    (part,) = opened(path).parts(10_000)
    pool = pa.default_memory_pool()
    before, peak, count = pool.bytes_allocated(), 0, 0
    for chunk in part.chunks(10_000):
        peak, count = max(peak, pool.bytes_allocated() - before), count + chunk.length
    assert count == n
    assert peak < 24 << 20


def test_many_small_files_keep_their_order(tmp_path: Path) -> None:
    for i in (10, 2, 1):
        numbers(tmp_path / f"{i}.parquet", i, 5)
    found = opened(tmp_path)
    assert [(p.index, p.file, p.offset) for p in found.parts(4)] == [
        (0, "1.parquet", 0), (1, "10.parquet", 0), (2, "10.parquet", 5), (3, "2.parquet", 0)
    ]  # fmt: skip
    assert [r["n"] for r in rows(found, 3)] == [0, *range(10), 0, 1]


def test_columns_whose_names_begin_alike(tmp_path: Path) -> None:
    whole = pa.table({"a": [1], "a.b": [2], "s": [{"x": 3, "y": 4}], "s.x": [5]})
    pq.write_table(whole, tmp_path / "x.parquet")
    found = opened(tmp_path / "x.parquet")
    for columns in (["a"], ["a.b"], ["s"], ["s.x", "a"], ["s", "a.b", "a"]):
        assert table(found, columns=columns).equals(whole.select(columns))


def test_types_that_muster_does_not_know_pass_through(tmp_path: Path) -> None:
    whole = pa.table(
        {
            "list": [[1, 2], None],
            "struct": [{"a": "x"}, {"a": None}],
            "map": pa.array([[("k", 1)], []], pa.map_(pa.string(), pa.int64())),
            "dictionary": pa.array(["a", None]).dictionary_encode(),
            "decimal": pa.array([1, None], pa.decimal128(5, 2)),
            "duration": pa.array([dt.timedelta(1), None], pa.duration("us")),
            "binary": [b"\xff", None],
            "large": pa.array(["a", None], pa.large_string()),
            "half": pa.array(np.array([1.5, 2.5], np.float16)),
            "uuid": pa.array([b"x" * 16, None], pa.uuid()),
            "null": pa.nulls(2),
            "time": pa.array([dt.time(1, 2), None], pa.time64("ns")),
        }
    )
    pq.write_table(whole, tmp_path / "x.parquet")
    assert table(opened(tmp_path / "x.parquet")).equals(whole)
    assert table(opened(tmp_path / "x.parquet"), 1).to_pylist() == whole.to_pylist()


def test_files_of_other_programs(tmp_path: Path) -> None:
    frame = pl.DataFrame(
        {
            "a": [1, None, 3],
            "s": ["x", None, "é"],
            "t": [dt.datetime.fromisoformat("2024-01-01T10:00")] * 3,
            "l": [[1], [], None],
        }
    )
    frame.write_parquet(tmp_path / "p.parquet", compression="zstd")
    assert rows(opened(tmp_path / "p.parquet")) == frame.to_dicts()
    frame.to_pandas().set_index("s").to_parquet(tmp_path / "q.parquet")
    assert opened(tmp_path / "q.parquet").names == ("a", "t", "l", "s")


def test_declared_types_leave_parquet_alone(tmp_path: Path) -> None:
    assert types(opened(numbers(tmp_path / "x.parquet", 3, 3)).declare({"n": pa.string()})) == {"n": "int64"}


def test_a_file_that_is_cut_or_is_something_else(tmp_path: Path) -> None:
    whole = numbers(tmp_path / "x.parquet", 10_000, 1_000).read_bytes()
    for content, told in (
        (whole[: len(whole) // 2], "it begins as Parquet, but its end is missing: it was cut"),
        (whole[:6], "it begins as Parquet"),
        (b"", "it is empty"),
        (b"a,b\n1,2\n" * 9, "it looks like text"),
        (b"ARROW1\0\0" + b"\0" * 99 + b"ARROW1", "it looks like an Arrow file"),
        (b"PK\x03\x04" + b"\0" * 99, "a zip archive or Excel file"),
        (b"\x07\0\1\2" * 99, "other binary data"),
    ):
        with pytest.raises(DatasetError, match=r"^x\.parquet: cannot be read: ") as caught:
            opened(written(tmp_path / "x.parquet", content))
        assert told in caught.value.message
    footer = len(whole) - 8 - int.from_bytes(whole[-8:-4], "little")
    spoilt = whole[:1_000] + b"\xff" * 2_000 + whole[3_000:footer] + whole[footer:]
    found = opened(written(tmp_path / "x.parquet", spoilt))
    with pytest.raises(DatasetError, match=r"^x\.parquet: cannot be read: "):
        rows(found)


def test_a_file_that_vanishes_is_told(tmp_path: Path) -> None:
    found = opened(numbers(tmp_path / "x.parquet", 3, 3))
    (part,) = found.parts(10)
    (tmp_path / "x.parquet").unlink()
    for act in (lambda: list(part.chunks(10)), found.fingerprint, found.stamp):
        with pytest.raises(DatasetError, match=r"x\.parquet: is gone"):
            act()


def test_columns_of_the_same_name_and_options_are_refused(tmp_path: Path) -> None:
    twice = pa.Table.from_arrays([pa.array([1]), pa.array([2])], ["a", "a"])
    pq.write_table(twice, tmp_path / "x.parquet")
    with pytest.raises(DatasetError, match="more than one column `a`"):
        opened(tmp_path / "x.parquet")
    with pytest.raises(InvalidInput, match="Parquet has no option `delimiter`"):
        opened(f"{numbers(tmp_path / 'y.parquet', 1, 1)}?delimiter=;")
    with pytest.raises(InvalidInput, match="no format `parket`; did you mean `parquet`"):
        opened(f"{tmp_path / 'y.parquet'}?format=parket")


def test_an_empty_file_gives_an_empty_chunk(tmp_path: Path) -> None:
    pq.write_table(pa.table({"a": pa.array([], pa.int8())}), tmp_path / "x.parquet")
    (chunk,) = chunks(opened(tmp_path / "x.parquet"))
    assert (chunk.length, chunk.last, chunk.batch.schema) == (0, True, pa.schema([("a", pa.int8())]))
