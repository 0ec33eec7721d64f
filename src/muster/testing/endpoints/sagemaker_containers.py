"""What models on SageMaker run in: the built-in algorithms, Autopilot, AutoGluon, TensorFlow, and Clarify around them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from muster.testing.endpoints.reading import csv_rows, document, features, items, json_lines
from muster.testing.endpoints.refusal import Malformed
from muster.testing.endpoints.served import Container, Outcome, Served, Told, Write, Written
from muster.testing.endpoints.server import Incoming
from muster.testing.endpoints.writing import (
    CSV,
    csv_text,
    json_text,
    labelled,
    lines,
    probabilities,
    score,
    texts,
)

__all__ = ["CONTAINERS", "explained"]

_JSON_LINES = ("application/jsonlines", "application/x-jsonlines")


def _read(*types: str, header: bool = False) -> Callable[[Incoming, Served], list[Any]]:
    def read(incoming: Incoming, served: Served) -> list[Any]:
        kind = incoming.content_type
        if kind not in types:
            raise Malformed(f"Content-type {kind or '(none)'} is not supported; supported are {', '.join(types)}", 415)
        if kind == "text/csv":
            return csv_rows(incoming.body, served, header=header)
        if kind in _JSON_LINES:
            return json_lines(incoming.body, served)
        found = document(incoming.body)
        key = "items" if isinstance(found, dict) and "items" in found else "instances"
        return [features(item, served) for item in (found if isinstance(found, list) else items(found, key))]

    return read


def _either(accept: str, rows: list[Any], as_csv: Callable[[], Written] | None = None) -> Written:
    """The rows in the type that is accepted. Nothing, or anything, is CSV where the container has it, else JSON."""
    if accept in _JSON_LINES:
        return lines(rows)
    if accept == "application/json" or (as_csv is None and accept in ("", "*/*")):
        return json_text({"predictions": rows})
    if as_csv is not None and accept in ("", "*/*", "text/csv"):
        return as_csv()
    raise Malformed(f"Accept type {accept} is not supported", 406)


def _xgboost(separator: str) -> Write:
    """Scores alone, which older releases put on one line and newer ones on a line each."""

    def write(told: Told) -> Written:
        scores = [score(o, told.served) for o in told.outcomes]
        cells = [",".join(map(repr, s)) if isinstance(s, list) else repr(s) for s in scores]
        end = "\n" if any(isinstance(s, list) for s in scores) else separator
        return _either(told.accept, [{"score": s} for s in scores], lambda: (CSV, end.join(cells).encode()))

    return write


def _linear_learner(told: Told) -> Written:
    found = [
        {"score": score(o, told.served), **({"predicted_label": o.prediction} if told.served.classifies else {})}
        for o in told.outcomes
    ]
    return _either(told.accept, found)


def _knn(told: Told) -> Written:
    return _either(told.accept, [{"predicted_label": float(o.prediction)} for o in told.outcomes])


def _selected(outcome: Outcome, served: Served) -> dict[str, Any]:
    if not served.classifies:
        return {"predicted_score": outcome.prediction}
    return {"predicted_label": outcome.prediction, "probabilities": probabilities(outcome, served)}


def _selectable(told: Told) -> Written:
    found = [_selected(o, told.served) for o in told.outcomes]
    return _either(told.accept, found, lambda: csv_text([[str(v) for v in one.values()] for one in found]))


def _autopiloted(outcome: Outcome, served: Served) -> dict[str, Any]:
    if not served.classifies:
        return {"predicted_label": outcome.prediction}
    known = probabilities(outcome, served)
    lone = known[1] if served.task == "binary" else max(known)
    return {
        "predicted_label": str(outcome.prediction), "probability": lone, "probabilities": str(known), "labels": str(texts(served)),
    }  # fmt: skip


def _autopilot(told: Told) -> Written:
    """As tuned pipelines answer: `probability` is that of the second label, whichever was predicted; lists are Python's."""
    found = [_autopiloted(o, told.served) for o in told.outcomes]
    return _either(told.accept, found, lambda: csv_text([list(one.values()) for one in found]))


def _autogluon(told: Told) -> Written:
    found = [labelled(o, told.served) for o in told.outcomes]
    if told.accept == "application/json":
        return json_text(found)
    names = list(found[0]) if found else []
    return _either(told.accept, found, lambda: csv_text([names, *(list(one.values()) for one in found)]))


def _tensorflow(told: Told) -> Written:
    scores = [score(o, told.served) for o in told.outcomes]
    return json_text({"predictions": [s if isinstance(s, list) else [s] for s in scores]})


def _sklearn(told: Told) -> Written:
    labels = [o.prediction for o in told.outcomes]
    return csv_text([[one] for one in labels]) if told.accept == "text/csv" else json_text(labels)


def explained(body: Written, *, explain: bool, columns: tuple[str, ...]) -> Written:
    """With an explainer around it, an answer is JSON whatever is accepted, with the model's own inside as text."""
    kind, text = body
    inner = {"content_type": kind.partition(";")[0], "data": text.decode()}
    shap = [[{"attributions": [{"attribution": [0.0]}]} for _ in columns]] if explain else []
    return json_text({"explanations": {"kernel_shap": shap} if explain else {}, "predictions": inner, "version": "1.0"})


_ALL = ("text/csv", "application/json", *_JSON_LINES)

CONTAINERS: Mapping[str, Container] = {
    "xgboost": Container(_read(*_ALL), _xgboost("\n")),
    "xgboost-one-line": Container(_read("text/csv", "text/libsvm"), _xgboost(",")),
    "linear-learner": Container(_read(*_ALL), _linear_learner),
    "knn": Container(_read(*_ALL), _knn),
    "selectable": Container(_read(*_ALL), _selectable),
    "autopilot": Container(_read("text/csv"), _autopilot),
    "autogluon": Container(_read(*_ALL, header=False), _autogluon),
    "autogluon-header": Container(_read(*_ALL, header=True), _autogluon),
    "tensorflow": Container(_read(*_ALL), _tensorflow),
    "sklearn": Container(_read("text/csv", "application/json"), _sklearn),
}
