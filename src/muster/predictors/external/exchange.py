"""What goes over the wire to an endpoint and comes back, in the words that codecs, transport and providers share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

__all__ = ["FREE", "Answer", "Later", "Limits", "Payload", "Refusal", "RefusalKind", "Reply", "Request"]


@dataclass(frozen=True, slots=True)
class Payload:
    """Rows as a codec has encoded them. `accept` is the content type that the answer is wanted in, where that can be chosen."""

    body: bytes
    content_type: str
    accept: str = ""


@dataclass(frozen=True, slots=True)
class Request:
    """A request of HTTP as it is sent: signed, so that neither its address nor its headers are shown to anyone.

    `seconds` is how long a reply to it may take, where that is less than what the endpoint may work on it.
    """

    method: str
    url: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False, default_factory=dict)
    body: bytes = field(repr=False, default=b"")
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back, whatever its status. Names of headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Answer:
    """A reply that is an answer. `served_by` names the variant, deployment or version that gave it, where the provider tells."""

    body: bytes = field(repr=False)
    content_type: str
    served_by: str | None = None


@dataclass(frozen=True, slots=True)
class Later:
    """A reply that promises an answer: the request is taken, and paid.

    `answer` is where it will be, and `failure` where it will be told if there is none, in words that its provider can look
    up; `until` is when neither can come any more, in seconds since the epoch, and `every` the most seconds between two looks.
    """

    answer: str
    failure: str
    until: float
    every: float = 5.0


RefusalKind: TypeAlias = Literal[
    "throttled",  # too much at once: later, and less
    "starting",  # it scales from zero, or loads the model: later, within minutes
    "unavailable",  # it fails for no reason that lies in the rows: later
    "too_large",  # the request: fewer rows
    "rows",  # the model cannot take these rows: never, but some of them may be good
    "expired",  # the credentials ran out: again with new ones
    "denied",  # who asks may not: never
    "missing",  # there is no such endpoint, or it is not in service: never
]

FREE: frozenset[RefusalKind] = frozenset({"throttled", "starting", "expired", "denied", "missing"})
"""Refusals of requests that no model has seen: nobody pays for them."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A reply that is none, as its provider reads it. `message` is the endpoint's own; `wait` the seconds that it asks for."""

    kind: RefusalKind
    message: str
    wait: float | None = None


@dataclass(frozen=True, slots=True)
class Limits:
    """What an endpoint takes. `seconds` is the longest that it may work on a request.

    `concurrency` is what to begin with, and `most` never exceeded. `bytes` are those of a request's body; `rows` is a ceiling
    on its rows, where there is one.
    """

    bytes: int
    seconds: float
    concurrency: int = 4
    most: int = 64
    rows: int | None = None
