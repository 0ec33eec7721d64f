"""Whatever goes wrong on the way, without a network: every row has its own answer, or the endpoint's word why it has none."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muster.errors import MusterError
from muster.predictors.external.exchange import Limits, Reply, Request
from muster.predictors.external.transport.caller import Caller
from muster.predictors.external.transport.unreachable import Unreachable
from tests.predictors.external.transport.local import (
    HASTE,
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


def unreachable(kind: str) -> Callable[[], Reply]:
    def fail() -> Reply:
        raise Unreachable(kind, f"{kind}!")  # type: ignore[arg-type]

    return fail


def said(status: int, body: bytes = b"no", headers: Mapping[str, str] | None = None) -> Callable[[], Reply]:
    return lambda: Reply(status, {**JSON, **(headers or {})}, body)


PASSING: Mapping[str, Callable[[], Reply]] = {
    "throttled": said(429),
    "throttled, with a wait": said(429, b"no", {"retry-after": "0.002"}),
    "starting": said(425),
    "failing": said(503),
    "expired": said(401),
    "refused": said(400),
    "too large": said(413),
    "nonsense": said(200, b"[0, 0"),
    "one row more": said(200, b"[" + b"0, " * 500 + b"0]"),
    "a page": said(200, b"<!DOCTYPE html>"),
    "name": unreachable("name"),
    "connect": unreachable("connect"),
    "timeout": unreachable("timeout"),
    "broken": unreachable("broken"),
}
FINAL: Mapping[str, Callable[[], Reply]] = {
    "denied": said(403),
    "missing": said(404),
    "tls": unreachable("tls"),
    "redirect": unreachable("redirect"),
}


class Fake:
    """An endpoint that answers right but at the calls of `faults`, and refuses `bad` rows in its own words."""

    def __init__(self, faults: Mapping[int, str], bad: frozenset[int]) -> None:
        self.faults, self.bad = faults, bad
        self.calls = 0
        self.lock = threading.Lock()

    def __call__(self, request: Request, seconds: float) -> Reply:
        with self.lock:
            number, self.calls = self.calls, self.calls + 1
        rows = json.loads(request.body)["rows"]
        if number in self.faults:
            return {**PASSING, **FINAL}[self.faults[number]]()
        if self.bad & set(map(int, rows)):
            return Reply(400, JSON, b"bad row")
        return Reply(200, JSON, right(rows))


def ask(fake: Fake, rows: int, limits: Limits) -> tuple[list[float | None], dict[int, str]]:
    caller = Caller(
        Local("http://nowhere"),
        {},
        limits,
        fake,
        name=NAME,
        encode=encode,
        decode=decode,
        schema=SCHEMA,
        patience=HASTE,
    )
    try:
        answer = caller.ask(batch_of(rows))
    finally:
        caller.close()
    assert answer.num_rows == rows
    return predictions(answer), errors(answer)


@given(
    faults=st.dictionaries(st.integers(0, 40), st.sampled_from(sorted(PASSING)), max_size=5),
    bad=st.frozensets(st.integers(0, 199), max_size=8),
    rows=st.integers(30, 200),
    most=st.sampled_from([3, 16, 64, None]),
    at_once=st.integers(1, 6),
)
def test_what_passes_changes_no_answer(
    faults: dict[int, str], bad: frozenset[int], rows: int, most: int | None, at_once: int
) -> None:
    """A fault that puts the blame on the rows is believed only of a row alone, so the few first calls are spared those."""
    faults = {
        n: kind
        for n, kind in faults.items()
        if n < 10 or kind not in ("refused", "too large", "nonsense", "one row more")
    }
    for number in sorted(n for n, kind in faults.items() if kind == "expired")[1:]:
        del faults[number]  # new credentials that are refused as well are no good
    limits = Limits(1 << 20, 10.0, concurrency=at_once, most=6, rows=most)
    told, why = ask(Fake(faults, bad), rows, limits)
    blamed = {row for row in why if why[row] != "bad row"}
    assert {row for row in why if row not in blamed} == {row for row in bad if row < rows} - blamed
    assert len(blamed) <= len(faults)
    assert told == [None if row in why else 2.0 * row for row in range(rows)]


@pytest.mark.parametrize("fault", FINAL)
@pytest.mark.parametrize("position", range(0, 8, 2))
def test_what_does_not_pass_ends_the_call(fault: str, position: int) -> None:
    limits = Limits(1 << 20, 10.0, concurrency=2, most=2, rows=4)
    fake = Fake(dict.fromkeys(range(position, 99), fault), frozenset())
    with pytest.raises(MusterError) as caught:
        ask(fake, 40, limits)
    assert caught.value.details["resume"] is True
    assert fake.calls <= position + 4


@given(
    sizes=st.lists(
        st.tuples(st.integers(1, 6), st.sampled_from([1, 5, 64, None]), st.integers(40, 4_000)), min_size=2, max_size=3
    ),
    rows=st.integers(1, 300),
)
def test_however_it_is_packed_the_answers_are_the_same(sizes: list[tuple[int, int | None, int]], rows: int) -> None:
    told = [
        ask(Fake({}, frozenset()), rows, Limits(size, 10.0, concurrency=at_once, most=6, rows=most))
        for at_once, most, size in sizes
    ]
    assert all(one == ([2.0 * n for n in range(rows)], {}) for one in told)
