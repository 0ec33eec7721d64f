"""SageMaker's asynchronous endpoints, and S3 beside them, as their own SDK sees them."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.exceptions import ClientError

from muster.testing.endpoints import Account, Deployed, serving
from tests.testing.endpoints.plain import churn
from tests.testing.endpoints.shapes import wrong
from tests.testing.endpoints.test_sagemaker import CSV, client, described, served

PLACE = {"async": "s3://answers/out/", "failures": "s3://answers/failed", "after": 0.05}


def _endpoints() -> dict[str, Any]:
    return {
        "late": Deployed(variants={"AllTraffic": served()}, options=PLACE),
        "silent": Deployed(variants={"AllTraffic": served()}, options={**PLACE, "failures": None}),
        "now": served(),
    }


@pytest.fixture
def account() -> Iterator[Account]:
    with serving("sagemaker", _endpoints()) as account:
        yield account


def _taken(account: Account, name: str = "late", **more: Any) -> dict[str, Any]:
    given = {
        "ContentType": "text/csv",
        "Accept": "text/csv",
        **({} if "InputLocation" in more else {"Body": CSV}),
        **more,
    }
    found: dict[str, Any] = client(account, "sagemaker-runtime").invoke_endpoint_async(EndpointName=name, **given)
    return found


def _object(account: Account, place: str, **more: Any) -> Any:
    split = urlsplit(place)
    return client(account, "s3", **more).get_object(Bucket=split.netloc, Key=split.path[1:])


def _refused(account: Account, place: str, **more: Any) -> tuple[str, int]:
    with pytest.raises(ClientError) as caught:
        _object(account, place, **more)
    return caught.value.response["Error"]["Code"], caught.value.response["ResponseMetadata"]["HTTPStatusCode"]


def _waited(account: Account, place: str) -> Any:
    until = time.monotonic() + 20
    while (code := _code(account, place)) != "":
        assert code == "NoSuchKey"
        assert time.monotonic() < until
        time.sleep(0.02)
    return _object(account, place)


def _code(account: Account, place: str) -> str:
    try:
        _object(account, place)
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return ""


def test_it_is_described_as_the_service_s_model_has_it(account: Account) -> None:
    assert [
        problem for operation, answer in described(account) for problem in wrong("sagemaker", operation, answer)
    ] == []
    sagemaker = client(account, "sagemaker")
    told = sagemaker.describe_endpoint(EndpointName="late")["AsyncInferenceConfig"]["OutputConfig"]
    assert told == {"S3OutputPath": "s3://answers/out/", "S3FailurePath": "s3://answers/failed"}
    silent = sagemaker.describe_endpoint(EndpointName="silent")["AsyncInferenceConfig"]["OutputConfig"]
    assert set(silent) == {"S3OutputPath"}
    assert "AsyncInferenceConfig" not in sagemaker.describe_endpoint(EndpointName="now")


def test_a_request_is_taken_and_its_answer_comes(account: Account) -> None:
    gate = threading.Event()
    account.swap("late", lambda rows: churn(rows) if gate.wait(20) else [])
    told = _taken(account, InferenceId="mine", InvocationTimeoutSeconds=3600, RequestTTLSeconds=60)
    assert told["ResponseMetadata"]["HTTPStatusCode"] == 202
    assert told["InferenceId"] == "mine"
    assert told["OutputLocation"].startswith("s3://answers/out/")
    assert told["FailureLocation"].startswith("s3://answers/failed/")
    assert _refused(account, told["OutputLocation"]) == ("NoSuchKey", 404), "not yet"
    gate.set()
    answer = _waited(account, told["OutputLocation"])
    assert answer["ContentType"] == "text/csv; charset=utf-8"
    assert answer["Body"].read() == b'0,"[0.8, 0.2]"\n1,"[0.3999999999999999, 0.6000000000000001]"\n'
    assert _refused(account, told["FailureLocation"]) == ("NoSuchKey", 404)
    logged = account.invocations[-1]
    assert (logged.status, logged.endpoint, logged.variant, logged.rows) == (202, "late", "AllTraffic", 2)


def test_each_has_a_place_of_its_own(account: Account) -> None:
    one, other = _taken(account, InferenceId="mine"), _taken(account, InferenceId="mine")
    assert one["OutputLocation"] != other["OutputLocation"]
    assert _taken(account)["InferenceId"]


def test_what_fails_is_told_where_failures_go(account: Account) -> None:
    told = _taken(account, Body=b"no,number,at all\n")
    failure = _waited(account, told["FailureLocation"])["Body"].read().decode()
    assert failure.startswith('Received client error (400) from primary with message "')
    assert _refused(account, told["OutputLocation"]) == ("NoSuchKey", 404)
    account.faults.add("timeout")
    late = _waited(account, _taken(account)["FailureLocation"])["Body"].read().decode()
    assert "Your invocation timed out" in late


def test_one_without_a_place_for_failures_tells_none(account: Account) -> None:
    told = _taken(account, "silent", Body=b"no,number,at all\n")
    assert "FailureLocation" not in told


def test_an_input_that_lies_in_s3(account: Account) -> None:
    account.served_by.objects.put("s3://inputs/1.csv", CSV, "text/csv")  # type: ignore[attr-defined]  # that of the kind
    told = _taken(account, InputLocation="s3://inputs/1.csv")
    assert _waited(account, told["OutputLocation"])["Body"].read().startswith(b"0,")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"Body": b"1" * 128_001}, "less than or equal to 128000"),
        ({"Body": b""}, "exactly one of Body and InputLocation"),
        ({"EndpointName": "now"}, "does not support asynchronous"),
        ({"EndpointName": "nothing"}, "not found"),
    ],
)
def test_what_no_queue_takes(account: Account, given: dict[str, Any], said: str) -> None:
    asked = {"EndpointName": "late", "Body": CSV, "ContentType": "text/csv", **given}
    with pytest.raises(ClientError, match=said) as caught:
        client(account, "sagemaker-runtime").invoke_endpoint_async(**asked)
    assert caught.value.response["Error"]["Code"] == "ValidationError"


def test_it_answers_nobody_at_once(account: Account) -> None:
    with pytest.raises(ClientError, match="does not support synchronous") as caught:
        client(account, "sagemaker-runtime").invoke_endpoint(EndpointName="late", Body=CSV, ContentType="text/csv")
    assert caught.value.response["Error"]["Code"] == "ValidationError"


def test_s3_lets_in_whom_it_knows(account: Account) -> None:
    place = "s3://answers/out/a b+c%/ü.out"
    account.served_by.objects.put(place, b"1", "text/plain")  # type: ignore[attr-defined]  # that of the kind
    split = place.removeprefix("s3://").partition("/")
    assert client(account, "s3").get_object(Bucket=split[0], Key=split[2])["Body"].read() == b"1"
    told = "s3://answers/out/1.out"
    assert _refused(account, told, aws_secret_access_key="wrong") == ("SignatureDoesNotMatch", 403)
    assert _refused(account, told, aws_access_key_id="AKIAWRONG") == ("InvalidAccessKeyId", 403)
    assert _refused(account, told, region_name="us-east-1")[1] in (400, 403)
    assert _refused(account, "s3://elsewhere/1") == ("NoSuchBucket", 404)
    account.deny("list-bucket")
    assert _refused(account, told) == ("AccessDenied", 403), "who may not list is not told what is there"
    account.allow("list-bucket")
    account.faults.add("throttled", on="fetch", times=1)
    assert _refused(account, told) == ("SlowDown", 503)
    account.faults.add("unavailable", on="fetch", times=1)
    assert _refused(account, told) == ("InternalError", 500)
    account.deny("fetch")
    assert _refused(account, told) == ("AccessDenied", 403)
    assert account.calls[-1].operation == "fetch"
    assert account.invocations == []
