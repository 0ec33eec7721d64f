"""Tables and queries of databases: read in parts by ranges of a key, or in one part whose order all columns give."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import pyarrow as pa

from muster.dataset import Chunk
from muster.datasets.chunks import Piece, batch_of, cut, shifted
from muster.datasets.sql_engine import Connection, FileState, engine_of
from muster.datasets.sql_source import Source, claims, quoted, source
from muster.errors import DatasetError, InvalidInput, near
from muster.records import Connection as NamedDatabase

__all__ = ["SqlDataset", "SqlPart", "SqlTables"]

_OPTIONS = ("table", "query", "key", "order")
_MOST_PARTS = 16


class SqlTables:
    """DatasetKind of `sqlite:`, `duckdb:`, `postgresql:` and `adbc:` URLs; with a connection, of what it names.

    Options: `table` or `query`; `key` or `order`.
    """

    name = "sql"

    def __init__(self, connection: NamedDatabase | None = None) -> None:
        self._connection = connection

    def claims(self, uri: str) -> bool:
        return claims(uri)

    def open(self, uri: str, options: Mapping[str, str]) -> SqlDataset:
        found = source(uri, options, _OPTIONS, self._connection)
        with engine_of(found).reading(found) as connection:
            columns = connection.columns()
            order = _order(found, connection, columns)
        return SqlDataset(found, columns, order)


@dataclass(frozen=True, slots=True)
class Order:
    """What the rows are sorted by, as SQL. With `key` one whole number tells each row."""

    sql: str
    key: str | None = None


def _order(table: Source, connection: Connection, columns: Mapping[str, pa.DataType | None]) -> Order:
    given = (table.key,) if table.key is not None else table.order
    missing = [f"`{n}`{near(n, columns)}" for n in given if n not in columns]
    if missing:
        raise InvalidInput(
            f"{table.shown} of {table.base} has no column {', '.join(missing)}",
            hint="its columns are " + ", ".join(list(columns)[:20]),
        )
    if given:
        names = tuple(map(quoted, given))
        whole = table.key is not None
        _refuse_unfit(table, connection, given, columns)
        return Order(", ".join(names), names[0] if whole else None)
    own = connection.key() if table.table is not None else ()
    if own:
        whole = len(own) == 1 and (own[0].strip('"') not in columns or _is_whole(columns, own[0].strip('"')))
        return Order(", ".join(own), own[0] if whole else None)
    # Rows that all columns order differ from their neighbours, or are the same: any order of those is the same order.
    return Order(", ".join(map(quoted, columns)))


def _is_whole(columns: Mapping[str, pa.DataType | None], name: str) -> bool:
    kind = columns[name]
    return kind is not None and pa.types.is_integer(kind)


def _refuse_unfit(
    table: Source, connection: Connection, names: Sequence[str], columns: Mapping[str, pa.DataType | None]
) -> None:
    """A key is a whole number; a key and an order tell every row from the others. Found by looking at all of them."""
    shown = ", ".join(f"`{n}`" for n in names)
    if table.key is not None and columns[table.key] is not None and not _is_whole(columns, table.key):
        raise InvalidInput(
            f"the key `{table.key}` is {columns[table.key]}, not a whole number",
            hint=f"order by it instead: `order={table.key}`",
        )
    listed = ", ".join(map(quoted, names))
    ((rows, distinct),) = connection.scalars(
        f"SELECT count(*), (SELECT count(*) FROM (SELECT DISTINCT {listed} FROM {table.relation}) AS d) FROM {table.relation}"
    )
    nulls = " OR ".join(f"{quoted(n)} IS NULL" for n in names)
    ((empty,),) = connection.scalars(f"SELECT count(*) FROM {table.relation} WHERE {nulls}")
    if rows != distinct or empty:
        told = f"{shown} is null in {empty} rows" if empty else f"several rows have the same {shown}"
        raise DatasetError(
            f"{told} of {table.shown} of {table.base}, so that it does not tell them apart",
            hint="name columns that do with `order=a,b`; without it all columns together give the order",
            details={"resume": False},
        )


@dataclass(frozen=True, slots=True)
class SqlPart:
    """The rows of a range of the key, or all of them."""

    index: int
    source: Source
    schema: pa.Schema
    order: Order
    where: str
    offset: int
    rows: int | None

    @property
    def file(self) -> str:
        return self.source.table or "query"

    def chunks(
        self, rows: int, columns: Sequence[str] | None = None, skip: frozenset[int] = frozenset()
    ) -> Iterator[Chunk]:
        schema = self.schema if columns is None else _picked(self.schema, columns)
        listed = ", ".join(map(quoted, schema.names)) or "1 AS none"
        sql = f"SELECT {listed} FROM {self.source.relation}{self.where} ORDER BY {self.order.sql}"
        asked = schema if len(schema) else pa.schema([("none", pa.int64())])
        start = 0
        with engine_of(self.source).reading(self.source) as connection:
            for index, (piece, last) in enumerate(cut(connection.pieces(sql, asked), rows)):
                if index not in skip:
                    yield Chunk(self.index, index, start, _batch(piece, schema), shifted(piece.faults, start), last)
                start += piece.length


def _batch(piece: Piece, schema: pa.Schema) -> pa.RecordBatch:
    assert piece.batch is not None
    return piece.batch if len(schema) else batch_of([], schema, piece.batch.num_rows)


def _picked(schema: pa.Schema, names: Sequence[str]) -> pa.Schema:
    missing = [f"`{n}`{near(n, schema.names)}" for n in names if n not in schema.names]
    if missing:
        raise InvalidInput(
            f"the data has no column {', '.join(missing)}", hint="its columns are " + ", ".join(schema.names[:20])
        )
    return pa.schema([schema.field(n) for n in names])


@lru_cache(maxsize=32)
def _digest(table: Source, order: str, _state: FileState | None) -> str:
    """Of a file's table, read through once for each state of the file."""
    with engine_of(table).reading(table) as connection:
        return connection.digest(order)


class SqlDataset:
    """A Dataset of a table or a query. A picklable value; every part connects for itself."""

    def __init__(self, table: Source, columns: Mapping[str, pa.DataType | None], order: Order) -> None:
        self._source = table
        self._columns = dict(columns)
        self._order = order

    @property
    def uri(self) -> str:
        return self._source.uri

    @property
    def schema(self) -> pa.Schema:
        return self.types(self.names)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._columns)

    def types(self, columns: Sequence[str]) -> pa.Schema:
        known = pa.schema([(n, t or pa.null()) for n, t in self._columns.items()])
        found = _picked(known, columns)
        unknown = [n for n in columns if self._columns[n] is None]
        if unknown:
            with engine_of(self._source).reading(self._source) as connection:
                self._columns |= connection.infer(unknown)
            found = pa.schema([(n, self._columns[n]) for n in columns])
        return found

    def declare(self, types: Mapping[str, pa.DataType]) -> SqlDataset:
        return self

    def parts(self, rows: int) -> Sequence[SqlPart]:
        schema = self.schema
        total = self.rows()
        size = rows * max(1, -(-total // (rows * _MOST_PARTS)))
        if self._order.key is None or total <= size:
            return [SqlPart(0, self._source, schema, self._order, "", 0, total)]
        starts = self._starts(self._order.key, size)
        parts = []
        for index, start in enumerate(starts):
            lower = [f"{self._order.key} >= {start}"] if index else []
            upper = [f"{self._order.key} < {starts[index + 1]}"] if index + 1 < len(starts) else []
            where = " WHERE " + " AND ".join(lower + upper)
            count = size if upper else total - index * size
            parts.append(SqlPart(index, self._source, schema, self._order, where, index * size, count))
        return parts

    def _starts(self, key: str, size: int) -> list[int]:
        """The key of every `size`th row."""
        numbered = f"SELECT {key} AS k, row_number() OVER (ORDER BY {key}) AS i FROM {self._source.relation}"
        with engine_of(self._source).reading(self._source) as connection:
            found = connection.scalars(f"SELECT k FROM ({numbered}) AS numbered WHERE (i - 1) % {size} = 0 ORDER BY k")
        try:
            return [int(str(k)) for (k,) in found]
        except ValueError:
            raise DatasetError(
                f"the key {key} of {self._source.shown} of {self._source.base} holds values that are no whole numbers",
                hint="name columns that give an order with `order=a,b`",
                details={"resume": False},
            ) from None

    def rows(self) -> int:
        with engine_of(self._source).reading(self._source) as connection:
            ((count,),) = connection.scalars(f"SELECT count(*) FROM {self._source.relation}")
        return int(str(count))

    def size(self) -> int:
        with engine_of(self._source).reading(self._source) as connection:
            return connection.size()

    def stamp(self) -> str:
        with engine_of(self._source).reading(self._source) as connection:
            found = connection.stamp()
        return found or self.fingerprint()

    def fingerprint(self) -> str:
        """Of the names and types of the columns and of what every row holds, read by the database itself where it can."""
        types = "\0".join(f"{f.name}\0{f.type}" for f in self.schema)
        with engine_of(self._source).reading(self._source) as connection:
            state = connection.state()
            content = connection.digest(self._order.sql) if state is None else None
        if content is None:
            content = _digest(self._source, self._order.sql, state)
        return hashlib.sha256(f"{types}\n{content}\n".encode()).hexdigest()
