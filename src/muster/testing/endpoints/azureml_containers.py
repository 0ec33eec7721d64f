"""What deployments on Azure ML run in: MLflow without code, scoring scripts, automated ML, and the designer."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from muster.testing.endpoints.reading import document, features, frame, items, shaped, table
from muster.testing.endpoints.refusal import Malformed
from muster.testing.endpoints.served import Container, Outcome, Served, Told, Written
from muster.testing.endpoints.server import Incoming
from muster.testing.endpoints.writing import JSON, json_text, probabilities

__all__ = ["CONTAINERS"]


def _input_data(incoming: Incoming, served: Served) -> list[Any]:
    found = document(incoming.body)
    if not isinstance(found, Mapping) or "input_data" not in found:
        raise Malformed("The request body has no `input_data`.")
    given = found["input_data"]
    if isinstance(given, Mapping):
        return table(given["columns"], given["data"], served)
    named = bool(given) and isinstance(given[0], Mapping)
    return frame(given, served) if named else [shaped(row, served) for row in given]


def _data(incoming: Incoming, served: Served) -> list[Any]:
    return [features(row, served) for row in items(document(incoming.body), "data")]


def _inputs(incoming: Incoming, served: Served, port: str) -> tuple[list[Any], Mapping[str, Any]]:
    found = document(incoming.body)
    inputs = found.get("Inputs") if isinstance(found, Mapping) else None
    if not isinstance(inputs, Mapping):
        raise Malformed("Input payload is not in the form that the swagger schema has: `Inputs` is missing.")
    return frame(items(inputs, port), served), found.get("GlobalParameters") or {}


def _each(one: Callable[[Outcome, Served], Any]) -> Callable[[Told], Written]:
    return lambda told: json_text([one(outcome, told.served) for outcome in told.outcomes])


def _twice(told: Told) -> Written:
    """Encoded twice: a text of JSON that holds a text of JSON."""
    return JSON, json.dumps(json.dumps({"result": [o.prediction for o in told.outcomes]})).encode()


def _results(told: Told) -> Written:
    return json_text({"Results": [o.prediction for o in told.outcomes]})


def _results_probabilities(told: Told) -> Written:
    return json_text({"Results": [probabilities(o, told.served) for o in told.outcomes]})


def _designed(told: Told) -> Written:
    """Inputs are echoed beside the label and the probability of the second class, which pipelines rename as they like."""
    rows, own = [], told.served.target != "target"
    names = (told.served.target, "Probability") if own else ("Scored Labels", "Scored Probabilities")
    for row, outcome in zip(told.rows, told.outcomes, strict=False):
        scored: dict[str, Any] = {names[0]: outcome.prediction}
        if told.served.classifies:
            scored[names[1]] = probabilities(outcome, told.served)[1]
        rows.append({**row, **scored})
    return json_text({"Results": {"WebServiceOutput0": rows}})


CONTAINERS: Mapping[str, Container] = {
    "mlflow": Container(_input_data, _each(lambda outcome, _: outcome.prediction)),
    "mlflow-probabilities": Container(_input_data, _each(probabilities)),
    "score.py": Container(_data, _each(lambda outcome, _: outcome.prediction)),
    "score.py-probabilities": Container(_data, _each(probabilities)),
    "inference-schema": Container(_data, lambda told: json_text({"output": [o.prediction for o in told.outcomes]})),
    "automl": Container(_data, _twice),
    "automl-v2": Container(lambda incoming, served: _inputs(incoming, served, "data")[0], _results),
    "automl-v2-probabilities": Container(
        lambda incoming, served: _inputs(incoming, served, "data")[0], _results_probabilities
    ),
    "designer": Container(lambda incoming, served: _inputs(incoming, served, "input1")[0], _designed),
}
