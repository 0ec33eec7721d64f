"""Lends the caps of connections to processes, by way of the records of the hub, which all its machines see."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from muster.owners import alive
from muster.records import Connection, Usage
from muster.registry.dividing import left, renewed, settled
from muster.sharing import Grant, Wish
from muster.store import RecordStore, Transaction

__all__ = ["KeptShares"]


class KeptShares:
    """`place` names the store. Holders are `<owner>/<id>`: whether one of this machine lives is seen at once."""

    def __init__(self, records: Callable[[], RecordStore], place: str) -> None:
        self._records = records
        self.place = place

    def free(self, connection: str) -> bool:
        found = self._records().get(Connection, connection)
        return found is None or not found.caps

    def renew(self, connection: str, wish: Wish) -> Grant:
        with self._records().transaction("muster", "lend") as tx:
            caps, usage = _found(tx, connection, at := tx.now())
            fresh, grant = renewed(settled(usage, caps, at, _living), caps, wish, at)
            tx.replace(fresh)
            return grant

    def leave(self, connection: str, wish: Wish) -> None:
        usage = self._records().get(Usage, connection)
        if usage is None or all(s.holder != wish.holder for s in usage.shares):
            return  # nothing is written for one that has nothing
        with self._records().transaction("muster", "give back") as tx:
            caps, usage = _found(tx, connection, at := tx.now())
            tx.replace(left(settled(usage, caps, at, _living), caps, wish))


def _found(tx: Transaction, name: str, at: datetime) -> tuple[dict[str, float], Usage]:
    """The caps as they are now, and what is used of them: nothing, where nobody has asked yet."""
    found, usage = tx.get(Connection, name), tx.get(Usage, name)
    caps = dict(found.caps) if found is not None else {}
    if usage is None:
        usage = Usage(connection=name, tokens=max(1.0, caps.get("rate", 0.0)), at=at)
        tx.insert(usage)
    return caps, usage


def _living(holder: str) -> bool | None:
    return alive(holder.rpartition("/")[0])
