"""What a user says of a response before one was seen: any part of its specification, or the names of its columns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from muster.errors import InvalidInput
from muster.predictors.external.codecs.response import ResponseSpec
from muster.signature import Json

__all__ = ["Hints", "hints_of"]

_SCORE = ("score", "probability", "proba")


@dataclass(frozen=True, slots=True)
class Hints:
    """`score` is the column of the numbers of the classes, or says of numbers without a name that they are probabilities."""

    base: ResponseSpec
    score: str | None = None
    told: frozenset[str] = frozenset()


def hints_of(given: Json | ResponseSpec) -> Hints:
    if isinstance(given, ResponseSpec):
        return Hints(given, None, frozenset(given.to_json()))
    if not isinstance(given, Mapping):
        return Hints(ResponseSpec.from_json(given))
    document = dict(given)
    scores = {k: document.pop(k) for k in _SCORE if document.get(k) is not None}
    if "csv_columns" in document:
        document["columns"] = document.pop("csv_columns")
    if len(scores) > 1 or not all(isinstance(v, str) for v in scores.values()):
        raise InvalidInput(
            f"the response format says {' and '.join(f'`{k}`: {v!r}' for k, v in scores.items())}",
            hint="name one column, that of the score or of the probabilities",
        )
    score = next((str(v) for v in scores.values()), None)
    return Hints(ResponseSpec.from_json(document), score, frozenset(document))
