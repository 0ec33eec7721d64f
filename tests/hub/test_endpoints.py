"""Endpoints and the hub around them: what is taken up, refused and marked."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pyarrow as pa
import pytest

import muster
from muster.errors import Conflict, InvalidInput, NotApplicable, SourceDenied, SourceError
from muster.hub import Hub
from muster.testing.endpoints import Account, serving
from tests.suites.endpoints import KINDS, TRUTH, Kind, account_of, endpoint_of, predict, probability, rows, served

HTTP = KINDS["http"]


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    with account_of(HTTP, monkeypatch) as account:
        yield account


@pytest.fixture
def there(hub: Hub, account: Account) -> Hub:
    """A hub with the endpoint as `churn:1`."""
    connect(hub, account)
    register(hub, "churn")
    return hub


def connect(hub: Hub, account: Account, name: str = "c", **more: Any) -> None:
    hub.connect(name, account.kind, **{**account.settings, **more})


def register(hub: Hub, model: str, **more: Any) -> Any:
    given: dict[str, Any] = {"task": "binary", "target": TRUTH, "classes": [0, 1], "sample": rows(), **more}
    return hub.register(model, endpoint_of(HTTP), **given)


def leave(answer: pa.Table) -> list[float]:
    return [p[1] for p in answer.column("probabilities").to_pylist()]


def test_a_login_that_is_replaced_is_taken_up_at_once(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    kind = Kind("http", "probabilities", lists=False, served_by=False, named=False, options={"auth": "bearer"})
    with account_of(kind, monkeypatch) as account:
        connect(hub, account)
        register(hub, "churn")
        table = rows(5)
        before = hub.predict("churn:1", table)
        name = str(account.settings["secret"]).removeprefix("env:")
        monkeypatch.setenv("ANOTHER_TOKEN", account.environ[name])
        monkeypatch.setenv(name, "wrong")
        with pytest.raises(SourceDenied):
            hub.predict("churn:1", table)
        connect(hub, account, secret="env:ANOTHER_TOKEN", replace=True)
        assert hub.predict("churn:1", table).equals(before)


def test_a_cap_that_is_raised_holds_at_once(hub: Hub, account: Account) -> None:
    connect(hub, account, price_per_call=1.0)
    register(hub, "churn")
    probes = len(account.calls)
    assert hub.connection_spent("c") == probes, "they are paid as well"
    connect(hub, account, price_per_call=1.0, spend=probes + 3.0, replace=True)
    table = rows(2)
    for _ in range(3):
        hub.predict("churn:1", table)
    with pytest.raises(SourceError, match=rf"used up: {probes + 3}.00 of {probes + 3}.00"):
        hub.predict("churn:1", table)
    connect(hub, account, price_per_call=1.0, spend=probes + 5.0, replace=True)
    assert hub.predict("churn:1", table).num_rows == 2
    hub.close()
    with muster.open(hub.folder) as again:
        assert again.connection_spent("c") == probes + 4.0 == len(account.calls)


def test_probes_keep_to_what_may_be_spent(hub: Hub, account: Account) -> None:
    connect(hub, account, price_per_call=1.0, spend=4.0)
    with pytest.raises(SourceError, match=r"on the connection c is used up: 4.00 of 4.00"):
        register(hub, "churn")
    assert len(account.calls) == 4
    assert hub.connection_spent("c") == 4.0


def test_probes_keep_to_the_rate(hub: Hub, account: Account) -> None:
    connect(hub, account, rate=5.0)
    began = time.time()
    version = register(hub, "churn")
    assert version.probe is not None
    assert len(account.calls) > 5
    assert account.calls[-1].time - began >= (len(account.calls) - 5 - 1) / 5


def test_a_connection_in_use_leads_to_the_same_place_for_ever(there: Hub) -> None:
    with serving("http", {"churn": served(HTTP)}) as elsewhere:
        with pytest.raises(Conflict, match=r"would lead elsewhere .*and is used by churn:1"):
            there.connect("c", "http", **dict[str, Any](elsewhere.settings), replace=True)
        there.delete_version("churn:1", for_good=True)
        there.connect("c", "http", **dict[str, Any](elsewhere.settings), replace=True)


def test_a_later_version_with_other_classes_order_answers_in_the_order_of_the_model(there: Hub) -> None:
    turned = served(HTTP, predict=lambda told: [[p, q] for q, p in predict(told)], classes=(1, 0))
    with ExitStack() as block:
        account = block.enter_context(serving("http", {"churn": turned}))
        there.connect("turned", "http", **dict[str, Any](account.settings))
        version = there.register(
            "churn", muster.Endpoint("turned"), task="binary", target=TRUTH, classes=[1, 0], sample=rows()
        )
        assert version.classes == (0, 1)
        table = rows(20, seed=5)
        wanted = [
            probability(a, v) for a, v in zip(*(table.column(c).to_pylist() for c in ("age", "visits")), strict=True)
        ]
        answer = there.predict("churn:2", table)
        assert leave(answer) == pytest.approx(wanted)
        assert (
            answer.column("prediction").to_pylist() == there.predict("churn:1", table).column("prediction").to_pylist()
        )


def test_columns_that_changed_places_are_refused(hub: Hub, account: Account) -> None:
    connect(hub, account)
    wrong = rows().select(["visits", "age", TRUTH])
    with pytest.raises(InvalidInput, match="`visits` and `age` seem to have changed places") as error:
        register(hub, "churn", sample=wrong)
    assert "age, visits" in error.value.hint
    assert [m.name for m in hub.models()] == ["numbers"]


def test_classes_in_the_wrong_order_are_refused(hub: Hub, account: Account) -> None:
    connect(hub, account)
    with pytest.raises(InvalidInput, match="better in another order of the classes") as error:
        register(hub, "churn", classes=[1, 0])
    assert "`0`, `1`" in error.value.hint


def test_without_a_truth_nothing_is_said_to_be_supported(hub: Hub, account: Account) -> None:
    connect(hub, account)
    version = register(hub, "churn", sample=rows().drop_columns([TRUTH]), target=None)
    order = version.load["order"]
    assert order["columns"]["verdict"] == order["classes"]["verdict"] == "not decidable"
    assert len([n for n in version.notes if "could not be checked" in n]) == 2


def test_probes_keep_to_their_budget(hub: Hub, account: Account) -> None:
    connect(hub, account)
    before = len(account.calls)
    version = register(hub, "churn", probe_calls=9)
    assert len(account.calls) - before <= 9 + 1
    assert version.probe is not None
    assert version.probe.raw["calls"] <= 9
    with pytest.raises(InvalidInput, match=r"were not enough|gave an answer"):
        register(hub, "other", probe_calls=1)


def test_what_was_declared_is_taken_as_it_is(hub: Hub, account: Account) -> None:
    connect(hub, account)
    version = register(hub, "churn", request="instances-list", response={"probabilities": {"list": "0"}})
    assert version.load["request"]["format"] == "instances-list"
    again = register(hub, "other", request=version.load["request"], response=version.load["response"], sample=None,
                     signature={"columns": [{"name": "age", "type": "double"}, {"name": "visits", "type": "double"}]})  # fmt: skip
    table = rows(7)
    assert hub.predict(again.ref, table).equals(hub.predict(version.ref, table))
    assert again.probe.rows == 0


def test_a_silent_swap_is_seen_and_marks_the_version(there: Hub, account: Account) -> None:
    assert there.snapshot("churn:1").changes == ()
    account.swap("churn", lambda told: [[1 - p * 0.9, p * 0.9] for _, p in predict(told)])
    changes = there.snapshot("churn:1").changes
    assert any("`probabilities`" in c for c in changes)
    assert changes[0] in there.version("churn:1").marks[0]
    assert [bool(s.changes) for s in there.snapshots("churn:1")] == [True, False, False]
    assert there.snapshot("churn:1").changes == (), "what was seen once is what is known"
    there.delete_version("churn:1", for_good=True)
    assert "snapshot.removed" in {e.action for e in there.events()}


def test_what_changes_a_little_from_day_to_day_is_seen(there: Hub, account: Account) -> None:
    def shifted(by: float) -> Any:
        return lambda told: [[1 - p - by * (0.5 - p), p + by * (0.5 - p)] for _, p in predict(told)]

    seen = []
    for day in range(1, 7):
        account.swap("churn", shifted(5e-7 * day))
        seen.append(bool(there.snapshot("churn:1").changes))
    assert not seen[0], "a step is within what means the same"
    assert any(seen), "all of them together are not"


def test_noise_of_the_endpoint_is_no_change(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    shakes = iter(range(10**6))

    def noisy(told: list[Any]) -> list[list[float]]:
        shake = 1e-4 * (next(shakes) % 3)
        return [[1 - p - shake * (0.5 - p), p + shake * (0.5 - p)] for _, p in predict(told)]

    with account_of(HTTP, monkeypatch, predict=noisy) as account:
        connect(hub, account)
        register(hub, "churn")
        assert all(hub.snapshot("churn:1").changes == () for _ in range(5))


def test_what_runs_here_has_no_snapshots(hub: Hub) -> None:
    with pytest.raises(NotApplicable, match="runs here"):
        hub.snapshot("numbers:1")


def test_a_connection_in_use_is_not_removed(there: Hub) -> None:
    with pytest.raises(Conflict, match=r"the connection `c` is used by churn:1"):
        there.remove_connection("c")
    there.delete_version("churn:1", for_good=True)
    there.remove_connection("c")
    assert not list(there.connections())


def test_an_endpoint_is_named_by_the_words_of_other_configurations(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    kind = KINDS["sagemaker"]
    with account_of(kind, monkeypatch) as account:
        connect(hub, account)
        given = {"connection": "c", "protocol": "sagemaker", "region": "eu-west-1", "endpoint_name": "churn"}
        declared: dict[str, Any] = {"task": "binary", "target": TRUTH, "classes": [0, 1], "sample": rows()}
        assert hub.register("churn", given, **declared).source == "c/churn"
        with pytest.raises(InvalidInput, match="`region` is 'us-east-1' there"):
            hub.register("churn", {**given, "region": "us-east-1"}, **declared)
        with pytest.raises(InvalidInput, match="endpoint_name and endpoint_id name it"):
            hub.register("churn", {**given, "endpoint_id": "7"}, **declared)


def test_an_origin_that_is_not_the_kind_of_the_connection_is_refused(hub: Hub, account: Account) -> None:
    connect(hub, account)
    with pytest.raises(InvalidInput, match="is of the kind `http`, and not `vertex`"):
        register(hub, "churn", origin="vertex")
