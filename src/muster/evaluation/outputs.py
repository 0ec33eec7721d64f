"""What an evaluation says of one of several outputs: of a label, as two classes, or of a target."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import pyarrow as pa

from muster import typed
from muster.errors import InvalidInput, NotApplicable, near
from muster.evaluation.figures import Figures, dummy_of, figures_of
from muster.metrics.optimum import Best, best_threshold
from muster.metrics.threshold_table import threshold_table
from muster.profiles.classification import Classification
from muster.profiles.evaluation import EvaluationProfile, Measurement
from muster.profiles.mistakes import Mistake
from muster.profiles.multilabel import Multilabel
from muster.profiles.multioutput import Multioutput
from muster.profiles.question import Question
from muster.profiles.regression import Regression
from muster.signature import Json, Scalar, canonical

if TYPE_CHECKING:
    from muster.charts.screens import Charts

__all__ = ["Outputs", "Single", "measured_of", "output_names", "outputs_of", "probability", "thresholds_of"]


class Single:
    """One label or target by its `name`, with all that an evaluation of it alone would say. `segments` has the parts of the rows."""

    def __init__(
        self,
        name: str,
        measured: Classification | Regression,
        question: Question,
        *,
        classes: Sequence[Scalar],
        segments: Mapping[str, Mapping[str, Figures]],
        mistakes: list[Mistake],
    ) -> None:
        self.name, self.measured, self.question = name, measured, question
        self.classes, self.segments, self.mistakes = tuple(classes), segments, mistakes

    @property
    def label(self) -> bool:
        """Whether it is a label, which a row has or has not, and no target."""
        return self.question.output.task == "multilabel"

    @cached_property
    def metrics(self) -> Figures:
        return figures_of(self.measured, self.question)

    @cached_property
    def dummy(self) -> Mapping[str, float | None]:
        return dummy_of(self.measured, self.question)

    def at(self, threshold: float) -> Figures:
        """With another threshold, without a second pass."""
        return figures_of(self._two_classes(), self.question, probability(threshold))

    def best(self, goal: str | Sequence[Sequence[float]] = "f1") -> Best:
        """The threshold that is best for a goal, as `Evaluation.best` has them."""
        return best_threshold(self._two_classes(), typed.read_one("goal", goal, typed.GOAL))

    @cached_property
    def thresholds(self) -> pa.Table:
        """What each threshold would do, as `Evaluation.thresholds` has it."""
        return threshold_table(self._two_classes(), None).to_table()

    def _two_classes(self) -> Classification:
        if not isinstance(self.measured, Classification) or self.measured.classes != 2 or not self.measured.lanes:
            raise NotApplicable(f"`{self.name}` has no threshold: only two classes with probabilities have one")
        return self.measured

    @property
    def confusion(self) -> list[list[int]] | None:
        """Rows by actual and predicted class; of a label those without it first. None of numbers."""
        measured = self.measured
        return measured.tally.confusion[0].tolist() if isinstance(measured, Classification) else None

    @cached_property
    def charts(self) -> Charts:
        from muster.charts.several import single_charts

        return single_charts(self.measured, self.name, () if self.label else self.classes)

    def to_json(self) -> dict[str, Json]:
        return {
            "metrics": self.metrics.to_json(),
            "dummy": dict(self.dummy),
            "classes": [*self.classes],
            "confusion": None if self.confusion is None else [[*row] for row in self.confusion],
        }

    def __repr__(self) -> str:
        return f"<{'label' if self.label else 'target'} {self.name}: {self.measured.rows} rows>"


class Outputs(Mapping[str, Single]):
    """Labels or targets by their names, in the model's order."""

    def __init__(self, outputs: Mapping[str, Single]) -> None:
        self._outputs = outputs

    def __getitem__(self, name: str) -> Single:
        try:
            return self._outputs[name]
        except KeyError:
            raise KeyError(f"there is no output `{name}`; there are {', '.join(self) or 'none'}") from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._outputs)

    def __len__(self) -> int:
        return len(self._outputs)


def output_names(question: Question) -> list[str]:
    """Of labels and targets, in order; none of any other task."""
    output = question.output
    return [canonical(c) for c in output.classes] if output.task == "multilabel" else [*output.targets]


def measured_of(measurement: Measurement) -> Sequence[Classification | Regression]:
    """What was measured of each label or target."""
    match measurement:
        case Multilabel():
            return measurement.labels
        case Multioutput():
            return [*measurement.targets.values()]
    return []


def outputs_of(profile: EvaluationProfile, segments: Mapping[str, Mapping[str, Mapping[str, Figures]]]) -> Outputs:
    question = profile.question
    targets = question.output.targets
    return Outputs(
        {
            name: Single(
                name,
                measured,
                question,
                classes=targets[name].classes if targets else (False, True),
                segments=segments[name],
                mistakes=profile.mistakes_of[name].worst if targets else [],
            )
            for name, measured in zip(output_names(question), measured_of(profile.whole), strict=True)
        }
    )


def probability(threshold: float) -> float:
    """The threshold; InvalidInput if it is none."""
    given: float = typed.read_one("threshold", threshold, typed.NUMBER)
    if not 0 <= given <= 1:  # NaN too
        raise InvalidInput(f"the threshold {given:g} is no probability", hint="give a number from 0 to 1")
    return given


def thresholds_of(question: Question, given: float | Mapping[str, float]) -> list[float]:
    """One for each label; all unknown names are told at once."""
    names = output_names(question)
    if not isinstance(given, Mapping):
        return [probability(given)] * len(names)
    wrong = [f"`{name}` is no label{near(name, names)}" for name in given if name not in names]
    if wrong:
        raise InvalidInput("; ".join(wrong), hint=f"labels are {', '.join(names)}")
    usual = 0.5 if question.threshold is None else question.threshold
    return [probability(given.get(name, usual)) for name in names]
