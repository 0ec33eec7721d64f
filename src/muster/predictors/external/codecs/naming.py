"""Classes by their place in an order, whatever labels look like."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from muster.errors import InvalidInput, shortened
from muster.predictors.external.codecs.cells import Faults, only
from muster.signature import Scalar, canonical

__all__ = ["Places", "listed", "order", "place_of", "places"]

Places: TypeAlias = npt.NDArray[np.int64]


def listed(classes: Sequence[object]) -> str:
    """As a message can tell them."""
    shown = ", ".join(str(c) for c in classes[:12])
    return f"{shown}, … ({len(classes)} in all)" if len(classes) > 12 else shown


def order(native: Sequence[Scalar], registered: Sequence[Scalar]) -> list[int]:
    """Where each registered class is in the endpoint's own order."""
    known = {canonical(c): i for i, c in enumerate(native)}
    if len(native) != len(registered) or any(canonical(c) not in known for c in registered):
        raise InvalidInput(
            f"the response is read with the classes {listed(native)}, and those of the model are {listed(registered)}",
            hint="declare the same classes for both",
        )
    return [known[canonical(c)] for c in registered]


def place_of(label: Any, known: dict[str, int], *, codes: bool) -> int | None:
    """The place of a label, None if it is no class."""
    if not codes:
        return known.get(canonical(label))
    text = canonical(int(label) if isinstance(label, bool) else label)
    return int(text) if text.isdecimal() and len(text) < 10 and int(text) < len(known) else None


def places(values: Sequence[Any], classes: Sequence[Scalar], faults: Faults, *, codes: bool = False) -> Places:
    """The place of each label among the classes, -1 where there is a fault."""
    known = {canonical(c): i for i, c in enumerate(classes)}
    # True, 1 and 1.0 are equal to Python and not as labels, so that the type is a part of the key.
    memo: dict[tuple[type, Any], int] = {}
    found = np.full(len(values), -1, np.int64)
    for row, value in enumerate(values):
        label = only(value)
        kind = type(label)
        if kind in (dict, list):
            faults.add(row, f"the endpoint answered {shortened(json.dumps(label))}, which is no label")
            continue
        key = (kind, label)
        place = memo.get(key)
        if place is None:
            place = memo[key] = _place(label, known, faults, row, classes, codes=codes)
        if place < 0:
            _place(label, known, faults, row, classes, codes=codes)
        found[row] = place
    return found


def _place(
    label: Any, known: dict[str, int], faults: Faults, row: int, classes: Sequence[Scalar], *, codes: bool
) -> int:
    if label is None or (label == "" and "" not in known) or (isinstance(label, float) and not math.isfinite(label)):
        faults.add(row, "the endpoint gave no prediction")
        return -1
    place = place_of(label, known, codes=codes)
    if place is None:
        faults.add(
            row, f"the endpoint answered `{shortened(str(label))}`, which is none of its classes ({listed(classes)})"
        )
        return -1
    return place
