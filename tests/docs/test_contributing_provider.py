"""The provider of CONTRIBUTING.md is added to the letter, passes the suite of all providers, and says what went wrong."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

import muster
from muster.errors import InvalidInput, SourceDenied
from muster.hub import Hub
from muster.testing.endpoints import Account
from tests.docs.contributing import ROOT, blocks, page, put_provider
from tests.suites.endpoints import KINDS, TRUTH, account_of, rows


@pytest.fixture
def account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    put_provider(tmp_path, monkeypatch)
    with account_of(KINDS["scorehub"], monkeypatch) as account:
        yield account


@pytest.fixture
def hub(account: Account, tmp_path: Path) -> Iterator[Hub]:
    with muster.open(tmp_path / "hub") as hub:
        settings: dict[str, Any] = dict(account.settings)
        hub.connect("c", "scorehub", **settings)
        yield hub


def test_the_suite_of_providers_passes() -> None:
    """In a process of its own, as one runs it after adding the files and the lines."""
    plugin = ["-p", "tests.docs.contributing", "-p", "no:cacheprovider"]
    command = [sys.executable, "-m", "pytest", "-q", "-n0", *plugin, "-k", "scorehub", "tests/suites/test_endpoints.py"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    passed = re.search(r"(\d+) passed", done.stdout)
    assert passed is not None, done.stdout
    assert int(passed[1]) >= 20
    assert "skipped" not in done.stdout


def test_it_tells_what_it_knows(hub: Hub) -> None:
    version = hub.register("churn", muster.Endpoint("c", "churn"), target=TRUTH, sample=rows())
    assert (version.task, version.classes, version.signature.names) == ("binary", (0, 1), ("age", "visits"))
    assert version.lineage["model"] == "churn:1"
    answer = hub.predict("churn", rows(5))
    assert answer["served_by"].to_pylist() == ["churn:1"] * 5
    assert answer.schema.field("probabilities").type == pa.list_(pa.float64(), 2)


def test_a_new_version_there_is_seen(hub: Hub, account: Account) -> None:
    hub.register("churn", muster.Endpoint("c", "churn"), target=TRUTH, sample=rows())
    served = account.place("churn").variants["default"]
    account.update("churn", {"default": type(served)(**{**_fields(served), "version": "2"})})
    changes = hub.snapshot("churn").changes
    assert len(changes) == 1
    assert "version" in changes[0]


def test_a_wrong_key_is_told(hub: Hub, account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCOREHUB_KEY", "guessed")
    failed = hub.test_connection("c")[-1]
    assert (failed.name, failed.passed) == ("permission", False)
    assert "this key is not known" in failed.told
    with pytest.raises(SourceDenied, match="this key is not known"):
        list(hub.discover("c"))


@pytest.mark.parametrize(
    ("name", "variant", "told"), [(None, None, "has a name"), ("churn", "blue", "has no variants")]
)
def test_what_it_does_not_have_is_refused(hub: Hub, name: str | None, variant: str | None, told: str) -> None:
    with pytest.raises(InvalidInput, match=told):
        hub.register("churn", muster.Endpoint("c", name, variant), sample=rows())


def test_the_example_is_as_short_as_it_is_said_to_be() -> None:
    provider, line, server, server_line, suite_line = blocks("Add a provider")
    assert len(provider.splitlines()) < 120
    assert len(server.splitlines()) < 90
    assert all(len(one.splitlines()) == 1 for one in (line, server_line, suite_line))
    for where in ("predictors/__init__.py", "testing/endpoints/serving.py"):
        assert f"`src/muster/{where}`" in page()


def _fields(served: Any) -> dict[str, Any]:
    return {name: getattr(served, name) for name in served.__dataclass_fields__}
