"""The classes that people name: scalars of one type, whatever they came in, each once."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from muster.classes import classes_of, same_classes
from muster.errors import InvalidInput
from muster.signature import Output, Scalar

FORMS: dict[str, tuple[object, tuple[Scalar, ...]]] = {
    "nothing": (None, ()),
    "a list": (["no", "yes"], ("no", "yes")),
    "an array of int64": (np.array([0, 1]), (0, 1)),
    "an array of uint8": (np.array([0, 1], np.uint8), (0, 1)),
    "scalars of numpy": (list(np.array([0, 1])), (0, 1)),
    "floats": ([0.0, 1.0], (0, 1)),
    "what pandas finds": (pd.Series([1.0, 0.0, 1.0]).unique(), (1, 0)),
    "a series": (pd.Series(["a", "b"]), ("a", "b")),
    "categories": (pd.Categorical(["x", "y"]), ("x", "y")),
    "nullable integers": (pd.Series([0, 1], dtype="Int64"), (0, 1)),
    "polars": (pl.Series([2, 3]), (2, 3)),
    "arrow": (pa.array(["a", "b"]), ("a", "b")),
    "scalars of arrow": ([pa.scalar(0), pa.scalar(1)], (0, 1)),
    "booleans of numpy": (np.array([False, True]), (False, True)),
    "texts of numpy": (np.array(["a", "b"]), ("a", "b")),
    "decimals": ([Decimal(0), Decimal("1.00")], (0, 1)),
    "numbers that are not whole": (np.array([0.0, 1.5]), ("0", "1.5")),
    "days": ([dt.date(2020, 1, 1), dt.date(2020, 1, 2)], ("2020-01-01", "2020-01-02")),
}


@pytest.mark.parametrize("form", FORMS)
def test_classes_are_plain_scalars_of_one_type(form: str) -> None:
    given, expected = FORMS[form]
    found = classes_of(given)
    assert found == expected
    assert [type(c) for c in found] == [type(c) for c in expected]


WRONG: dict[str, tuple[object, str]] = {
    "a text": ("01", "the classes are a list in order, and not '01'"),
    "a set": ({0, 1}, "a list in order"),
    "a number": (5, "a list in order, and not 5"),
    "None among them": ([None, 1], "a class is missing"),
    "NaN among them": (np.array([np.nan, 1.0]), "a class is missing"),
    "NA among them": (pd.Series([0, None], dtype="Int64"), "a class is missing"),
    "lists": ([[0], [1]], r"\[0\] is no class.*\[1\] is no class"),
    "twice": ([0, 0], "name `0` more than once"),
    "twice, as text": (["1", "1.0"], "name `1` more than once"),
    "two types": ([0, "1"], "of different types: int, str"),
    "two types and twice": ([1, "1"], "of different types: int, str; the classes name `1` more than once"),
    "a truth value and its text": (
        [True, "true"],
        "of different types: bool, str; the classes name `true` more than once",
    ),
    "wide": ([0, 2**70], "is wider than 64 bits"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_no_list_of_classes_is_refused(case: str) -> None:
    given, message = WRONG[case]
    with pytest.raises(InvalidInput, match=message) as caught:
        classes_of(given)
    assert caught.value.hint


def test_classes_are_the_same_however_they_are_written() -> None:
    assert same_classes((0, 1), ("0", "1.0"))
    assert same_classes((False, True), ("False", "TRUE"))
    assert not same_classes((0, 1), (1, 0))
    assert not same_classes((0, 1), (0, 1, 2))


@pytest.mark.parametrize(
    ("stored", "read"), [([0.0, 1.0], (0, 1)), (["a", "b"], ("a", "b")), ([False, True], (False, True))]
)
def test_stored_classes_are_read_without_leaving_one_out(stored: list[Any], read: tuple[Scalar, ...]) -> None:
    found = Output.from_json({"task": "binary", "type": "string", "classes": stored})
    assert found.classes == read
    assert [type(c) for c in found.classes] == [type(c) for c in read]


def test_a_stored_class_that_is_none_is_refused() -> None:
    with pytest.raises(InvalidInput, match="None is no class"):
        Output.from_json({"task": "binary", "type": "string", "classes": [None, 1]})
