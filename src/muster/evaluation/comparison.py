"""Evaluations side by side: what differs, by how much, and whether that may be chance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property

from muster.errors import InvalidInput
from muster.evaluation.result import Evaluation, Figures
from muster.metrics.costs import costs_of
from muster.metrics.custom import custom_differences
from muster.metrics.differences import apart, paired
from muster.records import EvaluationRecord
from muster.signature import Json

__all__ = ["Comparison", "Contest"]


class Contest:
    """One evaluation against the reference: `differences` are its figures less those of the reference.

    They are `paired` where both are of the same rows; `reason` says why they are not.
    """

    def __init__(self, reference: Evaluation, other: Evaluation) -> None:
        self.reference, self.other = reference, other
        self.reason = _unpaired(reference, other)

    @property
    def paired(self) -> bool:
        return not self.reason

    @cached_property
    def differences(self) -> Figures:
        one, other = self.reference.profile.whole, self.other.profile.whole
        figures = self.reference.metrics, self.other.metrics
        question = self.reference.profile.question
        same = question.costs == self.other.profile.question.costs
        without = paired(one, other, costs=costs_of(question) if same else None) if self.paired else {}
        own = custom_differences(self.reference.profile, self.other.profile, figures, paired=self.paired)
        custom = (*question.custom, *self.other.profile.question.custom)
        aside = _unlike_metrics(self.reference, self.other) | {m.name for m in custom}
        names = [n for n in figures[0] if n in figures[1] and n not in aside]
        built_in = {n: apart(n, figures[0][n], figures[1][n], without.get(n), one) for n in names}
        return Figures({**built_in, **own})

    @cached_property
    def outputs(self) -> Mapping[str, Figures]:
        """The same of each label or target."""
        found: dict[str, Figures] = {}
        for name, one in self.reference.outputs.items():
            other = self.other.outputs[name]
            without = paired(one.measured, other.measured) if self.paired else {}
            both = [n for n in one.metrics if n in other.metrics]
            found[name] = Figures(
                {n: apart(n, one.metrics[n], other.metrics[n], without.get(n), one.measured) for n in both}
            )
        return found

    @cached_property
    def segments(self) -> Mapping[str, Mapping[str, Figures]]:
        """The same of each part that both have, as if of other rows: parts keep no folds."""
        found: dict[str, dict[str, Figures]] = {}
        for name, parts in self.reference.segments.items():
            others: Mapping[str, Figures] = self.other.segments.get(name, {})
            both = [value for value in parts if value in others]
            aside = _unlike_metrics(self.reference, self.other)
            found[name] = {value: _of_parts(parts[value], others[value], self.reference, aside) for value in both}
        return found


class Comparison:
    """The first evaluation is the `reference`, against which each other is a Contest."""

    def __init__(self, evaluations: Sequence[Evaluation]) -> None:
        """InvalidInput where they cannot be compared."""
        if len(evaluations) < 2:
            raise InvalidInput("it takes two to compare", hint="name another evaluation or version")
        self.evaluations = tuple(evaluations)
        self.reference = evaluations[0]
        wrong = [fault for other in evaluations[1:] if (fault := _unlike(self.reference, other))]
        if wrong:
            raise InvalidInput("; ".join(wrong), hint="compare evaluations of one question")
        self.contests = tuple(Contest(self.reference, other) for other in evaluations[1:])

    def to_json(self) -> dict[str, Json]:
        return {
            "reference": self.reference.id,
            "evaluations": [_told(e.record) | {"metrics": e.metrics.to_json()} for e in self.evaluations],
            "contests": [
                {
                    "evaluation": c.other.id,
                    "paired": c.paired,
                    "reason": c.reason,
                    "differences": c.differences.to_json(),
                    **({"outputs": {n: f.to_json() for n, f in c.outputs.items()}} if c.outputs else {}),
                    "segments": {
                        name: {value: figures.to_json() for value, figures in parts.items()}
                        for name, parts in c.segments.items()
                    },
                }
                for c in self.contests
            ],
        }

    def __repr__(self) -> str:
        names = ", ".join(e.record.ref or e.id for e in self.evaluations)
        return f"<Comparison of {names}>"


def _told(record: EvaluationRecord) -> dict[str, Json]:
    return {
        "id": record.id,
        "ref": record.ref,
        "data": record.data,
        "counted": record.counted,
        "threshold": record.threshold,
        "labels": dict(record.labels),
    }


def _unlike(one: Evaluation, other: Evaluation) -> str:
    """Why the two cannot be compared at all."""
    if one.record.task != other.record.task:
        return f"{other.id} is of the task {other.record.task}, and {one.id} of {one.record.task}"
    if one.classes != other.classes:
        first, second = (", ".join(map(str, e.classes)) for e in (one, other))
        return f"the classes of {other.id} are {second}, and those of {one.id} {first}"
    mine, its = ({n: (o.task, o.classes) for n, o in e.profile.question.output.targets.items()} for e in (one, other))
    if mine != its:
        return f"the targets of {other.id} are {', '.join(its)}, and those of {one.id} {', '.join(mine)}, or of other kinds"
    return ""


def _unpaired(one: Evaluation, other: Evaluation) -> str:
    """Why the differences are not of the same rows, row by row; empty if they are."""
    a, b = one.record, other.record
    keys = one.profile.question.key, other.profile.question.key
    if keys[0] != keys[1]:
        return "rows are told apart by other columns"
    if not keys[0] and a.fingerprint != b.fingerprint:
        return "the data are not the same, and no key tells which rows are"
    if (a.counted, a.digest) != (b.counted, b.digest):
        return "not the same rows were counted"
    if (one.profile.question.weight, a.target) != (other.profile.question.weight, b.target):
        return "the target or the weights are other columns"
    return ""


def _of_parts(one: Figures, other: Figures, reference: Evaluation, aside: set[str]) -> Figures:
    whole = reference.profile.whole
    return Figures({n: apart(n, one[n], other[n], None, whole) for n in one if n in other and n not in aside})


def _unlike_metrics(one: Evaluation, other: Evaluation) -> set[str]:
    """Names under which the two have figures that do not mean the same."""
    questions = one.profile.question, other.profile.question
    mine, theirs = ({(m.name, m.digest) for m in q.custom} for q in questions)
    return {name for name, _ in mine ^ theirs} | ({"cost"} if questions[0].costs != questions[1].costs else set())
