"""Which form an endpoint takes is found out although it fails at those that it does not take, or is down for a while."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

import muster
from muster.errors import SourceUnavailable
from muster.predictor import Declared
from muster.predictors.external.exchange import Answer, Payload, Refusal
from muster.predictors.external.recognition import Wanted, recognised
from muster.signature import Column, Signature
from muster.testing.endpoints import Container, Served, Told, serving
from muster.testing.endpoints.refusal import Malformed
from muster.testing.endpoints.server import Incoming

ROWS = pa.record_batch({"age": [20.0, 30.0, 70.0]})
WANTED = Wanted(
    "http",
    Signature((Column("age", pa.float64()),)),
    {"request": "auto", "response": "auto"},
    Declared(),
    "regression",
    (),
)


def test_a_model_that_fails_at_a_form_is_asked_in_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a container of one's own on Vertex AI does: its 500 is no sign that the endpoint is down."""

    def read(incoming: Incoming, served: Served) -> list[Any]:
        rows = json.loads(incoming.body)["instances"]
        if not all(isinstance(row, list) for row in rows):
            raise Malformed("KeyError: 0", status=500)
        return [row[0] for row in rows]

    def write(told: Told) -> tuple[str, bytes]:
        return "application/json", json.dumps({"predictions": [o.prediction for o in told.outcomes]}).encode()

    def predict(rows: list[Any]) -> list[float]:
        return [age * 0.5 for age in rows]

    model = Served(predict=predict, container=Container(read, write), task="regression")
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", "")
    with serving("vertex", {"halves": model}) as account, muster.open(tmp_path / "hub") as hub:
        for name, value in account.environ.items():
            monkeypatch.setenv(name, value)
        settings: dict[str, Any] = dict(account.settings)
        hub.connect("c", "vertex", **settings)
        sample = pa.table({"age": [20.0, 30.0, 70.0], "plan": ["a", "b", "c"]})
        version = hub.register("halves", muster.Endpoint("c", "halves"), task="regression", sample=sample)
        assert hub.predict("halves:1", sample)["prediction"].to_pylist() == [10.0, 15.0, 35.0]
    assert version.probe is not None
    probes: Any = version.probe.raw["probes"]
    assert [p["request"] for p in probes if not p["passed"]], "one that fails was tried before"


def test_one_that_fails_at_everything_is_asked_patiently_before_it_is_said_to_be_down() -> None:
    asked: list[bytes] = []

    def patiently(payload: Payload) -> Answer | Refusal:
        asked.append(payload.body)
        raise SourceUnavailable("the endpoint does not answer: busy")

    with pytest.raises(SourceUnavailable, match="busy"):
        recognised(lambda _: Refusal("unavailable", "busy"), patiently, ROWS, WANTED)
    assert len(asked) == 1


def test_one_that_comes_back_is_understood() -> None:
    def answering(payload: Payload) -> Answer | Refusal:
        count = payload.body.count(b":") - 1 if b"instances" in payload.body else payload.body.count(b"\n")
        return Answer(str([1.5] * max(count, 1)).encode(), "application/json")

    found = recognised(lambda _: Refusal("unavailable", "busy"), answering, ROWS.slice(0, 1), WANTED)
    assert found.tried[-1].passed
    assert {t.outcome for t in found.tried[:-1]} == {"refused: busy"}


def test_a_refusal_is_never_taken_for_an_endpoint_that_is_down() -> None:
    def never(_: Payload) -> Answer | Refusal:
        raise AssertionError("it was asked again")

    with pytest.raises(muster.MusterError, match="nothing that was sent"):
        recognised(lambda _: Refusal("rows", "no"), never, ROWS, WANTED)
