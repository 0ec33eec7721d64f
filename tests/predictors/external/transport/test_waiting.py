"""Waiting for an answer that comes later: patience, ends, and what is kept of a promise."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from muster.errors import RunCancelled, SourceDenied, SourceUnavailable
from muster.predictor import Call
from muster.predictors.external.exchange import Answer, Later, Refusal, Reply, Request
from muster.predictors.external.transport.checkpoint import Asked, FolderCheckpoint
from muster.predictors.external.transport.kept import Kept
from muster.predictors.external.transport.rate import Caps
from muster.predictors.external.transport.waiting import wait_for
from tests.predictors.external.transport.local import HASTE, Local, Say, Server, batch_of, calling, errors, predictions

LATER = Later("there", "or there", time.time() + 3600, every=0.01)
ANSWER = Answer(b"[2.0]", "application/json")

Look = Callable[[int], Answer | Refusal | None]


class Queue(Local):
    """Takes each request, and has its answer at the look that `found` says, counted over all from 0."""

    def __init__(self, url: str = "", found: Look = lambda look: ANSWER) -> None:
        super().__init__(url)
        self.looks = 0
        self.found = found
        self.held: list[Answer | Refusal] = []

    def read(self, reply: Reply) -> Answer | Later | Refusal:  # type: ignore[override]  # it is Queueing
        self.held.append(super().read(reply))
        return replace(LATER, answer=str(len(self.held) - 1))

    def look(self, later: Later) -> Answer | Refusal | None:
        self.looks += 1
        told = self.found(self.looks - 1)
        return self.held[int(later.answer)] if self.held and isinstance(told, Answer) else told


def _failing(times: int, error: Exception) -> Look:
    def look(number: int) -> Answer:
        if number < times:
            raise error
        return ANSWER

    return look


def test_it_is_looked_for_until_it_is_there() -> None:
    queue = Queue(found=lambda look: ANSWER if look == 3 else None)
    assert wait_for(queue, LATER, lambda: True, 0) == ANSWER
    assert queue.looks == 4


def test_trouble_passes() -> None:
    queue = Queue(found=_failing(2, SourceUnavailable("S3 fails")))
    assert wait_for(queue, LATER, lambda: True, 30) == ANSWER


def test_trouble_that_does_not_pass_is_told_and_may_go_on() -> None:
    queue = Queue(found=_failing(99, SourceUnavailable("S3 fails")))
    with pytest.raises(SourceUnavailable, match="S3 fails") as caught:
        wait_for(queue, LATER, lambda: True, 0)
    assert caught.value.details["resume"] is True


def test_who_may_not_look_is_told_at_once() -> None:
    queue = Queue(found=_failing(99, SourceDenied("no")))
    with pytest.raises(SourceDenied):
        wait_for(queue, LATER, lambda: True, 30)
    assert queue.looks == 1


def test_what_does_not_come_in_time_is_looked_for_once_more_at_least() -> None:
    late = replace(LATER, until=time.time() - 1)
    assert wait_for(Queue(), late, lambda: True, 0) == ANSWER
    with pytest.raises(SourceUnavailable, match="has not answered it in time") as caught:
        wait_for(Queue(found=lambda look: None), late, lambda: True, 0)
    assert caught.value.details["resume"] is True


def test_nobody_wants_it_any_more() -> None:
    queue = Queue(found=lambda look: None)
    assert wait_for(queue, LATER, lambda: queue.looks < 3, 0) is None
    assert queue.looks == 3


def test_a_provider_that_cannot_look_may_not_promise() -> None:
    with pytest.raises(TypeError, match="Local promises answers"):
        wait_for(Local(""), LATER, lambda: True, 0)


# With a caller


def test_all_rows_are_answered_by_requests_that_were_sent_once(server: Server) -> None:
    queue = Queue(server.url, lambda look: ANSWER if look % 3 == 2 else None)
    with calling(server, provider=queue, patience=HASTE) as caller:
        assert predictions(caller.ask(batch_of(300))) == [2.0 * n for n in range(300)]
        counts = caller.counts
    assert counts.tries == counts.answered == len(server.seen)
    assert counts.bytes_received > 0


def test_a_refusal_that_comes_later_cuts_out_its_row(server: Server) -> None:
    server.rule = lambda seen, number: _bad(seen.rows)
    with calling(server, provider=Queue(server.url)) as caller:
        answer = caller.ask(batch_of(64))
    assert errors(answer) == {41: "no row 41"}


def _bad(rows: list[float]) -> Say | None:
    return Say(400, b"no row 41") if 41.0 in rows else None


def test_a_call_that_is_over_waits_for_nothing(server: Server) -> None:
    queue = Queue(server.url, lambda look: None)
    with calling(server, provider=queue) as caller, pytest.raises(RunCancelled):
        caller.ask(batch_of(4), Call(cancelled=lambda: queue.looks > 2))


def test_what_was_taken_is_charged_once(server: Server) -> None:
    queue = Queue(server.url, lambda look: ANSWER if look % 2 else None)
    with calling(server, provider=queue, caps=Caps(money=100, call_price=1.0)) as caller:
        caller.ask(batch_of(4))
        assert caller.counts.tries == 1


class _Slow(Queue):
    """Its requests have to be taken soon."""

    def request(self, *given: object) -> Request:
        return replace(super().request(*given), seconds=0.5)  # type: ignore[arg-type]  # as they came


def test_a_queue_that_does_not_take_a_request_soon_is_asked_again(server: Server) -> None:
    server.rule = lambda seen, number: Say(seconds=3) if number == 0 else None
    with calling(server, provider=_Slow(server.url)) as caller:
        assert predictions(caller.ask(batch_of(4))) == [0.0, 2.0, 4.0, 6.0]
        assert caller.counts.failed >= 1
    assert {len(seen.rows) for seen in server.seen} == {4}, "its rows are not to blame"


# Kept


ASKED = Asked("chunk", 0, 3, "a" * 64)


@contextmanager
def _kept(folder: Path, what: Answer | Later) -> Iterator[Kept]:
    Kept(FolderCheckpoint(folder), ASKED.chunk).put(ASKED, what)
    yield Kept(FolderCheckpoint(folder), ASKED.chunk)


def test_a_promise_is_kept_until_it_was_taken_up(tmp_path: Path) -> None:
    with _kept(tmp_path, LATER) as kept:
        assert kept.cut(0, 100) == 3, "its rows stay together"
        assert kept.get(ASKED) == LATER
        assert kept.get(ASKED) is None, "what it came to does not come again"
        kept.put(ASKED, ANSWER)
        assert kept.get(ASKED) == ANSWER


def test_a_promise_that_nobody_can_keep_any_more_is_none(tmp_path: Path) -> None:
    with _kept(tmp_path, replace(LATER, until=time.time() - 1)) as kept:
        assert kept.get(ASKED) is None


def test_no_endpoint_can_make_a_promise_by_itself(tmp_path: Path) -> None:
    forged = Answer(b'{"answer": "s3://x/y", "failure": "", "until": 9e12}', "application/vnd.muster.later+json")
    with _kept(tmp_path, forged) as kept:
        assert kept.get(ASKED) == replace(forged, content_type="")


def test_who_goes_on_looks_for_what_was_taken(tmp_path: Path, server: Server) -> None:
    checkpoint, call = FolderCheckpoint(tmp_path), Call(id="01RUN")
    first = Queue(server.url, _failing(99, SourceDenied("no")))
    with calling(server, provider=first, answered=checkpoint) as caller, pytest.raises(SourceDenied):
        caller.ask(batch_of(4), call)
    sent = len(server.seen)
    again = Queue(server.url)
    again.held = first.held
    with calling(server, provider=again, answered=checkpoint) as caller:
        assert predictions(caller.ask(batch_of(4), call)) == [0.0, 2.0, 4.0, 6.0]
        assert (caller.counts.kept, caller.counts.tries) == (1, 0)
    assert len(server.seen) == sent


def test_a_promise_that_came_to_nothing_is_asked_for_anew(tmp_path: Path, server: Server) -> None:
    checkpoint, call = FolderCheckpoint(tmp_path), Call(id="01RUN")
    first = Queue(server.url, _failing(99, SourceDenied("no")))
    with calling(server, provider=first, answered=checkpoint) as caller, pytest.raises(SourceDenied):
        caller.ask(batch_of(4), call)
    again = Queue(server.url)
    again.held = [Refusal("unavailable", "the model was down")]
    with calling(server, provider=again, answered=checkpoint) as caller:
        assert predictions(caller.ask(batch_of(4), call)) == [0.0, 2.0, 4.0, 6.0]
        assert (caller.counts.kept, caller.counts.tries, caller.counts.failed) == (1, 1, 1)
