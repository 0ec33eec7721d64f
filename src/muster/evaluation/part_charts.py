"""Charts of the parts of the rows: of each segment, each protected column, and the weak ones that were found."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from muster.charts.chart import Chart
from muster.charts.fairness import fairness_chart
from muster.charts.segments import segment_chart
from muster.charts.weak_segments import weak_segments_chart
from muster.metrics.fairness import Fairness
from muster.metrics.parts import part_table
from muster.profiles.evaluation import Measurement

if TYPE_CHECKING:
    from muster.evaluation.result import Evaluation

__all__ = ["part_charts"]


def part_charts(evaluation: Evaluation) -> dict[str, Callable[[], Chart]]:
    """By name: `segment:carrier`, `fairness:sex`, and `weak_segments` if some were found."""
    whole = evaluation.profile.whole
    makers: dict[str, Callable[[], Chart]] = {
        f"segment:{name}": _of_segment(name, parts.measured, whole) for name, parts in evaluation.segments.items()
    }
    makers |= {f"fairness:{name}": _of_groups(found) for name, found in evaluation.fairness.items()}
    if evaluation.profile.losses is not None:
        weak = evaluation.weak_segments
        makers |= {_weak_name(evaluation, m): _of_losses(evaluation, m) for m in weak.metrics if len(weak.by(m))}
    return makers


def _weak_name(evaluation: Evaluation, metric: str) -> str:
    return "weak_segments" if metric == evaluation.weak_segments.metrics[0] else f"weak_segments:{metric}"


def _of_losses(evaluation: Evaluation, metric: str) -> Callable[[], Chart]:
    return lambda: weak_segments_chart(evaluation.weak_segments.by(metric))


def _of_segment(name: str, parts: Mapping[str, Measurement], whole: Measurement) -> Callable[[], Chart]:
    return lambda: segment_chart(part_table(name, parts, whole))


def _of_groups(found: Fairness) -> Callable[[], Chart]:
    return lambda: fairness_chart(found)
