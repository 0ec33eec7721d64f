"""Rules for dates, timestamps, times of day and durations."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from muster.casts.rule import Mask, Rule, dtype, filled, found, nulls, simple, then

_NANOSECONDS = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}


def _tick(kind: pa.DataType) -> int:
    """Nanoseconds that one step of the stored integer means."""
    if pa.types.is_date(kind):
        return 86_400 * 10**9 if pa.types.is_date32(kind) else 10**6
    return _NANOSECONDS[kind.unit]


def _stored(kind: pa.DataType) -> pa.DataType:
    return pa.int32() if kind.bit_width == 32 else pa.int64()


def time_to_time(source: pa.DataType, target: pa.DataType) -> Rule:
    """The same instant, day or span in other units: exact, or a fault."""
    if pa.types.is_date64(target):  # counts milliseconds, but of whole days
        return then(time_to_time(source, pa.date32()), simple(pa.date32(), target))
    have, want = _tick(source), _tick(target)
    if have == want:
        return Rule(source, target, lambda a: (a.view(target), None))
    whole = np.iinfo(dtype(_stored(target)))

    def run(array: pa.Array) -> tuple[pa.Array, Mask]:
        ticks = filled(array.view(_stored(source))).astype(np.int64, copy=False)
        if have > want:
            most = int(whole.max) // (have // want)
            faults = (ticks > most) | (ticks < -most)
            scaled = np.where(faults, 0, ticks) * (have // want)
        else:
            scaled, rest = np.divmod(ticks, want // have)
            faults = (rest != 0) | (scaled > whole.max) | (scaled < whole.min)
            scaled = np.where(faults, 0, scaled)
        return pa.array(scaled, _stored(target), mask=nulls(array)).view(target), found(faults)

    reason = f"is outside of {target}" if have > want else f"is finer than {target}"
    return Rule(source, target, run, reason)
