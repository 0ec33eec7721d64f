"""CONTRACT Store: what is known. Records in a RecordStore, bytes in a BlobStore.

`with store.transaction(actor, reason) as tx:` is the only way to write. All that happens inside commits in one, or not at
all; each change of an audited record makes one event (`model.created`, `alias.changed`, `run.removed`), chained by its hash
to the one before. Events are written when the transaction ends, and read like any record. Two processes on one store both
work: a writer waits for the other, and neither sees a lock error. Reads see what was committed before they began. Stores
are safe from several threads; a transaction belongs to one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Generic, Literal, Protocol, TypeAlias, TypeVar

from muster.records import Event, Record

__all__ = ["GENESIS", "BlobStore", "Condition", "Op", "Page", "Query", "Reader", "RecordStore", "Sort", "Transaction"]

R = TypeVar("R", bound=Record)
T_co = TypeVar("T_co", covariant=True)
Op: TypeAlias = Literal["=", "!=", "<", "<=", ">", ">=", "~", "in"]

GENESIS = "0" * 64
"""The `previous` of the first event."""


@dataclass(frozen=True, slots=True)
class Condition:
    """`field op value`. The field is one that the kind indexes, or `tag.<key>`; `~` is "contains", without regard to case.

    `in` takes a tuple of values, of which it is one. A tag that is not set differs from every value.
    """

    field: str
    op: Op
    value: str | int | float | tuple[str | int, ...] | None


@dataclass(frozen=True, slots=True)
class Sort:
    """By an indexed field; the kind's key decides between equals. Nulls come last, whichever way."""

    field: str
    descending: bool = False


@dataclass(frozen=True, slots=True)
class Query:
    """All conditions hold. `cursor` is the `next` of the page before, with the same conditions and sort."""

    where: tuple[Condition, ...] = ()
    sort: tuple[Sort, ...] = ()
    limit: int = 100
    cursor: str | None = None


@dataclass(frozen=True, slots=True)
class Page(Generic[T_co]):
    """A part of a list, and the cursor of the next part, or None at the end."""

    items: Sequence[T_co]
    next: str | None


class Reader(Protocol):
    """What can be asked, of a store or inside a transaction."""

    def get(self, kind: type[R], *key: str | int) -> R | None:
        """The record with this key, or None."""
        ...

    def find(self, kind: type[R], query: Query = Query()) -> Page[R]:
        """A page of records. InvalidInput names every unknown field, and a cursor that is not one of this query."""
        ...

    def count(self, kind: type[R], where: Sequence[Condition] = ()) -> int: ...


class Transaction(Reader, Protocol):
    """Reads inside it see its own writes, and nobody else writes until it ends."""

    def now(self) -> datetime:
        """The time in UTC, by the one clock of all who use the store: its server's, or that of the only machine."""
        ...

    def insert(self, record: Record) -> None:
        """Conflict if the key is taken."""
        ...

    def replace(self, record: Record) -> None:
        """NotFound if nothing has the key. An audited record that is equal to the stored one makes no event."""
        ...

    def delete(self, record: Record) -> None:
        """NotFound if nothing has the key."""
        ...


class RecordStore(Reader, Protocol):
    def transaction(self, actor: str, reason: str = "") -> AbstractContextManager[Transaction]:
        """A transaction that commits when the block ends, and is undone when it raises."""
        ...

    def upgrade(self) -> tuple[str, str]:
        """Bring the schema to this release's; the revisions before and after. Opening a new store does this by itself."""
        ...

    def verify(self) -> tuple[int, Event | None]:
        """Walk the audit chain: how many events hold, and the first that does not."""
        ...

    def dump(self) -> AbstractContextManager[Iterator[tuple[str, str]]]:
        """All of one moment: the kind and the document of each record, kind by kind, events in order. Nobody waits for it."""
        ...

    def fill(self, records: Iterable[tuple[str, str]]) -> Event | None:
        """Fill a new store with what another one's `dump` gave, in one transaction; the last event.

        Conflict if anything is in it; Corrupt, and nothing is stored, if a record or the audit chain is not whole.
        """
        ...

    def close(self) -> None: ...


class BlobStore(Protocol):
    """Bytes by their SHA-256 (64 lower-case hex digits). A blob is there whole or not at all; putting it again is free."""

    def put(self, source: Path | bytes) -> str:
        """Store a file's bytes, or these; returns the digest. Durable when it returns."""
        ...

    def open(self, digest: str) -> BinaryIO:
        """A stream of the bytes. NotFound if there is no such blob."""
        ...

    def read(self, digest: str) -> bytes:
        """All bytes, checked: Corrupt if they are not those that were stored."""
        ...

    def fetch(self, digest: str, target: Path) -> None:
        """Write the bytes to `target`, a new file, checked as they are copied."""
        ...

    def has(self, digest: str) -> bool: ...

    def size(self, digest: str) -> int: ...

    def modified(self, digest: str) -> datetime:
        """When it was stored, by the clock of the store; putting it again may make it later. NotFound if there is none."""
        ...

    def delete(self, digest: str) -> None:
        """Remove it; one that is gone already is no error."""
        ...

    def __iter__(self) -> Iterator[str]:
        """Every digest, in order."""
        ...
