"""Metrics of the user's own, in the pass over the rows and after it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import numpy as np
import pyarrow as pa

from muster.errors import NotApplicable
from muster.metrics.counted import counted, counted_without
from muster.predictor import Around, Call, OpenPredictor, Predictor
from muster.profile import Rows
from muster.profiles.custom import column_of
from muster.profiles.evaluation import EvaluationProfile
from muster.profiles.judged import Judged, judged
from muster.profiles.keys import Floats
from muster.profiles.question import Question
from muster.profiles.regression import Predicted
from muster.profiles.tally import Classified
from muster.signature import Json

__all__ = ["MetricCode", "OpenCode", "OpenMetered", "check_custom", "tell"]

_TASKS = ("binary", "multiclass", "regression")
_OWN = ("target", "prediction", "probabilities", "weight")
"""What a metric gets of the evaluation, by name. Columns of the data that are called so are kept from it, lest they pass for these."""
_AT_ONCE = 100
"""Profiles that a metric is asked about in one request."""


class MetricCode(Protocol):
    """A metric's code, wherever it runs. MetricFailed names the metric."""

    def values(self, rows: pa.RecordBatch, call: Call) -> pa.Array:
        """One finite double for each row; null where it has none."""
        ...

    def close(self) -> None: ...


OpenCode: TypeAlias = Callable[[], MetricCode]
"""A picklable value that opens a metric's code where it is called."""


def check_custom(question: Question) -> None:
    """NotApplicable where metrics of the user's own cannot be asked."""
    if question.custom and question.output.task not in _TASKS:
        raise NotApplicable(
            f"metrics of your own take no evaluation of the task `{question.output.task}`",
            hint=f"they take {', '.join(_TASKS)}",
        )


@dataclass(frozen=True, slots=True)
class OpenMetered:
    """Opens a predictor whose answers have, beside all else, what metrics give each row."""

    question: Question
    inner: OpenPredictor
    metrics: Mapping[str, OpenCode]

    def __call__(self) -> Predictor:
        return _Metered(self.question, self.inner(), {name: made() for name, made in self.metrics.items()})


class _Metered(Around):
    def __init__(self, question: Question, inner: Predictor, metrics: Mapping[str, MetricCode]) -> None:
        super().__init__(inner)
        self._question, self._metrics = question, metrics

    def predict(self, batch: pa.RecordBatch, call: Call = Call()) -> pa.RecordBatch:
        answer = self._inner.predict(batch, call)
        found = judged(self._question, Rows(batch), answer)
        rows = _evaluated(self._question, batch, found)
        for name, metric in self._metrics.items():
            given = np.full(batch.num_rows, np.nan)
            if rows.num_rows:
                given[found.places] = metric.values(rows, call).to_numpy(zero_copy_only=False)
            answer = answer.append_column(column_of(name), pa.array(given))
        return answer

    def close(self) -> None:
        super().close()
        for metric in self._metrics.values():
            metric.close()


def _evaluated(question: Question, batch: pa.RecordBatch, found: Judged) -> pa.RecordBatch:
    """The rows that count, as a metric gets them: what it gets of the evaluation where there is any, and the columns of the data."""
    measured = found.measured
    columns: dict[str, pa.Array] = {}
    if isinstance(measured, Classified):
        labels = pa.array(question.output.classes, question.output.type)
        columns["target"] = labels.take(pa.array(measured.actual))
        columns["prediction"] = labels.take(pa.array(measured.predicted))
        if found.probabilities is not None:
            flat = np.ascontiguousarray(found.probabilities[found.places]).reshape(-1)
            columns["probabilities"] = pa.FixedSizeListArray.from_arrays(pa.array(flat), len(labels))
    else:
        assert isinstance(measured, Predicted)
        columns["target"], columns["prediction"] = pa.array(measured.actual), pa.array(measured.predicted)
    if measured.weight is not None:
        columns["weight"] = pa.array(measured.weight)
    some = batch if len(found.places) == batch.num_rows else batch.take(pa.array(found.places))
    columns |= {name: some.column(name) for name in batch.schema.names if name not in _OWN}
    return pa.RecordBatch.from_arrays(list(columns.values()), names=list(columns))


def tell(profile: EvaluationProfile, metrics: Mapping[str, OpenCode], call: Call) -> None:
    """Ask the metrics over profiles about this one, about it without each fold, and about each part of the rows."""
    asked = profile.custom.of_profiles
    if not asked:
        return
    question = profile.question
    whole = [counted(profile.whole, question), *counted_without(profile.whole, question)]
    parts = [(s, v) for s, values in profile.segments.items() for v in sorted(values)]
    documents = whole + [counted(profile.segments[s][v], question) for s, v in parts]
    told = np.stack([_asked(metrics[m.name], documents, call) for m in asked])
    profile.custom.told = told[:, : len(whole)]
    for n, (segment, value) in enumerate(parts, len(whole)):
        profile.custom.told_parts.setdefault(segment, {})[value] = told[:, n]


def _asked(opened: OpenCode, documents: Sequence[dict[str, Json]], call: Call) -> Floats:
    code = opened()
    try:
        texts = [json.dumps(d, allow_nan=False) for d in documents]
        batches = [pa.record_batch({"profile": texts[n : n + _AT_ONCE]}) for n in range(0, len(texts), _AT_ONCE)]
        return np.concatenate([code.values(b, call).to_numpy(zero_copy_only=False) for b in batches])
    finally:
        code.close()
