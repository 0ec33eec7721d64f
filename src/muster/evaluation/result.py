"""What an evaluation says: its record, and every figure as a function of its profile."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import pyarrow as pa

from muster import typed
from muster.errors import InvalidInput, NotApplicable, near
from muster.evaluation.cut_words import cut_json
from muster.evaluation.figures import Figures, dummy_of, figures_of
from muster.evaluation.mistakes import WorstMistakes
from muster.evaluation.outputs import Single, measured_of, output_names, outputs_of, probability, thresholds_of
from muster.evaluation.requirements import Verdict, verdicts
from muster.evaluation.subject import Subject
from muster.metrics.costs import costs_of
from muster.metrics.coverage import Coverage, coverage
from muster.metrics.custom import custom_figures, custom_of_part
from muster.metrics.fairness import Fairness
from muster.metrics.figure import Figure
from muster.metrics.optimum import Best, best_threshold
from muster.metrics.sides import Sides, sides
from muster.metrics.threshold_table import threshold_table
from muster.metrics.weak_segments import WeakSegments
from muster.profiles.classification import Classification
from muster.profiles.edges import names_between
from muster.profiles.evaluation import EvaluationProfile, Measurement
from muster.profiles.multilabel import Multilabel
from muster.profiles.multioutput import Multioutput
from muster.profiles.question import Question, Segmenting
from muster.profiles.regression import Regression
from muster.records import EvaluationRecord
from muster.signature import Json, Scalar, canonical

if TYPE_CHECKING:
    from muster.charts.screens import Charts
    from muster.evaluation.champion import VsChampion

__all__ = ["Evaluation", "Figures", "Goal", "Parts", "left_out_text"]

Goal: TypeAlias = str | Sequence[Sequence[float]]
"""What a threshold is to be best for."""

SMALL = 30
"""Parts of fewer rows than this say little."""


class Parts(Mapping[str, Figures]):
    """The figures of each part of the rows, by its value: the largest part first, but numbers in their order."""

    def __init__(
        self,
        parts: Mapping[str, Measurement],
        segmenting: Segmenting,
        question: Question,
        custom: Callable[[str], Mapping[str, Figure]] | None = None,
    ) -> None:
        """`custom` gives the figures of the user's own metrics of a part, where they are told of it."""
        self._question, self._custom = question, custom
        self.segmenting = segmenting
        names = names_between(segmenting.edges, times=segmenting.times) if segmenting.edges else []
        order = {name: n for n, name in enumerate(names)}
        self._parts = dict(sorted(parts.items(), key=lambda item: (order.get(item[0], 0), -item[1].rows, item[0])))

    def __getitem__(self, value: str) -> Figures:
        of_part = figures_of(self._parts[value], self._question)
        return of_part if self._custom is None else Figures({**of_part, **self._custom(value)})

    @property
    def own(self) -> list[str]:
        """The metrics of the user's own that are told of each."""
        return [] if self._custom is None else [m.name for m in self._question.custom]

    def __iter__(self) -> Iterator[str]:
        return iter(self._parts)

    def __len__(self) -> int:
        return len(self._parts)

    @property
    def measured(self) -> Mapping[str, Measurement]:
        """What was counted of each part, in the same order."""
        return self._parts

    @property
    def single(self) -> Mapping[str, Classification | Regression]:
        """The same where there is one output."""
        return {v: m for v, m in self._parts.items() if isinstance(m, (Classification, Regression))}

    def rows(self, value: str) -> int:
        return self._parts[value].rows

    def small(self, value: str) -> bool:
        """Whether it has too few rows to rely on."""
        return self.rows(value) < SMALL


class Evaluation:
    """`metrics` has every figure with its interval; `at` those of another threshold, without a second pass over the rows.

    `subject` is what is known of the version and of the work; `vs_champion`, where it was asked for, how far it is from the
    champion of its model. `required` is what it has to reach.
    """

    def __init__(
        self,
        record: EvaluationRecord,
        profile: EvaluationProfile,
        subject: Subject | None = None,
        vs_champion: VsChampion | None = None,
        required: Sequence[str] = (),
    ) -> None:
        self.record = record
        self.profile = profile
        self.subject = subject or Subject()
        self.vs_champion = vs_champion
        self.required = tuple(required)

    @property
    def id(self) -> str:
        return self.record.id

    @cached_property
    def metrics(self) -> Figures:
        """With the labels as they were given, and the metrics of the user's own."""
        built_in = figures_of(self.profile.whole, self.profile.question)
        return Figures({**built_in, **custom_figures(self.profile)})

    def some(self, names: Collection[str]) -> Figures:
        """Those of the metrics that are named, without measuring the others of Muster."""
        built_in = figures_of(self.profile.whole, self.profile.question, names=names)
        own = {name: found for name, found in custom_figures(self.profile).items() if name in names}
        return Figures({**built_in, **own})

    @cached_property
    def outputs(self) -> Mapping[str, Single]:
        """What it says of each label of a multilabel model, or of each target of a multioutput one, by name; nothing for other tasks."""
        question, found = self.profile.question, self.profile.segments
        segments = {
            name: {
                s.name: Parts({v: measured_of(part)[n] for v, part in found[s.name].items()}, s, question)
                for s in question.segments
            }
            for n, name in enumerate(output_names(question))
        }
        return outputs_of(self.profile, segments)

    def at(self, threshold: float | Mapping[str, float]) -> Figures:
        """With the labels that a threshold gives: positive where the probability is at least that. Of a multilabel model one threshold
        for all labels, or one for each, by name: those that are not named keep 0.5. Metrics of the user's own were told of the labels
        as they were given, and are not among them.
        """
        whole, question = self.profile.whole, self.profile.question
        if isinstance(whole, Multilabel):
            if not whole.scores:
                raise NotApplicable("a threshold needs probabilities, and there are only labels", hint="see `metrics`")
            return figures_of(whole, question, thresholds_of(question, threshold))
        if isinstance(threshold, Mapping):
            raise NotApplicable("thresholds by name go with the labels of a multilabel model", hint="give a number")
        return figures_of(self._two_classes(), question, probability(threshold))

    @cached_property
    def thresholds(self) -> pa.Table:
        """What each threshold would do, from the greatest down: the rows that are right and wrong, and the metrics of the labels.

        The first is infinite, where nothing is positive. Scores that share a cell have thresholds between them that are not here.
        """
        costs = costs_of(self.profile.question)
        return threshold_table(self._two_classes(), None, costs).to_table()

    def best(self, goal: Goal = "f1") -> Best:
        """The threshold that is best for a goal: a metric, `recall>=0.9`, `precision>=0.8`, `alerts<=1000`, a cost matrix
        `[[tn, fp], [fn, tp]]`, or `cost` with the costs that it was evaluated with.
        """
        goal = typed.read_one("goal", goal, typed.GOAL)
        whole = self._two_classes()
        if goal != "cost":
            return best_threshold(whole, goal)
        costs = self.profile.question.costs
        if not costs:
            raise InvalidInput(
                f"evaluation {self.id} was given no costs", hint="give them as the goal: `[[0, 1], [5, 0]]`"
            )
        return best_threshold(whole, costs)

    def _two_classes(self) -> Classification:
        whole = self.profile.whole
        if self.outputs:
            raise NotApplicable(
                f"a threshold belongs to one output, and there are {len(self.outputs)}",
                hint=f"ask one of them: `outputs[{next(iter(self.outputs))!r}]`",
            )
        if not isinstance(whole, Classification) or whole.classes != 2 or not whole.lanes:
            raise NotApplicable("only two classes with probabilities have a threshold", hint="see `metrics`")
        return whole

    @cached_property
    def segments(self) -> Mapping[str, Parts]:
        found, question = self.profile.segments, self.profile.question
        told = partial(custom_of_part, self.profile)
        return {s.name: Parts(found[s.name], s, question, partial(told, s.name)) for s in question.segments}

    @cached_property
    def fairness(self) -> Mapping[str, Fairness]:
        """Of each protected column, whether its groups are treated alike."""
        names = [canonical(label) for label in self.classes]
        protected = self.profile.question.protected
        return {name: Fairness(name, self.segments[name].single, names) for name in protected}

    @cached_property
    def weak_segments(self) -> WeakSegments:
        """Rows that are predicted worse than the rest, the worst first."""
        losses = self.profile.losses
        if losses is None:
            hint = "evaluate with `weak_segments=True` (--weak-segments)"
            raise NotApplicable("this evaluation did not look for weak segments", hint=hint)
        return WeakSegments(losses)

    @property
    def classes(self) -> tuple[Scalar, ...]:
        """In order, the positive one last; none of a regression."""
        return self.profile.question.output.classes

    @property
    def task(self) -> str:
        """In words, with the class that the figures of two classes are of."""
        if self.record.task != "binary":
            return self.record.task
        return f"binary, `{canonical(self.classes[-1])}` is positive"

    @cached_property
    def charts(self) -> Charts:
        """The result screens by name, each a Vega-Lite dict that shows itself in a notebook, says what it shows, and saves itself."""
        from muster.charts.screens import charts_of
        from muster.charts.several import several_charts
        from muster.evaluation.part_charts import part_charts

        whole = self.profile.whole
        if isinstance(whole, Multilabel | Multioutput):
            several = several_charts(whole, self.profile.question.output, threshold=self.record.threshold)
            return several.also(part_charts(self))
        names = [canonical(label) for label in self.classes]
        found = charts_of(
            whole,
            names,
            target=self.record.target,
            threshold=self.record.threshold,
            costs=costs_of(self.profile.question),
            level=self.profile.question.level,
        )
        return found.also(part_charts(self))

    def sides(self, band: float | None = None) -> Sides:
        """The rows that are predicted too low, too high, and within `band` of the actual value; a tenth of the standard deviation of
        the actual values where none is given.
        """
        found = sides(self._numbers(), band)
        if found is None:
            raise NotApplicable("the errors are too large, or weigh nothing", hint="see `metrics`")
        return found

    def sides_of(self, segment: str, band: float | None = None) -> dict[str, Sides]:
        """The same of each part of a segment, with the band of all rows where none is given."""
        segment = typed.read_one("segment", segment, typed.TEXT)
        if segment not in self.segments:
            raise InvalidInput(
                f"`{segment}` was no segment of this evaluation{near(segment, self.segments)}",
                hint="evaluate with it in `segments=`",
            )
        whole, parts = self.sides(band), self.profile.segments[segment]
        found = {value: sides(parts[value], whole.band) for value in self.segments[segment]}  # type: ignore[arg-type]  # numbers, as all
        return {value: one for value, one in found.items() if one is not None}

    @property
    def coverage(self) -> Coverage | None:
        """Whether predicted intervals hold what they promise; None where there are none."""
        return coverage(self._numbers(), self.profile.question.level)

    def _numbers(self) -> Regression:
        if not isinstance(self.profile.whole, Regression):
            raise NotApplicable("only predicted numbers are too high or too low", hint="see `confusion`")
        return self.profile.whole

    @property
    def confusion(self) -> list[list[int]] | None:
        """Rows by actual and predicted class, in the order of the classes; None of a regression."""
        whole = self.profile.whole
        return whole.tally.confusion[0].tolist() if isinstance(whole, Classification) else None

    @cached_property
    def mistakes(self) -> WorstMistakes:
        """The rows that were predicted worst, the worst first; `kinds` has those of each kind."""
        return WorstMistakes(self.profile.mistakes)

    @property
    def left_out(self) -> Mapping[str, int]:
        """Rows that were read and are in no figure, by why, in words."""
        return {left_out_text(reason, self.profile.question.target): n for reason, n in self.record.left_out.items()}

    @cached_property
    def dummy(self) -> Mapping[str, float | None]:
        """The metrics of a model that knows only how the actual values are spread."""
        return dummy_of(self.profile.whole, self.profile.question)

    def report(self, path: str | Path) -> None:
        """One file with every figure, chart and table: HTML that needs no network, PDF, or Markdown, by the end of its name."""
        from muster.evaluation.report import document
        from muster.evaluation.writing import write

        write(document(self), path)

    def require(self, *requirements: str) -> list[Verdict]:
        """Whether it reaches what is asked of it: `roc_auc>=0.8`, `roc_auc.low>=0.78`, `recall>=0.9 for tier=premium`."""
        return verdicts(self, requirements)

    @property
    def verdicts(self) -> list[Verdict]:
        """Whether it reaches what was required when it was made."""
        return self.require(*self.required)

    def to_json(self) -> dict[str, Json]:
        record = self.record
        return {
            "id": record.id,
            "run": record.run,
            "ref": record.ref,
            "task": record.task,
            "target": record.target,
            "data": record.data,
            "threshold": record.threshold,
            "rows": record.rows,
            "counted": record.counted,
            "left_out": dict(self.left_out),
            "labels": dict(record.labels),
            "champion": self.subject.champion,
            "effort": self.subject.effort.to_json(),
            "vs_champion": None if self.vs_champion is None else self.vs_champion.to_json(),
            "metrics": self.metrics.to_json(),
            "custom": [
                m.to_json() | {"within": None if m.within is None else [*m.within]}
                for m in self.profile.question.custom
            ],
            "dummy": dict(self.dummy),
            "classes": [*self.classes],
            "confusion": None if self.confusion is None else [[*row] for row in self.confusion],
            **(self._sides_json() if isinstance(self.profile.whole, Regression) else {}),
            "segments": {
                name: {v: {"rows": parts.rows(v), "metrics": parts[v].to_json()} for v in parts}
                for name, parts in self.segments.items()
            },
            "cuts": {s.name: cut_json(s) for s in self.profile.question.segments if s.edges},
            "weak_segments": None if self.profile.losses is None else self.weak_segments.to_json(),
            "fairness": {name: found.to_json() for name, found in self.fairness.items()},
            **({"outputs": {name: one.to_json() for name, one in self.outputs.items()}} if self.outputs else {}),
        }

    def _sides_json(self) -> dict[str, Json]:
        found = {"sides": sides(self._numbers()), "coverage": self.coverage}
        return {name: None if screen is None else screen.to_json() for name, screen in found.items()}

    def __repr__(self) -> str:
        of = self.record.ref or "scored data"
        return f"<Evaluation {self.id} of {of} on {self.record.data}: {self.record.counted} rows>"


_REASONS = {
    "unread": "could not be read",
    "failed": "have no prediction",
    "no target": "have no value in `{target}`",
    "class": "are of a class that the model does not know",
    "target": "have no finite value in `{target}`",
    "prediction": "have a prediction that is no class, or no finite number",
    "probabilities": "have probabilities that are none: outside 0 to 1, or not adding up to 1",
    "interval": "have a predicted interval without an end, or with its ends the wrong way round",
    "weight": "have no weight, or a negative one",
    "scores": "have a probability that is none: outside 0 to 1, or not one for each label",
    "labels": "have predicted labels that are none of the model's",
    "flags": "have in `{target}` no full list of flags, or of names",
}
_OF_ONE = {
    "flags": "have in `{of}` neither true nor false",
    "failed": "have no prediction of `{of}`",
    "prediction": "have a prediction of `{of}` that is no class, or no finite number",
    "probabilities": "have probabilities of `{of}` that are none: outside 0 to 1, or not adding up to 1",
}
"""Where the reason names one of several outputs."""


def left_out_text(reason: str, target: str) -> str:
    """Why rows were left out, as a clause about them."""
    reason, _, of = reason.partition(": ")
    if of and reason != "class":
        return _OF_ONE.get(reason, _REASONS.get(reason, "")).format(of=of, target=of)
    if of:
        return f"are of the class `{of}`, which the model does not know"
    return _REASONS[reason].format(target=target)
