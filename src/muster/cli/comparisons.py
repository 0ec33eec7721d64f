"""How a comparison is shown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from muster.cli.figures import interval, number
from muster.cli.render import Column, Sheet
from muster.cli.text import plural
from muster.evaluation.telling import first_metric, metrics_of_parts

if TYPE_CHECKING:
    from muster.evaluation.comparison import Comparison, Contest
    from muster.evaluation.result import Evaluation

__all__ = ["comparison_parts", "comparison_sheet"]


def comparison_sheet(found: Comparison) -> Sheet:
    """Every metric of every evaluation, and of each but the first what differs, within which interval."""
    sheet = Sheet(f"comparison with  {_name(found.reference)}")
    sheet.table("evaluations", found.evaluations, _EVALUATIONS)
    names = [m for m in found.reference.metrics if all(m in e.metrics for e in found.evaluations)]
    sheet.table("metrics", names, _metrics(found))
    for contest in found.contests:
        rows = "the same rows" if contest.paired else f"other rows: {contest.reason}"
        sheet.fact("differences", f"{_name(contest.other)} less {_name(found.reference)}, on {rows}")
        differ = [n for n, figure in contest.differences.items() if n in names and figure.value is not None]
        sheet.table("", differ, _differences(contest))
        for name, parts in contest.segments.items():
            sheet.table("segment", [*parts], _segment(contest, name))
    return sheet


def comparison_parts(found: Comparison) -> Iterator[tuple[str, ...]]:
    """What each evaluation says in a line, and each difference from the reference."""
    for one in found.evaluations:
        main = first_metric(one.metrics)
        told = "" if main is None else f"{main} {number(one.metrics[main].value)}  {interval(one.metrics[main])}"
        yield "evaluated", _name(one), plural(one.record.counted, "row"), told
    for contest in found.contests:
        main = first_metric(contest.differences)
        if main is not None:
            figure, rows = contest.differences[main], "the same rows" if contest.paired else "other rows"
            told = f"{main} {_signed(figure.value)}  {interval(figure)}  on {rows}"
            yield "compared", f"{_name(contest.other)} with {_name(contest.reference)}", told


def _name(evaluation: Evaluation) -> str:
    return evaluation.record.ref or evaluation.id


_EVALUATIONS: Sequence[Column[Evaluation]] = (
    Column("version", _name, "name"),
    Column("rows", lambda e: e.record.counted),
    Column("threshold", lambda e: e.record.threshold),
    Column("data", lambda e: e.record.data),
    Column("evaluation", lambda e: e.id, "whole"),
)


def _metrics(found: Comparison) -> Sequence[Column[str]]:
    values = [
        Column(_name(e), lambda m, e=e: number(e.metrics[m].value))  # type: ignore[misc]  # bound here
        for e in found.evaluations
    ]
    return [Column("metric", lambda m: m, "name"), *values]


def _differences(contest: Contest) -> Sequence[Column[str]]:
    found = contest.differences
    return [
        Column("metric", lambda m: m, "name"),
        Column("difference", lambda m: _signed(found[m].value)),
        Column("95 % interval", lambda m: interval(found[m])),
        Column("beyond chance", lambda m: _verdict(found[m].low, found[m].high)),
        Column("note", lambda m: found[m].reason),
    ]


def _signed(value: float | None) -> str | None:
    told = number(value)
    return told if told is None or told.startswith("-") else f"+{told}"


def _verdict(low: float | None, high: float | None) -> str:
    """Whether 0 lies outside the interval."""
    if low is None or high is None:
        return ""
    return "yes" if low > 0 or high < 0 else "no"


def _segment(contest: Contest, name: str) -> Sequence[Column[str]]:
    parts, rows = contest.segments[name], contest.reference.segments[name]
    known = metrics_of_parts(next(iter(parts.values()))) if parts else []
    main = ([m for m in known if any(f[m].low is not None for f in parts.values())] or known)[:2]
    columns: list[Column[str]] = [Column(name, lambda v: v, "name"), Column("rows", rows.rows)]
    for metric in main:
        columns += [
            Column(metric, lambda v, m=metric: _signed(parts[v][m].value)),  # type: ignore[misc]  # bound here
            Column("95 % interval", lambda v, m=metric: interval(parts[v][m])),  # type: ignore[misc]  # likewise
        ]
    return columns
