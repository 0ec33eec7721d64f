"""What happened at an endpoint, counted for the record of a run."""

from __future__ import annotations

import threading
from dataclasses import asdict, dataclass, fields

__all__ = ["Counter", "Counts"]


@dataclass(frozen=True, slots=True)
class Counts:
    """`calls` are requests, `tries` how often one was sent; `kept` are those whose answer was there, or on its way, from before.

    `paid_twice` are tries again of what the endpoint may have worked on already, and `proofs` requests to see whether it works
    at all. `seconds` are those of all tries added up.
    """

    calls: int = 0
    tries: int = 0
    answered: int = 0
    rows: int = 0
    throttled: int = 0
    failed: int = 0
    refused: int = 0
    kept: int = 0
    paid_twice: int = 0
    proofs: int = 0
    renewed: int = 0
    bytes_sent: int = 0
    bytes_received: int = 0
    seconds: float = 0.0

    def since(self, before: Counts) -> Counts:
        return Counts(**{f.name: getattr(self, f.name) - getattr(before, f.name) for f in fields(self)})

    def to_json(self) -> dict[str, int | float]:
        return asdict(self)


class Counter:
    """Safe from several threads."""

    def __init__(self, before: Counter | None = None) -> None:
        """Going on from another one, which is not asked any more."""
        self._lock = threading.Lock()
        self._counts: dict[str, float] = {} if before is None else dict(before._counts)  # noqa: SLF001  # of the same class

    def add(self, **more: float) -> None:
        """More of each, by the names of Counts."""
        with self._lock:
            for name, number in more.items():
                self._counts[name] = self._counts.get(name, 0) + number

    def read(self) -> Counts:
        with self._lock:
            told = dict(self._counts)
        seconds = told.pop("seconds", 0.0)
        return Counts(**{name: int(number) for name, number in told.items()}, seconds=seconds)
