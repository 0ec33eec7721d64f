"""Records to test with."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa

from muster.records import (
    Alias,
    Chunk,
    Counter,
    DatasetRecord,
    Environment,
    Lease,
    MetricRecord,
    Model,
    Probe,
    Progress,
    Reading,
    Record,
    Run,
    Version,
    new_id,
    now,
)
from muster.signature import Column, Output, Parameter, Signature, TensorSpec
from muster.store import RecordStore

__all__ = ["a_model", "a_version", "an_alias", "insert", "one_of_each"]

_START = datetime(2026, 11, 21, 8, 30, 0, 123456, UTC)


def a_model(name: str, number: int = 0, **fields: Any) -> Model:
    """A binary model; the larger its number, the later it was made."""
    at = _START + timedelta(microseconds=number)
    model = Model(id=new_id(), name=name, task="binary", created_at=at, created_by="ada", updated_at=at)
    return replace(model, **fields)


def a_version(model: str, number: int, **fields: Any) -> Version:
    """A version that takes one number."""
    version = Version(
        id=new_id(),
        model=model,
        number=number,
        origin="python",
        source="model.py",
        task="binary",
        signature=Signature((Column("x", pa.float64()),)),
        output=Output("binary", pa.string(), ("no", "yes"), probabilities=True),
        reading=Reading(label="predict"),
        digest=hashlib.sha256(f"{model}:{number}".encode()).hexdigest(),
        created_at=_START,
        created_by="ada",
    )
    return replace(version, **fields)


def an_alias(model: str, name: str, number: int) -> Alias:
    """An alias of a version that need not be there."""
    return Alias(model=model, name=name, number=number, set_at=_START, set_by="ada")


def one_of_each() -> Sequence[Record]:
    """One of each kind, with a value in every field."""
    version = _full_version()
    run = _full_run(version)
    return (
        a_model("churn", target="late", classes=(True, False), description="d", tags={"team": "ops"}),
        version,
        an_alias("churn", "champion", 3),
        Counter(name="version/churn", last=3),
        run,
        Progress(run=run.id, rows=5, rejected=1, total=10, cancel=True, updated_at=now()),
        Lease(run=run.id, owner="host/1", token=2, until=now()),
        Chunk(run=run.id, part=0, index=1, start=9, length=2, rejected=1, last=True, file="f", digest="d", profile="p"),
        _full_dataset(),
        _full_metric(),
    )


def _full_version() -> Version:
    columns = (
        Column("när", pa.timestamp("us", tz="UTC"), required=False),
        Column("t", pa.list_(pa.float32()), nullable=False, tensor=TensorSpec("float32", (-1, 3))),
    )
    return a_version(
        "churn",
        3,
        target="late",
        signature=Signature(columns, (Parameter("k", pa.int64(), 3, many=False),), positional=True),
        reading=Reading(probabilities=("p",), activation="softmax", classes=("yes", "no")),
        threshold=0.3,
        size=1 << 40,
        load={"loader": "python", "nested": [{"a": None, "b": [1, 2.5, "ü", True]}]},
        environment=Environment(python="3.11", lock="0" * 64, key="k", requirements=("a==1",), notes=("n",)),
        probe=Probe(
            rows=3,
            source="sample",
            seconds_to_load=1e-7,
            seconds_to_predict=2.0,
            python="3.11.7",
            libraries={"scikit-learn": "1.9.1"},
            raw={"predict": "int64"},
            first=({"x": None}, [1]),
        ),
        description="line\nline",
        tags={"team": "ops", "": "ünï"},
        notes=("a", "b"),
    )


def _full_run(version: Version) -> Run:
    return Run(
        id=new_id(),
        kind="score",
        status="done",
        model="churn",
        number=3,
        version_digest=version.digest,
        input="a.parquet",
        fingerprint="f",
        output="out",
        rejects="r",
        settings={"keep": ["a"]},
        casts=("x: int64 to double",),
        rows=10,
        rejected=1,
        seconds=0.1,
        timings={"read": 1e16},
        summary={"p": {"q": 1e-9}},
        error="e",
        hint="h",
        created_at=now(),
        created_by="ada",
        ended_at=now(),
    )


def _full_dataset() -> DatasetRecord:
    return DatasetRecord(
        name="flights",
        uri="flights.parquet",
        schema=({"name": "x", "type": "double"},),
        rows=9,
        fingerprint="f",
        description="d",
        tags={"k": "v"},
        created_at=now(),
        created_by="ada",
    )


def _full_metric() -> MetricRecord:
    return MetricRecord(
        id=new_id(),
        name="profit",
        number=2,
        kind="batch",
        title="Profit",
        better="higher",
        within=(-1.5, 1e300),
        source="profit.py",
        digest="1" * 64,
        size=9,
        load={"loader": "metric"},
        environment=Environment(python="3.11", lock="0" * 64, key="k"),
        notes=("n",),
        created_at=now(),
        created_by="ada",
    )


def insert(store: RecordStore, *records: Record) -> None:
    """Store all in one transaction."""
    with store.transaction("ada") as tx:
        for record in records:
            tx.insert(record)
