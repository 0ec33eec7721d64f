"""Google Vertex AI: batch prediction jobs of the model that is deployed to an endpoint.

Rows go as JSON lines with a key (`instanceConfig.keyField`), which the model does not see and the output has in place of the row:
jobs write in no order. A model that takes lists gets them by `instanceType` array. Rows that the model refuses are told one by one;
as it is asked about several at once, those beside them are too, and the next round asks for each alone.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from muster.errors import InvalidInput, NotApplicable, SourceError, SourceUnavailable
from muster.objects.place import Place
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

_KEY, _FIELD = "muster_key", "muster_"
_IN_LIST = re.compile(rf"{_FIELD}\d{{4,}}_of_\d+")
_STATES: Mapping[str, str] = {
    "JOB_STATE_SUCCEEDED": "done", "JOB_STATE_PARTIALLY_SUCCEEDED": "done", "JOB_STATE_FAILED": "failed",
    "JOB_STATE_CANCELLED": "stopped", "JOB_STATE_EXPIRED": "stopped",
}  # fmt: skip
_BY_MODEL = "Cannot get predictions"
"""What is said where the model's own server was asked."""
_ANSWERED = re.compile(r"Non-OK result (\d{3})\b")
"""What the model's own server answered to an instance."""
_REFUSED = frozenset({400, 413, 415, 422})
"""Statuses by which it says that it does not take what was sent."""
_UNFIT = frozenset({3, 11})
"""The same as codes, where the instance did not get so far: an invalid argument, out of range."""
_NOTHING = "the batch job gave no answer to it"
_SHARD = re.compile(r"(predictions?[._](results|errors)|predictions?|errors?)[-_](?!stats)")
_LOOKS, _PAUSE = 5, 1.0
"""How often, and after how many seconds, a job is looked for of which it is not known whether it was made."""


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
        if self._request.extra:
            raise NotApplicable(
                f"`{version.ref}` is sent {', '.join(f'`{name}`' for name in self._request.extra)} beside the instances, for which"
                " batch prediction jobs have no place",
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

    def check(self, folder: Place) -> None:
        if not folder.bucket.startswith("gs://") and not self._settings.get("endpoint_url"):
            raise InvalidInput(
                f"batch prediction jobs read from Cloud Storage and write to it, and `batch_folder` is {folder}",
                hint="give the connection a folder of Cloud Storage, such as gs://bucket/folder",
            )
        self._machines()

    def body(self, piece: Piece, payload: Payload, order: Sequence[int]) -> bytes:
        """A line for each row: the instance of the request, with its key."""
        document = json.loads(payload.body)
        rows = document.get("instances") if isinstance(document, dict) else None
        if not isinstance(rows, list) or len(rows) != piece.rows:
            raise InvalidInput(
                f"`{self._version.ref}` is asked by `{self._request.format}`, and batch prediction jobs take `instances`",
                hint="leave `--via batch` out",
            )
        lines = (json.dumps(self._keyed(rows[n], f"{piece.name}.{n}"), separators=(",", ":")) for n in order)
        return "".join(f"{line}\n" for line in lines).encode()

    def start(self, work: Work) -> None:
        if self._jobs(work.name):
            return
        asked: dict[str, Json] = {
            "displayName": work.name,
            "model": self._model,
            "inputConfig": {"instancesFormat": "jsonl", "gcsSource": {"uris": [f"{work.source.url}*"]}},
            "outputConfig": {
                "predictionsFormat": "jsonl",
                "gcsDestination": {"outputUriPrefix": work.target.url.rstrip("/")},
            },
            "instanceConfig": _instances(work.first),
            "labels": {"muster": "batch"},
            **({"manualBatchTuningParameters": {"batchSize": 1}} if work.alone else {}),
            **({"modelParameters": dict(work.params)} if work.params else {}),
            **self._machines(),
        }
        try:
            # Two of a name may be made, so that what may have been made is not asked for again.
            self._provider.rest.post(f"{self._provider.parent}/batchPredictionJobs", asked, once=True)
        except SourceUnavailable:
            if not self._made(work.name):
                raise
        for job in self._jobs(work.name)[1:]:
            self._cancel(job)

    def _made(self, name: str) -> bool:
        """Whether a job was made, though nothing came back that says so."""
        for _ in range(_LOOKS):
            if self._jobs(name):
                return True
            time.sleep(_PAUSE)
        return False

    def look(self, name: str) -> Seen | None:
        job = next(iter(self._jobs(name)), None)
        if job is None:
            return None
        word = str(job.get("state", ""))
        state: Any = _STATES.get(word, "working")
        return Seen(state, word, str((job.get("error") or {}).get("message") or ""))

    def stop(self, name: str) -> None:
        for job in self._jobs(name):
            self._cancel(job)

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
        predictions = found["predictions"]

        def part(first: int, count: int) -> bytes:
            return json.dumps({"predictions": predictions[first : first + count]}).encode()

        refused, tried = ({int(row): str(text) for row, text in found[told].items()} for told in ("refused", "tried"))
        return Answered(part(0, len(predictions)), refused, tried, frozenset(found["silent"]), part)

    def close(self) -> None:
        self._provider.close()
        self._send.close()

    def _keyed(self, row: Json, key: str) -> dict[str, Json]:
        """A list has its length in the names of its fields: one of another length is refused, and not cut."""
        if isinstance(row, dict):
            if _KEY in row:
                raise InvalidInput(
                    f"the model has a column `{_KEY}`, which batch jobs need for themselves", hint="rename it"
                )
            return {_KEY: key, **row}
        if isinstance(row, list):
            return {_KEY: key, **{f"{_FIELD}{n:04}_of_{len(row)}": value for n, value in enumerate(row)}}
        raise NotApplicable(
            f"`{self._version.ref}` takes bare values, and batch prediction jobs give a model objects or lists",
            hint="leave `--via batch` out",
        )

    def _machines(self) -> dict[str, Json]:
        kind, count = self._settings.get("batch_machine_type"), int(str(self._settings.get("batch_replicas") or 1))
        spec: dict[str, Json] = (
            {"machineType": str(kind)} if kind else self._provider.machine_of(self._version.load["route"], self._id)
        )
        if not spec:
            return {}
        return {"dedicatedResources": {"machineSpec": spec, "startingReplicaCount": count, "maxReplicaCount": count}}

    def _jobs(self, name: str) -> list[dict[str, Any]]:
        """Those of that name, the one that counts first: a second may have been made by a call whose answer was lost."""
        told = self._provider.rest.get(
            f"{self._provider.parent}/batchPredictionJobs", {"filter": f'display_name="{name}"', "pageSize": 10}
        )
        jobs = [j for j in told.get("batchPredictionJobs") or () if j.get("displayName") == name]
        return sorted(jobs, key=lambda j: (str(j.get("createTime")), str(j.get("name"))))

    def _cancel(self, job: Mapping[str, Any]) -> None:
        """Ask for its end, unless it is over."""
        if str(job.get("state", "")) in _STATES:
            return
        url = f"{self._provider.host}/v1/{job['name']}"
        try:
            self._provider.rest.post(f"{url}:cancel", {})
        except SourceError:
            if str(self._provider.rest.get(url).get("state", "")) not in _STATES:
                raise


def _instances(first: Place) -> dict[str, Json]:
    """How lines become what the model takes, by the first of them."""
    with told():
        from muster.objects.bucket import bucket_of

        line = json.loads(bucket_of(first).read(first.key).split(b"\n", 1)[0])
    fields = [name for name in line if name != _KEY]
    if all(_IN_LIST.fullmatch(name) for name in fields):
        return {"keyField": _KEY, "instanceType": "array", "includedFields": fields}
    return {"keyField": _KEY, "instanceType": "object"}


def _written(staged: Staged, number: int) -> list[Entry]:
    """The files of answers that jobs wrote in a round, those of errors last."""
    with told():
        found = [e for e in staged.bucket.list(staged.outputs(number).folder) if _SHARD.match(e.place.name)]
    return sorted(found, key=lambda e: ("error" in e.place.name, e.place.key))


def _in_order(piece: Piece, lines: Sorted) -> bytes:
    """What was written of a piece's rows, for `read`; nothing where nothing was. An answer counts for more than an error."""
    answers: dict[int, Json] = {}
    refused: dict[int, str] = {}
    tried: dict[int, str] = {}
    for row, document in lines.of(piece.name, _KEY):
        if "prediction" in document:
            answers[row] = document["prediction"]
        else:
            code, message = _error(document.get("error"))
            (refused if _refuses(code, message) else tried)[row] = message
    if not answers and not refused and not tried:
        return b""
    rows = range(piece.rows)
    refused = {n: refused[n] for n in rows if n in refused and n not in answers}
    tried = {n: tried[n] for n in rows if n in tried and n not in answers and n not in refused}
    document = {
        "predictions": [answers[n] for n in rows if n in answers],
        "refused": refused,
        "tried": tried,
        "silent": [n for n in rows if n not in answers and n not in refused and n not in tried],
    }
    return json.dumps(document).encode()


def _refuses(code: int | None, message: str) -> bool:
    """Whether an error is the model's word on the row; else it may pass, or be that of a neighbour."""
    answered = _ANSWERED.search(message)
    return int(answered[1]) in _REFUSED if answered else code in _UNFIT and _BY_MODEL not in message


def _error(told: Any) -> tuple[int | None, str]:
    """The code of what is told of a row, and its message."""
    if isinstance(told, dict):
        code = told.get("code")
        return (code if isinstance(code, int) else None), str(told.get("message") or told or _NOTHING)
    return None, str(told or _NOTHING)


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
