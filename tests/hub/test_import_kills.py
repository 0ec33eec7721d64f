"""Imports that are killed at random moments, over and over: what is there is whole, and in the end all of it is."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

import muster
from muster.hub import Hub
from tests.tracking import tracking

pytestmark = pytest.mark.deep

KILLS = 20
NUMBERS = [n for n in range(1, 27) if n % 5]
IMPORT = """
import sys
import muster
from muster.hub import Hub

Hub.origins = staticmethod(lambda: {"quick": "tests.hub.quick_origin:QuickOrigin"})
with muster.open(sys.argv[1]) as hub:
    report = hub.register_all(sys.argv[2], watch=lambda item, done, total: print(item.outcome, flush=True))
    assert report.complete, report
"""


def test_killed_imports_lose_nothing_and_repeat_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "quick.json").write_text("{}")
    root = Path(__file__).parents[2]
    draw = random.Random(7)
    with tracking() as server:
        for name in ("Churn Model", "price", "Fraud"):
            for number in NUMBERS:
                server.add(name, tmp_path / "model", *(["Champion"] if number == 9 else []), number=number)
        server.page = 100
        counts = set()
        command = [sys.executable, "-c", IMPORT, str(tmp_path / "hub"), server.url]
        for _ in range(KILLS):
            with subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
                assert process.stdout is not None
                more = draw.randint(0, 4)
                while more and (line := process.stdout.readline()):
                    more -= line == b"imported\n"
                time.sleep(draw.uniform(0, 0.05))
                process.kill()
                process.wait()
            with muster.open(tmp_path / "hub") as hub:
                assert hub.verify_events()[1] is None
                counts.add(sum(1 for _ in hub.versions()))
                assert all(v.imported == f"{server.url}/{v.lineage['name']}:{v.number}" for v in hub.versions())
        assert len(counts) > 3, "the kills fell in the middle of the work"
        monkeypatch.setattr(Hub, "origins", staticmethod(lambda: {"quick": "tests.hub.quick_origin:QuickOrigin"}))
        with muster.open(tmp_path / "hub") as hub:
            assert hub.register_all(server.url).complete
            found = sorted((v.model, v.number, v.aliases) for v in hub.versions())
            created = [e.subject for e in hub.events(["action=version.created"])]
            # One killed while it was made or removed says not whose it is, and goes after a day; no file is left in it.
            assert [f for f in (hub.folder / "scratch").rglob("*") if f.is_file() and f.stat().st_size] == []
        names = ("churn-model", "fraud", "price")
        assert found == [(n, k, ("champion",) if k == 9 else ()) for n in names for k in NUMBERS]
        assert sorted(created) == sorted(f"version/{n}:{k}" for n in names for k in NUMBERS)
