"""Which metrics stand for all of them, where there is room for few. Of each list, those that there are."""

from __future__ import annotations

from collections.abc import Container

__all__ = ["first_metric", "metrics_of_outputs", "metrics_of_parts", "rates_of_groups"]

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


def metrics_of_parts(known: Container[str]) -> list[str]:
    """Those that are told of a part of the rows."""
    return [name for name in _OF_PARTS if name in known]


def rates_of_groups(known: Container[str]) -> list[str]:
    """Those that are told of a group that has to be treated like the others."""
    return [name for name in _OF_GROUPS if name in known]


def metrics_of_outputs(known: Container[str], *, label: bool) -> list[str]:
    """Those that are told of one label, or of one target."""
    return [name for name in (_OF_LABELS if label else _OF_TARGETS) if name in known]
