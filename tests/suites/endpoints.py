"""The kinds of endpoints that suites run over: each with a local server of its own, and the same model behind it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

import muster
from muster.signature import Scalar
from muster.testing.endpoints import Account, Deployed, Served, serving

__all__ = ["KINDS", "TRUTH", "Kind", "account_of", "endpoint_of", "probability", "rows", "served"]

ROWS = 240
COLUMNS = ("age", "visits")
TRUTH = "left"


def probability(age: float, visits: float) -> float:
    return 1 / (1 + math.exp(-(0.08 * (age - 40) - 0.6 * (visits - 3))))


def predict(told: list[Any]) -> list[list[float]]:
    """A row that cannot be: somebody of an age below 0."""
    found = []
    for row in told:
        age, visits = (row[c] for c in COLUMNS) if isinstance(row, dict) else row
        if float(age) < 0:
            raise ValueError(f"nobody is {age} years old")
        leave = probability(float(age), float(visits))
        found.append([1 - leave, leave])
    return found


@dataclass(frozen=True)
class Kind:
    """A kind of connection, what its container speaks, and whether it lists endpoints, gives probabilities, and tells who served."""

    name: str
    container: str = ""
    lists: bool = True
    probabilities: bool = True
    served_by: bool = True
    named: bool = True
    options: Mapping[str, Any] = field(default_factory=dict)
    place: Mapping[str, Any] = field(default_factory=dict)
    """Options of the endpoint."""


KINDS = {
    "sagemaker": Kind("sagemaker"),
    "sagemaker linear-learner": Kind("sagemaker", "linear-learner"),
    "sagemaker async": Kind("sagemaker", served_by=False, place={"async": "s3://answers/churn"}),
    "azureml": Kind("azureml", probabilities=False),
    "vertex": Kind("vertex", probabilities=False),
    "vertex automl": Kind("vertex", "automl"),
    "databricks": Kind("databricks", probabilities=False),
    "openinference": Kind("openinference", probabilities=False, served_by=False),
    "mlflow-server": Kind("mlflow-server", lists=False, probabilities=False, served_by=False, named=False),
    "http": Kind("http", "probabilities", lists=False, served_by=False, named=False),
}


def served(kind: Kind, **changes: Any) -> Served:
    classes: tuple[Scalar, ...] = ("0", "1") if kind.container == "automl" else (0, 1)
    given: dict[str, Any] = {
        "predict": predict,
        "columns": COLUMNS,
        "classes": classes,
        "container": kind.container,
        "target": TRUTH,
    }
    return Served(**{**given, **changes})


@contextmanager
def account_of(kind: Kind, patch: pytest.MonkeyPatch, **changes: Any) -> Iterator[Account]:
    """An account with the endpoint `churn`, and what its users have in their environment."""
    with ExitStack() as block:
        model: Served | Deployed = served(kind, **changes)
        if kind.place:
            model = Deployed(variants={"AllTraffic": served(kind, **changes)}, options=kind.place)
        account = block.enter_context(serving(kind.name, {"churn": model}, **kind.options))
        for name, value in account.environ.items():
            patch.setenv(name, value)
        yield account


def endpoint_of(kind: Kind, connection: str = "c") -> muster.Endpoint:
    return muster.Endpoint(connection, "churn" if kind.named else None)


def rows(count: int = ROWS, seed: int = 3) -> pa.Table:
    """People, and whether they left."""
    random = np.random.default_rng(seed)
    age, visits = random.integers(20, 70, count).astype(float), random.integers(0, 9, count).astype(float)
    leaves = [int(random.random() < probability(a, v)) for a, v in zip(age, visits, strict=True)]
    return pa.table({"age": age, "visits": visits, TRUTH: leaves})
