"""Place: an endpoint as it stands now. It changes while a test runs: other weights, another model, another status."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace

from muster.testing.endpoints.refusal import Refused
from muster.testing.endpoints.served import Deployed, Pace, Predict, Served

__all__ = ["BEGIN", "Place"]

BEGIN = 1_772_366_400
"""When the first thing of an account was made, in seconds: the same in each run, so that what is derived from it is."""


class Place:
    """An endpoint with its variants. `revision` counts changes of its configuration; `since` has that in which a variant came."""

    def __init__(self, name: str, deployed: Deployed, made: int) -> None:
        self.name = name
        self.deployed = deployed
        self.revision = 1
        self.status = deployed.status
        self.made = self.changed = made
        self.variants: dict[str, Served] = dict(deployed.variants)
        self.weights: dict[str, float] = {name: served.weight for name, served in self.variants.items()}
        self.since = dict.fromkeys(self.variants, 1)
        self._owed: dict[str, float] = {}
        self._slots: dict[str, threading.BoundedSemaphore] = {}
        self._flying: dict[str, int] = {}
        self._lock = threading.Lock()

    def option(self, name: str, otherwise: object = None) -> object:
        return self.deployed.options.get(name, otherwise)

    def has(self, name: str) -> bool:
        return bool(self.deployed.options.get(name))

    def next_variant(self) -> str | None:
        """The one whose turn it is: in any stretch of calls each has had its share, to within one call. None without weights."""
        with self._lock:
            total = sum(self.weights.values())
            if not total:
                return None
            for name, weight in self.weights.items():
                self._owed[name] = self._owed.get(name, 0) + weight
            chosen = max(self.weights, key=lambda name: self._owed[name])
            self._owed[chosen] -= total
            return chosen

    def shift(self, weights: Mapping[str, float], made: int) -> None:
        with self._lock:
            self.weights.update(weights)
            self._owed.clear()
            self.changed = made

    def update(self, variants: Mapping[str, Served], made: int) -> None:
        """Put other models behind it, as a new configuration. A variant that is given unchanged keeps its identity."""
        with self._lock:
            self.revision += 1
            self.changed = made
            kept = {n: self.since[n] for n, served in variants.items() if self.variants.get(n) == served}
            self.since = {name: kept.get(name, self.revision) for name in variants}
            self.variants = dict(variants)
            self.weights = {name: served.weight for name, served in variants.items()}
            self._owed.clear()
            self._slots.clear()

    def swap(self, variant: str, predict: Predict) -> None:
        """Another behaviour under the same configuration: what nobody is told."""
        self.variants[variant] = replace(self.variants[variant], predict=predict)

    @contextmanager
    def working(
        self, variant: str, pace: Pace, rows: int, most: int | None, pause: Callable[[float], None]
    ) -> Iterator[None]:
        """A worker of the variant, for as long as its pace says; refused where `most` are in flight already."""
        with self._lock:
            if most is not None and self._flying.get(variant, 0) >= most:
                raise Refused("throttled", "too many pending requests")
            self._flying[variant] = self._flying.get(variant, 0) + 1
            slots = self._slots.setdefault(variant, threading.BoundedSemaphore(pace.workers))
        try:
            with slots:
                pause(pace.seconds + pace.per_row * rows)
                yield
        finally:
            with self._lock:
                self._flying[variant] -= 1
