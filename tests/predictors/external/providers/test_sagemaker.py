"""SageMaker: who asks, what is listed and described, and what its refusals mean."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from pathlib import Path

import pytest

from muster.errors import InvalidInput, NotFound, SourceDenied, SourceUnavailable
from muster.predictors.external.exchange import Answer, Payload, Refusal, Reply
from muster.testing.endpoints import Account, Deployed, Models, Served
from muster.testing.endpoints.aws_tokens import ROLE
from tests.predictors.external.providers.helpers import (
    MODEL,
    Case,
    Client,
    account_of,
    asking,
    reply,
    risk,
    secrets_of,
)
from tests.predictors.external.providers.proxy import proxying

CSV = Payload(b"41,2\n20,5\n", "text/csv", "text/csv")


def _keys(account: Account) -> tuple[str, str]:
    user = account.served_by.keys.user  # type: ignore[attr-defined]  # that of the kind
    return user.id, user.secret


# Who asks


def test_keys_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    with account_of("sagemaker", monkeypatch) as client, asking(client, CSV) as asked:
        assert asked.answer().served_by == "AllTraffic"
        assert {s.name: s.told for s in client.steps()}["login"] == "env credentials"
        assert {c.identity for c in client.account.invocations} == {"arn:aws:iam::123456789012:user/ada"}


def test_a_profile_of_the_shared_file_wins_over_the_environment(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    with account_of("sagemaker", monkeypatch) as client:
        id, secret = _keys(client.account)
        (home / ".aws").mkdir()
        (home / ".aws" / "credentials").write_text(f"[prod]\naws_access_key_id={id}\naws_secret_access_key={secret}\n")
        (home / ".aws" / "config").write_text("[profile prod]\nregion=eu-west-1\n")
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAOFNOBODY0000000")
        for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
            monkeypatch.delenv(name)
        with asking(client.but(profile="prod", region=None), CSV) as asked:
            assert asked.answer().served_by == "AllTraffic"
        assert client.but(profile="prdo").failed().name == "settings"


def test_the_region_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    with account_of("sagemaker", monkeypatch) as client:
        monkeypatch.delenv("AWS_DEFAULT_REGION")
        assert client.but(region=None).discover()
        monkeypatch.delenv("AWS_REGION")
        told = client.but(region=None).failed()
        assert (told.name, told.told) == ("settings", "the connection has no region")


def test_a_broken_file_of_credentials_is_told(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    with account_of("sagemaker", monkeypatch) as client:
        (home / ".aws").mkdir()
        (home / ".aws" / "config").write_text("profile prod]\n")
        assert client.failed().name == "settings"


@pytest.mark.parametrize("external", ["", "from-muster"])
def test_a_role_is_assumed_and_again_once_its_session_ends(monkeypatch: pytest.MonkeyPatch, external: str) -> None:
    with account_of("sagemaker", monkeypatch, auth="role", external_id=external) as client:
        assert client.settings["role_arn"] == ROLE
        with asking(client, CSV) as asked:
            asked.answer()
            client.account.expire()
            refused = asked.once()
            assert isinstance(refused, Refusal)
            assert refused.kind == "expired"
            asked.answer()
        assert {c.identity for c in client.account.invocations if c.status == 200} == {
            "arn:aws:sts::123456789012:assumed-role/muster-caller/muster"
        }
        told = client.but(external_id="of somebody else").failed()
        assert told.name == "login"
        assert "not authorized to perform: sts:AssumeRole" in told.told


def test_a_web_identity(monkeypatch: pytest.MonkeyPatch) -> None:
    with account_of("sagemaker", monkeypatch, auth="web-identity") as client:
        with asking(client, CSV) as asked:
            asked.answer()
            client.account.expire()
            asked.answer()
        assert "assume-role-with-web-identity" in {s.name: s.told for s in client.steps()}["login"]
        Path(client.account.environ["AWS_WEB_IDENTITY_TOKEN_FILE"]).write_text("another token")
        told = client.failed()
        assert told.name == "login"
        assert "could not be validated" in told.told


def test_a_key_that_was_replaced_is_taken_up(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    """By the runtime and by the control plane, while the connection stays open."""
    with account_of("sagemaker", monkeypatch) as client:
        keys = client.account.served_by.keys  # type: ignore[attr-defined]  # that of the kind
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            monkeypatch.delenv(name)
        (home / ".aws").mkdir()
        file = home / ".aws" / "credentials"

        def write() -> None:
            id, secret = _keys(client.account)
            file.write_text(f"[default]\naws_access_key_id={id}\naws_secret_access_key={secret}\n")

        write()
        with asking(client, CSV) as asked:
            asked.answer()
            keys.user = replace(keys.user, id="AKIAREPLACED00000001", secret="another-secret-of-the-user")
            write()
            assert [e.name for e in asked.provider.discover()] == ["churn"]
            asked.answer()
            keys.user = replace(keys.user, secret="a-third-secret-of-the-user")
            write()
            asked.answer()


def test_wrong_keys_are_told_without_them(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with account_of("sagemaker", monkeypatch) as client:
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "not-the-secret-of-ada")
        error = client.refused()
        assert isinstance(error, SourceDenied)
        assert error.message.startswith("SageMaker in eu-west-1 refuses: InvalidSignatureException")
        assert error.details["resume"] is True
        step = client.failed()
        assert step.name == "permission"
        told = f"{error!r} {error} {step} {caplog.text} {client.connection!r}"
        for secret in ("not-the-secret-of-ada", *secrets_of(client.account)):
            assert secret not in told


def test_no_key_of_a_role_is_logged(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """botocore would log what the token service answers, where all is logged."""
    caplog.set_level(logging.DEBUG)
    with account_of("sagemaker", monkeypatch, auth="role") as client:
        client.discover()
        sessions = client.account.served_by.keys._sessions.values()  # type: ignore[attr-defined]  # that of the kind
        assert sessions
        for key in sessions:
            assert key.secret not in caplog.text
            assert key.token not in caplog.text


def test_no_credentials_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    with account_of("sagemaker", monkeypatch, environ=False) as client:
        told = client.failed()
        assert (told.name, told.told) == ("login", "no credentials for AWS are found")


def test_a_token_service_that_cannot_be_reached_may_be_later(monkeypatch: pytest.MonkeyPatch) -> None:
    with account_of("sagemaker", monkeypatch, auth="role") as client:
        monkeypatch.setenv("AWS_ENDPOINT_URL_STS", "http://127.0.0.1:9")
        monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
        assert isinstance(client.refused(), SourceUnavailable)


# Steps, TLS and a proxy


def test_each_step_fails_where_it_should(monkeypatch: pytest.MonkeyPatch) -> None:
    with account_of("sagemaker", monkeypatch) as client:
        assert [s.name for s in client.steps("churn")] == ["name", "login", "permission", "endpoint"]
        assert client.but(endpoint_url="http://nowhere.invalid").failed().name == "name"
        assert client.but(endpoint_url="http://127.0.0.1:9").failed().name == "connection"
        client.account.deny("list")
        told = client.failed()
        assert told.name == "permission"
        assert "not authorized to perform: sagemaker:ListEndpoints" in told.told
        client.account.allow("list")
        missing = client.failed("chrun")
        assert missing.name == "endpoint"
        assert "Could not find endpoint" in missing.told
        client.account.status("churn", "OutOfService")
        out = client.failed("churn")
        assert (out.name, out.told) == ("endpoint", "the endpoint is not in service: OutOfService")


def test_a_bundle_makes_tls_pass_for_tokens_too(monkeypatch: pytest.MonkeyPatch) -> None:
    with account_of("sagemaker", monkeypatch, auth="role", tls=True) as client:
        assert [s.name for s in client.steps()] == ["name", "TLS", "login", "permission"]
        told = client.but(ca_bundle=None).failed()
        assert told.name == "TLS"
        assert "not trusted" in told.told
        assert client.but(ca_bundle="/nowhere.pem").failed().name == "settings"


@pytest.mark.parametrize("tls", [False, True])
def test_all_goes_through_the_proxy(monkeypatch: pytest.MonkeyPatch, tls: bool) -> None:
    with account_of("sagemaker", monkeypatch, auth="role", tls=tls) as client, proxying() as proxy:
        monkeypatch.setenv("CORP_PROXY", proxy.url)
        with asking(client.but(proxy="env:CORP_PROXY"), CSV) as asked:
            asked.answer()
        if tls:
            assert {a.partition(" ")[0] for a in proxy.asked} == {"CONNECT"}
            assert len(proxy.asked) >= 2
        else:
            assert len(proxy.asked) == len(client.account.calls)
            assert "POST /endpoints/churn/invocations" in proxy.asked


# Discover


def test_all_that_is_served_is_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    blue, green = replace(MODEL, instance="ml.c5.xlarge", count=2, weight=90), replace(MODEL, version="2", weight=10)
    models: Models = {
        "churn": {"blue": blue, "green": green},
        "prices": Deployed(variants={"AllTraffic": MODEL}, status="Failed"),
        "packaged": Deployed(variants={"AllTraffic": replace(MODEL, version="7")}, options={"packages": True}),
        "components": Deployed(variants={"one": MODEL, "two": MODEL}, options={"components": True}),
        "lambda": Deployed(
            variants={"AllTraffic": MODEL}, options={"serverless": {"MemorySizeInMB": 2048, "MaxConcurrency": 5}}
        ),
    }
    with account_of("sagemaker", monkeypatch, models) as client:
        found = {e.name: e for e in client.discover()}
        assert set(found) == set(models)
        assert [e.name for e in client.discover("c")] != list(found)
        assert {e.name for e in client.discover("urn")} == {"churn"}
        churn = found["churn"]
        assert (churn.connection, churn.status, churn.number) == ("c", "InService", "")
        assert churn.instance == "1 × ml.m5.large, 2 × ml.c5.xlarge"
        assert [v["weight"] for v in churn.variants.values()] == [90.0, 10.0]
        assert churn.model == ", ".join(sorted(str(v["model"]) for v in churn.variants.values()))
        assert churn.changed_at is not None
        assert churn.changed_at.year == 2026
        assert found["prices"].status == "Failed"
        assert found["packaged"].version == "7"
        assert found["lambda"].instance == "serverless 2048 MB"
        assert set(found["components"].variants) == {"one", "two"}
        assert found["components"].model
        pages = [c for c in client.account.calls if c.request.headers.get("x-amz-target", "").endswith("ListEndpoints")]
        assert len(pages) >= 3


def test_what_may_not_be_described_is_listed_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    with account_of("sagemaker", monkeypatch) as client:
        client.account.deny("describe")
        (listed,) = client.discover()
        assert (listed.name, listed.status, listed.model) == ("churn", "InService", "")
        assert len([c for c in client.account.calls if c.operation == "describe"]) == 1, (
            "other credentials help nothing"
        )


# Describe


def test_routes(monkeypatch: pytest.MonkeyPatch) -> None:
    models: Models = {
        "churn": {"blue": MODEL, "green": replace(MODEL, weight=0)},
        "components": Deployed(variants={"one": MODEL, "two": MODEL}, options={"components": True}),
        "many": Deployed(variants={"AllTraffic": MODEL}, models={"a.tar.gz": MODEL}),
        "explained": Deployed(variants={"AllTraffic": MODEL}, options={"explainer": True}),
    }
    with account_of("sagemaker", monkeypatch, models) as client:
        assert client.describe().route == {"endpoint": "churn"}
        assert client.describe(variant="green").route == {"endpoint": "churn", "variant": "green"}
        assert client.describe("components", "two").route == {"endpoint": "components", "component": "two"}
        assert client.describe("many", "a.tar.gz").route == {"endpoint": "many", "model": "a.tar.gz"}
        assert client.describe("explained").route == {"endpoint": "explained", "explainer": True}
        for name, variant in (("churn", "green"), ("components", "two"), ("many", "a.tar.gz")):
            with asking(client, CSV, name, variant) as asked:
                assert asked.answer().served_by in (variant, "AllTraffic")
        with asking(client, CSV, "explained") as asked:
            assert b"predictions" in asked.answer().body
        with pytest.raises(NotFound, match="has no variant or component `gren`; did you mean `green`"):
            client.describe(variant="gren")
        with pytest.raises(InvalidInput, match="has inference components"):
            client.describe("components")
        with pytest.raises(NotFound, match="Could not find endpoint"):
            client.describe("nothing")
        with pytest.raises(InvalidInput, match="the endpoint has no name"):
            client.describe(None)


def test_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    options = {"serverless": {"MemorySizeInMB": 2048, "MaxConcurrency": 3}}
    models: Models = {
        "churn": {"blue": replace(MODEL, count=3), "green": MODEL},
        "lambda": Deployed(variants={"AllTraffic": MODEL}, options=options),
    }
    with account_of("sagemaker", monkeypatch, models) as client:
        both, blue, lent = client.describe(), client.describe(variant="blue"), client.describe("lambda")
        assert (both.limits.bytes, both.limits.seconds, both.limits.concurrency) == (6_291_456, 60.0, 16)
        assert blue.limits.concurrency == 12
        assert (lent.limits.bytes, lent.limits.concurrency, lent.limits.most) == (4 << 20, 3, 3)


def test_the_configuration_changes_with_the_model_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    two = {"blue": MODEL, "green": MODEL}
    with account_of("sagemaker", monkeypatch, {"churn": two}) as client:
        account = client.account
        before, alone = client.describe().configuration, client.describe(variant="blue").configuration
        assert client.describe().configuration == before
        assert "eu-west-1" not in json.dumps(before["variants"]).replace("dkr.ecr.eu-west-1", ""), "variables"
        place = account.places["churn"]
        place.variants["blue"] = replace(MODEL, count=9)
        place.changed += 1000
        assert client.describe().configuration == before, "scaling"
        account.shift("churn", blue=50)
        assert client.describe().configuration != before, "weights"
        assert client.describe(variant="blue").configuration == alone, "its weight is nothing to who asks it alone"
        account.update("churn", {**two, "blue": Served(predict=risk, columns=("age", "visits"), version="2")})
        assert client.describe(variant="blue").configuration != alone, "a new model"


def test_an_endpoint_that_is_not_there_yet_is_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    with account_of("sagemaker", monkeypatch, {"churn": Deployed(variants={"a": MODEL}, status="Creating")}) as client:
        told = client.describe()
        assert (told.status, told.serves, told.notes) == ("Creating", False, ("the endpoint is Creating",))


# What refusals mean

_MODEL = {"x-amzn-errortype": "ModelError"}
CASES = {
    "rows": Case(424, {"OriginalStatusCode": 400, "OriginalMessage": "no age"}, "rows", "no age", _MODEL),
    "rows of a crash": Case(424, {"OriginalStatusCode": 500, "OriginalMessage": "boom"}, "rows", "boom", _MODEL),
    "model busy": Case(424, {"OriginalStatusCode": 429, "OriginalMessage": "busy"}, "throttled", "busy", _MODEL),
    "model down": Case(424, {"OriginalStatusCode": 503, "OriginalMessage": "down"}, "unavailable", "down", _MODEL),
    "model's limit": Case(424, {"OriginalStatusCode": 413, "OriginalMessage": "big"}, "too_large", "big", _MODEL),
    "too slow": Case(
        424,
        {"OriginalStatusCode": 0, "OriginalMessage": "Your invocation timed out while waiting"},
        "too_large",
        "Your invocation timed out while waiting",
        _MODEL,
    ),
    "no words": Case(424, {"OriginalStatusCode": 400, "Message": "Received 400"}, "rows", "Received 400", _MODEL),
    "no json": Case(424, b"<html>", "rows", "the model failed", _MODEL),
    "cold": Case(
        429, {"Message": "not ready"}, "starting", "not ready", {"x-amzn-errortype": "ModelNotReadyException"}
    ),
    "scaled to zero": Case(
        400,
        {"Message": "Inference Component has no capacity to process this request."},
        "starting",
        "Inference Component has no capacity to process this request.",
        {"x-amzn-errortype": "ValidationError"},
    ),
    "throttled": Case(
        400,
        {"Message": "Rate exceeded"},
        "throttled",
        "Rate exceeded",
        {"x-amzn-errortype": "ThrottlingException:http://x", "retry-after": "3"},
        3.0,
    ),
    "expired": Case(403, {"Message": "old"}, "expired", "old", {"x-amzn-errortype": "ExpiredTokenException"}),
    "another key": Case(403, {"Message": "no"}, "expired", "no", {"x-amzn-errortype": "UnrecognizedClientException"}),
    "denied": Case(
        403,
        {"Message": "may not"},
        "denied",
        "AccessDeniedException: may not",
        {"x-amzn-errortype": "AccessDeniedException"},
    ),
    "missing": Case(400, {"Message": "not found"}, "missing", "not found", {"x-amzn-errortype": "ValidationError"}),
    "too large": Case(413, {"Message": "HTTP content length exceeded"}, "too_large", "HTTP content length exceeded"),
    "500": Case(500, {"Message": "oops"}, "unavailable", "oops", {"x-amzn-errortype": "InternalFailure"}),
    "503": Case(503, {"Message": "later"}, "unavailable", "later", {"x-amzn-errortype": "ServiceUnavailable"}),
    "530": Case(
        530, {"Message": "beneath"}, "unavailable", "beneath", {"x-amzn-errortype": "InternalDependencyException"}
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_refusals(monkeypatch: pytest.MonkeyPatch, case: Case, account: Client) -> None:
    with account.opened() as (provider, _):
        assert provider.read(reply(case)) == Refusal(case.kind, case.said, case.wait)


def test_an_answer(account: Client) -> None:
    with account.opened() as (provider, _):
        headers = {"content-type": "text/csv", "x-amzn-invoked-production-variant": "blue"}
        assert provider.read(Reply(200, headers, b"1\n")) == Answer(b"1\n", "text/csv", "blue")


@pytest.fixture(scope="module")
def account() -> Client:
    settings = {"region": "eu-west-1"}
    return Client(Account("sagemaker", Path(), 2), settings)
