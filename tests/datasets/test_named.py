"""What connections to data name, without anybody being asked."""

from __future__ import annotations

import pickle
from typing import Any

import pytest

from muster.datasets.named import NAMED, rivals
from muster.datasets.object_named import named_place
from muster.datasets.sql_source import source
from muster.records import DATA_KINDS, Connection, now

CONNECTIONS: dict[str, tuple[str, dict[str, Any]]] = {
    "lake": ("objects", {"url": "s3://acme/lake", "key_id": "AKIA", "secret": "env:LAKE", "region": "eu-west-1"}),
    "minio": ("objects", {"url": "s3://acme", "endpoint_url": "https://minio.example/"}),
    "blobs": ("objects", {"url": "az://acme", "account": "one", "key": "env:BLOBS"}),
    "warehouse": ("sql", {"url": "postgresql://ada@host/db?sslmode=require", "password": "env:WAREHOUSE"}),
}


def find(name: str) -> Connection:
    kind, settings = CONNECTIONS[name]
    return Connection(name=name, kind=kind, settings=settings, created_at=now(), created_by="ada")


def test_every_kind_is_known() -> None:
    assert tuple(NAMED) == DATA_KINDS


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("objects:lake", "s3://acme/lake"),
        ("objects:lake/", "s3://acme/lake/"),
        ("objects:lake/a/b.csv", "s3://acme/lake/a/b.csv"),
        ("objects:minio", "s3://acme"),
        ("objects:minio/a/", "s3://acme/a/"),
    ],
)
def test_a_place_has_the_name_by_which_it_was_opened(name: str, place: str) -> None:
    found = named_place(name, find(name.partition(":")[2].partition("/")[0]))
    assert (str(found), found.url) == (name, place)
    assert str(found.below("x")) == f"{name.rstrip('/')}/x"


def test_what_goes_to_other_processes_has_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LAKE", "WAREHOUSE"):
        monkeypatch.setenv(name, "hush")
    table = source("sql:warehouse?table=t", {}, ("table",), find("warehouse"))
    place = named_place("objects:lake/x", find("lake"))
    assert place.access is not None
    assert (table.secrets(), place.access.given()["secret"]) == ({"password": "hush"}, "hush")
    for value in (table, place):
        assert b"hush" not in pickle.dumps(value)
        assert pickle.loads(pickle.dumps(value)) == value
        assert "env:" not in repr(value)


@pytest.mark.parametrize(
    ("data", "output", "seen"),
    [
        ("objects:lake/in/*.csv?header=no", "objects:lake/out/", "s3://acme/lake/in/*.csv?header=no"),
        ("objects:lake/in/", "s3://acme/lake/in/", "s3://acme/lake/in/"),
        ("s3://acme/x/", "objects:lake/x/", "s3://acme/x/"),
        ("objects:minio/x/", "objects:lake/x/", None),
        ("s3://acme/x/", "objects:minio/x/", None),
        ("az://acme/x/", "objects:blobs/x/", None),
        ("objects:lake/x/", "out.parquet", "s3://acme/lake/x/"),
        ("x.csv", "objects:lake/x/", "x.csv"),
        (
            "sql:warehouse?table=t&key=n",
            "postgresql://host/db?table=t",
            "postgresql://ada@host/db?sslmode=require&table=t&key=n",
        ),
    ],
)
def test_only_what_is_at_the_same_service_can_be_written_over(
    data: str, output: str, seen: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT", "AZURE_STORAGE_ENDPOINT", "AZURE_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_NAME", "two")
    assert rivals([data], output, find) == ([] if seen is None else [seen])
    monkeypatch.setenv("AWS_ENDPOINT_URL", "https://minio.example")
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_NAME", "one")
    if data.startswith(("s3:", "az:")):
        assert rivals([data], output, find) == ([] if "lake" in output else [data])
