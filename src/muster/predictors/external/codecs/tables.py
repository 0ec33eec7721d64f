"""The formats by name: what each looks like, and what other products call it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from muster.signature import Json

__all__ = ["REQUESTS", "RESPONSES", "Frame", "RequestFormat", "ResponseFormat", "request_named", "response_named"]

Frame: TypeAlias = Literal["json", "lines", "csv", "tensors"]

_JSON = "application/json"


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestFormat:
    """`template` is the document, or a line of it: see `template.py`. `params` is the member that inference parameters go in."""

    name: str
    about: str
    frame: Frame = "json"
    template: Json = None
    params: str = ""
    input: str = ""
    content_type: str = _JSON
    accept: str = _JSON
    strings_only: bool = False
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponseFormat:
    """`given` is what a body of this name is known to be before one was seen; the rest is found in the first."""

    name: str
    about: str
    given: Mapping[str, Json] = field(default_factory=dict)
    aliases: tuple[str, ...] = ()


_SPLIT: Json = {"columns": "$columns", "data": "$matrix"}
_INDEXED: Json = {"columns": "$columns", "index": "$index", "data": "$matrix"}

_REQUESTS = (
    RequestFormat(
        name="csv",
        about="a line for each row, with a header if `header` says so",
        frame="csv",
        content_type="text/csv",
        accept="text/csv",
        aliases=("INPUT_SAGEMAKER_CSV", "INPUT_DATABRICKS_CSV"),
    ),
    RequestFormat(
        name="json-instances",
        about='{"instances": [{"features": [3, 49]}, …]}',
        template={"instances": {"$each": {"features": "$values"}}},
        aliases=("INPUT_SAGEMAKER_JSON",),
    ),
    RequestFormat(
        name="json-extended",
        about='{"instances": [{"data": {"features": {"values": [3, 49]}}}, …]}',
        template={"instances": {"$each": {"data": {"features": {"values": "$values"}}}}},
        aliases=("INPUT_SAGEMAKER_JSON_EXTENDED",),
    ),
    RequestFormat(
        name="jsonlines",
        about='{"features": [3, 49]} on a line for each row',
        frame="lines",
        template={"features": "$values"},
        content_type="application/jsonlines",
        accept="application/jsonlines",
        aliases=("INPUT_SAGEMAKER_JSONLINES",),
    ),
    RequestFormat(
        name="items",
        about='{"items": [{"features": {"a": 3, "b": 49}}, …]}, of Dataiku\'s Deploy Anywhere',
        template={"items": {"$each": {"features": "$record"}}},
        aliases=("INPUT_DEPLOY_ANYWHERE_ROW_ORIENTED_JSON",),
    ),
    RequestFormat(
        name="input_data",
        about='{"input_data": [[3, 49], …]}',
        template={"input_data": "$matrix"},
        params="params",
        aliases=("INPUT_AZUREML_JSON_INPUTDATA",),
    ),
    RequestFormat(
        name="input_data-columns",
        about='{"input_data": {"columns": ["a", "b"], "data": [[3, 49], …]}}',
        template={"input_data": _SPLIT},
        params="params",
        aliases=("INPUT_AZUREML_JSON_INPUTDATA_DATA",),
    ),
    RequestFormat(
        name="input_data-index",
        about='{"input_data": {"columns": ["a", "b"], "index": [0, …], "data": [[3, 49], …]}}',
        template={"input_data": _INDEXED},
        params="params",
    ),
    RequestFormat(
        name="data",
        about='{"data": [[3, 49], …]}, as scripts of Azure ML take it',
        template={"data": "$matrix"},
    ),
    RequestFormat(
        name="automl",
        about='{"data": [{"a": 3, "b": 49}, …]}, of Azure AutoML',
        template={"data": "$records"},
        aliases=("data-records",),
    ),
    RequestFormat(
        name="automl-inputs",
        about='{"Inputs": {"data": [{"a": 3, "b": 49}, …]}, "GlobalParameters": {"method": "predict_proba"}}',
        template={"Inputs": {"data": "$records"}, "GlobalParameters": {"method": "predict_proba"}},
        params="GlobalParameters",
        aliases=("INPUT_AZUREML_JSON_WRITER",),
    ),
    RequestFormat(
        name="designer",
        about='{"Inputs": {"input1": [{"a": 3, "b": 49}, …]}, "GlobalParameters": {}}; `input` names the port',
        template={"Inputs": {"$input": "$records"}, "GlobalParameters": {}},
        params="GlobalParameters",
        input="input1",
    ),
    RequestFormat(
        name="instances-dict",
        about='{"instances": [{"a": 3, "b": 49}, …]}',
        template={"instances": "$records"},
        params="parameters",
    ),
    RequestFormat(
        name="instances-list",
        about='{"instances": [[3, 49], …]}',
        template={"instances": "$matrix"},
        params="parameters",
        aliases=("kserve-v1",),
    ),
    RequestFormat(
        name="instances-strings",
        about='{"instances": [{"a": "3", "b": "49"}, …]}: every value a string, as AutoML of Vertex AI takes it',
        template={"instances": "$records"},
        params="parameters",
        strings_only=True,
        aliases=("INPUT_VERTEX_DEFAULT",),
    ),
    RequestFormat(
        name="dataframe_split",
        about='{"dataframe_split": {"columns": ["a", "b"], "data": [[3, 49], …]}}',
        template={"dataframe_split": _SPLIT},
        params="params",
    ),
    RequestFormat(
        name="dataframe_split-index",
        about='{"dataframe_split": {"columns": ["a", "b"], "index": [0, …], "data": [[3, 49], …]}}',
        template={"dataframe_split": _INDEXED},
        params="params",
    ),
    RequestFormat(
        name="dataframe_split-list",
        about='{"dataframe_split": [{"index": [0, …], "columns": ["a", "b"], "data": [[3, 49], …]}]}, as Dataiku sends it',
        template={"dataframe_split": [{"index": "$index", "columns": "$columns", "data": "$matrix"}]},
        params="params",
        aliases=("INPUT_SPLIT_ORIENTED_JSON",),
    ),
    RequestFormat(
        name="dataframe_records",
        about='{"dataframe_records": [{"a": 3, "b": 49}, …]}',
        template={"dataframe_records": "$records"},
        params="params",
        aliases=("INPUT_RECORD_ORIENTED_JSON",),
    ),
    RequestFormat(
        name="tf-inputs",
        about='{"inputs": {"a": [3, …], "b": [49, …]}}',
        template={"inputs": "$by_column"},
        params="params",
        aliases=("INPUT_TF_INPUTS_JSON",),
    ),
    RequestFormat(
        name="tf-instances",
        about='{"instances": [{"a": 3, "b": 49}, …]}, with parameters as MLflow takes them',
        template={"instances": "$records"},
        params="params",
        aliases=("INPUT_TF_INSTANCES_JSON",),
    ),
    RequestFormat(
        name="oip-v2",
        about="tensors of the Open Inference Protocol: `tensors` says one matrix or one for each column",
        frame="tensors",
        params="parameters",
        input="input-0",
        aliases=("open-inference",),
    ),
    RequestFormat(name="template", about="any JSON document: `template` has it, with placeholders for the rows"),
)

_RESPONSES = (
    ResponseFormat(name="auto", about="found in the first answer, and kept"),
    ResponseFormat(name="json", about="a JSON document", given={"format": "json"}),
    ResponseFormat(
        name="jsonlines",
        about="JSON on a line for each row",
        given={"format": "jsonlines"},
        aliases=("OUTPUT_SAGEMAKER_JSONLINES",),
    ),
    ResponseFormat(
        name="csv",
        about='a line for each row: a label, numbers, or a label and a list as in 0,"[0.9, 0.1]"',
        given={"format": "csv"},
        aliases=("OUTPUT_SAGEMAKER_CSV",),
    ),
    ResponseFormat(
        name="array",
        about="[0, 1] or 0,1: a value for each row, whatever the content type",
        aliases=("OUTPUT_SAGEMAKER_ARRAY_AS_STRING",),
    ),
    ResponseFormat(
        name="json-array",
        about="[273.7, 279.9]",
        given={"format": "json", "rows": []},
        aliases=("OUTPUT_AZUREML_JSON_ARRAY",),
    ),
    ResponseFormat(
        name="predictions",
        about='{"predictions": [{"score": [0.9, 0.1], "predicted_label": 0}, …]}',
        given={"format": "json", "rows": ["predictions"]},
        aliases=("OUTPUT_SAGEMAKER_JSON",),
    ),
    ResponseFormat(
        name="results",
        about='{"Results": [[0.9, 0.1], …]}',
        given={"format": "json", "rows": ["Results"]},
        aliases=("OUTPUT_AZUREML_JSON_OBJECT",),
    ),
    ResponseFormat(
        name="deploy-anywhere",
        about='{"results": [{"probas": {"no": 0.9, "yes": 0.1}, "prediction": "no"}, …]}',
        given={"format": "json", "rows": ["results"], "row": "object"},
        aliases=("OUTPUT_DEPLOY_ANYWHERE_JSON",),
    ),
    ResponseFormat(
        name="classes-scores",
        about='[{"classes": ["no", "yes"], "scores": [0.9, 0.1]}, …], also within `predictions`',
        given={"format": "json", "row": "object", "probabilities": {"list": "scores", "classes": "classes"}},
        aliases=("OUTPUT_VERTEX_DEFAULT",),
    ),
    ResponseFormat(
        name="databricks",
        about='{"predictions": [0, 1]}, with "probabilities": [[0.9, 0.1], …] beside it where the model gives them',
        given={"format": "json"},
        aliases=("OUTPUT_DATABRICKS_JSON",),
    ),
    ResponseFormat(
        name="oip-v2",
        about="tensors of the Open Inference Protocol",
        given={"format": "json", "rows": ["outputs"], "row": "tensors"},
        aliases=("open-inference",),
    ),
)

REQUESTS: Mapping[str, RequestFormat] = {one.name: one for one in _REQUESTS}
RESPONSES: Mapping[str, ResponseFormat] = {one.name: one for one in _RESPONSES}

request_named: Mapping[str, RequestFormat] = {n: one for one in _REQUESTS for n in (one.name, *one.aliases)}
"""Under every name that it goes by."""

response_named: Mapping[str, ResponseFormat] = {n: one for one in _RESPONSES for n in (one.name, *one.aliases)}
