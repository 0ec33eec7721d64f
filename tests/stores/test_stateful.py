"""SQLite, PostgreSQL and memory, told the same, answer the same."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    invariant,
    multiple,
    precondition,
    rule,
    run_state_machine_as_test,
)

from muster.errors import MusterError
from muster.records import KINDS, Alias, Counter, Event, Model, Record, Run, Version
from muster.store import Condition, Query, RecordStore, Sort, Transaction
from muster.stores import open_records
from muster.testing.records import a_version

AT = datetime(2026, 11, 21, tzinfo=UTC)
NAMES = st.sampled_from(["a", "b", "A", "ä", "a%", "_"])
TEXT = st.one_of(NAMES, st.text(st.characters(codec="utf-8"), max_size=3))
TAGS = st.dictionaries(NAMES, TEXT, max_size=2)
TIMES = st.integers(0, 3).map(lambda n: AT + timedelta(hours=n))
MODELS = st.builds(
    Model,
    id=NAMES,
    name=NAMES,
    project=TEXT,
    task=st.sampled_from(["binary", "other"]),
    target=st.none() | TEXT,
    tags=TAGS,
    created_at=TIMES,
    created_by=st.just("ada"),
    updated_at=TIMES,
)
VERSIONS = st.builds(
    lambda model, number, tags, identity: replace(a_version(model, number, tags=tags), id=identity),
    NAMES,
    st.integers(-1, 3),
    TAGS,
    NAMES,
)
ALIASES = st.builds(Alias, model=NAMES, name=NAMES, number=st.integers(0, 2), set_at=TIMES, set_by=st.just("ada"))
COUNTERS = st.builds(Counter, name=NAMES, last=st.integers())
RUNS = st.builds(
    Run,
    id=NAMES,
    kind=TEXT,
    status=st.sampled_from(["done", "failed"]),
    model=st.none() | NAMES,
    number=st.none() | st.integers(0, 3),
    created_at=TIMES,
    created_by=st.just("ada"),
)
RECORDS = st.one_of(MODELS, VERSIONS, ALIASES, COUNTERS, RUNS)
FOUND: tuple[type[Record], ...] = (Model, Version, Alias, Counter, Run)


@st.composite
def queries(draw: st.DrawFn) -> tuple[type[Record], Query]:
    kind = draw(st.sampled_from(FOUND))
    fields = st.sampled_from([*kind.KEY, *kind.INDEXED, "tag.a", "tag.b"])
    ops = st.sampled_from(["=", "!=", "<", "<=", ">", ">=", "~"])
    values = st.one_of(TEXT, st.none(), st.integers(-1, 3), TIMES.map(datetime.isoformat))
    where = draw(st.lists(st.builds(Condition, fields, ops, values), max_size=2))
    sort = draw(st.lists(st.builds(Sort, fields, st.booleans()), max_size=3))
    return kind, Query(tuple(where), tuple(sort), draw(st.integers(1, 4)))


Act = Callable[[Transaction], object]


class Stores(RuleBasedStateMachine):
    records = Bundle("records")

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.stores = [self.database(), open_records("memory://")]
        self.pending: list[Act] = []
        self.changes = 0

    def database(self) -> RecordStore:
        return open_records(_new(Path(self.folder.name)))

    def teardown(self) -> None:
        for store in self.stores:
            store.close()
        self.folder.cleanup()

    def both(self, act: Callable[[RecordStore], object]) -> object:
        first, second = (_outcome(act, store) for store in self.stores)
        assert first == second
        return first

    @rule(target=records, record=RECORDS)
    def insert(self, record: Record) -> Record:
        self.pending.append(lambda tx: tx.insert(record))
        return record

    @rule(record=consumes(records))
    def delete(self, record: Record) -> None:
        self.pending.append(lambda tx: tx.delete(record))

    @rule(target=records, record=records, other=RECORDS)
    def change(self, record: Record, other: Record) -> object:
        if type(record) is not type(other):
            return multiple()
        new = replace(other, **{n: getattr(record, n) for n in record.KEY})  # type: ignore[type-var]  # a dataclass
        self.pending.append(lambda tx: tx.replace(new))
        return new

    @rule(asked=queries())
    def look_inside(self, asked: tuple[type[Record], Query]) -> None:
        kind, query = asked
        self.pending.append(lambda tx: (tx.find(kind, query), tx.count(kind, query.where)))

    @precondition(lambda self: self.pending)
    @rule(fails=st.booleans())
    def commit(self, fails: bool) -> None:
        acts, self.pending = self.pending, []

        def run(store: RecordStore) -> list[object]:
            with store.transaction("ada", "test") as tx:
                told = [_outcome(act, tx) for act in acts] + [tx.find(kind) for kind in FOUND]
                if fails:
                    raise MusterError(repr(told))
            return told

        self.both(run)

    @rule(asked=queries())
    def walk(self, asked: tuple[type[Record], Query]) -> None:
        kind, query = asked
        self.both(lambda store: store.count(kind, query.where))
        page = self.both(partial(_find, kind, query))
        while cursor := getattr(page, "next", None):
            following = replace(query, cursor=cursor)
            page = self.both(partial(_find, kind, following))

    @rule(record=records)
    def get(self, record: Record) -> None:
        self.both(lambda store: store.get(type(record), *record.identity))

    @invariant()
    def they_hold_the_same(self) -> None:
        for kind in KINDS.values():
            if kind is not Event:
                self.both(partial(_find, kind, Query()))
        self.both(lambda store: [(e.seq, e.action, e.subject, e.before, e.after) for e in store.find(Event).items])
        self.both(lambda store: store.verify())


@cache
def _empty() -> bytes:
    """A new store's file: making one for each example would be most of the work."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "muster.db"
        open_records(path).close()
        return path.read_bytes()


def _new(folder: Path) -> Path:
    path = folder / "muster.db"
    path.write_bytes(_empty())
    return path


def _find(kind: type[Record], query: Query, store: RecordStore) -> object:
    return store.find(kind, query)


def _outcome(act: Callable[[RecordStore], object] | Act, subject: object) -> object:
    try:
        return act(subject)  # type: ignore[arg-type]  # a store or a transaction, as the act wants
    except MusterError as error:
        return type(error), error.message


TestStores = Stores.TestCase
TestStores.settings = settings(stateful_step_count=20)


def test_stores_with_postgresql(postgres_hub: str) -> None:
    from tests import postgres

    class WithPostgres(Stores):
        def database(self) -> RecordStore:
            postgres.empty(postgres_hub)
            return open_records(postgres_hub)

    run_state_machine_as_test(
        WithPostgres, settings=settings(stateful_step_count=20, suppress_health_check=[HealthCheck.too_slow])
    )
