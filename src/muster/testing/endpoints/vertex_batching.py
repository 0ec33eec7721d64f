"""What a batch prediction job does: lines of objects into batches of instances, predictions into shards, in no order at all.

A batch that the model refuses is lost as a whole: each of its instances is in the errors' file. The job succeeds for all that, unless
nothing else did.
"""

from __future__ import annotations

import json
import math
import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from muster.errors import InvalidInput
from muster.objects.faults import ObjectError
from muster.objects.place import Place as At
from muster.testing.endpoints.account import Account
from muster.testing.endpoints.batch_objects import stored
from muster.testing.endpoints.faults import REFUSALS
from muster.testing.endpoints.invoking import Most, Target
from muster.testing.endpoints.jobs import Job
from muster.testing.endpoints.machines import Machines
from muster.testing.endpoints.server import Outgoing
from muster.testing.endpoints.vertex_control import time_of
from muster.testing.endpoints.vertex_instances import Instance, JobFailed, instances

__all__ = ["predict"]

_BATCH, _SECONDS, _SHARDS, _PER_SHARD, _MOST_FAILURES = 64, 600, 4, 3, 20
_INTERNAL = "INTERNAL"
_CODES = {400: 3, 401: 16, 403: 7, 404: 5, 413: 3, 415: 3, 429: 8, 503: 14, 504: 4}
"""Of `google.rpc.Code`, by HTTP's."""


@dataclass(slots=True)
class _Done:
    """What came of the instances."""

    results: list[dict[str, Any]] = field(default_factory=list)
    errors: list[dict[str, Any]] = field(default_factory=list)
    stats: list[str] = field(default_factory=list)
    failures: list[dict[str, Any]] = field(default_factory=list)
    total: int = 0

    def fail(self, batch: Sequence[Instance], code: int, message: str) -> None:
        error = {"code": code, "message": message}
        self.errors += [{**one.shown, "error": error} for one in batch]
        self.stats.append(repr((message, len(batch))))
        self.failures.append(error)

    @property
    def counts(self) -> dict[str, str]:
        """As JSON has numbers of 64 bits."""
        done, failed = len(self.results), len(self.errors)
        return {
            "successfulCount": str(done),
            "failedCount": str(failed),
            "incompleteCount": str(self.total - done - failed),
        }


def predict(account: Account, job: Job, model: Target) -> None:
    """From the first moment to the last state."""
    told: dict[str, Any]
    try:
        state, told = _worked(account, job, model)
    except JobFailed as failed:
        state, told = _nothing(failed.code, str(failed))
    except (InvalidInput, ObjectError) as error:
        state, told = _nothing(5, error.message if isinstance(error, InvalidInput) else str(error))
    except Exception as error:  # noqa: BLE001  # told to who runs the server, once it ends
        account.failures.append(error)
        state, told = _nothing(13, _INTERNAL)
    job.details["told"] = told
    job.end(f"JOB_STATE_{state}", account.tick())


def _nothing(code: int, message: str) -> tuple[str, dict[str, Any]]:
    counts = {"successfulCount": "0", "failedCount": "0", "incompleteCount": "-1"}
    return "FAILED", {"error": {"code": code, "message": message}, "completionStats": counts}


def _worked(account: Account, job: Job, model: Target) -> tuple[str, dict[str, Any]]:
    job.pause(account.jobs.seconds / 2)
    if job.move(("JOB_STATE_PENDING",), "JOB_STATE_RUNNING", now := account.tick()):
        job.begun = now
    job.pause(account.jobs.seconds / 2)
    for fault in account.faults.met("job", model.place.name, model.variant):
        if fault.what in REFUSALS:
            account.faults.count(fault)
            raise JobFailed(13, fault.message or _INTERNAL)
    if job.begun is None or job.stopping:
        return "CANCELLED", {"error": {"code": 1, "message": "CANCELED"}}
    machines = Machines(account, job, model, account.served_by.CONTAINERS, most=Most(seconds=_SECONDS))
    done = _predicted(job, machines, instances(job.asked))
    folder = _written(job, done)
    told = {
        "outputInfo": {"gcsOutputDirectory": folder.url}, "completionStats": done.counts,
        **({"partialFailures": done.failures[:_MOST_FAILURES]} if done.failures else {}),
    }  # fmt: skip
    if job.stopping:
        return "CANCELLED", {**told, "error": {"code": 1, "message": "CANCELED"}}
    if done.errors and not done.results:
        return "FAILED", {**told, "error": done.failures[0]}
    return job.details["partly"] if done.errors else "SUCCEEDED", told


def _predicted(job: Job, machines: Machines, found: Sequence[Instance]) -> _Done:
    done = _Done(total=len(found))
    size = job.asked.get("manualBatchTuningParameters", {}).get("batchSize", _BATCH)
    parameters = {"parameters": job.asked["modelParameters"]} if "modelParameters" in job.asked else {}
    for start in range(0, len(found), size):
        batch = found[start : start + size]
        if job.stopping:
            break
        if faults := [one.fault for one in batch if one.fault]:
            done.fail(batch, 3, faults[0])
            continue
        body = json.dumps({"instances": [one.sent for one in batch], **parameters}).encode()
        _take(done, batch, machines.ask(body, "application/json"))
    return done


def _take(done: _Done, batch: Sequence[Instance], answer: Outgoing) -> None:
    try:
        predictions = _predictions(answer, len(batch))
    except JobFailed as failed:
        done.fail(batch, failed.code, str(failed))
    else:
        done.results += [{**one.shown, "prediction": told} for one, told in zip(batch, predictions, strict=True)]


def _predictions(answer: Outgoing, wanted: int) -> list[Any]:
    if answer.sent < 1 or answer.status >= 400:
        status = 503 if answer.sent < 1 else answer.status
        text = answer.body.decode(errors="replace") if answer.sent == 1 else "upstream connect error"
        raise JobFailed(
            _CODES.get(status, 13),
            "Post request fails. Cannot get predictions. Error: Exceeded retries: Non-OK result"
            f" {status} ({text}) from server, retry=3.",
        )
    try:
        found = json.loads(answer.body)
        predictions = found["predictions"] if isinstance(found, dict) else found
        count = len(predictions)
    except (ValueError, KeyError, TypeError):
        raise JobFailed(13, "The response of the model has no predictions") from None
    if count != wanted:
        raise JobFailed(13, f"The model gave {count} predictions for {wanted} instances")
    return list(predictions)


def _written(job: Job, done: _Done) -> At:
    """The folder with all files, its name from the model's and the job's time."""
    draw = random.Random(job.name)
    draw.shuffle(done.results)
    draw.shuffle(done.errors)
    time = re.sub(r"[-:.]", "_", time_of(job.made)[:-4]) + "Z"
    prefix = At.parse(job.asked["outputConfig"]["gcsDestination"]["outputUriPrefix"])
    folder = prefix.below(f"prediction-{job.details['model_display_name']}-{time}")
    shards = min(_SHARDS, max(1, math.ceil(len(done.results) / _PER_SHARD)))
    for number in range(shards):
        _store(folder, f"prediction.results-{number:05}-of-{shards:05}", map(json.dumps, done.results[number::shards]))
    _store(folder, "prediction.errors_stats-00000-of-00001", iter(done.stats))
    if done.errors:
        _store(folder, "prediction.errors-00000-of-00001", map(json.dumps, done.errors))
    return folder


def _store(folder: At, name: str, lines: Iterator[str]) -> None:
    stored(folder.below(name), "".join(f"{line}\n" for line in lines).encode())
