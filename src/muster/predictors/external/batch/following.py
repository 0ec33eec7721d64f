"""One job of a round after the other: found by its name or started, waited for, and stopped."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace

from muster.errors import MusterError, RunCancelled, SourceError, SourceUnavailable, plural
from muster.predictor import Talk
from muster.predictors.external.batch.service import Seen, Service, Work
from muster.predictors.external.batch.staged import Staged
from muster.predictors.external.batch.wanted import Ended

__all__ = ["Following"]

_FIRST, _LONGEST, _GROWS = 0.2, 30.0, 1.5
"""Seconds between two looks at a job."""
_PATIENCE = 600.0
"""Seconds for which the provider may not answer such looks."""
_GONE = 60.0
"""Seconds after which a job that is not listed is taken for removed."""
_ENDS = 60.0
"""Seconds for which a job that was stopped is waited for."""
_TOLD = 60.0
_ATTEMPTS = 100

Outcome = Callable[[str, Seen, int], tuple[Ended, bool]]
"""How a round stands after its latest job, of so many, and whether that goes any further than before."""


class Following:
    """The jobs of a run. Whoever holds the run starts them; their names follow from it, so that none is started twice."""

    def __init__(self, service: Service, staged: Staged, run: str, talk: Talk) -> None:
        self._service = service
        self._staged = staged
        self._run = run
        self._talk = talk

    def worked(self, work: Work, number: int, rows: int, outcome: Outcome, cancelled: Callable[[], bool]) -> Ended:
        """How the round ended, once a job has got further; one is started where there is none, or none that did.

        SourceUnavailable if a job that was waited for did not: whoever goes on starts the next. RunCancelled if nobody waits any more.
        """
        known = self._known(number)
        if known:
            name, seen = known[-1]
            if here := seen.state == "working":
                seen = self._waited(name, cancelled)
            ended, further = self._settled(name, seen, number, outcome, len(known), here=here)
            if further:
                return ended
        if len(known) == _ATTEMPTS:
            raise SourceError(f"{_ATTEMPTS} batch jobs got no further", hint="see the jobs at the provider")
        if cancelled():
            raise RunCancelled("the run was cancelled")
        name = self._name(number, len(known))
        self._service.start(replace(work, name=name))
        self._talk(f"the batch job {name} was started, for {plural(rows, 'row')}")
        seen = self._waited(name, cancelled)
        return self._settled(name, seen, number, outcome, len(known) + 1, here=True)[0]

    def _settled(
        self, name: str, seen: Seen, number: int, outcome: Outcome, count: int, *, here: bool
    ) -> tuple[Ended, bool]:
        """How the round stands after its latest job. `here`: it was waited for, and is not only found to be over."""
        if here and seen.state == "stopped":
            raise SourceError(
                f"the batch job {name} was stopped at the provider",
                hint="go on to start another for what it has not answered",
                details={"resume": True},
            )
        self._service.settle(name, self._staged, number)
        ended, further = outcome(name, seen, count)
        if here and not further:
            raise SourceUnavailable(
                f"the batch job {name} got no further, for a reason that lies in no row: {ended.said}",
                hint="see the job at the provider",
            )
        return ended, further

    def _known(self, number: int) -> list[tuple[str, Seen]]:
        """The round's jobs, as they were started."""
        found: list[tuple[str, Seen]] = []
        while (
            len(found) < _ATTEMPTS and (seen := self._service.look(name := self._name(number, len(found)))) is not None
        ):
            found.append((name, seen))
        return found

    def end(self, numbers: Iterable[int]) -> None:
        """Stop those of these rounds that work, and wait for their end. SourceError at last if one could not be stopped."""
        stopping: list[str] = []
        failed: MusterError | None = None
        for number in numbers:
            try:
                stopping += self._stopped(number)
            except MusterError as error:
                failed = error
        until = time.monotonic() + _ENDS
        while stopping and time.monotonic() < until:
            time.sleep(_FIRST)
            stopping = [name for name in stopping if self._works(name)]
        if failed is not None:
            raise failed
        if stopping:
            raise SourceUnavailable(f"{stopping[0]} was asked to stop, and works still")

    def _stopped(self, number: int) -> list[str]:
        """The jobs of a round that worked, and were asked to end."""
        working = [name for name, seen in self._known(number) if seen.state == "working"]
        for name in working:
            self._service.stop(name)
        return working

    def _works(self, name: str) -> bool:
        with suppress(MusterError):
            seen = self._service.look(name)
            return seen is not None and seen.state == "working"
        return True

    def _name(self, number: int, attempt: int) -> str:
        whole = f"muster-{self._run}-{self._staged.mark}-{number}".lower()
        return f"{whole}-{attempt}" if attempt else whole

    def _waited(self, name: str, cancelled: Callable[[], bool]) -> Seen:
        """The job, once it is over."""
        began = heard = there = time.monotonic()
        pause, told_at, word = _FIRST, 0.0, ""
        while True:
            try:
                seen = self._service.look(name)
                heard = time.monotonic()
            except SourceUnavailable:
                if time.monotonic() - heard > _PATIENCE:
                    raise
            else:
                if seen is None:
                    if heard - there > _GONE:
                        raise SourceUnavailable(
                            f"the batch job {name} is no longer there: somebody has removed it",
                            hint="go on to start another",
                        )
                elif seen.state != "working":
                    return seen
                else:
                    there = heard
                    if seen.word != word or heard - told_at > _TOLD:
                        word, told_at = seen.word, heard
                        self._talk(f"the batch job {name} is {word} ({heard - began:,.0f} s)")
            _sleep(pause, cancelled)
            pause = min(pause * _GROWS, _LONGEST)


def _sleep(seconds: float, cancelled: Callable[[], bool]) -> None:
    """Sleep, unless somebody wants an end; the job works on, and is found again by its name."""
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        if cancelled():
            raise RunCancelled("the run was cancelled")
        time.sleep(min(0.2, left))
