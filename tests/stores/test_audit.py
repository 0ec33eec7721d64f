from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from muster.records import Event
from muster.signature import Json
from muster.stores.audit import Head, StoredEvent, verify
from muster.stores.canonical import canonical
from muster.stores.sql import SqlRecords
from muster.testing.records import a_model, insert

COUNT = 5


class Database:
    """A hub's database, as somebody who can write it writes it."""

    def __init__(self, store: SqlRecords, connection: Any, mark: str) -> None:
        self.store = store
        self._connection = connection
        self._mark = mark

    def execute(self, statement: str, values: Sequence[object] = ()) -> Any:
        return self._connection.execute(statement.replace("?", self._mark), values)

    def commit(self) -> None:
        self._connection.commit()


def _filled(store: SqlRecords) -> SqlRecords:
    for n in range(COUNT):
        insert(store, a_model(f"m{n}"))
    assert store.verify() == (COUNT, None)
    return store


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("audit") / "muster.db"
    with closing(SqlRecords(path)) as store:
        _filled(store)
    return path.read_bytes()


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, written: bytes, tmp_path: Path) -> Iterator[Database]:
    if request.param == "postgresql":
        url = str(request.getfixturevalue("postgres_hub"))
        with closing(SqlRecords(url)) as store, closing(psycopg.connect(url)) as connection:
            yield Database(_filled(store), connection, "%s")
        return
    path = tmp_path / "muster.db"
    path.write_bytes(written)
    with closing(SqlRecords(path)) as store, closing(sqlite3.connect(path)) as connection:
        yield Database(store, connection, "?")


def _documents(database: Database) -> dict[int, dict[str, Any]]:
    return {seq: json.loads(text) for seq, text in database.execute("SELECT seq, document FROM event")}


def _sealed(document: Mapping[str, Any]) -> dict[str, Any]:
    """The event with the hash that it must have: anybody can compute it."""
    import hashlib

    bare = {k: v for k, v in document.items() if k != "hash"}
    return {**bare, "hash": hashlib.sha256(rfc8785.dumps(bare)).hexdigest()}


def _write(database: Database, document: Mapping[str, Any]) -> None:
    row = (
        document["seq"],
        document["at"],
        document["actor"],
        document["action"],
        document["subject"],
        json.dumps(document),
    )
    database.execute("DELETE FROM event WHERE seq = ?", (document["seq"],))
    database.execute("INSERT INTO event (seq, at, actor, action, subject, document) VALUES (?, ?, ?, ?, ?, ?)", row)


def _verified(database: Database) -> tuple[int, str, int]:
    """How many hold; the action and number of the first that does not."""
    database.commit()
    count, event = database.store.verify()
    assert event is not None
    return count, event.action, event.seq


def test_hashes_are_those_that_anybody_computes(database: Database) -> None:
    for document in _documents(database).values():
        assert _sealed(document) == document


@pytest.mark.parametrize(
    ("field", "value"),
    [("actor", "eve"), ("reason", "none"), ("at", "2020-01-01T00:00:00.000000Z"), ("after", {"name": "x"})],
)
def test_a_changed_event(database: Database, field: str, value: object) -> None:
    _write(database, {**_documents(database)[3], field: value})
    assert _verified(database) == (2, "model.created", 3)


def test_a_changed_event_with_its_own_hash_put_right(database: Database) -> None:
    _write(database, _sealed({**_documents(database)[3], "actor": "eve"}))
    assert _verified(database) == (3, "model.created", 4)


def test_the_last_event_changed_with_its_hash_put_right(database: Database) -> None:
    _write(database, _sealed({**_documents(database)[COUNT], "actor": "eve"}))
    assert _verified(database) == (COUNT - 1, "model.created", COUNT)


def test_what_an_event_is_found_by_changed(database: Database) -> None:
    database.execute("UPDATE event SET actor = 'eve' WHERE seq = 2")
    assert _verified(database) == (1, "model.created", 2)


def test_a_removed_event(database: Database) -> None:
    database.execute("DELETE FROM event WHERE seq = 2")
    assert _verified(database) == (1, "event.missing", 2)


def test_the_last_event_removed(database: Database) -> None:
    database.execute("DELETE FROM event WHERE seq = ?", (COUNT,))
    assert _verified(database) == (COUNT - 1, "event.missing", COUNT)


def test_all_events_removed(database: Database) -> None:
    database.execute("DELETE FROM event")
    assert _verified(database) == (0, "event.missing", 1)


def test_a_removed_event_with_the_others_moved_up(database: Database) -> None:
    documents = _documents(database)
    for seq in range(2, COUNT):
        _write(database, {**documents[seq + 1], "seq": seq})
    database.execute("DELETE FROM event WHERE seq = ?", (COUNT,))
    assert _verified(database) == (1, "model.created", 2)


@pytest.mark.parametrize("seq", [0, -1])
def test_an_event_inserted_in_front(database: Database, seq: int) -> None:
    _write(database, _sealed({**_documents(database)[1], "seq": seq}))
    assert _verified(database) == (0, "model.created", seq)


def test_an_event_inserted_at_the_end(database: Database) -> None:
    last = _documents(database)[COUNT]
    _write(database, _sealed({**last, "seq": COUNT + 1, "previous": last["hash"]}))
    assert _verified(database) == (COUNT, "model.created", COUNT + 1)


def test_two_events_exchanged(database: Database) -> None:
    documents = _documents(database)
    _write(database, {**documents[2], "seq": 3})
    _write(database, {**documents[3], "seq": 2})
    assert _verified(database) == (1, "model.created", 2)


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", "null", '{"seq": 3}', '{"hash": ""}', "[" * 100_000, '{"x": NaN}', '{"x": "\\ud800"}']
)
def test_an_event_that_cannot_be_read(database: Database, text: str) -> None:
    database.execute("UPDATE event SET document = ? WHERE seq = 3", (text,))
    assert _verified(database) == (2, "event.unreadable", 3)


@pytest.mark.parametrize("change", ["hash = 'x'", "seq = 3", "seq = 99", "seq = 0"])
def test_a_changed_head(database: Database, change: str) -> None:
    database.execute(f"UPDATE chain SET {change}")
    assert _verified(database)[0] < COUNT or change == "seq = 99"


def test_events_are_read_one_by_one() -> None:
    read = 0

    def endless() -> Iterator[StoredEvent]:
        nonlocal read
        while True:
            read += 1
            yield StoredEvent({"seq": read}, "{}")

    assert verify(endless(), Head(10, "x"))[0] == 0
    assert read == 1


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8")),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.text(st.characters(codec="utf-8")), VALUES, max_size=5))
def test_the_canonical_form_is_that_of_the_standard(value: dict[str, Json]) -> None:
    try:
        expected = rfc8785.dumps(value)
    except rfc8785.IntegerDomainError:
        assert json.loads(canonical(value)) is not None
    else:
        assert canonical(value) == expected
    assert canonical(json.loads(json.dumps(value))) == canonical(value)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1.0, "1"),
        (-0.0, "0"),
        (1e16, "10000000000000000"),
        (1e21, "1e+21"),
        (1e-5, "0.00001"),
        (1e-7, "1e-7"),
        (0.1 + 0.2, "0.30000000000000004"),
        (1234567890123456.5, "1234567890123456.5"),
        ((1 << 53) - 1, "9007199254740991"),
        (1 << 53, '"9007199254740992"'),
        (-(1 << 60), '"-1152921504606846976"'),
        ("1.0, 1e+5", '"1.0, 1e+5"'),
        ({"\ue000": 1, "😀": 2}, '{"😀":2,"\ue000":1}'),
        ('\x00\x1f\x7f\u2028"\\/', '"\\u0000\\u001f\x7f\u2028\\"\\\\/"'),
        (True, "true"),
    ],
)
def test_the_canonical_form(value: Json, text: str) -> None:
    assert canonical({"v": value}).decode() == f'{{"v":{text}}}'


def test_the_stand_in_is_an_event() -> None:
    _, event = verify([], Head(1, "x"))
    assert isinstance(event, Event)
