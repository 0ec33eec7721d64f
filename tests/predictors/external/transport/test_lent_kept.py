"""Caps that are lent out of a real store: to requests that are on their way when the last money is spent, and to those promised."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest

from muster.errors import SourceError, StoreError
from muster.predictors.external.exchange import Limits, Payload, Request
from muster.predictors.external.transport.caller import Caller
from muster.predictors.external.transport.gate import Line
from muster.predictors.external.transport.lent import Lent
from muster.predictors.external.transport.rate import Caps
from muster.predictors.external.transport.sender import Sender
from muster.records import Connection, Usage, now
from muster.registry.opened import Opened
from muster.registry.shares import KeptShares
from muster.sharing import Grant, Shares, Wish
from muster.signature import Json
from muster.store import RecordStore
from muster.stores import open_records
from tests.predictors.external.transport.local import HASTE, SCHEMA, Local, Server, batch_of, decode, encode
from tests.predictors.external.transport.test_lent import patient

CAPPED = Caps(requests_per_second=9.0)
"""As the connection was when it was opened."""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "muster.db"


@pytest.fixture
def store(place: Path) -> Iterator[RecordStore]:
    store = open_records(place)
    yield store
    store.close()


def _capped(store: RecordStore, **caps: float) -> None:
    made = Connection(name="c", kind="http", caps=caps, created_at=now(), created_by="ada")
    with store.transaction("ada") as tx:
        tx.replace(made) if tx.get(Connection, "c") else tx.insert(made)


@pytest.fixture
def shares(place: Path) -> KeptShares:
    return KeptShares(Opened(partial(open_records, place, make=False)), str(place))


@contextmanager
def _lent(shares: Shares, caps: Caps = CAPPED) -> Iterator[Lent]:
    lent = Lent("the connection c", shares, "c")
    lent.join(caps, None)
    try:
        yield lent
    finally:
        lent.leave(caps, None)
        lent.close()


def _send(lent: Lent, *, promised: bool = False, seconds: float = 0.0) -> None:
    check = patient()
    with lent.admitted(check, promised=promised) as admission:
        line = Line(lent.gate)
        line.acquire(admission.check)
        try:
            admission.taken = True
            threading.Event().wait(seconds)
        finally:
            line.give()


def test_all_that_is_paid_is_sent_also_where_the_last_money_is_spent_while_it_waits(
    store: RecordStore, shares: KeptShares
) -> None:
    _capped(store, concurrency=1, price_per_call=1.0, spend=4.0)
    with _lent(shares) as lent, ThreadPoolExecutor(4) as threads:
        for sent in [threads.submit(_send, lent, seconds=1.0) for _ in range(4)]:
            sent.result()
        with pytest.raises(SourceError, match=r"used up: 4\.00 of 4\.00"):
            _send(lent)


def test_what_was_promised_an_answer_needs_a_place_and_no_money(store: RecordStore, shares: KeptShares) -> None:
    """Though it is all that this process asks for, and the money is used up."""
    _capped(store, concurrency=2, price_per_call=1.0, spend=2.0)
    with _lent(shares) as lent:
        for _ in range(2):
            _send(lent)
    with _lent(shares) as other:
        _send(other, promised=True)
        with pytest.raises(SourceError, match="used up"):
            _send(other)
    usage = store.get(Usage, "c")
    assert usage is not None
    assert (usage.spent, usage.shares) == (2.0, ())


def test_a_flight_counts_though_nothing_is_left_to_spend(store: RecordStore, shares: KeptShares) -> None:
    _capped(store, concurrency=1, price_per_call=1.0, spend=1.0)
    with _lent(shares) as first:
        _send(first)
    with _lent(shares) as lent, _lent(shares) as other, lent.admitted(patient(), promised=True) as admission:
        line = Line(lent.gate)
        line.acquire(admission.check)
        with other.admitted(patient(), promised=True), pytest.raises(TimeoutError):
            Line(other.gate).acquire(lambda: _give_up(other))
        line.give()


def _give_up(lent: Lent) -> None:
    """Once it was told often enough what it may have."""
    if lent._granted >= 4:
        raise TimeoutError


def test_a_cap_that_is_set_where_there_was_none_holds_within_seconds(store: RecordStore, shares: KeptShares) -> None:
    _capped(store)
    over, flying, most = threading.Event(), [0], [0]
    lock = threading.Lock()

    def ask() -> None:
        check = patient()
        while not over.is_set():
            with lent.admitted(check) as admission:
                line = Line(lent.gate)
                line.acquire(admission.check)
                with lock:
                    flying[0] += 1
                    most[0] = max(most[0], flying[0])
                threading.Event().wait(0.005)
                with lock:
                    flying[0] -= 1
                line.give()

    with _lent(shares, Caps()) as lent, ThreadPoolExecutor(4) as threads:
        asking = [threads.submit(ask) for _ in range(4)]
        check = patient()
        try:
            while most[0] < 2:
                check()
            assert store.get(Usage, "c") is None, "nothing is written where there are no caps"
            _capped(store, concurrency=1)
            while lent.gate.most != 1 or lent.gate.flying > 1:
                check()
            with lock:
                most[0] = flying[0]
            threading.Event().wait(0.2)
            assert most[0] <= 1
            _capped(store)
            while most[0] < 2:
                check()
        finally:
            over.set()
        for ended in asking:
            ended.result()
        check = patient()
        while (usage := store.get(Usage, "c")) is None or usage.shares:
            check()


def test_a_cap_of_money_that_is_set_holds_for_who_was_quiet_since(store: RecordStore, shares: KeptShares) -> None:
    _capped(store)
    with _lent(shares, Caps()) as lent:
        _send(lent)
        _capped(store, price_per_call=1.0, spend=3.0)
        lent._until = 0.0  # as after a while
        for _ in range(3):
            _send(lent)
        with pytest.raises(SourceError, match="used up"):
            _send(lent)


class _Gone:
    """A store that cannot be reached."""

    place = "nowhere"

    def free(self, connection: str) -> bool:
        raise StoreError("the database is gone")

    def renew(self, connection: str, wish: Wish) -> Grant:
        raise StoreError("the database is gone")

    def leave(self, connection: str, wish: Wish) -> None:
        raise StoreError("the database is gone")


def test_a_store_out_of_reach_holds_up_nobody_where_there_are_no_caps() -> None:
    with _lent(_Gone(), Caps()) as lent:
        _send(lent)


class _Slow(Local):
    """Logs in for so long that the part of the caps is over."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.made = 0
        self.caller: Caller | None = None

    def request(self, route: Mapping[str, Json], payload: Payload, identity: str) -> Request:
        self.made += 1
        if self.made == 1 and self.caller is not None:
            self.caller._part.means.lane.together.gate.until = 0.0
        return super().request(route, payload, identity)


def test_what_was_let_through_and_is_not_sent_in_time_comes_again(
    store: RecordStore, shares: KeptShares, server: Server
) -> None:
    _capped(store, concurrency=1, price_per_call=1.0, spend=9.0)
    provider = _Slow(server.url)
    with Sender() as send:
        caller = Caller(
            provider,
            {},
            Limits(bytes=1 << 20, seconds=10.0, rows=1),
            send,
            encode=encode,
            decode=decode,
            schema=SCHEMA,
            name="e",
            within="the connection c",
            caps=CAPPED,
            shares=shares,
            connection="c",
            patience=HASTE,
        )
        provider.caller = caller
        caller.ask(batch_of(3))
        caller.close()
    assert (provider.made, len(server.seen)) == (4, 3)
    usage = store.get(Usage, "c")
    assert usage is not None
    assert usage.spent == 3.0
