"""Databricks model serving by plain HTTP: tokens, lists, descriptions, the four ways to send rows, and errors."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import pytest

from muster.testing.endpoints import Account, Deployed, Served, serving
from tests.testing.endpoints.plain import ROWS, Reply, ask, churn, form

MODEL = Served(predict=churn, columns=("age", "plan"), types={"plan": "string"}, classes=("no", "yes"), version="3")
ENDPOINTS: dict[str, Any] = {
    "churn": MODEL,
    "split": {"churn-3": MODEL, "churn-4": Served(predict=lambda rows: ["yes"] * len(rows), version="4", weight=300)},
    "fast": Deployed(variants={"churn-3": MODEL}, options={"route_optimized": True}),
    "chat": Deployed(variants={"churn-3": MODEL}, options={"external": "gpt"}),
}
SPLIT = {"columns": ["age", "plan"], "data": [[2, "basic"], [8, "gold"]]}


@pytest.fixture
def account() -> Iterator[Account]:
    with serving("databricks", ENDPOINTS) as account:
        yield account


def bearer(account: Account, token: str = "") -> dict[str, str]:
    return {"Authorization": f"Bearer {token or account.environ['DATABRICKS_TOKEN']}"}


def invoked(
    account: Account, body: Any = None, path: str = "/serving-endpoints/churn/invocations", **headers: str
) -> Reply:
    return ask(account, path, {"dataframe_split": SPLIT} if body is None else body, **(headers or bearer(account)))


def described(account: Account, name: str = "") -> Any:
    return ask(account, f"/api/2.0/serving-endpoints{name and '/'}{name}", **bearer(account)).json()


@pytest.mark.parametrize(
    "body",
    [
        {"dataframe_split": SPLIT},
        {"dataframe_split": {"columns": ["plan", "age"], "data": [["basic", 2], ["gold", 8]]}, "params": {"a": 1}},
        {"dataframe_records": ROWS, "client_request_id": "7"},
        {"inputs": {"age": [2, 8], "plan": ["basic", "gold"]}},
        {"inputs": ROWS},
        {"instances": ROWS},
    ],
)
def test_rows_come_in_four_ways(account: Account, body: Any) -> None:
    answer = invoked(account, body)
    assert (answer.json(), answer.headers["served-model-name"]) == ({"predictions": ["no", "yes"]}, "model-1")
    assert account.invocations[-1].rows == 2


def test_csv_has_a_header(account: Account) -> None:
    assert invoked(account, b"plan,age\nbasic,2\n", Content_Type="text/csv", **bearer(account)).json() == {
        "predictions": ["no"]
    }


@pytest.mark.parametrize(
    ("container", "expected"),
    [
        ("scores", [0.2]), ("score-lists", [[0.2]]), ("probabilities", [[0.8, 0.2]]), ("classes", [{"no": 0.8, "yes": 0.2}]),
        ("table", [{"target": "no", "no_proba": 0.8, "yes_proba": 0.2}]), ("pyfunc", [{"predicted_label": "no", "probability": 0.2}]),
    ],
)  # fmt: skip
def test_answers_have_the_shape_of_the_flavor(container: str, expected: Any) -> None:
    model = Served(predict=churn, classes=("no", "yes"), container=container)
    with serving("databricks", {"churn": model}) as account:
        assert invoked(account, {"dataframe_records": ROWS[:1]}).json() == {"predictions": expected}


def test_a_summary_tells_less_than_a_description(account: Account) -> None:
    listed = described(account)["endpoints"]
    assert [one["name"] for one in listed] == list(ENDPOINTS)
    assert "config_version" not in listed[1]["config"]
    found = described(account, "split")
    assert [(e["name"], e["entity_name"], e["entity_version"]) for e in found["config"]["served_entities"]] == [
        ("churn-3", "main.models.split", "3"), ("churn-4", "main.models.split", "4"),
    ]  # fmt: skip
    assert [route["traffic_percentage"] for route in found["config"]["traffic_config"]["routes"]] == [25, 75]
    assert described(account, "chat")["config"]["served_entities"][1]["external_model"]["name"] == "gpt"
    paths = ask(account, "/api/2.0/serving-endpoints/churn/openapi", **bearer(account)).json()["paths"]
    assert list(paths) == ["/served-models/model-1/invocations"]


def test_an_update_has_another_version_and_a_swap_has_none(account: Account) -> None:
    before = described(account, "churn")
    account.swap("churn", lambda rows: ["yes"] * len(rows))
    assert described(account, "churn") == before
    assert invoked(account).json() == {"predictions": ["yes", "yes"]}
    account.update("churn", {"churn-4": MODEL})
    assert described(account, "churn")["config"]["config_version"] == 2


def test_traffic_goes_by_share_or_to_the_served_model_that_is_named(account: Account) -> None:
    path = "/serving-endpoints/split/invocations"
    turns = [invoked(account, path=path).headers["served-model-name"] for _ in range(4)]
    assert sorted(turns) == ["churn-3", "churn-4", "churn-4", "churn-4"]
    named = invoked(account, path="/serving-endpoints/split/served-models/churn-3/invocations")
    assert named.headers["served-model-name"] == "churn-3"
    assert invoked(account, path="/serving-endpoints/split/served-models/churn-9/invocations").status == 404


def test_tokens_are_checked(account: Account) -> None:
    missing = ask(account, "/serving-endpoints/churn/invocations", {"dataframe_split": SPLIT})
    assert (missing.status, missing.json()["error_code"]) == (401, 401)
    old = bearer(account)
    account.expire()
    ended = invoked(account, **old)
    assert (ended.status, ended.json()) == (403, {"error_code": 403, "message": "Invalid access token."})
    assert invoked(account).status == 200
    account.deny("invoke")
    denied = invoked(account)
    assert (denied.status, denied.json()["error_code"]) == (403, "PERMISSION_DENIED")
    assert described(account)["endpoints"]


def login(account: Account, secret: str = "") -> Reply:
    environ = account.environ
    pair = f"{environ['DATABRICKS_CLIENT_ID']}:{secret or environ['DATABRICKS_CLIENT_SECRET']}"
    basic = {"Authorization": "Basic " + base64.b64encode(pair.encode()).decode()}
    return form(account, "/oidc/v1/token", {"grant_type": "client_credentials", "scope": "all-apis"}, **basic)


def test_a_service_principal_logs_in_and_its_token_ends() -> None:
    with serving("databricks", ENDPOINTS, auth="oauth") as account:
        found = ask(account, "/.well-known/databricks-config").json()["oidc_endpoint"]
        token_url = ask(account, f"{found}/.well-known/oauth-authorization-server").json()["token_endpoint"]
        assert token_url == f"{account.url}/oidc/v1/token"
        assert login(account, "wrong").status == 401
        token = login(account).json()["access_token"]
        assert invoked(account, **bearer(account, token)).status == 200
        assert account.calls[-1].identity == account.settings["client_id"]
        account.expire()
        assert invoked(account, **bearer(account, token)).status == 403
        account.faults.add("unavailable", on="token", status=503)
        assert login(account).status == 503


def test_a_route_optimised_endpoint_has_its_own_address_and_takes_no_personal_token(account: Account) -> None:
    assert invoked(account, path="/serving-endpoints/fast/invocations").status == 404
    url = described(account, "fast")["data_plane_info"]["query_info"]["endpoint_url"]
    assert invoked(account, path=url).status == 401
    with serving("databricks", ENDPOINTS, auth="oauth") as other:
        token = login(other).json()["access_token"]
        found = ask(other, "/api/2.0/serving-endpoints/fast", **bearer(other, token)).json()
        assert invoked(other, path=found["endpoint_url"] + "/invocations", **bearer(other, token)).status == 200


@pytest.mark.parametrize(
    ("what", "status", "code"),
    [
        ("throttled", 429, "REQUEST_LIMIT_EXCEEDED"), ("starting", 503, "TEMPORARILY_UNAVAILABLE"),
        ("unavailable", 503, "TEMPORARILY_UNAVAILABLE"), ("model_error", 400, "BAD_REQUEST"), ("timeout", 504, "DEADLINE_EXCEEDED"),
        ("missing", 404, "RESOURCE_DOES_NOT_EXIST"), ("denied", 403, "PERMISSION_DENIED"),
    ],
)  # fmt: skip
def test_refusals(account: Account, what: Any, status: int, code: str) -> None:
    account.faults.add(what, wait=2, seconds=60)
    answer = invoked(account)
    assert (answer.status, answer.json()["error_code"], answer.headers["retry-after"]) == (status, code, "2")


def test_wrong_requests_are_told(account: Account) -> None:
    two = invoked(account, {"inputs": [[1]], "instances": [[1]]})
    assert (two.status, two.json()["error_code"]) == (400, "BAD_REQUEST")
    assert "exactly one of the input fields" in two.json()["message"]
    wrong = invoked(account, {"dataframe_records": [{"age": "x", "plan": "x"}]}).json()
    assert "Failed to convert column age" in wrong["message"]
    assert "missing inputs ['age', 'plan']" in invoked(account, {"inputs": [[2, 3]]}).json()["message"]
    assert "missing inputs ['plan']" in invoked(account, {"dataframe_records": [{"age": 8}]}).json()["message"]
    assert described(account, "nothing")["error_code"] == "RESOURCE_DOES_NOT_EXIST"
    assert ask(account, "/api/2.0/jobs/list", **bearer(account)).json()["error_code"] == "ENDPOINT_NOT_FOUND"
    account.status("churn", "NOT_READY")
    assert invoked(account).status == 400
    assert described(account, "churn")["state"] == {"ready": "NOT_READY", "config_update": "NOT_UPDATING"}
