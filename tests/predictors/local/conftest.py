"""Fixtures of the tests that start workers whose model is a piece of text."""

from __future__ import annotations

from pathlib import Path

import pytest

from muster.predictors.local import launch
from tests.worker.doubles import program


@pytest.fixture(scope="session")
def text_program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return program(tmp_path_factory.mktemp("program"))


@pytest.fixture
def text_models(text_program: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers load `spec["code"]`."""
    monkeypatch.setattr(launch, "PROGRAM", text_program)
