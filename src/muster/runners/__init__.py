"""Where work runs, one file each."""

from __future__ import annotations

from collections.abc import Mapping

RUNNERS: Mapping[str, str] = {"local": "muster.runners.local:LocalRunner"}
"""Name → where it lives."""
