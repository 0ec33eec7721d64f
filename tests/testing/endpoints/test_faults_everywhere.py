"""Every fault at every provider: each is refused, spoilt or changed in some way, and none makes the local server itself fail."""

from __future__ import annotations

import json
from collections.abc import Callable
from http.client import HTTPException
from typing import Any, get_args

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from muster.testing.endpoints import KINDS, Account, Served, serving
from muster.testing.endpoints.faults import CHANGES, REFUSALS, WAYS, What
from tests.testing.endpoints import test_azureml, test_databricks, test_openinference, test_vertex
from tests.testing.endpoints.plain import ROWS, Reply, ask, churn

CONTAINERS = {"sagemaker": "selectable", "vertex": "bigquery", "azureml": "mlflow-probabilities", "openinference": "columns",
              "databricks": "table", "mlflow-server": "table", "http": "json"}  # fmt: skip


def signed(account: Account, path: str, body: bytes, **headers: str) -> Reply:
    request = AWSRequest(
        "POST", account.url + path, data=body, headers={k.replace("_", "-"): v for k, v in headers.items()}
    )
    keys = Credentials(account.environ["AWS_ACCESS_KEY_ID"], account.environ["AWS_SECRET_ACCESS_KEY"])
    SigV4Auth(keys, "sagemaker", account.settings["region"]).add_auth(request)
    return ask(account, path, body, **{name.replace("-", "_"): str(value) for name, value in request.headers.items()})


CALLS: dict[str, Callable[[Account], Reply]] = {
    "azureml": test_azureml.scored,
    "databricks": test_databricks.invoked,
    "http": lambda account: ask(account, "/churn", {"records": ROWS}),
    "mlflow-server": lambda account: ask(account, "/invocations", {"dataframe_records": ROWS}),
    "openinference": test_openinference.inferred,
    "sagemaker": lambda account: signed(
        account, "/endpoints/churn/invocations", b"2,basic\n8,gold\n", Content_Type="text/csv"
    ),
    "vertex": test_vertex.predicted,
}
LISTS: dict[str, Callable[[Account], Reply]] = {
    "azureml": lambda account: test_azureml.managed(account, "onlineEndpoints"),
    "databricks": lambda account: ask(account, "/api/2.0/serving-endpoints", **test_databricks.bearer(account)),
    "openinference": lambda account: ask(account, "/v2/models"),
    "sagemaker": lambda account: signed(
        account, "/", b"{}", Content_Type="application/x-amz-json-1.1", X_Amz_Target="SageMaker.ListEndpoints"
    ),
    "vertex": lambda account: test_vertex.got(account, "endpoints"),
}
TOKENS: dict[str, tuple[str, Callable[[Account], Reply]]] = {
    "azureml": ("secret", test_azureml.token),
    "databricks": ("oauth", test_databricks.login),
    "vertex": ("service-account", test_vertex.granted),
}


def model(kind: str) -> Served:
    return Served(
        predict=churn,
        columns=("age", "plan"),
        types={"plan": "string"},
        classes=("no", "yes"),
        container=CONTAINERS[kind],
    )


def test_every_kind_is_called_here() -> None:
    assert set(CALLS) == set(KINDS) == set(CONTAINERS)


@pytest.mark.parametrize("kind", CALLS)
def test_every_fault_of_an_invocation(kind: str) -> None:
    with serving(kind, {"churn": model(kind)}) as account:
        right = CALLS[kind](account)
        assert right.status == 200, right.body
        for what in get_args(What):
            if kind == "azureml" and what == "unknown_class":
                continue  # none of its containers gives labels beside probabilities to the same request
            account.faults.clear()
            account.faults.add(what, seconds=0.05)
            assert differs(what, lambda: CALLS[kind](account), right), what
        account.faults.clear()
        assert CALLS[kind](account).status == 200


def differs(what: str, call: Callable[[], Reply], right: Reply) -> bool:
    if what in ("cut", "drop"):
        with pytest.raises((HTTPException, ConnectionError)):
            call()
        return True
    answer = call()
    if what == "slow":
        return answer.status == 200 and same(answer, right)
    if what in CHANGES or what == "error_in_answer":
        return answer.status == 200 and not same(answer, right)
    return answer.status >= 400


def same(one: Reply, other: Reply) -> bool:
    def told(reply: Reply) -> Any:
        found = reply.json() if reply.headers["content-type"] == "application/json" else reply.body.decode()
        return {**found, "id": ""} if isinstance(found, dict) else found

    return json.dumps(told(one)) == json.dumps(told(other))


@pytest.mark.parametrize("kind", LISTS)
def test_every_fault_of_a_list(kind: str) -> None:
    with serving(kind, {"churn": model(kind)}) as account:
        right = LISTS[kind](account)
        assert right.status == 200, right.body
        for what in (one for one in get_args(What) if one in REFUSALS | WAYS and one != "model_error"):
            account.faults.clear()
            account.faults.add(what, on="list", seconds=0.1)
            assert differs(what, lambda: LISTS[kind](account), right), what


@pytest.mark.parametrize("kind", TOKENS)
def test_every_fault_of_a_token_service(kind: str) -> None:
    auth, call = TOKENS[kind]
    with serving(kind, {"churn": model(kind)}, auth=auth) as account:
        assert call(account).status == 200
        whats: tuple[What, ...] = ("throttled", "unavailable", "denied", "html")
        for what in whats:
            account.faults.clear()
            account.faults.add(what, on="token", wait=1)
            assert call(account).status >= 400
