"""Which metrics stand for all of them, where there is room for few, and what evaluations are called. Of each list, those that there are."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Container, Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from muster.evaluation.figures import Figures
    from muster.evaluation.result import Evaluation

__all__ = [
    "first_metric",
    "main_metrics",
    "metrics_of_outputs",
    "metrics_of_parts",
    "metrics_with_intervals",
    "names_of",
    "rates_of_groups",
]

_FIRST = (
    "roc_auc",
    "roc_auc_ovr_macro",
    "rmse",
    "accuracy",
    "roc_auc_macro",
    "f1_micro",
    "rmse_uniform_average",
    "accuracy_uniform_average",
)
_OF_PARTS = (
    "roc_auc",
    "roc_auc_ovr_macro",
    "log_loss",
    "accuracy",
    "precision",
    "recall",
    "f1",
    "f1_macro",
    "mae",
    "rmse",
    "r2",
    "mean_error",
    "roc_auc_macro",
    "f1_micro",
    "subset_accuracy",
    "rmse_uniform_average",
    "r2_uniform_average",
    "accuracy_uniform_average",
)
_OF_LABELS = ("precision", "recall", "f1", "roc_auc")
_OF_TARGETS = ("mae", "rmse", "r2", "accuracy", "f1", "f1_macro")
_MAIN = (
    *("roc_auc", "roc_auc_ovr_macro", "average_precision", "average_precision_macro", "accuracy", "balanced_accuracy"),
    *("precision", "recall", "specificity", "f1", "precision_macro", "recall_macro", "f1_macro", "mcc"),
    *("brier", "log_loss", "cost", "rmse", "mae", "median_absolute_error", "mean_error", "r2", "spearman", "mape"),
    *("roc_auc_macro", "average_precision_macro", "f1_micro", "subset_accuracy"),
    *("rmse_uniform_average", "mae_uniform_average", "r2_uniform_average", "accuracy_uniform_average"),
)
_ID = re.compile(r"[0-9A-HJKMNP-TV-Z]{26}")

_OF_GROUPS = (
    "selection_rate",
    "accuracy",
    "true_positive_rate",
    "false_positive_rate",
    "positive_predictive_value",
    "base_rate",
    "roc_auc",
    "calibration_in_the_large",
    "mean_prediction",
    "mae",
    "rmse",
    "mean_error",
)


def first_metric(known: Container[str]) -> str | None:
    """The one that stands for an evaluation in a line."""
    return next((name for name in _FIRST if name in known), None)


def main_metrics(known: Container[str]) -> list[str]:
    """Those that are looked at first, where evaluations are compared."""
    return [name for name in dict.fromkeys(_MAIN) if name in known]


def metrics_of_parts(known: Container[str]) -> list[str]:
    """Those that are told of a part of the rows."""
    return [name for name in _OF_PARTS if name in known]


def rates_of_groups(known: Container[str]) -> list[str]:
    """Those that are told of a group that has to be treated like the others."""
    return [name for name in _OF_GROUPS if name in known]


def metrics_of_outputs(known: Container[str], *, label: bool) -> list[str]:
    """Those that are told of one label, or of one target."""
    return [name for name in (_OF_LABELS if label else _OF_TARGETS) if name in known]


def metrics_with_intervals(parts: Mapping[str, Figures]) -> list[str]:
    """The same, those first of which a part has an interval."""
    known = metrics_of_parts(next(iter(parts.values()))) if parts else []
    return [m for m in known if any(m in f and f[m].low is not None for f in parts.values())] or known


def names_of(evaluations: Sequence[Evaluation]) -> tuple[str, ...]:
    """By version, or by the data where there is none; a name that several would have says which is meant, at worst by its place."""
    names = [e.record.ref or _data(e) for e in evaluations]
    twice = {name for name, times in Counter(names).items() if times > 1}
    for tell in (_data, _end):
        told = [f"{n} ({tell(e)})" if n in twice else n for n, e in zip(names, evaluations, strict=True)]
        if len(set(told)) == len(told):
            return tuple(told)
    return tuple(f"{name} ({n})" for n, name in enumerate(names, 1))


def _data(evaluation: Evaluation) -> str:
    """The last part of its name; the end of the evaluation's id where that is nothing to know them by, as of a table in memory."""
    last = evaluation.record.data.rstrip("/").rpartition("/")[2]
    return _end(evaluation) if _ID.search(last) or not last else last


def _end(evaluation: Evaluation) -> str:
    return f"…{evaluation.id[-6:]}"
