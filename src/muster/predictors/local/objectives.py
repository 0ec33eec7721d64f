"""What the objective of a booster says of its raw answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from muster.signature import Task

__all__ = ["Activation", "Objective", "objective"]

Activation = Literal["none", "sigmoid", "softmax", "exp", "normalise"]


@dataclass(frozen=True, slots=True)
class Objective:
    """The task it was trained for, and what a number of the raw answer is: a probability, the place of a class, or a value."""

    task: Task
    form: Literal["probabilities", "codes", "value"] = "value"
    activation: Activation = "none"


_REGRESSION = Objective("regression")
_RANKING = Objective("other")
_POSITIVE = Objective("binary", "probabilities")
_MATRIX = Objective("multiclass", "probabilities")
# Each class is scored against the rest, so that a row need not add up to one; the most probable class is the label all the same.
_ONE_VERSUS_REST = Objective("multiclass", "probabilities", "normalise")

# By the documents of XGBoost, LightGBM and CatBoost. A probability that is regressed on (reg:logistic, cross_entropy) is a value.
_OBJECTIVES: Mapping[str, Objective] = {
    "binary:logistic": _POSITIVE,
    "binary:logitraw": Objective("binary", "probabilities", "sigmoid"),
    "binary:hinge": Objective("binary", "codes"),
    "multi:softprob": _MATRIX,
    "multi:softmax": Objective("multiclass", "codes"),
    "survival:cox": _RANKING,
    "binary": _POSITIVE,
    "multiclass": _MATRIX,
    "softmax": _MATRIX,
    "multiclassova": _ONE_VERSUS_REST,
    "multiclass_ova": _ONE_VERSUS_REST,
    "ova": _ONE_VERSUS_REST,
    "ovr": _ONE_VERSUS_REST,
    "lambdarank": _RANKING,
    "rank_xendcg": _RANKING,
    "Logloss": _POSITIVE,
    "CrossEntropy": _POSITIVE,
    "MultiClass": _MATRIX,
    "MultiClassOneVsAll": _ONE_VERSUS_REST,
    "statsmodels:binary": _POSITIVE,
    "statsmodels:multiclass": _MATRIX,
    "statsmodels:regression": _REGRESSION,
} | dict.fromkeys(
    (
        "regression", "regression_l2", "l2", "mean_squared_error", "mse", "l2_root", "root_mean_squared_error", "rmse",
        "regression_l1", "l1", "mean_absolute_error", "mae", "huber", "fair", "poisson", "quantile", "mape",
        "mean_absolute_percentage_error", "gamma", "tweedie", "cross_entropy", "xentropy", "cross_entropy_lambda", "xentlambda",
        "RMSE", "MAE", "MAPE", "Quantile", "LogLinQuantile", "Poisson", "Lq", "Huber", "Expectile", "Tweedie", "LogCosh",
    ),
    _REGRESSION,
) | dict.fromkeys(
    (
        "YetiRank", "YetiRankPairwise", "PairLogit", "PairLogitPairwise", "QueryRMSE", "QuerySoftMax", "QueryCrossEntropy",
        "LambdaMart", "StochasticFilter", "StochasticRank",
    ),
    _RANKING,
)  # fmt: skip

_FAMILIES = (("reg:", _REGRESSION), ("count:", _REGRESSION), ("survival:", _REGRESSION), ("rank:", _RANKING))


def objective(told: str | None) -> Objective | None:
    """By name, as a model tells it (`binary sigmoid:1`); None for one that is not known, such as a custom one."""
    name = (told or "").split(" ")[0]
    if name in _OBJECTIVES:
        return _OBJECTIVES[name]
    return next((o for prefix, o in _FAMILIES if name.startswith(prefix)), None)
