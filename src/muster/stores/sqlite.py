"""All that is particular to SQLite: how a connection is set up, how writers wait for each other, what its errors mean."""

from __future__ import annotations

import fcntl
import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, Insert, NullPool, Table, create_engine
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from muster.errors import Corrupt, StoreError
from muster.records import now
from muster.stores.shape import fold

__all__ = ["Sqlite"]

T = TypeVar("T")

_PAUSE = 0.0005
_IN_QUEUE = 10.0

_BUSY = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
_DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})


class Sqlite:
    """One file. Readers never wait for the writer (WAL); a commit is on the disk when it returns (synchronous=FULL)."""

    idle = 16
    most = 1 << 16
    elsewhere = "give an empty folder, or that of a hub"

    def __init__(self, path: Path, seconds: float) -> None:
        self.name = str(path)
        self.place = str(path.resolve())
        self._path = path
        self._seconds = seconds
        self._sealed = _sealed(path)
        # AUTOCOMMIT: the driver begins nothing by itself, so that a read is its own snapshot and a write begins below.
        self._engine = create_engine("sqlite://", creator=self._open, poolclass=NullPool, isolation_level="AUTOCOMMIT")

    def connect(self, *, writes: bool = False) -> Connection:
        """A connection. One that writes leaves all waiting to `_patiently`."""
        try:
            connection = self._engine.connect()
        except SQLAlchemyError as error:
            raise self.explain(error) from error
        if writes:
            self._run(connection, "PRAGMA busy_timeout=0")
        return connection

    def prepare(self) -> None:
        """Make the folder and the file, and have the file in WAL mode. Two processes may do so at once."""
        if self._sealed:
            return
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(
                f"{self._path.parent} cannot be made: {error.strerror}", hint="choose a folder that can be written"
            ) from error
        with self.connect() as connection:
            if self._scalar(connection, "PRAGMA journal_mode") == "wal":
                return
            mode = self._patiently(lambda: self._scalar(connection, "PRAGMA journal_mode=WAL"))
        if mode != "wal":
            raise StoreError(
                f"{self.name} is on a disk that cannot be shared by processes (its mode stays {mode})",
                hint="keep the hub on a local disk; for several machines use PostgreSQL",
            )

    def begin(self, connection: Connection) -> None:
        with self._queue():
            self._patiently(lambda: self._run(connection, "BEGIN IMMEDIATE"))

    def now(self, connection: Connection) -> datetime:
        return now()

    def commit(self, connection: Connection) -> None:
        self._patiently(lambda: self._run(connection, "COMMIT"))

    def rollback(self, connection: Connection) -> None:
        """Undo what is open. After some errors SQLite has done so by itself."""
        driver = connection.connection.driver_connection
        assert isinstance(driver, sqlite3.Connection)
        if driver.in_transaction:
            self._run(connection, "ROLLBACK")

    @contextmanager
    def snapshot(self, connection: Connection) -> Iterator[None]:
        self._run(connection, "BEGIN")
        try:
            yield
        finally:
            self.rollback(connection)

    def insert(self, table: Table) -> Insert:
        return insert(table).on_conflict_do_nothing()

    def lost(self, error: StoreError) -> bool:
        """There is nothing between the program and the file that could be."""
        return False

    def explain(self, error: SQLAlchemyError) -> StoreError:
        cause = error.orig if isinstance(error, DBAPIError) else error
        code = _code(error)
        if code in _BUSY:
            return StoreError(
                f"{self.name} has been locked by another process for {self._seconds:g} seconds",
                hint=f"see which one it is with `fuser {self.name}`, and end it if it hangs",
            )
        if code in _DAMAGED or "Could not decode" in str(cause):  # the driver's own error has no code
            return Corrupt(
                f"{self.name} is no database, or is damaged: {cause}", hint="give a hub's folder, or restore a backup"
            )
        if code == sqlite3.SQLITE_FULL or (code == sqlite3.SQLITE_IOERR and self._full()):
            return StoreError(f"the disk of {self.name} is full; nothing was changed", hint="make room, then try again")
        if code == sqlite3.SQLITE_CANTOPEN and self._sealed:
            return StoreError(
                f"{self.name} is on a read-only disk, and what was last written to it is still in {self._path.name}-wal",
                hint="copy the hub's folder to a disk that can be written, and open it there",
            )
        if code == sqlite3.SQLITE_READONLY:
            return StoreError(
                f"{self.name} cannot be written: {cause}", hint="use a disk and an account that may write it"
            )
        if code == sqlite3.SQLITE_CANTOPEN:
            return StoreError(
                f"{self.name} cannot be opened: {cause}",
                hint="a hub is a folder that can be written, with room on its disk",
            )
        return StoreError(f"{self.name} cannot be used: {cause}", hint="see that its disk works and nobody moved it")

    def _open(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            f"{self._path.absolute().as_uri()}?{self._sealed}" if self._sealed else self._path,
            uri=bool(self._sealed),
            timeout=self._seconds,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=256,
        )
        try:
            for pragma in ("foreign_keys=ON", "synchronous=FULL", "cache_size=-16000"):
                connection.execute(f"PRAGMA {pragma}")
            connection.create_function("casefold", 1, _fold, deterministic=True)
        except BaseException:
            connection.close()
            raise
        return connection

    def _run(self, connection: Connection, text: str) -> None:
        try:
            connection.exec_driver_sql(text)
        except SQLAlchemyError as error:
            raise self.explain(error) from error

    def _scalar(self, connection: Connection, text: str) -> Any:
        try:
            return connection.exec_driver_sql(text).scalar()
        except SQLAlchemyError as error:
            raise self.explain(error) from error

    @contextmanager
    def _queue(self) -> Iterator[None]:
        """One process at a time tries to begin.

        SQLite knows no fairness: who writes again at once always finds the file free, and the others starve. With this lock
        whoever waits is the only one who tries. It is held while waiting, not while writing, and ends with its process; as a
        process may be suspended meanwhile, nobody waits for it long.
        """
        try:
            lock = os.open(f"{self._path}-queue", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError:  # a disk that is full or cannot be written: beginning, or writing, tells more
            yield
            return
        try:
            until = time.monotonic() + min(self._seconds, _IN_QUEUE)
            while not _locked(lock) and time.monotonic() < until:
                time.sleep(_PAUSE)
            yield
        finally:
            os.close(lock)

    def _patiently(self, act: Callable[[], T]) -> T:
        """Try until nobody else is in the way. SQLite's own waiting cannot be interrupted, and pauses longer the longer it waited."""
        until = time.monotonic() + self._seconds
        while True:
            try:
                return act()
            except StoreError as error:
                if _code(error.__cause__) not in _BUSY or time.monotonic() >= until:
                    raise
            time.sleep(_PAUSE)

    def _full(self) -> bool:
        try:
            room = os.statvfs(self._path.parent)
        except OSError:
            return False
        return room.f_bavail * room.f_frsize < 1 << 16


def _sealed(path: Path) -> str:
    """How a file on a read-only disk is opened; nothing where it can be written.

    Reading in WAL mode writes beside the file. What was closed in order has all in the file and nothing beside it, and can be
    read as one that never changes; where there is a log, leaving it out would show an older state, so SQLite must find it.
    """
    try:
        if not path.exists() or not os.statvfs(path.parent).f_flag & os.ST_RDONLY:
            return ""
        log = path.with_name(f"{path.name}-wal")
        return "mode=ro" if log.exists() and log.stat().st_size else "mode=ro&immutable=1"
    except OSError:  # opening it tells more
        return ""


def _locked(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _fold(text: str | None) -> str | None:
    return None if text is None else fold(text)


def _code(error: BaseException | None) -> int | None:
    """The primary result code of SQLite."""
    cause = error.orig if isinstance(error, DBAPIError) else None
    return (
        cause.sqlite_errorcode & 0xFF
        if isinstance(cause, sqlite3.Error) and hasattr(cause, "sqlite_errorcode")
        else None
    )
