"""Caps that all processes of the hub share, as far as they are lent to this one.

While requests are made, a thread asks for a part, asks again every few seconds, and gives it back when nothing was asked for a
while. So no request waits for the store, but the first, and those for which the money that was lent is not enough.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from muster.errors import MusterError
from muster.owners import me
from muster.predictors.external.transport.rate import Caps, used_up
from muster.predictors.external.transport.together import LOOK_SECONDS, Admission, Together
from muster.records import new_id
from muster.sharing import LENT_SECONDS, Grant, Shares, Wish

__all__ = ["Lent"]

_RENEW_SECONDS, _SOON_SECONDS = 2.0, 0.25
"""Between two looks: where all is as it should be, and where more may come, or is still to be given back."""
_SPARE_SECONDS = 1.0
"""So much earlier than the store takes it to, a part ends here."""
_NOTHING = 1e-9
_ALL = 1e9


class Lent(Together):
    """The part of this process. What holds is what the connection says now, and not what it said when it was joined."""

    def __init__(self, name: str, shares: Shares, connection: str) -> None:
        super().__init__(name)
        self._shares, self._connection = shares, connection
        self._changed = threading.Condition()
        self._users = self._inside = 0
        """Who has it open, and the requests from when they wait for their turn until they have ended."""
        self._thread: threading.Thread | None = None
        self._hurry = self._over = self._asked = False
        self._renewals = 0
        self._fault: MusterError | None = None
        self._begin()

    def _begin(self) -> None:
        """As one that was lent nothing."""
        self._holder = f"{me()}/{new_id()}"
        self._grant = Grant(flying=0, rate=0.0, money=0.0, whole=False)
        self._until = 0.0
        self._used = self._before = self._slice = self._planned = 0.0
        self._holds: float | None = 0.0
        self.gate.most, self.gate.until = 0, 0.0

    def join(self, caps: Caps, cap: int | None) -> None:
        with self._changed:
            self._users += 1
            if self._thread is not None:
                self._wake()

    def leave(self, caps: Caps, cap: int | None) -> bool:
        with self._changed:
            self._users -= 1
            return self._users > 0

    def close(self) -> None:
        """What is not used is given back before this returns; what is in flight keeps its place until it has ended."""
        with self._changed:
            self._over, thread, waits = True, self._thread, not self._inside
            if thread is not None:
                self._wake()
        if thread is not None and thread is not threading.current_thread():
            thread.join(LENT_SECONDS if waits else _RENEW_SECONDS)

    def _enter(self, admission: Admission, rows: int, check: Callable[[], object]) -> None:
        with self._changed:
            seen, self._fault = self._renewals, None
            self._inside += 1
            try:
                while (wait := self._try(admission, rows, seen)) > 0:
                    check()
                    self._changed.wait(min(LOOK_SECONDS, wait))
            except BaseException:
                self._inside -= 1
                raise

    def _end(self, admission: Admission) -> None:
        with self._changed:
            self._inside -= 1
            if not admission.taken:
                self._used -= admission.price
            self._changed.notify_all()

    def _try(self, admission: Admission, rows: int, seen: int) -> float:
        """0 if a request may be sent, which is then paid for; else the seconds to wait. `seen` is the last grant that may be old."""
        if self._fault is not None:
            raise self._fault
        self._asked = True
        if admission.promised and time.monotonic() < self._until:
            return 0.0
        if time.monotonic() >= self._until or (self._short and not admission.promised):
            if self._grant.used_up and self._renewals > seen and not admission.promised:
                raise used_up(self.name, self._grant.spent, self._grant.cap or 0.0)
            self._wake()
            return LOOK_SECONDS
        wait = self.rate.take(rows) if self.gate.most != 0 else LOOK_SECONDS
        if wait <= 0:
            admission.price = self._grant.call_price
            self._used += admission.price
            if self._low and not self._hurry:
                self._wake()
        return wait

    @property
    def _short(self) -> bool:
        """Whether there is no money for one more."""
        if self._holds is None:
            return False
        return (self._grant.used_up and not self._grant.call_price) or self._left < self._grant.call_price - _NOTHING

    @property
    def _low(self) -> bool:
        """Whether the money will be gone soon."""
        return self._holds is not None and self._left < max(self._grant.call_price - _NOTHING, self._slice / 4)

    @property
    def _left(self) -> float:
        return 0.0 if self._holds is None else self._holds - self._used

    def _wake(self) -> None:
        self._hurry = True
        self._changed.notify_all()
        if self._thread is None:
            self._thread = threading.Thread(target=self._keep, name=f"muster-caps-{self._connection}", daemon=True)
            self._thread.start()

    def _keep(self) -> None:
        """Until nothing is asked any more."""
        while True:
            self._renew()
            with self._changed:
                self._rest()
                if self._inside or (self._asked and not self._over):
                    self._asked = False
                    continue
                left = self._wish(tokens=self.rate.drain())
                self._begin()
                self._thread = None
            self._give_back(left)
            return

    def _rest(self) -> None:
        """Until it is time to ask again."""
        hurried = _SOON_SECONDS if self._holds is not None and self._left < self._slice - _NOTHING else 0.0
        began = time.monotonic()
        until = began + (_RENEW_SECONDS if self._grant.whole else _SOON_SECONDS)
        while (now := time.monotonic()) < until:
            if self._hurry:
                until = min(until, began + hurried)
            if self._over and not self._inside:
                return
            self._changed.wait(max(0.0, until - now))

    def _renew(self) -> None:
        with self._changed:
            self._hurry, began = False, time.monotonic()
            if began >= self._until:
                self.gate.most, self._holds = 0, self._used
                self.rate.lend(0.0, 0.0)
            self._plan()
            wish = self._wish()
        try:
            grant = self._shares.renew(self._connection, wish)
        except MusterError as error:
            with self._changed:  # what was lent holds as long as it was to
                self._fault = error if time.monotonic() >= self._until else None
                self._changed.notify_all()
            return
        with self._changed:
            self._grant, self._holds = grant, grant.money
            self._renewals += 1
            self._hurry = False
            self._until = began + LENT_SECONDS - _SPARE_SECONDS
            self.gate.most, self.gate.until = grant.flying, self._until
            self.rate.lend(grant.rate, grant.tokens)
            self._changed.notify_all()

    def _plan(self) -> None:
        """How much money to ask for: what the next seconds need, going by the last. What is more than that is let go."""
        price, passed = self._grant.call_price, time.monotonic() - self._planned
        if self._low and self._inside:
            self._slice *= 2 if passed < _RENEW_SECONDS / 2 else 1
        elif passed >= _RENEW_SECONDS / 2:
            self._slice = min(self._slice, (self._used - self._before) * 2)
        if passed >= _RENEW_SECONDS / 2:
            self._before, self._planned = self._used, time.monotonic()
        self._slice = 0.0 if self._over else max(self._slice, price * self._inside)
        if self._holds is not None:
            left = 0.0 if self._short else self._left
            self._holds = self._used + min(left, self._slice)

    def _wish(self, tokens: float = 0.0) -> Wish:
        return Wish(
            holder=self._holder,
            flying=max(self.gate.most or 0, self.gate.flying),
            rate=self.rate.per_second or 0.0,
            tokens=tokens,
            room=self.rate.room if self.rate.per_second else _ALL,
            used=self._used,
            holds=self._used if self._holds is None else self._holds,
            wants=self._slice,
        )

    def _give_back(self, wish: Wish) -> None:
        """If that is not possible now, it is free once its time is over."""
        try:
            self._shares.leave(self._connection, wish)
        except MusterError:
            return
