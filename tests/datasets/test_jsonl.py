from __future__ import annotations

import datetime as dt
import json
import math
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

import muster.datasets.jsonl as module
from muster.datasets.json_values import parsed_types, parsed_values, union
from muster.errors import DatasetError, InvalidInput
from tests.datasets.tables import chunks, faults, opened, rows, types, written


def jsonl(folder: Path, *lines: object) -> Path:
    text = "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines)
    return written(folder / "x.jsonl", text)


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([1, 2, None], "int64"),
        ([1, 2.5], "double"),
        ([1, 2**63], "string"),
        ([-(2**63) - 1], "string"),
        ([1, 2**63, 2.5], "double"),
        ([1e300, 1], "double"),
        ([[1], [2**64]], "list<item: string>"),
        ([True, None], "bool"),
        (["a", "2024-01-01"], "string"),
        (["2024-01-01T10:00:00Z"], "string"),
        ([None], "null"),
        ([[1, None], []], "list<item: int64>"),
        ([[1], [2.5]], "list<item: double>"),
        ([{"a": 1}, {"b": "x"}, {}], "struct<a: int64, b: string>"),
        ([{"a": {"b": [1]}}, {"a": {"b": [{"c": 1}]}}], "struct<a: struct<b: list<item: string>>>"),
        ([1, "a"], "string"),
        ([1, True], "string"),
        ([[1], 1], "string"),
        ([{"a": 1}, [1]], "string"),
        ([math.nan, 1], "double"),
    ],
)
def test_the_type_of_values(tmp_path: Path, values: list[Any], kind: str) -> None:
    for order in (values, values[::-1]):
        assert (
            types(opened(jsonl(tmp_path, *({"x": v} for v in order))))["x"].replace(
                "b: string, a: int64", "a: int64, b: string"
            )
            == kind
        )


def test_types_are_those_of_every_line_and_keys_come_as_they_appear(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_BLOCK", 256)
    lines: list[object] = [{"b": i} for i in range(200)]
    found = opened(jsonl(tmp_path, *lines, {"a": "x", "b": 1.5}, *lines))
    assert types(found) == {"b": "double", "a": "string"}
    assert found.rows() == 401
    assert rows(found)[200] == {"b": 1.5, "a": "x"}
    assert rows(found)[0] == {"b": 0.0, "a": None}


def test_values_of_different_kinds_are_the_text_of_their_json(tmp_path: Path) -> None:
    path = jsonl(tmp_path, *({"x": v} for v in (1, "a", True, None, [1, {"b": "é"}], 2.5)))
    assert [r["x"] for r in rows(opened(path))] == ["1", "a", "true", None, '[1, {"b": "é"}]', "2.5"]


def test_whole_numbers_that_no_type_holds_keep_their_digits(tmp_path: Path) -> None:
    ids = [18446744073709551615, 9007199254740993, -9223372036854775809]
    path = jsonl(tmp_path, *({"id": n, "list": [n], "x": {"id": n}} for n in ids))
    assert rows(opened(path)) == [{"id": str(n), "list": [str(n)], "x": {"id": str(n)}} for n in ids]


def test_bad_lines_are_faults_of_their_rows(tmp_path: Path) -> None:
    lines = [
        '{"a": 1}',
        "",
        "nonsense",
        "[1]",
        '{"a": 1, "a": 2}',
        '{"a": {"b": 1, "b": 2}}',
        "  ",
        '{"a": 3}{"a": 4}',
        '{"a":',
        "5}",
        '{"a": "\\ud800"}',
        "7",
        '{"a": 9}',
    ]
    path = written(tmp_path / "x.jsonl", "\r\n".join(lines).encode() + b'\n{"a": "\xff"}\n{"a": 10}')
    for size in (1, 4, 100):
        found = opened(path)
        assert [r["a"] for r in rows(found, size)] == [1, 9, 10]
        told = faults(found, size)
        assert [f.row for f in told] == [1, 2, 3, 4, 5, 6, 7, 8, 9, 11]
        reasons = [
            "no JSON",
            "no object",
            "`a` twice",
            "`b` twice",
            "no JSON",
            "no JSON",
            "no JSON",
            "surrogate",
            "no object",
            "no UTF-8: byte 0xff",
        ]
        for fault, reason in zip(told, reasons, strict=True):
            assert reason in fault.error, fault
        assert told[0].values == {"line": "nonsense"}


def test_duplicates_count_only_in_columns_that_are_read(tmp_path: Path) -> None:
    for other in ("", "nonsense"):
        path = written(tmp_path / "x.jsonl", '{"a": 1, "b": 1, "b": 2}\n{"a": 2, "b": 3}\n' + other)
        assert [r["a"] for r in rows(opened(path), columns=["a"])] == [1, 2]
        assert [r["a"] for r in rows(opened(path), columns=["a", "b"])] == [2]


def test_two_lines_that_arrow_takes_for_one_row_and_one_for_two(tmp_path: Path) -> None:
    path = written(tmp_path / "x.jsonl", '{"a":1}{"a":2}\n{"a":\n3}\n{"a":4}\n')
    assert [r["a"] for r in rows(opened(path))] == [4]
    assert [f.row for f in faults(opened(path))] == [0, 1, 2]


DECLARED: list[tuple[pa.DataType, list[Any], list[Any]]] = [
    (pa.int64(), [1, "7", 3.0, math.nan, None], [1, 7, 3, None, None]),
    (pa.int8(), [300, 1.5, True, "x", [1], {}, math.inf, 9.1e15], []),
    (pa.float32(), [1, 2.5, "3.5", math.nan], [1.0, 2.5, 3.5, math.nan]),
    (pa.float64(), [True, "x", []], []),
    (pa.bool_(), [True, "yes", False], [True, True, False]),
    (pa.bool_(), [1, "2"], []),
    (pa.date32(), ["2024-01-02", None], [dt.date(2024, 1, 2), None]),
    (pa.date32(), [5, "x"], []),
    (pa.duration("ms"), [5, "7", None], [dt.timedelta(milliseconds=5), dt.timedelta(milliseconds=7), None]),
    (pa.duration("ms"), [1.5, True, "x"], []),
    (
        pa.timestamp("us", "UTC"),
        ["2024-01-02T03:04:05+00:00", ""],
        [dt.datetime(2024, 1, 2, 3, 4, 5, tzinfo=ZoneInfo("UTC")), None],
    ),
    (pa.string(), ["a", 1, True, {"b": [1]}], ["a", "1", "true", '{"b": [1]}']),
    (pa.list_(pa.float64()), [[1, 2.5], None, "[3]"], [[1.0, 2.5], None, [3.0]]),
    (pa.list_(pa.float64(), 2), [[1, 2], [3, 4]], [[1.0, 2.0], [3.0, 4.0]]),
    (pa.list_(pa.float64(), 2), [[1, 2, 3], ["x", 1]], []),
    (pa.struct([("a", pa.string())]), [{"a": 1}, {}], [{"a": "1"}, {"a": None}]),
    (pa.map_(pa.string(), pa.int64()), [{"a": 1}], [[("a", 1)]]),
    (pa.dictionary(pa.int8(), pa.string()), ["a", "b"], ["a", "b"]),
]


@pytest.mark.parametrize(
    ("kind", "given_values", "expected"), DECLARED, ids=lambda v: str(v) if isinstance(v, pa.DataType) else ""
)
def test_declared_types(tmp_path: Path, kind: pa.DataType, given_values: list[Any], expected: list[Any]) -> None:
    found = opened(jsonl(tmp_path, *({"x": v} for v in given_values))).declare({"x": kind})
    for size in (1, 100):
        assert repr([r["x"] for r in rows(found, size)]) == repr(expected)
        assert len(faults(found, size)) == len(given_values) - len(expected)
    assert found.types(["x"]).field("x").type == kind


@pytest.mark.parametrize(
    ("kind", "number", "expected"),
    [
        (pa.float64(), "1e400", None),
        (pa.float64(), "1" + "0" * 400, None),
        (pa.float64(), "Infinity", math.inf),
        (pa.float32(), "1e40", None),
        (pa.list_(pa.float32()), "[1, -1e40]", None),
        (pa.struct([("a", pa.float64())]), '{"a": 1e400}', None),
        (pa.int64(), "9007199254740993.0", None),
        (pa.int64(), "0.99999999999999999999", None),
        (pa.int64(), "1e999999999999", None),
        (pa.decimal128(30, 2), "1e999999999999", None),
        (pa.decimal128(30, 2), "12345678901234567890.12", Decimal("12345678901234567890.12")),
        (pa.string(), "12345678901234567890.120", "12345678901234567890.120"),
        (pa.string(), "1e400", "1e400"),
    ],
    ids=str,
)
@pytest.mark.parametrize("more", ["", "[]"])
def test_a_number_is_kept_or_a_fault(
    tmp_path: Path, kind: pa.DataType, number: str, expected: object, more: str
) -> None:
    """`more` is a line that Arrow's parser does not take, so that all are read one by one."""
    path = written(tmp_path / "x.jsonl", f'{{"x": {number}}}\n{{"x": null}}\n{more}\n')
    found = opened(path).declare({"x": kind})
    assert [r["x"] for r in rows(found)] == ([None] if expected is None else [expected, None])
    assert [f.row for f in faults(found)] == [0] * (expected is None) + [2] * bool(more)


def test_a_declared_fault_tells_the_row(tmp_path: Path) -> None:
    found = opened(jsonl(tmp_path, {"a": 1, "b": "x"}, {"a": "no", "b": "y"}, {"a": 3, "b": "z"})).declare(
        {"a": pa.int64()}
    )
    (fault,) = faults(found)
    assert (fault.row, fault.error, dict(fault.values)) == (1, "`a` is no int64: 'no'", {"a": "no", "b": "y"})


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**64), 2**64)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)
OBJECTS = st.lists(st.dictionaries(st.sampled_from("abc"), JSON, max_size=3), max_size=12)


@given(OBJECTS, st.integers(1, 5))
def test_every_object_is_a_row_of_the_inferred_types(objects: list[dict[str, Any]], cut: int) -> None:
    lines = pa.array([json.dumps(o).encode() + b"\n" for o in objects], pa.binary())
    blocks = [lines.slice(i, cut) for i in range(0, len(lines), cut)]
    found: dict[str, pa.DataType] = {}
    for block in blocks:
        kinds, good = parsed_types(block)
        assert good == len(block)
        found = union(found, kinds)
    assert found == union({}, parsed_types(lines)[0])
    schema = pa.schema(list(found.items()))
    for block, start in zip(blocks, range(0, len(lines), cut), strict=True):
        batch, bad = parsed_values(block, schema)
        assert bad == ()
        assert batch.num_rows == len(block)
        for row, source in zip(batch.to_pylist(), objects[start:], strict=False):
            for name, kind in found.items():
                if kind in (pa.bool_(), pa.int64()):
                    assert row[name] == source.get(name)
                elif kind == pa.string() and not isinstance(source.get(name), str):
                    assert row[name] is None or json.loads(row[name]) == source[name]
                elif kind == pa.string():
                    assert row[name] == source[name]


@given(OBJECTS, st.lists(st.sampled_from(["x", "{}{}", "[]", '{"a":1,"a":2}']), min_size=1, max_size=3))
def test_one_by_one_gives_what_arrow_gives(objects: list[dict[str, Any]], bad: list[str]) -> None:
    good = pa.array([json.dumps(o).encode() + b"\n" for o in objects], pa.binary())
    spoilt = pa.concat_arrays([good, pa.array([b.encode() + b"\n" for b in bad], pa.binary())])
    schema = pa.schema(list(parsed_types(good)[0].items()))
    assert dict(union({}, parsed_types(good)[0])) == dict(union({}, parsed_types(spoilt)[0])) or not objects
    whole, _ = parsed_values(good, schema)
    batch, found = parsed_values(spoilt, schema)
    assert repr(batch.slice(0, len(objects)).to_pylist()) == repr(whole.to_pylist())
    assert len(found) + batch.num_rows == len(spoilt)


def test_columns_may_be_none(tmp_path: Path) -> None:
    found = opened(jsonl(tmp_path, {}, {"a": 1}, "x"))
    (chunk,) = chunks(found, columns=[])
    assert (chunk.batch.num_rows, len(chunk.faults)) == (2, 1)
    assert rows(opened(written(tmp_path / "empty.jsonl", ""))) == []


def test_keys_of_all_files_are_columns(tmp_path: Path) -> None:
    written(tmp_path / "a.jsonl", '{"a": 1}\n')
    written(tmp_path / "b.jsonl", '{"b": 1, "a": 2.5}\n')
    assert rows(opened(tmp_path)) == [{"a": 1.0, "b": None}, {"a": 2.5, "b": 1}]


def test_what_is_no_json_lines_is_told(tmp_path: Path) -> None:
    cases = {
        '[{"a": 1},\n{"a": 2}]': "is one JSON array",
        '{\n "a": 1\n}\n': "none of its 3 lines is a JSON object",
        "a,b\n1,2\n": "none of its 2 lines is a JSON object; it looks like text",
    }
    for text, told in cases.items():
        with pytest.raises(DatasetError, match=told):
            opened(written(tmp_path / "x.json", text))
    with pytest.raises(DatasetError, match="UTF-16"):
        opened(written(tmp_path / "x.json", '{"a": 1}'.encode("utf-16")))
    with pytest.raises(DatasetError, match="no name"):
        opened(written(tmp_path / "x.json", '{"": 1}'))
    with pytest.raises(InvalidInput, match="no option `delimiter`"):
        opened(f"{written(tmp_path / 'x.json', '{}')}?delimiter=;")
    assert rows(opened(written(tmp_path / "x.json", b'\xef\xbb\xbf{"a": 1}'))) == [{"a": 1}]


def test_lines_longer_than_a_block_and_beyond_all_bounds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = jsonl(tmp_path, {"a": "x" * 100_000}, {"a": "y"})
    monkeypatch.setattr(module, "_BLOCK", 1_000)
    assert [len(r["a"]) for r in rows(opened(path))] == [100_000, 1]
    monkeypatch.setattr(module, "_LONGEST_LINE", 50_000)
    with pytest.raises(DatasetError, match="a line is longer than"):
        opened(path.rename(tmp_path / "y.jsonl"))
