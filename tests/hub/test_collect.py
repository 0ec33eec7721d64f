"""`hub.collect`: what is used stays and works, what is not goes; also with registrations beside it, and when it is killed."""

from __future__ import annotations

import hashlib
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import muster
from muster.errors import Conflict, MusterError, RunFailed
from muster.hub import Hub
from muster.objects.bucket import bucket_of
from muster.objects.place import Place
from muster.records import Run, Snapshot, Version
from muster.registry.register import Registration
from tests.hub.conftest import MODEL, home_of

NOW: dict[str, Any] = {"retention__deleted_days": 0, "retention__unused_hours": 0}


def _register(hub: Hub, folder: Path, mark: str) -> str:
    """A version whose file differs by a mark."""
    file = folder / "changed.py"
    file.write_text(MODEL.read_text() + f"\n# {mark}\n")
    return hub.register("numbers", file, sample={"n": [1, 2, 3]}).ref


def _works(hub: Hub, reference: str) -> None:
    assert hub.predict(reference, {"n": [1023]})["prediction"].to_pylist() == ["yes"]


def test_a_deleted_version_goes_with_all_that_only_it_used(place: Path, tmp_path: Path) -> None:
    with muster.open(place, **NOW) as hub:
        before = set(hub._blobs)
        ref = _register(hub, tmp_path, "other")
        hub.delete_version(ref)
        kept = hub.collect(dry_run=True)
        assert (kept.versions, kept.models, kept.dry_run) == ((ref,), (), True)
        assert len(set(hub._blobs)) == len(before) + kept.blobs
        found = hub.collect()
        assert (found.versions, found.blobs, found.bytes) == ((ref,), kept.blobs, kept.bytes)
        assert found.copies > 0
        assert set(hub._blobs) == before
        assert found.freed == found.bytes + found.copies + found.environments
        again = hub.collect()
        assert (again.versions, again.blobs, again.freed) == ((), 0, 0)
    with muster.open(place) as hub:  # with nothing in memory
        _works(hub, "numbers:1")
        assert _register(hub, tmp_path, "third") == "numbers:3"


def test_what_is_restored_works(place: Path, tmp_path: Path) -> None:
    with muster.open(place, retention__unused_hours=0) as hub:
        ref = _register(hub, tmp_path, "other")
        hub.delete_version(ref)
        assert hub.collect().versions == ()
        shutil.rmtree(place / "artifacts", ignore_errors=True)
        assert hub.restore_version(ref).ref == ref
        _works(hub, ref)


def test_a_registration_whose_blobs_went_says_so(hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As when it took longer than blobs that nothing refers to are kept."""
    with muster.open(hub.folder, **NOW) as other:
        before = set(other._blobs)
        commit = Registration._commit

        def late(self: Registration, draft: Version, seen: Callable[[Version], Snapshot] | None) -> Version:
            other.collect()
            return commit(self, draft, seen)

        monkeypatch.setattr(Registration, "_commit", late)
        with pytest.raises(Conflict, match="went while it was registered") as told:
            _register(hub, tmp_path, "slow")
        assert told.value.hint == "register it again"
        monkeypatch.undo()
        assert [v.number for v in hub.versions("numbers")] == [1]
        assert set(other._blobs) == before
        assert _register(hub, tmp_path, "slow") == "numbers:2"


@pytest.mark.parametrize("kind", ["folder", pytest.param("platform", marks=pytest.mark.deep)])
def test_collecting_beside_registrations_loses_nothing(
    request: pytest.FixtureRequest, made: Path, tmp_path: Path, kind: str
) -> None:
    """Two at once, with blobs that may go at once: a registration that loses one is refused, and none is recorded without them."""
    with home_of(kind, request, tmp_path, made) as home:
        stop = threading.Event()
        faults: list[BaseException] = []

        def collect() -> None:
            try:
                with home.open(**NOW) as hub:
                    while not stop.is_set():
                        hub.collect()
            except BaseException as error:  # noqa: BLE001  # told by the thread that tests
                faults.append(error)

        threads = [threading.Thread(target=collect) for _ in range(2)]
        for thread in threads:
            thread.start()
        registered = []
        try:
            with home.open() as hub:
                for mark in ("a", "b", "a", "c"):
                    try:
                        registered.append(_register(hub, tmp_path, mark))
                    except muster.MusterError as error:
                        assert type(error).__name__ in ("Conflict", "Corrupt", "NotFound", "StoreError"), error  # noqa: PT017
        finally:
            stop.set()
            for thread in threads:
                thread.join()
        assert faults == []
        with home.open() as hub:
            shutil.rmtree(hub.folder / "artifacts", ignore_errors=True)
            assert [v.ref for v in hub.versions("numbers")][::-1] == ["numbers:1", *registered]
            for ref in ("numbers:1", *registered):
                _works(hub, ref)
            assert hub.verify_events()[1] is None


def _rejected(hub: Hub, folder: Path, output: str, *, all_of_it: bool = False) -> tuple[Run, str]:
    """A run with rejects, and where they are."""
    pq.write_table(pa.table({"n": [-1] if all_of_it else [1, -1, 3]}), folder / "rows.parquet")
    try:
        run = hub.score("numbers", folder / "rows.parquet", output)
    except RunFailed as failed:
        run = hub.run(str(failed.details["run"]))
    assert run.rejects is not None
    return run, run.rejects


def _collected(hub: Hub, runs: dict[str, Run]) -> None:
    """The rejects of all runs are gone in the end; the records say so, and keep all else."""
    told = hub.collect(dry_run=True)
    found = hub.collect()
    assert sorted(found.rejects) == sorted(told.rejects) == sorted(r.id for r in runs.values())
    assert (found.rejects_bytes, found.faults) == (told.rejects_bytes, ())
    assert found.freed >= found.rejects_bytes > 100
    for run in runs.values():
        after = hub.run(run.id)
        assert after.rejects is None
        assert after.rejects_collected_at is not None
        assert (after.status, after.rejected, after.output) == (run.status, run.rejected, run.output)
    assert hub.collect().rejects == ()
    assert hub.verify_events()[1] is None


def test_old_rejects_go_from_wherever_they_are(place: Path, tmp_path: Path) -> None:
    places = {
        "folder": str(tmp_path / "out"),
        "file": str(tmp_path / "out.csv"),
        "table": f"sqlite:///{tmp_path / 'out.db'}?table=scored",
        "delta": f"delta:{tmp_path / 'lake'}",
        "none": str(tmp_path / "none.csv"),
    }
    with muster.open(place) as hub:
        runs = {}
        for kind, output in places.items():
            runs[kind], rejects = _rejected(hub, tmp_path, output, all_of_it=kind == "none")
            assert Path(rejects).exists()
            assert runs[kind].rejects_sha256 == hashlib.sha256(Path(rejects).read_bytes()).hexdigest()
        assert hub.collect().rejects == ()
        outputs = {path: path.read_bytes() for path in (tmp_path / "out").iterdir()}
        mine = tmp_path / "out.csv.rejects.jsonl"
        mine.write_text(mine.read_text() + "looked through\n")
    with muster.open(place, retention__rejects_days=0) as hub:
        changed = runs.pop("file")
        _collected(hub, runs)
        assert hub.run(changed.id) == changed
        assert mine.read_text().endswith("looked through\n")
        outputs.pop(tmp_path / "out" / "_rejects.jsonl")
        assert {path: path.read_bytes() for path in (tmp_path / "out").iterdir()} == outputs
        assert hub.open_dataset(str(tmp_path / "out")).rows() == 2
        assert [p.name for p in tmp_path.rglob("*.rejects.jsonl")] == [mine.name]


def test_old_rejects_go_from_object_storage(place: Path, tmp_path: Path, bucket: str) -> None:
    places = {"folder": f"{bucket}/out/", "file": f"{bucket}/out.csv", "none": f"{bucket}/none.csv"}
    with muster.open(place) as hub:
        runs = {k: _rejected(hub, tmp_path, o, all_of_it=k == "none")[0] for k, o in places.items()}
        keys = {e.place.key for e in bucket_of(Place.parse(bucket)).list("")}
        where = {kind: Place.parse(str(run.rejects)) for kind, run in runs.items()}
        for kind, run in runs.items():
            found = bucket_of(where[kind]).read(where[kind].key)
            assert run.rejects_sha256 == hashlib.sha256(found).hexdigest()
        bucket_of(where["file"]).put(where["file"].key, b"mine")
    with muster.open(place, retention__rejects_days=0) as hub:
        # Another object is in the place of those of the file: they are gone, and it stays.
        _collected(hub, runs)
        left = {e.place.key for e in bucket_of(Place.parse(bucket)).list("")}
        assert keys - left == {where["folder"].key, where["none"].key}
        assert bucket_of(where["file"]).read(where["file"].key) == b"mine"


def test_tables_in_memory_go_with_runs_that_nobody_resumes(place: Path, tmp_path: Path) -> None:
    table = pa.table({"n": [1, 2]})
    with muster.open(place, retention__runs_days=1) as hub:
        run = hub.score("numbers", table, tmp_path / "out")
        shutil.rmtree(place / "artifacts")
        (place / "blobs").rename(place / "lost")
        with pytest.raises(MusterError):
            hub.score("numbers", table, tmp_path / "failed")
        (place / "lost").rename(place / "blobs")
        [failed] = list(hub.runs(["status=failed"]))
        assert run.status == "done"
        assert [str(p) for p in (place / "frames").glob("*/*")] == [failed.input]
        assert hub.collect().leftovers == 0
        assert Path(str(failed.input)).exists()
    with muster.open(place, retention__runs_days=0) as hub:
        found = hub.collect()
        assert (found.leftovers, found.leftover_bytes > 0) == (1, True)
        assert list((place / "frames").iterdir()) == []
