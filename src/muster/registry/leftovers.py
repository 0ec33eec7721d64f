"""What a hub's folder keeps for runs: tables in memory, and outputs that are staged here. It goes when its run needs it no more."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path

from muster.errors import Conflict
from muster.records import Run, now
from muster.registry.runs import OVER, Runs
from muster.registry.search import every
from muster.scratch import try_remove, used
from muster.store import RecordStore

__all__ = ["Leftovers"]

_STAGED = re.compile(r"([0-9A-HJKMNP-TV-Z]{26})(?:\.rejects\.jsonl)?")
_DAY = timedelta(days=1)


class Leftovers:
    """`frames` has the input of a run in each folder, or file of an earlier release.

    `outputs` has what a run has staged, and its rejects, by its id.
    """

    def __init__(self, store: RecordStore, runs: Runs, frames: Path, outputs: Path) -> None:
        self._store = store
        self._runs = runs
        self._frames = frames
        self._outputs = outputs

    def collect(self, before: datetime, *, dry_run: bool) -> tuple[int, int]:
        """What runs left that are over, that failed before a time, or that are unknown here and as old; how many, and bytes."""
        count = freed = 0
        for path, runs in [*self._inputs(), *self._staged()]:
            size = used(path)
            if self._may_go(path, runs, before) and (dry_run or self._remove(path, runs, before)):
                count += 1
                freed += size
        return count, freed

    def _inputs(self) -> Iterator[tuple[Path, Sequence[Run]]]:
        """Each table with the runs that read it."""
        found: dict[Path, list[Run]] = {path: [] for path in self._frames.glob("*")}
        for run in every(self._store, Run) if found else ():
            for path in (Path(run.input), Path(run.input).parent) if run.input is not None else ():
                if path in found:
                    found[path].append(run)
        yield from found.items()

    def _staged(self) -> Iterator[tuple[Path, Sequence[Run]]]:
        for path in self._outputs.glob("*"):
            if known := _STAGED.fullmatch(path.name):
                run = self._store.get(Run, known[1])
                # Rejects that the record names are no leftover: they have their own time.
                if not _names(run, path):
                    yield path, () if run is None else (run,)

    def _may_go(self, path: Path, runs: Sequence[Run], before: datetime) -> bool:
        if not runs:
            # Of a run whose record is about to be made, or that another hub with this folder knows.
            return _touched(path) < min(before, now() - _DAY).timestamp()
        return all(self._runs.worked_on(run) is False and _needs_nothing(run, before) for run in runs)

    def _remove(self, path: Path, runs: Sequence[Run], before: datetime) -> bool:
        """While nobody begins to work on its run. Somebody may have done so since it was looked at, and be done."""
        if not runs:
            return try_remove(path)
        with suppress(Conflict), self._runs.hold(runs[0], "tidy") as held:
            idle = _needs_nothing(held.run, before) and not _names(held.run, path)
            return idle and self._remove(path, runs[1:], before)
        return False


def _names(run: Run | None, path: Path) -> bool:
    """Whether these are the rejects of the run's record; by the name alone, which has its id: the folder has other paths elsewhere."""
    return run is not None and run.rejects is not None and Path(run.rejects).name == path.name


def _needs_nothing(run: Run, before: datetime) -> bool:
    return run.status in OVER or (run.status == "failed" and run.ended_at is not None and run.ended_at < before)


def _touched(path: Path) -> float:
    """When something was last put there."""
    times = [0.0]
    for each in (path, *path.glob("*")):
        with suppress(OSError):
            times.append(each.stat().st_mtime)
    return max(times) if len(times) > 1 else time.time()
