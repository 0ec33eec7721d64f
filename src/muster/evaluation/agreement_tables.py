"""How two agree, as tables of a report."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from muster.charts.words import NOTHING, count, number, percent, short
from muster.evaluation.tables import Table
from muster.metrics.figure import Figure

if TYPE_CHECKING:
    from muster.evaluation.agreement import Agreement
    from muster.signature import Json

__all__ = ["agreement_tables", "agreement_text"]

_MOST_CLASSES, _MOST_MOVED, _MOST_COLUMNS = 20, 20, 6


def agreement_tables(found: Agreement) -> Iterator[Table]:
    """Figures, who is right of each class, quantiles of the shifts, and the rows on which the two are furthest apart."""
    yield _figures(found)
    if found.outcomes is not None and len(found.classes) <= _MOST_CLASSES:
        yield _outcomes(found)
    if found.quantiles:
        yield _quantiles(found)
    if found.moved:
        yield _moved(found)


def agreement_text(found: Agreement) -> str:
    """What is told of it in words: the rows, and whether one of the two is right more often by more than chance."""
    first, second = found.names
    told = f"{count(found.rows)} rows are predicted by both"
    told += "".join(f"; {count(rows)} {why}" for why, rows in found.left_out.items())
    test = found.test
    better = "is right alone" if found.outcomes is not None else "is nearer to the actual value"
    told += f". {first} {better} on {count(test.first)} rows, {second} on {count(test.second)}"
    if test.mid is None or test.exact is None:
        return f"{told}; no test tells whether by chance: {test.reason}."
    name = "McNemar's test" if found.outcomes is not None else "the sign test"
    return f"{told}: by {name} p is {number(test.mid)} (mid-p), {number(test.exact)} (exact)."


def _figures(found: Agreement) -> Table:
    first, second = found.names
    table = Table(
        f"Agreement of {first} and {second}",
        agreement_text(found),
        ("figure", "value", "95 % interval", "note"),
        left=(0, 3),
    )
    for name, figure in found.figures.items():
        table.add(name, short(figure.value), _interval(figure), figure.reason)
    return table


def _interval(figure: Figure) -> str:
    return "" if figure.low is None or figure.high is None else f"{short(figure.low)} to {short(figure.high)}"


def _outcomes(found: Agreement) -> Table:
    first, second = found.names
    table = Table(
        "Who is right",
        "Rows of each actual class by whose label is right.",
        ("actual class", "both", f"{first} alone", f"{second} alone", "neither"),
    )
    for label, rows in (found.outcomes or {}).items():
        table.add(label, *(count(n) for n in rows.values()))
    return table


def _quantiles(found: Agreement) -> Table:
    first, second = found.names
    words = f"What {second} says less what {first} says: so much or less, in this share of the rows."
    table = Table("Shifts", words, ("share of the rows", "shift", "95 % interval", "exact"))
    for q in found.quantiles:
        ends = q.interval
        told = "" if ends.low is None or ends.high is None else f"{short(ends.low)} to {short(ends.high)}"
        table.add(percent(q.part, 0), short(q.value), told, "exact" if q.bound == 0 else f"± {short(q.bound)}")
    return table


def _moved(found: Agreement) -> Table:
    first, second = found.names
    worst = found.moved[:_MOST_MOVED]
    shown = list(worst[0].values)[:_MOST_COLUMNS]
    scored = worst[0].first_score is not None
    classed = found.outcomes is not None
    heads = ["row", "shift"] if scored else ["row"]
    heads += ["actual", first, f"{second} "]
    heads += [f"score of {first}", f"score of {second}"] if scored and classed else []
    words = "The rows on which the two are furthest apart, by their number in their file."
    table = Table("Rows that moved most", words, (*heads, *shown), left=())
    for one in worst:
        cells = [count(one.row), short(one.move)] if scored else [count(one.row)]
        cells += [_plain(v) for v in (one.actual, one.first, one.second)]
        cells += [number(one.first_score), number(one.second_score)] if scored and classed else []
        table.add(*cells, *(_plain(one.values.get(name)) for name in shown))
    return table


def _plain(value: Json) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    return NOTHING if value is None else str(value)
