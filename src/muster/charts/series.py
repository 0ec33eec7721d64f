"""What is compared in one chart: whose line is whose, how they share a view, and where there are too many for one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from muster.charts.parts import Spec, hover, labelled, rows
from muster.charts.words import count, rows_and_bound
from muster.metrics.screen import Screen
from muster.profiles.keys import Floats

__all__ = ["Series", "arranged", "counted_all", "grouped", "hovers", "key", "series_of", "told", "view_of"]

_MOST = 4
"""Lines that one view can bear."""
_OTHERS = ("challenger", "third", "fourth")
_LETTER, _SWATCH, _GAP = 6.4, 18, 18
_WIDE, _CLEAR = 300, 0.09
"""A view where names stand beside lines is this wide, and such a line is somewhere so far from all others, in parts of the height."""
_STATIONS = np.linspace(0.0, 1.0, 101)

Line = tuple[Floats, Floats]


@dataclass(frozen=True, slots=True)
class Series:
    """One of those that are compared: its data are named `key`, it is drawn in `style`, and called `name`."""

    key: str
    name: str
    style: str
    champion: bool = False

    @property
    def title(self) -> str:
        return f"{self.name}, champion" if self.champion else self.name


def series_of(names: Sequence[str], champions: Sequence[bool]) -> tuple[Series, ...]:
    """The first is the reference: grey, unless it is the champion, which is blue; the others follow from vermilion on."""
    found: list[Series] = []
    for n, (name, champion) in enumerate(zip(names, champions, strict=True)):
        taken = [one.style for one in found]
        if champion and "champion" not in taken:
            style = "champion"
        elif n == 0:
            style = "reference"
        else:
            style = _OTHERS[sum(t in _OTHERS for t in taken) % len(_OTHERS)]
        found.append(Series(f"s{n}", name, style, champion))
    return tuple(found)


def grouped(series: Sequence[Series]) -> list[tuple[Series, ...]]:
    """All together, or each with the reference where they are too many."""
    if len(series) <= _MOST:
        return [tuple(series)]
    first, *others = series
    return [(first, replace(s, style=s.style if s.style == "champion" else "challenger")) for s in others]


def arranged(
    datasets: Mapping[str, list[Spec]],
    views: Sequence[Callable[[int, int], Spec]],
    *,
    width: int,
    height: int,
    columns: int = 2,
) -> Spec:
    """One view as large as that; several beside and below each other, smaller."""
    if len(views) == 1:
        return {"datasets": dict(datasets), **views[0](width, height)}
    small = max(200, int(width / 2))
    drawn = [view(small, int(small * height / width)) for view in views]
    return {"datasets": dict(datasets), "concat": drawn, "columns": columns, "spacing": 28}


def view_of(layers: Sequence[Spec], width: int, height: int) -> Spec:
    """A view whose data stand with those of others."""
    return {"width": width, "height": height, "layer": list(layers)}


def hovers(group: Sequence[Series], encoding: Spec, tips: Mapping[str, tuple[str, str]]) -> list[Spec]:
    """What tells the figures of each line under the pointer."""
    return [hover(s.key, encoding, tips) for s in group]


def told(
    group: Sequence[Series], lines: Mapping[str, Line], x: Spec, y: Spec, width: int, *, diagonal: bool = False
) -> list[Spec]:
    """Whose line is whose: beside each line where there is room for its name, else above the view. Both axes go from 0 to 1;
    `diagonal`: there is a line from end to end beneath.
    """
    at = {s.title: _even(*lines[s.key]) for s in group} | ({"": _STATIONS} if diagonal else {})
    labels = [label for s in group for label in _label(s.title, at, width)]
    if width < _WIDE or len(labels) < len(group):
        return key(group)
    encoding = {"x": {**x, "field": "x"}, "y": {**y, "field": "y"}, "text": {"field": "text"}}
    return labelled({"values": labels}, encoding)


def key(group: Sequence[Series], mark: str = "rule") -> list[Spec]:
    """Names above a view, each behind a piece of its line."""
    layers: list[Spec] = []
    at = 0.0
    for one in group:
        end = at + _SWATCH
        swatch: Spec = {"x": {"value": at}, "x2": {"value": end}, "y": {"value": -12}}
        shape: Spec = {"type": "rule", "style": [one.style], "strokeWidth": 3}
        if mark == "point":
            shape, swatch = {"type": "point", "style": [one.style]}, {"x": {"value": end - 4}, "y": {"value": -12}}
        text: Spec = {"type": "text", "style": ["direct"], "align": "left", "baseline": "middle", "text": one.title}
        layers += [
            {"data": {"values": [{}]}, "mark": shape, "encoding": swatch},
            {"data": {"values": [{}]}, "mark": text, "encoding": {"x": {"value": end + 6}, "y": {"value": -12}}},
        ]
        at = end + 6 + _LETTER * len(one.title) + _GAP
    return layers


def counted_all(screens: Sequence[Screen], more: str = "") -> str:
    """What stands under a chart of several: their rows, and how far the figures of the worst can be off."""
    worst = max(screens, key=lambda s: s.bound)
    rows = sorted({s.rows for s in screens})
    note = rows_and_bound(rows[-1], worst.bound, worst.bounded)
    if len(rows) > 1:
        note += f"; the fewest are of {count(rows[0])} rows"
    return note + more


def _even(xs: Floats, ys: Floats) -> Floats:
    """At even places; of several values at one place the last."""
    some = np.isfinite(xs) & np.isfinite(ys)
    if not some.any():
        return np.full(len(_STATIONS), np.nan)
    order = np.argsort(xs[some], kind="stable")
    return np.interp(_STATIONS, xs[some][order], ys[some][order], left=np.nan, right=np.nan)


def _label(name: str, at: Mapping[str, Floats], width: int) -> list[Spec]:
    """Over its line, or under it at the top of the view, where it is furthest from all other lines and from the ends; none where that is
    nowhere far enough.
    """
    own, others = at[name], [line for other, line in at.items() if other != name]
    half = (_LETTER * len(name) / 2 + 4) / width
    height = np.where(own < 0.9, own + 0.035, own - 0.045)
    best, place = 0.0, 0
    for n in np.flatnonzero(np.isfinite(own) & (np.abs(_STATIONS - 0.5) <= 0.5 - half)):
        beneath = np.abs(_STATIONS - _STATIONS[n]) <= half
        room = min(float(np.nanmin(np.abs(line[beneath] - height[n]), initial=1.0)) for line in others)
        steep = float(np.nanmax(np.abs(own[beneath] - own[n])))
        if room - steep / 4 > best:
            best, place = room - steep / 4, int(n)
    if best < _CLEAR:
        return []
    return rows(x=[float(_STATIONS[place])], y=[float(height[place])], text=[name])
