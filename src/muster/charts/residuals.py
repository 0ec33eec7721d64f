"""How errors are spread, drawn: prediction less actual value, as a histogram and along the predictions."""

from __future__ import annotations

import numpy as np

from muster.charts.chart import Chart
from muster.charts.parts import Spec, axis, counts, form, hover, labelled, layered, rows
from muster.charts.words import percent, rows_and_bound, rows_spread, short
from muster.metrics.error_pairs import IN_SQUARES
from muster.metrics.residuals import Band, Histogram, Quantile
from muster.profiles.keys import Floats

__all__ = ["NO_PAIRS", "along_chart", "errors_chart", "nothing"]


NO_PAIRS = "pairs of numbers are not kept for these rows"


def errors_chart(
    found: Histogram | None, quantiles: tuple[Quantile, ...], *, count: int, spread: tuple[float, float]
) -> Chart:
    """`spread` is the mean and the standard deviation of errors, for the normal curve beside the bars; NaN draws none."""
    if found is None:
        return nothing("errors", "Errors", count, "the errors are too large, or weigh nothing")
    lower, upper = found.edges[:-1], found.edges[1:]
    bars = rows(lower=lower, upper=upper, mass=found.mass)
    within = float(found.edges[0]), float(found.edges[-1])
    title = "Error: prediction less actual value"
    x, binned = axis("at", title, within=within), axis("lower", title, within=within, bin="binned")
    y = counts("mass", "Rows")
    zero: Spec = {"values": [{"at": 0}] if within[0] <= 0 <= within[1] else []}
    curve = _normal(found, *spread)
    beside = [point for point in curve if point["at"] >= spread[0] + 1.3 * spread[1]][:1]
    spec = layered(
        {"bars": bars, "normal": curve},
        {
            "data": {"name": "bars"},
            "mark": {"type": "bar", "style": ["champion"], "binSpacing": 0.5},
            "encoding": {"x": binned, "x2": {"field": "upper"}, "y": {**y, "stack": None}},
        },
        {
            "data": {"name": "normal"},
            "mark": {"type": "line", "style": ["reference"]},
            "encoding": {"x": x, "y": y},
        },
        *(
            labelled(
                {"values": [{**beside[0], "text": "normal distribution"}]},
                {"x": x, "y": y, "text": {"field": "text"}},
                style="quiet",
                align="left",
                dx=8,
                dy=-6,
            )
            if beside
            else []
        ),
        {"data": zero, "mark": {"type": "rule", "style": ["threshold"]}, "encoding": {"x": x}},
        hover(
            "bars",
            {"x": binned, "x2": {"field": "upper"}, "y": {**y, "stack": None}},
            {"lower": ("from", ".4~g"), "upper": ("to", ".4~g"), "mass": ("rows", ",.1~f")},
            {"type": "bar", "opacity": 0},
        ),
        height=260,
    )
    at = {round(q.part, 3): q.value for q in quantiles}
    reading = (
        f"Half of the errors lie between {short(at[0.25], at[0.75])} and {short(at[0.75], at[0.25])}, nine in ten between "
        f"{short(at[0.05], at[0.95])} and {short(at[0.95], at[0.05])}; their median is {short(at[0.5], at[0.25], at[0.75])}."
        if {0.05, 0.25, 0.5, 0.75, 0.95} <= set(at)
        else "There is no error to tell of."
    )
    beyond = found.under + found.over
    note = rows_and_bound(count, found.bound, "rows of a bar")
    if beyond > 0:
        note += f"; {percent(beyond / (beyond + float(found.mass.sum())))} lie beyond what is drawn"
    table = [{"from": row["lower"], "to": row["upper"], "rows": row["mass"]} for row in bars]
    return Chart(spec, name="errors", heading="Errors", reading=reading, note=note, table=table)


def _normal(found: Histogram, mean: float, deviation: float) -> list[Spec]:
    """Rows that each bar would have if errors were normal with the same mean and deviation."""
    if not (np.isfinite([mean, deviation]).all() and deviation > 0):
        return []
    at = np.linspace(found.edges[0], found.edges[-1], 101)
    total = float(found.mass.sum()) + found.under + found.over
    width = float(np.diff(found.edges).mean())
    density = np.exp(-(((at - mean) / deviation) ** 2) / 2) / (deviation * np.sqrt(2 * np.pi))
    return rows(at=at, mass=total * width * density)


_NAMES = {"p5": "5 %", "p25": "25 %", "p50": "median", "p75": "75 %", "p95": "95 %"}


def along_chart(found: tuple[Band, ...], *, count: int, target: str, exact: bool = True) -> Chart:
    """Quantiles of the errors along the predictions; of 5, 25, 50, 75 and 95 %."""
    if not found:
        why = NO_PAIRS if exact else IN_SQUARES
        return nothing("errors_along", "Errors along the predictions", count, why)
    errors = np.array([band.errors for band in found], np.float64)
    low, high = (np.array([getattr(band, side) for band in found], np.float64) for side in ("low", "high"))
    bands = rows(
        low=low,
        high=high,
        middle=(low + high) / 2,
        rows=[band.rows for band in found],
        **{name: errors[:, n] for n, name in enumerate(_NAMES)},
    )
    x = axis("middle", f"Predicted {target}")
    y = axis("p50", "Error: prediction less actual value")
    zero: Spec = {"values": [{"p50": 0}]}
    end = bands[-1]
    labels = [{"middle": end["middle"], "p50": end[name], "text": text} for name, text in _NAMES.items()]
    ends = form(low)
    tips = {"low": ("predicted from", ends), "high": ("to", ends), "rows": ("rows", ",.0f")}
    tips |= {name: (title, ".4~g") for name, title in _NAMES.items()}
    spec = layered(
        {"bands": bands, "labels": _apart(labels, errors)},
        {"data": zero, "mark": {"type": "rule", "style": ["chance"]}, "encoding": {"y": y}},
        *(
            {
                "data": {"name": "bands"},
                "mark": {"type": "area", "style": ["champion", "band"]},
                "encoding": {"x": x, "y": {**y, "field": under}, "y2": {"field": over}},
            }
            for under, over in (("p5", "p95"), ("p25", "p75"))
        ),
        {"data": {"name": "bands"}, "mark": {"type": "line", "style": ["champion"]}, "encoding": {"x": x, "y": y}},
        *labelled({"name": "labels"}, {"x": x, "y": y, "text": {"field": "text"}}, align="left", dx=6),
        hover("bands", {"x": x}, tips, {"type": "rule", "opacity": 0, "strokeWidth": 10}),
        height=280,
    )
    table = [
        {
            "predicted from": row["low"],
            "to": row["high"],
            "rows": row["rows"],
            **{title: row[name] for name, title in _NAMES.items()},
        }
        for row in bands
    ]
    return Chart(
        spec,
        name="errors_along",
        heading="Errors along the predictions",
        reading=_along(found),
        note=rows_and_bound(count) if exact else rows_spread(count),
        table=table,
    )


def _apart(labels: list[Spec], errors: Floats) -> list[Spec]:
    """Without those that would lie on one before them."""
    span = float(np.nanmax(errors) - np.nanmin(errors)) or 1.0
    kept: list[Spec] = []
    for label in sorted(labels, key=lambda one: one["text"] != "median"):
        if all(abs(label["p50"] - other["p50"]) > 0.055 * span for other in kept):
            kept.append(label)
    return kept


def _along(found: tuple[Band, ...]) -> str:
    """Of bins that have a hundredth of the rows at least: in few rows errors seem spread little, or much, by chance."""
    total = sum(band.rows for band in found)
    some = [band for band in found if band.rows >= total / 100]
    most, least = (choose(some, key=lambda band: band.errors[-1] - band.errors[0]) for choose in (max, min))
    told = [
        f"from {short(band.low, band.high)} to {short(band.high, band.low)} (nine in ten within {short(band.errors[-1] - band.errors[0])})"
        for band in (most, least)
    ]
    if most is least:
        return f"Errors of predictions {told[0]}."
    return f"Errors are spread most for predictions {told[0]}, least {told[1]}."


def nothing(name: str, heading: str, count: int, why: str) -> Chart:
    """A chart that says why it is empty."""
    spec = layered({"none": []}, {"data": {"name": "none"}, "mark": {"type": "point"}, "encoding": {}}, height=40)
    reading = f"There is nothing to draw: {why if count else 'there is no row'}."
    return Chart(spec, name=name, heading=heading, reading=reading, note=rows_and_bound(count), table=[])
