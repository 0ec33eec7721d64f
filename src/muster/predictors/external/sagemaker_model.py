"""What the containers of SageMaker's models say that went wrong, as its runtime and its queues pass it on."""

from __future__ import annotations

import re

from muster.errors import shortened
from muster.predictors.external.exchange import Refusal, Reply
from muster.predictors.external.rest import message_of, parsed, wait_of

__all__ = ["of_failure", "of_model"]

_RECEIVED = re.compile(
    r"Received \w+ error \((?P<status>\d+)\) from \S+ with message \"(?P<said>.*?)\"\.?( See |\s*$)", re.DOTALL
)
_MOST = 4_000


def of_model(reply: Reply) -> Refusal:
    """What the container answered: its own status decides whether the rows are to blame."""
    found = parsed(reply.body)
    told = found if isinstance(found, dict) else {}
    given = told.get("OriginalStatusCode")
    said = str(told.get("OriginalMessage") or told.get("Message") or message_of(reply)[1] or "the model failed")
    return _refusal(given if isinstance(given, int) else 500, said, wait_of(reply))


def of_failure(reply: Reply) -> Refusal:
    """The same of a failure that was left in S3: the runtime's words about it, or the container's own answer."""
    found = parsed(reply.body)
    if isinstance(found, dict) and ("OriginalStatusCode" in found or "OriginalMessage" in found):
        return of_model(reply)
    text = reply.body[:_MOST].decode(errors="replace").strip()
    if told := _RECEIVED.search(text):
        return _refusal(int(told["status"]), told["said"], None)
    said = message_of(reply)[1] if isinstance(found, dict) else ""
    return _refusal(0 if "timed out" in text else 500, said or shortened(text, 1_000) or "the model failed", None)


def _refusal(status: int, said: str, wait: float | None) -> Refusal:
    if status == 0 and "timed out" in said:  # it had no status: fewer rows are done in time
        return Refusal("too_large", said)
    if status in (429, 503):
        return Refusal("unavailable" if status == 503 else "throttled", said, wait)
    return Refusal("too_large" if status == 413 else "rows", said)
