"""Lift, cumulative gain and tenths, drawn."""

from __future__ import annotations

import numpy as np

from muster.charts.chart import Chart, Row
from muster.charts.parts import Spec, axis, halo, hover, labelled, layered, rows, shares
from muster.charts.words import LOOSE, counted, number, percent, rows_and_bound
from muster.metrics.gains import Gains
from muster.profiles.keys import Floats

__all__ = ["gain_chart", "lift_chart", "tenths_chart"]

_CELLS = "Which rows stand at the top is not known, as too many scores share a cell."
_TOP = "Part of all rows, from the highest score down"


def gain_chart(found: Gains, *, positive: str) -> Chart:
    x, y = shares("part", _TOP), shares("captured", f"Captured: share of {positive} in the part")
    curve = rows(part=_with_zero(found.parts), captured=_with_zero(found.captured), best=_with_zero(found.best))
    ends: Spec = {"values": [{"part": 0, "captured": 0}, {"part": 1, "captured": 1}]}
    at = float(min(found.base, 1.0)) if np.isfinite(found.base) else 0.0
    spec = layered(
        {"curve": curve},
        {"data": ends, "mark": {"type": "line", "style": ["chance"]}, "encoding": {"x": x, "y": y}},
        *halo("chance", 0.8, 0.8, (x, y), style="quiet", align="left", dx=8, dy=8),
        {
            "data": {"name": "curve"},
            "mark": {"type": "line", "style": ["reference"]},
            "encoding": {"x": x, "y": {**y, "field": "best"}},
        },
        {"data": {"name": "curve"}, "mark": {"type": "line", "style": ["champion"]}, "encoding": {"x": x, "y": y}},
        *halo("best possible", at, 1.0, (x, y), style="quiet", align="left", dx=6, dy=10),
        hover("curve", {"x": x, "y": y}, {"part": ("part", ".0%"), "captured": ("captured", ".1%")}),
        width=360,
        height=360,
    )
    return Chart(
        spec,
        name="gain",
        heading="Cumulative gain",
        reading=_captured(found, positive) if found.bound <= LOOSE else _CELLS,
        note=counted(found),
        table=_table(found),
    )


def lift_chart(found: Gains, *, positive: str) -> Chart:
    top = float(np.nanmax(found.lift, initial=1.0)) * 1.08
    x, y = shares("part", _TOP), axis("lift", f"Lift: times the share of {positive} in all rows", within=(0.0, top))
    even: Spec = {"values": [{"part": 0, "lift": 1}, {"part": 1, "lift": 1}]}
    spec = layered(
        {"curve": rows(part=found.parts, lift=found.lift)},
        {"data": even, "mark": {"type": "line", "style": ["chance"]}, "encoding": {"x": x, "y": y}},
        *halo("chance", 0.0, 1.0, (x, y), style="quiet", align="left", dx=6, dy=10),
        {"data": {"name": "curve"}, "mark": {"type": "line", "style": ["champion"]}, "encoding": {"x": x, "y": y}},
        hover("curve", {"x": x, "y": y}, {"part": ("part", ".0%"), "lift": ("lift", ".2f")}),
        height=260,
    )
    reading = (
        f"The top 10 % of the rows have {number(float(found.lift[9]), 2)} times as much of {positive} as all rows."
        if np.isfinite(found.lift[9])
        else f"There is no lift: no row is {positive}."
    )
    return Chart(
        spec,
        name="lift",
        heading="Lift",
        reading=reading if found.bound <= LOOSE else _CELLS,
        note=rows_and_bound(found.rows, found.lift_bound, "lift"),
        table=_table(found),
    )


def tenths_chart(found: Gains, *, positive: str) -> Chart:
    columns: dict[str, Floats | list[str]] = {
        "tenth": [str(n) for n in range(1, 11)],
        "rate": found.rate,
        "low": found.rate_low,
        "high": found.rate_high,
        "size": found.size,
        "hits": found.hits,
        "down": found.down_to,
    }
    tenths = rows(**columns)
    top = float(np.nanmax([*found.rate, *found.rate_high, 0.0])) or 1.0
    x: Spec = {
        "field": "tenth",
        "type": "ordinal",
        "sort": None,
        "axis": {"title": "Tenth of the rows, from the highest scores", "labelAngle": 0},
    }
    y = axis("rate", f"Share of {positive} in the tenth", within=(0.0, min(1.0, top * 1.05)), form="%")
    base: Spec = {"values": [{"rate": found.base}]} if np.isfinite(found.base) else {"values": []}
    tips = {"tenth": ("tenth", ""), "size": ("rows", ",.0f"), "hits": (positive, ",.1f"), "rate": ("share", ".1%")}
    spec = layered(
        {"tenths": tenths},
        {"data": {"name": "tenths"}, "mark": {"type": "bar", "style": ["champion"]}, "encoding": {"x": x, "y": y}},
        {
            "data": {"name": "tenths"},
            "mark": {"type": "rule", "style": ["interval"]},
            "encoding": {"x": x, "y": {**y, "field": "low"}, "y2": {"field": "high"}},
        },
        {"data": base, "mark": {"type": "rule", "style": ["chance"]}, "encoding": {"y": y}},
        *labelled(
            base,
            {"x": {"value": "width"}, "y": y, "text": {"value": f"all rows {percent(found.base)}"}},
            style="quiet",
            align="right",
            dy=-9,
        ),
        hover("tenths", {"x": x}, tips, {"type": "rule", "opacity": 0, "strokeWidth": 40}),
        height=260,
    )
    whole = np.nan_to_num(found.rate)
    falls = bool((np.diff(whole) <= 1e-12).all())
    first, last = (percent(float(found.rate[n])) for n in (0, -1))
    reading = f"From the first tenth to the last, the share of {positive} goes from {first} to {last}"
    reading += ", and falls with each." if falls else ", and does not fall with each."
    if found.rate_bound > LOOSE:
        reading = _CELLS
    table: list[Row] = [
        {
            "tenth": row["tenth"],
            "rows": row["size"],
            positive: row["hits"],
            "share": row["rate"],
            "from": row["low"],
            "to": row["high"],
            "captured so far": so_far["captured"],
            "lift so far": so_far["lift"],
            "least score": row["down"],
        }
        for row, so_far in zip(tenths, rows(captured=found.captured[9::10], lift=found.lift[9::10]), strict=True)
    ]
    note = rows_and_bound(found.rows, found.rate_bound, "share")
    note += "; lines are 95 % intervals" if np.isfinite(found.rate_low).any() else ""
    return Chart(spec, name="tenths", heading="Tenths of the scores", reading=reading, note=note, table=table)


def _captured(found: Gains, positive: str) -> str:
    if not np.isfinite(found.captured[9]):
        return f"There is no gain: no row is {positive}."
    return (
        f"The top 10 % of the rows hold {percent(float(found.captured[9]))} of {positive}, "
        f"the top 30 % hold {percent(float(found.captured[29]))}."
    )


def _with_zero(values: Floats) -> Floats:
    return np.concatenate([[0.0], values])


def _table(found: Gains) -> list[Row]:
    """Every fifth part."""
    return [
        {"part": part, "captured": captured, "lift": lift}
        for part, captured, lift in (
            tuple(row.values()) for row in rows(p=found.parts, c=found.captured, l=found.lift)[4::5]
        )
    ]
