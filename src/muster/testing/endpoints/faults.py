"""Faults that are put in the way of calls: at a given call, for a share of them, or where a row matches.

    refused     throttled  starting  unavailable  model_error  too_large  timeout  missing  denied  expired
    on the way  slow  cut  drop  html  error_in_answer
    changed     fewer  more  nan  unknown_class  over_one  swapped

What is refused is refused in the provider's own words. What is changed is what the model says, before its container writes it: a
container that gives probabilities alone has no label to change to an `unknown_class`, and one that gives labels alone nothing `over_one`.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeAlias, get_args

from muster.errors import InvalidInput, near
from muster.testing.endpoints.served import Outcome

__all__ = ["CHANGES", "REFUSALS", "WAYS", "Fault", "Faults", "What", "changed"]

What: TypeAlias = Literal[
    "throttled", "starting", "unavailable", "model_error", "too_large", "timeout", "missing", "denied", "expired",
    "slow", "cut", "drop", "html", "error_in_answer",
    "fewer", "more", "nan", "unknown_class", "over_one", "swapped",
]  # fmt: skip

WAYS: frozenset[str] = frozenset({"slow", "cut", "drop", "html", "error_in_answer"})
CHANGES: frozenset[str] = frozenset({"fewer", "more", "nan", "unknown_class", "over_one", "swapped"})
REFUSALS: frozenset[str] = frozenset(get_args(What)) - WAYS - CHANGES


@dataclass(slots=True)
class Fault:
    """One fault. It sees the calls of `on` (and of `endpoint`, `variant`) and counts them from 1 since it was put in the way.

    It meets those in `calls`, else each; of these a `share`, evenly; `times` at most. With `rows` it meets only calls with a row that
    matches, and changes only such rows. `wait` is a Retry-After; `seconds` how long an answer is held back, or how long it
    starts, counted from the first call that it met.
    """

    what: What
    on: str = "invoke"
    calls: Collection[int] | None = None
    share: float = 1
    times: int | None = None
    rows: Callable[[Any], bool] | None = None
    endpoint: str | None = None
    variant: str | None = None
    wait: float | None = None
    seconds: float = 0.05
    status: int | None = None
    message: str = ""
    seen: int = 0
    met: int = 0
    _since: float | None = None

    def meets(self, operation: str, endpoint: str, variant: str) -> bool:
        """Whether this call is one of its calls; counts it."""
        if operation != self.on or self.endpoint not in (None, endpoint) or self.variant not in (None, variant):
            return False
        self.seen += 1
        if self.calls is not None and self.seen not in self.calls:
            return False
        if math.floor(self.seen * self.share + 1e-9) == math.floor((self.seen - 1) * self.share + 1e-9):
            return False
        if self.what == "starting":
            self._since = time.monotonic() if self._since is None else self._since
            return time.monotonic() - self._since < self.seconds
        return self.times is None or self.met < self.times

    def matches(self, rows: list[Any]) -> bool:
        return self.rows is None or any(map(self.rows, rows))


@dataclass(slots=True)
class Faults:
    """The faults of an account. Safe from several threads."""

    _all: list[Fault] = field(default_factory=list)
    _acts: list[tuple[int, Callable[[], object]]] = field(default_factory=list)
    _calls: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, what: What, **more: Any) -> Fault:
        """Put a fault in the way; see Fault for what can be said of it."""
        if what not in get_args(What):
            raise InvalidInput(
                f"there is no fault `{what}`{near(what, get_args(What))}", hint="one of: " + ", ".join(get_args(What))
            )
        fault = Fault(what, **more)
        with self._lock:
            self._all.append(fault)
        return fault

    def at(self, call: int, act: Callable[[], object]) -> None:
        """Do something right before the call of that number is answered, counted from 1 over all invocations."""
        with self._lock:
            self._acts.append((call, act))

    def clear(self) -> None:
        with self._lock:
            self._all.clear()
            self._acts.clear()

    def begin(self) -> None:
        """Count an invocation, and do what is to be done before it."""
        with self._lock:
            self._calls += 1
            due = [act for call, act in self._acts if call == self._calls]
        for act in due:
            act()

    def met(self, operation: str, endpoint: str, variant: str) -> list[Fault]:
        """The faults that meet this call, whatever its rows."""
        with self._lock:
            return [fault for fault in self._all if fault.meets(operation, endpoint, variant)]

    def count(self, fault: Fault) -> None:
        with self._lock:
            fault.met += 1


def changed(fault: Fault, rows: list[Any], outcomes: list[Outcome]) -> list[Outcome]:
    """What the model says, with the fault in it."""
    hit = [fault.rows is None or fault.rows(row) for row in rows]
    last = max((i for i, h in enumerate(hit) if h), default=None)
    if last is None:
        return outcomes
    match fault.what:
        case "fewer":
            return outcomes[:last] + outcomes[last + 1 :]
        case "more":
            return [*outcomes[: last + 1], *outcomes[last:]]
        case "swapped":
            return outcomes[::-1]
        case _:
            return [_spoilt(fault.what, outcome) if h else outcome for h, outcome in zip(hit, outcomes, strict=True)]


def _spoilt(what: str, outcome: Outcome) -> Outcome:
    known = outcome.probabilities
    if what == "unknown_class":
        return replace(outcome, prediction="never declared")
    if what == "over_one":
        return replace(outcome, probabilities=None if known is None else tuple(p + 0.5 for p in known))
    if known is None:
        return replace(outcome, prediction=math.nan)
    return replace(outcome, probabilities=(math.nan,) * len(known))
