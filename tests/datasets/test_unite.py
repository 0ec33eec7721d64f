from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from muster.datasets.content import Disk
from muster.datasets.files import File
from muster.datasets.unite import united
from muster.errors import DatasetError
from tests.datasets.tables import opened, rows

FILES = tuple(File(Disk(Path(f"/{n}")), n, 0) for n in ("one", "two", "three"))
DICTIONARY = pa.dictionary(pa.int8(), pa.string())


def both(a: pa.DataType, b: pa.DataType) -> pa.DataType:
    schemas = [pa.schema([("x", a)]), pa.schema([("x", b)])]
    found = {united(FILES[:2], order).field("x").type for order in (schemas, schemas[::-1])}
    assert len(found) == 1, "the order of the files does not matter"
    return found.pop()


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        (pa.int64(), pa.int64(), pa.int64()),
        (pa.null(), pa.string(), pa.string()),
        (pa.null(), pa.binary(), pa.binary()),
        (pa.null(), DICTIONARY, pa.string()),
        (pa.int8(), pa.int32(), pa.int32()),
        (pa.uint8(), pa.int16(), pa.int16()),
        (pa.int64(), pa.float64(), pa.float64()),
        (pa.float32(), pa.float64(), pa.float64()),
        (pa.string(), pa.large_string(), pa.large_string()),
        (DICTIONARY, pa.string(), pa.string()),
        (DICTIONARY, pa.dictionary(pa.int32(), pa.string()), pa.dictionary(pa.int32(), pa.string())),
        (pa.timestamp("s"), pa.timestamp("us"), pa.timestamp("us")),
        (pa.timestamp("s", "UTC"), pa.timestamp("ns", "UTC"), pa.timestamp("ns", "UTC")),
        (pa.decimal128(5, 2), pa.decimal128(9, 2), pa.decimal128(9, 2)),
        (pa.list_(pa.int8()), pa.list_(pa.int64()), pa.list_(pa.int64())),
    ],
)
def test_types_that_make_one(a: pa.DataType, b: pa.DataType, expected: pa.DataType) -> None:
    assert both(a, b) == expected


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (pa.int64(), pa.string()),
        (pa.string(), pa.binary()),
        (pa.bool_(), pa.int8()),
        (pa.date32(), pa.timestamp("us")),
        (pa.timestamp("us"), pa.timestamp("us", "UTC")),
        (pa.timestamp("us", "UTC"), pa.timestamp("us", "Europe/Berlin")),
        (pa.int64(), pa.timestamp("us")),
        (DICTIONARY, pa.int64()),
        (pa.decimal128(10, 3), pa.float64()),
        (pa.list_(pa.decimal128(10, 3)), pa.list_(pa.float64())),
        (pa.struct([("d", pa.decimal128(10, 3))]), pa.struct([("i", pa.int8()), ("d", pa.float64())])),
        (pa.map_(pa.string(), pa.decimal128(10, 3)), pa.map_(pa.string(), pa.float32())),
    ],
)
def test_types_that_do_not(a: pa.DataType, b: pa.DataType) -> None:
    with pytest.raises(DatasetError, match=r"`x` is .* in one and .* in two"):
        united(FILES[:2], [pa.schema([("x", a)]), pa.schema([("x", b)])])


def test_all_differences_are_named_with_the_file_where_each_began() -> None:
    schemas = [
        pa.schema([("a", pa.int8()), ("b", pa.string())]),
        pa.schema([("b", pa.string()), ("a", pa.int64())]),
        pa.schema([("a", pa.string()), ("b", pa.int8())]),
    ]
    with pytest.raises(DatasetError) as caught:
        united(FILES, schemas)
    assert "`a` is int64 in two and string in three; `b` is string in one and int8 in three" in caught.value.message
    with pytest.raises(DatasetError, match="two lacks `b` and has `c` besides, beside one; three lacks `a`, `b`"):
        united(FILES, [schemas[0], pa.schema([("a", pa.int8()), ("c", pa.int8())]), pa.schema([])])


def test_metadata_makes_no_difference() -> None:
    schemas = [pa.schema([pa.field("a", pa.int8(), metadata={"k": v})], metadata={"m": v}) for v in ("1", "2")]
    assert united(FILES[:2], schemas) == pa.schema([("a", pa.int8())])


def test_values_are_checked_as_they_are_cast(tmp_path: Path) -> None:
    pq.write_table(pa.table({"a": [1, None], "b": ["x", "y"]}), tmp_path / "1.parquet")
    pq.write_table(pa.table({"b": pa.array(["z"]).dictionary_encode(), "a": [2.5]}), tmp_path / "2.parquet")
    assert rows(opened(tmp_path)) == [{"a": 1.0, "b": "x"}, {"a": None, "b": "y"}, {"a": 2.5, "b": "z"}]
    pq.write_table(pa.table({"a": [2**53 + 1], "b": ["w"]}), tmp_path / "3.parquet")
    with pytest.raises(
        DatasetError, match=r"3\.parquet: `a` is int64 here and double in other files.*9007199254740993"
    ):
        rows(opened(tmp_path))
    assert len(rows(opened(tmp_path), columns=["b"])) == 4
