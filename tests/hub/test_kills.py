"""Killed at any moment, a scoring resumes to the output of an undisturbed run, and a registration leaves a whole version or none."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import muster
from muster.errors import MusterError
from muster.hub import Hub

ROWS = 60_000


def _environ(place: Path) -> dict[str, str]:
    """Small chunks, and a folder for what is temporary, by which workers are known."""
    scratch = place.parent / "scratch"
    scratch.mkdir(exist_ok=True)
    return {**os.environ, "MUSTER_SCORE_CHUNK_ROWS": "1024", "MUSTER_NO_PROGRESS": "1", "TMPDIR": str(scratch)}


def _killed(place: Path, command: Sequence[str | Path], after: float) -> bool:
    """Run `muster …`, and kill it after so many seconds; whether it was still running then."""
    process = subprocess.Popen(
        [sys.executable, "-m", "muster", *map(str, command)],
        env=_environ(place),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        _, errors = process.communicate(timeout=after)
    except subprocess.TimeoutExpired:
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
        return True
    assert process.returncode == 0, errors.decode()
    return False


def _workers(place: Path) -> list[str]:
    """Workers that were started by a process of `_killed`."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal() and int(entry.name) != os.getpid():
            try:
                line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            except OSError:
                continue
            if str(place.parent / "scratch") in line:
                found.append(line)
    return found


def _gone(place: Path) -> None:
    """Workers end with their parent, and take with them what was temporary."""
    until = time.monotonic() + 20
    while left := _workers(place) + list(map(str, (place.parent / "scratch").glob("muster-??????*"))):
        assert time.monotonic() < until, f"left by a killed process: {left}"
        time.sleep(0.05)


def _sound(hub: Hub) -> None:
    events, broken = hub.verify_events()
    assert broken is None
    assert events == len(list(hub.events()))


@pytest.mark.parametrize("output", ["scored", "scored.parquet", "scored.csv"])
def test_a_killed_scoring_resumes_to_the_same_output(place: Path, tmp_path: Path, output: str) -> None:
    _score_and_kill(place, tmp_path, output, kills=3, seed=len(output))


@pytest.mark.deep
@pytest.mark.parametrize("seed", range(17))
@pytest.mark.parametrize("output", ["scored", "scored.parquet", "scored.csv.gz"])
def test_killed_three_times_at_random_moments(place: Path, tmp_path: Path, output: str, seed: int) -> None:
    _score_and_kill(place, tmp_path, output, kills=3, seed=seed)


def _score_and_kill(place: Path, folder: Path, output: str, kills: int, seed: int) -> None:
    chance = random.Random(seed)
    data, expected, actual = folder / "in.parquet", folder / "expected" / output, folder / "actual" / output
    pq.write_table(_numbers(), data, row_group_size=10_000)
    with muster.open(place, score__chunk_rows=1_024) as hub:
        undisturbed = hub.score("numbers", data, expected, keep="all")
    assert undisturbed.rejected == 1
    command: list[str | Path] = ["score", "numbers", data, actual, "--keep", "all", "--hub", place]
    for _ in range(kills):
        cut = _killed(place, command, chance.uniform(0.3, 0.3 + 1.5 * undisturbed.seconds))
        _gone(place)
        with muster.open(place) as hub:
            _sound(hub)
            run = _only_other(hub, undisturbed.id)
            over = run is not None and hub.run(run).status == "done"
        if not cut or over:
            break
        assert not actual.exists() or (run is not None and _whole(actual, expected)), "a part of the output can be seen"
        if run is not None:
            command = ["run", "resume", run, "--hub", place]
    with muster.open(place, score__chunk_rows=1_024) as hub:
        run = _only_other(hub, undisturbed.id)
        if run is None:
            hub.score("numbers", data, actual, keep="all")
        elif hub.run(run).status != "done":
            hub.resume(run)
        run = _only_other(hub, undisturbed.id)
        assert run is not None
        finished = hub.run(run)
        assert (finished.status, finished.rows, finished.rejected) == ("done", ROWS, 1)
        assert finished.summary == undisturbed.summary
        _sound(hub)
    assert _whole(actual, expected)
    assert [p.name for p in actual.parent.iterdir() if ".muster-" in p.name] == []


def _numbers() -> pa.Table:
    numbers = list(range(ROWS))
    numbers[12_345] = -1
    return pa.table({"n": pa.array(numbers, pa.int64()), "text": [f"row {n}" for n in numbers]})


def _many() -> pa.Table:
    return pa.table({"n": pa.array(range(2_000_000), pa.int64())})


def _only_other(hub: Hub, known: str) -> str | None:
    others = [r.id for r in hub.runs() if r.id != known]
    assert len(others) <= 1
    return others[0] if others else None


def _whole(actual: Path, expected: Path) -> bool:
    """The same files with the same bytes, but for what names the run."""
    if not expected.is_dir():
        rejects = [p.with_name(p.name + ".rejects.jsonl") for p in (actual, expected)]
        return actual.read_bytes() == expected.read_bytes() and rejects[0].read_bytes() == rejects[1].read_bytes()
    names = sorted(p.name for p in expected.iterdir())
    if sorted(p.name for p in actual.iterdir()) != names:
        return False
    manifests = [json.loads((p / "_muster.json").read_text()) for p in (actual, expected)]
    for manifest in manifests:
        manifest.pop("run")
    same = all((actual / n).read_bytes() == (expected / n).read_bytes() for n in names if n != "_muster.json")
    return same and manifests[0] == manifests[1]


def test_a_killed_registration_leaves_a_whole_version_or_none(place: Path, tmp_path: Path) -> None:
    _register_and_kill(place, tmp_path, kills=4, seed=1)


@pytest.mark.deep
@pytest.mark.parametrize("seed", range(10))
def test_a_registration_killed_five_times(place: Path, tmp_path: Path, seed: int) -> None:
    _register_and_kill(place, tmp_path, kills=5, seed=100 + seed)


def _register_and_kill(place: Path, folder: Path, kills: int, seed: int) -> None:
    chance = random.Random(seed)
    sample = folder / "sample.jsonl"
    sample.write_text('{"n": 1}\n{"n": 2}\n')
    command: list[str | Path] = [
        "register",
        "numbers",
        place.parent / "model.py",
        "--sample",
        sample,
        "--alias",
        "newest",
        "--hub",
        place,
    ]
    (place.parent / "model.py").write_text(_model())
    began = time.monotonic()
    assert not _killed(place, command, 120)
    took = time.monotonic() - began
    for _ in range(kills):
        with muster.open(place) as hub:
            before = [v.number for v in hub.versions("numbers")]
        _killed(place, command, chance.uniform(0.2, took))
        _gone(place)
        with muster.open(place) as hub:
            _sound(hub)
            after = [v.number for v in hub.versions("numbers")]
            assert after in (before, [before[0] + 1, *before])
            assert hub.version("numbers@newest").number == after[0]
            assert hub.predict("numbers@newest", {"n": [1023]})["prediction"].to_pylist() == ["yes"]


def _model() -> str:
    return Path(__file__).with_name("numbers_model.py").read_text()


def test_two_at_once_get_two_numbers(place: Path, tmp_path: Path) -> None:
    (tmp_path / "model.py").write_text(_model())
    command = [sys.executable, "-m", "muster", "register", "numbers", tmp_path / "model.py", "--hub", place]
    (tmp_path / "sample.jsonl").write_text('{"n": 1}\n{"n": 2}\n')
    command += ["--sample", tmp_path / "sample.jsonl"]
    processes = [
        subprocess.Popen(list(map(str, command)), env=_environ(place), stderr=subprocess.PIPE) for _ in range(3)
    ]
    for process in processes:
        _, errors = process.communicate(timeout=120)
        assert process.returncode == 0, errors.decode()
    with muster.open(place) as hub:
        assert [v.number for v in hub.versions("numbers")] == [4, 3, 2, 1]
        _sound(hub)


def test_a_resume_on_other_data_is_refused(place: Path, tmp_path: Path) -> None:
    data = tmp_path / "in.parquet"
    pq.write_table(_many(), data)
    process = subprocess.Popen(
        [sys.executable, "-m", "muster", "score", "numbers", data, tmp_path / "out", "--hub", place],
        env=_environ(place),
        stderr=subprocess.DEVNULL,
    )
    with muster.open(place) as hub:
        while not (runs := [r for r in hub.runs() if r.status == "running" and r.rows]):
            assert process.poll() is None
        assert _workers(place)
        process.kill()
        process.wait()
        _gone(place)
        pq.write_table(_many().slice(1), data)
        with pytest.raises(MusterError, match="has changed since it began"):
            hub.resume(runs[0].id)
        assert hub.cancel(runs[0].id).status == "cancelled"
    assert [p.name for p in tmp_path.iterdir() if ".muster-" in p.name] == []
