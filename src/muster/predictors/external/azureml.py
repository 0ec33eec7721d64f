"""Azure Machine Learning: online endpoints of a workspace, managed or on Kubernetes, and their deployments."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any, ClassVar
from urllib.parse import quote

from muster.connecting import Options, Setting
from muster.endpoint import Endpoint, Listed, Step
from muster.errors import InvalidInput, MusterError, NotFound, near
from muster.predictors.external.azure_login import Azure
from muster.predictors.external.digests import digest_of
from muster.predictors.external.exchange import Answer, Limits, Payload, Refusal, RefusalKind, Reply, Request
from muster.predictors.external.openapi import signature_of
from muster.predictors.external.provider import Described, Send
from muster.predictors.external.rest import Rest, message_of, parsed, wait_of
from muster.predictors.external.steps import looked_at, steps
from muster.predictors.external.transport.unreachable import Unreachable
from muster.signature import Json, Signature

__all__ = ["AzureML"]

_API = "2024-10-01"
_TOGETHER = 8
_STATUSES: Mapping[int, RefusalKind] = {
    401: "expired", 403: "denied", 404: "missing", 408: "too_large", 409: "unavailable", 413: "too_large", 429: "throttled",
}  # fmt: skip
_KEEPS = ("model", "environmentId", "codeConfiguration", "modelMountPath")


class AzureML:
    """Who asks is found by azure-identity; endpoints are asked with their key, their token, or as who asks."""

    kind: ClassVar[str] = "azureml"
    place: ClassVar[tuple[str, ...]] = ("subscription_id", "resource_group", "workspace")
    settings: ClassVar[tuple[Setting, ...]] = (
        Setting("subscription_id", "the subscription", required=True),
        Setting("resource_group", "the resource group", required=True),
        Setting("workspace", "the workspace", required=True),
        Setting("tenant_id", "the tenant of a service principal"),
        Setting("client_id", "a service principal, or a managed identity of the user's"),
        Setting("client_secret", "the secret of the service principal", secret=True),
        Setting("certificate", "a file with the certificate of the service principal, in place of a secret"),
        Setting("login", "which credentials", choices=("default", "managed", "workload", "cli")),
        Setting("key", "the key of the one endpoint that is asked, where who asks may not list keys", secret=True),
        Setting("authority", "where tokens are lent, for other clouds", url=True),
        Setting("management_url", "where Azure's API is, for other clouds and private links", url=True),
    )

    def __init__(self, options: Options, send: Send) -> None:
        self._options, self._send = options, send
        self._azure = Azure(options, send)
        self._management = options.get("management_url", "https://management.azure.com").rstrip("/")
        self._workspace = (
            f"{self._management}/subscriptions/{options['subscription_id']}/resourceGroups/{options['resource_group']}"
            f"/providers/Microsoft.MachineLearningServices/workspaces/{options['workspace']}"
        )
        who = f"the workspace {options['workspace']}"
        access = "see that who asks has the role `AzureML Data Scientist` there"
        self._rest = Rest(send, self._signed, who, access, renew=self._azure.renew)
        self._keys: dict[str, str] = {}

    @property
    def where(self) -> Mapping[str, str]:
        return {name: self._options[name] for name in self.place}

    def request(self, route: Mapping[str, Json], payload: Payload, identity: str) -> Request:
        headers = {"content-type": payload.content_type, "x-ms-client-request-id": identity}
        if payload.accept:
            headers["accept"] = payload.accept
        if route.get("deployment"):
            headers["azureml-model-deployment"] = str(route["deployment"])
        headers["authorization"] = f"Bearer {self._credential(route)}"
        return Request("POST", str(route["url"]), headers, payload.body)

    def read(self, reply: Reply) -> Answer | Refusal:
        if reply.status == 200:
            served = reply.headers.get("azureml-model-deployment")
            return Answer(reply.body, reply.headers.get("content-type", ""), served)
        code, said = message_of(reply)
        told = said or reply.headers.get("ms-azureml-model-error-reason") or code or f"status {reply.status}"
        if reply.status == 424:
            status = reply.headers.get("ms-azureml-model-error-statuscode", "")
            return Refusal(
                "unavailable" if status == "503" else "throttled" if status == "429" else "rows", told, wait_of(reply)
            )
        kind = _STATUSES.get(reply.status, "rows" if reply.status < 500 else "unavailable")
        return Refusal(kind, told, wait_of(reply))

    def renew(self) -> None:
        self._azure.renew()
        self._keys.clear()

    def discover(self, name: str = "") -> Iterator[Listed]:
        with ThreadPoolExecutor(_TOGETHER) as pool:
            for page in self._pages(f"{self._workspace}/onlineEndpoints"):
                yield from pool.map(self._listed, [e for e in page if name in str(e["name"])])

    def describe(self, endpoint: Endpoint) -> Described:
        if not endpoint.name:
            raise InvalidInput("the endpoint has no name", hint=f"see `muster discover {endpoint.connection}`")
        told = self._get(self._path(endpoint.name))
        inside: dict[str, Any] = told["properties"]
        deployments = self._deployments(endpoint.name)
        if endpoint.variant is not None and endpoint.variant not in deployments:
            raise NotFound(
                f"the endpoint `{endpoint.name}` has no deployment `{endpoint.variant}`{near(endpoint.variant, deployments)}",
                hint=f"it has {', '.join(deployments) or 'none'}",
            )
        traffic = {str(n): int(share) for n, share in (inside.get("traffic") or {}).items() if share}
        chosen = [endpoint.variant] if endpoint.variant else sorted(traffic)
        if not chosen:
            raise NotFound(f"no deployment of `{endpoint.name}` gets any traffic", hint="name one as `variant`")
        served = {n: deployments[n] for n in chosen if n in deployments}
        return Described(
            route={
                "url": str(inside["scoringUri"]), "endpoint": endpoint.name, "auth": str(inside.get("authMode", "Key")),
                **({"deployment": endpoint.variant} if endpoint.variant else {}),
            },
            configuration={
                "traffic": {} if endpoint.variant else dict(sorted(traffic.items())),
                "deployments": {n: _identity(d) for n, d in sorted(served.items())},
            },
            limits=_limits(served),
            signature=self._signature(inside.get("swaggerUri"), endpoint.name, str(inside.get("authMode", "Key"))),
            status=str(inside.get("provisioningState", "")),
            serves=inside.get("provisioningState", "Succeeded") in ("Succeeded", "Updating"),
            lineage={
                "provider": "azureml", "workspace": self._options["workspace"], "endpoint": endpoint.name,
                "models": {n: d["properties"].get("model") for n, d in served.items()},
            },
        )  # fmt: skip

    def check(self, endpoint: Endpoint | None = None) -> Iterator[Step]:
        def listed() -> str:
            self._get(f"{self._workspace}/onlineEndpoints")
            return f"may list the endpoints of {self._options['workspace']}"

        looked = None if endpoint is None else lambda: looked_at(lambda: self.describe(endpoint))
        return steps(self._send, self._management, login=self._azure.how, permission=listed, endpoint=looked)

    def close(self) -> None:
        self._azure.close()

    def _credential(self, route: Mapping[str, Json]) -> str:
        """The key of the connection, else what the endpoint wants: its key, a token of its own, or one of who asks."""
        if (given := self._options.secret("key")) is not None:
            return given
        name = str(route["endpoint"])
        if route.get("auth") == "AADToken":
            return self._azure.token("https://ml.azure.com/.default")
        if name not in self._keys:
            verb, key = ("token", "accessToken") if route.get("auth") == "AMLToken" else ("listKeys", "primaryKey")
            told = self._rest.post(f"{self._path(name)}/{verb}?api-version={_API}", None)
            self._keys[name] = str(told[key])
        return self._keys[name]

    def _listed(self, told: Mapping[str, Any]) -> Listed:
        inside = told["properties"]
        try:
            deployments = self._deployments(str(told["name"]))
        except NotFound:  # it was deleted meanwhile
            deployments = {}
        changed = (told.get("systemData") or {}).get("lastModifiedAt")
        return Listed(
            connection="",
            name=str(told["name"]),
            status=str(inside.get("provisioningState", "")),
            model=", ".join(sorted({_model(d)[0] for d in deployments.values()} - {""})),
            version=", ".join(sorted({_model(d)[1] for d in deployments.values()} - {""})),
            instance=", ".join(sorted({_size(d) for d in deployments.values()})),
            variants={
                n: {
                    "model": d["properties"].get("model"),
                    "instance": _size(d),
                    "traffic": (inside.get("traffic") or {}).get(n, 0),
                }
                for n, d in deployments.items()
            },
            changed_at=datetime.fromisoformat(str(changed)) if changed else None,
        )

    def _deployments(self, name: str) -> dict[str, Any]:
        return {str(d["name"]): d for page in self._pages(f"{self._path(name)}/deployments") for d in page}

    def _pages(self, url: str) -> Iterator[list[Any]]:
        page: dict[str, Any] = self._get(url)
        while True:
            yield page.get("value") or []
            if not (link := page.get("nextLink")):
                return
            if not str(link).startswith(self._management + "/"):  # the token is for Azure alone
                raise NotFound(f"the next page of {url} is elsewhere", hint="see `management_url` of the connection")
            page = self._rest.get(str(link))

    def _get(self, url: str) -> dict[str, Any]:
        return self._rest.get(url, {"api-version": _API})

    def _path(self, name: str) -> str:
        return f"{self._workspace}/onlineEndpoints/{quote(name, safe='')}"

    def _signed(self, request: Request) -> Request:
        token = self._azure.token(
            f"{self._options.get('management_url', 'https://management.azure.com').rstrip('/')}/.default"
        )
        return Request(
            request.method, request.url, {**request.headers, "authorization": f"Bearer {token}"}, request.body
        )

    def _signature(self, swagger: Any, name: str, auth: str) -> Signature | None:
        if not swagger:
            return None
        try:
            route: dict[str, Json] = {"endpoint": name, "auth": auth}
            headers = {"authorization": f"Bearer {self._credential(route)}", "accept": "application/json"}
            reply = self._send(Request("GET", str(swagger), headers), 30.0)
            found = parsed(reply.body) if reply.status == 200 else None
            return signature_of(found) if isinstance(found, dict) else None
        except (MusterError, Unreachable):  # it is there only where the scoring file describes its input
            return None


def _identity(deployment: Mapping[str, Any]) -> dict[str, Json]:
    """What decides what it answers; variables may be secrets, so that their digest stands for them."""
    inside = deployment["properties"]
    variables = inside.get("environmentVariables")
    kept: dict[str, Json] = {k: inside[k] for k in _KEEPS if inside.get(k) is not None}
    return {**kept, **({"environment": digest_of(variables)} if variables else {})}


def _limits(deployments: Mapping[str, Any]) -> Limits:
    """Each instance works on so many requests at once; as many again may wait, and more are refused."""
    together, seconds = 0, []
    for told in deployments.values():
        settings = told["properties"].get("requestSettings") or {}
        together += int((told.get("sku") or {}).get("capacity") or 1) * int(
            settings.get("maxConcurrentRequestsPerInstance") or 1
        )
        seconds.append(_duration(str(settings.get("requestTimeout") or "PT5S")))
    together = max(1, together)
    return Limits(1 << 20, min(seconds, default=5.0), concurrency=min(64, together), most=min(64, 2 * together))


def _duration(text: str) -> float:
    """Seconds of ISO 8601, as `PT1M30S`."""
    found = re.fullmatch(r"PT(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?", text)
    if found is None:
        return 5.0
    hours, minutes, seconds = (float(part or 0) for part in found.groups())
    return (3600 * hours + 60 * minutes + seconds) or 5.0


def _model(deployment: Mapping[str, Any]) -> tuple[str, str]:
    """The name and the version in the model's id; a model without them is called by all of it."""
    told = str(deployment["properties"].get("model") or "")
    parts = told.split("/")
    found = {p: parts[i + 1] for i, p in enumerate(parts[:-1]) if p in ("models", "versions")}
    return found.get("models", told), found.get("versions", "")


def _size(deployment: Mapping[str, Any]) -> str:
    return f"{(deployment.get('sku') or {}).get('capacity', 1)} × {deployment['properties'].get('instanceType', '?')}"
