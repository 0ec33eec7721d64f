from __future__ import annotations

import io
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from muster.datasets.encode import Encoding
from muster.datasets.parquet_join import join
from muster.datasets.thrift import decode, encode
from muster.errors import DatasetError
from muster.testing.dataset import table_of


def files(folder: Path, *tables: pa.Table, compression: str = "snappy") -> list[Path]:
    paths = [folder / f"{i}.parquet" for i in range(len(tables))]
    for path, table in zip(paths, tables, strict=True):
        path.write_bytes(Encoding("parquet", compression=compression).encode(table))
    return paths


def joined(paths: list[Path]) -> bytes:
    out = io.BytesIO()
    join(paths, out.write)
    return out.getvalue()


@given(st.lists(st.integers(0, 60), min_size=1, max_size=6), st.sampled_from(["snappy", "zstd", "none"]))
def test_the_joined_file_has_every_row_in_order(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int], compression: str
) -> None:
    whole = table_of(sum(sizes)).append_column(
        "nested", pa.array([[{"a": i}] for i in range(sum(sizes))], pa.list_(pa.struct([("a", pa.int64())])))
    )
    starts = [sum(sizes[:i]) for i in range(len(sizes))]
    parts = [whole.slice(start, size) for start, size in zip(starts, sizes, strict=True)]
    content = joined(files(tmp_path_factory.mktemp("j"), *parts, compression=compression))
    file = pq.ParquetFile(pa.BufferReader(content))
    assert file.schema_arrow.equals(whole.schema)
    assert file.read().equals(whole)
    assert [file.metadata.row_group(i).num_rows for i in range(file.num_row_groups)] == [s for s in sizes if s]
    assert file.metadata.num_rows == sum(sizes)
    for i, part in enumerate(p for p in parts if p.num_rows):
        assert file.read_row_group(i).equals(part)


def test_other_programs_and_statistics(tmp_path: Path) -> None:
    tables = [pa.table({"n": range(i * 1_000, (i + 1) * 1_000), "s": [f"s{i}"] * 1_000}) for i in range(40)]
    (tmp_path / "x.parquet").write_bytes(joined(files(tmp_path, *tables)))
    frame = pl.scan_parquet(tmp_path / "x.parquet")
    assert frame.filter(pl.col("n") == 38_500).collect().to_dicts() == [{"n": 38_500, "s": "s38"}]
    assert frame.select(pl.col("n").sum()).collect().item() == sum(range(40_000))
    found = pq.read_table(tmp_path / "x.parquet", filters=[("n", ">", 39_997)])
    assert found["n"].to_pylist() == [39_998, 39_999]


def test_files_of_several_row_groups_and_without_any(tmp_path: Path) -> None:
    pq.write_table(pa.table({"n": range(10)}), tmp_path / "a.parquet", row_group_size=3)
    pq.write_table(pa.table({"n": pa.array([], pa.int64())}), tmp_path / "b.parquet")
    content = joined([tmp_path / "b.parquet", tmp_path / "a.parquet", tmp_path / "b.parquet", tmp_path / "a.parquet"])
    assert pq.read_table(pa.BufferReader(content))["n"].to_pylist() == [*range(10), *range(10)]


def test_a_file_that_is_cut_is_told(tmp_path: Path) -> None:
    (path,) = files(tmp_path, pa.table({"n": range(10)}))
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(DatasetError, match=r"0\.parquet is no Parquet file any more"):
        joined([path])


def footer(content: bytes) -> bytes:
    return content[-8 - int.from_bytes(content[-8:-4], "little") : -8]


def test_footers_come_out_as_they_went_in(tmp_path: Path) -> None:
    wide = pa.table({f"column {i}": [i] for i in range(300)})
    pl.DataFrame({"a": [1.5], "b": ["x"], "c": [[1]]}).write_parquet(tmp_path / "p.parquet", statistics=True)
    pq.write_table(table_of(50), tmp_path / "q.parquet", write_page_index=True, sorting_columns=[pq.SortingColumn(0)])
    for content in (
        bytes(Encoding("parquet").encode(wide)),
        bytes(Encoding("parquet").encode(table_of(100))),
        (tmp_path / "p.parquet").read_bytes(),
        (tmp_path / "q.parquet").read_bytes(),
    ):
        assert encode(decode(footer(content))) == footer(content)


def test_what_no_footer_has_is_refused() -> None:
    with pytest.raises(ValueError, match="type 11"):
        decode(bytes([0x1B, 0x00, 0x00]))
