"""PostgreSQL, and any other database that has an ADBC driver: answers come as Arrow batches."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from typing import Any
from urllib.parse import quote

import pyarrow as pa
import pyarrow.compute as pc

from muster.datasets.chunks import Piece, batch_of, cut, nothing
from muster.datasets.files import first_line
from muster.datasets.sql_engine import FileState
from muster.datasets.sql_source import Source, quoted
from muster.errors import DatasetError, DatasetNotFound, InvalidInput, MissingExtra, MusterError, near

__all__ = ["AnyDriver", "Postgres", "adbc_driver", "postgres_error", "postgres_url"]

_READ_ONLY = (
    "-c default_transaction_read_only=on -c timezone=UTC -c datestyle=ISO -c extra_float_digits=3 -c bytea_output=hex"
)
_CHUNK = 16_384
_NO_TABLE, _NO_COLUMN, _NO_DATABASE, _WRITES = "42P01", "42703", "3D000", "25006"


class Postgres:
    """In a transaction that only reads, so that whatever else writes is refused by the server."""

    @contextmanager
    def reading(self, source: Source) -> Iterator[PostgresConnection]:
        driver = adbc_driver("adbc_driver_postgresql")
        try:
            with driver.connect(postgres_url(source, _READ_ONLY), autocommit=False) as connection:
                yield PostgresConnection(connection, source)
        except driver.Error as error:
            raise postgres_error(source, error) from _cause(source, error)


class AnyDriver:
    """`adbc:PACKAGE?uri=…`: a driver by its Python package; other options are handed to it, with the secret of a connection."""

    @contextmanager
    def reading(self, source: Source) -> Iterator[AdbcConnection]:
        driver = adbc_driver(source.address)
        settings = dict(source.settings) | source.secrets()
        uri = settings.pop("uri", None)
        given: dict[str, Any] = {"db_kwargs": settings} if settings else {}
        opened = False
        try:
            with driver.connect(*([uri] if uri is not None else []), autocommit=False, **given) as connection:
                opened = True
                yield AdbcConnection(connection, source)
        except driver.Error as error:
            if not opened:
                raise _not_opened(source, error) from _cause(source, error)
            raise postgres_error(source, error) from _cause(source, error)
        except TypeError as error:
            raise InvalidInput(
                f"{source.base} cannot be opened: {_hidden(source, first_line(error))}", hint="check its options"
            ) from None


def adbc_driver(package: str) -> Any:
    try:
        return import_module(f"{package}.dbapi")
    except ImportError as error:
        if package in ("adbc_driver_postgresql", "adbc_driver_sqlite") or error.name == "adbc_driver_manager":
            raise MissingExtra.named("sql", "a table of a database") from None
        raise InvalidInput(
            f"there is no driver `{package}` here: {error}",
            hint=f"install the package of the driver: `pip install {package}`",
        ) from None


def postgres_url(source: Source, options: str) -> str:
    """The URL with the settings that it was given and these of the session."""
    settings = dict(source.settings)
    settings |= source.secrets()
    settings["options"] = f"{settings.get('options', '')} {options}".strip()
    return f"{source.address}?" + "&".join(f"{k}={quote(v, safe='')}" for k, v in settings.items())


def postgres_error(source: Source, error: Exception) -> MusterError:
    state = getattr(error, "sqlstate", None)
    text = _hidden(source, _message(error))
    if state == _WRITES:
        return InvalidInput(f"the query writes: {text}", hint="only queries that read are run")
    if state == _NO_DATABASE or (state is None and re.search(r'database ".*" does not exist', text)):
        hint = "check the name of the database in the URL"
        return DatasetNotFound(f"{source.base}: {text}", hint=hint, details={"step": "database"})
    if state == _NO_TABLE:
        return DatasetNotFound(f"{source.base}: {text}", hint="check the name, with its schema: `table=schema.name`")
    if "ordering operator" in text:
        told = f"{source.base}: {source.shown} has a column that has no order: {text}"
        return DatasetError(
            told, hint="name columns that tell the rows apart with `order=a,b`, or a whole number with `key=a`"
        )
    if state is None and (step := _step(str(error))) is not None:
        what = "refuses the login" if step in ("login", "database") else "cannot be reached"
        return DatasetError(f"{source.base} {what}: {text}", hint=_login_hint(source), details={"step": step})
    return DatasetError(
        f"{source.base}: {source.shown} cannot be read: {text}", hint="check the database and the query"
    )


def _step(text: str) -> str | None:
    """Which step of the way to a table failed, by what libpq says."""
    signs = {
        "name": "could not translate host name",
        "TLS": r"\bSSL\b|certificate",
        "database": "permission denied for database",
        "login": r'authentication failed|no password supplied|role ".*" does not exist|not permitted to log in|pg_hba',
        "connection": "connect",
    }
    return next((step for step, sign in signs.items() if re.search(sign, text, re.IGNORECASE)), None)


def _login_hint(source: Source) -> str:
    if source.login is None:
        return "check host, port and user; PostgreSQL takes the password from PGPASSWORD or ~/.pgpass, or from a connection"
    return f"see `muster connection show {source.login.connection}`, and what its secret holds"


def _not_opened(source: Source, error: Exception) -> DatasetError:
    """What a driver says when it opens is mostly of the login; which step it was, it does not tell."""
    text = _hidden(source, _message(error))
    hint = "check its options" if source.login is None else _login_hint(source)
    return DatasetError(f"{source.base} cannot be opened: {text}", hint=hint, details={"step": "login"})


def _hidden(source: Source, text: str) -> str:
    """Without the secret, which a driver may repeat, as it is or as URLs have it."""
    try:
        secrets = source.secrets().values()
    except InvalidInput:
        return text
    for secret in secrets:
        for form in (secret, quote(secret, safe="")):
            text = text.replace(form, "…")
    return text


def _cause(source: Source, error: Exception) -> Exception | None:
    """The driver's own error, unless it may hold a secret."""
    return error if source.login is None else None


def _message(error: Exception) -> str:
    """What the server said, without what the driver says around it."""
    lines = str(error).splitlines() or [type(error).__name__]
    said = next((line for line in lines if "ERROR:" in line or "FATAL:" in line), lines[0])
    for mark in ("ERROR:", "FATAL:"):
        said = said.rpartition(mark)[2]
    return said.partition(". SQLSTATE")[0].rpartition("Failed to connect: ")[2].strip().rstrip(".")


class AdbcConnection:
    """A Connection of whichever driver."""

    def __init__(self, connection: Any, source: Source) -> None:
        self._connection = connection
        self._source = source

    def columns(self) -> dict[str, pa.DataType | None]:
        found = self._schema()
        names = found.names
        twice = [n for n in dict.fromkeys(names) if names.count(n) > 1]
        if twice:
            raise InvalidInput(f"the query gives several columns {', '.join(twice)}", hint="name them apart with AS")
        return {f.name: _plain(f) for f in found}

    def _schema(self) -> pa.Schema:
        """As the driver tells it; one that can only guess from values is given some."""
        sql = f"SELECT * FROM {self._source.relation}"
        with self._connection.cursor() as cursor:
            try:
                return cursor.adbc_execute_schema(sql)
            except cursor.connection.NotSupportedError:
                cursor.execute(f"{sql} LIMIT 1000")
                return cursor.fetch_record_batch().schema

    def infer(self, names: Sequence[str]) -> dict[str, pa.DataType]:
        raise AssertionError("a driver tells all types")

    def key(self) -> tuple[str, ...]:
        return ()

    def scalars(self, sql: str) -> list[tuple[object, ...]]:
        with self._connection.cursor() as cursor:
            cursor.execute(sql)
            found: list[tuple[object, ...]] = cursor.fetchall()
            return found

    def pieces(self, sql: str, schema: pa.Schema) -> Iterator[Piece]:
        yield nothing(schema)
        with self._connection.cursor() as cursor:
            cursor.execute(sql)
            for batch in cursor.fetch_record_batch():
                if batch.num_rows:
                    arrays = [_fitted(a, f) for a, f in zip(batch.columns, schema, strict=True)]
                    yield Piece(batch.num_rows, batch_of(arrays, schema, batch.num_rows))

    def digest(self, order: str) -> str:
        schema = pa.schema([(n, t) for n, t in self.columns().items()])
        total = hashlib.sha256()
        sql = f"SELECT * FROM {self._source.relation} ORDER BY {order}"
        for piece, _ in cut(self.pieces(sql, schema), _CHUNK):
            assert piece.batch is not None
            for row in zip(*(column.to_pylist() for column in piece.batch.columns), strict=True):
                total.update(repr(row).encode(errors="backslashreplace"))
        return total.hexdigest()

    def stamp(self) -> str | None:
        return None

    def state(self) -> FileState | None:
        return None

    def size(self) -> int:
        """Eight bytes a value, for want of anything better."""
        ((count,),) = self.scalars(f"SELECT count(*) FROM {self._source.relation}")
        return 1 + 8 * int(str(count)) * len(self.columns())


class PostgresConnection(AdbcConnection):
    """A Connection of PostgreSQL, which can tell more of itself."""

    def columns(self) -> dict[str, pa.DataType | None]:
        if self._source.table is not None and self._class() is None:
            names = [str(n) for (n,) in self.scalars(_TABLES)]
            raise DatasetNotFound(
                f"{self._source.base} has no table `{self._source.table}`{near(self._source.table, names)}",
                hint=f"it has {', '.join(names[:10])}" if names else "it has none that this user sees",
            )
        return super().columns()

    def _class(self) -> str | None:
        ((kind,),) = self.scalars(f"SELECT (SELECT relkind::text FROM pg_class WHERE oid = to_regclass({self._name}))")
        return None if kind is None else str(kind)

    @property
    def _name(self) -> str:
        return "'" + self._source.relation.replace("'", "''") + "'"

    def key(self) -> tuple[str, ...]:
        found = self.scalars(
            "SELECT a.attname::text FROM pg_index i, unnest(i.indkey) WITH ORDINALITY AS k(attnum, place), pg_attribute a"
            f" WHERE i.indrelid = to_regclass({self._name}) AND i.indisprimary"
            " AND a.attrelid = i.indrelid AND a.attnum = k.attnum ORDER BY k.place"
        )
        return tuple(quoted(str(name)) for (name,) in found)

    def digest(self, order: str) -> str:
        """Sums of the halves of each row's MD5, made by the server; the order of the rows follows from what they hold."""
        ((rows, high, low),) = self.scalars(
            "SELECT count(*), sum(('x' || substr(h, 1, 15))::bit(60)::bigint)::text, sum(('x' || substr(h, 17, 15))::bit(60)::bigint)::text"
            f" FROM (SELECT md5(r::text) AS h FROM (SELECT * FROM {self._source.relation}) AS r) AS hashed"
        )
        return f"{rows}:{high}:{low}"

    def stamp(self) -> str | None:
        """Of the transactions that made the rows of a table: every row that is written has another one."""
        if self._source.table is None or self._class() not in ("r", "p", "m"):
            return None
        ((rows, made),) = self.scalars(
            f"SELECT count(*), sum(hashtext(xmin::text)::bigint)::text FROM {self._source.relation}"
        )
        return hashlib.sha256(f"{rows}:{made}".encode()).hexdigest()

    def size(self) -> int:
        if self._source.table is None:
            return super().size()
        ((size,),) = self.scalars(f"SELECT pg_total_relation_size(to_regclass({self._name}))")
        return int(str(size)) or 1


_TABLES = (
    "SELECT CASE WHEN table_schema = 'public' THEN '' ELSE table_schema || '.' END || table_name FROM information_schema.tables"
    " WHERE table_schema NOT IN ('pg_catalog', 'information_schema') ORDER BY 1 LIMIT 1000"
)


def _plain(field: pa.Field) -> pa.DataType:
    """Without extensions: what a database calls its own is text, but numbers, which are decimals or doubles."""
    kind = field.type
    if isinstance(kind, pa.BaseExtensionType):
        return _number(field) if getattr(kind, "type_name", "") == "numeric" else pa.string()
    return kind.value_type if pa.types.is_dictionary(kind) else kind


def _number(field: pa.Field) -> pa.DataType:
    """A numeric with its digits is a decimal; one without, or with more than Arrow has, a double."""
    modifier = int((field.metadata or {}).get(b"POSTGRESQL:typmod", b"-1")) - 4
    digits, scale = modifier >> 16 & 0xFFFF, modifier & 0x7FF
    return pa.decimal128(digits, scale) if modifier >= 0 and digits <= 38 and scale <= digits else pa.float64()


def _fitted(array: pa.Array, field: pa.Field) -> pa.Array:
    if _is_uuid(array.type):
        array = pa.array([None if value is None else str(value) for value in array.to_pylist()], pa.string())
    elif isinstance(array.type, pa.BaseExtensionType):
        array = array.storage
    if array.type == field.type:
        return array
    try:
        return pc.cast(array, field.type)
    except pa.ArrowException as error:
        raise DatasetError(
            f"`{field.name}` has a value that is no {field.type}: {first_line(error)}",
            hint="cast it in a query: `?query=select …::double precision …`",
            details={"resume": False},
        ) from None


def _is_uuid(kind: pa.DataType) -> bool:
    return getattr(kind, "extension_name", "") == "arrow.uuid"
