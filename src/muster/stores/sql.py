"""Records in a SQL database: a file of SQLite, or PostgreSQL. What is particular to each is in `sqlite.py` and `postgres.py`."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TypeVar

from muster.errors import StoreError
from muster.records import KINDS, Event, Record
from muster.store import Condition, Page, Query
from muster.stores import schema
from muster.stores.audit import verify
from muster.stores.copying import fill, refuse_filled
from muster.stores.database import Database
from muster.stores.rows import SqlRows
from muster.stores.shape import shape
from muster.stores.sqlite import Sqlite
from muster.stores.tables import REVISION
from muster.stores.transaction import RecordTransaction, Turn, check_author, count, find, get

__all__ = ["SqlRecords"]

R = TypeVar("R", bound=Record)

T = TypeVar("T")

_TRIES = 4
_forked: list[object] = []


def _again(database: Database, act: Callable[[], T]) -> T:
    """Do what does no harm when it is done twice, on other connections where one is lost."""
    for _ in range(_TRIES):
        try:
            return act()
        except StoreError as error:
            if not database.lost(error):
                raise
    return act()


class _Connections:
    """Those of one process: one that writes, and as many that read as there are reads at once."""

    def __init__(self, database: Database, wait: float) -> None:
        self.turn = Turn(database.place, database.name, wait)
        self.process = os.getpid()
        self.closed = False
        self._database = database
        self._idle: list[SqlRows] = []
        self._writer: SqlRows | None = None
        self._places = threading.BoundedSemaphore(database.most)

    @contextmanager
    def reading(self) -> Iterator[SqlRows]:
        with self._places:
            try:
                rows = self._idle.pop()
            except IndexError:
                rows = SqlRows(self._database, self._database.connect())
            try:
                yield rows
            finally:
                if rows.broken:  # what ended one connection has mostly ended all
                    self.forget()
                if rows.broken or self.closed or len(self._idle) >= self._database.idle:
                    rows.connection.close()
                else:
                    self._idle.append(rows)

    def begin(self) -> SqlRows:
        """The rows of a transaction, for whoever has the turn. Nothing is done yet, so a connection that is lost is replaced."""
        return _again(self._database, self._begin)

    def _begin(self) -> SqlRows:
        if self._writer is not None and (self._writer.broken or self._writer.writing):
            self.renew()
        rows = self._writer = self._writer or SqlRows(self._database, self._database.connect(writes=True))
        rows.writing = True
        try:
            self._database.begin(rows.connection)
            schema.check(self._database, rows.connection)
        except BaseException:
            self.undo()
            raise
        return rows

    def commit(self, rows: SqlRows) -> None:
        rows.commit()
        rows.writing = False

    def undo(self) -> None:
        """Whatever was begun; an interrupt may come before whoever began knows."""
        rows = self._writer
        if rows is None or not rows.writing or self.process != os.getpid():
            return  # what a forked child undoes, it would undo in its parent's file
        try:
            if not rows.connection.invalidated:  # an interrupt within a statement closed it, which undid all
                self._database.rollback(rows.connection)
            rows.writing = False
        except StoreError:
            rows.failed = True
        if rows.broken:
            self.renew()

    def close(self) -> None:
        self.closed = True
        self.forget()
        self.renew()

    def forget(self) -> None:
        """Close the connections that nobody reads by."""
        while self._idle:
            self._idle.pop().connection.close()

    def renew(self) -> None:
        """The next transaction takes another connection."""
        if self._writer is not None:
            self._writer.connection.close()
            self._writer = None


class SqlRecords:
    """Records in a database file, which is made when new, or in PostgreSQL by its URL.

    `wait` is how many seconds a writer waits for others. Reading again where a connection was lost does no harm, and is done;
    so is beginning a transaction. One that is lost in its middle raises, because it was decided upon by what it had read.
    """

    def __init__(self, place: Path | str, *, wait: float = 120.0, make: bool = True) -> None:
        self._database = _database(place, wait)
        self._wait = wait
        self._database.prepare()
        self._found = schema.bring_up(self._database, make=make)
        self._connections = _Connections(self._database, wait)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._database.name}>"

    def get(self, kind: type[R], *key: str | int) -> R | None:
        return self._read(lambda rows: get(rows, kind, key))

    def find(self, kind: type[R], query: Query = Query()) -> Page[R]:
        return self._read(lambda rows: find(rows, kind, query))

    def count(self, kind: type[R], where: Sequence[Condition] = ()) -> int:
        return self._read(lambda rows: count(rows, kind, where))

    @contextmanager
    def transaction(self, actor: str, reason: str = "") -> Iterator[RecordTransaction]:
        check_author(actor, reason)
        connections = self._open()
        with connections.turn.taken():
            try:
                rows = connections.begin()
                transaction = RecordTransaction(rows, actor, reason)
                try:
                    yield transaction
                    transaction.finish()
                finally:
                    transaction.end()
                connections.commit(rows)
            except BaseException:
                connections.undo()
                raise

    def upgrade(self) -> tuple[str, str]:
        """Opening has done it; the first is the revision that was found then, or nothing if the store was new."""
        return self._found, REVISION

    def verify(self) -> tuple[int, Event | None]:
        def walk(rows: SqlRows) -> tuple[int, Event | None]:
            with self._database.snapshot(rows.connection):
                return verify(rows.events(), rows.last())

        return self._read(walk)

    @contextmanager
    def dump(self) -> Iterator[Iterator[tuple[str, str]]]:
        with (
            self._open().reading() as rows,
            self._database.snapshot(rows.connection),
            closing((name, text) for name, kind in KINDS.items() for text in rows.documents(shape(kind))) as found,
        ):
            yield found

    def fill(self, records: Iterable[tuple[str, str]]) -> Event | None:
        connections = self._open()
        with connections.turn.taken():
            try:
                rows = connections.begin()
                found = rows.head().seq + sum(rows.total(shape(kind), ()) for kind in KINDS.values())
                refuse_filled(found, self._database.name)
                last = fill(rows, records)
                connections.commit(rows)
            except BaseException:
                connections.undo()
                raise
        return last

    def close(self) -> None:
        """Waits for a transaction of another thread."""
        if self._connections.process == os.getpid():
            with self._connections.turn.taken():
                self._connections.close()

    def _read(self, act: Callable[[SqlRows], T]) -> T:
        def read() -> T:
            with self._open().reading() as rows:
                return act(rows)

        return _again(self._database, read)

    def _open(self) -> _Connections:
        if self._connections.closed:
            raise StoreError(f"{self._database.name} is closed", hint="open the hub again")
        if self._connections.process != os.getpid():
            # Nobody may use, or even close, what a parent process opened before it forked.
            _forked.append(self._connections)
            self._connections = _Connections(self._database, self._wait)
        return self._connections


def _database(place: Path | str, wait: float) -> Database:
    if isinstance(place, Path):
        return Sqlite(place, wait)
    from muster.stores.postgres import Postgres

    return Postgres(place, wait)
