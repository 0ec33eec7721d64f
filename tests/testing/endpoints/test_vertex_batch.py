"""Batch prediction on Vertex AI by plain HTTP: lines of a bucket in, shards in no order out, and what becomes of a job on the way.

The buckets are S3's here, by the server's own switch; `test_sdks` has Google's.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode
from weakref import WeakKeyDictionary

import pytest

from muster.objects.bucket import bucket_of
from muster.objects.place import Place
from muster.testing.endpoints import Account, serving
from tests.clouds.fixtures import new_bucket
from tests.testing.endpoints.plain import Reply, ask, churn
from tests.testing.endpoints.test_vertex import endpoints, granted, model

ROWS = [{"id": f"r{n}", "age": float(n), "plan": "gold" if n % 2 else "basic"} for n in range(10)]
CONFIG = {"instanceType": "array", "keyField": "id", "includedFields": ["age", "plan"]}
TOKENS: WeakKeyDictionary[Account, str] = WeakKeyDictionary()
EXPECTED = {row["id"]: ["no", "yes"][churn([row])[0][1] >= 0.5] for row in ROWS}


@pytest.fixture
def s3(request: pytest.FixtureRequest) -> Place:
    return Place.parse(new_bucket("s3", request))


@pytest.fixture
def account(s3: Place) -> Iterator[Account]:
    """Ends before the bucket does."""
    with serving(
        "vertex", {**endpoints(), "new": {"m": model(version="1"), "n": model(version="2")}}, storage="s3"
    ) as account:
        yield account


def put(s3: Place, name: str = "a", rows: Any = ROWS) -> None:
    lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
    bucket_of(s3).put(f"in/{name}.jsonl", "\n".join(lines).encode())


def called(
    account: Account, path: str = "", body: Any = None, *, method: str = "", token: str = "", query: str = ""
) -> Reply:
    if not token and account not in TOKENS:
        TOKENS[account] = granted(account).json()["access_token"]
    token = token or TOKENS[account]
    base = f"/v1/projects/{account.settings['project_id']}/locations/{account.settings['region']}/batchPredictionJobs"
    return ask(account, f"{base}{path}{query and '?'}{query}", body, method=method, Authorization=f"Bearer {token}")


def asked(account: Account, s3: Place, name: str = "churn", **more: Any) -> dict[str, Any]:
    number, region = "123456789012", account.settings["region"]
    model = f"projects/{number}/locations/{region}/models/{account.names(f'model/{name}')}"
    return {
        "displayName": "night-1", "model": model,
        "inputConfig": {"instancesFormat": "jsonl", "gcsSource": {"uris": [f"{s3.bucket}/in/*"]}},
        "outputConfig": {"predictionsFormat": "jsonl", "gcsDestination": {"outputUriPrefix": f"{s3.bucket}/out"}},
        "instanceConfig": CONFIG,
        "dedicatedResources": {"machineSpec": {"machineType": "n1-standard-2"}, "startingReplicaCount": 1}, **more,
    }  # fmt: skip


def ran(account: Account, s3: Place, name: str = "churn", **more: Any) -> dict[str, Any]:
    """A job that came to its end."""
    made = called(account, body=asked(account, s3, name, **more)).json()
    assert made["state"] == "JOB_STATE_PENDING", made
    return ended(account, made)


def ended(account: Account, made: dict[str, Any]) -> dict[str, Any]:
    id = made["name"].rpartition("/")[2]
    account.jobs[id].wait()
    return dict(called(account, f"/{id}").json())


def files(job: dict[str, Any], kind: str) -> dict[str, list[str]]:
    """The files of a job's output of that kind, with their lines."""
    at = Place.parse(job["outputInfo"]["gcsOutputDirectory"])
    store = bucket_of(at)
    found = sorted(one.place.key for one in store.list(f"{at.key}/"))
    return {
        key.removeprefix(f"{at.key}/"): store.read(key).decode().splitlines()
        for key in found
        if key.startswith(f"{at.key}/prediction.{kind}-")
    }


def lines(job: dict[str, Any], kind: str = "results") -> list[Any]:
    return [json.loads(line) for part in files(job, kind).values() for line in part]


def test_keys_tell_which_prediction_is_whose_and_the_order_does_not(account: Account, s3: Place) -> None:
    put(s3)
    job = ran(account, s3)
    assert (job["state"], job["modelVersionId"]) == ("JOB_STATE_SUCCEEDED", "1")
    assert job["completionStats"] == {"successfulCount": "10", "failedCount": "0", "incompleteCount": "0"}
    assert job["createTime"] < job["startTime"] < job["endTime"]
    directory = job["outputInfo"]["gcsOutputDirectory"].removeprefix(f"{s3.bucket}/out/")
    assert directory.startswith("prediction-churn-2026_")
    assert list(files(job, "results")) == [f"prediction.results-0000{n}-of-00004" for n in range(4)]
    found = lines(job)
    assert {one["key"]: one["prediction"] for one in found} == EXPECTED
    assert [one["key"] for one in found] != list(EXPECTED)
    assert set(found[0]) == {"key", "prediction"}
    assert files(job, "errors_stats") == {"prediction.errors_stats-00000-of-00001": []}
    assert files(job, "errors") == {}


def test_without_a_key_a_line_has_its_instance(account: Account, s3: Place) -> None:
    put(s3)
    cases: tuple[tuple[str, dict[str, Any]], ...] = (
        ("churn", {"instanceType": "array", "includedFields": ["age", "plan"]}),
        ("own", {"instanceType": "object", "excludedFields": ["id"]}),
        ("own", {}),
    )
    for name, config in cases:
        found = lines(ran(account, s3, name, instanceConfig=config))
        shown(found)
    given = asked(account, s3, "own")
    del given["instanceConfig"]
    shown(lines(ended(account, called(account, body=given).json())))


def shown(found: list[Any]) -> None:
    assert set(found[0]) == {"instance", "prediction"}
    assert {one["instance"]["id"]: one["prediction"] for one in found} == EXPECTED
    assert sorted((one["instance"] for one in found), key=lambda row: row["id"]) == ROWS


def test_the_model_gets_the_fields_that_are_left(s3: Place) -> None:
    """It says which ones it got, and in what order."""
    put(s3, rows=[{"id": 1, "age": 2.0, "plan": "gold", "note": "x"}])
    told = model(predict=lambda rows: [",".join(row) for row in rows], columns=(), container="custom")
    with serving("vertex", {"churn": told}, storage="s3") as account:
        for config, fields in (
            ({"excludedFields": ["note"]}, "id,age,plan"),
            ({"excludedFields": ["note"], "keyField": "id"}, "age,plan"),
            ({"keyField": "id"}, "age,plan,note"),
            ({"includedFields": ["plan", "age"], "keyField": "id"}, "plan,age"),
            ({"includedFields": ["plan", "id"], "keyField": "id"}, "plan"),
        ):
            (line,) = lines(ran(account, s3, instanceConfig=config))
            assert line["prediction"] == fields


def test_lines_of_lists_go_to_the_model_as_they_are(account: Account, s3: Place) -> None:
    put(s3, rows=[[2.0, "basic"], [8.0, "gold"]])
    found = lines(ran(account, s3, instanceConfig={}))
    assert {one["prediction"]: one["instance"] for one in found} == {"no": [2.0, "basic"], "yes": [8.0, "gold"]}


def test_the_model_gets_the_values_in_the_order_of_the_fields(account: Account, s3: Place) -> None:
    put(s3)
    job = ran(account, s3, instanceConfig={**CONFIG, "includedFields": ["plan", "age"]})
    assert (job["state"], job["error"]["code"]) == ("JOB_STATE_FAILED", 13)
    assert "Non-OK result 500" in job["error"]["message"]


def test_a_bad_instance_costs_its_whole_batch(account: Account, s3: Place) -> None:
    rows: list[Any] = [*ROWS[:4], {"id": "bad", "age": "old", "plan": "gold"}, *ROWS[4:]]
    put(s3, rows=rows)
    account.swap("churn", checked)
    job = ran(account, s3, manualBatchTuningParameters={"batchSize": 3})
    assert job["state"] == "JOB_STATE_SUCCEEDED"
    assert job["completionStats"] == {"successfulCount": "8", "failedCount": "3", "incompleteCount": "0"}
    lost = {"r3", "bad", "r4"}
    assert {one["key"]: one["prediction"] for one in lines(job)} == {k: v for k, v in EXPECTED.items() if k not in lost}
    errors = lines(job, "errors")
    assert {one["key"] for one in errors} == lost
    assert {one["error"]["code"] for one in errors} == {13}
    (stat,) = files(job, "errors_stats")["prediction.errors_stats-00000-of-00001"]
    assert stat.startswith("('Post request fails. Cannot get predictions. Error: Exceeded retries: Non-OK result 500")
    assert stat.endswith(", 3)")
    assert job["partialFailures"] == [errors[0]["error"]]
    assert max(account.jobs[job["name"].rpartition("/")[2]].rows) == 3


def checked(rows: list[Any]) -> list[list[float]]:
    if any(isinstance(row["age"], str) for row in rows):
        raise ValueError("no number")
    return churn(rows)


def test_a_batch_has_64_instances_unless_it_says_otherwise(account: Account, s3: Place) -> None:
    put(s3, rows=[{**ROWS[0], "id": n} for n in range(130)])
    job = ran(account, s3)
    assert account.jobs[job["name"].rpartition("/")[2]].rows == [64, 64, 2]
    shards = [[json.loads(line)["key"] for line in part] for part in files(job, "results").values()]
    assert sorted(key for shard in shards for key in shard) == list(range(130))
    assert not [shard for shard in shards if shard == sorted(shard)]


def test_a_job_that_lost_some_may_say_so(s3: Place) -> None:
    with serving("vertex", {"churn": model()}, storage="s3", partly="PARTIALLY_SUCCEEDED") as account:
        put(s3, rows=[*ROWS, "{"])
        job = ran(account, s3, manualBatchTuningParameters={"batchSize": 1})
    assert (job["state"], job["completionStats"]["failedCount"]) == ("JOB_STATE_PARTIALLY_SUCCEEDED", "1")
    assert lines(job, "errors") == [{"instance": "{", "error": {"code": 3, "message": "Invalid JSON"}}]


def test_a_line_that_is_no_instance_fails(account: Account, s3: Place) -> None:
    for line in ("{", '["r1", 2.0]', '{"id": "r1", "age": 2.0}', "3"):
        put(s3, rows=[line])
        job = ran(account, s3)
        assert (job["state"], job["completionStats"]["failedCount"]) == ("JOB_STATE_FAILED", "1")
        assert list(files(job, "results").values()) == [[]]


def test_what_no_line_can_have_fails_the_job(account: Account, s3: Place) -> None:
    nothing = ran(account, s3)
    put(s3)
    for job in (
        nothing,
        ran(account, s3, instanceConfig={**CONFIG, "keyField": "none"}),
        ran(account, s3, instanceConfig={"instanceType": "array", "keyField": "id"}),
    ):
        assert (job["state"], job["error"]["code"]) == ("JOB_STATE_FAILED", 3)
        assert job["completionStats"]["incompleteCount"] == "-1"
        assert "outputInfo" not in job


def test_wildcards_end_at_slashes(account: Account, s3: Place) -> None:
    put(s3, "a", ROWS[:2])
    put(s3, "b", ROWS[2:3])
    put(s3, "deep/a", ROWS[3:5])
    for uris, keys in (
        (["in/*"], ["r0", "r1", "r2"]),
        (["in/a*"], ["r0", "r1"]),
        (["in/**"], ["r0", "r1", "r2", "r3", "r4"]),
        (["in/b.jsonl", "in/deep/*.jsonl"], ["r2", "r3", "r4"]),
    ):
        source = {"instancesFormat": "jsonl", "gcsSource": {"uris": [f"{s3.bucket}/{uri}" for uri in uris]}}
        assert sorted(one["key"] for one in lines(ran(account, s3, inputConfig=source))) == keys
    source = {"instancesFormat": "jsonl", "gcsSource": {"uris": [f"{s3.bucket}/in/none.jsonl"]}}
    assert ran(account, s3, inputConfig=source)["error"]["code"] == 5


def test_versions_of_a_model_are_told_apart(account: Account, s3: Place) -> None:
    put(s3)
    name = asked(account, s3, "new")["model"]
    for reference, version in ((name, "2"), (f"{name}@1", "1"), (f"{name}@default", "2")):
        made = called(account, body=asked(account, s3, model=reference)).json()
        assert (made["model"], made["modelVersionId"]) == (name, version)
        ended(account, made)
    assert called(account, body=asked(account, s3, model=f"{name}@3")).status == 404
    assert called(account, body=asked(account, s3, model="churn")).status == 400


def test_a_job_is_pending_and_running_and_cancelled(account: Account, s3: Place) -> None:
    put(s3)
    account.jobs.seconds = 60
    made = called(account, body=asked(account, s3)).json()
    id = made["name"].rpartition("/")[2]
    refused = called(account, f"/{id}", method="DELETE")
    assert (refused.status, refused.json()["error"]["status"]) == (400, "FAILED_PRECONDITION")
    assert called(account, f"/{id}:cancel", {}).json() == {}
    job = ended(account, made)
    assert (job["state"], job["error"]["code"]) == ("JOB_STATE_CANCELLED", 1)
    assert called(account, f"/{id}:cancel", {}).status == 400
    gone = called(account, f"/{id}", method="DELETE").json()
    assert gone["done"]
    assert called(account, f"/{id}").status == 404
    account.jobs.seconds = 0.4
    made = called(account, body=asked(account, s3)).json()
    states = [made["state"]]
    while states[-1] != "JOB_STATE_SUCCEEDED":
        states.append(called(account, made["name"].rpartition("Jobs")[2]).json()["state"])
    assert list(dict.fromkeys(states)) == ["JOB_STATE_PENDING", "JOB_STATE_RUNNING", "JOB_STATE_SUCCEEDED"]


def test_what_was_predicted_before_the_end_of_a_cancelled_job_is_left(account: Account, s3: Place) -> None:
    put(s3)

    def cancel() -> None:
        (job,) = account.jobs
        called(account, f"/{job.name}:cancel", {})

    account.faults.at(2, cancel)
    job = ran(account, s3, manualBatchTuningParameters={"batchSize": 4})
    assert job["state"] == "JOB_STATE_CANCELLED"
    assert job["completionStats"] == {"successfulCount": "8", "failedCount": "0", "incompleteCount": "2"}
    assert len(lines(job)) == 8


def test_a_fault_on_jobs_and_faults_of_the_model(account: Account, s3: Place) -> None:
    put(s3)
    account.faults.add("unavailable", on="job", calls=[1])
    assert ran(account, s3)["error"] == {"code": 13, "message": "INTERNAL"}
    account.faults.add("unavailable", calls=[1, 2])
    assert ran(account, s3)["state"] == "JOB_STATE_SUCCEEDED"
    account.faults.add("fewer")
    assert "9 predictions for 10" in ran(account, s3)["error"]["message"]
    account.faults.clear()
    account.faults.add("drop")
    assert ran(account, s3)["error"]["code"] == 14


WRONG: tuple[dict[str, Any], ...] = (
    {"displayname": "x"},
    {"inputConfig": {"instancesFormat": "jsonl", "gcsSource": {"uri": ["gs://b/a"]}}},
    {"instanceConfig": {"key": "id"}},
    {"displayName": 5},
    {"dedicatedResources": {"machineSpec": {"machineType": "n1"}, "startingReplicaCount": "one"}},
    {"instanceConfig": {"includedFields": "age"}},
    {"outputConfig": []},
    {"displayName": None},
    {"model": ""},
    {"dedicatedResources": None},
    {"instanceConfig": {"instanceType": "list"}},
    {"instanceConfig": {"includedFields": ["a"], "excludedFields": ["b"]}},
    {"inputConfig": {"instancesFormat": "csv", "gcsSource": {"uris": ["s3://b/a"]}}},
    {"inputConfig": {"instancesFormat": "jsonl", "gcsSource": {"uris": ["gs://b/a"]}}},
    {"inputConfig": {"instancesFormat": "jsonl", "gcsSource": {"uris": []}}},
    {"outputConfig": {"predictionsFormat": "csv", "gcsDestination": {"outputUriPrefix": "s3://b/out"}}},
    {"outputConfig": {"predictionsFormat": "jsonl", "gcsDestination": {"outputUriPrefix": "/out"}}},
    {"manualBatchTuningParameters": {"batchSize": 0}},
    {"generateExplanation": True},
    {"labels": {"Team": "risk"}},
)


def test_wrong_requests_are_refused(account: Account, s3: Place) -> None:
    for wrong in WRONG:
        answer = called(account, body=asked(account, s3, **wrong))
        assert (answer.status, answer.json()["error"]["status"]) == (400, "INVALID_ARGUMENT"), wrong
    assert list(account.jobs) == []


def test_names_of_fields_have_two_forms_and_output_only_ones_are_passed_over(account: Account, s3: Place) -> None:
    put(s3)
    given = asked(account, s3, state="JOB_STATE_FAILED", manual_batch_tuning_parameters={"batch_size": "5"})
    given["instance_config"] = {"instance_type": "array", "key_field": "id", "included_fields": ["age", "plan"]}
    del given["instanceConfig"]
    job = ended(account, called(account, body={**given, "name": "mine"}).json())
    assert (job["state"], job["manualBatchTuningParameters"]) == ("JOB_STATE_SUCCEEDED", {"batchSize": 5})
    assert {one["key"]: one["prediction"] for one in lines(job)} == EXPECTED


def test_google_s_own_server_takes_google_s_own_buckets_alone() -> None:
    with serving("vertex", {"churn": model()}) as account:
        answer = called(account, body=asked(account, Place.parse("s3://bucket")))
        assert "Invalid Cloud Storage URI: s3://bucket/in/*" in answer.json()["error"]["message"]


def test_tables_are_no_lines_of_json(account: Account, s3: Place) -> None:
    answer = called(account, body=asked(account, s3, "tables"))
    assert "reads ['bigquery', 'csv']" in answer.json()["error"]["message"]


def test_lists_come_in_pages_and_are_filtered(account: Account, s3: Place) -> None:
    put(s3)
    for name in ("night-1", "night-2", "day"):
        ran(account, s3, displayName=name)

    def names(filter: str = "") -> list[str]:  # noqa: A002  # its name there
        found, token = [], ""
        while True:
            query = urlencode({"filter": filter, "pageToken": token})
            page = called(account, query=query).json()
            found += [one["displayName"] for one in page["batchPredictionJobs"]]
            token = page.get("nextPageToken", "")
            if not token:
                return found

    assert names() == ["day", "night-2", "night-1"]
    assert names('display_name="night-2"') == ["night-2"]
    assert names('display_name:"night-*" AND state="JOB_STATE_SUCCEEDED"') == ["night-2", "night-1"]
    assert names('state!="JOB_STATE_SUCCEEDED"') == []
    assert called(account, query="filter=create_time>1").status == 400
    assert called(account, query="pageToken=x").status == 400


def test_permissions_and_faults_are_those_of_jobs(account: Account, s3: Place) -> None:
    put(s3)
    account.deny("submit")
    refused = called(account, body=asked(account, s3))
    assert refused.status == 403
    assert "'aiplatform.batchPredictionJobs.create' denied" in refused.json()["error"]["message"]
    account.allow("submit")
    account.faults.add("throttled", on="submit", calls=[1], endpoint="churn")
    assert called(account, body=asked(account, s3)).status == 429
    id = ran(account, s3)["name"].rpartition("/")[2]
    account.faults.add("unavailable", on="poll", calls=[1])
    assert called(account, f"/{id}").status == 503
    assert [call.operation for call in account.calls if "batchPrediction" in call.path][-3:] == [
        "submit",
        "poll",
        "poll",
    ]
    assert called(account, f"/{id}:pause", {}).status == 404
    assert called(account, body=b"{").status == 400
    assert called(account, token="none").status == 401
