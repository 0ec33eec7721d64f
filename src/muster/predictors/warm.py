"""Predictors that are kept open between calls, one for each version; those that were not used for the longest rest first."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Mapping
from typing import Protocol, runtime_checkable

from muster.predictor import Predictor
from muster.predictors.guarded import Guarded
from muster.records import Version

__all__ = ["Warm"]

_MANY = 64
"""Ways of asking (version, threshold, mapping) that are remembered."""

_WEIGH_SECONDS = 5.0
"""How often it is looked whether those that work have grown."""


@runtime_checkable
class Resting(Protocol):
    """A predictor that keeps processes, and can do without them between calls."""

    @property
    def warm(self) -> int: ...
    @property
    def memory(self) -> int: ...
    def rest(self) -> None: ...


@runtime_checkable
class Retiring(Protocol):
    """A predictor that lets go of what it shares once what it is asked just now is answered."""

    def retire(self) -> None: ...


class Warm:
    """A version is opened once, whatever the thresholds and mappings that it is asked with. Safe from several threads.

    At most `count` workers, with at most `memory` bytes, are kept over all versions, but for those at work.
    """

    def __init__(self, open_version: Callable[[Version], Predictor], count: int, memory: int) -> None:
        self._open = open_version
        self._count, self._memory = count, memory
        self._used: dict[str, float] = {}
        self._weighed = 0.0
        self._opened: dict[str, Predictor] = {}
        self._guarded: dict[tuple[object, ...], Predictor] = {}
        self._retired: list[Predictor] = []
        self._lock = threading.Lock()
        self._opening: dict[str, threading.Lock] = {}

    def predictor(self, version: Version, threshold: float | None, mapping: Mapping[str, str]) -> Predictor:
        key = version.id, threshold, tuple(mapping.items())
        inner = self._inner(version)
        self._make_room(version.id, inner)
        with self._lock:
            if key in self._guarded:
                return self._guarded[key]
        guarded = Guarded(inner, threshold=threshold, mapping=mapping)
        with self._lock:
            if len(self._guarded) >= _MANY:
                self._guarded.clear()
            return self._guarded.setdefault(key, guarded)

    def _inner(self, version: Version) -> Predictor:
        """Opening one may build an environment, for which only those wait who ask for the same version."""
        with self._lock:
            if (known := self._opened.get(version.id)) is not None:
                return known
            opening = self._opening.setdefault(version.id, threading.Lock())
        with opening:
            if (known := self._opened.get(version.id)) is not None:
                return known
            opened = self._open(version)
            with self._lock:
                self._opened[version.id] = opened
            return opened

    def _make_room(self, identity: str, asked: Predictor) -> None:
        """Before a worker is started, and now and then, have those rest that were not used for the longest, until the limits hold."""
        now = time.monotonic()
        with self._lock:
            self._used[identity] = now
            starts = isinstance(asked, Resting) and not asked.warm
            if not starts and now - self._weighed < _WEIGH_SECONDS:
                return
            self._weighed = now
            others = sorted((self._used.get(i, 0.0), i) for i in self._opened if i != identity)
            resting = [p for _, i in others if isinstance(p := self._opened[i], Resting) and p.warm]
        if not isinstance(asked, Resting):
            return
        kept = [(p, p.warm, p.memory) for p in resting]
        count = max(1, asked.warm) + sum(warm for _, warm, _ in kept)
        memory = asked.memory + sum(taken for _, _, taken in kept)
        for predictor, warm, taken in kept:
            if count <= self._count and memory <= self._memory:
                return
            predictor.rest()
            count, memory = count - warm, memory - taken

    def reopen(self, versions: Collection[str]) -> None:
        """Open these anew when they are asked next. Those who ask them just now are answered by what they began with."""
        with self._lock:
            gone = [self._opened.pop(v) for v in versions if v in self._opened]
            self._retired += gone
            self._guarded = {key: p for key, p in self._guarded.items() if key[0] not in versions}
        for predictor in gone:
            if isinstance(predictor, Retiring):
                predictor.retire()

    def close(self) -> None:
        with self._lock:
            opened = [*self._opened.values(), *self._retired]
            self._opened, self._guarded, self._retired = {}, {}, []
        for predictor in opened:
            predictor.close()
