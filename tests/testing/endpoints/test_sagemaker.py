"""SageMaker as its own SDK sees it: signatures, pages, descriptions, variants, errors and roles."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from muster.testing.endpoints import Account, Deployed, Served, serving
from muster.testing.endpoints.aws_tokens import ROLE
from tests.testing.endpoints.plain import ask, churn
from tests.testing.endpoints.shapes import wrong

COLUMNS = ("age", "plan")
CSV = b"2,basic\n8,gold\n"
SESSION = boto3.Session()


def served(**more: Any) -> Served:
    return Served(
        **{"predict": churn, "columns": COLUMNS, "types": {"plan": "string"}, "container": "selectable", **more}
    )


def endpoints() -> dict[str, Any]:
    return {
        "churn": served(),
        "split": {"blue": served(weight=3), "green": served(weight=1, instance="ml.c5.xlarge", count=2)},
        "cold": Deployed(
            variants={"AllTraffic": served()}, options={"serverless": {"MemorySizeInMB": 2048, "MaxConcurrency": 1}}
        ),
        "parts": Deployed(variants={"first": served(), "second": served()}, options={"components": True}),
        "many": Deployed(
            variants={"AllTraffic": served()}, models={"a.tar.gz": served(predict=lambda rows: [[1, 0]] * len(rows))}
        ),
        "packed": Deployed(
            variants={"AllTraffic": served(version="7", model="churn-group")},
            options={"packages": True, "explainer": True, "shadow": {"next": served()}},
        ),
        "queued": Deployed(variants={"AllTraffic": served()}, options={"async": "s3://answers/out"}),
        "broken": Deployed(variants={"AllTraffic": served()}, status="Failed"),
    }


@pytest.fixture(scope="module")
def everything() -> Iterator[Account]:
    with serving("sagemaker", endpoints()) as account:
        yield account


@pytest.fixture
def account() -> Iterator[Account]:
    with serving("sagemaker", {"churn": served(), "split": endpoints()["split"]}) as account:
        yield account


def client(account: Account, service: str, **more: Any) -> Any:
    environ = account.environ
    keys = {
        "aws_access_key_id": environ.get("AWS_ACCESS_KEY_ID"), "aws_secret_access_key": environ.get("AWS_SECRET_ACCESS_KEY"),
        "region_name": account.settings["region"],
    }  # fmt: skip
    retries = more.pop("retries", {"total_max_attempts": 1})
    return SESSION.client(service, endpoint_url=account.url, config=Config(retries=retries), **{**keys, **more})


def invoked(account: Account, name: str = "churn", body: bytes = CSV, **more: Any) -> Any:
    client_ = more.pop("client", None) or client(account, "sagemaker-runtime")
    given = {"ContentType": "text/csv", "Accept": "text/csv", **more}
    return client_.invoke_endpoint(EndpointName=name, Body=body, **given)


def refused(account: Account, **more: Any) -> tuple[str, int]:
    with pytest.raises(ClientError) as caught:
        invoked(account, **more)
    return caught.value.response["Error"]["Code"], caught.value.response["ResponseMetadata"]["HTTPStatusCode"]


def signed(account: Account, operation: str, asked: dict[str, Any]) -> Any:
    """An answer of the control plane as it is on the wire."""
    request = AWSRequest(
        "POST", f"{account.url}/", data=json.dumps(asked), headers={"X-Amz-Target": f"SageMaker.{operation}"}
    )
    environ = account.environ
    keys = Credentials(environ["AWS_ACCESS_KEY_ID"], environ["AWS_SECRET_ACCESS_KEY"])
    SigV4Auth(keys, "sagemaker", account.settings["region"]).add_auth(request)
    headers = {name.replace("-", "_"): str(value) for name, value in request.headers.items()}
    return ask(account, "/", json.dumps(asked).encode(), Content_Type="application/x-amz-json-1.1", **headers).json()


def described(account: Account) -> Iterator[tuple[str, Any]]:
    """Every operation of the control plane, with what it answers of all that there is."""
    token: dict[str, str] = {}
    while True:
        page = signed(account, "ListEndpoints", token)
        yield "ListEndpoints", page
        for listed in page["Endpoints"]:
            yield from _endpoint(account, listed["EndpointName"])
        if "NextToken" not in page:
            return
        token = {"NextToken": page["NextToken"]}


def _endpoint(account: Account, name: str) -> Iterator[tuple[str, Any]]:
    endpoint = signed(account, "DescribeEndpoint", {"EndpointName": name})
    yield "DescribeEndpoint", endpoint
    config = signed(account, "DescribeEndpointConfig", {"EndpointConfigName": endpoint["EndpointConfigName"]})
    yield "DescribeEndpointConfig", config
    components = signed(account, "ListInferenceComponents", {"EndpointNameEquals": name})
    yield "ListInferenceComponents", components
    models = [
        v["ModelName"]
        for key in ("ProductionVariants", "ShadowProductionVariants")
        for v in config.get(key, [])
        if "ModelName" in v
    ]
    for listed in components["InferenceComponents"]:
        component = signed(
            account, "DescribeInferenceComponent", {"InferenceComponentName": listed["InferenceComponentName"]}
        )
        yield "DescribeInferenceComponent", component
        models.append(component["Specification"]["ModelName"])
    assert models
    for model in models:
        found = signed(account, "DescribeModel", {"ModelName": model})
        yield "DescribeModel", found
        if package := found["PrimaryContainer"].get("ModelPackageName"):
            yield "DescribeModelPackage", signed(account, "DescribeModelPackage", {"ModelPackageName": package})


def test_every_answer_of_the_control_plane_is_as_the_service_s_model_has_it(everything: Account) -> None:
    found = list(described(everything))
    assert {operation for operation, _ in found} == {
        "ListEndpoints", "DescribeEndpoint", "DescribeEndpointConfig", "DescribeModel", "DescribeModelPackage",
        "ListInferenceComponents", "DescribeInferenceComponent",
    }  # fmt: skip
    assert [fault for operation, answer in found for fault in wrong("sagemaker", operation, answer)] == []


def test_lists_come_in_pages_and_are_filtered(everything: Account) -> None:
    sagemaker = client(everything, "sagemaker")

    def names(**asked: Any) -> list[str]:
        pages = sagemaker.get_paginator("list_endpoints").paginate(**asked)
        return [one["EndpointName"] for page in pages for one in page["Endpoints"]]

    assert set(names()) == set(endpoints())
    assert len(sagemaker.list_endpoints(MaxResults=100)["Endpoints"]) == 2
    assert names(SortBy="Name", SortOrder="Ascending") == sorted(endpoints())
    assert names(NameContains="Ch") == ["churn"]
    assert names(StatusEquals="Failed") == ["broken"]
    last = sagemaker.describe_endpoint(EndpointName="queued")["LastModifiedTime"]
    assert names(LastModifiedTimeAfter=last) == ["broken"]
    assert "queued" not in names(CreationTimeBefore=last)


def test_a_description_tells_variants_images_and_instances(everything: Account) -> None:
    sagemaker = client(everything, "sagemaker")
    endpoint = sagemaker.describe_endpoint(EndpointName="split")
    config = sagemaker.describe_endpoint_config(EndpointConfigName=endpoint["EndpointConfigName"])
    blue, green = endpoint["ProductionVariants"]
    assert (blue["CurrentWeight"], green["CurrentWeight"], green["CurrentInstanceCount"]) == (3, 1, 2)
    assert "@sha256:" in blue["DeployedImages"][0]["ResolvedImage"]
    assert [v["InstanceType"] for v in config["ProductionVariants"]] == ["ml.m5.large", "ml.c5.xlarge"]
    assert sagemaker.describe_endpoint(EndpointName="broken")["FailureReason"]
    model = sagemaker.describe_model(ModelName="many-AllTraffic-1")
    assert model["PrimaryContainer"]["Mode"] == "MultiModel"
    with pytest.raises(ClientError, match="Could not find endpoint"):
        sagemaker.describe_endpoint(EndpointName="nothing")


def test_a_prediction_names_its_variant(account: Account) -> None:
    answer = invoked(account, CustomAttributes="trace-1")
    assert answer["Body"].read() == b'0,"[0.8, 0.2]"\n1,"[0.3999999999999999, 0.6000000000000001]"\n'
    assert (answer["InvokedProductionVariant"], answer["CustomAttributes"]) == ("AllTraffic", "trace-1")
    logged = account.invocations[-1]
    assert (logged.endpoint, logged.variant, logged.rows, logged.status) == ("churn", "AllTraffic", 2, 200)
    assert logged.identity.endswith(":user/ada")


def test_calls_go_to_variants_by_weight_or_by_name(account: Account) -> None:
    runtime = client(account, "sagemaker-runtime")
    turns = [invoked(account, "split", client=runtime)["InvokedProductionVariant"] for _ in range(8)]
    assert turns == ["blue", "blue", "green", "blue"] * 2
    assert invoked(account, "split", TargetVariant="green")["InvokedProductionVariant"] == "green"
    assert refused(account, name="split", TargetVariant="red") == ("ValidationError", 400)
    account.shift("split", blue=0)
    assert invoked(account, "split")["InvokedProductionVariant"] == "green"


def test_multi_model_endpoints_and_components_are_addressed(everything: Account) -> None:
    assert invoked(everything, "many", TargetModel="a.tar.gz")["Body"].read().startswith(b'0,"[1.0, 0.0]"')
    assert refused(everything, name="many", TargetModel="b.tar.gz") == ("ValidationError", 400)
    assert refused(everything, name="churn", TargetModel="a.tar.gz") == ("ValidationError", 400)
    assert invoked(everything, "parts", InferenceComponentName="second")["InvokedProductionVariant"] == "AllTraffic"
    assert everything.invocations[-1].variant == "second"
    assert refused(everything, name="parts") == ("ValidationError", 400)
    assert refused(everything, name="broken") == ("ValidationError", 400)
    assert refused(everything, name="queued") == ("ValidationError", 400)


def test_an_explainer_wraps_whatever_is_accepted(everything: Account) -> None:
    answer = invoked(everything, "packed", EnableExplanations="`false`")
    found = json.loads(answer["Body"].read())
    assert answer["ContentType"] == "application/json"
    assert found["predictions"]["content_type"] == "text/csv"
    assert found["explanations"] == {}
    assert json.loads(invoked(everything, "packed")["Body"].read())["explanations"]


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"aws_secret_access_key": "wrong"}, "InvalidSignatureException"),
        ({"aws_access_key_id": "AKIAWRONG"}, "UnrecognizedClientException"),
        ({"aws_session_token": "none of its"}, "UnrecognizedClientException"),
        ({"region_name": "us-east-1"}, "InvalidSignatureException"),
    ],
)
def test_a_wrong_signature_is_refused(account: Account, more: dict[str, str], code: str) -> None:
    assert refused(account, client=client(account, "sagemaker-runtime", **more)) == (code, 403)
    with pytest.raises(ClientError, match=code):
        client(account, "sagemaker", **more).list_endpoints()


def test_no_signature_and_an_old_one_are_refused(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    bare = ask(account, "/endpoints/churn/invocations", b"1,2", Content_Type="text/csv")
    assert (bare.status, bare.headers["x-amzn-errortype"]) == (403, "MissingAuthenticationTokenException")
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda **_: datetime(2026, 1, 1, tzinfo=UTC))
    with pytest.raises(ClientError, match="Signature expired"):
        client(account, "sagemaker", aws_session_token=None).list_endpoints()


def test_errors_are_those_of_the_runtime(account: Account) -> None:
    assert refused(account, name="nothing") == ("ValidationError", 400)
    assert refused(account, body=b"1" * 6_291_457) == ("413", 413)
    with pytest.raises(ClientError) as caught:
        invoked(account, body=b"old,gold\n")
    found = caught.value.response
    assert (found["Error"]["Code"], found["OriginalStatusCode"]) == ("ModelError", 400)
    assert found["OriginalMessage"] == "could not convert string to float: 'old'"
    assert refused(account, ContentType="image/png") == ("ModelError", 424)


@pytest.mark.parametrize(
    ("what", "expected"),
    [
        ("throttled", ("ThrottlingException", 400)),
        ("starting", ("ModelNotReadyException", 429)),
        ("unavailable", ("ServiceUnavailable", 503)),
        ("model_error", ("ModelError", 424)),
        ("denied", ("AccessDeniedException", 403)),
        ("expired", ("ExpiredTokenException", 403)),
        ("missing", ("ValidationError", 400)),
        ("timeout", ("ModelError", 424)),
    ],
)
def test_faults_have_the_codes_of_the_runtime(account: Account, what: Any, expected: tuple[str, int]) -> None:
    account.faults.add(what, seconds=60)
    assert refused(account) == expected
    account.faults.clear()
    assert invoked(account)["Body"].read()


@pytest.mark.parametrize(("status", "code"), [(500, "InternalFailure"), (530, "InternalDependencyException")])
def test_a_failing_service_has_its_own_codes(account: Account, status: int, code: str) -> None:
    account.faults.add("unavailable", status=status)
    assert refused(account) == (code, status)


def test_the_sdk_s_own_retries_see_a_throttling_and_no_cold_start(account: Account) -> None:
    patient = client(account, "sagemaker-runtime", retries={"total_max_attempts": 2, "mode": "standard"})
    account.faults.add("throttled", calls=[1])
    assert invoked(account, client=patient)["Body"].read()
    account.faults.add("starting", seconds=60)
    assert refused(account, client=patient) == ("ModelNotReadyException", 429)
    assert [call.status for call in account.invocations] == [400, 200, 429]


def test_permissions_are_taken_away_one_by_one(account: Account) -> None:
    account.deny("invoke")
    assert refused(account) == ("AccessDeniedException", 403)
    assert client(account, "sagemaker").list_endpoints()["Endpoints"]
    account.allow("invoke")
    account.deny("list", "describe")
    assert invoked(account)["Body"].read()
    with pytest.raises(ClientError, match="not authorized to perform: sagemaker:ListEndpoints"):
        client(account, "sagemaker").list_endpoints()


def test_a_role_is_assumed_and_its_session_ends() -> None:
    with serving("sagemaker", {"churn": served()}, auth="role", external_id="muster-1") as account:
        tokens = client(account, "sts")
        with pytest.raises(ClientError, match="AccessDenied"):
            tokens.assume_role(RoleArn=ROLE, RoleSessionName="muster")
        keys = tokens.assume_role(RoleArn=account.settings["role_arn"], RoleSessionName="muster", ExternalId="muster-1")
        runtime = as_session(account, keys["Credentials"])
        assert invoked(account, client=runtime)["Body"].read()
        assert account.invocations[-1].identity.endswith("assumed-role/muster-caller/muster")
        account.expire()
        assert refused(account, client=runtime) == ("ExpiredTokenException", 403)
        account.deny("token")
        with pytest.raises(ClientError, match="AccessDenied"):
            tokens.get_caller_identity()


def as_session(account: Account, keys: dict[str, Any]) -> Any:
    return client(
        account, "sagemaker-runtime", aws_access_key_id=keys["AccessKeyId"], aws_secret_access_key=keys["SecretAccessKey"],
        aws_session_token=keys["SessionToken"],
    )  # fmt: skip


def test_a_web_identity_becomes_a_session_by_the_environment_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving("sagemaker", {"churn": served()}, auth="web-identity") as account:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
            monkeypatch.delenv(name, raising=False)
        for name, value in account.environ.items():
            monkeypatch.setenv(name, value)
        runtime = boto3.Session().client("sagemaker-runtime", endpoint_url=account.url)
        assert invoked(account, client=runtime)["Body"].read()
        assert [call.operation for call in account.calls] == ["token", "invoke"]
        with pytest.raises(ClientError, match="InvalidIdentityToken"):
            client(account, "sts").assume_role_with_web_identity(
                RoleArn=ROLE, RoleSessionName="muster", WebIdentityToken="some other token"
            )


def test_an_update_is_seen_and_a_swap_is_not(account: Account) -> None:
    before = list(described(account))
    account.swap("churn", lambda rows: [[1, 0]] * len(rows))
    assert list(described(account)) == before
    assert invoked(account)["Body"].read().startswith(b'0,"[1.0, 0.0]"')
    account.update("churn", {"AllTraffic": served(version="2")})
    assert list(described(account)) != before
    assert client(account, "sagemaker").describe_model(ModelName="churn-AllTraffic-2")["ModelArn"]
