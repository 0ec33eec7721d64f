"""How it is shown how far two agree."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from muster.cli.figures import interval, number, value
from muster.cli.render import Column, Sheet
from muster.cli.text import count, scalar

if TYPE_CHECKING:
    from muster.evaluation.agreement import Agreement
    from muster.metrics.figure import Figure
    from muster.metrics.residuals import Quantile
    from muster.profiles.moved import Moved

__all__ = ["show_agreement"]

_MOST_CLASSES, _MOST_MOVED, _MOST_COLUMNS = 12, 10, 4


def show_agreement(sheet: Sheet, found: Agreement) -> None:
    """Figures, labels against each other, shifts, and the rows that moved most."""
    first, second = found.names
    sheet.fact("agreement", f"{second} with {first}, on {count(found.rows)} rows that both predict")
    sheet.fact("left out", *(f"{count(n)} {why}" for why, n in found.left_out.items()))
    for name, why in zip(found.names, found.reasons, strict=True):
        sheet.fact("", *(f"of {name}: {count(n)} {reason}" for reason, n in why.items()))
    sheet.table("figures", [*found.figures.values()], _FIGURES)
    _test(sheet, found)
    _labels(sheet, found)
    if found.quantiles:
        sheet.table("shift", found.quantiles, _QUANTILES)
    if found.moved:
        sheet.table("moved most", found.moved[:_MOST_MOVED], _moved(found))


_FIGURES: Sequence[Column[Figure]] = (
    Column("figure", lambda f: f.name, "name"),
    Column("value", value),
    Column("95 % interval", interval),
    Column("note", lambda f: f.reason),
)
_QUANTILES: Sequence[Column[Quantile]] = (
    Column("share", lambda q: f"{q.part:.0%}", "name"),
    Column("at most", lambda q: number(q.value)),
    Column("exact", lambda q: "exact" if q.bound == 0 else f"± {q.bound:.2g}"),
)


def _test(sheet: Sheet, found: Agreement) -> None:
    (first, second), test = found.names, found.test
    better = "right alone" if found.outcomes is not None else "nearer"
    told = f"{first} is {better} on {count(test.first)} rows, {second} on {count(test.second)}"
    if test.mid is None or test.exact is None:
        sheet.fact("test", f"{told}; {test.reason}")
        return
    name = "McNemar" if found.outcomes is not None else "sign test"
    sheet.fact("test", f"{told}: p {number(test.mid)} (mid-p), {number(test.exact)} (exact), {name}")


def _labels(sheet: Sheet, found: Agreement) -> None:
    counts, classes = found.labels, found.classes
    if counts is None or found.outcomes is None or len(classes) > _MOST_CLASSES:
        return
    first, second = found.names
    columns: list[Column[tuple[object, Sequence[float]]]] = [
        Column(f"{first} \\ {second}", lambda row: scalar(row[0]), "name")
    ]
    columns += [Column(scalar(label), lambda row, n=n: _rows(row[1][n])) for n, label in enumerate(classes)]  # type: ignore[misc]  # bound here
    sheet.table("labels", [*zip(classes, counts, strict=True)], columns)
    of = found.outcomes
    right: list[Column[str]] = [Column("actual", lambda label: label, "name")]
    heads = {
        "both": "both right",
        "only_first": f"only {first}",
        "only_second": f"only {second}",
        "neither": "both wrong",
    }
    right += [Column(head, lambda label, n=name: _rows(of[label][n])) for name, head in heads.items()]  # type: ignore[misc]  # bound here
    sheet.table("right", [*of], right)


def _rows(value: float) -> float:
    """Whole where rows are counted, and weights as they are."""
    return int(value) if float(value).is_integer() else value


def _moved(found: Agreement) -> Sequence[Column[Moved]]:
    first, second = found.names
    scored = found.moved[0].first_score is not None
    columns: list[Column[Moved]] = [Column("row", lambda m: m.row)]
    if scored:
        columns.append(Column("shift", lambda m: number(m.move)))
    columns += [
        Column("actual", lambda m: m.actual),
        Column(first, lambda m: m.first),
        Column(second, lambda m: m.second),
    ]
    if scored and found.outcomes is not None:
        columns += [
            Column(f"score of {first}", lambda m: m.first_score, "probability"),
            Column(f"score of {second}", lambda m: m.second_score, "probability"),
        ]
    shown = list(found.moved[0].values)[:_MOST_COLUMNS]
    columns += [Column(name, lambda m, n=name: m.values.get(n)) for name in shown]  # type: ignore[misc]  # bound here
    return columns
