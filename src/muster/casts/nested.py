"""Rules for lists, structs and maps."""

from __future__ import annotations

from functools import reduce
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from muster.casts.rule import Find, Mask, Rule, either, found, nulls, type_name
from muster.errors import InvalidInput


def list_to_list(find: Find, source: pa.DataType, target: pa.DataType) -> Rule:
    """Item by item; a fixed size is a condition on each row."""
    item = find(source.value_type, target.value_type)
    size = target.list_size if pa.types.is_fixed_size_list(target) else None

    def run(array: pa.Array) -> tuple[pa.Array, Mask]:
        lengths = pc.list_value_length(array).fill_null(0).to_numpy(zero_copy_only=False).astype(np.int64)
        items, empty = item(array.flatten()), nulls(array)
        faults = np.zeros(len(array), np.bool_)
        if items.faults is not None:
            faults[np.repeat(np.arange(len(array)), lengths)[items.faults]] = True
        if size is not None:
            faults |= (lengths != size) & (True if empty is None else ~empty)
        return lists(items.array, lengths, target, either(empty, found(faults))), found(faults)

    reasons = [
        f"has not {size} items" if size is not None else "",
        f"has an item that {item.reason}" if item.reason else "",
    ]
    return Rule(source, target, run, " or ".join(filter(None, reasons)), rounded=item.rounded)


def lists(items: pa.Array, lengths: npt.NDArray[np.int64], target: pa.DataType, empty: Mask) -> pa.Array:
    """Lists of consecutive items, `lengths` each; null in the rows of `empty`."""
    ends = np.cumsum(lengths)
    mask = None if empty is None else pa.array(empty)
    if pa.types.is_fixed_size_list(target):
        if empty is not None:
            places = (ends - lengths)[:, None] + np.arange(target.list_size)
            absent = np.repeat(empty, target.list_size)
            items = items.take(pa.array(np.where(absent, 0, places.ravel()), mask=absent))
        return pa.FixedSizeListArray.from_arrays(items, type=target, mask=mask)
    offsets = np.concatenate([[0], ends])
    if pa.types.is_large_list(target):
        return pa.LargeListArray.from_arrays(offsets, items, type=target, mask=mask)
    return pa.ListArray.from_arrays(offsets.astype(np.int32), items, type=target, mask=mask)


def struct_to_struct(find: Find, source: pa.DataType, target: pa.DataType) -> Rule:
    """Field by field, by name; fields that the target does not have are left out."""
    missing = [f.name for f in target if len(source.get_all_field_indices(f.name)) != 1]
    if missing:
        raise InvalidInput(
            f"{type_name(source)} has no one field {', '.join(f'`{n}`' for n in missing)}",
            hint=f"write the column as {type_name(target)} in the data",
        )
    places = [source.get_field_index(f.name) for f in target]
    rules = [_field_rule(find, source.field(i), f) for i, f in zip(places, target, strict=True)]

    def run(array: pa.Array) -> tuple[pa.Array, Mask]:
        children = array.flatten()
        casts = [rule(children[i]) for i, rule in zip(places, rules, strict=True)]
        mask = array.is_null() if array.null_count else None
        result = pa.StructArray.from_arrays([c.array for c in casts], fields=list(target), mask=mask)
        return result, reduce(either, (c.faults for c in casts), None)

    reasons = [f"has a `{f.name}` that {r.reason}" for f, r in zip(target, rules, strict=True) if r.reason]
    return Rule(source, target, run, " or ".join(reasons), rounded=any(r.rounded for r in rules))


def _field_rule(find: Find, source: pa.Field, target: pa.Field) -> Rule:
    try:
        return find(source.type, target.type)
    except InvalidInput as error:
        raise InvalidInput(f"`{target.name}`: {error.message}", hint=error.hint) from None


def _pairs(target: pa.DataType) -> pa.DataType:
    return pa.list_(pa.struct([pa.field("key", target.key_type, nullable=False), pa.field("value", target.item_type)]))


def map_to_map(find: Find, source: pa.DataType, target: pa.DataType) -> Rule:
    """Keys and values apart."""
    before, after = _pairs(source), _pairs(target)
    rule = list_to_list(find, before, after)

    def run(array: pa.Array) -> tuple[pa.Array, Mask]:
        result = rule(array.cast(before))
        keys, values = result.array.flatten().flatten()
        lengths = pc.list_value_length(result.array).fill_null(0).to_numpy(zero_copy_only=False)
        return _maps(keys, values, lengths, target, nulls(result.array)), result.faults

    return Rule(source, target, run, rule.reason, rounded=rule.rounded)


def _maps(keys: pa.Array, values: pa.Array, lengths: npt.NDArray[Any], target: pa.DataType, empty: Mask) -> pa.Array:
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
    # A null offset is a null map.
    ends = pa.array(offsets, mask=None if empty is None else np.append(empty, False))
    return pa.MapArray.from_arrays(ends, keys, values).cast(target)


def struct_to_map(find: Find, source: pa.DataType, target: pa.DataType) -> Rule:
    """Objects with free keys become structs in JSON and pandas; a key that a row does not have is null in it."""
    rules = [_field_rule(find, f, pa.field(f.name, target.item_type)) for f in source]
    names = find(pa.string(), target.key_type)(pa.array([f.name for f in source], pa.string())).array

    def run(array: pa.Array) -> tuple[pa.Array, Mask]:
        casts = [rule(child) for rule, child in zip(rules, array.flatten(), strict=True)]
        width, rows = len(rules), len(array)
        there = np.zeros((rows, width), np.bool_)
        for i, one in enumerate(casts):
            there[:, i] = True if one.array.null_count == 0 else one.array.is_valid().to_numpy(zero_copy_only=False)
        row, column = np.nonzero(there)
        values = pa.concat_arrays([c.array for c in casts]) if casts else pa.array([], target.item_type)
        result = _maps(
            names.take(pa.array(column)),
            values.take(pa.array(column * rows + row)),
            there.sum(axis=1),
            target,
            nulls(array),
        )
        return result, reduce(either, (c.faults for c in casts), None)

    reasons = [f"has a `{f.name}` that {r.reason}" for f, r in zip(source, rules, strict=True) if r.reason]
    return Rule(source, target, run, " or ".join(reasons), rounded=any(r.rounded for r in rules))
