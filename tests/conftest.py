"""What holds for every test; fixtures live in the conftest.py of the part that they serve."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.clouds.fixtures import bucket, clouds

__all__ = ["bucket", "clouds"]

Mount = Callable[..., None]

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


@pytest.fixture
def mount(tmp_path: Path) -> Iterator[Mount]:
    """Mounts a small disk of its own on a folder; `options` may remount it. Ended with the test."""
    mounted: list[Path] = []

    def mount(folder: Path, options: str) -> None:
        folder.mkdir(exist_ok=True)
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], capture_output=True, text=True, check=False
        )
        if done.returncode:
            pytest.skip(f"no disk can be mounted here: {done.stderr.strip()}")
        if folder not in mounted:
            mounted.append(folder)

    yield mount
    for folder in mounted:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The URL of a PostgreSQL server whose databases a test may make and drop: see tests/postgres.py."""
    from tests import postgres

    yield from postgres.server()


@pytest.fixture(scope="session")
def _postgres_hub(postgres_server: str) -> Iterator[str]:
    from tests import postgres

    with postgres.hub_database(postgres_server) as url:
        yield url


@pytest.fixture
def postgres_hub(_postgres_hub: str) -> str:
    """The URL of a database with a hub's tables, empty: cheap, because one database serves all tests of a process."""
    from tests import postgres

    postgres.empty(_postgres_hub)
    return _postgres_hub


@pytest.fixture
def postgres_database(postgres_server: str) -> Iterator[str]:
    """The URL of a database of its own with nothing in it."""
    from tests import postgres

    with postgres.database(postgres_server) as url:
        yield url
