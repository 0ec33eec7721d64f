"""What a rule is, and the tools that rules are made of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

__all__ = [
    "Cast",
    "Find",
    "Mask",
    "Rule",
    "Run",
    "dtype",
    "either",
    "filled",
    "found",
    "is_list",
    "nulled",
    "nulls",
    "simple",
    "then",
    "true",
    "type_name",
]

Mask: TypeAlias = "npt.NDArray[np.bool_] | None"
"""The rows that something holds of; None where it holds of none."""

Run: TypeAlias = Callable[[pa.Array], tuple[pa.Array, Mask]]


@dataclass(frozen=True, slots=True)
class Cast:
    """A cast array. `faults` marks the rows whose value did not cast, which are null; `note` tells what was cast to what."""

    array: pa.Array
    faults: Mask
    note: str | None


@dataclass(frozen=True, slots=True)
class Rule:
    """How values of `source` become values of `target`; without `run` they are taken as they are.

    `reason` completes "the value …" for one that does not cast. `rounded` rules change a value to the nearest one that
    the target has; all others keep every value.
    """

    source: pa.DataType
    target: pa.DataType
    run: Run | None = None
    reason: str = ""
    rounded: bool = False

    @property
    def note(self) -> str | None:
        """What becomes what; None where only the layout in memory differs."""
        before, after = type_name(self.source), type_name(self.target)
        return None if before == after else f"{before} → {after}{' (rounded)' if self.rounded else ''}"

    def __call__(self, array: pa.Array) -> Cast:
        if self.run is None:
            return Cast(array, None, None)
        result, faults = self.run(array)
        if faults is not None:
            result = nulled(result, faults)
        return Cast(result, faults, self.note)


Find: TypeAlias = Callable[[pa.DataType, pa.DataType], Rule]
"""Looks the rule of two types up; InvalidInput if there is none."""


def either(one: Mask, other: Mask) -> Mask:
    """The rows of both."""
    return other if one is None else one if other is None else one | other


def type_name(kind: pa.DataType) -> str:
    """A type as people read it, without its layout in memory: `large_string` is `string`, a dictionary is told by its values."""
    types = pa.types
    if types.is_dictionary(kind):
        return f"dictionary of {type_name(kind.value_type)}"
    if is_list(kind):
        size = f"[{kind.list_size}]" if types.is_fixed_size_list(kind) else ""
        return f"list{size} of {type_name(kind.value_type)}"
    if types.is_struct(kind):
        return "struct<" + ", ".join(f"{f.name}: {type_name(f.type)}" for f in kind) + ">"
    if types.is_map(kind):
        return f"map of {type_name(kind.item_type)}"
    if isinstance(kind, pa.BaseExtensionType):
        return str(kind.extension_name)
    if types.is_large_string(kind) or types.is_string_view(kind):
        return "string"
    return "binary" if types.is_large_binary(kind) or types.is_binary_view(kind) else str(kind)


def is_list(kind: pa.DataType) -> bool:
    """Any layout of lists."""
    types = pa.types
    return bool(
        types.is_list(kind)
        or types.is_large_list(kind)
        or types.is_fixed_size_list(kind)
        or types.is_list_view(kind)
        or types.is_large_list_view(kind)
    )


def then(first: Rule, second: Rule) -> Rule:
    """One rule after the other."""

    def run(array: pa.Array) -> tuple[pa.Array, Mask]:
        one = first(array)
        two = second(one.array)
        return two.array, either(one.faults, two.faults)

    reason = second.reason or first.reason
    return Rule(first.source, second.target, run, reason, rounded=first.rounded or second.rounded)


def dtype(kind: pa.DataType) -> np.dtype[Any]:
    """numpy's type for numbers; Arrow's own way asks for pandas."""
    return np.dtype({"halffloat": "float16", "float": "float32", "double": "float64"}.get(str(kind), str(kind)))


def filled(array: pa.Array) -> npt.NDArray[Any]:
    """The values as numpy, with 0 for null."""
    return (array.fill_null(0) if array.null_count else array).to_numpy(zero_copy_only=False)


def nulls(array: pa.Array) -> Mask:
    """The null rows."""
    return array.is_null().to_numpy(zero_copy_only=False) if array.null_count else None


def nulled(array: pa.Array, rows: npt.NDArray[np.bool_]) -> pa.Array:
    """The array with null in these rows. By `take`, which keeps every type, where `if_else` knows some only."""
    return array.take(pa.array(np.arange(len(array)), mask=rows))


def found(faults: npt.NDArray[np.bool_]) -> Mask:
    """The mask, or None where it marks nothing."""
    return faults if faults.any() else None


def simple(source: pa.DataType, target: pa.DataType) -> Rule:
    """For pairs where Arrow's own cast keeps every value."""
    return Rule(source, target, lambda a: (a.cast(target), None))


def true(array: pa.Array) -> npt.NDArray[np.bool_]:
    """A boolean array as numpy, with false for null."""
    return array.fill_null(False).to_numpy(zero_copy_only=False)
