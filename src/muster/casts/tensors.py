"""The rule for tensors: each row's values as one flat list, row-major, and its shape checked."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from muster.casts.nested import lists
from muster.casts.rule import Mask, Rule, either, found, is_list, nulls, type_name
from muster.casts.table import rule
from muster.errors import InvalidInput

__all__ = ["tensor_rule"]


def tensor_rule(source: pa.DataType, target: pa.DataType, shape: Sequence[int]) -> Rule:
    """Of flat lists, of lists nested as deep as `shape` is long, or of Arrow's tensors. `shape` is that of a row; -1 is free.

    The values are cast like those of columns. InvalidInput if the type or the number of axes can never fit.
    """
    if isinstance(source, pa.BaseExtensionType) and source.extension_name == "arrow.fixed_shape_tensor":
        _check_axes(source, shape)
        flat = rule(source, source.storage_type)
        inner = tensor_rule(source.storage_type, target, [int(np.prod(source.shape))])
        return Rule(source, target, lambda a: _run(inner, flat(a).array), inner.reason, inner.rounded)
    depth, leaf = _depth(source)
    if not depth:
        return rule(source, target)
    if depth not in (1, len(shape)):
        raise InvalidInput(
            f"{type_name(source)} has {depth} axes and not {len(shape)}",
            hint=f"write each row as a list of its values, or nested as {_shape(shape)}",
        )
    item = rule(leaf, target.value_type)
    nested = depth == len(shape)

    def run(array: pa.Array) -> tuple[pa.Array, Mask]:
        values, rows, faults = _flatten(array, shape if nested else [-1])
        counts = np.bincount(rows, minlength=len(array))
        if not nested:
            faults |= _misfit(counts, shape)
        result = item(values)
        faults[rows[_faulty(result.faults, values)]] = True
        empty = nulls(array)
        if empty is not None:
            faults &= ~empty
        return lists(result.array, counts, target, either(empty, found(faults))), found(faults)

    reasons = [f"has not the shape {_shape(shape)}", "has a value that " + (item.reason or "is null")]
    return Rule(source, target, run, " or ".join(reasons), rounded=item.rounded)


def _run(inner: Rule, array: pa.Array) -> tuple[pa.Array, Mask]:
    result = inner(array)
    return result.array, result.faults


def _shape(shape: Sequence[int]) -> str:
    """A shape as numpy writes it."""
    return "(" + ", ".join("any" if n < 0 else str(n) for n in shape) + ("," if len(shape) == 1 else "") + ")"


def _check_axes(source: pa.DataType, shape: Sequence[int]) -> None:
    have = list(source.shape)
    if len(have) != len(shape) or any(want not in (-1, n) for n, want in zip(have, shape, strict=True)):
        raise InvalidInput(
            f"tensors of shape {_shape(have)} are not of shape {_shape(shape)}", hint="reshape them in the data"
        )


def _depth(kind: pa.DataType) -> tuple[int, pa.DataType]:
    depth = 0
    while is_list(kind):
        depth, kind = depth + 1, kind.value_type
    return depth, kind


def _faulty(faults: Mask, values: pa.Array) -> npt.NDArray[np.bool_]:
    """Values that do not cast, or are null, which no tensor can hold."""
    null = nulls(values)
    both = either(faults, null)
    return np.zeros(len(values), np.bool_) if both is None else both


def _flatten(array: pa.Array, shape: Sequence[int]) -> tuple[pa.Array, npt.NDArray[np.intp], npt.NDArray[np.bool_]]:
    """The innermost values, the row that each is of, and the rows that are ragged or of another shape."""
    faults = np.zeros(len(array), np.bool_)
    rows = np.arange(len(array))
    for axis, size in enumerate(shape):
        lengths = (
            pc.list_value_length(array).fill_null(-1 if axis else 0).to_numpy(zero_copy_only=False).astype(np.int64)
        )
        # A free axis has any length, but one only in each row; rows are in order, so each begins where its number first stands.
        wanted = size if size >= 0 else lengths[np.searchsorted(rows, rows)]
        empty = nulls(array) if axis == 0 else None
        wrong = (lengths != wanted) | (lengths < 0)
        faults[rows[wrong if empty is None else wrong & ~empty]] = True
        rows = np.repeat(rows, np.maximum(lengths, 0))
        array = array.flatten()
    return array, rows, faults


def _misfit(counts: npt.NDArray[np.intp], shape: Sequence[int]) -> npt.NDArray[np.bool_]:
    """The rows whose number of values no array of the shape has."""
    fixed = int(np.prod([n for n in shape if n >= 0]))
    if all(n >= 0 for n in shape):
        return counts != fixed
    return counts % fixed != 0 if fixed else counts != 0
