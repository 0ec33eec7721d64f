"""What all calls over one connection share in this process: how many requests at once and a second, and what they may cost."""

from __future__ import annotations

import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import reduce

from muster.predictors.external.transport.rate import Caps, Rate, Spend, least

__all__ = ["LOOK_SECONDS", "Admission", "Gate", "Own", "Together"]

LOOK_SECONDS = 0.1
"""How often who waits asks whether its call is over."""


class Gate:
    """So many requests at once, over all endpoints of a connection, until a time. Safe from several threads."""

    def __init__(self, most: int | None = None, until: float | None = None) -> None:
        self.most, self.until = most, until
        self._flying = 0
        self._lock = threading.Lock()

    @property
    def flying(self) -> int:
        return self._flying

    def take(self) -> bool:
        """Whether one more may fly; it then does."""
        with self._lock:
            if self.most is not None and self._flying >= self.most:
                return False
            if self.until is not None and time.monotonic() >= self.until:
                return False
            self._flying += 1
            return True

    def give(self) -> None:
        with self._lock:
            self._flying -= 1


@dataclass(slots=True)
class Admission:
    """The right to send one request, which is paid for at `price`, unless it is not `taken`. `promised`: it was paid for before."""

    price: float = 0.0
    taken: bool = False
    promised: bool = False


class Together(ABC):
    """The caps of one connection, as they hold in this process for all who use it."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.gate, self.rate = Gate(), Rate(Caps())

    @abstractmethod
    def join(self, caps: Caps, cap: int | None) -> None: ...
    @abstractmethod
    def leave(self, caps: Caps, cap: int | None) -> bool:
        """Whether somebody still uses it."""
        ...

    @abstractmethod
    def close(self) -> None:
        """Nobody uses it any more; what is in flight may still be."""
        ...

    @contextmanager
    def admitted(self, rows: int, check: Callable[[], object], *, promised: bool = False) -> Iterator[Admission]:
        """Until rate and money allow one more request; `check` raises where its call is over. SourceError if the money is used up.

        It is paid for from here on, and the money given back at the end of the block where it was not taken. One that was
        `promised` an answer needs neither rate nor money, and a place among those in flight.
        """
        admission = Admission(promised=promised)
        self._enter(admission, rows, check)
        try:
            yield admission
        finally:
            self._end(admission)

    @abstractmethod
    def _enter(self, admission: Admission, rows: int, check: Callable[[], object]) -> None: ...
    @abstractmethod
    def _end(self, admission: Admission) -> None: ...


class Own(Together):
    """Caps that this process has to itself. Of those of all who use the connection, the tightest hold."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.spend = Spend(Caps(), name)
        self._users: list[tuple[Caps, int | None]] = []

    def join(self, caps: Caps, cap: int | None) -> None:
        self._users.append((caps, cap))
        self._keep()

    def leave(self, caps: Caps, cap: int | None) -> bool:
        self._users.remove((caps, cap))
        self._keep()
        return bool(self._users)

    def close(self) -> None:
        return None

    def _enter(self, admission: Admission, rows: int, check: Callable[[], object]) -> None:
        if admission.promised:
            return
        self.spend.charge()
        try:
            while (wait := self.rate.take(rows)) > 0:
                check()
                time.sleep(min(LOOK_SECONDS, wait))
        except BaseException:
            self.spend.refund()
            raise

    def _end(self, admission: Admission) -> None:
        if not admission.taken and not admission.promised:
            self.spend.refund()

    def _keep(self) -> None:
        caps = reduce(Caps.tightest, (c for c, _ in self._users), Caps())
        self.rate.keep(caps)
        self.spend.caps = caps
        self.gate.most = reduce(least, (cap for _, cap in self._users), None)
