"""Where work runs, one file each."""

from __future__ import annotations

from collections.abc import Mapping

RUNNERS: Mapping[str, str] = {
    "local": "muster.runners.local:LocalRunner",
    "ray": "muster.runners.ray:RayRunner",
    "spark": "muster.runners.spark:SparkRunner",
}
"""Name → where it lives. `of(settings, workers)` makes one, with the workers that there would be on this machine."""
