"""How far two versions agree row by row: which labels they give, who is right, and how far what they say moved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from muster.evaluation.result import Evaluation, Figures, left_out_text
from muster.metrics.agreement import agreement_figures, better, moves_of, shift_of, shift_quantiles
from muster.metrics.residuals import Histogram, Quantile, histogram
from muster.metrics.sign_test import SignTest
from muster.profiles.agreed import LabelsAgreed
from muster.profiles.agreement import AgreementProfile
from muster.profiles.moved import Moved
from muster.signature import Json, Scalar, canonical

if TYPE_CHECKING:
    from muster.charts.screens import Charts
    from muster.evaluation.tables import Table

__all__ = ["Agreement"]


class Agreement:
    """`first` is the reference of the comparison. Every figure is of the rows that both predicted, and a function of the profile.

    Scores are probabilities of the positive class, of more than two classes those of the actual one; shifts are the second's less the
    first's.
    """

    def __init__(self, first: Evaluation, second: Evaluation, profile: AgreementProfile) -> None:
        self.first, self.second, self.profile = first, second, profile

    @property
    def names(self) -> tuple[str, str]:
        """What to call the two: versions, or columns of the data, or where that tells nothing the evaluations."""
        first, second = _name(self.first), _name(self.second)
        return (self.first.id, self.second.id) if first == second else (first, second)

    @property
    def rows(self) -> int:
        """That both predicted."""
        return self.profile.whole.rows

    @property
    def classes(self) -> tuple[Scalar, ...]:
        return self.profile.pair.first.output.classes

    @cached_property
    def figures(self) -> Figures:
        """Of classes `agreement`, `kappa`, who is right, and of scores how far they moved; of numbers also whose is nearer."""
        return Figures(agreement_figures(self.profile.whole))

    @cached_property
    def test(self) -> SignTest:
        """Whether it may be chance that one is right where the other is not, or nearer: McNemar's test, or the sign test."""
        return better(self.profile.whole)

    @property
    def labels(self) -> list[list[float]] | None:
        """Rows, or their weights, by label of the first and of the second, in the order of the classes; None of numbers."""
        whole = self.profile.whole
        return whole.labels.counts.tolist() if isinstance(whole, LabelsAgreed) else None

    @property
    def outcomes(self) -> Mapping[str, Mapping[str, float]] | None:
        """Of each actual class its rows, or their weights, by who is right; None of numbers."""
        whole = self.profile.whole
        if not isinstance(whole, LabelsAgreed):
            return None
        return {
            canonical(label): {"both": both, "only_first": first, "only_second": second, "neither": neither}
            for label, ((neither, second), (first, both)) in zip(
                self.classes, whole.outcomes.counts.tolist(), strict=True
            )
        }

    @cached_property
    def quantiles(self) -> tuple[Quantile, ...]:
        """Of the shifts; none where one of the two gives labels alone."""
        shift = shift_of(self.profile.whole)
        return () if shift is None else shift_quantiles(shift)

    @cached_property
    def histogram(self) -> Histogram | None:
        """Of the shifts, likewise."""
        shift = shift_of(self.profile.whole)
        return None if shift is None else histogram(moves_of(shift))

    @property
    def moved(self) -> list[Moved]:
        """The rows on which the two are furthest apart, the furthest first."""
        return self.profile.moved.furthest

    @property
    def left_out(self) -> Mapping[str, int]:
        """Rows that were read and not predicted by both, in words."""
        first, second = self.names
        told = {
            f"are predicted by {first} alone": self.profile.only[0],
            f"are predicted by {second} alone": self.profile.only[1],
            "are predicted by neither, or have no actual value": self.profile.neither,
        }
        return {why: rows for why, rows in told.items() if rows}

    @property
    def reasons(self) -> Sequence[Mapping[str, int]]:
        """Of the first and of the second, the rows that are not measured, by why, in words."""
        target = self.profile.pair.first.target
        return [{left_out_text(why, target): n for why, n in of.items()} for of in self.profile.left_out]

    @property
    def tables(self) -> list[Table]:
        """What a report tells of it beside the charts."""
        from muster.evaluation.agreement_tables import agreement_tables

        return [*agreement_tables(self)]

    @cached_property
    def charts(self) -> Charts:
        """By name: of classes `labels`, and of scores `shift` and `scores`; of numbers `shift` and `numbers`."""
        from muster.charts.agreement import agreement_charts

        names = [canonical(label) for label in self.classes]
        return agreement_charts(self.profile, self.names, names, target=self.first.record.target)

    def to_json(self) -> dict[str, Json]:
        found = self.histogram
        return {
            "first": self.first.id,
            "second": self.second.id,
            "rows": self.profile.rows,
            "counted": self.rows,
            "left_out": dict(self.left_out),
            "reasons": [dict(of) for of in self.reasons],
            "figures": self.figures.to_json(),
            "test": self.test.to_json(),
            "classes": [*self.classes],
            "labels": None if self.labels is None else [[*row] for row in self.labels],
            "outcomes": None if self.outcomes is None else {label: dict(of) for label, of in self.outcomes.items()},
            "quantiles": [
                {"part": q.part, "value": q.value, "bound": q.bound, "low": q.interval.low, "high": q.interval.high}
                for q in self.quantiles
            ],
            "histogram": None if found is None else _histogram(found),
            "moved": [_moved(one) for one in self.moved],
        }

    def __repr__(self) -> str:
        first, second = self.names
        return f"<Agreement of {first} and {second}: {self.rows} rows>"


def _name(evaluation: Evaluation) -> str:
    asked = evaluation.profile.question
    return evaluation.record.ref or asked.prediction or asked.probabilities[-1]


def _histogram(found: Histogram) -> dict[str, Json]:
    return {
        "edges": found.edges.tolist(),
        "rows": found.mass.tolist(),
        "under": found.under,
        "over": found.over,
        "bound": found.bound,
    }


def _moved(one: Moved) -> dict[str, Json]:
    return {
        "file": one.file,
        "row": one.row,
        "move": one.move,
        "actual": one.actual,
        "first": one.first,
        "second": one.second,
        "first_score": one.first_score,
        "second_score": one.second_score,
        "values": one.values,
    }
