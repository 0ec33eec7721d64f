"""Collecting rejects: of runs that ended long ago, and only where what stands there is known to be theirs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from muster.errors import MusterError
from muster.records import Run, now
from muster.registry.runs import OPEN
from muster.registry.search import every, sorting
from muster.store import Condition, RecordStore

__all__ = ["FindRejects", "Rejects", "RejectsGone", "RejectsLeft"]


class RejectsLeft(Protocol):
    """Rejects that were looked at, and are those of the run."""

    @property
    def size(self) -> int: ...

    def remove(self) -> int:
        """The bytes that this freed; nothing is removed that came in their place meanwhile."""
        ...


FindRejects = Callable[[Run], RejectsLeft | None]
"""Those of a run, whose record has their place and digest; None where nothing is known of them, as they may be on another machine."""


@dataclass(frozen=True, slots=True)
class RejectsGone:
    """The runs, how many bytes they were, and what could not be looked at or removed."""

    runs: tuple[str, ...] = ()
    bytes: int = 0
    faults: tuple[str, ...] = ()


class Rejects:
    """A run's record says first that its rejects are collected and, once they are gone, no longer where they were.

    One that is killed in between is finished by the next.
    """

    def __init__(self, store: RecordStore, actor: str, find: FindRejects) -> None:
        self._store = store
        self._actor = actor
        self._find = find

    def collect(self, before: datetime, *, dry_run: bool) -> RejectsGone:
        """Those of runs that ended before a time."""
        gone: list[str] = []
        faults: list[str] = []
        freed, looked = 0, now()
        for run in list(self._old(before)):
            try:
                size = self._would(run) if dry_run else self._remove(run, looked)
            except MusterError as error:
                faults.append(f"the rejects of run {run.id}: {error.message}")
                continue
            if size is not None:
                gone.append(run.id)
                freed += size
        return RejectsGone(tuple(gone), freed, tuple(faults))

    def _old(self, before: datetime) -> Iterator[Run]:
        """Of several runs with the same place the last one alone: what stands there is its own.

        Nor where a run that is not over may put its rejects into the same place at any moment.
        """
        last: dict[str, Run] = {}
        busy = set()
        for run in every(self._store, Run, (), sorting(Run, ("created_at",))):
            if run.status in OPEN:
                busy.add(run.output)
            if run.rejects is not None:
                last[run.rejects] = run
        for run in last.values():
            if run.rejects_sha256 and run.ended_at and run.ended_at < before and run.output not in busy:
                yield run

    def _would(self, run: Run) -> int | None:
        found = self._find(run)
        return None if found is None else found.size

    def _remove(self, run: Run, looked: datetime) -> int | None:
        """The bytes that this freed; None where nothing was to be done, or somebody else did it."""
        found = self._find(run)
        if found is None and run.rejects_collected_at is None:
            return None
        if not self._announce(run, looked):
            return None
        size = 0 if found is None else found.remove()
        return size if self._clear(run) else None

    def _announce(self, run: Run, looked: datetime) -> bool:
        """Say that they are collected, unless work on the run, or on another one with this output, was begun meanwhile."""
        with self._store.transaction(self._actor, "collect") as tx:
            stored = tx.get(Run, run.id)
            if stored is None or stored.rejects_sha256 != run.rejects_sha256:
                return False
            since = (Condition("created_at", ">", looked.isoformat()),)
            begun = (Condition("status", "in", tuple(sorted(OPEN))),)
            if any(other.output == run.output for where in (since, begun) for other in every(tx, Run, where)):
                return False
            if stored.rejects_collected_at is None:
                tx.replace(replace(stored, rejects_collected_at=now()))
            return True

    def _clear(self, run: Run) -> bool:
        with self._store.transaction(self._actor, "collect") as tx:
            stored = tx.get(Run, run.id)
            if stored is None or stored.rejects_sha256 != run.rejects_sha256 or stored.rejects_collected_at is None:
                return False
            tx.replace(replace(stored, rejects=None, rejects_sha256=None))
            return True
