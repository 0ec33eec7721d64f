"""What tests of the local servers share: a model, and a client that knows nothing but HTTP."""

from __future__ import annotations

import http.client
import json
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

from muster.testing.endpoints import Account

__all__ = ["ROWS", "Reply", "ask", "churn", "form"]

ROWS = [{"age": 2.0, "plan": "basic"}, {"age": 8.0, "plan": "gold"}]


def churn(rows: list[Any]) -> list[list[float]]:
    """The chance of the second class: a tenth of the age, less if it is gold."""
    scores = [row["age"] / 10 - 0.2 * (row.get("plan") == "gold") for row in rows]
    return [[1 - s, s] for s in scores]


@dataclass(frozen=True)
class Reply:
    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


def ask(
    account: Account, path: str, body: Any = None, *, method: str = "", certificate: Sequence[str] = (), **headers: str
) -> Reply:
    """What came back. Anything but bytes goes out as JSON; `_` in names of headers is a hyphen."""
    url = urlsplit(path if path.startswith("http") else account.url + path)
    data = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    sent = {"Content-Type": "application/json"} if data else {}
    sent |= {name.replace("_", "-"): value for name, value in headers.items()}
    connection = _connection(account, url.netloc, certificate)
    try:
        target = url.path + (f"?{url.query}" if url.query else "")
        connection.request(method or ("POST" if data else "GET"), target, data or None, sent)
        answer = connection.getresponse()
        return Reply(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())
    finally:
        connection.close()


def _connection(account: Account, netloc: str, certificate: Sequence[str]) -> http.client.HTTPConnection:
    if account.ca_bundle is None:
        return http.client.HTTPConnection(netloc, timeout=10)
    context = ssl.create_default_context(cafile=str(account.ca_bundle))
    if certificate:
        context.load_cert_chain(*certificate)
    return http.client.HTTPSConnection(netloc, timeout=10, context=context)


def form(account: Account, path: str, fields: Mapping[str, str], **headers: str) -> Reply:
    kind = "application/x-www-form-urlencoded"
    return ask(account, path, urlencode(fields).encode(), Content_Type=kind, **headers)
