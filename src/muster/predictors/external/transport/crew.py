"""Threads that work on what is handed to them: started when there is work, ended when there is none for a while."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable

__all__ = ["Crew"]

_IDLE_SECONDS = 10.0


class Crew:
    """At most `most` threads. They are no reason for a program not to end: what is in flight then is lost."""

    def __init__(self, most: int, name: str) -> None:
        self._most, self._name = most, name
        self._work: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._threads = self._pending = 0

    def submit(self, work: Callable[[], None]) -> None:
        """Have a thread call `work`, which raises nothing."""
        with self._lock:
            self._pending += 1
            hire = self._pending > self._threads and self._threads < self._most
            self._threads += hire
        self._work.put(work)
        if hire:
            threading.Thread(target=self._run, name=self._name, daemon=True).start()

    def _run(self) -> None:
        while True:
            try:
                work = self._work.get(timeout=_IDLE_SECONDS)
            except queue.Empty:
                with self._lock:
                    if self._pending >= self._threads:
                        continue
                    self._threads -= 1
                    return
            work()
            with self._lock:
                self._pending -= 1
