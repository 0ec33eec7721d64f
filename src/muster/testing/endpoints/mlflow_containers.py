"""The scoring protocol of MLflow, which its own server and Databricks speak: four ways to send rows, and what flavors answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from muster.testing.endpoints.reading import csv_rows, document, frame, items, table
from muster.testing.endpoints.refusal import ColumnsMissing, Malformed
from muster.testing.endpoints.served import Container, Outcome, Served, Told, Written
from muster.testing.endpoints.server import Incoming
from muster.testing.endpoints.writing import by_class, json_text, labelled, probabilities, score

__all__ = ["CONTAINERS", "SERVER"]

_FORMATS = {"dataframe_split", "dataframe_records", "inputs", "instances"}


def _read(incoming: Incoming, served: Served) -> list[Any]:
    if incoming.content_type == "text/csv":
        return csv_rows(incoming.body, served, header=True)
    if incoming.content_type != "application/json":
        raise Malformed(
            "This predictor only supports the following content types: Types: ['text/csv', 'application/json',"
            f" 'application/vnd.apache.parquet']. Got '{incoming.content_type}'.",
            415,
        )
    found = document(incoming.body)
    given = _FORMATS & set(found) if isinstance(found, Mapping) else set()
    if len(given) != 1:
        fields = list(found) if isinstance(found, Mapping) else type(found).__name__
        raise Malformed(
            f"The input must be a JSON dictionary with exactly one of the input fields {_FORMATS}."
            f" Received dictionary with input fields: {fields}"
        )
    return _rows(given.pop(), found, served)


def _rows(name: str, found: Mapping[str, Any], served: Served) -> list[Any]:
    match name:
        case "dataframe_split":
            split = found[name]
            width = len(split["data"][0]) if split["data"] else 0
            return table(split.get("columns", list(map(str, range(width)))), split["data"], served)
        case "dataframe_records":
            return frame(items(found, name), served)
        case _ if isinstance(found[name], Mapping):
            columns: Mapping[str, list[Any]] = found[name]
            return frame([dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)], served)
        case _:
            rows = items(found, name)
            named = bool(rows) and isinstance(rows[0], Mapping)
            return frame(rows, served) if named else [_unnamed(row, served) for row in rows]


def _unnamed(row: Any, served: Served) -> list[Any]:
    """A row without names, which a model whose signature has names does not take."""
    values: list[Any] = row if isinstance(row, list) else [row]
    if not served.columns:
        return values
    for value in values:
        if isinstance(value, str):
            raise Malformed(f"Invalid input. could not convert string to float: {value!r}")
    raise ColumnsMissing(f"Model is missing inputs {list(served.columns)}.")


def _answers(one: Callable[[Outcome, Served], Any], *, bare: bool = False) -> Container:
    def write(told: Told) -> Written:
        found = [one(outcome, told.served) for outcome in told.outcomes]
        return json_text(found if bare else {"predictions": found})

    return Container(_read, write)


def _one(outcome: Outcome, served: Served) -> list[Any]:
    found = score(outcome, served)
    return found if isinstance(found, list) else [found]


def _described(outcome: Outcome, served: Served) -> dict[str, Any]:
    return {"predicted_label": outcome.prediction, "probability": score(outcome, served)}


CONTAINERS: Mapping[str, Container] = {
    "labels": _answers(lambda outcome, _: outcome.prediction),
    "scores": _answers(score),
    "score-lists": _answers(_one),
    "probabilities": _answers(probabilities),
    "classes": _answers(by_class),
    "table": _answers(labelled),
    "pyfunc": _answers(_described),
}
"""`labels` as scikit-learn's flavor answers, `score-lists` as PyTorch's, `classes` as AutoGluon's, `table` as a data frame."""

SERVER: Mapping[str, Container] = {**CONTAINERS, "mlflow-1": _answers(lambda outcome, _: outcome.prediction, bare=True)}
"""Those of MLflow's own server, with that of before MLflow 2: the predictions alone."""
