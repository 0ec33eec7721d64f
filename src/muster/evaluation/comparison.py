"""Evaluations side by side: what differs, by how much, and whether that may be chance."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from muster.errors import InvalidInput
from muster.evaluation.agreement import Agreement
from muster.evaluation.cut_words import asking_for
from muster.evaluation.kinds import Kind, unlike
from muster.evaluation.result import Evaluation, Figures
from muster.evaluation.subject import Setting, differing
from muster.evaluation.telling import names_of
from muster.evaluation.verdict import Verdict, verdict
from muster.metrics.costs import costs_of
from muster.metrics.custom import custom_differences
from muster.metrics.differences import Measurement, apart, paired
from muster.metrics.naming import Named, named
from muster.signature import Json

if TYPE_CHECKING:
    from muster.charts.screens import Charts

__all__ = ["COMPARABLE", "Comparison", "Contest"]

COMPARABLE = "compare evaluations of one question, whose target has one name"
"""What to do where evaluations cannot be compared."""


class Contest:
    """One evaluation against the reference: `differences` are its figures less those of the reference.

    They are `paired` where both are of the same rows; `reason` says why they are not. `names` are what the two are called.
    """

    def __init__(self, reference: Evaluation, other: Evaluation, names: Sequence[str] = ()) -> None:
        self.reference, self.other = reference, other
        self.names = tuple(names) or names_of((reference, other))
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

    def metric(self, name: str) -> Named:
        """What a metric is called, and which way it is better."""
        question = self.reference.profile.question
        own = (Named(m.name, m.title or m.name, m.better) for m in question.custom if m.name == name)
        return next(own, None) or named(name, self.reference.profile.whole, costs_of(question))

    @cached_property
    def verdict(self) -> Verdict:
        """Who is better by the first metric, in a line."""
        return verdict(self)

    @cached_property
    def left_out(self) -> Mapping[str, str]:
        """Metrics and parts that only one of the two has, and why."""
        return dict(_only_one(self))

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
            segments, aside = self.reference.profile.segments[name], _unlike_metrics(self.reference, self.other)
            found[name] = {value: _of_part(segments[value], parts[value], others[value], aside) for value in both}
        return found

    def rows_of_part(self, segment: str, value: str) -> int:
        """Of the one that has fewer."""
        return min(e.segments[segment].rows(value) for e in (self.reference, self.other))


def _of_part(measured: Measurement, one: Figures, other: Figures, aside: Collection[str]) -> Figures:
    return Figures({n: apart(n, one[n], other[n], None, measured) for n in one if n in other and n not in aside})


class Comparison:
    """The first evaluation is the `reference`, against which each other is a Contest.

    `agreement` has, where it was asked for, how far the two of each contest agree, row by row.
    """

    def __init__(self, evaluations: Sequence[Evaluation]) -> None:
        """InvalidInput where they cannot be compared."""
        if len(evaluations) < 2:
            raise InvalidInput("it takes two to compare", hint="name another evaluation or version")
        self.evaluations = tuple(evaluations)
        self.reference = evaluations[0]
        first, *others = map(Kind.of_evaluation, evaluations)
        wrong = [fault for other in others if (fault := unlike(first, other))]
        if wrong:
            raise InvalidInput("; ".join(wrong), hint=COMPARABLE)
        self.names = names_of(evaluations)
        self.contests = tuple(
            Contest(self.reference, other, (self.names[0], name))
            for other, name in zip(evaluations[1:], self.names[1:], strict=True)
        )
        self.agreement: tuple[Agreement, ...] = ()

    @cached_property
    def metrics(self) -> tuple[str, ...]:
        """Those that all have, and that mean the same of all."""
        return tuple(m for m in self.reference.metrics if all(m in c.differences for c in self.contests))

    @cached_property
    def settings(self) -> tuple[Setting, ...]:
        """What differs between what was evaluated: versions, their environments and signatures, and what was asked of them."""
        return differing([e.subject for e in self.evaluations])

    @cached_property
    def charts(self) -> Charts:
        """Curves, densities and errors over each other, and the differences with their intervals, by name."""
        from muster.evaluation.comparison_charts import charts_of

        return charts_of(self)

    def report(self, path: str | Path) -> None:
        """One file with every figure, chart and table: HTML that needs no network, PDF, or Markdown, by the end of its name."""
        from muster.evaluation.comparison_report import document
        from muster.evaluation.writing import write

        write(document(self), path)

    def to_json(self) -> dict[str, Json]:
        return {
            "reference": self.reference.id,
            "evaluations": [
                _told(e) | {"name": n, "metrics": e.metrics.to_json()}
                for e, n in zip(self.evaluations, self.names, strict=True)
            ],
            "settings": [s.to_json() for s in self.settings],
            "contests": [
                {
                    "evaluation": c.other.id,
                    "paired": c.paired,
                    "reason": c.reason,
                    "verdict": {"metric": c.verdict.metric, "outcome": c.verdict.outcome, "text": c.verdict.text},
                    "left_out": dict(c.left_out),
                    "differences": c.differences.to_json(),
                    **({"outputs": {n: f.to_json() for n, f in c.outputs.items()}} if c.outputs else {}),
                    "segments": {
                        name: {value: figures.to_json() for value, figures in parts.items()}
                        for name, parts in c.segments.items()
                    },
                }
                for c in self.contests
            ],
            "agreement": [a.to_json() for a in self.agreement],
        }

    def __repr__(self) -> str:
        return f"<Comparison of {', '.join(self.names)}>"


def _told(evaluation: Evaluation) -> dict[str, Json]:
    record = evaluation.record
    return {
        "champion": evaluation.subject.champion,
        "effort": evaluation.subject.effort.to_json(),
        "id": record.id,
        "ref": record.ref,
        "data": record.data,
        "counted": record.counted,
        "threshold": record.threshold,
        "labels": dict(record.labels),
    }


def _unpaired(one: Evaluation, other: Evaluation) -> str:
    """Why the differences are not of the same rows, row by row; empty if they are."""
    a, b = one.record, other.record
    keys = one.profile.question.key, other.profile.question.key
    if keys[0] != keys[1]:
        return "rows are told apart by other columns"
    if (one.profile.question.weight, a.target) != (other.profile.question.weight, b.target):
        return "the target or the weights are other columns"
    if not keys[0] and a.fingerprint != b.fingerprint:
        return "the data are not the same, and no key tells which rows are"
    if (a.counted, a.digest) != (b.counted, b.digest):
        return "not the same rows were counted"
    return _other_values(one, other)


def _other_values(one: Evaluation, other: Evaluation) -> str:
    """Why the same rows may not have the same actual values and weights; empty if they have."""
    known = one.profile.values, other.profile.values
    if known[0] is not None and known[1] is not None:
        return "" if known[0] == known[1] else f"the same rows have other {_told_of(one)}"
    if one.record.fingerprint == other.record.fingerprint:  # and the columns are the same
        return ""
    old = ", ".join(e.id for e in (one, other) if e.profile.values is None)
    return f"whether the same rows have the same {_told_of(one)} is not known of {old}, which did not note it: evaluate again"


def _told_of(evaluation: Evaluation) -> str:
    return "actual values" if evaluation.profile.question.weight is None else "actual values or weights"


def _only_one(contest: Contest) -> Iterator[tuple[str, str]]:
    both = (contest.reference, contest.other)
    unlike_cut = _unlike_cut(contest)
    shared = [s for s in contest.reference.segments if s in contest.other.segments and s not in unlike_cut]
    yield from unlike_cut.items()
    had = [
        dict.fromkeys([*e.metrics, *e.segments, *(f"{s}={value}" for s in shared for value in e.segments[s])])
        for e in both
    ]
    for name in sorted(_unlike_metrics(*both)):
        if all(name in e.metrics for e in both):
            yield name, "it is by other costs" if name == "cost" else "it is not the same metric, only of the same name"
    old = [e.profile.written for e in both]
    for what in {**had[0], **had[1]}:
        if what in had[0] and what in had[1]:
            continue
        lacks = int(what in had[0])
        why = f"{contest.names[lacks]} lacks it"
        if old[0] != old[1]:
            why += f": its profile is of the format {old[lacks]}, and that of {contest.names[1 - lacks]} of {old[1 - lacks]}"
        yield what, why


def _unlike_cut(contest: Contest) -> dict[str, str]:
    """Segments that the two cut at other edges, and how they would share them."""
    mine, theirs = ({s.name: s for s in e.profile.question.segments} for e in (contest.reference, contest.other))
    found = {}
    for name, cut in mine.items():
        its = theirs.get(name, cut)
        if cut != its:
            whose, like = (contest.names[0], cut) if cut.edges else (contest.names[1], its)
            found[name] = (
                f"the two cut it at other edges: to have the same parts, ask both for `{asking_for(like)}`, as {whose} has it"
            )
    return found


def _unlike_metrics(one: Evaluation, other: Evaluation) -> set[str]:
    """Names under which the two have figures that do not mean the same."""
    questions = one.profile.question, other.profile.question
    mine, theirs = ({(m.name, m.digest) for m in q.custom} for q in questions)
    return {name for name, _ in mine ^ theirs} | ({"cost"} if questions[0].costs != questions[1].costs else set())
