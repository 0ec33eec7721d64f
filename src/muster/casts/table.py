"""Every pair of types that is cast, and what to do about those that are not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import NoReturn, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc

from muster.casts import nested, numbers, times
from muster.casts.rule import Cast, Mask, Rule, Run, found, is_list, nulled, simple, then, true, type_name
from muster.errors import InvalidInput

__all__ = ["cast", "castable", "plain_type", "rule"]


def rule(source: pa.DataType, target: pa.DataType) -> Rule:
    """How the one becomes the other. InvalidInput if no rule casts it, with what to do in its hint."""
    if source == target:
        return Rule(source, target)
    inner = _unwrap(source)
    if inner is not None:
        return then(Rule(source, *inner), rule(inner[0], target))
    if pa.types.is_dictionary(target):
        encode = Rule(target.value_type, target, lambda a: (a.dictionary_encode().cast(target), None))
        return then(rule(source, target.value_type), encode)
    return _RULES.get((_family(source), _family(target)), _refuse)(source, target)


def cast(array: pa.Array, target: pa.DataType) -> Cast:
    """The values of `array` as `target`. InvalidInput if no rule casts its type."""
    return rule(array.type, target)(array)


def castable(source: pa.DataType, target: pa.DataType) -> bool:
    """Whether a rule casts the type; single values may still be faults."""
    try:
        rule(source, target)
    except InvalidInput:
        return False
    return True


_FAMILIES: tuple[tuple[str, Callable[[pa.DataType], bool]], ...] = (
    ("null", pa.types.is_null),
    ("boolean", pa.types.is_boolean),
    ("integer", pa.types.is_integer),
    ("float", pa.types.is_floating),
    ("decimal", pa.types.is_decimal),
    ("text", lambda t: pa.types.is_string(t) or pa.types.is_large_string(t) or pa.types.is_string_view(t)),
    ("bytes", lambda t: pa.types.is_binary(t) or pa.types.is_large_binary(t) or pa.types.is_binary_view(t)),
    ("bytes", pa.types.is_fixed_size_binary),
    ("date or time", lambda t: pa.types.is_date(t) or (pa.types.is_timestamp(t) and t.tz is None)),
    ("zoned time", pa.types.is_timestamp),
    ("time of day", pa.types.is_time),
    ("duration", pa.types.is_duration),
    ("list", is_list),
    ("struct", pa.types.is_struct),
    ("map", pa.types.is_map),
)


def _family(kind: pa.DataType) -> str:
    return next((name for name, test in _FAMILIES if test(kind)), str(kind))


def _unwrap(source: pa.DataType) -> tuple[pa.DataType, Run] | None:
    """The type inside a wrapper that means the same, and the way there."""
    if pa.types.is_dictionary(source):
        return source.value_type, lambda a: (a.dictionary_decode(), None)
    if pa.types.is_run_end_encoded(source):
        return source.value_type, lambda a: (pc.run_end_decode(a), None)
    match source.extension_name if isinstance(source, pa.BaseExtensionType) else None:
        case "arrow.json" | "arrow.uuid":
            return source.storage_type, lambda a: (a.storage, None)
        case "arrow.bool8":
            return pa.bool_(), lambda a: (pc.not_equal(a.storage, pa.scalar(0, pa.int8())), None)
        case "arrow.fixed_shape_tensor" if source.permutation in (None, sorted(source.permutation or ())):
            return source.storage_type, lambda a: (a.storage, None)
    return None


def plain_type(kind: pa.DataType) -> pa.DataType:
    """The type that says the same without a layout or a wrapper: that of a dictionary's values, `string` for `large_string`."""
    inner = _unwrap(kind)
    if inner is not None:
        return plain_type(inner[0])
    match _family(kind):
        case "text":
            return pa.string()
        case "bytes" if not pa.types.is_fixed_size_binary(kind):
            return pa.binary()
        case "list":
            return pa.list_(plain_type(kind.value_type), kind.list_size if pa.types.is_fixed_size_list(kind) else -1)
        case "struct":
            return pa.struct([(f.name, plain_type(f.type)) for f in kind])
        case "map":
            return pa.map_(plain_type(kind.key_type), plain_type(kind.item_type))
    return pa.date32() if pa.types.is_date(kind) else kind


_HINTS = {
    ("text", "integer"): "convert the text to numbers in the data, or declare the column's type where it is read",
    ("integer", "text"): "numbers have lost how they were written (007); write the column as text in the data",
    ("float", "decimal"): "a double has no exact decimal; write the column as decimals or integers in the data",
    ("zoned time", "date or time"): "convert the column to the model's own zone and drop the zone, in the data",
    ("date or time", "zoned time"): "say in the data which zone the times are in",
    (
        "text",
        "date or time",
    ): "convert the text to timestamps in the data, or declare the column's type where it is read",
    ("bytes", "text"): "decode the bytes to text in the data",
}
_SAME_HINT = {"float": "integer", "decimal": "integer", "boolean": "integer", "zoned time": "date or time"}


def _refuse(source: pa.DataType, target: pa.DataType) -> NoReturn:
    pair = _family(source), _family(target)
    alike = _SAME_HINT.get(pair[0], pair[0]), _SAME_HINT.get(pair[1], pair[1])
    if pa.types.is_null(target):
        raise InvalidInput(
            f"the signature knows only nulls, and no {type_name(source)}",
            hint="register the model again, with a sample that has values in this column, or declare its type",
        )
    hint = _HINTS.get(pair) or _HINTS.get(alike) or f"write the column as {type_name(target)} in the data"
    raise InvalidInput(f"no rule casts {type_name(source)} to {type_name(target)}", hint=hint)


def _of_nulls(source: pa.DataType, target: pa.DataType) -> Rule:
    return Rule(source, target, lambda a: (pa.nulls(len(a), target), None))


def _bytes_to_bytes(source: pa.DataType, target: pa.DataType) -> Rule:
    if not pa.types.is_fixed_size_binary(target):
        return simple(source, target)
    if pa.types.is_fixed_size_binary(source):
        _refuse(source, target)  # two widths: no value ever fits

    def run(array: pa.Array) -> tuple[pa.Array, Mask]:
        faults = found(true(pc.not_equal(pc.binary_length(array), target.byte_width)))
        return (array if faults is None else nulled(array, faults)).cast(target), faults

    return Rule(source, target, run, f"has not {target.byte_width} bytes")


_Make: TypeAlias = Callable[[pa.DataType, pa.DataType], Rule]

_RULES: Mapping[tuple[str, str], _Make] = {
    ("boolean", "integer"): numbers.bool_to_number,
    ("boolean", "float"): numbers.bool_to_number,
    ("boolean", "decimal"): numbers.bool_to_number,
    ("integer", "boolean"): numbers.number_to_bool,
    ("integer", "integer"): numbers.integer_to_integer,
    ("integer", "float"): numbers.integer_to_float,
    ("integer", "decimal"): numbers.integer_to_decimal,
    ("float", "boolean"): numbers.number_to_bool,
    ("float", "integer"): numbers.float_to_integer,
    ("float", "float"): numbers.float_to_float,
    ("decimal", "boolean"): numbers.number_to_bool,
    ("decimal", "integer"): numbers.decimal_to_integer,
    ("decimal", "float"): numbers.decimal_to_float,
    ("decimal", "decimal"): numbers.decimal_to_decimal,
    ("text", "text"): simple,
    ("bytes", "bytes"): _bytes_to_bytes,
    ("date or time", "date or time"): times.time_to_time,
    ("zoned time", "zoned time"): times.time_to_time,
    ("time of day", "time of day"): times.time_to_time,
    ("duration", "duration"): times.time_to_time,
    ("list", "list"): partial(nested.list_to_list, rule),
    ("struct", "struct"): partial(nested.struct_to_struct, rule),
    ("struct", "map"): partial(nested.struct_to_map, rule),
    ("map", "map"): partial(nested.map_to_map, rule),
    **{("null", name): _of_nulls for name, _ in _FAMILIES},
}
