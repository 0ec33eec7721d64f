"""The audit chain: an event for each change, each with the hash of the one before.

`hash` is the SHA-256 of the event's document without `hash`, as canonical JSON. Whoever can write the database can also write
the whole chain anew, with its head; only a head that is kept elsewhere tells that.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import NamedTuple

from muster.documents import document
from muster.errors import MusterError
from muster.records import Event, now
from muster.signature import Json
from muster.store import GENESIS
from muster.stores.canonical import canonical
from muster.stores.shape import Cell, decode

__all__ = ["Change", "Head", "StoredEvent", "chain", "verify"]


class Head(NamedTuple):
    """The last event."""

    seq: int
    hash: str


class Change(NamedTuple):
    """What an event tells of: `created` has no before, `removed` no after."""

    action: str
    subject: str
    before: Mapping[str, Json] | None
    after: Mapping[str, Json] | None


class StoredEvent(NamedTuple):
    """An event as it lies in the store: what it is found by, and its document."""

    cells: Mapping[str, Cell]
    text: str


def chain(head: Head, changes: Iterable[Change], actor: str, reason: str) -> Iterator[dict[str, Json]]:
    """The events of one transaction as documents, all with the time at which it ends."""
    at = now()
    seq, previous = head
    for action, subject, before, after in changes:
        seq += 1
        bare = Event(
            seq=seq,
            at=at,
            actor=actor,
            reason=reason,
            action=action,
            subject=subject,
            before=None,
            after=None,
            previous=previous,
            hash="",
        )
        body = document(bare)
        body["before"] = None if before is None else dict(before)
        body["after"] = None if after is None else dict(after)
        body["hash"] = previous = _hash(body)
        yield body


def verify(stored: Iterable[StoredEvent], head: Head, after: Head | None = None) -> tuple[int, Event | None]:
    """How many events hold, in order of `seq`, and the first that does not. They begin `after` one that is known to hold.

    For one that is gone or cannot be read a stand-in is given, with the action `event.missing` or `event.unreadable`.
    """
    count, previous = after or Head(0, GENESIS)
    for entry in stored:
        seq = entry.cells["seq"]
        if isinstance(seq, int) and seq > count + 1:
            return count, _stand_in(count + 1, "missing")
        body = _body(entry)
        if not seq == count + 1 <= head.seq or body.get("previous") != previous or not _sealed(body):
            return count, _event(entry)
        if seq == head.seq and body["hash"] != head.hash:
            return count, _event(entry)
        count, previous = count + 1, str(body["hash"])
    if (count, previous) == head:
        return count, None
    return count, _stand_in(count + 1, "missing")


def _body(entry: StoredEvent) -> dict[str, Json]:
    """The document; nothing if it is no document, or not that of what it is found by."""
    try:
        body = json.loads(entry.text)
    except (ValueError, TypeError, RecursionError):
        return {}
    if not isinstance(body, dict) or any(body.get(n) != cell for n, cell in entry.cells.items()):
        return {}
    return body


def _event(entry: StoredEvent) -> Event:
    try:
        return decode(Event, entry.text)
    except MusterError:
        seq = entry.cells["seq"]
        return _stand_in(seq if isinstance(seq, int) else 0, "unreadable")


def _stand_in(seq: int, what: str) -> Event:
    return Event(
        seq=seq,
        at=datetime.fromtimestamp(0, UTC),
        actor="",
        reason="",
        action=f"event.{what}",
        subject=f"event/{seq}",
        before=None,
        after=None,
        previous="",
        hash="",
    )


def _sealed(body: Mapping[str, Json]) -> bool:
    try:
        return body.get("hash") == _hash(body)
    except ValueError:
        return False


def _hash(body: Mapping[str, Json]) -> str:
    """Of all but the hash itself."""
    return hashlib.sha256(canonical({k: v for k, v in body.items() if k != "hash"})).hexdigest()
