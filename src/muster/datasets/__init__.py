"""Kinds of datasets and sinks by name. Each is `module:Class`, imported on first use."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["DATASETS", "SINKS"]

DATASETS: Mapping[str, str] = {
    "files": "muster.datasets.table:Files",
    "objects": "muster.datasets.objects:Objects",
    "delta": "muster.datasets.delta:DeltaTables",
    "sql": "muster.datasets.sql:SqlTables",
}

SINKS: Mapping[str, str] = {
    "files": "muster.datasets.sink:FileSinks",
    "objects": "muster.datasets.object_sink:ObjectSinks",
    "delta": "muster.datasets.delta_sink:DeltaSinks",
    "sql": "muster.datasets.sql_sink:SqlSinks",
}
