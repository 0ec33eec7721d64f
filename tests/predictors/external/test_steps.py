"""The test of a connection: what it blames."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

import muster
from muster.errors import MissingExtra
from muster.testing.endpoints import Served, serving

AZURE = {"subscription_id": "s", "resource_group": "g", "workspace": "w", "management_url": "URL"}
WITHOUT: list[tuple[str, str, dict[str, str]]] = [
    ("azureml", "azure.core.exceptions", AZURE),
    ("sagemaker", "botocore.session", {"region": "eu-west-1", "endpoint_url": "URL"}),
    ("vertex", "google.auth", {"project_id": "p", "region": "europe-west4", "endpoint_url": "URL"}),
]


@pytest.mark.parametrize(("kind", "library", "told"), WITHOUT)
def test_a_missing_library_is_no_fault_of_the_login(
    kind: str, library: str, told: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    with serving("http", {"c": Served(predict=list)}) as account, muster.open(tmp_path / "hub") as hub:
        settings: dict[str, Any] = {n: account.url if v == "URL" else v for n, v in told.items()}
        hub.connect("c", kind, **settings)
        with pytest.raises(MissingExtra, match="needs an optional library"):
            hub.test_connection("c")
