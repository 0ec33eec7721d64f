"""SQLite, by Python's own module: a column has the type that it was declared with, and a value that is not of it is a fault of its row."""

from __future__ import annotations

import hashlib
import marshal
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import quote

import pyarrow as pa

from muster.datasets.chunks import Piece, nothing
from muster.datasets.sql_engine import FileState, file_state
from muster.datasets.sql_source import ABSENT, Source, quoted
from muster.datasets.sql_values import decided, piece_of
from muster.errors import DatasetError, DatasetNotFound, InvalidInput, near

__all__ = ["Sqlite", "declared_type"]

_ROWS = 16_384
_WAIT = 30
_ALLOWED = {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE}
_UNSAFE = {"load_extension", "writefile", "edit", "fts3_tokenizer"}


class Sqlite:
    """Opened for reading alone, and every statement is refused that does anything else."""

    @contextmanager
    def reading(self, source: Source) -> Iterator[SqliteConnection]:
        path = Path(source.address)
        if not path.exists():
            raise DatasetNotFound(f"there is no SQLite database at {path}", hint=ABSENT)
        connection = None
        try:
            connection = sqlite3.connect(
                f"file:{quote(str(path))}?mode=ro",
                uri=True,
                timeout=_WAIT,
                isolation_level=None,
                check_same_thread=False,
            )
            connection.execute("PRAGMA query_only = 1")
            connection.execute("BEGIN")
            yield SqliteConnection(connection, source)
        except sqlite3.Error as error:
            raise _told(source, error) from error
        finally:
            if connection is not None:
                connection.close()


def _told(source: Source, error: sqlite3.Error) -> DatasetError | InvalidInput:
    text = str(error)
    if "not authorized" in text or "readonly database" in text or "prohibited" in text:
        return InvalidInput(
            f"the query writes, or does what only writing needs: {text}", hint="only queries that read are run"
        )
    return DatasetError(
        f"{source.base}: {source.shown} cannot be read: {text}", hint="check the database and the query"
    )


def _authorize(action: int, _first: str | None, second: str | None, _database: str | None, _trigger: str | None) -> int:
    safe = action in _ALLOWED and not (action == sqlite3.SQLITE_FUNCTION and (second or "").lower() in _UNSAFE)
    return sqlite3.SQLITE_OK if safe else sqlite3.SQLITE_DENY


class SqliteConnection:
    """A Connection."""

    def __init__(self, connection: sqlite3.Connection, source: Source) -> None:
        self._connection = connection
        self._source = source

    def columns(self) -> dict[str, pa.DataType | None]:
        if self._source.query is not None:
            found = self._run(f"SELECT * FROM {self._source.relation} LIMIT 0").description
            names = [str(column[0]) for column in found]
            twice = [n for n in dict.fromkeys(names) if names.count(n) > 1]
            if twice:
                raise InvalidInput(
                    f"the query gives several columns {', '.join(twice)}", hint="name them apart with AS"
                )
            return dict.fromkeys(names)
        found = self._connection.execute(f"PRAGMA {self._schema}table_xinfo({quoted(self._table)})").fetchall()
        if not found:
            kinds = self._connection.execute(
                "SELECT name FROM sqlite_master WHERE type IN ('table', 'view')"
            ).fetchall()
            names = [name for (name,) in kinds]
            raise DatasetNotFound(
                f"{self._source.base} has no table `{self._source.table}`{near(self._table, names)}",
                hint=f"it has {', '.join(names[:10])}" if names else "it has none",
            )
        return {str(name): declared_type(str(kind)) for _, name, kind, _, _, _, hidden in found if hidden != 1}

    @property
    def _schema(self) -> str:
        parts = self._source.parts
        return f"{quoted(parts[0])}." if len(parts) > 1 else ""

    @property
    def _table(self) -> str:
        return self._source.parts[-1]

    def _run(self, sql: str) -> sqlite3.Cursor:
        self._connection.set_authorizer(_authorize)
        return self._connection.execute(sql)

    def infer(self, names: Sequence[str]) -> dict[str, pa.DataType]:
        listed = ", ".join(f"group_concat(DISTINCT typeof({quoted(n)}))" for n in names)
        (found,) = self.scalars(f"SELECT {listed} FROM {self._source.relation}")
        return {n: decided(set(str(kinds or "").split(","))) for n, kinds in zip(names, found, strict=True)}

    def key(self) -> tuple[str, ...]:
        found = self._connection.execute(f"PRAGMA {self._schema}table_xinfo({quoted(self._table)})").fetchall()
        primary = [(pk, str(name), str(kind)) for _, name, kind, _, _, pk, _ in found if pk]
        if len(primary) == 1 and primary[0][2].upper() == "INTEGER":
            return (quoted(primary[0][1]),)
        taken = {str(column[1]).lower() for column in found}
        for name in ("rowid", "_rowid_", "oid"):
            with suppress(sqlite3.Error):  # a view, or a table without rowid
                if name not in taken:
                    self._connection.execute(
                        f"SELECT {name} FROM {self._source.relation} WHERE {name} IS NOT NULL LIMIT 0"
                    )
                    if self._is_table():
                        return (name,)
        return tuple(quoted(name) for _, name, _ in sorted(primary))

    def _is_table(self) -> bool:
        master = f"{self._schema}sqlite_master"
        found = self._connection.execute(f"SELECT type FROM {master} WHERE name = ? COLLATE NOCASE", (self._table,))
        return ("table",) in found.fetchall()

    def scalars(self, sql: str) -> list[tuple[object, ...]]:
        return self._run(sql).fetchall()

    def pieces(self, sql: str, schema: pa.Schema) -> Iterator[Piece]:
        yield nothing(schema)
        cursor = self._run(sql)
        while rows := cursor.fetchmany(_ROWS):
            yield piece_of(rows, schema)

    def digest(self, order: str) -> str:
        total = hashlib.sha256()
        cursor = self._run(f"SELECT * FROM {self._source.relation} ORDER BY {order}")
        while rows := cursor.fetchmany(_ROWS):
            total.update(marshal.dumps(rows, 2))  # without references, so that equal rows give equal bytes
        return total.hexdigest()

    def stamp(self) -> str | None:
        return None

    def state(self) -> FileState | None:
        return file_state(self._source.address, "-wal")

    def size(self) -> int:
        return Path(self._source.address).stat().st_size


def declared_type(declared: str) -> pa.DataType | None:
    """The type that a column was declared with, by SQLite's own rules and those of dates and truth values; None where it says none."""
    kind = declared.upper()
    for word, found in _TYPES:
        if word in kind:
            return found
    return None


_TYPES = (
    ("BOOL", pa.bool_()),
    ("TIMESTAMPTZ", pa.timestamp("us", "UTC")),
    ("WITH TIME ZONE", pa.timestamp("us", "UTC")),
    ("TIMESTAMP", pa.timestamp("us")),
    ("DATETIME", pa.timestamp("us")),
    ("DATE", pa.date32()),
    ("INT", pa.int64()),
    ("CHAR", pa.string()),
    ("CLOB", pa.string()),
    ("TEXT", pa.string()),
    ("BLOB", pa.binary()),
    ("REAL", pa.float64()),
    ("FLOA", pa.float64()),
    ("DOUB", pa.float64()),
)
