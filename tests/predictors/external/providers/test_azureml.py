"""Azure ML: who asks, what is listed and described, and what its refusals mean."""

from __future__ import annotations

import json
import logging
import os
import time
from dataclasses import replace
from pathlib import Path

import pytest

from muster.errors import InvalidInput, NotFound, SourceDenied, SourceUnavailable
from muster.predictors.external.exchange import Answer, Payload, Refusal, Reply
from muster.testing.endpoints import Account, Deployed, Models
from muster.testing.endpoints.azure_tokens import CLIENT, MANAGEMENT, TENANT
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

ROWS = Payload(
    json.dumps({"input_data": {"columns": ["age", "visits"], "index": [0], "data": [[41, 2]]}}).encode(),
    "application/json",
)


# Who asks


def test_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    with account_of("azureml", monkeypatch) as client, asking(client, ROWS) as asked:
        assert asked.answer().served_by == "blue"
        assert {s.name: s.told for s in client.steps()}["login"] == "by ClientSecretCredential"


def test_a_secret_in_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with account_of("azureml", monkeypatch) as client:
        (tmp_path / "secret").write_text(client.account.environ["AZURE_CLIENT_SECRET"] + "\n")
        monkeypatch.delenv("AZURE_CLIENT_SECRET")
        assert client.but(client_secret=f"file:{tmp_path}/secret").discover()
        told = client.failed()
        assert (told.name, told.told) == (
            "login",
            "the secret `client_secret` is in the variable AZURE_CLIENT_SECRET, which is not set",
        )
        told = client.but(client_secret="file:/nowhere").failed()
        assert "in the file /nowhere, which cannot be read" in told.told


def test_a_certificate(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with account_of("azureml", monkeypatch, auth="certificate") as client:
        by_it = client.but(certificate=os.environ["AZURE_CLIENT_CERTIFICATE_PATH"])
        assert {s.name: s.told for s in by_it.steps()}["login"] == "by CertificateCredential"
        with asking(by_it, ROWS) as asked:
            asked.answer()
        assert client.but(certificate="/nowhere.pem").failed().told == "the certificate /nowhere.pem is no file"
        (tmp_path / "no.pem").write_text("nothing")
        told = client.but(certificate=str(tmp_path / "no.pem")).failed()
        assert told.name == "login"


def test_the_default_chain(monkeypatch: pytest.MonkeyPatch) -> None:
    with account_of("azureml", monkeypatch) as client:
        plain = client.but(client_secret=None, tenant_id=None, client_id=None)
        assert {s.name: s.told for s in plain.steps()}["login"] == "by DefaultAzureCredential"


def test_the_identity_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    with account_of("azureml", monkeypatch, auth="managed-identity") as client:
        managed = client.but(login="managed")
        assert {s.name: s.told for s in managed.steps()}["login"] == "by ManagedIdentityCredential"
        with asking(managed, ROWS) as asked:
            asked.answer()
            client.account.expire()
            asked.answer()


def _federated(account: Account, seconds: float = 600) -> str:
    """A token as the issuer of a workload signs it; the local server knows one issuer, which is the application's certificate."""
    import jwt

    pem = Path(account.environ["AZURE_CLIENT_CERTIFICATE_PATH"]).read_text()
    now = int(time.time())
    claims = {"iss": CLIENT, "sub": CLIENT, "aud": f"{account.url}/{TENANT}", "nbf": now, "exp": now + int(seconds)}
    return jwt.encode(claims, pem[: pem.index("-----BEGIN CERTIFICATE")], algorithm="RS256")


def test_the_identity_of_a_workload(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with account_of("azureml", monkeypatch, auth="certificate") as client:
        by_it = client.but(login="workload")
        assert "token_file_path" in by_it.failed().told
        token = tmp_path / "token"
        token.write_text(_federated(client.account))
        monkeypatch.setenv("AZURE_FEDERATED_TOKEN_FILE", str(token))
        with asking(by_it, ROWS) as asked:
            asked.answer()
            client.account.expire()
            asked.answer()
        assert {s.name: s.told for s in by_it.steps()}["login"] == "by WorkloadIdentityCredential"
        token.write_text(_federated(client.account, -10))
        told = by_it.failed()
        assert told.name == "login"
        assert "AADSTS700027" in told.told


@pytest.fixture
def az(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The command line of Azure: says what stands in `answer`."""
    folder = tmp_path / "bin"
    folder.mkdir()
    program = folder / "az"
    program.write_text(
        '#!/bin/sh\necho "$@" >> "$0.calls"\ncat "$0.answer"\nexit $(cat "$0.code" 2>/dev/null || echo 0)\n'
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    return program


def test_the_login_of_the_command_line(monkeypatch: pytest.MonkeyPatch, az: Path) -> None:
    with account_of("azureml", monkeypatch) as client:
        entra = client.account.served_by.entra  # type: ignore[attr-defined]  # that of the kind
        until = int(time.time()) + 3600

        def login() -> None:
            told = {
                "accessToken": entra.tokens.issue("ada", MANAGEMENT),
                "expiresOn": time.strftime("%Y-%m-%d %H:%M:%S.000000", time.localtime(until)),
                "expires_on": until,
                "tokenType": "Bearer",
            }
            Path(f"{az}.answer").write_text(json.dumps(told))

        login()
        by_it = client.but(login="cli", client_secret=None, client_id=None)
        with asking(by_it, ROWS) as asked:
            asked.answer()
            client.account.expire()
            login()
            asked.answer()
        assert "get-access-token" in Path(f"{az}.calls").read_text()
        Path(f"{az}.answer").write_text("")
        Path(f"{az}.code").write_text("1")
        told = by_it.failed()
        assert told.name == "login"
        assert "az login" in told.hint


@pytest.mark.parametrize("mode", ["key", "aml_token", "aad_token"])
def test_each_way_that_endpoints_are_asked(monkeypatch: pytest.MonkeyPatch, mode: str) -> None:
    """With its key, a token of its own, or the token of who asks; all end, and are asked for again."""
    models: Models = {"churn": Deployed(variants={"blue": MODEL}, options={"auth_mode": mode, "swagger": SWAGGER})}
    with account_of("azureml", monkeypatch, models) as client, asking(client, ROWS) as asked:
        asked.answer()
        client.account.expire()
        assert isinstance(asked.once(), Refusal)
        asked.answer()
        told = client.describe()
        assert told.route["auth"] == {"key": "Key", "aml_token": "AMLToken", "aad_token": "AADToken"}[mode]
        assert told.signature is not None
        assert told.signature.names == ("age", "visits")


def test_a_key_that_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where who asks may not list keys."""
    with account_of("azureml", monkeypatch) as client:
        keys = client.account.served_by.keys  # type: ignore[attr-defined]  # that of the kind
        client.account.deny("keys")
        monkeypatch.setenv("CHURN_KEY", keys.pair("churn")[1])
        with asking(client.but(key="env:CHURN_KEY"), ROWS) as asked:
            asked.answer()
            client.account.expire()
            monkeypatch.setenv("CHURN_KEY", keys.pair("churn")[0])
            asked.answer()
        with asking(client, ROWS) as asked, pytest.raises(SourceDenied, match="listKeys"):
            asked.once()


def test_a_wrong_secret_is_told_without_it(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with account_of("azureml", monkeypatch) as client:
        client.discover()
        monkeypatch.setenv("AZURE_CLIENT_SECRET", "not-the-secret-of-the-application")
        error = client.refused()
        assert isinstance(error, SourceDenied)
        assert "AADSTS7000215: Invalid client secret provided" in error.message
        assert client.failed().name == "login"
        told = f"{error!r} {error} {client.failed()} {caplog.text} {client.connection!r}"
        for secret in ("not-the-secret-of-the-application", *secrets_of(client.account)):
            assert secret not in told
        assert client.but(tenant_id="00000000-0000-0000-0000-000000000000").failed().name == "login"
        assert client.but(tenant_id=None).failed().name == "login"


def test_a_token_service_that_fails_may_work_later(monkeypatch: pytest.MonkeyPatch) -> None:
    from azure.core.pipeline.policies import RetryPolicy

    monkeypatch.setattr(RetryPolicy, "sleep", lambda *_, **__: None)
    with account_of("azureml", monkeypatch) as client:
        error = client.but(authority="https://127.0.0.1:9").refused()
        assert isinstance(error, SourceUnavailable)
        assert error.message.startswith("Azure gives no token: ")
        client.account.faults.add("unavailable", on="token")
        assert isinstance(client.refused(), SourceUnavailable)


# Steps, TLS and a proxy


def test_each_step_fails_where_it_should(monkeypatch: pytest.MonkeyPatch) -> None:
    with account_of("azureml", monkeypatch) as client:
        assert [s.name for s in client.steps("churn")] == ["name", "TLS", "login", "permission", "endpoint"]
        assert client.but(management_url="https://nowhere.invalid").failed().name == "name"
        assert client.but(management_url="https://127.0.0.1:9").failed().name == "connection"
        assert client.but(ca_bundle=None).failed().name == "TLS"
        client.account.deny("list")
        assert client.failed().name == "permission"
        client.account.allow("list")
        assert client.failed("chrun").name == "endpoint"
        client.account.status("churn", "Failed")
        assert client.failed("churn").told == "the endpoint is not in service: Failed"


def test_all_goes_through_the_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    with account_of("azureml", monkeypatch) as client, proxying() as proxy:
        with asking(client.but(proxy=proxy.url), ROWS) as asked:
            asked.answer()
        place = client.account.url.partition("://")[2]
        assert proxy.asked[:2] == [f"CONNECT {place}"] * 2, "one for tokens, one for all else"
        gone = client.but(proxy="http://127.0.0.1:9").failed()
        assert gone.name == "connection"


# Discover and describe


def test_all_that_is_served_is_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    blue, green = replace(MODEL, model="risk", version="3", count=2, weight=90), replace(MODEL, model="risk", weight=10)
    models: Models = {
        "churn": {"blue": blue, "green": green},
        "prices": Deployed(variants={"blue": MODEL}, status="Failed"),
        "third": MODEL,
    }
    with account_of("azureml", monkeypatch, models) as client:
        found = {e.name: e for e in client.discover()}
        assert set(found) == set(models)
        assert [e.name for e in client.discover("ric")] == ["prices"]
        churn = found["churn"]
        assert (churn.model, churn.version, churn.status) == ("risk", "1, 3", "Succeeded")
        assert churn.instance == "1 × Standard_DS3_v2, 2 × Standard_DS3_v2"
        assert {n: v["traffic"] for n, v in churn.variants.items()} == {"blue": 90, "green": 10}
        assert churn.changed_at is not None
        assert found["prices"].status == "Failed"


def test_routes_and_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    variants = {"blue": replace(MODEL, count=3), "green": replace(MODEL, weight=0)}
    options = {"max_concurrent": 2, "timeout": 180}
    with account_of("azureml", monkeypatch, {"churn": Deployed(variants=variants, options=options)}) as client:
        told = client.describe()
        assert told.route["endpoint"] == "churn"
        assert "deployment" not in told.route
        assert (told.limits.concurrency, told.limits.most, told.limits.seconds) == (6, 12, 180.0)
        green = client.describe(variant="green")
        assert green.route["deployment"] == "green"
        assert (green.limits.concurrency, green.limits.most) == (2, 4)
        with asking(client, ROWS, "churn", "green") as asked:
            assert asked.answer().served_by == "green"
        with pytest.raises(NotFound, match="has no deployment `gren`; did you mean `green`"):
            client.describe(variant="gren")
        with pytest.raises(NotFound, match="onlineEndpoints/nothing"):
            client.describe("nothing")
        with pytest.raises(InvalidInput, match="the endpoint has no name"):
            client.describe(None)
        client.account.shift("churn", blue=0)
        with pytest.raises(NotFound, match="no deployment of `churn` gets any traffic"):
            client.describe()


def test_the_configuration_changes_with_the_model_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    two = {"blue": MODEL, "green": MODEL}
    with account_of("azureml", monkeypatch, {"churn": two}) as client:
        account = client.account
        before, alone = client.describe().configuration, client.describe(variant="blue").configuration
        assert client.describe().configuration == before
        place = account.places["churn"]
        place.variants["blue"] = replace(MODEL, count=9, instance="Standard_F8s_v2")
        place.changed += 1000
        assert client.describe().configuration == before, "scaling"
        account.shift("churn", blue=50)
        assert client.describe().configuration != before, "traffic"
        assert client.describe(variant="blue").configuration == alone
        account.update("churn", {**two, "blue": replace(MODEL, version="2")})
        assert client.describe(variant="blue").configuration != alone, "a new model"


def test_variables_of_a_container_are_not_stored() -> None:
    from muster.predictors.external.azureml import _identity

    told = _identity({"properties": {"model": "m", "environmentVariables": {"DB_PASSWORD": "geheim"}}})
    assert "geheim" not in json.dumps(told)
    other = _identity({"properties": {"model": "m", "environmentVariables": {"DB_PASSWORD": "anders"}}})
    assert told != other


_ROW = {
    "type": "object",
    "required": ["age", "visits"],
    "properties": {"age": {"type": "integer", "format": "int64"}, "visits": {"type": "number", "format": "double"}},
}
SWAGGER = {
    "swagger": "2.0",
    "info": {"title": "ML service", "version": "1.0"},
    "paths": {
        "/score": {
            "post": {
                "parameters": [
                    {"in": "body", "name": "serviceInputPayload", "schema": {"$ref": "#/definitions/Input"}}
                ],
                "responses": {"200": {"schema": {"type": "array", "items": {"type": "integer"}}}},
            }
        }
    },
    "definitions": {
        "Input": {"type": "object", "properties": {"data": {"type": "array", "items": _ROW}}},
    },
}


# What refusals mean

_OF_503 = {"ms-azureml-model-error-statuscode": "503"}
CASES = {
    "401 without words": Case(401, b"", "expired", "status 401"),
    "401": Case(401, b"Unauthorized", "expired", "Unauthorized"),
    "403": Case(403, b"Forbidden", "denied", "Forbidden"),
    "404 without words": Case(404, b"", "missing", "status 404"),
    "408": Case(408, b"upstream request timeout", "too_large", "upstream request timeout"),
    "409": Case(409, {"error": {"code": "Conflict", "message": "being updated"}}, "unavailable", "being updated"),
    "413": Case(413, b"Payload Too Large", "too_large", "Payload Too Large"),
    "424": Case(424, {"message": "no age"}, "rows", "no age", {"ms-azureml-model-error-statuscode": "400"}),
    "424 of 500": Case(424, {"message": "boom"}, "rows", "boom", {"ms-azureml-model-error-statuscode": "500"}),
    "424 of 503": Case(424, b"", "unavailable", "down", {**_OF_503, "ms-azureml-model-error-reason": "down"}),
    "424 of 429": Case(424, b"busy", "throttled", "busy", {"ms-azureml-model-error-statuscode": "429"}),
    "429": Case(429, b"too many pending requests", "throttled", "too many pending requests", {"retry-after": "2"}, 2.0),
    "502": Case(502, b"<html><h1>502</h1></html>", "unavailable", "status 502"),
    "503": Case(503, b"no healthy upstream", "unavailable", "no healthy upstream"),
    "504": Case(504, b"", "unavailable", "status 504"),
    "400": Case(400, {"message": "wrong shape"}, "rows", "wrong shape"),
}  # fmt: skip


@pytest.fixture(scope="module")
def account() -> Client:
    return Client(Account("azureml", Path(), 2), {"subscription_id": "s", "resource_group": "g", "workspace": "w"})


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_refusals(account: Client, case: Case) -> None:
    with account.opened() as (provider, _):
        assert provider.read(reply(case)) == Refusal(case.kind, case.said, case.wait)


def test_an_answer(account: Client) -> None:
    with account.opened() as (provider, _):
        headers = {"content-type": "application/json", "azureml-model-deployment": "blue"}
        assert provider.read(Reply(200, headers, b"[1]")) == Answer(b"[1]", "application/json", "blue")
