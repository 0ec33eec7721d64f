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

from muster.casts import Rule, rule, type_name
from muster.errors import InvalidInput, SignatureMismatch, near
from muster.signature import Column, Signature

__all__ = ["Fit", "Step", "fit"]

_SHOWN = 100
"""Faulty columns that a message names; `details` has all of them."""


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
    """What the data of one schema gives for a signature. Made by `fit`; a plain value that many threads may use."""

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
        taken = self.values.take(pa.array(places))
        return [f"`{name}` {_shown(value)}{reason}" for value in taken]


def _shown(value: pa.Scalar) -> str:
    """A value as a message shows it, then a space; nothing of a nested one."""
    if pa.types.is_dictionary(value.type):
        value = value.value
    if pa.types.is_nested(value.type) or isinstance(value.type, pa.BaseExtensionType):
        return ""
    text = str(value.cast(pa.string()).as_py())
    return f"{text if len(text) <= 60 else text[:60] + '…'} "


def _errors(faulty: list[_Faulty], rows: int) -> pa.Array:
    texts: dict[int, list[str]] = {}
    for one in faulty:
        places = np.flatnonzero(one.rows)
        for place, message in zip(places.tolist(), one.messages(places), strict=True):
            texts.setdefault(place, []).append(message)
    return pa.array(["; ".join(texts[i]) if i in texts else None for i in range(rows)], pa.string())


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
            wrong.append(_Wrong(column.name, f"is in the data {counts[source]} times"))
        elif not column.required and column.name not in mapping:
            steps.append(Step(column, None, rule(pa.null(), column.type)))
        elif column.name not in mapping:
            wrong.append(_Wrong(column.name, "is missing", spare))
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
        _Wrong(n, "is mapped, but is no column of the model", signature.names)
        for n in mapping
        if n not in signature.names
    ]
    return wrong + [
        _Wrong(n, f"is mapped to `{source}`, which the data does not have{near(source, counts)}")
        for n, source in mapping.items()
        if n in signature.names and not counts[source]
    ]


def _add(steps: list[Step], column: Column, source: pa.Field, wrong: list[_Wrong]) -> None:
    try:
        steps.append(Step(column, source.name, rule(source.type, column.type)))
    except InvalidInput as error:
        wrong.append(_Wrong(column.name, f"has the wrong type: {error.message}", hint=error.hint))


def _mismatch(wrong: list[_Wrong], signature: Signature) -> SignatureMismatch:
    # Near names cost a comparison with every known name, so only the first few get them.
    texts = [
        f"`{w.column}` {w.problem}{near(w.column, w.known) if i < 10 else ''}" for i, w in enumerate(wrong[:_SHOWN])
    ]
    if len(wrong) > _SHOWN:
        texts.append(f"and {len(wrong) - _SHOWN} more columns")
    hints = list(dict.fromkeys(w.hint for w in wrong if w.hint))
    if any(w.problem == "is missing" for w in wrong):
        first = next(w.column for w in wrong if w.problem == "is missing")
        hints.insert(0, f"rename the column, or map it with `--map {first}=…`")
    return SignatureMismatch(
        "the data does not fit the model: " + "; ".join(texts),
        hint="; ".join(hints[:5]) or f"the model takes {len(signature.columns)} columns, by name",
        details={"columns": [{"column": w.column, "problem": w.problem} for w in wrong]},
    )
