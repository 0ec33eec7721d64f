"""Rules for numbers and booleans."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from muster.casts.rule import Mask, Rule, dtype, either, filled, found, nulled, nulls, simple, then, true

_MANTISSA = {16: 11, 32: 24, 64: 53}


def _bounds(kind: pa.DataType) -> tuple[int, int]:
    info = np.iinfo(dtype(kind))
    return int(info.min), int(info.max)


def integer_to_integer(source: pa.DataType, target: pa.DataType) -> Rule:
    """Checked where the target is narrower, or without a sign."""
    (low, high), (least, most) = _bounds(source), _bounds(target)
    if least <= low and high <= most:
        return simple(source, target)
    kind = dtype(source).type
    bottom, top = kind(max(low, least)), kind(min(high, most))

    def run(array: pa.Array) -> tuple[pa.Array, Mask]:
        values = filled(array)
        faults = found((values < bottom) | (values > top))
        return (array if faults is None else nulled(array, faults)).cast(target), faults

    return Rule(source, target, run, f"is outside of {target}")


def integer_to_float(source: pa.DataType, target: pa.DataType) -> Rule:
    """Exact or a fault; small integers always are exact."""
    low, high = _bounds(source)
    exact = 1 << _MANTISSA[target.bit_width]
    if -exact <= low and high <= exact:
        return simple(source, target)

    def run(array: pa.Array) -> tuple[pa.Array, Mask]:
        values = filled(array)
        if values.max(initial=0) <= exact and values.min(initial=0) >= -exact:
            return array.cast(target, safe=False), None
        with np.errstate(over="ignore"):
            near = values.astype(dtype(target))
        wide = near.astype(np.float64)
        inside = (wide >= low) & (wide < high + 1)
        faults = found(np.where(inside, wide, 0).astype(values.dtype) != values)
        return pa.array(near, target, mask=nulls(array)), faults

    return Rule(source, target, run, f"has no exact {target}")


def float_to_integer(source: pa.DataType, target: pa.DataType) -> Rule:
    """Whole numbers only; NaN is null, as pandas writes nulls among integers."""
    least, most = _bounds(target)

    def run(array: pa.Array) -> tuple[pa.Array, Mask]:
        values = filled(array).astype(np.float64, copy=False)
        nan = np.isnan(values)
        good = (values >= least) & (values < most + 1) & (np.trunc(values) == values)
        whole = np.where(good, values, 0).astype(dtype(target))
        return pa.array(whole, target, mask=either(nulls(array), found(nan))), found(~(good | nan))

    return Rule(source, target, run, f"is no whole number within {target}")


def float_to_float(source: pa.DataType, target: pa.DataType) -> Rule:
    """Rounded to a narrower type, but never to infinity."""
    if source.bit_width < target.bit_width:
        return simple(source, target)

    def run(array: pa.Array) -> tuple[pa.Array, Mask]:
        values = filled(array)
        with np.errstate(over="ignore", under="ignore"):
            near = values.astype(dtype(target))
        return pa.array(near, target, mask=nulls(array)), found(np.isinf(near) & np.isfinite(values))

    return Rule(source, target, run, f"is too large for {target}", rounded=True)


def bool_to_number(source: pa.DataType, target: pa.DataType) -> Rule:
    """0 and 1."""
    return then(simple(source, pa.uint8()), _rule(pa.uint8(), target))


def number_to_bool(source: pa.DataType, target: pa.DataType) -> Rule:
    """Of 0 and 1 only; NaN is null."""

    def run(array: pa.Array) -> tuple[pa.Array, Mask]:
        whole = to_integer(array)
        faults = found(filled(whole.array) > 1)
        return whole.array.cast(target), either(whole.faults, faults)

    to_integer = _rule(source, pa.uint8())
    return Rule(source, target, run, "is neither 0 nor 1")


def decimal_to_float(source: pa.DataType, target: pa.DataType) -> Rule:
    """The nearest float. Arrow's own cast often misses it by a step."""

    def run(array: pa.Array) -> tuple[pa.Array, Mask]:
        whole = _unscaled(array) if pa.types.is_float64(target) and 0 <= source.scale <= 22 else None
        if whole is not None and whole.max(initial=0) <= 1 << 53 and whole.min(initial=0) >= -1 << 53:
            # Both are exact doubles, so that their quotient is the nearest one.
            return pa.array(whole / 10.0**source.scale, mask=nulls(array)), None
        near = array.cast(pa.string()).cast(target)
        return near, found(np.isinf(filled(near)))

    return Rule(source, target, run, f"is too large for {target}", rounded=True)


def _unscaled(array: pa.Array) -> npt.NDArray[np.int64] | None:
    """The stored integers of decimals, 0 for null; None where they do not all fit into 64 bits."""
    if not pa.types.is_decimal128(array.type) or not len(array):
        return None
    end = array.offset + len(array)
    words = np.frombuffer(array.buffers()[1], np.int64, 2 * end).reshape(end, 2)[array.offset :]
    low, high = words[:, 0], words[:, 1]
    empty = nulls(array)
    if empty is not None:
        low, high = np.where(empty, 0, low), np.where(empty, 0, high)
    return low if np.array_equal(low >> 63, high) else None


def decimal_to_decimal(source: pa.DataType, target: pa.DataType) -> Rule:
    """Every digit kept, or a fault."""
    if source.scale < 0:  # which Arrow cannot compare
        digits = pa.decimal256(76, 0)
        return then(simple(source, digits), decimal_to_decimal(digits, target))
    wide = pa.decimal256(76, source.scale)
    most = max(target.precision - target.scale, -source.scale)
    if source.precision - source.scale <= target.precision - target.scale and source.scale <= target.scale:
        return simple(source, target)

    def run(array: pa.Array) -> tuple[pa.Array, Mask]:
        values = array.cast(wide)
        faults = np.zeros(len(array), np.bool_)
        if target.scale < source.scale:
            cut = values.cast(pa.decimal256(76, target.scale), safe=False)
            faults |= true(pc.not_equal(cut.cast(wide, safe=False), values))
        if target.precision - target.scale < source.precision - source.scale:
            faults |= true(pc.greater_equal(pc.abs(values), _power(most, wide)))
        # Scaled before it is narrowed: Arrow does both at once wrongly for 32 and 64 bits.
        scaled = nulled(values, faults).cast(pa.decimal256(76, target.scale), safe=False)
        return scaled.cast(target), found(faults)

    return Rule(source, target, run, f"has more digits than {target}")


def _power(exponent: int, kind: pa.DataType) -> pa.Scalar:
    """Ten to the power of `exponent`, as a decimal."""
    return pa.scalar(Decimal(1).scaleb(exponent)).cast(kind)


def integer_to_decimal(source: pa.DataType, target: pa.DataType) -> Rule:
    """Every digit kept, or a fault."""
    digits = pa.decimal256(20, 0)
    return then(simple(source, digits), decimal_to_decimal(digits, target))


def decimal_to_integer(source: pa.DataType, target: pa.DataType) -> Rule:
    """Whole numbers only."""
    digits = pa.decimal256(76, 0)
    low, high = _bounds(target)
    bottom, top = max(low, -(1 << 63)), min(high, (1 << 63) - 1)
    least, most = (pa.scalar(str(bound)).cast(digits) for bound in (low, high))
    to_whole = decimal_to_decimal(source, digits)

    def run(array: pa.Array) -> tuple[pa.Array, Mask]:
        stored = _unscaled(array) if 0 <= source.scale <= 18 else None
        if stored is not None:
            values, rest = np.divmod(stored, 10**source.scale)
            faults = (rest != 0) | (values < bottom) | (values > top)
            return pa.array(np.where(faults, 0, values), pa.int64(), mask=nulls(array)).cast(target), found(faults)
        whole = to_whole(array)
        outside = found(true(pc.or_(pc.less(whole.array, least), pc.greater(whole.array, most))))
        inside = whole.array if outside is None else nulled(whole.array, outside)
        return inside.cast(target), either(whole.faults, outside)

    return Rule(source, target, run, f"is no whole number within {target}")


def _rule(source: pa.DataType, target: pa.DataType) -> Rule:
    """Between numbers, of which one is an integer."""
    if pa.types.is_integer(source):
        if pa.types.is_integer(target):
            return integer_to_integer(source, target)
        return (integer_to_float if pa.types.is_floating(target) else integer_to_decimal)(source, target)
    return (float_to_integer if pa.types.is_floating(source) else decimal_to_integer)(source, target)
