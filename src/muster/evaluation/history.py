"""How good versions of a model were found one time after the other: their evaluations in time, or in the order of a label."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import TYPE_CHECKING, overload

from muster.errors import InvalidInput, near
from muster.evaluation.asked_for import differing_in, told_question
from muster.evaluation.requirements import OF_ROWS, Requirement, of_rows
from muster.evaluation.result import Evaluation, Figures
from muster.evaluation.telling import metrics_of_parts
from muster.metrics.classes import metrics_of
from muster.metrics.figure import undefined
from muster.metrics.regression import REGRESSION
from muster.profiles.classification import Classification
from muster.profiles.regression import Regression
from muster.records import EvaluationRecord
from muster.signature import Json

if TYPE_CHECKING:
    from muster.charts.history import Point, View
    from muster.charts.screens import Charts

__all__ = ["Asking", "History", "Past"]

_FEW = 4
"""Metrics that are told where none is named."""


@dataclass(frozen=True, slots=True)
class Past:
    """One evaluation of a history, with the metrics that are looked at."""

    record: EvaluationRecord
    figures: Figures
    label: str | None = None
    """By which it is ordered, where that is not its time."""
    asked: Mapping[str, str] = field(default_factory=dict)
    """Its task, target, classes and weight, in words."""

    @property
    def id(self) -> str:
        return self.record.id

    @property
    def version(self) -> str:
        """The version that it is of."""
        return self.record.ref or "scored data"

    def unmet(self, requirements: Sequence[Requirement]) -> list[str]:
        """Those that it does not meet."""
        return [r.text for r in requirements if not r.met(self.figures[r.metric])]

    def to_json(self) -> dict[str, Json]:
        record = self.record
        return {
            "when": record.created_at.isoformat().replace("+00:00", "Z"),
            "evaluation": record.id,
            "ref": record.ref,
            **self.asked,
            "data": record.data,
            "labels": dict(record.labels),
            "rows": record.counted,
            "metrics": self.figures.to_json(),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """What is looked at: `metrics` (none: the main ones), in the order of the label `by` or of time, and what is `required`."""

    metrics: tuple[str, ...] = ()
    by: str | None = None
    required: tuple[Requirement, ...] = ()

    @classmethod
    def of(cls, metrics: Sequence[str] | str | None, by: str | None, require: Sequence[str]) -> Asking:
        """InvalidInput where a requirement is none, or one of a part of the rows."""
        required = tuple(Requirement.parse(text) for text in require)
        parts = [f"`{r.text}`" for r in required if r.segment or r.output]
        if parts:
            raise InvalidInput(
                f"a history is of all rows and outputs, and {', '.join(parts)} of a part of them",
                hint="require it of an evaluation: `muster evaluate … --require`",
            )
        named = (metrics,) if isinstance(metrics, str) else tuple(metrics or ())
        return cls(metrics=tuple(dict.fromkeys(named)), by=by, required=required)


class History(Sequence[Past]):
    """Evaluations, the oldest first or by their label. `metrics` are those that are looked at; `unlabelled` have not the label that
    orders it, `older` says that there are more before, and `nothing` why there is none.

    `differing` is what not all were asked alike, such as the `target`: each has its own line, and its own newest evaluation.
    """

    def __init__(
        self, of: str, records: Iterable[EvaluationRecord], read: Callable[[EvaluationRecord], Evaluation], asked: Asking,
        *, older: bool = False, nothing: str = "",
    ) -> None:  # fmt: skip
        """`records` come the newest first; each is read once, and nothing but its figures is kept."""
        self.of, self.by, self.required, self.older = of, asked.by, asked.required, older
        self.nothing = nothing
        found = list(records)
        labelled = [r for r in found if asked.by is None or asked.by in r.labels]
        self.unlabelled = len(found) - len(labelled)
        self.metrics: tuple[str, ...] = ()
        self.titles: Mapping[str, str] = {}
        self._rows: list[Past] = []
        for record in reversed(labelled):
            evaluation = read(record)
            if not self.metrics:
                self.metrics, self.titles = _looked_at(evaluation, asked, (n for r in labelled for n in r.metrics))
            label = None if asked.by is None else record.labels[asked.by]
            told = told_question(evaluation.profile.question)
            self._rows.append(Past(record, _measured(evaluation, self.metrics), label, told))
        self.differing = differing_in([row.asked for row in self._rows])
        if asked.by is not None:
            order = _places({r.label or "" for r in self._rows})
            self._rows.sort(key=lambda row: order[row.label or ""])  # evaluations of one label stay in time

    @overload
    def __getitem__(self, place: int) -> Past: ...
    @overload
    def __getitem__(self, place: slice) -> list[Past]: ...
    def __getitem__(self, place: int | slice) -> Past | list[Past]:
        return self._rows[place]

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def newest(self) -> list[Past]:
        """Of each line the evaluation that was made last."""
        found: dict[str, Past] = {}
        for row in sorted(self._rows, key=lambda row: (row.record.created_at, row.id)):
            found[self.line(row)] = row
        return list(found.values())

    def line(self, row: Past) -> str:
        """The version, and in what it was asked otherwise than others: no line goes through both."""
        asked = ", ".join(f"{name} {row.asked[name]}" for name in self.differing)
        return f"{row.version} ({asked})" if asked else row.version

    @property
    def unmet(self) -> Mapping[str, list[str]]:
        """What the newest evaluation of a line does not meet, by the evaluation's id."""
        return {row.id: wrong for row in self.newest if (wrong := row.unmet(self.required))}

    @property
    def faults(self) -> list[str]:
        """Why it is not as required: nothing is met by no evaluation."""
        if self.required and not self._rows:
            return [f"no evaluation meets {', '.join(f'`{r.text}`' for r in self.required)}: {self.nothing}"]
        return [
            f"{identity} does not meet {', '.join(f'`{t}`' for t in texts)}" for identity, texts in self.unmet.items()
        ]

    @cached_property
    def charts(self) -> Charts:
        """One for each metric: a line for each version, with intervals, and what is required as a line across."""
        from muster.charts.history import history_chart
        from muster.charts.screens import Charts

        return Charts({name: partial(history_chart, self._points(name), self._view(name)) for name in self.metrics})

    def to_json(self) -> dict[str, Json]:
        return {
            "of": self.of,
            "by": self.by,
            "metrics": [*self.metrics],
            "items": [row.to_json() for row in self._rows],
            "next": None,
            "unlabelled": self.unlabelled,
            "older": self.older,
            "nothing": self.nothing,
            "differing": [*self.differing],
            "requirements": [r.text for r in self.required],
            "unmet": {identity: [*texts] for identity, texts in self.unmet.items()},
            "faults": [*self.faults],
        }

    def __repr__(self) -> str:
        return f"<History of {self.of}: {len(self)} evaluations>"

    def _points(self, name: str) -> list[Point]:
        from muster.charts.history import Point

        return [
            Point(row.label or row.record.created_at.isoformat(), self.line(row), row.figures[name], row.record.counted)
            for row in self._rows
        ]

    def _view(self, name: str) -> View:
        from muster.charts.history import View

        bars = tuple((r.text, r.bar) for r in self.required if r.metric == name)
        return View(name=name, title=self.titles[name], of=self.of, by=self.by, bars=bars)


def _measured(evaluation: Evaluation, names: Sequence[str]) -> Figures:
    """Of each metric; that of a cost was perhaps not asked for then."""
    found, rows = {**of_rows(evaluation), **evaluation.some(names)}, evaluation.record.counted
    return Figures({n: found.get(n) or undefined(n, rows, "it was not measured") for n in names})


def _looked_at(evaluation: Evaluation, asked: Asking, also: Iterable[str]) -> tuple[tuple[str, ...], Mapping[str, str]]:
    """The metrics, and what they are called, `also` those that others have. InvalidInput names all that there are not, at once."""
    titles = _titles(evaluation)
    titles |= {name: name for name in also if name not in titles}
    main = [m for m in metrics_of_parts(titles) if m in evaluation.record.metrics] or [*titles]
    titles = {**OF_ROWS, **titles}
    named = (*asked.metrics, *(r.metric for r in asked.required))
    wrong = [f"there is no metric `{name}`{near(name, titles)}" for name in dict.fromkeys(named) if name not in titles]
    if wrong:
        raise InvalidInput("; ".join(wrong), hint=f"there are {', '.join(titles)}")
    return tuple(dict.fromkeys((*(asked.metrics or main[:_FEW]), *(r.metric for r in asked.required)))), titles


def _titles(evaluation: Evaluation) -> dict[str, str]:
    match evaluation.profile.whole:
        case Classification() as whole:
            return {m.name: m.title for m in metrics_of(whole.classes)}
        case Regression():
            return {m.name: m.title for m in REGRESSION}
    return {name: name for name in evaluation.metrics}  # of several labels or targets


def _places(labels: Collection[str]) -> Mapping[str, int]:
    """In the order of numbers where all are, else of texts."""
    try:
        numbers = {label: float(label) for label in labels}
    except ValueError:
        numbers = {}
    finite = bool(numbers) and all(map(math.isfinite, numbers.values()))
    ordered = sorted(labels, key=lambda label: (numbers[label] if finite else 0.0, label))
    return {label: n for n, label in enumerate(ordered)}
