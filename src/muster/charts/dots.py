"""Small multiples in one row: figures of the same things beside each other, as dots with their intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from muster.charts.parts import Spec, axis, hover, rows
from muster.metrics.figure import Figure

__all__ = ["Panel", "dots", "panel_title"]

_WIDTH, _BETWEEN, _LINE = 560, 36, 22


@dataclass(frozen=True, slots=True)
class Panel:
    """One figure of each line; `whole` is drawn across all of them. `share` says that it is told in percent."""

    title: str
    figures: Sequence[Figure]
    whole: float | None = None
    beside: Sequence[float | None] = field(default=())
    """Of each line what it is compared with."""
    share: bool = False
    zero: bool = False


def dots(lines: Sequence[str], quiet: Sequence[bool], panels: Sequence[Panel], title: str | None = None) -> Spec:
    """Lines from above in the order given; those that are `quiet` are grey."""
    width = (_WIDTH - _BETWEEN * (len(panels) - 1)) // max(1, len(panels))
    height = max(1, len(lines)) * _LINE
    data = {f"panel{n}": _points(lines, quiet, panel) for n, panel in enumerate(panels)}
    views = []
    for n, panel in enumerate(panels):
        look: Spec = {"title": title, "labelLimit": 240} if n == 0 else {"title": None, "labels": False}
        y: Spec = {"field": "line", "type": "nominal", "scale": {"domain": list(lines)}, "axis": {**look, "grid": True}}
        views.append({"width": width, "height": height, "layer": _layers(f"panel{n}", panel, y)})
    return {"datasets": data, "hconcat": views, "spacing": _BETWEEN, "bounds": "flush"}


def panel_title(name: str) -> str:
    """`roc_auc` as it is written on an axis."""
    return {"roc_auc": "ROC AUC", "mae": "MAE", "rmse": "RMSE", "f1_macro": "F1, macro"}.get(
        name, name.replace("_", " ").capitalize()
    )


def _points(lines: Sequence[str], quiet: Sequence[bool], panel: Panel) -> list[Spec]:
    found = []
    beside = panel.beside or [None] * len(lines)
    for line, small, figure, other in zip(lines, quiet, panel.figures, beside, strict=True):
        if figure.value is None:
            continue
        low, high = (figure.value if end is None else end for end in (figure.low, figure.high))
        sure = figure.low is not None and figure.high is not None
        (row,) = rows(line=[line], value=[figure.value], low=[low], high=[high], beside=[other])
        found.append({**row, "quiet": small, "sure": sure})
    return found


def _layers(name: str, panel: Panel, y: Spec) -> list[Spec]:
    x = axis("value", panel.title, form="%" if panel.share else "~g")
    x["scale"]["zero"] = panel.zero
    x["axis"] |= {"tickCount": 3, "labelOverlap": "greedy", "labelSeparation": 10}
    data = {"name": name}
    layers: list[Spec] = []
    if panel.whole is not None:
        layers.append(
            {
                "data": {"values": rows(value=[panel.whole])},
                "mark": {"type": "rule", "style": ["reference"]},
                "encoding": {"x": x},
            }
        )
    if panel.beside:
        mark: Spec = {"type": "tick", "style": ["reference"], "thickness": 2.5, "bandSize": 12}
        layers.append({"data": data, "mark": mark, "encoding": {"x": {**x, "field": "beside"}, "y": y}})
    for style, wanted in (("quiet", "datum.quiet"), ("champion", "!datum.quiet")):
        kept = [{"filter": wanted}]
        ends: Spec = {"x": {**x, "field": "low"}, "x2": {"field": "high"}, "y": y}
        rule: Spec = {"type": "rule", "style": [style], "strokeWidth": 2}
        layers += [
            {"data": data, "transform": [{"filter": f"{wanted} && datum.sure"}], "mark": rule, "encoding": ends},
            {
                "data": data,
                "transform": kept,
                "mark": {"type": "point", "style": [style]},
                "encoding": {"x": x, "y": y},
            },
        ]
    form = ".1%" if panel.share else ",.4~g"
    tips = {"line": ("", ""), "value": (panel.title, form), "low": ("from", form), "high": ("to", form)}
    if panel.beside:
        tips["beside"] = ("elsewhere", form)
    told = hover(name, {"x": x, "y": y}, tips)
    return [*layers, {**told, "name": f"{told['name']}:{name}"}]  # views of one name would share their data
