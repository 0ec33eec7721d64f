"""What charts are put together from."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from muster.profiles.keys import Floats

__all__ = ["HOVER", "Spec", "axis", "counts", "form", "halo", "hover", "labelled", "layered", "rows", "shares"]

Spec = dict[str, Any]
_SIX, _LAST = 6, 15
HOVER = "hover"
"""Names the layers that only answer to the pointer."""


def rows(**columns: Floats | Sequence[object]) -> list[Spec]:
    """Columns of one length as rows, each number to six digits of those that tell it from others; what is not finite is null."""
    most = [_SIX + _alike(values) for values in columns.values()]
    return [
        {name: _short(value, digits) for name, value, digits in zip(columns, values, most, strict=True)}
        for values in zip(*columns.values(), strict=True)
    ]


def form(values: Floats | Sequence[object]) -> str:
    """How numbers of a column are written beside the pointer: with four digits of those that tell them apart."""
    return f".{4 + _alike(values)}~g"


def _alike(values: Floats | Sequence[object]) -> int:
    """How many of their first digits numbers have in common, as years do."""
    known = [float(v) for v in values if isinstance(v, (float, np.floating)) and math.isfinite(v)]
    apart = max(known) / 2 - min(known) / 2 if known else 0.0
    if not apart > 0:
        return 0
    return min(max(math.floor(math.log10(max(map(abs, known)) / 2) - math.log10(apart)), 0), _LAST - _SIX)


def _short(value: object, digits: int) -> object:
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return float(f"{value:.{digits}g}") if math.isfinite(value) else None
    return value


def layered(data: Mapping[str, list[Spec]], *layers: Spec, width: int = 520, height: int = 300, **more: Any) -> Spec:
    """One chart of layers over named data."""
    return {"width": width, "height": height, "datasets": dict(data), "layer": list(layers), **more}


def axis(field: str, title: str, *, within: tuple[float, float] | None = None, form: str = "", **more: Any) -> Spec:
    """A quantitative axis; `within` fixes its ends, and without it the data does, from zero where `zero` is given."""
    scale: Spec = {"zero": False} if within is None else {"domain": list(within), "nice": False}
    look: Spec = {"title": title} | ({"format": form} if form else {})
    return {"field": field, "type": "quantitative", "scale": scale, "axis": look, **more}


def shares(field: str, title: str, **more: Any) -> Spec:
    """An axis from 0 to 100 %."""
    return axis(field, title, within=(0.0, 1.0), form="%", **more)


def counts(field: str, title: str, **scale: Any) -> Spec:
    """An axis of rows, from zero: 0, 5k, 10k."""
    look: Spec = {"title": title, "labelExpr": "format(datum.value, '~s')", "tickMinStep": 1}
    return {"field": field, "type": "quantitative", "scale": {"zero": True, **scale}, "axis": look}


def labelled(data: Spec, encoding: Spec, *, style: str = "direct", **mark: Any) -> list[Spec]:
    """Text that is legible on lines: once as an outline in the colour of the ground, then itself."""
    return [
        {"data": data, "mark": {"type": "text", "style": [kind], **mark}, "encoding": encoding}
        for kind in ("halo", style)
    ]


def halo(text: str, x: float, y: float, encoding: tuple[Spec, Spec], **mark: Any) -> list[Spec]:
    """The same for one text at one place on the scales of `encoding`."""
    at = {"values": [{"x": _short(x, _LAST), "y": _short(y, _LAST), "text": text}]}
    ex, why = ({**one, "field": name} for one, name in zip(encoding, ("x", "y"), strict=True))
    return labelled(at, {"x": ex, "y": why, "text": {"field": "text"}}, **mark)


def hover(data: str, encoding: Spec, fields: Mapping[str, tuple[str, str]], mark: Spec | None = None) -> Spec:
    """An invisible layer that tells the figures under the pointer: `fields` gives a title and a format for each."""
    tips = [
        {"field": field, "title": title, **({"type": "quantitative", "format": form} if form else {"type": "nominal"})}
        for field, (title, form) in fields.items()
    ]
    return {
        "name": HOVER,
        "data": {"name": data},
        "mark": mark or {"type": "point", "size": 120, "opacity": 0},
        "encoding": {**encoding, "tooltip": tips},
    }
