"""Filling a new store with the records of another: documents as they are, events with the hashes that they have."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import groupby, islice
from typing import Protocol

from muster.errors import Conflict, Corrupt, InvalidInput, MusterError
from muster.records import KINDS, Event
from muster.store import GENESIS
from muster.stores.audit import Head, StoredEvent, verify
from muster.stores.shape import Row, Shape, decode, row, shape

__all__ = ["fill", "refuse_filled"]

_MANY = 500


class Filling(Protocol):
    """The rows of a store that is being filled."""

    def add_all(self, shape: Shape, rows: Sequence[Row]) -> bool: ...

    def advance(self, head: Head) -> None: ...


def refuse_filled(found: int, name: str) -> None:
    """Only a new store is filled: two hubs' numbers and events cannot be mixed."""
    if found:
        raise Conflict(f"{name} has records already", hint="restore into a new folder or an empty database")


def fill(rows: Filling, records: Iterable[tuple[str, str]]) -> Event | None:
    """Add all, and set the head to the last event; Corrupt for the first that is not whole."""
    head, last = Head(0, GENESIS), None
    for name, group in groupby(records, key=lambda record: record[0]):
        texts = (text for _, text in group)
        while some := list(islice(texts, _MANY)):
            known = _known(name)
            made = [_row(known, text) for text in some]
            if known.kind is Event:
                head = _chained(head, made)
                last = decode(Event, made[-1].text)
            if not rows.add_all(known, made):
                raise Corrupt(f"two records of the kind {name} have one key", hint="take another backup")
    rows.advance(head)
    return last


def _known(name: str) -> Shape:
    if name not in KINDS:
        raise Corrupt(f"there are records of the kind `{name[:80]}`, which is none", hint="take another backup")
    return shape(KINDS[name])


def _row(known: Shape, text: str) -> Row:
    try:
        decode(known.kind, text)  # what no release could read again is not taken in
        return replace(row(known, {**_absent(known), **json.loads(text)}), text=text)
    except (InvalidInput, KeyError, ValueError, RecursionError) as error:
        told = error.message if isinstance(error, MusterError) else repr(error)
        raise Corrupt(
            f"a record of the kind {known.name} cannot be stored: {told}", hint="take another backup"
        ) from None


def _absent(known: Shape) -> dict[str, None]:
    """Fields that an earlier release did not write."""
    return {name: None for name, field in known.fields.items() if field.nullable}


def _chained(head: Head, made: Sequence[Row]) -> Head:
    """The head after these events, if each follows the one before."""
    end = Head(int(made[-1].key[0]), str(made[-1].body.get("hash")))
    whole, broken = verify(_events(made), end, head)
    if broken is not None:
        raise Corrupt(
            f"the audit trail breaks at event {broken.seq}: {broken.action} {broken.subject}; the {whole:,} before it hold",
            hint="take another backup",
        )
    return end


def _events(made: Sequence[Row]) -> Iterator[StoredEvent]:
    return (StoredEvent(entry.cells, entry.text) for entry in made)
