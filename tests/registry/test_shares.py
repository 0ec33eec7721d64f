"""The caps of a connection, divided among processes that come, go, and are cut off: nothing is lent twice, no money is lost sight of."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from muster import records
from muster.errors import StoreError
from muster.owners import me
from muster.records import Connection, Usage, now
from muster.registry.connections import Connections
from muster.registry.dividing import left, renewed, settled
from muster.registry.opened import Opened
from muster.registry.shares import KeptShares
from muster.sharing import LENT_SECONDS, Grant, Wish
from muster.store import RecordStore
from muster.stores import open_records

START = datetime(2026, 1, 1, tzinfo=UTC)
PAST = timedelta(seconds=LENT_SECONDS)


def unknown(holder: str) -> bool | None:
    """Whether it lives, as on another machine."""
    return None


@dataclass
class Process:
    """One that keeps to what it is lent, as well as one can that does not know better."""

    name: str
    flying: int = 0
    busy: int = 0
    rate: float = 0.0
    used: float = 0.0
    holds: float = 0.0
    until: datetime = START
    price: float = 0.0
    grant: Grant = field(default_factory=Grant)

    def wish(self, at: datetime, wants: float) -> Wish:
        if at >= self.until:
            self.flying, self.rate, self.holds = 0, 0.0, self.used
        if self.holds - self.used < self.price:
            self.holds = self.used
        return Wish(
            holder=self.name,
            flying=max(self.flying, self.busy),
            rate=self.rate,
            room=9.0,
            used=self.used,
            holds=self.holds,
            wants=wants,
        )

    def take(self, grant: Grant, at: datetime) -> None:
        self.grant, self.until, self.price = grant, at + PAST, grant.call_price
        self.flying, self.rate = grant.flying or 0, grant.rate or 0.0
        self.holds = self.used if grant.money is None else grant.money


class World:
    """Processes of one connection, and the time."""

    def __init__(self, caps: Mapping[str, float]) -> None:
        self.caps = dict(caps)
        self.usage = Usage(connection="c", tokens=max(1.0, self.caps.get("rate", 0.0)), at=START)
        self.at = START
        self.processes: dict[str, Process] = {}
        self.paid = 0.0
        self.tokens = 0.0

    def pass_by(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)

    def renew(self, name: str, wants: float = 3.0) -> Grant:
        process = self.processes.setdefault(name, Process(name))
        usage = settled(self.usage, self.caps, self.at, unknown)
        self.usage, grant = renewed(usage, self.caps, process.wish(self.at, wants), self.at)
        process.take(grant, self.at)
        self.tokens += grant.tokens
        return grant

    def call(self, name: str) -> bool:
        process = self.processes.get(name)
        if process is None or self.at >= process.until or process.holds - process.used < process.price - 1e-9:
            return False
        process.used += process.price
        self.paid += process.price
        return True

    def fly(self, name: str) -> None:
        process = self.processes.get(name)
        if process is not None and self.at < process.until and process.busy < process.flying:
            process.busy += 1

    def land(self, name: str) -> None:
        process = self.processes.get(name)
        if process is not None and process.busy:
            process.busy -= 1

    def leave(self, name: str) -> None:
        if (process := self.processes.pop(name, None)) is not None:
            usage = settled(self.usage, self.caps, self.at, unknown)
            self.usage = left(usage, self.caps, process.wish(self.at, 0.0))

    def die(self, name: str, *, seen: bool) -> None:
        """`seen`: others can tell at once."""
        if self.processes.pop(name, None) is not None and seen:
            self.usage = settled(self.usage, self.caps, self.at, lambda holder: False if holder == name else None)

    def step(self, step: str, name: str, amount: float) -> None:
        match step:
            case "renew":
                self.renew(name, amount)
            case "wait":
                self.pass_by(amount / 30)
            case "sleep":
                self.pass_by(amount)
            case "die" | "vanish":
                self.die(name, seen=step == "die")
            case _:
                getattr(self, step)(name)

    @property
    def living(self) -> list[Process]:
        return [p for p in self.processes.values() if self.at < p.until]

    @property
    def lent(self) -> float:
        return sum(s.granted - s.used for s in self.usage.shares)


STEPS = (
    "renew",
    "renew",
    "renew",
    "call",
    "call",
    "call",
    "fly",
    "fly",
    "land",
    "leave",
    "die",
    "vanish",
    "wait",
    "sleep",
)
steps = st.lists(st.tuples(st.sampled_from(STEPS), st.integers(0, 4), st.floats(0.0, 30.0)), max_size=60)


@settings(max_examples=300, deadline=None)
@given(steps, st.integers(1, 7), st.floats(0.2, 50.0), st.sampled_from([0.1, 0.25, 1.0, 7.0]), st.floats(0.5, 60.0))
def test_nothing_is_lent_twice_and_no_more_is_spent_than_may_be(
    steps: list[tuple[str, int, float]], most: int, rate: float, price: float, spend: float
) -> None:
    world = World({"concurrency": most, "rate": rate, "price_per_call": price, "spend": spend})
    for n, (step, who, amount) in enumerate(steps):
        world.step(step, f"p{who}", amount)
        assert sum(max(p.flying, p.busy) for p in world.living) <= most, n
        assert sum(p.rate for p in world.living) <= rate + 1e-6, n
        assert world.paid <= spend + 1e-6, n
        assert world.usage.spent + world.lent <= spend + 1e-6, n
        assert world.paid <= world.usage.spent + world.lent + 1e-6, "all that was paid is known of, or was lent"
        assert world.tokens <= max(1.0, rate) + rate * (world.at - START).total_seconds() + 1e-6
    for name in list(world.processes):
        world.leave(name)


@given(st.integers(1, 6), st.integers(1, 9), st.floats(0.5, 20.0))
def test_all_is_lent_in_equal_parts_once_everybody_has_asked_again(processes: int, most: int, rate: float) -> None:
    world = World({"concurrency": most, "rate": rate})
    names = [f"p{n}" for n in range(processes)]
    for _ in range(3):
        for name in names:
            world.renew(name)
    parts = [world.processes[name].flying for name in names]
    assert sum(parts) == most
    assert max(parts) - min(parts) <= 1
    assert sum(p.rate for p in world.living) == pytest.approx(rate)
    assert all(world.renew(name).whole for name in names)


def test_what_is_in_flight_is_lent_to_nobody_else() -> None:
    world = World({"concurrency": 2})
    world.renew("a")
    for _ in range(2):
        world.fly("a")
    assert world.renew("b").flying == 0
    assert world.renew("a").flying == 1
    grant = world.renew("b")
    assert (grant.flying, grant.whole) == (0, False)
    world.land("a")
    world.renew("a")
    assert world.renew("b").flying == 1


def test_where_there_are_too_many_they_take_turns() -> None:
    world = World({"concurrency": 2, "rate": 6.0})
    names = [f"p{n}" for n in range(5)]
    had: set[str] = set()
    for _ in range(40):
        world.pass_by(1.0)
        for name in names:
            if world.renew(name).flying:
                had.add(name)
        assert sum(p.flying for p in world.living) <= 2
    assert had == set(names)


def test_what_a_process_held_that_is_gone_counts_as_spent_and_its_place_is_free() -> None:
    world = World({"concurrency": 1, "price_per_call": 1.0, "spend": 20.0})
    world.renew("a", wants=4.0)
    assert world.call("a")
    world.die("a", seen=False)
    world.pass_by(1)
    assert world.renew("b").flying == 0
    world.pass_by(LENT_SECONDS - 1)
    grant = world.renew("b", wants=1.0)
    assert (grant.flying, grant.spent) == (1, 4.0)


def test_one_that_is_known_to_live_is_waited_for_and_not_for_ever() -> None:
    world = World({"price_per_call": 1.0, "spend": 20.0})
    world.renew("a", wants=4.0)
    world.pass_by(LENT_SECONDS + 30)
    assert len(settled(world.usage, world.caps, world.at, lambda holder: True).shares) == 1
    assert settled(world.usage, world.caps, world.at, unknown).spent == 4.0
    world.pass_by(30)
    assert settled(world.usage, world.caps, world.at, lambda holder: True).spent == 4.0


def test_one_that_was_taken_for_gone_and_comes_back_pays_nothing_twice() -> None:
    world = World({"price_per_call": 1.0, "spend": 20.0})
    world.renew("a", wants=4.0)
    for _ in range(3):
        assert world.call("a")
    world.pass_by(LENT_SECONDS + 1)
    assert not world.call("a")
    world.renew("b", wants=1.0)
    assert world.usage.spent == 4.0
    world.renew("a", wants=2.0)
    assert world.call("a")
    world.leave("a")
    assert world.usage.spent == 5.0


def test_it_is_used_up_only_when_nobody_can_give_anything_back() -> None:
    world = World({"price_per_call": 1.0, "spend": 3.0})
    world.renew("a", wants=1.0)
    world.renew("b", wants=1.0)
    world.renew("c", wants=1.0)
    late = world.renew("d", wants=1.0)
    assert (late.money, late.used_up) == (0.0, False)
    world.leave("c")
    assert world.renew("d", wants=1.0).money == 1.0
    for name in "abd":
        assert world.call(name)
    assert not world.call("d")
    for name in "abd":
        grant = world.renew(name)
    assert grant.used_up
    assert (grant.spent, grant.cap) == (3.0, 3.0)


def test_hours_are_paid_once_whoever_calls_and_not_while_nobody_does() -> None:
    world = World({"price_per_hour": 3600.0})
    for _ in range(5):
        world.renew("a")
        world.renew("b")
        world.pass_by(2.0)
    world.leave("a")
    world.leave("b")
    assert world.usage.spent == pytest.approx(10.0)
    world.pass_by(1_000)
    world.renew("a")
    assert world.usage.spent == pytest.approx(10.0)
    world.pass_by(1_000)
    world.renew("b")
    assert world.usage.spent == pytest.approx(10.0 + LENT_SECONDS), "of one that is gone, until its time was over"


def test_hours_end_before_they_cost_more_than_may_be_spent() -> None:
    world = World({"price_per_hour": 3600.0, "spend": 100.0})
    while not world.renew("a").used_up:
        world.pass_by(2.0)
    world.pass_by(1_000)
    world.renew("b")
    assert 100.0 - LENT_SECONDS <= world.usage.spent <= 100.0


def test_a_clock_that_was_set_back_ends_no_counting_and_lends_nothing_for_longer() -> None:
    world = World({"concurrency": 1, "price_per_hour": 3600.0, "spend": 200.0})
    world.pass_by(3600)
    world.renew("b")
    world.fly("b")
    world.at = START
    assert world.renew("a").flying == 0
    for _ in range(30):
        world.pass_by(2.0)
        world.renew("a")
    assert world.processes["a"].flying == 1
    assert 60.0 <= world.usage.spent <= 60.0 + 2 * LENT_SECONDS


STORES: dict[str, Callable[[Path, pytest.FixtureRequest], str]] = {
    "memory": lambda folder, request: "memory://",
    "postgresql": lambda folder, request: str(request.getfixturevalue("postgres_hub")),
    "sqlite": lambda folder, request: str(folder / "muster.db"),
}


@pytest.fixture(params=STORES)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return STORES[request.param](tmp_path, request)


@pytest.fixture
def store(place: str) -> Iterator[RecordStore]:
    store = open_records(place)
    yield store
    store.close()


def _connect(store: RecordStore, **caps: float) -> None:
    made = Connection(name="c", kind="http", caps=caps, created_at=now(), created_by="ada")
    with store.transaction("ada") as tx:
        tx.replace(made) if tx.get(Connection, "c") else tx.insert(made)


def test_it_is_kept_in_every_store(store: RecordStore) -> None:
    _connect(store, concurrency=4, price_per_call=0.5, spend=6.0)
    shares, connections = KeptShares(lambda: store, "here"), Connections(store, "ada")
    one, other = (Wish(holder=f"{me()}/{n}", wants=1.0) for n in "ab")
    first = shares.renew("c", one)
    assert (first.flying, first.money, first.whole) == (4, 1.0, True)
    second = shares.renew("c", other)
    assert (second.flying, second.whole) == (0, False)
    assert connections.spent("c") == 2.0, "what is lent may be spent"
    shares.leave("c", Wish(holder=one.holder, used=0.5))
    assert shares.renew("c", other).flying == 4
    shares.leave("c", other)
    assert connections.spent("c") == 0.5
    _connect(store, price_per_call=0.5, spend=0.5)
    assert shares.renew("c", one).used_up
    _connect(store, price_per_call=0.5, spend=1.0)
    assert shares.renew("c", one).money == 0.5, "caps hold as they are now"
    connections.remove("c")
    assert store.count(Usage) == 0
    assert store.verify()[1] is None


def test_a_process_of_this_machine_that_is_gone_is_seen_at_once(store: RecordStore) -> None:
    _connect(store, concurrency=1)
    shares = KeptShares(lambda: store, "here")
    machine, pid, _ = me().rsplit("/", 2)
    assert shares.renew("c", Wish(holder=f"{machine}/{pid}/0/gone")).flying == 1
    assert shares.renew("c", Wish(holder=f"{me()}/here")).flying == 1


def test_machines_whose_clocks_do_not_agree_keep_the_time_of_the_server(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = open_records(str(request.getfixturevalue("postgres_hub")))
    _connect(store, concurrency=1)
    shares = KeptShares(lambda: store, "here")
    assert shares.renew("c", Wish(holder="far/1/1/a")).flying == 1
    with monkeypatch.context() as patch:
        patch.setattr(records, "datetime", _Ahead)
        assert records.now() > datetime.now(UTC) + timedelta(minutes=50)
        assert shares.renew("c", Wish(holder="far/2/1/b")).flying == 0
        with store.transaction("ada") as tx:
            assert abs(tx.now() - datetime.now(UTC)) < timedelta(minutes=30)
    store.close()


class _Ahead(datetime):
    """The clock of a machine that is an hour ahead."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> _Ahead:
        return super().now(tz) + timedelta(hours=1)


def test_it_goes_where_it_is_sent(tmp_path: Path) -> None:
    file = tmp_path / "muster.db"
    with_store = open_records(file)
    _connect(with_store, rate=3.0)
    sent = pickle.loads(pickle.dumps(KeptShares(Opened(partial(open_records, file, make=False)), str(file))))
    assert sent.place == str(file)
    assert sent.renew("c", Wish(holder=f"{me()}/1", room=1.0)).rate == 3.0
    with_store.close()


def test_what_was_opened_is_closed_and_opened_again_for_who_comes_late(tmp_path: Path) -> None:
    file = tmp_path / "muster.db"
    open_records(file).close()
    opened = Opened(partial(open_records, file, make=False))
    first = opened()
    assert opened() is first
    opened.close()
    with pytest.raises(StoreError, match="is closed"):
        first.count(Usage)
    assert opened().count(Usage) == 0
    opened.close()
