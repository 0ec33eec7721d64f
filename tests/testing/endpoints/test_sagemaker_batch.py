"""Batch transform as SageMaker's own SDK sees it: objects of a bucket in, objects out, and what becomes of a job on the way."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from muster.objects.bucket import bucket_of
from muster.objects.place import Place
from muster.testing.endpoints import Account, Deployed, Models, serving
from tests.clouds.fixtures import new_bucket
from tests.testing.endpoints.plain import ask
from tests.testing.endpoints.shapes import wrong
from tests.testing.endpoints.test_sagemaker import client, served, signed

MODEL = "churn-AllTraffic-1"


@pytest.fixture
def s3(request: pytest.FixtureRequest) -> Place:
    return Place.parse(new_bucket("s3", request))


@pytest.fixture
def account(s3: Place) -> Iterator[Account]:
    """Ends before the bucket does."""
    models: Models = {
        "churn": served(),
        "gbm": served(container="xgboost"),
        "many": Deployed(variants={"AllTraffic": served()}, models={"a": served()}),
    }
    with serving("sagemaker", models) as account:
        yield account


def put(s3: Place, **contents: str | bytes) -> None:
    """Objects below `in/`; `__` in a name is a slash."""
    for name, content in contents.items():
        key = f"in/{name.replace('__', '/')}.csv"
        bucket_of(s3).put(key, content.encode() if isinstance(content, str) else content)


def got(s3: Place) -> dict[str, str]:
    """All outputs, by their path in the output's prefix."""
    store = bucket_of(s3)
    return {one.place.key.removeprefix("out/"): store.read(one.place.key).decode() for one in store.list("out/")}


def asked(s3: Place, uri: str = "in/", **more: Any) -> dict[str, Any]:
    """A request; members of the input and the output are told apart by their names."""
    source = {"S3DataType": more.pop("S3DataType", "S3Prefix"), "S3Uri": f"{s3.bucket}/{uri}"}
    parts: dict[str, dict[str, Any]] = {
        "TransformInput": {"ContentType": "text/csv", "SplitType": "Line", "DataSource": {"S3DataSource": source}},
        "TransformOutput": {"S3OutputPath": f"{s3.bucket}/out", "Accept": "text/csv", "AssembleWith": "None"},
    }
    own = {
        "TransformInput": ("ContentType", "SplitType", "CompressionType"),
        "TransformOutput": ("Accept", "AssembleWith"),
    }
    for part, names in own.items():
        parts[part] |= {name: more.pop(name) for name in names if name in more}
    return {
        "TransformJobName": "night-1", "ModelName": MODEL, **parts,
        "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1}, **more,
    }  # fmt: skip


def ran(account: Account, s3: Place, uri: str = "in/", **more: Any) -> dict[str, Any]:
    """The description of a job that came to its end."""
    sagemaker = client(account, "sagemaker")
    given = asked(s3, uri, **more)
    sagemaker.create_transform_job(**given)
    account.jobs[given["TransformJobName"]].wait()
    return dict(sagemaker.describe_transform_job(TransformJobName=given["TransformJobName"]))


def code(account: Account, given: dict[str, Any]) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        client(account, "sagemaker").create_transform_job(**given)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


def online(account: Account, body: bytes) -> str:
    """What the endpoint says of the same rows."""
    answer = client(account, "sagemaker-runtime").invoke_endpoint(
        EndpointName="churn", Body=body, ContentType="text/csv", Accept="text/csv"
    )
    return str(answer["Body"].read().decode())


def test_each_object_has_an_output_that_says_what_the_endpoint_says(account: Account, s3: Place) -> None:
    put(s3, a="2,basic\n8,gold\n", deep__er__b="4,basic\n")
    found = ran(account, s3)
    assert (found["TransformJobStatus"], found["ModelName"]) == ("Completed", MODEL)
    assert found["CreationTime"] < found["TransformStartTime"] < found["TransformEndTime"]
    assert got(s3) == {
        "a.csv.out": online(account, b"2,basic\n8,gold\n"), "deep/er/b.csv.out": online(account, b"4,basic\n"),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("uri", "kept"),
    [
        ("in/", ["deep/a.csv.out", "deep/b.csv.out"]),
        ("in", ["deep/a.csv.out", "deep/b.csv.out"]),
        ("in/de", ["deep/a.csv.out", "deep/b.csv.out"]),
        ("in/deep/a.csv", ["a.csv.out"]),
    ],
)
def test_outputs_keep_the_path_below_the_prefix(account: Account, s3: Place, uri: str, kept: list[str]) -> None:
    put(s3, deep__a="2,basic\n", deep__b="8,gold\n")
    assert ran(account, s3, uri)["TransformJobStatus"] == "Completed"
    assert sorted(got(s3)) == kept


def test_a_manifest_names_its_objects(account: Account, s3: Place) -> None:
    put(s3, deep__a="2,basic\n", deep__b="8,gold\n", c="3,basic\n")
    manifest = [{"prefix": f"{s3.bucket}/in/"}, "deep/b.csv", "c.csv"]
    bucket_of(s3).put("list.manifest", json.dumps(manifest).encode())
    assert ran(account, s3, "list.manifest", S3DataType="ManifestFile")["TransformJobStatus"] == "Completed"
    assert sorted(got(s3)) == ["c.csv.out", "deep/b.csv.out"]
    bucket_of(s3).put("list.manifest", b"{}")
    failed = ran(account, s3, "list.manifest", S3DataType="ManifestFile", TransformJobName="night-2")
    assert "Invalid manifest" in failed["FailureReason"]


def test_a_bad_record_costs_its_object_and_the_job(account: Account, s3: Place) -> None:
    put(s3, a="2,basic\n", b="8,gold\nold,gold\n", c="3,basic\n")
    found = ran(account, s3)
    assert (found["TransformJobStatus"], found["FailureReason"]) == (
        "Failed", "ClientError: See job logs for more information",
    )  # fmt: skip
    assert sorted(got(s3)) == ["a.csv.out", "c.csv.out"]
    assert account.jobs["night-1"].log[-1].endswith("in/b.csv: could not convert string to float: 'old'")


@pytest.mark.parametrize(
    ("more", "rows"),
    [
        ({"SplitType": "None"}, [3]),
        ({"BatchStrategy": "MultiRecord"}, [3]),
        ({"BatchStrategy": "SingleRecord"}, [1, 1, 1]),
        ({"BatchStrategy": "SingleRecord", "SplitType": "None"}, [3]),
        ({"BatchStrategy": "SingleRecord", "MaxConcurrentTransforms": 4}, [1, 1, 1]),
    ],
)
def test_records_become_requests(account: Account, s3: Place, more: dict[str, Any], rows: list[int]) -> None:
    body = "2,basic\n8,gold\n3,basic\n"
    put(s3, a=body)
    assert ran(account, s3, **more)["TransformJobStatus"] == "Completed"
    assert account.jobs["night-1"].rows == rows
    assert got(s3)["a.csv.out"] == online(account, body.encode())


def test_answers_are_put_together_with_and_without_newlines(account: Account, s3: Place) -> None:
    put(s3, a="2,basic\n8,gold\n")
    given = {"ModelName": "gbm-AllTraffic-1", "BatchStrategy": "SingleRecord"}
    ran(account, s3, **given)
    assert got(s3)["a.csv.out"] == "0.20.6000000000000001"
    ran(account, s3, **given, AssembleWith="Line", TransformJobName="night-2")
    assert got(s3)["a.csv.out"] == "0.2\n0.6000000000000001\n"


def test_mini_batches_are_as_large_as_a_payload_may_be(account: Account, s3: Place) -> None:
    line = f"2,{'x' * 99_998}\n"
    put(s3, a=line * 15)
    assert ran(account, s3, MaxPayloadInMB=1)["TransformJobStatus"] == "Completed"
    assert account.jobs["night-1"].rows == [10, 5]
    assert got(s3)["a.csv.out"] == online(account, b"2,basic\n") * 15


@pytest.mark.parametrize("split", ["None", "Line"])
def test_a_payload_that_is_too_large_fails_its_object(account: Account, s3: Place, split: str) -> None:
    large = "2,basic\n" * (1 << 17) + "3,basic\n" if split == "None" else f"2,{'x' * (1 << 20)}\n"
    put(s3, a=large, b="8,gold\n")
    found = ran(account, s3, MaxPayloadInMB=1, SplitType=split)
    assert (found["TransformJobStatus"], sorted(got(s3))) == ("Failed", ["b.csv.out"])
    assert "max payload" in account.jobs["night-1"].log[-1]


def test_a_payload_in_chunks_has_no_limit(account: Account, s3: Place) -> None:
    put(s3, a=f"2,{'x' * 99_998}\n" * 70)
    assert ran(account, s3)["TransformJobStatus"] == "Completed"
    assert len(account.jobs["night-1"].rows) == 2
    assert ran(account, s3, MaxPayloadInMB=0, TransformJobName="night-2")["TransformJobStatus"] == "Completed"
    assert account.jobs["night-2"].rows == [70]


def test_what_is_compressed_is_unpacked(account: Account, s3: Place) -> None:
    put(s3, a=gzip.compress(b"2,basic\n"))
    assert ran(account, s3, CompressionType="Gzip")["TransformJobStatus"] == "Completed"
    assert got(s3)["a.csv.out"] == online(account, b"2,basic\n")
    put(s3, b="2,basic\n")
    assert ran(account, s3, CompressionType="Gzip", TransformJobName="night-2")["TransformJobStatus"] == "Failed"


def test_no_objects_and_no_bucket_fail_the_job(account: Account, s3: Place) -> None:
    assert "No S3 objects found under S3 URL" in ran(account, s3)["FailureReason"]
    given = asked(s3, TransformJobName="night-2")
    given["TransformInput"]["DataSource"]["S3DataSource"]["S3Uri"] = "s3://no-such-bucket/in/"
    client(account, "sagemaker").create_transform_job(**given)
    assert "no-such-bucket" in account.jobs["night-2"].wait().details["reason"]


def test_a_stopped_job_leaves_nothing(account: Account, s3: Place) -> None:
    put(s3, a="2,basic\n")
    account.jobs.seconds = 60
    sagemaker = client(account, "sagemaker")
    sagemaker.create_transform_job(**asked(s3))
    assert sagemaker.describe_transform_job(TransformJobName="night-1")["TransformJobStatus"] == "InProgress"
    sagemaker.stop_transform_job(TransformJobName="night-1")
    account.jobs["night-1"].wait()
    assert sagemaker.describe_transform_job(TransformJobName="night-1")["TransformJobStatus"] == "Stopped"
    assert got(s3) == {}
    with pytest.raises(ClientError, match="is in status Stopped"):
        sagemaker.stop_transform_job(TransformJobName="night-1")


def test_a_job_that_is_stopped_at_work_ends_too(account: Account, s3: Place) -> None:
    put(s3, a="2,basic\n" * 3)
    sagemaker = client(account, "sagemaker")
    account.faults.at(2, lambda: sagemaker.stop_transform_job(TransformJobName="night-1"))
    found = ran(account, s3, BatchStrategy="SingleRecord")
    assert (found["TransformJobStatus"], got(s3)) == ("Stopped", {})
    assert len(account.jobs["night-1"].rows) < 3


def test_waiters_of_the_sdk_see_the_end(account: Account, s3: Place) -> None:
    put(s3, a="2,basic\n")
    account.jobs.seconds = 0.2
    sagemaker = client(account, "sagemaker")
    sagemaker.create_transform_job(**asked(s3))
    waiter = sagemaker.get_waiter("transform_job_completed_or_stopped")
    waiter.wait(TransformJobName="night-1", WaiterConfig={"Delay": 0.05, "MaxAttempts": 400})
    assert list(got(s3)) == ["a.csv.out"]


def test_a_request_that_fails_for_now_is_tried_again(account: Account, s3: Place) -> None:
    put(s3, a="2,basic\n")
    account.faults.add("unavailable", calls=[1, 2])
    assert ran(account, s3)["TransformJobStatus"] == "Completed"
    account.faults.add("unavailable", calls=[1, 2])
    found = ran(account, s3, TransformJobName="night-2", ModelClientConfig={"InvocationsMaxRetries": 1})
    assert found["FailureReason"] == "AlgorithmError: See job logs for more information"
    account.faults.add("drop", times=9)
    assert ran(account, s3, TransformJobName="night-3")["FailureReason"].startswith("AlgorithmError")


def test_a_fault_on_jobs_fails_one_whole(account: Account, s3: Place) -> None:
    put(s3, a="2,basic\n")
    account.faults.add("unavailable", on="job", calls=[1])
    assert ran(account, s3)["FailureReason"].startswith("InternalServerError")
    assert got(s3) == {}
    assert ran(account, s3, TransformJobName="night-2")["TransformJobStatus"] == "Completed"


def test_the_model_is_that_of_the_moment_of_creation(account: Account, s3: Place) -> None:
    put(s3, a="2,basic\n")
    before = online(account, b"2,basic\n")
    account.jobs.seconds = 0.3
    client(account, "sagemaker").create_transform_job(**asked(s3))
    account.swap("churn", lambda rows: [[0, 1]] * len(rows))
    account.jobs["night-1"].wait()
    assert got(s3)["a.csv.out"] == before != online(account, b"2,basic\n")


def test_wrong_requests_are_refused(account: Account, s3: Place) -> None:
    put(s3, a="2,basic\n")
    ran(account, s3)
    assert code(account, asked(s3))[0] == "ResourceInUse"
    name, text = code(account, asked(s3, TransformJobName="b", ModelName="none"))
    assert (name, text[:20]) == ("ValidationException", "Could not find model")
    cases: tuple[dict[str, Any], ...] = (
        {"ModelName": "many-AllTraffic-1"},
        {"MaxConcurrentTransforms": 10, "MaxPayloadInMB": 11},
        {"MaxPayloadInMB": 101},
        {"BatchStrategy": "Some"},
        {"SplitType": "RecordIO"},
        {"S3DataType": "AugmentedManifestFile"},
        {"TransformJobName": "a b"},
        {"DataProcessing": {"JoinSource": "Input"}},
    )
    for more in cases:
        assert code(account, asked(s3, **{"TransformJobName": "b", **more}))[0] == "ValidationException", more
    with pytest.raises(ClientError, match="Could not find requested job with name: none"):
        client(account, "sagemaker").describe_transform_job(TransformJobName="none")
    assert len(list(account.jobs)) == 1


def test_a_member_that_is_missing_or_unknown_is_named(account: Account, s3: Place) -> None:
    given = asked(s3, Extra=1)
    del given["ModelName"], given["TransformOutput"]["S3OutputPath"]
    told = signed(account, "CreateTransformJob", given)
    assert told["__type"] == "ValidationException"
    for at in ("modelName", "transformOutput.s3OutputPath", "extra"):
        assert f"'{at}'" in told["message"]


def test_every_answer_is_as_the_service_s_model_has_it(account: Account, s3: Place) -> None:
    put(s3, a="2,basic\n", b="old,gold\n")
    answers: list[tuple[str, Any]] = []

    def answered(operation: str, given: dict[str, Any]) -> Any:
        answers.append((operation, signed(account, operation, given)))
        return answers[-1][1]

    for name, uri in (("good", "in/a"), ("bad", "in/b")):
        more: dict[str, Any] = {"MaxPayloadInMB": 2, "Environment": {"A": "b"}, "Tags": [{"Key": "k", "Value": "v"}]}
        answered("CreateTransformJob", asked(s3, uri, TransformJobName=name, **more))
        account.jobs[name].wait()
    account.jobs.seconds = 60
    answered("CreateTransformJob", asked(s3, TransformJobName="waits"))
    states = [
        answered("DescribeTransformJob", {"TransformJobName": name})["TransformJobStatus"]
        for name in ("good", "bad", "waits")
    ]
    assert states == ["Completed", "Failed", "InProgress"]
    answered("ListTransformJobs", {})
    assert [fault for operation, answer in answers for fault in wrong("sagemaker", operation, answer)] == []


def test_lists_come_in_pages_and_are_filtered(account: Account, s3: Place) -> None:
    put(s3, a="2,basic\n", b="old,gold\n")
    for name, uri in (("night-1", "in/a"), ("night-2", "in/b"), ("day-1", "in/a")):
        ran(account, s3, uri, TransformJobName=name)
    sagemaker = client(account, "sagemaker")

    def names(**given: Any) -> list[str]:
        pages = sagemaker.get_paginator("list_transform_jobs").paginate(**given)
        return [one["TransformJobName"] for page in pages for one in page["TransformJobSummaries"]]

    assert names() == ["day-1", "night-2", "night-1"]
    assert names(NameContains="NIGHT", SortBy="Name", SortOrder="Ascending") == ["night-1", "night-2"]
    assert names(StatusEquals="Failed") == ["night-2"]
    assert len(sagemaker.list_transform_jobs()["TransformJobSummaries"]) == 2


def test_permissions_and_faults_are_those_of_jobs(account: Account, s3: Place) -> None:
    account.deny("submit")
    assert code(account, asked(s3))[1].startswith(
        "User: arn:aws:iam::123456789012:user/ada is not authorized to perform: sagemaker:CreateTransformJob"
    )
    account.allow("submit")
    account.faults.add("throttled", on="submit", calls=[1], endpoint="churn")
    assert code(account, asked(s3))[0] == "ThrottlingException"
    ran(account, s3)
    account.faults.add("throttled", on="poll", calls=[1])
    with pytest.raises(ClientError, match="Throttling"):
        client(account, "sagemaker").describe_transform_job(TransformJobName="night-1")
    assert [call.operation for call in account.calls[-3:]] == ["submit", "poll", "poll"]
    assert ask(account, "/", b"{}", X_Amz_Target="SageMaker.ListTransformJobs").status == 400
