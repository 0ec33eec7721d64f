"""What an evaluation asks of data, from what a person asks: of a version, or of predictions that stand in the data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import pyarrow as pa

from muster.dataset import Dataset
from muster.errors import InvalidInput
from muster.evaluation.asking import Asked, columns_sampled, columns_wanted, interval_of, outputs_of, question
from muster.evaluation.asking_several import SEVERAL, Given, is_several, named, question_of_several, scored_several
from muster.evaluation.metering import check_custom
from muster.evaluation.segmenting import Sample
from muster.profiles.question import Question
from muster.records import Version
from muster.registry.custom_metrics import CustomMetrics, asked_for
from muster.registry.evaluation_job import EvaluateRequest, threshold_of, told_by
from muster.registry.registry import Registry, check_calls
from muster.registry.scoring_job import ScoreTools, declared
from muster.scoring.small import head
from muster.scoring.spread import spread

__all__ = ["Questioning"]

_HEAD = 10_000
"""Rows that are looked at before anything is counted."""


@dataclass(frozen=True, slots=True)
class Questioning:
    registry: Registry
    tools: ScoreTools
    metrics: CustomMetrics

    def dataset(self, uri: str, version: Version | None, mapping: Mapping[str, str]) -> Dataset:
        """With the types that a version declares for its columns."""
        dataset = self.tools.open_dataset(uri)
        return dataset if version is None else declared(dataset, version, mapping)

    def question(
        self, request: EvaluateRequest, version: Version | None, dataset: Dataset
    ) -> tuple[Question, tuple[str, ...], tuple[str, ...]]:
        """What is asked, the columns that the version takes, and how they are cast."""
        asked = told_by(request.asked, version, self.registry)
        asked = replace(asked, texts=self.tools.texts if asked.texts is None else asked.texts)
        scored = version is None or bool(asked.prediction or asked.predictions or asked.probabilities)
        if scored:
            _check_unasked(request)
        inputs = [] if version is None or scored else [request.mapping.get(c.name, c.name) for c in version.signature]
        names = dataset.names
        if version is not None and version.task in SEVERAL:
            asked = named(asked, version.output, names, told=_told_target(request.asked))
        first = head(dataset, _HEAD, columns_wanted(asked, names, inputs))
        sample = _sampled(dataset, asked, first)
        if version is not None and not scored:
            check_calls(version)
            fit = self.tools.fit(_in_order(names, first.schema), version.signature, request.mapping)
            if version.task in SEVERAL:
                found = question_of_several(
                    asked, version.output, first, names, Given(), inputs=fit.columns, sample=sample
                )
                return found, fit.columns, fit.casts
            found = question(asked, version.output, first, names, inputs=fit.columns, sample=sample)
            return self._with_metrics(found, request), fit.columns, fit.casts
        if is_several(asked, first):
            output, given = scored_several(asked, first, None if version is None else version.output)
            asked = named(asked, output, names, told=_told_target(asked))
            found = question_of_several(asked, output, first, names, given, sample=sample)
            return self._with_metrics(found, request), (), ()
        output, prediction, probabilities = outputs_of(asked, first)
        if prediction is None and version is not None:
            asked = replace(asked, threshold=threshold_of(request, version))
        interval = interval_of(asked, output.task, names)
        found = question(
            asked,
            output,
            first,
            names,
            prediction=prediction,
            probabilities=probabilities,
            interval=interval,
            sample=sample,
        )
        return self._with_metrics(found, request), (), ()

    def _with_metrics(self, found: Question, request: EvaluateRequest) -> Question:
        asked = replace(found, custom=asked_for(self.metrics, request.metrics))
        check_custom(asked)
        return asked


def _check_unasked(request: EvaluateRequest) -> None:
    """InvalidInput where something is said to a model that is not asked: its predictions stand in the data."""
    parameters = [f"the parameter `{name}`" for name in request.params]
    mapped = [f"the mapping of `{name}`" for name in request.mapping] if request.reference is None else []
    if parameters or mapped:
        raise InvalidInput(
            f"no model is asked, as the data are scored already: {', '.join(parameters + mapped)} would change nothing",
            hint="leave these out, or name a version and no columns of predictions",
        )


def _sampled(dataset: Dataset, asked: Asked, first: pa.Table) -> Sample:
    """With rows from all over the data, of columns that are to be cut: the first rows of data in order would tell little."""
    columns = columns_sampled(asked, first, dataset.names)
    return Sample(first, *spread(dataset, columns, _HEAD)) if columns else Sample(first)


def _told_target(asked: Asked) -> bool:
    return bool(asked.target or asked.targets)


def _in_order(names: Sequence[str], known: pa.Schema) -> pa.Schema:
    """All names of the data, so that a missing column's message can tell near ones; those not looked at have no type."""
    return pa.schema([known.field(n) if n in known.names else pa.field(n, pa.null()) for n in names])
