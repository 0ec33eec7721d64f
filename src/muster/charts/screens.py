"""All charts of one evaluation, each made when it is asked for."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from numpy.typing import ArrayLike

from muster.charts.calibration import calibration_chart
from muster.charts.chart import Chart
from muster.charts.classes import classes_chart
from muster.charts.confusion import Shown, confusion_chart, mistakes_chart
from muster.charts.coverage import coverage_chart
from muster.charts.decision import cost_chart, net_benefit_chart
from muster.charts.density import confidence_chart, density_chart
from muster.charts.gains import gain_chart, lift_chart, tenths_chart
from muster.charts.precision_recall import precision_recall_chart
from muster.charts.predicted import predicted_chart, tenths_error_chart, tenths_lift_chart
from muster.charts.predicted import tenths_chart as means_chart
from muster.charts.residuals import along_chart, errors_chart
from muster.charts.roc import roc_chart
from muster.charts.sides import sides_chart
from muster.charts.thresholds import thresholds_chart
from muster.metrics.confusion import confused_pairs, confusion
from muster.metrics.coverage import coverage
from muster.metrics.decision import cost_curve, net_benefit
from muster.metrics.density import confidence, density
from muster.metrics.gains import gains
from muster.metrics.heat import heat_bound
from muster.metrics.per_class import class_table
from muster.metrics.precision_recall import precision_recall
from muster.metrics.regression import measure
from muster.metrics.reliability import By, reliability
from muster.metrics.residuals import bands, deciles, error_histogram, error_quantiles, lift, predicted_by_actual
from muster.metrics.roc import roc
from muster.metrics.sides import sides
from muster.metrics.threshold_table import labels_at, threshold_table
from muster.profiles.classification import Classification
from muster.profiles.regression import FACTS, MOMENTS, Regression
from muster.profiles.tally import lanes_of

__all__ = ["Charts", "charts_of", "classification_charts", "regression_charts"]


class Charts(Mapping[str, Chart]):
    """Charts by name; one is made on its first use."""

    def __init__(self, makers: Mapping[str, Callable[[], Chart]]) -> None:
        self._makers, self._made = dict(makers), dict[str, Chart]()

    def __getitem__(self, name: str) -> Chart:
        if name not in self._makers:
            raise KeyError(f"there is no chart `{name}`; there are {', '.join(self) or 'none'}")
        if name not in self._made:
            self._made[name] = self._makers[name]()
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._makers)

    def __len__(self) -> int:
        return len(self._makers)

    def also(self, makers: Mapping[str, Callable[[], Chart]]) -> Charts:
        """With others behind them."""
        return Charts({**self._makers, **makers})

    def __repr__(self) -> str:
        return f"Charts({', '.join(self)})"


def classification_charts(
    profile: Classification,
    classes: Sequence[object],
    *,
    threshold: float | None = None,
    costs: ArrayLike | None = None,
) -> Charts:
    """What a profile of these classes can show, the labels as they were given; `threshold` is marked where thresholds are compared.

    Of several classes, curves are those of each class against all others: `roc:NAME`.
    """
    names = [str(name) for name in classes]
    makers: dict[str, Callable[[], Chart]] = {}
    if profile.classes == 2 and profile.lanes:
        makers |= _binary(profile, names, threshold, costs)
    elif profile.lanes:
        for lane, label in enumerate(lanes_of(profile.classes)):
            makers |= _of_class(names[label], _scores(profile, lane, names[label]))
    shown: list[Shown] = ["row", "column", "count", *(["cost"] if costs is not None else [])]  # type: ignore[list-item]

    def matrix(kind: Shown) -> Callable[[], Chart]:
        return lambda: confusion_chart(confusion(profile, names, costs=costs), kind)

    makers |= {"confusion" if kind == "row" else f"confusion_by_{kind}": matrix(kind) for kind in shown}
    if profile.top is not None:
        makers["confidence"] = lambda: confidence_chart(confidence(profile))
    if profile.classes > 2:
        makers["classes"] = lambda: classes_chart(class_table(profile, names))
        makers["mistakes"] = lambda: mistakes_chart(confused_pairs(profile, names))
    return Charts(makers)


def regression_charts(profile: Regression, target: str = "value", level: float | None = None) -> Charts:
    """What a profile of predicted numbers can show; `level` is the share that predicted intervals are to hold."""
    rows = profile.rows
    of: dict[str, Any] = {"count": rows, "target": target}
    alone = profile.predicted.shift == 0

    def heat() -> Chart:
        found = predicted_by_actual(profile, 30)
        bound = 0.0 if found is None else heat_bound(profile.together, found)
        return predicted_chart(found, right=measure(profile)["r2"].value, bound=bound, **of)

    covered = profile.totals.facts[0, FACTS.index("inside") :].any()
    return Charts(
        {
            "predicted": heat,
            "errors": lambda: errors_chart(
                error_histogram(profile), error_quantiles(profile), count=rows, spread=_spread(profile)
            ),
            "errors_along": lambda: along_chart(bands(profile), exact=profile.apart.exact, **of),
            "sides": lambda: sides_chart(sides(profile), count=rows),
            **({"coverage": lambda: coverage_chart(coverage(profile, level))} if covered else {}),
            "tenths": lambda: means_chart(deciles(profile), exact=alone, **of),
            "tenths_error": lambda: tenths_error_chart(deciles(profile), exact=alone, **of),
            "lift": lambda: tenths_lift_chart(lift(profile), exact=alone, **of),
        }
    )


def _spread(profile: Regression) -> tuple[float, float]:
    """The mean and the standard deviation of errors."""
    mean, squares, mass = (float(profile.totals.moments[0, MOMENTS.index(n)]) for n in ("error", "error_2", "mass"))
    return mean, math.sqrt(squares / mass) if mass > 0 and squares >= 0 else math.nan


def charts_of(
    profile: Classification | Regression,
    classes: Sequence[object],
    *,
    target: str = "value",
    threshold: float | None = None,
    costs: ArrayLike | None = None,
    level: float | None = None,
) -> Charts:
    """Of whatever was predicted."""
    if isinstance(profile, Regression):
        return regression_charts(profile, target, level)
    return classification_charts(profile, classes, threshold=threshold, costs=costs)


def _scores(profile: Classification, lane: int, name: str, other: str = "") -> dict[str, Callable[[], Chart]]:
    """Charts of how one class is told from the others."""

    def fit(by: By) -> Callable[[], Chart]:
        return lambda: calibration_chart(reliability(profile, lane, by=by), positive=name)

    return {
        "roc": lambda: roc_chart(roc(profile, lane), positive=name),
        "precision_recall": lambda: precision_recall_chart(precision_recall(profile, lane), positive=name),
        "calibration": fit("width"),
        "calibration_by_rows": fit("rows"),
        "density": lambda: density_chart(density(profile, lane), positive=name, negative=other or f"not {name}"),
        "gain": lambda: gain_chart(gains(profile, lane), positive=name),
        "lift": lambda: lift_chart(gains(profile, lane), positive=name),
        "tenths": lambda: tenths_chart(gains(profile, lane), positive=name),
    }


def _of_class(name: str, makers: Mapping[str, Callable[[], Chart]]) -> dict[str, Callable[[], Chart]]:
    """The same charts, named after one of several classes."""

    def named(key: str, make: Callable[[], Chart]) -> Callable[[], Chart]:
        def titled() -> Chart:
            chart = make()
            return chart.titled(f"{key}:{name}", f"{chart.heading}: {name}")

        return titled

    return {f"{key}:{name}": named(key, make) for key, make in makers.items()}


def _binary(
    profile: Classification, names: list[str], threshold: float | None, costs: ArrayLike | None
) -> dict[str, Callable[[], Chart]]:
    negative, positive = names
    makers = _scores(profile, 0, positive, negative)

    def at_thresholds() -> Chart:
        in_use = None if threshold is None else (threshold, labels_at(profile, threshold))
        return thresholds_chart(threshold_table(profile), positive=positive, in_use=in_use)

    makers["thresholds"] = at_thresholds
    makers["net_benefit"] = lambda: net_benefit_chart(net_benefit(profile))
    if costs is not None:
        makers["cost"] = lambda: cost_chart(cost_curve(profile, costs), positive=positive)
    return makers
