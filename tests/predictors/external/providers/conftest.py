"""A machine without credentials, proxies or a home, and calls that are tried again at once."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from muster.predictors.external import rest

_OURS = ("AWS_", "AZURE_", "GOOGLE_", "DATABRICKS_", "IDENTITY_", "MSI_", "CLOUDSDK_", "ENDPOINT_")
_BUNDLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    for name in list(os.environ):
        if name.startswith(_OURS) or name.lower().endswith("_proxy") or name in _BUNDLES:
            monkeypatch.delenv(name)
    home = tmp_path / "home"
    home.mkdir()
    for name, value in {"HOME": str(home), "AWS_EC2_METADATA_DISABLED": "true", "NO_GCE_CHECK": "true"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(rest, "_PAUSES", (0.0, 0.0))
    return home
