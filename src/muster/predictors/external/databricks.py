"""Databricks Model Serving: endpoints of a workspace, and the served entities behind them."""

from __future__ import annotations

import base64
import os
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any, ClassVar
from urllib.parse import quote

from muster.connecting import Options, Setting
from muster.endpoint import Endpoint, Listed, Step
from muster.errors import InvalidInput, MusterError, NotApplicable, NotFound, SourceUnavailable, near
from muster.predictors.external.digests import digest_of
from muster.predictors.external.exchange import Answer, Limits, Payload, Refusal, Reply, Request
from muster.predictors.external.logins import Bearer, Lent, Login, ask_token
from muster.predictors.external.openapi import signature_of
from muster.predictors.external.provider import Described, Send
from muster.predictors.external.rest import Rest, message_of, wait_of
from muster.predictors.external.steps import looked_at, steps
from muster.signature import Json, Signature

__all__ = ["Databricks"]

_API = "/api/2.0/serving-endpoints"
_CONCURRENCY = {"Small": 4, "Medium": 8, "Large": 16}
_EXCHANGE = "urn:ietf:params:oauth:grant-type:jwt-bearer"


class Databricks:
    """A token of a person (PAT), or a client with its secret (OAuth M2M); what is not set comes from DATABRICKS_* variables."""

    kind: ClassVar[str] = "databricks"
    place: ClassVar[tuple[str, ...]] = ("host",)
    settings: ClassVar[tuple[Setting, ...]] = (
        Setting("host", "the workspace, https://…; DATABRICKS_HOST without"),
        Setting("token", "a personal access token", secret=True),
        Setting("client_id", "a service principal; with `client_secret`, in place of a token"),
        Setting("client_secret", "the secret of the service principal", secret=True),
    )

    def __init__(self, options: Options, send: Send) -> None:
        host = options.get("host") or os.environ.get("DATABRICKS_HOST", "")
        if not host:
            raise InvalidInput("the connection names no workspace", hint="give `host`, or set DATABRICKS_HOST")
        self._host = (host if "://" in host else f"https://{host}").rstrip("/")
        self._send = send
        self._client = options.get("client_id") or (
            "" if options.get("token") else os.environ.get("DATABRICKS_CLIENT_ID", "")
        )
        self._login = self._found(options)
        self._planes: dict[str, Lent] = {}
        access = "see that who asks may view and query the endpoint"
        self._rest = Rest(send, self._signed, f"Databricks at {self._host}", access, renew=self.renew)

    @property
    def where(self) -> Mapping[str, str]:
        return {"host": self._host}

    def request(self, route: Mapping[str, Json], payload: Payload, identity: str) -> Request:
        headers = {"content-type": payload.content_type, "accept": "application/json", "x-request-id": identity}
        login = self._plane(str(route["grant"])) if route.get("grant") else self._login
        url = str(route["url"]) if route.get("url") else self._host + str(route["path"])
        return Request("POST", url, {**headers, **login.headers()}, payload.body)

    def read(self, reply: Reply) -> Answer | Refusal:
        if reply.status == 200:
            return Answer(reply.body, reply.headers.get("content-type", ""), reply.headers.get("served-model-name"))
        code, said = message_of(reply)
        told = said or code or str(reply.status)
        if reply.status == 429 or code == "REQUEST_LIMIT_EXCEEDED":
            return Refusal("throttled", told, wait_of(reply))
        if reply.status == 401 or (reply.status == 403 and "invalid access token" in told.lower()):
            return Refusal("expired", told)
        if reply.status == 403:
            return Refusal("denied", told)
        if reply.status == 404 or (reply.status == 400 and "is not ready" in told):
            return Refusal("missing", told)
        if reply.status == 413 or "exceeds the maximum" in told:
            return Refusal("too_large", told)
        if reply.status in (503, 504):  # scaled to zero, or a model that is being loaded
            return Refusal("starting", told, wait_of(reply))
        return Refusal("rows" if reply.status < 500 else "unavailable", told, wait_of(reply))

    def renew(self) -> None:
        self._login.renew()
        for plane in self._planes.values():
            plane.renew()

    def discover(self, name: str = "") -> Iterator[Listed]:
        for told in self._rest.get(self._host + _API).get("endpoints") or ():
            if isinstance(told, dict) and name in str(told.get("name")) and not _is_foreign(told):
                yield _listed(told)

    def describe(self, endpoint: Endpoint) -> Described:
        if not endpoint.name:
            raise InvalidInput("the endpoint has no name", hint=f"see `muster discover {endpoint.connection}`")
        told: dict[str, Any] = self._rest.get(f"{self._host}{_API}/{quote(endpoint.name, safe='')}")
        config = told.get("config") or {}
        entities = {str(e["name"]): e for e in _entities(config)}
        ready = str((told.get("state") or {}).get("ready", ""))
        if endpoint.variant is not None and endpoint.variant not in entities:
            raise NotFound(
                f"the endpoint `{endpoint.name}` serves nothing called `{endpoint.variant}`{near(endpoint.variant, entities)}",
                hint=f"it serves {', '.join(entities)}",
            )
        chosen = {n: e for n, e in entities.items() if endpoint.variant in (None, n)}
        routes = (config.get("traffic_config") or {}).get("routes") or ()
        return Described(
            route=self._route(endpoint, told),
            configuration={
                # The number of the configuration is not in it: another size of the endpoint changes that too.
                "entities": {n: _configured(e) for n, e in sorted(chosen.items())},
                "traffic": {
                    str(r["served_model_name"]): r.get("traffic_percentage") for r in routes if endpoint.variant is None
                },
            },
            limits=Limits(16 << 20, 297.0, concurrency=sum(_CONCURRENCY.get(str(e.get("workload_size")), 4) for e in chosen.values()) or 4),
            signature=self._signature(endpoint.name, endpoint.variant),
            request="dataframe_split",
            status=ready,
            serves=ready != "NOT_READY",
            lineage={
                "provider": "databricks", "server": self._host, "endpoint": endpoint.name,
                "config_version": config.get("config_version"),
                "models": {n: f"{e.get('entity_name')}:{e.get('entity_version')}" for n, e in chosen.items()},
            },
        )  # fmt: skip

    def check(self, endpoint: Endpoint | None = None) -> Iterator[Step]:
        def listed() -> str:
            return f"may list the serving endpoints: {sum(1 for _ in self.discover())} seen"

        looked = None if endpoint is None else lambda: looked_at(lambda: self.describe(endpoint))
        return steps(self._send, self._host, login=self._login.how, permission=listed, endpoint=looked)

    def close(self) -> None:
        return None

    def _found(self, options: Options) -> Login:
        if self._client:
            secret = partial(_value, options, "client_secret", "DATABRICKS_CLIENT_SECRET")
            return Lent(lambda: self._granted(secret()), f"as the client `{self._client}`")
        return Bearer(partial(_value, options, "token", "DATABRICKS_TOKEN"), "with a personal access token")

    def _granted(self, secret: str) -> tuple[str, float]:
        both = base64.b64encode(f"{self._client}:{secret}".encode()).decode("ascii")
        form = {"grant_type": "client_credentials", "scope": "all-apis"}
        return ask_token(
            self._send,
            f"{self._host}/oidc/v1/token",
            form,
            f"Databricks at {self._host}",
            {"authorization": f"Basic {both}"},
        )

    def _signed(self, request: Request) -> Request:
        return Request(request.method, request.url, {**request.headers, **self._login.headers()}, request.body)

    def _route(self, endpoint: Endpoint, told: Mapping[str, Any]) -> dict[str, Json]:
        """Where it is asked. One that is optimised has an address of its own, which takes tokens for it alone."""
        name = quote(str(endpoint.name), safe="")
        query = ((told.get("data_plane_info") or {}).get("query_info")) or {}
        if told.get("route_optimized") and query.get("endpoint_url"):
            if not self._client:
                raise InvalidInput(
                    f"the endpoint `{endpoint.name}` is route-optimised, and takes no personal access token",
                    hint="make the connection with `client_id` and `client_secret`",
                )
            if endpoint.variant is not None:
                raise NotApplicable(
                    f"the endpoint `{endpoint.name}` is route-optimised: its address answers for all that it serves",
                    hint="register it without a variant: what answered stands beside each prediction",
                )
            return {"url": str(query["endpoint_url"]), "grant": str(query.get("authorization_details", ""))}
        if endpoint.variant is None:
            return {"path": f"/serving-endpoints/{name}/invocations"}
        return {"path": f"/serving-endpoints/{name}/served-models/{quote(endpoint.variant, safe='')}/invocations"}

    def _plane(self, grant: str) -> Lent:
        """Who asks an optimised endpoint: a token for it, in exchange for that of the workspace."""
        if grant not in self._planes:
            self._planes[grant] = Lent(partial(self._exchanged, grant), f"as the client `{self._client}`")
        return self._planes[grant]

    def _exchanged(self, grant: str) -> tuple[str, float]:
        assert isinstance(self._login, Lent)
        form = {"grant_type": _EXCHANGE, "authorization_details": grant, "assertion": self._login.token()}
        return ask_token(self._send, f"{self._host}/oidc/v1/token", form, f"Databricks at {self._host}")

    def _signature(self, name: str, variant: str | None) -> Signature | None:
        """That of the served entity, or the one that all of them share."""
        try:
            told = self._rest.get(f"{self._host}{_API}/{quote(name, safe='')}/openapi")
        except SourceUnavailable:
            raise
        except MusterError:  # only endpoints of some models have one
            return None
        paths = told.get("paths") or {}
        own = {p: v for p, v in paths.items() if variant is not None and f"/served-models/{variant}/" in p}
        found = [signature_of({**told, "paths": {path: body}}) for path, body in (own or paths).items()]
        return found[0] if found and all(one == found[0] for one in found) else None


def _value(options: Options, name: str, variable: str) -> str:
    found = options.secret(name) or os.environ.get(variable)
    if not found:
        raise InvalidInput(f"the connection has no `{name}`", hint=f"give it as where it is, or set {variable}")
    return found


def _is_foreign(told: Mapping[str, Any]) -> bool:
    """An endpoint that passes on to a language model of somebody else."""
    config = told.get("config") or {}
    served = config.get("served_entities") or config.get("served_models")
    return bool(served) and not _entities(config)


def _entities(config: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """What is served there of one's own; models of somebody else that it passes on to are left out."""
    served = config.get("served_entities") or config.get("served_models") or ()
    return [e for e in served if not (e.get("external_model") or e.get("foundation_model"))]


def _configured(entity: Mapping[str, Any]) -> dict[str, Json]:
    """What decides what it answers; variables may be secrets, so that their digest stands for them."""
    variables = entity.get("environment_vars")
    return {**_identity(entity), **({"environment": digest_of(variables)} if variables else {})}


def _identity(entity: Mapping[str, Any]) -> dict[str, Json]:
    return {
        "name": entity.get("entity_name") or entity.get("model_name"),
        "version": entity.get("entity_version") or entity.get("model_version"),
    }


def _listed(told: Mapping[str, Any]) -> Listed:
    entities = _entities(told.get("config") or {})
    identities = [_identity(e) for e in entities]
    changed = told.get("last_updated_timestamp")
    return Listed(
        connection="",
        name=str(told["name"]),
        status=str((told.get("state") or {}).get("ready", "")),
        model=", ".join(sorted({str(e["name"]) for e in identities if e["name"]})),
        version=", ".join(sorted({str(e["version"]) for e in identities if e["version"]})),
        instance=", ".join(sorted({str(e["workload_size"]) for e in entities if e.get("workload_size")})),
        variants={str(e["name"]): _identity(e) for e in entities},
        changed_at=datetime.fromtimestamp(changed / 1000, UTC) if isinstance(changed, (int, float)) else None,
    )
