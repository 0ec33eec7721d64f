"""What models on Vertex AI run in: AutoML for tables, the prebuilt containers, BigQuery's exports, and containers of one's own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from muster.testing.endpoints.reading import document, features, items, named
from muster.testing.endpoints.refusal import Malformed
from muster.testing.endpoints.served import Container, Outcome, Served, Told, Written
from muster.testing.endpoints.server import Incoming
from muster.testing.endpoints.writing import json_text, probabilities, score, texts

__all__ = ["CONTAINERS", "PREBUILT"]

PREBUILT = {
    "sklearn": "europe-docker.pkg.dev/vertex-ai/prediction/sklearn-cpu.1-5:latest",
    "xgboost": "europe-docker.pkg.dev/vertex-ai/prediction/xgboost-cpu.2-1:latest",
    "keras": "europe-docker.pkg.dev/vertex-ai/prediction/tf2-cpu.2-15:latest",
    "bigquery": "europe-docker.pkg.dev/vertex-ai/bigquery-ml/xgboost-cpu.1-7:latest",
}
"""Images of containers that are not one's own; AutoML's models have none."""


def _instances(incoming: Incoming) -> list[Any]:
    found = document(incoming.body)
    unknown = sorted(set(found) - {"instances", "parameters"}) if isinstance(found, Mapping) else []
    if unknown:
        raise Malformed(f'Invalid JSON payload received. Unknown name "{unknown[0]}": Cannot find field.')
    return items(found, "instances")


def _strings(incoming: Incoming, served: Served) -> list[Any]:
    """AutoML takes all values as text, numbers too."""
    rows = [named(one, served) for one in _instances(incoming)]
    for row in rows:
        for name, value in row.items():
            if value is not None and not isinstance(value, str):
                raise Malformed(f"Invalid instance: the value of column '{name}' is {value!r}; a string was expected.")
    return [{name: _number(name, value, served) for name, value in row.items()} for row in rows]


def _number(name: str, value: str | None, served: Served) -> Any:
    if value is None or served.is_text(name):
        return value
    try:
        return float(value)
    except ValueError:
        raise Malformed(f"Invalid instance: '{value}' of column '{name}' is no number.") from None


def _lists(incoming: Incoming, served: Served) -> list[Any]:
    rows = _instances(incoming)
    if not all(isinstance(row, list) for row in rows):
        raise Malformed(
            '{"error": "Prediction failed: Exception during prediction: Expected 2D array, got other values."}'
        )
    return [features(row, served) for row in rows]


def _any(incoming: Incoming, served: Served) -> list[Any]:
    return [features(row, served) for row in _instances(incoming)]


def _each(one: Callable[[Outcome, Served], Any]) -> Callable[[Told], Written]:
    return lambda told: json_text({"predictions": [one(outcome, told.served) for outcome in told.outcomes]})


def _automl(outcome: Outcome, served: Served) -> dict[str, Any]:
    if served.classifies:
        return {"classes": texts(served), "scores": probabilities(outcome, served)}
    return {"value": outcome.prediction, "lower_bound": outcome.prediction - 1, "upper_bound": outcome.prediction + 1}


def _bigquery(outcome: Outcome, served: Served) -> dict[str, Any]:
    found: dict[str, Any] = {f"predicted_{served.target}": outcome.prediction}
    if not served.classifies:
        return found
    known = sorted(zip(probabilities(outcome, served), texts(served), strict=True), reverse=True)
    return found | {
        f"{served.target}_probs": [p for p, _ in known],
        f"{served.target}_values": [name for _, name in known],
    }


def _vector(outcome: Outcome, served: Served) -> Any:
    return probabilities(outcome, served) if served.classifies else [outcome.prediction]


CONTAINERS: Mapping[str, Container] = {
    "custom": Container(_any, _each(lambda outcome, _: outcome.prediction)),
    "automl": Container(_strings, _each(_automl)),
    "sklearn": Container(_lists, _each(lambda outcome, _: outcome.prediction)),
    "xgboost": Container(_lists, _each(score)),
    "keras": Container(_any, _each(_vector)),
    "bigquery": Container(_any, _each(_bigquery)),
    "custom-probabilities": Container(_any, _each(_vector)),
}
