"""With a person before a terminal."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.cli.helpers import COLOUR, call, plain, terminal


def test_tables_fit_colour_and_times_are_for_people(written: Path) -> None:
    with terminal("run", "list", columns=100) as screen:
        code, shown = screen.end()
    lines = plain(shown).splitlines()
    assert code == 0
    assert all(len(line) <= 100 for line in lines)
    assert "01JD4ZT7K5Q3F0W8V9X2Y6A1BC" in lines[1]
    assert "2026-03-01T" not in lines[1]
    assert "\x1b[32mdone\x1b[0m" in shown


def test_no_color(written: Path) -> None:
    with terminal("run", "list", NO_COLOR="1") as screen:
        assert not COLOUR.search(screen.end()[1])


def test_deleting_wants_the_name(written: Path) -> None:
    with terminal("version", "delete", "churn:1") as screen:
        screen.read_until(lambda seen: "Type churn:1 to go on: " in seen)
        screen.type("churn:1\n")
        code, shown = screen.end()
    assert code == 0
    assert "This deletes the version churn:1." in shown
    assert plain(shown).splitlines()[-2:] == ["deleted  churn:1", "next: muster version restore churn:1"]
    assert call("version", "show", "churn:1").code == 1


def test_another_name_deletes_nothing(written: Path) -> None:
    with terminal("model", "delete", "fraud") as screen:
        screen.read_until(lambda seen: "Type fraud to go on: " in seen)
        screen.type("yes\n")
        code, shown = screen.end()
    assert code == 2
    assert "`yes` is not `fraud`: nothing was deleted" in shown
    assert call("model", "show", "fraud").code == 0


def test_ctrl_c_at_the_question_deletes_nothing(written: Path) -> None:
    with terminal("model", "delete", "fraud") as screen:
        screen.read_until(lambda seen: "Type fraud to go on: " in seen)
        screen.interrupt()
        code, shown = screen.end()
    assert code == 130
    assert "Traceback" not in shown
    assert call("model", "show", "fraud").code == 0


def test_json_on_a_terminal_keeps_talking_to_the_person(place: Path) -> None:
    (place / "rows.csv").write_text("age\n1\n")
    with terminal("dataset", "register", "march", "rows.csv", "--json", cwd=place) as screen:
        code, shown = screen.end()
    assert code == 0
    assert f"a new hub in {place}/.muster" in shown
    assert '"name": "march"' in shown


TALK = """
from datetime import datetime, UTC
import sys
from muster.cli.session import Session
from muster.records import Progress
session = Session()
with session.meter("scoring", "churn:1") as meter:
    for n in range(3):
        meter.watch(Progress(run="R", rows=n, total=3, updated_at=datetime.now(UTC)))
        session.say(f"building part {n} of an environment that has a name so long that it takes more than a line of this terminal")
print("the end")
"""


def test_talk_does_not_tear_the_moving_line() -> None:
    with terminal(program=[sys.executable, "-c", TALK], columns=40) as screen:
        code, shown = screen.end()
    assert code == 0
    for n in range(3):
        assert (
            f"building part {n} of an environment that has a name so long that it takes more than a line of this terminal\n"
            in plain(shown)
        )
    assert plain(shown).endswith("the end\n")


def test_a_plain_terminal_gets_plain_lines() -> None:
    with terminal(program=[sys.executable, "-c", TALK], TERM="dumb") as screen:
        code, shown = screen.end()
    assert code == 0
    assert "\x1b" not in shown
    assert shown.splitlines()[0] == "scoring  churn:1  0 of 3 rows  0%"
