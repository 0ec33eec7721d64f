"""Reported models: they run where Muster cannot ask them, and send in what they predicted."""

from __future__ import annotations

import os
from pathlib import Path

import pyarrow as pa

from muster.classes import one_type
from muster.errors import InvalidInput, InvalidModel, NotApplicable
from muster.predictor import Declared, Description, Draft, Finding, Predictor, Site
from muster.predictors.local.classes import type_of
from muster.predictors.local.completing import complete
from muster.records import Probe, Reading, Version
from muster.signature import CLASSIFICATION, Output, Task

__all__ = ["ReportedOrigin"]


class ReportedOrigin:
    """Claims nothing of itself: any text may say where such a model runs, so that the origin is named."""

    name = "reported"

    def claims(self, source: object) -> bool:
        return False

    def describe(self, source: object, scratch: Path) -> Description:
        location = os.fspath(source) if isinstance(source, (str, os.PathLike)) else ""
        if not location.strip():
            raise InvalidModel(
                "a reported model says where it runs, and this one does not",
                hint="give a few words in place of a source: 'on the mainframe in Lyon'",
            )
        return Description(
            source=location,
            specification={"format": "muster.reported/1", "location": location},
            load={"reported": True},
        )

    def probe(self, draft: Draft, site: Site, sample: pa.Table | None) -> Finding:
        """Nothing is asked: what it takes and gives is what is declared."""
        declared, description = draft.declared, draft.description
        signature = complete({}, declared, description, None if sample is None else sample.schema, None)
        output = _output(declared)
        return Finding(
            task=output.task,
            target=declared.target,
            signature=signature,
            output=output,
            reading=Reading(),
            probe=Probe(rows=0, source="none", seconds_to_load=0.0, seconds_to_predict=0.0, python=""),
            specification={"signature": signature.to_json(), "output": output.to_json()},
        )

    def open(self, version: Version, site: Site, workers: int = 1) -> Predictor:
        raise NotApplicable(
            f"`{version.ref}` is reported: it runs {version.source}, where Muster cannot ask it",
            hint="score there, and evaluate what it scored",
        )


def _output(declared: Declared) -> Output:
    task: Task | None = declared.task
    if task is None:
        raise InvalidInput("what a reported model answers is not told", hint="declare its task")
    if task in CLASSIFICATION:
        if len(declared.classes) < 2:
            raise InvalidInput(
                "the classes of a reported model are not told",
                hint="declare them in order; in binary the positive one last",
            )
        classes = one_type(declared.classes)
        kind = pa.list_(pa.bool_(), len(classes)) if task == "multilabel" else type_of(classes)
        return Output(task, kind, classes, probabilities=True)
    if task == "regression":
        return Output(task, pa.float64())
    raise InvalidInput(
        f"a reported model cannot have the task {task}",
        hint="report binary, multiclass, multilabel or regression models",
    )
