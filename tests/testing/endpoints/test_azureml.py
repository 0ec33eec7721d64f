"""Azure ML by plain HTTP: tokens for two audiences, pages, deployments, keys, scoring in each mode, and its rule on pending requests."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import Any

import pytest

from muster.testing.endpoints import Account, Deployed, Pace, Served, serving
from tests.testing.endpoints.plain import ROWS, Reply, ask, churn, form

TYPES = {"plan": "string"}
FRAME = {"columns": ["age", "plan"], "index": [0, 1], "data": [[2, "basic"], [8, "gold"]]}
BODY = {"input_data": FRAME}


def model(**more: Any) -> Served:
    return Served(**{"predict": churn, "columns": ("age", "plan"), "types": TYPES, "classes": ("no", "yes"), **more})


def endpoints() -> dict[str, Any]:
    return {
        "churn": model(),
        "split": {"blue": model(weight=90), "green": model(weight=10, version="2", count=2, container="score.py")},
        "aml": Deployed(variants={"blue": model()}, options={"auth_mode": "aml_token", "swagger": {"swagger": "2.0"}}),
        "aad": Deployed(variants={"blue": model()}, options={"auth_mode": "aad_token"}),
    }


@pytest.fixture(scope="module")
def shared() -> Iterator[Account]:
    with serving("azureml", endpoints()) as account:
        yield account


@pytest.fixture
def account(shared: Account) -> Iterator[Account]:
    """The server is started once: its certificates take a while."""
    yield shared
    shared.faults.clear()
    shared.allow("invoke", "list", "describe", "keys", "token")
    shared.update("churn", {"blue": model()})


def token(account: Account, scope: str = "https://management.azure.com", **fields: str) -> Reply:
    settings = account.settings
    given = {
        "grant_type": "client_credentials", "client_id": settings["client_id"], "scope": f"{scope}/.default",
        "client_secret": account.environ["AZURE_CLIENT_SECRET"], **fields,
    }  # fmt: skip
    return form(account, f"/{settings['tenant_id']}/oauth2/v2.0/token", given)


def managed(account: Account, path: str, method: str = "GET", bearer: str = "") -> Reply:
    settings = account.settings
    base = f"/subscriptions/{settings['subscription_id']}/resourceGroups/{settings['resource_group']}/providers"
    base += f"/Microsoft.MachineLearningServices/workspaces/{settings['workspace']}/"
    bearer = bearer or token(account).json()["access_token"]
    return ask(account, f"{base}{path}?api-version=2024-10-01", method=method, Authorization=f"Bearer {bearer}")


def scored(account: Account, name: str = "churn", body: Any = None, key: str = "", **headers: str) -> Reply:
    endpoint = managed(account, f"onlineEndpoints/{name}").json()["properties"]
    if not key:
        key = managed(account, f"onlineEndpoints/{name}/listKeys", "POST").json()["primaryKey"]
    return ask(account, endpoint["scoringUri"], body or BODY, Authorization=f"Bearer {key}", **headers)


def test_a_deployment_says_which_it_is(account: Account) -> None:
    answer = scored(account)
    assert (answer.json(), answer.headers["azureml-model-deployment"]) == (["no", "yes"], "blue")
    assert (account.invocations[-1].endpoint, account.invocations[-1].rows) == ("churn", 2)
    assert scored(account, "split", {"data": FRAME["data"]}, azureml_model_deployment="green").json() == ["no", "yes"]
    assert (missing := scored(account, azureml_model_deployment="red")).status == 404
    assert missing.body == b""
    account.shift("churn", blue=0)
    assert scored(account).status == 404


@pytest.mark.parametrize(
    ("container", "body", "expected"),
    [
        ("mlflow", {"input_data": ROWS}, ["no", "yes"]),
        ("mlflow", {"input_data": FRAME["data"]}, ["no", "yes"]),
        ("mlflow-probabilities", {"input_data": {**FRAME, "data": [[2, "basic"]]}}, [[0.8, 0.2]]),
        ("score.py-probabilities", {"data": [[2, "basic"]]}, [[0.8, 0.2]]),
        ("inference-schema", {"data": ROWS}, {"output": ["no", "yes"]}),
        ("automl", {"data": ROWS}, '{"result": ["no", "yes"]}'),
        (
            "automl-v2",
            {"Inputs": {"data": ROWS}, "GlobalParameters": {"method": "predict"}},
            {"Results": ["no", "yes"]},
        ),
        (
            "designer",
            {"Inputs": {"input1": ROWS[:1]}, "GlobalParameters": {}},
            {
                "Results": {
                    "WebServiceOutput0": [
                        {"age": 2.0, "plan": "basic", "Scored Labels": "no", "Scored Probabilities": 0.2}
                    ]
                }
            },
        ),
    ],
)
def test_containers_have_their_own_shapes(account: Account, container: str, body: Any, expected: Any) -> None:
    account.update("churn", {"blue": model(container=container)})
    assert scored(account, body=body).json() == expected


def test_lists_come_in_pages_with_absolute_links(account: Account) -> None:
    page = managed(account, "onlineEndpoints").json()
    bearer = f"Bearer {token(account).json()['access_token']}"
    rest = ask(account, page["nextLink"], Authorization=bearer).json()
    assert [one["name"] for one in (*page["value"], *rest["value"])] == list(endpoints())
    assert "nextLink" not in rest


def test_endpoints_deployments_and_models_are_described(account: Account) -> None:
    endpoint = managed(account, "onlineEndpoints/split").json()
    assert endpoint["properties"]["traffic"] == {"blue": 90, "green": 10}
    green = managed(account, "onlineEndpoints/split/deployments/green").json()
    assert (green["sku"]["capacity"], green["properties"]["requestSettings"]["maxConcurrentRequestsPerInstance"]) == (
        2,
        1,
    )
    assert green["properties"]["codeConfiguration"]["scoringScript"] == "score.py"
    path = green["properties"]["model"].partition("/workspaces/muster/")[2]
    assert managed(account, path).json()["properties"]["modelType"] == "custom_model"
    for path in ("onlineEndpoints/x", "onlineEndpoints/split/deployments/x", "models/x/versions/1", "batchEndpoints"):
        assert managed(account, path).json()["error"]["code"] == "ResourceNotFound"


def test_an_update_is_seen_and_a_swap_is_not(account: Account) -> None:
    def seen() -> list[Any]:
        return [
            managed(account, f"onlineEndpoints/churn{more}").json()
            for more in ("", "/deployments", "/deployments/blue")
        ]

    before = seen()
    account.swap("churn", lambda rows: ["yes"] * len(rows))
    assert (seen(), scored(account).json()) == (before, ["yes", "yes"])
    account.update("churn", {"blue": model(version="2")})
    assert seen()[2]["properties"]["model"].endswith("/churn/versions/2")


def test_the_token_service_checks_who_asks(account: Account) -> None:
    configuration = ask(account, f"/{account.settings['tenant_id']}/v2.0/.well-known/openid-configuration").json()
    assert configuration["token_endpoint"].endswith("/oauth2/v2.0/token")
    wrong = token(account, client_secret="wrong")
    assert (wrong.status, wrong.json()["error"]) == (401, "invalid_client")
    assert token(account, client_id="else").json()["error"] == "unauthorized_client"
    assert token(account, grant_type="password").status == 400
    account.deny("token")
    assert token(account).status == 403


def test_a_token_is_good_for_its_audience_alone(account: Account) -> None:
    manage, score = (
        token(account, s).json()["access_token"] for s in ("https://management.azure.com", "https://ml.azure.com")
    )
    assert scored(account, "aad", key=score).status == 200
    assert scored(account, "aad", key=manage).status == 401
    assert managed(account, "onlineEndpoints", bearer=score).json()["error"]["code"] == "InvalidAuthenticationToken"


def test_tokens_of_an_endpoint_and_keys_end(account: Account) -> None:
    own = managed(account, "onlineEndpoints/aml/token", "POST").json()["accessToken"]
    key = managed(account, "onlineEndpoints/churn/listKeys", "POST").json()["secondaryKey"]
    assert scored(account, "aml", key=own).status == scored(account, key=key).status == 200
    assert scored(account, key=own).status == 401
    assert managed(account, "onlineEndpoints/churn/token", "POST").status == 400
    account.expire()
    assert scored(account, "aml", key=own).status == scored(account, key=key).status == 401
    assert scored(account).status == 200


def test_permissions_are_named_when_they_are_missing(account: Account) -> None:
    account.deny("keys")
    denied = managed(account, "onlineEndpoints/churn/listKeys", "POST")
    assert (denied.status, denied.json()["error"]["code"]) == (403, "AuthorizationFailed")
    assert "onlineEndpoints/listKeys/action" in denied.json()["error"]["message"]
    account.deny("invoke")
    assert scored(account, key="x").status == 401


@pytest.mark.parametrize(
    ("what", "status"),
    [
        ("throttled", 429),
        ("starting", 503),
        ("unavailable", 503),
        ("too_large", 413),
        ("timeout", 408),
        ("denied", 403),
        ("expired", 401),
    ],
)
def test_refusals_are_plain_text(account: Account, what: Any, status: int) -> None:
    account.faults.add(what, wait=1, seconds=60)
    answer = scored(account)
    assert (answer.status, answer.headers["content-type"], answer.headers["retry-after"]) == (status, "text/plain", "1")


def test_the_model_s_own_error_is_around_424(account: Account) -> None:
    account.swap("churn", lambda rows: [1 / 0])
    answer = scored(account)
    assert (answer.status, answer.headers["ms-azureml-model-error-statuscode"]) == (424, "500")
    assert "ZeroDivisionError" in answer.json()["message"]
    assert scored(account, body={"data": []}).headers["ms-azureml-model-error-statuscode"] == "400"


def test_the_manager_is_throttled_too(account: Account) -> None:
    bearer = token(account).json()["access_token"]
    account.faults.add("throttled", on="list", wait=2)
    answer = managed(account, "onlineEndpoints", bearer=bearer)
    assert (answer.status, answer.headers["retry-after"], answer.json()["error"]["code"]) == (
        429,
        "2",
        "TooManyRequests",
    )


def test_twice_the_concurrency_may_be_pending(account: Account) -> None:
    inside, leave = threading.Semaphore(0), threading.Event()

    def slow(rows: list[Any]) -> list[list[float]]:
        inside.release()
        assert leave.wait(10)
        return churn(rows)

    account.update("churn", {"blue": model(predict=slow)})
    key = managed(account, "onlineEndpoints/churn/listKeys", "POST").json()["primaryKey"]
    with ThreadPoolExecutor(8) as pool:
        first = pool.submit(scored, account, key=key)
        assert inside.acquire(timeout=10)
        rest = [pool.submit(scored, account, key=key) for _ in range(4)]
        refused = list(itertools.islice(as_completed(rest, timeout=10), 3))
        statuses = [one.result().status for one in refused]
        assert statuses == [429] * 3
        leave.set()
        assert sorted(one.result().status for one in (first, *rest)) == [200, 200, 429, 429, 429]


def test_a_model_slower_than_its_timeout_is_told_so() -> None:
    slow = Deployed(variants={"blue": model(pace=Pace(seconds=10))}, options={"timeout": 0.01})
    with serving("azureml", {"churn": slow}) as account:
        assert scored(account).status == 408
        assert (
            managed(account, "onlineEndpoints/churn/deployments/blue").json()["properties"]["requestSettings"][
                "requestTimeout"
            ]
            == "PT0.01S"
        )


def test_a_machine_has_an_identity() -> None:
    with serving("azureml", endpoints(), auth="managed-identity") as account:
        path = "/metadata/identity/oauth2/token?api-version=2018-02-01&resource=https://management.azure.com/"
        assert ask(account, path).status == 400
        bearer = ask(account, path, Metadata="true").json()["access_token"]
        assert managed(account, "onlineEndpoints", bearer=bearer).status == 200


def test_a_schema_is_served_where_there_is_one(account: Account) -> None:
    own = managed(account, "onlineEndpoints/aml/token", "POST").json()["accessToken"]
    uri = managed(account, "onlineEndpoints/aml").json()["properties"]["swaggerUri"]
    assert ask(account, uri, Authorization=f"Bearer {own}").json() == {"swagger": "2.0"}
    assert ask(account, uri).status == 401
