"""Where models live: local ones run in workers, external ones answer calls. Each origin is one file."""

from __future__ import annotations

from collections.abc import Mapping

ORIGINS: Mapping[str, str] = {
    "booster": "muster.predictors.booster:BoosterOrigin",
    "huggingface": "muster.predictors.huggingface:HuggingFaceOrigin",
    "mlflow": "muster.predictors.mlflow:MlflowOrigin",
    "onnx": "muster.predictors.onnx:OnnxOrigin",
    "python": "muster.predictors.python:PythonOrigin",
}
"""Name → where it lives. No two claim the same source."""

SOURCES: Mapping[str, str] = {
    "objects": "muster.predictors.objects:ObjectSource",
    "tracking": "muster.predictors.tracking.source:TrackingSource",
}
"""Places elsewhere that models are fetched from: name → where it lives, made with a hub's settings and talk."""
