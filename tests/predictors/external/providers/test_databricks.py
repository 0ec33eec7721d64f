"""Databricks: who asks, what is listed and described, and what its refusals mean."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from muster.errors import InvalidInput, NotApplicable, NotFound, SourceDenied, SourceUnavailable
from muster.predictors.external.databricks import _configured
from muster.predictors.external.exchange import Answer, Refusal, Reply
from muster.predictors.external.openapi import signature_of
from muster.testing.endpoints import Account, Deployed, Models
from tests.predictors.external.providers.helpers import (
    FRAME,
    MODEL,
    Case,
    Client,
    account_of,
    asking,
    reply,
    secrets_of,
)
from tests.predictors.external.providers.proxy import proxying

# Who asks


def test_a_personal_token_and_its_successor(monkeypatch: pytest.MonkeyPatch) -> None:
    with account_of("databricks", monkeypatch) as client, asking(client, FRAME) as asked:
        assert asked.answer().served_by == "model-1"
        client.account.expire()
        refused = asked.once()
        assert isinstance(refused, Refusal)
        assert refused.kind == "expired"
        monkeypatch.setenv("DATABRICKS_TOKEN", client.account.environ["DATABRICKS_TOKEN"])
        asked.answer()
        assert {s.name: s.told for s in client.steps()}["login"] == "with a personal access token"


def test_a_token_in_a_file_that_is_replaced(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with account_of("databricks", monkeypatch, environ=False) as client:
        file = tmp_path / "token"
        file.write_text(client.account.environ["DATABRICKS_TOKEN"] + "\n")
        with asking(client.but(token=f"file:{file}"), FRAME) as asked:
            asked.answer()
            client.account.expire()
            file.write_text(client.account.environ["DATABRICKS_TOKEN"])
            asked.answer()


def test_a_service_principal(monkeypatch: pytest.MonkeyPatch) -> None:
    with account_of("databricks", monkeypatch, auth="oauth") as client, asking(client, FRAME) as asked:
        asked.answer()
        client.account.expire()
        asked.answer()
        client.account.expire()
        assert [e.name for e in asked.provider.discover()] == ["churn"], "the control plane renews its token too"
        assert {s.name: s.told for s in client.steps()}["login"] == f"as the client `{client.settings['client_id']}`"


@pytest.mark.parametrize("auth", ["token", "oauth"])
def test_all_from_the_variables(monkeypatch: pytest.MonkeyPatch, auth: str) -> None:
    with account_of("databricks", monkeypatch, auth=auth) as client, asking(Client(client.account, {}), FRAME) as asked:
        asked.answer()
        monkeypatch.setenv("DATABRICKS_HOST", client.account.url.partition("://")[2])
        assert Client(client.account, {}).failed().name in ("connection", "TLS"), "without a scheme it is https"
        monkeypatch.delenv("DATABRICKS_HOST")
        assert Client(client.account, {}).failed().told == "the connection names no workspace"


def test_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    with account_of("databricks", monkeypatch, environ=False) as client:
        told = client.but(token=None).failed()
        assert (told.name, told.told) == ("login", "the connection has no `token`")
        told = client.failed()
        assert told.told == "the secret `token` is in the variable DATABRICKS_TOKEN, which is not set"


def test_wrong_secrets_are_told_without_them(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    for auth, variable, step in (
        ("token", "DATABRICKS_TOKEN", "permission"),
        ("oauth", "DATABRICKS_CLIENT_SECRET", "login"),
    ):
        with account_of("databricks", monkeypatch, auth=auth) as client:
            monkeypatch.setenv(variable, "geheim-geheim-geheim")
            error = client.refused()
            assert isinstance(error, SourceDenied)
            assert error.details["resume"] is True
            assert client.failed().name == step
            told = f"{error!r} {error} {client.failed()} {caplog.text} {client.connection!r}"
            for secret in ("geheim-geheim-geheim", *secrets_of(client.account)):
                assert secret not in told


def test_a_token_with_a_line_end_in_it(monkeypatch: pytest.MonkeyPatch) -> None:
    with account_of("databricks", monkeypatch) as client:
        monkeypatch.setenv("DATABRICKS_TOKEN", "geheim\ngeheim")
        error = client.refused()
        assert "has a line end" in error.message
        assert "geheim" not in str(error)


def test_a_token_service_that_fails_may_work_later(monkeypatch: pytest.MonkeyPatch) -> None:
    with account_of("databricks", monkeypatch, auth="oauth") as client:
        client.account.faults.add("unavailable", on="token", status=503)
        error = client.refused()
        assert isinstance(error, SourceUnavailable)
        assert error.message.endswith("gives no token: invalid_request")


# Steps, TLS and a proxy


def test_each_step_fails_where_it_should(monkeypatch: pytest.MonkeyPatch) -> None:
    with account_of("databricks", monkeypatch) as client:
        assert [s.name for s in client.steps("churn")] == ["name", "login", "permission", "endpoint"]
        assert client.but(host="http://nowhere.invalid").failed().name == "name"
        client.account.deny("list")
        assert client.failed().name == "permission"
        client.account.allow("list")
        missing = client.failed("chrun")
        assert missing.name == "endpoint"
        assert "does not exist" in missing.told
        client.account.status("churn", "NOT_READY")
        assert client.failed("churn").told == "the endpoint is not in service: NOT_READY"


def test_tls_by_the_bundle(monkeypatch: pytest.MonkeyPatch) -> None:
    with account_of("databricks", monkeypatch, auth="oauth", tls=True) as client:
        assert [s.name for s in client.steps()] == ["name", "TLS", "login", "permission"]
        assert client.but(ca_bundle=None).failed().name == "TLS"


@pytest.mark.parametrize("tls", [False, True])
def test_all_goes_through_the_proxy(monkeypatch: pytest.MonkeyPatch, tls: bool) -> None:
    with account_of("databricks", monkeypatch, auth="oauth", tls=tls) as client, proxying() as proxy:
        with asking(client.but(proxy=proxy.url), FRAME) as asked:
            asked.answer()
        if tls:
            assert {a.partition(" ")[0] for a in proxy.asked} == {"CONNECT"}
        else:
            assert len(proxy.asked) == len(client.account.calls)
            assert "POST /oidc/v1/token" in proxy.asked


# Discover and describe


def test_all_that_is_served_is_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    models: Models = {
        "churn": {"blue": replace(MODEL, version="3"), "green": replace(MODEL, version="4")},
        "prices": Deployed(variants={"one": MODEL}, status="NOT_READY"),
        "chat": Deployed(variants={}, options={"external": "gpt"}),
        "both": Deployed(variants={"mine": MODEL}, options={"external": "gpt"}),
    }
    with account_of("databricks", monkeypatch, models) as client:
        found = {e.name: e for e in client.discover()}
        assert set(found) == {"churn", "prices", "both"}, "what is passed on to somebody else's model is left out"
        assert [e.name for e in client.discover("ric")] == ["prices"]
        churn = found["churn"]
        assert (churn.status, churn.model, churn.version) == ("READY", "main.models.churn", "3, 4")
        assert churn.variants["blue"] == {"name": "main.models.churn", "version": "3"}
        assert churn.changed_at is not None
        assert churn.changed_at.year == 2026
        assert found["prices"].status == "NOT_READY"
        assert (found["both"].model, list(found["both"].variants)) == ("main.models.both", ["mine"])
        assert client.describe("both").configuration["entities"] == {
            "mine": {"name": "main.models.both", "version": "1"}
        }


def test_routes_and_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    with account_of(
        "databricks",
        monkeypatch,
        {"churn": {"blue": replace(MODEL, instance="Large"), "green": replace(MODEL, weight=0)}},
    ) as client:
        told = client.describe()
        assert told.route == {"path": "/serving-endpoints/churn/invocations"}
        assert (told.limits.bytes, told.limits.seconds, told.limits.concurrency) == (16 << 20, 297.0, 20)
        green = client.describe(variant="green")
        assert green.route == {"path": "/serving-endpoints/churn/served-models/green/invocations"}
        assert green.limits.concurrency == 4
        with asking(client, FRAME, "churn", "green") as asked:
            assert asked.answer().served_by == "green"
        with pytest.raises(NotFound, match="serves nothing called `gren`; did you mean `green`"):
            client.describe(variant="gren")
        with pytest.raises(InvalidInput, match="the endpoint has no name"):
            client.describe(None)


def test_an_optimised_route(monkeypatch: pytest.MonkeyPatch) -> None:
    models: Models = {"churn": Deployed(variants={"one": MODEL}, options={"route_optimized": True})}
    with account_of("databricks", monkeypatch, models, auth="oauth") as client:
        with asking(client, FRAME) as asked:
            assert str(asked.route["url"]).endswith("/serving-endpoints/churn/invocations")
            asked.answer()
            client.account.expire()
            asked.answer()
        grants = [c.request.form for c in client.account.calls if c.operation == "token"]
        assert any("query_inference_endpoint" in g.get("authorization_details", "") for g in grants)
        with pytest.raises(NotApplicable, match="its address answers for all that it serves"):
            client.describe(variant="one")
    with account_of("databricks", monkeypatch, models) as client:
        monkeypatch.delenv("DATABRICKS_CLIENT_ID")
        with pytest.raises(InvalidInput, match="takes no personal access token"):
            client.describe()


def test_the_signature(monkeypatch: pytest.MonkeyPatch) -> None:
    model = replace(MODEL, columns=("age", "city"), types={"city": "string"})
    with account_of("databricks", monkeypatch, {"churn": {"blue": model, "green": model}}) as client:
        for variant in (None, "green"):
            found = client.describe(variant=variant).signature
            assert found is not None
            assert [(c.name, c.type) for c in found.columns] == [("age", pa.float64()), ("city", pa.string())]
        client.account.faults.add("missing", on="describe", calls=[2])
        assert client.describe().signature is None
        client.account.faults.clear()
        client.account.faults.add("unavailable", on="describe", calls=[2, 3, 4])
        with pytest.raises(SourceUnavailable):
            client.describe()


def _document(*schemas: Mapping[str, Any]) -> dict[str, Any]:
    content = {"application/json": {"schema": {"oneOf": list(schemas)}}}
    return {"paths": {"/x": {"post": {"requestBody": {"content": content}}}}}


def _split(names: list[str], places: list[dict[str, Any]]) -> dict[str, Any]:
    inner = {
        "columns": {"type": "array", "items": {"type": "string", "enum": names}},
        "data": {"type": "array", "items": {"type": "array", "prefixItems": places}},
    }
    return {"type": "object", "properties": {"dataframe_split": {"type": "object", "properties": inner}}}


def test_a_frame_that_is_split() -> None:
    number, text = {"type": "number", "format": "float"}, {"type": "string"}
    found = signature_of(_document(_split(["a", "b"], [number, text])))
    assert found is not None
    assert [(c.name, c.type) for c in found.columns] == [("a", pa.float32()), ("b", pa.string())]
    assert signature_of(_document(_split(["a", "b"], [number]))) is None
    assert signature_of(_document(_split(["a"], [{"type": "object"}]))) is None


def test_the_configuration_changes_with_the_model_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    two = {"blue": MODEL, "green": MODEL}
    with account_of("databricks", monkeypatch, {"churn": two}) as client:
        account = client.account
        before, alone = client.describe().configuration, client.describe(variant="blue").configuration
        assert client.describe().configuration == before
        account.update("churn", {"blue": replace(MODEL, instance="Large"), "green": MODEL})
        assert client.describe().configuration == before, (
            "another size, with which the configuration has another number"
        )
        account.shift("churn", blue=50)
        assert client.describe().configuration != before, "traffic"
        assert client.describe(variant="blue").configuration == alone
        account.update("churn", {**two, "blue": replace(MODEL, version="2")})
        assert client.describe(variant="blue").configuration != alone, "a new model"


def test_variables_of_a_container_are_not_stored() -> None:
    one, other = ({"entity_name": "m", "environment_vars": {"KEY": v}} for v in ("geheim", "anders"))
    assert "geheim" not in json.dumps(_configured(one))
    assert _configured(one) != _configured(other)


# What refusals mean


def _error(code: str, message: str) -> dict[str, Any]:
    return {"error_code": code, "message": message}


CASES = {
    "400": Case(400, _error("BAD_REQUEST", "no age"), "rows", "no age"),
    "400 parameter": Case(400, _error("INVALID_PARAMETER_VALUE", "wrong"), "rows", "wrong"),
    "400 too large": Case(
        400, _error("BAD_REQUEST", "exceeds the maximum size"), "too_large", "exceeds the maximum size"
    ),
    "400 not ready": Case(
        400, _error("BAD_REQUEST", "x is not ready: NOT_READY"), "missing", "x is not ready: NOT_READY"
    ),
    "401": Case(401, {"error_code": 401, "message": "no token"}, "expired", "no token"),
    "403 token": Case(403, {"error_code": 403, "message": "Invalid access token."}, "expired", "Invalid access token."),
    "403": Case(403, _error("PERMISSION_DENIED", "may not"), "denied", "may not"),
    "404": Case(404, _error("RESOURCE_DOES_NOT_EXIST", "gone"), "missing", "gone"),
    "413": Case(413, _error("BAD_REQUEST", "big"), "too_large", "big"),
    "429": Case(429, _error("REQUEST_LIMIT_EXCEEDED", "many"), "throttled", "many", {"retry-after": "1"}, 1.0),
    "503": Case(503, _error("TEMPORARILY_UNAVAILABLE", "scaling"), "starting", "scaling"),
    "504": Case(504, _error("DEADLINE_EXCEEDED", "slow"), "starting", "slow"),
    "500": Case(500, _error("INTERNAL_ERROR", "oops"), "unavailable", "oops"),
    "502": Case(502, b"<html>bad gateway</html>", "unavailable", "502"),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_refusals(case: Case) -> None:
    with Client(Account("databricks", Path(), 2), {"host": "h", "token": "env:T"}).opened() as (provider, _):
        assert provider.read(reply(case)) == Refusal(case.kind, case.said, case.wait)


def test_an_answer() -> None:
    with Client(Account("databricks", Path(), 2), {"host": "h", "token": "env:T"}).opened() as (provider, _):
        headers = {"content-type": "application/json", "served-model-name": "blue"}
        assert provider.read(Reply(200, headers, b"{}")) == Answer(b"{}", "application/json", "blue")
