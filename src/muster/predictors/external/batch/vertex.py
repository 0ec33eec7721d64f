"""Google Vertex AI: batch prediction jobs of the model that is deployed to an endpoint.

Rows go as JSON lines with a key (`instanceConfig.keyField`), which the model does not see and the output has in place of the row:
jobs write in no order. A model that takes lists gets them by `instanceType` array. Rows that the model refuses are told one by one;
as it is asked about several at once, those beside them are too, and the next round asks for each alone.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from muster.errors import InvalidInput, NotApplicable
from muster.predictors.external.batch.service import Answered, Seen, Work
from muster.predictors.external.batch.sorting import Sorted, sorted_by_piece
from muster.predictors.external.batch.staged import Piece, Staged, told
from muster.predictors.external.codecs.spec import RequestSpec
from muster.predictors.external.exchange import Payload
from muster.predictors.external.opening import open_provider
from muster.predictors.external.vertex import Vertex
from muster.records import Connection, Version
from muster.signature import Json

if TYPE_CHECKING:
    from muster.objects.bucket import Entry

__all__ = ["PredictionJobs"]

_KEY = "muster_key"
_STATES: Mapping[str, str] = {
    "JOB_STATE_SUCCEEDED": "done", "JOB_STATE_PARTIALLY_SUCCEEDED": "done", "JOB_STATE_FAILED": "failed",
    "JOB_STATE_CANCELLED": "stopped", "JOB_STATE_EXPIRED": "stopped",
}  # fmt: skip
_ROWS = frozenset({3, 9, 11})
"""Codes of errors that may lie in rows: an invalid argument, a failed precondition, out of range."""
_BY_MODEL = "Cannot get predictions"
"""What is said where the model itself refused, whatever the code."""
_NOTHING = "the batch job gave no answer to it"
_SHARD = re.compile(r"(prediction\.(results|errors)|errors?)[-_](?!stats)")


class PredictionJobs:
    """A Service."""

    by_row = True
    suffix = ".jsonl"

    def __init__(self, version: Version, connection: Connection) -> None:
        route, configuration = version.load["route"], version.load["configuration"]
        assert isinstance(route, dict)
        assert isinstance(configuration, dict)
        models = configuration["models"]
        assert isinstance(models, dict)
        self._id = _deployed(version, route, models)
        model = models[self._id]
        assert isinstance(model, dict)
        number = model.get("version")
        self._model = f"{model['model']}{f'@{number}' if number else ''}"
        self._served = f"{self._id}@{number}" if number else self._id
        self._request = RequestSpec.from_json(version.load["request"])
        if (
            self._request.content_type not in ("", "application/json")
            or self._request.about.content_type != "application/json"
        ):
            raise NotApplicable(
                f"`{version.ref}` is asked by `{self._request.format}`, and batch prediction jobs take instances of JSON",
                hint="leave `--via batch` out",
            )
        if self._request.strings_only:
            raise NotApplicable(
                f"`{version.ref}` is of automated ML, whose batch prediction jobs read CSV and BigQuery, and take no keys of rows",
                hint="leave `--via batch` out",
            )
        self._version = version
        self._settings = connection.settings
        provider, self._send = open_provider(connection)
        assert isinstance(provider, Vertex)
        self._provider = provider

    @property
    def served_by(self) -> str | None:
        return self._served

    def body(self, piece: Piece, payload: Payload) -> bytes:
        """A line for each row: the instance of the request, with its key."""
        document = json.loads(payload.body)
        rows = document.get("instances") if isinstance(document, dict) else None
        if not isinstance(rows, list) or len(rows) != piece.rows:
            raise InvalidInput(
                f"`{self._version.ref}` is asked by `{self._request.format}`, and batch prediction jobs take `instances`",
                hint="leave `--via batch` out",
            )
        lines = (self._keyed(row, f"{piece.name}/{n}") for n, row in enumerate(rows))
        return (
            b"\n".join(json.dumps(line, ensure_ascii=False, separators=(",", ":")).encode() for line in lines) + b"\n"
        )

    def start(self, work: Work) -> None:
        if self._job(work.name) is not None:
            return
        self._provider.rest.post(
            f"{self._provider.parent}/batchPredictionJobs",
            {
                "displayName": work.name,
                "model": self._model,
                "inputConfig": {"instancesFormat": "jsonl", "gcsSource": {"uris": [f"{work.source.url}*"]}},
                "outputConfig": {
                    "predictionsFormat": "jsonl",
                    "gcsDestination": {"outputUriPrefix": work.target.url.rstrip("/")},
                },
                "instanceConfig": self._instances(work),
                "labels": {"muster": "batch"},
                **({"manualBatchTuningParameters": {"batchSize": 1}} if work.alone else {}),
                **({"modelParameters": dict(self._request.params)} if self._request.params else {}),
                **self._machines(),
            },
        )

    def look(self, name: str) -> Seen | None:
        job = self._job(name)
        if job is None:
            return None
        word, error = str(job.get("state", "")), job.get("error") or {}
        code = error.get("code")
        state: Any = _STATES.get(word, "working")
        message = str(error.get("message") or "")
        return Seen(state, word, message, rows_to_blame=state != "failed" or code in _ROWS or _BY_MODEL in message)

    def stop(self, name: str) -> None:
        job = self._job(name)
        if job is not None:
            self._provider.rest.post(f"{self._provider.host}/v1/{job['name']}:cancel", {})

    def settle(self, job: str, staged: Staged, number: int) -> None:
        """The job's lines by the pieces that they answer: each in its own object, in order, with what was refused."""
        if staged.noted(f"settled-{job}") is not None:
            return
        with sorted_by_piece(_written(staged, number)) as lines:
            for piece in staged.pieces(number):
                if content := _in_order(piece, lines):
                    staged.write(staged.answers(number).below(f"{piece.name}.json"), content)
        staged.note(f"settled-{job}", {"round": number})

    def answers(self, staged: Staged, number: int) -> Mapping[Piece, str]:
        return staged.named(staged.answers(number))

    def read(self, content: bytes) -> Answered:
        found = json.loads(content)
        body = json.dumps({"predictions": found["predictions"]}).encode()
        return Answered(body, {int(row): str(text) for row, text in found["refused"].items()})

    def close(self) -> None:
        self._provider.close()
        self._send.close()

    def _keyed(self, row: Json, key: str) -> dict[str, Json]:
        if isinstance(row, dict):
            if _KEY in row:
                raise InvalidInput(
                    f"the model has a column `{_KEY}`, which batch jobs need for themselves", hint="rename it"
                )
            return {_KEY: key, **row}
        values = row if isinstance(row, list) else [row]
        return {_KEY: key, **{_column(n): value for n, value in enumerate(values)}}

    def _instances(self, work: Work) -> dict[str, Json]:
        """How the lines become what the model takes."""
        if self._request.by_name:
            return {"keyField": _KEY, "instanceType": "object"}
        count = len(self._request.columns or self._version.signature.names)
        return {"keyField": _KEY, "instanceType": "array", "includedFields": [_column(n) for n in range(count)]}

    def _machines(self) -> dict[str, Json]:
        kind, count = self._settings.get("batch_machine_type"), int(str(self._settings.get("batch_replicas") or 1))
        spec: dict[str, Json] = (
            {"machineType": str(kind)} if kind else self._provider.machine_of(self._version.load["route"], self._id)
        )
        if not spec:
            return {}
        return {"dedicatedResources": {"machineSpec": spec, "startingReplicaCount": count, "maxReplicaCount": count}}

    def _job(self, name: str) -> dict[str, Any] | None:
        """The first of that name: two processes may have started one each at the very same time."""
        told = self._provider.rest.get(
            f"{self._provider.parent}/batchPredictionJobs", {"filter": f'display_name="{name}"', "pageSize": 10}
        )
        jobs = [j for j in told.get("batchPredictionJobs") or () if j.get("displayName") == name]
        return min(jobs, key=lambda j: (str(j.get("createTime")), str(j.get("name"))), default=None)


def _column(number: int) -> str:
    """The name of a field whose value has its place alone."""
    return f"f{number:04}"


def _written(staged: Staged, number: int) -> list[Entry]:
    """The files of answers that jobs wrote in a round, those of errors last."""
    with told():
        found = [e for e in staged.bucket.list(staged.outputs(number).folder) if _SHARD.match(e.place.name)]
    return sorted(found, key=lambda e: ("error" in e.place.name, e.place.key))


def _in_order(piece: Piece, lines: Sorted) -> bytes:
    """What was written of a piece's rows, for `read`; nothing where nothing was. An answer counts for more than an error."""
    answers: dict[int, Json] = {}
    errors: dict[int, str] = {}
    for row, line in lines.of(piece.name):
        document = json.loads(line)
        if "prediction" in document:
            answers[row] = document["prediction"]
        else:
            error = document.get("error") or {}
            errors[row] = str((isinstance(error, dict) and error.get("message")) or error or _NOTHING)
    if not answers and not errors:
        return b""
    rows = [n for n in range(piece.rows) if n in answers]
    refused = {str(n): errors.get(n, _NOTHING) for n in range(piece.rows) if n not in answers}
    return json.dumps({"predictions": [answers[n] for n in rows], "refused": refused}).encode()


def _deployed(version: Version, route: Mapping[str, Json], models: Mapping[str, Json]) -> str:
    """The deployed model whose model a job takes: a job runs one, and that alone."""
    wanted = route.get("expects")
    if wanted is not None:
        return str(wanted)
    if len(models) != 1:
        raise NotApplicable(
            f"`{version.ref}` cannot be scored by a batch prediction job: the endpoint divides its calls among"
            f" {len(models)} models, and a job runs one",
            hint="leave `--via batch` out",
        )
    return next(iter(models))
