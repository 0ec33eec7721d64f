"""Data for a signature: which columns are taken, what casts them, and which rows have values that do not cast.

Columns go by name, never by position; also for a positional signature, whose model then gets them in the declared order.
What is wrong with columns is told before any row is read, all at once; what is wrong with a value faults its row alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from muster.casts import Rule, rule, tensor_rule, type_name
from muster.errors import InvalidInput, SignatureMismatch, near
from muster.signature import Column, Signature

__all__ = ["Fit", "Step", "fit"]

_SHOWN = 100
"""Faulty columns that a message names; `details` has all of them."""

_NEAR = 10
"""Missing columns that get the near names: each costs a comparison with every column of the data."""

_HINTS = 5

_MISSING = "is missing"

_LONG = 60
"""Characters of a faulty value that a message shows."""


@dataclass(frozen=True, slots=True)
class Step:
    """How one column of the signature is got: from the data's column `source` by `rule`, or as nulls where it is absent."""

    column: Column
    source: str | None
    rule: Rule

    @property
    def note(self) -> str | None:
        if self.source is None:
            return f"{self.column.name}: absent, taken as null"
        return f"{self.column.name}: {self.rule.note}" if self.rule.note else None


@dataclass(frozen=True, slots=True)
class Fit:
    """What the data of one schema gives for a signature. Made by `fit`; safe to use from several threads."""

    signature: Signature
    steps: tuple[Step, ...]
    schema: pa.Schema

    @property
    def columns(self) -> tuple[str, ...]:
        """The data's columns to read."""
        return tuple(dict.fromkeys(s.source for s in self.steps if s.source is not None))

    @property
    def casts(self) -> tuple[str, ...]:
        """What is cast, for the run's record: `dep_time: int64 → double`."""
        return tuple(s.note for s in self.steps if s.note)

    def apply(self, batch: pa.RecordBatch) -> tuple[pa.RecordBatch, pa.Array | None]:
        """The signature's columns in its order and types, and for each faulty row what is wrong with it, or None if none is.

        The batch has the types that were fitted; more columns and another order do no harm. Faulty values are null.
        """
        arrays, faulty = [], []
        for step in self.steps:
            array, found = self._column(step, batch)
            arrays.append(array)
            faulty += found
        conformed = pa.RecordBatch.from_arrays(arrays, schema=self.schema)
        return conformed, _errors(faulty, batch.num_rows) if faulty else None

    def _column(self, step: Step, batch: pa.RecordBatch) -> tuple[pa.Array, list[_Faulty]]:
        if step.source is None:
            return pa.nulls(batch.num_rows, step.column.type), []
        array = batch.column(step.source)
        if array.type != step.rule.source:
            raise SignatureMismatch(
                f"`{step.source}` is {type_name(array.type)} here and was {type_name(step.rule.source)} before",
                hint="give all data one schema",
            )
        result = step.rule(array)
        found = [] if result.faults is None else [_Faulty(step, array, result.faults)]
        if not step.column.nullable and result.array.null_count:
            nulls = result.array.is_null().to_numpy(zero_copy_only=False)
            absent = nulls if result.faults is None else nulls & ~result.faults
            if absent.any():
                found.append(_Faulty(step, None, absent))
        return result.array, found


@dataclass(frozen=True, slots=True)
class _Faulty:
    """A column with faulty rows; `values` is None where they are null and may not be."""

    step: Step
    values: pa.Array | None
    rows: npt.NDArray[np.bool_]

    def messages(self, places: npt.NDArray[np.intp]) -> Iterable[str]:
        name, reason = self.step.column.name, self.step.rule.reason
        if self.values is None:
            return [f"`{name}` is null, which the model does not take"] * len(places)
        return [f"`{name}` {text}{reason}" for text in _shown(self.values.take(pa.array(places)))]


def _shown(values: pa.Array) -> list[str]:
    """Each value as a message shows it, then a space; nothing of nested values and bytes."""
    try:
        texts = values.cast(pa.string()).to_pylist()
    except pa.ArrowException:
        return [""] * len(values)
    return [f"{t if len(t) <= _LONG else t[:_LONG] + '…'} " for t in texts]


def _errors(faulty: list[_Faulty], rows: int) -> pa.Array:
    texts: dict[int, str] = {}
    for one in faulty:
        places = np.flatnonzero(one.rows)
        for place, message in zip(places.tolist(), one.messages(places), strict=True):
            texts[place] = f"{texts[place]}; {message}" if place in texts else message
    sound = np.ones(rows, np.bool_)
    sound[list(texts)] = False
    which = np.zeros(rows, np.int64)
    which[list(texts)] = np.arange(len(texts))
    return pa.array(list(texts.values()), pa.string()).take(pa.array(which, mask=sound))


def fit(schema: pa.Schema, signature: Signature, mapping: Mapping[str, str] | None = None) -> Fit:
    """What data of this schema gives for the signature. `mapping` has the data's column of a model's column, where they differ.

    SignatureMismatch names all that is missing, mistyped, there twice or mapped to nothing.
    """
    mapping = mapping or {}
    counts = Counter(schema.names)
    wrong = _wrong_mapping(signature, mapping, counts)
    steps: list[Step] = []
    taken = {mapping.get(n, n) for n in signature.names}
    spare = [n for n in counts if n not in taken]
    for column in signature:
        source = mapping.get(column.name, column.name)
        if counts[source] == 1:
            _add(steps, column, schema.field(source), wrong)
        elif counts[source]:
            wrong.append(
                _Wrong(
                    column.name,
                    f"is in the data {counts[source]} times",
                    hint="give each column of the data its own name",
                )
            )
        elif not column.required and column.name not in mapping:
            steps.append(Step(column, None, rule(pa.null(), column.type)))
        elif column.name not in mapping:
            wrong.append(_Wrong(column.name, _MISSING, spare))
    if wrong:
        raise _mismatch(wrong, signature)
    return Fit(signature, tuple(steps), signature.schema)


@dataclass(frozen=True, slots=True)
class _Wrong:
    column: str
    problem: str
    known: Iterable[str] = ()
    hint: str = ""


def _wrong_mapping(signature: Signature, mapping: Mapping[str, str], counts: Counter[str]) -> list[_Wrong]:
    wrong = [
        _Wrong(
            n,
            "is mapped, but is no column of the model",
            signature.names,
            "map columns of the model to those of the data",
        )
        for n in mapping
        if n not in signature.names
    ]
    return wrong + [
        _Wrong(
            n,
            f"is mapped to `{source}`, which the data does not have{near(source, counts)}",
            hint="map to columns that the data has",
        )
        for n, source in mapping.items()
        if n in signature.names and not counts[source]
    ]


def _add(steps: list[Step], column: Column, source: pa.Field, wrong: list[_Wrong]) -> None:
    try:
        steps.append(Step(column, source.name, _rule(source.type, column)))
    except InvalidInput as error:
        wrong.append(_Wrong(column.name, f"has the wrong type: {error.message}", hint=error.hint))


def _rule(source: pa.DataType, column: Column) -> Rule:
    if column.tensor is not None and pa.types.is_nested(column.type):
        return tensor_rule(source, column.type, column.tensor.shape[1:])
    return rule(source, column.type)


def _mismatch(wrong: list[_Wrong], signature: Signature) -> SignatureMismatch:
    texts = [
        f"`{w.column}` {w.problem}{near(w.column, w.known) if i < _NEAR else ''}" for i, w in enumerate(wrong[:_SHOWN])
    ]
    if len(wrong) > _SHOWN:
        texts.append(f"and {len(wrong) - _SHOWN} more columns")
    hints = [w.hint for w in wrong if w.hint]
    missing = next((w.column for w in wrong if w.problem == _MISSING), None)
    if missing is not None:
        hints.insert(0, f"rename the column, or map it with `--map {missing}=…`")
        if signature.positional:
            hints.insert(
                0, "the model itself knows no names: those of its signature are declared, and are taken in that order"
            )
    return SignatureMismatch(
        "the data does not fit the model: " + "; ".join(texts),
        hint="; ".join(list(dict.fromkeys(hints))[:_HINTS]),
        details={"columns": [{"column": w.column, "problem": w.problem} for w in wrong]},
    )
