"""The main figures of each part of the rows, beside those of all rows."""

from __future__ import annotations

from muster.charts.chart import Chart, Row
from muster.charts.dots import Panel, dots, panel_title
from muster.charts.words import LOOSE, count, counted, figure, sentence_list
from muster.metrics.figure import Figure
from muster.metrics.groups import LEAST_OF_A_GROUP
from muster.metrics.parts import PartTable

__all__ = ["segment_chart"]

_MOST = 30
_SHARES = ("accuracy", "precision", "recall")


def segment_chart(found: PartTable) -> Chart:
    """At most 30 parts; of more, the first, as the table has them."""
    shown = range(min(len(found.parts), _MOST))
    names = [name for name in found.figures if any(f.value is not None for f in found.figures[name])]
    panels = [
        Panel(
            panel_title(name),
            [found.figures[name][n] for n in shown],
            found.whole[name].value,
            share=name in _SHARES,
            zero=name in ("mae", "rmse"),
        )
        for name in names
    ]
    lines, quiet = [found.parts[n] for n in shown], [found.small[n] for n in shown]
    table: list[Row] = [
        {
            found.name: part,
            "rows": found.sizes[n],
            **{panel_title(name): figure(found.figures[name][n]) for name in found.figures},
        }
        for n, part in enumerate(found.parts)
    ]
    note = counted(found)
    if len(found.parts) > _MOST:
        note += f"; {len(found.parts) - _MOST} parts more are in the table only"
    return Chart(
        dots(lines, quiet, panels, found.name),
        name=f"segment:{found.name}",
        heading=f"By {found.name}",
        reading=_reading(found),
        note=note,
        table=table,
    )


def _reading(found: PartTable) -> str:
    """Which part is furthest from the whole in the first figure, of those large enough to say something."""
    told = [name for name in found.figures if any(f.value is not None for f in found.figures[name])]
    if not told:
        return "No part has a figure."
    sure = [name for name in told if all(_sure(f) for f in (*found.figures[name], found.whole[name]))]
    if not sure:
        return "How the parts differ is not known, as too many values share a cell."
    name = sure[0]
    known = {
        part: f for part, f, small in zip(found.parts, found.figures[name], found.small, strict=True)
        if f.value is not None and not small
    }  # fmt: skip
    if not known:
        return f"Every part has fewer than {LEAST_OF_A_GROUP} rows, which say little."
    low, high = (end(known, key=lambda part: _value(known[part])) for end in (min, max))
    first = f"{panel_title(name)} is {figure(known[low])} where {found.name} is {low}"
    reading = first if low == high else f"{first}, and {figure(known[high])} where it is {high}"
    reading += f"; of all rows {figure(found.whole[name])}"
    apart = [part for part, f in known.items() if _apart(f, found.whole[name])]
    if apart:
        shown = sentence_list([*apart[:3], *([f"{len(apart) - 3} more"] if len(apart) > 3 else [])])
        reading += f". The intervals of {shown} do not hold the figure of all rows"
    few = sum(found.small)
    parts = "part" if few == 1 else "parts"
    grey = f" Grey: {count(few)} {parts} of fewer than {LEAST_OF_A_GROUP} rows." if few else ""
    if name != told[0]:
        reading += f". Of {panel_title(told[0])} it is not known how the parts differ, as too many values share a cell"
    return f"{reading}.{grey}"


def _sure(found: Figure) -> bool:
    """Whether it is the rows that say what it is, and not the cells that they share."""
    return found.value is None or found.low is not None or not found.loose or found.bound <= LOOSE * abs(found.value)


def _value(found: Figure) -> float:
    assert found.value is not None
    return found.value


def _apart(part: Figure, whole: Figure) -> bool:
    if part.low is None or part.high is None or whole.value is None:
        return False
    return not part.low <= whole.value <= part.high
