"""Amazon SageMaker: batch transform jobs of the model behind an endpoint.

Each object is one request to the container, whole (`SplitType` None), so that what it answers is what the endpoint would. An object
that the container refuses has no output; the others have theirs.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from muster.errors import InvalidInput, NotApplicable, NotFound, SourceError
from muster.objects.place import Place
from muster.predictors.external.batch.service import Answered, Seen, Work
from muster.predictors.external.batch.staged import Piece, Staged
from muster.predictors.external.exchange import Payload
from muster.predictors.external.opening import open_provider
from muster.predictors.external.sagemaker import SageMaker
from muster.records import Connection, Version
from muster.signature import Json

__all__ = ["TransformJobs"]

_MEGABYTE = 1 << 20
_SECONDS = 3600
_STATES: Mapping[str, str] = {"Completed": "done", "Failed": "failed", "Stopped": "stopped"}
_SERVICE = re.compile(
    r"^(InternalServerError|CapacityError|ResourceLimitExceeded)|access ?denied|forbidden|not authorized|permission|NoSuchBucket"
    r"|data (down|up)load failed",
    re.IGNORECASE,
)
"""What a job fails of that lies in no rows."""
_TOGETHER, _FLYING = 100, 8
"""Megabytes that may be on their way to an instance at once, and requests."""


class TransformJobs:
    """A Service."""

    by_row = False
    suffix = ""

    def __init__(self, version: Version, connection: Connection) -> None:
        route, configuration = version.load["route"], version.load["configuration"]
        assert isinstance(route, dict)
        assert isinstance(configuration, dict)
        variants = configuration["variants"]
        assert isinstance(variants, dict)
        self._variant = _variant(version, route, variants)
        told = variants[self._variant]
        assert isinstance(told, dict)
        self._model = str(told["model"])
        self._config = str(configuration["endpoint_config"])
        self._settings = connection.settings
        provider, self._send = open_provider(connection)
        assert isinstance(provider, SageMaker)
        self._provider = provider

    @property
    def served_by(self) -> str | None:
        return self._variant

    def check(self, folder: Place) -> None:
        if not folder.bucket.startswith("s3://"):
            raise InvalidInput(
                f"batch transform jobs read from S3 and write to it, and `batch_folder` is {folder}",
                hint="give the connection a folder of S3, such as s3://bucket/folder",
            )
        self._machines()

    def body(self, piece: Piece, payload: Payload, order: Sequence[int]) -> bytes:
        return payload.body

    def start(self, work: Work) -> None:
        kind, count = self._machines()
        size = max(1, -(-work.largest // _MEGABYTE))
        try:
            self._provider.call(
                "CreateTransformJob",
                TransformJobName=work.name,
                ModelName=self._model,
                BatchStrategy="SingleRecord",
                MaxPayloadInMB=size,
                MaxConcurrentTransforms=max(1, min(_FLYING, _TOGETHER // size)),
                ModelClientConfig={"InvocationsTimeoutInSeconds": _SECONDS, "InvocationsMaxRetries": 1},
                TransformInput={
                    "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"{work.source.url}"}},
                    "ContentType": work.content_type,
                    "SplitType": "None",
                    "CompressionType": "None",
                },
                TransformOutput={
                    "S3OutputPath": work.target.url.rstrip("/"),
                    "AssembleWith": "None",
                    **({"Accept": work.accept} if work.accept else {}),
                },
                TransformResources={"InstanceType": kind, "InstanceCount": count},
            )
        except SourceError:
            if self.look(work.name) is None:  # else it is there: from the same call, whose answer was lost
                raise

    def look(self, name: str) -> Seen | None:
        try:
            told = self._provider.call("DescribeTransformJob", TransformJobName=name)
        except NotFound:
            return None
        except SourceError as error:
            if (
                error.details.get("code") in ("ValidationException", "ResourceNotFound")
                and "ould not find" in error.message
            ):
                return None
            raise
        word, reason = str(told["TransformJobStatus"]), str(told.get("FailureReason") or "")
        state: Any = _STATES.get(word, "working")
        return Seen(state, word, reason, rows_to_blame=_SERVICE.search(reason) is None)

    def stop(self, name: str) -> None:
        try:
            self._provider.call("StopTransformJob", TransformJobName=name)
        except SourceError:
            seen = self.look(name)
            if seen is not None and seen.state == "working":
                raise

    def settle(self, job: str, staged: Staged, number: int) -> None:
        return None

    def answers(self, staged: Staged, number: int) -> Mapping[Piece, str]:
        return staged.named(staged.outputs(number))

    def read(self, content: bytes) -> Answered:
        return Answered(content)

    def close(self) -> None:
        self._provider.close()
        self._send.close()

    def _machines(self) -> tuple[str, int]:
        """The kind of instance and how many: those that are set, else the variant's own."""
        kind, count = self._settings.get("batch_instance_type"), self._settings.get("batch_instance_count")
        if not kind:
            told = self._provider.call("DescribeEndpointConfig", EndpointConfigName=self._config)
            own: dict[str, Any] = next(
                (v for v in told.get("ProductionVariants", []) if v.get("VariantName") == self._variant), {}
            )
            kind = own.get("InstanceType")
            if not kind:
                raise NotApplicable(
                    f"the variant `{self._variant}` has no instances of its own, and a batch transform job needs a kind of them",
                    hint="give the connection `batch_instance_type`, such as ml.m5.xlarge",
                )
        return str(kind), int(str(count or 1))


def _variant(version: Version, route: Mapping[str, Json], variants: Mapping[str, Json]) -> str:
    """The variant whose model a job takes: a job runs one model, and that alone."""
    told = f"`{version.ref}` cannot be scored by a batch transform job"
    if "component" in route or "model" in route:
        what = "an inference component" if "component" in route else "one of many models of a container"
        raise NotApplicable(f"{told}: it is {what}, which such a job cannot run", hint="leave `--via batch` out")
    named = route.get("variant")
    if named is None and len(variants) != 1:
        raise NotApplicable(
            f"{told}: the endpoint divides its calls among {', '.join(variants)}, and a job runs one model",
            hint="register one variant of it, and score that",
        )
    return str(named) if named is not None else next(iter(variants))
