"""Predictors as users get them: a source that was registered in a hub of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

import muster
from muster.extensions import load
from muster.predictor import OpenPredictor, Origin, Predictor
from muster.records import Version


@dataclass(frozen=True)
class Case:
    """A source, made in an empty folder; rows that it predicts; and what must be declared beside it."""

    make: Callable[[Path], object]
    batch: pa.RecordBatch
    declared: Mapping[str, Any] = field(default_factory=dict)


def origins() -> dict[str, Origin]:
    return {name: load(where)() for name, where in muster.Hub.origins().items()}


def register(case: Case, folder: Path) -> tuple[Version, OpenPredictor]:
    """The version, and what opens the origin's own predictor of it."""
    (folder / "source").mkdir()
    source = case.make(folder / "source")
    with muster.open(folder / "hub") as hub:
        sample = pa.Table.from_batches([case.batch])
        version = hub.register("model", source, sample=sample, environment="current", **case.declared)
        site = hub._site
    origin = origins()[version.origin]

    def open_predictor() -> Predictor:
        return origin.open(version, site)

    return version, open_predictor
