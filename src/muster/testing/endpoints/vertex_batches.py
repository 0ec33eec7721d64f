"""Batch prediction as Vertex AI's API has it: jobs that are created, described, listed, cancelled and deleted."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from muster.testing.endpoints.account import Account, Visit, page_of
from muster.testing.endpoints.google_tokens import PROJECT
from muster.testing.endpoints.invoking import Target
from muster.testing.endpoints.jobs import Job
from muster.testing.endpoints.refusal import Refused
from muster.testing.endpoints.server import Outgoing, said
from muster.testing.endpoints.vertex_batch_checks import faults
from muster.testing.endpoints.vertex_batching import predict
from muster.testing.endpoints.vertex_control import NUMBER, Control, number, time_of
from muster.testing.endpoints.vertex_messages import JOB, found_errors, parsed

__all__ = ["Batches"]

_ENDED = ("JOB_STATE_SUCCEEDED", "JOB_STATE_PARTIALLY_SUCCEEDED", "JOB_STATE_FAILED", "JOB_STATE_CANCELLED")
_TERM = re.compile(r'\s*(\w+)\s*(!=|=|:)\s*"?([^"]*?)"?\s*')


class Batches:
    """`scheme` is that of the buckets that jobs read and write; `partly` how a job ends that lost some instances."""

    def __init__(self, account: Account, control: Control, region: str, *, scheme: str, partly: str) -> None:
        self._account = account
        self._control = control
        self._region = region
        self._scheme = scheme
        self._partly = partly

    def answer(self, visit: Visit, rest: str) -> Outgoing:
        """What comes after the jobs' own collection in a path is `rest`."""
        id, _, verb = rest.partition(":")
        ways: Mapping[tuple[str, bool, str], Callable[[], dict[str, Any]]] = {
            ("POST", False, ""): lambda: self._create(visit),
            ("GET", False, ""): lambda: self._list(visit),
            ("GET", True, ""): lambda: self._told(self._job(visit, "poll", id)),
            ("POST", True, "cancel"): lambda: self._cancel(visit, id),
            ("DELETE", True, ""): lambda: self._delete(visit, id),
        }
        way = ways.get((visit.incoming.method, bool(id), verb))
        if way is None:
            raise Refused("missing")
        return said(way())

    def _create(self, visit: Visit) -> dict[str, Any]:
        asked = parsed(_body(visit), JOB, "batch_prediction_job")
        model = self._model(asked.get("model", "")) if asked.get("model") else None
        self._account.permit(visit, "submit", model.place.name if model else "")
        formats = self._control.formats(model.served)[0] if model else []
        errors = list(faults(asked, formats, self._scheme))
        if errors or model is None:
            raise found_errors(errors)
        made = self._account.tick()
        job = Job(number("job", str(made)), asked, made, "JOB_STATE_PENDING")
        job.details = {
            "endpoint": model.place.name, "model": self._control.model_name(model.place, model.served), "partly": self._partly,
            "model_display_name": model.served.model or model.place.name, "version": model.served.version,
        }  # fmt: skip
        told = self._told(job)
        self._account.jobs.start(job, partial(predict, self._account, job, model))
        return told

    def _model(self, name: str) -> Target:
        found = re.fullmatch(r"projects/([^/]+)/locations/([^/]+)/models/([^/]+)", name)
        if found is None:
            raise Refused("invalid", f"Invalid resource name: {name}")
        if found[1] not in (PROJECT, NUMBER) or found[2] != self._region:
            raise Refused("missing", f"The Model {name} does not exist.")
        return Target(*self._control.version(found[3]))

    def _job(self, visit: Visit, operation: str, id: str) -> Job:
        known = id in self._account.jobs
        self._account.permit(visit, operation, self._account.jobs[id].details["endpoint"] if known else "")
        if not known:
            raise Refused("missing", f"The BatchPredictionJob {self._name(id)} does not exist.")
        return self._account.jobs[id]

    def _name(self, id: str) -> str:
        return f"{self._control.parent}/batchPredictionJobs/{id}"

    def _told(self, job: Job) -> dict[str, Any]:
        details = job.details
        times = {"createTime": job.made, "startTime": job.begun, "endTime": job.ended, "updateTime": job.changed}
        return {
            **job.asked, "name": self._name(job.name), "model": details["model"], "modelVersionId": details["version"],
            "state": job.state, **{name: time_of(at) for name, at in times.items() if at is not None},
            **details.get("told", {}),
        }  # fmt: skip

    def _list(self, visit: Visit) -> dict[str, Any]:
        self._account.permit(visit, "list")
        asked = visit.incoming.query
        found = [job for job in reversed(list(self._account.jobs)) if _wanted(job, asked.get("filter", ""))]
        token = asked.get("pageToken", "")
        if token and not token.isdecimal():
            raise Refused("invalid", "Invalid page token.")
        shown, after = page_of(found, token, min(self._account.page, int(asked.get("pageSize") or 50) or 50))
        return {
            "batchPredictionJobs": [self._told(job) for job in shown],
            **({"nextPageToken": after} if after else {}),
        }

    def _cancel(self, visit: Visit, id: str) -> dict[str, Any]:
        job = self._job(visit, "stop", id)
        if not job.move(("JOB_STATE_PENDING", "JOB_STATE_RUNNING"), "JOB_STATE_CANCELLING", self._account.tick()):
            raise _precondition(
                f"The BatchPredictionJob {self._name(id)} is in state {job.state} and cannot be cancelled."
            )
        job.stop()
        return {}

    def _delete(self, visit: Visit, id: str) -> dict[str, Any]:
        """Done at once: the operation that stands for it has ended when it is told of."""
        job = self._job(visit, "delete", id)
        if job.state not in _ENDED:
            raise _precondition(
                f"The BatchPredictionJob {self._name(id)} is in state {job.state} and cannot be deleted."
            )
        self._account.jobs.delete(id)
        now = time_of(self._account.tick())
        kinds = "type.googleapis.com/google"
        return {
            "name": f"{self._control.parent}/operations/{number('operation', id)}", "done": True,
            "metadata": {"@type": f"{kinds}.cloud.aiplatform.v1.DeleteOperationMetadata",
                         "genericMetadata": {"createTime": now, "updateTime": now}},
            "response": {"@type": f"{kinds}.protobuf.Empty"},
        }  # fmt: skip


def _body(visit: Visit) -> Any:
    try:
        return visit.incoming.json()
    except ValueError as error:
        raise Refused("invalid", f"Invalid JSON payload received. {error}") from None


def _precondition(text: str) -> Refused:
    return Refused("invalid", text, code="FAILED_PRECONDITION")


def _wanted(job: Job, wanted: str) -> bool:
    """By terms that are joined with AND; others than of names and the state are not there."""
    values = {
        "display_name": job.asked["displayName"], "displayname": job.asked["displayName"], "state": job.state,
        "model_display_name": job.details["model_display_name"],
    }  # fmt: skip
    for term in wanted.split(" AND ") if wanted.strip() else ():
        found = _TERM.fullmatch(term)
        if found is None or found[1].lower() not in values:
            raise Refused("invalid", f"Invalid filter expression: {wanted}")
        value = values[found[1].lower()]
        fits = (
            value == found[3]
            if found[2] != ":"
            else bool(re.fullmatch(re.escape(found[3]).replace(r"\*", ".*"), value))
        )
        if fits == (found[2] == "!="):
            return False
    return True
