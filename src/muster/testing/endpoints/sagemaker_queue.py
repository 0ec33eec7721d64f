"""SageMaker's asynchronous endpoints: a request is taken at once, worked on later, and answered by an object in S3."""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from muster.testing.endpoints.account import Account, Visit
from muster.testing.endpoints.aws_objects import Objects
from muster.testing.endpoints.faults import Fault
from muster.testing.endpoints.invoking import Most, Target, written
from muster.testing.endpoints.place import Place
from muster.testing.endpoints.refusal import Refused
from muster.testing.endpoints.served import Container, Written
from muster.testing.endpoints.server import Outgoing, said

__all__ = ["Queue", "bucket_of", "output_config"]

_MOST_BYTES = 128_000
_HEAD = "x-amzn-sagemaker-"
_AT_THE_DOOR = frozenset({
    *("throttled", "starting", "unavailable", "missing", "denied", "expired", "too_large", "slow", "cut", "drop", "html"),
})  # fmt: skip
"""Faults that a request meets before it is in the queue, or on the way back from there; all others meet the model's work."""
_STATUS = {"too_large": 413, "throttled": 429, "unavailable": 503, "starting": 503}
"""With which a container says itself what the runtime would say before it."""


def output_config(place: Place) -> dict[str, Any]:
    """`async` is where answers go, `failures` where failures go, and None for an endpoint that does not tell them."""
    failures: Any = place.option("failures", f"{place.option('async')}-failures")
    return {"S3OutputPath": place.option("async"), **({"S3FailurePath": failures} if failures else {})}


def bucket_of(place: str) -> str:
    return place.removeprefix("s3://").partition("/")[0]


@dataclass(frozen=True, slots=True)
class _Work:
    visit: Visit
    target: Target
    container: Container
    faults: list[Fault]
    answer: str
    failure: str


class Queue:
    """`fail` says in SageMaker's words what went wrong with a model."""

    def __init__(self, account: Account, objects: Objects, fail: Callable[[Refused, Visit], str]) -> None:
        self._account, self._objects, self._fail = account, objects, fail

    def take(self, visit: Visit, target: Target, container: Container) -> Outgoing:
        """The answer is there `after` seconds, and those that the model takes."""
        place, headers = target.place, visit.incoming.headers
        visit.variant = target.variant
        faults = self._account.faults.met("invoke", place.name, target.variant)
        self._account.meet(visit, [f for f in faults if f.rows is None and f.what in _AT_THE_DOOR])
        body, given = visit.incoming.body, headers.get(f"{_HEAD}inputlocation", "")
        if bool(body) == bool(given):
            raise Refused("invalid", "Provide exactly one of Body and InputLocation.")
        if len(body) > _MOST_BYTES:
            raise Refused(
                "invalid",
                "1 validation error detected: Value at 'body' failed to satisfy constraint: Member must have length less than or"
                f" equal to {_MOST_BYTES}",
            )
        identity = headers.get(f"{_HEAD}inference-id", "") or str(uuid.uuid4())
        config, name = output_config(place), str(uuid.uuid4())
        answer = f"{config['S3OutputPath'].rstrip('/')}/{name}.out"
        failure = f"{config['S3FailurePath'].rstrip('/')}/{name}-error.out" if "S3FailurePath" in config else ""
        work = _Work(
            self._inner(visit, given), target, container, [f for f in faults if f.rows is not None or f.what not in _AT_THE_DOOR],
            answer, failure,
        )  # fmt: skip
        visit.rows = _rows(work)
        threading.Thread(target=self._run, args=(work, _seconds(place, headers)), daemon=True).start()
        told = {"X-Amzn-SageMaker-OutputLocation": answer} | (
            {"X-Amzn-SageMaker-FailureLocation": failure} if failure else {}
        )
        return said({"InferenceId": identity}, 202, told)

    def _inner(self, visit: Visit, given: str) -> Visit:
        """As the container sees it."""
        incoming, headers = visit.incoming, visit.incoming.headers
        inner = {
            "content-type": headers.get(f"{_HEAD}content-type", "application/octet-stream"),
            "accept": headers.get(f"{_HEAD}accept", ""),
        }
        body = self._objects.read(given) if given else incoming.body
        return Visit(replace(incoming, headers=inner, body=body), endpoint=visit.endpoint)

    def _run(self, work: _Work, seconds: float) -> None:
        account, place = self._account, work.target.place
        try:
            account.pause(float(str(place.option("after", 0.02))))
            if account.closing.is_set():
                return
            kind, body = self._written(work, seconds)
            self._objects.put(work.answer, body, kind)
        except Refused as refused:
            refused.status = refused.status or _STATUS.get(refused.what)
            if work.failure:
                self._objects.put(work.failure, self._fail(refused, work.visit).encode(), "application/octet-stream")
        except Exception as error:  # noqa: BLE001  # told to who runs the server, once it ends
            account.failures.append(error)

    def _written(self, work: _Work, seconds: float) -> Written:
        accept = work.visit.incoming.headers["accept"].partition(";")[0]
        most = Most(None, seconds, 1 << 30)
        found = written(
            self._account, work.visit, work.target, work.container, most=most, accept=accept, faults=work.faults
        )
        for fault in work.visit.ways:
            if fault.what == "error_in_answer":
                return "application/json", json.dumps(
                    {"error": fault.message or "the model could not be loaded"}
                ).encode()
        return found


def _rows(work: _Work) -> int:
    """How many there are, where the container can read them: told in the account's calls, and to nobody else."""
    try:
        return len(work.container.read(work.visit.incoming, work.target.served))
    except Refused:
        return 0


def _seconds(place: Place, headers: Any) -> float:
    seconds: Any = place.option("seconds")
    return float(seconds or headers.get(f"{_HEAD}invocationtimeoutseconds") or 900)
