"""DuckDB files, by DuckDB."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa

from muster.datasets.chunks import Piece, batch_of, nothing
from muster.datasets.files import first_line
from muster.datasets.sql_engine import FileState, file_state
from muster.datasets.sql_source import ABSENT, Source, quoted
from muster.errors import DatasetError, DatasetNotFound, InvalidInput, MissingExtra, near

__all__ = ["DuckDb", "duckdb", "duckdb_error"]

_ROWS = 65_536


def duckdb() -> Any:
    try:
        import duckdb as library
    except ImportError:
        raise MissingExtra.named("duckdb", "a DuckDB database") from None
    return library


def duckdb_error(source: Source, error: Exception) -> DatasetError:
    told = first_line(error)
    if "lock on file" in told or "different configuration" in told:
        return DatasetError(
            f"{source.base} is in use: {told}",
            hint="DuckDB lets one process write a file, and none read it meanwhile: close it there",
        )
    return DatasetError(
        f"{source.base}: {source.shown} cannot be read: {told}", hint="check the database and the query"
    )


class DuckDb:
    """Opened for reading alone; a query is asked for the kind of its statement first, because even so it could write other files."""

    @contextmanager
    def reading(self, source: Source) -> Iterator[DuckDbConnection]:
        library = duckdb()
        path = Path(source.address)
        if not path.exists():
            raise DatasetNotFound(f"there is no DuckDB database at {path}", hint=ABSENT)
        try:
            with library.connect(str(path), read_only=True) as connection:
                connection.execute("SET TimeZone = 'UTC'")
                if source.query is not None:
                    _refuse_writing(connection, source.query)
                yield DuckDbConnection(connection, source)
        except library.Error as error:
            raise duckdb_error(source, error) from error


def _refuse_writing(connection: Any, query: str) -> None:
    kinds = [statement.type.name for statement in connection.extract_statements(query)]
    if kinds != ["SELECT"]:
        raise InvalidInput(f"the query is no SELECT but {', '.join(kinds)}", hint="only queries that read are run")


class DuckDbConnection:
    """A Connection."""

    def __init__(self, connection: Any, source: Source) -> None:
        self._connection = connection
        self._source = source

    def columns(self) -> dict[str, pa.DataType | None]:
        if self._source.table is not None:
            self._refuse_missing()
        found = self._connection.sql(f"SELECT * FROM {self._source.relation} LIMIT 0").to_arrow_table().schema
        return {f.name: f.type.value_type if pa.types.is_dictionary(f.type) else f.type for f in found}

    def _refuse_missing(self) -> None:
        table = self._source.parts[-1]
        names = [name for (name,) in self.scalars("SELECT table_name FROM information_schema.tables")]
        if table.casefold() not in {str(name).casefold() for name in names}:
            raise DatasetNotFound(
                f"{self._source.base} has no table `{self._source.table}`{near(table, map(str, names))}",
                hint=f"it has {', '.join(map(str, names[:10]))}" if names else "it has none",
            )

    def infer(self, names: Sequence[str]) -> dict[str, pa.DataType]:
        raise AssertionError("every column of DuckDB has a type")

    def key(self) -> tuple[str, ...]:
        *schema, table = self._source.parts
        where = f"table_name = {_text(table)}" + (f" AND schema_name = {_text(schema[-1])}" if schema else "")
        primary = self.scalars(
            f"SELECT constraint_column_names FROM duckdb_constraints() WHERE constraint_type = 'PRIMARY KEY' AND {where}"
        )
        if primary:
            (names,) = primary[0]
            assert isinstance(names, list)
            return tuple(quoted(name) for name in names)
        return ("rowid",) if self.scalars(f"SELECT 1 FROM duckdb_tables() WHERE {where}") else ()

    def scalars(self, sql: str) -> list[tuple[object, ...]]:
        found: list[tuple[object, ...]] = self._connection.execute(sql).fetchall()
        return found

    def pieces(self, sql: str, schema: pa.Schema) -> Iterator[Piece]:
        yield nothing(schema)
        for batch in self._connection.sql(sql).to_arrow_reader(_ROWS):
            arrays = [a if a.type == f.type else a.cast(f.type) for a, f in zip(batch.columns, schema, strict=True)]
            yield Piece(batch.num_rows, batch_of(arrays, schema, batch.num_rows))

    def digest(self, order: str) -> str:
        """Sums of the halves of each row's MD5; the order of the rows follows from what they hold."""
        hashed = f"SELECT muster_row::VARCHAR AS r FROM (SELECT * FROM {self._source.relation}) AS muster_row"
        ((rows, low, high),) = self.scalars(
            f"SELECT count(*), sum(md5_number_lower(r)), sum(md5_number_upper(r)) FROM ({hashed})"
        )
        return f"{rows}:{low}:{high}"

    def stamp(self) -> str | None:
        return None

    def state(self) -> FileState | None:
        return file_state(self._source.address, ".wal")

    def size(self) -> int:
        return Path(self._source.address).stat().st_size


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
