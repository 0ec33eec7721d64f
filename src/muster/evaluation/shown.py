"""Which labels and targets, and which of their charts, are shown where there is no room for all: the worst."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from muster.evaluation.telling import metrics_of_outputs

if TYPE_CHECKING:
    from muster.evaluation.outputs import Single
    from muster.evaluation.result import Evaluation

__all__ = ["charts_shown", "metrics_shown", "prevalence", "worst_first"]

_MOST_OUTPUTS = 4
_MAIN = (
    "roc",
    "precision_recall",
    "calibration",
    "thresholds",
    "confusion",
    "classes",
    "mistakes",
    "predicted",
    "errors",
)
_JUDGED = ("f1", "accuracy", "r2")
"""By the first of these that there is: less is worse."""


def worst_first(evaluation: Evaluation) -> list[Single]:
    """Labels and targets, of numbers by R², else by F1 or accuracy; those without such a figure last."""
    return sorted(evaluation.outputs.values(), key=_worth)


def metrics_shown(evaluation: Evaluation) -> list[str]:
    """The metrics that stand for labels and targets side by side, which each has or another one has."""
    names = [name for one in evaluation.outputs.values() for name in metrics_of_outputs(one.metrics, label=one.label)]
    return list(dict.fromkeys(names))


def prevalence(one: Single) -> float | None:
    """The share of the rows that have the label; None of a target."""
    if not one.label or one.confusion is None or not one.measured.rows:
        return None
    return sum(one.confusion[1]) / one.measured.rows


def charts_shown(evaluation: Evaluation) -> tuple[list[str], str]:
    """The names of the charts of a report, and which it leaves out, in words."""
    outputs = worst_first(evaluation)
    if not outputs:
        return [*evaluation.charts], ""
    ends = tuple(f":{name}" for name in evaluation.outputs)
    names = [name for name in evaluation.charts if not name.endswith(ends)]
    names += [name for one in outputs[:_MOST_OUTPUTS] for name in _main(evaluation, one)]
    kind = "labels" if outputs[0].label else "targets"
    worst = f"the {_MOST_OUTPUTS} {kind} that are predicted worst" if len(outputs) > _MOST_OUTPUTS else f"all {kind}"
    return (
        names,
        f"The worst stand first. Below are the main charts of {worst}; in Python, outputs has every chart of each.",
    )


def _main(evaluation: Evaluation, one: Single) -> Iterator[str]:
    for key in _MAIN:
        if (name := f"{key}:{one.name}") in evaluation.charts:
            yield name


def _worth(one: Single) -> float:
    value = next((one.metrics[name].value for name in _JUDGED if name in one.metrics), None)
    return float("inf") if value is None else value
