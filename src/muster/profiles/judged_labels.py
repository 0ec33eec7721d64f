"""Rows with any number of labels and what was predicted for them, as arrays: which count, and why the others do not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from muster.casts.rule import is_list
from muster.profile import Rows
from muster.profiles.bare import bared
from muster.profiles.doubles import EPSILON, epsilon_of, numbers
from muster.profiles.judged import Judged, hash_keys
from muster.profiles.keys import Floats, hash_rows
from muster.profiles.label_columns import Flags, flags_of, flags_of_column, scores_of
from muster.profiles.multilabel import Labelled
from muster.profiles.nested import is_text
from muster.profiles.question import Question

__all__ = ["judged_labels"]

Mask = NDArray[np.bool_]
Faults = list[tuple[Mask, str]]
"""Which rows do not count, and why; the first reason against a row is the one that is told."""


def judged_labels(question: Question, rows: Rows, answer: pa.RecordBatch | None) -> Judged:
    """As `judged` does; of a target in several columns `no target: <column>` and `flags: <column>` name the one."""
    batch, faults = bared(rows.batch), Faults()
    given, epsilon = _probabilities(question, batch, answer, faults)
    predicted = _predicted(question, batch, answer, given, faults)
    weight = None
    if question.weight is not None:
        weight = numbers(batch.column(question.weight))
        faults.append((~(np.isfinite(weight) & (weight >= 0)), "weight"))
    actual = _actual(question, batch, faults)
    keep, left_out = _sifted(batch.num_rows, faults)
    if rows.unread:
        left_out["unread"] = len(rows.unread)
    places = np.flatnonzero(keep)
    hashes = hash_rows(rows.file, rows.numbers())
    if question.key:
        hashes = hash_keys([batch.column(name) for name in question.key])
    weight, given = (None if a is None else a[places] for a in (weight, given))
    measured = Labelled.of(actual[places], predicted[places], weight, given, epsilon)
    return Judged(places, hashes[places], measured, left_out)


def _sifted(rows: int, faults: Faults) -> tuple[Mask, Counter[str]]:
    keep, left_out = np.ones(rows, np.bool_), Counter[str]()
    for bad, reason in faults:
        if count := int((bad & keep).sum()):
            left_out[reason] += count
            keep &= ~bad
    return keep, left_out


def _probabilities(
    question: Question, batch: pa.RecordBatch, answer: pa.RecordBatch | None, faults: Faults
) -> tuple[Floats | None, float]:
    """(rows, labels); and how far from 0 and 1 a logarithm is taken of them."""
    labels = len(question.output.classes)
    if not question.scores:
        return None, EPSILON
    columns = [batch.column(name) for name in question.probabilities]
    if not question.scored:
        assert answer is not None
        columns = [answer.column("probabilities")]
    if len(columns) == 1 and (is_list(columns[0].type) or is_text(columns[0].type)):
        found, absent, wrong = scores_of(columns[0], labels)
    else:
        found = np.stack([numbers(column) for column in columns], axis=1)
        absent = np.any([column.is_null().to_numpy(zero_copy_only=False) for column in columns], axis=0)
        wrong = np.zeros(len(found), np.bool_)
    faults.append((absent, "failed"))
    with np.errstate(invalid="ignore"):
        faults.append((wrong | ~((found >= 0) & (found <= 1)).all(1), "scores"))
    return found, epsilon_of(columns)


def _predicted(
    question: Question, batch: pa.RecordBatch, answer: pa.RecordBatch | None, given: Floats | None, faults: Faults
) -> Mask:
    """(rows, labels): as they were given, or with a threshold, or without labels, those that are probable enough."""
    column, columns = None, [batch.column(name) for name in question.predictions]
    if not question.scored:
        assert answer is not None
        column = answer.column("prediction")
    elif question.prediction is not None:
        column = batch.column(question.prediction)
    if column is not None:
        faults.append((column.is_null().to_numpy(zero_copy_only=False), "failed"))
    if given is not None and (question.threshold is not None or (column is None and not columns)):
        return np.asarray(given >= (0.5 if question.threshold is None else question.threshold))
    found = flags_of(column, question.output.classes) if column is not None else _together(columns)
    faults.append((found.absent, "failed"))
    faults += [(bad, "labels") for bad in (found.wrong, *found.unknown.values())]
    return found.own


def _actual(question: Question, batch: pa.RecordBatch, faults: Faults) -> Mask:
    """(rows, labels)."""
    if not question.targets:
        found = flags_of(batch.column(question.target), question.output.classes)
        faults += [(found.absent, "no target"), (found.wrong, "flags")]
        faults += [(bad, f"class: {label}") for label, bad in found.unknown.items()]
        return found.own
    each = [flags_of_column(batch.column(name)) for name in question.targets]
    for name, one in zip(question.targets, each, strict=True):
        faults += [(one.absent, f"no target: {name}"), (one.wrong, f"flags: {name}")]
    return np.concatenate([one.own for one in each], axis=1)


def _together(columns: Sequence[pa.Array]) -> Flags:
    each = [flags_of_column(column) for column in columns]
    own = np.concatenate([one.own for one in each], axis=1)
    return Flags(own, np.any([f.absent for f in each], axis=0), np.any([f.wrong for f in each], axis=0))
