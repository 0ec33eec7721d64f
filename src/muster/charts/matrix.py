"""A table of shaded cells: what rows are by one class against what they are by another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from muster.charts.chart import BELOW
from muster.charts.parts import Spec, hover, layered

__all__ = ["TEXTS", "below", "matrix"]

TEXTS = 12
"""Up to so many classes, each cell says its number."""

_UPRIGHT = 6
"""Up to so many, names stand along the axis."""


def matrix(
    cells: list[Spec],
    names: Sequence[str],
    sides: tuple[tuple[str, str], tuple[str, str]],
    tips: Mapping[str, tuple[str, str]],
    *,
    labelled: bool,
    sorts: Mapping[str, object] | None = None,
) -> Spec:
    """Of cells shaded by their `value`, 0 to 1, with their `label` where `labelled`.

    `sides` are field and title of what goes down and of what goes across; `sorts` tell their order by field, else it is that of `names`.
    """
    (down, down_title), (across, across_title) = sides
    k = len(names)
    side = int(np.clip(460 / max(k, 1), 15, 96))
    order: Spec = {"scale": {"paddingInner": 0.04, "paddingOuter": 0}, "type": "nominal"}
    look: Spec = {"domain": False, "grid": False, "labelLimit": 140}
    x: Spec = {
        "field": across,
        **order,
        "sort": list(names) if sorts is None else sorts[across],
        "axis": {**look, "title": across_title, "labelAngle": 0 if k <= _UPRIGHT else -90},
    }
    y: Spec = {
        "field": down,
        **order,
        "sort": list(names) if sorts is None else sorts[down],
        "axis": {**look, "title": down_title},
    }
    texts: Spec = {
        "data": {"name": "cells"},
        "mark": {"type": "text", "style": ["direct"]},
        "encoding": {"x": x, "y": y, "text": {"field": "label"}},
    }
    return layered(
        {"cells": cells},
        {
            "data": {"name": "cells"},
            "mark": {"type": "rect"},
            "encoding": {
                "x": x,
                "y": y,
                "color": {
                    "field": "value",
                    "type": "quantitative",
                    "scale": {"domain": [0, 1], "range": "ramp" if labelled else "heatmap"},
                    "legend": None,
                },
            },
        },
        *([texts] if labelled else []),
        hover("cells", {"x": x, "y": y}, tips, {"type": "rect", "opacity": 0}),
        width=side * k,
        height=side * k,
    )


def below(names: Sequence[str]) -> int:
    """Pixels that the names take under it."""
    return BELOW if len(names) <= _UPRIGHT else 56 + 6 * min(24, max(len(name) for name in names))
