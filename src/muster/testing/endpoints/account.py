"""Account: what a local server pretends to be, and the handles by which a test changes it."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from muster.errors import NotFound, near
from muster.testing.endpoints.faults import REFUSALS, WAYS, Fault, Faults
from muster.testing.endpoints.jobs import Jobs
from muster.testing.endpoints.place import BEGIN, Place
from muster.testing.endpoints.refusal import Refused
from muster.testing.endpoints.served import Container, Deployed, Predict, Served
from muster.testing.endpoints.server import Incoming, Outgoing, plain

__all__ = ["Account", "Kind", "Logged", "Visit", "held", "page_of"]


@dataclass(frozen=True, slots=True)
class Logged:
    """A call that was answered. `operation` is `invoke`, `list`, `describe`, `token` or what else its provider has."""

    time: float
    method: str
    path: str
    operation: str
    status: int
    endpoint: str
    variant: str
    rows: int
    identity: str
    request: Incoming = field(repr=False)


@dataclass(slots=True)
class Visit:
    """A call while it is answered: what became known of it so far."""

    incoming: Incoming
    operation: str = ""
    endpoint: str = ""
    variant: str = ""
    rows: int = 0
    identity: str = ""
    ways: list[Fault] = field(default_factory=list)


class Kind(Protocol):
    """One provider. `refuse` says in its words why a call gets no answer; `open` is called once the server's address is known.

    A model that is given alone is a variant of the name FIRST_VARIANT; TLS says whether clients insist on encryption. CONTAINERS has
    first the one of models that name none.
    """

    FIRST_VARIANT: str
    TLS: bool
    CONTAINERS: Mapping[str, Container]

    def open(self) -> None: ...
    def answer(self, visit: Visit) -> Outgoing: ...
    def refuse(self, refused: Refused, visit: Visit) -> Outgoing: ...
    def expire(self) -> None:
        """End all tokens that were given out."""
        ...


class Account:
    """A local server of one provider: `settings` and `environ` are what a client of it needs, `calls` what it was asked.

    `names` gives the name by which the provider knows an endpoint, where it has numbers for them. `faults` are put in its
    way; `jobs` has those of batches; the methods change what it serves and whom it lets do what. Safe from several threads.
    """

    def __init__(self, kind: str, folder: Path, page: int) -> None:
        self.kind = kind
        self.folder = folder
        self.page = page
        self.url = ""
        self.ca_bundle: Path | None = None
        self.settings: dict[str, str] = {}
        self.environ: dict[str, str] = {}
        self.calls: list[Logged] = []
        self.faults = Faults()
        self.jobs = Jobs()
        self.places: dict[str, Place] = {}
        self.names: Callable[[str], str] = str
        self.failures: list[Exception] = []
        self.served_by: Kind
        self.closing = threading.Event()
        self._denied: set[str] = set()
        self._made = itertools.count(1)

    @property
    def invocations(self) -> list[Logged]:
        return [call for call in self.calls if call.operation == "invoke"]

    def tick(self) -> int:
        """A time for what is made or changed now: one minute after the one before, from the same begin in each run."""
        return BEGIN + 60 * next(self._made)

    def place(self, name: str) -> Place:
        if name not in self.places:
            raise NotFound(f"there is no endpoint `{name}`{near(name, self.places)}", hint="see `account.places`")
        return self.places[name]

    def deploy(self, name: str, deployed: Deployed) -> None:
        self._check({**deployed.variants, **deployed.models})
        self.places[name] = Place(name, deployed, self.tick())

    def _check(self, variants: Mapping[str, Served]) -> None:
        for served in variants.values():
            served.within(self.served_by.CONTAINERS)

    def update(self, name: str, variants: Mapping[str, Served]) -> None:
        """Other models behind an endpoint, which is seen in its configuration."""
        self._check(variants)
        self.place(name).update(variants, self.tick())

    def swap(self, name: str, predict: Predict, variant: str | None = None) -> None:
        """Another behaviour of a model (of all variants, if none is named), which is seen nowhere."""
        place = self.place(name)
        for one in [variant] if variant else list(place.variants):
            place.swap(one, predict)

    def shift(self, name: str, **weights: float) -> None:
        """Other weights of the variants."""
        self.place(name).shift(weights, self.tick())

    def status(self, name: str, status: str) -> None:
        """Another status, in the provider's own words."""
        self.place(name).status = status

    def delete(self, name: str) -> None:
        self.place(name)
        del self.places[name]

    def deny(self, *operations: str) -> None:
        """Take permissions away: `invoke`, `list`, `describe`, `token`, and what else its provider has."""
        self._denied.update(operations)

    def allow(self, *operations: str) -> None:
        self._denied.difference_update(operations)

    def expire(self) -> None:
        """End all tokens that were given out; who asks for new ones gets them."""
        self.served_by.expire()

    def pause(self, seconds: float) -> None:
        """Wait, unless the server ends meanwhile."""
        if seconds > 0:
            self.closing.wait(seconds)

    def permit(self, visit: Visit, operation: str, endpoint: str = "") -> None:
        """Hold a call against what is denied and, unless it is an invocation, against the faults in its way."""
        visit.operation, visit.endpoint = operation, endpoint
        if operation in self._denied:
            raise Refused("denied", operation)
        if operation == "invoke":
            self.faults.begin()
        else:
            self.meet(visit, self.faults.met(operation, endpoint, ""))

    def meet(self, visit: Visit, faults: list[Fault]) -> None:
        """Refuse with the first fault that refuses; keep those that spoil the way back."""
        for fault in faults:
            if fault.what in REFUSALS:
                self.faults.count(fault)
                raise Refused(fault.what, fault.message, wait=fault.wait, status=fault.status)
            if fault.what in WAYS:
                self.faults.count(fault)
                visit.ways.append(fault)

    def answer(self, incoming: Incoming) -> Outgoing:
        began, visit = time.time(), Visit(incoming)
        try:
            answer = self.served_by.answer(visit)
        except Refused as refused:
            answer = self.served_by.refuse(refused, visit)
        except Exception as error:  # noqa: BLE001  # told to who runs the server, once it ends
            self.failures.append(error)
            answer = plain(f"the local server itself failed: {error!r}", 500)
        answer = self.on_its_way(visit, answer)
        self.calls.append(
            Logged(
                began, incoming.method, incoming.path, visit.operation, answer.status, visit.endpoint, visit.variant,
                visit.rows, visit.identity, incoming,
            )
        )  # fmt: skip
        return answer

    def on_its_way(self, visit: Visit, answer: Outgoing) -> Outgoing:
        """What arrives of an answer, with the faults that spoil the way back."""
        for fault in visit.ways:
            answer = self._spoilt(fault, answer)
        return answer

    def _spoilt(self, fault: Fault, answer: Outgoing) -> Outgoing:
        json = {"Content-Type": "application/json"}
        match fault.what:
            case "slow":
                self.pause(fault.seconds)
                return answer
            case "cut":
                return Outgoing(answer.status, answer.body, answer.headers, sent=0.5)
            case "drop":
                return Outgoing(sent=0)
            case "error_in_answer":
                text = fault.message or "the model could not be loaded"
                return Outgoing(200, b'{"error": "%s"}' % text.encode(), json)
            case _:
                return Outgoing(fault.status or 502, PAGE, {"Content-Type": "text/html"})


PAGE = (
    b"<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n"
    b"<center><h1>502 Bad Gateway</h1></center>\r\n</body>\r\n</html>\r\n"
)
"""What a proxy says in place of the endpoint."""


@contextmanager
def held(account: Account) -> Iterator[Account]:
    """Ends jobs, and tells what the server itself did wrong, so that it is not taken for a fault that was put in the way."""
    try:
        yield account
    finally:
        account.closing.set()
        account.jobs.close()
    if account.failures:
        raise account.failures[0]


def page_of(items: list[Any], token: str, size: int) -> tuple[list[Any], str]:
    """The items of a page, and the token of the next, empty if there is none."""
    start = int(token or 0)
    end = start + size
    return items[start:end], str(end) if end < len(items) else ""
