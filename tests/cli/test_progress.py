"""How far a run is, in a log. On a terminal: test_terminal.py."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from muster.cli.progress import Meter, _Log
from muster.cli.session import Session
from muster.records import Progress

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def at(rows: int, total: int | None = 1_000_000, rejected: int = 0) -> Progress:
    return Progress(run="01JD4ZT7K5Q3F0W8V9X2Y6A1BC", rows=rows, total=total, rejected=rejected, updated_at=NOON)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_log_has_a_line_now_and_then(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    log = _Log("scoring", "delays:1", clock)
    log.update(at(0))
    for second in range(1, 26):
        clock.now = second
        log.update(at(second * 20_000, rejected=second // 20))
    log.close()
    answer = capsys.readouterr()
    assert answer.out == ""
    assert answer.err.splitlines() == [
        "scoring  delays:1  0 of 1,000,000 rows  0%",
        "scoring  delays:1  200,000 of 1,000,000 rows  20%  20,000 rows/s  40 s left",
        "scoring  delays:1  400,000 of 1,000,000 rows  40%  1 rejected  20,000 rows/s  30 s left",
        "scoring  delays:1  500,000 of 1,000,000 rows  50%  1 rejected  20,000 rows/s  25 s left",
    ]


def test_rows_that_nobody_counted_have_no_share(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    log = _Log("scoring", "delays:1", clock)
    log.update(at(0, total=None))
    clock.now = 2
    log.update(at(1, total=None))
    log.close()
    assert capsys.readouterr().err.splitlines() == ["scoring  delays:1  0 rows", "scoring  delays:1  1 row  0 rows/s"]


def test_a_resumed_run_is_as_fast_as_it_is_now(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    log = _Log("resuming", "delays:1", clock)
    log.update(at(900_000))
    clock.now = 10
    log.update(at(910_000))
    assert "1,000 rows/s  1 min 30 s left" in capsys.readouterr().err


def test_a_slow_start_is_forgotten(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    log = _Log("scoring", "churn:1", clock)
    log.update(at(0))
    for second in range(100, 121):
        clock.now = second
        log.update(at((second - 100) * 1_000))
    log.close()
    assert "1,000 rows/s" in capsys.readouterr().err.splitlines()[-1]


def test_an_end_without_news_says_nothing_twice(capsys: pytest.CaptureFixture[str]) -> None:
    log = _Log("scoring", "delays:1", Clock())
    log.update(at(1_000_000))
    log.close()
    assert len(capsys.readouterr().err.splitlines()) == 1


@pytest.mark.parametrize("value", ["1", "true"])
def test_no_progress_where_none_is_wanted(
    value: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MUSTER_NO_PROGRESS", value)
    session = Session()
    with session.meter("scoring", "delays:1") as meter:
        meter.watch(at(5))
        session.say("building an environment")
    assert capsys.readouterr().err == "building an environment\n"
    assert session.run == at(5).run


def test_talk_goes_through_the_meter_only_while_it_is_there(capsys: pytest.CaptureFixture[str]) -> None:
    session = Session()
    with session.meter("scoring", "delays:1") as meter:
        assert isinstance(meter, Meter)
        session.say("one")
    session.say("two")
    assert capsys.readouterr().err == "one\ntwo\n"
