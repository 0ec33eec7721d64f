"""A server for each test, small models to put there, and no credentials from outside."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from muster.config import Settings
from muster.predictors.tracking import transport
from muster.predictors.tracking.source import TrackingSource
from tests.tracking import Tracking, tracking


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [n for n in os.environ if n.startswith(("MLFLOW_", "DATABRICKS_", "MUSTER_"))]:
        monkeypatch.delenv(name)
    for name in (
        "REQUESTS_CA_BUNDLE",
        "CURL_CA_BUNDLE",
        "SSL_CERT_FILE",
        "http_proxy",
        "https_proxy",
        "HTTP_PROXY",
        "HTTPS_PROXY",
    ):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setattr(transport, "PAUSES", (0.01, 0.01, 0.01))


@pytest.fixture
def server() -> Iterator[Tracking]:
    with tracking() as state:
        yield state


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A folder with the look of one that MLflow saved."""
    folder = tmp_path / "saved"
    (folder / "data").mkdir(parents=True)
    (folder / "MLmodel").write_text("flavors:\n  python_function:\n    loader_module: rule\n")
    (folder / "data" / "weights").write_bytes(bytes(range(256)) * 4096)
    return folder


@pytest.fixture
def source(server: Tracking, monkeypatch: pytest.MonkeyPatch) -> TrackingSource:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server.url)
    return TrackingSource(Settings.load({}), lambda _: None)
