"""The audit trail's head, to be kept elsewhere: whoever can write the database can write the whole trail anew, but not that file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from muster.errors import Corrupt, InvalidInput, TooNew
from muster.records import Event, now
from muster.signature import Json
from muster.store import GENESIS, Query, RecordStore, Sort

__all__ = ["head", "read_head", "verify"]

_FORMAT = "muster.head/1"


def head(store: RecordStore) -> dict[str, Json]:
    """The last event's number and hash, which stand for it and all before it."""
    newest = store.find(Event, Query(sort=(Sort("seq", descending=True),), limit=1)).items
    return {
        "format": _FORMAT,
        "seq": newest[0].seq if newest else 0,
        "hash": newest[0].hash if newest else GENESIS,
        "at": newest[0].at.isoformat() if newest else None,
        "exported_at": now().isoformat(),
    }


def read_head(path: Path) -> dict[str, Json]:
    """A head that was exported."""
    try:
        body = json.loads(path.read_text(encoding="utf-8"))
        name, _, number = str(body["format"]).rpartition("/")
        if name == "muster.head" and number.isdecimal() and int(number) > 1:
            raise TooNew(f"{path} was written by a later release of Muster", hint="upgrade Muster to read it")
        if body["format"] != _FORMAT or type(body["seq"]) is not int or not isinstance(body["hash"], str):
            raise ValueError(body)
    except OSError as error:
        raise InvalidInput(
            f"{path} cannot be read: {error.strerror}", hint="name a file of `muster event head`"
        ) from None
    except (ValueError, KeyError, TypeError, RecursionError):
        raise InvalidInput(f"{path} is no exported head", hint="name a file that `muster event head` wrote") from None
    return dict(body)


def verify(store: RecordStore, known: Mapping[str, Json] | None = None) -> tuple[int, Event | None]:
    """How many events hold, and the first that does not; Corrupt if they hold, but are not those of the `known` head."""
    whole, broken = store.verify()
    if known is None or broken is not None:
        return whole, broken
    seq, digest = int(str(known["seq"])), known["hash"]
    if seq > whole:
        raise Corrupt(
            f"the audit trail ends at event {whole:,}, and had {seq:,} when its head was exported at {known.get('exported_at')}:"
            " the last ones were removed",
            hint="compare with a backup: what was changed since then cannot be relied upon",
            details={"holds": whole, "seq": whole + 1},
        )
    event = store.get(Event, seq) if seq else None
    if (event.hash if event else GENESIS) != digest:
        raise Corrupt(
            f"event {seq:,} is not the one whose head was exported at {known.get('exported_at')}: the trail was written anew,"
            " or it is another hub's",
            hint="see that the file belongs to this hub; if it does, compare with a backup",
            details={"holds": 0, "seq": seq},
        )
    return whole, None
