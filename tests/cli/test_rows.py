"""Rows on stdin in all forms, and predictions on stdout."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import csv as arrow_csv
from pyarrow import ipc

import muster
from muster.cli.predictions import merged, show_predictions
from muster.cli.rows import Form, Rows, read, recognise
from muster.cli.session import Session
from muster.errors import InvalidInput
from muster.records import Version
from muster.signature import Column, Signature
from tests.cli.conftest import VERSION

ROWS = [{"age": 31, "city": "Rome"}, {"age": None, "city": "Oslo"}]
SIGNATURE = Signature((Column("age", pa.int64()), Column("city", pa.string())))
CHURN: Version = replace(VERSION, signature=SIGNATURE)


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[muster.Hub]:
    with muster.open(tmp_path_factory.mktemp("hub")) as hub:
        yield hub


def _ipc(new: Callable[..., ipc.RecordBatchStreamWriter]) -> bytes:
    table, sink = pa.Table.from_pylist(ROWS), io.BytesIO()
    with new(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()


def _csv() -> bytes:
    sink = io.BytesIO()
    arrow_csv.write_csv(pa.Table.from_pylist(ROWS), sink)
    return sink.getvalue()


FORMS: dict[str, tuple[Form, bytes]] = {
    "list": ("json", json.dumps(ROWS).encode()),
    "list over lines": ("json", json.dumps(ROWS, indent=2).encode()),
    "list behind a mark": ("json", b"\xef\xbb\xbf" + json.dumps(ROWS).encode()),
    "lines": ("jsonl", b"".join(json.dumps(r).encode() + b"\n" for r in ROWS)),
    "records": ("json", json.dumps({"dataframe_records": ROWS}).encode()),
    "split": (
        "json",
        json.dumps({"dataframe_split": {"columns": ["age", "city"], "data": [[31, "Rome"], [None, "Oslo"]]}}).encode(),
    ),
    "csv": ("csv", _csv()),
    "arrow stream": ("arrow", _ipc(ipc.new_stream)),
    "arrow file": ("arrow", _ipc(ipc.new_file)),
}


@pytest.mark.parametrize("name", FORMS)
def test_every_form_is_recognised_and_gives_the_same_rows(name: str, hub: muster.Hub) -> None:
    form, content = FORMS[name]
    assert recognise(content) == form
    found = read(content, None, hub, CHURN, {})
    assert found.table.to_pylist() == ROWS
    assert not found.faults


def test_one_object_is_one_row(hub: muster.Hub) -> None:
    for content in (b'{"age": 31, "city": "Rome"}', b'{\n  "age": 31,\n  "city": "Rome"\n}\n'):
        assert read(content, None, hub, CHURN, {}).table.to_pylist() == ROWS[:1]


def test_rows_may_lack_keys(hub: muster.Hub) -> None:
    found = read(b'[{"age": 1}, {"city": "Rome"}, {}]', None, hub, CHURN, {})
    assert found.table.to_pylist() == [
        {"age": 1, "city": None},
        {"age": None, "city": "Rome"},
        {"age": None, "city": None},
    ]


def test_text_takes_the_types_of_the_signature(hub: muster.Hub) -> None:
    version = replace(CHURN, signature=Signature((Column("city", pa.string()), Column("zip", pa.string()))))
    assert read(b"city,ort\nRome,00184\n", None, hub, version, {"zip": "ort"}).table.to_pylist() == [
        {"city": "Rome", "ort": "00184"}
    ]


def test_rows_that_cannot_be_read_keep_their_place(hub: muster.Hub) -> None:
    found = read(b"age,city\n31,Rome\nold,Oslo\n7,Bonn\n8,Bern,too much\n", None, hub, CHURN, {})
    assert found.table.column("age").to_pylist() == [31, 7]
    assert list(found.faults) == [1, 3]
    answer = pa.table(
        {"prediction": ["no", "yes"], "probabilities": pa.array([[0.9, 0.1], [0.2, 0.8]], pa.list_(pa.float64(), 2))}
    )
    rows = merged(answer, found)
    assert [r["prediction"] for r in rows] == ["no", None, "yes", None]
    assert [r.get("error") is None for r in rows] == [True, False, True, False]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "stdin has no rows"),
        (b" \n\t", "stdin has no rows"),
        (b"PAR1....", "stdin has Parquet"),
        (b"[1, 2]", "rows are no objects"),
        (b'[{"a": 1}', "stdin is no JSON"),
        (b"[" * 100_000, "stdin is no JSON"),
        (b'{"dataframe_split": {"columns": ["a"], "data": [[1, 2]]}}', "rows of another length"),
        (b'{"dataframe_split": 3}', "has no columns"),
        (b'[{"a": 1, "b": 1}, {"a": "x", "b": [1]}]', "`a`: .*; `b`: "),
        (b"\xff\xff\xff\xff\x10\x00\x00\x00garbage", "no Arrow stream"),
        (b"ARROW1\x00\x00cut", "no Arrow stream"),
    ],
)
def test_what_is_no_table_is_refused(content: bytes, told: str, hub: muster.Hub) -> None:
    with pytest.raises(InvalidInput, match=told) as error:
        read(content, None, hub, CHURN, {})
    assert error.value.hint


@given(st.binary(max_size=200))
def test_whatever_comes_is_recognised_or_refused(content: bytes) -> None:
    try:
        form = recognise(content)
    except InvalidInput:
        return
    assert form in ("json", "jsonl", "csv", "arrow")


@given(
    st.lists(
        st.dictionaries(
            st.sampled_from(["a", "b"]), st.none() | st.booleans() | st.integers() | st.floats() | st.text(), min_size=1
        ),
        min_size=1,
    )
)
def test_no_json_is_a_defect(
    rows: list[dict[str, object]],
) -> None:
    content = json.dumps(rows).encode()
    try:
        found = read(content, "json", None, CHURN, {})  # type: ignore[arg-type]  # JSON needs no hub
    except InvalidInput:
        return
    assert found.table.num_rows == len(rows)


ANSWER: list[dict[str, Any]] = [
    {"prediction": "no", "probabilities": [0.9, 0.1], "error": None},
    {"prediction": None, "probabilities": None, "error": "age is missing"},
    {"prediction": "yes", "probabilities": [0.25, float("nan")], "error": None},
]


def shown(form: str, capsys: pytest.CaptureFixture[str], *, terminal: bool = False) -> str:
    session = Session()
    session.format = form  # type: ignore[assignment]
    show_predictions(session, CHURN, ANSWER, terminal=terminal)
    answer = capsys.readouterr()
    assert ("1 of 3 rows has no prediction" in answer.err) == (form != "json")
    return answer.out


def test_predictions_are_lines_of_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert [json.loads(line) for line in shown("text", capsys).splitlines()] == [
        ANSWER[0], ANSWER[1], {**ANSWER[2], "probabilities": [0.25, None]},
    ]  # fmt: skip


def test_predictions_are_one_document(capsys: pytest.CaptureFixture[str]) -> None:
    found = json.loads(shown("json", capsys))
    assert list(found) == ["items", "next", "ref", "classes"]
    assert (len(found["items"]), found["next"], found["ref"], found["classes"]) == (3, None, "churn:1", ["no", "yes"])


def test_predictions_are_columns(capsys: pytest.CaptureFixture[str]) -> None:
    assert shown("csv", capsys).splitlines() == [
        "prediction,probability_no,probability_yes,error",
        "no,0.9,0.1,",
        ",,,age is missing",
        "yes,0.25,nan,",
    ]
    assert shown("text", capsys, terminal=True).splitlines() == [
        "prediction  probability_no  probability_yes  error",
        "no                   0.900            0.100  –",
        "–                        –                –  age is missing",
        "yes                  0.250              nan  –",
    ]


def test_the_first_row_that_cannot_be_read_is_named() -> None:
    from muster.cli.rows import refusal

    assert refusal(Rows(pa.table({}), {4: "b", 2: "a"})).message == "row 2 cannot be read: a"


def test_nothing_is_left_of_stdin(hub: muster.Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import tempfile

    (tmp_path / "scratch").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "scratch"))
    read(FORMS["csv"][1], None, hub, CHURN, {})
    assert list((tmp_path / "scratch").iterdir()) == []
