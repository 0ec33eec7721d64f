"""What is sent can be read again, whatever the values are, in every format."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from muster.predictors.external.codecs.encode import encode
from muster.predictors.external.codecs.spec import RequestSpec
from muster.predictors.external.codecs.tables import REQUESTS
from muster.signature import Json

Parse = Callable[[bytes, int], list[list[Any]]]

NAMES = ("i", "f", "s", "b")
INTS = st.integers(-(2**63), 2**63 - 1)
TEXTS = st.text(st.characters(codec="utf-8"), max_size=8)
ROW = st.tuples(
    st.none() | INTS,
    st.none() | st.floats(allow_nan=False, allow_infinity=False),
    st.none() | TEXTS,
    st.none() | st.booleans(),
)
TYPES = (pa.int64(), pa.float64(), pa.string(), pa.bool_())


def batch_of(rows: list[tuple[Any, ...]]) -> pa.RecordBatch:
    return pa.record_batch([pa.array([r[i] for r in rows], t) for i, t in enumerate(TYPES)], names=list(NAMES))


def by_record(find: Callable[[Any], Any]) -> Parse:
    return lambda body, _: [[record[n] for n in NAMES] for record in find(json.loads(body))]


def by_place(find: Callable[[Any], Any]) -> Parse:
    return lambda body, _: [list(row) for row in find(json.loads(body))]


def split(find: Callable[[Any], Any]) -> Parse:
    def parse(body: bytes, _: int) -> list[list[Any]]:
        document = find(json.loads(body))
        assert document["columns"] == list(NAMES)
        return [list(row) for row in document["data"]]

    return parse


def columns(body: bytes, _: int) -> list[list[Any]]:
    found = json.loads(body)["inputs"]
    return [list(row) for row in zip(*(found[n] for n in NAMES), strict=True)]


def tensors(body: bytes, rows: int) -> list[list[Any]]:
    found = {t["name"]: t for t in json.loads(body)["inputs"]}
    assert all(t["shape"] == [rows, 1] for t in found.values())
    return [list(row) for row in zip(*(found[n]["data"] for n in NAMES), strict=True)]


READERS: dict[str, Parse] = {
    "json-instances": by_place(lambda d: [r["features"] for r in d["instances"]]),
    "json-extended": by_place(lambda d: [r["data"]["features"]["values"] for r in d["instances"]]),
    "items": by_record(lambda d: [r["features"] for r in d["items"]]),
    "input_data": by_place(lambda d: d["input_data"]),
    "input_data-columns": split(lambda d: d["input_data"]),
    "input_data-index": split(lambda d: d["input_data"]),
    "data": by_place(lambda d: d["data"]),
    "automl": by_record(lambda d: d["data"]),
    "automl-inputs": by_record(lambda d: d["Inputs"]["data"]),
    "designer": by_record(lambda d: d["Inputs"]["input1"]),
    "instances-dict": by_record(lambda d: d["instances"]),
    "instances-list": by_place(lambda d: d["instances"]),
    "dataframe_split": split(lambda d: d["dataframe_split"]),
    "dataframe_split-index": split(lambda d: d["dataframe_split"]),
    "dataframe_split-list": split(lambda d: d["dataframe_split"][0]),
    "dataframe_records": by_record(lambda d: d["dataframe_records"]),
    "tf-inputs": columns,
    "tf-instances": by_record(lambda d: d["instances"]),
    "oip-v2": tensors,
    "jsonlines": lambda body, _: [json.loads(line)["features"] for line in body.split(b"\n") if line],
    "template": by_place(lambda d: [[r["i"], *r["rest"]] for r in d["all"]]),
}
OPTIONS: dict[str, dict[str, Json]] = {
    "oip-v2": {"tensors": "columns"},
    "template": {"template": {"all": {"$each": {"i": "$value:i", "rest": ["$value:f", "$value:s", "$value:b"]}}}},
}


def same(left: Any, right: Any) -> bool:
    """Equal and of one type; a zero keeps its sign."""
    if isinstance(left, float) and isinstance(right, float):
        return left == right and math.copysign(1, left) == math.copysign(1, right)
    return type(left) is type(right) and left == right


@pytest.mark.parametrize("name", READERS)
@given(rows=st.lists(ROW, max_size=6))
def test_values_come_back(name: str, rows: list[tuple[Any, ...]]) -> None:
    spec = RequestSpec.from_json({"format": name, **OPTIONS.get(name, {})})
    found = READERS[name](encode(batch_of(rows), spec).body, len(rows))
    assert len(found) == len(rows)
    assert all(same(a, b) for one, other in zip(found, rows, strict=True) for a, b in zip(one, other, strict=True))


def test_every_format_has_a_reader() -> None:
    assert {*READERS, "csv", "instances-strings"} == set(REQUESTS)


@given(rows=st.lists(ROW, max_size=6))
def test_values_come_back_as_texts(rows: list[tuple[Any, ...]]) -> None:
    found = json.loads(encode(batch_of(rows), RequestSpec.from_json("instances-strings")).body)["instances"]
    for record, (whole, fraction, text, flag) in zip(found, rows, strict=True):
        assert all(v is None or isinstance(v, str) for v in record.values())
        assert whole == (None if record["i"] is None else int(record["i"]))
        assert same(fraction, None if record["f"] is None else float(record["f"]))
        assert text == record["s"]
        assert flag == {None: None, "true": True, "false": False}[record["b"]]


def unquoted(body: bytes) -> list[list[str | None]]:
    """Records of CSV in which an empty field is a null, and a quoted one an empty text."""
    table: list[list[str | None]] = []
    text, field, record, quoted, inside, i = body.decode(), "", list[str | None](), False, False, 0
    while i <= len(text):
        sign = text[i] if i < len(text) else "\n"
        if inside:
            if sign != '"':
                field += sign
            elif text[i + 1 : i + 2] == '"':
                field, i = field + '"', i + 1
            else:
                inside = False
        elif sign == '"':
            inside = quoted = True
        elif sign in ",\n":
            record.append(field if field or quoted else None)
            field, quoted = "", False
            if sign == "\n":
                table.append(record)
                record = []
        else:
            field += sign
        i += 1
    return table


@given(rows=st.lists(ROW, min_size=1, max_size=6))
def test_values_come_back_from_csv(rows: list[tuple[Any, ...]]) -> None:
    body = encode(batch_of(rows), RequestSpec.from_json("csv")).body
    found = unquoted(body)
    assert len(found) == len(rows)
    for record, (whole, fraction, text, flag) in zip(found, rows, strict=True):
        assert whole == (None if record[0] is None else int(record[0]))
        assert same(fraction, None if record[1] is None else float(record[1]))
        assert text == record[2]
        assert flag == {None: None, "true": True, "false": False}[record[3]]
    # A common reader sees the same fields; it cannot tell a null from an empty text.
    common = list(csv.reader(io.StringIO(body.decode(), newline=""), strict=True))
    assert common == [[cell or "" for cell in record] for record in found]


@given(rows=st.lists(st.tuples(st.none() | TEXTS), min_size=1, max_size=6))
def test_a_single_column_of_csv_loses_no_row(rows: list[tuple[str | None]]) -> None:
    batch = pa.record_batch({"s": pa.array([r[0] for r in rows], pa.string())})
    body = encode(batch, RequestSpec.from_json("csv")).body
    common = [r for r in csv.reader(io.StringIO(body.decode(), newline=""), strict=True) if r]
    assert common == [[r[0] or ""] for r in rows]


@given(rows=st.lists(st.lists(st.none() | st.floats(width=32), min_size=2, max_size=2), max_size=5))
def test_float32_comes_back_as_float32(rows: list[list[float | None]]) -> None:
    batch = pa.record_batch([pa.array([r[i] for r in rows], pa.float32()) for i in range(2)], names=["a", "b"])
    found = json.loads(encode(batch, RequestSpec.from_json({"format": "data", "nan": "NaN"})).body)["data"]
    again = [pa.array([r[i] for r in found], pa.float32()) for i in range(2)]
    for sent, column in zip(again, batch.columns, strict=True):
        for left, right in zip(sent.to_pylist(), column.to_pylist(), strict=True):
            assert (right is None or math.isnan(right)) if math.isnan(left) else left == right


@given(rows=st.lists(ROW, min_size=1, max_size=4), where=st.integers(0, 3))
def test_a_value_that_is_left_out_is_a_null(rows: list[tuple[Any, ...]], where: int) -> None:
    spec = RequestSpec.from_json({"format": "dataframe_records", "nan": "omit"})
    found = json.loads(encode(batch_of(rows), spec).body)["dataframe_records"]
    expected = [{n: v for n, v in zip(NAMES, row, strict=True) if v is not None} for row in rows]
    assert found == expected
