"""How groups that have to be treated alike are shown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from muster.cli.figures import interval, notes, value
from muster.cli.render import Column, Sheet
from muster.cli.text import plural
from muster.evaluation.telling import rates_of_groups

if TYPE_CHECKING:
    from muster.evaluation.result import Evaluation
    from muster.metrics.fairness import Fairness
    from muster.metrics.figure import Figure

__all__ = ["fairness_tables"]

_MOST_GROUPS = 20


def fairness_tables(sheet: Sheet, found: Evaluation) -> None:
    """Of each protected column the rates of its groups, and what they say together."""
    from muster.charts.fairness import fairness_reading

    for name, fairness in found.fairness.items():
        shown = [*fairness][:_MOST_GROUPS]
        sheet.table("fairness", shown, _groups(name, fairness))
        if len(fairness) > len(shown):
            sheet.fact("", f"and {plural(len(fairness) - len(shown), 'group')} more: `--json` has all")
        sheet.table("", [*fairness.measures.values()], _measures(name, fairness))
        sheet.fact("", fairness_reading(fairness))


def _groups(name: str, fairness: Fairness) -> Sequence[Column[str]]:
    told = rates_of_groups(next(iter(fairness.values()), {}))
    columns: list[Column[str]] = [Column(name, lambda g: g, "name"), Column("rows", lambda g: fairness[g].rows)]
    columns += [Column(n, lambda g, n=n: value(fairness[g][n])) for n in told]  # type: ignore[misc]  # bound here
    return [*columns, Column("note", lambda g: notes(fairness[g], told, small=fairness[g].small))]


def _measures(name: str, fairness: Fairness) -> Sequence[Column[Figure]]:
    of_class: list[Column[Figure]] = (
        [Column("class", lambda f: fairness.worst.get(f.name, ""))] if fairness.worst else []
    )
    return [
        Column(f"over {name}", lambda f: f.name, "name"),
        Column("value", value),
        Column("95 % interval", interval),
        *of_class,
        Column("note", lambda f: f.reason),
    ]
