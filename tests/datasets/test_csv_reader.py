from __future__ import annotations

import csv
import io
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

import muster.datasets.csv_reader as module
from muster.dataset import Fault
from muster.datasets.content import Disk
from muster.datasets.csv_reader import text_pieces
from muster.datasets.files import File
from muster.datasets.sniff import Layout
from muster.errors import DatasetError
from tests.datasets.tables import written

FIELDS = st.text(st.sampled_from("ab,;\"\r\n '\u00e9\U0001f600"), max_size=6)
RECORDS = st.lists(st.lists(FIELDS, min_size=1, max_size=4), max_size=30)


def read(
    path: Path, names: tuple[str, ...], block: int = 1 << 20, picked: tuple[str, ...] | None = None, **layout: object
) -> tuple[list[dict[str, str | None]], list[Fault], int]:
    """Rows, faults by their row in the file, and how many of both."""
    file = File(Disk(path), path.name, path.stat().st_size)
    given = replace(Layout("utf-8", ",", '"', header=True, names=names, block=block), **layout)  # type: ignore[arg-type]
    rows: list[dict[str, str | None]] = []
    faults: list[Fault] = []
    start = 0
    for piece in text_pieces(file, given, names if picked is None else picked, ()):
        assert piece.batch is not None
        rows += piece.batch.to_pylist()
        faults += [replace(f, row=start + f.row) for f in piece.faults]
        start += piece.length
    return rows, faults, start


WRITERS = st.fixed_dictionaries(
    {"quoting": st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]), "lineterminator": st.sampled_from(["\n", "\r\n"])}
)


@given(RECORDS, st.integers(2, 3), WRITERS, st.integers(40, 300), st.booleans())
def test_rows_and_their_numbers_are_those_of_another_reader(
    records: list[list[str]], width: int, writer: dict[str, Any], block: int, ends: bool
) -> None:
    names = tuple("xyz"[:width])
    out = io.StringIO()
    csv.writer(out, **writer).writerows([list(names), *records])
    text = out.getvalue() if ends else out.getvalue().removesuffix(writer["lineterminator"])
    with TemporaryDirectory() as folder:
        rows, faults, total = read(written(Path(folder) / "x.csv", text), names, block)
    parsed = [r for r in csv.reader(io.StringIO(text, newline="")) if r][1:]
    good = [dict(zip(names, r, strict=True)) for r in parsed if len(r) == width]
    assert total == len(parsed)
    assert [{k: v or "" for k, v in row.items()} for row in rows] == good
    assert [f.row for f in faults] == [i for i, r in enumerate(parsed) if len(r) != width]


@pytest.mark.parametrize("block", range(24, 48))
def test_a_line_end_in_quotes_is_kept_wherever_blocks_meet(tmp_path: Path, block: int) -> None:
    path = written(tmp_path / "x.csv", "x,y\n" + '1,"a\r\nb\r\nc\r"\r\n' * 30)
    rows, faults, _ = read(path, ("x", "y"), block)
    assert (rows, faults) == ([{"x": "1", "y": "a\r\nb\r\nc\r"}] * 30, [])


def test_ragged_lines_have_their_own_numbers_across_blocks(tmp_path: Path) -> None:
    lines = ["a,b"] + [f"{i},{i}" if i % 10 else f"{i}" for i in range(5_000)]
    path = written(tmp_path / "x.csv", "\n\n".join(lines))
    for block in (64, 1_000, 1 << 20):
        rows, faults, total = read(path, ("a", "b"), block)
        assert total == 5_000
        assert [int(str(r["a"])) for r in rows] == [i for i in range(5_000) if i % 10]
        assert [f.row for f in faults] == list(range(0, 5_000, 10))
        assert faults[1] == Fault(10, "the line has 1 field, the header 2", {"line": "10"})


def test_an_unquoted_empty_field_is_null_and_a_quoted_one_is_not(tmp_path: Path) -> None:
    rows, _, _ = read(written(tmp_path / "x.csv", 'a,b\n,""\n'), ("a", "b"))
    assert rows == [{"a": None, "b": ""}]


def test_a_blank_line_is_a_row_only_where_there_is_one_column(tmp_path: Path) -> None:
    assert read(written(tmp_path / "x.csv", "a\n1\n\n2\n\n"), ("a",)) == (
        [{"a": "1"}, {"a": None}, {"a": "2"}, {"a": None}],
        [],
        4,
    )
    assert read(written(tmp_path / "x.csv", "a,b\n\n1,2\n\n"), ("a", "b")) == ([{"a": "1", "b": "2"}], [], 1)


def test_without_a_header_the_first_line_is_row_0(tmp_path: Path) -> None:
    rows, faults, total = read(written(tmp_path / "x.csv", "1,2\n3\n4,5\n"), ("f0", "f1"), header=False)
    assert ([r["f0"] for r in rows], [f.row for f in faults], total) == (["1", "4"], [1], 3)


def test_columns_are_picked(tmp_path: Path) -> None:
    path = written(tmp_path / "x.csv", "a,b,c\n1,2,3\n4\n5,6,7\n")
    assert read(path, ("a", "b", "c"), picked=("c", "a"))[0] == [{"c": "3", "a": "1"}, {"c": "7", "a": "5"}]
    rows, faults, total = read(path, ("a", "b", "c"), picked=())
    assert (rows, [f.row for f in faults], total) == ([{}, {}], [1], 3)


@pytest.mark.parametrize("block", [16, 1 << 20])
@pytest.mark.parametrize("tail", ["", "\n", '""', '""\n', "\nx,y\n", "\n\n\n"])
def test_a_quote_that_is_never_closed_is_told(tmp_path: Path, tail: str, block: int) -> None:
    path = written(tmp_path / "x.csv", f'a,b\n1,2\n3,"open{tail}')
    with pytest.raises(DatasetError, match="quote is never closed: what follows it is all in row 1") as caught:
        read(path, ("a", "b"), block)
    assert "quote=none" in caught.value.hint
    assert read(path, ("a", "b"), quote="")[0][1]["a"] == "3"


def test_a_closed_quote_at_the_very_end_is_fine(tmp_path: Path) -> None:
    for text in ('a,b\n1,"x\ny"', 'a,b\n1,"x\ny"\n', 'a,b\n1,"x\n""y"""'):
        rows, faults, total = read(written(tmp_path / "x.csv", text), ("a", "b"))
        assert (len(rows), faults, total) == (1, [], 1)


def test_a_row_that_is_longer_than_a_block_makes_blocks_grow(tmp_path: Path) -> None:
    long = "x" * 10_000
    path = written(tmp_path / "x.csv", f"a,b\n1,2\n3\n4,{long}\n5,6\n7\n8,9\n")
    rows, faults, total = read(path, ("a", "b"), 64)
    assert [r["a"] for r in rows] == ["1", "4", "5", "8"]
    assert rows[1]["b"] == long
    assert ([f.row for f in faults], total) == ([1, 4], 6)


def test_a_row_beyond_all_bounds_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_LARGEST_BLOCK", 1 << 10)
    path = written(tmp_path / "x.csv", "a,b\n" + "1,2\n" * 100 + f"4,{'x' * 50_000}\n")
    with pytest.raises(DatasetError, match=r"x\.csv: row \d+ or one soon after it has over"):
        read(path, ("a", "b"), 64)


BEFORE = [
    ("", 0),
    ("1,", 0),
    ("1,2\n", 1),
    ("1,2\n3\n4,", 2),
    ('1,2\n3,"4\n5', 1),
    ("1,2\n\n\n", 1),
    ("1,2\n" * 500 + "3,", 500),
]


@pytest.mark.parametrize("block", [32, 1 << 20])
@pytest.mark.parametrize(("before", "row"), BEFORE)
def test_a_byte_that_is_no_text_is_told_with_its_row(tmp_path: Path, before: str, row: int, block: int) -> None:
    path = written(tmp_path / "x.csv", b"a,b\n" + before.encode() + b"\xff,2\n3,4\n")
    with pytest.raises(DatasetError, match=rf"x\.csv: row {row} is no utf-8 text: byte 0xff") as caught:
        read(path, ("a", "b"), block)
    assert "?encoding=latin-1" in caught.value.hint


def test_another_encoding_that_does_not_fit_is_told(tmp_path: Path) -> None:
    path = written(tmp_path / "x.csv", "a,b\n1,é\n".encode("latin-1"))
    with pytest.raises(DatasetError, match=r"x\.csv: is no ascii text"):
        read(path, ("a", "b"), encoding="ascii")
    assert read(path, ("a", "b"), encoding="latin-1")[0] == [{"a": "1", "b": "é"}]


def test_memory_is_bounded_by_blocks(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    line = ("1" * 99 + ",") * 9 + "1\n"
    with path.open("w") as out:
        out.write(",".join(f"c{i}" for i in range(10)) + "\n")
        for _ in range(60):
            out.write(line * 1_000)
    pool = pa.default_memory_pool()
    names = tuple(f"c{i}" for i in range(10))
    given = Layout("utf-8", ",", '"', header=True, names=names)
    before = pool.bytes_allocated()
    peak = 0
    for _ in text_pieces(File(Disk(path), "x.csv", 0), given, names, ()):
        peak = max(peak, pool.bytes_allocated() - before)
    assert path.stat().st_size > 50 << 20
    assert peak < 16 << 20
