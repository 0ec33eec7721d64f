"""Any endpoint behind one address of HTTP, by a declared request and response."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from typing import ClassVar
from urllib.parse import quote

from muster.connecting import Options, Setting
from muster.endpoint import Endpoint, Listed, Step
from muster.errors import InvalidInput, NotApplicable
from muster.predictors.external.exchange import Answer, Limits, Payload, Refusal, Reply, Request
from muster.predictors.external.logins import InAddress
from muster.predictors.external.plain import SETTINGS, auth_of, login_of, plain_refusal
from muster.predictors.external.provider import Described, Send
from muster.predictors.external.steps import steps
from muster.secrets import is_reference, read_secret
from muster.signature import Json

__all__ = ["Http"]

_METHODS = ("POST", "PUT", "PATCH")


_SECRET = re.compile(r"passw|secret|token|credential|key|cookie|auth", re.IGNORECASE)
"""Names of headers whose values are secrets."""


def _wrong_headers(text: str) -> str:
    """What is wrong with them: one whose name speaks of a secret is given as where it is."""
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        return '`headers` are no object of JSON: write {"X-Team": "ops"}'
    bare = [str(n) for n, v in found.items() if _SECRET.search(str(n)) and not is_reference(v)]
    told = ", ".join(f"`{n}`" for n in bare)
    return f"the header {told} is given as where it is, `env:NAME` or `file:/path`, and never itself" if bare else ""


def _wrong_query(name: str) -> str:
    return "" if re.fullmatch(r"[\w.~-]+", name) else f"`query` is {name!r}, and no name of a parameter: write code"


class Http:
    """`{name}` and `{variant}` in the address stand for those of the endpoint; without them the connection is the endpoint."""

    kind: ClassVar[str] = "http"
    place: ClassVar[tuple[str, ...]] = ("url",)
    settings: ClassVar[tuple[Setting, ...]] = (
        *SETTINGS,
        Setting(
            "query", "the parameter of the address that an API key goes in, in place of a header", check=_wrong_query
        ),
        Setting("method", "the method of its requests", choices=_METHODS),
        Setting(
            "headers",
            'further headers, as JSON: {"X-Team": "ops", "X-Key": "env:TEAM_KEY"}',
            check=_wrong_headers,
        ),
        Setting("served_by", "the header of a response that names what gave it"),
        Setting("max_bytes", "the most bytes that a request may have"),
        Setting("seconds", "the longest that it may take for a request"),
    )

    def __init__(self, options: Options, send: Send) -> None:
        self._options = options
        self._send = send
        if {"query", "header"} <= set(options):
            raise InvalidInput(
                "an API key goes in a header or in the address, and not in both", hint="leave `query` out"
            )
        if "query" in options and auth_of(options) != "api-key":
            raise InvalidInput("`query` goes with `auth=api-key`", hint="leave it out, or change `auth`")
        self._login = login_of(options)
        self._headers = _headers(options.get("headers", "{}"))
        self._limits = Limits(int(_number(options, "max_bytes", 4 << 20)), _number(options, "seconds", 60))

    @property
    def where(self) -> Mapping[str, str]:
        return {"url": self._options["url"]}

    def request(self, route: Mapping[str, Json], payload: Payload, identity: str) -> Request:
        own = {n: read_secret(n, v) if is_reference(v) else v for n, v in self._headers.items()}
        headers = {"content-type": payload.content_type, "x-request-id": identity, **own}
        if payload.accept:
            headers["accept"] = payload.accept
        method = self._options.get("method", "POST")
        url = str(route["url"])
        if isinstance(self._login, InAddress):
            url = self._login.address(url)
        return Request(method, url, {**headers, **self._login.headers()}, payload.body)

    def read(self, reply: Reply) -> Answer | Refusal:
        if isinstance(self._login, InAddress):
            reply = self._login.hidden(reply)
        if 200 <= reply.status < 300:
            served = reply.headers.get(self._options.get("served_by", "").lower())
            return Answer(reply.body, reply.headers.get("content-type", ""), served)
        return plain_refusal(reply)

    def renew(self) -> None:
        self._login.renew()

    def discover(self, name: str = "") -> Iterator[Listed]:
        raise NotApplicable(
            "a connection of the kind `http` does not list endpoints",
            hint="register the connection itself: muster.Endpoint(connection), with a name where its address has one",
        )

    def describe(self, endpoint: Endpoint) -> Described:
        url = self._options["url"]
        for mark, value in (("{name}", endpoint.name), ("{variant}", endpoint.variant)):
            if (mark in url) != (value is not None):
                told = f"has {mark}, and the endpoint none" if value is None else f"has no {mark} for `{value}`"
                raise InvalidInput(f"the address of `{endpoint.connection}` {told}", hint="see the connection's `url`")
            url = url.replace(mark, quote(value or "", safe=""))
        return Described(
            route={"url": url},
            configuration={"url": url},
            limits=self._limits,
            lineage={"provider": "http", "server": url},
        )

    def check(self, endpoint: Endpoint | None = None) -> Iterator[Step]:
        def address() -> str:
            return str(self.describe(endpoint or Endpoint("")).route["url"])

        return steps(
            self._send,
            self._options["url"],
            login=self._login.how,
            permission=lambda: "what it allows shows when it is asked",
            endpoint=None if endpoint is None else address,
        )

    def close(self) -> None:
        return None


def _headers(text: str) -> dict[str, str]:
    if told := _wrong_headers(text):
        raise InvalidInput(told, hint='write {"X-Team": "ops", "X-Key": "env:TEAM_KEY"}')
    return {str(k).lower(): str(v) for k, v in json.loads(text).items()}


def _number(options: Options, name: str, default: float) -> float:
    try:
        found = float(options.get(name, default))
    except ValueError:
        found = math.nan
    if not found > 0 or math.isinf(found):
        raise InvalidInput(
            f"`{name}` of the connection is no number above 0: {options[name]!r}", hint=f"leave it out for {default:,}"
        )
    return found
