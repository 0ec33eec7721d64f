"""What holds for every test; fixtures live in the conftest.py of the part that they serve."""

from __future__ import annotations

import pytest
from hypothesis import settings

# Examples run beside other tests on shared cores: a slow one is no failure.
settings.register_profile("quick", deadline=None, max_examples=50)
settings.register_profile("deep", deadline=None, max_examples=1000)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--deep", action="store_true", help="run the long suites too, and more examples of the short ones")


def pytest_configure(config: pytest.Config) -> None:
    settings.load_profile("deep" if config.getoption("--deep") else "quick")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--deep"):
        return
    deep = [item for item in items if item.get_closest_marker("deep")]
    if deep:
        config.hook.pytest_deselected(items=deep)
        items[:] = [item for item in items if item not in set(deep)]
