"""The test of a connection, step by step: each is what the next one rests on, so the first that fails ends it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

from muster.endpoint import Step, StepName
from muster.errors import MissingExtra, MusterError, SourceUnavailable
from muster.predictors.external.exchange import Request
from muster.predictors.external.provider import Described, Send
from muster.predictors.external.transport.unreachable import Unreachable

__all__ = ["looked_at", "steps"]

_SECONDS = 15.0
_FAILED: dict[str, StepName] = {"name": "name", "tls": "TLS"}
"""Any other failure is one of the connection itself."""

Act = Callable[[], str]
"""Does it, and tells in a few words what was seen; raises where it cannot be done."""


def steps(send: Send, url: str, *, login: Act, permission: Act, endpoint: Act | None = None) -> Iterator[Step]:
    """`login` gets credentials, `permission` uses them at something that harms nobody, `endpoint` looks at one."""
    for step in _reached(send, url):
        yield step
        if not step.passed:
            return
    acts: list[tuple[StepName, Act | None]] = [("login", login), ("permission", permission), ("endpoint", endpoint)]
    for name, act in acts:
        if act is not None:
            step = _done(name, act)
            yield step
            if not step.passed:
                return


def _reached(send: Send, url: str) -> Iterator[Step]:
    """Whatever answers proves that the name is known, and that its certificate is trusted."""
    place = urlsplit(url)
    host = place.hostname or url
    try:
        send(Request("GET", f"{place.scheme}://{place.netloc}/"), _SECONDS)
    except Unreachable as error:
        if error.kind == "tls":
            yield Step("name", passed=True, told=host)
        yield Step(_FAILED.get(error.kind, "connection"), passed=False, told=error.message, hint=error.hint)
        return
    yield Step("name", passed=True, told=host)
    if place.scheme == "https":
        yield Step("TLS", passed=True, told="its certificate is trusted")


def looked_at(describe: Callable[[], Described]) -> str:
    """The last step: what there is of an endpoint, if it serves."""
    found = describe()
    if not found.serves:
        raise SourceUnavailable(
            f"the endpoint is not in service: {found.status}", hint="start it, or see at the provider why it does not"
        )
    return found.status


def _done(name: StepName, act: Act) -> Step:
    try:
        return Step(name, passed=True, told=act())
    except MissingExtra:  # nothing of the connection
        raise
    except MusterError as error:
        return Step(name, passed=False, told=error.message, hint=error.hint)
