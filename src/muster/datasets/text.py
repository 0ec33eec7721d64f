"""Text read as values of a type: whole columns at once, with the rows that cannot be read."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import reduce
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from muster.dataset import Fault
from muster.datasets.chunks import batch_of
from muster.datasets.json_fit import INEXACT, UNFIT, fit, loads, twice
from muster.errors import InvalidInput
from muster.signature import Json

__all__ = ["TOKENS", "Starts", "convert", "spread", "without_faulty"]

TOKENS = pa.array(
    [
        "",
        "NA",
        "N/A",
        "n/a",
        "#N/A",
        "<NA>",
        "NaN",
        "nan",
        "NAN",
        "-nan",
        "-NaN",
        "NULL",
        "null",
        "Null",
        "None",
        "none",
        "NONE",
        "\\N",
    ]
)
"""What stands for null where anything but text is read."""

_TRUE = pa.array(["true", "t", "yes", "y", "1", "1.0"])
_FALSE = pa.array(["false", "f", "no", "n", "0", "0.0"])

_SURE = r"^[+-]?([0-9]+\.0*|[0-9.]{1,15}([eE][+-]?[0-9]+)?)$"
"""Numbers whose floats tell whether they are whole: no two of so few digits have one float."""

Parse: TypeAlias = Callable[[pa.Array], pa.Array]
Mask: TypeAlias = "npt.NDArray[np.bool_]"


def spread(values: pa.Array) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.uint8]]:
    """All bytes of strings without nulls, and where each begins in them; the last place is the end."""
    _, offsets, data = values.buffers()
    if data is None or not len(values):
        return np.zeros(len(values) + 1, np.int64), np.zeros(0, np.uint8)
    where = np.frombuffer(offsets, np.int32)[values.offset : values.offset + len(values) + 1].astype(np.int64)
    return where - where[0], np.frombuffer(data, np.uint8)[where[0] : where[-1]]


@dataclass(frozen=True, slots=True)
class Starts:
    """How values begin, looked at in the bytes of the column without making a string of any."""

    first: npt.NDArray[np.uint8]
    second: npt.NDArray[np.uint8]

    @classmethod
    def of(cls, values: pa.Array) -> Starts:
        """Of strings without nulls. A minus is passed over; a value that has ended gives zeros."""
        where, content = spread(values)
        if not content.size:
            nothing = np.zeros(len(values), np.uint8)
            return cls(nothing, nothing)
        begin, end, last = where[:-1], where[1:], content.size - 1
        begin = begin + (content[np.minimum(begin, last)] == ord("-"))
        first = np.where(begin < end, content[np.minimum(begin, last)], 0).astype(np.uint8)
        second = np.where(begin + 1 < end, content[np.minimum(begin + 1, last)], 0).astype(np.uint8)
        return cls(first, second)

    def padded(self, *, for_ints: bool = False) -> bool:
        """Whether a value has a plus or a zero in front; for whole numbers anything behind a zero counts, such as the x of 0x1F."""
        zero = self.first == ord("0")
        more = self.second != 0 if for_ints else (self.second >= ord("0")) & (self.second <= ord("9"))
        return bool(np.any(zero & more) or np.any(self.first == ord("+")))

    def hexadecimal(self) -> Mask:
        return (self.first == ord("0")) & ((self.second | 0x20) == ord("x"))


def convert(values: pa.Array, kind: pa.DataType) -> tuple[pa.Array, Mask | None]:
    """Strings as values of `kind`, and the rows whose text is none, which are null. InvalidInput if text cannot be of this type at all."""
    if pa.types.is_string(kind):
        return values, None
    if _is_text(kind):
        return pc.cast(values, kind), None
    if pa.types.is_dictionary(kind):
        array, bad = convert(values, kind.value_type)
        return pc.cast(array.dictionary_encode(), kind), bad
    if _is_bytes(kind):
        return _from_base64(values, kind)
    parse = _parser(kind)
    if not len(values):
        return pa.nulls(0, kind), None
    try:
        return parse(values), None
    except pa.ArrowInvalid:
        plain = pc.ascii_trim_whitespace(values)
        plain = pc.if_else(pc.is_in(plain, TOKENS), pa.scalar(None, pa.string()), plain)
    try:
        return parse(plain), None
    except pa.ArrowInvalid:
        return _separated(plain, kind, parse)


def without_faulty(
    read: Mapping[str, tuple[pa.Array, Mask | None]],
    schema: pa.Schema,
    rows: int,
    values: Callable[[int], Mapping[str, object]],
) -> tuple[pa.RecordBatch, tuple[Fault, ...]]:
    """The rows of which every column was read, and the others, with what `values` tells of them."""
    batch = batch_of([read[name][0] for name in schema.names], schema, rows)
    wrong = {name: bad for name, (_, bad) in read.items() if bad is not None and bad.any()}
    if not wrong:
        return batch, ()
    faulty = reduce(np.logical_or, wrong.values())
    faults = []
    for row in np.flatnonzero(faulty).tolist():
        found = values(row)
        told = "; ".join(f"`{n}` is no {schema.field(n).type}: {found[n]!r}" for n, bad in wrong.items() if bad[row])
        faults.append(Fault(row, told, found))
    return batch.filter(pa.array(~faulty)), tuple(faults)


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def _is_bytes(kind: pa.DataType) -> bool:
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind))


def _from_base64(values: pa.Array, kind: pa.DataType) -> tuple[pa.Array, Mask | None]:
    """As outputs write bytes. Only null is null, for what else stands for it (`null`, `None`) is base64 of some bytes."""
    width = kind.byte_width if pa.types.is_fixed_size_binary(kind) else None
    bad = np.zeros(len(values), np.bool_)
    found: list[bytes | None] = []
    for i, text in enumerate(values.to_pylist()):
        try:
            content = None if text is None else base64.b64decode(text, validate=True)
        except ValueError:
            content, bad[i] = None, True
        if content is not None and width not in (None, len(content)):
            content, bad[i] = None, True
        found.append(content)
    return pa.array(found, kind), bad if bad.any() else None


def _separated(values: pa.Array, kind: pa.DataType, parse: Parse) -> tuple[pa.Array, Mask]:
    """What can be read, found by halving: one bad value among many costs few tries."""
    bad = np.zeros(len(values), np.bool_)
    done: list[pa.Array] = []
    spans = [(0, len(values))]
    while spans:
        begin, end = spans.pop()
        try:
            done.append(parse(values.slice(begin, end - begin)))
        except pa.ArrowInvalid:
            if end - begin == 1:
                bad[begin] = True
                done.append(pa.nulls(1, kind))
            else:
                middle = (begin + end) // 2
                spans += [(middle, end), (begin, middle)]
    return pa.concat_arrays(done), bad


def _parser(kind: pa.DataType) -> Parse:
    for applies, make in _PARSERS:
        if applies(kind):
            return make(kind)
    raise InvalidInput(
        f"text cannot be read as {kind}", hint="declare the column as a number, a date, a time, a list or a struct"
    )


def _integers(kind: pa.DataType) -> Parse:
    def parse(values: pa.Array) -> pa.Array:
        try:
            numbers = pc.cast(values, kind)
        except pa.ArrowInvalid:
            numbers = _whole_numbers(values, kind)
        if Starts.of(values.drop_null()).hexadecimal().any():
            raise pa.ArrowInvalid("hexadecimal")
        return numbers

    return parse


def _whole_numbers(values: pa.Array, kind: pa.DataType) -> pa.Array:
    """With a plus, too, and with decimals that are zero: a column of whole numbers with nulls often went through floats."""
    plain = pc.match_substring_regex(values, r"^[+-]?[0-9]+$")
    digits = pc.replace_substring_regex(pc.if_else(plain, values, pa.scalar(None, pa.string())), r"^\+", "")
    others = pc.if_else(plain, pa.scalar(None, pa.string()), values)
    floats = _finite(others, pa.float64())
    sure = pc.and_(pc.match_substring_regex(others, _SURE), pc.less(pc.abs(floats), INEXACT))
    if not pc.all(sure, min_count=0).as_py():
        raise pa.ArrowInvalid("more digits than a float has")
    return pc.coalesce(pc.cast(digits, kind), pc.cast(floats, kind))


def _floats(kind: pa.DataType) -> Parse:
    def parse(values: pa.Array) -> pa.Array:
        numbers = _finite(values, kind)
        nan = pc.is_nan(numbers)
        return pc.if_else(nan, pa.scalar(None, kind), numbers) if pc.any(nan).as_py() else numbers

    return parse


def _finite(values: pa.Array, kind: pa.DataType) -> pa.Array:
    """Numbers; one that only overflow made infinite is refused."""
    numbers = pc.cast(values, kind)
    endless = pc.is_inf(numbers)
    if pc.any(endless).as_py() and pc.any(pc.match_substring_regex(values.filter(endless), "[0-9]")).as_py():
        raise pa.ArrowInvalid("too large")
    return numbers


def _booleans(_kind: pa.DataType) -> Parse:
    def parse(values: pa.Array) -> pa.Array:
        small = pc.ascii_lower(values)
        true = pc.is_in(small, _TRUE)
        if not pc.all(pc.or_(pc.or_(true, pc.is_in(small, _FALSE)), pc.is_null(values))).as_py():
            raise pa.ArrowInvalid("no bool")
        return pc.if_else(pc.is_null(values), pa.scalar(None, pa.bool_()), true)

    return parse


def _cast(kind: pa.DataType) -> Parse:
    return lambda values: pc.cast(values, kind)


def _dates(kind: pa.DataType) -> Parse:
    return lambda values: pc.cast(pc.cast(values, pa.date32()), kind)


def _clock(kind: pa.DataType) -> Parse:
    """Times of day, which Arrow reads only with a date before them."""
    return lambda values: pc.cast(
        pc.cast(pc.binary_join_element_wise("1970-01-01", values, "T"), pa.timestamp(kind.unit)), kind
    )


def _durations(kind: pa.DataType) -> Parse:
    """Whole numbers of the type's unit."""
    parse = _integers(pa.int64())
    return lambda values: pc.cast(parse(values), kind)


def _nothing(_kind: pa.DataType) -> Parse:
    def parse(values: pa.Array) -> pa.Array:
        if values.null_count < len(values):
            raise pa.ArrowInvalid("a value")
        return pa.nulls(len(values))

    return parse


def _nested(kind: pa.DataType) -> Parse:
    """JSON, a document in each cell."""

    def parse(values: pa.Array) -> pa.Array:
        try:
            return pa.array([None if v is None else fit(_document(v), kind) for v in values.to_pylist()], kind)
        except (*UNFIT, RecursionError) as error:
            raise pa.ArrowInvalid(str(error)) from None

    return parse


def _document(text: str) -> Json:
    document = loads(text)
    if twice(document):
        raise ValueError("a key that stands twice")
    return document


_PARSERS: tuple[tuple[Callable[[pa.DataType], bool], Callable[[pa.DataType], Parse]], ...] = (
    (pa.types.is_integer, _integers),
    (pa.types.is_floating, _floats),
    (pa.types.is_boolean, _booleans),
    (pa.types.is_date, _dates),
    (pa.types.is_timestamp, _cast),
    (pa.types.is_decimal, _cast),
    (pa.types.is_time, _clock),
    (pa.types.is_duration, _durations),
    (pa.types.is_null, _nothing),
    (pa.types.is_nested, _nested),
)
