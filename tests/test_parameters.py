from __future__ import annotations

import math
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from muster.errors import InvalidInput
from muster.parameters import parameters, read_parameters
from muster.signature import Json, Parameter, Signature

SIGNATURE = Signature(
    parameters=(
        Parameter("horizon", pa.int64(), 7),
        Parameter("level", pa.float64(), 0.9),
        Parameter("region", pa.string(), "north"),
        Parameter("stores", pa.int32(), [1, 2], many=True),
        Parameter("at", pa.timestamp("us")),
        Parameter("strict", pa.bool_(), False),
    )
)
DEFAULTS = {"horizon": 7, "level": 0.9, "region": "north", "stores": [1, 2], "strict": False}


def test_defaults_fill_what_is_not_given_and_what_has_none_is_left_out() -> None:
    assert parameters(SIGNATURE, {}) == DEFAULTS
    assert parameters(Signature(), {}) == {}


@pytest.mark.parametrize(
    ("name", "given_value", "taken"),
    [
        ("horizon", 3.0, 3),
        ("horizon", True, 1),
        ("level", 1, 1.0),
        ("region", "", ""),
        ("region", None, None),
        ("stores", [], []),
        ("stores", [5.0, 6], [5, 6]),
        ("strict", 1, True),
        ("at", "2013-02-01T05:06:07", "2013-02-01T05:06:07"),
        ("at", "2013-02-01", "2013-02-01T00:00:00"),
    ],
)
def test_values_are_cast_by_the_rules_of_columns(name: str, given_value: Json, taken: Json) -> None:
    assert parameters(SIGNATURE, {name: given_value}) == DEFAULTS | {name: taken}
    assert type(parameters(SIGNATURE, {name: given_value})[name]) is type(taken)


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (pa.timestamp("ns"), "2013-02-01T05:06:07.123456789"),
        (pa.timestamp("us"), "2013-02-01T05:06:07.1234561"),
        (pa.date32(), "2013-02-01T05:06:07"),
        (pa.float64(), "1e400"),
        (pa.float64(), "NaN"),
        (pa.int64(), "9007199254740993.0"),
    ],
    ids=str,
)
def test_nothing_is_left_out_of_a_value(kind: pa.DataType, text: str) -> None:
    with pytest.raises(InvalidInput, match="`p`: "):
        read_parameters(Signature(parameters=(Parameter("p", kind),)), {"p": text})


def test_a_day_is_read() -> None:
    signature = Signature(parameters=(Parameter("day", pa.date32()),))
    assert parameters(signature, {"day": "2013-02-01"}) == {"day": "2013-02-01"}
    assert parameters(signature, {"day": "2013-02-01T00:00:00.000000000"}) == {"day": "2013-02-01"}


def test_what_was_taken_is_taken_again_unchanged() -> None:
    once = parameters(SIGNATURE, {"at": "2013-02-01", "horizon": 3.0})
    assert parameters(SIGNATURE, once) == once


@pytest.mark.parametrize(
    ("name", "given_value", "message"),
    [
        ("horizon", 3.5, "`horizon`: 3.5 is no int64"),
        ("horizon", "3", "`horizon`: no rule casts string to int64"),
        ("horizon", 10**30, "`horizon`: 1000000000000000000000000000000 is no int64"),
        ("level", "x", "`level`: no rule casts string to double"),
        ("region", 7, "`region`: no rule casts int64 to string"),
        ("stores", 5, "`stores`: 5 is no list"),
        ("stores", [1, 2**40], "`stores`: 1099511627776 is no int32"),
        ("stores", [[1]], "`stores`: no rule casts list of int64 to int32"),
        ("at", "soon", "`at`: 'soon' is no time as ISO 8601 writes it"),
        ("at", "2013-02-01T00:00:00Z", "`at`: no rule casts timestamp"),
        ("strict", 2, "`strict`: 2 is no bool"),
        ("strict", {"a": 1}, "`strict`: no rule casts struct<a: int64> to bool"),
    ],
)
def test_values_that_do_not_cast_are_refused(name: str, given_value: Json, message: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parameters(SIGNATURE, {name: given_value})
    assert message in caught.value.message


def test_everything_wrong_at_once_with_near_names() -> None:
    with pytest.raises(InvalidInput) as caught:
        parameters(SIGNATURE, {"horizont": 1, "level": "x", "stores": 3})
    assert caught.value.message.startswith("no parameter `horizont`; did you mean `horizon`?; `level`: ")
    assert "`stores`: 3 is no list" in caught.value.message
    assert caught.value.hint.startswith(
        "the model takes horizon (int64), level (double), region (string), stores (list of int32)"
    )


def test_a_model_without_parameters_takes_none() -> None:
    with pytest.raises(InvalidInput, match="no parameter `k`") as caught:
        parameters(Signature(), {"k": 1})
    assert caught.value.hint == "the model takes no parameters"


def test_texts_of_a_command_line_are_read_as_the_declared_type() -> None:
    texts = {"horizon": "3", "level": "1", "region": "7", "stores": "[4, 5]", "at": "2013-02-01", "strict": "true"}
    expected = {
        "horizon": 3,
        "level": 1.0,
        "region": "7",
        "stores": [4, 5],
        "at": "2013-02-01T00:00:00",
        "strict": True,
    }
    assert read_parameters(SIGNATURE, texts) == expected
    with pytest.raises(InvalidInput, match=r"no parameter `x`.*`horizon`: no rule casts string to int64"):
        read_parameters(SIGNATURE, {"x": "1", "horizon": "three"})


@given(st.floats() | st.integers(-(2**64), 2**64))
def test_a_number_is_taken_exactly_or_refused(value: Any) -> None:
    try:
        taken = parameters(SIGNATURE, {"horizon": value})["horizon"]
    except InvalidInput:
        assert math.isinf(value) or value != int(value) or not -(2**63) <= value < 2**63
    else:
        assert taken is None if math.isnan(value) else taken == value
