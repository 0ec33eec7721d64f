"""Servers of the Open Inference Protocol (v2) and of KServe's first protocol: KServe, Triton, MLServer, TorchServe, TensorFlow Serving."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar
from urllib.parse import quote

import pyarrow as pa

from muster.connecting import Options, Setting
from muster.endpoint import Endpoint, Listed, Step
from muster.errors import InvalidInput, NotFound
from muster.predictors.external.exchange import Answer, Limits, Payload, Refusal, Reply, Request
from muster.predictors.external.plain import SETTINGS, login_of, plain_refusal
from muster.predictors.external.provider import Described, Send
from muster.predictors.external.rest import Rest, message_of, parsed
from muster.predictors.external.steps import looked_at, steps
from muster.signature import Column, Json, Signature, TensorSpec

__all__ = ["OpenInference"]

_TYPES: Mapping[str, tuple[pa.DataType, str]] = {
    "BOOL": (pa.bool_(), "bool"),
    **{f"INT{n}": (getattr(pa, f"int{n}")(), f"int{n}") for n in (8, 16, 32, 64)},
    **{f"UINT{n}": (getattr(pa, f"uint{n}")(), f"uint{n}") for n in (8, 16, 32, 64)},
    "FP16": (pa.float32(), "float16"),
    "FP32": (pa.float32(), "float32"),
    "FP64": (pa.float64(), "float64"),
    "BYTES": (pa.string(), "object"),
}


class OpenInference:
    """`url` is the server; what it serves is found by its metadata, so that types and shapes of tensors are known."""

    kind: ClassVar[str] = "openinference"
    place: ClassVar[tuple[str, ...]] = ("url",)
    settings: ClassVar[tuple[Setting, ...]] = SETTINGS

    def __init__(self, options: Options, send: Send) -> None:
        self._url = options["url"].rstrip("/")
        self._send = send
        self._login = login_of(options)
        self._rest = Rest(send, self._signed, self._url, "see `auth` and `secret` of the connection")

    @property
    def where(self) -> Mapping[str, str]:
        return {"url": self._url}

    def request(self, route: Mapping[str, Json], payload: Payload, identity: str) -> Request:
        headers = {"content-type": payload.content_type, "accept": "application/json", "x-request-id": identity}
        return Request("POST", self._url + str(route["path"]), {**headers, **self._login.headers()}, payload.body)

    def read(self, reply: Reply) -> Answer | Refusal:
        if reply.status == 500 and isinstance(parsed(reply.body), dict):  # an error that the server tells: the model's
            return Refusal("rows", message_of(reply)[1])
        if reply.status == 400 and (said := message_of(reply)[1]).startswith("Request for unknown model"):
            return Refusal("missing", said)  # as Triton says it
        if reply.status != 200:
            return plain_refusal(reply)
        return Answer(reply.body, reply.headers.get("content-type", ""), _version(reply))

    def renew(self) -> None:
        self._login.renew()

    def discover(self, name: str = "") -> Iterator[Listed]:
        """Triton has an index of its repository, the first protocol a list; the second protocol itself has neither."""
        for model in self._models():
            if name in model.name:
                yield model

    def describe(self, endpoint: Endpoint) -> Described:
        if not endpoint.name:
            raise InvalidInput("the endpoint has no name", hint="give the name of the model on the server")
        model = f"/v2/models/{quote(endpoint.name, safe='')}"
        base = model if endpoint.variant is None else f"{model}/versions/{quote(endpoint.variant, safe='')}"
        try:
            told: dict[str, Any] = self._rest.get(self._url + base)
        except NotFound as missing:
            try:
                return self._first_protocol(endpoint)
            except NotFound:
                raise missing from None
        ready = self._ready(base)
        return Described(
            route={"path": f"{base}/infer"},
            configuration={
                k: told[k]
                for k in ("name", "versions", "platform", "inputs", "outputs")
                if k in told and not (k == "versions" and endpoint.variant)  # others may come and go beside it
            },
            limits=Limits(16 << 20, 60.0),
            signature=_signature(told.get("inputs") or []),
            request=_request(told.get("inputs") or []),
            response="auto",
            status="ready" if ready else "not ready",
            serves=ready,
            lineage={"provider": "openinference", "server": self._url, "platform": told.get("platform")},
        )

    def check(self, endpoint: Endpoint | None = None) -> Iterator[Step]:
        def answers() -> str:
            try:
                told = self._rest.get(f"{self._url}/v2")
            except NotFound:  # it speaks the first protocol alone
                told = {}
            return f"{told.get('name', 'the server')} {told.get('version', '')}".strip()

        looked = None if endpoint is None else lambda: looked_at(lambda: self.describe(endpoint))
        return steps(self._send, self._url, login=self._login.how, permission=answers, endpoint=looked)

    def close(self) -> None:
        return None

    def _first_protocol(self, endpoint: Endpoint) -> Described:
        name = quote(str(endpoint.name), safe="")
        version = "" if endpoint.variant is None else f"/versions/{quote(endpoint.variant, safe='')}"
        told = self._rest.get(f"{self._url}/v1/models/{name}{version}")
        shown = told.get("model_version_status")  # as TensorFlow Serving tells it
        serving: list[Json] = [str(v.get("version")) for v in shown or () if v.get("state") == "AVAILABLE"]
        ready = bool(serving) if isinstance(shown, list) else told.get("ready", True) in (True, "True", "true")
        return Described(
            route={"path": f"/v1/models/{name}{version}:predict"},
            # Whether it is ready changes by itself, and is no other model.
            configuration={
                **{k: told[k] for k in sorted(told) if k not in ("ready", "model_version_status")},
                **({"versions": serving} if serving else {}),
            },
            limits=Limits(16 << 20, 60.0),
            status="ready" if ready else "not ready",
            serves=ready,
            lineage={"provider": "openinference", "server": self._url},
        )

    def _models(self) -> Iterator[Listed]:
        asked = Request("POST", f"{self._url}/v2/repository/index", {"content-type": "application/json"}, b"{}")
        if (found := _index(self._rest.reply(asked))) is not None:
            yield from found
            return
        try:
            names = self._rest.get(f"{self._url}/v1/models").get("models")
        except NotFound:
            raise NotFound(
                f"{self._url} does not list what it serves",
                hint="register a model by its name: muster.Endpoint(connection, name)",
            ) from None
        for told in names if isinstance(names, list) else ():
            name = str(told.get("name") if isinstance(told, dict) else told)
            ready = self._ready(f"/v2/models/{quote(name, safe='')}")
            yield Listed(connection="", name=name, status="ready" if ready else "not ready")

    def _ready(self, base: str) -> bool:
        return self._has(f"{base}/ready")

    def _has(self, path: str) -> bool:
        return self._rest.reply(Request("GET", self._url + path)).status == 200

    def _signed(self, request: Request) -> Request:
        return Request(request.method, request.url, {**request.headers, **self._login.headers()}, request.body)


def _index(reply: Reply) -> list[Listed] | None:
    """A model for all of its versions; None where the server has no index."""
    found = parsed(reply.body) if reply.status == 200 else None
    if not isinstance(found, list):
        return None
    models: dict[str, dict[str, str]] = {}
    for told in found:
        if isinstance(told, dict) and told.get("name"):
            models.setdefault(str(told["name"]), {})[str(told.get("version") or "")] = str(told.get("state") or "")
    return [
        Listed(
            connection="",
            name=name,
            version=", ".join(filter(None, versions)),
            status=", ".join(sorted(set(versions.values()))).lower().replace("unavailable", "not ready"),
            variants={v: {"status": state} for v, state in versions.items() if v},
        )
        for name, versions in models.items()
    ]


def _version(reply: Reply) -> str | None:
    """The version that answered stands in the body; a look at its end or beginning is enough."""
    if b'"model_version"' not in reply.body:
        return None
    found = parsed(reply.body)
    version = found.get("model_version") if isinstance(found, dict) else None
    return None if version is None else str(version)


def _signature(inputs: list[Mapping[str, Any]]) -> Signature | None:
    """A column for each tensor. A single matrix does not tell how its columns are called: a sample does."""
    if _is_matrix(inputs):
        return None
    columns = []
    for told in inputs:
        known = _TYPES.get(str(told.get("datatype")))
        shape = told.get("shape")
        if known is None or not isinstance(shape, list) or not shape:
            return None
        columns.append(_column(str(told["name"]), known, [int(n) for n in shape]))
    return Signature(tuple(columns)) if columns else None


def _is_matrix(inputs: list[Mapping[str, Any]]) -> bool:
    return len(inputs) == 1 and len(inputs[0].get("shape") or ()) == 2 and inputs[0]["shape"][1] != 1


def _column(name: str, known: tuple[pa.DataType, str], shape: list[int]) -> Column:
    """A tensor of one value a row is a plain column; the first axis is the rows."""
    kind, dtype = known
    if len(shape) == 1 or shape[1:] == [1]:
        return Column(name, kind)
    return Column(name, pa.list_(kind), tensor=TensorSpec(dtype, (-1, *shape[1:])))


def _request(inputs: list[Mapping[str, Any]]) -> Json:
    """One matrix, or a tensor for each input, of the rank that the server tells."""
    if _is_matrix(inputs):
        return {"format": "oip-v2", "input": str(inputs[0]["name"]), "datatype": str(inputs[0].get("datatype", ""))}
    flat = bool(inputs) and all(len(i.get("shape") or ()) == 1 for i in inputs)
    return {"format": "oip-v2", "tensors": "columns", "column_rank": "1" if flat else "2"} if inputs else "auto"
