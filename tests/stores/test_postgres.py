from __future__ import annotations

import random
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from psycopg.conninfo import conninfo_to_dict
from sqlalchemy import Connection, text
from sqlalchemy.dialects import postgresql

from muster.errors import InvalidInput, StoreError, TooNew
from muster.records import Counter, Event, Model
from muster.store import Condition, Query, Transaction
from muster.stores import schema
from muster.stores.sql import SqlRecords
from muster.stores.tables import METADATA, REVISION
from muster.testing.queries import QuerySuite
from muster.testing.records import a_model, insert
from tests import postgres


@pytest.fixture
def store(postgres_hub: str) -> Iterator[SqlRecords]:
    store = SqlRecords(postgres_hub, wait=20.0)
    yield store
    store.close()


def _end_connections(url: str, *, but_idle: bool = False) -> int:
    """End all connections of the program, as an administrator does; how many there were."""
    idle = "AND state <> 'idle'" if but_idle else ""
    found = postgres.run(
        url,
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name = 'muster'"
        f" AND datname = current_database() {idle}",
    )
    return len(found)


class TestManyTagged(QuerySuite):
    """As on SQLite: any number of tagged records counts as many."""

    @pytest.fixture
    def store(self, postgres_hub: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[SqlRecords]:
        monkeypatch.setattr("muster.stores.statements.FEW", -1)
        store = SqlRecords(postgres_hub)
        yield store
        store.close()


def test_case_is_folded_as_python_does(store: SqlRecords) -> None:
    characters = [chr(n) for n in range(1, sys.maxunicode + 1) if not 0xD800 <= n < 0xE000]
    folding = [c for c in characters if c != c.casefold()]
    texts = ["".join(folding), *folding, "".join(c for c in characters[::7] if c == c.casefold()), "Straße ÄÖ 'x' İ"]
    with store._database.connect() as connection:
        for given in texts:
            folded = connection.exec_driver_sql(
                f'SELECT {_folding()} FROM (SELECT %s::text COLLATE "C" AS target) AS model', (given,)
            )
            assert folded.scalar() == given.casefold()


def _folding() -> str:
    from muster.stores.folding import casefold
    from muster.stores.shape import shape
    from muster.stores.tables import tables

    column = tables(shape(Model)).records.c.target
    return str(casefold(column).compile(dialect=postgresql.dialect()))  # type: ignore[no-untyped-call]


def test_reading_goes_on_where_connections_are_lost(store: SqlRecords, postgres_hub: str) -> None:
    insert(store, a_model("churn"))
    assert store.get(Model, "churn") is not None
    for read in (
        lambda: store.get(Model, "churn"),
        lambda: store.find(Model).items,
        lambda: store.count(Model),
        store.verify,
    ):
        assert _end_connections(postgres_hub) > 0
        assert read()


def test_a_transaction_begins_where_connections_are_lost(store: SqlRecords, postgres_hub: str) -> None:
    for n in range(3):
        insert(store, a_model(f"m{n}"))
        assert _end_connections(postgres_hub) > 0
    insert(store, a_model("last"))
    assert store.verify() == (4, None)


@pytest.mark.parametrize("when", ["read", "write", "end"])
def test_a_transaction_that_is_lost_in_its_middle_is_told_and_undone(
    store: SqlRecords, postgres_hub: str, when: str
) -> None:
    def cut(tx: Transaction) -> None:
        tx.insert(a_model("new"))
        _end_connections(postgres_hub)
        if when == "read":
            tx.get(Model, "new")
        elif when == "write":
            tx.insert(a_model("more"))

    with pytest.raises(StoreError, match=r"connection .* was lost") as caught, store.transaction("ada") as tx:
        cut(tx)
    assert "undone" in caught.value.message
    assert store.count(Model) == store.count(Event) == 0
    insert(store, a_model("new"))
    assert store.verify() == (1, None)


@pytest.mark.parametrize("committed", [True, False])
def test_a_lost_answer_to_commit_is_found_out(
    store: SqlRecords, postgres_hub: str, committed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connection ends just after, or just before, the server commits."""
    run = store._database._run  # type: ignore[attr-defined]  # PostgreSQL's

    def cut(connection: object, text: str) -> None:
        if text == "COMMIT" and committed:
            run(connection, text)
        if text == "COMMIT":
            _end_connections(postgres_hub)
            run(connection, "SELECT 1")
        run(connection, text)

    monkeypatch.setattr(store._database, "_run", cut)
    if committed:
        insert(store, a_model("churn"))
    else:
        with pytest.raises(StoreError, match="nothing was changed") as caught:
            insert(store, a_model("churn"))
        assert caught.value.hint == "do it again"
    monkeypatch.undo()
    assert store.count(Model) == int(committed)
    insert(store, a_model("fraud"))
    assert store.verify() == (1 + committed, None)


def test_what_was_answered_is_stored_and_nothing_else_while_connections_end(
    store: SqlRecords, postgres_hub: str
) -> None:
    stored: list[str] = []
    faults: list[str] = []

    def write(name: str) -> None:
        for n in range(40):
            try:
                insert(store, a_model(f"{name}-{n}"))
                stored.append(f"{name}-{n}")
            except StoreError as error:
                faults.append(error.message)

    threads = [threading.Thread(target=write, args=(name,)) for name in ("ada", "bob", "eve")]
    for thread in threads:
        thread.start()
    while any(t.is_alive() for t in threads):
        _end_connections(postgres_hub)
        time.sleep(random.uniform(0, 0.02))
    assert {m.name for m in store.find(Model, Query(limit=1_000)).items} == set(stored)
    assert store.verify() == (len(stored), None)
    assert len(stored) + len(faults) == 120
    assert {told for told in faults if "was lost" not in told} == set()


@pytest.mark.deep
def test_a_server_that_starts_again_is_waited_for(tmp_path_factory: pytest.TempPathFactory) -> None:
    with postgres.own_server() as server, closing(SqlRecords(server.url, wait=20.0)) as store:
        insert(store, a_model("before"))
        for how in ("fast", "immediate"):
            server.stop(how)
            thread = threading.Timer(0.5, server.start)
            thread.start()
            assert store.get(Model, "before") is not None
            insert(store, a_model(how))
            thread.join()
        server.stop("fast")
        with pytest.raises(StoreError, match="does not answer"), closing(SqlRecords(server.url)):
            pass
        server.start()
        assert store.verify() == (3, None)


def test_a_statement_that_failed_commits_nothing_silently(store: SqlRecords) -> None:
    with pytest.raises(StoreError, match="failed already"), store.transaction("ada") as tx:
        tx.insert(Counter(name="n", last=1))
        with pytest.raises(StoreError):
            tx._rows._execute(text("SELECT no_such_column"))  # type: ignore[attr-defined]  # as any statement
    assert store.get(Counter, "n") is None
    insert(store, Counter(name="n", last=1))


def test_a_writer_that_waits_too_long_is_told_how_to_find_the_other(store: SqlRecords, postgres_hub: str) -> None:
    with closing(SqlRecords(postgres_hub, wait=0.1)) as other, store.transaction("ada") as tx:
        tx.insert(a_model("a"))
        with pytest.raises(StoreError, match=r"another process has been writing .* for 0\.1 seconds") as caught:
            _in_thread(lambda: insert(other, a_model("b")))
        assert "pg_stat_activity" in str(caught.value.hint)
    insert(store, a_model("b"))


def _in_thread(act: object) -> None:
    """Another thread: this one has a transaction open."""
    caught: list[BaseException] = []

    def run() -> None:
        try:
            act()  # type: ignore[operator]
        except BaseException as error:  # noqa: BLE001  # raised again where it is waited for
            caught.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if caught:
        raise caught[0]


def test_a_process_that_hangs_in_a_transaction_is_put_out(postgres_hub: str) -> None:
    with closing(SqlRecords(postgres_hub, wait=0.2)) as hung, closing(SqlRecords(postgres_hub, wait=20.0)) as other:
        with pytest.raises(StoreError, match="lost"), hung.transaction("ada") as tx:
            tx.insert(a_model("a"))
            _in_thread(lambda: insert(other, a_model("b")))
            tx.insert(a_model("c"))
        assert [m.name for m in other.find(Model).items] == ["b"]


def test_another_programs_database_is_no_hub(postgres_database: str) -> None:
    postgres.run(postgres_database, "CREATE TABLE bills (id int)")
    with pytest.raises(StoreError, match="is a database, but no hub: it has the tables bills") as caught:
        SqlRecords(postgres_database)
    assert "search_path" in str(caught.value.hint)
    postgres.run(postgres_database, "CREATE SCHEMA muster")
    with closing(SqlRecords(f"{postgres_database}?options=-csearch_path%3Dmuster")) as store:
        insert(store, a_model("churn"))
    assert postgres.run(postgres_database, "SELECT name FROM muster.model") == [("churn",)]


def test_a_database_that_lacks_characters_is_refused(postgres_server: str) -> None:
    postgres.run(postgres_server, "CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")
    try:
        with pytest.raises(StoreError, match="keeps text as LATIN1"):
            SqlRecords(postgres.at(postgres_server, "latin"))
    finally:
        postgres.run(postgres_server, "DROP DATABASE latin")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"dbname": "no_such_database"}, "has no such database or user"),
        ({"host": "/nowhere"}, "does not answer"),
        ({"host": "no-such-host.invalid"}, "has an unknown host"),
        ({"sslmode": "require"}, "agrees on no encryption"),
    ],
)
def test_where_nothing_can_be_connected_to(postgres_server: str, change: dict[str, str], told: str) -> None:
    name = change.pop("dbname", "postgres")
    if "sslmode" in change:
        change["host"], change["port"] = "127.0.0.1", "1"
        told = "does not answer"
    with pytest.raises(StoreError, match=told) as caught:
        SqlRecords(postgres.at(postgres_server, name, password="s3cret-word", **change))
    assert "s3cret-word" not in str(caught.value)


def test_a_standby_is_told(postgres_database: str) -> None:
    name = conninfo_to_dict(postgres_database)["dbname"]
    SqlRecords(postgres_database).close()
    postgres.run(postgres_database, f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    with closing(SqlRecords(postgres_database)) as store:
        assert store.count(Model) == 0


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://ada:s3cret@word@host:port/hub",
        "postgresql://ada:s3cret/word@host/hub",
        "postgresql://ada:s3cret%zz@host/hub",
        "postgresql://host/hub?nosuch=s3cret",
    ],
)
def test_a_url_that_cannot_be_read_shows_no_password(url: str) -> None:
    with pytest.raises((InvalidInput, StoreError)) as caught:
        SqlRecords(url)
    assert "s3cret" not in str(caught.value)


def test_the_name_has_no_password(postgres_hub: str) -> None:
    with closing(SqlRecords(f"{postgres_hub}?password=s3cret")) as store:
        assert "s3cret" not in repr(store)
        assert store._database.name in repr(store)


def test_sql_by_hand_finds_who_did_what(store: SqlRecords, postgres_hub: str) -> None:
    insert(store, a_model("churn"))
    [(actor, action)] = postgres.run(postgres_hub, "SELECT actor, action FROM event WHERE subject = 'model/churn'")
    assert (actor, action) == ("ada", "model.created")


def test_a_tag_that_is_too_long_to_be_found_is_refused(store: SqlRecords) -> None:
    long = "".join(random.Random(0).choices("0123456789abcdefghijklmnopqrstuvwxyz", k=5_000))
    with pytest.raises(StoreError, match="longer name, tag or target"):
        insert(store, a_model("churn", tags={"note": long}))
    assert store.count(Model) == 0


def test_few_connections_are_kept(store: SqlRecords, postgres_hub: str) -> None:
    gate = threading.Barrier(8)

    def read() -> None:
        gate.wait()
        for _ in range(5):
            store.find(Model, Query((Condition("name", "~", "x"),)))

    threads = [threading.Thread(target=read) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    [(count,)] = postgres.run(
        postgres_hub,
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'muster' AND datname = current_database()",
    )
    assert count <= 4


def test_the_migrations_make_the_tables_that_are_declared(store: SqlRecords) -> None:
    with store._database.connect() as connection:
        options = {"version_table": schema.VERSION_TABLE, "compare_type": True, "compare_server_default": True}
        assert compare_metadata(MigrationContext.configure(connection, opts=options), METADATA) == []


def test_an_earlier_schema_is_brought_up(postgres_database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(schema, "REVISION", "0001")
        SqlRecords(postgres_database).close()
    with closing(SqlRecords(postgres_database)) as store:
        assert store.upgrade() == ("0001", REVISION)
        insert(store, a_model("churn"))
        assert store.verify() == (1, None)


def test_a_later_schema_is_refused(postgres_database: str) -> None:
    with closing(SqlRecords(postgres_database)) as store:
        postgres.run(postgres_database, "UPDATE muster_schema SET version_num = '9999'")
        with pytest.raises(TooNew, match="became 9999 while it was open here"):
            insert(store, a_model("churn"))
    with pytest.raises(TooNew, match="later release of Muster"):
        SqlRecords(postgres_database)


def test_an_upgrade_that_fails_leaves_nothing(postgres_database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_connection: object) -> None:
        raise KeyboardInterrupt

    migrate = schema._migrate

    def half(connection: Connection) -> None:
        migrate(connection)
        fail(connection)

    with monkeypatch.context() as patch:
        patch.setattr(schema, "_migrate", half)
        with pytest.raises(KeyboardInterrupt):
            SqlRecords(postgres_database)
    assert postgres.run(postgres_database, "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == [(0,)]
    SqlRecords(postgres_database).close()


# All come to the same new database at the same moment, as the servers of a platform do when it is first started.
OPENERS = """
import os, sys
from muster.records import Model
from muster.stores.sql import SqlRecords
import alembic.command, muster.stores.postgres
gate, opened = os.pipe()
children = []
for n in range(6):
    child = os.fork()
    if child == 0:
        os.close(opened)
        os.read(gate, 1)
        store = SqlRecords(sys.argv[1])
        assert store.count(Model) == 0
        store.close()
        os._exit(0)
    children.append(child)
os.close(opened)
sys.exit(any([os.waitpid(child, 0)[1] for child in children]))
"""


def test_processes_make_one_store_at_once(postgres_database: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", OPENERS, postgres_database], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    with closing(SqlRecords(postgres_database)) as store:
        assert store.upgrade() == (REVISION, REVISION)
