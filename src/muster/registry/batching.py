"""The other way of a scoring: by jobs of whoever runs the model. All chunks are sent first, and scored from what came back."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from muster.dataset import Chunk, Written
from muster.errors import plural
from muster.predictor import SENT, ProviderJobs, Sending, Talk
from muster.registry.runs import Held
from muster.runner import Done
from muster.scoring.rejecting import errors_of
from muster.scoring.writer import ScoreWriter

__all__ = ["Sent", "opened", "work_off"]

_TOLD = 10.0
"""Seconds between two lines of how far the sending is."""


@dataclass(frozen=True, slots=True)
class Sent:
    """A runner's Writer of chunks whose rows are at the provider already. `writer` is that of the answers."""

    writer: ScoreWriter

    def write(self, chunk: Chunk, answer: pa.RecordBatch) -> tuple[Written, int]:
        """RunFailed for a row that cannot be sent, where every row must be scored: before anything is paid for the others."""
        if self.writer.on_reject == "fail":
            errors = errors_of(answer)
            self.writer.rejects(chunk, None if errors is None else pc.if_else(pc.equal(errors, SENT), None, errors))
        return Written("", answer.num_rows, ""), len(chunk.faults)


@contextmanager
def opened(jobs: ProviderJobs) -> Iterator[ProviderJobs]:
    try:
        yield jobs
    finally:
        jobs.close()


def work_off(jobs: ProviderJobs, send: Callable[[Sending], Iterator[Done]], held: Held, talk: Talk) -> None:
    """Send what is left to be sent and wait for the jobs, until every row is decided.

    RunCancelled leaves what was sent, and the job that works, to whoever goes on.
    """
    while (sending := jobs.next()) is not None:
        if not sending.sealed:
            rows, told_at = 0, time.monotonic()
            for done in send(sending):
                rows += done.length
                if time.monotonic() - told_at > _TOLD:
                    told_at = time.monotonic()
                    talk(f"sent  {plural(rows, 'row')} for a batch job")
        held.ensure()
        jobs.run(sending, held.cancelled)
        held.ensure()
