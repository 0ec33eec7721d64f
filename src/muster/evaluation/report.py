"""What the report of an evaluation says. Its size does not depend on the number of rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from muster.charts.words import NOTHING, count, number, percent
from muster.evaluation.document import Document, Table
from muster.evaluation.fairness_tables import fairness_tables
from muster.evaluation.shown import charts_shown, metrics_shown, prevalence, worst_first
from muster.evaluation.tables import effort_text, interval_text, number_text, signed_text
from muster.evaluation.telling import metrics_of_parts
from muster.evaluation.weak_tables import weak_table

if TYPE_CHECKING:
    from muster.evaluation.result import Evaluation, Parts
    from muster.profiles.mistakes import Mistake

__all__ = ["document"]

_MOST_PARTS, _MOST_MISTAKES, _MOST_COLUMNS, _MOST_OUTPUTS = 50, 20, 8, 4


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
    yield "Target", f"{record.target} ({record.task})"
    yield "Rows", f"{count(record.counted)} measured of {count(record.rows)}"
    for reason, rows in evaluation.left_out.items():
        yield "Left out", f"{count(rows)} {reason}"
    if record.threshold is not None:
        yield "Threshold", number(record.threshold, 4)
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
        yield _parts(name, parts)
    for name, found in evaluation.fairness.items():
        yield from fairness_tables(name, found)
    if evaluation.profile.losses is not None:
        yield weak_table(evaluation.weak_segments)
    if evaluation.mistakes:
        yield _mistakes("Worst mistakes", evaluation.mistakes)
    for one in worst_first(evaluation)[:_MOST_OUTPUTS]:
        if one.mistakes:
            yield _mistakes(f"Worst mistakes in {one.name}", one.mistakes)


def _metrics(evaluation: Evaluation) -> Table:
    words = "The dummy knows how the actual values are spread, and nothing else."
    champion = evaluation.vs_champion
    beside = ("less champion", "95 % interval ") if champion is not None and champion.contest is not None else ()
    if champion is not None:
        words += f" The champion: {champion.words}."
    columns = ("metric", "value", "95 % interval", "dummy", *beside, "exact", "note")
    table = Table("Metrics", words, columns, left=(0, len(columns) - 1))
    for name, found in evaluation.metrics.items():
        exact = "" if found.value is None else "exact" if found.exact else f"± {found.bound:.2g}"
        less = champion.difference(name) if champion is not None and beside else None
        table.add(
            name,
            number_text(found.value),
            interval_text(found),
            number_text(evaluation.dummy.get(name)),
            *((signed_text(less.value), interval_text(less)) if less is not None else ()),
            exact,
            found.reason,
        )
    return table


def _parts(name: str, parts: Parts) -> Table:
    shown = [*parts][:_MOST_PARTS]
    main = [*metrics_of_parts(parts[shown[0]]), *parts.own] if shown else []
    words = "Parts of fewer than 30 rows are grey: they say little."
    if len(parts) > len(shown):
        words += f" The {len(shown)} largest of {len(parts)}."
    table = Table(f"By {name}", words, (name, "rows", *(c for m in main for c in (m, "95 % interval"))))
    for value in shown:
        figures = parts[value]
        cells = (c for m in main for c in (number_text(figures[m].value), interval_text(figures[m])))
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
            *(c for m in metrics for c in (m, "95 % interval")),
        ),
    )
    for one in outputs:
        cells = [percent(prevalence(one))] if label else []
        for found in (one.metrics.get(m) for m in metrics):
            cells += ["", ""] if found is None else [number_text(found.value), interval_text(found)]
        table.add(one.name, *cells)
    return table


def _mistakes(heading: str, mistakes: Sequence[Mistake]) -> Table:
    worst = mistakes[:_MOST_MISTAKES]
    shown = list(worst[0].values)[:_MOST_COLUMNS]
    scored = worst[0].score is not None
    table = Table(
        heading,
        "The rows that were predicted worst, by their number in their file.",
        ("row", "actual", "predicted", *(["probability of the actual class"] if scored else []), *shown),
        left=(),
    )
    for one in worst:
        score = [number_text(one.score)] if scored else []
        table.add(
            count(one.row),
            _plain(one.actual),
            _plain(one.predicted),
            *score,
            *(_plain(one.values.get(c)) for c in shown),
        )
    return table


def _plain(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, list):
        return ", ".join(map(_plain, value)) or NOTHING
    return NOTHING if value is None else str(value)
