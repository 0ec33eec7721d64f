"""How a comparison is shown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, TypeAlias

from muster.cli.agreements import show_agreement
from muster.cli.figures import interval, signed, value
from muster.cli.render import Column, Sheet
from muster.cli.text import plural
from muster.evaluation.telling import first_metric, metrics_with_intervals

if TYPE_CHECKING:
    from muster.evaluation.comparison import Comparison, Contest
    from muster.evaluation.result import Evaluation
    from muster.evaluation.subject import Setting

__all__ = ["comparison_parts", "comparison_sheet", "verdicts"]

_MOST_SETTINGS = 30


def comparison_sheet(found: Comparison) -> Sheet:
    """Every metric of every evaluation, and of each but the first what differs, within which interval."""
    sheet = Sheet(f"comparison with  {found.names[0]}")
    shown = [*zip(found.names, found.evaluations, strict=True)]
    sheet.table("evaluations", shown, [c for c in _EVALUATIONS if any(c.value(one) not in (None, "") for one in shown)])
    sheet.table("metrics", found.metrics, _metrics(found))
    for contest in found.contests:
        rows = "the same rows" if contest.paired else f"other rows: {contest.reason}"
        sheet.fact("differences", f"{contest.names[1]} less {found.names[0]}, on {rows}")
        known = [name for name, less in contest.differences.items() if less.value is not None]
        sheet.table("", known, _differences(contest))
        sheet.fact("left out", *(f"{what}: {why}" for what, why in contest.left_out.items()))
        for name, parts in contest.segments.items():
            sheet.table("segment", [*parts], _segment(contest, name))
    settings = found.settings[:_MOST_SETTINGS]
    sheet.table("what differs", settings, _settings(found))
    if len(found.settings) > len(settings):
        sheet.fact("", f"and {len(found.settings) - len(settings)} more: `--json` has all")
    sheet.fact("verdict", *verdicts(found))
    for agreement in found.agreement:
        show_agreement(sheet, agreement)
    return sheet


def verdicts(found: Comparison) -> list[str]:
    """A line of each contest."""
    from muster.evaluation.verdict import verdict

    return [verdict(contest, lambda value, places: f"{value:,.{places}f}").text for contest in found.contests]


def comparison_parts(found: Comparison) -> Iterator[tuple[str, ...]]:
    """What each evaluation says in a line, and each difference from the reference."""
    for name, one in zip(found.names, found.evaluations, strict=True):
        main = first_metric(one.metrics)
        told = "" if main is None else f"{main} {value(one.metrics[main])}  {interval(one.metrics[main])}"
        yield "evaluated", name, plural(one.record.counted, "row"), told
    for contest in found.contests:
        main = first_metric(contest.differences)
        if main is not None:
            figure, rows = contest.differences[main], "the same rows" if contest.paired else "other rows"
            told = f"{main} {signed(figure)}  {interval(figure)}  on {rows}"
            yield "compared", f"{contest.names[1]} with {contest.names[0]}", told


Named: TypeAlias = "tuple[str, Evaluation]"

_EVALUATIONS: Sequence[Column[Named]] = (
    Column("version", lambda one: one[0], "name"),
    Column("champion", lambda one: "champion" if one[1].subject.champion else ""),
    Column("rows", lambda one: one[1].record.counted),
    Column("threshold", lambda one: one[1].record.threshold),
    Column("rows/s", lambda one: None if (rate := one[1].subject.effort.rate) is None else round(rate)),
    Column("calls", lambda one: one[1].subject.effort.asked.get("tries")),
    Column("cost at most", lambda one: one[1].subject.effort.cost),
    Column("data", lambda one: one[1].record.data),
    Column("evaluation", lambda one: one[1].id, "whole"),
    Column("note", lambda one: one[1].subject.effort.reason),
)


def _settings(found: Comparison) -> Sequence[Column[Setting]]:
    values = [
        Column(name, lambda s, n=n: s.told[n])  # type: ignore[misc]  # bound here
        for n, name in enumerate(found.names)
    ]
    return [Column("", lambda s: s.what, "name"), *values]


def _metrics(found: Comparison) -> Sequence[Column[str]]:
    values = [
        Column(name, lambda m, e=e: value(e.metrics[m]))  # type: ignore[misc]  # bound here
        for name, e in zip(found.names, found.evaluations, strict=True)
    ]
    return [Column("metric", lambda m: m, "name"), *values]


def _differences(contest: Contest) -> Sequence[Column[str]]:
    from muster.evaluation.verdict import SAID, outcome

    found = contest.differences
    return [
        Column("metric", lambda m: m, "name"),
        Column("difference", lambda m: signed(found[m])),
        Column("95 % interval", lambda m: interval(found[m])),
        Column("so", lambda m: SAID[outcome(found[m], contest.metric(m))]),
        Column("note", lambda m: found[m].reason),
    ]


def _segment(contest: Contest, name: str) -> Sequence[Column[str]]:
    parts, rows = contest.segments[name], contest.reference.segments[name]
    main = metrics_with_intervals(parts)[:2]
    columns: list[Column[str]] = [Column(name, lambda v: v, "name"), Column("rows", rows.rows)]
    for metric in main:
        columns += [
            Column(metric, lambda v, m=metric: signed(parts[v][m])),  # type: ignore[misc]  # bound here
            Column("95 % interval", lambda v, m=metric: interval(parts[v][m])),  # type: ignore[misc]  # likewise
        ]
    return columns
