"""Generic HTTP servers: ways in, shapes, and what every local server has: faults, paces, logs, connections, certificates."""

from __future__ import annotations

import base64
import http.client
import json
import ssl
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

import pytest

from muster.errors import InvalidInput, MissingExtra, NotFound
from muster.testing.endpoints import Account, Container, Deployed, Pace, Served, serving
from tests.testing.endpoints.plain import ROWS, Reply, ask, churn

TYPES = {"plan": "string"}
MODEL = Served(predict=churn, columns=("age", "plan"), types=TYPES, classes=("no", "yes"))


@pytest.fixture
def account() -> Iterator[Account]:
    with serving("http", {"churn": MODEL}) as account:
        yield account


def scored(account: Account, rows: list[Any] = ROWS, sent: dict[str, str] | None = None) -> Reply:
    return ask(account, "/churn", {"records": rows}, **(sent or {}))


def predictions(reply: Reply) -> list[Any]:
    return [one["prediction"] for one in reply.json()["predictions"]]


@pytest.mark.parametrize(
    "body",
    [
        {"records": ROWS},
        {"instances": ROWS},
        {"inputs": [[2, "basic"], [8, "gold"]]},
        {"columns": ["plan", "age"], "data": [["basic", 2], ["gold", 8]]},
        ROWS,
    ],
)
def test_rows_come_in_any_of_the_usual_shapes(account: Account, body: Any) -> None:
    assert account.settings["url"] == f"{account.url}/churn"
    assert ask(account, "/churn", body).json()["predictions"][0] == {
        "prediction": "no", "probabilities": {"no": 0.8, "yes": 0.2},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("container", "expected"),
    [
        ("records", [{"prediction": "no", "probabilities": {"no": 0.8, "yes": 0.2}}]),
        ("labels", {"predictions": ["no"]}),
        ("probabilities", {"predictions": [[0.8, 0.2]]}),
    ],
)
def test_answers_have_the_shape_of_the_container(container: str, expected: Any) -> None:
    model = Served(predict=churn, columns=("age", "plan"), types=TYPES, classes=("no", "yes"), container=container)
    with serving("http", {"churn": model}) as account:
        assert scored(account, ROWS[:1]).json() == expected


def test_csv_has_a_header_both_ways() -> None:
    model = Served(predict=churn, columns=("age", "plan"), types=TYPES, classes=("no", "yes"), container="csv")
    with serving("http", {"churn": model}) as account:
        answer = ask(account, "/churn", b"plan,age\nbasic,2\n", Content_Type="text/csv")
        assert answer.body == b"target,no_proba,yes_proba\nno,0.8,0.2\n"
        assert ask(account, "/churn", b"{}").status == 415


def test_a_container_of_one_s_own_speaks_any_shape() -> None:
    own = Container(
        lambda asked, _: [json.loads(asked.body)],
        lambda told: ("text/plain", repr(told.outcomes[0].prediction).encode()),
    )
    with serving("http", {"churn": Served(predict=lambda rows: rows, task="regression", container=own)}) as account:
        assert ask(account, "/churn", b"4.5").body == b"4.5"


@pytest.mark.parametrize("way", ["basic", "bearer", "api-key"])
def test_only_who_knows_the_secret_is_let_in(way: str) -> None:
    with serving("http", {"churn": MODEL}, auth=way, header="X-Key") as account:
        right = headers(account, account.environ["ENDPOINT_SECRET"])
        assert scored(account, sent=right).status == 200
        assert scored(account).status == scored(account, sent=headers(account, "guessed")).status == 401
        assert account.settings["secret"] == "env:ENDPOINT_SECRET"
        account.expire()
        assert scored(account, sent=right).status == 401
        assert scored(account, sent=headers(account, account.environ["ENDPOINT_SECRET"])).status == 200


def headers(account: Account, secret: str) -> dict[str, str]:
    match account.settings["auth"]:
        case "basic":
            return {
                "Authorization": "Basic "
                + base64.b64encode(f"{account.settings['username']}:{secret}".encode()).decode()
            }
        case "bearer":
            return {"Authorization": f"Bearer {secret}"}
        case _:
            return {account.settings["header"]: secret}


def test_a_certificate_is_asked_for() -> None:
    with serving("http", {"churn": MODEL}, auth="mtls") as account:
        shown = (account.settings["certificate"], account.settings["key"])
        assert ask(account, "/churn", {"records": ROWS}, certificate=shown).status == 200
        assert account.calls[-1].identity == "ada"
        with pytest.raises((ssl.SSLError, OSError)):
            scored(account)


def test_its_own_authority_is_needed_to_trust_it() -> None:
    with serving("http", {"churn": MODEL}, tls=True) as account:
        assert account.url.startswith("https://")
        assert scored(account).status == 200
        account.ca_bundle = None
        with pytest.raises(ssl.SSLCertVerificationError):
            connection = http.client.HTTPSConnection(urlsplit(account.url).netloc, context=ssl.create_default_context())
            connection.request("GET", "/")


def test_without_cryptography_tls_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "cryptography", None)
    with pytest.raises(MissingExtra, match="TLS") as caught, serving("http", {"churn": MODEL}, tls=True):
        pass
    assert "muster-ml[testing]" in caught.value.hint


@pytest.mark.parametrize(
    ("what", "status"),
    [
        ("throttled", 429), ("starting", 503), ("unavailable", 503), ("model_error", 400), ("too_large", 413),
        ("timeout", 504), ("missing", 404), ("denied", 403), ("expired", 401),
    ],
)  # fmt: skip
def test_refusals(account: Account, what: Any, status: int) -> None:
    account.faults.add(what, wait=3, message="not now", seconds=60)
    answer = scored(account)
    assert (answer.status, answer.headers["retry-after"]) == (status, "3")
    assert answer.json() == {"error": "not now"}


def test_a_fault_meets_the_calls_that_it_is_for(account: Account) -> None:
    account.faults.add("throttled", calls=[1, 3])
    assert [scored(account).status for _ in range(4)] == [429, 200, 429, 200]
    account.faults.clear()
    account.faults.add("unavailable", share=0.4)
    assert [scored(account).status for _ in range(5)] == [200, 200, 503, 200, 503]
    account.faults.clear()
    account.faults.add("unavailable", times=1)
    assert [scored(account).status for _ in range(2)] == [503, 200]
    account.faults.clear()
    account.faults.add("unavailable", endpoint="another")
    assert scored(account).status == 200


def test_a_fault_meets_the_rows_that_it_is_for(account: Account) -> None:
    account.faults.add("model_error", rows=lambda row: row["plan"] == "gold", status=500, message="no gold")
    assert [scored(account, rows).status for rows in (ROWS, ROWS[:1], ROWS[1:])] == [500, 200, 500]


def test_a_cold_start_lasts_from_the_first_call_on(account: Account) -> None:
    account.faults.add("starting", seconds=0.1)
    assert scored(account).status == 503
    until = time.monotonic() + 5
    while scored(account).status != 200:
        assert time.monotonic() < until


def test_an_answer_is_spoilt_on_its_way(account: Account) -> None:
    account.faults.add("html", calls=[1])
    account.faults.add("error_in_answer", calls=[2], message="out of memory")
    page, error = scored(account), scored(account)
    assert (page.status, page.headers["content-type"]) == (502, "text/html")
    assert (error.status, error.json()) == (200, {"error": "out of memory"})
    for what in ("cut", "drop"):
        account.faults.clear()
        account.faults.add(what)
        with pytest.raises((http.client.IncompleteRead, http.client.RemoteDisconnected)):
            scored(account)


def test_what_the_model_says_is_changed(account: Account) -> None:
    def with_fault(what: Any, **more: Any) -> Any:
        account.faults.clear()
        account.faults.add(what, **more)
        return scored(account).json()["predictions"]

    assert len(with_fault("fewer")) == 1
    assert len(with_fault("more")) == 3
    assert str(with_fault("nan")[0]["probabilities"]["no"]) == "nan"
    assert with_fault("unknown_class", rows=lambda row: row["age"] > 5)[1]["prediction"] == "never declared"
    assert with_fault("unknown_class", rows=lambda row: row["age"] > 5)[0]["prediction"] == "no"
    assert with_fault("over_one")[0]["probabilities"]["no"] == 1.3
    assert [one["prediction"] for one in with_fault("swapped")] == ["yes", "no"]


def test_something_happens_before_a_call(account: Account) -> None:
    account.faults.at(2, lambda: account.swap("churn", lambda rows: ["yes"] * len(rows)))
    account.faults.at(3, lambda: account.delete("churn"))
    answers = [scored(account) for _ in range(3)]
    assert [predictions(one) for one in answers[:2]] == [["no", "yes"], ["yes", "yes"]]
    assert answers[2].status == 404


def test_a_body_may_be_too_large_and_a_model_too_slow() -> None:
    slow = Served(predict=churn, pace=Pace(seconds=10))
    options = {"limit": 100, "timeout": 0.01}
    with serving("http", {"churn": Deployed(variants={"default": slow}, options=options)}) as account:
        assert scored(account, ROWS * 9).status == 413
        assert scored(account).status == 504


def test_an_endpoint_has_the_capacity_that_its_pace_says() -> None:
    going, gate, most = [0], threading.Barrier(2, timeout=10), [0]

    def model(rows: list[Any]) -> list[list[float]]:
        going[0] += 1
        most[0] = max(most[0], going[0])
        gate.wait()
        going[0] -= 1
        return churn(rows)

    with (
        serving("http", {"churn": Served(predict=model, pace=Pace(workers=2))}) as account,
        ThreadPoolExecutor(6) as pool,
    ):
        answers = list(pool.map(lambda _: scored(account), range(6)))
        assert [one.status for one in answers] == [200] * 6
        assert most == [2]


def test_one_too_many_in_flight_is_refused() -> None:
    inside, leave = threading.Event(), threading.Event()

    def model(rows: list[Any]) -> list[list[float]]:
        inside.set()
        assert leave.wait(10)
        return churn(rows)

    with serving("http", {"churn": Served(predict=model, pace=Pace(most=1))}) as account, ThreadPoolExecutor(1) as pool:
        first = pool.submit(scored, account)
        assert inside.wait(10)
        assert scored(account).status == 429
        leave.set()
        assert first.result().status == 200


def test_a_model_s_own_error_and_a_wrong_request_are_told(account: Account) -> None:
    assert scored(account, [{"age": 1.0}]).json() == {"error": "Model is missing inputs ['plan']."}
    assert scored(account, [{"age": "old", "plan": "gold"}]).status == 400
    assert ask(account, "/churn", b"{").status == 400
    short = ask(account, "/churn", {"inputs": [[2.0]]})
    assert (short.status, short.json()["error"]) == (
        400,
        "X has 1 features, but the model is expecting 2 features as input",
    )
    assert ask(account, "/churn").status == 405
    account.swap("churn", lambda rows: [1 / 0])
    answer = scored(account)
    assert (answer.status, answer.json()["error"]) == (500, "ZeroDivisionError: division by zero")


def test_connections_are_kept_and_calls_are_logged(account: Account) -> None:
    connection = http.client.HTTPConnection(urlsplit(account.url).netloc, timeout=10)
    sockets = set()
    for _ in range(3):
        connection.request("POST", "/churn", json.dumps({"records": ROWS}), {"Content-Type": "application/json"})
        sockets.add(connection.sock)
        connection.getresponse().read()
    connection.close()
    assert len(sockets) == 1
    assert [(call.method, call.path, call.rows, call.status) for call in account.calls] == [
        ("POST", "/churn", 2, 200)
    ] * 3
    assert json.loads(account.calls[0].request.body) == {"records": ROWS}


def test_a_body_in_chunks_is_read(account: Account) -> None:
    connection = http.client.HTTPConnection(urlsplit(account.url).netloc, timeout=10)
    parts = iter([b'{"records"', b":[]}"])
    connection.request("POST", "/churn", parts, {"Content-Type": "application/json"}, encode_chunked=True)
    assert json.loads(connection.getresponse().read()) == {"predictions": []}
    connection.close()


def test_what_the_server_itself_does_wrong_is_told_at_the_end() -> None:
    own = Container(lambda asked, served: [1], lambda told: ("text/plain", bytes(1 // 0)))
    with (
        pytest.raises(ZeroDivisionError),
        serving("http", {"churn": Served(predict=churn, container=own, task="regression")}) as account,
    ):
        account.swap("churn", lambda rows: rows)
        assert scored(account).status == 500


def test_what_is_not_there_is_told_with_what_is_like_it(account: Account) -> None:
    with pytest.raises(InvalidInput, match="did you mean `sagemaker`"), serving("sagemake", {}):
        pass
    with pytest.raises(NotFound, match="did you mean `churn`"):
        account.delete("chrun")
    with pytest.raises(InvalidInput, match="did you mean `throttled`"):
        account.faults.add("throttle")  # type: ignore[arg-type]  # as one might mistype it
    with pytest.raises(InvalidInput, match="no auth `password`"), serving("http", {}, auth="password"):
        pass
    with (
        pytest.raises(InvalidInput, match="did you mean `labels`"),
        serving("http", {"churn": Served(predict=churn, container="label")}),
    ):
        pass
    with pytest.raises(InvalidInput, match="1 classes"):
        Served(predict=churn, classes=(1,))
