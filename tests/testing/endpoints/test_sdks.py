"""Vendors' own SDKs against the local servers: what they list, describe and predict. Each lives in an environment of its own."""

from __future__ import annotations

import json
from typing import Any

import pytest

from muster.objects.bucket import bucket_of
from muster.objects.place import Place
from muster.testing.endpoints import Deployed, Models, Served, serving
from tests.clouds.fixtures import new_bucket
from tests.testing.endpoints.plain import churn
from tests.testing.endpoints.sdk import AZURE, DATABRICKS, GOOGLE, MLFLOW, TRITON, asked

pytestmark = pytest.mark.deep

LISTS = [[2, "basic"], [8, "gold"]]


def model(**more: Any) -> Served:
    given = {"predict": churn, "columns": ("age", "plan"), "types": {"plan": "string"}, "classes": ("no", "yes")}
    return Served(**{**given, **more})


@pytest.mark.parametrize("auth", ["secret", "certificate", "managed-identity"])
def test_azure_s_credentials_and_pipeline(auth: str) -> None:
    endpoints: Models = {
        "churn": {"blue": model(weight=90), "green": model(weight=10)},
        "aml": Deployed(variants={"blue": model()}, options={"auth_mode": "aml_token"}),
        "aad": Deployed(variants={"blue": model()}, options={"auth_mode": "aad_token"}),
    }
    with serving("azureml", endpoints, auth=auth) as account:
        account.faults.add("throttled", on="list", calls=[1], wait=0)
        found = asked("sdk-azure", AZURE, "azure_rest.py", account)
        assert [call.status for call in account.calls if call.operation == "list"][:2] == [429, 200]
        assert {call.operation for call in account.calls} >= {"token", "list", "describe", "keys", "invoke"}
    assert found == {
        "found": {
            "churn": ["Key", ["blue", "green"], ["no", "yes"]], "aml": ["AMLToken", ["blue"], ["no", "yes"]],
            "aad": ["AADToken", ["blue"], ["no", "yes"]],
        },
        "missing": "ResourceNotFound",
    }  # fmt: skip


def test_azure_ml_s_sdk() -> None:
    endpoints: Models = {
        "churn": {"blue": model(weight=90), "green": model(weight=10, count=2)},
        "a": model(),
        "b": model(),
    }
    with serving("azureml", endpoints) as account:
        found = asked("sdk-azure", AZURE, "azure_ml.py", account, name="churn")
        assert [call.variant for call in account.invocations] == ["blue", "green"]
        uri = f"{account.url}/churn.westeurope/score"
    assert found.pop("key")
    assert found == {
        "names": ["churn", "a", "b"], "traffic": {"blue": 90, "green": 10}, "auth_mode": "key", "scoring_uri": uri,
        "deployments": {"blue": ["Standard_DS3_v2", 1], "green": ["Standard_DS3_v2", 2]},
        "calls": {"blue": '["no"]', "green": '["no"]'},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("auth", "identity"), [("service-account", "caller@"), ("impersonation", "scorer@"), ("federation", "scorer@")]
)
def test_google_s_credentials(auth: str, identity: str) -> None:
    endpoints: Models = {"churn": model(container="sklearn"), "a": model(), "b": model()}
    with serving("vertex", endpoints, auth=auth) as account:
        found = asked("sdk-google", GOOGLE, "google_auth.py", account, id=account.names("churn"), instances=LISTS)
        assert account.invocations[0].identity.startswith(identity)
    predicted = found["predicted"]
    assert (found["names"], found["missing"]) == (["churn", "a", "b"], 404)
    assert predicted["predictions"] == ["no", "yes"]
    assert predicted["deployedModelId"] == found["deployed"] == found["raw"]


def test_vertex_ai_s_sdk_and_its_messages_which_know_all_fields() -> None:
    endpoints: Models = {
        "churn": model(container="sklearn", version="2"),
        "split": {"blue": model(weight=75), "green": model(weight=25, version="2")},
        "tables": model(container="automl"),
        "own": Deployed(variants={"m": model()}, options={"explains": True, "dedicated": True}),
    }
    with serving("vertex", endpoints) as account:
        base = f"projects/123456789012/locations/{account.settings['region']}/models"
        models = [f"{base}/{account.names(f'model/{name}')}" for name in endpoints]
        ids = [account.names(name) for name in endpoints]
        found = asked(
            "sdk-google", GOOGLE, "google_aiplatform.py", account, id=ids[0], ids=ids, models=models, instances=LISTS
        )
    assert found["names"] == sorted(endpoints)
    assert found["split"] == {found["deployed"]: 100}
    assert (found["predictions"], found["version"], found["model"][:2]) == (["no", "yes"], "2", ["churn", "2"])
    assert (found["missing"], found["invalid"]) == ("NotFound", "BadRequest")
    assert found["strict"] == ["ListEndpointsResponse", *["Endpoint"] * 4, *["Model"] * 4]


def test_vertex_ai_s_sdk_predicts_batches_over_google_s_own_buckets(request: pytest.FixtureRequest) -> None:
    bucket = new_bucket("gs", request)
    rows = [{"id": n, "age": float(n), "plan": "gold" if n % 2 else "basic"} for n in range(10)]
    store = bucket_of(Place.parse(bucket))
    store.put("in/a.jsonl", "\n".join(json.dumps({**row, "note": "x"}) for row in rows).encode())
    with serving("vertex", {"churn": model(version="2")}) as account:
        name = f"projects/123456789012/locations/{account.settings['region']}/models/{account.names('model/churn')}"
        found = asked("sdk-google", GOOGLE, "google_batch.py", account, model=name, bucket=bucket)

    def lines(directory: str) -> list[Any]:
        folder = Place.parse(directory).folder
        shards = [one.place.key for one in store.list(folder) if "/prediction.results-" in one.place.key]
        return [json.loads(line) for key in shards for line in store.read(key).splitlines()]

    expected = {row["id"]: ["no", "yes"][churn([row])[0][1] >= 0.5] for row in rows}
    assert (found["own"][0], found["own"][2], found["partial"]) == ("JOB_STATE_SUCCEEDED", 10, 0)
    assert {one["instance"]["id"]: one["prediction"] for one in lines(found["own"][1])} == expected
    assert (found["keyed"][0], found["keyed"][2]) == ("JOB_STATE_SUCCEEDED", "2")
    assert {one["key"]: one["prediction"] for one in lines(found["keyed"][1])} == expected
    assert (found["failed"], found["refused"]) == (["JOB_STATE_FAILED", 3], "BadRequest")
    assert (found["names"], found["found"]) == (["failed", "keyed", "sdk"], ["sdk"])
    assert found["left"] == ["failed", "keyed"]


@pytest.mark.parametrize("auth", ["token", "oauth"])
def test_databricks_sdk(auth: str) -> None:
    endpoints: Models = {
        "churn": model(),
        "split": {"churn-3": model(weight=3), "churn-4": model(weight=1)},
        "fast": Deployed(variants={"churn-1": model()}, options={"route_optimized": True}),
        "chat": Deployed(variants={"churn-1": model()}, options={"external": "gpt"}),
    }
    with serving("databricks", endpoints, auth=auth) as account:
        account.faults.add("throttled", calls=[1], wait=0)
        found = asked("sdk-databricks", DATABRICKS, "databricks_sdk.py", account, oauth=auth == "oauth")
        assert [call.status for call in account.invocations][:2] == [429, 200]
    answer = {"predictions": ["no", "yes"], "served-model-name": "model-1"}
    assert found["names"] == list(endpoints)
    assert found["states"] == ["READY"] * 4
    assert found["query"] == found["raw"] == answer
    assert found["missing"] == "ResourceDoesNotExist"
    assert found["fast"] == ({**answer, "served-model-name": "churn-1"} if auth == "oauth" else None)
    assert found["lost"] == {name: [] for name in endpoints}


def test_a_client_of_the_open_inference_protocol() -> None:
    with serving("openinference", {"churn": model(container="columns")}, server="triton") as account:
        found = asked("sdk-triton", TRITON, "triton.py", account)
    assert (found["live"], found["ready"], found["server"], found["id"]) == (True, [True, True], "triton", "7")
    assert [one["name"] for one in found["metadata"]["inputs"]] == ["age", "plan"]
    assert found["index"] == [{"name": "churn", "version": "1", "state": "READY", "reason": ""}]
    assert (found["labels"], found["probabilities"]) == (["no", "yes"], [0.2, 0.6000000000000001])
    assert "unknown model" in found["missing"]


def test_mlflow_s_client() -> None:
    with serving("mlflow-server", {"churn": model()}) as account:
        found = asked("sdk-mlflow", MLFLOW, "mlflow_client.py", account)
    assert (found["version"], found["predictions"]) == ("3.17.2", ["no", "yes"])
    assert "missing inputs ['plan']" in found["refused"]
