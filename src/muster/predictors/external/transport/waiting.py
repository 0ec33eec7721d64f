"""Waiting for an answer that comes later: looked for until it is there, and never asked for again meanwhile."""

from __future__ import annotations

import time
from collections.abc import Callable

from muster.errors import SourceUnavailable
from muster.predictors.external.exchange import Answer, Later, Refusal
from muster.predictors.external.provider import Provider, Queueing
from muster.predictors.external.transport.gate import LOOK_SECONDS

__all__ = ["wait_for"]

_SHARE = 0.25
"""Of the time that it has taken so far: the pause until the next look."""


def wait_for(provider: Provider, later: Later, wanted: Callable[[], bool], patience: float) -> Answer | Refusal | None:
    """What it comes to; None once nobody wants it.

    Where it cannot be looked for, that is tried for `patience` seconds: SourceUnavailable then, as when it has not come in time. A
    look again finds what was paid.
    """
    if not isinstance(provider, Queueing):
        raise TypeError(f"{type(provider).__name__} promises answers, and cannot look for them")
    began = time.monotonic()
    failing: float | None = None
    while wanted():
        try:
            found, failing = provider.look(later), None
        except SourceUnavailable as error:
            failing = time.monotonic() if failing is None else failing
            if time.monotonic() - failing >= patience:
                error.details.setdefault("resume", True)
                raise
            found = None
        if found is not None:
            return found
        if failing is None and time.time() >= later.until:
            raise SourceUnavailable(
                "the endpoint took a request into its queue, and has not answered it in time",
                hint="see that it has instances, and how long its queue is; then go on",
                details={"resume": True},
            )
        _pause(min(later.every, max(LOOK_SECONDS, _SHARE * (time.monotonic() - began))), wanted)
    return None


def _pause(seconds: float, wanted: Callable[[], bool]) -> None:
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0 and wanted():
        time.sleep(min(LOOK_SECONDS, left))
