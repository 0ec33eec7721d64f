"""Tables, sheets and lines, in a file and on a terminal."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from muster.cli.render import Column, Sheet, finite, show_line, show_list, table
from muster.cli.session import Session
from muster.cli.text import width
from tests.cli.helpers import COLOUR, plain


@dataclass(frozen=True)
class Thing:
    name: str
    rows: int | None
    made: datetime
    status: str = "done"
    tags: tuple[str, ...] = ()


NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
THINGS = [Thing("churn", 28_243, NOON), Thing("customer-lifetime-value-north", None, NOON, "failed", ("a", "b"))]
COLUMNS: list[Column[Thing]] = [
    Column("name", lambda t: t.name),
    Column("rows", lambda t: t.rows),
    Column("made_at", lambda t: t.made),
    Column("status", lambda t: t.status, "state"),
    Column("tags", lambda t: t.tags),
]


@pytest.fixture
def on_terminal(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """From now on stdout is a terminal of so many columns."""

    def sit_down(columns: int) -> None:
        monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
        monkeypatch.setenv("COLUMNS", str(columns))
        monkeypatch.setenv("TERM", "xterm")
        monkeypatch.delenv("NO_COLOR", raising=False)

    return sit_down


def test_a_table_in_a_file_is_whole_plain_and_exact() -> None:
    assert table(THINGS, COLUMNS).splitlines() == [
        "name                             rows  made_at               status  tags",
        "churn                          28,243  2026-03-01T12:00:00Z  done    –",
        "customer-lifetime-value-north       –  2026-03-01T12:00:00Z  failed  a, b",
    ]


def test_a_table_on_a_terminal_fits(on_terminal: Callable[[int], None]) -> None:
    on_terminal(50)
    things = [
        Thing(t.name, t.rows, datetime.now(UTC) - timedelta(minutes=3, seconds=5), t.status, t.tags) for t in THINGS
    ]
    assert plain(table(things, COLUMNS)).splitlines() == [
        "name                 rows  made_at    status  tags",
        "churn              28,243  3 min ago  done    –",
        "customer…ue-north       –  3 min ago  failed  a, b",
    ]


@pytest.mark.parametrize("columns", range(10, 90, 7))
def test_numbers_and_states_are_never_cut(columns: int, on_terminal: Callable[[int], None]) -> None:
    on_terminal(columns)
    lines = plain(table(THINGS, COLUMNS)).splitlines()
    assert all(width(line) <= columns for line in lines)
    head = lines[0].split()
    assert ("rows" in head) == ("28,243" in lines[1])
    assert ("status" in head) == ("failed" in lines[2])


def test_states_have_a_colour_and_a_word(on_terminal: Callable[[int], None]) -> None:
    on_terminal(120)
    shown = table(THINGS, COLUMNS)
    assert "\x1b[32mdone\x1b[0m" in shown
    assert "\x1b[31mfailed\x1b[0m" in shown


@pytest.mark.parametrize(("name", "value"), [("NO_COLOR", "1"), ("TERM", "dumb")])
def test_no_colour_where_none_is_wanted(
    name: str, value: str, on_terminal: Callable[[int], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    on_terminal(120)
    monkeypatch.setenv(name, value)
    assert not COLOUR.search(table(THINGS, COLUMNS))


def test_others_words_cannot_break_a_table() -> None:
    shown = table([Thing("a\nb\x1b[2J", 1, NOON)], COLUMNS).splitlines()
    assert len(shown) == 2
    assert shown[1].startswith("a b�[2J")


def test_csv_has_values_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    session = Session()
    session.format = "csv"
    show_list(session, THINGS, COLUMNS, lambda t: t)
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert rows[0] == {
        "name": "churn",
        "rows": "28243",
        "made_at": "2026-03-01T12:00:00.000000Z",
        "status": "done",
        "tags": "[]",
    }
    assert (rows[1]["rows"], rows[1]["tags"]) == ("", '["a", "b"]')


def test_json_has_items_and_next(capsys: pytest.CaptureFixture[str]) -> None:
    session = Session()
    session.format = "json"
    show_list(session, THINGS, COLUMNS, lambda t: t.name, cursor="abc")
    assert json.loads(capsys.readouterr().out) == {"items": ["churn", "customer-lifetime-value-north"], "next": "abc"}


def test_json_has_no_nan() -> None:
    values: dict[str, Any] = {"a": [1.5, float("nan")], "b": {"c": float("-inf")}, "d": (1, "x")}
    assert finite(values) == {"a": [1.5, None], "b": {"c": None}, "d": [1, "x"]}


def test_a_line_has_its_parts_in_a_row(capsys: pytest.CaptureFixture[str]) -> None:
    show_line(Session(), {}, "scored", "delays:1", "28,243 rows", "", "4.1 s", to="scored/")
    assert capsys.readouterr().out == "scored  delays:1  28,243 rows  4.1 s  → scored/\n"


def test_a_sheet_lines_up() -> None:
    sheet = Sheet("churn:1")
    sheet.fact("origin", "mlflow")
    sheet.fact("absent", None, "")
    sheet.unknown("target", None)
    sheet.fact("notes", "one", "two")
    sheet.table("takes", THINGS[:1], COLUMNS[:2])
    assert sheet.text().splitlines() == [
        "churn:1",
        "origin        mlflow",
        "target        –",
        "notes         one",
        "              two",
        "takes         name     rows",
        "              churn  28,243",
    ]


def test_a_narrow_terminal_keeps_the_first_columns(on_terminal: Callable[[int], None]) -> None:
    on_terminal(20)
    assert plain(table(THINGS, COLUMNS)).splitlines()[0].split() == ["name", "rows"]
    on_terminal(5)
    assert plain(table(THINGS[:1], COLUMNS)).splitlines() == ["name", "churn"]
    on_terminal(4)
    assert plain(table(THINGS[:1], COLUMNS)).splitlines() == ["name", "ch…n"]


def test_what_people_type_is_cut_last(on_terminal: Callable[[int], None]) -> None:
    named: list[Column[Thing]] = [
        Column("ref", lambda t: t.name, "name"),
        Column("about", lambda t: "x" * 50),
        *COLUMNS[1:],
    ]
    for columns in range(len(THINGS[1].name), 120):
        on_terminal(columns)
        lines = plain(table(THINGS, named)).splitlines()
        assert THINGS[1].name in lines[2]
        assert all(width(line) <= columns for line in lines)
    on_terminal(10)
    assert plain(table(THINGS, named)).splitlines()[2] == "custo…orth"


def test_columns_grow_again_when_another_was_left_out(on_terminal: Callable[[int], None]) -> None:
    words: list[Column[Thing]] = [Column("a", lambda t: "a" * 30), Column("b", lambda t: "b" * 30, "whole")]
    on_terminal(36)
    assert plain(table(THINGS, words)).splitlines() == ["a", "a" * 30, "a" * 30]


def test_numbers_among_text_are_never_cut(on_terminal: Callable[[int], None]) -> None:
    mixed: list[Column[Thing]] = [
        Column("value", lambda t: 12_631_044_096 if t is THINGS[0] else "x" * 50),
        Column("rows", lambda t: 7),
    ]
    on_terminal(21)
    assert plain(table(THINGS, mixed)).splitlines() == [
        "value            rows",
        "12,631,044,096      7",
        "xxxxxxx…xxxxxxx     7",
    ]


def test_no_cell_makes_a_table_endless() -> None:
    lines = table([Thing("x" * 100_000, 1, NOON), THINGS[0]], COLUMNS).splitlines()
    assert max(map(len, lines)) < 300
    assert "…" in lines[1]
