"""Specifications as they are written and stored: all that is wrong is told at once."""

from __future__ import annotations

import json

import pytest

from muster.errors import InvalidInput
from muster.predictors.external.codecs.candidates import candidates
from muster.predictors.external.codecs.spec import RequestSpec, ResponseSpec
from muster.predictors.external.codecs.tables import REQUESTS, RESPONSES, request_named, response_named
from muster.signature import Json, Signature

FULL_REQUESTS: list[Json] = [
    {"format": "csv", "columns": ["a", "b"], "header": True, "nan": "NaN", "booleans": "1/0", "dates": "%Y"},
    {"format": "csv", "nan": "null"},
    {"format": "oip-v2", "tensors": "columns", "column_rank": "1", "datatype": "FP32", "input": "x"},
    {"format": "template", "template": {"rows": {"$each": "$record"}}, "extra": {"a": None}, "params": {}},
    {"format": "template", "template": "$value:a", "lines": True},
    {"format": "instances-strings", "rename": {"a": "b"}, "dtypes": {"a": "string"}, "decimals": "string"},
    {"format": "instances-strings", "strings_only": False},
]

FULL_RESPONSES: list[Json] = [
    {"format": "json", "within": [["predictions", "data"], []], "rows": ["a", 0], "row": "object", "label": "x"},
    {"format": "json", "rows": [], "row": "value", "probabilities": {"list": "0"}, "classes": ["a", "b"]},
    {
        "format": "csv",
        "row": "list",
        "columns": ["a", "b"],
        "probabilities": {"score": "b", "of": "label"},
        "label": "a",
    },
    {"format": "csv", "header": True, "row": "list", "flags": {"fields": ["x", "y"]}, "classes": [True, False]},
    {"format": "json", "row": "tensors", "value": "y", "type": "float", "error": "fault", "single": False},
    {"format": "json", "row": "object", "targets": {"t": {"value": "x"}, "u": {"label": "l", "classes": [1, 2]}}},
    {
        "format": "json",
        "row": "object",
        "probabilities": {"list": "s", "classes": "c"},
        "threshold": 0.3,
        "codes": True,
    },
    {"label": "x", "activation": "softmax"},
]


@pytest.mark.parametrize("document", [*FULL_REQUESTS, *sorted(request_named.keys() - {"template"})])
def test_a_request_is_stored_and_read_again(document: Json) -> None:
    spec = RequestSpec.from_json(document)
    assert RequestSpec.from_json(json.loads(json.dumps(spec.to_json()))) == spec
    assert RequestSpec.from_json(spec) is spec


@pytest.mark.parametrize("document", [*FULL_RESPONSES, *response_named])
def test_a_response_is_stored_and_read_again(document: Json) -> None:
    spec = ResponseSpec.from_json(document)
    assert ResponseSpec.from_json(json.loads(json.dumps(spec.to_json()))) == spec
    assert ResponseSpec.from_json(spec) is spec


def test_all_constants_of_dataiku_for_outputs_are_known() -> None:
    known = {n for n in response_named if n.startswith("OUTPUT_")}
    assert known == {
        "OUTPUT_SAGEMAKER_CSV",
        "OUTPUT_SAGEMAKER_ARRAY_AS_STRING",
        "OUTPUT_SAGEMAKER_JSON",
        "OUTPUT_SAGEMAKER_JSONLINES",
        "OUTPUT_DEPLOY_ANYWHERE_JSON",
        "OUTPUT_AZUREML_JSON_OBJECT",
        "OUTPUT_AZUREML_JSON_ARRAY",
        "OUTPUT_VERTEX_DEFAULT",
        "OUTPUT_DATABRICKS_JSON",
    }


def test_names_are_told_apart_and_described() -> None:
    for table in (REQUESTS, RESPONSES):
        names = [n for one in table.values() for n in (one.name, *one.aliases)]
        assert len(set(names)) == len(names)
        assert all(one.about and "\n" not in one.about for one in table.values())


def problems(document: Json, kind: type[RequestSpec | ResponseSpec]) -> list[str]:
    with pytest.raises(InvalidInput) as error:
        kind.from_json(document)
    told = error.value.details["problems"]
    assert isinstance(told, list)
    return told


def test_all_that_is_wrong_with_a_request_is_told_at_once() -> None:
    found = problems(
        {
            "format": "csv",
            "colums": ["a"],
            "columns": ["a", "b", "a"],
            "rename": {"c": "d"},
            "dtypes": {"a": "int46"},
            "nan": "nul",
            "dates": "isoo",
            "booleans": "yes",
            "strings_only": "true",
            "tensors": "columns",
            "input": "x",
            "template": {},
            "params": {"a": 1},
            "extra": {"a": 1},
            "content_type": 5,
        },
        RequestSpec,
    )
    text = "\n".join(found)
    for told in (
        "`colums` is no key of the request format; did you mean `columns`?",
        "`columns` of the request format names `a` more than once",
        "`rename` has `c`, which is none of `columns`",
        "`dtypes` has `int46` for `a`, which is no type; did you mean `int64`",
        "`nan` of the request format is 'nul' and not one of null, empty, omit, NaN; did you mean `null`",
        "did you mean `iso`?",
        "two words such as",
        "`strings_only` of the request format is 'true' and not true or false",
        "`tensors` means nothing to the format `csv`",
        "`input` means nothing to the format `csv`",
        "`template` is given, and the format is `csv`",
        "`params` are given, and the format `csv` carries none",
        "CSV has no members",
        "`content_type` of the request format is 5 and not a text",
    ):
        assert told in text


def test_all_that_is_wrong_with_a_response_is_told_at_once() -> None:
    found = problems(
        {
            "format": "csv",
            "lable": "x",
            "rows": [True],
            "row": "tensors",
            "within": [["a"], ["b"], ["c"]],
            "single": True,
            "activation": "softmaxx",
            "classes": ["a", "a", "b"],
            "threshold": 2,
            "type": "int46",
            "probabilities": {"score": "s", "list": "t", "lst": 1, "of": "label"},
            "targets": {"t": 5, "u": {"valu": "x"}},
        },
        ResponseSpec,
    )
    text = "\n".join(found)
    for told in (
        "`lable` is no key of the response format; did you mean `label` or `value`?",
        "`rows` of the response format is [True] and not a path",
        "`within` of the response format is",
        "`row` is `tensors`, which is of JSON alone",
        "did you mean `softmax`?",
        "`classes` of the response format names `a` more than once",
        "`threshold` is 2.0 and not from 0 to 1",
        "`type` is wrong: 'int46' is no type",
        "`lst` is no key of `probabilities`; did you mean `list`?",
        "says list and score",
        "the target `t` is 5",
        "`valu` is no key of the target `u`; did you mean `value`?",
        "`probabilities` are `of` the label, and no `label` is given",
    ):
        assert told in text


def test_an_unknown_name_is_told_with_those_like_it() -> None:
    with pytest.raises(InvalidInput, match="did you mean `INPUT_SAGEMAKER_JSON` or"):
        RequestSpec.from_json("INPUT_SAGEMAKR_JSON")
    with pytest.raises(InvalidInput, match="did you mean `databricks`"):
        ResponseSpec.from_json("databrick")
    with pytest.raises(InvalidInput, match="has no `format`"):
        RequestSpec.from_json({"columns": []})
    with pytest.raises(InvalidInput, match="is no request format"):
        RequestSpec.from_json(5)
    with pytest.raises(InvalidInput, match="is no response format"):
        ResponseSpec.from_json(None)


def test_fields_by_what_stands_around_the_classes() -> None:
    told: Json = {"row": "object", "probabilities": {"prefix": "p_", "suffix": "!"}, "classes": ["a", 1]}
    scores = ResponseSpec.from_json(told).meaning.probabilities
    assert scores is not None
    assert (scores.kind, scores.columns) == ("fields", ("p_a!", "p_1!"))
    with pytest.raises(InvalidInput, match="needs `classes`"):
        ResponseSpec.from_json({"probabilities": {"prefix": "p_"}})


NUMBERS = Signature.from_json({"columns": [{"name": "a", "type": "double"}, {"name": "b", "type": "int64"}]})
MIXED = Signature.from_json({"columns": [{"name": "a", "type": "double"}, {"name": "s", "type": "string"}]})
TENSOR = Signature.from_json(
    {"columns": [{"name": "x", "type": {"list": "float"}, "tensor": {"dtype": "float32", "shape": [-1, 2, 2]}}]}
)
KINDS = ("sagemaker", "azureml", "vertex", "databricks", "openinference", "mlflow-server", "http")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("signature", [NUMBERS, MIXED, TENSOR, None])
def test_candidates_are_few_and_differ(kind: str, signature: Signature | None) -> None:
    found = list(candidates(kind, signature))
    assert 2 <= len(found) <= 16
    assert len({json.dumps(s.to_json(), sort_keys=True) for s in found}) == len(found)
    assert all(s.columns == (() if signature is None else signature.names) for s in found)


def first(kind: str, signature: Signature) -> str:
    return next(candidates(kind, signature)).format


def test_the_likeliest_candidate_goes_first() -> None:
    assert [first(k, NUMBERS) for k in KINDS] == [
        *("csv", "input_data-index", "instances-list", "dataframe_split", "oip-v2", "dataframe_split"),
        "dataframe_split",
    ]
    assert first("vertex", MIXED) == "instances-dict"
    assert [s.tensors for s in candidates("openinference", MIXED)] == ["columns", "columns"]
    assert next(candidates("vertex", TENSOR)).template == {"instances": {"$each": "$value:x"}}


def test_a_kind_that_has_no_list_of_its_own_takes_what_any_server_may_take() -> None:
    for signature in (NUMBERS, MIXED, TENSOR, None):
        assert list(candidates("scorehub", signature)) == list(candidates("http", signature))
