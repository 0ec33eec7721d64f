"""Records and blobs in this process: for tests, for trying things out, and as the plainest form of what a store does."""

from __future__ import annotations

import hashlib
import io
import operator
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, TypeVar

from muster.errors import StoreError
from muster.records import KINDS, Event, Record, now
from muster.store import GENESIS, Condition, Page, Query
from muster.stores.audit import Head, StoredEvent, verify
from muster.stores.copying import fill, refuse_filled
from muster.stores.digests import check_digest, missing, occupied, unreadable
from muster.stores.query import Order, Plan, Term
from muster.stores.shape import Cell, Row, Shape, fold
from muster.stores.transaction import RecordTransaction, Turn, check_author, count, find, get

__all__ = ["MemoryBlobs", "MemoryRecords"]

R = TypeVar("R", bound=Record)

_COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "~": lambda cell, part: part in fold(cell),
    "in": lambda cell, values: cell in values,
}


class _State(NamedTuple):
    """All that is committed. It never changes: a transaction makes the next one, so that readers need no lock."""

    rows: Mapping[str, Mapping[tuple[str | int, ...], Row]]
    unique: Mapping[str, Mapping[Cell, tuple[str | int, ...]]]
    head: Head


class _Rows:
    """The rows of a state, and the changes over it; a table is copied when it is first written."""

    def __init__(self, state: _State) -> None:
        self._state = state
        self._rows: dict[str, dict[tuple[str | int, ...], Row]] = {}
        self._unique: dict[str, dict[Cell, tuple[str | int, ...]]] = {}
        self._head = state.head

    def state(self) -> _State:
        return _State({**self._state.rows, **self._rows}, {**self._state.unique, **self._unique}, self._head)

    def now(self) -> datetime:
        return now()

    def all(self, shape: Shape) -> Mapping[tuple[str | int, ...], Row]:
        return self._rows[shape.name] if shape.name in self._rows else self._state.rows.get(shape.name, {})

    def text(self, shape: Shape, key: tuple[str | int, ...]) -> str | None:
        row = self.all(shape).get(key)
        return None if row is None else row.text

    def texts(self, plan: Plan) -> list[str]:
        rows = _sorted([r for r in self.all(plan.shape).values() if _holds(plan.terms, r)], plan.order)
        if plan.after is not None:
            rows = [r for r in rows if _beyond(plan.order, r, plan.after)]
        return [r.text for r in rows[: plan.limit + 1]]

    def total(self, shape: Shape, terms: Sequence[Term]) -> int:
        return sum(_holds(terms, r) for r in self.all(shape).values())

    def add(self, shape: Shape, row: Row) -> bool:
        if row.key in self.all(shape) or not self._claim(shape, row):
            return False
        self._writable(shape)[row.key] = row
        return True

    def change(self, shape: Shape, row: Row) -> bool:
        if not self._claim(shape, row):
            return False
        self._writable(shape)[row.key] = row
        return True

    def add_all(self, shape: Shape, rows: Sequence[Row]) -> bool:
        return all(self.add(shape, row) for row in rows)

    def remove(self, shape: Shape, key: tuple[str | int, ...]) -> None:
        row = self._writable(shape).pop(key)
        if shape.unique:
            del self._claims(shape)[row.cells[shape.unique]]

    def head(self) -> Head:
        return self._head

    def advance(self, head: Head) -> None:
        self._head = head

    def _writable(self, shape: Shape) -> dict[tuple[str | int, ...], Row]:
        if shape.name not in self._rows:
            self._rows[shape.name] = dict(self._state.rows.get(shape.name, {}))
        return self._rows[shape.name]

    def _claims(self, shape: Shape) -> dict[Cell, tuple[str | int, ...]]:
        if shape.name not in self._unique:
            self._unique[shape.name] = dict(self._state.unique.get(shape.name, {}))
        return self._unique[shape.name]

    def _claim(self, shape: Shape, row: Row) -> bool:
        if not shape.unique:
            return True
        claims, before = self._claims(shape), self.all(shape).get(row.key)
        if claims.get(row.cells[shape.unique], row.key) != row.key:
            return False
        if before is not None:
            del claims[before.cells[shape.unique]]
        claims[row.cells[shape.unique]] = row.key
        return True


def _holds(terms: Sequence[Term], row: Row) -> bool:
    for term in terms:
        cell = row.tags.get(term.name) if term.field is None else row.cells[term.name]
        if term.value is None or cell is None:
            # What is not set differs from every value, and is neither more nor less.
            holds = (cell is None) == (term.op == "=") if term.value is None else term.op == "!="
        else:
            holds = _COMPARE[term.op](cell, term.value)
        if not holds:
            return False
    return True


def _sorted(rows: list[Row], order: Sequence[Order]) -> list[Row]:
    for part in reversed(order):
        name = part.field.name
        some = sorted((r for r in rows if r.cells[name] is not None), key=_cell(name), reverse=part.descending)
        rows = some + [r for r in rows if r.cells[name] is None]
    return rows


def _cell(name: str) -> Callable[[Row], Any]:
    return lambda row: row.cells[name]


def _beyond(order: Sequence[Order], row: Row, after: Sequence[Cell]) -> bool:
    for part, place in zip(order, after, strict=True):
        cell = row.cells[part.field.name]
        if cell == place:
            continue
        if cell is None or place is None:
            return cell is None
        return bool(_COMPARE["<" if part.descending else ">"](cell, place))
    return False


class MemoryRecords:
    """`wait` is how many seconds a writer waits for others before it gives up."""

    def __init__(self, *, wait: float = 120.0) -> None:
        self._state: _State | None = _State({}, {}, Head(0, GENESIS))
        self._turn = Turn(f"memory {id(self)}", "the store in memory", wait)

    def get(self, kind: type[R], *key: str | int) -> R | None:
        return get(_Rows(self._now()), kind, key)

    def find(self, kind: type[R], query: Query = Query()) -> Page[R]:
        return find(_Rows(self._now()), kind, query)

    def count(self, kind: type[R], where: Sequence[Condition] = ()) -> int:
        return count(_Rows(self._now()), kind, where)

    @contextmanager
    def transaction(self, actor: str, reason: str = "") -> Iterator[RecordTransaction]:
        check_author(actor, reason)
        with self._turn.taken():
            rows = _Rows(self._now())
            transaction = RecordTransaction(rows, actor, reason)
            try:
                yield transaction
                transaction.finish()
            finally:
                transaction.end()
            self._state = rows.state()

    def upgrade(self) -> tuple[str, str]:
        """There is no schema: what is in memory was made by this release."""
        return "memory", "memory"

    def verify(self) -> tuple[int, Event | None]:
        state = self._now()
        rows = sorted(state.rows.get("event", {}).items())
        return verify((StoredEvent(row.cells, row.text) for _, row in rows), state.head)

    @contextmanager
    def dump(self) -> Iterator[Iterator[tuple[str, str]]]:
        state = self._now()
        yield ((name, row.text) for name in KINDS for _, row in sorted(state.rows.get(name, {}).items()))

    def fill(self, records: Iterable[tuple[str, str]]) -> Event | None:
        with self._turn.taken():
            before = self._now()
            refuse_filled(before.head.seq + sum(map(len, before.rows.values())), "the store in memory")
            rows = _Rows(before)
            last = fill(rows, records)
            self._state = rows.state()
            return last

    def close(self) -> None:
        with self._turn.taken():
            self._state = None

    def _now(self) -> _State:
        state = self._state
        if state is None:
            raise StoreError("the store in memory is closed, and what was in it is gone", hint="open another one")
        return state


class MemoryBlobs:
    """Bytes in a dictionary."""

    def __init__(self) -> None:
        self._blobs: dict[str, bytes] = {}
        self._stored: dict[str, datetime] = {}
        self._lock = threading.Lock()

    def put(self, source: Path | bytes) -> str:
        content = _content(source) if isinstance(source, Path) else bytes(source)
        digest = hashlib.sha256(content).hexdigest()
        with self._lock:
            self._blobs.setdefault(digest, content)
            self._stored[digest] = now()
        return digest

    def open(self, digest: str) -> BinaryIO:
        return io.BytesIO(self.read(digest))

    def read(self, digest: str) -> bytes:
        blob = self._blobs.get(check_digest(digest))
        if blob is None:
            raise missing(digest)
        return blob

    def fetch(self, digest: str, target: Path) -> None:
        blob = self.read(digest)
        try:
            with target.open("xb") as file:
                file.write(blob)
        except FileExistsError:
            raise occupied(target) from None
        except OSError as error:
            raise StoreError(
                f"{target} cannot be written: {error.strerror}", hint="choose a place that can be written"
            ) from error

    def has(self, digest: str) -> bool:
        return check_digest(digest) in self._blobs

    def size(self, digest: str) -> int:
        return len(self.read(digest))

    def modified(self, digest: str) -> datetime:
        stored = self._stored.get(check_digest(digest))
        if stored is None:
            raise missing(digest)
        return stored

    def delete(self, digest: str) -> None:
        with self._lock:
            self._blobs.pop(check_digest(digest), None)
            self._stored.pop(digest, None)

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._blobs))


def _content(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise unreadable(file, error) from error
