"""The look of every chart, light and dark, as a Vega-Lite config.

Charts name styles (`reference`, `band`, `direct`, …) and never colours, so that one chart is drawn on either ground by its config alone.
"""

from __future__ import annotations

from dataclasses import dataclass

from muster.signature import Json

__all__ = ["CATEGORIES", "DARK", "FONT", "LIGHT", "Tokens", "config"]


@dataclass(frozen=True, slots=True)
class Tokens:
    """Colours by what they are for."""

    ground: str
    surface: str
    border: str
    text: str
    quiet: str
    accent: str
    ok: str
    warn: str
    fail: str
    unknown: str
    ramp: tuple[str, ...]
    """From nothing to all: cells that have text, which is legible on each."""
    heat: tuple[str, ...]
    """The same for cells without text."""


LIGHT = Tokens(
    ground="#fbfbfa",
    surface="#ffffff",
    border="#e2e5e9",
    text="#1b1f24",
    quiet="#59636e",
    accent="#0b6b74",
    ok="#1a7f4b",
    warn="#9a6200",
    fail="#b42318",
    unknown="#6b7580",
    ramp=("#f4f8fb", "#d3e8f6", "#a5d3f1", "#56b4e9"),
    heat=("#f4f8fb", "#a5d3f1", "#3d9bd6", "#0072b2", "#00385c"),
)
DARK = Tokens(
    ground="#101317",
    surface="#171b21",
    border="#2b323b",
    text="#e6e9ec",
    quiet="#9ba6b1",
    accent="#5cc8cf",
    ok="#4cc38a",
    warn="#e2b340",
    fail="#f97066",
    unknown="#8b95a1",
    ramp=("#1c232b", "#18384e", "#114e76", "#00659f"),
    heat=("#1c232b", "#114e76", "#0072b2", "#56b4e9", "#c5e6fa"),
)

CATEGORIES = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00")
"""Told apart by the colour-blind too (Okabe and Ito 2008), in this order."""

FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', 'Liberation Sans', Arial, sans-serif"


def config(*, dark: bool = False) -> dict[str, Json]:
    """What a chart is drawn with."""
    tokens = DARK if dark else LIGHT
    return {
        "background": tokens.surface,
        "font": FONT,
        "padding": 12,
        "view": {"stroke": None},
        "axis": _axis(tokens),
        "axisBand": {"grid": False},
        "legend": {
            "orient": "top",
            "direction": "horizontal",
            "title": None,
            "labelColor": tokens.text,
            "titleColor": tokens.text,
            "titleFontWeight": "normal",
            "titleFontSize": 12,
            "labelFontSize": 12,
            "symbolType": "stroke",
            "symbolStrokeWidth": 3,
            "offset": 8,
        },
        "header": {"labelColor": tokens.text, "titleColor": tokens.quiet, "labelFontSize": 12, "titleFontSize": 12},
        "title": {
            "anchor": "start",
            "frame": "bounds",
            "color": tokens.text,
            "fontSize": 16,
            "fontWeight": 600,
            "subtitleColor": tokens.quiet,
            "subtitleFontSize": 12,
            "subtitlePadding": 6,
            "offset": 16,
        },
        "text": {"color": tokens.text, "fontSize": 12},
        "line": {"strokeWidth": 2, "strokeCap": "round", "strokeJoin": "round"},
        "point": {"filled": True, "size": 50, "opacity": 1},
        "rule": {"color": tokens.quiet},
        "range": {"category": list(CATEGORIES), "heatmap": list(tokens.heat), "ramp": list(tokens.ramp)},
        "style": _styles(tokens),
    }


def _axis(tokens: Tokens) -> dict[str, Json]:
    return {
        "domainColor": tokens.quiet,
        "domainOpacity": 0.6,
        "ticks": False,
        "grid": True,
        "gridColor": tokens.border,
        "gridOpacity": 0.7,
        "tickCount": 5,
        "labelColor": tokens.quiet,
        "labelFontSize": 12,
        "labelPadding": 6,
        "labelFlush": False,
        "titleColor": tokens.text,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
        "titlePadding": 10,
    }


def _styles(tokens: Tokens) -> dict[str, Json]:
    champion, challenger, third, fourth = CATEGORIES[:4]
    return {
        "champion": {"color": champion},
        "challenger": {"color": challenger},
        "third": {"color": third},
        "fourth": {"color": fourth},
        "reference": {"color": tokens.quiet, "strokeWidth": 1.5},
        "chance": {"color": tokens.quiet, "strokeWidth": 1.5, "strokeDash": [4, 4]},
        "estimated": {"strokeDash": [6, 4]},
        "band": {
            "fillOpacity": 0.15 if tokens is LIGHT else 0.35,
            "strokeOpacity": 0,
        },  # on dark ground 15 % of a blue is not seen
        "bar": {"cornerRadiusEnd": 2},
        "interval": {"strokeWidth": 1.5, "color": tokens.text},
        "threshold": {"color": tokens.text, "strokeWidth": 1.5},
        "mark": {"color": tokens.text, "size": 70},
        "halo": {"stroke": tokens.surface, "strokeWidth": 4, "strokeJoin": "round", "color": tokens.surface},
        "direct": {"color": tokens.text},
        "quiet": {"color": tokens.quiet},
        "note": {"color": tokens.quiet, "align": "left", "baseline": "top", "fontSize": 12, "lineHeight": 17},
    }
