"""What all calls over one connection share in this process: how many requests at once and a second, and what they may cost."""

from __future__ import annotations

import threading
from functools import reduce

from muster.predictors.external.transport.rate import Caps, Rate, Spend, least

__all__ = ["Gate", "Together"]


class Gate:
    """So many requests at once, over all endpoints of a connection. Safe from several threads."""

    def __init__(self, most: int | None = None) -> None:
        self.most = most
        self._flying = 0
        self._lock = threading.Lock()

    def take(self) -> bool:
        """Whether one more may fly; it then does."""
        with self._lock:
            if self.most is not None and self._flying >= self.most:
                return False
            self._flying += 1
            return True

    def give(self) -> None:
        with self._lock:
            self._flying -= 1


class Together:
    """Of the caps of all who use the connection, the tightest hold."""

    def __init__(self, name: str) -> None:
        self.rate, self.spend, self.gate = Rate(Caps()), Spend(Caps(), name), Gate()
        self._users: list[tuple[Caps, int | None]] = []

    def join(self, caps: Caps, cap: int | None) -> None:
        self._users.append((caps, cap))
        self._keep()

    def leave(self, caps: Caps, cap: int | None) -> bool:
        """Whether somebody still uses it."""
        self._users.remove((caps, cap))
        self._keep()
        return bool(self._users)

    def _keep(self) -> None:
        caps = reduce(Caps.tightest, (c for c, _ in self._users), Caps())
        self.rate.keep(caps)
        self.spend.caps = caps
        self.gate.most = reduce(least, (cap for _, cap in self._users), None)
