"""Answers by a specification: rows that are bad are told one by one, and their rows alone."""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa
import pytest

from muster.errors import InvalidInput, ModelFailed
from muster.predictors.answers import check
from muster.predictors.external.codecs.decode import decode
from muster.predictors.external.codecs.public import decode as decode_at_once
from muster.predictors.external.codecs.spec import ResponseSpec
from muster.signature import Json, Output

BINARY = Output("binary", pa.string(), ("no", "yes"), probabilities=True)
LABELS = Output("binary", pa.string(), ("no", "yes"))
REGRESSION = Output("regression", pa.float64())
SCORE: Json = {"format": "json", "rows": "predictions", "row": "object", "probabilities": {"score": "score"}}
LISTED: Json = {
    "format": "json",
    "row": "object",
    "label": "label",
    "probabilities": {"list": "p"},
    "classes": ["no", "yes"],
}
VALUE: Json = {"format": "json", "row": "value", "value": "0"}


def read(body: Any, output: Output, spec: Json, rows: int, content_type: str = "application/json") -> pa.RecordBatch:
    sent = body if isinstance(body, bytes) else body.encode() if isinstance(body, str) else json.dumps(body).encode()
    answer = decode(sent, content_type, rows, output, ResponseSpec.from_json(spec))
    check(answer, rows, output)
    return answer


def errors(answer: pa.RecordBatch) -> list[str | None]:
    found: list[str | None] = answer.column("error").to_pylist()
    for name in ("prediction", "probabilities"):
        if name in answer.schema.names:
            column = answer.column(name).to_pylist()
            assert all((value is None) == (error is not None) for value, error in zip(column, found, strict=True))
    return found


def test_the_columns_are_those_of_the_output() -> None:
    answer = read({"predictions": [{"score": 0.25}, {"score": 0.75}]}, BINARY, SCORE, 2)
    assert answer.schema.equals(BINARY.schema)
    assert answer.to_pydict() == {"prediction": ["no", "yes"], "probabilities": [[0.75, 0.25], [0.25, 0.75]]}
    assert read([1, 2], REGRESSION, VALUE, 2).schema.equals(REGRESSION.schema)


def test_bad_rows_of_scores() -> None:
    scores: list[Any] = [{"score": s} for s in (0.25, None, float("nan"), 1.5, "x")]
    body = {"predictions": [*scores, {}, None, {"error": "bad age"}, {"score": True}]}
    assert errors(read(body, BINARY, SCORE, 9)) == [
        None,
        "the endpoint gave no probability",
        "the endpoint gave NaN as its probability, which is no number",
        "the endpoint's probabilities are not within 0 and 1: -0.5, 1.5",
        "the endpoint gave x as its probability, which is no number",
        "the endpoint gave no probability",
        "the endpoint answered null for the row",
        "the endpoint answered an error: bad age",
        "the endpoint gave true as its probability, which is no number",
    ]


def test_errors_beside_columns() -> None:
    spec: Json = {"format": "json", "row": "columns", "value": "y"}
    answer = read({"y": [1.5, None], "error": [None, "bad age"]}, REGRESSION, spec, 2)
    assert errors(answer) == [None, "the endpoint answered an error: bad age"]


def test_bad_rows_of_lists() -> None:
    good = [0.25, 0.75]
    body = [
        {"label": "yes", "p": good},
        {"label": "maybe", "p": good},
        {"label": None, "p": good},
        {"label": "yes", "p": [0.25, 0.7]},
        {"label": "yes", "p": [0.25, 0.5, 0.25]},
        {"label": "yes", "p": [0.25, None]},
        {"label": "yes", "p": None},
        {"label": "yes", "p": [-0.25, 1.25]},
        {"label": ["yes", "no"], "p": good},
        {"label": "yes", "p": [0.2495, 0.75]},
        "yes",
    ]
    answer = read(body, BINARY, LISTED, len(body))
    assert errors(answer) == [
        None,
        "the endpoint answered `maybe`, which is none of its classes (no, yes)",
        "the endpoint gave no prediction",
        "the endpoint's probabilities do not add up to 1: 0.25, 0.7",
        "the endpoint gave 3 numbers as its probabilities for 2 classes",
        "the endpoint's probabilities are not finite numbers: [0.25, null]",
        "the endpoint gave no probabilities",
        "the endpoint's probabilities are not within 0 and 1: -0.25, 1.25",
        'the endpoint answered ["yes", "no"], which is no label',
        None,
        'the endpoint answered "yes" and no object for the row',
    ]
    assert answer.column("prediction").to_pylist()[0] == "yes"


def test_bad_rows_of_a_regression() -> None:
    answer = read('[1.5, NaN, null, "x", -Infinity, [2.5], {"error": {"why": 1}}, 1e400, true]', REGRESSION, VALUE, 9)
    assert answer.column("prediction").to_pylist() == [1.5, None, None, None, None, 2.5, None, None, None]
    assert [e is None for e in answer.column("error").to_pylist()] == [v is not None for v in answer[0].to_pylist()]
    assert answer.column("error")[6].as_py() == 'the endpoint answered an error: {"why": 1}'


def test_bad_rows_of_named_classes() -> None:
    spec: Json = {"format": "json", "row": "object", "probabilities": {"map": "p"}, "classes": ["no", "yes"]}
    body = [
        {"p": {"yes": 0.75, "no": 0.25}},
        {"p": {"yes": 1.0}},
        {"p": {"yes": 0.5, "no": 0.25, "maybe": 0.25}},
        {"p": 5},
    ]
    assert errors(read(body, BINARY, spec, 4)) == [
        None,
        "the endpoint gave no probability for no",
        "the endpoint named the class `maybe`, which is none of no, yes",
        "the endpoint gave no number for each class",
    ]
    named: Json = {"format": "json", "row": "object", "probabilities": {"list": "s", "classes": "c"}}
    body = [
        {"s": [0.75, 0.25], "c": ["yes", "no"]},
        {"s": [0.75, 0.25], "c": ["yes", "x"]},
        {"s": [0.75, 0.25], "c": None},
    ]
    answer = read(body, BINARY, named, 3)
    assert answer.column("probabilities").to_pylist() == [[0.25, 0.75], None, None]
    assert errors(answer)[1] == 'the endpoint named the classes ["yes", "x"], and they are no, yes'


def test_ragged_records() -> None:
    spec: Json = {"format": "csv", "row": "list", "columns": ["a", "b"], "value": "b"}
    answer = read("1,2\n1\n1,2,3", REGRESSION, spec, 3, "text/csv")
    assert answer.column("prediction").to_pylist() == [2.0, None, None]
    assert errors(answer)[2] == "the endpoint answered 3 fields for the row, and not 2"
    with pytest.raises(ModelFailed, match="3 fields in a row, and 2 are expected: a, b"):
        read("1,2,3\n4,5,6", REGRESSION, spec, 2, "text/csv")


def test_a_header_may_change_its_order_and_not_its_names() -> None:
    spec: Json = {"format": "csv", "row": "list", "header": True, "value": "b"}
    assert read("b,a\n1,2", REGRESSION, spec, 1, "text/csv")[0].to_pylist() == [1.0]
    with pytest.raises(ModelFailed, match="has no `b`; it has `a`, `c`"):
        read("a,c\n1,2", REGRESSION, spec, 1, "text/csv")
    with pytest.raises(ModelFailed, match="no line with names"):
        read('""', REGRESSION, spec, 1, "text/csv")


def test_a_data_frame_names_its_columns_itself() -> None:
    spec: Json = {"format": "json", "rows": "data", "row": "list", "columns": ["a", "b"], "value": "b"}
    assert read({"columns": ["b", "a"], "data": [[1, 2]]}, REGRESSION, spec, 1)[0].to_pylist() == [1.0]
    assert read({"data": [[1, 2]]}, REGRESSION, spec, 1)[0].to_pylist() == [2.0]
    with pytest.raises(ModelFailed, match="has no `b`; it has `a`, `c`"):
        read({"columns": ["a", "c"], "data": [[1, 2]]}, REGRESSION, spec, 1)


def test_a_data_frame_that_was_sorted_on_its_way_is_put_back_in_order() -> None:
    spec: Json = {"format": "json", "rows": ["out", "data"], "row": "list", "columns": ["a"], "value": "a"}

    def answer(index: Any, rows: int = 3) -> Json:
        return {"out": {"columns": ["a"], "index": index, "data": [[float(n)] for n in range(rows)]}}

    for index in ([0, 1, 2], ["0", "1", "2"]):
        assert read(answer(index), REGRESSION, spec, 3)[0].to_pylist() == [0.0, 1.0, 2.0]
    assert read(answer([2, 0, 1]), REGRESSION, spec, 3)[0].to_pylist() == [1.0, 2.0, 0.0]
    for other in (
        [0, 1],
        [0, 0, 1],
        [1, 2, 3],
        [0, 1, None],
        [0, 1, True],
        [0.0, 1.0, 2.0],
        ["a", "b", "c"],
        [[0], [1], [2]],
    ):
        with pytest.raises(ModelFailed, match=r"numbers its rows .* and was sent those from 0 to 2"):
            read(answer(other), REGRESSION, spec, 3)
    with pytest.raises(ModelFailed, match="answered 2 rows for 3"):
        read(answer([1, 0], 2), REGRESSION, spec, 3)
    beside: Json = {"out": {"index": [9, 9], "data": [[1.0], [2.0]]}}
    assert read(beside, REGRESSION, spec, 2)[0].to_pylist() == [1.0, 2.0], (
        "what is no data frame may mean anything by it"
    )


def test_the_endpoint_has_its_own_order_of_classes() -> None:
    spec: Json = {**_object(LISTED), "classes": ["yes", "no"]}
    body = [{"label": "yes", "p": [0.75, 0.25]}]
    assert read(body, BINARY, spec, 1).to_pydict() == {"prediction": ["yes"], "probabilities": [[0.25, 0.75]]}
    score: Json = {**_object(SCORE), "classes": ["yes", "no"]}
    one = read({"predictions": [{"score": 0.75}]}, BINARY, score, 1)
    assert one.to_pydict() == {"prediction": ["no"], "probabilities": [[0.75, 0.25]]}
    with pytest.raises(InvalidInput, match="with the classes yes, maybe, and those of the model are no, yes"):
        read(body, BINARY, {**_object(LISTED), "classes": ["yes", "maybe"]}, 1)


def _object(document: Json) -> dict[str, Json]:
    assert isinstance(document, dict)
    return document


def test_the_endpoint_s_own_label_stands() -> None:
    body = [{"label": "yes", "p": [0.75, 0.25]}]
    assert read(body, BINARY, LISTED, 1).to_pydict() == {"prediction": ["yes"], "probabilities": [[0.75, 0.25]]}


def test_codes_are_places_in_the_endpoint_s_order() -> None:
    spec: Json = {"format": "json", "row": "value", "label": "0", "classes": ["yes", "no"], "codes": True}
    answer = read([0, 1.0, "1", 2, -1, 0.5, True], LABELS, spec, 7)
    assert answer[0].to_pylist() == ["yes", "no", "no", None, None, None, "no"]


@pytest.mark.parametrize("label", [6, 6.0, "6", "6.0", [6.0]])
def test_labels_are_equal_by_their_canonical_text(label: Any) -> None:
    output = Output("multiclass", pa.int64(), (5, 6, 7))
    spec: Json = {"format": "json", "row": "value", "label": "0"}
    assert read([label, 5], output, spec, 2)[0].to_pylist() == [6, 5]


def test_true_is_not_one() -> None:
    spec: Json = {"format": "json", "row": "value", "label": "0"}
    output = Output("binary", pa.int64(), (0, 1))
    assert errors(read([1, True, 1.0], output, spec, 3)) == [
        None,
        "the endpoint answered `True`, which is none of its classes (0, 1)",
        None,
    ]
    flags = Output("binary", pa.bool_(), (False, True))
    assert read([True, "TRUE", "false"], flags, spec, 3)[0].to_pylist() == [True, True, False]


def test_activations() -> None:
    spec: Json = {"format": "json", "row": "value", "probabilities": {"list": "0"}, "activation": "softmax"}
    assert read([[0, 0], [1000, -1000]], BINARY, spec, 2).column("probabilities").to_pylist() == [[0.5, 0.5], [1, 0]]
    one: Json = {"format": "json", "row": "value", "probabilities": {"score": "0"}, "activation": "sigmoid"}
    assert read([0, 1000, -1000], BINARY, one, 3).column("probabilities").to_pylist() == [[0.5, 0.5], [0, 1], [1, 0]]
    several = Output("multilabel", pa.list_(pa.bool_(), 2), ("a", "b"), probabilities=True)
    each: Json = {"format": "json", "row": "value", "probabilities": {"list": "0"}, "activation": "sigmoid"}
    assert read([[0, -1000]], several, each, 1).to_pydict() == {
        "prediction": [[True, False]],
        "probabilities": [[0.5, 0]],
    }
    ranked: Json = {"format": "json", "row": "value", "probabilities": {"list": "0"}, "activation": "ranking"}
    assert read([[3, 5], [5, 5]], LABELS, ranked, 2).to_pydict() == {"prediction": ["yes", "no"]}


def test_what_float32_leaves_outside_is_put_on_the_edge() -> None:
    answer = read({"predictions": [{"score": 1.0000001}]}, BINARY, SCORE, 1)
    assert answer.column("probabilities").to_pylist() == [[0, 1]]


def test_probabilities_that_nobody_wants_are_left_out() -> None:
    assert read([{"label": "yes", "p": [7, 8]}], LABELS, LISTED, 1).to_pydict() == {"prediction": ["yes"]}


def test_probabilities_that_are_wanted_are_not_made_up() -> None:
    with pytest.raises(ModelFailed, match="gives no probabilities, and the model has them"):
        read(["yes"], BINARY, {"format": "json", "row": "value", "label": "0"}, 1)
    with pytest.raises(InvalidInput, match="one score tells two classes apart, and there are 3"):
        read(
            [0.5],
            Output("multiclass", pa.string(), ("a", "b", "c"), probabilities=True),
            {"format": "json", "row": "value", "probabilities": {"score": "0"}},
            1,
        )


def test_a_specification_that_is_not_frozen_reads_nothing() -> None:
    with pytest.raises(InvalidInput, match="does not say where predictions are"):
        read([1], REGRESSION, "json", 1)


def test_another_form_than_before_is_refused() -> None:
    with pytest.raises(ModelFailed, match="has no `predictions` where the predictions are; it has `outputs`"):
        read({"outputs": [1]}, BINARY, SCORE, 1)
    with pytest.raises(ModelFailed, match="has no `score`; it has `scores`; did you mean `scores`"):
        read({"predictions": [{"scores": 1}]}, BINARY, SCORE, 1)
    with pytest.raises(ModelFailed, match="the endpoint answered 2 rows for 3"):
        read({"predictions": [{"score": 1}, {"score": 0}]}, BINARY, SCORE, 3)
    with pytest.raises(ModelFailed, match=r"has 5 where a list of 1 row was expected"):
        read({"predictions": 5}, BINARY, SCORE, 1)
    with pytest.raises(ModelFailed, match="answered an error: out of memory"):
        read({"error": "out of memory"}, BINARY, SCORE, 1)
    columns: Json = {"format": "json", "row": "columns", "value": "y"}
    with pytest.raises(ModelFailed, match="the endpoint answered 3 rows for 2"):
        read({"y": [1, 2, 3], "x": [1, 2]}, REGRESSION, columns, 2)
    with pytest.raises(ModelFailed, match="where a text was that holds the predictions"):
        read({"data": [1]}, REGRESSION, {"format": "csv", "within": [["data"]], "row": "line", "value": "0"}, 1)


def test_texts_within_texts() -> None:
    spec: Json = {"format": "json", "within": [["body"], []], "rows": "p", "row": "value", "value": "0"}
    body = {"body": json.dumps(json.dumps({"p": [1.5, 2.5]}))}
    assert read(body, REGRESSION, spec, 2)[0].to_pylist() == [1.5, 2.5]


def test_no_columns_are_no_rows() -> None:
    spec: Json = {"format": "json", "row": "columns", "value": ""}
    with pytest.raises(ModelFailed, match="3 rows for 2"):
        read({"y": [1, 2, 3]}, Output("other", pa.string()), spec, 2)
    with pytest.raises(ModelFailed, match="0 rows for 2"):
        read({"y": 1}, Output("other", pa.string()), spec, 2)


def test_half_of_a_surrogate_pair_is_no_text() -> None:
    spec: Json = {"format": "json", "row": "value", "label": "0"}
    answer = read(b'["no", "\\ud800"]', LABELS, spec, 2)
    assert errors(answer)[1] == "the endpoint answered `?`, which is none of its classes (no, yes)"
    whole = read(b'["\\ud83d\\ude00"]', Output("other", pa.string()), VALUE, 1)
    assert whole[0].to_pylist() == ["\U0001f600"]


def test_encodings() -> None:
    spec: Json = {"format": "json", "row": "value", "label": "0"}
    output = Output("binary", pa.string(), ("ä", "ö"))
    for charset, body in (("utf-8", b"\xef\xbb\xbf" + '["ö"]'.encode()), ("iso-8859-1", '["ö"]'.encode("latin-1"))):
        assert read(body, output, spec, 1, f"application/json; charset={charset}")[0].to_pylist() == ["ö"]
    for charset in ("utf-8", "nonsense", "hex"):
        with pytest.raises(ModelFailed, match="bytes that are no text"):
            read(b'["\xff"]', output, spec, 1, f"application/json; charset={charset}")


def test_whole_numbers_to_the_last_digit() -> None:
    output = Output("regression", pa.int64())
    answer = read([2**63 - 1, 1.0, 1.5, 2**63, None], output, VALUE, 5)
    assert answer[0].to_pylist() == [2**63 - 1, 1, None, None, None]


def test_several_targets() -> None:
    kind = Output("binary", pa.string(), ("no", "yes"), probabilities=True)
    output = Output(
        "multioutput",
        pa.struct([("price", pa.float64()), ("sold", pa.string())]),
        probabilities=True,
        targets={"price": REGRESSION, "sold": kind},
    )
    spec: Json = {
        "format": "json",
        "row": "object",
        "targets": {"price": "p", "sold": {"probabilities": {"score": "s"}}},
    }
    answer = read([{"p": 5, "s": 0.75}, {"p": None, "s": 0.25}], output, spec, 2)
    assert answer.column("prediction").to_pylist() == [{"price": 5.0, "sold": "yes"}, None]
    assert answer.column("probabilities").to_pylist() == [{"sold": [0.25, 0.75]}, None]
    with pytest.raises(InvalidInput, match="where the targets price, sold are"):
        read([1], output, VALUE, 1)


def test_flags_that_are_none() -> None:
    output = Output("multilabel", pa.list_(pa.bool_(), 2), ("a", "b"))
    spec: Json = {"format": "json", "row": "value", "flags": {"list": "0"}, "classes": ["b", "a"]}
    answer = read([[1, 0], [True, True], [2, 0], [1], None], output, spec, 5)
    assert answer[0].to_pylist() == [[False, True], [True, True], None, None, None]
    named: Json = {"format": "json", "row": "value", "label": "0"}
    assert errors(read([["a"], ["c"], "a"], output, named, 3)) == [
        None,
        "the endpoint answered `c`, which is none of its classes (a, b)",
        "the endpoint gave no list of labels",
    ]


def test_any_type_of_other() -> None:
    output = Output("other", pa.struct([("x", pa.int64())]))
    answer = read([{"x": 1}, {"x": "no"}, None], output, VALUE, 3)
    assert answer[0].to_pylist() == [{"x": 1}, None, None]
    assert answer.column("error").to_pylist()[2] is None
    text = read('["plain", {"a": "\\ud800"}, null]', Output("other", pa.string()), VALUE, 3)
    assert text[0].to_pylist() == ["plain", '{"a": "?"}', None]


def test_labels_of_classes_that_nobody_declared() -> None:
    answer = decode_at_once(
        '{"predictions": [6.0, 3, null]}', content_type="application/json", rows=3, task="multiclass"
    )
    assert answer.to_pydict() == {"prediction": [6, 3, None], "error": [None, None, "the endpoint gave no prediction"]}
    output = Output("multiclass", pa.int64())
    spec: Json = {"format": "json", "row": "value", "label": "0"}
    assert read([1, "x", 1.5], output, spec, 3)[0].to_pylist() == [1, None, None]


def test_an_explicit_specification_is_taken_at_its_word() -> None:
    spec: Json = {"format": "json", "row": "object", "label": "label", "probabilities": {"list": "p"}}
    body = '[{"label": "yes", "p": [0.75, 0.25]}]'
    answer = decode_at_once(
        body, task="binary", spec=spec, content_type="application/json", rows=1, classes=["no", "yes"]
    )
    assert answer.to_pydict() == {"prediction": ["yes"], "probabilities": [[0.75, 0.25]]}
