"""What the SQL store needs of a database: all in which SQLite and PostgreSQL differ."""

from __future__ import annotations

from contextlib import AbstractContextManager
from datetime import datetime
from typing import Protocol

from sqlalchemy import Connection, Insert, Table
from sqlalchemy.exc import SQLAlchemyError

from muster.errors import StoreError

__all__ = ["Database"]


class Database(Protocol):
    """One database. `connect` and all that follow raise StoreError in the words of whoever runs the hub, without any password."""

    name: str
    """How messages call it."""
    place: str
    """The same for two objects that mean the same database."""
    elsewhere: str
    """What to do where its tables are another program's."""
    idle: int
    """How many connections that only read are kept open for the next read."""
    most: int
    """How many connections read at once; who needs another one waits."""

    def prepare(self) -> None:
        """Have a database that can be connected to. Two processes may do so at once."""
        ...

    def connect(self, *, writes: bool = False) -> Connection: ...

    def begin(self, connection: Connection) -> None:
        """Become the one writer, waiting for whoever is."""
        ...

    def now(self, connection: Connection) -> datetime:
        """The time in UTC, by the clock that all who use the database share."""
        ...

    def commit(self, connection: Connection) -> None:
        """What was written is durable when this returns; if it raises, the message says what is known of it."""
        ...

    def rollback(self, connection: Connection) -> None: ...

    def snapshot(self, connection: Connection) -> AbstractContextManager[None]:
        """All reads inside see one state."""
        ...

    def insert(self, table: Table) -> Insert:
        """An insert that does nothing where a row is in the way."""
        ...

    def lost(self, error: StoreError) -> bool:
        """Whether the connection is gone, and another one may do."""
        ...

    def explain(self, error: SQLAlchemyError) -> StoreError:
        """What a driver's error means to the person whose hub it is."""
        ...
