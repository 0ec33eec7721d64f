"""What tells whether two measurements are of the same rows, with the same actual values and weights."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from muster.profiles.keys import Floats, Hashes, mixed, ordered
from muster.profiles.multilabel import Labelled
from muster.profiles.multioutput import Several
from muster.profiles.regression import Predicted
from muster.profiles.tally import Classified

__all__ = ["sum_of_rows", "sum_of_values"]

Measured = Classified | Predicted | Labelled | Several

_ODD = np.uint64(0x9E37_79B9_7F4A_7C15)


def sum_of_rows(hashes: Hashes) -> int:
    """Of what tells rows apart, modulo 2**64."""
    return int(hashes.sum(dtype=np.uint64))


def sum_of_values(measured: Measured, hashes: Hashes) -> int:
    """Of a number for each row from what tells it apart, its actual values and its weight, modulo 2**64."""
    total = np.zeros(len(hashes), np.uint64)
    for one in _outputs(measured):
        total = mixed(total + _bits(one.actual)) if isinstance(one, Predicted) else total * _ODD + _places(one)
    if (weight := _weight(measured)) is not None:
        total = mixed(total + _bits(weight))
    return sum_of_rows(mixed(mixed(total) + hashes))


def _outputs(measured: Measured) -> Iterator[Classified | Predicted]:
    match measured:
        case Labelled():
            yield from measured.labels
        case Several():
            yield from measured.targets
        case _:
            yield measured


def _weight(measured: Measured) -> Floats | None:
    return measured.targets[0].weight if isinstance(measured, Several) else measured.weight


def _places(rows: Classified) -> Hashes:
    return rows.actual.view(np.uint64)


def _bits(values: Floats) -> Hashes:
    return ordered(values).view(np.uint64)
