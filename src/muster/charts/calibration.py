"""Calibration, drawn: what was observed against what was predicted, over the number of rows in each bin."""

from __future__ import annotations

import numpy as np

from muster.charts.chart import Chart
from muster.charts.parts import Spec, counts, halo, hover, layered, rows, shares
from muster.charts.words import counted, sentence_list, told
from muster.metrics.reliability import Reliability

__all__ = ["calibration_chart"]


def calibration_chart(found: Reliability, *, positive: str) -> Chart:
    bins = rows(
        lower=found.lower,
        upper=found.upper,
        mean=found.mean,
        observed=found.observed,
        low=found.low,
        high=found.high,
        size=found.size,
    )
    x, y = (
        shares("mean", f"Mean predicted probability of {positive}"),
        shares("observed", f"Observed share of {positive}"),
    )
    ends: Spec = {"values": [{"mean": 0, "observed": 0}, {"mean": 1, "observed": 1}]}
    tips = {
        "mean": ("predicted", ".1%"),
        "observed": ("observed", ".1%"),
        "low": ("from", ".1%"),
        "high": ("to", ".1%"),
        "size": ("rows", ",.0f"),
    }
    upper = layered(
        {},
        {"data": ends, "mark": {"type": "line", "style": ["chance"]}, "encoding": {"x": x, "y": y}},
        *halo("as predicted", 0.8, 0.8, (x, y), style="quiet", align="left", dx=8, dy=8),
        {"data": {"name": "bins"}, "mark": {"type": "line", "style": ["champion"]}, "encoding": {"x": x, "y": y}},
        {
            "data": {"name": "bins"},
            "mark": {"type": "rule", "style": ["interval", "champion"]},
            "encoding": {"x": x, "y": {**y, "field": "low"}, "y2": {"field": "high"}},
        },
        {"data": {"name": "bins"}, "mark": {"type": "point", "style": ["champion"]}, "encoding": {"x": x, "y": y}},
        hover("bins", {"x": x, "y": y}, tips),
        width=360,
        height=360,
    )
    edges = shares("lower", "Predicted probability: rows in each bin", bin="binned")
    lower = layered(
        {},
        {
            "data": {"name": "bins"},
            "mark": {"type": "bar", "style": ["reference"]},
            "encoding": {
                "x": edges,
                "x2": {"field": "upper"},
                "y": {**counts("size", "Rows"), "stack": None},
            },
        },
        width=360,
        height=70,
    )
    for part in (upper, lower):
        del part["datasets"]
    note = f"{counted(found)}; lines are 95 % intervals" if np.isfinite(found.low).any() else counted(found)
    kind = "equally wide bins" if found.by == "width" else "bins of about as many rows each"
    return Chart(
        {"datasets": {"bins": bins}, "vconcat": [upper, lower], "spacing": 16},
        name="calibration" if found.by == "width" else "calibration_by_rows",
        heading="Calibration" if found.by == "width" else "Calibration, bins of equal count",
        reading=_reading(found),
        note=f"{note}; {kind}",
        table=[
            {
                "from score": row["lower"],
                "to score": row["upper"],
                "rows": row["size"],
                "predicted": row["mean"],
                "observed": row["observed"],
                "from": row["low"],
                "to": row["high"],
            }
            for row in bins
        ],
    )


def _reading(found: Reliability) -> str:
    if not len(found.size):
        return "There is nothing to compare: no row has a score."
    apart = found.mean - found.observed
    gap = float((np.abs(apart) * found.size).sum() / found.size.sum())
    by = f"predicted and observed are {told(gap)} apart on average"
    if not found.whole:
        return f"Of the rows in bins, {by}."
    off = found.off()
    said = [f"too high {where}" for where in _stretches(found, off > 0)]
    said += [f"too low {where}" for where in _stretches(found, off < 0)]
    if not said:
        return f"The probabilities fit what is observed: {by}, which chance explains."
    return f"The probabilities are {sentence_list(said)}; {by}."


def _stretches(found: Reliability, which: np.typing.NDArray[np.bool_]) -> list[str]:
    """Where neighbouring bins are off in the same way, as words; the longest by rows if there are several."""
    padded = np.concatenate([[0], which.astype(int), [0]])
    starts, ends = np.flatnonzero(np.diff(padded) == 1), np.flatnonzero(np.diff(padded) == -1)
    if not len(starts):
        return []
    n = int(np.argmax([found.size[a:b].sum() for a, b in zip(starts, ends, strict=True)]))
    first, last = int(starts[n]), int(ends[n]) - 1
    if first == 0 and last == len(which) - 1:
        return ["everywhere"]
    if last == len(which) - 1:
        return [f"above {_edge(found, found.lower[first])}"]
    if first == 0:
        return [f"below {_edge(found, found.upper[last])}"]
    return [f"between {_edge(found, found.lower[first])} and {_edge(found, found.upper[last])}"]


def _edge(found: Reliability, edge: np.float64) -> str:
    """With digits that tell it from the edges beside it."""
    every = np.unique([*found.lower, *found.upper])
    place = int(np.searchsorted(every, edge))
    return told(float(edge), 2, [float(e) for e in every[max(place - 1, 0) : place + 2]])
