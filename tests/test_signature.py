from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from muster.errors import InvalidInput
from muster.signature import (
    TENSOR,
    Column,
    Output,
    Parameter,
    Signature,
    TensorSpec,
    canonical,
    type_from_json,
    type_to_json,
)

units = st.sampled_from(["s", "ms", "us", "ns"])
flat_types = st.one_of(
    st.sampled_from(
        [
            *(
                pa.null(),
                pa.bool_(),
                pa.int8(),
                pa.int16(),
                pa.int32(),
                pa.int64(),
                pa.uint8(),
                pa.uint16(),
                pa.uint32(),
                pa.uint64(),
            ),
            *(
                pa.float16(),
                pa.float32(),
                pa.float64(),
                pa.string(),
                pa.large_string(),
                pa.string_view(),
                pa.binary(),
                pa.binary(7),
            ),
            *(pa.date32(), pa.date64(), pa.time32("s"), pa.time32("ms"), pa.time64("us"), pa.time64("ns")),
        ]
    ),
    st.builds(pa.timestamp, units, st.sampled_from([None, "UTC", "Europe/Berlin", "+05:30"])),
    st.builds(pa.duration, units),
    st.builds(pa.decimal128, st.integers(1, 38), st.integers(-5, 38)),
    st.builds(pa.decimal256, st.integers(1, 76), st.integers(-5, 76)),
)
names = st.text(min_size=1, max_size=8)


def nested(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    fields = st.dictionaries(names, inner, max_size=3).map(lambda d: pa.struct(list(d.items())))
    return st.one_of(
        inner.map(pa.list_),
        st.builds(pa.list_, inner, st.integers(0, 5)),
        fields,
        st.builds(pa.map_, st.sampled_from([pa.string(), pa.int32()]), inner),
    )


types = st.recursive(flat_types, nested, max_leaves=4)
tensors = st.builds(
    TensorSpec, st.sampled_from(["float32", "int64"]), st.lists(st.integers(-1, 5), min_size=1).map(tuple)
)
columns = st.builds(Column, names, types, st.booleans(), st.booleans(), st.none() | tensors)
parameters = st.builds(Parameter, names, flat_types, st.none() | st.integers() | st.text(), st.booleans())
signatures = st.builds(
    Signature,
    st.lists(columns, max_size=4, unique_by=lambda c: c.name).map(tuple),
    st.lists(parameters, max_size=3, unique_by=lambda p: p.name).map(tuple),
    st.booleans(),
)


@given(types)
def test_a_type_survives_json(kind: pa.DataType) -> None:
    assert type_from_json(json.loads(json.dumps(type_to_json(kind)))) == kind


@given(signatures)
def test_a_signature_survives_json(signature: Signature) -> None:
    assert Signature.from_json(json.loads(json.dumps(signature.to_json()))) == signature


@pytest.mark.parametrize(
    "output",
    [
        Output("binary", pa.string(), ("no", "yes"), probabilities=True),
        Output("multiclass", pa.int64(), (3, 1, 2)),
        Output("binary", pa.bool_(), (False, True), probabilities=True),
        Output("regression", pa.float64()),
        Output(
            "multioutput",
            pa.struct([("price", pa.float64()), ("sold", pa.string())]),
            probabilities=True,
            targets={
                "sold": Output("binary", pa.string(), ("n", "y"), probabilities=True),
                "price": Output("regression", pa.float64()),
            },
        ),
    ],
    ids=lambda o: o.task,
)
def test_an_output_survives_json(output: Output) -> None:
    again = Output.from_json(json.loads(json.dumps(output.to_json())))
    assert again == output
    assert [type(c) for c in again.classes] == [type(c) for c in output.classes]
    assert again.schema == output.schema


def test_the_schema_of_an_answer() -> None:
    assert Output("regression", pa.float64()).schema == pa.schema([("prediction", pa.float64())])
    assert Output("binary", pa.string(), ("a", "b"), probabilities=True).schema == pa.schema(
        [("prediction", pa.string()), ("probabilities", pa.list_(pa.float64(), 2))]
    )
    targets = {
        "x": Output("regression", pa.float64()),
        "y": Output("binary", pa.string(), ("a", "b"), probabilities=True),
    }
    both = Output(
        "multioutput", pa.struct([("x", pa.float64()), ("y", pa.string())]), probabilities=True, targets=targets
    )
    assert both.probabilities_type == pa.struct([("y", pa.list_(pa.float64(), 2))])


def test_layouts_are_told_by_what_they_hold() -> None:
    assert type_to_json(pa.dictionary(pa.int8(), pa.string())) == "string"
    assert type_to_json(pa.large_list(pa.int8())) == type_to_json(pa.list_view(pa.int8())) == {"list": "int8"}


@pytest.mark.parametrize(
    ("word", "kind"),
    [
        ("boolean", pa.bool_()),
        ("integer", pa.int32()),
        ("long", pa.int64()),
        ("float", pa.float32()),
        ("double", pa.float64()),
        ("datetime", pa.timestamp("us")),
        ("binary", pa.binary()),
        ("string", pa.string()),
    ],
)
def test_the_words_of_mlflow(word: str, kind: pa.DataType) -> None:
    assert type_from_json(word) == kind


@pytest.mark.parametrize(
    "document",
    [
        "flaot",
        "",
        "timestamp[h]",
        "decimal128(99, 2)",
        "decimal128(5)",
        3,
        None,
        ["int64"],
        {"lists": "int64"},
        {"list": "int"},
        {"list": "int8", "size": -1},
        {"list": "int8", "sise": 2},
        {"struct": ["int8"]},
        {"map": "x"},
        {"struct": {"a": "x"}},
    ],
    ids=str,
)
def test_what_is_no_type_is_refused(document: Any) -> None:
    with pytest.raises(InvalidInput, match="is no type") as caught:
        type_from_json(document)
    assert "int64" in caught.value.hint


def test_an_unknown_extension_is_no_part_of_a_signature() -> None:
    turned = pa.fixed_shape_tensor(pa.float32(), [2, 3], permutation=[1, 0])
    with pytest.raises(InvalidInput, match="cannot be part of a signature"):
        Signature((Column("x", turned),)).to_json()


def test_what_a_user_declares_needs_name_and_type_only() -> None:
    signature = Signature.from_json(
        {"columns": [{"name": "x", "type": "long"}], "parameters": [{"name": "k", "type": "long"}]}
    )
    assert signature == Signature((Column("x", pa.int64()),), (Parameter("k", pa.int64()),))
    assert Signature.from_json({}) == Signature()


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({"columns": {"x": "long"}}, "`columns` is no list of objects"),
        ({"columns": ["x"]}, "`columns` is no list of objects"),
        ({"parameters": 3}, "`parameters` is no list of objects"),
        ({"columns": [{"type": "long"}]}, "a column of the signature has no name"),
        ({"columns": [{"name": "", "type": "long"}]}, "a column of the signature has no name"),
        ({"columns": [{"name": 1, "type": "long"}]}, "a column of the signature has no name"),
        ({"parameters": [{"type": "long"}]}, "a parameter of the signature has no name"),
        ({"columns": [{"name": "x"}]}, "None is no type"),
        (
            {"columns": [*[{"name": "x", "type": "long"}] * 2, {"name": "y", "type": "long"}]},
            "the signature has a column more than once: `x`",
        ),
        ({"parameters": [{"name": "k", "type": "long"}] * 2}, "the signature has a parameter more than once: `k`"),
        ({"columns": [{"name": "x", "type": {"list": "float"}, "tensor": {"dtype": "float32"}}]}, "is no tensor"),
        ({"columns": [{"name": "x", "type": {"list": "float"}, "tensor": [28, 28]}]}, "is no tensor"),
        (
            {"columns": [{"name": "x", "type": {"list": "float"}, "tensor": {"dtype": "float32", "shape": [-2]}}]},
            "is no tensor",
        ),
        (
            {"columns": [{"name": "x", "type": {"list": "float"}, "tensor": {"dtype": "float32", "shape": ["a"]}}]},
            "is no tensor",
        ),
    ],
)
def test_what_is_no_signature_is_refused(document: Any, message: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        Signature.from_json(document)
    assert message in caught.value.message
    assert "`y`" not in caught.value.message
    assert caught.value.hint


def test_the_schema_tells_the_shape_of_tensors() -> None:
    signature = Signature(
        (
            Column("a", pa.int64(), nullable=False),
            Column("b", pa.list_(pa.float32()), tensor=TensorSpec("float32", (-1, 2, 3))),
        )
    )
    assert signature.schema.field("a").nullable is False
    assert json.loads(signature.schema.field("b").metadata[TENSOR]) == {"dtype": "float32", "shape": [-1, 2, 3]}
    assert signature.names == ("a", "b")
    assert [c.name for c in signature] == ["a", "b"]


def test_the_signature_of_data() -> None:
    schema = pa.schema(
        [
            ("carrier", pa.dictionary(pa.int32(), pa.large_string())),
            pa.field("tags", pa.large_list(pa.string_view()), nullable=False),
            ("point", pa.struct([("when", pa.date64()), ("raw", pa.large_binary())])),
            ("known", pa.map_(pa.large_string(), pa.list_view(pa.int8()))),
            ("image", pa.fixed_shape_tensor(pa.float32(), [28, 28])),
            ("pair", pa.list_(pa.float64(), 2)),
            ("id", pa.uuid()),
            ("day", pa.timestamp("ns")),
        ]
    )
    assert Signature.of(schema).columns == (
        Column("carrier", pa.string()),
        Column("tags", pa.list_(pa.string()), nullable=False),
        Column("point", pa.struct([("when", pa.date32()), ("raw", pa.binary())])),
        Column("known", pa.map_(pa.string(), pa.list_(pa.int8()))),
        Column("image", pa.list_(pa.float32()), tensor=TensorSpec("float32", (-1, 28, 28))),
        Column("pair", pa.list_(pa.float64(), 2)),
        Column("id", pa.binary(16)),
        Column("day", pa.timestamp("ns")),
    )


@pytest.mark.parametrize(
    "equal",
    [
        [6, 6.0, "6", "6.0", "6.00", Decimal(6), Decimal("6.0"), np.int8(6), np.float32(6), np.str_("6")],
        [True, "true", "True", "TRUE", np.bool_(True)],
        [False, "false", "False"],
        [-1, -1.0, "-1.0"],
        [0, 0.0, -0.0],
        [0.5, "0.5", np.float64(0.5)],
        ["yes", np.str_("yes")],
        [10**20, float(10**20)],
    ],
    ids=lambda e: str(e[0]),
)
def test_equal_labels_share_one_string(equal: list[object]) -> None:
    assert len({canonical(label) for label in equal}) == 1


def test_labels_that_differ_differ() -> None:
    different = [
        0,
        1,
        2,
        -1,
        0.5,
        "",
        "a",
        "A",
        "a ",
        "1.5",
        "06",
        float("nan"),
        float("inf"),
        True,
        False,
        "6.",
        "1e3",
        "1000",
    ]
    assert len({canonical(label) for label in different}) == len(different)
