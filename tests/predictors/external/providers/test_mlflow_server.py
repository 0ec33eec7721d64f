"""MLflow's scoring server: one model behind one address."""

from __future__ import annotations

from pathlib import Path

import pytest

from muster.errors import NotApplicable, SourceDenied, SourceUnavailable
from muster.predictors.external.exchange import Refusal
from muster.testing.endpoints import Account
from tests.predictors.external.providers.helpers import FRAME, Case, Client, account_of, asking, reply


@pytest.mark.parametrize("auth", ["none", "basic", "bearer", "api-key", "mtls"])
def test_each_way_in(monkeypatch: pytest.MonkeyPatch, auth: str) -> None:
    with account_of("mlflow-server", monkeypatch, auth=auth) as client, asking(client, FRAME, None) as asked:
        asked.answer()
        assert [s.name for s in client.steps() if s.name != "TLS"] == ["name", "login", "permission"]


def test_the_address_of_its_predictions_does_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    with account_of("mlflow-server", monkeypatch) as client:
        longer = client.but(url=f"{client.account.url}/invocations")
        with asking(longer, FRAME, None) as asked:
            asked.answer()
        assert longer.describe(None).configuration == client.describe(None).configuration


def test_a_wrong_secret_fails_the_permission(monkeypatch: pytest.MonkeyPatch) -> None:
    with account_of("mlflow-server", monkeypatch, auth="bearer") as client:
        monkeypatch.setenv("ENDPOINT_SECRET", "geheim-geheim")
        told = client.failed()
        assert told.name == "permission"
        assert "geheim" not in repr(told)
        with pytest.raises(SourceDenied):
            client.describe(None)


def test_what_is_no_server_of_mlflow(monkeypatch: pytest.MonkeyPatch) -> None:
    with account_of("http", monkeypatch) as other:
        client = Client(Account("mlflow-server", Path(), 2), {"url": f"{other.account.url}/nothing"})
        told = client.failed()
        assert told.name == "permission"


def test_the_configuration_is_its_version(monkeypatch: pytest.MonkeyPatch) -> None:
    with account_of("mlflow-server", monkeypatch, version="3.1.0") as client:
        told = client.describe(None)
        assert told.configuration == {"url": client.account.url, "mlflow": "3.1.0"}
        assert told.status == "ready"
        assert (told.request, told.limits.seconds) == ("dataframe_split", 60.0)
        client.account.faults.add("unavailable", on="describe")
        with pytest.raises(SourceUnavailable):
            client.describe(None)
        with client.opened() as (provider, _), pytest.raises(NotApplicable, match="nothing to list"):
            next(provider.discover())


CASES = {
    "400": Case(400, {"error_code": "BAD_REQUEST", "message": "no age"}, "rows", "no age"),
    "500": Case(500, {"error_code": "BAD_REQUEST", "message": "boom", "stack_trace": "…"}, "rows", "boom"),
    "500 of a proxy": Case(500, b"<html></html>", "unavailable", "status 500"),
    "404": Case(404, {"detail": "Not Found"}, "missing", "Not Found"),
    "415": Case(415, b"unsupported", "rows", "unsupported"),
    "429": Case(429, {"error_code": "REQUEST_LIMIT_EXCEEDED", "message": "many"}, "throttled", "many"),
    "503": Case(503, {"error_code": "TEMPORARILY_UNAVAILABLE", "message": "later"}, "unavailable", "later"),
    "504": Case(
        504, b"Request processing time exceeded limit", "unavailable", "Request processing time exceeded limit"
    ),
    "401": Case(401, {"error_code": "UNAUTHENTICATED", "message": "who?"}, "expired", "who?"),
    "403": Case(403, {"error_code": "PERMISSION_DENIED", "message": "no"}, "denied", "no"),
    "413": Case(413, {"error_code": "BAD_REQUEST", "message": "big"}, "too_large", "big"),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_refusals(case: Case) -> None:
    with Client(Account("mlflow-server", Path(), 2), {"url": "https://h"}).opened() as (provider, _):
        assert provider.read(reply(case)) == Refusal(case.kind, case.said, case.wait)
