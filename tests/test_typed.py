"""Arguments as people type them: plain values come out, and all that is of another kind is told at once."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from muster import typed
from muster.errors import InvalidInput
from muster.typed import Kind

GOOD: dict[str, tuple[Kind, object, object]] = {
    "a number of numpy": (typed.NUMBER, np.float64(0.5), 0.5),
    "a narrow number": (typed.NUMBER, np.float32(0.5), 0.5),
    "a whole number": (typed.NUMBER, 1, 1.0),
    "a decimal": (typed.NUMBER, Decimal("0.25"), 0.25),
    "a truth value of numpy": (typed.FLAG, np.False_, False),
    "a truth value of arrow": (typed.FLAG, pa.scalar(True), True),
    "a whole number of numpy": (typed.WHOLE, np.int64(3), 3),
    "a text of numpy": (typed.TEXT, np.str_("a"), "a"),
    "a path": (typed.PATH, Path("a/b"), "a/b"),
    "one column": (typed.COLUMNS, "a", ("a",)),
    "columns": (typed.COLUMNS, pd.Index(["a", "b"]), ("a", "b")),
    "columns of an array": (typed.COLUMNS, np.array(["a", "b"]), ("a", "b")),
    "one segment": (typed.SEGMENTS, "seg", ("seg",)),
    "one segment with edges": (typed.SEGMENTS, {"x": np.array([1, 2])}, ({"x": (1, 2)},)),
    "edges that are dates": (
        typed.SEGMENTS,
        {"d": ["2024-01-01", dt.date(2025, 1, 1)]},
        ({"d": ("2024-01-01", dt.date(2025, 1, 1))},),
    ),
    "segments": (typed.SEGMENTS, ["a", ["b", "c"], {"x": [1]}], ("a", ("b", "c"), {"x": (1,)})),
    "labels": (typed.LABELS, {"month": np.int64(2), "on": "x"}, {"month": "2", "on": "x"}),
    "costs": (typed.MATRIX, np.array([[0, 1], [5, 0]]), ((0.0, 1.0), (5.0, 0.0))),
    "all columns": (typed.KEEP, "all", "all"),
    "some columns": (typed.KEEP, ["all", "a"], ("all", "a")),
    "a goal": (typed.GOAL, "f1", "f1"),
    "costs as a goal": (typed.GOAL, [[0, 1], [5, 0]], ((0.0, 1.0), (5.0, 0.0))),
    "classes by target": (typed.CLASSES, {"k": np.array([0.0, 1.0])}, {"k": (0, 1)}),
}


@pytest.mark.parametrize("case", GOOD)
def test_what_is_of_the_kind_becomes_plain(case: str) -> None:
    kind, given, expected = GOOD[case]
    found = typed.read({"x": given}, {"x": kind})["x"]
    assert found == expected
    assert type(found) is type(expected)
    assert typed.read({"x": found}, {"x": kind})["x"] == expected  # what is plain stays so


BAD: dict[str, tuple[Kind, object]] = {
    "a text for a number": (typed.NUMBER, "0.5"),
    "a truth value for a number": (typed.NUMBER, True),
    "a list for a number": (typed.NUMBER, [0.5]),
    "a number that is no double": (typed.NUMBER, 10**400),
    "a text for a truth value": (typed.FLAG, "no"),
    "a number for a truth value": (typed.FLAG, 0),
    "a number for a text": (typed.TEXT, 5),
    "a number among columns": (typed.COLUMNS, ["a", 5]),
    "a list for one column": (typed.COLUMN, ["w"]),
    "None among segments": (typed.SEGMENTS, [None]),
    "a number for segments": (typed.SEGMENTS, 5),
    "labels in a list": (typed.LABELS, ["a"]),
    "a label of None": (typed.LABELS, {"a": None}),
    "a label that is numbered": (typed.LABELS, {5: "a"}),
    "parameters that are none": (typed.OBJECT, 3),
    "a mapping to a number": (typed.BY_NAME, {"a": 1}),
    "costs of text": (typed.MATRIX, "x"),
    "a goal that is a number": (typed.GOAL, 5),
    "a number for a function": (typed.FUNCTION, 5),
}


@pytest.mark.parametrize("case", BAD)
def test_what_is_of_another_kind_is_told(case: str) -> None:
    kind, given = BAD[case]
    with pytest.raises(InvalidInput) as caught:
        typed.read({"x": given}, {"x": kind})
    assert caught.value.message.startswith(f"`x` takes {kind.wanted}, and not ")
    assert caught.value.hint


def test_all_is_told_at_once_and_what_is_none_is_not_given() -> None:
    kinds = {"weight": typed.COLUMN, "threshold": typed.NUMBER, "level": typed.NUMBER}
    with pytest.raises(InvalidInput) as caught:
        typed.read({"treshold": 1, "zzz": 2, "weight": 5, "level": "x"}, kinds)
    assert caught.value.message == (
        "there is no option `treshold`; did you mean `threshold`?; there is no option `zzz`; "
        "`weight` takes the name of one column, and not 5; `level` takes a number, and not 'x'"
    )
    assert "options are weight, threshold, level" in caught.value.hint
    assert typed.read({"weight": None, "level": 0.5}, kinds) == {"level": 0.5}
    with pytest.raises(InvalidInput, match="`threshold` takes a number, and not None"):
        typed.read_one("threshold", None, typed.NUMBER)
