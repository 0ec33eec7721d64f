"""What an evaluation asks of the rows: where the actual value, the prediction and the weight stand, and which parts are looked at apart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from muster.profiles.binning import Search
from muster.profiles.custom import CustomMetric
from muster.signature import Json, Output

__all__ = ["Question", "Segmenting"]

MOST_SEGMENTS = 200


@dataclass(frozen=True, slots=True)
class Segmenting:
    """Parts of the rows by the value of a column, by the values of several together, or by the place of a number between `edges`; of
    `times` these are in seconds since 1970.

    `sampled` rows, taken from so many that were `looked_at`, told where to cut; none where the edges were asked for.
    """

    columns: tuple[str, ...]
    edges: tuple[float, ...] = ()
    times: bool = False
    sampled: int = field(default=0, compare=False)
    looked_at: int = field(default=0, compare=False)

    @property
    def name(self) -> str:
        return " × ".join(self.columns)

    def to_json(self) -> dict[str, Json]:
        return {
            "columns": list(self.columns),
            "edges": [float(e).hex() for e in self.edges],
            **({"times": True} if self.times else {}),
            **({"sampled": self.sampled, "looked_at": self.looked_at} if self.sampled else {}),
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Segmenting:
        edges = tuple(float.fromhex(e) for e in document["edges"])
        sampled, looked_at = (int(document.get(name, 0)) for name in ("sampled", "looked_at"))
        return cls(tuple(document["columns"]), edges, bool(document.get("times", False)), sampled, looked_at)


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """`output` tells the task and the classes. What was predicted is the answer's, or in the columns `prediction` and `probabilities`.

    `probabilities` are columns in the order of the classes, in binary also that of the positive class alone, or one column of
    lists. `interval` are the columns with the lower and the upper end of what a number is predicted to be within, in a share of
    `level` of the rows where that is told. `threshold` gives the labels, whatever the prediction says;
    `costs[actual][predicted]` are those of a row. `key` are columns that tell a row from every other one, where its place in its
    file does not. `protected` are names of segments whose parts have to be treated alike. `inputs` are columns whose values are
    measured too, `shown` those that are kept with the worst mistakes, of which there are `mistakes`. `search` says where weak
    segments are looked for, if they are; `custom` are metrics of the user's own. Without `texts`, no text of the rows is kept,
    but names of parts that were asked for.

    Of several labels or targets, `targets` and `predictions` are columns in their order, where each has its own; then `target` names
    them all.
    """

    output: Output
    target: str
    weight: str | None = None
    key: tuple[str, ...] = ()
    segments: tuple[Segmenting, ...] = ()
    protected: tuple[str, ...] = ()
    prediction: str | None = None
    probabilities: tuple[str, ...] = ()
    interval: tuple[str, ...] = ()
    level: float | None = None
    threshold: float | None = None
    costs: tuple[tuple[float, ...], ...] = ()
    inputs: tuple[str, ...] = ()
    shown: tuple[str, ...] = ()
    mistakes: int = 50
    search: Search | None = None
    targets: tuple[str, ...] = ()
    predictions: tuple[str, ...] = ()
    custom: tuple[CustomMetric, ...] = ()
    texts: bool = True

    @property
    def scored(self) -> bool:
        """Whether the predictions stand in the data."""
        return self.prediction is not None or bool(self.predictions or self.probabilities)

    @property
    def scores(self) -> bool:
        """Whether probabilities are known."""
        return bool(self.probabilities) if self.scored else self.output.probabilities

    @property
    def columns(self) -> tuple[str, ...]:
        """All columns that are read for it."""
        single = (*(self.targets or (self.target,)), self.weight, self.prediction, *self.predictions)
        segments = (c for s in self.segments for c in s.columns)
        searched = () if self.search is None else (b.column for b in self.search.binnings)
        return tuple(
            dict.fromkeys(
                c
                for c in (
                    *single,
                    *self.probabilities,
                    *self.interval,
                    *self.key,
                    *segments,
                    *self.inputs,
                    *searched,
                    *self.shown,
                )
                if c is not None
            )
        )

    def to_json(self) -> dict[str, Json]:
        return {
            "output": self.output.to_json(),
            "target": self.target,
            "weight": self.weight,
            "key": list(self.key),
            "segments": [s.to_json() for s in self.segments],
            "protected": list(self.protected),
            "prediction": self.prediction,
            "probabilities": list(self.probabilities),
            **({"interval": list(self.interval)} if self.interval else {}),
            **({} if self.level is None else {"level": float(self.level).hex()}),
            "threshold": None if self.threshold is None else float(self.threshold).hex(),
            "costs": [[float(c).hex() for c in row] for row in self.costs],
            "inputs": list(self.inputs),
            "shown": list(self.shown),
            "mistakes": self.mistakes,
            "search": None if self.search is None else self.search.to_json(),
            **({"targets": list(self.targets)} if self.targets else {}),
            **({"predictions": list(self.predictions)} if self.predictions else {}),
            **({"custom": [m.to_json() for m in self.custom]} if self.custom else {}),
            **({} if self.texts else {"texts": False}),
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Question:
        threshold, search, level = document["threshold"], document.get("search"), document.get("level")
        return cls(
            output=Output.from_json(document["output"]),
            target=document["target"],
            weight=document["weight"],
            key=tuple(document["key"]),
            segments=tuple(Segmenting.from_json(s) for s in document["segments"]),
            protected=tuple(document.get("protected", ())),
            prediction=document["prediction"],
            probabilities=tuple(document["probabilities"]),
            interval=tuple(document.get("interval", ())),
            level=None if level is None else float.fromhex(level),
            threshold=None if threshold is None else float.fromhex(threshold),
            costs=tuple(tuple(float.fromhex(c) for c in row) for row in document.get("costs", ())),
            inputs=tuple(document["inputs"]),
            shown=tuple(document["shown"]),
            mistakes=int(document["mistakes"]),
            search=None if search is None else Search.from_json(search),
            targets=tuple(document.get("targets", ())),
            predictions=tuple(document.get("predictions", ())),
            custom=tuple(CustomMetric.from_json(m) for m in document.get("custom", ())),
            texts=bool(document.get("texts", True)),
        )
