"""Schemata of rows, which models on Vertex AI have in Cloud Storage."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from muster.connecting import Options
from muster.endpoint import Endpoint
from muster.predictors.external.exchange import Reply, Request
from muster.predictors.external.gcp import Google
from muster.predictors.external.transport.unreachable import Unreachable
from muster.predictors.external.vertex import Vertex
from muster.predictors.external.vertex_schema import signature_of_models

SCHEMA = b"""
title: Customer
type: object
required: [age]
properties:
  age: {type: integer, format: int64}
  city: {type: string}
"""


class Storage:
    """Objects by name, and what was asked for."""

    def __init__(self, **objects: bytes) -> None:
        self.objects, self.asked = objects, list[Request]()

    def __call__(self, request: Request, seconds: float) -> Reply:
        self.asked.append(request)
        body = self.objects.get(request.url.rpartition("/")[2].removesuffix(".yaml"))
        return Reply(404, {}, b"") if body is None else Reply(200, {}, body)


def _model(place: str) -> dict[str, Any]:
    return {"predictSchemata": {"instanceSchemaUri": place}}


def test_columns_are_those_of_the_schema() -> None:
    storage = Storage(row=SCHEMA)
    found = signature_of_models([_model("gs://models/a b/row.yaml")], storage, {"authorization": "Bearer t"})
    assert found is not None
    assert [(c.name, c.type, c.required) for c in found.columns] == [
        ("age", pa.int64(), True),
        ("city", pa.string(), False),
    ]
    (asked,) = storage.asked
    assert asked.url == "https://storage.googleapis.com/models/a%20b/row.yaml"
    assert asked.headers == {"authorization": "Bearer t"}


@pytest.mark.parametrize(
    "places",
    [
        [],
        [""],
        ["gs://m/gone.yaml"],
        ["https://elsewhere.example/row.yaml"],
        ["gs://m/broken.yaml"],
        ["gs://m/text.yaml"],
        ["gs://m/nested.yaml"],
        ["gs://m/row.yaml", "gs://m/other.yaml"],
        ["gs://m/row.yaml", ""],
    ],
)
def test_what_tells_nothing_that_is_sure(places: list[str]) -> None:
    storage = Storage(
        row=SCHEMA,
        other=SCHEMA.replace(b"city", b"town"),
        broken=b"a: [",
        text=b"only words",
        nested=b"{properties: {a: {type: object}}}",
    )
    assert signature_of_models(map(_model, places), storage, {}) is None
    assert all(r.url.startswith("https://storage.googleapis.com/") for r in storage.asked), "no token goes elsewhere"


def test_storage_that_cannot_be_reached() -> None:
    def send(request: Request, seconds: float) -> Reply:
        raise Unreachable("connect", "it takes no connection")

    assert signature_of_models([_model("gs://m/row.yaml")], send, {}) is None


def test_an_endpoint_has_the_signature_of_its_models(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Not behind a private link, where Cloud Storage is none of its hosts."""
    (tmp_path / "c.json").write_text(
        json.dumps({"type": "authorized_user", "client_id": "i", "client_secret": "s", "refresh_token": "r"})
    )
    monkeypatch.setattr(Google, "headers", lambda self: {"authorization": "Bearer t"})
    model = {"id": "7", "model": "projects/p/locations/r/models/8", "modelVersionId": "1"}

    def send(request: Request, seconds: float) -> Reply:
        told: dict[str, Any] = {"name": "projects/p/locations/r/endpoints/5", "deployedModels": [model]}
        if "/models/" in request.url:
            told = {**_model("gs://m/row.yaml"), "artifactUri": "gs://m"}
        return Reply(200, {}, SCHEMA if "storage" in request.url else json.dumps(told).encode())

    settings = {"region": "r", "project_id": "p", "credentials": str(tmp_path / "c.json")}
    found = Vertex(Options(settings), send).describe(Endpoint("c", "5")).signature
    assert found is not None
    assert found.names == ("age", "city")
    private = Vertex(Options({**settings, "endpoint_url": "https://private"}), send)
    assert private.describe(Endpoint("c", "5")).signature is None
