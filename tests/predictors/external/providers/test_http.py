"""Endpoints of one address: how they are logged in at, and what their refusals mean."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from muster.errors import InvalidInput, NotApplicable
from muster.predictors.external.exchange import Answer, Payload, Refusal, Reply
from muster.predictors.external.transport.unreachable import Unreachable
from muster.testing.endpoints import Account
from tests.predictors.external.providers.helpers import (
    MODEL,
    Case,
    Client,
    account_of,
    asking,
    reply,
    secrets_of,
)
from tests.predictors.external.providers.proxy import proxying

ROWS = Payload(json.dumps([{"age": 41, "visits": 2}]).encode(), "application/json", "application/json")
SAID = {
    "none": "without credentials",
    "basic": "as the user `ada`",
    "bearer": "with a token",
    "api-key": "with an API key",
    "mtls": "with its certificate",
}


# Who asks


@pytest.mark.parametrize("auth", SAID)
def test_each_way_in(monkeypatch: pytest.MonkeyPatch, auth: str) -> None:
    with account_of("http", monkeypatch, auth=auth) as client, asking(client, ROWS, None) as asked:
        assert asked.answer().content_type == "application/json"
        assert {s.name: s.told for s in client.steps()}["login"] == SAID[auth]
        if auth in ("basic", "bearer", "api-key"):
            client.account.expire()
            refused = asked.once()
            assert isinstance(refused, Refusal)
            assert refused.kind == "expired"
            monkeypatch.setenv("ENDPOINT_SECRET", client.account.environ["ENDPOINT_SECRET"])
            asked.answer()


def test_a_key_in_a_header_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    with account_of("http", monkeypatch, auth="api-key", header="X-Team-Key") as client:
        with asking(client, ROWS, None) as asked:
            asked.answer()
        with asking(client.but(header=None), ROWS, None) as asked:
            assert isinstance(asked.once(), Refusal)
        by_headers = client.but(auth=None, secret=None, header=None, headers='{"X-Team-Key": "env:ENDPOINT_SECRET"}')
        with asking(by_headers, ROWS, None) as asked:
            asked.answer()


def test_a_key_in_the_address(monkeypatch: pytest.MonkeyPatch) -> None:
    with account_of("http", monkeypatch, auth="api-key", query="code") as client:
        assert client.account.settings["query"] == "code"
        for by in (client, client.but(auth=None), client.but(url=f"{client.account.url}/churn?v=1")):
            with asking(by, ROWS, None) as asked:
                asked.answer()
                assert asked.route["url"] == by.settings["url"], "what is kept has no key in it"
        assert {s.name: s.told for s in client.steps()}["login"] == "with an API key in the address"
        client.account.expire()
        with asking(client, ROWS, None) as asked:
            assert isinstance(asked.once(), Refusal)
            monkeypatch.setenv("ENDPOINT_SECRET", client.account.environ["ENDPOINT_SECRET"])
            asked.answer()
        with asking(client.but(query=None), ROWS, None) as asked:
            assert isinstance(asked.once(), Refusal)


def test_a_key_in_the_address_is_quoted_and_shown_to_nobody(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    key = "ge/heim+key=="
    with account_of("http", monkeypatch, auth="api-key", query="code") as client:
        monkeypatch.setenv("ENDPOINT_SECRET", key)
        with asking(client, ROWS, None) as asked:
            found = asked.once()
            request = asked.provider.request(asked.route, ROWS, "id")
            assert request.url.endswith("?code=ge%2Fheim%2Bkey%3D%3D")
            quoting = json.dumps({"error": f"no {request.url}, no {key}"}).encode()
            refused = asked.provider.read(Reply(404, {}, quoting))
            assert asked.provider.read(Reply(200, {}, b"[0.1]")) == Answer(b"[0.1]", "")
            monkeypatch.setenv("ENDPOINT_SECRET", "0.1")
            assert asked.provider.read(Reply(200, {}, b"[0.1]")) == Answer(b"[0.1]", "")
            monkeypatch.setenv("ENDPOINT_SECRET", key * 2)
            told = asked.provider.read(Reply(200, {}, json.dumps({"error": f"no {key * 2}"}).encode()))
            assert told == Answer(b'{"error": "no ***"}', "")
            monkeypatch.setenv("ENDPOINT_SECRET", key)
        assert "POST /churn?***" in caplog.text, "the request was logged"
        gone = client.but(url="http://127.0.0.1:9/x")
        with asking(gone, ROWS, None) as asked, pytest.raises(Unreachable) as caught:
            asked.once()
        for secret in ("ge%2Fheim", "ge/heim"):
            assert (
                secret not in f"{found!r} {request!r} {refused!r} {caplog.text} {client.connection!r} {caught.value!r}"
            )


def test_what_is_given_says_how_to_log_in(monkeypatch: pytest.MonkeyPatch) -> None:
    for auth in ("basic", "bearer", "mtls"):
        with account_of("http", monkeypatch, auth=auth) as client, asking(client.but(auth=None), ROWS, None) as asked:
            asked.answer()


def test_a_client_without_its_certificate(monkeypatch: pytest.MonkeyPatch) -> None:
    with account_of("http", monkeypatch, auth="mtls") as client:
        told = client.but(auth="none").failed()
        assert told.name in ("TLS", "connection")
        assert client.but(certificate="/nowhere.pem").failed().name == "settings"


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"auth": "basic"}, "a login by basic needs `username` and `secret`"),
        ({"auth": "bearer"}, "a login by bearer needs `secret`"),
        ({"auth": "api-key"}, "a login by api-key needs `secret`"),
        ({"query": "code"}, "a login by api-key needs `secret`"),
        ({"query": "code", "auth": "bearer", "secret": "env:X"}, "`query` goes with `auth=api-key`"),
        ({"query": "code", "header": "X-Key", "secret": "env:X"}, "an API key goes in a header or in the address"),
        ({"auth": "mtls"}, "a login by mtls needs `certificate`"),
        ({"headers": "[1]"}, "`headers` are no object of JSON"),
        ({"headers": '{"Authorization": "Bearer geheim"}'}, "the header `Authorization` is given as"),
        ({"seconds": "soon"}, "`seconds` of the connection is no number above 0: 'soon'"),
        ({"max_bytes": 0}, "`max_bytes` of the connection is no number above 0: '0'"),
        ({"seconds": "inf"}, "`seconds` of the connection is no number above 0: 'inf'"),
    ],
)
def test_settings_that_do_not_fit(changes: Mapping[str, Any], told: str) -> None:
    step = Client(Account("http", Path(), 2), {"url": "http://127.0.0.1:9/", **changes}).failed()
    assert step.name == "settings"
    assert step.told.startswith(told)
    assert "geheim" not in repr(step)


def test_a_secret_that_is_missing_says_where_it_was_looked_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with account_of("http", monkeypatch, auth="bearer", environ=False) as client:
        told = client.failed()
        assert (told.name, told.told) == (
            "login",
            "the secret `secret` is in the variable ENDPOINT_SECRET, which is not set",
        )
        assert told.hint == "set ENDPOINT_SECRET where Muster runs"
        (tmp_path / "empty").write_text("\n")
        told = client.but(secret=f"file:{tmp_path}/empty").failed()
        assert told.told == f"the secret `secret` is in the file {tmp_path}/empty, which is empty"


def test_no_secret_is_seen(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    for auth in ("basic", "bearer", "api-key"):
        with account_of("http", monkeypatch, auth=auth) as client:
            monkeypatch.setenv("ENDPOINT_SECRET", "geheim-geheim-geheim")
            with asking(client, ROWS, None) as asked:
                found = asked.once()
                request = asked.provider.request(asked.route, ROWS, "id")
            for secret in ("geheim-geheim-geheim", *secrets_of(client.account)):
                assert secret not in f"{found!r} {request!r} {caplog.text} {client.connection!r}"


# Where, and how


def test_marks_in_the_address(monkeypatch: pytest.MonkeyPatch) -> None:
    with account_of("http", monkeypatch, {"churn": MODEL, "prices": MODEL}) as client:
        marked = client.but(url=client.account.url + "/{name}")
        with asking(marked, ROWS, "prices") as asked:
            asked.answer()
        assert client.account.invocations[-1].endpoint == "prices"
        assert [s.name for s in marked.steps("prices")][-1] == "endpoint"
        with pytest.raises(InvalidInput, match=r"has \{name\}, and the endpoint none"):
            marked.describe(None)
        with pytest.raises(InvalidInput, match=r"has no \{name\} for `churn`"):
            client.describe("churn")
        assert client.failed("churn").name == "endpoint"
        with client.opened() as (provider, _), pytest.raises(NotApplicable, match="does not list endpoints"):
            next(provider.discover())


def test_what_a_connection_says_of_its_requests() -> None:
    settings = {
        "url": "https://h/x", "method": "PUT", "headers": '{"X-Team": "ops"}', "served_by": "X-Model", "max_bytes": 1000,
        "seconds": "2.5",
    }  # fmt: skip
    client = Client(Account("http", Path(), 2), settings)
    told = client.describe(None)
    assert (told.limits.bytes, told.limits.seconds) == (1000, 2.5)
    with client.opened() as (provider, _):
        request = provider.request(told.route, ROWS, "id-7")
        assert (request.method, request.url) == ("PUT", "https://h/x")
        assert request.headers["x-team"] == "ops"
        assert request.headers["x-request-id"] == "id-7"
        assert request.headers["accept"] == "application/json"
        assert provider.read(Reply(201, {"x-model": "m:3"}, b"[]")) == Answer(b"[]", "", "m:3")


def test_each_step_fails_where_it_should(monkeypatch: pytest.MonkeyPatch) -> None:
    with account_of("http", monkeypatch, auth="bearer", tls=True) as client:
        assert [s.name for s in client.steps()] == ["name", "TLS", "login", "permission"]
        assert client.but(url="http://nowhere.invalid/x").failed().name == "name"
        assert client.but(url="http://127.0.0.1:9/x").failed().name == "connection"
        assert client.but(ca_bundle=None).failed().name == "TLS"
        with proxying() as proxy, asking(client.but(proxy=proxy.url), ROWS, None) as asked:
            asked.answer()
            assert proxy.asked == [f"CONNECT {client.account.url.partition('://')[2]}"]


# What refusals mean

CASES = {
    "301": Case(302, b"", "missing", "it sends elsewhere, to https://h/login: give that address", {"location": "https://h/login?k=geheim"}),
    "400": Case(400, {"error": "no age"}, "rows", "no age"),
    "401": Case(401, {"error": "who?"}, "expired", "who?"),
    "403": Case(403, b"no", "denied", "no"),
    "404": Case(404, {"detail": "Not Found"}, "missing", "Not Found"),
    "405": Case(405, b"", "missing", "status 405"),
    "407": Case(407, b"", "denied", "status 407"),
    "408": Case(408, b"", "unavailable", "status 408"),
    "413": Case(413, b"big", "too_large", "big"),
    "422": Case(422, {"detail": [{"msg": "Field required"}, {"msg": "and another"}]}, "rows", "Field required; and another"),
    "429": Case(429, b"", "throttled", "status 429", {"retry-after": "9"}, 9.0),
    "500": Case(500, {"error": "oops"}, "unavailable", "oops"),
    "500 with a code": Case(500, {"error_code": "BAD", "message": "the model's"}, "rows", "the model's"),
    "501": Case(501, {"error": "no versions"}, "missing", "no versions"),
    "502 page": Case(502, b"<html>proxy</html>", "unavailable", "status 502"),
    "503": Case(503, b"later", "unavailable", "later", {"retry-after": "soon"}),
    "oauth": Case(400, {"error": "invalid_request", "error_description": "not so"}, "rows", "not so"),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_refusals(case: Case) -> None:
    with Client(Account("http", Path(), 2), {"url": "https://h/x"}).opened() as (provider, _):
        assert provider.read(reply(case)) == Refusal(case.kind, case.said, case.wait)
