"""Charts as files: SVG, PNG and PDF by Vega itself, without a browser; HTML by the page that a browser draws."""

from __future__ import annotations

from types import ModuleType
from typing import Any

from muster.charts.chart import Chart, without
from muster.charts.page import html
from muster.charts.parts import HOVER
from muster.charts.texts import drawable
from muster.errors import MissingExtra

__all__ = ["drawn", "html", "pdf", "png", "svg"]

VEGA_LITE = "6.4"


def svg(chart: Chart, *, dark: bool = False) -> str:
    return drawn(chart.themed(dark=dark))


def drawn(spec: dict[str, Any]) -> str:
    """A Vega-Lite dict as SVG, as it is, but without what only answers to a pointer."""
    return str(_vega().vegalite_to_svg(_still(spec), vl_version=VEGA_LITE))


def png(chart: Chart, *, dark: bool = False, scale: float = 2.0) -> bytes:
    """`scale` is in pixels of the file to one of the chart."""
    return bytes(_vega().vegalite_to_png(_still(chart.themed(dark=dark)), vl_version=VEGA_LITE, scale=scale))


def pdf(chart: Chart, *, dark: bool = False) -> bytes:
    return bytes(_vega().vegalite_to_pdf(_still(chart.themed(dark=dark)), vl_version=VEGA_LITE))


def _vega() -> ModuleType:
    try:
        import vl_convert
    except ImportError:
        raise MissingExtra.named("charts", "a chart as SVG, PNG or PDF") from None
    return vl_convert


def _still(spec: dict[str, Any]) -> dict[str, Any]:
    """Without what only answers to a pointer."""
    return without(drawable(spec), HOVER)
