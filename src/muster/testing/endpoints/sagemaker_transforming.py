"""What a transform job does: objects into requests, answers into objects.

An object with a bad record has no output, and the others have theirs; the job fails then. A job that is stopped leaves nothing.
"""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from muster.errors import InvalidInput
from muster.objects.faults import ObjectError
from muster.objects.place import Place as At
from muster.testing.endpoints.account import Account
from muster.testing.endpoints.aws_tokens import ROLE
from muster.testing.endpoints.batch_objects import after, fetched, starting_with, stored
from muster.testing.endpoints.faults import REFUSALS
from muster.testing.endpoints.invoking import Most, Target
from muster.testing.endpoints.jobs import Job
from muster.testing.endpoints.machines import Machines

__all__ = ["transform"]

_MB = 1 << 20
_LOGS = "See job logs for more information"
_INTERNAL = "InternalServerError: We encountered an internal error. Please try again."


class _Failed(Exception):
    """What one object, or all, failed with; `whose` is `ClientError` or `AlgorithmError`."""

    def __init__(self, whose: str, message: str) -> None:
        super().__init__(message)
        self.whose = whose


def transform(account: Account, job: Job, model: Target) -> None:
    """From the first moment to the last state."""
    try:
        state, reason = _worked(account, job, model)
    except _Failed as failed:
        state, reason = "Failed", f"{failed.whose}: {failed}"
    except InvalidInput as error:
        state, reason = "Failed", f"ClientError: {error.message}"
    except ObjectError as error:
        state, reason = "Failed", f"ClientError: {error}"
    except Exception as error:  # noqa: BLE001  # told to who runs the server, once it ends
        account.failures.append(error)
        state, reason = "Failed", _INTERNAL
    job.details["reason"] = reason[:1024]
    job.end(state, account.tick())


def _worked(account: Account, job: Job, model: Target) -> tuple[str, str]:
    """The last state, and why."""
    job.pause(account.jobs.seconds)
    if job.stopping:
        return "Stopped", ""
    job.begun = account.tick()
    for fault in account.faults.met("job", model.place.name, model.variant):
        if fault.what in REFUSALS:
            account.faults.count(fault)
            return "Failed", fault.message or _INTERNAL
    asked = job.asked
    seconds = asked.get("ModelClientConfig", {}).get("InvocationsTimeoutInSeconds", 600)
    most = Most(seconds=seconds, flying=_workers(asked))
    work = _Work(job, Machines(account, job, model, account.served_by.CONTAINERS, most=most))
    outputs, whose = work.all(_objects(asked["TransformInput"]["DataSource"]["S3DataSource"]))
    if job.stopping:
        return "Stopped", ""
    below = At.parse(asked["TransformOutput"]["S3OutputPath"])
    for name, content in outputs:
        stored(below.below(f"{name}.out"), content)
    return ("Failed", f"{whose}: {_LOGS}") if whose else ("Completed", "")


def _workers(asked: Any) -> int:
    return int(max(1, asked.get("MaxConcurrentTransforms", 1)) * asked["TransformResources"]["InstanceCount"])


def _objects(source: Any) -> list[tuple[At, str]]:
    """Each object of the input, and the path that its output keeps."""
    at = At.parse(source["S3Uri"])
    if source["S3DataType"] == "ManifestFile":
        return _manifest(at)
    found = [(one, after(at.key, one.key)) for one in starting_with(at)]
    if not found:
        bucket = at.bucket.partition("://")[2]
        raise _Failed(
            "ClientError",
            f'Data download failed:No S3 objects found under S3 URL "{source["S3Uri"]}" given in input data source. Please'
            " ensure that the bucket exists in the selected region, that objects exist under that S3 prefix, and that the role"
            f' "{ROLE}" has "s3:ListBucket" permissions on bucket "{bucket}".',
        )
    return found


def _manifest(at: At) -> list[tuple[At, str]]:
    try:
        first, *names = json.loads(fetched(at))
        prefix = str(first["prefix"])
    except (ValueError, TypeError, KeyError):
        raise _Failed("ClientError", f"Data download failed:Invalid manifest {at}") from None
    return [(At.parse(prefix + str(name)), str(name)) for name in names]


class _Work:
    def __init__(self, job: Job, machines: Machines) -> None:
        self._job = job
        self._machines = machines
        self._asked = job.asked

    def all(self, objects: Sequence[tuple[At, str]]) -> tuple[list[tuple[str, bytes]], str]:
        """The outputs by name, and whose error it was if some object failed."""
        outputs, whose = [], ""
        for at, name in objects:
            if self._job.stopping:
                break
            try:
                outputs.append((name, self._one(at)))
            except _Failed as failed:
                whose = whose or failed.whose
                shown = at.url.partition("://")[2]
                self._job.log += [f"{shown}: {line}" for line in f"{failed.whose}: {failed}".splitlines()]
        return outputs, whose

    def _one(self, at: At) -> bytes:
        content = self._content(at)
        bodies = [content] if self._split == "None" else self._batches(content)
        end = b"\n" if self._asked["TransformOutput"].get("AssembleWith") == "Line" else b""
        with ThreadPoolExecutor(_workers(self._asked), thread_name_prefix="transform") as pool:
            return b"".join(answer + end for answer in pool.map(self._ask, bodies))

    @property
    def _split(self) -> str:
        return str(self._asked["TransformInput"].get("SplitType", "None"))

    @property
    def _limit(self) -> int | None:
        """Bytes of a request at most; none if they may come in chunks."""
        mb = int(self._asked.get("MaxPayloadInMB", 6))
        return mb * _MB or None

    def _content(self, at: At) -> bytes:
        content = fetched(at)
        if self._asked["TransformInput"].get("CompressionType", "None") == "None":
            return content
        try:
            return gzip.decompress(content)
        except (OSError, EOFError) as error:
            raise _Failed("ClientError", f"cannot decompress: {error}") from None

    def _batches(self, content: bytes) -> Iterator[bytes]:
        """Lines, each alone or as many as a request may have. A newline within quotes ends a record too."""
        alone = self._asked.get("BatchStrategy") == "SingleRecord"
        batch: list[bytes] = []
        size = 0
        for line in io.BytesIO(content):
            if batch and (alone or (self._limit is not None and size + len(line) > self._limit)):
                yield b"".join(batch)
                batch, size = [], 0
            batch.append(line)
            size += len(line)
        if batch:
            yield b"".join(batch)

    def _ask(self, body: bytes) -> bytes:
        if self._job.stopping:
            return b""
        if self._limit is not None and len(body) > self._limit:
            raise _Failed("ClientError", "Too much data for max payload size")
        retries = self._asked.get("ModelClientConfig", {}).get("InvocationsMaxRetries", 3)
        kind = self._asked["TransformInput"].get("ContentType", "")
        accept = self._asked["TransformOutput"].get("Accept", "")
        answer = self._machines.ask(body, kind, accept=accept, retries=retries)
        if answer.sent < 1:
            raise _Failed("AlgorithmError", "Unable to get response from algorithm")
        if answer.status >= 400:
            whose = "ClientError" if answer.status < 500 else "AlgorithmError"
            raise _Failed(whose, f"{answer.status}\nMessage:\n{answer.body.decode(errors='replace')}")
        return answer.body
