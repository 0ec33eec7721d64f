"""What all calls over one connection share in this process: how many requests at once and a second, and what they may cost."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import reduce

from muster.predictors.external.transport.gate import Gate
from muster.predictors.external.transport.rate import Caps, Spend, least

__all__ = ["Admission", "Own", "Together"]


@dataclass(slots=True)
class Admission:
    """The right to wait for a place, and to send one request, which is paid for at `price`, unless it is not `taken`.

    `check` raises where it is waited in vain: the call is over, or nobody lends places any more. `promised`: it was paid for before.
    """

    check: Callable[[], object]
    price: float = 0.0
    taken: bool = False
    promised: bool = False


class Together(ABC):
    """The caps of one connection, as they hold in this process for all who use it."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.gate = Gate()

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

    @abstractmethod
    def give_back(self) -> None:
        """Nobody asks for a while: let go of what others could use, before this returns."""
        ...

    @contextmanager
    def admitted(self, check: Callable[[], object], *, promised: bool = False) -> Iterator[Admission]:
        """Until the money allows one more request; `check` raises where its call is over. SourceError if the money is used up.

        It is paid for from here on, and the money given back at the end of the block where it was not taken. One that was
        `promised` an answer needs no money. A place is waited for inside, so that none is held by who waits for money.
        """
        admission = Admission(check, promised=promised)
        self._enter(admission)
        try:
            yield admission
        finally:
            self._end(admission)

    @abstractmethod
    def _enter(self, admission: Admission) -> None: ...
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

    def give_back(self) -> None:
        return None

    def _enter(self, admission: Admission) -> None:
        if not admission.promised:
            self.spend.charge()

    def _end(self, admission: Admission) -> None:
        if not admission.taken and not admission.promised:
            self.spend.refund()

    def _keep(self) -> None:
        caps = reduce(Caps.tightest, (c for c, _ in self._users), Caps())
        self.gate.rate.keep(caps)
        self.spend.caps = caps
        self.gate.lend(reduce(least, (cap for _, cap in self._users), None), None)
