"""Figures by their names, of whatever was measured."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from muster.metrics import multilabel, multioutput
from muster.metrics.baseline import dummy as constant
from muster.metrics.classes import dummy, measure
from muster.metrics.costs import costs_of
from muster.metrics.figure import Figure
from muster.metrics.regression import measure as measure_numbers
from muster.profiles.classification import Classification
from muster.profiles.evaluation import Measurement
from muster.profiles.multilabel import Multilabel
from muster.profiles.multioutput import Multioutput
from muster.profiles.question import Question
from muster.signature import Json, canonical

__all__ = ["Figures", "dummy_of", "figures_of"]


class Figures(Mapping[str, Figure]):
    """Figures by their names."""

    def __init__(self, figures: Mapping[str, Figure]) -> None:
        self._figures = figures

    def __getitem__(self, name: str) -> Figure:
        try:
            return self._figures[name]
        except KeyError:
            raise KeyError(f"there is no metric `{name}`; there are {', '.join(self._figures)}") from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._figures)

    def __len__(self) -> int:
        return len(self._figures)

    def to_json(self) -> dict[str, Json]:
        return {name: figure.to_json() for name, figure in self._figures.items()}


def figures_of(
    measurement: Measurement,
    question: Question,
    threshold: float | Sequence[float] | None = None,
    names: Collection[str] | None = None,
) -> Figures:
    """Every metric, or those of `names`; with the labels of a threshold, or of one for each label, where given."""
    match measurement:
        case Classification():
            assert not isinstance(threshold, Sequence)
            return Figures(measure(measurement, threshold=threshold, names=names, costs=costs_of(question)))
        case Multilabel():
            each = [threshold] * len(measurement.labels) if isinstance(threshold, (int, float)) else threshold
            labels = [canonical(label) for label in question.output.classes]
            return _named(multilabel.measure(measurement, labels, thresholds=each), names)
        case Multioutput():
            return _named(multioutput.measure(measurement), names)
    return Figures(measure_numbers(measurement, names=names))


def _named(found: Mapping[str, Figure], names: Collection[str] | None) -> Figures:
    return Figures({name: figure for name, figure in found.items() if names is None or name in names})


def dummy_of(measurement: Measurement, question: Question) -> Mapping[str, float | None]:
    """The metrics of a model that knows only how the actual values are spread."""
    match measurement:
        case Classification():
            return dummy(measurement, costs_of(question))
        case Multilabel():
            return multilabel.dummy(measurement)
        case Multioutput():
            return multioutput.dummy(measurement)
    return {name: figure.value for name, figure in constant(measurement).items()}
