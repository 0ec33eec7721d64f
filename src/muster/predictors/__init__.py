"""Where models live: local ones run in workers, external ones answer calls. Each origin is one file."""

from __future__ import annotations

from collections.abc import Mapping

PROVIDERS: Mapping[str, str] = {
    "azureml": "muster.predictors.external.azureml:AzureML",
    "databricks": "muster.predictors.external.databricks:Databricks",
    "http": "muster.predictors.external.http:Http",
    "mlflow-server": "muster.predictors.external.mlflow_server:MlflowServer",
    "openinference": "muster.predictors.external.openinference:OpenInference",
    "sagemaker": "muster.predictors.external.sagemaker:SageMaker",
    "vertex": "muster.predictors.external.vertex:Vertex",
}
"""Kinds of connections: name → where it lives. Each is an origin too."""

ORIGINS: Mapping[str, str] = {
    "booster": "muster.predictors.booster:BoosterOrigin",
    "huggingface": "muster.predictors.huggingface:HuggingFaceOrigin",
    "mlflow": "muster.predictors.mlflow:MlflowOrigin",
    "onnx": "muster.predictors.onnx:OnnxOrigin",
    "python": "muster.predictors.python:PythonOrigin",
    "reported": "muster.predictors.reported:ReportedOrigin",
    **dict.fromkeys(PROVIDERS, "muster.predictors.external.origin:EndpointOrigin"),
}
"""Name → where it lives. No two claim the same source."""

SOURCES: Mapping[str, str] = {
    "objects": "muster.predictors.objects:ObjectSource",
    "tracking": "muster.predictors.tracking.source:TrackingSource",
}
"""Places elsewhere that models are fetched from: name → where it lives, made with a hub's settings and talk."""
