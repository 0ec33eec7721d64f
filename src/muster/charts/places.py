"""Where lines are labelled directly: each where it is furthest from the others and from labels that are there."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from muster.charts.parts import Spec, rows
from muster.profiles.keys import Floats

__all__ = ["places"]

_STATIONS = np.linspace(0.06, 0.94, 45)
_LABEL = (0.16, 0.07)
"""Width and height that a label takes, of those of the chart."""


def places(xs: Floats, lines: Mapping[str, Floats]) -> list[Spec]:
    """A place (`x`, `y`) on or just over each line, and its name as `text`; both axes go from 0 to 1."""
    order = np.argsort(xs, kind="stable")
    if not len(xs):
        return []
    at = {name: _interpolated(xs[order], values[order]) for name, values in lines.items()}
    taken: list[tuple[float, float]] = []
    found = []
    for name, own in at.items():
        others = [line for other, line in at.items() if other != name]
        room = [_room(n, own, others, taken) for n in range(len(_STATIONS))]
        best = int(np.argmax(room))
        if not np.isfinite(own[best]):
            continue
        place = float(_STATIONS[best]), float(_height(own[best]))
        taken.append(place)
        found.append((*place, name))
    return rows(x=[p[0] for p in found], y=[p[1] for p in found], text=[p[2] for p in found])


def _height(value: float) -> float:
    """Over the line, but under it at the top of the chart."""
    return value + 0.035 if value < 0.95 else value - 0.045


def _interpolated(xs: Floats, values: Floats) -> Floats:
    some = np.isfinite(values)
    if not some.any():
        return np.full(len(_STATIONS), np.nan)
    return np.interp(_STATIONS, xs[some], values[some], left=np.nan, right=np.nan)


def _room(n: int, own: Floats, others: list[Floats], taken: list[tuple[float, float]]) -> float:
    """How far the place is from the nearest other line beneath the label, and 0 where another label is."""
    if not np.isfinite(own[n]):
        return -1.0
    x, y = _STATIONS[n], float(_height(own[n]))
    if any(abs(x - a) < _LABEL[0] and abs(y - b) < _LABEL[1] for a, b in taken):
        return 0.0
    beneath = np.abs(_STATIONS - x) < _LABEL[0] / 2
    apart = [np.nanmin(np.abs(line[beneath] - y), initial=1.0) for line in others]
    level = float(np.nanmax(np.abs(own[beneath] - own[n]), initial=0.0))  # a steep line leaves its label
    return min([*apart, 0.25]) - level / 2
