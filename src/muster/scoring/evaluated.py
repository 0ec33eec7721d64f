"""Evaluated rows as columns: what was kept, what was predicted, how right it is, and why a row is in no figure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from muster.dataset import Chunk, Sink, Written
from muster.errors import InvalidInput, NotApplicable
from muster.profile import Rows
from muster.profiles.judged import Judged, judged
from muster.profiles.question import Question
from muster.profiles.regression import Predicted
from muster.profiles.tally import Classified
from muster.scoring.layout import Keep, kept_columns, label_text
from muster.scoring.rejecting import Rejecting, errors_of

__all__ = ["EvaluatedLayout", "EvaluatedWriter", "evaluated_layout"]

_TASKS = ("binary", "multiclass", "regression")


@dataclass(frozen=True, slots=True)
class EvaluatedLayout:
    """The columns that are kept, the target among them or after them; then, each with the prefix, `prediction`, a probability for
    each class, `served_by` where an endpoint tells it, `correct` or `error`, `actual_probability`, and `left_out`.

    Every row of the data is there, in order. How right it is, is told of a row that counts; of the others `left_out` tells why
    they do not, in the words of `EvaluationRecord.left_out`.
    """

    question: Question
    copied: tuple[str, ...]
    schema: pa.Schema
    served: bool = False

    def table(self, chunk: Chunk, answer: pa.RecordBatch) -> pa.Table:
        batch, found = chunk.batch, judged(self.question, Rows(chunk.batch), answer)
        columns = [batch.column(name) for name in self.copied]
        columns += self._predicted(batch, answer, found)
        if self.served:
            told = "served_by" in answer.schema.names
            columns.append(answer.column("served_by") if told else pa.nulls(batch.num_rows, pa.string()))
        columns += self._judged(found, batch.num_rows)
        columns.append(_taken(found.reasons, pa.string(), found.faults))
        fields = zip(columns, self.schema, strict=True)
        table = pa.Table.from_arrays([c.cast(f.type) if c.type != f.type else c for c, f in fields], schema=self.schema)
        return _with_unread(table, chunk) if chunk.faults else table

    def _predicted(self, batch: pa.RecordBatch, answer: pa.RecordBatch, found: Judged) -> list[pa.Array]:
        output = self.question.output
        if output.task == "regression":
            named = self.question.prediction
            return [answer.column("prediction") if named is None else batch.column(named)]
        places = np.where(found.answered, found.predicted, -1).astype(np.int64)
        columns = [_taken(output.classes, output.type, places)]
        if found.probabilities is not None:
            columns += [pa.array(p, mask=~found.answered) for p in found.probabilities.T]
        return columns

    def _judged(self, found: Judged, rows: int) -> list[pa.Array]:
        measured = found.measured
        if isinstance(measured, Predicted):
            return [_spread(measured.predicted - measured.actual, found.places, rows)]
        assert isinstance(measured, Classified)
        columns = [_spread(measured.predicted == measured.actual, found.places, rows)]
        if found.probabilities is not None:
            columns.append(_spread(found.probabilities[found.places, measured.actual], found.places, rows))
        return columns


def evaluated_layout(data: pa.Schema, question: Question, keep: Keep, prefix: str, *, served: bool) -> EvaluatedLayout:
    """InvalidInput tells every kept column that is missing and every name that would stand twice.

    Of data that are scored already the columns of predictions are kept as what was made of them, where that has their name.
    """
    output = question.output
    if output.task not in _TASKS:
        raise NotApplicable(
            f"the rows of an evaluation of the task `{output.task}` are not written",
            hint=f"leave `output` out; of the tasks {', '.join(_TASKS)} they are",
        )
    made = _made(data, question, served=served)
    fields = [pa.field(prefix + f.name, f.type) for f in made]
    again = {question.prediction, *question.probabilities} & {f.name for f in fields}
    kept = [n for n in kept_columns(data.names, keep) if n not in again]
    copied = tuple(dict.fromkeys([*kept, question.target]))
    fields = [pa.field(n, data.field(n).type) for n in copied] + fields
    twice = [name for name, n in Counter(f.name for f in fields).items() if n > 1]
    if twice:
        raise InvalidInput(
            f"the output would have {', '.join(f'`{n}`' for n in twice)} twice",
            hint="keep fewer columns, or name what is added apart with `--prefix model_` (prefix=)",
        )
    return EvaluatedLayout(question, copied, pa.schema(fields), served)


def _made(data: pa.Schema, question: Question, *, served: bool) -> list[pa.Field]:
    """What is added to the columns of the data."""
    output, known = question.output, question.scores and question.output.task != "regression"
    named = question.prediction if output.task == "regression" else None
    fields = [pa.field("prediction", output.type if named is None else data.field(named).type)]
    if known:
        fields += [pa.field(f"probability_{label_text(c)}", pa.float64()) for c in output.classes]
    if served:
        fields.append(pa.field("served_by", pa.string()))
    fields.append(pa.field("error", pa.float64()) if output.task == "regression" else pa.field("correct", pa.bool_()))
    if known:
        fields.append(pa.field("actual_probability", pa.float64()))
    return [*fields, pa.field("left_out", pa.string())]


@dataclass(frozen=True, slots=True)
class EvaluatedWriter:
    """A runner's Writer of every row; those that have no prediction stand in the rejects too, with what the model said."""

    sink: Sink
    layout: EvaluatedLayout
    rejecting: Rejecting = field(default_factory=Rejecting)

    def write(self, chunk: Chunk, answer: pa.RecordBatch) -> tuple[Written, int]:
        rejects = self.rejecting.of(chunk, errors_of(answer))
        return self.sink.write(chunk.part, chunk.index, self.layout.table(chunk, answer), rejects), len(rejects)


def _taken(values: object, kind: pa.DataType, places: NDArray[np.int64]) -> pa.Array:
    """The values at these places, null where one is negative."""
    return pa.array(values, kind).take(pa.array(places, mask=places < 0))


def _spread(values: NDArray[np.generic], places: NDArray[np.int64], rows: int) -> pa.Array:
    """The values at their places among so many rows; null elsewhere."""
    whole, empty = np.zeros(rows, values.dtype), np.ones(rows, np.bool_)
    whole[places], empty[places] = values, False
    return pa.array(whole, mask=empty)


def _with_unread(table: pa.Table, chunk: Chunk) -> pa.Table:
    """With the rows that could not be read in their places; nothing else is known of them."""
    unread = np.sort([f.row - chunk.start for f in chunk.faults])
    places = np.full(chunk.length, -1, np.int64)
    places[np.delete(np.arange(chunk.length), unread)] = np.arange(table.num_rows)
    whole = table.take(pa.array(places, mask=places < 0))
    reasons = whole.column(whole.num_columns - 1).to_numpy(zero_copy_only=False).astype(object)
    reasons[unread] = "unread"
    field = table.schema.field(table.num_columns - 1)
    return whole.set_column(whole.num_columns - 1, field, pa.array(reasons, pa.string()))
