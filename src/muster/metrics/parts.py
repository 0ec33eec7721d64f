"""A few figures of each part of the rows, beside those of all rows."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from muster.metrics import multilabel, multioutput
from muster.metrics.classes import measure as measure_classes
from muster.metrics.differences import Measurement
from muster.metrics.figure import Figure
from muster.metrics.groups import LEAST_OF_A_GROUP
from muster.metrics.regression import measure as measure_numbers
from muster.metrics.screen import Screen
from muster.profiles.classification import Classification
from muster.profiles.multilabel import Multilabel
from muster.profiles.multioutput import Multioutput

__all__ = ["PartTable", "part_table"]

_TOLD = {
    "binary": ("roc_auc", "accuracy", "precision", "recall"),
    "classes": ("accuracy", "f1_macro", "log_loss"),
    "numbers": ("mae", "rmse", "mean_error"),
    "labels": ("f1_micro", "f1_macro", "subset_accuracy"),
}
_OF_TARGETS = ("mae", "rmse", "r2", "accuracy", "f1_macro")
_LABELS_ALONE = {"binary": ("accuracy", "precision", "recall"), "classes": ("accuracy", "f1_macro")}


@dataclass(frozen=True, eq=False, kw_only=True)
class PartTable(Screen):
    """Of each of `parts` its rows, whether they are few, and its figures by metric; of `whole` those of all rows."""

    name: str
    parts: tuple[str, ...]
    sizes: tuple[int, ...]
    small: tuple[bool, ...]
    figures: dict[str, tuple[Figure, ...]]
    whole: dict[str, Figure]


def part_table(name: str, parts: Mapping[str, Measurement], whole: Measurement) -> PartTable:
    """In the order given."""
    names = _names(whole)
    each = [_figures(part, names) for part in parts.values()]
    figures = {n: tuple(found[n] for found in each) for n in names}
    return PartTable(
        rows=sum(part.rows for part in parts.values()),
        bound=max((f.bound for column in figures.values() for f in column), default=0.0),
        bounded="figures",
        name=name,
        parts=tuple(parts),
        sizes=tuple(part.rows for part in parts.values()),
        small=tuple(part.rows < LEAST_OF_A_GROUP for part in parts.values()),
        figures=figures,
        whole=_figures(whole, names),
    )


def _names(whole: Measurement) -> tuple[str, ...]:
    if isinstance(whole, Multilabel):
        return _TOLD["labels"]
    if isinstance(whole, Multioutput):
        known = multioutput.measure(whole)
        return tuple(n for name in _OF_TARGETS if (n := name + multioutput.AVERAGE) in known)
    if not isinstance(whole, Classification):
        return _TOLD["numbers"]
    kind = "binary" if whole.classes == 2 else "classes"
    return _TOLD[kind] if whole.lanes else _LABELS_ALONE[kind]


def _figures(measurement: Measurement, names: Collection[str]) -> dict[str, Figure]:
    if isinstance(measurement, Classification):
        return measure_classes(measurement, names=names)
    if isinstance(measurement, Multilabel):
        return multilabel.measure(measurement, [f"{n + 1}" for n in range(len(measurement.labels))], only=names)
    found = multioutput.measure(measurement) if isinstance(measurement, Multioutput) else measure_numbers(measurement)
    return {name: found[name] for name in names}
