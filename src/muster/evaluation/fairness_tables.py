"""What a report tells of groups that have to be treated alike."""

from __future__ import annotations

from collections.abc import Iterator

from muster.charts.fairness import fairness_reading
from muster.charts.words import count
from muster.evaluation.tables import INTERVAL, Table, interval_text, loose_text
from muster.evaluation.telling import rates_of_groups
from muster.metrics.fairness import Fairness

__all__ = ["fairness_tables"]

_MOST_GROUPS = 50


def fairness_tables(name: str, fairness: Fairness) -> Iterator[Table]:
    """The rates of the groups, then what is said of all together."""
    shown = [*fairness][:_MOST_GROUPS]
    told = rates_of_groups(next(iter(fairness.values()), {}))
    words = "Groups of fewer than 30 rows are grey: they decide nothing."
    if len(fairness) > len(shown):
        words += f" The first {len(shown)} of {len(fairness)}."
    rates = Table(f"Fairness by {name}", words, (name, "rows", *(c for n in told for c in (n, INTERVAL))))
    for group in shown:
        own = fairness[group]
        cells = (c for n in told for c in (loose_text(own[n]), interval_text(own[n])))
        rates.add(group, count(own.rows), *cells, quiet=own.small)
    yield rates
    of_class = ("class",) if fairness.worst else ()
    columns = ("measure", "value", INTERVAL, *of_class, "note")
    words = fairness_reading(fairness)
    measures = Table(f"Over the groups of {name}", words, columns, left=(0, *range(3, len(columns))))
    for measure, found in fairness.measures.items():
        label = [fairness.worst.get(measure, "")] if fairness.worst else []
        measures.add(measure, loose_text(found), interval_text(found), *label, found.reason)
    yield measures
