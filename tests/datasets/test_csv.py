from __future__ import annotations

import time
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest

from muster.datasets.csv import Csv
from muster.datasets.encode import Encoding
from muster.datasets.files import File
from muster.errors import DatasetError, InvalidInput
from tests.datasets.tables import chunks, faults, opened, rows, types, written


def test_types_are_inferred_over_the_whole_file(tmp_path: Path) -> None:
    body = "".join(f"{i},{i},{i},2024-01-01,{i}\n" for i in range(50_000))
    path = written(tmp_path / "x.csv", f"a,b,c,d,e\n{body}1,x,0.5,2024-01-01 10:00,007\n")
    assert types(opened(path)) == {"a": "int64", "b": "string", "c": "double", "d": "timestamp[us]", "e": "string"}
    assert opened(path).rows() is None
    found = opened(path)
    assert found.schema
    assert found.rows() == 50_001


def test_types_are_inferred_over_all_files(tmp_path: Path) -> None:
    for name, body in (("a", "1,NA\n2,\n"), ("b", "1.5,x\n"), ("c", "")):
        written(tmp_path / f"{name}.csv", f"n,s\n{body}")
    assert types(opened(tmp_path)) == {"n": "double", "s": "string"}
    assert rows(opened(tmp_path)) == [{"n": 1.0, "s": "NA"}, {"n": 2.0, "s": None}, {"n": 1.5, "s": "x"}]


def test_only_columns_that_are_not_declared_are_inferred(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, ...]] = []
    scan = Csv._scan

    def noted(self: Csv, names: tuple[str, ...], file: File) -> object:
        asked.append(names)
        return scan(self, names, file)

    monkeypatch.setattr(Csv, "_scan", noted)
    found = opened(written(tmp_path / "x.csv", "a,b,c\n1,2,3\n")).declare({"a": pa.int8(), "b": pa.int8()})
    assert found.types(["b", "a"]) == pa.schema([("b", pa.int8()), ("a", pa.int8())])
    assert rows(found, columns=["a"]) == [{"a": 1}]
    assert asked == []
    assert rows(found, columns=["a", "c"]) == [{"a": 1, "c": 3}]
    assert asked == [("c",)]
    again = opened(tmp_path / "x.csv").declare({"a": pa.int8(), "b": pa.int8()})
    assert rows(again, columns=["c"]) == [{"c": 3}]
    assert asked == [("c",)], "the file was read through once"
    (tmp_path / "x.csv").write_text("a,b,c\n1,2,x\n")
    assert rows(opened(tmp_path / "x.csv"), columns=["c"]) == [{"c": "x"}]


def test_values_that_are_not_of_their_declared_type_are_faults_of_their_rows(tmp_path: Path) -> None:
    path = written(tmp_path / "x.csv", "a,b\n1,x\nuno,y\n3\n4,z\nNA,w\n")
    found = opened(path).declare({"a": pa.int64()})
    for size in (1, 2, 100):
        assert rows(found, size) == [{"a": 1, "b": "x"}, {"a": 4, "b": "z"}, {"a": None, "b": "w"}]
        assert [(f.row, f.error, dict(f.values)) for f in faults(found, size)] == [
            (1, "`a` is no int64: 'uno'", {"a": "uno", "b": "y"}),
            (2, "the line has 1 field, the header 2", {"line": "3"}),
        ]
    assert faults(found, columns=["b"]) == faults(found)[1:]
    assert [c.length for c in chunks(found, 2)] == [2, 2, 1]


def test_types_in_options_win_over_declared_ones(tmp_path: Path) -> None:
    path = written(tmp_path / "x.csv", "a,b c\n1,2\n")
    found = opened(f"{path}?type.a=string&type.b%20c=timestamp[us]").declare({"a": pa.int64(), "b c": pa.int64()})
    assert types(found) == {"a": "string", "b c": "timestamp[us]"}


def test_text_that_is_null_by_option_is_null_in_every_column(tmp_path: Path) -> None:
    path = written(tmp_path / "x.csv", 'a,b\n-,-\n1,NA\nmissing,"-"\n')
    assert rows(opened(f"{path}?null=-,missing")) == [
        {"a": None, "b": None},
        {"a": 1, "b": "NA"},
        {"a": None, "b": "-"},
    ]


def test_all_wrong_options_are_named_at_once(tmp_path: Path) -> None:
    path = written(tmp_path / "x.csv", "a,b\n1,2\n")
    with pytest.raises(InvalidInput) as caught:
        opened(f"{path}?delimter=;&quote=ab&header=maybe&encoding=zlib&type.a=intt&type=x&delimiter=")
    for told in (
        "`delimter`; did you mean `delimiter`",
        "'ab'",
        "'maybe'",
        "'zlib'",
        "`type.a`",
        "no option `type`",
        "`delimiter` cannot be empty",
    ):
        assert told in caught.value.message
    with pytest.raises(InvalidInput, match="both ';'"):
        opened(f"{path}?delimiter=;&quote=;")
    with pytest.raises(InvalidInput, match="does not have: `x`"):
        opened(f"{path}?type.x=int64")


@pytest.mark.parametrize(
    ("option", "delimiter"), [("tab", "\t"), ("%09", "\t"), ("\\t", "\t"), ("pipe", "|"), ("%26", "&"), (";", ";")]
)
def test_delimiters_have_names(tmp_path: Path, option: str, delimiter: str) -> None:
    path = written(tmp_path / "x.csv", f"a{delimiter}b\n1{delimiter}2\n")
    assert rows(opened(f"{path}?delimiter={option}")) == [{"a": 1, "b": 2}]


def test_a_header_only_gives_columns_without_rows(tmp_path: Path) -> None:
    for text in ("a,b", "a,b\n", "a,b\r\n\r\n"):
        found = opened(written(tmp_path / "x.csv", text))
        assert types(found) == {"a": "null", "b": "null"}
        (chunk,) = chunks(found)
        assert (chunk.length, chunk.last, chunk.batch.schema.names) == (0, True, ["a", "b"])


def test_ten_thousand_columns(tmp_path: Path) -> None:
    names = [f"column {i}" for i in range(10_000)]
    line = ",".join(str(i) if i % 2 else f"{i}.5" for i in range(10_000)) + "\n"
    found = opened(written(tmp_path / "x.csv", ",".join(names) + "\n" + line * 200))
    began = time.process_time()
    assert found.types(["column 1", "column 2"]).types == [pa.int64(), pa.float64()]
    assert len(found.schema) == 10_000
    (chunk,) = chunks(found, 1_000)
    assert (chunk.batch.num_rows, chunk.batch.num_columns) == (200, 10_000)
    assert chunk.batch.column(7).to_pylist() == [7] * 200
    assert time.process_time() - began < 30


def test_files_with_other_columns_are_refused_with_their_names(tmp_path: Path) -> None:
    written(tmp_path / "a.csv", "x,y\n1,2\n")
    written(tmp_path / "b.csv", "y,x\n3,4\n")
    assert rows(opened(tmp_path)) == [{"x": 1, "y": 2}, {"x": 4, "y": 3}]
    written(tmp_path / "c.csv", "x,z\n3,4\n")
    with pytest.raises(DatasetError, match=r"c\.csv lacks `y` and has `z` besides, beside a\.csv"):
        opened(tmp_path)


@pytest.mark.parametrize("suffix", [".gz", ".zst"])
def test_packed_files_that_are_cut_or_no_such_files(tmp_path: Path, suffix: str) -> None:
    table = pa.table({"a": range(50_000)})
    whole = bytes(Encoding("csv", {".gz": "gzip", ".zst": "zstd"}[suffix]).encode(table))
    path = written(tmp_path / f"x.csv{suffix}", whole)
    assert [r["a"] for r in rows(opened(path))] == list(range(50_000))
    written(path, whole[: len(whole) // 2])
    with pytest.raises(DatasetError, match=rf"x\.csv{suffix}: cannot be read: Truncated"):
        rows(opened(path))
    written(path, b"a,b\n1,2\n")
    with pytest.raises(DatasetError, match=rf"x\.csv{suffix}: cannot be read: .*it looks like text"):
        rows(opened(path))


def test_what_pandas_writes_is_read_as_it_was(tmp_path: Path) -> None:
    times = pd.to_datetime(["2024-01-01 10:00", "2024-01-02 00:00", "2024-01-03 00:00"])
    frame = pd.DataFrame(
        {
            "i": [1, 2, 3],
            "f": [1.5, float("nan"), -1e300],
            "whole": [1.0, float("nan"), 3.0],
            "s": ["a,b", 'q"q', "x\ny"],
            "b": [True, False, True],
            "t": times,
            "z": times.tz_localize("Europe/Berlin"),
        }
    )
    path = tmp_path / "x.csv"
    frame.to_csv(path, index=False)
    found = opened(path)
    assert list(types(found).values()) == [
        "int64",
        "double",
        "double",
        "string",
        "bool",
        "timestamp[us]",
        "timestamp[us, tz=UTC]",
    ]
    back = pa.Table.from_batches([c.batch for c in chunks(found)]).to_pandas()
    pd.testing.assert_frame_equal(back, frame.assign(z=frame["z"].dt.tz_convert("UTC")), check_dtype=False)
    assert rows(found.declare({"whole": pa.int32()}))[2]["whole"] == 3
    frame.to_csv(path)
    with pytest.raises(DatasetError, match="column 1 has no name") as caught:
        opened(path)
    assert "index=False" in caught.value.hint
