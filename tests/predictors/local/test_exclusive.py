from __future__ import annotations

import fcntl
import multiprocessing
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from muster.predictors.local.exclusive import Busy, exclusive


def test_one_thread_at_a_time_and_the_file_goes_in_the_end(tmp_path: Path) -> None:
    file, inside, most = tmp_path / "a.lock", 0, 0

    def work() -> None:
        nonlocal inside, most
        for _ in range(20):
            with exclusive(file, seconds=60):
                inside += 1
                most = max(most, inside)
                inside -= 1

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1
    assert not file.exists()


def _count(file: Path, tally: Path) -> None:
    for _ in range(25):
        with exclusive(file, seconds=60):
            tally.write_text(str(int(tally.read_text()) + 1))


def test_one_process_at_a_time(tmp_path: Path) -> None:
    tally = tmp_path / "tally"
    tally.write_text("0")
    spawn = multiprocessing.get_context("spawn")
    processes = [spawn.Process(target=_count, args=(tmp_path / "a.lock", tally)) for _ in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert tally.read_text() == "50"


def test_who_waits_is_told_once_and_not_for_ever(tmp_path: Path) -> None:
    file, told = tmp_path / "a.lock", 0

    def tell() -> None:
        nonlocal told
        told += 1

    with exclusive(file, seconds=1), pytest.raises(Busy), exclusive(file, seconds=0.15, waiting=tell):
        raise AssertionError("two hold it")
    assert told == 1


def test_a_killed_holder_holds_nothing(tmp_path: Path) -> None:
    file = tmp_path / "a.lock"
    code = "import sys; from pathlib import Path; from muster.predictors.local.exclusive import exclusive\n"
    code += "with exclusive(Path(sys.argv[1]), seconds=5): print('held', flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", code, str(file)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(Busy), exclusive(file, seconds=0):
            raise AssertionError("two hold it")
        holder.kill()
    with exclusive(file, seconds=5):
        assert file.exists()


def test_a_file_that_went_between_two_looks_is_not_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file, real = tmp_path / "a.lock", fcntl.flock

    def late(handle: int, how: int) -> None:
        """The one who held the file frees it, just before."""
        monkeypatch.setattr(fcntl, "flock", real)
        file.unlink()
        real(handle, how)

    monkeypatch.setattr(fcntl, "flock", late)
    with exclusive(file, seconds=5), pytest.raises(Busy), exclusive(file, seconds=0):
        raise AssertionError("two hold it")
