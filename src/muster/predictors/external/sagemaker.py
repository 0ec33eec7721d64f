"""Amazon SageMaker: real-time and asynchronous endpoints, with their variants, inference components, or models behind one of them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any, ClassVar
from urllib.parse import quote

from muster.connecting import Options, Setting
from muster.endpoint import Endpoint, Listed, Step
from muster.errors import InvalidInput, NotFound, SourceDenied, near
from muster.predictors.external import sagemaker_queue as queue
from muster.predictors.external.aws import Aws
from muster.predictors.external.digests import digest_of
from muster.predictors.external.exchange import Answer, Later, Limits, Payload, Refusal, Reply, Request
from muster.predictors.external.provider import Described, Send
from muster.predictors.external.rest import Rest, message_of, wait_of
from muster.predictors.external.s3 import S3
from muster.predictors.external.sagemaker_model import of_model
from muster.predictors.external.steps import looked_at, steps
from muster.signature import Json

__all__ = ["SageMaker"]

_MEGABYTE = 1 << 20
_TOGETHER = 8
_THROTTLES = frozenset({"ThrottlingException", "Throttling", "TooManyRequestsException", "RequestLimitExceeded"})
_TOO_LARGE = re.compile(
    r"(payload|content length|body).*(exceed|too large|larger|limit|maximum|less than or equal)", re.IGNORECASE
)
_GONE = re.compile(
    r"not found|could not find|not in service|does not exist|no longer|synchronous|\basync\b",
    re.IGNORECASE,
)
"""Also of one that has become an asynchronous endpoint, or is none any more."""
_EXPIRED = frozenset({
    *("ExpiredTokenException", "ExpiredToken", "RequestExpired", "UnrecognizedClientException"),
    *("InvalidSignatureException", "InvalidClientTokenId", "SignatureDoesNotMatch"),
})  # fmt: skip
"""Also of a key that was replaced: the chain may have the new one."""
_SERVES = frozenset({"InService", "Updating", "SystemUpdating", "RollingBack", "UpdateRollbackFailed"})


def _whole(text: str) -> str:
    return (
        "" if text.isdecimal() and int(text) > 0 else f"`batch_instance_count` is {text!r}, and no whole number above 0"
    )


class SageMaker:
    """`region` may come from the environment; addresses are for private links: of the API, of predictions, and of late answers."""

    kind: ClassVar[str] = "sagemaker"
    place: ClassVar[tuple[str, ...]] = ("region",)
    settings: ClassVar[tuple[Setting, ...]] = (
        Setting("region", "the region of the endpoints; AWS_REGION without"),
        Setting("profile", "a profile of ~/.aws"),
        Setting("role_arn", "a role to assume"),
        Setting("external_id", "what the role wants to hear of who assumes it"),
        Setting("endpoint_url", "where SageMaker's API is, for private links", url=True),
        Setting("runtime_url", "where predictions are asked for, for private links; `endpoint_url` without", url=True),
        Setting("s3_url", "where the answers of asynchronous endpoints are read, for private links", url=True),
        Setting("batch_folder", "a folder of S3 for `--via batch`: s3://bucket/folder, or objects:CONNECTION/folder"),
        Setting("batch_instance_type", "the instances of batch transform jobs; those of the variant without"),
        Setting("batch_instance_count", "how many of them; 1 without", check=_whole),
    )

    def __init__(self, options: Options, send: Send) -> None:
        self._aws = Aws(options, "sagemaker")
        region = self._aws.region
        domain = f"{region}.amazonaws.com{'.cn' if region.startswith('cn-') else ''}"
        self._control = options.get("endpoint_url", f"https://api.sagemaker.{domain}").rstrip("/")
        told = options.get("runtime_url") or options.get("endpoint_url", f"https://runtime.sagemaker.{domain}")
        self._runtime = told.rstrip("/")
        self._s3 = S3(self._aws, send, options.get("s3_url", ""), domain)
        access = "see what the policies of who asks allow: sagemaker:List*, Describe* and InvokeEndpoint*"
        self._send = send
        self._rest = Rest(
            send, self._aws.sign, f"SageMaker in {region}", access, throttles=_THROTTLES, renew=self._aws.renew
        )

    @property
    def where(self) -> Mapping[str, str]:
        return {"region": self._aws.region}

    def request(self, route: Mapping[str, Json], payload: Payload, identity: str) -> Request:
        url = f"{self._runtime}/endpoints/{quote(str(route['endpoint']), safe='')}"
        if route.get("queue"):
            return self._aws.sign(queue.request_of(url, payload, identity))
        headers = {"content-type": payload.content_type, "x-amzn-sagemaker-inference-id": identity[:64]}
        if payload.accept:
            headers["accept"] = payload.accept
        for key, header in _TARGETS.items():
            if route.get(key):
                headers[f"x-amzn-sagemaker-{header}"] = str(route[key])
        if route.get("explainer"):
            headers["x-amzn-sagemaker-enable-explanations"] = "`false`"
        return self._aws.sign(Request("POST", f"{url}/invocations", headers, payload.body))

    def read(self, reply: Reply) -> Answer | Later | Refusal:
        if reply.status in (200, 202):
            return queue.promised(reply) if reply.status == 202 else _answer(reply)
        code, said = message_of(reply)
        if code == "ModelError":
            return of_model(reply)
        if code == "ModelNotReadyException":
            return Refusal("starting", said, wait_of(reply))
        if code in _THROTTLES or reply.status == 429:
            return Refusal("throttled", said, wait_of(reply))
        if code in _EXPIRED:
            return Refusal("expired", said)
        if reply.status in (401, 403):
            return Refusal("denied", f"{code}: {said}" if code else said)
        if reply.status == 413 or _TOO_LARGE.search(said):
            return Refusal("too_large", said)
        if "no capacity to process" in said:  # a component that was scaled to zero
            return Refusal("starting", said, wait_of(reply))
        if reply.status < 500:
            return Refusal("missing" if _GONE.search(said) else "rows", said or code)
        return Refusal("unavailable", said or code, wait_of(reply))

    def look(self, later: Later) -> Answer | Refusal | None:
        return queue.found(self._s3, later)

    def renew(self) -> None:
        self._aws.renew()

    def discover(self, name: str = "") -> Iterator[Listed]:
        with ThreadPoolExecutor(_TOGETHER) as pool:
            for page in self._pages("ListEndpoints", "Endpoints", {"NameContains": name} if name else {}):
                yield from pool.map(self._listed, page)

    def describe(self, endpoint: Endpoint) -> Described:
        name = _named(endpoint)
        told = self.call("DescribeEndpoint", EndpointName=name)
        config = self.call("DescribeEndpointConfig", EndpointConfigName=told["EndpointConfigName"])
        variants = {v["VariantName"]: v for v in config.get("ProductionVariants", [])}
        components = self._components(name) if not any(v.get("ModelName") for v in variants.values()) else {}
        route = self._route(endpoint, variants, components)
        if told.get("ExplainerConfig"):
            route["explainer"] = True
        if told.get("AsyncInferenceConfig"):
            queue.allowed(self._s3, name, told["AsyncInferenceConfig"])
            route = _queued(route, variants)
        shown = {v["VariantName"]: v for v in told.get("ProductionVariants", [])}
        chosen = [str(route["variant"])] if route.get("variant") else list(variants)
        return Described(
            route=route,
            configuration={
                "arn": told.get("EndpointArn"),
                "endpoint_config": told["EndpointConfigName"],
                "variants": {
                    n: self._variant(variants[n], shown.get(n, {}), alone="variant" in route) for n in sorted(chosen)
                },
                **({"component": self._component(str(route["component"]))} if "component" in route else {}),
            },
            limits=queue.LIMITS if route.get("queue") else _limits([variants[n] for n in chosen], shown),
            status=str(told.get("EndpointStatus", "")),
            serves=told.get("EndpointStatus", "InService") in _SERVES,
            lineage={"provider": "sagemaker", "region": self._aws.region, "arn": told.get("EndpointArn")},
            notes=_notes(told),
        )

    def check(self, endpoint: Endpoint | None = None) -> Iterator[Step]:
        def listed() -> str:
            self._page("ListEndpoints", {}, 1)
            return f"may list the endpoints in {self._aws.region}"

        looked = None if endpoint is None else lambda: looked_at(lambda: self.describe(endpoint))
        return steps(self._send, self._control, login=self._aws.who, permission=listed, endpoint=looked)

    def close(self) -> None:
        return None

    def _listed(self, told: Mapping[str, Any]) -> Listed:
        """With what is behind it, where that may be looked at, and is still there."""
        name = str(told["EndpointName"])
        try:
            variants = self._listed_variants(name)
        except (NotFound, SourceDenied):
            variants = {}
        return Listed(
            connection="",
            name=name,
            status=str(told.get("EndpointStatus", "")),
            model=_all_of(variants, "model"),
            version=_all_of(variants, "version"),
            instance=_all_of(variants, "instance"),
            variants=variants,
            changed_at=_time(told.get("LastModifiedTime")),
        )

    def _listed_variants(self, name: str) -> dict[str, dict[str, Json]]:
        """Its variants, or the inference components that stand in their place."""
        described = self.call("DescribeEndpoint", EndpointName=name)
        config = self.call("DescribeEndpointConfig", EndpointConfigName=described["EndpointConfigName"])
        weights = {v["VariantName"]: v.get("CurrentWeight") for v in described.get("ProductionVariants", [])}
        told = config.get("ProductionVariants", [])
        if not any(v.get("ModelName") for v in told):
            instance = ", ".join(sorted({str(_instance(v)) for v in told}))
            models = {n: self._model_of(n) for n in self._components(name)}
            return {n: {"model": m, "version": self._version(m), "instance": instance} for n, m in models.items()}
        return {
            v["VariantName"]: {
                "model": v.get("ModelName"),
                "version": self._version(v.get("ModelName")),
                "instance": _instance(v),
                "weight": weights.get(v["VariantName"], v.get("InitialVariantWeight")),
            }
            for v in told
        }

    def _model_of(self, component: str) -> str | None:
        told = self.call("DescribeInferenceComponent", InferenceComponentName=component)
        found = (told.get("Specification") or {}).get("ModelName")
        return None if found is None else str(found)

    def _version(self, model: str | None) -> str | None:
        """That of the model package which it was made from, where it was: its name ends with it."""
        packages = [str(c["ModelPackageName"]) for c in self._containers(model) if c.get("ModelPackageName")]
        return packages[0].rpartition("/")[2] if packages and "/" in packages[0] else None

    def _route(self, endpoint: Endpoint, variants: Mapping[str, Any], components: Mapping[str, Any]) -> dict[str, Json]:
        """Which of the models behind it is asked: a variant, a component, or one of many models of a container."""
        name, wanted = _named(endpoint), endpoint.variant
        if wanted is None:
            if components:
                raise InvalidInput(
                    f"the endpoint `{name}` has inference components, and answers for none without its name",
                    hint=f"give one as `variant`: {', '.join(components)}",
                )
            return {"endpoint": name}
        if wanted in variants:
            return {"endpoint": name, "variant": wanted}
        if wanted in components:
            return {"endpoint": name, "component": wanted}
        if any(self._is_multi(v["ModelName"]) for v in variants.values() if v.get("ModelName")):
            return {"endpoint": name, "model": wanted}
        known = [*variants, *components]
        raise NotFound(
            f"the endpoint `{name}` has no variant or component `{wanted}`{near(wanted, known)}",
            hint=f"it has {', '.join(known)}",
        )

    def _is_multi(self, model: str) -> bool:
        return any(c.get("Mode") == "MultiModel" for c in self._containers(model))

    def _containers(self, model: str | None) -> list[Mapping[str, Any]]:
        return [] if model is None else _containers(self.call("DescribeModel", ModelName=model))

    def _variant(self, config: Mapping[str, Any], shown: Mapping[str, Any], *, alone: bool) -> dict[str, Json]:
        """What decides which model answers: sizes of instances do not, nor does its weight where it is asked `alone`."""
        images = sorted(str(i.get("ResolvedImage") or i.get("SpecifiedImage")) for i in shown.get("DeployedImages", []))
        found: dict[str, Json] = {"images": list(images), **({} if alone else {"weight": shown.get("CurrentWeight")})}
        if model := config.get("ModelName"):
            found |= self._model(str(model))
        return found

    def _model(self, name: str) -> dict[str, Json]:
        told = self.call("DescribeModel", ModelName=name)
        containers = _containers(told)
        found: dict[str, Json] = {
            "model": name,
            "created": told.get("CreationTime"),
            "containers": [_container(c) for c in containers],
        }
        packages = [self._package(str(c["ModelPackageName"])) for c in containers if c.get("ModelPackageName")]
        return {**found, "packages": list(packages)} if packages else found

    def _package(self, name: str) -> dict[str, Json]:
        told = self.call("DescribeModelPackage", ModelPackageName=name)
        return {k: told[k] for k in ("ModelPackageArn", "ModelPackageVersion", "ModelApprovalStatus") if k in told}

    def _components(self, name: str) -> dict[str, Any]:
        pages = self._pages("ListInferenceComponents", "InferenceComponents", {"EndpointNameEquals": name})
        return {c["InferenceComponentName"]: c for page in pages for c in page}

    def _component(self, name: str) -> dict[str, Json]:
        told = self.call("DescribeInferenceComponent", InferenceComponentName=name)
        inside = told.get("Specification", {})
        model = inside.get("ModelName")
        base = inside.get("BaseInferenceComponentName")  # of an adapter
        return {
            **({"base": base} if base else {}),
            **(self._model(str(model)) if model else {"container": _container(inside.get("Container") or {})}),
        }

    def _pages(self, operation: str, key: str, query: Mapping[str, Json]) -> Iterator[list[Any]]:
        token: Json = None
        while True:
            page = self._page(operation, {**query, **({"NextToken": token} if token else {})}, 100)
            yield page.get(key, [])
            if not (token := page.get("NextToken")):
                return

    def _page(self, operation: str, query: Mapping[str, Json], most: int) -> dict[str, Any]:
        return self.call(operation, **query, MaxResults=most)

    def call(self, operation: str, **query: Json) -> dict[str, Any]:
        """What an operation of the control plane answers."""
        headers = {"content-type": "application/x-amz-json-1.1", "x-amz-target": f"SageMaker.{operation}"}
        return self._rest.call(Request("POST", f"{self._control}/", headers, json.dumps(query).encode()))


def _containers(model: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [model["PrimaryContainer"]] if model.get("PrimaryContainer") else list(model.get("Containers") or ())


def _all_of(variants: Mapping[str, Mapping[str, Json]], key: str) -> str:
    return ", ".join(sorted({str(v[key]) for v in variants.values() if v.get(key)}))


_TARGETS = {"variant": "target-variant", "component": "inference-component", "model": "target-model"}


def _container(told: Mapping[str, Any]) -> dict[str, Json]:
    """What decides what it answers; variables may be secrets, so that their digest stands for them."""
    found: dict[str, Json] = {
        k: told[k]
        for k in ("Image", "ModelDataUrl", "ArtifactUrl", "ModelDataSource", "ModelPackageName")
        if told.get(k)
    }
    if image := told.get("DeployedImage"):  # as components tell it
        found["Image"] = image.get("ResolvedImage") or image.get("SpecifiedImage")
    return {**found, **({"environment": digest_of(told["Environment"])} if told.get("Environment") else {})}


def _named(endpoint: Endpoint) -> str:
    if not endpoint.name:
        raise InvalidInput(
            "the endpoint has no name", hint=f"see the names with `muster discover {endpoint.connection}`"
        )
    return endpoint.name


def _answer(reply: Reply) -> Answer:
    served = reply.headers.get("x-amzn-invoked-production-variant")
    return Answer(reply.body, reply.headers.get("content-type", ""), served)


def _queued(route: Mapping[str, Json], variants: Mapping[str, Any]) -> dict[str, Json]:
    """A request that goes into a queue names no model: what is behind the endpoint is its one variant, or any."""
    wanted = [str(route[key]) for key in _TARGETS if route.get(key)]
    if wanted and wanted != list(variants):
        raise InvalidInput(
            f"the asynchronous endpoint `{route['endpoint']}` cannot be asked for `{wanted[0]}` alone",
            hint="leave `variant` out, or put each model behind an endpoint of its own",
        )
    return {"endpoint": route["endpoint"], "queue": True}


def _limits(variants: list[Mapping[str, Any]], shown: Mapping[str, Mapping[str, Any]]) -> Limits:
    serverless = [v["ServerlessConfig"] for v in variants if v.get("ServerlessConfig")]
    if serverless:
        most = max(1, sum(int(s.get("MaxConcurrency", 5)) for s in serverless))
        return Limits(4 * _MEGABYTE, 60.0, concurrency=min(4, most), most=min(64, most))
    instances = sum(int(shown.get(v["VariantName"], {}).get("CurrentInstanceCount") or 1) for v in variants)
    return Limits(6_291_456, 60.0, concurrency=min(32, 4 * max(1, instances)))


def _notes(told: Mapping[str, Any]) -> tuple[str, ...]:
    if told.get("EndpointStatus") not in (None, "InService"):
        return (f"the endpoint is {told['EndpointStatus']}",)
    return (
        ("the endpoint is asynchronous: it takes requests into a queue, and answers through S3",)
        if told.get("AsyncInferenceConfig")
        else ()
    )


def _instance(variant: Mapping[str, Any]) -> Json:
    if variant.get("ServerlessConfig"):
        return f"serverless {variant['ServerlessConfig'].get('MemorySizeInMB')} MB"
    kind, count = variant.get("InstanceType"), variant.get("InitialInstanceCount")
    return f"{count} × {kind}" if kind and count else kind


def _time(seconds: Any) -> datetime | None:
    return datetime.fromtimestamp(float(seconds), UTC) if isinstance(seconds, (int, float)) else None
