"""Endpoints whose provider has batch jobs, a model of theirs, and what the tests of both look at."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import muster
from muster.hub import Hub
from muster.objects.bucket import bucket_of
from muster.objects.place import Place
from muster.records import Run
from muster.testing.endpoints import Account, Served, serving
from muster.testing.endpoints.jobs import Job
from tests.suites.endpoints import COLUMNS, TRUTH, predict, rows

__all__ = [
    "CONTAINERS",
    "KINDS",
    "OPTIONS",
    "age",
    "connected",
    "left",
    "name_of",
    "numbered",
    "numbers_of",
    "rejected",
    "scored",
    "table",
    "until",
    "with_refused",
    "without",
]  # fmt: skip

KINDS = ("sagemaker", "vertex")
OPTIONS: dict[str, dict[str, Any]] = {"sagemaker": {}, "vertex": {"storage": "s3"}}
CONTAINERS = {"sagemaker": "xgboost", "vertex": "custom-probabilities"}


@contextmanager
def connected(hub: Hub, kind: str, folder: str, patch: pytest.MonkeyPatch, **changes: Any) -> Iterator[Account]:
    served = Served(**{"predict": predict, "columns": COLUMNS, "container": CONTAINERS[kind], **changes})
    with serving(kind, {"churn": served}, **OPTIONS[kind]) as account:
        for name, value in account.environ.items():  # the server of S3 takes every key
            patch.setenv(name, value)
        hub.connect("c", kind, batch_folder=folder, **dict[str, Any](account.settings))
        hub.register("churn", muster.Endpoint("c", "churn"), task="binary", target=TRUTH, classes=[0, 1], sample=rows())
        yield account


def left(folder: str) -> list[str]:
    place = Place.parse(folder)
    return [e.place.key for e in bucket_of(place).list(place.folder)]


def scored(hub: Hub, data: Path, to: Path, via: str, **more: Any) -> Run:
    return hub.score("churn", data, to, keep=["n"], via=via, **more)


def numbered(table: pa.Table) -> pa.Table:
    return table.append_column("n", pa.array(range(table.num_rows)))


def table(path: Path) -> pa.Table:
    return pq.read_table(path)


def rejected(run: Run) -> list[dict[str, Any]]:
    assert run.rejects is not None
    return [json.loads(line) for line in Path(run.rejects).read_text().splitlines()]


def until(true: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.05)


def name_of(job: Job) -> str:
    return str(job.asked.get("TransformJobName") or job.asked["displayName"])


def with_refused(path: Path, count: int, refused: Sequence[int]) -> Path:
    """People of whom some are of an age that the model does not take."""
    people = numbered(rows(count, seed=9))
    ages = people["age"].to_pylist()
    for n in refused:
        ages[n] = -1.0
    pq.write_table(people.set_column(0, "age", pa.array(ages)), path)
    return path


def numbers_of(path: Path) -> list[int]:
    return [int(n) for n in table(path)["n"].to_pylist()]


def without(count: int, bad: Sequence[int]) -> list[int]:
    return [n for n in range(count) if n not in bad]


def age(row: Any) -> float:
    return float(row["age"] if isinstance(row, dict) else row[0])
