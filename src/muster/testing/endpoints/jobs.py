"""Jobs: what an account works on after the call that asked for it was answered, each in a thread of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

from muster.errors import NotFound, near

__all__ = ["Job", "Jobs"]


class Job:
    """One job. `state` is in its provider's own words, `details` what it tells of the job besides; `log` is for people.

    `rows` has the number of those in each request that the model got; `ended` is when it came to its end, in the account's time.
    """

    def __init__(self, name: str, asked: Mapping[str, Any], made: int, state: str) -> None:
        self.name = name
        self.asked = asked
        self.made = self.changed = made
        self.state = state
        self.begun: int | None = None
        self.ended: int | None = None
        self.details: dict[str, Any] = {}
        self.log: list[str] = []
        self.rows: list[int] = []
        self._stopping = threading.Event()
        self._done = threading.Event()
        self._lock = threading.Lock()

    @property
    def stopping(self) -> bool:
        """Whether somebody wants its end."""
        return self._stopping.is_set()

    def stop(self) -> None:
        self._stopping.set()

    def pause(self, seconds: float) -> None:
        """Wait, unless it is stopped meanwhile."""
        self._stopping.wait(seconds)

    def move(self, states: Collection[str], state: str, now: int) -> bool:
        """From one of these states to that one; False if it is in another."""
        with self._lock:
            if self.state not in states:
                return False
            self.state, self.changed = state, now
            return True

    def end(self, state: str, now: int) -> None:
        with self._lock:
            self.state, self.changed, self.ended = state, now, now

    def run(self, work: Callable[[], None]) -> None:
        try:
            work()
        finally:
            self._done.set()

    def wait(self, seconds: float = 60) -> Job:
        """Itself, once nothing works on it any more."""
        if not self._done.wait(seconds):
            raise TimeoutError(f"the job {self.name} is {self.state} still")
        return self


class Jobs:
    """The jobs of an account, oldest first. Each waits for `seconds` as if for its machines. Safe from several threads."""

    def __init__(self) -> None:
        self.seconds: float = 0
        self._all: dict[str, Job] = {}
        self._threads: list[threading.Thread] = []
        self._lock = threading.Lock()

    def __contains__(self, name: str) -> bool:
        return name in self._all

    def __getitem__(self, name: str) -> Job:
        if name not in self._all:
            raise NotFound(f"there is no job `{name}`{near(name, self._all)}", hint="see `list(account.jobs)`")
        return self._all[name]

    def __iter__(self) -> Iterator[Job]:
        return iter(list(self._all.values()))

    def start(self, job: Job, work: Callable[[], None]) -> bool:
        """False if there is a job of that name."""
        thread = threading.Thread(target=job.run, args=(work,), name=f"job-{job.name}", daemon=True)
        with self._lock:
            if job.name in self._all:
                return False
            self._all[job.name] = job
            self._threads.append(thread)
            thread.start()
        return True

    def delete(self, name: str) -> None:
        with self._lock:
            self._all.pop(name, None)

    def close(self) -> None:
        """Stop them all, and wait until they have."""
        for job in self:
            job.stop()
        for thread in self._threads:
            thread.join()
