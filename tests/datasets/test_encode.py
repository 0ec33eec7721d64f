from __future__ import annotations

import csv
import datetime as dt
import gzip
import io
import json
import math
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from muster.datasets.encode import Encoding
from muster.datasets.json_text import json_lines, plain
from muster.errors import InvalidInput
from tests.datasets.tables import opened, table, types, written

ZONED = dt.datetime(2024, 7, 1, 10, tzinfo=dt.UTC)
EVERYTHING = pa.table(
    {
        "int": [1, None],
        "float": [1.0, math.nan],
        "more": [1e20, math.inf],
        "text": ['a"\n\\é\x01', None],
        "bytes": [b"\xff", None],
        "zoned": pa.array([ZONED, None], pa.timestamp("us", "Europe/Berlin")),
        "time": pa.array([ZONED.replace(tzinfo=None), None], pa.timestamp("ms")),
        "struct": [{"a": [1.0, None]}, None],
        "map": pa.array([[("k", 1)], None], pa.map_(pa.string(), pa.int8())),
        "dictionary": pa.array(["x", None]).dictionary_encode(),
        "decimal": [Decimal("1.50"), None],
        "bool": [True, None],
        "null": pa.nulls(2),
        "half": pa.array([1.5, 2], pa.float16()),
        "duration": pa.array([5, None], pa.duration("s")),
        "date": [dt.date(2024, 1, 2), None],
        "clock": [dt.time(1, 2, 3, 4), None],
        "uuid": pa.array([b"x" * 16, None], pa.uuid()),
        "view": pa.array(["q", None], pa.string_view()),
        "large": pa.array(["q", ""], pa.large_string()),
    }
)


def test_json_of_every_type() -> None:
    first, second = (
        json.loads(line, parse_constant=pytest.fail) for line in bytes(json_lines(EVERYTHING)).splitlines()
    )
    assert first == {
        "int": 1, "float": 1.0, "more": 1e20, "text": 'a"\n\\é\x01', "bytes": "/w==", "zoned": "2024-07-01T10:00:00.000000Z",
        "time": "2024-07-01T10:00:00.000", "struct": {"a": [1.0, None]}, "map": {"k": 1}, "dictionary": "x", "decimal": 1.5,
        "bool": True, "null": None, "half": 1.5, "duration": 5, "date": "2024-01-02", "clock": "01:02:03.000004",
        "uuid": "eHh4eHh4eHh4eHh4eHh4eA==", "view": "q", "large": "q",
    }  # fmt: skip
    assert {k: v for k, v in second.items() if v is not None} == {"half": 2.0, "large": ""}


def test_csv_of_every_type() -> None:
    header, first, second = csv.reader(io.StringIO(bytes(Encoding("csv").encode(EVERYTHING)).decode()))
    found = dict(zip(header, first, strict=True))
    assert list(found) == EVERYTHING.schema.names
    assert found["zoned"] == "2024-07-01 10:00:00.000000Z"
    assert found["struct"] == '{"a":[1.0,null]}'
    assert found["bytes"] == "/w=="
    assert (found["text"], found["clock"], found["duration"]) == ('a"\n\\é\x01', "01:02:03.000004", "5")
    assert [v for v in second if v] == ["nan", "inf", "2"]


SCALARS = {
    pa.int64(): st.integers(-(2**63), 2**63 - 1),
    pa.float64(): st.floats(allow_nan=False, allow_infinity=False),
    pa.bool_(): st.booleans(),
    pa.string(): st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=8),
    pa.date32(): st.dates(),
    pa.timestamp("us"): st.datetimes(dt.datetime(1, 1, 1), dt.datetime(9999, 1, 1)),  # noqa: DTZ001  # times without a zone
    pa.timestamp("us", "UTC"): st.datetimes(timezones=st.just(dt.UTC), min_value=dt.datetime(2, 1, 1)),  # noqa: DTZ001  # the same
    pa.decimal128(9, 3): st.decimals(-99999, 99999, places=3),
    pa.list_(pa.int64()): st.lists(st.none() | st.integers(-9, 9), max_size=3),
    pa.struct([("a", pa.string())]): st.fixed_dictionaries(
        {"a": st.none() | st.text(st.characters(codec="utf-8"), max_size=3)}
    ),
}
FORMATS = [
    ("parquet", ""),
    ("arrow", ""),
    ("csv", ""),
    ("csv", ".gz"),
    ("csv", ".zst"),
    ("jsonl", ""),
    ("jsonl", ".gz"),
    ("jsonl", ".zst"),
]


@st.composite
def tables(draw: st.DrawFn) -> pa.Table:
    kinds = draw(st.lists(st.sampled_from(list(SCALARS)), min_size=1, max_size=5))
    rows = draw(st.integers(0, 12))
    columns = [pa.array(draw(st.lists(st.none() | SCALARS[k], min_size=rows, max_size=rows)), k) for k in kinds]
    return pa.Table.from_arrays(columns, [f"c{i} é\"'" for i in range(len(kinds))])


@pytest.mark.parametrize(("name", "packing"), FORMATS)
@given(tables(), st.integers(1, 15))
def test_every_format_gives_back_what_it_was_given(
    tmp_path_factory: pytest.TempPathFactory, name: str, packing: str, whole: pa.Table, size: int
) -> None:
    path = tmp_path_factory.mktemp("t") / f"x.{name}{packing}"
    path.write_bytes(Encoding(name, {"": None, ".gz": "gzip", ".zst": "zstd"}[packing]).encode(whole))
    found = opened(path).declare({f.name: f.type for f in whole.schema})
    if name == "jsonl" and not whole.num_rows:
        return
    assert table(found, size).to_pylist() == whole.to_pylist()


@given(tables(), st.integers(0, 12))
def test_text_in_pieces_is_the_same_text(whole: pa.Table, at: int) -> None:
    for name in ("csv", "jsonl"):
        for packing in (None, "gzip"):
            encoding = Encoding(name, packing)
            pieces = [
                encoding.encode(whole.slice(0, 0)),
                encoding.encode(whole.slice(0, at), header=False),
                encoding.encode(whole.slice(at), header=False),
            ]
            joined, single = b"".join(map(bytes, pieces)), bytes(encoding.encode(whole))
            assert (gzip.decompress(joined) == gzip.decompress(single)) if packing else joined == single


def test_doubles_stay_doubles_in_json(tmp_path: Path) -> None:
    whole = pa.table({"x": [1.0, 2.0, None, -0.0, 1e300, 123456789012345680.0]})
    found = opened(written(tmp_path / "x.jsonl", bytes(json_lines(whole))))
    assert types(found) == {"x": "double"}
    assert table(found).equals(whole)


def test_other_programs_read_what_is_written(tmp_path: Path) -> None:
    whole = pa.table(
        {"n": [1, None, 3], "s": ["a,b", 'q"q\n', ""], "t": pa.array([ZONED] * 3, pa.timestamp("us", "UTC"))}
    )
    rows = whole.to_pylist()
    paths = {}
    for name in ("csv", "jsonl", "arrow", "parquet"):
        paths[name] = written(tmp_path / f"x.{name}", bytes(Encoding(name).encode(whole)))
    assert pl.read_parquet(paths["parquet"]).to_dicts() == rows
    assert pl.read_ipc(paths["arrow"]).to_dicts() == rows
    assert pl.read_csv(paths["csv"], try_parse_dates=True).to_dicts() == rows
    assert pl.read_ndjson(paths["jsonl"]).select("n", "s").to_dicts() == whole.select(["n", "s"]).to_pylist()
    assert pd.read_csv(paths["csv"], keep_default_na=False)["s"].tolist() == ["a,b", 'q"q\n', ""]
    assert pd.read_json(paths["jsonl"], lines=True)["n"].tolist()[::2] == [1, 3]


def test_a_table_without_columns() -> None:
    nothing = pa.table({"a": [1, 2]}).select([])
    assert bytes(json_lines(nothing)) == b"{}\n{}\n"
    assert bytes(Encoding("csv").encode(nothing)) == b""


def test_parquet_is_one_row_group_of_the_wanted_compression() -> None:
    for compression in ("snappy", "zstd", "none"):
        encoding = Encoding.configure("parquet", None, {"compression": compression})
        group = pq.ParquetFile(pa.BufferReader(encoding.encode(pa.table({"a": range(300_000)})))).metadata.row_group(0)
        assert group.num_rows == 300_000
        assert group.column(0).compression == {"none": "UNCOMPRESSED"}.get(compression, compression.upper())


def test_wrong_options_are_named_at_once() -> None:
    with pytest.raises(
        InvalidInput, match=r"`compression` is one of .*, not 'zip'; an output in parquet has no option `delimiter`"
    ):
        Encoding.configure("parquet", None, {"compression": "zip", "delimiter": ";", "format": "parquet"})
    for sign in ("", "ab", "\n", '"', "é"):
        with pytest.raises(InvalidInput, match="`delimiter` is one sign"):
            Encoding.configure("csv", None, {"delimiter": sign})


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (math.nan, "nan"),
        (-math.inf, "-inf"),
        (b"\xff", "/w=="),
        (dt.date(2024, 1, 2), "2024-01-02"),
        (ZONED, "2024-07-01T10:00:00+00:00"),
        (Decimal("1.50"), "1.50"),
        (dt.timedelta(seconds=5), "0:00:05"),
        ({1: (math.nan, [b""])}, {"1": ["nan", [""]]}),
        (None, None),
        (True, True),
    ],
)
def test_python_values_become_json(value: object, expected: Any) -> None:
    assert plain(value, endless=True) == expected
    json.dumps(plain(value), allow_nan=False)


@pytest.mark.parametrize("name", ["csv", "jsonl"])
@pytest.mark.parametrize("kind", [pa.binary(), pa.large_binary(), pa.binary(3)], ids=str)
def test_bytes_that_are_written_are_read_back(tmp_path: Path, name: str, kind: pa.DataType) -> None:
    """Also those whose base64 looks like a word for null."""
    values = [b"\x9e\xe9e", None, b"\xff\x00a", b"abc"] + ([] if kind == pa.binary(3) else [b"", b"\xff"])
    written_out = pa.table({"n": range(len(values)), "b": pa.array(values, kind)})
    file = tmp_path / f"x.{name}"
    file.write_bytes(Encoding(name).encode(written_out))
    assert table(opened(file).declare({"b": kind}))["b"].to_pylist() == values


@pytest.mark.parametrize(
    ("name", "content"), [("csv", "n,b\n1,YQ==\n2,a!\n"), ("jsonl", '{"b": "YQ=="}\n{"b": "a!"}\n')]
)
def test_what_is_not_base64_is_a_fault_of_its_row(tmp_path: Path, name: str, content: str) -> None:
    file = written(tmp_path / f"x.{name}", content)
    (part,) = opened(file).declare({"b": pa.binary()}).parts(10)
    (chunk,) = part.chunks(10, ["b"])
    assert chunk.batch["b"].to_pylist() == [b"a"]
    assert [(f.row, "`b` is no binary: 'a!'" in f.error) for f in chunk.faults] == [(1, True)]
