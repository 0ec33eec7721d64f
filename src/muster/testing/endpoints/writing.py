"""How containers write answers: what a model says of each row, to the document or the text of a response."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Sequence
from typing import Any

from muster.testing.endpoints.served import Outcome, Served, Written

__all__ = [
    "CSV", "JSON", "LINES", "by_class", "csv_text", "json_text", "labelled", "lines", "probabilities", "score", "texts",
]  # fmt: skip

JSON, LINES, CSV = "application/json", "application/jsonlines", "text/csv; charset=utf-8"


def json_text(found: Any) -> Written:
    return JSON, json.dumps(found).encode()


def lines(found: Iterable[Any]) -> Written:
    return LINES, "".join(f"{json.dumps(one)}\n" for one in found).encode()


def csv_text(rows: Iterable[Sequence[Any]]) -> Written:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(rows)
    return CSV, out.getvalue().encode()


def probabilities(outcome: Outcome, served: Served) -> list[float]:
    """Of the classes in order; of a model that gives labels alone, all on its label."""
    if outcome.probabilities is not None:
        return list(outcome.probabilities)
    return [float(one == outcome.prediction) for one in served.classes]


def score(outcome: Outcome, served: Served) -> Any:
    """One number where one will do: a value, or the probability of the second class; else those of all classes."""
    if not served.classifies:
        return outcome.prediction
    known = probabilities(outcome, served)
    return known[1] if served.task == "binary" else known


def texts(served: Served) -> list[str]:
    return [str(one) for one in served.classes]


def by_class(outcome: Outcome, served: Served) -> dict[str, float]:
    return dict(zip(texts(served), probabilities(outcome, served), strict=True))


def labelled(outcome: Outcome, served: Served) -> dict[str, Any]:
    """A record as a table of predictions has it: the label's column, and one for each class."""
    if not served.classifies:
        return {served.target: outcome.prediction}
    return {served.target: outcome.prediction, **{f"{k}_proba": v for k, v in by_class(outcome, served).items()}}
