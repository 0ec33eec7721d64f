"""Finds the schema of a database, and brings it to that of this release."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from sqlalchemy import Column, Connection, MetaData, String, Table, inspect, select
from sqlalchemy.exc import OperationalError, ProgrammingError, SQLAlchemyError

from muster.errors import NotFound, StoreError, TooNew
from muster.stores.tables import REVISION

if TYPE_CHECKING:
    from muster.stores.database import Database

__all__ = ["VERSION_TABLE", "bring_up", "check"]

VERSION_TABLE = "muster_schema"
_SCRIPTS = "muster.stores:migrations"

# Alembic makes it; other programs' databases have one too, under its usual name.
_VERSION = Table(VERSION_TABLE, MetaData(), Column("version_num", String(32)))
_FOUND = select(_VERSION.c.version_num)
_alembic = threading.Lock()


def check(database: Database, connection: Connection) -> None:
    """Refuse to write where another release changed the schema while this one had it open."""
    found = _revision(database, connection)
    if found != REVISION:
        raise TooNew(
            f"the schema of {database.name} became {found} while it was open here, and this release writes {REVISION}",
            hint="end this process and start it again with the release that upgraded the hub",
        )


def bring_up(database: Database, *, make: bool = True) -> str:
    """Make or upgrade the schema where that is needed; the revision that was found, or nothing in a new database."""
    with database.connect() as connection:
        before = _known(database, _revision(database, connection))
    if before == REVISION:
        return before
    if not before and not make:
        raise NotFound(
            f"there is no hub in {database.name}",
            hint="see the name, or make one there with `muster register MODEL SOURCE`, `muster demo` or `muster db restore`",
        )
    with database.connect(writes=True) as connection:
        database.begin(connection)
        try:
            # Somebody else may have done it while this process waited for its turn.
            before = _known(database, _revision(database, connection, looks=True))
            if before != REVISION:
                _migrate(connection)
            database.commit(connection)
        except SQLAlchemyError as error:
            raise database.explain(error) from error
        finally:
            database.rollback(connection)
    return before


def _revision(database: Database, connection: Connection, *, looks: bool = False) -> str:
    """`looks` first whether there is a table: in PostgreSQL a statement that fails ends the transaction."""
    try:
        if looks and not inspect(connection).has_table(VERSION_TABLE):
            return _without(database, connection)
        found = connection.execute(_FOUND).scalar()
    except (OperationalError, ProgrammingError) as error:
        if error.connection_invalidated:
            raise database.explain(error) from error
        # Usually: no such table. If it is something else, asking for the tables fails too.
        found = _without(database, connection)
    except SQLAlchemyError as error:
        raise database.explain(error) from error
    return found or ""


def _known(database: Database, found: str) -> str:
    if found and not found.isdecimal():
        raise StoreError(
            f"{database.name} has the schema `{found}`, which is none of Muster's", hint="give a hub's database"
        )
    if found and int(found) > int(REVISION):
        raise TooNew(
            f"{database.name} was written by a later release of Muster (schema {found}; this one knows {REVISION})",
            hint="upgrade Muster with `pip install --upgrade muster-ml`",
        )
    return found


def _without(database: Database, connection: Connection) -> str:
    try:
        names = inspect(connection).get_table_names()
    except SQLAlchemyError as error:
        raise database.explain(error) from error
    if VERSION_TABLE in names:  # another process made the hub between the two questions
        return str(connection.execute(_FOUND).scalar() or "")
    if names:
        raise StoreError(
            f"{database.name} is a database, but no hub: it has the tables {', '.join(sorted(names)[:5])}",
            hint=database.elsewhere,
        )
    return ""


def _migrate(connection: Connection) -> None:
    """Run the revisions that are missing. Alembic takes half a second to import, so it is only here."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", _SCRIPTS)
    config.attributes["connection"] = connection
    with _alembic:  # its context is one per process
        command.upgrade(config, REVISION)
