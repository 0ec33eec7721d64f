"""Servers started by `mlflow models serve`, and whatever speaks their protocol."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar

from muster.connecting import Options, Setting
from muster.endpoint import Endpoint, Listed, Step
from muster.errors import NotApplicable, NotFound
from muster.predictors.external.exchange import Answer, Limits, Payload, Refusal, Reply, Request
from muster.predictors.external.plain import SETTINGS, login_of, plain_refusal
from muster.predictors.external.provider import Described, Send
from muster.predictors.external.rest import Rest, message_of
from muster.predictors.external.steps import steps
from muster.signature import Json

__all__ = ["MlflowServer"]


class MlflowServer:
    """One server is one model: the connection is the endpoint."""

    kind: ClassVar[str] = "mlflow-server"
    place: ClassVar[tuple[str, ...]] = ("url",)
    settings: ClassVar[tuple[Setting, ...]] = SETTINGS

    def __init__(self, options: Options, send: Send) -> None:
        self._url = options["url"].rstrip("/").removesuffix("/invocations")
        self._send = send
        self._login = login_of(options)
        self._rest = Rest(send, self._signed, self._url, "see `auth` and `secret` of the connection")

    @property
    def where(self) -> Mapping[str, str]:
        return {"url": self._url}

    def request(self, route: Mapping[str, Json], payload: Payload, identity: str) -> Request:
        headers = {"content-type": payload.content_type, "accept": "application/json", "x-request-id": identity}
        return Request("POST", f"{self._url}/invocations", {**headers, **self._login.headers()}, payload.body)

    def read(self, reply: Reply) -> Answer | Refusal:
        if reply.status == 200:
            return Answer(reply.body, reply.headers.get("content-type", ""))
        code, said = message_of(reply)
        # Its server answers an error of the model with 400, or 500 and an `error_code`.
        return Refusal("rows", said or code) if code and reply.status in (400, 500) else plain_refusal(reply)

    def renew(self) -> None:
        self._login.renew()

    def discover(self, name: str = "") -> Iterator[Listed]:
        raise NotApplicable(
            "a connection to an MLflow server is one model: it has nothing to list",
            hint="register the connection itself: muster.Endpoint(connection)",
        )

    def describe(self, endpoint: Endpoint) -> Described:
        return Described(
            route={},
            configuration={"url": self._url, "mlflow": self._version()},
            limits=Limits(64 << 20, 60.0),
            request="dataframe_split",
            status=self._pinged(),
            lineage={"provider": "mlflow-server", "server": self._url},
        )

    def check(self, endpoint: Endpoint | None = None) -> Iterator[Step]:
        return steps(self._send, self._url, login=self._login.how, permission=self._pinged)

    def close(self) -> None:
        return None

    def _pinged(self) -> str:
        try:
            self._get("/ping")
        except NotFound:
            raise NotFound(
                f"{self._url} has no /ping, and is no server of MLflow",
                hint="see the address; other servers are of the kind `http`",
            ) from None
        return "ready"

    def _version(self) -> Json:
        try:
            return self._get("/version").body.decode(errors="replace").strip()[:40]
        except NotFound:  # older ones do not tell it; where it fails, that is no other version
            return None

    def _get(self, path: str) -> Reply:
        return self._rest.good(Request("GET", self._url + path))

    def _signed(self, request: Request) -> Request:
        return Request(request.method, request.url, {**request.headers, **self._login.headers()}, request.body)
