"""An invocation, from the request that was let in to what the model says of its rows: the same for all providers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from muster.testing.endpoints.account import Account, Visit
from muster.testing.endpoints.faults import CHANGES, Fault, changed
from muster.testing.endpoints.place import Place
from muster.testing.endpoints.refusal import Refused
from muster.testing.endpoints.served import Container, Outcome, Read, Served, Told, Written

__all__ = ["Most", "Target", "invoke", "written"]


@dataclass(frozen=True, slots=True)
class Most:
    """What a provider takes at most: bytes of a request, seconds for it, requests in flight on a variant."""

    bytes: int | None = None
    seconds: float | None = None
    flying: int | None = None


@dataclass(frozen=True, slots=True)
class Target:
    """The model that a call goes to, and where it stands."""

    place: Place
    variant: str
    served: Served


def written(
    account: Account,
    visit: Visit,
    target: Target,
    container: Container,
    *,
    most: Most,
    accept: str = "",
    faults: list[Fault] | None = None,
) -> Written:
    """The answer of a model in the words of its container. `faults` are those that meet it, where they are known already."""
    rows, outcomes = invoke(account, visit, target, container.read, most=most, faults=faults)
    return container.write(Told(outcomes, target.served, rows, accept))


def invoke(
    account: Account, visit: Visit, target: Target, read: Read, *, most: Most, faults: list[Fault] | None = None
) -> tuple[list[Any], list[Outcome]]:
    """The rows of a request and what the model says of them, with all the faults that meet it."""
    visit.variant, served = target.variant, target.served
    if faults is None:
        faults = account.faults.met("invoke", target.place.name, target.variant)
    account.meet(visit, [fault for fault in faults if fault.rows is None])
    if most.bytes is not None and len(visit.incoming.body) > most.bytes:
        raise Refused("too_large", f"the request has {len(visit.incoming.body)} bytes, more than {most.bytes}")
    rows = read(visit.incoming, served)
    visit.rows = len(rows)
    account.meet(visit, [f for f in faults if f.rows is not None and f.what not in CHANGES and f.matches(rows)])
    _in_time(account, served, len(rows), most)
    flying = served.pace.most if most.flying is None else most.flying
    with target.place.working(target.variant, served.pace, len(rows), flying, account.pause):
        outcomes = _outcomes(served, rows)
    return rows, _changed(account, faults, rows, outcomes)


def _in_time(account: Account, served: Served, rows: int, most: Most) -> None:
    if most.seconds is not None and served.pace.seconds + served.pace.per_row * rows > most.seconds:
        account.pause(most.seconds)
        raise Refused("timeout", f"the model took longer than {most.seconds:g} s")


def _outcomes(served: Served, rows: list[Any]) -> list[Outcome]:
    try:
        return served.outcomes(rows)
    except Refused:
        raise
    except Exception as error:
        raise Refused("model_error", f"{type(error).__name__}: {error}", status=500) from error


def _changed(account: Account, faults: list[Fault], rows: list[Any], outcomes: list[Outcome]) -> list[Outcome]:
    """What changes the number of rows comes last, so that the others still find theirs."""
    for fault in sorted(faults, key=lambda f: f.what in {"fewer", "more"}):
        if fault.what in CHANGES and fault.matches(rows):
            account.faults.count(fault)
            outcomes = changed(fault, rows, outcomes)
    return outcomes
