"""Help is quick, complete, and true."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from typing import get_args

import click
import pytest

from muster.cli.app import _HOUSE, _WORK, root
from muster.cli.command import first_line
from muster.cli.commands.predict import FORMATS
from muster.cli.commands.register import TASKS
from muster.records import DatasetRecord, EvaluationRecord, Event, MetricRecord, Model, Record, Run, Version
from muster.signature import Task
from tests.cli.helpers import call, call_apart, leaves

HEAVY = ("alembic", "numpy", "pyarrow", "rich", "sqlalchemy")
COMMANDS = dict(leaves())


def test_the_commands_are_those_of_the_surface() -> None:
    assert sorted(COMMANDS) == sorted(
        f"muster {words}"
        for words in (
            *("demo", "register", "score", "evaluate", "compare", "predict", "worker", "gc", "init", "completion"),
            *(f"metric {verb}" for verb in ("register", "list", "show", "delete")),
            *("evaluation list", "evaluation show", "evaluation thresholds", "evaluation history", "evaluation delete"),
            *("model list", "model show", "model describe", "model delete", "model restore"),
            *(
                "version list",
                "version show",
                "version describe",
                "version threshold",
                "version download",
                "version delete",
            ),
            *("version restore", "version snapshot", "version snapshots", "discover"),
            *(f"connection {verb}" for verb in ("add", "list", "show", "test", "remove")),
            *("alias set", "alias remove", "alias list", "tag set", "tag remove"),
            *("dataset register", "dataset list", "dataset show", "dataset remove"),
            *("origin list", "origin check", "run list", "run show", "run cancel", "run resume"),
            *("env list", "env gc", "event list", "event verify", "config show", "db upgrade"),
            *("event head", "db backup", "db restore", "env build", "env show"),
        )
    )


@pytest.mark.parametrize("program", ["import muster", "from muster.cli import main; main()"])
@pytest.mark.parametrize("option", ["--help", "--version"])
def test_nothing_heavy_is_imported(program: str, option: str) -> None:
    told = f"import sys\ntry:\n    {program}\nexcept SystemExit: pass\nprint([m for m in {HEAVY} if m in sys.modules], file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", told, option], capture_output=True, text=True, check=True)
    assert done.stderr == "[]\n"


def test_help_goes_to_stdout() -> None:
    answer = call_apart("--help")
    assert (answer.code, answer.err) == (0, "")
    assert answer.out.startswith("Usage: muster [OPTIONS] COMMAND")


def test_without_a_command_help_is_misuse() -> None:
    for arguments in ((), ("model",)):
        answer = call(*arguments)
        assert (answer.code, answer.out) == (2, "")
        assert answer.err.startswith("Usage: muster")


def test_the_table_of_help_says_what_the_commands_say() -> None:
    context = click.Context(root)
    for name, told in {**_WORK, **_HOUSE}.items():
        command = root.get_command(context, name)
        assert command is not None
        assert first_line(command) == told


@pytest.mark.parametrize("path", COMMANDS)
def test_every_command_has_help_and_json(path: str) -> None:
    answer = call(*path.split()[1:], "--help")
    assert answer.code == 0
    assert answer.out.startswith(f"Usage: {path} ")
    for wanted in ("--json", "--hub", "--quiet", "Example"):
        assert wanted in answer.out
    assert first_line(COMMANDS[path]).endswith(".")


@pytest.mark.parametrize("path", COMMANDS)
def test_every_example_can_be_read(path: str) -> None:
    """What follows the command in its example is parsed as it would be, and nothing is done."""
    lines = [line for line in COMMANDS[path].example.splitlines() if path in line]  # type: ignore[attr-defined]
    assert lines
    for line in lines:
        told = line[line.index(path) + len(path) :].split(" <")[0].split(" >")[0].split(')"')[0]
        COMMANDS[path].make_context(path, shlex.split(told, comments=True))


@pytest.mark.parametrize(
    ("noun", "kind"),
    [
        ("model", Model),
        ("version", Version),
        ("dataset", DatasetRecord),
        ("run", Run),
        ("evaluation", EvaluationRecord),
        ("metric", MetricRecord),
        ("event", Event),
    ],
)
def test_a_list_names_the_fields_that_can_be_searched(noun: str, kind: type[Record]) -> None:
    told = " ".join((COMMANDS[f"muster {noun} list"].help or "").split())
    named = re.split(", | and ", told.partition("(contains), over ")[2].partition(". ")[0])
    tagged = ["tag.KEY"] if kind.TAGS in kind.__annotations__ else []
    assert named == [*kind.INDEXED, *tagged]


@pytest.mark.parametrize("path", COMMANDS)
def test_no_option_is_without_help(path: str) -> None:
    silent = [
        p.name for p in COMMANDS[path].params if isinstance(p, click.Option) and not p.help and p.name != "origin"
    ]
    assert not silent


def test_choices_are_those_of_the_contracts() -> None:
    from muster.cli import rows

    assert set(TASKS) == set(get_args(Task))
    assert FORMATS == rows.FORMATS


@pytest.mark.parametrize(
    ("shell", "told"), [("bash", "complete -o nosort"), ("zsh", "#compdef muster"), ("fish", "complete --no-files")]
)
def test_completion_scripts(shell: str, told: str) -> None:
    answer = call("completion", shell)
    assert answer.code == 0
    assert told in answer.out
    assert "_MUSTER_COMPLETE" in answer.out
    assert call("completion", shell, "--json").json["script"] == answer.out.removesuffix("\n")


def test_completion_answers() -> None:
    import os

    environ = {**os.environ, "_MUSTER_COMPLETE": "bash_complete", "COMP_WORDS": "muster ver", "COMP_CWORD": "1"}
    answer = call_apart(env=environ)
    assert answer.out.split() == ["plain,version"]
