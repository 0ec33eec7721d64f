from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from dataclasses import replace
from pathlib import Path

import pytest

from muster.errors import SourceDenied, StoreError
from muster.predictor import Call
from muster.predictors.external.exchange import Answer, Limits
from muster.predictors.external.transport.checkpoint import Asked, FolderCheckpoint
from muster.predictors.external.transport.kept import Kept
from tests.predictors.external.transport.local import Say, Seen, Server, batch_of, calling, errors, predictions, right

ASKED = Asked("c" * 64, 128, 64, "d" * 64)
ANSWER = Answer(b"\x00\n\xff{}", "application/json", "blue")
ROOT = Path(__file__).parents[4]


def test_an_answer_comes_back_as_it_was(tmp_path: Path) -> None:
    FolderCheckpoint(tmp_path / "answers").put(ASKED, ANSWER)
    kept = FolderCheckpoint(tmp_path / "answers")
    assert kept.get(ASKED) == ANSWER
    assert list(kept.ranges(ASKED.chunk)) == [(128, 64)]
    assert not kept.ranges("e" * 64)


@pytest.mark.parametrize("other", [{"first": 0}, {"rows": 63}, {"digest": "e" * 64}, {"chunk": "e" * 64}])
def test_another_request_has_another_answer(tmp_path: Path, other: dict[str, str]) -> None:
    kept = FolderCheckpoint(tmp_path)
    kept.put(ASKED, ANSWER)
    assert kept.get(replace(ASKED, **other)) is None  # type: ignore[arg-type]


@pytest.mark.parametrize("damage", [b"", b"{}", b"{}\n", b"[]\nx", b"\xff\xfe\n", None])
def test_a_damaged_file_is_no_answer(tmp_path: Path, damage: bytes | None) -> None:
    kept = FolderCheckpoint(tmp_path)
    kept.put(ASKED, ANSWER)
    (file,) = (tmp_path / ASKED.chunk).iterdir()
    file.write_bytes(file.read_bytes()[:-1] if damage is None else damage)
    assert kept.get(ASKED) is None
    kept.put(ASKED, ANSWER)
    assert kept.get(ASKED) == ANSWER


def test_what_was_being_written_is_no_answer(tmp_path: Path) -> None:
    (tmp_path / ASKED.chunk).mkdir()
    (tmp_path / ASKED.chunk / ".77-1").write_bytes(b"half")
    assert not FolderCheckpoint(tmp_path).ranges(ASKED.chunk)


def test_what_is_done_is_forgotten(tmp_path: Path) -> None:
    kept = FolderCheckpoint(tmp_path)
    kept.put(ASKED, ANSWER)
    kept.done(ASKED.chunk)
    kept.done(ASKED.chunk)
    assert kept.get(ASKED) is None
    assert not list(tmp_path.iterdir())


def test_an_answer_that_cannot_be_kept_is_told(tmp_path: Path, server: Server) -> None:
    kept = FolderCheckpoint(tmp_path / "answers")
    (tmp_path / "answers").rename(tmp_path / "removed")
    with calling(server, answered=kept) as caller, pytest.raises(StoreError) as caught:
        caller.ask(batch_of(3))
    assert not (tmp_path / "answers").exists(), "a folder that was removed does not come back"
    assert caught.value.details["resume"] is True


def test_where_several_answers_begin_the_longest_is_taken(tmp_path: Path) -> None:
    kept = FolderCheckpoint(tmp_path)
    for first, rows in ((0, 3), (0, 12), (0, 7), (20, 4)):
        kept.put(replace(ASKED, first=first, rows=rows), ANSWER)
    found = Kept(kept, ASKED.chunk)
    assert found.cut(0, 100) == 12
    assert found.cut(0, 11) == 7
    assert found.cut(12, 100) is None
    assert found.next(12, 100) == 20
    assert found.next(12, 15) == 15
    assert found.next(20, 100) == 100


FEW = Limits(1 << 20, 10.0, concurrency=1, most=1, rows=7)
MANY = Limits(1 << 20, 10.0, concurrency=5, rows=11)


@pytest.mark.parametrize("position", range(6))
def test_who_goes_on_asks_only_for_what_was_not_answered(tmp_path: Path, server: Server, position: int) -> None:
    """Though it has learnt meanwhile to send other requests."""
    kept, call = FolderCheckpoint(tmp_path), Call(id="01RUN")
    server.rule = lambda seen, number: Say(403, b"no more") if number >= position else None
    with calling(server, limits=FEW, answered=kept) as caller, pytest.raises(SourceDenied):
        caller.ask(batch_of(40), call)
    paid = {row for seen in server.seen[:position] for row in seen.rows}
    server.seen.clear()
    server.rule = lambda seen, number: None
    with calling(server, limits=MANY, answered=kept) as caller:
        answer = caller.ask(batch_of(40), call)
        assert caller.counts.kept == position
    assert predictions(answer) == [2.0 * n for n in range(40)]
    assert sorted(row for seen in server.seen for row in seen.rows) == sorted(set(map(float, range(40))) - paid)


def test_answers_of_another_batch_version_or_run_are_not_taken(tmp_path: Path, server: Server) -> None:
    kept = FolderCheckpoint(tmp_path)
    with calling(server, answered=kept) as caller:
        for _ in range(2):
            caller.ask(batch_of(5))
        assert (caller.counts.tries, caller.counts.kept) == (1, 1)
        caller.ask(batch_of(5), Call(params={"more": 1}))
        caller.ask(batch_of(6))
        assert caller.counts.tries == 3


def test_bad_rows_are_found_again_without_paying_for_the_good_ones(tmp_path: Path, server: Server) -> None:
    def rule(seen: Seen, number: int) -> Say | None:
        return Say(400, b"bad") if 13.0 in seen.rows else None

    server.rule = rule
    kept = FolderCheckpoint(tmp_path)
    with calling(server, answered=kept) as caller:
        assert errors(caller.ask(batch_of(60))) == {13: "bad"}
    server.seen.clear()
    with calling(server, answered=kept) as caller:
        assert errors(caller.ask(batch_of(60))) == {13: "bad"}
    assert [seen.rows for seen in server.seen] == [[13.0]]


def test_an_answer_that_cannot_be_read_is_paid_once(tmp_path: Path, server: Server) -> None:
    server.rule = lambda seen, number: Say(200, b"[NaN") if 13.0 in seen.rows else None
    kept = FolderCheckpoint(tmp_path)
    for _ in range(2):
        with calling(server, answered=kept) as caller:
            assert list(errors(caller.ask(batch_of(60)))) == [13]
    asked = [tuple(seen.rows) for seen in server.seen]
    assert len(asked) == len(set(asked))


PROGRAM = """
    import sys
    from pathlib import Path
    from muster.predictor import Call
    from muster.predictors.external.exchange import Limits
    from muster.predictors.external.transport.checkpoint import FolderCheckpoint
    from tests.predictors.external.transport.local import Server, batch_of, calling

    server = Server()
    server.url = sys.argv[1]
    limits = Limits(1 << 20, 10.0, concurrency=3, most=3, rows=4)
    with calling(server, limits=limits, answered=FolderCheckpoint(Path(sys.argv[2]))) as caller:
        caller.ask(batch_of(400), Call(id="01RUN"))
"""


@pytest.mark.parametrize("after", [1, 10, 60])
def test_after_a_kill_only_what_was_in_flight_is_paid_twice(tmp_path: Path, server: Server, after: int) -> None:
    victim: list[subprocess.Popen[bytes]] = []

    def rule(seen: Seen, number: int) -> Say:
        if number == after:
            victim[0].send_signal(signal.SIGKILL)
        return Say(seconds=0.005)

    server.rule = rule
    program = [sys.executable, "-c", textwrap.dedent(PROGRAM), server.url, str(tmp_path)]
    environ = {**os.environ, "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}"}
    with subprocess.Popen(program, env=environ) as process:
        victim.append(process)
        assert process.wait(60) == -signal.SIGKILL
    first, server.seen = list(server.seen), []
    server.rule = lambda seen, number: Say(body=right(seen.rows))
    limits = Limits(1 << 20, 10.0, concurrency=5, rows=50)
    with calling(server, limits=limits, answered=FolderCheckpoint(tmp_path)) as caller:
        answer = caller.ask(batch_of(400), Call(id="01RUN"))
        kept = caller.counts.kept
    assert predictions(answer) == [2.0 * n for n in range(400)]
    again = {row for seen in server.seen for row in seen.rows}
    twice = [seen for seen in first if again & set(seen.rows)]
    assert len(twice) <= 3, "no more than were in flight"
    assert kept >= len(first) - 3
