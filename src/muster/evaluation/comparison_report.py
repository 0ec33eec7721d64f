"""What the report of a comparison says."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from muster.charts.chart import Chart
from muster.charts.words import NOTHING, count, number
from muster.evaluation.document import Document
from muster.evaluation.tables import Table, bound_text, interval_text, signed_text, value_text
from muster.evaluation.telling import metrics_of_outputs, metrics_with_intervals
from muster.evaluation.verdict import SAID, outcome

if TYPE_CHECKING:
    from muster.evaluation.comparison import Comparison, Contest

__all__ = ["document"]

_MOST_PARTS, _MOST_SETTINGS, _MOST_CURVES = 50, 80, 24


def document(found: Comparison) -> Document:
    """The verdicts, the figures, then the charts, and then the differences of metrics, of parts, and of what was evaluated."""
    return Document(
        f"Comparison with {found.names[0]}",
        tuple(_facts(found)),
        (_evaluations(found), _metrics(found), *_charts(found), *_rest(found), *_agreement(found)),
        max(e.record.created_at for e in found.evaluations),
    )


def _agreement(found: Comparison) -> Iterator[Table | Chart]:
    """Where it was asked for."""
    for one in found.agreement:
        first, *rest = one.tables
        yield first
        yield from one.charts.values()
        yield from rest


def _facts(found: Comparison) -> Iterator[tuple[str, str]]:
    reference = found.reference.record
    yield "Reference", f"{found.names[0]}: differences are less its figures"
    for contest in found.contests:
        yield "Verdict", contest.verdict.text
        if not contest.paired:
            yield "Other rows", f"{contest.names[1]}: {contest.reason}"
    yield "Target", f"{reference.target} ({reference.task})"
    champions = [n for n, e in zip(found.names, found.evaluations, strict=True) if e.subject.champion]
    if champions:
        yield "Champion", ", ".join(champions)
    if left := len(_of_classes(found)) - len(_shown(found)):
        yield "Charts", f"those of the classes with the most rows; {left} more are in `charts`"


def _evaluations(found: Comparison) -> Table:
    """With the columns in which one has something to tell."""
    rows = []
    for name, one in zip(found.names, found.evaluations, strict=True):
        record, effort = one.record, one.subject.effort
        calls = effort.asked.get("tries")
        rows.append(
            {
                "": name,
                "champion": "champion" if one.subject.champion else "",
                "data": record.data,
                "rows": count(record.counted),
                "threshold": "" if record.threshold is None else f"{record.threshold:.6g}",
                "seconds of predicting": "" if effort.seconds is None else number(effort.seconds, 2),
                "rows/s": "" if effort.rate is None else number(effort.rate, 0),
                "calls": "" if calls is None else count(calls),
                "cost at most": "" if effort.cost is None else number(effort.cost, 2),
                "evaluation": record.id,
                "note": effort.reason,
            }
        )
    columns = [c for c in rows[0] if any(row[c] for row in rows)]
    words = {"", "champion", "data", "evaluation", "note"}
    told = "The first is the reference."
    if "rows/s" in columns:
        told += " Predicting includes the start of the model."
    table = Table("Evaluations", told, columns, left=[n for n, c in enumerate(columns) if c in words])
    for row in rows:
        table.add(*(row[c] or ("" if c in words else NOTHING) for c in columns))
    return table


def _metrics(found: Comparison) -> Table:
    table = Table("Metrics", "Of each evaluation.", ("metric", *found.names))
    for name in found.metrics:
        table.add(name, *(value_text(e.metrics[name]) for e in found.evaluations))
    return table


def _charts(found: Comparison) -> Iterator[Chart]:
    """Those of classes as far as there is room: of the classes with the most rows."""
    shown = _shown(found)
    of_classes = _of_classes(found)
    yield from (found.charts[name] for name in found.charts if name not in of_classes or name in shown)


def _of_classes(found: Comparison) -> list[str]:
    """Charts of one class of several."""
    return [name for name in found.charts if ":" in name and not name.startswith("segments:")]


def _shown(found: Comparison) -> list[str]:
    counts = found.reference.confusion
    if counts is None:
        return []
    names = dict.fromkeys(name.partition(":")[2] for name in _of_classes(found))
    most = sorted(zip(names, (sum(row) for row in counts), strict=False), key=lambda one: -one[1])
    few = {name for name, _ in most[: max(1, _MOST_CURVES // (4 * len(found.evaluations)))]}
    return [name for name in _of_classes(found) if name.partition(":")[2] in few]


def _rest(found: Comparison) -> Iterator[Table]:
    for contest in found.contests:
        yield _differences(contest)
        if contest.outputs:
            yield _outputs(contest)
    if found.settings:
        yield _settings(found)
    for contest in found.contests:
        for segment in contest.segments:
            yield _parts(contest, segment)
    left_out = [(c, what, why) for c in found.contests for what, why in c.left_out.items()]
    if left_out:
        table = Table(
            "Left out", "What only one of the two has is not compared.", ("what", "compared", "why"), left=(0, 1, 2)
        )
        for contest, what, why in left_out:
            table.add(what, f"{contest.names[1]} with {contest.names[0]}", why)
        yield table


def _differences(contest: Contest) -> Table:
    rows = "the same rows, with paired intervals" if contest.paired else f"other rows: {contest.reason}"
    table = Table(
        f"{contest.names[1]} less {contest.names[0]}",
        f"Of {rows}.",
        ("metric", "better is", "difference", "95 % interval", "so", "note"),
        left=(0, 1, 4, 5),
    )
    for name, less in contest.differences.items():
        exact = bound_text(less)
        metric = contest.metric(name)
        note = "; ".join(filter(None, (exact, less.reason)))
        table.add(name, metric.better, signed_text(less), interval_text(less), SAID[outcome(less, metric)], note)
    return table


def _outputs(contest: Contest) -> Table:
    """Of each label, or each target."""
    label = contest.reference.record.task == "multilabel"
    what = "label" if label else "target"
    main = metrics_of_outputs({m for of in contest.outputs.values() for m in of}, label=label)
    table = Table(
        f"By {what}: {contest.names[1]} less {contest.names[0]}",
        f"Each {what} by itself.",
        (what, *(c for m in main for c in (m, "95 % interval"))),
    )
    for name, less in contest.outputs.items():
        cells: list[str] = []
        for metric in main:
            cells += [signed_text(less[metric]), interval_text(less[metric])] if metric in less else ["", ""]
        table.add(name, *cells)
    return table


def _settings(found: Comparison) -> Table:
    shown = found.settings[:_MOST_SETTINGS]
    words = "All else is alike."
    if len(shown) < len(found.settings):
        words = f"The first {len(shown)} of {len(found.settings)}."
    table = Table("What differs", words, ("", *found.names), left=range(len(found.names) + 1))
    for one in shown:
        table.add(one.what, *one.told)
    return table


def _parts(contest: Contest, segment: str) -> Table:
    parts, reference = contest.segments[segment], contest.reference.segments[segment]
    shown: Sequence[str] = [*parts][:_MOST_PARTS]
    main = metrics_with_intervals(parts)[:2]
    words = "Intervals are as if of other rows: parts keep no folds. Parts of fewer than 30 rows are grey."
    if len(parts) > len(shown):
        words += f" The first {len(shown)} of {len(parts)}."
    table = Table(
        f"By {segment}: {contest.names[1]} less {contest.names[0]}",
        words,
        (segment, "rows", *(c for m in main for c in (m, "95 % interval", "so"))),
        left=(0, *(4 + 3 * n for n in range(len(main)))),
    )
    for value in shown:
        cells: list[str] = []
        for name in main:
            less = parts[value][name]
            cells += [signed_text(less), interval_text(less), SAID[outcome(less, contest.metric(name))]]
        table.add(value, count(contest.rows_of_part(segment, value)), *cells, quiet=reference.small(value))
    return table
