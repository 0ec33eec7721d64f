"""Runs: their records, who works on one, how far it is, and what is finished of it.

A run is worked on under a lease, which a heartbeat renews. A process that lost its lease cannot write any more: every
checkpoint is a transaction that first looks whether the lease is still its own. The lease outlives the end of the run until
what it staged is removed, so that the lease of an ended run whose process is gone tells of something left behind.
Runs with `queue` may be claimed by any process; `jobs` has the workers that do.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Literal, TypeAlias

from muster.errors import Conflict, RunFailed, RunNotFound, StoreError
from muster.owners import NOBODY, alive, me
from muster.records import Chunk, Lease, Progress, Run, RunStatus, StoredAnswer, now
from muster.registry.search import Listing, conditions, every, sorting
from muster.store import Condition, Page, Query, Reader, RecordStore, Transaction

__all__ = ["OPEN", "OVER", "Held", "Purpose", "Runs"]

LEASE = timedelta(seconds=30)
RENEW = 8.0
LISTEN = 0.5

Purpose: TypeAlias = Literal["work", "claim", "end", "tidy"]
OPEN: frozenset[RunStatus] = frozenset({"queued", "running"})
OVER: frozenset[RunStatus] = frozenset({"done", "cancelled"})
_MANY = 1_000


class Held:
    """A run that this process works on."""

    def __init__(
        self, store: RecordStore, actor: str, run: Run, *, token: int, owner: str, leave: threading.Event | None
    ) -> None:
        self.run = run
        self._store = store
        self._actor = actor
        self._token = token
        self._owner = owner
        self._cancelled = threading.Event()
        self._lost = threading.Event()
        self._leave = leave or threading.Event()
        self.isolation: str | None = None
        """The level that its workers have reached."""
        self.unfinished = False
        """Whether what it has staged is still to be removed, once it is over: `left` names it until that is done."""

    def cancelled(self) -> bool:
        """Whether to stop: someone asked for it, another process took over, or this one is to let go."""
        return self._cancelled.is_set() or self._lost.is_set() or self._leave.is_set()

    @property
    def lost(self) -> bool:
        return self._lost.is_set()

    @property
    def leaving(self) -> bool:
        """Whether it only stops here, so that another process goes on."""
        return self._leave.is_set() and not self._cancelled.is_set()

    def listen(self) -> None:
        """Hear of a cancellation."""
        progress = self._store.get(Progress, self.run.id)
        if progress is not None and progress.cancel:
            self._cancelled.set()

    def renew(self) -> None:
        """Keep the lease for another while."""
        with self._store.transaction(self._actor, "heartbeat") as tx:
            if not self._own(tx.get(Lease, self.run.id)):
                self._lost.set()
                return
            tx.replace(Lease(run=self.run.id, owner=self._owner, token=self._token, until=now() + LEASE))

    def ensure(self) -> None:
        """Keep the lease for another while; RunFailed when it was lost, before anything is done that others see."""
        with self._store.transaction(self._actor, "heartbeat") as tx:
            tx.replace(replace(self._require(tx), until=now() + LEASE))

    def checkpoint(self, chunk: Chunk) -> Progress:
        """Record a finished chunk and count its rows; RunFailed when the lease was lost."""
        with self._store.transaction(self._actor, "checkpoint") as tx:
            self._require(tx)
            progress = tx.get(Progress, self.run.id)
            assert progress is not None
            tx.insert(chunk)
            _drop_answers(tx, Condition("run", "=", chunk.run), Condition("chunk", "=", f"{chunk.part}/{chunk.index}"))
            fresh = replace(
                progress,
                rows=progress.rows + chunk.length,
                rejected=progress.rejected + chunk.rejected,
                updated_at=now(),
            )
            tx.replace(fresh)
        return fresh

    def advance(self, rows: int) -> Progress:
        """Record how many rows are done, where nothing else is to be kept of them; RunFailed when the lease was lost."""
        with self._store.transaction(self._actor, "progress") as tx:
            self._require(tx)
            progress = tx.get(Progress, self.run.id)
            assert progress is not None
            fresh = replace(progress, rows=rows, updated_at=now())
            tx.replace(fresh)
        return fresh

    def note(self, *, total: int | None = None, fingerprint: str | None = None) -> None:
        """Keep what became known of the input."""
        with self._store.transaction(self._actor, "progress") as tx:
            self._require(tx)
            progress = tx.get(Progress, self.run.id)
            assert progress is not None
            tx.replace(
                replace(
                    progress,
                    total=total or progress.total,
                    fingerprint=fingerprint or progress.fingerprint,
                    updated_at=now(),
                )
            )

    def end(self, run: Run, *, forget: bool = False, also: Callable[[Transaction], None] | None = None) -> Run:
        """Record how the run ended, and `also`, in the same transaction, what came of it. RunFailed when the lease was lost.

        `forget` its chunks where what they tell of is to be removed.
        """
        with self._store.transaction(self._actor, f"run {run.status}") as tx:
            self._require(tx)
            run = replace(run, isolation=self.isolation or run.isolation)
            tx.replace(run)
            if also is not None:
                also(tx)
            self.run = run
            if forget:
                _forget(tx, run)
            elif run.status in OVER:
                _drop_answers(tx, Condition("run", "=", run.id))
        return run

    def forget(self) -> None:
        """Remove what is kept beside the record of a run that has ended; one that failed would begin at its beginning."""
        with self._store.transaction(self._actor, "collect") as tx:
            self._require(tx)
            _forget(tx, self.run)
            progress = tx.get(Progress, self.run.id)
            if progress is not None and self.run.status in OVER:
                tx.delete(progress)

    def emptied(self) -> None:
        """Note that nothing is staged any more of a run that has failed, and may be begun again."""
        with self._store.transaction(self._actor, "collect") as tx:
            self._require(tx)
            progress = tx.get(Progress, self.run.id)
            if progress is not None:
                tx.replace(replace(progress, emptied=True))

    def release(self) -> None:
        """Let go of the run, with all done; or for the next one, whose token goes on from this one."""
        with self._store.transaction(self._actor, "release") as tx:
            lease = tx.get(Lease, self.run.id)
            if lease is None or not self._own(lease):
                return
            if self.unfinished:
                tx.replace(replace(lease, owner=NOBODY, until=now()))
            elif self.run.status == "queued":
                tx.replace(replace(lease, until=now()))
            else:
                tx.delete(lease)

    def _require(self, tx: Reader) -> Lease:
        lease = tx.get(Lease, self.run.id)
        if lease is None or not self._own(lease):
            self._lost.set()
            raise self.taken_over()
        return lease

    def taken_over(self) -> RunFailed:
        """What a process is told that lost its lease."""
        return RunFailed(
            f"run {self.run.id} was taken over by another process", hint=f"see it with `muster run show {self.run.id}`"
        )

    def _own(self, lease: Lease | None) -> bool:
        return lease is not None and lease.token == self._token and lease.owner == self._owner


class Runs:
    """The runs of a hub."""

    def __init__(self, store: RecordStore, actor: str) -> None:
        self._store = store
        self._actor = actor

    def create(self, run: Run, total: int | None) -> Run:
        with self._store.transaction(self._actor, run.kind) as tx:
            tx.insert(run)
            tx.insert(Progress(run=run.id, total=total, updated_at=now()))
        return run

    def get(self, run: str) -> Run:
        found = self._store.get(Run, run)
        if found is None:
            raise RunNotFound(f"no run has the id `{run}`", hint="list them with `muster run list`")
        return self.live(found)

    def live(self, run: Run) -> Run:
        """The run with the rows counted so far, while it is not ended."""
        if run.status not in OPEN:
            return run
        progress = self._store.get(Progress, run.id)
        return run if progress is None else replace(run, rows=progress.rows, rejected=progress.rejected)

    def progress(self, run: str) -> Progress | None:
        return self._store.get(Progress, run)

    def worked_on(self, run: Run) -> bool | None:
        """Whether a process works on it: False when none does, None when that cannot be known yet."""
        return _held(self._store.get(Lease, run.id), run)

    def worker(self, run: Run) -> str | None:
        """The process that works on it, for people."""
        lease = self._store.get(Lease, run.id)
        return _person(lease.owner) if lease is not None and _held(lease, run) is not False else None

    def cut_off(self, run: Run) -> datetime | None:
        """When work on the run went on last, where its process is gone and its record could not be told so."""
        if run.status not in OPEN or self.worked_on(run) is not False:
            return None
        progress = self._store.get(Progress, run.id)
        last = run.created_at if progress is None else progress.updated_at
        if run.queue and run.status == "queued":
            return None
        # Between being made and being taken a run has no lease.
        return last if run.status == "running" or now() - last > LEASE else None

    def end_cut_off(self, run: Run) -> Run:
        """Record that it has failed, where its process is gone and could not."""
        with self.hold(run, "end") as held:
            over = replace(held.run, status="failed", error="cut off: its process was gone", ended_at=now())
            return held.end(replace(over, hint=f"{run.kind} again"))

    def left(self) -> Iterator[Run]:
        """Runs that are to be tidied up after: they are over, and their process was gone before, or could not."""
        for lease in self._store.find(Lease, Query(limit=_MANY)).items:
            run = self._store.get(Run, lease.run)
            over = run is not None and (run.status in OVER or lease.owner == NOBODY)
            if run is not None and over and _held(lease, run) is False:
                yield run

    def list(self, filters: Sequence[str] = (), sort: Sequence[str] = (), limit: int | None = None) -> Listing[Run]:
        """Runs, the newest first unless sorted otherwise."""
        where, order = conditions(Run, filters), sorting(Run, sort or ("-created_at",))

        def page(n: int, cursor: str | None) -> Page[Run]:
            found = self._store.find(Run, Query(where, order, n, cursor))
            return Page([self.live(r) for r in found.items], found.next)

        return Listing(page, limit)

    def chunks(self, run: str) -> Iterator[Chunk]:
        """The finished chunks, in order."""
        cursor = None
        while True:
            page = self._store.find(
                Chunk, Query((Condition("run", "=", run),), sorting(Chunk, ("part", "index")), _MANY, cursor)
            )
            yield from page.items
            cursor = page.next
            if cursor is None:
                return

    def ask_cancel(self, run: str) -> bool:
        """Ask whoever works on the run to stop; False if nobody does. Conflict if it is over.

        Nobody can take or end the run between looking and asking, so that no request is lost.
        """
        with self._store.transaction(self._actor, "cancel") as tx:
            stored, progress = tx.get(Run, run), tx.get(Progress, run)
            if stored is None or stored.status in OVER:
                raise Conflict(
                    f"run {run} is {stored.status if stored else 'gone'} already",
                    hint="only a run that is not finished can be cancelled",
                )
            if stored.status == "failed" or progress is None or _held(tx.get(Lease, run), stored) is False:
                return False
            tx.replace(replace(progress, cancel=True))
            return True

    def waiting(self) -> Iterator[Run]:
        """Runs of the queue that nobody works on and whose time has come, the oldest first."""
        where = (Condition("status", "in", tuple(sorted(OPEN))),)
        for run in every(self._store, Run, where, sorting(Run, ("created_at",))):
            if _due(run) and self.worked_on(run) is False:
                yield run

    @contextmanager
    def hold(self, run: Run, purpose: Purpose = "work", leave: threading.Event | None = None) -> Iterator[Held]:
        """Work on the run: nobody else does meanwhile. Conflict when someone does, or when the run is over by now.

        To `claim` one of the queue is refused also where it is not, or not yet, to be done; to `end` one is no attempt at it;
        to `tidy` up after one that has ended changes nothing of its record.
        """
        held = self._take(run, purpose, leave)
        stop = threading.Event()
        heart = threading.Thread(target=_beats, args=(held, stop), name=f"muster-heart-{run.id}", daemon=True)
        heart.start()
        try:
            yield held
        finally:
            stop.set()
            heart.join()
            if not held.lost:
                held.release()

    def _take(self, run: Run, purpose: Purpose, leave: threading.Event | None) -> Held:
        owner = me()
        with self._store.transaction(self._actor, "resume" if run.status != "queued" else "start") as tx:
            lease, stored = tx.get(Lease, run.id), tx.get(Run, run.id)
            if _held(lease, stored or run) is not False:
                assert lease is not None
                raise Conflict(
                    f"run {run.id} is being worked on by {_person(lease.owner)}",
                    hint=f"wait for it, or stop it with `muster run cancel {run.id}`",
                )
            if stored is None or not _may(stored, purpose):
                raise Conflict(
                    f"run {run.id} is {stored.status if stored else 'gone'} already",
                    hint=f"start a new one with `muster {run.kind}`",
                )
            token = lease.token + 1 if lease is not None else 1
            fresh = Lease(run=run.id, owner=owner, token=token, until=now() + LEASE)
            if lease is None:
                tx.insert(fresh)
            else:
                tx.replace(fresh)
            progress = tx.get(Progress, run.id)
            if progress is not None and (progress.cancel or (progress.emptied and purpose != "tidy")):
                tx.replace(replace(progress, cancel=False, emptied=progress.emptied and purpose == "tidy"))
            started = stored
            if purpose != "tidy":
                attempts = stored.attempts + (purpose != "end")
                started = replace(
                    stored, status="running", error=None, hint=None, ended_at=None, attempts=attempts, not_before=None
                )
            if started is not stored:
                tx.replace(started)
        held = Held(self._store, self._actor, started, token=token, owner=owner, leave=leave)
        held.unfinished = purpose in ("tidy", "end") and lease is not None and lease.owner == NOBODY
        return held


def _may(run: Run, purpose: Purpose) -> bool:
    """Whether a run that nobody works on may be taken for this."""
    match purpose:
        case "tidy":
            return run.status not in OPEN
        case "claim":
            return _due(run)
    return run.status not in OVER


def _due(run: Run) -> bool:
    """Whether a worker may take it up now, if nobody works on it."""
    return run.queue and run.status in OPEN and (run.not_before is None or run.not_before <= now())


def _held(lease: Lease | None, run: Run) -> bool | None:
    """Whether a lease is in force: not when its owner is known to be gone, or its time is over.

    Another process of this machine that lives is waited for, be it suspended, unless the run is one of the queue, which others
    wait for. This one knows that it beats while it works.
    """
    if lease is None:
        return False
    living = alive(lease.owner)
    if living is not None and lease.owner != me() and not (living and run.queue):
        return living
    return living if lease.until > now() else False


def _forget(tx: Transaction, run: Run) -> None:
    """What is counted of a run, so that working on it again begins at its beginning."""
    while chunks := tx.find(Chunk, Query((Condition("run", "=", run.id),), limit=_MANY)).items:
        for chunk in chunks:
            tx.delete(chunk)
    _drop_answers(tx, Condition("run", "=", run.id))
    progress = tx.get(Progress, run.id)
    if progress is not None:
        tx.replace(replace(progress, rows=0, rejected=0, fingerprint=None, updated_at=now()))


def _drop_answers(tx: Transaction, *where: Condition) -> None:
    """What endpoints answered to chunks that are finished, or begun anew."""
    while answers := tx.find(StoredAnswer, Query(where, limit=_MANY)).items:
        for answer in answers:
            tx.delete(answer)


def _person(owner: str) -> str:
    machine, pid, _ = owner.rsplit("/", 2)
    return f"process {pid} on {machine.partition('/')[0]}"


def _beats(held: Held, stop: threading.Event) -> None:
    """Beat until told to stop. A store that cannot be written now is no reason to stop working: the lease outlives many beats."""
    renewed = time.monotonic()
    while not stop.wait(LISTEN):
        try:
            held.listen()
            if time.monotonic() - renewed > RENEW:
                held.renew()
                renewed = time.monotonic()
        except StoreError:
            continue
