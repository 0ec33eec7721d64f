"""Killed at any moment, a scoring resumes to the output of an undisturbed run, and a registration leaves a whole version or none.

With `test_import_kills` and `test_collect_kills`, one deep run makes more than 200 kills.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import muster
from muster.datasets.location import locate
from muster.errors import DatasetNotFound, MusterError
from muster.hub import Hub
from muster.objects.bucket import bucket_of
from muster.objects.place import Place, is_object_url
from tests.hub import test_collect_kills, test_import_kills
from tests.hub.conftest import home_of
from tests.hub.homes import Home
from tests.hub.killing import CLI, Killer, emptied, killer, sound

ROWS = 40_000

REGISTERING = [("folder", 25), ("folder", 20), ("platform", 15)]
SCORING = [("folder", "out", 15), ("folder", "out.parquet", 15), ("folder", "out.csv.gz", 15)]
SCORING += [("platform", "out/", 8), ("platform", "out.csv", 7)]


def test_there_are_two_hundred_in_a_deep_run() -> None:
    registering, scoring = sum(n for _, n in REGISTERING), sum(n for _, _, n in SCORING)
    importing, collecting = (sum(n for _, n in m.CASES) for m in (test_import_kills, test_collect_kills))
    assert (registering, scoring, importing, collecting) >= (60, 60, 40, 40)
    assert registering + scoring + importing + collecting >= 200


@pytest.mark.parametrize("output", ["out.parquet", "out.csv"])
def test_a_killed_scoring_resumes_to_the_same_output(
    request: pytest.FixtureRequest, made: Path, tmp_path: Path, output: str
) -> None:
    with home_of("folder", request, tmp_path, made) as home:
        _score_and_kill(home, tmp_path, output, kills=2, seed=len(output))


@pytest.mark.deep
@pytest.mark.timeout(900)
@pytest.mark.parametrize("case", SCORING, ids=str)
def test_a_scoring_killed_many_times(
    request: pytest.FixtureRequest, made: Path, tmp_path: Path, case: tuple[str, str, int]
) -> None:
    kind, output, kills = case
    with home_of(kind, request, tmp_path, made) as home:
        _score_and_kill(home, tmp_path, output, kills, seed=kills + len(output))


def _score_and_kill(home: Home, folder: Path, output: str, kills: int, seed: int) -> None:
    data = folder / "in.parquet"
    pq.write_table(_numbers(), data, row_group_size=10_000)
    environ = home.environ(score_chunk_rows="1024")
    with home.open(score__chunk_rows=1_024) as hub, killer(folder, environ, seed) as work:
        undisturbed = hub.score("numbers", data, f"{home.outputs}/expected/{output}", keep="all")
        assert undisturbed.rejected == 1
        expected = _content(f"{home.outputs}/expected", undisturbed.id)
        work.measure(CLI, "score", "numbers", data, f"{home.outputs}/timed/{output}", "--keep", "all")
        rounds = 0
        while work.kills < kills:
            rounds += 1
            assert rounds < 10 * kills, "the work is over before it is killed"
            place = f"{home.outputs}/{rounds}"
            run = _killed_scoring(hub, work, ["score", "numbers", data, f"{place}/{output}", "--keep", "all"])
            if run is None:
                run = hub.score("numbers", data, f"{place}/{output}", keep="all").id
            elif hub.run(run).status != "done":
                hub.resume(run)
            finished = hub.run(run)
            assert (finished.status, finished.rows, finished.rejected) == ("done", ROWS, 1)
            assert finished.summary == undisturbed.summary
            hub._scorings.tidy()  # as whatever is scored next begins, after one that was killed when all was done
            assert _content(place, run) == expected, "no row twice, none missing, and nothing left beside it"
            sound(hub)
        hub.collect()
        emptied(hub)


def _killed_scoring(hub: Hub, work: Killer, command: Sequence[object]) -> str | None:
    """Up to three kills of one run, which is resumed after each; its id, if there is one by then."""
    known, run, output = {r.id for r in hub.runs()}, None, str(command[3])
    for _ in range(3):
        cut = work.cut(CLI, *command)
        sound(hub)
        fresh = [r for r in hub.runs() if r.id not in known]
        assert len(fresh) <= 1
        run = fresh[0].id if fresh else None
        if not cut or (run is not None and hub.run(run).status == "done"):
            break
        _nothing_or_all(hub, output)
        command = command if run is None else ["run", "resume", run]
    return run


def _numbers() -> pa.Table:
    numbers = list(range(ROWS))
    numbers[12_345] = -1
    return pa.table({"n": pa.array(numbers, pa.int64()), "text": [f"row {n}" for n in numbers]})


def _many() -> pa.Table:
    return pa.table({"n": pa.array(range(2_000_000), pa.int64())})


def _nothing_or_all(hub: Hub, output: str) -> None:
    """What a reader finds there."""
    try:
        dataset = hub.open_dataset(output)
    except DatasetNotFound:
        return
    rows = sum(chunk.length for part in dataset.parts(ROWS) for chunk in part.chunks(ROWS))
    assert rows == ROWS - 1, "a part of the output can be seen"


def _content(place: str, run: str) -> dict[str, bytes]:
    """All that is in a folder or below a URL, as if the run had no name."""
    if is_object_url(place):
        root = Place.parse(place)
        bucket = bucket_of(root)
        found = {root.relative(e.place.key): bucket.read(e.place.key) for e in bucket.list(root.folder)}
    else:
        folder = locate(place).path
        found = {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    return {name.replace(run, "RUN"): content.replace(run.encode(), b"RUN") for name, content in found.items()}


def test_a_killed_registration_leaves_a_whole_version_or_none(
    request: pytest.FixtureRequest, made: Path, tmp_path: Path
) -> None:
    with home_of("folder", request, tmp_path, made) as home:
        _register_and_kill(home, tmp_path, kills=4, seed=1)


@pytest.mark.deep
@pytest.mark.timeout(900)
@pytest.mark.parametrize(("kind", "kills"), REGISTERING)
def test_a_registration_killed_many_times(
    request: pytest.FixtureRequest, made: Path, tmp_path: Path, kind: str, kills: int
) -> None:
    with home_of(kind, request, tmp_path, made) as home:
        _register_and_kill(home, tmp_path, kills, seed=kills)


def _register_and_kill(home: Home, folder: Path, kills: int, seed: int) -> None:
    model, sample = folder / "model.py", folder / "sample.jsonl"
    sample.write_text('{"n": 1}\n{"n": 2}\n')
    command = ["register", "numbers", model, "--sample", sample, "--alias", "newest"]
    with home.open() as hub, killer(folder, home.environ(), seed) as work:
        model.write_text(_model())
        work.measure(CLI, *command)
        rounds = 0
        while work.kills < kills:
            rounds += 1
            assert rounds < 10 * kills, "the work is over before it is killed"
            before = [v.number for v in hub.versions("numbers")]
            model.write_text(f"{_model()}\n# {rounds}\n")
            work.cut(CLI, *command)
            sound(hub)
            after = [v.number for v in hub.versions("numbers")]
            assert after in (before, [before[0] + 1, *before])
            assert hub.version("numbers@newest").number == after[0]
    with home.open(retention__unused_hours=0) as hub:
        hub.collect()
        sound(hub)
        emptied(hub)
        for ref in ("numbers:1", "numbers@newest"):
            assert hub.predict(ref, {"n": [1023]})["prediction"].to_pylist() == ["yes"]


def _model() -> str:
    return Path(__file__).with_name("numbers_model.py").read_text()


def test_two_at_once_get_two_numbers(place: Path, tmp_path: Path) -> None:
    (tmp_path / "model.py").write_text(_model())
    command = [sys.executable, "-m", "muster", "register", "numbers", tmp_path / "model.py", "--hub", place]
    (tmp_path / "sample.jsonl").write_text('{"n": 1}\n{"n": 2}\n')
    command += ["--sample", tmp_path / "sample.jsonl"]
    processes = [
        subprocess.Popen(list(map(str, command)), env={**os.environ, "MUSTER_NO_PROGRESS": "1"}, stderr=subprocess.PIPE)
        for _ in range(3)
    ]
    for process in processes:
        _, errors = process.communicate(timeout=120)
        assert process.returncode == 0, errors.decode()
    with muster.open(place) as hub:
        assert [v.number for v in hub.versions("numbers")] == [4, 3, 2, 1]
        sound(hub)


def test_a_resume_on_other_data_is_refused(place: Path, tmp_path: Path) -> None:
    data = tmp_path / "in.parquet"
    pq.write_table(_many(), data)
    process = subprocess.Popen(
        [sys.executable, "-m", "muster", "score", "numbers", data, tmp_path / "out", "--hub", place],
        env={**os.environ, "MUSTER_SCORE_CHUNK_ROWS": "1024"},
        stderr=subprocess.DEVNULL,
    )
    with muster.open(place) as hub:
        while not (runs := [r for r in hub.runs() if r.status == "running" and r.rows]):
            assert process.poll() is None
        process.kill()
        process.wait()
        pq.write_table(_many().slice(1), data)
        with pytest.raises(MusterError, match="has changed since it began"):
            hub.resume(runs[0].id)
        assert hub.cancel(runs[0].id).status == "cancelled"
    assert [p.name for p in tmp_path.iterdir() if ".muster-" in p.name] == []
