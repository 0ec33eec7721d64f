"""The charts of several labels or targets: what they say side by side, and those of each, named after it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from muster.charts.chart import Chart
from muster.charts.classes import classes_chart
from muster.charts.label_counts import label_counts_chart
from muster.charts.screens import Charts, classification_charts, regression_charts
from muster.metrics.label_table import label_table
from muster.profiles.classification import Classification
from muster.profiles.multilabel import Multilabel
from muster.profiles.multioutput import Multioutput
from muster.profiles.regression import Regression
from muster.signature import Output, Scalar, canonical

__all__ = ["several_charts", "single_charts"]


def several_charts(profile: Multilabel | Multioutput, output: Output, *, threshold: float | None = None) -> Charts:
    """`labels` and `label_counts` of labels, and of each label or target its own: `roc:NAME`, `errors:NAME`."""
    makers: dict[str, Callable[[], Chart]] = {}
    if isinstance(profile, Multioutput):
        for name, target in profile.targets.items():
            makers |= _named(name, single_charts(target, name, output.targets[name].classes), "{} ({})")
        return Charts(makers)
    names = [canonical(c) for c in output.classes]
    makers["labels"] = lambda: classes_chart(label_table(profile, names), of="label")
    makers["label_counts"] = lambda: label_counts_chart(profile.sets)
    for name, label in zip(names, profile.labels, strict=True):
        makers |= _named(name, single_charts(label, name, (), threshold=threshold))
    return Charts(makers)


def single_charts(
    measured: Classification | Regression, name: str, classes: Sequence[Scalar], *, threshold: float | None = None
) -> Charts:
    """Of one target; without classes, and measured as two of them, of one label."""
    if isinstance(measured, Regression):
        return regression_charts(measured, name)
    names = [canonical(c) for c in classes] or [f"not {name}", name]
    return classification_charts(measured, names, threshold=threshold)


def _named(name: str, charts: Mapping[str, Chart], heading: str = "{}: {}") -> dict[str, Callable[[], Chart]]:
    def titled(key: str) -> Callable[[], Chart]:
        def make() -> Chart:
            chart = charts[key]
            return chart.titled(f"{key}:{name}", heading.format(chart.heading, name))

        return make

    return {f"{key}:{name}": titled(key) for key in charts}
