"""What CONTRIBUTING.md shows, put where it says: as a plugin of pytest, the provider, before the suites are collected."""

from __future__ import annotations

import importlib.util
import re
import sys
import tempfile
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from muster.predictors import ORIGINS, PROVIDERS
from muster.testing.endpoints.serving import KINDS as SERVERS
from tests.suites.endpoints import KINDS, Kind

__all__ = ["ROOT", "blocks", "module_of", "page", "put_provider"]

ROOT = Path(__file__).parents[2]
PROVIDER, SERVER = "muster.predictors.external.scorehub", "muster.testing.endpoints.scorehub"


def page() -> str:
    return (ROOT / "CONTRIBUTING.md").read_text()


def blocks(section: str) -> list[str]:
    """The Python of a section, in order."""
    text = page().partition(f"\n## {section}\n")[2].partition("\n## ")[0]
    return re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def module_of(name: str, text: str, folder: Path) -> ModuleType:
    """A file of the page, as the module of that name."""
    path = folder / f"{name}.py"
    path.write_text(text)
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def put_provider(folder: Path, patch: pytest.MonkeyPatch) -> None:
    """Its two files, and its lines in the three tables."""
    provider, line, server, server_line, suite_line = blocks("Add a provider")
    for name, text in ((PROVIDER, provider), (SERVER, server)):
        patch.setitem(sys.modules, name, module_of(name, text, folder))
    lines: list[tuple[Any, str, dict[str, object]]] = [
        (PROVIDERS, line, {}),
        (SERVERS, server_line, vars(sys.modules[SERVER])),
        (KINDS, suite_line, {"Kind": Kind}),
    ]
    for table, text, names in lines:
        for key, value in eval("{" + text + "}", dict(names)).items():
            patch.setitem(table, key, value)
            if table is PROVIDERS:  # a name of that table is an origin, once the file is read
                patch.setitem(ORIGINS, key, ORIGINS["http"])


def pytest_configure(config: pytest.Config) -> None:
    folder, patch = tempfile.TemporaryDirectory(), pytest.MonkeyPatch()
    config.add_cleanup(folder.cleanup)
    config.add_cleanup(patch.undo)
    put_provider(Path(folder.name), patch)
