"""Imports that are killed over and over: what is there is whole, and in the end all of it is, once."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import pytest

from muster.hub import Hub
from tests.hub.conftest import home_of
from tests.hub.homes import Home
from tests.hub.killing import emptied, killer, sound
from tests.tracking import Tracking, tracking

pytestmark = [pytest.mark.deep, pytest.mark.timeout(900)]

CASES = [("folder", 16), ("folder", 14), ("platform", 10)]
NUMBERS = [n for n in range(1, 27) if n % 5]
IMPORT = """
import os, sys
import muster
from muster.hub import Hub

Hub.origins = staticmethod(lambda: {"quick": "tests.hub.quick_origin:QuickOrigin"})
with muster.open() as hub:
    report = hub.register_all(sys.argv[1])
    assert report.complete, report
"""


@pytest.mark.parametrize(("kind", "kills"), CASES)
def test_killed_imports_lose_nothing_and_repeat_nothing(
    request: pytest.FixtureRequest, tmp_path: Path, kind: str, kills: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Hub, "origins", staticmethod(lambda: {"quick": "tests.hub.quick_origin:QuickOrigin"}))
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "quick.json").write_text("{}")
    cut = 0
    with tracking() as server:
        for name in ("Churn Model", "price", "Fraud"):
            for number in NUMBERS:
                server.add(name, tmp_path / "model", *(["Champion"] if number == 9 else []), number=number)
        server.page = 100
        rounds = 0
        while cut < kills:  # as many imports as it takes, each into a hub of its own
            rounds += 1
            folder = tmp_path / str(rounds)
            folder.mkdir()
            with ExitStack() as stack:
                home = stack.enter_context(home_of(kind, request, folder, None))
                cut += _import_and_kill(home, server, folder, kills - cut, seed=kills + rounds)


def _import_and_kill(home: Home, server: Tracking, folder: Path, kills: int, seed: int) -> int:
    """Kill an import until it is complete, or was killed so many times; how many that were."""
    counts = [0]
    with home.open() as hub, killer(folder, home.environ(), seed) as work:
        while work.kills < kills and work.cut(IMPORT, server.url):
            sound(hub)
            counts.append(sum(1 for _ in hub.versions()))
            assert counts[-1] >= counts[-2]
            assert all(v.imported == f"{server.url}/{v.lineage['name']}:{v.number}" for v in hub.versions())
        assert hub.register_all(server.url).complete
        sound(hub)
        found = sorted((v.model, v.number, v.aliases) for v in hub.versions())
        created = [e.subject for e in hub.events(["action=version.created"])]
        hub.collect()
        emptied(hub)
    names = ("churn-model", "fraud", "price")
    assert found == [(n, k, ("champion",) if k == 9 else ()) for n in names for k in NUMBERS]
    assert sorted(created) == sorted(f"version/{n}:{k}" for n in names for k in NUMBERS)
    return work.kills
