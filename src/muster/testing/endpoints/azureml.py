"""Azure ML's online endpoints: the resource manager, the token service, and scoring, all with TLS, on which clients insist.

Options of an endpoint: `auth_mode` (`key`, `aml_token`, `aad_token`), `max_concurrent` (per instance; twice as many may be in
flight), `timeout` (seconds), `limit` (bytes), `swagger` (a schema to serve). Options of the account: `auth` (`secret`,
`certificate`, `managed-identity`).
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from muster.errors import InvalidInput
from muster.testing.endpoints.account import Account, Visit
from muster.testing.endpoints.azure_tokens import MANAGEMENT, SCORING, Entra
from muster.testing.endpoints.azureml_containers import CONTAINERS
from muster.testing.endpoints.azureml_control import (
    GROUP,
    REGION,
    SUBSCRIPTION,
    WORKSPACE,
    Control,
    Keys,
    mode_of,
    most_concurrent,
)
from muster.testing.endpoints.invoking import Most, Target, written
from muster.testing.endpoints.place import Place
from muster.testing.endpoints.refusal import Refused
from muster.testing.endpoints.served import Container
from muster.testing.endpoints.server import Outgoing, plain, said

__all__ = ["AzureMl"]

_WAYS = ("secret", "certificate", "managed-identity")
_SCORING: Mapping[str, tuple[int, str]] = {
    "throttled": (429, "too many pending requests"),
    "starting": (503, "upstream connect error or disconnect/reset before headers"),
    "unavailable": (503, "no healthy upstream"),
    "too_large": (413, "Payload Too Large"),
    "timeout": (408, "upstream request timeout"),
    "missing": (404, ""),
    "unsigned": (401, "Unauthorized"),
    "expired": (401, "Unauthorized"),
    "denied": (403, "Forbidden"),
}
_MANAGING: Mapping[str, tuple[int, str]] = {
    "throttled": (429, "TooManyRequests"),
    "unavailable": (503, "ServiceUnavailable"),
    "starting": (503, "ServiceUnavailable"),
    "timeout": (504, "GatewayTimeout"),
    "missing": (404, "ResourceNotFound"),
    "unsigned": (401, "AuthenticationFailed"),
    "expired": (401, "ExpiredAuthenticationToken"),
    "denied": (403, "AuthorizationFailed"),
}


class AzureMl:
    FIRST_VARIANT = "blue"
    TLS = True
    CONTAINERS: Mapping[str, Container] = CONTAINERS

    def __init__(self, account: Account, *, auth: str = "secret") -> None:
        if auth not in _WAYS:
            raise InvalidInput(f"there is no auth `{auth}` for azureml", hint=f"one of: {', '.join(_WAYS)}")
        self._account = account
        self.entra = Entra(account, auth)
        self.keys = Keys()
        self.control = Control(account, self.keys)

    def open(self) -> None:
        self._account.settings |= {
            "subscription_id": SUBSCRIPTION, "resource_group": GROUP, "workspace": WORKSPACE, "management_url": self._account.url,
        }  # fmt: skip
        self.entra.open()

    def expire(self) -> None:
        """Ends tokens, and replaces the keys of endpoints."""
        self.entra.expire()
        self.keys.expire()

    def answer(self, visit: Visit) -> Outgoing:
        if (answer := self.entra.answer(visit)) is not None:
            return answer
        path = visit.incoming.path
        if path.startswith("/subscriptions/"):
            self._let_in(visit)
            return self.control.answer(visit)
        host, _, route = path.strip("/").partition("/")
        name = host.removesuffix(f".{REGION}")
        if name == host or route not in ("score", "swagger.json", ""):
            raise Refused("missing")
        return self._scoring(visit, name, route)

    def _let_in(self, visit: Visit) -> None:
        visit.operation = "list" if visit.incoming.path.endswith("s") else "describe"
        token = visit.incoming.bearer
        visit.identity = self.entra.tokens.who(token, MANAGEMENT) or ""
        if not token:
            raise Refused("unsigned", "Authentication failed. The 'Authorization' header is missing.")
        if not visit.identity:
            raise Refused(
                "expired",
                "The access token has expired, or is for another audience.",
                code="InvalidAuthenticationToken",
            )

    def _scoring(self, visit: Visit, name: str, route: str) -> Outgoing:
        visit.operation, visit.endpoint = "invoke" if route == "score" else "describe", name
        place = self._account.places.get(name)
        if place is None:
            raise Refused("missing")
        self._known(visit, place)
        if route != "score":
            schema: Any = place.option("swagger")
            if route and schema is None:
                raise Refused("missing")
            return said(schema) if route else plain("Healthy", 200)
        self._account.permit(visit, "invoke", name)
        if visit.incoming.method != "POST":
            raise Refused("method", "Method Not Allowed", status=405)
        return self._invoke(visit, place)

    def _known(self, visit: Visit, place: Place) -> None:
        """A key, a token of the endpoint, or one of the directory for scoring, each only where the endpoint asks for it."""
        token = visit.incoming.bearer
        match mode_of(place):
            case "Key":
                visit.identity = "key" if token in self.keys.pair(place.name) else ""
            case "AMLToken":
                visit.identity = self.keys.tokens.who(token, place.name) or ""
            case _:
                visit.identity = self.entra.tokens.who(token, SCORING) or ""
        if not visit.identity:
            raise Refused("unsigned")

    def _invoke(self, visit: Visit, place: Place) -> Outgoing:
        wanted = visit.incoming.headers.get("azureml-model-deployment")
        variant = wanted or place.next_variant()
        if variant is None or variant not in place.variants or place.status not in ("", "Succeeded", "Updating"):
            raise Refused("missing")
        served, most = place.variants[variant], most_concurrent(place)
        workers = most * served.count
        served = replace(served, pace=replace(served.pace, workers=workers))
        seconds: Any = place.option("timeout", 5)
        limit: Any = place.option("limit")
        container = served.within(self.CONTAINERS)
        target = Target(place, variant, served)
        kind, body = written(self._account, visit, target, container, most=Most(limit, seconds, 2 * workers))
        return Outgoing(200, body, {"Content-Type": kind, "azureml-model-deployment": variant, **_ids(visit)})

    def refuse(self, refused: Refused, visit: Visit) -> Outgoing:
        if visit.operation == "token":
            return self.entra.refuse(refused)
        if visit.incoming.path.startswith("/subscriptions/"):
            return self._managing(refused, visit)
        headers = {**refused.retry_after, **_ids(visit)}
        if visit.variant:
            headers["azureml-model-deployment"] = visit.variant
        if refused.what == "model_error":
            return _model_error(refused, headers)
        status, words = _SCORING.get(refused.what, (400, refused.message))
        given = "" if refused.message == refused.what else refused.message
        return plain(given or words, refused.status or status, headers)

    def _managing(self, refused: Refused, visit: Visit) -> Outgoing:
        status, code = _MANAGING.get(refused.what, (400, "BadRequest"))
        text = refused.message
        if refused.what == "denied":
            action = {"list": "read", "describe": "read", "keys": "listKeys/action"}.get(visit.operation, "read")
            text = (
                f"The client '{visit.identity}' with object id '{visit.identity}' does not have authorization to perform action"
                f" 'Microsoft.MachineLearningServices/workspaces/onlineEndpoints/{action}' over scope '{visit.incoming.path}'."
            )
        found = {"error": {"code": refused.code or code, "message": text}}
        return said(found, refused.status or status, refused.retry_after)


def _ids(visit: Visit) -> dict[str, str]:
    given = visit.incoming.headers
    return {
        "x-ms-request-id": given.get("x-ms-request-id") or str(uuid.uuid4()),
        "x-ms-client-request-id": given.get("x-ms-client-request-id", ""),
        "x-ms-server-version": "azmlinfsrv/1.4.0",
    }


def _model_error(refused: Refused, headers: dict[str, str]) -> Outgoing:
    """The container's own status and words in headers and body, around them the status that says that it was the model."""
    status = refused.status or 400
    own = {"ms-azureml-model-error-statuscode": str(status), "ms-azureml-model-error-reason": "model_error"}
    return Outgoing(
        424, json.dumps({"message": refused.message}).encode(), {"Content-Type": "application/json", **headers, **own}
    )
