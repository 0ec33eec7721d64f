"""Charts of what two predicted of the same rows."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np

from muster.charts.agreement import agreement_charts
from muster.charts.chart import Chart
from tests.charts.parts import NAMES
from tests.metrics import agreed

__all__ = ["PAIRS", "pairs"]


@cache
def _predicted() -> dict[str, tuple[agreed.Twice, list[str]]]:
    """By kind: what two predicted of the same rows, and the classes."""
    two, none = agreed.binary(1, 3_000), np.zeros(0)
    return {
        "two": (two, NAMES),
        "two, weighted": (agreed.binary(1, 400).weighted(), NAMES),
        "two alike": (replace(two, second=two.first), NAMES),
        "two of labels alone": (replace(two, scores=False), NAMES),
        "two with odd names": (agreed.binary(1, 300), ['</script><b>"no"', "ja & 'nein' → ü"]),
        "two of three": (agreed.several(1, 3, 900), ["a", "b", "c"]),
        "two of forty": (agreed.several(1, 40, 4_000), [f"class {n}" for n in range(40)]),
        "two of numbers": (agreed.numbers(1, 30_000), []),
        "two of numbers, weighted": (agreed.numbers(1, 500).weighted(), []),
        "two of one number": (agreed.numbers(1, 1), []),
        "two of no row": (agreed.Twice(none.astype(np.int64), none, none, 2), NAMES),
        "two of no number": (agreed.Twice(none, none, none), []),
    }


PAIRS = tuple(_predicted())


@cache
def pairs(kind: str) -> dict[str, Chart]:
    rows, names = _predicted()[kind]
    return dict(agreement_charts(rows.profile(2), ("delays:1", "delays:2"), names, target="delay"))
