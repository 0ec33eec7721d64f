"""The asynchronous endpoints of SageMaker: a request goes into a queue, and its answer comes as an object of S3."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from muster.errors import InvalidInput
from muster.predictors.external.exchange import Answer, Later, Limits, Payload, Refusal, Reply, Request
from muster.predictors.external.s3 import S3, Location
from muster.predictors.external.sagemaker_model import of_failure

__all__ = ["LIMITS", "allowed", "found", "promised", "request_of"]

_QUEUED = _WORKED = 3600
"""Seconds that a request may wait for its turn, which may be for an endpoint that has scaled to zero, and that the model may work on it."""
_TAKEN = 60.0
"""Seconds in which a queue takes a request."""
_SLACK = 60.0
LIMITS = Limits(128_000, float(_WORKED), concurrency=32)
"""Of a body in the request itself. It waits there and not here, so that many may be on their way: that is what makes the endpoint grow."""
_PROBE = "muster-looks-whether-it-may-read"
_UNKNOWN = frozenset({"binary/octet-stream", "application/octet-stream"})
"""What S3 says of an object of which nobody said more."""


def request_of(url: str, payload: Payload, identity: str) -> Request:
    head = "x-amzn-sagemaker-"
    headers = {
        "content-type": "application/octet-stream",
        f"{head}content-type": payload.content_type,
        f"{head}inference-id": identity[:64],
        f"{head}requestttlseconds": str(_QUEUED),
        f"{head}invocationtimeoutseconds": str(_WORKED),
    }
    if payload.accept:
        headers[f"{head}accept"] = payload.accept
    return Request("POST", f"{url}/async-invocations", headers, payload.body, _TAKEN)


def promised(reply: Reply) -> Later | Refusal:
    """Of a reply that says that the request was taken."""
    answer, failure = (reply.headers.get(f"x-amzn-sagemaker-{n}location", "") for n in ("output", "failure"))
    if not answer:
        return Refusal("unavailable", "the endpoint took the request, and does not say where its answer will be")
    return Later(answer, failure, time.time() + _QUEUED + _WORKED + _SLACK)


def found(s3: S3, later: Later) -> Answer | Refusal | None:
    if (reply := s3.get(Location(later.answer))) is not None:
        kind = reply.headers.get("content-type", "")
        return Answer(reply.body, "" if kind.partition(";")[0].strip().lower() in _UNKNOWN else kind)
    if later.failure and (reply := s3.get(Location(later.failure))) is not None:
        return of_failure(reply)
    return None


def allowed(s3: S3, name: str, config: Mapping[str, Any]) -> None:
    """That answers can be read and failures are told, before anything is paid."""
    told = config.get("OutputConfig") or {}
    if not told.get("S3FailurePath"):
        raise InvalidInput(
            f"the asynchronous endpoint `{name}` does not tell what fails: its configuration has no S3FailurePath",
            hint="give its OutputConfig an S3FailurePath; rows that the model cannot take would be waited for in vain",
        )
    for place in (told["S3OutputPath"], told["S3FailurePath"]):
        s3.get(Location(f"{place.rstrip('/')}/{_PROBE}"))
