"""Google Vertex AI: endpoints of a project and region, and the models that are deployed to them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, ClassVar
from urllib.parse import quote

from muster.connecting import Options, Setting
from muster.endpoint import Endpoint, Listed, Step
from muster.errors import InvalidInput, NotApplicable, NotFound, near
from muster.predictors.external.exchange import Answer, Limits, Payload, Refusal, RefusalKind, Reply, Request
from muster.predictors.external.gcp import Google
from muster.predictors.external.provider import Described, Send
from muster.predictors.external.rest import Rest, message_of, parsed, wait_of
from muster.predictors.external.steps import looked_at, steps
from muster.predictors.external.vertex_schema import signature_of_models
from muster.signature import Json, Signature

__all__ = ["Vertex"]

_KINDS: Mapping[str, RefusalKind] = {
    "INVALID_ARGUMENT": "rows", "FAILED_PRECONDITION": "missing", "UNAUTHENTICATED": "expired", "PERMISSION_DENIED": "denied",
    "NOT_FOUND": "missing", "RESOURCE_EXHAUSTED": "throttled", "UNAVAILABLE": "unavailable", "DEADLINE_EXCEEDED": "unavailable",
    "INTERNAL": "unavailable",
}  # fmt: skip
_STATUSES: Mapping[int, RefusalKind] = {
    400: "rows", 401: "expired", 403: "denied", 404: "missing", 413: "too_large", 429: "throttled",
}  # fmt: skip


def _whole(text: str) -> str:
    return "" if text.isdecimal() and int(text) > 0 else f"`batch_replicas` is {text!r}, and no whole number above 0"


class Vertex:
    """By Google's default credentials, a file of them, or as a service account that these may act for."""

    kind: ClassVar[str] = "vertex"
    place: ClassVar[tuple[str, ...]] = ("project_id", "region")
    settings: ClassVar[tuple[Setting, ...]] = (
        Setting("project_id", "the project; that of the credentials without"),
        Setting("region", "the region, such as europe-west1", required=True),
        Setting(
            "credentials",
            "a file of a service account, or of another kind of credentials; Google's default ones without",
        ),
        Setting("impersonate", "a service account to act for"),
        Setting("iam_endpoint", "where tokens of the service account are asked for, for private links", url=True),
        Setting("endpoint_url", "where Vertex AI's API is, for private links", url=True),
        Setting(
            "batch_folder",
            "a folder of Cloud Storage for `--via batch`: gs://bucket/folder, or objects:CONNECTION/folder",
        ),
        Setting("batch_machine_type", "the machines of batch prediction jobs; those of the deployed model without"),
        Setting("batch_replicas", "how many of them; 1 without", check=_whole),
    )

    def __init__(self, options: Options, send: Send) -> None:
        self._google = Google(options, send)
        self._region = options["region"]
        self._project = options.get("project_id") or self._google.project
        if not self._project:
            raise InvalidInput("the connection has no project", hint="give `project_id`")
        host = options.get("endpoint_url", f"https://{self._region}-aiplatform.googleapis.com").rstrip("/")
        self.host, self._send, self._public = host, send, "endpoint_url" not in options
        self._parent = f"projects/{self._project}/locations/{self._region}"
        self.parent = f"{host}/v1/{self._parent}"
        access = "see that who asks has the role `Vertex AI User`"
        self.rest = Rest(send, self._signed, f"Vertex AI in {self._region}", access, renew=self._google.renew)

    @property
    def where(self) -> Mapping[str, str]:
        return {"project_id": self._project, "region": self._region}

    def request(self, route: Mapping[str, Json], payload: Payload, identity: str) -> Request:
        if own := route.get("url"):  # in a network of its own, where no token is asked for
            return Request(
                "POST", str(own), {"content-type": payload.content_type, "x-request-id": identity}, payload.body
            )
        host = str(route.get("host") or self.host)
        verb = "predict" if payload.content_type == "application/json" else "rawPredict"
        headers = {"content-type": payload.content_type, "x-request-id": identity, **self._google.headers()}
        return Request("POST", f"{host}/v1/{route['endpoint']}:{verb}", headers, payload.body)

    def read(self, reply: Reply) -> Answer | Refusal:
        if reply.status == 200:
            return Answer(reply.body, reply.headers.get("content-type", ""), _served(reply))
        code, said = message_of(reply)
        told = said or code or str(reply.status)
        kind = "too_large" if reply.status == 413 else _KINDS.get(code) or _STATUSES.get(reply.status, "unavailable")
        if "has no deployed models" in told:
            kind = "missing"
        if kind == "rows" and ("payload" in told.lower() and "size" in told.lower()):
            kind = "too_large"
        return Refusal(kind, told, wait_of(reply))

    def renew(self) -> None:
        self._google.renew()

    def discover(self, name: str = "") -> Iterator[Listed]:
        for told in self._pages():
            if name in str(told.get("displayName", "")) or name in _short(told["name"]):
                yield _listed(told)

    def describe(self, endpoint: Endpoint) -> Described:
        told = self.rest.get(f"{self.host}/v1/{self._path(endpoint)}")
        deployed: dict[str, Any] = {str(m["id"]): m for m in told.get("deployedModels") or ()}
        if endpoint.variant is not None:
            _refuse_variant(endpoint, deployed, dict(told.get("trafficSplit") or {}))
        if not deployed:
            raise NotFound(f"the endpoint `{endpoint.name}` has no model deployed", hint="deploy one to it first")
        models = {i: self._model(m) for i, m in deployed.items()}
        automatic = all("automl" in str(m.get("metadataSchemaUri", "")).lower() for m in models.values())
        return Described(
            route=self._route(told) | ({} if endpoint.variant is None else {"expects": _deployed_id(endpoint, deployed)}),
            configuration={
                "traffic": dict(sorted((told.get("trafficSplit") or {}).items())),
                "models": {
                    i: {
                        "model": m.get("model"),
                        "version": m.get("modelVersionId"),
                        "created": m.get("createTime"),
                    }
                    for i, m in sorted(deployed.items())
                },
            },
            limits=_limits(told, deployed, automatic=automatic),
            request="instances-strings" if automatic else "auto",
            status="deployed",
            signature=self._signature(models.values(), automatic=automatic),
            **_declared(models, automatic=automatic),
            lineage={
                "provider": "vertex", "endpoint": told.get("name"), "name": told.get("displayName"),
                "images": {i: (m.get("containerSpec") or {}).get("imageUri") for i, m in models.items()},
                "artifacts": {i: m.get("artifactUri") for i, m in models.items()},
                "models": {i: f"{m.get('model')}@{m.get('modelVersionId')}" for i, m in deployed.items()},
            },
        )  # fmt: skip

    def check(self, endpoint: Endpoint | None = None) -> Iterator[Step]:
        def listed() -> str:
            self.rest.get(f"{self.host}/v1/{self._parent}/endpoints", {"pageSize": 1})
            return f"may list the endpoints of {self._project} in {self._region}"

        looked = None if endpoint is None else lambda: looked_at(lambda: self.describe(endpoint))
        return steps(self._send, self.host, login=self._google.how, permission=listed, endpoint=looked)

    def machine_of(self, route: Json, deployed: str) -> dict[str, Json]:
        """The kind of machine that a deployed model runs on now; empty where it has none of its own."""
        assert isinstance(route, dict)
        told = self.rest.get(f"{self.host}/v1/{route['endpoint']}")
        model: dict[str, Any] = next((m for m in told.get("deployedModels") or () if str(m.get("id")) == deployed), {})
        return dict((model.get("dedicatedResources") or {}).get("machineSpec") or {})

    def close(self) -> None:
        self._google.close()

    def _pages(self) -> Iterator[dict[str, Any]]:
        token = ""
        while True:
            query: dict[str, str | int] = {"pageSize": 100, **({"pageToken": token} if token else {})}
            page: dict[str, Any] = self.rest.get(f"{self.host}/v1/{self._parent}/endpoints", query)
            yield from page.get("endpoints") or ()
            if not (token := str(page.get("nextPageToken") or "")):
                return

    def _path(self, endpoint: Endpoint) -> str:
        """By its number, its whole name, or the name that people see where one alone has it."""
        name = endpoint.name
        if not name:
            raise InvalidInput("the endpoint has no name", hint=f"see `muster discover {endpoint.connection}`")
        if name.startswith("projects/"):
            return name
        if name.isdecimal():
            return f"{self._parent}/endpoints/{name}"
        known = {str(e["name"]): str(e.get("displayName")) for e in self._pages()}
        same = [path for path, shown in known.items() if shown == name]
        if len(same) == 1:
            return same[0]
        if same:
            raise InvalidInput(
                f"{len(same)} endpoints are called `{name}`: {', '.join(map(_short, same))}",
                hint="give the number of one",
            )
        raise NotFound(
            f"there is no endpoint `{name}` in {self._parent}{near(name, known.values())}", hint="see `muster discover`"
        )

    def _model(self, deployed: Mapping[str, Any]) -> dict[str, Any]:
        version = deployed.get("modelVersionId")
        name = f"{deployed.get('model')}{f'@{version}' if version else ''}"
        try:
            return self.rest.get(f"{self.host}/v1/{quote(name, safe='/@')}")
        except NotFound:  # a model may be removed from the registry while it is deployed
            return {}

    def _signature(self, models: Iterable[Mapping[str, Any]], *, automatic: bool) -> Signature | None:
        """Automated ML takes all values as texts, which are not their types; behind a private link there is no Cloud Storage."""
        if automatic or not self._public:
            return None
        return signature_of_models(models, self._send, self._google.headers())

    def _route(self, told: Mapping[str, Any]) -> dict[str, Json]:
        """One with a host of its own, or in a network of its own, answers there alone."""
        own = told.get("dedicatedEndpointDns") if told.get("dedicatedEndpointEnabled") else None
        scheme = self.host.partition("://")[0]
        private = [(m.get("privateEndpoints") or {}).get("predictHttpUri") for m in told.get("deployedModels") or ()]
        return {
            "endpoint": str(told["name"]),
            **({"host": f"{scheme}://{own}"} if own else {}),
            **({"url": str(private[0])} if len(private) == 1 and private[0] else {}),
        }

    def _signed(self, request: Request) -> Request:
        return Request(request.method, request.url, {**request.headers, **self._google.headers()}, request.body)


def _deployed_id(endpoint: Endpoint, deployed: Mapping[str, Any]) -> str:
    """The id of the deployed model that a variant names, by it or by the name that people see."""
    return next(i for i, m in deployed.items() if endpoint.variant in (i, str(m.get("displayName"))))


def _refuse_variant(endpoint: Endpoint, deployed: Mapping[str, Any], split: Mapping[str, Any]) -> None:
    """Vertex AI asks by its split alone: one model can be meant where it gets all of the traffic."""
    known = {str(m.get("displayName")): i for i, m in deployed.items()} | {i: i for i in deployed}
    if endpoint.variant not in known:
        raise NotFound(
            f"nothing that is deployed to `{endpoint.name}` is called `{endpoint.variant}`{near(str(endpoint.variant), known)}",
            hint=f"there are {', '.join(known)}",
        )
    if len(deployed) > 1 and split.get(known[str(endpoint.variant)]) != 100:
        raise NotApplicable(
            f"Vertex AI cannot be asked for one of several deployed models, and `{endpoint.variant}` gets"
            f" {split.get(known[str(endpoint.variant)], 0)} % of the traffic",
            hint="register the endpoint without a variant: what answered stands beside each prediction",
        )


def _limits(told: Mapping[str, Any], deployed: Mapping[str, Any], *, automatic: bool) -> Limits:
    replicas = sum(
        int((m.get("dedicatedResources") or m.get("automaticResources") or {}).get("minReplicaCount") or 1)
        for m in deployed.values()
    )
    own = any(told.get(k) for k in ("dedicatedEndpointEnabled", "privateServiceConnectConfig", "network"))
    seconds = 600.0 if own else 60.0
    return Limits(
        10_000_000 if own else 1_500_000, seconds, min(32, 4 * max(1, replicas)), rows=1000 if automatic else None
    )


def _declared(models: Mapping[str, Mapping[str, Any]], *, automatic: bool) -> dict[str, Any]:
    """The task, where all models are automated ML's and say the same one."""
    told = {str((m.get("metadata") or {}).get("problemType")) for m in models.values()}
    known = {"binary": "binary", "multiclass": "multiclass", "regression": "regression"}
    task = known.get(next(iter(told))) if automatic and len(told) == 1 else None
    return {} if task is None else {"task": task}


def _served(reply: Reply) -> str | None:
    """The deployed model and its version: in headers of a raw prediction, else in the body."""
    told = reply.headers.get("x-vertex-ai-deployed-model-id")
    version = reply.headers.get("x-vertex-ai-model-version-id")
    if told is None and b'"deployedModelId"' in reply.body:
        found = parsed(reply.body)
        if isinstance(found, dict):
            told, version = (
                None if (one := found.get(n)) is None else str(one) for n in ("deployedModelId", "modelVersionId")
            )
    return None if told is None else f"{told}@{version}" if version else told


def _listed(told: Mapping[str, Any]) -> Listed:
    models = {str(m["id"]): m for m in told.get("deployedModels") or ()}
    split = told.get("trafficSplit") or {}
    changed = told.get("updateTime")
    return Listed(
        connection="",
        name=str(told.get("displayName") or _short(told["name"])),
        number=_short(told["name"]),
        status="deployed" if models else "empty",
        model=", ".join(sorted({str(m.get("displayName") or m.get("model")) for m in models.values()})),
        version=", ".join(sorted({str(m["modelVersionId"]) for m in models.values() if m.get("modelVersionId")})),
        instance=", ".join(sorted(filter(None, map(_machine, models.values())))),
        variants={
            i: {"model": m.get("model"), "version": m.get("modelVersionId"), "weight": split.get(i)}
            for i, m in models.items()
        },
        changed_at=datetime.fromisoformat(str(changed)) if changed else None,
    )


def _machine(deployed: Mapping[str, Any]) -> str:
    resources = deployed.get("dedicatedResources") or {}
    kind = (resources.get("machineSpec") or {}).get("machineType")
    return f"{resources.get('minReplicaCount', 1)} × {kind}" if kind else ""


def _short(name: object) -> str:
    return str(name).rpartition("/")[2]
