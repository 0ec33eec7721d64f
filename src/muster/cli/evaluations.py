"""How an evaluation is shown, by the verb that made it and by `muster evaluation`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from muster.cli.fairness import fairness_tables
from muster.cli.figures import bound, interval, notes, number, signed, value
from muster.cli.paint import paint
from muster.cli.render import Column, Sheet
from muster.cli.text import count, exact, listed, percent, plural, scalar
from muster.cli.weak_segments import weak_segments_table
from muster.evaluation.shown import metrics_shown, worst_first
from muster.evaluation.telling import metrics_of_parts

if TYPE_CHECKING:
    from muster.cli.session import Session
    from muster.evaluation.outputs import Single
    from muster.evaluation.result import Evaluation, Parts
    from muster.metrics.figure import Figure
    from muster.metrics.sides import Side

__all__ = ["evaluation_sheet", "warn_of_left_out"]

_MANY_LEFT_OUT = 0.05
"""A larger share of the rows than this is not left out in silence."""
_MOST_PARTS = 20
_MOST_CLASSES = 12
_MOST_OUTPUTS = 30


def evaluation_sheet(found: Evaluation) -> Sheet:
    """What was measured on what, each figure with its interval, and what the rows are that are in none."""
    record = found.record
    sheet = Sheet(f"evaluation  {record.id}")
    sheet.fact("of", record.ref or "data that are scored already")
    sheet.fact("data", record.data)
    sheet.fact("target", f"{record.target}  ({found.task})")
    sheet.fact("rows", f"{count(record.counted)} measured of {count(record.rows)}")
    sheet.fact("left out", *(f"{count(n)} {reason}" for reason, n in found.left_out.items()))
    sheet.fact("threshold", record.threshold)
    sheet.fact("champion", "of its model, now" if found.subject.champion else "")
    sheet.fact("vs champion", found.vs_champion.words if found.vs_champion is not None else "")
    sheet.fact("predicting", _effort(found))
    sheet.fact("labels", listed(f"{k}={v}" for k, v in record.labels.items()))
    sheet.fact("of your own", *(f"{m.name}  ({m.told})" for m in found.profile.question.custom))
    sheet.table("metrics", [*found.metrics.values()], _metric_columns(found))
    _confusion(sheet, found)
    if found.record.task == "regression":
        _sides(sheet, found)
    _outputs(sheet, found)
    for name, parts in found.segments.items():
        _segment(sheet, name, parts, record.rows)
    fairness_tables(sheet, found)
    weak_segments_table(sheet, found)
    sheet.fact("made", f"{exact(record.created_at)} by {record.created_by}, run {record.run}")
    return sheet


def warn_of_left_out(session: Session, found: Evaluation) -> None:
    """Where figures are of much fewer rows than there are."""
    rows, left = found.record.rows, found.record.rows - found.record.counted
    if left <= _MANY_LEFT_OUT * rows:
        return
    reasons = sorted(found.left_out.items(), key=lambda item: -item[1])[:3]
    told = "; ".join(f"{count(n)} {reason}" for reason, n in reasons)
    mark = paint("warning:", "warn", sys.stderr)
    session.say(f"{mark} {count(left)} of {plural(rows, 'row')} ({left / rows:.1%}) are in no figure: {told}")


def _metric_columns(found: Evaluation) -> Sequence[Column[Figure]]:
    dummy = found.dummy
    champion: list[Column[Figure]] = []
    if (beside := found.vs_champion) is not None and beside.contest is not None:
        champion = [
            Column("less champion", lambda f: signed(beside.difference(f.name))),
            Column("95 % interval", lambda f: interval(beside.difference(f.name))),
        ]
    return [
        Column("metric", lambda f: f.name, "name"),
        Column("value", value),
        Column("95 % interval", interval),
        Column("dummy", lambda f: number(dummy.get(f.name))),
        *champion,
        Column("exact", bound),
        Column("note", lambda f: f.reason),
    ]


def _effort(found: Evaluation) -> str:
    from muster.evaluation.tables import effort_text

    told = "" if found.profile.question.scored else effort_text(found.subject.effort)
    return told.replace("\u202f", ",")  # a terminal's numbers are grouped by commas


def _confusion(sheet: Sheet, found: Evaluation) -> None:
    counts = found.confusion
    classes = found.classes
    if counts is None or len(classes) > _MOST_CLASSES:
        return
    rows = [*zip(classes, counts, strict=True)]
    columns: list[Column[tuple[object, Sequence[int]]]] = [
        Column("actual \\ predicted", lambda row: scalar(row[0]), "name")
    ]
    columns += [Column(scalar(label), lambda row, n=n: row[1][n]) for n, label in enumerate(classes)]  # type: ignore[misc]  # bound here
    columns.append(
        Column("recall", lambda row: percent(row[1][classes.index(row[0])], sum(row[1])) if sum(row[1]) else None)
    )
    sheet.table("confusion", rows, columns)


def _outputs(sheet: Sheet, found: Evaluation) -> None:
    """Labels and targets side by side, the worst first."""
    outputs = worst_first(found)
    if not outputs:
        return
    kind = "label" if outputs[0].label else "target"
    columns: list[Column[Single]] = [Column(kind, lambda one: one.name, "name")]
    if outputs[0].label:
        columns.append(Column("rows with it", lambda one: sum(one.confusion[1]) if one.confusion else None))
    columns += [
        Column(m, lambda one, m=m: value(one.metrics[m]) if m in one.metrics else None)  # type: ignore[misc]  # bound here
        for m in metrics_shown(found)
    ]
    sheet.table(f"by {kind}", outputs[:_MOST_OUTPUTS], columns)
    if len(outputs) > _MOST_OUTPUTS:
        sheet.fact("", f"and {plural(len(outputs) - _MOST_OUTPUTS, kind)} more: `--json` has all")


def _sides(sheet: Sheet, found: Evaluation) -> None:
    if found.metrics["max_error"].value is None:
        return
    told = found.sides()
    columns: list[Column[Side]] = [
        Column(f"predicted (± {told.band:g})", lambda s: s.name, "name"),
        Column("rows", lambda s: round(s.rows)),
        Column("share", lambda s: value(s.share)),
        Column("95 % interval", lambda s: interval(s.share)),
        Column("median error", lambda s: value(s.median)),
        Column("95 % interval", lambda s: interval(s.median)),
    ]
    sheet.table("sides", told.sides, columns)


def _segment(sheet: Sheet, name: str, parts: Parts, rows: int) -> None:
    from muster.evaluation.cut_words import cut_words

    shown = [*parts][:_MOST_PARTS]
    main = [*metrics_of_parts(parts[shown[0]]), *parts.own] if shown else []
    columns: list[Column[str]] = [Column(name, lambda v: v, "name"), Column("rows", parts.rows)]
    columns += [Column(m, lambda v, m=m: value(parts[v][m])) for m in main]  # type: ignore[misc]  # bound here
    columns.append(Column("note", lambda v: notes(parts[v], main, small=parts.small(v))))
    sheet.table("segment", shown, columns)
    sheet.fact("", cut_words(parts.segmenting, rows))
    if len(parts) > len(shown):
        sheet.fact("", f"and {plural(len(parts) - len(shown), 'part')} more: `--json` has all")
