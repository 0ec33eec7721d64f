"""MLflow's scoring server by plain HTTP. `test_real_servers.py` asks the real one the same."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from muster.testing.endpoints import Account, Served, serving
from tests.testing.endpoints.plain import ROWS, ask, churn

TYPES = {"plan": "string"}
MODEL = Served(predict=churn, columns=("age", "plan"), types=TYPES, classes=("no", "yes"))


@pytest.fixture
def account() -> Iterator[Account]:
    with serving("mlflow-server", {"churn": MODEL}) as account:
        yield account


def test_it_is_asked_at_the_root_or_below_its_name(account: Account) -> None:
    for path in ("/invocations", "/churn/invocations"):
        assert ask(account, path, {"dataframe_records": ROWS}).json() == {"predictions": ["no", "yes"]}
    assert [call.endpoint for call in account.invocations] == ["churn", "churn"]
    assert ask(account, "/nothing/invocations", {"dataframe_records": ROWS}).status == 404


def test_it_tells_its_health_and_version(account: Account) -> None:
    assert [(r.status, r.body) for r in (ask(account, "/ping"), ask(account, "/health"))] == [(200, b"\n")] * 2
    assert ask(account, "/version").body == b"3.17.2"
    assert ask(account, "/invocations").status == 405
    assert ask(account, "/metrics").status == 404


def test_before_mlflow_2_there_were_predictions_alone() -> None:
    with serving("mlflow-server", {"churn": Served(predict=churn, container="mlflow-1")}) as account:
        assert ask(account, "/invocations", {"dataframe_records": ROWS}).json() == [0, 1]


def test_errors_are_those_of_mlflow(account: Account) -> None:
    assert ask(account, "/invocations", {}).json()["error_code"] == "BAD_REQUEST"
    wrong = ask(account, "/invocations", b"x", Content_Type="text/plain")
    assert (wrong.status, wrong.headers["content-type"]) == (415, "text/plain")
    account.swap("churn", lambda rows: [1 / 0])
    failed = ask(account, "/invocations", {"dataframe_records": ROWS})
    assert (failed.status, failed.json()["error_code"]) == (400, "BAD_REQUEST")
    assert "ZeroDivisionError" in failed.json()["stack_trace"]


@pytest.mark.parametrize(
    ("what", "status"),
    [
        ("throttled", 429),
        ("starting", 503),
        ("unavailable", 503),
        ("too_large", 413),
        ("timeout", 504),
        ("missing", 404),
        ("denied", 403),
    ],
)
def test_refusals(account: Account, what: Any, status: int) -> None:
    account.faults.add(what, seconds=60)
    assert ask(account, "/invocations", {"dataframe_records": ROWS}).status == status


def test_a_proxy_may_ask_for_a_token() -> None:
    with serving("mlflow-server", {"churn": MODEL}, auth="bearer") as account:
        assert ask(account, "/ping").status == 401
        assert ask(account, "/ping", Authorization=f"Bearer {account.environ['ENDPOINT_SECRET']}").status == 200
