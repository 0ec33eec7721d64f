"""Rows that break the endpoint rather than being refused, told from an endpoint that is down by asking what was answered before."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from muster.errors import SourceUnavailable
from muster.predictors.external.exchange import Answer, Later, Limits, Refusal, Reply, Request
from muster.predictors.external.transport.caller import Caller
from muster.predictors.external.transport.gate import Gate
from muster.predictors.external.transport.retry import Patience
from tests.predictors.external.transport.local import (
    NAME,
    SCHEMA,
    Local,
    batch_of,
    decode,
    encode,
    errors,
    predictions,
    right,
)

JSON = {"content-type": "application/json"}
BRIEF = Patience(unavailable=0.3, begin=0.001, cap=0.01)
LIMITS = Limits(1 << 20, 5.0, concurrency=2, rows=16)


class Breaking:
    """Answers 503 to requests with a bad row; and to all of them from call `down` on."""

    def __init__(self, bad: frozenset[int], down: int | None = None) -> None:
        self.bad, self.down = bad, down
        self.calls = 0
        self.lock = threading.Lock()

    def __call__(self, request: Request, seconds: float) -> Reply:
        with self.lock:
            number, self.calls = self.calls, self.calls + 1
        rows = json.loads(request.body)["rows"]
        if self.bad & set(map(int, rows)) or (self.down is not None and number >= self.down):
            return Reply(503, JSON, b"it broke")
        return Reply(200, JSON, right(rows))


@contextmanager
def calling(fake: Breaking, provider: Local | None = None) -> Iterator[Caller]:
    caller = Caller(
        provider or Local("http://nowhere"),
        {},
        LIMITS,
        fake,
        name=NAME,
        encode=encode,
        decode=decode,
        schema=SCHEMA,
        patience=BRIEF,
    )
    try:
        yield caller
    finally:
        caller.close()


def test_the_last_rows_are_blamed_though_nobody_else_is_answered_any_more() -> None:
    fake = Breaking(frozenset({63}))
    with calling(fake) as caller:
        answer = caller.ask(batch_of(64))
        assert list(errors(answer)) == [63]
        assert "it broke" in errors(answer)[63]
        assert [p for p in predictions(answer) if p is None] == [None]
        assert caller.counts.proofs >= 1
        assert fake.calls < 60


class _Later(Local):
    """Its answers come later."""

    def __init__(self) -> None:
        super().__init__("http://nowhere")
        self.held: list[Answer | Refusal] = []
        self.flying: list[int] = []
        self.gate = Gate()

    def read(self, reply: Reply) -> Answer | Later | Refusal:  # type: ignore[override]  # it is Queueing
        self.held.append(super().read(reply))
        return Later(str(len(self.held) - 1), "", time.time() + 60, every=0.01)

    def look(self, later: Later) -> Answer | Refusal | None:
        self.flying.append(self.gate.flying)
        return self.held[int(later.answer)]


def test_the_answer_to_what_is_asked_again_is_waited_for_in_its_place() -> None:
    fake, provider = Breaking(frozenset({63})), _Later()
    with calling(fake, provider) as caller:
        provider.gate = caller._part.means.lane.together.gate
        assert list(errors(caller.ask(batch_of(64)))) == [63]
        assert caller.counts.proofs >= 1
    assert min(provider.flying) >= 1


def test_an_endpoint_that_is_down_blames_no_row() -> None:
    fake = Breaking(frozenset({63}), down=5)
    with calling(fake) as caller, pytest.raises(SourceUnavailable, match="it broke") as error:
        caller.ask(batch_of(64))
    assert error.value.details["resume"] is True
    assert caller.counts.proofs >= 1
