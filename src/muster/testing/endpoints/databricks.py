"""Databricks model serving: a workspace with its endpoints, their invocations, and tokens of users and of service principals.

Options of an endpoint: `route_optimized` (its own address, OAuth alone), `external` (a served entity that is an external model's,
by name), `limit` (bytes). Options of the account: `auth` (`token`, `oauth`).
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Mapping
from typing import Any

from muster.errors import InvalidInput
from muster.testing.endpoints.account import Account, Visit
from muster.testing.endpoints.databricks_control import described, schema, summary
from muster.testing.endpoints.invoking import Most, Target, written
from muster.testing.endpoints.mlflow_containers import CONTAINERS
from muster.testing.endpoints.place import Place
from muster.testing.endpoints.refusal import Refused
from muster.testing.endpoints.served import Container
from muster.testing.endpoints.server import Outgoing, said
from muster.testing.endpoints.tokens import Tokens

__all__ = ["Databricks"]

_MOST = Most(16 * 1024 * 1024, 297)
_LIST = "/api/2.0/serving-endpoints"
_CODES: Mapping[str, tuple[int, str]] = {
    "throttled": (429, "REQUEST_LIMIT_EXCEEDED"),
    "starting": (503, "TEMPORARILY_UNAVAILABLE"),
    "unavailable": (503, "TEMPORARILY_UNAVAILABLE"),
    "model_error": (400, "BAD_REQUEST"),
    "too_large": (413, "BAD_REQUEST"),
    "timeout": (504, "DEADLINE_EXCEEDED"),
    "missing": (404, "RESOURCE_DOES_NOT_EXIST"),
    "nowhere": (404, "ENDPOINT_NOT_FOUND"),
    "denied": (403, "PERMISSION_DENIED"),
}
_WORDS = {
    "throttled": "Exceeded max number of parallel requests for this endpoint. Please retry after some time.",
    "starting": "The endpoint is scaling from zero and is not ready yet.",
    "denied": "User does not have permission for this serving endpoint.",
}


class Databricks:
    FIRST_VARIANT = "model-1"
    TLS = False
    CONTAINERS: Mapping[str, Container] = CONTAINERS

    def __init__(self, account: Account, *, auth: str = "token") -> None:
        if auth not in ("token", "oauth"):
            raise InvalidInput(f"there is no auth `{auth}` for databricks", hint="one of: token, oauth")
        self._account = account
        self._auth = auth
        self.token = f"dapi{secrets.token_hex(16)}"
        self.client = (secrets.token_hex(8), f"dose{secrets.token_hex(16)}")
        self.tokens = Tokens()

    def open(self) -> None:
        account = self._account
        account.settings["host"] = account.url
        account.environ["DATABRICKS_HOST"] = account.url
        if self._auth == "token":
            account.settings |= {"token": "env:DATABRICKS_TOKEN"}
            account.environ["DATABRICKS_TOKEN"] = self.token
            return
        account.settings |= {"client_id": self.client[0], "client_secret": "env:DATABRICKS_CLIENT_SECRET"}
        account.environ |= {"DATABRICKS_CLIENT_ID": self.client[0], "DATABRICKS_CLIENT_SECRET": self.client[1]}

    def expire(self) -> None:
        """Ends OAuth tokens, and replaces the personal one."""
        self.tokens.expire()
        self.token = f"dapi{secrets.token_hex(16)}"
        if self._auth == "token":
            self._account.environ["DATABRICKS_TOKEN"] = self.token

    def answer(self, visit: Visit) -> Outgoing:
        incoming, url = visit.incoming, self._account.url
        path = incoming.path.rstrip("/")
        if path == "/.well-known/databricks-config":
            return said({"oidc_endpoint": f"{url}/oidc", "workspace_id": "1234567890123456", "cloud": "AWS"})
        if path == "/oidc/.well-known/oauth-authorization-server":
            return said(
                {"authorization_endpoint": f"{url}/oidc/v1/authorize", "token_endpoint": f"{url}/oidc/v1/token"}
            )
        if path == "/oidc/v1/token":
            return self._login(visit)
        visit.operation = "invoke" if path.endswith("/invocations") else "list" if path == _LIST else "describe"
        by_oauth = self._let_in(visit)
        if visit.operation == "invoke":
            return self._invoke(visit, path, by_oauth=by_oauth)
        if incoming.method == "GET" and path == "/api/2.0/preview/scim/v2/Me":
            self._account.permit(visit, "describe")
            return said({"id": "42", "userName": visit.identity, "active": True})
        return said(self._told(visit, path))

    def _login(self, visit: Visit) -> Outgoing:
        visit.operation = "token"
        form, given = visit.incoming.form, visit.incoming.headers.get("authorization", "")
        if form.get("grant_type") == "urn:ietf:params:oauth:grant-type:jwt-bearer":
            identity, scope = self.tokens.who(form.get("assertion", "")), form.get("authorization_details", "")
        else:
            name, _, secret = base64.b64decode(given.removeprefix("Basic ") or "Og==").decode().partition(":")
            known = (name, secret) == self.client and form.get("grant_type") == "client_credentials"
            identity, scope = name if known else None, form.get("scope", "")
        if identity is None:
            raise Refused("login", "Client authentication failed", code="invalid_client")
        visit.identity = identity
        self._account.permit(visit, "token")
        token = self.tokens.issue(identity)
        return said({"access_token": token, "token_type": "Bearer", "expires_in": self.tokens.seconds, "scope": scope})

    def _let_in(self, visit: Visit) -> bool:
        """Whether it came by OAuth. A token that has ended is refused with 403, as one that never was."""
        token = visit.incoming.bearer
        if not token:
            raise Refused(
                "login", "Credential was not sent or was of an unsupported type for this API.", status=401, code="401"
            )
        identity = self.tokens.who(token)
        if identity is None and token != self.token:
            raise Refused("expired", "Invalid access token.", code="403")
        visit.identity = identity or "ada@example.com"
        return identity is not None

    def _place(self, name: str) -> Place:
        if name not in self._account.places:
            raise Refused(
                "missing",
                f"The given endpoint does not exist, please retry after checking the specified model and version deployment exists: {name}",
            )
        return self._account.places[name]

    def _told(self, visit: Visit, path: str) -> Any:
        if visit.incoming.method != "GET" or not path.startswith(_LIST):
            raise Refused("nowhere", f"No API found for '{visit.incoming.method} {path}'")
        name, _, more = path.removeprefix(_LIST).strip("/").partition("/")
        self._account.permit(visit, "describe" if name else "list", name)
        if not name:
            return {"endpoints": [summary(place) for place in self._account.places.values()]}
        place = self._place(name)
        if more == "openapi":
            return schema(place, self._account.url)
        if more:
            raise Refused("nowhere", f"No API found for 'GET {path}'")
        return described(place, self.own_url(place))

    def own_url(self, place: Place) -> str:
        """Where a route-optimised endpoint is asked, empty for others."""
        code = hashlib.sha256(place.name.encode()).hexdigest()[:12]
        return (
            f"{self._account.url}/{code}/serving-endpoints/{place.name}/invocations"
            if place.has("route_optimized")
            else ""
        )

    def _invoke(self, visit: Visit, path: str, *, by_oauth: bool) -> Outgoing:
        head, _, rest = path.partition("/serving-endpoints/")
        name, _, more = rest.removesuffix("/invocations").partition("/served-models/")
        self._account.permit(visit, "invoke", name)
        place = self._place(name)
        if place.has("route_optimized"):
            self._routed(place, head, by_oauth=by_oauth)
        if place.status:
            raise Refused(
                "unavailable", f"Endpoint {name} is not ready: {place.status}", status=400, code="BAD_REQUEST"
            )
        if more and more not in place.variants:
            raise Refused("missing", f"Served model {more} of endpoint {name} does not exist")
        variant = more or place.next_variant() or next(iter(place.variants))
        served = place.variants[variant]
        limit: Any = place.option("limit")
        most = Most(limit, _MOST.seconds) if limit else _MOST
        container = served.within(self.CONTAINERS)
        kind, body = written(self._account, visit, Target(place, variant, served), container, most=most)
        return Outgoing(200, body, {"Content-Type": kind, "served-model-name": variant})

    def _routed(self, place: Place, head: str, *, by_oauth: bool) -> None:
        if not head:
            raise Refused("missing", f"Endpoint {place.name} is route optimized: it is only reached at its own URL")
        if not by_oauth:
            raise Refused(
                "login",
                "Personal access tokens are not supported for route optimized endpoints",
                status=401,
                code="401",
            )

    def refuse(self, refused: Refused, visit: Visit) -> Outgoing:
        if visit.operation == "token":
            status = 401 if refused.code else refused.status or 400
            return said({"error": refused.code or "invalid_request", "error_description": refused.message}, status)
        status, code = _CODES.get(refused.what, (403, "PERMISSION_DENIED"))
        status, code = refused.status or status, refused.code or code
        if refused.what == "model_error":
            status = 400 if refused.status == 500 else status
        shown: Any = int(code) if code.isdecimal() else code
        given = "" if refused.what in {refused.message, "denied"} else refused.message
        return said(
            {"error_code": shown, "message": given or _WORDS.get(refused.what, refused.what)},
            status,
            refused.retry_after,
        )
