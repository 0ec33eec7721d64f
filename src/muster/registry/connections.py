"""Named connections to providers, and who uses them."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence

from muster.errors import Conflict, InvalidInput, NotFound, near
from muster.records import DATA_KINDS, Connection, DatasetRecord, Run, Usage, Version, now
from muster.registry.references import check_name, check_tags
from muster.registry.search import Listing, conditions, every, sorting
from muster.signature import Json
from muster.store import Condition, Query, Reader, RecordStore

__all__ = ["CAPS", "Connections", "wrong_caps"]

CAPS: Mapping[str, str] = {
    "concurrency": "the most requests at once",
    "rate": "the most requests a second",
    "price_per_call": "what a request costs",
    "price_per_hour": "what an hour of the endpoint costs",
    "spend": "the most that all calls over it may ever cost",
}
"""What calls over a connection may use together, from all processes that use the hub."""


class Connections:
    """Each name is one connection. It can be replaced, as by another account's; versions keep its name."""

    def __init__(self, store: RecordStore, actor: str) -> None:
        self._store = store
        self._actor = actor

    def register(
        self,
        name: str,
        kind: str,
        settings: Mapping[str, Json],
        caps: Mapping[str, float],
        *,
        place: Sequence[str] = (),
        description: str = "",
        tags: Mapping[str, str] | None = None,
        replace: bool = False,
    ) -> Connection:
        """Keep a connection whose settings were checked. Conflict if the name is taken, unless `replace`.

        While versions use it, it can be replaced by one that leads to the same `place`: a version is an endpoint for ever.
        """
        check_name(name, "connection")
        check_tags(tags or {})
        if wrong := wrong_caps(caps):
            raise InvalidInput("; ".join(wrong), hint=f"caps are {', '.join(CAPS)}", details={"problems": wrong})
        record = Connection(
            name=name,
            kind=kind,
            settings=dict(settings),
            caps=dict(caps),
            description=description,
            tags=dict(tags or {}),
            created_at=now(),
            created_by=self._actor,
        )
        with self._store.transaction(self._actor, "connect") as tx:
            existing = tx.get(Connection, name)
            if existing is None:
                tx.insert(record)
            elif not replace:
                raise Conflict(
                    f"the connection `{name}` exists: {existing.kind}",
                    hint="choose another name, or replace it with `--replace` (replace=True)",
                )
            elif (other := _elsewhere(existing, record, place)) and (using := _users(tx, name)):
                raise Conflict(
                    f"the connection `{name}` would lead elsewhere ({other}), and is used by {_listed(using)}",
                    hint=f"choose another name{', and register what is there as the next version' if place else ''}",
                )
            else:
                tx.replace(record)
        return record

    def get(self, name: str) -> Connection:
        found = self._store.get(Connection, name)
        if found is None:
            known = [c.name for c in every(self._store, Connection)]
            raise NotFound(
                f"there is no connection `{name}`{near(name, known)}",
                hint="list them with `muster connection list`, or make it with `muster connection add`",
            )
        return found

    def list(
        self, filters: Sequence[str] = (), sort: Sequence[str] = (), limit: int | None = None
    ) -> Listing[Connection]:
        where, order = conditions(Connection, filters), sorting(Connection, sort)
        return Listing(lambda n, cursor: self._store.find(Connection, Query(where, order, n, cursor)), limit)

    def remove(self, name: str, reason: str = "") -> None:
        """Forget a connection; refused while something uses it, a deleted version that can be restored among that."""
        with self._store.transaction(self._actor, reason) as tx:
            found = self.get(name)
            if using := _users(tx, name):
                raise Conflict(
                    f"the connection `{name}` is used by {_listed(using)}",
                    hint="delete versions for good and remove datasets first, or give the name to another account with"
                    " `muster connection add --replace`",
                )
            tx.delete(found)
            if (usage := tx.get(Usage, name)) is not None:
                tx.delete(usage)

    def spent(self, name: str) -> float:
        """What was spent over it, with what is lent to processes and may be spent just now."""
        usage = self._store.get(Usage, name)
        return 0.0 if usage is None else usage.spent + sum(s.granted - s.used for s in usage.shares)

    def used_by(self, name: str) -> Sequence[str]:
        """The versions that use it, the registered datasets that it leads to, and the runs on such data that are not over."""
        return _users(self._store, name)

    def versions(self, name: str) -> Sequence[Version]:
        """The versions whose endpoints it leads to."""
        return _versions(self._store, name)


def _elsewhere(before: Connection, after: Connection, place: Sequence[str]) -> str:
    """What leads to another place; nothing where all that says where it leads is the same."""
    if before.kind != after.kind:
        return f"it is of the kind `{before.kind}`"
    return ", ".join(
        f"`{name}` was {before.settings.get(name)!r}"
        for name in place
        if before.settings.get(name) != after.settings.get(name)
    )


def _versions(reader: Reader, name: str) -> Sequence[Version]:
    return [v for v in every(reader, Version) if v.load.get("connection") == name]


def _users(reader: Reader, name: str) -> Sequence[str]:
    versions = [v.ref for v in _versions(reader, name)]
    beginning = re.compile(rf"(?:{'|'.join(DATA_KINDS)}):{re.escape(name)}(?:[/?]|$)")
    datasets = [f"data:{d.name}" for d in every(reader, DatasetRecord) if beginning.match(d.uri)]
    at_work = (Condition("status", "!=", "done"), Condition("status", "!=", "cancelled"))
    runs = [r.id for r in every(reader, Run, at_work) if any(beginning.match(uri or "") for uri in (r.input, r.output))]
    return [*versions, *datasets, *runs]


def _listed(users: Sequence[str]) -> str:
    return f"{', '.join(users[:5])}{f' and {len(users) - 5} more' if len(users) > 5 else ''}"


def wrong_caps(caps: Mapping[str, float]) -> list[str]:
    """All that is wrong with them, in words."""
    wrong = [f"there is no cap `{n}`{near(n, CAPS)}" for n in caps if n not in CAPS]
    for name, value in caps.items():
        if name in CAPS and (
            isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value) or value <= 0
        ):
            wrong.append(f"`{name}` is {value!r}, and no number above 0: it is {CAPS[name]}")
    if caps.get("spend") and not (caps.get("price_per_call") or caps.get("price_per_hour")):
        wrong.append("`spend` needs a price: `price_per_call` or `price_per_hour`")
    return wrong
