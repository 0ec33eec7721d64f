"""What all stores do alike: read records out of rows, and write them in transactions that make events."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Protocol, TypeVar

from muster.documents import document
from muster.errors import Conflict, InvalidInput, NotFound, StoreError
from muster.records import Event, Record
from muster.signature import Json
from muster.store import Condition, Page, Query
from muster.stores.audit import Change, Head, chain
from muster.stores.query import Plan, Term, plan, terms
from muster.stores.shape import Row, Shape, check_text, decode, row, shape

__all__ = ["RecordTransaction", "Rows", "Turn", "check_author", "count", "find", "get"]

R = TypeVar("R", bound=Record)


class Rows(Protocol):
    """The rows of a store: those committed, or as a transaction sees them. A row's text is its document."""

    def now(self) -> datetime:
        """By the clock of the store."""
        ...

    def text(self, shape: Shape, key: tuple[str | int, ...]) -> str | None: ...

    def texts(self, plan: Plan) -> list[str]:
        """Those of a page, and one more where there is another page."""
        ...

    def total(self, shape: Shape, terms: Sequence[Term]) -> int: ...

    def add(self, shape: Shape, row: Row) -> bool:
        """False, and nothing is done, if another row has the key or the unique value."""
        ...

    def change(self, shape: Shape, row: Row) -> bool:
        """False, and nothing is done, if another row has the unique value."""
        ...

    def remove(self, shape: Shape, key: tuple[str | int, ...]) -> None: ...

    def head(self) -> Head:
        """The last event, held until the transaction ends."""
        ...

    def advance(self, head: Head) -> None: ...


def get(rows: Rows, kind: type[R], key: tuple[str | int, ...]) -> R | None:
    """The record with this key."""
    known = shape(kind)
    text = rows.text(known, known.identify(key))
    return None if text is None else decode(kind, text)


def find(rows: Rows, kind: type[R], query: Query) -> Page[R]:
    """A page of records."""
    wanted = plan(shape(kind), query)
    texts = rows.texts(wanted)
    items = [decode(kind, text) for text in texts[: wanted.limit]]
    more = len(texts) > wanted.limit
    return Page(items, wanted.cursor(document(items[-1])) if more else None)


def count(rows: Rows, kind: type[Record], where: Sequence[Condition]) -> int:
    """How many records meet the conditions."""
    known = shape(kind)
    return rows.total(known, terms(known, where))


class RecordTransaction:
    """Changes that commit together. Its events are written when it ends, after all else, because the chain is locked last."""

    def __init__(self, rows: Rows, actor: str, reason: str) -> None:
        self._rows = rows
        self._actor = actor
        self._reason = reason
        self._changes: list[Change] = []
        self._home = threading.get_ident(), os.getpid()
        self._ended = False

    def now(self) -> datetime:
        return self._use().now()

    def get(self, kind: type[R], *key: str | int) -> R | None:
        return get(self._use(), kind, key)

    def find(self, kind: type[R], query: Query = Query()) -> Page[R]:
        return find(self._use(), kind, query)

    def count(self, kind: type[R], where: Sequence[Condition] = ()) -> int:
        return count(self._use(), kind, where)

    def insert(self, record: Record) -> None:
        rows, known = self._use(), _writable(record)
        new = _row(known, record)
        if not rows.add(known, new):
            if rows.text(known, new.key) is not None:
                raise _taken(_named(known, new.key))
            raise _taken(_claimed(known, new))
        self._note(known, "created", new.key, None, new.body)

    def replace(self, record: Record) -> None:
        rows, known = self._use(), _writable(record)
        new = _row(known, record)
        before = self._stored(known, new.key)
        if known.kind.AUDITED and (before == new.text or _same(known, before, new)):
            return
        if not rows.change(known, new):
            raise _taken(_claimed(known, new))
        self._note(known, "changed", new.key, before, new.body)

    def delete(self, record: Record) -> None:
        rows, known = self._use(), _writable(record)
        key = known.identify(record.identity)
        before = self._stored(known, key)
        rows.remove(known, key)
        self._note(known, "removed", key, before, None)

    def finish(self) -> None:
        """Write the events of all changes."""
        rows = self._use()
        if not self._changes:
            return
        head = rows.head()
        for body in chain(head, self._changes, self._actor, self._reason):
            event = row(shape(Event), body)
            if not rows.add(shape(Event), event):
                raise StoreError(
                    f"the audit trail has an event {body['seq']} already", hint="see `muster event verify`"
                )
            head = Head(int(event.key[0]), str(body["hash"]))
        rows.advance(head)

    def end(self) -> None:
        self._ended = True

    def _use(self) -> Rows:
        if self._ended:
            raise StoreError("this transaction has ended", hint="begin another one with `store.transaction(…)`")
        if self._home != (threading.get_ident(), os.getpid()):
            raise StoreError("this transaction belongs to another thread", hint="begin one in each thread and process")
        return self._rows

    def _stored(self, known: Shape, key: tuple[str | int, ...]) -> str:
        text = self._rows.text(known, key)
        if text is None:
            raise NotFound(f"there is no {_named(known, key)}", hint="it may have been removed meanwhile")
        return text

    def _note(
        self, known: Shape, verb: str, key: tuple[str | int, ...], before: str | None, after: Mapping[str, Json] | None
    ) -> None:
        if known.kind.AUDITED:
            body = None if before is None else json.loads(before)
            self._changes.append(Change(f"{known.name}.{verb}", known.subject(key), body, after))


def _row(known: Shape, record: Record) -> Row:
    try:
        return row(known, document(record))
    except RecursionError:
        raise InvalidInput(
            f"this {known.name} cannot be stored: it is nested too deeply", hint="give plainer values"
        ) from None


def _taken(what: str) -> Conflict:
    return Conflict(f"there is a {what} already", hint="change that one, or choose another name")


def _claimed(known: Shape, new: Row) -> str:
    return f"{known.name} with the {known.unique} `{new.cells[str(known.unique)]}`"


def _writable(record: Record) -> Shape:
    if isinstance(record, Event):
        raise InvalidInput("events are written by the store alone", hint="change the record that the event is about")
    return shape(type(record))


def _named(known: Shape, key: tuple[str | int, ...]) -> str:
    return f"{known.name} `{known.subject(key).partition('/')[2]}`"


def _same(known: Shape, before: str, new: Row) -> bool:
    """Whether the stored record is equal, though written in another order or by an earlier release."""
    stored = document(decode(known.kind, before))
    return json.dumps(stored, sort_keys=True) == json.dumps(new.body, sort_keys=True)


def check_author(actor: str, reason: str) -> None:
    """Who writes, and why, as every event says it."""
    if not actor or not check_text(actor) or not check_text(reason):
        raise InvalidInput(
            f"{actor!r} and {reason!r} cannot be an actor and a reason", hint="give text; an actor is never empty"
        )


class Turn:
    """Lets one thread write at a time. A thread that has the turn already is refused: it would wait for itself.

    `place` is the same for two stores that are one, as two hubs on one folder. An interrupt at any moment leaves it free: a `with`
    over a lock of C gives it back whatever happens, which one over code of ours does not.
    """

    _taken = threading.local()

    def __init__(self, place: str, name: str, seconds: float) -> None:
        self._place = place
        self._name = name
        self._seconds = seconds
        self._lock = threading.RLock()

    @contextmanager
    def taken(self) -> Iterator[None]:
        mine: dict[str, Turn] = self._taken.__dict__.setdefault("places", {})
        holder = mine.get(self._place)
        if holder is not None and holder.held:  # else an interrupt came between giving it back and saying so
            raise StoreError(
                f"a transaction on {self._name} is open in this thread already",
                hint="write through that one, or end it first",
            )
        while self.held:  # since an interrupt came between waiting for it and what follows
            self._lock.release()
        if not self._lock.acquire(timeout=self._seconds):
            raise StoreError(
                f"another thread has been writing to {self._name} for {self._seconds:g} seconds",
                hint="keep transactions short",
            )
        with self._lock:
            self._lock.release()
            mine[self._place] = self
            try:
                yield
            finally:
                mine.pop(self._place, None)

    @property
    def held(self) -> bool:
        """Whether this thread has it."""
        return bool(self._lock._is_owned())  # type: ignore[attr-defined]  # noqa: SLF001  # as `threading.Condition` asks
