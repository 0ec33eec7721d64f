"""Casts against oracles that know nothing of Arrow: Python's integers, fractions, decimals and struct."""

from __future__ import annotations

import datetime as dt
import math
import struct
from collections.abc import Callable, Sequence
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from muster.casts import cast, castable, rule, table, tensor_rule, type_name
from muster.errors import InvalidInput

INTEGERS = [pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64()]
FAULT = object()
"""What an oracle answers for a value that does not cast."""


def bounds(kind: pa.DataType) -> tuple[int, int]:
    bits = kind.bit_width
    return (0, 2**bits - 1) if pa.types.is_unsigned_integer(kind) else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)


def same(one: object, other: object) -> bool:
    if isinstance(one, float) and isinstance(other, float):
        return struct.pack("d", one) == struct.pack("d", other) or (math.isnan(one) and math.isnan(other))
    return one == other and isinstance(one, bool) == isinstance(other, bool)


def hidden(array: pa.Array) -> pa.Array:
    """All null, with the values still in memory."""
    return pa.Array.from_buffers(array.type, len(array), [pa.py_buffer(bytes(len(array) // 8 + 1)), array.buffers()[1]])


def check(values: Sequence[Any], source: pa.DataType, target: pa.DataType, oracle: Callable[[Any], object]) -> None:
    """The cast of values, also as a slice of a longer array with nulls in it, says what the oracle says."""
    plain = pa.array(values, source)
    if (pa.types.is_primitive(source) and not pa.types.is_boolean(source)) or pa.types.is_decimal(source):
        plain = pa.concat_arrays([plain, hidden(plain)])
    padded = pa.concat_arrays([pa.array([None], source), plain, pa.array([None, None], source)])
    for array in (plain, padded[1:-2], padded[1:]):
        result = cast(array, target)
        result.array.validate(full=True)
        assert result.array.type == target
        assert result.faults is None or result.faults.any()
        expected = [None if v is None else oracle(v) for v in array.to_pylist()]
        assert (result.faults.tolist() if result.faults is not None else [False] * len(array)) == [
            e is FAULT for e in expected
        ]
        for have, want in zip(result.array.to_pylist(), expected, strict=True):
            assert have is None if want is FAULT else same(have, want), (have, want)


def whole(value: Fraction | float | Decimal, target: pa.DataType) -> object:
    low, high = bounds(target)
    return int(value) if value == int(value) and low <= value <= high else FAULT


def nearest_float32(value: Fraction) -> object:
    """The float32 next to the value, ties to even, or a fault where that is beyond the largest."""
    around = float(np.float32(float(value))) if abs(value) < 2**128 else math.inf
    if math.isinf(around):
        return FAULT
    near = [float(np.nextafter(np.float32(around), np.float32(way))) for way in (-math.inf, math.inf)]
    best = min(
        [around, *near],
        key=lambda f: (abs(Fraction(f) - value) if math.isfinite(f) else math.inf, np.float32(f).view(np.int32) & 1),
    )
    return FAULT if abs(value) >= 2**128 - 2**103 else best


@st.composite
def integers_of(draw: st.DrawFn) -> tuple[pa.DataType, list[int | None]]:
    kind = draw(st.sampled_from(INTEGERS))
    low, high = bounds(kind)
    edges = [
        n
        for k in (7, 8, 11, 12, 15, 16, 24, 25, 31, 32, 53, 54, 63, 64)
        for n in (2**k - 1, 2**k, 2**k + 1, -(2**k), -(2**k) - 1)
        if low <= n <= high
    ]
    one = st.none() | st.sampled_from([*edges, 0, 1, low, high]) | st.integers(low, high)
    return kind, draw(st.lists(one, max_size=8))


class TestIntegers:
    @given(integers_of(), st.sampled_from(INTEGERS))
    def test_to_integers_of_any_width_where_the_value_fits(
        self, drawn: tuple[pa.DataType, list[int | None]], target: pa.DataType
    ) -> None:
        low, high = bounds(target)
        check(drawn[1], drawn[0], target, lambda v: v if low <= v <= high else FAULT)

    @given(integers_of())
    def test_to_double_only_exactly(self, drawn: tuple[pa.DataType, list[int | None]]) -> None:
        check(drawn[1], drawn[0], pa.float64(), lambda v: float(v) if int(float(v)) == v else FAULT)

    @given(integers_of())
    def test_to_float_only_exactly(self, drawn: tuple[pa.DataType, list[int | None]]) -> None:
        check(drawn[1], drawn[0], pa.float32(), lambda v: float(v) if nearest_float32(Fraction(v)) == v else FAULT)

    @given(integers_of())
    def test_to_half_only_exactly(self, drawn: tuple[pa.DataType, list[int | None]]) -> None:
        def oracle(value: int) -> object:
            try:
                return float(value) if struct.unpack("e", struct.pack("e", value))[0] == value else FAULT
            except (OverflowError, struct.error):
                return FAULT

        check(drawn[1], drawn[0], pa.float16(), oracle)

    @given(integers_of())
    def test_to_boolean_where_0_or_1(self, drawn: tuple[pa.DataType, list[int | None]]) -> None:
        check(drawn[1], drawn[0], pa.bool_(), lambda v: bool(v) if v in (0, 1) else FAULT)

    @given(integers_of(), st.integers(1, 38).flatmap(lambda p: st.tuples(st.just(p), st.integers(0, p))))
    def test_to_decimal_with_every_digit(
        self, drawn: tuple[pa.DataType, list[int | None]], digits: tuple[int, int]
    ) -> None:
        target = pa.decimal128(*digits)
        check(drawn[1], drawn[0], target, lambda v: Decimal(v) if abs(v) < 10 ** (digits[0] - digits[1]) else FAULT)


floats = st.one_of(
    st.none(),
    st.floats(width=64),
    st.integers(-(2**70), 2**70).map(float),
    st.sampled_from(
        [2.0**63, -(2.0**63), 2.0**64, 2.0**31, 255.0, 256.0, 1.0, -0.0, 1e-300, 3.4028235677973366e38, 3.4e38]
    ),
)


class TestFloats:
    @given(st.lists(floats, max_size=8), st.sampled_from(INTEGERS))
    def test_to_integer_where_whole_and_nan_is_null(self, values: list[float | None], target: pa.DataType) -> None:
        def oracle(value: float) -> object:
            return None if math.isnan(value) else FAULT if math.isinf(value) else whole(value, target)

        check(values, pa.float64(), target, oracle)

    @given(
        st.lists(st.none() | st.floats(width=32), max_size=8), st.sampled_from([pa.int32(), pa.int64(), pa.uint64()])
    )
    def test_float32_to_integer(self, values: list[float | None], target: pa.DataType) -> None:
        def oracle(value: float) -> object:
            return None if math.isnan(value) else FAULT if math.isinf(value) else whole(value, target)

        check(values, pa.float32(), target, oracle)

    @given(st.lists(floats, max_size=8))
    def test_to_float_rounded_but_never_to_infinity(self, values: list[float | None]) -> None:
        def oracle(value: float) -> object:
            try:
                return struct.unpack("<f", struct.pack("<f", value))[0]
            except OverflowError:
                return FAULT

        check(values, pa.float64(), pa.float32(), oracle)

    @given(st.lists(st.none() | st.floats(width=16), max_size=8))
    def test_to_wider_floats_as_they_are(self, values: list[float | None]) -> None:
        for source, target in (
            (pa.float16(), pa.float32()),
            (pa.float16(), pa.float64()),
            (pa.float32(), pa.float64()),
        ):
            check(values, source, target, float)

    @given(st.lists(floats, max_size=8))
    def test_to_boolean_where_0_or_1_and_nan_is_null(self, values: list[float | None]) -> None:
        check(values, pa.float64(), pa.bool_(), lambda v: None if math.isnan(v) else bool(v) if v in (0, 1) else FAULT)

    def test_pandas_integers_with_nulls(self) -> None:
        pandas = pytest.importorskip("pandas")
        column = pa.array(pandas.Series([3, None, 5]), from_pandas=False)
        assert column.type == pa.float64()
        assert column.null_count == 0
        assert cast(column, pa.int64()).array.to_pylist() == [3, None, 5]


@st.composite
def decimals_of(draw: st.DrawFn) -> tuple[pa.DataType, list[Decimal | None]]:
    wide = draw(st.booleans())
    precision = draw(st.integers(1, 76 if wide else 38))
    scale = draw(st.integers(0, precision))
    most = 10**precision - 1
    one = (
        st.none()
        | st.integers(-most, most)
        | st.integers(-min(most, 3000), min(most, 3000))
        | st.sampled_from([most, -most, 0])
    )
    unscaled = draw(st.lists(one, max_size=6))
    return (pa.decimal256 if wide else pa.decimal128)(precision, scale), [
        None if n is None else exact(n, scale) for n in unscaled
    ]


def exact(unscaled: int, scale: int) -> Decimal:
    sign, digits = int(unscaled < 0), tuple(map(int, str(abs(unscaled))))
    return Decimal((sign, digits, -scale))


class TestDecimals:
    @given(decimals_of())
    def test_to_the_nearest_double(self, drawn: tuple[pa.DataType, list[Decimal | None]]) -> None:
        # An integer of Arrow has no minus zero, so neither has its decimal.
        check(drawn[1], drawn[0], pa.float64(), lambda v: float(v) or 0.0)

    @given(decimals_of())
    def test_to_the_nearest_float(self, drawn: tuple[pa.DataType, list[Decimal | None]]) -> None:
        check(drawn[1], drawn[0], pa.float32(), lambda v: nearest_float32(Fraction(v)))

    @given(decimals_of(), st.sampled_from(INTEGERS))
    def test_to_integer_where_whole(self, drawn: tuple[pa.DataType, list[Decimal | None]], target: pa.DataType) -> None:
        check(drawn[1], drawn[0], target, lambda v: whole(Fraction(v), target))

    @given(decimals_of(), decimals_of())
    def test_to_decimal_with_every_digit(
        self, drawn: tuple[pa.DataType, list[Decimal | None]], other: tuple[pa.DataType, Any]
    ) -> None:
        target = other[0]

        def oracle(value: Decimal) -> object:
            unscaled = Fraction(value) * 10**target.scale
            return value if unscaled.denominator == 1 and abs(unscaled) < 10**target.precision else FAULT

        check(drawn[1], drawn[0], target, oracle)

    @given(decimals_of())
    def test_to_boolean_where_0_or_1(self, drawn: tuple[pa.DataType, list[Decimal | None]]) -> None:
        check(drawn[1], drawn[0], pa.bool_(), lambda v: bool(v) if v in (0, 1) else FAULT)

    def test_negative_scales(self) -> None:
        thousands = pa.decimal128(3, -3)
        check([Decimal("5E+3"), None], thousands, pa.int64(), int)
        check([Decimal("5E+3"), None], thousands, pa.int8(), lambda _: FAULT)
        check([Decimal("5E+3"), None], thousands, pa.float64(), float)
        check([Decimal("5E+3"), None], thousands, pa.decimal128(4, 0), lambda v: v)
        check([5000, 5001, None], pa.int64(), thousands, lambda v: Decimal(v) if v % 1000 == 0 else FAULT)

    def test_small_widths(self) -> None:
        for source in (pa.decimal32(5, 2), pa.decimal64(10, 2)):
            check([Decimal("1.25"), None], source, pa.float64(), float)
            check([Decimal("1.25"), Decimal("2.00")], source, pa.int64(), lambda v: whole(Fraction(v), pa.int64()))

    @pytest.mark.parametrize("target", [pa.decimal32(5, 2), pa.decimal64(5, 2)], ids=str)
    @pytest.mark.parametrize("source", [pa.decimal128(38, 30), pa.decimal128(20, 10), pa.decimal256(76, 40)], ids=str)
    def test_to_small_widths(self, source: pa.DataType, target: pa.DataType) -> None:
        values = [Decimal("0.5"), Decimal("-999.99"), Decimal("0.125"), Decimal(1000), None]
        check(values, source, target, lambda v: v if abs(v) < 1000 and v * 100 % 1 == 0 else FAULT)


class TestBooleans:
    @pytest.mark.parametrize("target", [*INTEGERS, pa.float16(), pa.float32(), pa.float64()], ids=str)
    def test_to_numbers(self, target: pa.DataType) -> None:
        check([True, False, None], pa.bool_(), target, lambda v: float(v) if pa.types.is_floating(target) else int(v))

    def test_to_decimal(self) -> None:
        check([True, False, None], pa.bool_(), pa.decimal128(3, 1), lambda v: Decimal(int(v)))


UNITS = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}
DAY = 86_400 * 10**9
instants = st.lists(
    st.none()
    | st.integers(-(2**63), 2**63 - 1)
    | st.integers(-(10**6), 10**6)
    | st.integers(-1000, 1000).map(lambda d: d * 86_400),
    max_size=6,
)


def ticks(array: pa.Array) -> list[int | None]:
    return array.cast(pa.int64() if array.type.bit_width == 64 else pa.int32()).to_pylist()


def check_ticks(
    counts: list[int | None], source: pa.DataType, target: pa.DataType, *, have: int, want: int, most: int = 2**63 - 1
) -> None:
    """Counts of `have` nanoseconds become counts of `want`, exactly or not at all."""
    result = cast(pa.array(counts, pa.int64()).cast(source), target)
    assert result.array.type == target
    faults = result.faults.tolist() if result.faults is not None else [False] * len(counts)
    for count, fault, got in zip(counts, faults, ticks(result.array), strict=True):
        exactly = None if count is None else Fraction(count * have, want)
        fits = exactly is None or (exactly.denominator == 1 and -most - 1 <= exactly <= most)
        assert fault == (not fits)
        assert got == (int(exactly) if exactly is not None and fits else None)


class TestTimes:
    @given(
        instants,
        st.sampled_from(sorted(UNITS)),
        st.sampled_from(sorted(UNITS)),
        st.sampled_from([None, "UTC", "Europe/Berlin"]),
    )
    def test_timestamps_and_durations_in_other_units(
        self, counts: list[int | None], unit: str, other: str, zone: str | None
    ) -> None:
        check_ticks(counts, pa.timestamp(unit, zone), pa.timestamp(other, zone), have=UNITS[unit], want=UNITS[other])
        check_ticks(counts, pa.duration(unit), pa.duration(other), have=UNITS[unit], want=UNITS[other])

    @given(instants, st.sampled_from(sorted(UNITS)))
    def test_midnights_to_days(self, counts: list[int | None], unit: str) -> None:
        check_ticks(counts, pa.timestamp(unit), pa.date32(), have=UNITS[unit], want=DAY, most=2**31 - 1)

    @given(st.lists(st.none() | st.integers(-(2**31), 2**31 - 1)), st.sampled_from(sorted(UNITS)))
    def test_days_to_midnights(self, days: list[int | None], unit: str) -> None:
        result = cast(pa.array(days, pa.int32()).cast(pa.date32()), pa.timestamp(unit))
        faults = result.faults.tolist() if result.faults is not None else [False] * len(days)
        for day, fault, got in zip(days, faults, ticks(result.array), strict=True):
            expected = None if day is None else day * (DAY // UNITS[unit])
            fits = expected is None or -(2**63) <= expected < 2**63
            assert (fault, got) == (not fits, expected if fits else None)

    def test_dates_of_both_widths(self) -> None:
        day = dt.date(2013, 2, 1)
        assert cast(pa.array([day, None], pa.date32()), pa.date64()).array.to_pylist() == [day, None]
        assert cast(pa.array([day, None], pa.date64()), pa.date32()).array.to_pylist() == [day, None]
        noon = cast(pa.array(["2013-02-01T12:00:00", "2013-02-01T00:00:00"]).cast(pa.timestamp("s")), pa.date64())
        assert noon.faults is not None
        assert noon.faults.tolist() == [True, False]
        assert noon.array.to_pylist() == [None, day]

    @pytest.mark.parametrize(("unit", "other"), [("s", "ms"), ("ms", "ns"), ("s", "ns")])
    def test_up_to_the_last_tick(self, unit: str, other: str) -> None:
        most = (2**63 - 1) // (UNITS[unit] // UNITS[other])
        counts: list[int | None] = [most, most + 1, -most, -most - 1]
        check_ticks(counts, pa.timestamp(unit), pa.timestamp(other), have=UNITS[unit], want=UNITS[other])

    def test_up_to_the_last_day(self) -> None:
        days: list[int | None] = [86_400 * (2**31 - 1), 86_400 * 2**31, -86_400 * 2**31, -86_400 * (2**31 + 1)]
        check_ticks(days, pa.timestamp("s"), pa.date32(), have=UNITS["s"], want=DAY, most=2**31 - 1)

    def test_another_zone_is_the_same_instant(self) -> None:
        berlin = pa.array([1_700_000_000, None], pa.timestamp("s", "Europe/Berlin"))
        result = cast(berlin, pa.timestamp("ms", "UTC"))
        assert ticks(result.array) == [1_700_000_000_000, None]
        assert result.note == "timestamp[s, tz=Europe/Berlin] → timestamp[ms, tz=UTC]"

    def test_times_of_day(self) -> None:
        noon = pa.array([dt.time(12, 0, 1), None], pa.time32("s"))
        assert cast(noon, pa.time64("ns")).array.to_pylist() == [dt.time(12, 0, 1), None]
        fine = pa.array([1_000_000_000, 1_000_000_001, None], pa.time64("ns"))
        result = cast(fine, pa.time32("s"))
        assert result.faults is not None
        assert result.faults.tolist() == [False, True, False]


class TestTextAndBytes:
    @pytest.mark.parametrize("source", [pa.large_string(), pa.string_view(), pa.string()], ids=str)
    def test_any_layout_of_text_is_the_same_type(self, source: pa.DataType) -> None:
        for target in (pa.string(), pa.large_string(), pa.string_view()):
            check(["a", "", None, "ü"], source, target, lambda v: v)
            assert rule(source, target).note is None

    @pytest.mark.parametrize("source", [pa.binary(), pa.large_binary(), pa.binary_view(), pa.binary(2)], ids=str)
    def test_any_layout_of_bytes(self, source: pa.DataType) -> None:
        check([b"ab", None], source, pa.binary(), lambda v: v)

    def test_bytes_of_a_fixed_length(self) -> None:
        check([b"ab", b"abc", None], pa.binary(), pa.binary(2), lambda v: v if len(v) == 2 else FAULT)

    def test_categories_become_their_values(self) -> None:
        kinds = pa.array(["a", None, "b", "a"]).dictionary_encode()
        result = cast(kinds[1:], pa.string())
        assert result.array.to_pylist() == [None, "b", "a"]
        assert result.note == "dictionary of string → string"

    def test_categories_of_numbers_are_cast_too(self) -> None:
        kinds = pa.array([1.0, 2.5, None]).dictionary_encode()
        result = cast(kinds, pa.int64())
        assert result.array.to_pylist() == [1, None, None]
        assert result.faults is not None
        assert result.faults.tolist() == [False, True, False]

    def test_a_model_may_take_categories(self) -> None:
        target = pa.dictionary(pa.int8(), pa.string())
        result = cast(pa.array(["a", None, "a"], pa.large_string()), target)
        assert result.array.type == target
        assert result.array.to_pylist() == ["a", None, "a"]

    def test_runs_become_their_values(self) -> None:
        runs = pa.RunEndEncodedArray.from_arrays(pa.array([2, 3], pa.int32()), pa.array([1, 2]))
        assert cast(runs, pa.float64()).array.to_pylist() == [1.0, 1.0, 2.0]

    def test_known_extension_types_become_what_they_hold(self) -> None:
        flags = pa.ExtensionArray.from_storage(pa.bool8(), pa.array([0, 1, None], pa.int8()))
        assert cast(flags, pa.int64()).array.to_pylist() == [0, 1, None]
        texts = pa.ExtensionArray.from_storage(pa.json_(), pa.array(["{}", None]))
        assert cast(texts, pa.string()).array.to_pylist() == ["{}", None]
        ids = pa.ExtensionArray.from_storage(pa.uuid(), pa.array([b"0123456789abcdef", None], pa.binary(16)))
        assert cast(ids, pa.binary()).array.to_pylist() == [b"0123456789abcdef", None]

    def test_nulls_become_nulls_of_any_type(self) -> None:
        for target in (
            pa.int64(),
            pa.string(),
            pa.list_(pa.int64()),
            pa.struct([("a", pa.int8())]),
            pa.timestamp("s", "UTC"),
        ):
            result = cast(pa.nulls(3), target)
            assert result.array.type == target
            assert result.array.null_count == 3
            assert result.faults is None


LISTS: list[Callable[[pa.DataType], pa.DataType]] = [pa.list_, pa.large_list, pa.list_view, pa.large_list_view]
rows_of_floats = st.lists(
    st.none() | st.lists(st.none() | st.sampled_from([0.0, 1.0, 2.0, 1.5, math.nan]), max_size=4), max_size=6
)


class TestNested:
    @given(rows_of_floats, st.sampled_from(LISTS), st.sampled_from([pa.list_, pa.large_list]))
    def test_lists_item_by_item(
        self,
        rows: list[Any],
        layout: Callable[[pa.DataType], pa.DataType],
        target: Callable[[pa.DataType], pa.DataType],
    ) -> None:
        def oracle(row: list[float | None]) -> object:
            return FAULT if 1.5 in row else [None if v is None or math.isnan(v) else int(v) for v in row]

        check(rows, layout(pa.float64()), target(pa.int64()), oracle)

    @given(rows_of_floats)
    def test_lists_to_a_fixed_size(self, rows: list[Any]) -> None:
        def oracle(row: list[float | None]) -> object:
            return (
                FAULT if 1.5 in row or len(row) != 2 else [None if v is None or math.isnan(v) else int(v) for v in row]
            )

        check(rows, pa.list_(pa.float64()), pa.list_(pa.int64(), 2), oracle)

    def test_fixed_sizes_to_lists_and_to_other_sizes(self) -> None:
        rows = [[1, 2], None, [3, 4]]
        check(rows, pa.list_(pa.int64(), 2), pa.list_(pa.float64()), lambda r: [float(v) for v in r])
        check(rows, pa.list_(pa.int64(), 2), pa.list_(pa.int64(), 3), lambda _: FAULT)
        check(rows, pa.list_(pa.int64(), 2), pa.list_(pa.int8(), 2), lambda r: r)

    def test_what_lies_under_a_null_row_is_no_fault(self) -> None:
        hidden = pa.FixedSizeListArray.from_arrays(pa.array([1.5, 1.5, 2.0, 3.0]), 2, mask=pa.array([True, False]))
        result = cast(hidden, pa.list_(pa.int64(), 2))
        assert result.faults is not None or result.array.to_pylist() == [None, [2, 3]]
        assert result.faults is None
        below = pa.StructArray.from_arrays([pa.array([1.5, 2.0])], names=["a"], mask=pa.array([True, False]))
        assert cast(below, pa.struct([("a", pa.int64())])).faults is None

    def test_structs_by_name_without_what_is_not_asked(self) -> None:
        source = pa.struct([("b", pa.float64()), ("extra", pa.string()), ("a", pa.int64())])
        target = pa.struct([("a", pa.float64()), ("b", pa.int64())])
        rows = [{"a": 1, "b": 2.0, "extra": "x"}, None, {"a": None, "b": 1.5, "extra": None}]
        check(
            rows,
            source,
            target,
            lambda r: FAULT if r["b"] == 1.5 else {"a": r["a"] and float(r["a"]), "b": int(r["b"])},
        )

    def test_structs_that_lack_a_field_are_refused(self) -> None:
        with pytest.raises(InvalidInput, match="no one field `zip`, `town`"):
            rule(pa.struct([("street", pa.string())]), pa.struct([("zip", pa.string()), ("town", pa.string())]))

    def test_a_refusal_within_names_the_field(self) -> None:
        with pytest.raises(InvalidInput, match="`age`: no rule casts string to int64"):
            rule(pa.struct([("age", pa.string())]), pa.struct([("age", pa.int64())]))

    def test_maps(self) -> None:
        rows = [[("a", 1.0), ("b", None)], None, [("c", 2.5)], []]
        result = cast(pa.array(rows, pa.map_(pa.string(), pa.float64()))[0:], pa.map_(pa.large_string(), pa.int64()))
        assert result.faults is not None
        assert result.faults.tolist() == [False, False, True, False]
        assert result.array.to_pylist() == [[("a", 1), ("b", None)], None, None, []]
        sliced = cast(pa.array(rows, pa.map_(pa.string(), pa.float64()))[1:], pa.map_(pa.string(), pa.int64()))
        assert sliced.array.to_pylist() == [None, None, []]

    def test_objects_with_free_keys_become_maps(self) -> None:
        rows: list[dict[str, float] | None] = [{"a": 1.0, "b": 2.0}, None, {"b": 3.5}, {"c": 4.0}, {}]
        array = pa.array(rows, pa.struct([("a", pa.float64()), ("b", pa.float64()), ("c", pa.float64())]))
        result = cast(array, pa.map_(pa.string(), pa.int64()))
        assert result.faults is not None
        assert result.faults.tolist() == [False, False, True, False, False]
        assert result.array.to_pylist() == [[("a", 1), ("b", 2)], None, None, [("c", 4)], []]
        assert cast(array[3:], pa.map_(pa.string(), pa.int64())).array.to_pylist() == [[("c", 4)], []]

    def test_deeply(self) -> None:
        source = pa.list_(pa.struct([("xs", pa.list_(pa.int64()))]))
        target = pa.large_list(pa.struct([("xs", pa.list_(pa.float64(), 2))]))
        rows = [[{"xs": [1, 2]}, {"xs": None}], None, [{"xs": [1]}], [], [None]]
        check(rows, source, target, lambda r: FAULT if r == [{"xs": [1]}] else r)
        assert (
            rule(source, target).reason
            == "has an item that has a `xs` that has not 2 items or has an item that has no exact double"
        )

    def test_empty_arrays_of_every_kind(self) -> None:
        for source, target in (
            (pa.list_(pa.int64()), pa.list_(pa.int8(), 2)),
            (pa.map_(pa.string(), pa.int64()), pa.map_(pa.string(), pa.int8())),
            (pa.struct([("a", pa.int64())]), pa.map_(pa.string(), pa.int8())),
            (pa.struct([]), pa.map_(pa.string(), pa.int8())),
            (pa.decimal128(5, 2), pa.int8()),
            (pa.decimal128(5, 2), pa.float64()),
            (pa.timestamp("s"), pa.date32()),
        ):
            result = cast(pa.array([], source), target)
            assert (result.array.type, len(result.array), result.faults) == (target, 0, None)


shapes = st.lists(st.integers(1, 3), min_size=1, max_size=3)


class TestTensors:
    @given(shapes, st.data())
    def test_nested_lists_and_flat_ones_are_the_same_tensor(self, shape: list[int], data: st.DataObject) -> None:
        free = [data.draw(st.sampled_from([n, -1])) for n in shape]
        values = np.arange(2 * math.prod(shape), dtype=np.float64).reshape(2, *shape)
        flat = [row.ravel().tolist() for row in values]
        rows: list[Any] = [values[0].tolist(), None, values[1].tolist()]
        nested = pa.float64()
        for _ in shape:
            nested = pa.list_(nested)
        expected = [flat[0], None, flat[1]]
        target = pa.list_(pa.float32())
        for array in (pa.array(rows, nested), pa.array(expected, pa.list_(pa.float64()))):
            result = tensor_rule(array.type, target, free)(array)
            assert result.faults is None
            assert result.array.type == target
            assert result.array.to_pylist() == expected

    def test_rows_of_another_shape_are_faults(self) -> None:
        rows = [
            [[1, 2], [3, 4]],
            [[1, 2]],
            [[1, 2], [3]],
            None,
            [[1, None], [3, 4]],
            [None, [3, 4]],
            [[1, 2], [3, 2**60 + 1]],
        ]
        result = tensor_rule(pa.list_(pa.list_(pa.int64())), pa.list_(pa.float64()), (2, 2))(pa.array(rows))
        assert result.faults is not None
        assert result.faults.tolist() == [False, True, True, False, True, True, True]
        assert result.array.to_pylist() == [[1.0, 2.0, 3.0, 4.0], *[None] * 6]

    def test_a_free_axis_has_one_length_within_a_row(self) -> None:
        rows = [[[1, 2, 3], [4, 5, 6]], [[1], [2]], [[1], [2, 3]], [[], []]]
        result = tensor_rule(pa.list_(pa.list_(pa.int64())), pa.list_(pa.int64()), (2, -1))(
            pa.array(rows, pa.list_(pa.list_(pa.int64())))
        )
        assert result.faults is not None
        assert result.faults.tolist() == [False, False, True, False]
        assert result.array.to_pylist() == [[1, 2, 3, 4, 5, 6], [1, 2], None, []]

    def test_flat_values_must_fill_the_shape(self) -> None:
        rows = [[1.0] * 6, [1.0] * 4, [1.0] * 3, []]
        fixed = tensor_rule(pa.list_(pa.float64()), pa.list_(pa.float64()), (2, 3))(pa.array(rows))
        free = tensor_rule(pa.list_(pa.float64()), pa.list_(pa.float64()), (-1, 2))(pa.array(rows))
        assert fixed.faults is not None
        assert free.faults is not None
        assert fixed.faults.tolist() == [False, True, True, True]
        assert free.faults.tolist() == [False, False, True, False]

    def test_arrows_own_tensors(self) -> None:
        tensors = pa.FixedShapeTensorArray.from_numpy_ndarray(np.arange(12, dtype=np.float32).reshape(2, 2, 3))
        result = tensor_rule(tensors.type, pa.list_(pa.float64(), 6), (2, -1))(tensors)
        assert result.array.to_pylist() == [[0.0, 1.0, 2.0, 3.0, 4.0, 5.0], [6.0, 7.0, 8.0, 9.0, 10.0, 11.0]]
        with pytest.raises(InvalidInput, match=r"tensors of shape \(2, 3\) are not of shape \(3, any\)"):
            tensor_rule(tensors.type, pa.list_(pa.float64()), (3, -1))
        turned = pa.fixed_shape_tensor(pa.float32(), [2, 3], permutation=[1, 0])
        with pytest.raises(InvalidInput, match="no rule casts"):
            tensor_rule(turned, pa.list_(pa.float64()), (2, 3))

    def test_the_wrong_number_of_axes_is_refused(self) -> None:
        with pytest.raises(InvalidInput, match="has 2 axes and not 3") as caught:
            tensor_rule(pa.list_(pa.list_(pa.float64())), pa.list_(pa.float64()), (28, 28, 1))
        assert "nested as (28, 28, 1)" in caught.value.hint
        with pytest.raises(InvalidInput, match="no rule casts double to list of double"):
            tensor_rule(pa.float64(), pa.list_(pa.float64()), (2, 2))


REFUSED = [
    (pa.string(), pa.float64(), "declare the column's type"),
    (pa.large_string(), pa.int64(), "declare the column's type"),
    (pa.string(), pa.bool_(), "declare the column's type"),
    (pa.string(), pa.decimal128(5, 2), "declare the column's type"),
    (pa.array(["1"]).dictionary_encode().type, pa.int64(), "declare the column's type"),
    (pa.int64(), pa.string(), "007"),
    (pa.float64(), pa.string(), "007"),
    (pa.bool_(), pa.string(), "007"),
    (pa.float64(), pa.decimal128(5, 2), "decimals or integers"),
    (pa.timestamp("s", "UTC"), pa.timestamp("s"), "drop the zone"),
    (pa.timestamp("s", "UTC"), pa.date32(), "drop the zone"),
    (pa.timestamp("s"), pa.timestamp("s", "UTC"), "which zone"),
    (pa.date32(), pa.timestamp("s", "UTC"), "which zone"),
    (pa.string(), pa.timestamp("s"), "timestamps in the data"),
    (pa.string(), pa.date32(), "timestamps in the data"),
    (pa.string(), pa.timestamp("s", "UTC"), "timestamps in the data"),
    (pa.binary(), pa.string(), "decode"),
    (pa.string(), pa.binary(), "write the column as binary"),
    (pa.binary(2), pa.binary(3), "write the column as fixed_size_binary[3]"),
    (pa.int64(), pa.timestamp("s"), "write the column as timestamp[s]"),
    (pa.timestamp("s"), pa.int64(), "write the column as int64"),
    (pa.duration("s"), pa.int64(), "write the column as int64"),
    (pa.int64(), pa.list_(pa.int64()), "write the column as list of int64"),
    (pa.list_(pa.string()), pa.list_(pa.int64()), "declare the column's type"),
    (pa.float64(), pa.null(), "register the model again"),
    (pa.fixed_shape_tensor(pa.float32(), [2, 3], permutation=[1, 0]), pa.list_(pa.float32()), "list of float"),
]


@pytest.mark.parametrize(
    ("source", "target", "hint"), REFUSED, ids=lambda value: type_name(value) if isinstance(value, pa.DataType) else ""
)
def test_types_without_a_rule_are_refused_with_a_hint(source: pa.DataType, target: pa.DataType, hint: str) -> None:
    assert not castable(source, target)
    with pytest.raises(InvalidInput) as caught:
        rule(source, target)
    assert "no rule casts" in caught.value.message or target == pa.null()
    assert hint in caught.value.hint


def test_a_type_is_itself_without_work() -> None:
    for kind in (pa.float64(), pa.string(), pa.list_(pa.int64()), pa.uuid(), pa.dictionary(pa.int8(), pa.string())):
        array = pa.array([], kind)
        result = cast(array, kind)
        assert result.array is array
        assert result.note is None


def test_notes_say_what_became_what_and_what_was_rounded() -> None:
    assert rule(pa.int64(), pa.float64()).note == "int64 → double"
    assert rule(pa.float64(), pa.float32()).note == "double → float (rounded)"
    assert rule(pa.decimal128(5, 2), pa.float64()).note == "decimal128(5, 2) → double (rounded)"
    assert rule(pa.dictionary(pa.int8(), pa.float64()), pa.float32()).note == "dictionary of double → float (rounded)"
    assert rule(pa.float64(), pa.dictionary(pa.int8(), pa.float32())).note == "double → dictionary of float (rounded)"
    assert rule(pa.float32(), pa.float64()).note == "float → double"
    assert rule(pa.list_(pa.float64()), pa.list_(pa.float32(), 3)).note == "list of double → list[3] of float (rounded)"
    assert rule(pa.large_list(pa.large_string()), pa.list_(pa.string())).note is None
    assert rule(pa.map_(pa.string(), pa.int8()), pa.map_(pa.string(), pa.int64())).note == "map of int8 → map of int64"


def test_every_rule_stands_in_the_guide() -> None:
    guide = Path("docs/signatures.md").read_text(encoding="utf-8")
    pairs = {
        tuple(cell.strip() for cell in line.split("|")[1:3]) for line in guide.splitlines() if line.startswith("|")
    }
    rules = {pair for pair in table._RULES if pair[0] != "null"}
    assert {p for p in pairs if p[0] in dict(table._FAMILIES)} - {("null", "any")} == rules
