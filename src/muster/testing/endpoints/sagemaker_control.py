"""SageMaker's control plane: lists and descriptions of endpoints, their configurations, models, packages and components."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Any

from muster.testing.endpoints.account import Account, Visit
from muster.testing.endpoints.aws_tokens import ACCOUNT, ROLE
from muster.testing.endpoints.place import BEGIN, Place
from muster.testing.endpoints.refusal import Refused
from muster.testing.endpoints.sagemaker_lists import listed
from muster.testing.endpoints.sagemaker_queue import output_config
from muster.testing.endpoints.sagemaker_transforms import Transforms
from muster.testing.endpoints.served import Served
from muster.testing.endpoints.server import Outgoing, said

__all__ = ["Control"]

_CODES = {
    "throttled": (400, "ThrottlingException"),
    "unavailable": (503, "ServiceUnavailable"),
    "denied": (400, "AccessDeniedException"),
    "expired": (400, "ExpiredTokenException"),
    "unsigned": (400, "InvalidSignatureException"),
}
_BUCKET = "s3://models"
_REGISTRY = "685385470294.dkr.ecr"


class Control:
    def __init__(self, account: Account, region: str) -> None:
        self._account = account
        self._region = region
        self._operations: Mapping[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
            "ListEndpoints": self._list_endpoints,
            "DescribeEndpoint": self._endpoint,
            "DescribeEndpointConfig": self._config,
            "DescribeModel": self._model,
            "DescribeModelPackage": self._package,
            "ListInferenceComponents": self._list_components,
            "DescribeInferenceComponent": self._component,
        }
        self._transforms = Transforms(account, self._arn, self._models)

    def answer(self, visit: Visit, operation: str) -> dict[str, Any]:
        if operation in self._transforms.operations:
            return self._transforms.answer(visit, operation)
        if operation not in self._operations:
            raise Refused("unknown", f"Unknown operation {operation}", code="UnknownOperationException")
        asked = visit.incoming.json() or {}
        name = str(asked.get("EndpointName", ""))
        self._account.permit(visit, "list" if operation.startswith("List") else "describe", name)
        return self._operations[operation](asked)

    def refuse(self, refused: Refused, text: str) -> Outgoing:
        status, code = _CODES.get(refused.what, (400, "ValidationException"))
        if refused.status:
            status = refused.status
        headers = {"Content-Type": "application/x-amz-json-1.1", **refused.retry_after}
        return said({"__type": refused.code or code, "message": text}, status, headers)

    def _arn(self, kind: str, name: str) -> str:
        return f"arn:aws:sagemaker:{self._region}:{ACCOUNT}:{kind}/{name.lower()}"

    def _place(self, asked: Mapping[str, Any], key: str = "EndpointName") -> Place:
        name = str(asked[key])
        if name not in self._account.places:
            raise Refused("missing", f'Could not find endpoint "{self._arn("endpoint", name)}".')
        return self._account.places[name]

    def _list_endpoints(self, asked: dict[str, Any]) -> dict[str, Any]:
        found = [self._summary(place) for place in self._account.places.values()]
        return listed("Endpoints", "Endpoint", found, asked, page=self._account.page)

    def _summary(self, place: Place) -> dict[str, Any]:
        return {
            "EndpointName": place.name, "EndpointArn": self._arn("endpoint", place.name),
            "CreationTime": float(place.made), "LastModifiedTime": float(place.changed),
            "EndpointStatus": place.status or "InService",
        }  # fmt: skip

    def _endpoint(self, asked: dict[str, Any]) -> dict[str, Any]:
        place = self._place(asked)
        shadow: Any = place.option("shadow", {})
        found = self._summary(place) | {"EndpointConfigName": _config_name(place)}
        if place.status == "Failed":
            return found | {
                "FailureReason": "The primary container for production variant did not pass the ping health check."
            }
        if place.status == "Creating":
            return found
        found["ProductionVariants"] = self._variants(place)
        if shadow:
            found["ShadowProductionVariants"] = [self._variant(place, n, s, s.weight) for n, s in shadow.items()]
        return found | self._extras(place)

    def _extras(self, place: Place) -> dict[str, Any]:
        found: dict[str, Any] = {}
        if place.has("async"):
            found["AsyncInferenceConfig"] = {"OutputConfig": output_config(place)}
        if place.has("explainer"):
            shap = {"ShapBaselineConfig": {"MimeType": "text/csv", "ShapBaseline": "0"}}
            found["ExplainerConfig"] = {"ClarifyExplainerConfig": {"ShapConfig": shap}}
        return found

    def _variants(self, place: Place) -> list[dict[str, Any]]:
        if place.has("components"):
            return [{"VariantName": "AllTraffic", "CurrentWeight": 1.0, "DesiredWeight": 1.0, "CurrentInstanceCount": 1,
                     "DesiredInstanceCount": 1}]  # fmt: skip
        return [self._variant(place, name, served, place.weights[name]) for name, served in place.variants.items()]

    def _variant(self, place: Place, name: str, served: Served, weight: float) -> dict[str, Any]:
        image, digest = _image(served, self._region)
        found: dict[str, Any] = {
            "VariantName": name, "CurrentWeight": float(weight), "DesiredWeight": float(weight),
            "DeployedImages": [
                {"SpecifiedImage": image, "ResolvedImage": digest, "ResolutionTime": float(place.changed)}
            ],
        }  # fmt: skip
        if serverless := place.option("serverless"):
            return found | {"CurrentServerlessConfig": serverless, "CurrentInstanceCount": 0}
        return found | {"CurrentInstanceCount": served.count, "DesiredInstanceCount": served.count}

    def _config(self, asked: dict[str, Any]) -> dict[str, Any]:
        name = str(asked["EndpointConfigName"])
        place = next((p for p in self._account.places.values() if _config_name(p) == name), None)
        if place is None:
            raise Refused("missing", f'Could not find endpoint configuration "{self._arn("endpoint-config", name)}".')
        shadow: Any = place.option("shadow", {})
        variants = [self._configured(place, n, s) for n, s in place.variants.items()]
        if place.has("components"):
            first = next(iter(place.variants.values()))
            variants = [{"VariantName": "AllTraffic", "InstanceType": _instance(first), "InitialInstanceCount": 1,
                         "ManagedInstanceScaling": {"Status": "DISABLED"}}]  # fmt: skip
        shadows = [self._configured(place, n, s) for n, s in shadow.items()]
        return {
            "EndpointConfigName": name, "EndpointConfigArn": self._arn("endpoint-config", name),
            "ProductionVariants": variants, "CreationTime": float(place.changed), "EnableNetworkIsolation": False,
            **({"ShadowProductionVariants": shadows} if shadows else {}),
            **({"ExecutionRoleArn": ROLE} if place.has("components") else {}), **self._extras(place),
        }  # fmt: skip

    def _configured(self, place: Place, name: str, served: Served) -> dict[str, Any]:
        found: dict[str, Any] = {
            "VariantName": name, "ModelName": _model_name(place, name), "InitialVariantWeight": float(served.weight)
        }  # fmt: skip
        if serverless := place.option("serverless"):
            return found | {"ServerlessConfig": serverless}
        return found | {"InstanceType": _instance(served), "InitialInstanceCount": served.count}

    def _models(self) -> dict[str, tuple[Place, str, Served]]:
        """Every model by its name, which is said once for each variant that has it."""
        return {
            _model_name(place, name): (place, name, served)
            for place in self._account.places.values()
            for name, served in [*place.variants.items(), *_shadows(place).items()]
        }

    def _model(self, asked: dict[str, Any]) -> dict[str, Any]:
        name = str(asked["ModelName"])
        found = self._models().get(name)
        if found is None:
            raise Refused("missing", f'Could not find model "{self._arn("model", name)}".')
        place, variant, served = found
        return {
            "ModelName": name, "ModelArn": self._arn("model", name), "PrimaryContainer": self._container(place, name, served),
            "ExecutionRoleArn": ROLE, "CreationTime": float(BEGIN + place.since.get(variant, 1)),
            "EnableNetworkIsolation": False,
        }  # fmt: skip

    def _container(self, place: Place, name: str, served: Served) -> dict[str, Any]:
        several = bool(place.deployed.models)
        found: dict[str, Any] = {
            "Image": _image(served, self._region)[0], "Mode": "MultiModel" if several else "SingleModel",
            "ModelDataUrl": f"{_BUCKET}/{place.name}/" if several else f"{_BUCKET}/{name}/model.tar.gz",
            "Environment": {"SAGEMAKER_REGION": self._region},
        }  # fmt: skip
        if not place.has("packages"):
            return found
        group = served.model or place.name
        return found | {"ModelPackageName": f"{self._arn('model-package', group)}/{served.version}"}

    def _package(self, asked: dict[str, Any]) -> dict[str, Any]:
        given = str(asked["ModelPackageName"])
        group, _, version = given.partition("model-package/")[2].partition("/")
        for place, _, served in self._models().values():
            if (served.model or place.name).lower() == group and served.version == version and place.has("packages"):
                return self._packaged(given, served.model or place.name, served)
        raise Refused("missing", f"ModelPackage {given} does not exist.")

    def _packaged(self, arn: str, group: str, served: Served) -> dict[str, Any]:
        image, digest = _image(served, self._region)
        etag = hashlib.md5(arn.encode(), usedforsecurity=False).hexdigest()
        container = {
            "Image": image, "ImageDigest": digest.partition("@")[2], "ModelDataUrl": f"{_BUCKET}/{group}/{served.version}.tar.gz",
            "ModelDataETag": etag,
        }  # fmt: skip
        metrics = {"ContentType": "application/json", "S3Uri": f"{_BUCKET}/{group}/metrics.json"}
        return {
            "ModelPackageName": group, "ModelPackageGroupName": group, "ModelPackageVersion": int(served.version),
            "ModelPackageArn": arn, "CreationTime": float(BEGIN), "ModelPackageStatus": "Completed",
            "ModelPackageStatusDetails": {"ValidationStatuses": [], "ImageScanStatuses": []},
            "ModelApprovalStatus": "Approved", "ModelMetrics": {"ModelQuality": {"Statistics": metrics}},
            "InferenceSpecification": {
                "Containers": [container], "SupportedContentTypes": ["text/csv"], "SupportedResponseMIMETypes": ["text/csv"],
            },
        }  # fmt: skip

    def _components(self) -> list[tuple[Place, str, Served]]:
        return [(p, n, s) for p in self._account.places.values() if p.has("components") for n, s in p.variants.items()]

    def _list_components(self, asked: dict[str, Any]) -> dict[str, Any]:
        found = [self._component_summary(place, name) for place, name, _ in self._components()]
        return listed("InferenceComponents", "InferenceComponent", found, asked, page=self._account.page)

    def _component_summary(self, place: Place, name: str) -> dict[str, Any]:
        return {
            "InferenceComponentName": name, "InferenceComponentArn": self._arn("inference-component", name),
            "EndpointName": place.name, "EndpointArn": self._arn("endpoint", place.name), "VariantName": "AllTraffic",
            "InferenceComponentStatus": "InService", "CreationTime": float(place.made), "LastModifiedTime": float(place.changed),
        }  # fmt: skip

    def _component(self, asked: dict[str, Any]) -> dict[str, Any]:
        wanted = str(asked["InferenceComponentName"])
        for place, name, served in self._components():
            if name == wanted:
                copies = {"DesiredCopyCount": served.count, "CurrentCopyCount": served.count}
                needs = {"NumberOfCpuCoresRequired": 1.0, "MinMemoryRequiredInMb": 1024}
                specification = {"ModelName": _model_name(place, name), "ComputeResourceRequirements": needs}
                return self._component_summary(place, name) | {"Specification": specification, "RuntimeConfig": copies}
        raise Refused("missing", f'Could not find inference component "{self._arn("inference-component", wanted)}".')


def _shadows(place: Place) -> Mapping[str, Served]:
    found: Any = place.option("shadow", {})
    return found


def _config_name(place: Place) -> str:
    return f"{place.name}-config-{place.revision}"


def _model_name(place: Place, variant: str) -> str:
    """A model cannot be changed, so another one has another name."""
    return f"{place.name}-{variant}-{place.since.get(variant, 1)}"


def _instance(served: Served) -> str:
    return served.instance or "ml.m5.large"


def _image(served: Served, region: str) -> tuple[str, str]:
    """As it was named, and as it was resolved."""
    name = served.container if isinstance(served.container, str) else ""
    repository = f"{_REGISTRY}.{region}.amazonaws.com/sagemaker-{name or 'xgboost'}"
    digest = hashlib.sha256(f"{repository}:{served.version}".encode()).hexdigest()
    return f"{repository}:1.7-1", f"{repository}@sha256:{digest}"
