"""The Open Inference Protocol and KServe's first one, by plain HTTP."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import pytest

from muster.errors import InvalidInput
from muster.testing.endpoints import Account, Deployed, Models, Served, serving
from tests.testing.endpoints.plain import ROWS, Reply, ask, churn

TYPES = {"plan": "string"}
AGE = {"name": "age", "shape": [2, 1], "datatype": "FP64", "data": [2, 8]}
PLAN = {"name": "plan", "shape": [2, 1], "datatype": "BYTES", "data": ["basic", "gold"]}
IRIS = [[6.8, 2.8, 4.8, 1.4], [6.0, 3.4, 4.5, 1.6]]


def model(**more: Any) -> Served:
    return Served(**{"predict": churn, "columns": ("age", "plan"), "types": TYPES, "classes": ("no", "yes"), **more})


def iris(container: str) -> Served:
    return Served(
        predict=lambda rows: [[0.1, 0.7, 0.2] for _ in rows], task="multiclass", classes=(0, 1, 2), container=container
    )


def endpoints() -> Models:
    return {
        "churn": model(),
        "split": {"v1": model(weight=50), "v2": model(weight=50, container="columns")},
        "iris": Deployed(variants={"1": iris("probabilities")}, options={"inputs": "matrix"}),
        "nested": Deployed(variants={"1": iris("probabilities")}, options={"nested": True}),
        "logits": iris("logits"),
        "asleep": Deployed(variants={"1": model()}, status="loading"),
    }


@pytest.fixture(scope="module")
def account() -> Iterator[Account]:
    """As Triton, which has versions and says what is wrong."""
    with serving("openinference", endpoints(), server="triton") as account:
        yield account


@pytest.fixture(scope="module")
def kserve() -> Iterator[Account]:
    with serving("openinference", endpoints()) as account:
        yield account


def inferred(account: Account, name: str = "churn", **more: Any) -> Reply:
    return ask(account, f"/v2/models/{name}/infer", {"inputs": [AGE, PLAN], **more})


def test_a_tensor_for_each_column(account: Account) -> None:
    assert inferred(account, id="7").json() == {
        "model_name": "churn", "model_version": "1", "id": "7",
        "outputs": [{"name": "predict", "shape": [2], "datatype": "BYTES", "data": ["no", "yes"]}],
    }  # fmt: skip
    flat = [{**AGE, "shape": [2]}, {**PLAN, "shape": [2]}]
    assert inferred(account, inputs=flat).json()["outputs"] == inferred(account).json()["outputs"]


@pytest.mark.parametrize("data", [IRIS, [value for row in IRIS for value in row]])
def test_one_tensor_for_all_columns_nested_or_flat(account: Account, data: Any) -> None:
    matrix = [{"name": "input-0", "shape": [2, 4], "datatype": "FP32", "data": data}]
    assert inferred(account, "iris", inputs=matrix).json()["outputs"] == [
        {"name": "predict", "datatype": "FP64", "shape": [2, 3], "data": [0.1, 0.7, 0.2] * 2}
    ]
    assert inferred(account, "nested", inputs=matrix).json()["outputs"][0]["data"] == [[0.1, 0.7, 0.2]] * 2
    assert inferred(account, "logits", inputs=matrix).json()["outputs"][0]["data"][0] == math.log(0.1)


def test_several_outputs_of_which_some_may_be_asked_for(account: Account) -> None:
    path = "/v2/models/split/versions/v2/infer"
    outputs = ask(account, path, {"inputs": [AGE, PLAN]}).json()["outputs"]
    assert [(one["name"], one["data"]) for one in outputs][:2] == [
        ("target", ["no", "yes"]),
        ("Probability_no", [0.8, 1 - 0.6000000000000001]),
    ]
    some = ask(account, path, {"inputs": [AGE, PLAN], "outputs": [{"name": "Probability_yes"}]}).json()["outputs"]
    assert [one["name"] for one in some] == ["Probability_yes"]
    assert ask(account, path, {"inputs": [AGE, PLAN], "outputs": [{"name": "other"}]}).status == 400


def test_the_server_and_its_models_tell_of_themselves(account: Account) -> None:
    assert ask(account, "/v2").json()["name"] == "triton"
    assert [ask(account, f"/v2/health/{what}").status for what in ("live", "ready")] == [200, 503]
    assert ask(account, "/v2/models/churn").json() == {
        "name": "churn", "versions": ["1"], "platform": "sklearn_sklearn",
        "inputs": [{"name": "age", "datatype": "FP64", "shape": [-1, 1]}, {"name": "plan", "datatype": "BYTES", "shape": [-1, 1]}],
        "outputs": [{"name": "predict", "datatype": "BYTES", "shape": [-1]}],
    }  # fmt: skip
    assert [i["name"] for i in ask(account, "/v2/models/iris/versions/1").json()["inputs"]] == ["input-0"]
    assert (ask(account, "/v2/models/iris/ready").status, ask(account, "/v2/models/asleep/ready").status) == (200, 503)
    index = ask(account, "/v2/repository/index", {}).json()
    assert [(one["name"], one["version"]) for one in index[:3]] == [("churn", "1"), ("split", "v1"), ("split", "v2")]
    assert index[-1]["state"] == "UNAVAILABLE"


def test_kserve_has_no_versions_and_tells_its_health(kserve: Account) -> None:
    assert ask(kserve, "/v2/health/live").json() == {"live": True}
    assert ask(kserve, "/v2/models").json() == {"models": list(endpoints())}
    assert ask(kserve, "/v2/models/churn").json()["versions"] is None
    assert inferred(kserve).json()["model_version"] is None
    assert inferred(kserve, "churn/versions/1").status == 501
    assert ask(kserve, "/v2/models/churn/infer", {}).status == 422
    assert inferred(kserve, inputs=[AGE]).json() == {"error": "ValueError : Model is missing inputs ['plan']."}


def test_mlserver_says_little_of_its_errors_and_gives_labels_as_a_column() -> None:
    with serving("openinference", endpoints(), server="mlserver") as account:
        assert inferred(account).json()["outputs"][0]["shape"] == [2, 1]
        failed = inferred(account, inputs=[AGE])
        assert (failed.status, failed.body) == (500, b"Internal Server Error")
        assert ask(account, "/v1/models").status == 404
    with pytest.raises(InvalidInput, match="did you mean `kserve`"), serving("openinference", {}, server="kserv"):
        pass


def test_the_version_that_answered_is_named(account: Account) -> None:
    turns = [inferred(account, "split").json()["model_version"] for _ in range(4)]
    assert sorted(turns) == ["v1", "v1", "v2", "v2"]
    assert inferred(account, "split/versions/v1").json()["model_version"] == "v1"


@pytest.mark.parametrize(
    ("inputs", "told"),
    [
        ([{**AGE, "shape": [3, 1]}, PLAN], "has 2 elements, but its shape"),
        ([{**AGE, "datatype": "DOUBLE"}, PLAN], "unknown datatype"),
        ([{**AGE, "datatype": "INT64", "data": [2.5, 8]}, PLAN], "is of INT64"),
        ([{"name": "age"}], "Field required: shape"),
        ([AGE, {**PLAN, "shape": [1, 1], "data": ["x"]}], "different numbers of rows"),
        ([AGE, {**PLAN, "name": "other"}], "missing inputs ['plan']"),
    ],
)
def test_wrong_tensors_are_told(account: Account, inputs: Any, told: str) -> None:
    answer = inferred(account, inputs=inputs)
    assert answer.status == 400
    assert told in answer.json()["error"]


def test_what_is_not_there_and_what_is_not_ready(account: Account) -> None:
    assert inferred(account, "nothing").json() == {"error": "Request for unknown model: 'nothing' is not found"}
    assert inferred(account, "churn/versions/9").status == 400
    assert inferred(account, "asleep").status == 503
    assert ask(account, "/v2/models/churn/infer").status == 405
    assert ask(account, "/v3").status == 404
    binary = ask(account, "/v2/models/churn/infer", {"inputs": [AGE]}, Inference_Header_Content_Length="10")
    assert "binary" in binary.json()["error"]


def test_kserve_s_first_protocol(kserve: Account) -> None:
    assert "churn" in ask(kserve, "/v1/models").json()["models"]
    assert ask(kserve, "/v1/models/churn").json() == {"name": "churn", "ready": True}
    assert ask(kserve, "/v1/models/churn:predict", {"instances": ROWS}).json() == {"predictions": ["no", "yes"]}
    assert ask(kserve, "/v1/models/iris:predict", {"instances": IRIS}).json() == {"predictions": [[0.1, 0.7, 0.2]] * 2}
    assert ask(kserve, "/v1/models/logits:predict", {"instances": IRIS[:1]}).json()["predictions"][0]["prediction"] == 1
    assert ask(kserve, "/v1/models/asleep:predict", {"instances": ROWS}).status == 503


@pytest.mark.parametrize(
    ("what", "status"),
    [
        ("throttled", 429),
        ("starting", 503),
        ("model_error", 400),
        ("too_large", 413),
        ("missing", 400),
        ("denied", 403),
    ],
)
def test_refusals(account: Account, what: Any, status: int) -> None:
    account.faults.add(what, seconds=60)
    answer = inferred(account)
    account.faults.clear()
    assert (answer.status, list(answer.json())) == (status, ["error"])
