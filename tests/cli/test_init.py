"""`muster init`: what it writes registers and scores as its README says."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

import muster
from tests.cli.helpers import call


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MUSTER_HUB", str(tmp_path / "my model" / ".muster"))  # as it is for who works in the folder
    done = call("init", "my model")
    assert done.code == 0, done.err
    return tmp_path / "my model"


def test_the_readmes_commands_work_as_they_stand(made: Path) -> None:
    [block] = re.findall(r"```sh\n(.*?)```", (made / "README.md").read_text(), re.DOTALL)
    commands = [shlex.split(line)[1:] for line in block.splitlines()]
    assert [words[0] for words in commands] == ["register", "score"]
    for words in commands:
        extra = ["--environment", "current"] if words[0] == "register" else []
        done = call(*words, *extra)
        assert done.code == 0, done.err
    assert (made / "scored.csv").read_text().splitlines() == [
        '"age","visits","left","prediction"',
        '22,1,"no","no"',
        '35,4,"no","no"',
        '58,2,"yes","yes"',
        '71,,"yes","yes"',
        '44,3,"no","no"',
        '63,9,"no","no"',
    ]
    with muster.open() as hub:
        version = hub.version("my-model:1")
        assert (version.task, version.classes, version.target) == ("binary", ("no", "yes"), "left")
        assert version.size < 10_000, "the hub in the folder is no part of the model"
        [run] = hub.runs()
        assert run.isolation is not None
        assert version.probe is not None
        assert run.isolation == version.probe.isolation
    shown = call("run", "show", run.id).out
    assert re.search(rf"isolation +{run.isolation}", shown)
    assert re.search(rf"isolation +{run.isolation}", call("version", "show", "my-model:1").out)


def test_a_runtime_parameter_is_changed_at_registration(made: Path) -> None:
    sample = str(made / "sample.csv")
    given = ("--sample", sample, "--environment", "current")
    assert call("register", "rule", made, *given, "--runtime", "cut=0.9").code == 0
    with muster.open() as hub:
        assert set(hub.predict("rule", {"age": [71.0], "visits": [0]})["prediction"].to_pylist()) == {"no"}
    wrong = call("--json", "register", "rule", made, *given, "--runtime", "cat=1", "--runtime", "cut=x")
    assert wrong.error["message"] == "the model has no runtime parameter `cat`; did you mean `cut`?"
    wrong = call("--json", "register", "rule", made, *given, "--runtime", "cut=x")
    assert wrong.error["message"].endswith("the runtime parameter `cut` is a number, and 'x' is none")


def test_files_that_are_there_stay(made: Path) -> None:
    (made / "model.py").write_text("mine")
    done = call("init", made)
    assert done.code == 1
    assert "has model.py, model.toml" in done.err
    assert (made / "model.py").read_text() == "mine"


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = call("init", tmp_path / "file" / "model")
    assert done.code == 2
    assert "cannot be made: Not a directory" in done.err
