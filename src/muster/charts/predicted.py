"""Predicted and actual numbers, drawn: as a histogram in two directions, and by tenths of the predictions."""

from __future__ import annotations

import numpy as np

from muster.charts.chart import Chart, Row
from muster.charts.heat import heat, heat_table
from muster.charts.parts import Spec, axis, form, hover, labelled, layered, rows
from muster.charts.residuals import NO_PAIRS, nothing
from muster.charts.words import LOOSE, number, percent, rows_and_bound, rows_spread, short
from muster.metrics.residuals import Group, Heat

__all__ = ["predicted_chart", "tenths_chart", "tenths_error_chart", "tenths_lift_chart"]


_NO_MEANS = "the numbers are too large for means, or weigh nothing"


def predicted_chart(
    found: Heat | None, *, count: int, target: str, right: float | None = None, bound: float = 0.0
) -> Chart:
    """Never points of rows; `right` is R², for the sentence, and `bound` how many rows a cell may have more or less."""
    if found is None:
        return nothing("predicted", "Predicted and actual", count, NO_PAIRS)
    spec, cells = heat(found.edges, found.rows, (f"Predicted {target}", f"Actual {target}"), ("predicted", "actual"))
    total = float(found.rows.sum()) + found.outside
    near = sum(float(np.trace(found.rows, offset)) for offset in (-1, 0, 1))
    width = float(np.diff(found.edges).mean())
    told = "There is no row"
    if total:
        told = f"{percent(near / total)} of the predictions come within about {short(width)} of the actual value"
    if bound > LOOSE * total:
        told = "How near the predictions come is not known, as too many pairs share a square"
    reading = f"{told}; R² {number(right)}." if right is not None and np.isfinite(right) else f"{told}."
    table = heat_table(cells, ("predicted", "actual"))
    note = rows_and_bound(count, bound, "rows of a cell")
    if found.outside > 0:
        note += f"; {percent(found.outside / total)} lie outside of what is drawn"
    return Chart(spec, name="predicted", heading="Predicted and actual", reading=reading, note=note, table=table)


def tenths_chart(found: tuple[Group, ...], *, count: int, target: str, exact: bool = True) -> Chart:
    """The means of what was predicted and of what came of it, for each tenth of the predictions from the lowest up."""
    groups = _groups(found)
    known = [row for row in groups if row["predicted"] is not None and row["actual"] is not None]
    if not known:
        return nothing("tenths", "Tenths of the predictions", count, _NO_MEANS)
    x = _tenth("Tenth of the rows, from the lowest predictions")
    y = axis("predicted", f"Mean {target} in the tenth")
    last = known[-1]
    first, second = sorted(("predicted", "actual"), key=lambda name: float(last[name]), reverse=True)
    lines: list[Spec] = []
    for name, style in (("predicted", "reference"), ("actual", "champion")):
        own = {**y, "field": name}
        lines += [
            {"data": {"name": "tenths"}, "mark": {"type": "line", "style": [style]}, "encoding": {"x": x, "y": own}},
            {"data": {"name": "tenths"}, "mark": {"type": "point", "style": [style]}, "encoding": {"x": x, "y": own}},
        ]
    for name, dy in ((first, -8), (second, 8)):
        at: Spec = {"values": [{"tenth": last["tenth"], "at": last[name], "text": name}]}
        place: Spec = {"x": x, "y": {**y, "field": "at"}, "text": {"field": "text"}}
        lines += labelled(at, place, style="direct" if name == "actual" else "quiet", align="left", dx=10, dy=dy)
    means = form([row["predicted"] for row in known])
    tips = {"tenth": ("tenth", ""), "predicted": ("mean predicted", means), "actual": ("mean actual", means)}
    tips |= {"mass": ("rows", ",.1~f")}
    spec = layered({"tenths": groups}, *lines, hover("tenths", {"x": x}, tips, _STRIPE), height=260)
    off = max(known, key=lambda row: abs(float(row["predicted"]) - float(row["actual"])))
    side = "above" if float(off["predicted"]) > float(off["actual"]) else "below"
    one, other = float(off["predicted"]), float(off["actual"])
    told = f"on average {short(one, other)}, {side} the actual {short(other, one)}"
    reading = f"Predictions are furthest off in tenth {off['tenth']}: {told}."
    return Chart(
        spec, name="tenths", heading="Tenths of the predictions", reading=reading, note=_note(count, exact=exact),
        table=_table(groups),
    )  # fmt: skip


def tenths_error_chart(found: tuple[Group, ...], *, count: int, target: str, exact: bool = True) -> Chart:
    """The mean absolute error of each tenth, and its root mean squared error as a tick."""
    groups = _groups(found)
    known = [row for row in groups if row["mae"] is not None]
    if not known:
        return nothing("tenths_error", "Error by tenths", count, _NO_MEANS)
    top = max(float(value) for row in known for value in (row["mae"], row["rmse"]) if value is not None) or 1.0
    x, y = (
        _tenth("Tenth of the rows, from the lowest predictions"),
        axis("mae", f"Error of {target}", within=(0.0, top * 1.12)),
    )
    label: Spec = {
        "values": [
            {"tenth": row["tenth"], "mae": row["rmse"], "text": "RMSE"} for row in known[-1:] if row["rmse"] is not None
        ]
    }
    tips = {"tenth": ("tenth", ""), "mae": ("mean absolute error", ".4~g"), "rmse": ("root mean squared error", ".4~g")}
    spec = layered(
        {"tenths": groups},
        {
            "data": {"name": "tenths"},
            "mark": {"type": "bar", "style": ["bar", "champion"]},
            "encoding": {"x": x, "y": y},
        },
        {
            "data": {"name": "tenths"},
            "mark": {"type": "tick", "style": ["threshold"], "thickness": 2},
            "encoding": {"x": x, "y": {**y, "field": "rmse"}},
        },
        *labelled(label, {"x": x, "y": y, "text": {"field": "text"}}, dy=-9),
        hover("tenths", {"x": x}, tips, _STRIPE),
        height=260,
    )
    worst, best = (choose(known, key=lambda row: float(row["mae"])) for choose in (max, min))
    reading = (
        f"The mean absolute error goes from {short(float(best['mae']))} in tenth {best['tenth']} "
        f"to {short(float(worst['mae']))} in tenth {worst['tenth']}."
    )
    return Chart(
        spec, name="tenths_error", heading="Error by tenths", reading=reading,
        note=f"{_note(count, exact=exact)}; bars are mean absolute errors", table=_table(groups),
    )  # fmt: skip


def tenths_lift_chart(found: tuple[float | None, ...], *, count: int, target: str, exact: bool = True) -> Chart:
    """`found` is from the highest predictions down."""
    tenths = rows(tenth=[str(n) for n in range(1, len(found) + 1)], lift=list(found))
    known = [value for value in found if value is not None]
    if not known:
        return nothing("lift", "Lift", count, "the mean of all rows is not above 0")
    x = _tenth("Tenth of the rows, from the highest predictions")
    y = axis("lift", f"Lift: times the mean {target} of all rows", within=(min(0.0, *known), max(1.0, *known) * 1.08))
    one: Spec = {"values": [{"lift": 1.0}]}
    spec = layered(
        {"tenths": tenths},
        {
            "data": {"name": "tenths"},
            "mark": {"type": "bar", "style": ["bar", "champion"]},
            "encoding": {"x": x, "y": y},
        },
        {"data": one, "mark": {"type": "rule", "style": ["chance"]}, "encoding": {"y": y}},
        *labelled(
            one, {"x": {"value": "width"}, "y": y, "text": {"value": "all rows"}}, style="quiet", align="right", dy=-9
        ),
        hover("tenths", {"x": x}, {"tenth": ("tenth", ""), "lift": ("lift", ".2f")}, _STRIPE),
        height=260,
    )
    reading = f"The tenth with the highest predictions has {number(found[0], 2)} times the mean of all rows."
    return Chart(
        spec, name="lift", heading="Lift", reading=reading, note=_note(count, exact=exact),
        table=[{"tenth": row["tenth"], "lift": row["lift"]} for row in tenths],
    )  # fmt: skip


_STRIPE: Spec = {"type": "rule", "opacity": 0, "strokeWidth": 40}


def _tenth(title: str) -> Spec:
    return {"field": "tenth", "type": "ordinal", "sort": None, "axis": {"title": title, "labelAngle": 0}}


def _groups(found: tuple[Group, ...]) -> list[Spec]:
    columns = {name: [getattr(group, name) for group in found] for name in Group._fields}
    return rows(tenth=[str(n) for n in range(1, len(found) + 1)], **columns)


def _table(groups: list[Spec]) -> list[Row]:
    return [
        {
            "tenth": row["tenth"],
            "predicted from": row["low"],
            "to": row["high"],
            "rows": row["mass"],
            "mean predicted": row["predicted"],
            "mean actual": row["actual"],
            "mean absolute error": row["mae"],
            "root mean squared error": row["rmse"],
        }
        for row in groups
    ]


def _note(count: int, *, exact: bool) -> str:
    return rows_and_bound(count) if exact else rows_spread(count)
