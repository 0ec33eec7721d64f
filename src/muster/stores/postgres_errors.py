"""What PostgreSQL's errors mean to the person whose hub it is. Never the address as it was given: it may hold a password."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy.exc import DBAPIError, PendingRollbackError, SQLAlchemyError

from muster.errors import Corrupt, StoreError

__all__ = ["explained", "is_lost", "unconnected"]

# The server ended it, or never finished starting; and its own limit for a transaction that does nothing.
_LOST = ("57P01", "57P02", "57P03", "57P05", "25P03", "25P04")


class Unconnected(NamedTuple):
    """Why there is no connection. `passing`: in a moment there may be one."""

    told: str
    hint: str
    passing: bool = False


# libpq gives no codes while it connects, only sentences.
_CONNECTING: Sequence[tuple[tuple[str, ...], Unconnected]] = (
    (
        ("password authentication failed", "no password supplied", "authentication failed", "pg_hba.conf"),
        Unconnected(
            "refuses this user or password", "see the user in the URL, and PGPASSWORD or ~/.pgpass for the password"
        ),
    ),
    (
        (
            "database system is",
            "connection refused",
            "no such file or directory",
            "server closed the connection",
            "terminating connection",
        ),
        Unconnected("does not answer", "see that the server runs there, and takes connections from here", passing=True),
    ),
    (
        ("too many clients", "remaining connection slots", "too many connections"),
        Unconnected("has no connection left", "raise its max_connections, or use fewer processes", passing=True),
    ),
    (
        ("could not translate host name", "name or service not known"),
        Unconnected("has an unknown host", "see the host in the URL"),
    ),
    (
        ("timeout expired", "timed out"),
        Unconnected("does not answer in time", "see that the host can be reached from here"),
    ),
    (
        ("does not exist",),
        Unconnected(
            "has no such database or user", "make it with `createdb NAME`, or see the name at the end of the URL"
        ),
    ),
    (("ssl", "certificate"), Unconnected("agrees on no encryption", "see sslmode and sslrootcert in the URL")),
)
_OTHERWISE = Unconnected("cannot be connected to", "see the URL, and the server's log", passing=True)


def unconnected(text: str) -> Unconnected:
    """What a sentence of libpq says."""
    folded = text.casefold()
    return next((found for parts, found in _CONNECTING if any(p in folded for p in parts)), _OTHERWISE)


def is_lost(error: BaseException | None) -> bool:
    """Whether a driver's error says that the connection is gone."""
    if not isinstance(error, DBAPIError):
        return isinstance(error, PendingRollbackError)  # SQLAlchemy's word for using it once more
    code = _code(error)
    return error.connection_invalidated or code in _LOST or code.startswith("08")


def explained(name: str, error: SQLAlchemyError, seconds: float) -> StoreError:
    """The error of a statement, or of connecting."""
    code = _code(error)
    if is_lost(error):
        return StoreError(
            f"the connection to {name} was lost in the middle of the work; what was not finished is undone",
            hint="do it again; if it stays so, see that the server runs",
        )
    if not code:
        found = unconnected(_said(error))
        return StoreError(f"{name} {found.told}", hint=found.hint)
    if code == "55P03":
        return StoreError(
            f"another process has been writing to {name} for {seconds:g} seconds",
            hint="see which one it is with `SELECT * FROM pg_stat_activity WHERE application_name = 'muster'`",
        )
    if code in ("XX001", "XX002"):
        return Corrupt(f"{name} is damaged: {_said(error)}", hint="restore a backup")
    known = _CODES.get(code) or _CODES.get(code[:2])
    told, hint = known or (f"cannot do what was asked: {_said(error)}", "see the server's log")
    return StoreError(f"{name} {told}", hint=hint)


_CODES = {
    "25006": ("can only be read: it is a standby, or set so", "give the URL of the primary server"),
    "42501": (
        "does not let this user do that",
        "give the user a schema or database of its own: GRANT CREATE, USAGE ON SCHEMA",
    ),
    "3F000": ("has no schema of that name", "make it with `CREATE SCHEMA`, or see search_path in the URL"),
    "42P01": ("has lost a table of the hub", "restore a backup"),
    "57014": ("ended a statement that took too long, or was told to", "see statement_timeout; nothing was changed"),
    "54000": (
        "finds records by texts of up to 2,700 bytes, and this one has a longer name, tag or target",
        "make it shorter; a description can be of any length",
    ),
    "53100": ("is on a full disk; nothing was changed", "make room on the server, then try again"),
    "53": ("has no room left for more; nothing was changed", "see its memory and connections, then try again"),
    "40": ("could not order this beside another program's work; nothing was changed", "do it again"),
}


def _code(error: SQLAlchemyError) -> str:
    return str(getattr(error.orig, "sqlstate", None) or "") if isinstance(error, DBAPIError) else ""


def _said(error: SQLAlchemyError) -> str:
    """The driver's first line: the rest repeats the statement."""
    said = str(error.orig if isinstance(error, DBAPIError) else error)
    return said.strip().partition("\n")[0]
