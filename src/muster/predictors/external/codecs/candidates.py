"""The request formats that are tried on an endpoint of which nothing is told: likelier ones first, and none that cannot be."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import pyarrow as pa

from muster.casts import is_list
from muster.predictors.external.codecs.request import RequestSpec
from muster.signature import Column, Json, Signature

__all__ = ["candidates"]

_HEADED: Json = {"format": "csv", "header": True}
_MATRIX: Json = {"format": "oip-v2"}
_SINGLE: Json = {"format": "oip-v2", "datatype": "FP32"}
_BY_COLUMN: Json = {"format": "oip-v2", "tensors": "columns"}
_BY_VECTOR: Json = {"format": "oip-v2", "tensors": "columns", "column_rank": "1"}
_WHOLE: Json = {"format": "template", "template": {"instances": {"$each": "$value:?"}}}
_FIRST_MLFLOW: Json = {
    "format": "template",
    "template": {"columns": "$columns", "data": "$matrix"},
    "content_type": "application/json; format=pandas-split",
}
_PLAIN_RECORDS: Json = {"format": "template", "template": "$records"}
_PLAIN_MATRIX: Json = {"format": "template", "template": "$matrix"}
_INPUT_MATRIX: Json = {"format": "template", "template": {"inputs": "$matrix"}}
_PORT: Json = {"format": "designer", "input": "WebServiceInput0"}
_JSON_CSV: Json = {"format": "csv", "accept": "application/json"}

_KINDS: Mapping[str, Sequence[Json]] = {
    "sagemaker": (
        *("csv", "json-instances", "jsonlines", "instances-list", "dataframe_split", _HEADED),
        *("json-extended", "items", "instances-dict", "tf-inputs", "dataframe_records", _PLAIN_RECORDS),
    ),
    "azureml": (
        *("input_data-index", "input_data-columns", "input_data", "data", "automl", "automl-inputs"),
        *("designer", _PORT, "items"),
    ),
    "vertex": ("instances-list", "instances-dict", "instances-strings", "json-instances"),
    "databricks": (
        "dataframe_split",
        "dataframe_records",
        "tf-inputs",
        _INPUT_MATRIX,
        "instances-list",
        "tf-instances",
        _JSON_CSV,
    ),
    "openinference": (_MATRIX, _SINGLE, _BY_COLUMN, _BY_VECTOR),
    "mlflow-server": (
        *("dataframe_split", "dataframe_records", "tf-inputs", _INPUT_MATRIX, "instances-list", "tf-instances"),
        *(_FIRST_MLFLOW, _HEADED),
    ),
    "http": (
        *(
            "dataframe_split",
            "instances-list",
            "instances-dict",
            "input_data-columns",
            "data",
            "automl",
            _PLAIN_RECORDS,
        ),
        *(_PLAIN_MATRIX, "json-instances", "items", "tf-inputs", _MATRIX, _BY_COLUMN, "csv", _HEADED),
    ),
}
"""For columns that are all numbers."""

_ANY = "http"

_LATER: Mapping[str, Sequence[Json]] = {
    "sagemaker": ("instances-list", "json-extended"),
    "azureml": ("input_data", "data"),
    "vertex": ("instances-list",),
    "databricks": (_INPUT_MATRIX, "instances-list"),
    "openinference": (_MATRIX, _SINGLE),
    "mlflow-server": (_INPUT_MATRIX, "instances-list"),
    "http": ("instances-list", "data", _PLAIN_MATRIX),
}
"""Those without names, which models of texts and numbers together seldom take: they go last."""

_TENSORS: Mapping[str, Sequence[Json]] = {
    "sagemaker": (_WHOLE, "json-instances", "tf-inputs"),
    "azureml": ("input_data", "data", "tf-inputs"),
    "vertex": (_WHOLE, "instances-dict"),
    "databricks": ("tf-inputs", _WHOLE, "dataframe_split"),
    "openinference": (_BY_COLUMN, _SINGLE),
    "mlflow-server": ("tf-inputs", _WHOLE, "dataframe_split"),
    "http": (_WHOLE, "tf-inputs", _BY_COLUMN, "instances-dict"),
}
"""For columns of lists, one or several."""


def candidates(kind: str, signature: Signature | None = None) -> Iterator[RequestSpec]:
    """The formats for a kind of connection, each with the columns of the signature in their order.

    A kind of which nothing stands here takes what any server of HTTP may take.
    """
    kind = kind if kind in _KINDS else _ANY
    columns = () if signature is None else signature.columns
    for document in _ordered(kind, columns):
        told: dict[str, Json] = {"format": document} if isinstance(document, str) else dict(_object(document))
        if document is _WHOLE:
            told["template"] = {"instances": {"$each": f"$value:{columns[0].name}"}}
        yield RequestSpec.from_json({**told, "columns": [c.name for c in columns]})


def _object(document: Json) -> Mapping[str, Json]:
    assert isinstance(document, dict)
    return document


def _ordered(kind: str, columns: Sequence[Column]) -> list[Json]:
    if any(_is_tensor(c) for c in columns):
        return [d for d in _TENSORS[kind] if d is not _WHOLE or len(columns) == 1]
    if all(_is_number(c.type) for c in columns):
        return list(_KINDS[kind])
    last = _LATER[kind]
    rest = [d for d in _KINDS[kind] if d not in last]
    # A matrix of the Open Inference Protocol is of one type.
    return [*rest, *(d for d in last if d not in (_MATRIX, _SINGLE))]


def _is_tensor(column: Column) -> bool:
    return column.tensor is not None or is_list(column.type)


def _is_number(kind: pa.DataType) -> bool:
    numeric = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)
    return bool(numeric or pa.types.is_boolean(kind))
