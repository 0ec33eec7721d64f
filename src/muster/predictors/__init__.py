"""Where models live: local ones run in workers, external ones answer calls. Each origin is one file."""

from __future__ import annotations

from collections.abc import Mapping

ORIGINS: Mapping[str, str] = {
    "mlflow": "muster.predictors.mlflow:MlflowOrigin",
    "onnx": "muster.predictors.onnx:OnnxOrigin",
    "python": "muster.predictors.python:PythonOrigin",
}
"""Name → where it lives. No two claim the same source."""
