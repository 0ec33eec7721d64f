"""Servers of the Open Inference Protocol, which differ: KServe, MLServer, Triton, and those that speak the first protocol alone."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from muster.connecting import Options
from muster.errors import InvalidInput, NotFound, SourceDenied
from muster.predictors.external.exchange import Answer, Payload, Refusal, Reply, Request
from muster.predictors.external.openinference import OpenInference, _request, _signature
from muster.testing.endpoints import Account, Deployed, Models
from tests.predictors.external.providers.helpers import MODEL, Case, Client, account_of, asking, reply

_INPUTS = [{"name": n, "shape": [1, 1], "datatype": "FP64", "data": [v]} for n, v in (("age", 41.0), ("visits", 2.0))]
ROWS = Payload(json.dumps({"id": "1", "inputs": _INPUTS}).encode(), "application/json")


@pytest.mark.parametrize("auth", ["none", "basic", "bearer", "api-key", "mtls"])
def test_each_way_in(monkeypatch: pytest.MonkeyPatch, auth: str) -> None:
    with account_of("openinference", monkeypatch, auth=auth) as client, asking(client, ROWS) as asked:
        asked.answer()
        assert [s.name for s in client.steps("churn") if s.name != "TLS"] == ["name", "login", "permission", "endpoint"]


def test_a_wrong_secret_fails_the_permission(monkeypatch: pytest.MonkeyPatch) -> None:
    with account_of("openinference", monkeypatch, auth="bearer") as client:
        monkeypatch.setenv("ENDPOINT_SECRET", "geheim-geheim")
        told = client.failed()
        assert told.name == "permission"
        assert "geheim" not in repr(told)
        assert isinstance(client.refused(), SourceDenied)


@pytest.mark.parametrize("server", ["kserve", "mlserver", "triton"])
def test_each_server(monkeypatch: pytest.MonkeyPatch, server: str) -> None:
    models: Models = {"churn": {"1": MODEL, "2": MODEL}, "prices": Deployed(variants={"1": MODEL}, status="loading")}
    with account_of("openinference", monkeypatch, models, server=server) as client:
        found = {e.name: e for e in client.discover()}
        assert set(found) == {"churn", "prices"}, "a model is listed once, whatever its versions"
        assert (found["churn"].status, found["prices"].status) == ("ready", "not ready")
        if server != "kserve":
            assert (found["churn"].version, set(found["churn"].variants)) == ("1, 2", {"1", "2"})
        assert [e.name for e in client.discover("ric")] == ["prices"]
        with asking(client, ROWS) as asked:
            answer = asked.answer()
            assert (answer.served_by is None) == (server == "kserve")
        assert {s.name: s.told for s in client.steps()}["permission"].startswith(server)
        missing = client.failed("chrun")
        assert missing.name == "endpoint"
        with pytest.raises(NotFound, match="chrun"):
            client.describe("chrun")
        assert client.failed("prices").told == "the endpoint is not in service: not ready"
        with pytest.raises(InvalidInput, match="the endpoint has no name"):
            client.describe(None)


def test_a_version_is_asked_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    with account_of("openinference", monkeypatch, {"churn": {"1": MODEL, "2": MODEL}}, server="triton") as client:
        told = client.describe(variant="2")
        assert told.route == {"path": "/v2/models/churn/versions/2/infer"}
        with asking(client, ROWS, "churn", "2") as asked:
            assert asked.answer().served_by == "2"
        whole = client.describe().configuration
        client.account.update("churn", {"1": MODEL, "2": MODEL, "3": MODEL})
        assert client.describe(variant="2").configuration == told.configuration, "another version beside it"
        assert client.describe().configuration != whole


def test_types_and_shapes_are_what_the_metadata_say(monkeypatch: pytest.MonkeyPatch) -> None:
    model = replace(MODEL, columns=("age", "city"), types={"city": "string"})
    models: Models = {"churn": model, "matrix": Deployed(variants={"1": MODEL}, options={"inputs": "matrix"})}
    with account_of("openinference", monkeypatch, models) as client:
        told = client.describe()
        assert told.signature is not None
        assert [(c.name, c.type) for c in told.signature.columns] == [("age", pa.float64()), ("city", pa.string())]
        assert told.request == {"format": "oip-v2", "tensors": "columns", "column_rank": "2"}
        matrix = client.describe("matrix")
        assert matrix.signature is None
        assert matrix.request == {"format": "oip-v2", "input": "input-0", "datatype": "FP64"}
        assert client.describe().configuration == told.configuration
        client.account.update("churn", {"1": MODEL})
        assert client.describe().configuration != told.configuration


def test_tensors_that_no_column_has() -> None:
    assert _signature([{"name": "x", "datatype": "FP8", "shape": [-1]}]) is None
    assert _signature([]) is None
    found = _signature(
        [{"name": "image", "datatype": "FP32", "shape": [-1, 2, 2]}, {"name": "n", "datatype": "BOOL", "shape": [-1]}]
    )
    assert found is not None
    assert found.columns[0].tensor is not None
    assert found.columns[0].tensor.shape == (-1, 2, 2)
    assert found.columns[1].type == pa.bool_()
    assert _request([{"name": "n", "shape": [-1]}]) == {"format": "oip-v2", "tensors": "columns", "column_rank": "1"}
    assert _request([]) == "auto"


def _of_first(told: dict[str, Any]) -> OpenInference:
    """A server that speaks the first protocol alone, and says this of its model."""

    def send(request: Request, seconds: float) -> Reply:
        known = request.url.endswith("/v1/models/churn")
        return Reply(200 if known else 404, {}, json.dumps(told if known else {"error": "Not Found"}).encode())

    return OpenInference(Options({"url": "https://h"}), send)


def test_the_first_protocol_alone() -> None:
    from muster.endpoint import Endpoint

    there = Endpoint("c", "churn")
    ready, waiting = (_of_first({"name": "churn", "ready": r}).describe(there) for r in (True, False))
    assert ready.route == {"path": "/v1/models/churn:predict"}
    assert (ready.status, ready.serves) == ("ready", True)
    assert (waiting.status, waiting.serves) == ("not ready", False)
    assert ready.configuration == waiting.configuration == {"name": "churn"}, "that it is ready is no other model"
    states = [{"version": "2", "state": "AVAILABLE", "status": {"error_code": "OK"}}, {"version": "1", "state": "END"}]
    tensorflow = _of_first({"model_version_status": states}).describe(there)
    assert (tensorflow.configuration, tensorflow.serves) == ({"versions": ["2"]}, True)
    with pytest.raises(NotFound):
        _of_first({}).describe(Endpoint("c", "other"))
    with pytest.raises(NotFound, match="does not list what it serves"):
        list(_of_first({}).discover())


CASES = {
    "400": Case(400, {"error": "wrong shape"}, "rows", "wrong shape"),
    "400 of Triton": Case(
        400,
        {"error": "Request for unknown model: 'x' is not found"},
        "missing",
        "Request for unknown model: 'x' is not found",
    ),
    "422": Case(422, {"detail": [{"msg": "Field required"}]}, "rows", "Field required"),
    "500 of a model": Case(500, {"error": "ValueError : no age"}, "rows", "ValueError : no age"),
    "500 without words": Case(500, b"Internal Server Error", "unavailable", "Internal Server Error"),
    "404": Case(404, {"error": "Model with name x does not exist."}, "missing", "Model with name x does not exist."),
    "501": Case(
        501, {"error": "Model versioning not supported yet."}, "missing", "Model versioning not supported yet."
    ),
    "503": Case(503, {"error": "not ready"}, "unavailable", "not ready"),
    "429": Case(429, {"error": "many"}, "throttled", "many"),
    "401": Case(401, b"Unauthorized", "expired", "Unauthorized"),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_refusals(case: Case) -> None:
    with Client(Account("openinference", Path(), 2), {"url": "https://h"}).opened() as (provider, _):
        assert provider.read(reply(case)) == Refusal(case.kind, case.said, case.wait)


def test_an_answer() -> None:
    with Client(Account("openinference", Path(), 2), {"url": "https://h"}).opened() as (provider, _):
        body = b'{"model_name": "churn", "model_version": "2", "outputs": []}'
        assert provider.read(Reply(200, {}, body)) == Answer(body, "", "2")
