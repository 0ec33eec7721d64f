from __future__ import annotations

import socket
import threading
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

import pyarrow as pa
import pytest

from muster.errors import (
    ModelFailed,
    ModelTimeout,
    MusterError,
    NotFound,
    RunCancelled,
    SourceDenied,
    SourceError,
    SourceUnavailable,
)
from muster.predictor import Call
from muster.predictors.external.exchange import Answer, Limits, Payload, Request
from muster.predictors.external.transport.rate import Caps
from muster.predictors.external.transport.retry import Patience
from muster.signature import Json
from tests.predictors.external.transport.local import (
    Local,
    Say,
    Seen,
    Server,
    batch_of,
    calling,
    encode,
    errors,
    predictions,
    right,
)

SHORT = Patience(throttled=0.05, starting=0.05, unavailable=0.05, timeout=0.05, first=0.05, begin=0.001, cap=0.005)


def tell(event: threading.Event) -> Say:
    event.set()
    return Say(429, b"busy", seconds=0.05)


def doubled(rows: int) -> list[float]:
    return [2.0 * n for n in range(rows)]


def test_all_rows_come_back_in_order(server: Server) -> None:
    with calling(server) as caller:
        assert predictions(caller.ask(batch_of(5_000))) == doubled(5_000)
        counts = caller.counts
    assert sum(len(s.rows) for s in server.seen) == 5_000
    assert (counts.calls, counts.tries, counts.rows) == (len(server.seen), len(server.seen), 5_000)
    assert counts.bytes_sent == sum(s.size for s in server.seen)


def test_requests_fly_together_and_never_more_than_may(server: Server) -> None:
    server.rule = lambda seen, number: Say(seconds=0.01)
    with calling(server, limits=Limits(1 << 20, 10.0, concurrency=3, most=3, rows=10)) as caller:
        caller.ask(batch_of(300))
    assert server.most_flying == 3


def test_a_cap_is_kept_by_all_who_call_the_endpoint(server: Server) -> None:
    server.rule = lambda seen, number: Say(seconds=0.005)
    limits = Limits(1 << 20, 10.0, concurrency=8, rows=10)
    with (
        calling(server, limits=limits, cap=2) as one,
        calling(server, limits=limits, cap=2) as other,
        ThreadPoolExecutor(2) as threads,
    ):
        for answer in threads.map(lambda caller: caller.ask(batch_of(100)), (one, other)):
            assert predictions(answer) == doubled(100)
    assert server.most_flying == 2


def test_who_answered_is_told_row_by_row(server: Server) -> None:
    def rule(seen: Seen, number: int) -> Say:
        if 7.0 in seen.rows:
            return Say(400, b"bad")
        return Say(body=right(seen.rows), headers={"X-Served-By": "blue" if seen.rows[0] < 10 else "green"})

    server.rule = rule
    with calling(server, limits=Limits(1 << 20, 10.0, rows=10)) as caller:
        answer = caller.ask(batch_of(20))
    assert answer.column("served_by").to_pylist() == ["blue"] * 7 + [None] + ["blue"] * 2 + ["green"] * 10


@pytest.mark.parametrize("status", [429, 425, 500, 503])
def test_what_passes_is_tried_again_with_the_same_identity(server: Server, status: int) -> None:
    server.rule = lambda seen, number: Say(status, b"later") if number < 2 else None
    with calling(server) as caller:
        assert predictions(caller.ask(batch_of(3))) == doubled(3)
    assert len(server.seen) == 3
    assert len({s.identity for s in server.seen}) == 1
    assert 16 <= len(server.seen[0].identity) <= 64
    assert server.seen[0].identity.isalnum()


@pytest.mark.parametrize("say", [Say(drop=True), Say(cut=True), Say(200, b"<html>log in</html>")])
def test_answers_that_do_not_arrive_whole_are_asked_for_again(server: Server, say: Say) -> None:
    server.rule = lambda seen, number: say if number == 0 else None
    with calling(server) as caller:
        assert predictions(caller.ask(batch_of(3))) == doubled(3)
        assert caller.counts.paid_twice == 1
    assert len(server.seen) == 2


def test_bad_rows_have_the_endpoints_own_message(server: Server) -> None:
    bad = {3.0, 700.0, 701.0}
    server.rule = lambda seen, number: Say(400, b"no such plan") if bad & set(seen.rows) else None
    with calling(server) as caller:
        answer = caller.ask(batch_of(1_000))
    assert errors(answer) == dict.fromkeys([3, 700, 701], "no such plan")
    assert [p for n, p in enumerate(predictions(answer)) if n not in (3, 700, 701)] == [
        2.0 * n for n in range(1_000) if n not in (3, 700, 701)
    ]


def test_a_row_that_breaks_a_whole_answer_is_found(server: Server) -> None:
    server.rule = lambda seen, number: Say(200, b'{"error": "NaN"}') if 321.0 in seen.rows else None
    with calling(server) as caller:
        answer = caller.ask(batch_of(1_000))
    assert list(errors(answer)) == [321]
    assert "NaN" in errors(answer)[321]


def test_a_row_that_brings_the_endpoint_down_is_found(server: Server) -> None:
    server.rule = lambda seen, number: Say(500, b"exit 139") if 321.0 in seen.rows else None
    with calling(server) as caller:
        answer = caller.ask(batch_of(1_000))
    assert errors(answer) == {321: "exit 139"}


def test_a_row_that_hangs_is_found(server: Server) -> None:
    server.rule = lambda seen, number: Say(seconds=0.1) if 5.0 in seen.rows else None
    with calling(server, limits=Limits(1 << 20, 0.05, rows=4), grace=0.0) as caller:
        answer = caller.ask(batch_of(16))
    assert list(errors(answer)) == [5]
    assert "did not answer within 0.05 seconds" in errors(answer)[5]


def test_requests_that_are_too_large_are_halved_and_a_row_that_is_too_large_is_refused(server: Server) -> None:
    server.rule = lambda seen, number: Say(413, b"too much") if len(seen.rows) > 5 or 9.0 in seen.rows else None
    with calling(server) as caller:
        answer = caller.ask(batch_of(50))
        refused = caller.counts.refused
        caller.ask(batch_of(9))
        assert caller.counts.refused == refused, "what is too large is remembered"
    assert list(errors(answer)) == [9]
    assert errors(answer)[9].startswith("too large: too much (")


def test_no_request_is_sent_that_has_too_many_bytes(server: Server) -> None:
    with calling(server, limits=Limits(100, 10.0)) as caller:
        assert predictions(caller.ask(batch_of(200))) == doubled(200)
    assert max(s.size for s in server.seen) <= 100


def test_a_row_alone_that_has_too_many_bytes_is_refused_with_its_size(server: Server) -> None:
    with calling(server, limits=Limits(15, 10.0)) as caller:
        answer = caller.ask(batch_of(11))
    assert errors(answer) == {10: "too large: a request of 16 bytes, where the endpoint takes 15"}


def test_rows_that_are_all_refused_one_by_one_are_complete_errors(server: Server) -> None:
    server.rule = lambda seen, number: Say(400, b"no")
    with calling(server) as caller:
        answer = caller.ask(batch_of(3))
    assert errors(answer) == {0: "no", 1: "no", 2: "no"}
    assert predictions(answer) == [None] * 3


def test_an_endpoint_that_refuses_everything_is_not_paid_for_every_row(server: Server) -> None:
    server.rule = lambda seen, number: Say(400, b"7 features expected")
    with calling(server) as caller, pytest.raises(ModelFailed, match=r"7 features expected \(for all of 20 rows"):
        caller.ask(batch_of(10_000))
    assert len(server.seen) < 40


def test_expired_credentials_are_renewed_once_for_all(server: Server) -> None:
    server.rule = lambda seen, number: Say(401, b"expired") if seen.token == "token 0" else None
    provider = Local(server.url)
    with calling(server, provider=provider, limits=Limits(1 << 20, 10.0, rows=5)) as caller:
        assert predictions(caller.ask(batch_of(100))) == doubled(100)
    assert provider.renewed == 1


@pytest.mark.parametrize(
    ("status", "kind", "message"),
    [(401, SourceDenied, "refuses new credentials too"), (403, SourceDenied, "no"), (404, NotFound, "no")],
)
def test_what_no_try_mends_ends_the_call_and_can_be_resumed(
    server: Server, status: int, kind: type[MusterError], message: str
) -> None:
    server.rule = lambda seen, number: Say(status, b"no") if number >= 3 else None
    with calling(server, limits=Limits(1 << 20, 10.0, rows=5)) as caller, pytest.raises(kind, match=message) as caught:
        caller.ask(batch_of(100))
    assert caught.value.details["resume"] is True
    assert len(server.seen) <= 14


@pytest.mark.parametrize(("status", "word"), [(429, "too busy"), (425, "not started"), (503, "unavailable")])
def test_patience_ends(server: Server, status: int, word: str) -> None:
    server.rule = lambda seen, number: Say(status, b"later")
    with calling(server, patience=SHORT) as caller, pytest.raises(SourceUnavailable, match=word) as caught:
        caller.ask(batch_of(3))
    assert caught.value.details["resume"] is True
    assert "later" in caught.value.message


def test_a_wait_beyond_all_patience_is_not_begun(server: Server) -> None:
    server.rule = lambda seen, number: Say(429, b"tomorrow", {"Retry-After": "86400"})
    with calling(server) as caller, pytest.raises(SourceUnavailable, match="tomorrow"):
        caller.ask(batch_of(3))
    assert len(server.seen) == 1


def test_while_it_starts_one_request_at_a_time_asks_whether_it_has(server: Server) -> None:
    flying: list[int] = []

    def rule(seen: Seen, number: int) -> Say | None:
        if 4 <= number < 10:
            flying.append(server.flying)
        return Say(425, b"starting") if number < 10 else None

    server.rule = rule
    with calling(server, limits=Limits(1 << 20, 10.0, concurrency=4, rows=5)) as caller:
        assert predictions(caller.ask(batch_of(100))) == doubled(100)
    assert flying == [1] * 6


def test_nothing_is_sent_any_more_once_one_request_was_denied(server: Server) -> None:
    server.rule = lambda seen, number: Say(403, b"no", seconds=0.02)
    with calling(server, limits=Limits(1 << 20, 10.0, rows=5), cap=1) as caller:
        for calls in (1, 2):
            with pytest.raises(SourceDenied):
                caller.ask(batch_of(100))
            assert len(server.seen) == calls


@pytest.mark.parametrize("rows", [1, 200])
def test_a_cancelled_call_ends_while_the_endpoint_thinks(server: Server, rows: int) -> None:
    gate = threading.Event()
    server.rule = lambda seen, number: Say(429, b"busy") if number or gate.is_set() else tell(gate)
    with calling(server) as caller, pytest.raises(RunCancelled):
        caller.ask(batch_of(rows), Call(cancelled=gate.is_set))


def test_a_call_ends_at_its_deadline_whatever_it_waits_for(server: Server) -> None:
    server.rule = lambda seen, number: Say(429, b"busy", {"Retry-After": "30"})
    with calling(server) as caller, pytest.raises(ModelTimeout):
        caller.ask(batch_of(3), Call(deadline=time.monotonic() + 0.1))
    assert len(server.seen) == 1


def test_a_call_that_is_over_is_not_made(server: Server) -> None:
    with calling(server) as caller:
        with pytest.raises(ModelTimeout):
            caller.ask(batch_of(1), Call(deadline=time.monotonic() - 1))
        with pytest.raises(RunCancelled):
            caller.ask(batch_of(1), Call(cancelled=lambda: True))
    with pytest.raises(ModelFailed, match="closed"):
        caller.ask(batch_of(1))
    assert not server.seen


def test_closing_ends_what_is_asked(server: Server) -> None:
    asked = threading.Event()
    server.rule = lambda seen, number: tell(asked)
    with calling(server) as caller, ThreadPoolExecutor(1) as threads:
        answer = threads.submit(caller.ask, batch_of(3))
        asked.wait(5)
        caller.close()
        with pytest.raises(ModelFailed, match="closed"):
            answer.result(5)


FAULTS = {
    "throttled": Say(429, b"busy"),
    "starting": Say(425, b"starting"),
    "failing": Say(500, b"oops"),
    "dropped": Say(drop=True),
    "cut": Say(cut=True),
    "expired": Say(401, b"expired"),
    "a page": Say(200, b"<html></html>", {"Content-Type": "text/html"}),
    "too large": Say(413, b"too much"),
    "nonsense": Say(200, b"[1]"),
    "refused": Say(400, b"no"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_at_any_call_changes_no_answer(server: Server, fault: str) -> None:
    limits = Limits(1 << 20, 10.0, concurrency=2, rows=7)
    with calling(server, limits=limits) as caller:
        expected = predictions(caller.ask(batch_of(40)))
    calls = len(server.seen)
    for position in range(calls):
        server.seen.clear()
        server.rule = lambda seen, number, at=position: FAULTS[fault] if number == at else None  # type: ignore[misc]
        with calling(server, limits=limits) as caller:
            answer = caller.ask(batch_of(40))
        assert predictions(answer) == expected, f"at call {position}"
        assert not errors(answer)
        assert len(server.seen) > calls


def test_once_its_money_is_spent_nothing_more_is_sent(server: Server) -> None:
    server.rule = lambda seen, number: Say(429, b"busy") if number == 1 else None
    limits = Limits(1 << 20, 10.0, concurrency=1, most=1, rows=10)
    with (
        calling(server, limits=limits, caps=Caps(money=0.5, call_price=0.1)) as caller,
        pytest.raises(SourceError, match=r"spent on scores/churn is used up: 0.50 of 0.50") as caught,
    ):
        caller.ask(batch_of(100))
    assert caught.value.details["resume"] is True
    assert len(server.seen) == 6, "what is rejected is not paid"


def test_who_waits_for_a_slow_rate_can_be_cancelled(server: Server) -> None:
    limits = Limits(1 << 20, 10.0, rows=10)
    with calling(server, limits=limits, caps=Caps(rows_per_second=10.0)) as caller, pytest.raises(RunCancelled):
        caller.ask(batch_of(1_000), Call(cancelled=lambda: len(server.seen) == 1))
    assert len(server.seen) == 1


def test_an_error_of_the_providers_own_is_raised_as_it_is(server: Server) -> None:
    class Loggedout(Local):
        def request(self, route: Mapping[str, Json], payload: Payload, identity: str) -> Request:
            raise SourceDenied("log in again")

    with (
        calling(server, provider=Loggedout(server.url)) as caller,
        pytest.raises(SourceDenied, match="log in") as caught,
    ):
        caller.ask(batch_of(10))
    assert caught.value.details["resume"] is True


def test_a_login_that_cannot_be_reached_for_a_moment_is_waited_for(server: Server) -> None:
    class Flaky(Local):
        asked = 0

        def request(self, route: Mapping[str, Json], payload: Payload, identity: str) -> Request:
            self.asked += 1
            if self.asked < 3:
                raise SourceUnavailable("no token")
            return super().request(route, payload, identity)

    with calling(server, provider=Flaky(server.url)) as caller:
        assert predictions(caller.ask(batch_of(10))) == doubled(10)


def test_a_server_that_is_not_trusted_is_told_at_once(server: Server) -> None:
    provider = Local(server.url.replace("http:", "https:"))
    with (
        calling(server, provider=provider) as caller,
        pytest.raises(SourceUnavailable, match="do not agree on TLS") as caught,
    ):
        caller.ask(batch_of(10))
    assert caught.value.details == {"resume": True, "kind": "tls"}


def test_an_endpoint_that_is_not_there_is_given_up_soon(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody(*args: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", nobody)
    provider = Local("http://muster.invalid")
    with calling(server, provider=provider, patience=SHORT) as caller, pytest.raises(SourceUnavailable) as caught:
        caller.ask(batch_of(10))
    assert "no server has the name in http://muster.invalid" in caught.value.message
    assert "geheim" not in str(caught.value)


def test_what_cannot_be_encoded_is_refused_without_being_sent(server: Server) -> None:
    def picky(batch: pa.RecordBatch, params: Mapping[str, Json], identity: str) -> Payload:
        if 3.0 in batch.column("x").to_pylist():
            raise ModelFailed("3 cannot be written")
        return encode(batch, params, identity)

    with calling(server, encode=picky) as caller:
        assert errors(caller.ask(batch_of(10))) == {3: "3 cannot be written"}
    assert all(3.0 not in seen.rows for seen in server.seen)


def test_no_rows_are_no_request(server: Server) -> None:
    with calling(server) as caller:
        assert caller.ask(batch_of(0)).num_rows == 0
    assert not server.seen


def test_pages_are_known_by_what_they_are_and_not_by_a_byte(server: Server) -> None:
    """A body of numbers may begin with any byte."""
    said = Say(200, b"<\x00", {"Content-Type": "application/octet-stream"})
    server.rule = lambda seen, number: said

    def decode(answer: Answer, rows: int) -> pa.RecordBatch:
        return pa.record_batch({"prediction": [float(len(answer.body))] * rows})

    with calling(server, decode=decode) as caller:
        assert predictions(caller.ask(batch_of(2))) == [2.0, 2.0]
    assert len(server.seen) == 1
