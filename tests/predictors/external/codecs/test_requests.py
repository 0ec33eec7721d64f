"""Every request format against the body that it stands for, written out."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from muster.errors import InvalidInput
from muster.predictors.external.codecs.encode import encode
from muster.predictors.external.codecs.public import encode as encode_at_once
from muster.predictors.external.codecs.spec import RequestSpec
from muster.predictors.external.codecs.tables import REQUESTS, request_named
from muster.signature import Column, Json, Signature, TensorSpec

ROWS = pa.record_batch({"c1": [3, 2], "c2": [49, 68]})
RECORDS = [{"c1": 3, "c2": 49}, {"c1": 2, "c2": 68}]
MATRIX = [[3, 49], [2, 68]]

MOMENT = datetime.fromisoformat("2024-02-03T04:05:06")

EXPECTED: dict[str, Any] = {
    "json-instances": {"instances": [{"features": [3, 49]}, {"features": [2, 68]}]},
    "json-extended": {
        "instances": [{"data": {"features": {"values": [3, 49]}}}, {"data": {"features": {"values": [2, 68]}}}]
    },
    "items": {"items": [{"features": {"c1": 3, "c2": 49}}, {"features": {"c1": 2, "c2": 68}}]},
    "input_data": {"input_data": [[3, 49], [2, 68]]},
    "input_data-columns": {"input_data": {"columns": ["c1", "c2"], "data": [[3, 49], [2, 68]]}},
    "input_data-index": {"input_data": {"columns": ["c1", "c2"], "index": [0, 1], "data": [[3, 49], [2, 68]]}},
    "data": {"data": [[3, 49], [2, 68]]},
    "automl": {"data": [{"c1": 3, "c2": 49}, {"c1": 2, "c2": 68}]},
    "automl-inputs": {
        "Inputs": {"data": [{"c1": 3, "c2": 49}, {"c1": 2, "c2": 68}]},
        "GlobalParameters": {"method": "predict_proba"},
    },
    "designer": {"Inputs": {"input1": [{"c1": 3, "c2": 49}, {"c1": 2, "c2": 68}]}, "GlobalParameters": {}},
    "instances-dict": {"instances": [{"c1": 3, "c2": 49}, {"c1": 2, "c2": 68}]},
    "instances-list": {"instances": [[3, 49], [2, 68]]},
    "instances-strings": {"instances": [{"c1": "3", "c2": "49"}, {"c1": "2", "c2": "68"}]},
    "dataframe_split": {"dataframe_split": {"columns": ["c1", "c2"], "data": [[3, 49], [2, 68]]}},
    "dataframe_split-index": {
        "dataframe_split": {"columns": ["c1", "c2"], "index": [0, 1], "data": [[3, 49], [2, 68]]}
    },
    "dataframe_split-list": {
        "dataframe_split": [{"index": [0, 1], "columns": ["c1", "c2"], "data": [[3, 49], [2, 68]]}]
    },
    "dataframe_records": {"dataframe_records": [{"c1": 3, "c2": 49}, {"c1": 2, "c2": 68}]},
    "tf-inputs": {"inputs": {"c1": [3, 2], "c2": [49, 68]}},
    "tf-instances": {"instances": [{"c1": 3, "c2": 49}, {"c1": 2, "c2": 68}]},
    "oip-v2": {"inputs": [{"name": "input-0", "shape": [2, 2], "datatype": "INT64", "data": [3, 49, 2, 68]}]},
}

DATAIKU: dict[str, Any] = {
    "INPUT_SAGEMAKER_CSV": "3,49\n2,68",
    "INPUT_SAGEMAKER_JSON": '{"instances":[{"features":[3,49]},{"features":[2,68]}]}',
    "INPUT_SAGEMAKER_JSON_EXTENDED": (
        '{"instances":[{"data":{"features":{"values":[3,49]}}},{"data":{"features":{"values":[2,68]}}}]}'
    ),
    "INPUT_SAGEMAKER_JSONLINES": '{"features":[3,49]}\n{"features":[2,68]}',
    "INPUT_DEPLOY_ANYWHERE_ROW_ORIENTED_JSON": (
        '{"items":[{"features":{"c1":3,"c2":49}},{"features":{"c1":2,"c2":68}}]}'
    ),
    "INPUT_AZUREML_JSON_INPUTDATA": '{"input_data":[[3,49],[2,68]]}',
    "INPUT_AZUREML_JSON_INPUTDATA_DATA": '{"input_data":{"columns":["c1","c2"],"data":[[3,49],[2,68]]}}',
    "INPUT_AZUREML_JSON_WRITER": (
        '{"Inputs":{"data":[{"c1":3,"c2":49},{"c1":2,"c2":68}]},"GlobalParameters":{"method":"predict_proba"}}'
    ),
    "INPUT_VERTEX_DEFAULT": '{"instances":[{"c1":"3","c2":"49"},{"c1":"2","c2":"68"}]}',
    "INPUT_RECORD_ORIENTED_JSON": '{"dataframe_records":[{"c1":3,"c2":49},{"c1":2,"c2":68}]}',
    "INPUT_SPLIT_ORIENTED_JSON": '{"dataframe_split":[{"index":[0,1],"columns":["c1","c2"],"data":[[3,49],[2,68]]}]}',
    "INPUT_TF_INPUTS_JSON": '{"inputs":{"c1":[3,2],"c2":[49,68]}}',
    "INPUT_TF_INSTANCES_JSON": '{"instances":[{"c1":3,"c2":49},{"c1":2,"c2":68}]}',
    "INPUT_DATABRICKS_CSV": "3,49\n2,68",
}


def body(batch: pa.RecordBatch, spec: Json, params: dict[str, Json] | None = None, identity: str = "") -> Any:
    return json.loads(encode(batch, RequestSpec.from_json(spec), params, identity).body)


def text(batch: pa.RecordBatch, spec: Json) -> str:
    return encode(batch, RequestSpec.from_json(spec)).body.decode()


def column(array: pa.Array, **options: Json) -> list[Any]:
    """The values of one column as they are sent."""
    sent = body(pa.record_batch({"x": array}), {"format": "tf-inputs", **options})
    assert isinstance(sent["inputs"]["x"], list)
    return sent["inputs"]["x"]


@pytest.mark.parametrize("name", EXPECTED)
def test_a_format_is_the_body_that_it_stands_for(name: str) -> None:
    payload = encode(ROWS, RequestSpec.from_json(name))
    assert json.loads(payload.body) == EXPECTED[name]
    assert (payload.content_type, payload.accept) == ("application/json", "application/json")


def test_every_format_is_written_out_here() -> None:
    assert {*EXPECTED, "csv", "jsonlines", "template"} == set(REQUESTS)


@pytest.mark.parametrize("constant", DATAIKU)
def test_a_constant_of_dataiku_gives_the_body_of_its_documents(constant: str) -> None:
    assert text(ROWS, constant) == DATAIKU[constant]


def test_all_constants_of_dataiku_are_known() -> None:
    assert {n for n in request_named if n.startswith("INPUT_")} == set(DATAIKU)
    assert len(DATAIKU) == 14


def test_content_types() -> None:
    assert encode(ROWS, RequestSpec.from_json("csv")).content_type == "text/csv"
    assert encode(ROWS, RequestSpec.from_json("jsonlines")).content_type == "application/jsonlines"
    own = RequestSpec.from_json({"format": "csv", "content_type": "application/csv", "accept": "application/json"})
    payload = encode(ROWS, own)
    assert (payload.content_type, payload.accept) == ("application/csv", "application/json")
    assert encode_at_once(ROWS, "csv") == (b"3,49\n2,68", "text/csv")


def test_columns_are_sent_in_the_order_and_by_the_names_that_are_declared() -> None:
    spec: Json = {"format": "dataframe_split", "columns": ["c2", "c1"], "rename": {"c1": "age"}}
    sent = {"columns": ["c2", "age"], "data": [[49, 3], [68, 2]]}
    assert body(ROWS, spec) == {"dataframe_split": sent}


def test_types_on_the_wire() -> None:
    spec: Json = {"format": "instances-list", "dtypes": {"c1": "double", "c2": "string"}}
    assert text(ROWS, spec) == '{"instances":[[3.0,"49"],[2.0,"68"]]}'
    with pytest.raises(InvalidInput, match="the column `s` is string and cannot be sent as int64"):
        body(pa.record_batch({"s": ["x"]}), {"format": "data", "dtypes": {"s": "int64"}})


@pytest.mark.parametrize(
    ("policy", "sent"), [("null", [1.5, None, None, None, None]), ("empty", [1.5, "", "", "", ""])]
)
def test_what_json_has_no_number_for_goes_as_a_null_does(policy: str, sent: list[Any]) -> None:
    array = pa.array([1.5, None, float("nan"), float("inf"), float("-inf")])
    assert column(array, nan=policy) == sent


def test_numbers_that_are_none_can_be_sent_by_name() -> None:
    array = pa.array([1.5, None, float("nan"), float("inf"), float("-inf")])
    sent = text(pa.record_batch({"x": array}), {"format": "tf-inputs", "nan": "NaN"})
    assert sent == '{"inputs":{"x":[1.5,NaN,NaN,Infinity,-Infinity]}}'
    assert column(array, nan="NaN", strings_only=True) == ["1.5", "NaN", "NaN", "Infinity", "-Infinity"]


def test_a_missing_value_can_be_left_out_of_a_record() -> None:
    batch = pa.record_batch({"a": [1, None], "b": pa.array([None, None], pa.string()), "c": [float("nan"), 2.0]})
    assert body(batch, {"format": "instances-dict", "nan": "omit"}) == {"instances": [{"a": 1}, {"c": 2.0}]}
    template: Json = {"$each": {"left": "$value:a", "right": {"deep": "$value:c"}}}
    sent = body(batch, {"template": template, "nan": "omit"})
    assert sent == [{"left": 1, "right": {}}, {"right": {"deep": 2.0}}]


@pytest.mark.parametrize("name", ["csv", "data", "json-instances", "oip-v2", "tf-inputs"])
def test_it_cannot_be_left_out_where_places_count(name: str) -> None:
    with pytest.raises(InvalidInput, match="a missing one would move the rest"):
        RequestSpec.from_json({"format": name, "nan": "omit"})


def test_integers_keep_every_digit_and_floats_the_shortest_that_are_the_same() -> None:
    batch = pa.record_batch(
        {
            "i": pa.array([2**63 - 1, -(2**63)]),
            "u": pa.array([2**64 - 1, 0], pa.uint64()),
            "f": [0.1, 1e300],
            "s": pa.array([0.1, 3.0], pa.float32()),
        }
    )
    assert text(batch, "data") == (
        '{"data":[[9223372036854775807,18446744073709551615,0.1,0.1],[-9223372036854775808,0,1e+300,3.0]]}'
    )
    with_null = pa.array([2**63 - 1, None])
    assert column(with_null) == [2**63 - 1, None]


def test_booleans() -> None:
    array = pa.array([True, False, None])
    assert text(pa.record_batch({"x": array}), "tf-inputs") == '{"inputs":{"x":[true,false,null]}}'
    assert (
        text(pa.record_batch({"x": array}), {"format": "tf-inputs", "booleans": "1/0"}) == '{"inputs":{"x":[1,0,null]}}'
    )
    assert column(array, booleans="Y/N") == ["Y", "N", None]
    assert column(array, strings_only=True) == ["true", "false", None]
    assert text(pa.record_batch({"x": array, "y": [1, 2, 3]}), "csv") == "true,1\nfalse,2\n,3"


def test_times() -> None:
    moments = pa.array([MOMENT, None], pa.timestamp("us"))
    assert column(moments) == ["2024-02-03T04:05:06.000000", None]
    assert column(moments, dates="epoch_s") == [1706933106, None]
    assert column(moments, dates="epoch_ms") == [1706933106000, None]
    assert column(moments, dates="%d.%m.%Y") == ["03.02.2024", None]
    assert column(moments, dates="epoch_s", strings_only=True) == ["1706933106", None]
    fractions = pa.array([datetime.fromisoformat("2024-02-03T04:05:06.5")], pa.timestamp("us"))
    assert column(fractions, dates="epoch_s") == [1706933106.5]
    zoned = pa.array([datetime(2024, 2, 3, 4, 5, 6, tzinfo=UTC)], pa.timestamp("s", "Europe/Paris"))
    assert column(zoned) == ["2024-02-03T04:05:06Z"]
    days = pa.array([date(2024, 2, 3)])
    assert column(days) == ["2024-02-03"]
    assert column(days, dates="epoch_ms") == [1706918400000]
    assert column(pa.array([time(4, 5, 6)], pa.time32("s"))) == ["04:05:06"]
    assert column(pa.array([timedelta(seconds=90)], pa.duration("s"))) == [90]
    nested = pa.array([[MOMENT]], pa.list_(pa.timestamp("s")))
    assert column(nested, dates="epoch_s") == [[1706933106]]


def test_decimals() -> None:
    array = pa.array([Decimal("12.50"), None], pa.decimal128(10, 2))
    assert column(array) == [12.5, None]
    assert column(array, decimals="string") == ["12.50", None]
    assert column(pa.array([Decimal(10**30)], pa.decimal128(38, 0))) == [10**30]
    many = pa.array([Decimal("1234567890123456789.12")], pa.decimal128(38, 2))
    assert text(pa.record_batch({"x": many}), "csv") == "1234567890123456789.12"


def test_texts_are_sent_whatever_is_in_them() -> None:
    values = ['say "no"', "a,b", "two\nlines", "ü€😀", "", " padded "]
    batch = pa.record_batch({"x": values, "n": list(range(6))})
    assert body(batch, "tf-inputs")["inputs"]["x"] == values
    assert text(batch, "csv") == '"say ""no""",0\n"a,b",1\n"two\nlines",2\nü€😀,3\n"",4\n" padded ",5'
    lines = encode(batch, RequestSpec.from_json("jsonlines")).body.split(b"\n")
    assert [json.loads(line)["features"][0] for line in lines] == values
    assert column(pa.array(values, pa.large_string())) == values
    assert column(pa.array(values).dictionary_encode()) == values
    broken = pa.Array.from_buffers(
        pa.string(), 1, [None, pa.array([0, 1], pa.int32()).buffers()[1], pa.py_buffer(b"\xff")]
    )
    with pytest.raises(InvalidInput, match="no UTF-8"):
        column(broken)


def test_half_of_a_surrogate_pair_is_spelt_out() -> None:
    sent = encode(ROWS, RequestSpec.from_json({"format": "data", "extra": {"note": "\ud800"}})).body
    assert json.loads(sent)["note"] == "\ud800"


def test_csv_has_a_header_if_it_is_asked_for_and_nothing_for_a_null() -> None:
    batch = pa.record_batch({"a,b": [1.5, None], "c": [None, "x"]})
    assert text(batch, "csv") == "1.5,\n,x"
    assert text(batch, {"format": "csv", "header": True}) == '"a,b",c\n1.5,\n,x'
    assert text(batch, {"format": "csv", "nan": "NaN"}) == "1.5,NaN\nNaN,x"
    assert text(batch, {"format": "csv", "nan": "null"}) == "1.5,null\nnull,x"
    assert text(batch, {"format": "csv", "columns": ["c"]}) == '""\nx'


def test_lists_structs_maps_and_bytes() -> None:
    batch = pa.record_batch(
        {
            "l": pa.array([[1, 2], []], pa.list_(pa.int64())),
            "s": [{"a": 1.5, "b": None}, {"a": float("nan"), "b": "x"}],
            "m": pa.array([[("k", 1)], []], pa.map_(pa.string(), pa.int64())),
            "b": [b"\x00\xff", None],
        }
    )
    assert body(batch, "dataframe_records") == {
        "dataframe_records": [
            {"l": [1, 2], "s": {"a": 1.5, "b": None}, "m": {"k": 1}, "b": "AP8="},
            {"l": [], "s": {"a": None, "b": "x"}, "m": {}, "b": None},
        ]
    }
    assert body(batch, {"format": "instances-strings", "columns": ["l", "s"]}) == {
        "instances": [{"l": ["1", "2"], "s": {"a": "1.5", "b": None}}, {"l": [], "s": {"a": None, "b": "x"}}]
    }
    sparse = body(batch, {"format": "dataframe_records", "nan": "omit", "columns": ["s"]})
    assert sparse == {"dataframe_records": [{"s": {"a": 1.5}}, {"s": {"b": "x"}}]}


def tensors() -> pa.RecordBatch:
    signature = Signature((Column("x", pa.list_(pa.float32()), tensor=TensorSpec("float32", (-1, 2, 2))),))
    return pa.record_batch([pa.array([[1, 2, 3, 4], [5, 6, 7, 8]], pa.list_(pa.float32()))], schema=signature.schema)


def test_a_row_of_a_tensor_has_its_shape() -> None:
    assert body(tensors(), "tf-inputs") == {"inputs": {"x": [[[1, 2], [3, 4]], [[5, 6], [7, 8]]]}}
    assert body(tensors(), {"template": {"instances": {"$each": "$value:x"}}}) == {
        "instances": [[[1, 2], [3, 4]], [[5, 6], [7, 8]]]
    }
    sent = {"name": "x", "shape": [2, 2, 2], "datatype": "FP32", "data": [1, 2, 3, 4, 5, 6, 7, 8]}
    assert body(tensors(), {"format": "oip-v2", "tensors": "columns"}) == {"inputs": [sent]}
    assert body(tensors(), {"format": "oip-v2", "input": "pixels"}) == {"inputs": [{**sent, "name": "pixels"}]}
    assert body(tensors().slice(0, 0), "oip-v2")["inputs"][0]["shape"] == [0, 2, 2]


def test_tensors_of_columns() -> None:
    batch = pa.record_batch({"a": [1, 2], "s": ["x", "y"], "f": pa.array([1, 2], pa.float32()), "b": [True, False]})
    sent = body(batch, {"format": "oip-v2", "tensors": "columns"}, {"content_type": "pd"}, "id-1")
    assert sent == {
        "id": "id-1",
        "inputs": [
            {"name": "a", "shape": [2, 1], "datatype": "INT64", "data": [1, 2]},
            {"name": "s", "shape": [2, 1], "datatype": "BYTES", "data": ["x", "y"]},
            {"name": "f", "shape": [2, 1], "datatype": "FP32", "data": [1, 2]},
            {"name": "b", "shape": [2, 1], "datatype": "BOOL", "data": [True, False]},
        ],
        "parameters": {"content_type": "pd"},
    }
    flat = body(batch, {"format": "oip-v2", "tensors": "columns", "column_rank": "1", "columns": ["a"]})
    assert flat["inputs"][0]["shape"] == [2]


def test_a_matrix_has_the_type_that_holds_all_columns() -> None:
    def kind(batch: pa.RecordBatch, **options: Json) -> Any:
        return body(batch, {"format": "oip-v2", **options})["inputs"][0]["datatype"]

    small, whole, wide = pa.array([1], pa.float32()), pa.array([1]), pa.array([1.5])
    assert kind(pa.record_batch({"a": small})) == "FP32"
    assert kind(pa.record_batch({"a": small, "b": pa.array([1], pa.int8())})) == "FP32"
    assert kind(pa.record_batch({"a": small, "b": whole})) == "FP64"
    assert kind(pa.record_batch({"a": wide, "b": small})) == "FP64"
    assert kind(pa.record_batch({"a": whole, "b": pa.array([1], pa.int8())})) == "INT64"
    assert kind(pa.record_batch({"a": wide}), datatype="FP32") == "FP32"
    with pytest.raises(InvalidInput, match="BYTES, INT64, which no matrix holds together"):
        kind(pa.record_batch({"a": whole, "s": ["x"]}))
    ragged = pa.record_batch({"l": [[1, 2], [3]]})
    with pytest.raises(InvalidInput, match="different shapes"):
        kind(ragged)


def test_parameters_go_where_the_format_has_them() -> None:
    assert body(ROWS, "dataframe_split", {"k": 1})["params"] == {"k": 1}
    assert body(ROWS, "instances-dict", {"k": 1})["parameters"] == {"k": 1}
    assert body(ROWS, "automl-inputs", {"method": "predict"})["GlobalParameters"] == {"method": "predict"}
    assert body(ROWS, "automl-inputs", {"k": 1})["GlobalParameters"] == {"method": "predict_proba", "k": 1}
    assert body(ROWS, "designer", {"k": 1})["GlobalParameters"] == {"k": 1}
    fixed: Json = {"format": "dataframe_split", "params": {"k": 1, "m": 2}}
    assert body(ROWS, fixed, {"k": 3})["params"] == {"k": 3, "m": 2}
    # What is sent once must not be there at the next call.
    assert body(ROWS, "automl-inputs")["GlobalParameters"] == {"method": "predict_proba"}


@pytest.mark.parametrize("name", ["csv", "json-instances", "data"])
def test_parameters_are_never_passed_over(name: str) -> None:
    with pytest.raises(InvalidInput, match="carries no parameters"):
        body(ROWS, name, {"k": 1})
    with pytest.raises(InvalidInput, match="carries none"):
        RequestSpec.from_json({"format": name, "params": {"k": 1}})
    with pytest.raises(InvalidInput, match="carries no parameters"):
        body(ROWS, {"template": {"rows": "$matrix"}}, {"k": 1})


def test_further_members() -> None:
    spec: Json = {"format": "data", "extra": {"client": "muster", "id": "$identity"}}
    assert body(ROWS, spec, identity="a1") == {"data": MATRIX, "client": "muster", "id": "a1"}
    assert body(ROWS, spec) == {"data": MATRIX, "client": "muster"}
    lines = encode(ROWS, RequestSpec.from_json({"format": "jsonlines", "extra": {"k": 1}})).body.split(b"\n")
    assert json.loads(lines[1]) == {"features": [2, 68], "k": 1}
    with pytest.raises(InvalidInput, match="the document is no object"):
        body(ROWS, {"template": "$matrix", "extra": {"k": 1}})


def test_the_input_has_the_name_that_is_declared() -> None:
    sent = body(ROWS, {"format": "designer", "input": "WebServiceInput0"})
    assert sent["Inputs"] == {"WebServiceInput0": RECORDS}


@pytest.mark.parametrize(
    ("template", "sent"),
    [
        ("$records", RECORDS),
        ({"a": "$matrix", "n": "$rows"}, {"a": MATRIX, "n": 2}),
        (
            {"names": "$columns", "i": "$index", "by": "$by_column"},
            {"names": ["c1", "c2"], "i": [0, 1], "by": {"c1": [3, 2], "c2": [49, 68]}},
        ),
        ({"ages": "$column:c1"}, {"ages": [3, 2]}),
        (
            {"$each": {"id": "$index", "x": ["$value:c2", "fixed"], "all": "$record"}},
            [{"id": 0, "x": [49, "fixed"], "all": RECORDS[0]}, {"id": 1, "x": [68, "fixed"], "all": RECORDS[1]}],
        ),
        (
            {"rows": {"$each": "$values"}, "price": "$$5", "$$each": [1, None, True]},
            {"rows": MATRIX, "price": "$5", "$each": [1, None, True]},
        ),
        ([{"$each": {"deep": {"$$value": "$value:c1"}}}], [[{"deep": {"$value": 3}}, {"deep": {"$value": 2}}]]),
    ],
)
def test_a_template_is_any_document(template: Json, sent: Any) -> None:
    assert body(ROWS, {"template": template}) == sent
    assert not RequestSpec.from_json({"template": template}).one_row


def test_a_template_of_one_row_takes_one_row() -> None:
    spec = RequestSpec.from_json({"template": {"user": {"age": "$value:c1"}, "raw": "$values", "$$": "$record"}})
    assert spec.one_row
    assert json.loads(encode(ROWS.slice(1), spec).body) == {"user": {"age": 2}, "raw": [2, 68], "$": RECORDS[1]}
    with pytest.raises(InvalidInput, match="takes one row and not 2"):
        encode(ROWS, spec)


def test_a_template_of_lines() -> None:
    spec = RequestSpec.from_json({"template": {"x": "$value:c1"}, "lines": True})
    assert encode(ROWS, spec).body == b'{"x":3}\n{"x":2}'
    assert not spec.one_row


def test_a_template_has_places_for_the_call() -> None:
    template: Json = {"rows": "$matrix", "options": "$params", "top": "$param:k", "id": "$identity"}
    assert body(ROWS, {"template": template}, {"k": 5}, "me") == {
        "rows": MATRIX,
        "options": {"k": 5},
        "top": 5,
        "id": "me",
    }
    assert body(ROWS, {"template": template}) == {"rows": MATRIX}


@pytest.mark.parametrize(
    ("template", "told"),
    [
        ({"x": "$matrx"}, "`$matrx` is no place of a template; did you mean `$matrix`"),
        ({"x": 1}, "has no place for rows"),
        ({"$each": {"$each": "$record"}}, "within another"),
        ({"$each": "$matrix"}, "once for each row"),
        ({"$rows": 1, "x": "$matrix"}, "`$rows as a key`"),
        ({"x": "$column:"}, "`$column:` is no place"),
    ],
)
def test_what_is_wrong_with_a_template_is_told(template: Json, told: str) -> None:
    with pytest.raises(InvalidInput) as error:
        RequestSpec.from_json({"template": template})
    assert told in error.value.message


def test_a_template_names_columns_that_are_sent() -> None:
    with pytest.raises(InvalidInput, match=r"the column `c11`, which is not sent; did you mean `c1`"):
        body(ROWS, {"template": {"$each": "$value:c11"}})


def test_columns_that_are_not_there_are_told_together() -> None:
    with pytest.raises(InvalidInput, match=r"`c3`.*, `other`"):
        body(ROWS, {"format": "csv", "columns": ["c1", "c3", "other"]})
    with pytest.raises(InvalidInput, match="two columns would be sent as `c2`"):
        body(ROWS, {"format": "csv", "rename": {"c1": "c2"}})


def test_no_rows_and_no_columns() -> None:
    none = ROWS.slice(0, 0)
    assert text(none, "csv") == ""
    assert body(none, "json-instances") == {"instances": []}
    assert body(none, "oip-v2")["inputs"][0]["shape"] == [0, 2]
    bare = pa.RecordBatch.from_pylist([{}, {}], schema=pa.schema([]))
    assert body(bare.slice(0, 0), "dataframe_records") == {"dataframe_records": []}
