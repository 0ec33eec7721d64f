from __future__ import annotations

from contextlib import suppress
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from muster.declaring import declared_signature
from muster.errors import InvalidInput
from muster.signature import Column, Parameter, Signature, TensorSpec


def test_the_short_form_is_names_and_types() -> None:
    read = declared_signature(
        {"x": "string", "y": {"type": "int64", "required": False}, "z": {"list": "double", "size": 2}}
    )
    assert read == Signature(
        (Column("x", pa.string()), Column("y", pa.int64(), required=False), Column("z", pa.list_(pa.float64(), 2)))
    )
    assert declared_signature({"columns": "double"}).names == ("columns",)


def test_what_a_version_says_of_its_signature_can_be_declared() -> None:
    signature = Signature(
        (
            Column("x", pa.timestamp("us", "UTC"), required=False, nullable=False),
            Column("t", pa.list_(pa.float32()), tensor=TensorSpec("float32", (-1, 2, 2))),
        ),
        (Parameter("k", pa.int64(), 3), Parameter("names", pa.string(), ["a"], many=True), Parameter("s", pa.string())),
        positional=True,
    )
    document: Any = signature.to_json()
    assert declared_signature(document) == signature


@pytest.mark.parametrize(
    ("document", "told"),
    [
        ({}, "the signature has no columns"),
        ({"x": "strng"}, "column `x`: 'strng' is no type; did you mean `string`"),
        ({"x": True}, "column `x`: True is no type"),
        ({"x": None}, "column `x` has no type"),
        ({"x": "null"}, "null would hold nothing"),
        ({"": "double"}, "cannot be named ''"),
        ({"x": {"lst": "double"}}, "column `x` has no key `lst`"),
        ({"x": {"list": "double", "sise": 3}}, "no key `sise`; did you mean `size`"),
        ({"x": {"list": "dubble"}}, "'dubble' is no type; did you mean `double`"),
        ({"x": {"struct": {"a": "int6"}}}, "'int6' is no type; did you mean `int64`"),
        ({"x": {"map": "double", "keys": "strin"}}, "'strin' is no type"),
        ({"x": {"type": "double", "nullabel": False}}, "column `x` has no key `nullabel`; did you mean `nullable`"),
        ({"columns": []}, "`columns` is empty"),
        ({"columns": {"x": "double"}}, "`columns` is no list"),
        ({"columns": [{"name": "x", "type": "double", "nullabel": False}]}, "no key `nullabel`; did you mean `nullable`"),
        ({"columns": [{"name": "x", "type": "double", "required": "false"}]}, "`required` of column `x` is true or false, and not 'false'"),
        ({"columns": [{"name": "x", "type": "double"}], "params": []}, "the signature has no key `params`"),
        ({"columns": [{"name": "x", "type": "double"}], "positional": 1}, "`positional` of the signature is true or false"),
        ({"columns": [{"type": "double"}, 3]}, "`columns` has no name: {'type': 'double'}; entry 1 of `columns` is no object: 3"),
        ({"columns": [{"name": "x", "type": "double", "tensor": {"dtype": "f", "shape": []}}]}, "is no tensor of column `x`"),
        ({"parameters": [{"name": "k", "type": "int64", "default": "a"}]}, "the default of parameter `k`: no rule casts string to int64"),
        ({"parameters": [{"name": "k", "type": "int64", "defualt": 1}]}, "parameter `k` has no key `defualt`; did you mean `default`"),
    ],
)  # fmt: skip
def test_what_is_not_understood_is_refused(document: Any, told: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        declared_signature(document)
    assert told in caught.value.message


def test_everything_wrong_is_told_at_once() -> None:
    with pytest.raises(InvalidInput) as caught:
        declared_signature({"x": "strng", "y": {"type": "double", "nullable": 0}})
    assert "`x`" in caught.value.message
    assert "`nullable` of column `y`" in caught.value.message


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=6),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["columns", "parameters", "name", "type", "list", "struct", "size", "x"]), inner
        )
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(["columns", "parameters", "positional", "x"]), _JSON))
def test_any_document_is_read_or_refused(document: Any) -> None:
    with suppress(InvalidInput):
        declared_signature(document)


def test_what_is_stored_is_read_with_keys_that_are_not_known() -> None:
    stored: Any = {"columns": [{"name": "x", "type": "double", "unit": "m"}], "later": 1}
    assert Signature.from_json(stored).names == ("x",)
