"""An origin whose models take no environment and no worker, for tests of what happens around a registration."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa

from muster.errors import InvalidInput
from muster.predictor import Description, Draft, Finding, Predictor, Site
from muster.records import Probe, Reading, Version
from muster.signature import Column, Output, Signature


class QuickOrigin:
    """Claims folders with a `quick.json`, whose `must` names what has to be declared."""

    name = "quick"

    def claims(self, source: object) -> bool:
        return isinstance(source, Path) and (source / "quick.json").is_file()

    def describe(self, source: object, scratch: Path) -> Description:
        assert isinstance(source, Path)
        told = json.loads((source / "quick.json").read_text())
        if told.get("must") == "break":
            raise ZeroDivisionError("a defect")
        return Description(source=str(source), specification=told)

    def probe(self, draft: Draft, site: Site, sample: pa.Table | None) -> Finding:
        if draft.description.specification.get("must") == "task" and draft.declared.task is None:
            raise InvalidInput("the model does not tell its task", hint="declare task=")
        return Finding(
            task="regression",
            target=None,
            signature=Signature((Column("x", pa.float64()),)),
            output=Output("regression", pa.float64()),
            reading=Reading(value="x"),
            probe=Probe(rows=0, source="none", seconds_to_load=0.0, seconds_to_predict=0.0, python="3.11"),
        )

    def open(self, version: Version, site: Site, workers: int = 1) -> Predictor:
        raise AssertionError("nothing is predicted with it")
