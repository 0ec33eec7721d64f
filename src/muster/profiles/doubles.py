"""Columns of numbers as doubles, and what that leaves out of them."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from muster.profiles.keys import Floats

__all__ = ["EPSILON", "doubles_and_rest", "epsilon_of", "numbers"]

EPSILON = float(np.finfo(np.float64).eps)

_EPSILONS = {pa.float16(): float(np.finfo(np.float16).eps), pa.float32(): float(np.finfo(np.float32).eps)}

_WHOLE = 2**53
"""Up to here each whole number is a double."""


def numbers(column: pa.Array) -> Floats:
    """As doubles, NaN where there is none; a boolean is 0 or 1."""
    return pc.cast(column, pa.float64(), safe=False).to_numpy(zero_copy_only=False)


def doubles_and_rest(column: pa.Array) -> tuple[Floats, Floats | None]:
    """And what each whole number is more than its double; None where all are doubles."""
    doubles = numbers(column)
    if column.type not in (pa.int64(), pa.uint64()) or not (np.abs(doubles) >= _WHOLE).any():
        return doubles, None
    whole = pc.fill_null(column, 0).to_numpy(zero_copy_only=False)
    high, low = whole >> 32, whole & 0xFFFF_FFFF
    return doubles, (high.astype(np.float64) * 2.0**32 - np.nan_to_num(doubles)) + low.astype(np.float64)


def epsilon_of(columns: Iterable[pa.Array]) -> float:
    """How far from 0 and 1 probabilities of these types are kept before their logarithm is taken: the least that they tell from 1."""
    kinds = [column.type.value_type if hasattr(column.type, "value_type") else column.type for column in columns]
    return max((_EPSILONS.get(kind, EPSILON) for kind in kinds), default=EPSILON)
