"""Rows with what was predicted for them, as arrays: which count, and why the others do not."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from muster.casts.rule import is_list
from muster.errors import InvalidInput
from muster.profile import Rows
from muster.profiles.bare import alone, bared
from muster.profiles.doubles import EPSILON, doubles_and_rest, epsilon_of, numbers
from muster.profiles.keys import Cells, Floats, Hashes, hash_rows, hash_texts, mixed
from muster.profiles.multilabel import Labelled
from muster.profiles.multioutput import Several
from muster.profiles.question import Question
from muster.profiles.regression import Predicted
from muster.profiles.tally import Classified, Probabilities
from muster.signature import Scalar, canonical

__all__ = ["Judged", "class_places", "hash_keys", "judged", "no_probabilities"]

_MOST_LABELS = 1_000
"""More labels that are no class than this in one chunk are not a column of classes."""

_SUM_SLACK = 0.01
"""How far the sum of a row's probabilities may be from 1: they may have been written with two digits."""

_NULL, _UNKNOWN = -2, -1


@dataclass(frozen=True, slots=True)
class Judged:
    """The rows that count: their places in the batch, hashes, and what is measured. `left_out` has the rows that do not, by reason.

    Of all rows of the batch, where each has one target: `faults` has the place of each one's reason in `reasons`, -1 where it
    counts; `predicted` the place of the class (negative where it is none), or the number; `probabilities` a column for each class,
    where `answered`.

    Reasons: `unread`, `failed` (no prediction), `no target`, `class: <label>` (one that the model does not know), `target`,
    `prediction`, `probabilities`, `interval` (not what they can be), `weight` (missing, negative or not finite).
    """

    places: NDArray[np.int64]
    hashes: Hashes
    measured: Classified | Predicted | Labelled | Several
    left_out: Counter[str] = field(default_factory=Counter)
    faults: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    reasons: Sequence[str] = ()
    predicted: Cells | Floats = field(default_factory=lambda: np.empty(0))
    probabilities: Floats | None = None
    answered: NDArray[np.bool_] = field(default_factory=lambda: np.empty(0, np.bool_))


class _Sieve:
    """Which rows still count. The first reason against a row is the one that is told."""

    def __init__(self, rows: int) -> None:
        self.keep = np.ones(rows, np.bool_)
        self.left_out: Counter[str] = Counter()
        self.faults = np.full(rows, -1, np.int64)
        self.reasons: list[str] = []

    def drop(self, bad: NDArray[np.bool_], reason: str) -> None:
        fresh = bad & self.keep
        count = int(fresh.sum())
        if count:
            if reason not in self.left_out:
                self.reasons.append(reason)
            self.left_out[reason] += count
            self.faults[fresh] = self.reasons.index(reason)
            self.keep &= ~bad


def judged(question: Question, rows: Rows, answer: pa.RecordBatch | None) -> Judged:
    """InvalidInput if the target has no classes but something else."""
    batch = bared(rows.batch)
    sieve = _Sieve(batch.num_rows)
    given = _predicted(question, batch, answer, sieve)
    answered = sieve.keep.copy()
    weight = None if question.weight is None else _weights(batch.column(question.weight), sieve)
    target = batch.column(question.target)
    judge = _numbers if question.output.task == "regression" else _classes
    predicted, measured = judge(question, target, given, sieve)
    every = bool(sieve.keep.all())
    places = np.arange(len(sieve.keep)) if every else np.flatnonzero(sieve.keep)
    kept: Kept = slice(None) if every else places  # which copies nothing
    hashes = hash_rows(rows.file, rows.numbers())
    if question.key:
        hashes = hash_keys([batch.column(name) for name in question.key])
    if rows.unread:
        sieve.left_out["unread"] = len(rows.unread)
    return Judged(
        places,
        hashes[kept],
        measured(kept, None if weight is None else weight[kept]),
        sieve.left_out,
        sieve.faults,
        sieve.reasons,
        predicted,
        given.probabilities,
        answered,
    )


Kept: TypeAlias = NDArray[np.int64] | slice
"""The rows that count, by their places; a slice of all."""
Measure = Callable[[Kept, Floats | None], Classified | Predicted]
"""Of the rows that count, and their weights."""


@dataclass(frozen=True, slots=True)
class _Given:
    """What was predicted for each row; a row that lacks any of it is left out already."""

    prediction: pa.Array | None
    probabilities: Floats | None = None
    low: pa.Array | None = None
    high: pa.Array | None = None
    epsilon: float = EPSILON


def _predicted(question: Question, batch: pa.RecordBatch, answer: pa.RecordBatch | None, sieve: _Sieve) -> _Given:
    if question.scored:
        prediction = None if question.prediction is None else batch.column(question.prediction)
        lists = [batch.column(name) for name in question.probabilities]
        low, high = (batch.column(name) for name in question.interval) if question.interval else (None, None)
    else:
        assert answer is not None
        names = answer.schema.names
        prediction = answer.column("prediction")
        lists = [answer.column("probabilities")] if "probabilities" in names else []
        low, high = (answer.column(n) if n in names else None for n in ("prediction_low", "prediction_high"))
    if prediction is not None:
        sieve.drop(_nulls(prediction), "failed")
    if not lists:
        return _Given(prediction, None, low, high)
    for column in lists:
        sieve.drop(_nulls(column), "failed")
    probabilities = _probabilities(lists, len(question.output.classes), sieve)
    return _Given(prediction, probabilities, low, high, epsilon_of(lists))


def _probabilities(columns: Sequence[pa.Array], classes: int, sieve: _Sieve) -> Floats:
    """A column for each class, in one piece each. Of rows that are left out it holds the same share for each."""
    if len(columns) == 1 and is_list(columns[0].type):
        rows = np.full((len(sieve.keep), classes), np.nan, order="F")
        some = columns[0].drop_null()
        sizes = pc.list_value_length(some).to_numpy(zero_copy_only=False)
        wrong = np.zeros(len(rows), np.bool_)
        wrong[np.flatnonzero(~_nulls(columns[0]))] = sizes != classes
        sieve.drop(wrong, "probabilities")
        if not wrong.any():
            rows[~_nulls(columns[0])] = numbers(pc.list_flatten(some)).reshape(-1, classes)
    else:
        single = [numbers(c) for c in columns]
        rows = np.stack([1 - single[0], single[0]] if len(single) == 1 else single).T
    with np.errstate(invalid="ignore"):
        outside = ~((rows >= 0) & (rows <= 1)).all(1)
        slack = max(_SUM_SLACK, 0.005 * classes)
        outside |= ~(np.abs(rows.sum(1) - 1) <= slack)
    sieve.drop(outside, "probabilities")
    rows[outside] = 1 / classes
    return rows


def no_probabilities(columns: Sequence[pa.Array], classes: int) -> int:
    """How many rows have probabilities that are none."""
    sieve = _Sieve(len(columns[0]))
    for column in columns:
        sieve.drop(_nulls(column), "failed")
    _probabilities(columns, classes, sieve)
    return sieve.left_out["probabilities"]


def _classes(question: Question, target: pa.Array, given: _Given, sieve: _Sieve) -> tuple[Cells, Measure]:
    classes = question.output.classes
    actual, unknown = class_places(target, classes, tell=question.texts)
    sieve.drop(actual == _NULL, "no target")
    for label, places in unknown.items():
        sieve.drop(places, f"class: {label}")
    if given.prediction is not None and (question.threshold is None or given.probabilities is None):
        predicted, _ = class_places(given.prediction, classes, tell=question.texts)
        sieve.drop(predicted < 0, "prediction")
    else:
        assert given.probabilities is not None
        threshold = 0.5 if question.threshold is None else question.threshold
        binary = len(classes) == 2
        predicted = (
            (given.probabilities[:, 1] >= threshold).astype(np.int64) if binary else given.probabilities.argmax(1)
        )

    def measured(kept: Kept, weight: Floats | None) -> Classified:
        some = actual[kept]
        # By column: `take` of rows would put each row together again.
        scores = None
        if given.probabilities is not None:
            scores = Probabilities.of(given.probabilities.T[:, kept].T, some, given.epsilon)
        return Classified(some, predicted[kept], weight, scores)

    return predicted, measured


def _numbers(question: Question, target: pa.Array, given: _Given, sieve: _Sieve) -> tuple[Floats, Measure]:
    assert given.prediction is not None, question
    sieve.drop(_nulls(target), "no target")
    (actual, short), (predicted, more) = doubles_and_rest(alone(target)), doubles_and_rest(alone(given.prediction))
    rest = more
    if short is not None:
        rest = -short if more is None else more - short
    sieve.drop(~np.isfinite(actual), "target")
    sieve.drop(~np.isfinite(predicted), "prediction")
    low, high = (None if a is None else numbers(a) for a in (given.low, given.high))
    if low is not None and high is not None:
        with np.errstate(invalid="ignore"):
            sieve.drop(~(np.isfinite(low) & np.isfinite(high) & (low <= high)), "interval")

    def measured(kept: Kept, weight: Floats | None) -> Predicted:
        ends = (None if a is None else a[kept] for a in (low, high))
        return Predicted.of(actual[kept], predicted[kept], weight, *ends, rest=None if rest is None else rest[kept])

    return predicted, measured


def _weights(column: pa.Array, sieve: _Sieve) -> Floats:
    weights = numbers(column)
    sieve.drop(~(np.isfinite(weights) & (weights >= 0)), "weight")
    return weights


def class_places(
    labels: pa.Array, classes: Sequence[Scalar], *, tell: bool = True
) -> tuple[Cells, dict[str, NDArray[np.bool_]]]:
    """The place of each label among the classes, -2 where it is null, -1 where it is none of them; and where each unknown one stands.

    Labels are equal when their canonical strings are. InvalidInput if there are very many that are no class; some are told of if `tell`.
    """
    known = {canonical(c): n for n, c in enumerate(classes)}
    encoded = labels if pa.types.is_dictionary(labels.type) else labels.dictionary_encode()
    texts = [
        None if v is None or (isinstance(v, float) and math.isnan(v)) else canonical(v)
        for v in encoded.dictionary.to_pylist()
    ]
    codes = pc.fill_null(encoded.indices, len(texts)).to_numpy(zero_copy_only=False)
    table = np.array([_NULL if t is None else known.get(t, _UNKNOWN) for t in [*texts, None]], np.int64)
    unknown = sorted({t for t in texts if t is not None and t not in known})
    if len(unknown) > _MOST_LABELS:
        raise InvalidInput(
            f"a column of labels has {len(unknown)} that are no class"
            + (f", such as {', '.join(map(repr, unknown[:3]))}" if tell else ""),
            hint=f"the classes are {', '.join(map(repr, known))}; name another column as the target",
        )
    of_code = np.array([-1 if t is None or t in known else unknown.index(t) for t in [*texts, None]], np.int64)
    where = of_code[codes]
    return table[codes], {label: where == n for n, label in enumerate(unknown)}


def hash_keys(columns: Sequence[pa.Array]) -> Hashes:
    """A number for each row from the values of its key columns: integers of any width alike, all else by its text."""
    total = np.zeros(len(columns[0]), np.uint64)
    for column in columns:
        total = mixed(total + _hashed(column))
    return total


def _hashed(column: pa.Array) -> Hashes:
    kind = column.type
    if pa.types.is_dictionary(kind):
        return _hashed(column.dictionary_decode())
    nulls = _nulls(column)
    if pa.types.is_integer(kind) or pa.types.is_boolean(kind):
        whole = pc.fill_null(pc.cast(column, pa.int64(), safe=False), 0).to_numpy(zero_copy_only=False)
        hashes = mixed(whole.view(np.uint64))
    else:
        raw = pa.types.is_binary(kind) or pa.types.is_large_binary(kind)  # which need not be text
        texts = pc.fill_null(pc.cast(column, pa.large_binary() if raw else pa.large_string()), b"" if raw else "")
        _, offsets, data = texts.buffers()
        ends = np.frombuffer(offsets, np.int64)[texts.offset : texts.offset + len(texts) + 1]
        hashes = hash_texts(ends, np.frombuffer(data, np.uint8) if data is not None else np.empty(0, np.uint8))
    return np.where(nulls, np.uint64(0x5EED), hashes)


def _nulls(column: pa.Array) -> NDArray[np.bool_]:
    return column.is_null().to_numpy(zero_copy_only=False)
