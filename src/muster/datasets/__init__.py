"""Kinds of datasets and sinks by name. Each is `module:Class`, imported on first use."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["DATASETS", "SINKS"]

DATASETS: Mapping[str, str] = {"files": "muster.datasets.table:Files"}

SINKS: Mapping[str, str] = {"files": "muster.datasets.sink:FileSinks"}
