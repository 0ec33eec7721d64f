"""Writing a table of a database in one transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.compute as pc

from muster.datasets.sql_adbc import adbc_driver, postgres_error, postgres_url
from muster.datasets.sql_duckdb import duckdb, duckdb_error
from muster.datasets.sql_source import Source, quoted
from muster.errors import DatasetError, DatasetNotFound, InvalidInput

__all__ = ["OUTPUTS", "Writer", "Writers", "writer_of"]

OUTPUTS = "muster_outputs"
_MAKE = (
    f"CREATE TABLE IF NOT EXISTS {OUTPUTS} (run VARCHAR(26) PRIMARY KEY, name TEXT NOT NULL, document TEXT NOT NULL)"
)
_WAIT = 60


class Writer(Protocol):
    """A connection to the database of one output, in a transaction."""

    def columns(self) -> Mapping[str, str] | None:
        """The columns of the table, `needed` where one must be given; None where there is no table."""
        ...

    def refusals(self, schema: pa.Schema) -> Sequence[str]:
        """What this database would not take."""
        ...

    def drop(self) -> None: ...

    def load(self, rows: pa.RecordBatchReader, *, fresh: bool) -> None:
        """Add the rows, to a table that is made for them if `fresh`."""
        ...

    def note(self, run: str, name: str, document: str) -> None: ...

    def noted(self, run: str) -> bool: ...


class Writers(Protocol):
    def looking(self, source: Source) -> AbstractContextManager[Writer | None]:
        """To look and change nothing; None where there is no database yet."""
        ...

    def writing(self, source: Source) -> AbstractContextManager[Writer]:
        """Committed at the end, unless something went wrong."""
        ...


def writer_of(source: Source) -> Writers:
    match source.engine:
        case "sqlite":
            return SqliteWriters()
        case "duckdb":
            return DuckDbWriters()
        case "postgresql":
            return PostgresWriters()
    raise InvalidInput(
        f"nothing is written to {source.base}",
        hint="outputs are tables of PostgreSQL, SQLite or DuckDB, Delta tables, files",
    )


class SqliteWriters:
    @contextmanager
    def looking(self, source: Source) -> Iterator[Writer | None]:
        path = Path(source.address)
        if not path.exists():
            if not path.parent.is_dir():
                raise DatasetNotFound(f"there is no folder {path.parent}", hint="make it first")
            yield None
            return
        with self._connected(source, f"{path.as_uri()}?mode=ro") as connection:
            yield SqliteWriter(connection, source)

    @contextmanager
    def writing(self, source: Source) -> Iterator[Writer]:
        with self._connected(source, Path(source.address).as_uri()) as connection:
            connection.execute("BEGIN IMMEDIATE")
            yield SqliteWriter(connection, source)
            connection.execute("COMMIT")

    @contextmanager
    def _connected(self, source: Source, uri: str) -> Iterator[sqlite3.Connection]:
        connection = None
        try:
            connection = sqlite3.connect(uri, uri=True, timeout=_WAIT, isolation_level=None)
            yield connection
        except (sqlite3.Error, OverflowError) as error:
            raise DatasetError(
                f"{source.base} cannot be written: {error}", hint="check the file and your rights on it"
            ) from error
        finally:
            if connection is not None:
                connection.close()


class SqliteWriter:
    """A Writer. Times and dates are ISO text, which SQLite's own functions read."""

    def __init__(self, connection: sqlite3.Connection, source: Source) -> None:
        self._connection = connection
        self._source = source

    def columns(self) -> Mapping[str, str] | None:
        found = self._connection.execute(f"PRAGMA table_info({quoted(self._source.parts[-1])})").fetchall()
        return {
            n: "needed" if required and default is None and not pk else "" for _, n, _, required, default, pk in found
        } or None

    def refusals(self, schema: pa.Schema) -> Sequence[str]:
        return [] if len(self._source.parts) == 1 else [f"SQLite has no schema `{self._source.parts[0]}`"]

    def drop(self) -> None:
        self._connection.execute(f"DROP TABLE {self._source.relation}")

    def load(self, rows: pa.RecordBatchReader, *, fresh: bool) -> None:
        if fresh:
            columns = ", ".join(f"{quoted(f.name)} {_sqlite_type(f.type)}" for f in rows.schema)
            self._connection.execute(f"CREATE TABLE {self._source.relation} ({columns})")
        names = ", ".join(quoted(n) for n in rows.schema.names)
        marks = ", ".join("?" for _ in rows.schema)
        insert = f"INSERT INTO {self._source.relation} ({names}) VALUES ({marks})"
        for batch in rows:
            self._connection.executemany(insert, zip(*map(_sqlite_values, batch.columns), strict=True))

    def note(self, run: str, name: str, document: str) -> None:
        self._connection.execute(_MAKE)
        self._connection.execute(f"INSERT INTO {OUTPUTS} VALUES (?, ?, ?)", (run, name, document))

    def noted(self, run: str) -> bool:
        there = self._connection.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (OUTPUTS,)).fetchone()
        return bool(there and self._connection.execute(f"SELECT 1 FROM {OUTPUTS} WHERE run = ?", (run,)).fetchone())


def _sqlite_type(kind: pa.DataType) -> str:
    if pa.types.is_boolean(kind):
        return "BOOLEAN"
    if pa.types.is_integer(kind):
        return "INTEGER"
    if pa.types.is_floating(kind):
        return "REAL"
    if pa.types.is_date(kind):
        return "DATE"
    if pa.types.is_timestamp(kind):
        return "TIMESTAMP WITH TIME ZONE" if kind.tz else "TIMESTAMP"
    return "BLOB" if pa.types.is_binary(kind) else "TEXT"


def _sqlite_values(column: pa.Array) -> list[object]:
    text = pa.types.is_temporal(column.type) or pa.types.is_decimal(column.type)
    values: list[object] = (pc.cast(column, pa.string()) if text else column).to_pylist()
    return values


class DuckDbWriters:
    @contextmanager
    def looking(self, source: Source) -> Iterator[Writer | None]:
        library = duckdb()
        path = Path(source.address)
        if not path.exists():
            if not path.parent.is_dir():
                raise DatasetNotFound(f"there is no folder {path.parent}", hint="make it first")
            yield None
            return
        try:
            with library.connect(str(path), read_only=True) as connection:
                yield DuckDbWriter(connection, source)
        except library.Error as error:
            raise duckdb_error(source, error) from error

    @contextmanager
    def writing(self, source: Source) -> Iterator[Writer]:
        library = duckdb()
        try:
            with library.connect(source.address) as connection:
                connection.execute("BEGIN")
                yield DuckDbWriter(connection, source)
                connection.execute("COMMIT")
        except library.Error as error:
            raise duckdb_error(source, error) from error


class DuckDbWriter:
    """A Writer."""

    def __init__(self, connection: Any, source: Source) -> None:
        self._connection = connection
        self._source = source

    def columns(self) -> Mapping[str, str] | None:
        *schema, table = self._source.parts
        found = self._connection.execute(
            "SELECT column_name, is_nullable, column_default FROM information_schema.columns"
            " WHERE table_name = ? AND table_schema = coalesce(?, current_schema())",
            [table, schema[-1] if schema else None],
        ).fetchall()
        return {n: "needed" if null == "NO" and default is None else "" for n, null, default in found} or None

    def refusals(self, schema: pa.Schema) -> Sequence[str]:
        return []

    def drop(self) -> None:
        self._connection.execute(f"DROP TABLE {self._source.relation}")

    def load(self, rows: pa.RecordBatchReader, *, fresh: bool) -> None:
        names = ", ".join(quoted(n) for n in rows.schema.names)
        self._connection.register("muster_rows", rows)
        if fresh:
            self._connection.execute(f"CREATE TABLE {self._source.relation} AS SELECT * FROM muster_rows")
        else:
            self._connection.execute(f"INSERT INTO {self._source.relation} ({names}) SELECT * FROM muster_rows")
        self._connection.unregister("muster_rows")

    def note(self, run: str, name: str, document: str) -> None:
        self._connection.execute(_MAKE)
        self._connection.execute(f"INSERT INTO {OUTPUTS} VALUES (?, ?, ?)", [run, name, document])

    def noted(self, run: str) -> bool:
        there = self._connection.execute("SELECT 1 FROM duckdb_tables() WHERE table_name = ?", [OUTPUTS]).fetchone()
        return bool(there and self._connection.execute(f"SELECT 1 FROM {OUTPUTS} WHERE run = ?", [run]).fetchone())


class PostgresWriters:
    @contextmanager
    def looking(self, source: Source) -> Iterator[Writer | None]:
        with self._connected(source, "-c default_transaction_read_only=on") as connection:
            yield PostgresWriter(connection, source)

    @contextmanager
    def writing(self, source: Source) -> Iterator[Writer]:
        with self._connected(source, "-c timezone=UTC") as connection:
            yield PostgresWriter(connection, source)
            connection.commit()

    @contextmanager
    def _connected(self, source: Source, options: str) -> Iterator[Any]:
        driver = adbc_driver("adbc_driver_postgresql")
        try:
            with driver.connect(postgres_url(source, options), autocommit=False) as connection:
                yield connection
        except driver.Error as error:
            raise postgres_error(source, error) from (error if source.login is None else None)


class PostgresWriter:
    """A Writer, by COPY."""

    def __init__(self, connection: Any, source: Source) -> None:
        self._connection = connection
        self._source = source

    def _run(self, sql: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        with self._connection.cursor() as cursor:
            cursor.execute(sql, tuple(values) or None)
            found: list[tuple[Any, ...]] = cursor.fetchall() if sql.startswith("SELECT") else []
            return found

    @property
    def _schema(self) -> str | None:
        return self._source.parts[-2] if len(self._source.parts) > 1 else None

    def columns(self) -> Mapping[str, str] | None:
        found = self._run(
            "SELECT column_name::text, is_nullable::text, column_default::text FROM information_schema.columns"
            " WHERE table_name = $1 AND table_schema = coalesce($2, current_schema())",
            (self._source.parts[-1], self._schema),
        )
        return {n: "needed" if null == "NO" and default is None else "" for n, null, default in found} or None

    def refusals(self, schema: pa.Schema) -> Sequence[str]:
        long = [f"`{n}`" for n in [*schema.names, self._source.parts[-1]] if len(n.encode()) > 63]
        told = [f"PostgreSQL has no names of more than 63 bytes, such as {', '.join(long)}"] if long else []
        ((allowed,),) = self._run(
            "SELECT (SELECT has_schema_privilege(oid, 'CREATE') FROM pg_namespace WHERE nspname = coalesce($1, current_schema()))",
            (self._schema,),
        )
        if allowed is None:
            told.append(f"there is no schema `{self._schema}`")
        elif not allowed:
            told.append(f"the user may make no table in the schema `{self._schema or 'public'}`")
        return told

    def drop(self) -> None:
        self._run(f"DROP TABLE {self._source.relation}")

    def load(self, rows: pa.RecordBatchReader, *, fresh: bool) -> None:
        with self._connection.cursor() as cursor:
            mode = "create" if fresh else "append"
            cursor.adbc_ingest(self._source.parts[-1], rows, mode=mode, db_schema_name=self._schema)

    def note(self, run: str, name: str, document: str) -> None:
        self._run(_MAKE)
        self._run(f"INSERT INTO {OUTPUTS} VALUES ($1, $2, $3)", (run, name, document))

    def noted(self, run: str) -> bool:
        ((there,),) = self._run("SELECT to_regclass($1)::text", (OUTPUTS,))
        return there is not None and bool(self._run(f"SELECT 1 FROM {OUTPUTS} WHERE run = $1", (run,)))
