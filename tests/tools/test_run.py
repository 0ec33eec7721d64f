"""When ./run makes or mends the environment. A small stand-in for uv notes its calls: uv itself is not what is shown here."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
STAND_IN = """#!/bin/sh
echo "$*" >>"{log}"
[ ! -e "{broken}" ] || [ "$1" != pip ] || exit 1
case "$1 $2" in
    --version*) echo 'uv 99.0.0' ;;
    venv*)
        for folder in "$@"; do :; done
        mkdir -p "$folder/bin"
        ln -sf '{python}' "$folder/bin/python"
        echo "VIRTUAL_ENV='$folder'" >"$folder/bin/activate"
        : >"$folder/pyvenv.cfg"
        ;;
    'pip sync')
        sleep 0.1 # long enough for another process to come in between, were it not kept out
        while [ "$1" != --python ]; do shift; done
        cp "$0" "$2/bin/uv"
        ;;
esac
"""


@dataclass
class Clone:
    folder: Path
    log: Path
    broken: Path

    def start(self, *command: str) -> subprocess.Popen[str]:
        path = os.pathsep.join([str(self.log.parent), str(Path(sys.executable).parent), os.environ["PATH"]])
        return subprocess.Popen(
            [self.folder / "run", *command],
            env={**os.environ, "PATH": path},
            cwd=self.log.parent,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def run(self, *command: str) -> tuple[int, str, str]:
        """Exit status, output, and what was said."""
        process = self.start(*command)
        out, said = process.communicate(timeout=60)
        return process.returncode, out, said

    def synced(self) -> list[str]:
        """The requirement files that were installed since the last call, in order; with a + those of one call."""
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        self.log.unlink(missing_ok=True)
        return ["+".join(re.findall(r"requirements/(\w+)\.txt", line)) for line in lines if line.startswith("pip sync")]


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    clone = Clone(tmp_path / "a clone", tmp_path / "bin" / "uv.log", tmp_path / "broken")
    shutil.copytree(ROOT / "tools", clone.folder / "tools", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "run", clone.folder / "run")
    (clone.folder / "pyproject.toml").write_text("[project]\n")
    (clone.folder / "requirements").mkdir()
    for name in ("core", "dev", "clusters"):
        (clone.folder / "requirements" / f"{name}.txt").write_text(f"# {name}\n")
    clone.log.parent.mkdir()
    uv = clone.log.parent / "uv"
    uv.write_text(STAND_IN.format(log=clone.log, broken=clone.broken, python=sys.executable))
    uv.chmod(0o755)
    return clone


def test_makes_the_environment_once(clone: Clone) -> None:
    assert clone.run("echo", "hello")[:2] == (0, "hello\n")
    assert clone.synced() == ["dev"]
    assert clone.run("echo", "hello") == (0, "hello\n", "")
    assert clone.synced() == []


def test_core_is_enough_to_use_muster_and_dev_serves_as_well(clone: Clone) -> None:
    clone.run("muster")
    assert clone.synced() == ["core"]
    clone.run("true")
    assert clone.synced() == ["dev"]
    clone.run("muster")
    assert clone.synced() == []


def test_the_deep_tests_bring_the_clusters_which_then_stay(clone: Clone) -> None:
    clone.run("test", "-k", "some")
    assert clone.synced() == ["dev"]
    clone.run("test", "--deep", "-k", "some")
    assert clone.synced() == ["dev+clusters"]
    for command in (["muster"], ["true"], ["test", "-k", "some"], ["test", "--deep"]):
        clone.run(*command)
        assert clone.synced() == []
    (clone.folder / "requirements" / "clusters.txt").write_text("# another\n")
    clone.run("true")  # needs none of it
    assert clone.synced() == []
    (clone.folder / "requirements" / "dev.txt").write_text("# another\n")
    clone.run("true")  # must not take the clusters away
    assert clone.synced() == ["dev+clusters"]


def test_muster_is_told_how_it_was_called(clone: Clone) -> None:
    clone.run("true")
    muster = clone.folder / ".venv" / "bin" / "muster"
    muster.write_text('#!/bin/sh\necho "$MUSTER_RUN $*"\n')
    muster.chmod(0o755)
    assert clone.run("muster", "model", "list")[1] == f"{clone.folder}/run model list\n"
    assert clone.run("demo", "here")[1] == f"{clone.folder}/run demo here\n"
    assert clone.run("sh", "-c", "echo ${MUSTER_RUN-none}")[1] == "none\n"


@pytest.mark.parametrize("changed", ["requirements/dev.txt", "pyproject.toml"])
def test_a_change_installs_again_what_was_there(clone: Clone, changed: str) -> None:
    clone.run("true")
    clone.synced()
    (clone.folder / changed).write_text("# another\n")
    clone.run("muster")  # needs core alone, but must not take dev away
    assert clone.synced() == ["dev"]
    clone.run("true")
    assert clone.synced() == []


def test_what_was_cut_short_is_begun_again(clone: Clone) -> None:
    clone.broken.touch()
    status, out, said = clone.run("echo", "hello")
    assert (status, out) == (1, "")
    assert "could not make .venv" in said
    assert "Traceback" not in said
    clone.broken.unlink()
    clone.synced()
    assert clone.run("echo", "hello")[:2] == (0, "hello\n")
    assert clone.synced() == ["dev"]


def test_a_moved_clone_gets_a_new_environment(clone: Clone) -> None:
    clone.run("true")
    clone.synced()
    moved = Clone(clone.folder.rename(clone.folder.with_name("moved")), clone.log, clone.broken)
    assert moved.run("sh", "-c", "echo $VIRTUAL_ENV")[1] == f"{moved.folder}/.venv\n"
    assert moved.synced() == ["dev"]
    assert str(moved.folder) in (moved.folder / ".venv" / "bin" / "activate").read_text()


def test_two_at_once_make_it_once(clone: Clone) -> None:
    both = [clone.start("echo", "hello"), clone.start("echo", "hello"), clone.start("muster")]
    outputs = [process.communicate(timeout=60)[0] for process in both]
    assert outputs[:2] == ["hello\n", "hello\n"]
    assert clone.synced().count("dev") == 1


def test_an_unknown_command_is_named(clone: Clone) -> None:
    status, out, said = clone.run("no-such-command")
    assert (status, out) == (127, "")
    assert "no command `no-such-command`" in said


def test_alone_it_lists_the_tasks_and_makes_nothing(clone: Clone) -> None:
    status, out, _ = clone.run()
    assert status == 0
    assert all(f"  {task}" in out for task in ("demo", "test", "lint", "bench", "docs", "lock"))
    assert clone.synced() == []


def test_bench_lists_what_there_is(clone: Clone) -> None:
    (clone.folder / "bench").mkdir()
    (clone.folder / "bench" / "speed.py").write_text("if __name__ == '__main__': print('fast')\n")
    (clone.folder / "bench" / "helpers.py").write_text("")
    assert clone.run("bench")[:2] == (0, "speed\n")
    assert clone.run("bench", "nothing")[:2] == (2, "speed\n")
    assert clone.run("bench", "speed")[:2] == (0, "fast\n")
