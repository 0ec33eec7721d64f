"""How a run ends that has no output: what is kept of it, whether it is tried again, and what to do next."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import timedelta

from muster.dataset import KeptRejects
from muster.errors import (
    ClusterFailed,
    Corrupt,
    DatasetError,
    EnvironmentFailed,
    InvalidInput,
    ModelDied,
    ModelFailed,
    ModelTimeout,
    MusterError,
    RunCancelled,
    RunFailed,
    SourceUnavailable,
    StoreError,
    TooNew,
    plural,
)
from muster.records import Run, now
from muster.registry.runs import Held, Runs

__all__ = ["Retries", "nothing_scored", "passing", "recorded", "then", "worth_resuming"]

_LONG = 200
"""Characters of a reason that a message shows."""
_LONGEST = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Retries:
    """How often a run of the queue is begun, and how long it waits after the first failure; twice as long after each more."""

    attempts: int
    backoff: float

    def after(self, run: Run) -> timedelta:
        return min(timedelta(seconds=self.backoff) * 2.0 ** min(max(0, run.attempts - 1), 30), _LONGEST)


def worth_resuming(error: MusterError) -> bool:
    """Not where the data or the model's code is to blame: the run would keep both, and end the same way."""
    told = error.details.get("resume")
    if isinstance(told, bool):
        return told
    if isinstance(error, ModelFailed):
        return isinstance(error, (ModelDied, ModelTimeout)) or error.details.get("type") == "MemoryError"
    return not isinstance(error, InvalidInput)


def passing(error: BaseException) -> bool:
    """Whether the same may well succeed later with nobody having mended anything."""
    if isinstance(error, (Corrupt, TooNew)) or not isinstance(error, MusterError):
        return isinstance(error, OSError)
    kinds = (ClusterFailed, DatasetError, EnvironmentFailed, ModelFailed, SourceUnavailable, StoreError)
    return isinstance(error, kinds) and worth_resuming(error)


@contextmanager
def recorded(runs: Runs, held: Held, discard: Callable[[], None], retries: Retries) -> Iterator[None]:
    """Whatever ends the work is written into the run's record, unless somebody took the run over: then all is theirs.

    `discard` removes what was staged, where nothing can go on from there.
    """
    ending = _Ending(runs, held, discard, retries)
    try:
        yield
    except RunCancelled:
        raise ending.cancelled() from None
    except RunFailed as error:
        ending.refused(error)
        raise
    except MusterError as error:
        raise ending.failed(error) from error
    except BaseException as error:
        ending.interrupted(error)
        raise


class _Ending:
    """Writes down how one piece of work ended."""

    def __init__(self, runs: Runs, held: Held, discard: Callable[[], None], retries: Retries) -> None:
        self._runs = runs
        self._held = held
        self._discard = discard
        self._retries = retries
        self._began = time.monotonic()
        self._go_on = f"go on with `muster run resume {held.run.id}`"

    def cancelled(self) -> RunFailed:
        run = self._held.run.id
        if self._held.lost:
            return self._held.taken_over()
        if self._held.leaving:
            self._record(_let_go(self._so_far(), self._go_on))
            return RunCancelled(f"run {run} was let go of", hint="another process goes on with it")
        over = replace(self._so_far(), status="cancelled", error="cancelled", hint="", ended_at=now())
        self._record(over, discard=True)
        return RunCancelled(f"run {run} was cancelled", hint="nothing of its output is left")

    def refused(self, error: RunFailed) -> None:
        rejects, digest = (error.details.get(name) for name in ("rejects", "rejects_sha256"))
        over = self._failed(error.message, error.hint)
        if rejects and digest:
            over = replace(over, rejects=str(rejects), rejects_sha256=str(digest))
        self._record(over, discard=True)
        if not self._held.lost:
            error.details["run"] = self._held.run.id

    def failed(self, error: MusterError) -> RunFailed:
        run = self._held.run.id
        details = {**error.details, "run": run, "type": error.type}
        if self._again(error):
            self._record(self._later(error.message, error.hint))
            return RunFailed(f"run {run} failed, and is tried again: {error.message}", hint=error.hint, details=details)
        over = not worth_resuming(error)
        hint = then(error.hint, f"{self._held.run.kind} again") if over else error.hint
        self._record(self._failed(error.message, hint), discard=over)
        told = hint if over else then(hint, self._go_on)
        return RunFailed(f"run {run} failed: {error.message}", hint=told, details=details)

    def interrupted(self, error: BaseException) -> None:
        told = f"interrupted: {type(error).__name__}"
        if self._again(error):
            self._record(self._later(told, ""))
        elif self._held.run.queue and not isinstance(error, Exception):
            self._record(_let_go(self._so_far(), self._go_on))
        else:
            self._record(self._failed(told, self._go_on))

    def _again(self, error: BaseException) -> bool:
        run = self._held.run
        return run.queue and passing(error) and run.attempts < self._retries.attempts

    def _so_far(self) -> Run:
        run = self._held.run
        progress = self._runs.progress(run.id)
        rows, rejected = (progress.rows, progress.rejected) if progress is not None else (0, 0)
        return replace(run, rows=rows, rejected=rejected, seconds=run.seconds + time.monotonic() - self._began)

    def _failed(self, error: str, hint: str) -> Run:
        over = replace(self._so_far(), rejects=None, rejects_sha256=None, rejects_collected_at=None)
        return replace(over, status="failed", error=error, hint=hint, ended_at=now())

    def _later(self, error: str, hint: str) -> Run:
        """Back into the queue, for a while from now."""
        later = now() + self._retries.after(self._held.run)
        return replace(self._so_far(), status="queued", error=error, hint=hint, not_before=later)

    def _record(self, over: Run, *, discard: bool = False) -> None:
        with suppress(RunFailed):
            self._held.end(over, forget=discard)
            if discard:
                self._discard()


def _let_go(run: Run, go_on: str) -> Run:
    """Back into the queue as if this attempt had not been; a run that no worker takes fails instead."""
    if run.queue:
        return replace(run, status="queued", attempts=run.attempts - 1)
    return replace(run, status="failed", error="interrupted", hint=go_on, ended_at=now())


def then(hint: str, next_step: str) -> str:
    """A hint, and what to do after it."""
    return f"{hint}; then {next_step}" if hint else next_step


def nothing_scored(rows: int, rejects: KeptRejects) -> RunFailed:
    """How a run ends that would have an output of no rows."""
    told = "; ".join(f"{plural(n, 'row')}: {_short(reason)}" for reason, n in rejects.reasons.items())
    return RunFailed(
        f"not one of {plural(rows, 'row')} could be scored: {told}",
        hint=f"all rows with their reasons are in {rejects.place}; mend the data or the model, then score again",
        details={
            "rejects": rejects.place,
            "rejects_sha256": rejects.sha256,
            "reasons": dict(rejects.reasons),
        },
    )


def _short(text: str) -> str:
    return text if len(text) <= _LONG else f"{text[:_LONG]}…"
