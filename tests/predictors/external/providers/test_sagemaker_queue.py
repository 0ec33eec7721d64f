"""SageMaker's asynchronous endpoints: how they are asked, where answers are looked for, and what their failures mean."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from muster.connecting import Options
from muster.errors import InvalidInput, MusterError, NotFound, SourceDenied, SourceError, SourceUnavailable
from muster.predictors.external.exchange import Answer, Later, Payload, Refusal, Reply, Request
from muster.predictors.external.provider import Queueing
from muster.predictors.external.s3 import Location
from muster.predictors.external.sagemaker import SageMaker
from muster.predictors.external.sagemaker_model import of_failure
from muster.predictors.external.transport.unreachable import Unreachable
from muster.testing.endpoints import Deployed, Models
from tests.predictors.external.providers.helpers import MODEL, Client, account_of

CSV = Payload(b"41,2\n20,5\n", "text/csv", "application/json")
PLACE = {"async": "s3://answers/churn/", "failures": "s3://answers/failed", "after": 0.0}
QUEUED: Models = {"churn": Deployed(variants={"AllTraffic": MODEL}, options=PLACE)}
LATER = Later("s3://my-answers/a b/1.out", "s3://my-answers/f/1-error.out", time.time() + 60)


def _looked(provider: Queueing, later: Later) -> Answer | Refusal:
    until = time.monotonic() + 20
    while (found := provider.look(later)) is None:
        assert time.monotonic() < until
    return found


def _asked(client: Client, payload: Payload = CSV) -> Answer | Later | Refusal:
    with client.opened() as (provider, send):
        return provider.read(send(provider.request({"endpoint": "churn", "queue": True}, payload, "id-1"), 10.0))


# Asking


def test_a_request_goes_into_the_queue_and_its_answer_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    with account_of("sagemaker", monkeypatch, QUEUED) as client, client.opened() as (provider, send):
        assert isinstance(provider, Queueing)
        request = provider.request({"endpoint": "churn", "queue": True}, CSV, "id-1")
        assert request.seconds == 60.0, "it is taken at once"
        later = provider.read(send(request, 10.0))
        assert isinstance(later, Later)
        assert later.answer.startswith("s3://answers/churn/")
        assert later.failure.startswith("s3://answers/failed/")
        assert 3600 < later.until - time.time() < 10_000
        found = _looked(provider, later)
        assert isinstance(found, Answer)
        assert (found.content_type, found.served_by) == ("application/json", None)
        assert len(json.loads(found.body)["predictions"]) == 2
        (call,) = client.account.invocations
        sent = call.request.headers
        assert (call.status, call.path, call.rows) == (202, "/endpoints/churn/async-invocations", 2)
        head = "x-amzn-sagemaker-"
        assert (sent[f"{head}content-type"], sent[f"{head}accept"]) == ("text/csv", "application/json")
        assert sent[f"{head}inference-id"] == "id-1"
        assert (sent[f"{head}invocationtimeoutseconds"], sent[f"{head}requestttlseconds"]) == ("3600", "3600")


def test_rows_that_the_model_refuses_are_told_in_its_words(monkeypatch: pytest.MonkeyPatch) -> None:
    with account_of("sagemaker", monkeypatch, QUEUED) as client, client.opened() as (provider, send):
        route: dict[str, Any] = {"endpoint": "churn", "queue": True}
        later = provider.read(send(provider.request(route, Payload(b"no,number\n", "text/csv"), "id-1"), 10.0))
        assert isinstance(later, Later)
        assert isinstance(provider, Queueing)
        found = _looked(provider, later)
        assert isinstance(found, Refusal)
        assert found.kind == "rows"
        assert "Received" not in found.message


def test_a_request_that_is_too_large_for_the_queue(monkeypatch: pytest.MonkeyPatch) -> None:
    with account_of("sagemaker", monkeypatch, QUEUED) as client:
        most = client.describe().limits.bytes
        assert isinstance(_asked(client, Payload(b"1" * most, "text/csv")), Later)
        found = _asked(client, Payload(b"1" * (most + 1), "text/csv"))
        assert isinstance(found, Refusal)
        assert found.kind == "too_large"


# Describing


def test_it_is_described_as_what_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    with account_of("sagemaker", monkeypatch, QUEUED) as client:
        told = client.describe()
        assert told.route == client.describe(variant="AllTraffic").route == {"endpoint": "churn", "queue": True}
        assert (told.limits.bytes, told.limits.seconds, told.limits.concurrency) == (128_000, 3600.0, 32)
        assert told.notes == ("the endpoint is asynchronous: it takes requests into a queue, and answers through S3",)
        assert [s.name for s in client.steps("churn")] == ["name", "login", "permission", "endpoint"]


@pytest.mark.parametrize("more", [{}, {"components": True}])
def test_no_model_of_several_is_asked_alone(monkeypatch: pytest.MonkeyPatch, more: dict[str, Any]) -> None:
    models: Models = {"churn": Deployed(variants={"blue": MODEL, "green": MODEL}, options={**PLACE, **more})}
    with (
        account_of("sagemaker", monkeypatch, models) as client,
        pytest.raises(InvalidInput, match="cannot be asked for `green` alone"),
    ):
        client.describe(variant="green")


def test_the_test_of_a_connection_shows_what_may_not_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    with account_of("sagemaker", monkeypatch, QUEUED) as client:
        client.account.deny("list-bucket")
        failed = client.failed("churn")
        assert failed.name == "endpoint"
        assert "AccessDenied" in failed.told
        assert "s3:ListBucket" in failed.hint


def test_a_bucket_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    with account_of("sagemaker", monkeypatch, QUEUED) as client, client.opened() as (provider, _):
        assert isinstance(provider, Queueing)
        with pytest.raises(NotFound, match="NoSuchBucket"):
            provider.look(Later("s3://elsewhere/1", "", 0))


# Looking


Told = Reply | Unreachable


def _opened(
    monkeypatch: pytest.MonkeyPatch, *told: Told, act: Callable[[Request], object] = str, **settings: str
) -> tuple[SageMaker, list[Request]]:
    """A provider for which S3 answers that, in turn; and what it is asked, of which `act` is told."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAOFADA00000000000")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "the-secret-of-ada")
    asked: list[Request] = []

    def send(request: Request, seconds: float) -> Reply:
        asked.append(request)
        act(request)
        answer = told[min(len(asked), len(told)) - 1]
        if isinstance(answer, Unreachable):
            raise answer
        return answer

    return SageMaker(Options({"region": "eu-west-1", **settings}), send), asked


def _xml(status: int, code: str, message: str = "no") -> Reply:
    return Reply(
        status, {}, f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>{message}</Message></Error>".encode()
    )


NOTHING = _xml(404, "NoSuchKey")


@pytest.mark.parametrize(
    ("settings", "answer", "address"),
    [
        ({}, "s3://mine/a b/1.out", "https://mine.s3.eu-west-1.amazonaws.com/a%20b/1.out"),
        ({}, "s3://my.own/1.out", "https://s3.eu-west-1.amazonaws.com/my.own/1.out"),
        ({"region": "cn-north-1"}, "s3://mine/1#?.out", "https://mine.s3.cn-north-1.amazonaws.com.cn/1%23%3F.out"),
        ({"s3_url": "https://vpce-1.example/"}, "s3://mine/1.out", "https://vpce-1.example/mine/1.out"),
    ],
)
def test_where_an_object_is_looked_for(
    monkeypatch: pytest.MonkeyPatch, settings: dict[str, Any], answer: str, address: str
) -> None:
    provider, asked = _opened(monkeypatch, NOTHING, **settings)
    assert provider.look(Later(answer, "", 0)) is None
    (request,) = asked
    assert (request.method, request.url) == ("GET", address)
    assert "/s3/aws4_request" in request.headers["authorization"]
    assert request.headers["x-amz-content-sha256"]


def test_answer_first_then_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    provider, asked = _opened(monkeypatch, NOTHING, Reply(200, {}, b"boom"))
    assert provider.look(LATER) == Refusal("rows", "boom")
    assert [request.url.rpartition("/")[2] for request in asked] == ["1.out", "1-error.out"]
    provider, asked = _opened(monkeypatch, NOTHING)
    assert provider.look(LATER) is None
    assert len(asked) == 2


def test_bytes_of_no_kind_have_none(monkeypatch: pytest.MonkeyPatch) -> None:
    provider, _ = _opened(monkeypatch, Reply(200, {"content-type": "binary/octet-stream"}, b"1\n"))
    assert provider.look(LATER) == Answer(b"1\n", "")


@pytest.mark.parametrize("code", ["ExpiredToken", "InvalidAccessKeyId", "SignatureDoesNotMatch"])
def test_credentials_that_ended_are_renewed_once(monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    def replaced(request: Request) -> None:
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAREPLACED00000000")

    provider, asked = _opened(monkeypatch, _xml(400, code), Reply(200, {}, b"1"), act=replaced)
    assert provider.look(LATER) == Answer(b"1", "")
    old, new = (request.headers["authorization"] for request in asked)
    assert "AKIAOFADA00000000000" in old
    assert "AKIAREPLACED00000000" in new
    provider, asked = _opened(monkeypatch, _xml(400, code))
    with pytest.raises(SourceDenied, match=code) as caught:
        provider.look(LATER)
    assert len(asked) == 2
    assert caught.value.details["resume"] is True


WRONG: dict[str, tuple[Told, type[MusterError], str]] = {
    "500": (_xml(500, "InternalError"), SourceUnavailable, "InternalError"),
    "slow down": (_xml(503, "SlowDown"), SourceUnavailable, "SlowDown"),
    "its timeout": (_xml(400, "RequestTimeout"), SourceUnavailable, "RequestTimeout"),
    "a page": (Reply(502, {}, b"<html>Bad Gateway</html>"), SourceUnavailable, "502"),
    "broken": (Unreachable("broken", "the connection broke"), SourceUnavailable, "the connection broke"),
    "tls": (Unreachable("tls", "not trusted"), SourceError, "not trusted"),
    "denied": (_xml(403, "AccessDenied"), SourceDenied, "AccessDenied"),
    "no words": (Reply(403, {}, b""), SourceDenied, "403"),
    "bucket": (_xml(404, "NoSuchBucket"), NotFound, "NoSuchBucket"),
    "archived": (_xml(403, "InvalidObjectState"), SourceDenied, "InvalidObjectState"),
    "region": (_xml(400, "AuthorizationHeaderMalformed"), SourceError, "AuthorizationHeaderMalformed"),
    "elsewhere": (Unreachable("redirect", "sends on"), SourceError, "another region for the bucket `my-answers`"),
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
def test_what_is_wrong_with_looking(
    monkeypatch: pytest.MonkeyPatch, wrong: tuple[Told, type[MusterError], str]
) -> None:
    reply, kind, said = wrong
    provider, _ = _opened(monkeypatch, reply)
    with pytest.raises(MusterError, match=said) as caught:
        provider.look(LATER)
    assert type(caught.value) is kind
    assert "the-secret-of-ada" not in f"{caught.value!r}"


def test_a_place_that_is_none() -> None:
    for told in ("https://mine/1", "s3:///1", "mine"):
        with pytest.raises(SourceError, match="no place in S3"):
            Location(told)


# What replies and failures mean


def test_a_promise_without_a_place_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    provider, _ = _opened(monkeypatch, NOTHING)
    found = provider.read(Reply(202, {}, b'{"InferenceId": "1"}'))
    assert isinstance(found, Refusal)
    assert found.kind == "unavailable"


@pytest.mark.parametrize(
    "said",
    [
        "Endpoint churn does not support synchronous invocations.",
        "Endpoint churn is an asynchronous endpoint. Use InvokeEndpointAsync.",
        "Endpoint churn of type async cannot be invoked.",
    ],
)
def test_the_wrong_way_to_ask_blames_no_rows(monkeypatch: pytest.MonkeyPatch, said: str) -> None:
    provider, _ = _opened(monkeypatch, NOTHING)
    headers = {"x-amzn-errortype": "ValidationError"}
    found = provider.read(Reply(400, headers, json.dumps({"Message": said}).encode()))
    assert found == Refusal("missing", said)


_RECEIVED = (
    'Received {whose} error ({status}) from primary with message "{said}". See https://eu-west-1.console for more.'
)
FAILURES: dict[str, tuple[str, Refusal]] = {
    "rows": (_RECEIVED.format(whose="client", status=400, said="no age"), Refusal("rows", "no age")),
    "crash": (
        _RECEIVED.format(whose="server", status=500, said='he said "no". See?'),
        Refusal("rows", 'he said "no". See?'),
    ),
    "down": (_RECEIVED.format(whose="server", status=503, said="down"), Refusal("unavailable", "down")),
    "busy": (_RECEIVED.format(whose="client", status=429, said="busy"), Refusal("throttled", "busy")),
    "large": (_RECEIVED.format(whose="client", status=413, said="big"), Refusal("too_large", "big")),
    "late": (
        _RECEIVED.format(whose="server", status=0, said="Your invocation timed out while waiting"),
        Refusal("too_large", "Your invocation timed out while waiting"),
    ),
    "late, in other words": ("The request timed out.", Refusal("too_large", "The request timed out.")),
    "lines": (_RECEIVED.format(whose="client", status=400, said="no\nage"), Refusal("rows", "no\nage")),
    "the container's own": ('{"error": "no age"}', Refusal("rows", "no age")),
    "as the runtime has it": (
        '{"OriginalStatusCode": 413, "OriginalMessage": "big", "Message": "Received"}',
        Refusal("too_large", "big"),
    ),
    "text": ("no age", Refusal("rows", "no age")),
    "a list": ('["no age"]', Refusal("rows", '["no age"]')),
    "nothing": ("", Refusal("rows", "the model failed")),
}


@pytest.mark.parametrize("failure", FAILURES.values(), ids=FAILURES)
def test_failures(failure: tuple[str, Refusal]) -> None:
    text, meant = failure
    assert of_failure(Reply(200, {}, text.encode())) == meant
