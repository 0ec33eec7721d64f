"""Which labels a row has, however a column says it: flags in the order of the classes, names, or a column for each class."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from muster.casts.rule import is_list
from muster.profiles.judged import class_places
from muster.profiles.keys import Cells, Floats
from muster.profiles.nested import parsed
from muster.signature import Scalar

__all__ = ["FLAGS", "Flags", "are_flags", "flags_of", "flags_of_column", "scores_of"]

Mask = NDArray[np.bool_]
_FLAGS: tuple[Scalar, ...] = ("0", "1", "false", "true")
"""The odd ones are set."""
FLAGS = frozenset(map(str, _FLAGS))
"""What a flag may be, as labels are compared."""


@dataclass(frozen=True, slots=True)
class Flags:
    """`own` (rows, labels); rows that are `absent` (null), `wrong` (no such value), or have an `unknown` label, by its name."""

    own: Mask
    absent: Mask
    wrong: Mask
    unknown: dict[str, Mask] = field(default_factory=dict)


def flags_of(column: pa.Array, classes: Sequence[Scalar]) -> Flags:
    """A column of lists: of flags in the order of the classes, or of names; or a text of JSON that is one."""
    lists = parsed(column)
    rows, labels = len(lists), len(classes)
    absent = _nulls(lists)
    if not is_list(lists.type):
        return Flags(np.zeros((rows, labels), np.bool_), absent, ~absent)
    some = lists.drop_null()
    sizes = pc.list_value_length(some).to_numpy(zero_copy_only=False).astype(np.int64)
    row = np.repeat(np.flatnonzero(~absent), sizes)
    items = pc.list_flatten(some)
    if isinstance(items, pa.ChunkedArray):
        items = items.combine_chunks()
    own, wrong = np.zeros((rows, labels), np.bool_), np.zeros(rows, np.bool_)
    if are_flags(lists.type, classes):
        wrong[np.flatnonzero(~absent)] = sizes != labels
        codes = _flag_places(items)
        wrong[row[codes < 0]] = True
        place = np.arange(len(row)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        good = ~wrong[row]
        own[row[good], place[good]] = codes[good] % 2 == 1
        return Flags(own, absent, wrong)
    codes, unknown = class_places(items, classes)
    wrong[row[codes == -2]] = True
    own[row[codes >= 0], codes[codes >= 0]] = True
    masks = {}
    for label, where in unknown.items():
        masks[label] = np.zeros(rows, np.bool_)
        masks[label][row[where]] = True
    return Flags(own, absent, wrong, masks)


def _flag_places(items: pa.Array) -> Cells:
    """Odd where a flag is set, negative where it is none."""
    if pa.types.is_boolean(items.type) and not items.null_count:
        return items.to_numpy(zero_copy_only=False).astype(np.int64)
    return class_places(items, _FLAGS)[0]


def are_flags(kind: pa.DataType, classes: Sequence[Scalar]) -> bool:
    """Whether such lists have a flag for each class, and no names: those of booleans, and of numbers where no class is one."""
    value = kind.value_type
    if pa.types.is_boolean(value):
        return True
    number = pa.types.is_integer(value) or pa.types.is_floating(value) or pa.types.is_decimal(value)
    return bool(number and not any(isinstance(c, int) for c in classes))


def flags_of_column(column: pa.Array) -> Flags:
    """One class: true and false, or 1 and 0; `own` (rows, 1)."""
    codes = _flag_places(column)
    return Flags((codes % 2 == 1)[:, None] & (codes >= 0)[:, None], codes == -2, codes == -1)


def scores_of(column: pa.Array, labels: int) -> tuple[Floats, Mask, Mask]:
    """Probabilities (rows, labels) of a column of lists, the rows that have none, and those that have another number of them."""
    lists = parsed(column, pa.list_(pa.float64()))
    absent = _nulls(lists)
    found = np.zeros((len(lists), labels))
    some = lists.drop_null()
    sizes = pc.list_value_length(some).to_numpy(zero_copy_only=False).astype(np.int64)
    wrong = np.zeros(len(lists), np.bool_)
    wrong[np.flatnonzero(~absent)] = sizes != labels
    items = pc.cast(pc.list_flatten(some), pa.float64(), safe=False).to_numpy(zero_copy_only=False)
    good = np.repeat(sizes == labels, sizes)
    found[~absent & ~wrong] = items[good].reshape(-1, labels)
    return found, absent, wrong


def _nulls(column: pa.Array) -> Mask:
    return column.is_null().to_numpy(zero_copy_only=False)
