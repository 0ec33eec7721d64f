"""The charts of a comparison, each made when it is asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from muster.charts.chart import Chart
from muster.charts.compared_curves import compared_calibration, compared_precision_recall, compared_roc
from muster.charts.compared_lines import compared_tenths, compared_thresholds
from muster.charts.compared_spread import compared_density, compared_errors
from muster.charts.differences import Difference, Told, differences_chart, segments_chart
from muster.charts.screens import Charts
from muster.charts.series import Series, series_of
from muster.charts.words import figure, percent, sentence_list, short, told
from muster.evaluation.telling import main_metrics, metrics_with_intervals
from muster.evaluation.verdict import difference, lowered, outcome
from muster.metrics.density import density
from muster.metrics.figure import Figure
from muster.metrics.precision_recall import precision_recall
from muster.metrics.reliability import reliability
from muster.metrics.residuals import deciles, error_histograms, error_quantiles
from muster.metrics.roc import roc
from muster.metrics.threshold_table import best_of, threshold_table
from muster.profiles.classification import Classification
from muster.profiles.regression import Regression
from muster.profiles.tally import lanes_of
from muster.signature import canonical

if TYPE_CHECKING:
    from muster.evaluation.comparison import Comparison, Contest

__all__ = ["charts_of"]

_POINTS = 120
"""Of each curve."""
_UNITS = {
    "log_loss": "nats",
    "cost": "cost of a row",
    **dict.fromkeys(("rmse_uniform_average", "mae_uniform_average"), "mean over targets"),
    "mse": "squared",
    **dict.fromkeys(("rmse", "mae", "median_absolute_error", "mean_error", "max_error"), "{target}"),
}
_SMALL = 30

Make = Callable[[], Chart]


def charts_of(found: Comparison) -> Charts:
    """`differences`, `segments:NAME` and what lies over each other; of several classes `roc:NAME` and so on of each."""
    profiles = [e.profile.whole for e in found.evaluations]
    series = series_of(found.names, [e.subject.champion for e in found.evaluations])
    makers: dict[str, Make] = {"differences": lambda: _differences(found, series)}
    numbers = [p for p in profiles if isinstance(p, Regression)]
    classes = [p for p in profiles if isinstance(p, Classification)]
    if numbers:
        makers |= _of_numbers(found, series, numbers)
    elif classes and all(p.lanes for p in classes):
        makers |= _of_classes(found, series, classes)
    shared = [s for s in found.reference.segments if any(c.segments.get(s) for c in found.contests)]
    makers |= {f"segments:{name}": _maker(_segments, found, series, name) for name in shared}
    return Charts(makers)


def _maker(make: Callable[..., Chart], *given: object) -> Make:
    return lambda: make(*given)


def _of_classes(found: Comparison, series: Sequence[Series], profiles: Sequence[Classification]) -> dict[str, Make]:
    names = [canonical(label) for label in found.reference.classes]
    if len(names) == 2:
        made = _scores(found, series, profiles, 0, name=names[1], other=names[0])
        return made | {"thresholds": lambda: _thresholds(found, series, profiles, names[1])}
    makers: dict[str, Make] = {}
    for lane, label in enumerate(lanes_of(len(names))):
        name = names[label]
        for kind, make in _scores(found, series, profiles, lane, name=name, other=f"not {name}").items():
            makers[f"{kind}:{name}"] = _named(make, f"{kind}:{name}", name)
    return makers


def _named(make: Make, name: str, label: str) -> Make:
    def titled() -> Chart:
        chart = make()
        return chart.titled(name, f"{chart.heading}: {label}")

    return titled


def _scores(
    found: Comparison, series: Sequence[Series], profiles: Sequence[Classification], lane: int, *, name: str, other: str
) -> dict[str, Make]:
    """How one class is told from the others."""
    note = _note(found)

    def curves() -> Chart:
        screens = [roc(p, lane, _POINTS) for p in profiles]
        reading = _by_figure(found, series, [s.auc for s in screens], "roc_auc")
        return compared_roc(series, screens, positive=name, reading=reading, note=note)

    def precision() -> Chart:
        screens = [precision_recall(p, lane, _POINTS) for p in profiles]
        reading = _by_figure(found, series, [s.average for s in screens], "average_precision")
        return compared_precision_recall(series, screens, positive=name, reading=reading, note=note)

    def calibration() -> Chart:
        screens = [reliability(p, lane) for p in profiles]
        gaps = [
            f"{s.name} {told(float((np.abs(r.mean - r.observed) * r.size).sum() / r.size.sum()))}"
            for s, r in zip(series, screens, strict=True)
            if len(r.size)
        ]
        reading = f"Predicted and observed shares of {name} are apart, on average: {sentence_list(gaps)}."
        return compared_calibration(series, screens, positive=name, reading=reading, note=note)

    def spread() -> Chart:
        screens = [density(p, lane, 25) for p in profiles]
        common = [float(np.minimum(d.own_share, d.others_share).sum()) for d in screens]
        parts = [f"{s.name} {percent(c, 0)}" for s, c in zip(series, common, strict=True) if np.isfinite(c)]
        reading = "All rows are of one class."
        if parts:
            reading = f"The less of the two classes lies at the same scores, the better they are told apart: {sentence_list(parts)}."
        return compared_density(series, screens, positive=name, negative=other, reading=reading, note=note)

    return {"roc": curves, "precision_recall": precision, "calibration": calibration, "density": spread}


def _by_figure(found: Comparison, series: Sequence[Series], figures: Sequence[Figure], metric: str) -> str:
    """The figure of each; of two classes also the differences."""
    title = {"roc_auc": "AUC", "average_precision": "Average precision"}[metric]
    told = sentence_list([f"{s.name} {figure(f)}" for s, f in zip(series, figures, strict=True)])
    said = f"{title}: {told}."
    if len(found.reference.classes) == 2:
        apart = [f"{c.names[1]} {difference(c.differences[metric])}" for c in found.contests if metric in c.differences]
        said += f" Less that of {series[0].name}: {sentence_list(apart)}." if apart else ""
    return said


def _thresholds(
    found: Comparison, series: Sequence[Series], profiles: Sequence[Classification], positive: str
) -> Chart:
    tables = [threshold_table(p, _POINTS) for p in profiles]
    tops = []
    for s, t in zip(series, tables, strict=True):
        best = best_of(t.metrics["f1"])
        if not t.lacking and np.isfinite(t.metrics["f1"][best]) and np.isfinite(t.thresholds[best]):
            tops.append(f"{s.name} {told(float(t.metrics['f1'][best]))} at {short(float(t.thresholds[best]))}")
    reading = f"The greatest F1: {sentence_list(tops)}." if tops else "There is no threshold to compare."
    return compared_thresholds(series, tables, positive=positive, reading=reading, note=_note(found))


def _of_numbers(found: Comparison, series: Sequence[Series], profiles: Sequence[Regression]) -> dict[str, Make]:
    counts, note = [p.rows for p in profiles], _note(found)

    def errors() -> Chart:
        halves = []
        for s, p in zip(series, profiles, strict=True):
            at = {q.part: q.value for q in error_quantiles(p, (0.05, 0.95))}
            halves += [f"{s.name} between {short(at[0.05])} and {short(at[0.95])}"] if len(at) == 2 else []
        reading = f"Nine in ten errors lie: {sentence_list(halves)}." if halves else "There is no error to tell of."
        return compared_errors(series, error_histograms(profiles), counts=counts, reading=reading, note=note)

    def tenths() -> Chart:
        groups = [deciles(p) for p in profiles]
        worst = []
        for s, own in zip(series, groups, strict=True):
            known = [(n, g.mae) for n, g in enumerate(own, 1) if g.mae is not None]
            if known:
                n, mae = max(known, key=lambda one: one[1])
                worst.append(f"{s.name} in tenth {n} ({short(mae)})")
        reading = f"The mean absolute error is greatest: {sentence_list(worst)}." if worst else "There is no row."
        exact = all(p.predicted.shift == 0 for p in profiles)
        target = found.reference.record.target
        return compared_tenths(series, groups, counts=counts, target=target, exact=exact, reading=reading, note=note)

    return {"errors": errors, "tenths_error": tenths}


def _differences(found: Comparison, series: Sequence[Series]) -> Chart:
    shown: list[Difference] = []
    for name in main_metrics(found.metrics):
        metric = found.contests[0].metric(name)
        side = f" ({metric.better} is better)" if metric.better else ""
        unit = _UNITS.get(name, "").format(target=found.reference.record.target)
        for contest, one in zip(found.contests, series[1:], strict=True):
            less = contest.differences[name]
            shown.append(Difference(one, metric.title + side, less, outcome(less, metric), unit))
    verdicts = " ".join(f"{c.verdict.text}." for c in found.contests)
    note = f"; lines are 95 % intervals, each by itself{_note(found)}"
    return differences_chart(shown, series, _told(found, verdicts, note))


def _segments(found: Comparison, series: Sequence[Series], segment: str) -> Chart:
    """By the first metric that has intervals in parts."""
    every = {value: f for c in found.contests for value, f in c.segments.get(segment, {}).items()}
    main = metrics_with_intervals(every)[0]
    metric = found.contests[0].metric(main)
    shown: list[Difference] = []
    for contest, one in zip(found.contests, series[1:], strict=True):
        for value, figures in contest.segments.get(segment, {}).items():
            less = figures[main]
            rows = contest.rows_of_part(segment, value)
            shown.append(Difference(one, value, less, outcome(less, metric), quiet=rows < _SMALL, rows=rows))
    order = {value: n for n, value in enumerate(found.reference.segments[segment])}
    shown.sort(key=lambda d: order[d.what])
    side = lowered(metric.title) + (f" ({metric.better} is better)" if metric.better else "")
    note = "; lines are 95 % intervals, as if of other rows: parts keep no folds; grey may be chance, or is of fewer than 30 rows"
    reading = _winners(found.contests, shown, series, lowered(metric.title))
    return segments_chart(shown, series, _told(found, reading, note), segment=segment, metric=side)


def _winners(contests: Sequence[Contest], shown: Sequence[Difference], series: Sequence[Series], metric: str) -> str:
    told = []
    for contest, one in zip(contests, series[1:], strict=True):
        own = [d for d in shown if d.of.key == one.key and not d.quiet]
        known = {kind: [d.what for d in own if d.better == kind] for kind in ("better", "worse")}
        parts = [f"{kind} in {_few(values)}" for kind, values in known.items() if values]
        for kind, words in (("", "not told apart in"), (None, "without an interval in")):
            rest = sum(d.better == kind for d in own)
            parts += [f"{words} {rest}"] if rest else []
        told.append(
            f"{contest.names[1]} is {sentence_list(parts)}"
            if parts
            else f"{contest.names[1]} has no part of enough rows"
        )
    return f"By {metric}, part by part: {'; '.join(told)}."


def _few(values: Sequence[str]) -> str:
    return sentence_list([f"{v}" for v in values]) if len(values) <= 4 else f"{len(values)} parts"


def _told(found: Comparison, reading: str, note: str) -> Told:
    rows = min(e.record.counted for e in found.evaluations)
    return Told(reference=found.names[0], rows=rows, reading=reading, note=note)


def _note(found: Comparison) -> str:
    """Whether all are of the same rows."""
    return "; the same rows" if all(c.paired for c in found.contests) else "; not all are of the same rows"
