"""All that is particular to PostgreSQL: how a connection is made, how writers wait for each other, what its errors mean.

Whoever writes holds one advisory lock until its transaction ends. Waiting writers stand in line by it, and no two transactions
can be in each other's way: there is nothing to deadlock on, and nothing to serialize.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Insert, NullPool, Table, create_engine
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from muster.errors import InvalidInput, MissingExtra, StoreError
from muster.stores.postgres_errors import explained, is_lost, unconnected

try:
    import psycopg
    from psycopg.conninfo import conninfo_to_dict
except ImportError:
    raise MissingExtra.named("postgres", "a hub on PostgreSQL") from None

__all__ = ["Postgres"]

_CONNECTING = 10
_RETURNING = 30.0
_PAUSE = 0.05

# The second half of the lock's key is the schema's, so that several hubs in one database do not wait for each other. Its
# number tells afterwards whether a transaction was committed whose answer never came. A process that vanishes in the middle
# of a transaction holds up the others no longer than `idle`.
_LOCK = """
SELECT set_config('lock_timeout', %(wait)s, true), set_config('idle_in_transaction_session_timeout', %(idle)s, true),
       pg_advisory_xact_lock(1299538772, hashtext(current_schema())), txid_current()
"""


class Postgres:
    """One schema of one database, as libpq's URL names it: hosts, sslmode, a service or a password file all work."""

    idle = 4
    most = 16
    elsewhere = "give an empty database, or a schema of its own with `?options=-csearch_path%3DNAME` after the URL"

    def __init__(self, url: str, seconds: float) -> None:
        options = _options(url)
        self.name = _name(options)
        self.place = str(sorted((n, v) for n, v in options.items() if n != "password"))
        self._url = url
        self._options: dict[str, Any] = {n: v for n, v in _CONNECTION.items() if n not in options}
        self._seconds = seconds
        self._known = False
        # AUTOCOMMIT: the driver begins nothing by itself, so that a read is its own snapshot and a write begins below.
        self._engine = create_engine(
            "postgresql+psycopg://",
            creator=self._open,
            poolclass=NullPool,
            isolation_level="AUTOCOMMIT",
            use_native_hstore=False,
        )

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name}>"

    def connect(self, *, writes: bool = False) -> Connection:
        """A connection. A server that has answered before is waited for while it starts again."""
        until = time.monotonic() + (min(_RETURNING, self._seconds) if self._known else 0.0)
        while True:
            try:
                return self._engine.connect()
            except SQLAlchemyError as error:
                if time.monotonic() >= until or not self._passing(error):
                    raise self.explain(error) from None
            time.sleep(_PAUSE)

    def prepare(self) -> None:
        """See that there is a database that keeps Unicode."""
        with self.connect() as connection:
            encoding = _driver(connection).info.parameter_status("server_encoding")
        if encoding != "UTF8":
            raise StoreError(
                f"{self.name} keeps text as {encoding}, which lacks most characters",
                hint="make a database with `CREATE DATABASE name ENCODING 'UTF8' TEMPLATE template0`",
            )
        self._known = True

    def begin(self, connection: Connection) -> None:
        self._run(connection, "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE")
        milliseconds = max(1, int(self._seconds * 1000))
        try:
            found = connection.exec_driver_sql(
                _LOCK, {"wait": str(milliseconds), "idle": str(max(1, milliseconds // 2))}
            )
            connection.info["transaction"] = found.one()[3]
        except SQLAlchemyError as error:
            raise self.explain(error) from error

    def now(self, connection: Connection) -> datetime:
        """The server's, since machines do not agree."""
        try:
            found = connection.exec_driver_sql("SELECT clock_timestamp()").scalar_one()
        except SQLAlchemyError as error:
            raise self.explain(error) from error
        assert isinstance(found, datetime)
        return found.astimezone(UTC)

    def commit(self, connection: Connection) -> None:
        """When the answer is lost, another connection tells whether it was committed."""
        transaction = connection.info["transaction"]
        try:
            self._run(connection, "COMMIT")
        except StoreError as error:
            if not self.lost(error):
                raise
            if not self._committed(transaction):
                raise self._undone() from error

    def rollback(self, connection: Connection) -> None:
        """Undo what is open; a connection that is lost has nothing open."""
        if connection.invalidated:
            return
        driver = _driver(connection)
        if not driver.closed and driver.info.transaction_status != psycopg.pq.TransactionStatus.IDLE:
            self._run(connection, "ROLLBACK")

    @contextmanager
    def snapshot(self, connection: Connection) -> Iterator[None]:
        self._run(connection, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        try:
            yield
        finally:
            self.rollback(connection)

    def insert(self, table: Table) -> Insert:
        return insert(table).on_conflict_do_nothing()

    def lost(self, error: StoreError) -> bool:
        return is_lost(error.__cause__)

    def explain(self, error: SQLAlchemyError) -> StoreError:
        return explained(self.name, error, self._seconds)

    def _open(self) -> psycopg.Connection[Any]:
        return psycopg.connect(self._url, **self._options)

    def _run(self, connection: Connection, text: str) -> None:
        try:
            connection.exec_driver_sql(text)
        except SQLAlchemyError as error:
            raise self.explain(error) from error

    def _passing(self, error: SQLAlchemyError) -> bool:
        """Whether connecting may work in a moment: the server is starting, or ending, or has no place left."""
        return is_lost(error) or (isinstance(error, DBAPIError) and unconnected(str(error.orig)).passing)

    def _committed(self, transaction: int) -> bool:
        """Whether it was, by its number. The server may be starting again; and the transaction may not have ended yet."""
        until = time.monotonic() + self._seconds
        while True:
            try:
                with self.connect() as connection:
                    found = connection.exec_driver_sql("SELECT txid_status(%s)", (transaction,)).scalar()
            except (SQLAlchemyError, StoreError) as error:
                if time.monotonic() >= until or not (isinstance(error, SQLAlchemyError) and is_lost(error)):
                    raise self._unknown() from error
                found = None
            if found in ("committed", "aborted"):
                return bool(found == "committed")
            if time.monotonic() >= until:
                raise self._unknown()
            time.sleep(_PAUSE)

    def _undone(self) -> StoreError:
        return StoreError(
            f"the connection to {self.name} was lost before the change was stored; nothing was changed",
            hint="do it again",
        )

    def _unknown(self) -> StoreError:
        return StoreError(
            f"the connection to {self.name} was lost while the change was stored, and it cannot be asked whether it was",
            hint="when the server answers again, look before you do it again: `muster event list` shows what was stored",
        )


_CONNECTION = {
    "application_name": "muster",
    "client_encoding": "UTF8",
    "connect_timeout": _CONNECTING,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
}


def _options(url: str) -> dict[str, Any]:
    """The parts of a URL. What libpq says of a wrong one may repeat its password, and is not passed on."""
    try:
        options = dict(conninfo_to_dict(url))
    except psycopg.ProgrammingError:
        options = {"host": "@"}
    # With an @ or / in it, a part of the password is taken for one of these.
    ports = str(options.get("port") or "0").split(",")
    if "@" in f"{options.get('host')}{options.get('dbname')}" or not all(p.isdecimal() for p in ports if p):
        raise InvalidInput(
            f"the URL of the hub (`{url.partition('://')[0]}://…`) cannot be read",
            hint="give postgresql://user@host:5432/database; in a password, write @ as %40, / as %2F, : as %3A and % as %25",
        )
    return options


def _name(options: dict[str, Any]) -> str:
    """Where it is, without who and with what."""
    host = str(options.get("host") or options.get("hostaddr") or options.get("service") or "")
    port = f":{options['port']}" if options.get("port") else ""
    database = options.get("dbname") or options.get("user") or ""
    if host.startswith("/"):
        return f"postgresql:///{database} (by {host}{port})"
    return f"postgresql://{host}{port}/{database}"


def _driver(connection: Connection) -> psycopg.Connection[Any]:
    driver = connection.connection.driver_connection
    assert isinstance(driver, psycopg.Connection)
    return driver
