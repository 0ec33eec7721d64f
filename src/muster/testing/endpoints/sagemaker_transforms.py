"""SageMaker's batch transform as its control plane has it: jobs that are created, described, listed and stopped."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from muster.testing.endpoints.account import Account, Visit
from muster.testing.endpoints.invoking import Target
from muster.testing.endpoints.jobs import Job
from muster.testing.endpoints.place import Place
from muster.testing.endpoints.refusal import Refused
from muster.testing.endpoints.sagemaker_lists import listed
from muster.testing.endpoints.sagemaker_shapes import checked, each, structure, text, texts, whole, word
from muster.testing.endpoints.sagemaker_transforming import transform
from muster.testing.endpoints.served import Served

__all__ = ["Transforms"]

_NAME = text("[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}", 63)
_S3 = text("(https|s3)://([^/]+)/?(.*)")
_MIME = text(most=256)
_KEY = text("[a-zA-Z0-9:/_-]*", 2048)
_SOURCE = structure({"S3DataType": word("ManifestFile", "S3Prefix"), "S3Uri": _S3})
_INPUT = structure(
    {"DataSource": structure({"S3DataSource": _SOURCE})},
    {"ContentType": _MIME, "CompressionType": word("None", "Gzip"), "SplitType": word("None", "Line")},
)
_OUTPUT = structure({"S3OutputPath": _S3}, {"Accept": _MIME, "AssembleWith": word("None", "Line"), "KmsKeyId": _KEY})
_RESOURCES = structure(
    {"InstanceType": text(r"ml\.[a-z0-9]+\.[a-z0-9]+"), "InstanceCount": whole(1)}, {"VolumeKmsKeyId": _KEY}
)
_CREATE = structure(
    {"TransformJobName": _NAME, "ModelName": _NAME, "TransformInput": _INPUT, "TransformOutput": _OUTPUT,
     "TransformResources": _RESOURCES},
    {"MaxConcurrentTransforms": whole(0), "MaxPayloadInMB": whole(0), "BatchStrategy": word("MultiRecord", "SingleRecord"),
     "ModelClientConfig": structure({}, {"InvocationsTimeoutInSeconds": whole(1, 3600), "InvocationsMaxRetries": whole(0, 3)}),
     "Environment": texts(16), "Tags": each(structure({"Key": text(most=128), "Value": text(most=256)}), 50)},
)  # fmt: skip
_ONE = structure({"TransformJobName": _NAME})
_MOST_MB = 100


class Transforms:
    def __init__(
        self,
        account: Account,
        arn: Callable[[str, str], str],
        models: Callable[[], Mapping[str, tuple[Place, str, Served]]],
    ) -> None:
        self._account = account
        self._arn = arn
        self._models = models
        self.operations: Mapping[str, Callable[[Visit, dict[str, Any]], dict[str, Any]]] = {
            "CreateTransformJob": self._create,
            "DescribeTransformJob": self._describe,
            "ListTransformJobs": self._list,
            "StopTransformJob": self._stop,
        }

    def answer(self, visit: Visit, operation: str) -> dict[str, Any]:
        return self.operations[operation](visit, visit.incoming.json() or {})

    def _create(self, visit: Visit, asked: dict[str, Any]) -> dict[str, Any]:
        known = self._models().get(str(asked.get("ModelName")))
        self._account.permit(visit, "submit", known[0].name if known else "")
        checked(asked, _CREATE)
        if known is None:
            raise Refused("missing", f'Could not find model "{self._arn("model", asked["ModelName"])}".')
        model = Target(*known)
        if model.place.deployed.models:
            raise Refused("invalid", "Multi-model containers are not supported by batch transform.")
        if max(1, asked.get("MaxConcurrentTransforms", 0)) * asked.get("MaxPayloadInMB", 6) > _MOST_MB:
            raise Refused("invalid", f"MaxConcurrentTransforms * MaxPayloadInMB must not exceed {_MOST_MB} MB.")
        job = Job(asked["TransformJobName"], asked, self._account.tick(), "InProgress")
        job.details = {"endpoint": model.place.name}
        if not self._account.jobs.start(job, partial(transform, self._account, job, model)):
            raise Refused(
                "invalid",
                "Job name must be unique within an AWS account and region, and a job with this name already exists"
                f" ({self._job_arn(job)})",
                code="ResourceInUse",
            )
        return {"TransformJobArn": self._job_arn(job)}

    def _job(self, visit: Visit, operation: str, asked: dict[str, Any]) -> Job:
        checked(asked, _ONE)
        name = str(asked["TransformJobName"])
        known = name in self._account.jobs
        self._account.permit(visit, operation, self._account.jobs[name].details["endpoint"] if known else "")
        if not known:
            raise Refused("missing", f"Could not find requested job with name: {name}")
        return self._account.jobs[name]

    def _job_arn(self, job: Job) -> str:
        return self._arn("transform-job", job.name)

    def _describe(self, visit: Visit, asked: dict[str, Any]) -> dict[str, Any]:
        job = self._job(visit, "poll", asked)
        wanted = job.asked
        found = {name: value for name, value in wanted.items() if name != "Tags"}
        found |= {
            "TransformInput": {"CompressionType": "None", "SplitType": "None", **wanted["TransformInput"]},
            "TransformOutput": {"AssembleWith": "None", "KmsKeyId": "", **wanted["TransformOutput"]},
            "DataProcessing": {"InputFilter": "$", "OutputFilter": "$", "JoinSource": "None"},
        }
        return found | self._told(job) | ({"TransformStartTime": float(job.begun)} if job.begun else {})

    def _told(self, job: Job) -> dict[str, Any]:
        """What a description and a list tell alike."""
        return {
            "TransformJobName": job.name, "TransformJobArn": self._job_arn(job), "CreationTime": float(job.made),
            "TransformJobStatus": job.state, **({"TransformEndTime": float(job.ended)} if job.ended else {}),
            **({"FailureReason": job.details["reason"]} if job.state == "Failed" else {}),
        }  # fmt: skip

    def _list(self, visit: Visit, asked: dict[str, Any]) -> dict[str, Any]:
        self._account.permit(visit, "list")
        found = [self._told(job) | {"LastModifiedTime": float(job.changed)} for job in self._account.jobs]
        return listed("TransformJobSummaries", "TransformJob", found, asked, page=self._account.page)

    def _stop(self, visit: Visit, asked: dict[str, Any]) -> dict[str, Any]:
        job = self._job(visit, "stop", asked)
        if not job.move(("InProgress",), "Stopping", self._account.tick()):
            raise Refused("invalid", f"The request was rejected because the transform job is in status {job.state}.")
        job.stop()
        return {}
