"""What the report of an evaluation says. Its size does not depend on the number of rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from muster.charts.words import NOTHING, count, percent
from muster.errors import shortened
from muster.evaluation.cut_words import cut_words
from muster.evaluation.document import Document
from muster.evaluation.fairness_tables import fairness_tables
from muster.evaluation.shown import charts_shown, metrics_shown, prevalence, worst_first
from muster.evaluation.tables import (
    INTERVAL,
    Table,
    bound_text,
    effort_text,
    interval_text,
    loose_text,
    number_text,
    signed_text,
    value_text,
)  # fmt: skip
from muster.evaluation.telling import metrics_of_parts
from muster.evaluation.weak_tables import weak_table
from muster.metrics.figure import Figure
from muster.profiles.mistakes import Mistake

if TYPE_CHECKING:
    from muster.evaluation.result import Evaluation, Parts

__all__ = ["document"]

_MOST_PARTS, _MOST_MISTAKES, _MOST_COLUMNS, _MOST_OUTPUTS = 50, 20, 8, 4
_LONGEST = 60
"""Characters of a value in a table."""


def document(evaluation: Evaluation) -> Document:
    """The figures, then the charts, then the parts of the rows and the worst mistakes."""
    charts = [evaluation.charts[name] for name in charts_shown(evaluation)[0]]
    return Document(
        f"Evaluation of {evaluation.record.ref or 'scored data'}",
        tuple(_facts(evaluation)),
        (*_first_tables(evaluation), *charts, *_tables(evaluation)),
        evaluation.record.created_at,
    )


def _facts(evaluation: Evaluation) -> Iterator[tuple[str, str]]:
    record = evaluation.record
    yield "Data", record.data
    yield "Target", f"{record.target} ({evaluation.task})"
    yield "Rows", f"{count(record.counted)} measured of {count(record.rows)}"
    for reason, rows in evaluation.left_out.items():
        yield "Left out", f"{count(rows)} {reason}"
    if record.threshold is not None:
        yield "Threshold", f"{record.threshold:.6g}"
    yield from ((metric.name, metric.told) for metric in evaluation.profile.question.custom)
    yield from record.labels.items()
    if evaluation.subject.champion:
        yield "Champion", f"{record.ref} is the champion of its model now"
    if (work := effort_text(evaluation.subject.effort)) and not evaluation.profile.question.scored:
        yield "Predicting", work
    yield "Made", f"{record.created_at:%Y-%m-%d %H:%M} UTC by {record.created_by}"
    yield "Evaluation", record.id
    yield "Fingerprint of the data", record.fingerprint
    if record.version_digest is not None:
        yield "Digest of the version", record.version_digest


def _first_tables(evaluation: Evaluation) -> list[Table]:
    """Those before the charts."""
    return [_metrics(evaluation), *([_outputs(evaluation)] if evaluation.outputs else [])]


def _tables(evaluation: Evaluation) -> Iterator[Table]:
    for name, parts in evaluation.segments.items():
        yield _parts(name, parts, evaluation.record.rows)
        if evaluation.record.task == "regression" and evaluation.metrics["max_error"].value is not None:
            yield _sides(evaluation, name)
    for name, found in evaluation.fairness.items():
        yield from fairness_tables(name, found)
    if evaluation.profile.losses is not None:
        yield weak_table(evaluation.weak_segments)
    for kind, worst in evaluation.mistakes.kinds.items():
        if worst:
            yield _mistakes(*_WORST[kind], worst)
    for one in worst_first(evaluation)[:_MOST_OUTPUTS]:
        if one.mistakes:
            yield _mistakes(f"Worst mistakes in {one.name}", _WORST["mistakes"][1], one.mistakes)


def _metrics(evaluation: Evaluation) -> Table:
    words = "The dummy knows how the actual values are spread, and nothing else."
    champion = evaluation.vs_champion
    beside = ("less champion", INTERVAL) if champion is not None and champion.contest is not None else ()
    if champion is not None:
        words += f" The champion: {champion.words}."
    columns = ("metric", "value", INTERVAL, "dummy", *beside, "exact", "note")
    table = Table("Metrics", words, columns, left=(0, len(columns) - 1))
    for name, found in evaluation.metrics.items():
        less = champion.difference(name) if champion is not None and beside else None
        table.add(
            name,
            value_text(found),
            interval_text(found),
            number_text(evaluation.dummy.get(name)),
            *((signed_text(less), interval_text(less)) if less is not None else ()),
            bound_text(found),
            found.reason,
        )
    return table


def _parts(name: str, parts: Parts, rows: int) -> Table:
    shown = [*parts][:_MOST_PARTS]
    main = [*metrics_of_parts(parts[shown[0]]), *parts.own] if shown else []
    words = (
        f"Parts of fewer than 30 rows are grey: they say little. {cut_words(parts.segmenting, rows, count)}".rstrip()
    )
    if len(parts) > len(shown):
        words += f" The {len(shown)} largest of {len(parts)}."
    with_interval = {m for m in main if any(parts[v][m].low is not None for v in shown)}
    table = Table(
        f"By {name}", words, (name, "rows", *(c for m in main for c in (m, INTERVAL)[: 1 + (m in with_interval)]))
    )
    for value in shown:
        figures = parts[value]
        cells = (
            c for m in main for c in (loose_text(figures[m]), interval_text(figures[m]))[: 1 + (m in with_interval)]
        )
        table.add(value, count(parts.rows(value)), *cells, quiet=parts.small(value))
    return table


def _outputs(evaluation: Evaluation) -> Table:
    outputs, metrics = worst_first(evaluation), metrics_shown(evaluation)
    label = outputs[0].label
    table = Table(
        "Labels" if label else "Targets",
        charts_shown(evaluation)[1],
        (
            "label" if label else "target",
            *(["rows with it"] if label else []),
            *(c for m in metrics for c in (m, INTERVAL)),
        ),
    )
    for one in outputs:
        cells = [percent(prevalence(one))] if label else []
        for found in (one.metrics.get(m) for m in metrics):
            cells += ["", ""] if found is None else [loose_text(found), interval_text(found)]
        table.add(one.name, *cells)
    return table


def _sides(evaluation: Evaluation, name: str) -> Table:
    """Where the rows that are predicted too low and too high are."""
    whole, parts = evaluation.sides(), evaluation.sides_of(name)
    low, high = whole["too low"].rows, whole["too high"].rows
    words = f"Which part is predicted too low or too high by more than {whole.band:g}, and which part of such rows it makes."
    columns = (
        "rows",
        "of all",
        "too low",
        INTERVAL,
        "of all too low",
        "too high",
        INTERVAL,
        "of all too high",
    )
    table = Table(f"Too low and too high by {name}", words, (name, *columns))
    for value, found in [*parts.items()][:_MOST_PARTS]:
        cells = [count(found.rows), percent(found.rows / whole.rows)]
        for side, every in (("too low", low), ("too high", high)):
            share, rows = found[side].share, found[side].rows
            of = percent(rows / every) if every else NOTHING
            cells += [percent(share.value), _percents(share), of]
        table.add(value, *cells, quiet=evaluation.segments[name].small(value))
    return table


def _percents(found: Figure) -> str:
    return "" if found.low is None or found.high is None else f"{percent(found.low)} to {percent(found.high)}"


_WORST = {
    "false positives": ("Worst false positives", "Rows taken for the positive class, by how little their own was expected."),
    "false negatives": ("Worst false negatives", "Rows of the positive class that were not found, by how little it was expected."),
    "too high": ("Predicted too high", "The rows with the greatest errors upwards."),
    "too low": ("Predicted too low", "The rows with the greatest errors downwards."),
    "mistakes": ("Worst mistakes", "The rows that were predicted worst."),
}  # fmt: skip


def _mistakes(heading: str, words: str, found: Sequence[Mistake]) -> Table:
    worst = found[:_MOST_MISTAKES]
    first = worst[0]
    shown = list(first.values)[:_MOST_COLUMNS]
    rows = [
        (
            [str(one.file), count(one.row), _plain(one.actual), _plain(one.predicted), _off(one)],
            [one.values.get(c) for c in shown],
        )
        for one in worst
    ]
    files = any(one.file for one in found)
    numbers = isinstance(first.actual, float)
    more = f" {len(worst)} of {len(found)} that are kept." if len(found) > len(worst) else ""
    off = "error" if numbers else "probability of the actual class"
    columns = ("file", "row", "actual", "predicted", off)
    told = [n for n in range(5) if (n or files) and (n < 4 or numbers or first.score is not None)]
    left = {
        len(told) + n
        for n in range(len(shown))
        if not all(v is None or isinstance(v, (int, float)) for _, values in rows for v in values[n : n + 1])
    }
    table = Table(
        heading, words + more, [*(columns[n] for n in told), *shown],
        left=left | (set() if numbers else {told.index(2), told.index(3)}),
    )  # fmt: skip
    for fixed, values in rows:
        table.add(*(fixed[n] for n in told), *map(_plain, values))
    return table


def _off(one: Mistake) -> str:
    if isinstance(one.actual, float) and isinstance(one.predicted, float):
        return _plain(one.predicted - one.actual)
    return number_text(one.score)


def _plain(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, list):
        return ", ".join(map(_plain, value)) or NOTHING
    return NOTHING if value is None else shortened(str(value), _LONGEST)
