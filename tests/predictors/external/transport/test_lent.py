"""Caps that are lent to a process: what it does with its part, and that it does nothing without one."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from muster.errors import SourceError, StoreError
from muster.predictors.external.transport import lent
from muster.predictors.external.transport.gate import Line
from muster.predictors.external.transport.lent import Lent
from muster.predictors.external.transport.rate import Caps
from muster.records import Connection, Usage, now
from muster.sharing import Grant, Wish
from muster.stores import open_records

WITHOUT_END: Callable[[], object] = lambda: None  # noqa: E731  # nobody cancels anything here


def placed(together: Lent) -> bool:
    """Whether it has a place for one more."""
    line = Line(together.gate)
    try:
        line.acquire(_give_up)
    except TimeoutError:
        return False
    line.give()
    return True


def _give_up() -> None:
    raise TimeoutError


def patient(seconds: float = 30.0) -> Callable[[], object]:
    """A check that gives up where something would hang."""
    until = time.monotonic() + seconds

    def check() -> None:
        if time.monotonic() > until:
            raise TimeoutError

    return check


class Lender:
    """Grants what it is told to, and remembers what was wished."""

    place = "here"

    def __init__(self, *grants: Grant | Exception) -> None:
        self.grants = list(grants)
        self.wishes: list[Wish] = []
        self.left: list[Wish] = []
        self.hold: threading.Event | None = None

    def free(self, connection: str) -> bool:
        return False

    def renew(self, connection: str, wish: Wish) -> Grant:
        if self.wishes and self.hold is not None:
            self.hold.wait(60)
        self.wishes.append(wish)
        found = self.grants.pop(0) if len(self.grants) > 1 else self.grants[0]
        if isinstance(found, Exception):
            raise found
        return found

    def leave(self, connection: str, wish: Wish) -> None:
        self.left.append(wish)


@pytest.fixture
def opened() -> Iterator[Callable[[Lender], Lent]]:
    made: list[Lent] = []

    def open_one(lender: Lender) -> Lent:
        made.append(Lent("the connection c", lender, "c"))
        made[-1].join(Caps(), 9)
        return made[-1]

    yield open_one
    for one in made:
        one.close()


def test_what_was_not_taken_is_not_paid_and_all_is_given_back(opened: Callable[[Lender], Lent]) -> None:
    lender = Lender(Grant(flying=2, money=5.0, call_price=1.0, cap=9.0))
    together = opened(lender)
    for taken in (True, False, True):
        with together.admitted(WITHOUT_END) as admission:
            assert admission.price == 1.0
            admission.taken = taken
    assert together.gate.most == 2
    assert not lender.left, "it may be asked again soon"
    together.leave(Caps(), None)
    together.close()
    assert [w.used for w in lender.left] == [2.0]
    assert together.gate.most == 0
    assert not placed(together)


def test_who_gives_back_is_lent_anew_when_it_asks(opened: Callable[[Lender], Lent]) -> None:
    lender = Lender(Grant(flying=2, money=5.0, call_price=1.0, cap=9.0))
    together = opened(lender)
    together.give_back()
    assert (lender.wishes, lender.left) == ([], []), "nothing was asked for"
    for count in (1, 2):
        with together.admitted(patient()) as admission:
            admission.taken = True
        together.give_back()
        assert [w.used for w in lender.left] == [1.0] * count
        assert not placed(together)
    assert len({w.holder for w in lender.left}) == 2
    again = next(w for w in lender.wishes if w.holder == lender.left[1].holder)
    assert again.wants == 1.0, "as much as it did before"


def test_who_gives_back_waits_for_what_is_just_ending(opened: Callable[[Lender], Lent]) -> None:
    lender = Lender(Grant(flying=2, money=5.0, call_price=1.0, cap=9.0))
    together = opened(lender)
    with together.admitted(patient()) as admission:
        giving = threading.Thread(target=together.give_back)
        giving.start()
        while not together._over:
            time.sleep(0.001)
        assert not lender.left
        admission.taken = True
    giving.join(30)
    assert [w.used for w in lender.left] == [1.0]


def test_money_that_is_used_up_is_told_only_when_it_is_so_now(opened: Callable[[Lender], Lent]) -> None:
    over = Grant(money=0.0, call_price=1.0, spent=3.0, cap=3.0, used_up=True)
    lender = Lender(over, Grant(money=1.0, call_price=1.0, spent=3.0, cap=9.0))
    together = opened(lender)
    with pytest.raises(SourceError, match=r"spent on the connection c is used up: 3\.00 of 3\.00") as caught:
        together.admitted(WITHOUT_END).__enter__()
    assert caught.value.details["resume"] is True
    with together.admitted(WITHOUT_END) as admission:
        admission.taken = True


def test_a_store_out_of_reach_is_told_to_who_waits(opened: Callable[[Lender], Lent]) -> None:
    lender = Lender(StoreError("the database is gone"), Grant())
    together = opened(lender)
    with pytest.raises(StoreError, match="is gone"):
        together.admitted(WITHOUT_END).__enter__()
    with together.admitted(WITHOUT_END):
        assert placed(together)


def test_a_store_that_fails_in_an_odd_way_is_told_too_and_asked_again(opened: Callable[[Lender], Lent]) -> None:
    lender = Lender(RuntimeError("odd"), RuntimeError("odd"), Grant())
    together = opened(lender)
    for _ in range(2):
        with pytest.raises(RuntimeError, match="odd"):
            together.admitted(patient()).__enter__()
    with together.admitted(patient()):
        assert placed(together)


def test_a_store_that_fails_is_told_to_who_waits_for_a_place(opened: Callable[[Lender], Lent]) -> None:
    lender = Lender(Grant(flying=1, call_price=1.0, money=5.0), StoreError("the database is gone"))
    together = opened(lender)
    with together.admitted(patient()), together.admitted(patient()) as waiting:
        Line(together.gate).acquire(patient())
        together._until = 0.0  # as once the part is over
        with pytest.raises(StoreError, match="is gone"):
            Line(together.gate).acquire(waiting.check)


def test_what_is_paid_and_still_in_flight_keeps_no_money_in_hand(opened: Callable[[Lender], Lent]) -> None:
    """Answers that come later may be waited for for hours: a kill meanwhile loses nothing more."""
    lender = Lender(Grant(flying=None, money=60.0, call_price=1.0, cap=99.0, whole=False))
    together = opened(lender)
    with ExitStack() as flying:
        for _ in range(50):
            flying.enter_context(together.admitted(patient())).taken = True
        wait = patient()
        while lender.wishes[-1].used < 50 or lender.wishes[-1].holds > 50 or lender.wishes[-1].wants:
            wait()
            threading.Event().wait(0.05)


def test_nothing_is_sent_with_a_part_whose_time_is_over(
    opened: Callable[[Lender], Lent], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lent, "LENT_SECONDS", lent._SPARE_SECONDS + 0.5)
    lender = Lender(Grant(flying=2, rate=100.0, tokens=5.0, whole=False))
    lender.hold = threading.Event()
    together = opened(lender)
    with together.admitted(WITHOUT_END):
        pass
    expired = threading.Event()
    while placed(together):
        expired.wait(0.05)
    looked: list[int] = []

    def give_up() -> None:
        looked.append(1)
        if len(looked) > 3:
            raise TimeoutError

    with pytest.raises(TimeoutError):
        together.admitted(give_up).__enter__()
    lender.hold.set()
    with together.admitted(WITHOUT_END):
        assert placed(together)


# Uses up what it is lent, from two threads, until there is no more; says how often it might.
SPENDER = """
import sys, threading
from functools import partial
from muster.errors import SourceError
from muster.predictors.external.transport.lent import Lent
from muster.predictors.external.transport.rate import Caps
from muster.registry.opened import Opened
from muster.registry.shares import KeptShares
from muster.stores import open_records

shares = KeptShares(Opened(partial(open_records, sys.argv[1], make=False)), sys.argv[1])
together = Lent("the connection c", shares, "c")
together.join(Caps(money=30.0, call_price=0.1), None)
times = []

def spend():
    try:
        while True:
            with together.admitted(lambda: None) as admission:
                admission.taken = True
                times.append(1)
    except SourceError:
        pass

print("ready", flush=True)
sys.stdin.readline()
threads = [threading.Thread(target=spend) for _ in range(2)]
for thread in threads: thread.start()
for thread in threads: thread.join()
together.close()
print(len(times), flush=True)
"""

STORES: dict[str, Callable[[Path, pytest.FixtureRequest], str]] = {
    "postgresql": lambda folder, request: str(request.getfixturevalue("postgres_hub")),
    "sqlite": lambda folder, request: str(folder / "muster.db"),
}


@pytest.mark.parametrize("make", STORES.values(), ids=STORES)
def test_processes_spend_what_may_be_spent_and_no_more(
    make: Callable[[Path, pytest.FixtureRequest], str], tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    place = make(tmp_path, request)
    store = open_records(place)
    caps = {"price_per_call": 0.1, "spend": 30.0}
    with store.transaction("ada") as tx:
        tx.insert(Connection(name="c", kind="http", caps=caps, created_at=now(), created_by="ada"))
    command = [sys.executable, "-c", SPENDER, place]
    spenders = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    try:
        for spender in spenders:
            assert spender.stdout is not None
            assert spender.stdout.readline() == "ready\n"
        for spender in spenders:
            assert spender.stdin is not None
            spender.stdin.write("\n")
            spender.stdin.flush()
        told = [spender.communicate()[0] for spender in spenders]
    finally:
        for spender in spenders:
            spender.kill()
            spender.communicate()
    assert sum(map(int, told)) == 300
    usage = store.get(Usage, "c")
    assert usage is not None
    assert (usage.spent, usage.shares) == (30.0, ())
    store.close()
