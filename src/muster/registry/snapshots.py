"""Snapshots: what stood behind a version that someone else runs, so that a model that was exchanged there is an event."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from muster.errors import NotApplicable
from muster.predictor import Observed
from muster.records import Snapshot, Version, new_id, now
from muster.registry.registry import Registry, check_calls
from muster.registry.search import Listing, every, sorting
from muster.store import Condition, Query, RecordStore, Sort, Transaction

__all__ = ["SnapshotTools", "Snapshots", "first_snapshot", "forget_snapshots"]


@dataclass(frozen=True, slots=True)
class SnapshotTools:
    """What the hub lends: `observe` looks at what is behind a version, with the rows that were pinned in the answers it is given."""

    observe: Callable[[Version, Observed], Observed]
    keep: Callable[[Observed], str | None]
    kept: Callable[[Snapshot], Observed]
    changes: Callable[[Observed, Observed, float], list[str]]
    digest: Callable[[Observed], str]


class Snapshots:
    def __init__(self, store: RecordStore, registry: Registry, actor: str, tools: SnapshotTools) -> None:
        self._store = store
        self._registry = registry
        self._actor = actor
        self._tools = tools

    def take(self, reference: str) -> Snapshot:
        """Look at what stands behind a version now. What is different from what is known is told, and marks the version."""
        version = self._registry.version(reference)
        check_calls(version)
        before = self._known(version)
        if before is None:
            raise NotApplicable(
                f"`{version.ref}` runs here: what it answers is fixed by its digest",
                hint="snapshots are of versions whose model someone else runs",
            )
        known = self._tools.kept(before)
        seen = self._tools.observe(version, known)
        changes = tuple(self._tools.changes(known, seen, before.noise))
        answers = self._tools.keep(seen)
        made = Snapshot(
            id=new_id(),
            model=version.model,
            number=version.number,
            configuration=dict(seen.configuration),
            digest=self._tools.digest(seen),
            answers=answers,
            noise=max(before.noise, seen.noise),
            changes=changes,
            created_at=now(),
            created_by=self._actor,
        )
        with self._store.transaction(self._actor, "endpoint changed" if changes else "snapshot") as tx:
            tx.insert(made)
            if changes:
                self._mark(tx, version, made)
        return made

    def list(self, reference: str, limit: int | None = None) -> Listing[Snapshot]:
        """Those of a version, the newest first."""
        version = self._registry.version(reference)
        where, order = _of(version), sorting(Snapshot, ("-created_at",))
        return Listing(lambda n, cursor: self._store.find(Snapshot, Query(where, order, n, cursor)), limit)

    def _mark(self, tx: Transaction, version: Version, made: Snapshot) -> None:
        stored = tx.get(Version, version.model, version.number)
        if stored is not None:
            mark = f"its endpoint has changed, as seen on {made.created_at:%Y-%m-%d %H:%M} UTC: {made.changes[0]}"
            tx.replace(replace(stored, marks=(*stored.marks, mark)))

    def _known(self, version: Version) -> Snapshot | None:
        """What was last told: the newest in which something had changed, else the first.

        Each look beside the one before it would never see what changes a little from day to day.
        """
        found = None
        for found in every(self._store, Snapshot, _of(version), (Sort("created_at", descending=True),)):
            if found.changes:
                return found
        return found


def first_snapshot(version: Version, observed: Observed, answers: str | None, digest: str) -> Snapshot:
    """That of a registration."""
    return Snapshot(
        id=new_id(),
        model=version.model,
        number=version.number,
        configuration=dict(observed.configuration),
        digest=digest,
        answers=answers,
        noise=observed.noise,
        created_at=version.created_at,
        created_by=version.created_by,
    )


def forget_snapshots(tx: Transaction, version: Version) -> None:
    """With the version's record."""
    found: Sequence[Snapshot] = list(every(tx, Snapshot, _of(version)))
    for snapshot in found:
        tx.delete(snapshot)


def _of(version: Version) -> tuple[Condition, ...]:
    return Condition("model", "=", version.model), Condition("number", "=", version.number)
