"""Real servers asked the same as the local ones that stand for them: what differs, a test of a client would not see."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from muster.testing.endpoints import Account, Served, serving
from tests.programs import installed
from tests.testing.endpoints.plain import ROWS, Reply, ask, churn
from tests.testing.endpoints.sdk import MLFLOW, clean

pytestmark = pytest.mark.deep

SPLIT = {"columns": ["age", "plan"], "data": [[2, "basic"], [8, "gold"]]}
Asking = Callable[[Account], Reply]


def failing(rows: list[Any]) -> list[list[float]]:
    if any(row["age"] < 0 for row in rows):
        raise RuntimeError("no age is below zero")
    return churn(rows)


MODEL = Served(predict=failing, columns=("age", "plan"), types={"plan": "string"}, classes=("no", "yes"))


@contextmanager
def running(environment: str, wanted: tuple[str, ...], script: str) -> Iterator[Account]:
    """A real server, as an account of which only the address is known."""
    python = installed(environment, *wanted) / "python"
    process = subprocess.Popen(
        [python, "-I", Path(__file__).parent / "sdks" / script],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=clean(), text=True,
    )  # fmt: skip
    assert process.stdout is not None
    try:
        account = Account("real", Path(), 1)
        account.url = f"http://127.0.0.1:{json.loads(process.stdout.readline())['port']}"
        yield account
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


@pytest.fixture(scope="module")
def mlflow() -> Iterator[tuple[Account, Account]]:
    with running("sdk-mlflow", MLFLOW, "mlflow_server.py") as real, serving("mlflow-server", {"churn": MODEL}) as local:
        yield real, local


def posted(body: Any, **headers: str) -> Asking:
    return lambda account: ask(account, "/invocations", body, **headers)


CALLS: dict[str, Asking] = {
    "split": posted({"dataframe_split": SPLIT}),
    "split in another order": posted({"dataframe_split": {"columns": ["plan", "age"], "data": [["gold", 8]]}}),
    "split of integers": posted({"dataframe_split": {"columns": ["age", "plan"], "data": [[2, "basic"]]}}),
    "an extra column": posted({"dataframe_records": [{**ROWS[0], "other": 1}]}),
    "records": posted({"dataframe_records": ROWS}),
    "params": posted({"dataframe_records": ROWS, "params": {}}),
    "inputs by column": posted({"inputs": {"age": [2.0, 8.0], "plan": ["basic", "gold"]}}),
    "instances": posted({"instances": ROWS}),
    "csv": posted(b"plan,age\nbasic,2\ngold,8\n", Content_Type="text/csv"),
    "csv with a charset": posted(b"plan,age\nbasic,2\n", Content_Type="text/csv; charset=utf-8"),
    "a missing column": posted({"dataframe_records": [{"age": 2.0}]}),
    "a text for a number": posted({"dataframe_records": [{"age": "old", "plan": "gold"}]}),
    "a number as text": posted({"dataframe_records": [{"age": "8", "plan": "gold"}]}),
    "another csv": posted(b"plan,age\nbasic,2\n", Content_Type="application/csv"),
    "a null": posted({"dataframe_records": [{"age": 2.0, "plan": None}]}),
    "no rows": posted({"dataframe_split": {"columns": ["age", "plan"], "data": []}}),
    "no columns named": posted({"dataframe_split": {"data": [[2, "basic"]]}}),
    "inputs of lists": posted({"inputs": [[2, "basic"]]}),
    "inputs of numbers": posted({"inputs": [[2, 3]]}),
    "instances of numbers": posted({"instances": [[2, 3], [4, 5]]}),
    "inputs of records": posted({"inputs": ROWS}),
    "csv without a header": posted(b"basic,2\n", Content_Type="text/csv"),
    "a number for a text": posted({"dataframe_records": [{"age": 2.0, "plan": 5}]}),
    "two formats": posted({"inputs": {"age": [2.0], "plan": ["x"]}, "instances": ROWS}),
    "no format": posted({"rows": ROWS}),
    "no JSON": posted(b"{"),
    "a list": posted([1, 2]),
    "ragged": posted({"dataframe_split": {"columns": ["age", "plan"], "data": [[2]]}}),
    "another type": posted(b"x", Content_Type="text/plain"),
    "an error of the model": posted({"dataframe_records": [{"age": -1.0, "plan": "gold"}]}),
    "ping": lambda account: ask(account, "/ping"),
    "health": lambda account: ask(account, "/health"),
    "version": lambda account: ask(account, "/version"),
    "a get": lambda account: ask(account, "/invocations"),
    "a post to ping": lambda account: ask(account, "/ping", {}),
    "nowhere": lambda account: ask(account, "/predict", {}),
}


@pytest.mark.parametrize("name", CALLS)
def test_mlflow_s_scoring_server_answers_the_same(mlflow: tuple[Account, Account], name: str) -> None:
    real, local = (CALLS[name](account) for account in mlflow)
    assert (local.status, kind(local)) == (real.status, kind(real))
    if kind(real) == "text/plain" or not real.body.startswith((b"{", b"[")):
        assert local.body == real.body
    elif real.status == 200:
        assert local.json() == real.json()
    else:
        assert (set(local.json()), local.json().get("error_code")) == (set(real.json()), real.json().get("error_code"))


def kind(reply: Reply) -> str:
    return reply.headers.get("content-type", "").partition(";")[0]


AGE = {"name": "age", "shape": [2, 1], "datatype": "FP64", "data": [2.0, 8.0]}
PLAN = {"name": "plan", "shape": [2, 1], "datatype": "BYTES", "data": ["basic", "gold"]}
KSERVE, MLSERVER = ("kserve==0.21.0",), ("mlserver==1.7.1",)


@pytest.fixture(scope="module", params=["kserve", "mlserver"])
def openinference(request: pytest.FixtureRequest) -> Iterator[tuple[Account, Account]]:
    wanted = {"kserve": KSERVE, "mlserver": MLSERVER}[request.param]
    with (
        running(f"server-{request.param}", wanted, f"{request.param}_server.py") as real,
        serving("openinference", {"churn": MODEL}, server=request.param) as local,
    ):
        awake(real)
        yield real, local


def awake(account: Account) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        try:
            if ask(account, "/v2/models/churn/ready").status == 200:
                return
        except OSError:
            time.sleep(0.05)
    raise AssertionError("the server does not answer")


def at(path: str, body: Any = None) -> Asking:
    return lambda account: ask(account, path, body)


def infer(*inputs: Any, model: str = "churn", **more: Any) -> Asking:
    return at(f"/v2/models/{model}/infer", {"id": "7", "inputs": list(inputs), **more})


def predict(body: Any, model: str = "churn") -> Asking:
    return at(f"/v1/models/{model}:predict", body)


TENSORS: dict[str, Asking] = {
    "the root": at("/"),
    "the server": at("/v2"),
    "its life": at("/v2/health/live"),
    "its readiness": at("/v2/health/ready"),
    "its models": at("/v2/models"),
    "a model": at("/v2/models/churn"),
    "a model's readiness": at("/v2/models/churn/ready"),
    "no model": at("/v2/models/nothing"),
    "no model's readiness": at("/v2/models/nothing/ready"),
    "a version": at("/v2/models/churn/versions/1"),
    "an inference": infer(AGE, PLAN),
    "an inference in another order": infer(PLAN, AGE),
    "an inference of nested data": infer({**AGE, "data": [[2.0], [8.0]]}, {**PLAN, "data": [["basic"], ["gold"]]}),
    "an inference of no model": infer(AGE, PLAN, model="nothing"),
    "an inference of a version": at("/v2/models/churn/versions/1/infer", {"id": "7", "inputs": [AGE, PLAN]}),
    "no inputs": at("/v2/models/churn/infer", {}),
    "no JSON": at("/v2/models/churn/infer", b"{"),
    "no data": infer({"name": "age", "shape": [1], "datatype": "FP64"}),
    "another shape": infer({**AGE, "shape": [3, 1]}, PLAN),
    "another datatype": infer({**AGE, "datatype": "DOUBLE"}, PLAN),
    "a missing column": infer(AGE),
    "a get": at("/v2/models/churn/infer"),
    "nowhere": at("/v3"),
    "the models of the first protocol": at("/v1/models"),
    "a model of the first protocol": at("/v1/models/churn"),
    "no model of the first protocol": at("/v1/models/nothing"),
    "a prediction": predict({"instances": ROWS}),
    "a prediction without instances": predict({"rows": ROWS}),
    "a prediction without JSON": predict(b"{"),
    "a prediction of no model": predict({"instances": ROWS}, "nothing"),
    "a prediction without a column": predict({"instances": [{"age": 2.0}]}),
}


@pytest.mark.parametrize("name", TENSORS)
def test_servers_of_the_open_inference_protocol_answer_the_same(
    openinference: tuple[Account, Account], name: str
) -> None:
    real, local = (TENSORS[name](account) for account in openinference)
    assert (local.status, kind(local)) == (real.status, kind(real))
    if real.status == 200 and real.body:
        assert local.json() == real.json()
    elif kind(real) == "application/json":
        assert list(local.json()) == list(real.json())
