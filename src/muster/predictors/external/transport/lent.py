"""Caps that all processes of the hub share, as far as they are lent to this one.

While requests are made, a thread asks for a part, asks again every few seconds, and gives it back when nothing was asked for a
while. So no request waits for the store, but the first, and those for which the money that was lent is not enough. A connection
without caps is looked at in the same way, since it may get some; nothing is recorded of it, and nobody waits for that for long.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from muster.errors import MusterError
from muster.owners import me
from muster.predictors.external.transport.gate import LOOK_SECONDS
from muster.predictors.external.transport.rate import Caps, used_up
from muster.predictors.external.transport.together import Admission, Together
from muster.records import new_id
from muster.sharing import LENT_SECONDS, Grant, Shares, Wish

__all__ = ["Lent"]

_RENEW_SECONDS, _SOON_SECONDS = 2.0, 0.25
"""Between two looks: where all is as it should be, and where more may come, or is still to be given back."""
_SPARE_SECONDS = 1.0
"""So much earlier than the store takes it to, a part ends here."""
_FREE_SECONDS = 5.0
"""For so long who calls waits to hear whether there are caps, where there were none, and once until the store answers again."""
_NOTHING = 1e-9
_ALL = 1e9


class Lent(Together):
    """The part of this process. What holds is what the connection says now, and not what it said when it was joined."""

    def __init__(self, name: str, shares: Shares, connection: str) -> None:
        super().__init__(name)
        self._shares, self._connection = shares, connection
        self._changed = threading.Condition()
        self._users = self._inside = self._unpaid = 0
        """Who has it open, the requests from when they wait for money until they have ended, and those that wait for it."""
        self._thread: threading.Thread | None = None
        self._hurry = self._over = self._asked = False
        self._looks = self._granted = self._faulted = 0
        """How often the store was asked, which of these it last answered, and which it last failed at."""
        self._fault: Exception | None = None
        self._free, self._until = True, 0.0
        """Whether there are no caps, as far as is known."""
        self._deaf = False
        """Whether the store has not answered when it was last asked."""
        self._grant = Grant()
        self._holds: float | None = None
        self._begin()

    def _begin(self) -> None:
        """As one that was lent nothing."""
        self._holder = f"{me()}/{new_id()}"
        self._used = self._before = self._slice = self._planned = 0.0
        if not self._free:
            self._shut()

    def _shut(self) -> None:
        """Nothing may be sent before something is lent."""
        self._grant = Grant(flying=0, rate=0.0, money=0.0, call_price=self._grant.call_price, whole=False)
        self._until, self._holds = 0.0, self._used
        self._pass()

    def _pass(self) -> None:
        """Let through what is lent, and no more."""
        self.gate.rate.lend(self._grant.rate, self._grant.tokens)
        self.gate.lend(self._grant.flying, None if self._free else self._until)

    def join(self, caps: Caps, cap: int | None) -> None:
        with self._changed:
            self._users += 1
            if self._free and (caps != Caps() or cap is not None):
                self._free = False
                self._shut()
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
            free = self._free
        if thread is not None and thread is not threading.current_thread():
            thread.join(_SOON_SECONDS if free else LENT_SECONDS if waits else _RENEW_SECONDS)

    def give_back(self) -> None:
        """As it is closed; who asks after that is lent anew."""
        self.close()
        with self._changed:
            self._over = False

    def _enter(self, admission: Admission) -> None:
        began, check = time.monotonic(), admission.check
        with self._changed:
            seen = self._looks
            admission.check = lambda: self._look(check, seen)
            self._inside += 1
            self._unpaid += 1
            try:
                while (wait := self._try(admission, seen, began)) > 0:
                    check()
                    self._changed.wait(wait)
            except BaseException:
                self._inside -= 1
                raise
            finally:
                self._unpaid -= 1

    def _end(self, admission: Admission) -> None:
        with self._changed:
            self._inside -= 1
            if not admission.taken:
                self._used -= admission.price
            self._changed.notify_all()

    def _look(self, check: Callable[[], object], seen: int) -> None:
        """Of one that waits for a place: whether there will be any."""
        check()
        with self._changed:
            self._raise_fault(seen)
            if self._thread is None:
                self._wake()

    def _try(self, admission: Admission, seen: int, began: float) -> float:
        """0 if a request may wait for its place, and is paid for; else the seconds to wait. `seen` is the last look that may be old."""
        self._asked, now = True, time.monotonic()
        if self._free:
            return self._try_free(seen, began, now)
        self._raise_fault(seen)
        over = now >= self._until
        if over or (self._short and not admission.promised):
            if self._grant.used_up and self._granted > seen and not admission.promised:
                raise used_up(self.name, self._grant.spent, self._grant.cap or 0.0)
            self._wake()
            return 0.0 if admission.promised else LOOK_SECONDS
        if not admission.promised:
            admission.price = self._grant.call_price
            self._used += admission.price
            if self._low and not self._hurry:
                self._wake()
        return 0.0

    def _try_free(self, seen: int, began: float, now: float) -> float:
        """Where there were no caps: what is heard of them now and then is enough, and who hears nothing goes on."""
        if now < self._until or self._looks > seen:
            if self._thread is None:
                self._wake()
            return 0.0
        self._wake()
        self._deaf |= now >= began + _FREE_SECONDS
        return 0.0 if self._deaf else LOOK_SECONDS

    def _raise_fault(self, seen: int) -> None:
        """What the store failed with since, if nothing is lent any more."""
        since = self._faulted > max(seen, self._granted)
        if self._fault is not None and since and not self._free and time.monotonic() >= self._until:
            raise self._fault

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
            thread = threading.Thread(target=self._keep, name=f"muster-caps-{self._connection}", daemon=True)
            thread.start()
            self._thread = thread

    def _keep(self) -> None:
        """Until nothing is asked any more."""
        left: Wish | None = None
        try:
            while True:
                self._renew()
                with self._changed:
                    self._rest()
                    if self._inside or (self._asked and not self._over):
                        self._asked = False
                        continue
                    if not self._free:
                        left = self._wish(tokens=self.gate.rate.drain())
                    self._begin()
                    self._thread = None
                    break
        finally:
            with self._changed:
                if self._thread is threading.current_thread():
                    self._thread = None  # it failed: who waits starts another one
        if left is not None:
            self._leave(left)

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
        self._hurry = False
        try:
            if self._shares.free(self._connection):
                self._ask_nothing()
            else:
                self._ask()
        except Exception as error:  # noqa: BLE001  # told to those who wait, whatever it is
            with self._changed:  # what was lent holds as long as it was to
                self._looks += 1
                self._fault, self._faulted, self._deaf = error, self._looks, True
                self._changed.notify_all()

    def _ask_nothing(self) -> None:
        """There are no caps, or not any more."""
        with self._changed:
            left = None if self._free else self._wish(tokens=self.gate.rate.drain())
            self._free = True
            self._heard(Grant(), time.monotonic() + LENT_SECONDS)
        if left is not None:
            self._leave(left)

    def _ask(self) -> None:
        with self._changed:
            began = time.monotonic()
            if self._free or began >= self._until:
                self._free = False
                self._shut()
            self._plan()
            wish = self._wish()
        grant = self._shares.renew(self._connection, wish)
        with self._changed:
            self._hurry = False
            self._heard(grant, began + LENT_SECONDS - _SPARE_SECONDS)

    def _heard(self, grant: Grant, until: float) -> None:
        self._looks += 1
        self._fault, self._granted, self._deaf = None, self._looks, False
        self._grant, self._holds, self._until = grant, grant.money, until
        self._pass()
        self._changed.notify_all()

    def _plan(self) -> None:
        """How much money to ask for: what the next seconds need, going by the last. What is more than that is let go."""
        price, passed = self._grant.call_price, time.monotonic() - self._planned
        if self._low and (self._unpaid or self._used > self._before):
            self._slice *= 2 if passed < _RENEW_SECONDS / 2 else 1
        elif passed >= _RENEW_SECONDS / 2:
            self._slice = min(self._slice, (self._used - self._before) * 2)
        if passed >= _RENEW_SECONDS / 2:
            self._before, self._planned = self._used, time.monotonic()
        self._slice = 0.0 if self._over else max(self._slice, price * self._unpaid)
        if self._holds is not None:
            left = 0.0 if self._short else self._left
            self._holds = self._used + min(left, self._slice)

    def _wish(self, tokens: float = 0.0) -> Wish:
        rate = self.gate.rate
        return Wish(
            holder=self._holder,
            flying=max(self.gate.most or 0, self.gate.flying),
            rate=rate.per_second or 0.0,
            tokens=tokens,
            room=rate.room if rate.per_second else _ALL,
            used=self._used,
            holds=self._used if self._holds is None else self._holds,
            wants=self._slice,
        )

    def _leave(self, wish: Wish) -> None:
        """If that is not possible now, it is free once its time is over."""
        try:
            self._shares.leave(self._connection, wish)
        except MusterError:
            return
