"""What could give wrong figures that look right: classes and columns whose places alone tell what they are, and places that move."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

import muster
from muster.errors import InvalidInput, SourceError
from muster.hub import Hub
from muster.records import Run, StoredAnswer, now
from muster.testing.endpoints import Account, Container, Served, Told, serving
from muster.testing.endpoints.refusal import Malformed
from muster.testing.endpoints.server import Incoming
from tests.suites.endpoints import COLUMNS, KINDS, TRUTH, account_of, endpoint_of, predict, rows

Write = Callable[[Told], tuple[str, bytes]]


def matrix(incoming: Incoming, served: Served) -> list[Any]:
    """Rows as lists of values, without names."""
    body = json.loads(incoming.body) if incoming.body.startswith(b"{") else {}
    if not all(isinstance(row, list) for row in body.get("instances", [None])):
        raise Malformed("give a matrix as `instances`")
    return list(body["instances"])


def as_json(of: Callable[[Any], object]) -> Write:
    return lambda told: ("application/json", json.dumps([of(o) for o in told.outcomes]).encode())


def as_csv(of: Callable[[Any], Sequence[object]]) -> Write:
    return lambda told: ("text/csv", "\n".join(",".join(map(str, of(o))) for o in told.outcomes).encode())


@contextmanager
def asked(hub: Hub, write: Write, read: Any = matrix, **changes: Any) -> Iterator[Account]:
    """A connection `c` to an endpoint that takes a matrix and answers as it is told."""
    given: dict[str, Any] = {"predict": predict, "columns": COLUMNS, "container": Container(read, write), **changes}
    with serving("http", {"churn": Served(**given)}) as account:
        hub.connect("c", "http", **dict[str, Any](account.settings))
        yield account


def register(hub: Hub, model: str = "churn", **more: Any) -> Any:
    given: dict[str, Any] = {"task": "binary", "target": TRUTH, "classes": [0, 1], "sample": rows(), **more}
    return hub.register(model, muster.Endpoint("c"), **given)


def both(outcome: Any) -> list[float]:
    return list(outcome.probabilities)


@pytest.mark.parametrize("write", [as_csv(both), as_json(both)], ids=["csv", "json"])
def test_numbers_without_names_are_held_against_the_truth(hub: Hub, write: Write) -> None:
    with asked(hub, write):
        assert register(hub).load["order"]["classes"]["verdict"] == "supported"
        with pytest.raises(InvalidInput, match="better in another order of the classes"):
            register(hub, "turned", classes=[1, 0])


def test_codes_are_held_against_the_truth(hub: Hub) -> None:
    words = rows()
    words = words.set_column(2, TRUTH, pa.array(["yes" if v else "no" for v in words.column(TRUTH).to_pylist()]))
    with asked(hub, as_json(lambda o: int(o.prediction))):
        right = register(hub, classes=["no", "yes"], sample=words)
        assert right.load["order"]["classes"]["verdict"] == "supported"
        with pytest.raises(InvalidInput, match="better in another order of the classes"):
            register(hub, "turned", classes=["yes", "no"], sample=words)


def test_classes_in_the_wrong_order_are_not_taken_for_columns(hub: Hub) -> None:
    with asked(hub, as_json(both)), pytest.raises(InvalidInput, match="another order of the classes") as error:
        register(hub, classes=[1, 0])
    assert "changed places" not in error.value.message


def test_columns_that_changed_places_are_not_taken_for_classes(hub: Hub) -> None:
    """What would be refused for the classes, be declared with those turned, and then seem to be supported."""
    exchanged = rows().select([*reversed(COLUMNS), TRUTH])
    with asked(hub, as_json(both)):
        with pytest.raises(InvalidInput, match="seem to have changed places") as error:
            register(hub, sample=exchanged)
        assert error.value.hint.endswith(f"perhaps {', '.join(COLUMNS)}")
        with pytest.raises(InvalidInput, match="exchanged and the classes in another order") as error:
            register(hub, sample=exchanged, classes=[1, 0])
        assert error.value.hint.endswith(f"perhaps {', '.join(COLUMNS)}, and the classes as `0`, `1`")


@pytest.mark.parametrize("write", [as_json, as_csv], ids=["json", "csv"])
@pytest.mark.parametrize("classes", [(0, 1), (1, 2)])
def test_a_label_and_how_sure_it_is_are_no_probabilities(write: Any, classes: tuple[int, int]) -> None:
    bodies = [[classes[0], 0.9999], [classes[0], 0.9998], [classes[0], 0.9999]]
    told = (
        (json.dumps(bodies), "application/json")
        if write is as_json
        else ("\n".join(f"{a},{b}" for a, b in bodies), "text/csv")
    )
    with pytest.raises(InvalidInput):
        muster.decode(told[0].encode(), content_type=told[1], rows=3, task="binary", classes=list(classes))


def test_equal_endpoints_of_two_servers_are_two_versions(hub: Hub) -> None:
    with asked(hub, as_json(both)):
        assert register(hub).number == 1
        with serving(
            "http", {"churn": Served(predict=predict, columns=COLUMNS, container=Container(matrix, as_json(both)))}
        ) as other:
            hub.connect("d", "http", **dict[str, Any](other.settings))
            given: dict[str, Any] = {
                "task": "binary",
                "target": TRUTH,
                "classes": [0, 1],
                "sample": rows(),
                "if_changed": True,
            }
            assert hub.register("churn", muster.Endpoint("d"), **given).number == 2


def test_traffic_that_moved_answers_for_no_variant(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    kind = KINDS["vertex"]
    with account_of(kind, monkeypatch) as account:
        hub.connect("c", "vertex", **dict[str, Any](account.settings))
        variant = next(iter(next(iter(hub.discover("c"))).variants))
        hub.register(
            "churn", muster.Endpoint("c", "churn", variant), task="binary", target=TRUTH, classes=[0, 1], sample=rows()
        )
        assert hub.predict("churn:1", rows(3)).num_rows == 3
        place = account.places["churn"]
        served = next(iter(place.variants.values()))
        account.update("churn", {"other": served})
        with pytest.raises(SourceError, match="was answered by"):
            hub.predict("churn:1", rows(3))


def wide(told: list[Any]) -> list[list[float]]:
    found = []
    for row in told:
        x = sum(w * float(v) for w, v in zip((3, -2, 1), row, strict=False))
        p = 1 / (1 + np.exp(-x))
        found.append([1 - p, p])
    return found


def test_many_columns_register_and_say_what_was_not_tried(hub: Hub) -> None:
    random = np.random.default_rng(1)
    values = {f"x{i}": random.normal(size=200) for i in range(12)}
    leave = [p > 0.5 for _, p in wide(list(zip(*values.values(), strict=True)))]
    sample = pa.table({**values, TRUTH: [int(v) for v in leave]})
    with asked(hub, as_json(both), predict=wide, columns=tuple(values)):
        version = register(hub, sample=sample)
        order = version.load["order"]["columns"]
        assert order["verdict"] == "not decidable"
        assert "pairs were not tried" in order["reason"]
        assert any("could not be checked" in n for n in version.notes)
        every = register(hub, "all", sample=sample, probe_calls=80)
        assert every.load["order"]["columns"]["verdict"] == "supported"


def test_a_number_by_the_name_of_the_target_goes_first(hub: Hub) -> None:
    sample = rows().set_column(2, "price", pa.array([float(v) for v in rows().column("age").to_pylist()]))
    write = as_json(lambda o: {"price": o.prediction, "score": 0.9})
    with asked(hub, write, predict=lambda told: [float(r[0]) for r in told], task="regression", classes=()):
        version = hub.register("price", muster.Endpoint("c"), task="regression", target="price", sample=sample)
        response: Any = version.load["response"]
        assert response["value"] == "price"
        table = rows(4)
        assert hub.predict("price:1", table).column("prediction").to_pylist() == table.column("age").to_pylist()


def test_a_request_of_one_row_is_one(hub: Hub) -> None:
    def one(incoming: Incoming, served: Served) -> list[Any]:
        return [json.loads(incoming.body)["person"]]

    def alone(told: Told) -> tuple[str, bytes]:
        return "application/json", json.dumps({"p": told.outcomes[0].probabilities[1]}).encode()  # type: ignore[index]

    with asked(hub, alone, read=one) as account:
        version = register(hub, request={"template": {"person": "$record"}}, response={"score": "p"}, sample=rows(40))
        assert version.load["limits"]["rows"] == 1
        before = len(account.calls)
        table = rows(10, seed=8)
        answer = hub.predict("churn:1", table)
        assert len(account.calls) - before == 10
        assert [p[1] for p in answer.column("probabilities").to_pylist()] == pytest.approx(
            [
                p
                for _, p in predict(
                    [list(r) for r in zip(*(table.column(c).to_pylist() for c in COLUMNS), strict=True)]
                )
            ]
        )


def test_a_wait_that_is_out_of_all_proportion_is_not_waited(hub: Hub) -> None:
    with asked(hub, as_json(both)) as account:
        account.faults.add("throttled", wait=86_400)
        with pytest.raises(SourceError, match="86,400 seconds"):
            register(hub)


def test_a_number_that_no_request_can_hold_rejects_its_row(hub: Hub) -> None:
    with asked(hub, as_json(both)):
        register(hub)
        table = rows(4).select(["age", "visits"])
        answer = hub.predict("churn:1", table.set_column(0, "age", pa.array([40.0, float("inf"), 41.0, float("-inf")])))
        assert [e is not None for e in answer.column("error").to_pylist()] == [False, True, False, True]
        assert "`age` is infinite" in answer.column("error")[1].as_py()
        assert answer.column("prediction").is_valid().to_pylist() == [True, False, True, False]


def test_what_is_answered_after_a_run_was_cancelled_is_not_kept(hub: Hub) -> None:
    run = Run(id="01M8KPXA9B73CH21B4AZKSPB0P", kind="score", status="cancelled", created_at=now(), created_by="me")
    with hub._records.transaction("me") as tx:
        tx.insert(run)
    kept = hub._site.answers
    assert kept is not None
    kept.put(StoredAnswer(run=run.id, chunk="0/0", first=0, rows=1, digest="", body="", content_type=""))
    assert not kept.of(run.id, "0/0")


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"url": "https://me:hunter2@x.example/score"}, "has a login in it"),
        ({"url": "https://x.example/score?code=hunter2"}, "an address with a key in it"),
        ({"url": "https://x.example", "proxy": "http://me:hunter2@p:1"}, "has a login in it"),
        (
            {"url": "https://x.example", "headers": '{"X-Api-Key": "hunter2"}'},
            "the header `X-Api-Key` is given as where it is",
        ),
        ({"url": "https://x.example", "secret": "hunter2"}, "is given as where it is"),
    ],
)
def test_a_secret_among_settings_is_refused_and_not_repeated(hub: Hub, settings: dict[str, str], told: str) -> None:
    with pytest.raises(InvalidInput, match=told) as error:
        hub.connect("c", "http", **dict[str, Any](settings))
    assert "hunter2" not in f"{error.value} {error.value.details}"
    assert not list(hub.connections())
    assert endpoint_of(KINDS["http"]).name is None
