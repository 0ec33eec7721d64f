"""Collections that are killed at any moment: what is used stays, and the next one finishes."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from muster.hub import Hub
from muster.objects.bucket import bucket_of
from muster.objects.faults import ObjectNotFound
from muster.objects.place import Place, is_object_url
from muster.records import Run, Version, new_id, now
from tests.hub.conftest import home_of
from tests.hub.homes import Home
from tests.hub.killing import CLI, all_blobs, emptied, killer, sound

CASES = [("folder", 30), ("platform", 12)]
PAST = timedelta(days=3)
LINE = b'{"row": 0, "error": "no"}\n'


def test_a_killed_collection_is_finished_by_the_next(
    request: pytest.FixtureRequest, made: Path, tmp_path: Path
) -> None:
    with home_of("folder", request, tmp_path, made) as home:
        _collect_and_kill(home, tmp_path, kills=8, seed=1)


@pytest.mark.deep
@pytest.mark.timeout(900)
@pytest.mark.parametrize(("kind", "kills"), CASES)
def test_a_collection_killed_many_times(
    request: pytest.FixtureRequest, made: Path, tmp_path: Path, kind: str, kills: int
) -> None:
    with home_of(kind, request, tmp_path, made) as home:
        _collect_and_kill(home, tmp_path, kills, seed=kills)


def _collect_and_kill(home: Home, folder: Path, kills: int, seed: int) -> None:
    settings = {"deleted_days": "0", "unused_hours": "0", "rejects_days": "1", "runs_days": "1"}
    environ = home.environ(**{f"retention_{name}": value for name, value in settings.items()})
    with home.open() as hub, killer(folder, environ, seed) as work:
        kept = all_blobs(hub)
        [fresh] = _rejects(hub, home, ["fresh"], timedelta())
        old = _waste(hub, home, 0)
        work.measure(CLI, "gc")
        assert all(_gone(hub, run) for run in old)
        rounds = 0
        while work.kills < kills:
            rounds += 1
            assert rounds < 10 * kills, "the work is over before it is killed"
            old = [*(r for r in old if hub.run(r.id).rejects is not None), *_waste(hub, home, rounds)]
            work.cut(CLI, "gc")
            sound(hub)
            assert kept <= set(hub._blobs)
            for run in old:
                found = hub.run(run.id)
                assert not (found.rejects is None and _there(run)), "nothing names them any more"
                assert not (found.rejects_collected_at is None and not _there(run)), "nothing says where they went"
            assert hub.run(fresh.id) == fresh
            assert _there(fresh)
    with home.open(**{f"retention__{name}": value for name, value in settings.items()}) as hub:
        hub.collect()
        assert all(_gone(hub, run) for run in old)
        assert set(hub._blobs) == kept
        assert [v.ref for v in hub.versions("numbers")] == ["numbers:1"]
        assert list(hub.versions(deleted=True)) == []
        assert hub.predict("numbers:1", {"n": [1023]})["prediction"].to_pylist() == ["yes"]
        assert _there(fresh)
        emptied(hub)
        again = hub.collect()
        assert (again.freed, again.rejects, again.runs, again.leftovers) == (0, (), (), 0)


def _waste(hub: Hub, home: Home, number: int) -> list[Run]:
    """So much of all that is collected that removing it is most of the work; the runs whose rejects are to go."""
    for n in range(30):
        hub._blobs.put(f"left {number} {n}".encode())
    files = [hub._blobs.put(f"file {number} {n}".encode()) for n in range(3)]
    manifest = hub._blobs.put(json.dumps({"files": [{"path": f, "sha256": f} for f in files]}).encode())
    version = hub.version("numbers:1")
    gone = replace(version, id=new_id(), number=number + 2, digest=manifest, aliases=(), deleted_at=now() - PAST)
    assert isinstance(gone, Version)
    with hub._records.transaction("test") as tx:
        tx.insert(gone)
    runs = _rejects(hub, home, [f"{number}-{n}" for n in range(20)], PAST)
    (hub.folder / "frames").mkdir(exist_ok=True)
    for run in runs[::4]:
        Path(str(run.input)).write_bytes(b"a table")
    return runs


def _rejects(hub: Hub, home: Home, names: Sequence[str], age: timedelta) -> list[Run]:
    """Runs that ended some time ago, with rejects."""
    runs = [_run(hub, f"{home.outputs}/{name}.csv", now() - age) for name in names]
    for run in runs:
        if is_object_url(home.outputs):
            place = Place.parse(str(run.rejects))
            bucket_of(place).put(place.key, LINE)
        else:
            Path(str(run.rejects)).write_bytes(LINE)
            os.utime(str(run.rejects), (0, 0))
    with hub._records.transaction("test") as tx:
        for run in runs:
            tx.insert(run)
    return runs


def _run(hub: Hub, output: str, ended: datetime) -> Run:
    return Run(
        id=(identity := new_id()),
        kind="score",
        status="done",
        input=str(hub.folder / "frames" / f"{identity}.arrow"),
        output=output,
        rejects=f"{output}.rejects.jsonl",
        rejects_sha256=hashlib.sha256(LINE).hexdigest(),
        settings={"overwrite": False},
        created_at=ended,
        created_by="test",
        ended_at=ended,
    )


def _there(run: Run) -> bool:
    if not is_object_url(run.rejects):
        return Path(str(run.rejects)).exists()
    place = Place.parse(str(run.rejects))
    try:
        return bucket_of(place).head(place.key).size > 0
    except ObjectNotFound:
        return False


def _gone(hub: Hub, run: Run) -> bool:
    """With its table; the record says so."""
    found = hub.run(run.id)
    told = found.rejects is None and found.rejects_collected_at is not None
    return told and not _there(run) and not Path(str(run.input)).exists()
