"""Azure's resource manager, as far as it tells of a workspace's online endpoints, their deployments and models."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from muster.testing.endpoints.account import Account, Visit, page_of
from muster.testing.endpoints.place import BEGIN, Place
from muster.testing.endpoints.refusal import Refused
from muster.testing.endpoints.served import Served
from muster.testing.endpoints.server import Outgoing, said
from muster.testing.endpoints.tokens import Tokens

__all__ = ["GROUP", "REGION", "SUBSCRIPTION", "WORKSPACE", "Control", "Keys", "mode_of", "most_concurrent"]

SUBSCRIPTION, GROUP, WORKSPACE = "8a1b2c3d-0000-4000-8000-000000000003", "models", "muster"
REGION = "westeurope"
_BASE = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP}/providers/Microsoft.MachineLearningServices/workspaces/{WORKSPACE}"
_TYPE = "Microsoft.MachineLearningServices/workspaces"
_MODES = {"key": "Key", "aml_token": "AMLToken", "aad_token": "AADToken"}


class Keys:
    """The keys of endpoints, which live long, and their own tokens, which do not."""

    def __init__(self) -> None:
        self.tokens = Tokens(seconds=8 * 3600)
        self._pairs: dict[str, tuple[str, str]] = {}

    def pair(self, name: str) -> tuple[str, str]:
        return self._pairs.setdefault(name, (secrets.token_urlsafe(24), secrets.token_urlsafe(24)))

    def expire(self) -> None:
        self._pairs.clear()
        self.tokens.expire()


def most_concurrent(place: Place) -> int:
    """Requests that one instance works on at a time."""
    found: Any = place.option("max_concurrent", 1)
    return int(found)


def _time(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat().replace("+00:00", "Z")


def _system(made: float, changed: float) -> dict[str, str]:
    who = {"createdBy": "ada", "createdByType": "User", "lastModifiedBy": "ada", "lastModifiedByType": "User"}
    return {"createdAt": _time(made), "lastModifiedAt": _time(changed), **who}


class Control:
    def __init__(self, account: Account, keys: Keys) -> None:
        self._account = account
        self._keys = keys

    def scoring_uri(self, place: Place) -> str:
        return f"{self._account.url}/{place.name}.{REGION}/score"

    def answer(self, visit: Visit) -> Outgoing:
        incoming = visit.incoming
        path = incoming.path.rstrip("/")
        if "api-version" not in incoming.query:
            raise Refused(
                "invalid",
                "The api-version query parameter (?api-version=) is required for all requests.",
                code="MissingApiVersionParameter",
            )
        if not path.lower().startswith(_BASE.lower()):
            raise Refused("missing", f"The Resource '{path}' was not found.", code="ResourceNotFound")
        parts = path[len(_BASE) :].strip("/").split("/")
        listed = parts[-1] in ("onlineEndpoints", "deployments")
        endpoint = parts[1] if len(parts) > 1 and parts[0] == "onlineEndpoints" else ""
        self._account.permit(visit, "keys" if incoming.method == "POST" else "list" if listed else "describe", endpoint)
        return said(self._resource(incoming.method, parts, incoming.query))

    def _resource(self, method: str, parts: list[str], query: Mapping[str, str]) -> Any:
        match method, parts:
            case "GET", [""]:
                return self._workspace()
            case "GET", ["onlineEndpoints"]:
                return self._paged(
                    [self._endpoint(p) for p in self._account.places.values()], _BASE + "/onlineEndpoints", query
                )
            case "GET", ["onlineEndpoints", name]:
                return self._endpoint(self._place(name))
            case "GET", ["onlineEndpoints", name, "deployments"]:
                place = self._place(name)
                found = [self._deployment(place, n, s) for n, s in place.variants.items()]
                return self._paged(found, f"{_BASE}/onlineEndpoints/{name}/deployments", query)
            case "GET", ["onlineEndpoints", name, "deployments", deployment]:
                place = self._place(name)
                if deployment not in place.variants:
                    raise _missing(f"deployments/{deployment}")
                return self._deployment(place, deployment, place.variants[deployment])
            case "POST", ["onlineEndpoints", name, "listKeys" | "token" as what]:
                return self._credentials(self._place(name), what)
            case "GET", ["models", name, "versions", version]:
                return self._model(name, version)
            case _:
                raise _missing("/".join(parts))

    def _place(self, name: str) -> Place:
        if name not in self._account.places:
            raise _missing(f"onlineEndpoints/{name}")
        return self._account.places[name]

    def _paged(self, found: list[Any], path: str, query: Mapping[str, str]) -> dict[str, Any]:
        shown, after = page_of(found, query.get("$skip", ""), self._account.page)
        link = f"{self._account.url}{path}?api-version={query['api-version']}&$skip={after}"
        return {"value": shown, **({"nextLink": link} if after else {})}

    def _workspace(self) -> dict[str, Any]:
        return {
            "id": _BASE, "name": WORKSPACE, "type": _TYPE, "location": REGION, "kind": "Default",
            "identity": {"type": "SystemAssigned", "principalId": SUBSCRIPTION, "tenantId": SUBSCRIPTION},
            "sku": {"name": "Basic", "tier": "Basic"}, "systemData": _system(BEGIN, BEGIN),
            "properties": {
                "friendlyName": WORKSPACE, "provisioningState": "Succeeded", "workspaceId": SUBSCRIPTION,
                "discoveryUrl": f"{self._account.url}/discovery",
                "mlFlowTrackingUri": f"azureml://{REGION}.api.azureml.ms/mlflow/v1.0{_BASE}",
            },
        }  # fmt: skip

    def _endpoint(self, place: Place) -> dict[str, Any]:
        uri = self.scoring_uri(place)
        return {
            "id": f"{_BASE}/onlineEndpoints/{place.name}", "name": place.name, "type": f"{_TYPE}/onlineEndpoints",
            "location": REGION, "kind": "Managed", "tags": {}, "identity": {"type": "SystemAssigned"},
            "systemData": _system(place.made, place.changed),
            "properties": {
                "scoringUri": uri, "swaggerUri": uri.removesuffix("score") + "swagger.json", "authMode": mode_of(place),
                "traffic": {name: round(share) for name, share in _percent(place).items()}, "mirrorTraffic": {},
                "provisioningState": place.status or "Succeeded", "publicNetworkAccess": "Enabled", "properties": {},
            },
        }  # fmt: skip

    def _deployment(self, place: Place, name: str, served: Served) -> dict[str, Any]:
        model = served.model or place.name
        own = served.container in ("mlflow", "mlflow-probabilities", "")
        timeout: Any = place.option("timeout", 5)
        return {
            "id": f"{_BASE}/onlineEndpoints/{place.name}/deployments/{name}", "name": name,
            "type": f"{_TYPE}/onlineEndpoints/deployments", "location": REGION, "kind": "Managed", "tags": {},
            "sku": {"name": "Default", "tier": "Standard", "capacity": served.count},
            "systemData": _system(place.made, BEGIN + place.since.get(name, 1)),
            "properties": {
                "endpointComputeType": "Managed", "instanceType": served.instance or "Standard_DS3_v2",
                "model": f"{_BASE}/models/{model}/versions/{served.version}", "provisioningState": place.status or "Succeeded",
                "environmentId": None if own else f"{_BASE}/environments/scoring/versions/1", "environmentVariables": {},
                "codeConfiguration": None if own else {"codeId": f"{_BASE}/codes/scoring/versions/1", "scoringScript": "score.py"},
                "requestSettings": {
                    "maxConcurrentRequestsPerInstance": most_concurrent(place), "maxQueueWait": "PT0.5S",
                    "requestTimeout": f"PT{timeout:g}S",
                },
                "scaleSettings": {"scaleType": "Default"}, "appInsightsEnabled": False, "properties": {},
                "egressPublicNetworkAccess": "Enabled",
            },
        }  # fmt: skip

    def _credentials(self, place: Place, what: str) -> dict[str, Any]:
        if (what == "listKeys") != (mode_of(place) == "Key"):
            raise Refused(
                "invalid", f"The endpoint {place.name} has the auth mode {mode_of(place)}.", code="BadRequest"
            )
        if what == "listKeys":
            primary, secondary = self._keys.pair(place.name)
            return {"primaryKey": primary, "secondaryKey": secondary}
        until = int(time.time()) + self._keys.tokens.seconds
        token = self._keys.tokens.issue("token", place.name)
        return {
            "accessToken": token,
            "expiryTimeUtc": until,
            "refreshAfterTimeUtc": until - 1800,
            "tokenType": "Bearer",
        }

    def _model(self, name: str, version: str) -> dict[str, Any]:
        for place in self._account.places.values():
            for deployment, served in place.variants.items():
                if (served.model or place.name, served.version) == (name, version):
                    return self._described(place, deployment, served, name)
        raise _missing(f"models/{name}/versions/{version}")

    def _described(self, place: Place, deployment: str, served: Served, name: str) -> dict[str, Any]:
        own = served.container in ("mlflow", "mlflow-probabilities", "")
        made = BEGIN + place.since.get(deployment, 1)
        flavors = {"python_function": {"data": {"loader_module": "mlflow.sklearn"}}} if own else {}
        store = f"azureml:/{_BASE}/datastores/workspaceblobstore/paths/{name}/{served.version}"
        return {
            "id": f"{_BASE}/models/{name}/versions/{served.version}", "name": served.version, "type": f"{_TYPE}/models/versions",
            "systemData": _system(made, made),
            "properties": {
                "modelType": "mlflow_model" if own else "custom_model", "modelUri": store, "flavors": flavors, "tags": {},
                "properties": {}, "isArchived": False, "isAnonymous": False, "description": "", "provisioningState": "Succeeded",
            },
        }  # fmt: skip


def mode_of(place: Place) -> str:
    return _MODES[str(place.option("auth_mode", "key"))]


def _percent(place: Place) -> dict[str, float]:
    total = sum(place.weights.values())
    return (
        {name: 100 * weight / total for name, weight in place.weights.items()}
        if total
        else dict.fromkeys(place.weights, 0)
    )


def _missing(what: str) -> Refused:
    return Refused(
        "missing", f"The Resource '{what}' under workspace '{WORKSPACE}' was not found.", code="ResourceNotFound"
    )
