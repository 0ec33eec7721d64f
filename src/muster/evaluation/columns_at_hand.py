"""Whether columns hold what can be measured, by the first rows of the data: numbers, labels, probabilities, keys."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from muster.casts.rule import is_list
from muster.errors import plural
from muster.profiles.bare import bare
from muster.profiles.judged import no_probabilities
from muster.profiles.reading import kind_of
from muster.signature import Output, canonical

__all__ = [
    "are_flags", "is_continuous", "is_number", "like_probabilities", "of_other_classes", "one_number", "single_values", "wrong_keys",
    "wrong_predictions", "wrong_probabilities", "wrong_target", "wrong_weight",
]  # fmt: skip

_NUMBERS = ("number", "boolean")
_NESTED = ("other", "vector")
_SHOWN = 5
_ENOUGH = 20
"""Rows that tell what a column holds."""
_PREFIX = "probability_"
_FLAGS = {"0", "1", "false", "true"}


def is_number(kind: pa.DataType) -> bool:
    """Of a truth value too, which is 0 or 1."""
    return kind_of(kind) in _NUMBERS


def is_continuous(kind: pa.DataType) -> bool:
    """Whether it is that of numbers that are not whole, or of lists of them."""
    while is_list(kind):
        kind = kind.value_type
    return bool(pa.types.is_floating(kind) or pa.types.is_decimal(kind))


def one_number(name: str, head: pa.Table) -> bool:
    """Whether a column has lists of one number each, as a model with a single output gives them (n × 1)."""
    kind = head.schema.field(name).type
    return is_list(kind) and is_continuous(kind) and _widest(head[name]) == 1


def are_flags(name: str, head: pa.Table) -> bool:
    """Whether a column of whole numbers has only 0 and 1."""
    column = head[name]
    return pa.types.is_integer(column.type) and set(pc.unique(column.drop_null()).to_pylist()) <= {0, 1}


def like_probabilities(name: str, head: pa.Table) -> bool:
    """Whether a column holds numbers from 0 to 1, and not these two alone."""
    if kind_of(head.schema.field(name).type) != "number":
        return False
    numbers = pc.cast(bare(_whole(head[name])), pa.float64(), safe=False).drop_null().to_numpy(zero_copy_only=False)
    numbers = numbers[~np.isnan(numbers)]
    return bool(((numbers >= 0) & (numbers <= 1)).all() and ((numbers > 0) & (numbers < 1)).any())


def wrong_target(name: str | None, output: Output, head: pa.Table) -> list[str]:
    """Of the actual values of a single output."""
    if name is None or name not in head.column_names:
        return []
    wrong = _wrong_numbers if output.task == "regression" else _wrong_labels
    return wrong("the target", name, output, head)


def wrong_predictions(
    output: Output, head: pa.Table, prediction: str | None, probabilities: Sequence[str]
) -> list[str]:
    """Of data that are scored already, with a single output."""
    if output.task == "regression":
        return [] if prediction is None else _wrong_numbers("the prediction", prediction, output, head)
    wrong = wrong_probabilities(probabilities, output, head) if probabilities else []
    if prediction is None:
        return wrong
    if like_probabilities(prediction, head):
        told = f"the prediction `{prediction}` holds numbers between 0 and 1, which are no classes but probabilities"
        return [*wrong, f"{told}: name it with `probabilities=` (--probabilities)"]
    return wrong + _wrong_labels("the prediction", prediction, output, head)


def _wrong_numbers(what: str, name: str, _output: Output, head: pa.Table) -> list[str]:
    """Numbers, or lists of one each."""
    kind = inner = head.schema.field(name).type
    while is_list(inner):
        inner = inner.value_type
    if not _counts(inner):
        return [f"{what} `{name}` is {kind}, and a regression needs numbers"]
    widest = _widest(head[name])
    many = f"{what} `{name}` has lists of {widest} values, and a regression needs one number of a row"
    return [] if widest <= 1 else [many]


def _widest(column: pa.ChunkedArray) -> int:
    """How many values the longest list has, of lists in lists too; 1 where there is none."""
    most, found = 1, _whole(column)
    while is_list(found.type):
        most = max(most, pc.max(pc.list_value_length(found)).as_py() or 0)
        found = pc.list_flatten(found)
    return most


def single_values(what: str, names: Sequence[str], head: pa.Table) -> list[str]:
    """What is wrong with columns that have to hold one value of each row."""
    kinds = {n: head.schema.field(n).type for n in names if n in head.column_names}
    return [
        f"{what} `{n}` is {kind}, and one value of each row is needed"
        for n, kind in kinds.items()
        if kind_of(kind) in _NESTED
    ]


def _wrong_labels(what: str, name: str, output: Output, head: pa.Table) -> list[str]:
    if wrong := single_values(what, [name], head):
        return wrong
    values = pc.unique(bare(_whole(head[name]))).to_pylist()
    found = {canonical(v) for v in values if v is not None and not (isinstance(v, float) and math.isnan(v))}
    known = {canonical(c) for c in output.classes}
    if not found or found & known:
        return []
    shown = ", ".join(sorted(found)[:_SHOWN])
    if found | known == _FLAGS:
        shown += ": write both as truth values, or both as 0 and 1"
    return [f"{what} `{name}` holds none of the classes {', '.join(sorted(known))}, but {shown}"]


def wrong_probabilities(names: Sequence[str], output: Output, head: pa.Table) -> list[str]:
    """Of a single output: a number for each class, of two classes also that of the positive one alone, or one list of them."""
    kinds = {n: head.schema.field(n).type for n in names if n in head.column_names}
    classes = len(output.classes)
    lists = [n for n, kind in kinds.items() if is_list(kind)]
    if lists and len(names) == 1:
        return _wrong_lists(lists[0], classes, head) or _mostly_none(names, classes, head)
    wrong = [
        f"the probabilities `{n}` are {kind}, and probabilities are numbers"
        for n, kind in kinds.items()
        if not _counts(kind)
    ]
    if not lists and len(names) not in ({1, 2} if classes == 2 else {classes}):
        wrong.append(f"{len(names)} columns of probabilities do not fit {classes} classes")
    return wrong or of_other_classes(names, output) or _mostly_none(names, classes, head)


def of_other_classes(names: Sequence[str], output: Output) -> list[str]:
    """Columns that are named for a class, as `muster score` names them, and stand where that of another one is expected."""
    known = [canonical(c) for c in output.classes]
    expected = known[-1:] if len(names) == 1 else known
    told = [canonical(n.rpartition(_PREFIX)[2]) if _PREFIX in n else None for n in names]
    return [
        f"`{name}` is named for the class `{of}`, and stands for `{wanted}`: "
        + (
            "one column alone is that of the positive class"
            if len(names) == 1
            else "the columns are in the order of the classes"
        )
        for name, of, wanted in zip(names, told, expected, strict=True)
        if of in known and of != wanted
    ]


def _mostly_none(names: Sequence[str], classes: int, head: pa.Table) -> list[str]:
    """Where more rows than not have none, the few others say nothing of the rest: such columns are something else."""
    columns = [_whole(head[n]) for n in names if n in head.column_names]
    if not columns or head.num_rows < _ENOUGH or (bad := no_probabilities(columns, classes)) * 2 <= head.num_rows:
        return []
    told = f"{bad:,} of the first {plural(head.num_rows, 'row')} have no probabilities in {', '.join(f'`{n}`' for n in names)}"
    return [f"{told}: they are outside 0 to 1, or do not add up to 1"]


def _wrong_lists(name: str, classes: int, head: pa.Table) -> list[str]:
    column = head[name].drop_null()
    if not _counts(column.type.value_type):
        return [f"the probabilities `{name}` are {column.type}, and probabilities are numbers"]
    sizes = sorted(set(pc.list_value_length(column).to_pylist()))
    if not sizes or classes in sizes:
        return []
    return [
        f"the probabilities `{name}` are lists of {', '.join(map(str, sizes[:_SHOWN]))}, and there are {classes} classes"
    ]


def _whole(column: pa.ChunkedArray) -> pa.Array:
    found = column.combine_chunks()
    return (
        pa.concat_arrays(found.chunks) if isinstance(found, pa.ChunkedArray) else found
    )  # as old pyarrow combines extension types


def _counts(kind: pa.DataType) -> bool:
    return is_number(kind) or pa.types.is_null(kind)


def wrong_weight(name: str | None, head: pa.Table) -> list[str]:
    if name is None or name not in head.column_names or _counts(kind := head.schema.field(name).type):
        return []
    return [f"the weight `{name}` is {kind}, and weights are numbers"]


def wrong_keys(names: Sequence[str], head: pa.Table) -> list[str]:
    """Of columns that tell rows apart."""
    kinds = {n: head.schema.field(n).type for n in names if n in head.column_names}
    return [
        f"the key `{n}` is {kind}, and a key is a text, a number or a time"
        for n, kind in kinds.items()
        if kind_of(kind) in _NESTED and not (pa.types.is_binary(kind) or pa.types.is_large_binary(kind))
    ]
