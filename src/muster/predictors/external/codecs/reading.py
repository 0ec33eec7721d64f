"""What the columns of a response mean, read as a prediction and its probabilities."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from muster.casts import type_name
from muster.errors import InvalidInput, shortened
from muster.predictors.external.codecs.cells import Faults, Floats, lists, number, numbers, only
from muster.predictors.external.codecs.naming import Places, listed, order, place_of, places
from muster.predictors.external.codecs.response import Meaning, Scores
from muster.predictors.external.codecs.rows import Table
from muster.predictors.external.codecs.scores import activated, checked, class_numbers
from muster.signature import Output, Scalar, Task, canonical

__all__ = ["Columns", "read"]


@dataclass(frozen=True, slots=True)
class Columns:
    prediction: pa.Array
    probabilities: pa.Array | None = None


def read(table: Table, meaning: Meaning, output: Output, faults: Faults) -> Columns:
    """The columns; a row that has a fault may hold anything in them."""
    return _TASKS[output.task](table, meaning, output, faults)


def _classified(table: Table, meaning: Meaning, output: Output, faults: Faults) -> Columns:
    native = meaning.classes or output.classes
    meaning = replace(meaning, classes=native)
    if not native:
        return Columns(_unnamed(table, meaning, output, faults))
    arranged = np.array(order(native, output.classes), np.int64)
    labels = None
    if meaning.label is not None:
        labels = places(table.column(meaning.label), native, faults, codes=meaning.codes)
    probabilities = None
    if meaning.probabilities is not None and (labels is None or output.probabilities):
        values = class_numbers(table, meaning.probabilities, meaning, faults, labels)
        if meaning.gives_probabilities:
            values = checked(activated(values, meaning), faults, together=True)
            probabilities = _fixed(values[:, arranged], output)
        labels = arranged[_decided(values[:, arranged], meaning, arranged)] if labels is None else labels
    if labels is None:
        raise InvalidInput("the response format tells no label", hint="declare `label` or `probabilities`")
    registered = np.argsort(arranged)[np.maximum(labels, 0)]
    return Columns(pa.array(output.classes, output.type).take(pa.array(registered)), probabilities)


def _decided(values: Floats, meaning: Meaning, arranged: Places) -> Places:
    """The places of the labels that the numbers tell, both in the registered order, whose last class of two is the positive one.

    A threshold is the endpoint's own, and of the last class in its order. Of several classes it is the highest, and the first of
    equal ones.
    """
    if values.shape[1] == 2 and meaning.threshold is not None:
        last = int(np.flatnonzero(arranged == 1)[0])
        return np.where(values[:, last] >= meaning.threshold, last, 1 - last)
    if values.shape[1] == 2 and meaning.gives_probabilities:
        return (values[:, 1] >= 0.5).astype(np.int64)
    return np.argmax(np.nan_to_num(values, nan=-np.inf), axis=1) if values.shape[1] else np.zeros(len(values), np.int64)


def _fixed(values: Floats | npt.NDArray[np.bool_], output: Output, kind: pa.DataType | None = None) -> pa.Array:
    kind = kind or output.probabilities_type
    flat = pa.array(np.ascontiguousarray(values).ravel(), kind.value_type)
    return pa.FixedSizeListArray.from_arrays(flat, type=kind)


def _unnamed(table: Table, meaning: Meaning, output: Output, faults: Faults) -> pa.Array:
    """Labels of a model whose classes nobody declared."""
    if meaning.label is None:
        raise InvalidInput("the classes are not known, and the response has numbers for them", hint="declare `classes`")
    found: list[Any] = []
    for place, value in enumerate(table.column(meaning.label)):
        label = _label(only(value), output.type)
        if label is None:
            faults.add(place, _no_label(only(value), output.type))
        found.append(label)
    return pa.array(found, output.type)


def _label(value: Any, kind: pa.DataType) -> Scalar | None:
    if value is None or value == "" or isinstance(value, (dict, list)):
        return None
    text = canonical(value)
    if pa.types.is_boolean(kind):
        return {"true": True, "false": False}.get(text)
    if pa.types.is_integer(kind):
        return int(text) if text.removeprefix("-").isdecimal() and abs(int(text)) < 2**63 else None
    return value if isinstance(value, str) else text


def _no_label(value: Any, kind: pa.DataType) -> str:
    if value is None or value == "":
        return "the endpoint gave no prediction"
    return f"the endpoint answered {shortened(json.dumps(value))}, which is no label of type {type_name(kind)}"


def _multilabel(table: Table, meaning: Meaning, output: Output, faults: Faults) -> Columns:
    """Each class for itself."""
    native = meaning.classes or output.classes
    meaning = replace(meaning, classes=native)
    arranged = order(native, output.classes)
    flags = probabilities = None
    if meaning.label is not None:
        flags = _named_flags(table.column(meaning.label), native, faults, codes=meaning.codes)
    elif meaning.flags is not None:
        given = class_numbers(_counted(table, meaning.flags), meaning.flags, meaning, faults)
        wrong: npt.NDArray[np.bool_] = ~np.all(np.isin(given, (0, 1)), axis=1)
        faults.where(wrong, lambda i: f"the endpoint's flags are not all 0 or 1: {given[i].tolist()}")
        flags = given == 1
    if meaning.probabilities is not None and (flags is None or output.probabilities):
        values = class_numbers(table, meaning.probabilities, meaning, faults)
        values = checked(activated(values, meaning), faults, together=False)
        probabilities = _fixed(values[:, arranged], output)
        threshold = 0.5 if meaning.threshold is None else meaning.threshold
        flags = values >= threshold if flags is None else flags
    if flags is None:
        raise InvalidInput("the response format tells no labels", hint="declare `label`, `flags` or `probabilities`")
    return Columns(_fixed(flags[:, arranged], output, output.type), probabilities)


def _counted(table: Table, flags: Scores) -> Table:
    """The columns of flags with 1 and 0 in place of true and false."""
    columns = {n: [_as_number(v) for v in lists(table.column(n))] for n in flags.columns}
    if flags.classes is not None:
        columns[flags.classes] = list(table.column(flags.classes))
    return Table(table.count, list(columns), columns)


def _as_number(value: Any) -> Any:
    match value:
        case bool():
            return int(value)
        case list():
            return [_as_number(v) for v in value]
        case dict():
            return {k: _as_number(v) for k, v in value.items()}
        case str() if value.strip().lower() in ("true", "false"):
            return int(value.strip().lower() == "true")
    return value


def _named_flags(
    values: Sequence[Any], classes: Sequence[Scalar], faults: Faults, *, codes: bool
) -> npt.NDArray[np.bool_]:
    """From lists of the classes that hold."""
    known = {canonical(c): i for i, c in enumerate(classes)}
    found = np.zeros((len(values), len(classes)), np.bool_)
    for row, names in enumerate(lists(values)):
        if not isinstance(names, list):
            faults.add(row, "the endpoint gave no list of labels")
            continue
        for name in names:
            scalar = isinstance(name, (str, int, float)) and (not isinstance(name, float) or math.isfinite(name))
            place = place_of(name, known, codes=codes) if scalar else None
            if place is None:
                told = f"`{shortened(str(name))}`, which is none of its classes ({listed(classes)})"
                faults.add(row, f"the endpoint answered {told}")
            else:
                found[row, place] = True
    return found


def _regressed(table: Table, meaning: Meaning, output: Output, faults: Faults) -> Columns:
    if meaning.value is None:
        raise InvalidInput("the response format tells no value", hint="declare `value`, the column of the prediction")
    values = table.column(meaning.value)
    if not pa.types.is_floating(output.type):
        return Columns(pa.array([_whole(v, output.type, place, faults) for place, v in enumerate(values)], output.type))
    return Columns(pa.array(numbers(values, faults, "prediction")).cast(output.type, safe=False))


def _whole(value: Any, kind: pa.DataType, place: int, faults: Faults) -> Any:
    """A number of a type that is no float, to its last digit."""
    value = only(value)
    exact = value if isinstance(value, int) and not isinstance(value, bool) else number(value)
    try:
        # Arrow would cut the fraction.
        if exact is not None and (exact == int(exact) or not pa.types.is_integer(kind)):
            return pa.scalar(int(exact) if exact == int(exact) else exact, kind).as_py()
    except (pa.ArrowException, OverflowError, ValueError, TypeError):
        pass
    told = "no prediction" if value is None else f"{shortened(json.dumps(value))}, which is no {type_name(kind)}"
    faults.add(place, f"the endpoint gave {told}")
    return None


def _as_it_is(table: Table, meaning: Meaning, output: Output, faults: Faults) -> Columns:
    """Whatever a model of the task `other` answers: of the declared type, or as JSON where that is text."""
    values = table.column(meaning.value or "")
    if pa.types.is_string(output.type) or pa.types.is_large_string(output.type):
        return Columns(pa.array([_json_text(v) for v in values], output.type))
    try:
        return Columns(pa.array(values, output.type))
    except (pa.ArrowException, OverflowError, ValueError, TypeError):
        return Columns(pa.concat_arrays([_one(v, output.type, i, faults) for i, v in enumerate(values)]))


def _json_text(value: Any) -> str | None:
    if value is None:
        return None
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text.encode("utf-8", "replace").decode()


def _one(value: Any, kind: pa.DataType, place: int, faults: Faults) -> pa.Array:
    try:
        return pa.array([value], kind)
    except (pa.ArrowException, OverflowError, ValueError, TypeError):
        faults.add(place, f"the endpoint answered {shortened(json.dumps(value))}, which is no {type_name(kind)}")
        return pa.nulls(1, kind)


_Reader = Callable[[Table, Meaning, Output, Faults], Columns]

_TASKS: Mapping[Task, _Reader] = {
    "binary": _classified,
    "multiclass": _classified,
    "multilabel": _multilabel,
    "regression": _regressed,
    "other": _as_it_is,
}
