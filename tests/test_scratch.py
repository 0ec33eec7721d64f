from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import pytest

from muster.records import new_id
from muster.scratch import scratch

LEAVES = """
import os, sys
from pathlib import Path
from muster.scratch import scratch
with scratch(Path(sys.argv[1])) as folder:
    (folder / "half").write_text("made")
    os._exit(1)
"""

IS_KILLED_REMOVING = """
import os, sys
from pathlib import Path
from muster.scratch import scratch

left = int(sys.argv[2])

def count(event, _):
    global left
    if event in ("os.remove", "os.rmdir"):
        left -= 1
        if left < 0:
            os._exit(9)

with scratch(Path(sys.argv[1])) as folder:
    for n in range(3):
        (folder / str(n)).mkdir()
        (folder / str(n) / "file").write_text("x")
    sys.addaudithook(count)
"""


def test_a_folder_is_there_while_it_is_needed(tmp_path: Path) -> None:
    with scratch(tmp_path / "scratch") as folder:
        (folder / "file").write_text("x")
        with scratch(tmp_path / "scratch") as other:
            assert other != folder
        assert (folder / "file").exists()
    assert list((tmp_path / "scratch").iterdir()) == []


def test_what_a_killed_process_left_is_swept(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", LEAVES, tmp_path], check=False)
    assert len(list(tmp_path.iterdir())) == 1
    with scratch(tmp_path):
        assert len(list(tmp_path.iterdir())) == 1
    assert list(tmp_path.iterdir()) == []


def test_what_a_removal_leaves_that_was_killed_is_swept(tmp_path: Path) -> None:
    for removed in range(20):
        place = tmp_path / str(removed)
        ended = subprocess.run([sys.executable, "-c", IS_KILLED_REMOVING, place, str(removed)], check=False)
        with scratch(place):
            pass
        assert [f for f in place.rglob("*") if f.is_file()] == [], removed
        if not ended.returncode:
            assert removed > 7
            return
    pytest.fail("it was killed each time")


def test_what_cannot_be_told_is_swept_after_a_day(tmp_path: Path) -> None:
    (tmp_path / "tmp_fresh").mkdir()
    (tmp_path / "tmp_old").mkdir()
    os.utime(tmp_path / "tmp_old", (0, 0))
    with scratch(tmp_path):
        assert (tmp_path / "tmp_fresh").exists()
        assert not (tmp_path / "tmp_old").exists()


def test_what_others_put_there_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "tmp.DS_Store").write_text("x")
    staged = tmp_path / new_id()  # what a run has staged may wait for weeks to be resumed
    (staged / "chunks").mkdir(parents=True)
    (tmp_path / "tmp_half").mkdir()
    (tmp_path / "tmp_half" / "owner").write_text("")
    with scratch(tmp_path):
        assert len(list(tmp_path.iterdir())) == 4
    for folder in (staged, tmp_path / "tmp_half"):
        os.utime(folder, (0, 0))
    with scratch(tmp_path):
        pass
    assert {p.name for p in tmp_path.iterdir()} == {"tmp.DS_Store", staged.name}


@pytest.mark.skipif(os.getuid() != 0, reason="never: only root can become another user")
def test_what_another_user_has_there_is_left_alone() -> None:
    code = """
import os, sys
from pathlib import Path
from muster.scratch import scratch
os.setresuid(123_456, 123_456, 123_456)
with scratch(Path(sys.argv[1])) as made:
    print("worked")
"""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o777)
        (folder / "tmp_own").mkdir(mode=0o700)
        (folder / "tmp_own" / "owner").write_text("")
        ran = subprocess.run([sys.executable, "-c", code, name], capture_output=True, text=True, check=False)
        assert ran.stdout == "worked\n", ran.stderr
        assert [p.name for p in folder.iterdir()] == ["tmp_own"]


def test_many_at_once_sweep_beside_each_other(tmp_path: Path) -> None:
    """What another one removes while it is looked at is no fault."""
    faults: list[BaseException] = []
    until = time.monotonic() + 1.0

    def work() -> None:
        try:
            while time.monotonic() < until:
                with scratch(tmp_path):
                    pass
        except BaseException as error:  # noqa: BLE001  # told by the thread that tests
            faults.append(error)

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    assert list(tmp_path.iterdir()) == []
