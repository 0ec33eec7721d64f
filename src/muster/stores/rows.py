"""The rows of a SQL database, by one connection."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Executable, Select, select, update
from sqlalchemy.engine import CursorResult
from sqlalchemy.exc import SQLAlchemyError

from muster.errors import StoreError
from muster.records import Event
from muster.stores import statements
from muster.stores.audit import Head, StoredEvent
from muster.stores.database import Database
from muster.stores.query import Plan, Term
from muster.stores.shape import Row, Shape, can_be_kept, shape
from muster.stores.tables import CHAIN, cells, tables

__all__ = ["SqlRows"]


class SqlRows:
    """Rows by one connection. After a failed statement it is `broken`: what it did before may be undone already.

    `writing` from before a transaction begins until it has ended.
    """

    def __init__(self, database: Database, connection: Connection) -> None:
        self.connection = connection
        self.failed = False
        self.writing = False
        self._database = database

    @property
    def broken(self) -> bool:
        return self.failed or self.connection.invalidated

    def now(self) -> datetime:
        return self._database.now(self.connection)

    def text(self, shape: Shape, key: tuple[str | int, ...]) -> str | None:
        if not all(map(can_be_kept, key)):  # no stored record has such a key
            return None
        found = self._all(statements.by_key(shape), _keyed(shape, key))
        return found[0] if found else None

    def texts(self, plan: Plan) -> list[str]:
        tags = [t for t in plan.terms if statements.is_tag(t)]
        few = [t for t in tags if self._tagged(plan.shape, t) <= statements.FEW]
        return self._all(*statements.page(plan, few))

    def total(self, shape: Shape, terms: Sequence[Term]) -> int:
        return int(self._all(*statements.count(shape, terms))[0])

    def add(self, shape: Shape, row: Row) -> bool:
        if not self._do(self._database.insert(tables(shape).records), cells(row)):
            return False
        self._tag(shape, row)
        return True

    def change(self, shape: Shape, row: Row) -> bool:
        key = _keyed(shape, row.key)
        if shape.unique and self._all(statements.claimed(shape), {**key, "value": row.cells[shape.unique]}):
            return False
        self._do(statements.change(shape), {**cells(row), **key})
        if shape.tags:
            self._do(statements.remove_tags(shape), key)
            self._tag(shape, row)
        return True

    def add_all(self, shape: Shape, rows: Sequence[Row]) -> bool:
        """False if one was in the way."""
        records, tags = tables(shape)
        if self._do(self._database.insert(records), [cells(row) for row in rows]) != len(rows):
            return False
        if tags is not None:
            marks = [
                {**{f.name: row.cells[f.name] for f in shape.key}, "tag": t, "value": v}
                for row in rows
                for t, v in row.tags.items()
            ]
            if marks:
                self._do(tags.insert(), marks)
        return True

    def remove(self, shape: Shape, key: tuple[str | int, ...]) -> None:
        self._do(statements.remove(shape), _keyed(shape, key))

    def head(self) -> Head:
        return self._head(select(CHAIN.c.seq, CHAIN.c.hash).with_for_update())

    def last(self) -> Head:
        """The head, for who only reads."""
        return self._head(select(CHAIN.c.seq, CHAIN.c.hash))

    def _head(self, statement: Executable) -> Head:
        found = self._execute(statement).first()
        if found is None:
            raise StoreError(
                f"{self._database.name} has lost the head of its audit trail", hint="see `muster event verify`"
            )
        return Head(found.seq, found.hash)

    def advance(self, head: Head) -> None:
        self._do(update(CHAIN), {"seq": head.seq, "hash": head.hash})

    def commit(self) -> None:
        """Refused after a statement that failed, also where nobody heard of it: the database has undone what came before."""
        self._check()
        self._database.commit(self.connection)

    def events(self) -> Iterator[StoredEvent]:
        """All events in order, a few at a time."""
        table = tables(shape(Event)).records
        fields = list(shape(Event).fields)
        wanted = select(*(table.c[n] for n in fields), table.c.document).order_by(table.c.seq)
        for row in self._streamed(wanted):
            yield StoredEvent(dict(zip(fields, row, strict=False)), row[-1])

    def documents(self, shape: Shape) -> Iterator[str]:
        """Those of all records of a kind, by their keys, a few at a time."""
        table = tables(shape).records
        wanted = select(table.c.document).order_by(*(table.c[f.name] for f in shape.key))
        for row in self._streamed(wanted):
            yield row[0]

    def _streamed(self, wanted: Select[Any]) -> Iterator[Any]:
        found = self._execute(wanted.execution_options(yield_per=100))
        try:
            yield from found
        except SQLAlchemyError as error:
            raise self._fault(error) from error
        finally:
            found.close()

    def _tagged(self, shape: Shape, term: Term) -> int:
        return int(self._all(statements.tagged(shape), {"t": term.name, "v": term.value})[0])

    def _tag(self, shape: Shape, row: Row) -> None:
        table = tables(shape).tags
        if table is not None and row.tags:
            key = {f.name: row.cells[f.name] for f in shape.key}
            self._do(table.insert(), [{**key, "tag": t, "value": v} for t, v in row.tags.items()])

    def _all(self, statement: Executable, values: dict[str, Any]) -> list[Any]:
        try:
            return list(self._execute(statement, values).scalars())
        except SQLAlchemyError as error:
            raise self._fault(error) from error

    def _do(self, statement: Executable, values: dict[str, Any] | list[dict[str, Any]]) -> int:
        counted = statement.execution_options(preserve_rowcount=True)  # else an INSERT's is forgotten
        return self._execute(counted, values).rowcount

    def _execute(
        self, statement: Executable, values: dict[str, Any] | list[dict[str, Any]] | None = None
    ) -> CursorResult[Any]:
        self._check()
        try:
            return self.connection.execute(statement, values)
        except SQLAlchemyError as error:
            raise self._fault(error) from error

    def _check(self) -> None:
        if self.broken:
            raise StoreError(f"this transaction on {self._database.name} has failed already", hint="begin another one")

    def _fault(self, error: SQLAlchemyError) -> StoreError:
        self.failed = True
        return self._database.explain(error)


def _keyed(shape: Shape, key: tuple[str | int, ...]) -> dict[str, Any]:
    return {f"k_{f.name}": value for f, value in zip(shape.key, key, strict=True)}
