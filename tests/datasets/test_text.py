from __future__ import annotations

import datetime as dt
import math
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from muster.datasets.text import Starts, convert, spread, without_faulty
from muster.errors import InvalidInput

BAD = object()


def naive(iso: str) -> dt.datetime:
    return dt.datetime.fromisoformat(iso)


def read(texts: list[str | None], kind: pa.DataType) -> list[Any]:
    """The values, with BAD where there is none."""
    found, bad = convert(pa.array(texts, pa.string()), kind)
    assert found.type == kind
    assert len(found) == len(texts)
    return [BAD if bad is not None and bad[i] else value for i, value in enumerate(found.to_pylist())]


CASES: list[tuple[pa.DataType, list[str | None], list[Any]]] = [
    (pa.int64(), ["1", "+5", " 7 ", "007", "3.0", "1e3", "NA", "", None], [1, 5, 7, 7, 3, 1000, None, None, None]),
    (pa.int64(), ["0x1F", "3.5", "x", "99999999999999999999", "1_0", "12 3"], [BAD] * 6),
    (pa.int64(), ["0.", "9007199254740993", "+9007199254740993"], [0, 2**53 + 1, 2**53 + 1]),
    (pa.int64(), ["9007199254740991.0", "9007199254740992.0", "9007199254740993.0"], [2**53 - 1, BAD, BAD]),
    (pa.int64(), ["-9007199254740993.0", "0.99999999999999999999", "1.00000000000000000001"], [BAD] * 3),
    (pa.int64(), ["1.50e1", ".0", "100000000000000000.00", "-1.0000000000000000000000"], [15, 0, BAD, -1]),
    (pa.int8(), ["127", "128", "-128", "-1.0"], [127, BAD, -128, -1]),
    (pa.uint64(), ["18446744073709551615", "-1"], [2**64 - 1, BAD]),
    (
        pa.float64(),
        ["1", "1.5", "+1e5", "inf", "-Infinity", "NaN", "nan", ""],
        [1, 1.5, 1e5, math.inf, -math.inf, None, None, None],
    ),
    (pa.float64(), ["1e400", "1,5", "0x1p3", "abc"], [BAD] * 4),
    (pa.float32(), ["0.5", "1e39", "inf"], [0.5, BAD, math.inf]),
    (pa.float16(), ["1.5", "70000"], [1.5, BAD]),
    (
        pa.bool_(),
        ["true", "T", "yes", "1", "y", "FALSE", "f", "No", "0", "0.0", "NA"],
        [True] * 5 + [False] * 5 + [None],
    ),
    (pa.bool_(), ["2", "maybe"], [BAD, BAD]),
    (
        pa.date32(),
        ["2024-02-29", " 2024-01-02 ", "2023-02-29", "x"],
        [dt.date(2024, 2, 29), dt.date(2024, 1, 2), BAD, BAD],
    ),
    (pa.date64(), ["2024-02-29"], [dt.date(2024, 2, 29)]),
    (
        pa.timestamp("us"),
        ["2024-01-01", "2024-01-01 10:11", "x"],
        [naive("2024-01-01"), naive("2024-01-01T10:11"), BAD],
    ),
    (pa.timestamp("us"), ["2024-01-01 10:00:00Z"], [BAD]),
    (
        pa.timestamp("s", "UTC"),
        ["2024-01-01 10:00:00+02:00", "2024-01-01"],
        [dt.datetime(2024, 1, 1, 8, tzinfo=dt.UTC), BAD],
    ),
    (
        pa.time64("us"),
        ["10:11", "10:11:12.5", "25:00", "NA"],
        [dt.time(10, 11), dt.time(10, 11, 12, 500000), BAD, None],
    ),
    (pa.time32("s"), ["10:11:12", "x"], [dt.time(10, 11, 12), BAD]),
    (pa.duration("s"), ["5", "x", "0x1F"], [dt.timedelta(seconds=5), BAD, BAD]),
    (pa.decimal128(5, 2), ["1.50", "1.555", "99999", "NA"], [Decimal("1.50"), BAD, BAD, None]),
    (pa.list_(pa.int8()), ["[1, null]", "[300]", "x", "NA", "5"], [[1, None], BAD, BAD, None, BAD]),
    (pa.list_(pa.int64()), ["[1.5]", "[2.0]", "[true]", '["1"]', "[9007199254740993.0]"], [BAD, [2], BAD, BAD, BAD]),
    (pa.list_(pa.float32()), ["[1e40]", "[0.5]", "[Infinity]"], [BAD, [0.5], [math.inf]]),
    (
        pa.list_(pa.decimal128(22, 2)),
        ["[12345678901234567890.12]", "[0.125]"],
        [[Decimal("12345678901234567890.12")], BAD],
    ),
    (pa.struct([("a", pa.int8())]), ['{"a": 1, "a": 2}', '{"a": 1.5}', '{"a": null}'], [BAD, BAD, {"a": None}]),
    (pa.struct([("a", pa.int8())]), ['{"a": 1, "b": 2}', "[1]"], [{"a": 1}, BAD]),
    (pa.dictionary(pa.int8(), pa.string()), ["a", "NA", None], ["a", "NA", None]),
    (pa.dictionary(pa.int8(), pa.int64()), ["1", "x"], [1, BAD]),
    (pa.string(), ["a", "NA", "", " b ", None], ["a", "NA", "", " b ", None]),
    (pa.large_string(), ["NA", None], ["NA", None]),
    (pa.binary(), ["w6k=", "null", "", None], ["é".encode(), b"\x9e\xe9e", b"", None]),
    (pa.null(), ["NA", "x"], [None, BAD]),
]


@pytest.mark.parametrize(("kind", "texts", "values"), CASES, ids=lambda v: str(v) if isinstance(v, pa.DataType) else "")
def test_text_as_values(kind: pa.DataType, texts: list[str | None], values: list[Any]) -> None:
    assert read(texts, kind) == values
    assert [read([text], kind)[0] for text in texts] == values
    assert read([], kind) == []


def test_what_text_cannot_be_is_refused() -> None:
    with pytest.raises(InvalidInput, match="month_day_nano_interval"):
        convert(pa.array(["x"]), pa.month_day_nano_interval())


@given(st.lists(st.one_of(st.none(), st.text(max_size=6), st.integers().map(str), st.floats().map(str)), max_size=40))
def test_bad_values_are_found_wherever_they_stand(texts: list[str | None]) -> None:
    for kind in (pa.int64(), pa.float64(), pa.bool_(), pa.date32()):
        assert read(texts, kind) == [read([text], kind)[0] for text in texts]


@given(st.lists(st.one_of(st.none(), st.floats(allow_nan=False)), max_size=20))
def test_doubles_survive_their_text(values: list[float | None]) -> None:
    assert read([None if v is None else repr(v) for v in values], pa.float64()) == values


@given(st.lists(st.text(max_size=5), max_size=10), st.integers(0, 10), st.integers(0, 10))
def test_the_bytes_of_strings_are_seen_where_they_are(texts: list[str], begin: int, size: int) -> None:
    part = pa.array(texts, pa.string()).slice(min(begin, len(texts)), size)
    where, content = spread(part)
    found = [content[a:b].tobytes().decode() for a, b in pairwise(where)]
    assert found == part.to_pylist()
    starts = Starts.of(part)
    plain = [t.removeprefix("-").encode() for t in part.to_pylist()]
    assert starts.first.tolist() == [t[0] if t else 0 for t in plain]
    assert starts.second.tolist() == [t[1] if len(t) > 1 else 0 for t in plain]


def test_a_row_with_several_bad_values_is_one_fault_that_names_all() -> None:
    schema = pa.schema([("a", pa.int64()), ("b", pa.date32()), ("c", pa.string())])
    texts = pa.record_batch({"a": ["1", "x", "3"], "b": ["2024-01-01", "y", "z"], "c": ["p", "q", "r"]})
    read_columns = {f.name: convert(texts.column(f.name), f.type) for f in schema}
    batch, faults = without_faulty(read_columns, schema, 3, lambda row: texts.slice(row, 1).to_pylist()[0])
    assert batch.to_pylist() == [{"a": 1, "b": dt.date(2024, 1, 1), "c": "p"}]
    assert [(f.row, f.error) for f in faults] == [
        (1, "`a` is no int64: 'x'; `b` is no date32[day]: 'y'"),
        (2, "`b` is no date32[day]: 'z'"),
    ]
    assert faults[0].values == {"a": "x", "b": "y", "c": "q"}


def test_without_faults_the_batch_is_whole() -> None:
    schema = pa.schema([("a", pa.int64())])
    batch, faults = without_faulty({"a": (pa.array([1, 2]), None)}, schema, 2, lambda row: {})
    assert (batch.num_rows, faults) == (2, ())
    assert pc.sum(batch.column("a")).as_py() == 3
