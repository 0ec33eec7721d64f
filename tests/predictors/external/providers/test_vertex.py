"""Vertex AI: who asks, what is listed and described, and what its refusals mean."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import google.oauth2.credentials
import pytest

from muster.errors import InvalidInput, NotApplicable, NotFound, SourceDenied, SourceUnavailable
from muster.predictors.external.exchange import Answer, Payload, Refusal, Reply, Request
from muster.predictors.external.vertex import Vertex, _declared, _limits
from muster.testing.endpoints import Deployed, Models, Served
from muster.testing.endpoints.google_tokens import EMAIL, TARGET
from muster.testing.endpoints.vertex_control import number
from tests.predictors.external.providers.helpers import MODEL, Case, Client, account_of, asking, reply, risk
from tests.predictors.external.providers.proxy import proxying

ROWS = Payload(json.dumps({"instances": [[41, 2], [20, 5]]}).encode(), "application/json")


def _login(client: Client) -> str:
    return {s.name: s.told for s in client.steps()}["login"]


# Who asks


def test_a_file_of_a_service_account(monkeypatch: pytest.MonkeyPatch) -> None:
    with account_of("vertex", monkeypatch, environ=False) as client, asking(client, ROWS) as asked:
        assert (asked.answer().served_by or "").endswith("@1")
        assert _login(client) == f"as {EMAIL}"
        client.account.expire()
        refused = asked.once()
        assert isinstance(refused, Refusal)
        assert refused.kind == "expired"
        asked.answer()
        assert [e.name for e in asked.provider.discover()] == ["churn"]
        client.account.expire()
        assert [e.name for e in asked.provider.discover()] == ["churn"], "the control plane renews them too"


def test_default_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    with account_of("vertex", monkeypatch) as client:
        plain = client.but(credentials=None, project_id=None)
        assert plain.discover()
        with asking(plain, ROWS) as asked:
            asked.answer()
        monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS")
        told = plain.failed()
        assert told.name == "settings"
        assert told.told.startswith("there are no credentials for Google")


def test_credentials_in_a_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    with account_of("vertex", monkeypatch, environ=False) as client:
        monkeypatch.setenv("GOOGLE_JSON", Path(client.settings["credentials"]).read_text())
        assert client.but(credentials="env:GOOGLE_JSON", project_id=None).discover()
        assert client.but(credentials=f"file:{client.settings['credentials']}").discover()
        told = client.but(credentials="env:NOWHERE").failed()
        assert told.told == "the secret `credentials` is in the variable NOWHERE, which is not set"
        monkeypatch.setenv("GOOGLE_JSON", "no json")
        told = client.but(credentials="env:GOOGLE_JSON").failed()
        assert told.told == "there are no credentials for Google: the variable GOOGLE_JSON holds no object of JSON"


def test_an_authorized_user(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The local server knows no people: that it is asked, and what is told, is all that is seen of it."""
    with account_of("vertex", monkeypatch, environ=False) as client:
        told = {
            "type": "authorized_user", "client_id": "id", "client_secret": "geheim-geheim", "refresh_token": "alt-alt-alt",
        }  # fmt: skip
        monkeypatch.setattr(google.oauth2.credentials, "_GOOGLE_OAUTH2_TOKEN_ENDPOINT", f"{client.account.url}/token")
        (tmp_path / "user.json").write_text(json.dumps(told))
        step = client.but(credentials=str(tmp_path / "user.json")).failed()
        assert step.name == "login"
        assert "Unsupported grant" in step.told
        asked = [c.request.form for c in client.account.calls if c.operation == "token"][-1]
        assert asked["grant_type"] == "refresh_token"
        assert asked["refresh_token"] == "alt-alt-alt"
        assert "geheim" not in repr(step)


def test_an_impersonated_account(monkeypatch: pytest.MonkeyPatch) -> None:
    with account_of("vertex", monkeypatch, auth="impersonation") as client, asking(client, ROWS) as asked:
        asked.answer()
        client.account.expire()
        asked.answer()
        assert {c.identity for c in client.account.invocations if c.status == 200} == {TARGET}
        assert _login(client) == f"as {TARGET}"
        assert client.but(iam_endpoint=client.account.url).discover(), "the host alone is enough"
        told = client.but(impersonate=f"nobody@{TARGET.partition('@')[2]}", iam_endpoint=client.account.url).failed()
        assert told.name == "login"
        assert "iam.serviceAccounts.getAccessToken" in told.told


def test_a_file_that_impersonates(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with account_of("vertex", monkeypatch, auth="impersonation") as client:
        source = json.loads(Path(client.settings["credentials"]).read_text())
        told = {
            "type": "impersonated_service_account", "source_credentials": source,
            "service_account_impersonation_url": client.settings["iam_endpoint"],
        }  # fmt: skip
        file = tmp_path / "impersonated.json"
        file.write_text(json.dumps(told))
        by_it = client.but(credentials=str(file), impersonate=None, iam_endpoint=None)
        with asking(by_it, ROWS) as asked:
            asked.answer()
        assert {c.identity for c in client.account.invocations} == {TARGET}


def test_an_identity_from_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its own token stands in a file, and is exchanged; another file is taken up."""
    with account_of("vertex", monkeypatch, auth="federation") as client, asking(client, ROWS) as asked:
        asked.answer()
        client.account.expire()
        asked.answer()
        assert {c.identity for c in client.account.invocations if c.status == 200} == {TARGET}
        (client.account.folder / "subject-token").write_text("another")
        told = client.failed()
        assert told.name == "login"
        assert "wrong subject token" in told.told


def test_a_file_that_was_replaced_is_taken_up(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with account_of("vertex", monkeypatch, environ=False) as client:
        file = tmp_path / "credentials.json"
        told = json.loads(Path(client.settings["credentials"]).read_text())
        file.write_text(json.dumps({**told, "private_key_id": "old"}))
        with asking(client.but(credentials=str(file)), ROWS) as asked:
            asked.answer()
            file.write_text(json.dumps({**told, "client_email": "nobody@example.com"}))
            asked.answer()
            client.account.expire()
            asked.provider.renew()
            with pytest.raises(SourceDenied, match="account not found"):
                asked.once()
            file.write_text(json.dumps(told))
            asked.provider.renew()
            asked.answer()


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "cannot be read: No such file or directory"),
        ("{", "holds no object of JSON"),
        ("[1]", "holds no object of JSON"),
        ('{"type": "api_key"}', "holds credentials of the kind 'api_key', which are not known"),
        ('{"type": "service_account"}', "Service account info was not in the expected format"),
    ],
)
def test_files_that_are_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: str | None, told: str) -> None:
    with account_of("vertex", monkeypatch, environ=False) as client:
        file = tmp_path / "c.json"
        if content is not None:
            file.write_text(content)
        step = client.but(credentials=str(file)).failed()
        assert step.name == "settings"
        assert told in step.told


def test_a_wrong_key_is_told_without_it(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    caplog.set_level(logging.DEBUG)
    with (
        account_of("vertex", monkeypatch, environ=False) as client,
        account_of("vertex", monkeypatch, environ=False) as other,
    ):
        theirs = json.loads(Path(other.settings["credentials"]).read_text())
        ours = json.loads(Path(client.settings["credentials"]).read_text())
        file = tmp_path / "c.json"
        file.write_text(json.dumps({**ours, "private_key": theirs["private_key"]}))
        wrong = client.but(credentials=str(file))
        error = wrong.refused()
        assert isinstance(error, SourceDenied)
        assert "Invalid JWT Signature" in error.message
        assert error.details["resume"] is True
        assert wrong.failed().name == "login"
        line = theirs["private_key"].splitlines()[3]
        assert line not in f"{error!r} {error} {wrong.failed()} {caplog.text} {wrong.connection!r}"


def test_a_token_service_that_cannot_be_reached_may_be_later(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with account_of("vertex", monkeypatch, environ=False) as client:
        told = json.loads(Path(client.settings["credentials"]).read_text())
        (tmp_path / "c.json").write_text(json.dumps({**told, "token_uri": "http://127.0.0.1:9/token"}))
        error = client.but(credentials=str(tmp_path / "c.json")).refused()
        assert isinstance(error, SourceUnavailable)
        assert "takes no connection" in error.message


# Steps, TLS and a proxy


def test_each_step_fails_where_it_should(monkeypatch: pytest.MonkeyPatch) -> None:
    with account_of("vertex", monkeypatch) as client:
        assert [s.name for s in client.steps("churn")] == ["name", "login", "permission", "endpoint"]
        assert client.but(endpoint_url="http://nowhere.invalid").failed().name == "name"
        client.account.deny("token")
        assert client.failed().name == "login"
        client.account.allow("token")
        client.account.deny("list")
        told = client.failed()
        assert told.name == "permission"
        assert "aiplatform.endpoints.list" in told.told
        client.account.allow("list")
        missing = client.failed("chrun")
        assert missing.name == "endpoint"
        assert "did you mean `churn`" in missing.told


def test_tls_and_tokens_by_the_bundle(monkeypatch: pytest.MonkeyPatch) -> None:
    with account_of("vertex", monkeypatch, tls=True) as client:
        assert [s.name for s in client.steps()] == ["name", "TLS", "login", "permission"]
        assert client.but(ca_bundle=None).failed().name == "TLS"


@pytest.mark.parametrize("tls", [False, True])
def test_all_goes_through_the_proxy(monkeypatch: pytest.MonkeyPatch, tls: bool) -> None:
    with account_of("vertex", monkeypatch, tls=tls) as client, proxying() as proxy:
        with asking(client.but(proxy=proxy.url), ROWS) as asked:
            asked.answer()
        if tls:
            assert {a.partition(" ")[0] for a in proxy.asked} == {"CONNECT"}
        else:
            assert len(proxy.asked) == len(client.account.calls)
            assert "POST /token" in proxy.asked


def test_the_machine_itself_is_asked_without_the_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its credentials are told at an address that only the machine reaches."""
    with account_of("vertex", monkeypatch) as client, proxying() as proxy:
        monkeypatch.setenv("GCE_METADATA_HOST", client.account.url.partition("://")[2])
        with client.but(proxy=proxy.url).opened() as (provider, _):
            assert isinstance(provider, Vertex)
            told = provider._google._ask(f"{client.account.url}/computeMetadata/v1/", timeout=3)
        assert told.status == 401
        assert client.account.calls
        assert proxy.asked == []


# Discover and describe


def test_all_that_is_served_is_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    blue, green = replace(MODEL, instance="n2-standard-8", count=2, weight=90), replace(MODEL, version="2", weight=10)
    models: Models = {
        "churn": {"blue": blue, "green": green},
        "prices": MODEL,
        "third": MODEL,
        "empty": Deployed(variants={}),
    }
    with account_of("vertex", monkeypatch, models) as client:
        found = {e.name: e for e in client.discover()}
        assert set(found) == set(models)
        assert [e.name for e in client.discover("ric")] == ["prices"]
        churn = found["churn"]
        assert churn.number == client.account.names("churn")
        assert (churn.status, churn.version, churn.model) == ("deployed", "1, 2", "blue, green")
        assert churn.instance == "1 × n1-standard-4, 2 × n2-standard-8"
        assert [v["weight"] for v in churn.variants.values()] == [90, 10]
        assert churn.changed_at is not None
        assert found["empty"].status == "empty"
        assert [e.name for e in client.discover(churn.number)] == ["churn"]
        with pytest.raises(NotFound, match="has no model deployed"):
            client.describe("empty")


def test_routes_and_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    models: Models = {
        "churn": {"blue": replace(MODEL, count=3), "green": replace(MODEL, weight=0)},
        "own": Deployed(variants={"model": MODEL}, options={"dedicated": True}),
    }
    with account_of("vertex", monkeypatch, models) as client:
        told = client.describe()
        assert set(told.route) == {"endpoint"}
        assert (told.limits.bytes, told.limits.seconds, told.limits.concurrency) == (1_500_000, 60.0, 16)
        one = dict(client.describe(variant="blue").route)
        assert one.pop("expects"), "it gets all of the traffic now, and answers for nobody else later"
        assert one == told.route
        assert client.describe(client.account.names("churn")).route == told.route
        assert client.describe(str(told.route["endpoint"])).route == told.route
        with pytest.raises(NotApplicable, match="`green` gets 0 % of the traffic"):
            client.describe(variant="green")
        with pytest.raises(NotFound, match="did you mean `blue`"):
            client.describe(variant="bleu")
        with pytest.raises(InvalidInput, match="the endpoint has no name"):
            client.describe(None)
        own = client.describe("own")
        assert own.route["host"] == client.account.url.replace("127.0.0.1", "localhost")
        assert (own.limits.bytes, own.limits.seconds) == (10_000_000, 600.0)
        with asking(client, ROWS, "own") as asked:
            asked.answer()


def test_two_of_one_name(monkeypatch: pytest.MonkeyPatch) -> None:
    with account_of("vertex", monkeypatch) as client, client.opened() as (provider, _):
        assert isinstance(provider, Vertex)
        (told,) = provider._pages()
        monkeypatch.setattr(
            provider, "_pages", lambda: iter([told, {**told, "name": "projects/1/locations/e/endpoints/2"}])
        )
        with pytest.raises(InvalidInput, match="2 endpoints are called `churn`"):
            provider.describe(asked_of("churn"))


def asked_of(name: str) -> Any:
    from muster.endpoint import Endpoint

    return Endpoint("c", name)


def test_one_in_a_network_of_its_own_is_asked_there(monkeypatch: pytest.MonkeyPatch) -> None:
    with account_of("vertex", monkeypatch) as client, client.opened() as (provider, _):
        assert isinstance(provider, Vertex)
        uri = "http://123.aiplatform.googleapis.com/v1/models/4:predict"
        route = provider._route(
            {"name": "projects/1/e/2", "deployedModels": [{"privateEndpoints": {"predictHttpUri": uri}}]}
        )
        request = provider.request(route, ROWS, "id")
        assert isinstance(request, Request)
        assert request.url == uri
        assert "authorization" not in request.headers, "it goes in the clear, and asks for no token"
        assert _limits({"network": "n"}, {}, automatic=False).bytes == 10_000_000


def test_automated_ml(monkeypatch: pytest.MonkeyPatch) -> None:
    model = Served(predict=risk, columns=("age", "visits"), classes=("0", "1"), container="automl")
    with account_of("vertex", monkeypatch, {"churn": model}) as client:
        told = client.describe()
        assert (told.request, told.limits.rows, told.task) == ("instances-strings", 1000, "binary")
    assert _declared({"1": {"metadata": {"problemType": "classification"}}}, automatic=True) == {}, "of two, or of more"
    assert _declared({"1": {}}, automatic=True) == {}


def test_the_configuration_changes_with_the_model_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    two = {"blue": MODEL, "green": MODEL}
    with account_of("vertex", monkeypatch, {"churn": two}) as client:
        account = client.account
        before = client.describe().configuration
        assert client.describe().configuration == before
        place = account.places["churn"]
        place.variants["blue"] = replace(MODEL, count=9, instance="n2-standard-8")
        place.changed += 1000
        assert client.describe().configuration == before, "scaling"
        account.shift("churn", blue=50)
        shifted = client.describe().configuration
        assert shifted != before, "traffic"
        account.update("churn", {**two, "blue": replace(MODEL, version="2", weight=50)})
        assert client.describe().configuration != shifted, "a new model"


def test_a_model_that_left_the_registry_is_deployed_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    with account_of("vertex", monkeypatch) as client:
        before = client.describe().configuration
        gone = client.account.faults.add("missing", on="describe", endpoint=number("model", "churn") + "@1")
        assert client.describe().configuration == before
        assert gone.met == 1


# What refusals mean


def _error(status: str, message: str, code: int) -> dict[str, Any]:
    return {"error": {"code": code, "message": message, "status": status, "details": []}}


CASES = {
    "400": Case(400, _error("INVALID_ARGUMENT", "wrong shape", 400), "rows", "wrong shape"),
    "400 nothing there": Case(
        400,
        _error("INVALID_ARGUMENT", "Endpoint x has no deployed models with traffic.", 400),
        "missing",
        "Endpoint x has no deployed models with traffic.",
    ),
    "400 too large": Case(
        400,
        _error("INVALID_ARGUMENT", "Request payload size exceeds the limit: 1572864 bytes.", 400),
        "too_large",
        "Request payload size exceeds the limit: 1572864 bytes.",
    ),
    "400 not so": Case(400, _error("FAILED_PRECONDITION", "dedicated domain", 400), "missing", "dedicated domain"),
    "401": Case(401, _error("UNAUTHENTICATED", "no token", 401), "expired", "no token"),
    "403": Case(403, _error("PERMISSION_DENIED", "may not", 403), "denied", "may not"),
    "404": Case(404, _error("NOT_FOUND", "no endpoint", 404), "missing", "no endpoint"),
    "413": Case(413, _error("INVALID_ARGUMENT", "big", 413), "too_large", "big"),
    "429": Case(429, _error("RESOURCE_EXHAUSTED", "quota", 429), "throttled", "quota"),
    "429 with a wait": Case(429, _error("RESOURCE_EXHAUSTED", "q", 429), "throttled", "q", {"retry-after": "4"}, 4.0),
    "500": Case(500, _error("INTERNAL", "oops", 500), "unavailable", "oops"),
    "503": Case(503, _error("UNAVAILABLE", "later", 503), "unavailable", "later"),
    "504": Case(504, _error("DEADLINE_EXCEEDED", "slow", 504), "unavailable", "slow"),
    "a page": Case(503, b"<html>no</html>", "unavailable", "503"),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_refusals(opened: Client, case: Case) -> None:
    with opened.opened() as (provider, _):
        assert provider.read(reply(case)) == Refusal(case.kind, case.said, case.wait)


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Client:
    from muster.testing.endpoints import Account

    told = {"type": "authorized_user", "client_id": "i", "client_secret": "s", "refresh_token": "r"}
    (tmp_path / "c.json").write_text(json.dumps(told))
    settings = {"project_id": "p", "region": "europe-west1", "credentials": str(tmp_path / "c.json")}
    return Client(Account("vertex", tmp_path, 2), settings)


def test_an_answer(opened: Client) -> None:
    with opened.opened() as (provider, _):
        body = b'{"predictions": [1], "deployedModelId": "7", "modelVersionId": "2"}'
        assert provider.read(Reply(200, {"content-type": "application/json"}, body)) == Answer(
            body, "application/json", "7@2"
        )
        headers = {"content-type": "text/csv", "x-vertex-ai-deployed-model-id": "8"}
        assert provider.read(Reply(200, headers, b"1")) == Answer(b"1", "text/csv", "8")
