"""Texts of JSON as the nested values that they are: what a column of lists or structs is in CSV."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import json as arrow_json

__all__ = ["is_text", "parsed"]

_LISTS = (pa.list_(pa.bool_()), pa.list_(pa.string()), pa.list_(pa.float64()))


def is_text(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        return is_text(kind.value_type)
    types = pa.types
    return bool(types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind))


def parsed(column: pa.Array, kind: pa.DataType | None = None) -> pa.Array:
    """The values of a column of texts, of this type or else lists of one type; null where there is none. Any other column as it is.

    A text that is no such value is an empty struct or a list with a null, which no reader takes for one that is.
    """
    if not is_text(column.type):
        return column
    encoded = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
    texts = pc.cast(encoded.dictionary, pa.string())
    values = _at_once(texts, [kind] if kind is not None else _LISTS)
    if values is None:
        values = _one_by_one(texts, kind)
    return values.take(encoded.indices)


def _at_once(texts: pa.Array, kinds: Sequence[pa.DataType]) -> pa.Array | None:
    """All of one of the types, or None."""
    lines = pc.binary_join_element_wise('{"v":', pc.replace_substring(texts, "\n", " "), "}", "")
    if not len(lines) or lines.null_count:
        return None
    data = pc.binary_join(pa.ListArray.from_arrays(pa.array([0, len(lines)], pa.int32()), lines), "\n")[0].as_buffer()
    for kind in kinds:
        options = arrow_json.ParseOptions(explicit_schema=pa.schema([("v", kind)]), unexpected_field_behavior="ignore")
        reading = arrow_json.ReadOptions(use_threads=False, block_size=data.size + 1)
        try:
            found = arrow_json.read_json(pa.BufferReader(data), reading, options).column("v").combine_chunks()
        except pa.ArrowException:
            continue
        if len(found) == len(texts):
            return found
    return None


def _one_by_one(texts: pa.Array, kind: pa.DataType | None) -> pa.Array:
    """Each distinct text by itself."""
    values = [_loaded(text) for text in texts.to_pylist()]
    if kind is not None:
        return pa.concat_arrays([_fitted(value, kind) for value in values] or [pa.array([], kind)])
    lists = [v if v is None or isinstance(v, list) else [None] for v in values]
    items = [item for v in lists for item in v or () if item is not None]
    if all(isinstance(item, bool) for item in items):
        return pa.array(lists, _LISTS[0])
    return pa.array([v and [_text(item) for item in v] for v in lists], _LISTS[1])


def _loaded(text: str | None) -> object:
    """`[None]` where it is no JSON."""
    try:
        return None if text is None else json.loads(text)
    except (ValueError, RecursionError):
        return [None]


def _fitted(value: object, kind: pa.DataType) -> pa.Array:
    struct = pa.types.is_struct(kind)
    if value is None:
        return pa.nulls(1, kind)
    if isinstance(value, dict if struct else list):
        try:
            return pa.array([value], kind)
        except pa.ArrowException:
            fields = value.items() if isinstance(value, dict) else ()
            value = {name: item for name, item in fields if _fits(item, kind, name)}
    return pa.array([value if struct and isinstance(value, dict) else {} if struct else [None]], kind)


def _fits(item: object, kind: pa.DataType, name: str) -> bool:
    place = kind.get_field_index(name)
    try:
        return place >= 0 and len(pa.array([item], kind.field(place).type)) == 1
    except pa.ArrowException:
        return False


def _text(item: object) -> str | None:
    return None if item is None else item if isinstance(item, str) else json.dumps(item)
