"""How processes share the caps of a connection: each is lent a part for some seconds, asks again before they end, and gives it back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

__all__ = ["LENT_SECONDS", "Grant", "Shares", "Wish"]

LENT_SECONDS = 15.0
"""For so long a part is lent. One whose process is gone is free after that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a process holds on to, and what it would like. `holder` names it; money is counted since it began.

    `flying` requests may be in flight, `rate` be sent in a second, and `holds` be spent until it is told otherwise: nothing of
    that is lent to another. `used` has been spent. `tokens` are requests that it may send at once, and `room` how many more
    it could keep. `wants` is the money that it would like beyond `used`.
    """

    holder: str
    flying: int = 0
    rate: float = 0.0
    tokens: float = 0.0
    room: float = 0.0
    used: float = 0.0
    holds: float = 0.0
    wants: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """What a process may use; None is no cap. `flying`, `rate` and `money` are as in a Wish; `tokens` are more than it has.

    `whole`: it is all that it will get. `spent` was spent over the connection, by all and ever, and `used_up` tells that
    nothing is left of `cap`, nor with anybody else.
    """

    flying: int | None = None
    rate: float | None = None
    tokens: float = 0.0
    money: float | None = None
    call_price: float = 0.0
    spent: float = 0.0
    cap: float | None = None
    used_up: bool = False
    whole: bool = True


class Shares(Protocol):
    """Lends parts of the caps of connections. Safe from several threads, and picklable."""

    @property
    def place(self) -> str:
        """Names the store: connections of one name in different hubs have nothing in common."""
        ...

    def free(self, connection: str) -> bool:
        """Whether it has no caps, so that there is nothing to record. Cheap, and writes nothing."""
        ...

    def renew(self, connection: str, wish: Wish) -> Grant:
        """What it may use for LENT_SECONDS from when this was called; what it held before goes."""
        ...

    def leave(self, connection: str, wish: Wish) -> None:
        """Take everything back from a holder that uses nothing any more."""
        ...
