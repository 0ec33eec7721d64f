"""Divides the caps of a connection among the processes that use it: plain arithmetic over what is recorded of them.

Nothing is lent twice: what one process still holds on to, another does not get before it let go. Processes get equal parts. Where
there are more of them than requests may be in flight, they take turns.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from muster.records import Share, Usage
from muster.sharing import LENT_SECONDS, Grant, Wish

__all__ = ["left", "renewed", "settled"]

_LENT = timedelta(seconds=LENT_SECONDS)
_HELD_UP = timedelta(seconds=45)
"""For so much longer a process is waited for that is known to live: its store or its machine may be slow."""
_TURN_SECONDS = 5.0
_NOTHING = 1e-9
"""Less than this is what is left of additions."""


def settled(usage: Usage, caps: Mapping[str, float], now: datetime, living: Callable[[str], bool | None]) -> Usage:
    """With hours and tokens counted up to now, and without the processes that are gone: all that they might have spent, they have."""
    usage = _by_this_clock(usage, now)
    here = [s for s in usage.shares if _holds(s, now, living=living(s.holder))]
    lapsed = sum(s.granted - s.used for s in usage.shares if s not in here)
    seconds = max(0.0, (now - usage.at).total_seconds())
    lent = max((s.until for s in usage.shares), default=usage.at)
    hours = max(0.0, (min(now, lent) - usage.at).total_seconds()) / 3600
    # Who ends what is in flight when nothing is left has it for nothing.
    most = caps.get("spend", math.inf) - usage.spent - lapsed - sum(s.granted - s.used for s in here)
    cost = min(hours * caps.get("price_per_hour", 0.0), max(0.0, most))
    rate = caps.get("rate", 0.0)
    free = max(0.0, rate - sum(s.rate for s in usage.shares))
    return replace(
        usage,
        spent=_money(usage.spent + lapsed + cost),
        tokens=min(max(1.0, rate), usage.tokens + seconds * free),
        at=max(usage.at, now),
        shares=tuple(here),
    )


def _by_this_clock(usage: Usage, now: datetime) -> Usage:
    """Where the clock was set back since: as if it had shown then what it shows now. No part is lent for longer than one is."""
    at = now if usage.at > now + _LENT else usage.at
    return replace(usage, at=at, shares=tuple(replace(s, until=min(s.until, now + _LENT)) for s in usage.shares))


def _holds(share: Share, now: datetime, *, living: bool | None) -> bool:
    """`living` is None where that cannot be told."""
    return living is not False and now < (share.until + _HELD_UP if living else share.until)


def renewed(usage: Usage, caps: Mapping[str, float], wish: Wish, now: datetime) -> tuple[Usage, Grant]:
    """What a process may use from now on, out of what is settled."""
    others = tuple(s for s in usage.shares if s.holder != wish.holder)
    known = next((s for s in usage.shares if s.holder == wish.holder), None)
    # One that was taken for gone has been charged with all that it held.
    spent = _money(usage.spent + wish.used - (wish.used if known is None else known.used))
    money = _lend_money(caps, others, wish, spent)
    # Also where no money is left: what is paid for is still to be sent.
    part = _part(caps, others, wish.holder, now)
    flying = _lendable(part.flying, caps.get("concurrency"), sum(s.flying for s in others))
    rate = _lendable(part.rate, caps.get("rate"), sum(s.rate for s in others))
    tokens = max(0.0, min(usage.tokens, wish.room)) if rate else 0.0
    share = Share(
        holder=wish.holder,
        flying=max(int(flying or 0), wish.flying),
        rate=max(rate or 0.0, wish.rate),
        used=wish.used,
        granted=wish.used if money.granted is None else money.granted,
        until=now + _LENT,
    )
    grant = Grant(
        flying=None if flying is None else int(flying),
        rate=rate,
        tokens=tokens,
        money=money.granted,
        call_price=caps.get("price_per_call", 0.0),
        spent=spent,
        cap=caps.get("spend"),
        used_up=money.used_up,
        whole=(flying, rate) == (part.flying, part.rate)
        and share.flying <= (flying or 0)
        and share.rate <= (rate or 0.0) + _NOTHING,
    )
    return replace(usage, spent=spent, tokens=usage.tokens - tokens, shares=(*others, share)), grant


def left(usage: Usage, caps: Mapping[str, float], wish: Wish) -> Usage:
    """Without a process, which has told what it spent."""
    known = next((s for s in usage.shares if s.holder == wish.holder), None)
    if known is None:
        return usage
    return replace(
        usage,
        spent=_money(usage.spent + wish.used - known.used),
        tokens=min(max(1.0, caps.get("rate", 0.0)), usage.tokens + wish.tokens),
        shares=tuple(s for s in usage.shares if s is not known),
    )


@dataclass(frozen=True, slots=True)
class _Part:
    """What is fair; None is no cap."""

    flying: float | None
    rate: float | None


def _part(caps: Mapping[str, float], others: tuple[Share, ...], holder: str, now: datetime) -> _Part:
    """An equal part of those whose turn it is."""
    every = sorted([*(s.holder for s in others), holder])
    most, rate = caps.get("concurrency"), caps.get("rate")
    turns = len(every)
    if most is not None and most < len(every):
        turns = int(most)
        first = int(now.timestamp() / _TURN_SECONDS) * turns % len(every)
        if (every.index(holder) - first) % len(every) >= turns:
            return _Part(0, None if rate is None else 0.0)
    place = every.index(holder)
    each = None if most is None else int(most) // turns + (turns == len(every) and place < int(most) % turns)
    return _Part(each, None if rate is None else rate / turns)


def _lendable(part: float | None, cap: float | None, elsewhere: float) -> float | None:
    if part is None or cap is None:
        return None
    free = cap - elsewhere
    return part if part <= free + _NOTHING else free if free > _NOTHING else 0.0


@dataclass(frozen=True, slots=True)
class _Money:
    granted: float | None
    used_up: bool = False


def _lend_money(caps: Mapping[str, float], others: tuple[Share, ...], wish: Wish, spent: float) -> _Money:
    """A part small enough that little is lost with its process, and that another one finds something too.

    What the hour costs until it is settled again is kept back.
    """
    cap, price = caps.get("spend"), caps.get("price_per_call", 0.0)
    if cap is None:
        return _Money(None)
    elsewhere = sum(s.granted - s.used for s in others)
    free = cap - spent - elsewhere - caps.get("price_per_hour", 0.0) * LENT_SECONDS / 3600
    kept = max(0.0, wish.holds - wish.used)
    lent = 0.0
    if price:
        wanted = min(free, max(price, min(wish.wants, free / (2 * len(others) + 2))))
        lent = price * math.floor(wanted / price + _NOTHING)
    lent = max(kept, lent)
    return _Money(_money(wish.used + lent), free + elsewhere < (price - _NOTHING if price else _NOTHING))


def _money(amount: float) -> float:
    return round(amount, 9)
