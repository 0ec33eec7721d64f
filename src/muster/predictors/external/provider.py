"""What a provider must do. All that is not here is shared: encoding, packing, retries, concurrency, bisecting, decoding."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from muster.endpoint import Endpoint, Listed, Step
from muster.predictors.external.exchange import Answer, Later, Limits, Payload, Refusal, Reply, Request
from muster.signature import Json, Scalar, Signature, Task

__all__ = ["Described", "Provider", "Queueing", "Send"]


class Send(Protocol):
    """Sends a request and gives what came back, whatever its status. Safe from several threads."""

    def __call__(self, request: Request, seconds: float) -> Reply:
        """Unreachable if nothing, or not all, came back within `seconds`."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """What a provider tells of an endpoint.

    `route` is all that a request needs to find it, and what is kept with the version. `configuration` is what decides which
    model answers, and nothing else: it is the same until somebody changes that. `request` and `response` are the formats that
    it is known to take and give. `serves` is whether it answers now, as far as its status says.
    """

    route: Mapping[str, Json]
    configuration: Mapping[str, Json]
    limits: Limits
    task: Task | None = None
    classes: tuple[Scalar, ...] = ()
    signature: Signature | None = None
    request: Json = "auto"
    response: Json = "auto"
    status: str = ""
    serves: bool = True
    lineage: Mapping[str, Json] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


class Provider(Protocol):
    """One kind of connection, opened with its settings. Safe from several threads.

    Its class has `kind`; `settings`, that it takes; and `place`, those that say where it leads, whoever asks.

    Raises SourceDenied, SourceUnavailable and NotFound; what is wrong with a reply to a prediction, it tells as a Refusal.
    """

    @property
    def where(self) -> Mapping[str, str]:
        """Where it leads, whoever asks: what `place` names, also where that comes from the environment."""
        ...

    def request(self, route: Mapping[str, Json], payload: Payload, identity: str) -> Request:
        """The request for a prediction, with the credentials of now. `identity` is the same for all tries of it."""
        ...

    def read(self, reply: Reply) -> Answer | Later | Refusal:
        """Later only from a provider that is Queueing."""
        ...

    def renew(self) -> None:
        """Drop the credentials that are held, so that the next request gets new ones."""
        ...

    def discover(self, name: str = "") -> Iterator[Listed]:
        """The endpoints of the account whose names have `name` in them, over all pages."""
        ...

    def describe(self, endpoint: Endpoint) -> Described: ...

    def check(self, endpoint: Endpoint | None = None) -> Iterator[Step]:
        """Step by step up to the first that fails."""
        ...

    def close(self) -> None: ...


@runtime_checkable
class Queueing(Provider, Protocol):
    """A provider with endpoints that answer later: they take a request with Later, and are asked no second time for it."""

    def look(self, later: Later) -> Answer | Refusal | None:
        """What became of a request, or None while nothing is known of it.

        A Refusal is that of the request. What is wrong with looking is raised: SourceUnavailable where it may pass, and
        SourceDenied, NotFound or SourceError where it will not.
        """
        ...
