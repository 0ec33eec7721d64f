"""Collecting: what was deleted long ago, and all that nothing refers to any more. It may be done by several at once, and cut off anywhere.

A blob is referred to by a record that names its digest, or by a blob that such a record names, as a manifest names files. It is
removed in a transaction, in which nobody else writes, and in which all records are known: those of one moment, and what the audit
trail tells of since. Whoever stores blobs for a record sees in its own transaction that they are still there.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Self

from muster.config import Settings
from muster.errors import Conflict, MusterError, NotFound
from muster.records import Event, Model, Progress, Run, Version, now
from muster.registry.deletions import Deletions
from muster.registry.leftovers import Leftovers
from muster.registry.rejects import FindRejects, Rejects
from muster.registry.runs import Runs
from muster.registry.search import every
from muster.store import BlobStore, Condition, Query, Reader, RecordStore, Sort

__all__ = ["Collected", "Collector", "Retention"]

_DIGEST = re.compile(rb"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")
_PIECE = 1 << 20
_AT_ONCE = 8
_BATCH = 100
_UNREAD = frozenset({"event", "chunk", "progress", "lease", "counter", "usage"})
"""Kinds that refer to no blob: what they name was, or is in staging."""


@dataclass(frozen=True, slots=True)
class Retention:
    """How long what: things deleted, what runs keep beside their record, their rejects, and blobs that nothing refers to."""

    deleted: timedelta
    runs: timedelta
    rejects: timedelta
    unused: timedelta

    @classmethod
    def of(cls, settings: Settings) -> Self:
        number = settings.number
        return cls(
            deleted=timedelta(days=number("retention.deleted_days")),
            runs=timedelta(days=number("retention.runs_days")),
            rejects=timedelta(days=number("retention.rejects_days")),
            unused=timedelta(hours=number("retention.unused_hours")),
        )


@dataclass(frozen=True, slots=True)
class Collected:
    """What went; with `dry_run` what would, but for what this machine alone has.

    `bytes` are those of `blobs`; `copies` and `environments` those of copies of artifacts and of environments on this machine.
    `young` are blobs that nothing refers to, and that are too young to go. `runs` have lost what they kept beside their record,
    which has `staged` bytes on this machine, and `rejects` are the runs whose rejects went, with `rejects_bytes`. `leftovers` are
    tables and outputs that the hub's folder kept for runs, with `leftover_bytes`. `faults` tell what stays for being out of reach.
    """

    versions: tuple[str, ...]
    models: tuple[str, ...]
    runs: tuple[str, ...]
    blobs: int
    bytes: int
    young: int
    staged: int = 0
    rejects: tuple[str, ...] = ()
    rejects_bytes: int = 0
    leftovers: int = 0
    leftover_bytes: int = 0
    copies: int = 0
    environments: int = 0
    faults: tuple[str, ...] = ()
    dry_run: bool = False

    @property
    def freed(self) -> int:
        beside = self.staged + self.rejects_bytes + self.leftover_bytes
        return self.bytes + beside + self.copies + self.environments


class Collector:
    """`give_up` removes what a run has staged, and tells how many bytes that were."""

    def __init__(
        self,
        store: RecordStore,
        blobs: BlobStore,
        actor: str,
        *,
        deletions: Deletions,
        runs: Runs,
        give_up: Callable[[Run], int],
        find_rejects: FindRejects,
        leftovers: Leftovers,
    ) -> None:
        self._store = store
        self._blobs = blobs
        self._actor = actor
        self._deletions = deletions
        self._runs = runs
        self._give_up = give_up
        self._rejects = Rejects(store, actor, find_rejects)
        self._leftovers = leftovers

    def run(self, retention: Retention, *, dry_run: bool = False) -> Collected:
        at = now()
        gone = [
            found
            for found in self._deletions.expired(at - retention.deleted)
            if dry_run or self._deletions.remove(found, at - retention.deleted)
        ]
        faults: list[str] = []
        runs = dict(self._old_runs(at - retention.runs, faults, dry_run=dry_run))
        rejects = self._rejects.collect(at - retention.rejects, dry_run=dry_run)
        leftovers, leftover_bytes = self._leftovers.collect(at - retention.runs, dry_run=dry_run)
        blobs, freed, young = self._collect_blobs(at - retention.unused, gone if dry_run else (), dry_run=dry_run)
        return Collected(
            versions=tuple(v.ref for v in gone if isinstance(v, Version)),
            models=tuple(m.name for m in gone if isinstance(m, Model)),
            runs=tuple(runs),
            blobs=blobs,
            bytes=freed,
            young=young,
            staged=sum(runs.values()),
            rejects=rejects.runs,
            rejects_bytes=rejects.bytes,
            leftovers=leftovers,
            leftover_bytes=leftover_bytes,
            faults=(*faults, *rejects.faults),
            dry_run=dry_run,
        )

    def _old_runs(self, before: datetime, faults: list[str], *, dry_run: bool) -> Iterator[tuple[str, int]]:
        """Runs that ended, or were cut off, before a time: their chunks and progress go, and what was staged. The record stays.

        With how many bytes that freed.
        """
        for progress in every(self._store, Progress):
            run = self._store.get(Run, progress.run)
            if run is None or progress.emptied or not self._ended(run, before):
                continue
            size: int | None = 0
            try:
                if not dry_run:
                    size = self._forget(run)
            except Conflict:  # somebody works on it just now
                continue
            except (MusterError, OSError) as error:
                faults.append(f"what run {run.id} has staged: {error}")
                continue
            if size is not None:
                yield run.id, size

    def _ended(self, run: Run, before: datetime) -> bool:
        """Also one whose process is gone; but one of the queue, any worker may go on with."""
        at = run.ended_at or (None if run.queue else self._runs.cut_off(run))
        return at is not None and at < before

    def _forget(self, run: Run) -> int | None:
        """The bytes that this freed; None where it was begun again since it was looked at, and has ended once more."""
        if run.ended_at is None:
            run = self._runs.end_cut_off(run)
        with self._runs.hold(run, "tidy") as held:
            if held.run.ended_at != run.ended_at:
                return None
            held.forget()
            failed = held.run.status == "failed"
            if not failed and not held.unfinished:
                return 0
            size = self._give_up(held.run)
            held.unfinished = False
            if failed:
                held.emptied()
            return size

    def _collect_blobs(
        self, before: datetime, without: Sequence[Model | Version], *, dry_run: bool
    ) -> tuple[int, int, int]:
        known = set(self._blobs)
        seq = _last(self._store)
        live = self._closure(self._named(without) & known)
        unused = sorted(known - live)
        old = [digest for digest in unused if self._older(digest, before)]
        count = freed = 0
        if dry_run:
            sizes = [self._size(digest) for digest in old]
            return len(sizes), sum(sizes), len(unused) - len(old)
        for batch in _batches(old):
            with self._store.transaction(self._actor, "collect") as tx:
                live |= self._since(tx, seq)
                seq = _last(tx)
                for digest in batch:
                    if digest not in live and self._older(digest, before):
                        freed += self._size(digest)
                        self._blobs.delete(digest)
                        count += 1
        return count, freed, len(unused) - len(old)

    def _named(self, without: Sequence[Model | Version]) -> set[str]:
        """All digests in the records of one moment, but for those that are about to go."""
        found: set[str] = set()
        leaving = {(v.model, v.number) for v in without if isinstance(v, Version)}
        with self._store.dump() as documents:
            for kind, text in documents:
                if kind in _UNREAD or (kind == "version" and leaving and _key(text) in leaving):
                    continue
                found |= _digests(text.encode())
        return found

    def _since(self, reader: Reader, seq: int) -> set[str]:
        """All that records which were written after this event name, and the blobs that those name."""
        found: set[str] = set()
        for event in every(reader, Event, (Condition("seq", ">", seq),)):
            if event.after is not None:
                found |= _digests(json.dumps(event.after).encode())
        return self._closure(found)

    def _closure(self, roots: set[str]) -> set[str]:
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            return roots.union(*pool.map(self._inside, sorted(roots)))

    def _inside(self, digest: str) -> set[str]:
        """The digests in a blob, if there is one."""
        found: set[str] = set()
        try:
            stream = self._blobs.open(digest)
        except NotFound:
            return found
        with stream:
            rest = b""
            while piece := stream.read(_PIECE):
                text = rest + piece
                # A piece may end within a digest: what could be one is looked at again with what comes after it.
                found |= _digests(text)
                rest = text[-130:]
        return found

    def _older(self, digest: str, before: datetime) -> bool:
        try:
            return self._blobs.modified(digest) < before
        except NotFound:  # another collection was quicker
            return False

    def _size(self, digest: str) -> int:
        try:
            return self._blobs.size(digest)
        except NotFound:
            return 0


def _digests(text: bytes) -> set[str]:
    return {found.decode() for found in _DIGEST.findall(text)}


def _key(text: str) -> tuple[str, int]:
    body = json.loads(text)
    return str(body["model"]), int(body["number"])


def _last(reader: Reader) -> int:
    newest = reader.find(Event, Query((), (Sort("seq", descending=True),), 1)).items
    return newest[0].seq if newest else 0


def _batches(digests: Iterable[str]) -> Iterator[list[str]]:
    rest = iter(digests)
    while batch := list(islice(rest, _BATCH)):
        yield batch
