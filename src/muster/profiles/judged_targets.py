"""Rows with several targets and what was predicted for each, as arrays: a row counts where all of it can be measured."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from muster.profile import Rows
from muster.profiles.bare import bared
from muster.profiles.judged import Judged, hash_keys, judged
from muster.profiles.keys import hash_rows
from muster.profiles.multioutput import Several
from muster.profiles.nested import parsed
from muster.profiles.question import Question
from muster.profiles.regression import Predicted
from muster.profiles.tally import Classified
from muster.signature import Output

__all__ = ["judged_targets", "scored_targets"]

Places = NDArray[np.int64]


def judged_targets(question: Question, rows: Rows, answer: pa.RecordBatch | None) -> Judged:
    """As `judged` does, target by target; reasons name the target, but for `weight`: `no target: price`, `class: kind=x`."""
    batch = bared(rows.batch)
    columns = {name: _columns(question, name, batch, answer) for name in question.output.targets}
    keep: Places = np.arange(batch.num_rows)
    left_out, found = Counter[str](), list[tuple[Places, Judged]]()
    for name, output in question.output.targets.items():
        one = judged(_alone(question, name, output), Rows(columns[name].take(pa.array(keep))), None)
        left_out.update({_reason(reason, name): n for reason, n in one.left_out.items()})
        keep = keep[one.places]
        found.append((keep, one))
    measured: list[Classified | Predicted] = []
    for places, one in found:
        assert isinstance(one.measured, Classified | Predicted)
        same = len(places) == len(keep)
        measured.append(one.measured if same else one.measured.take(np.searchsorted(places, keep)))
    hashes = hash_rows(rows.file, rows.numbers())
    if question.key:
        hashes = hash_keys([batch.column(key) for key in question.key])
    if rows.unread:
        left_out["unread"] = len(rows.unread)
    return Judged(keep, hashes[keep], Several(tuple(measured)), left_out)


def scored_targets(question: Question) -> frozenset[str]:
    """The targets whose probabilities are known."""
    return frozenset(n for n, output in question.output.targets.items() if output.probabilities)


def _alone(question: Question, name: str, output: Output) -> Question:
    """What is asked of one target, whose columns have these names."""
    return Question(
        output=output,
        target="actual",
        weight=None if question.weight is None else "weight",
        prediction="predicted",
        probabilities=("scores",) if name in scored_targets(question) else (),
    )


def _columns(question: Question, name: str, batch: pa.RecordBatch, answer: pa.RecordBatch | None) -> pa.RecordBatch:
    """The columns of one target."""
    output = question.output
    place = list(output.targets).index(name)
    of = {"actual": _actual(question, name, place, batch)}
    if question.weight is not None:
        of["weight"] = batch.column(question.weight)
    if not question.scored:
        assert answer is not None
        of["predicted"] = _field(answer.column("prediction"), name)
    elif question.predictions:
        of["predicted"] = batch.column(question.predictions[place])
    else:
        assert question.prediction is not None
        of["predicted"] = _field(parsed(batch.column(question.prediction), output.type), name)
    if name in scored_targets(question):
        of["scores"] = _scores(question, name, batch, answer)
    return pa.RecordBatch.from_arrays([*of.values()], names=[*of])


def _actual(question: Question, name: str, place: int, batch: pa.RecordBatch) -> pa.Array:
    if question.targets:
        return batch.column(question.targets[place])
    return _field(parsed(batch.column(question.target), question.output.type), name)


def _scores(question: Question, name: str, batch: pa.RecordBatch, answer: pa.RecordBatch | None) -> pa.Array:
    if not question.scored:
        assert answer is not None
        return _field(answer.column("probabilities"), name)
    known = [n for n in question.output.targets if n in scored_targets(question)]
    lists = pa.list_(pa.float64())
    if len(question.probabilities) == len(known) and len(known) > 1:
        return parsed(batch.column(question.probabilities[known.index(name)]), lists)
    column = parsed(batch.column(question.probabilities[0]), pa.struct([(n, lists) for n in known]))
    return _field(column, name) if pa.types.is_struct(column.type) else column


def _field(column: pa.Array, name: str) -> pa.Array:
    """Of a struct, null where it is null."""
    return pc.struct_field(column, name)


def _reason(reason: str, name: str) -> str:
    if reason == "weight":
        return reason
    return reason.replace("class: ", f"class: {name}=", 1) if reason.startswith("class: ") else f"{reason}: {name}"
