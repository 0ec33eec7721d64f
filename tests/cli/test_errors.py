"""What went wrong: on stderr, in one form, with the right exit code, and never a trace that nobody asked for."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from muster import errors as tree
from muster.cli import errors
from muster.cli.commands import config, model
from muster.cli.session import Session
from muster.errors import InvalidInput, ModelFailed, MusterError, RunFailed
from tests.cli.conftest import RUN
from tests.cli.helpers import MUSTER, Answer, call, call_apart


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Answer]:
    """A command that meets this error."""

    def fail(error: BaseException, *arguments: str) -> Answer:
        def command(*_: object, **__: object) -> None:
            raise error

        monkeypatch.setattr(config.show_config, "callback", command)
        return call("config", "show", *arguments)

    return fail


def test_an_error_says_what_happened_and_what_to_do(written: Path) -> None:
    answer = call_apart("version", "show", "churn:7")
    assert (answer.code, answer.out) == (1, "")
    assert answer.err == (
        "VersionNotFound: model `churn` has no version 7 (latest is 2)\n\nhint: list them with `muster version list churn`\n"
    )


def test_an_error_is_an_object_where_json_is_asked_for(written: Path) -> None:
    answer = call_apart("--json", "version", "show", "churn:7")
    assert (answer.code, answer.out) == (1, "")
    assert answer.error == {
        "type": "VersionNotFound",
        "message": "model `churn` has no version 7 (latest is 2)",
        "hint": "list them with `muster version list churn`",
        "details": {},
    }


def _kinds(kind: type[MusterError]) -> list[type[MusterError]]:
    return [kind, *(k for below in kind.__subclasses__() for k in _kinds(below))]


KINDS = [kind for kind in _kinds(MusterError) if kind.__module__ == "muster.errors"]


@pytest.mark.parametrize("kind", KINDS, ids=lambda k: k.__name__)
def test_misuse_is_what_is_wrong_with_the_input(kind: type[MusterError], failing: Callable[..., Answer]) -> None:
    answer = failing(kind("it is so", hint="do this", details={"path": Path("x")}))
    assert (answer.code, answer.out) == (2 if issubclass(kind, InvalidInput) else 1, "")
    assert answer.err == f"{kind.__name__}: it is so\n\nhint: do this\n"
    assert failing(kind("it is so"), "--json").error == {
        "type": kind.__name__,
        "message": "it is so",
        "hint": None,
        "details": {},
    }


def test_every_error_of_the_tree_is_shown() -> None:
    assert {k.__name__ for k in KINDS} == {n for n in tree.__all__ if n[0].isupper()}


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["modl"], "there is no command `muster modl`; did you mean `model`?"),
        (["model", "shw", "x"], "there is no command `muster model shw`; did you mean `show`?"),
        (["register"], "Missing argument 'MODEL'"),
        (
            ["score", "a", "b", "c", "--overwrit"],
            "No such option '--overwrit'. (Did you mean one of: '--no-wait', '--overwrite'?)",
        ),
        (
            ["score", "a", "b", "c", "--on-reject", "stop"],
            "Invalid value for '--on-reject': 'stop' is not one of 'skip', 'fail'",
        ),
        (["model", "list", "--limit", "0"], "Invalid value for '--limit': 0 is not in the range x>=1"),
        (["model", "list", "nmae~x"], "`nmae` cannot be searched; did you mean `name`?"),
        (["model", "list", "--sort", "size"], "cannot sort by `size`"),
        (["model", "show", "No Name"], "`No Name` is no reference to a model or version: "),
        (["register", "churn", "absent"], "there is nothing at `absent`"),
    ],
)
def test_misuse(arguments: list[str], told: str, written: Path) -> None:
    answer = call(*arguments, "--quiet")
    assert (answer.code, answer.out) == (2, "")
    assert answer.err.partition(": ")[2].startswith(told)
    assert "\n\nhint: " in answer.err
    told_json = call(*arguments, "--json")
    assert (told_json.code, told_json.out) == (2, "")
    assert told_json.error["message"].startswith(told)


def test_json_behind_two_dashes_is_an_argument() -> None:
    assert call("model", "show", "--", "a", "--json").err.startswith("InvalidInput: ")


def test_a_hub_without_a_name_is_refused(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert call("--hub", "", "model", "list", "--json").error["message"] == "the hub has an empty name (from: argument)"
    monkeypatch.setenv("MUSTER_HUB", " ")
    assert call("model", "list").code == 2
    assert list(place.iterdir()) == []


def test_what_nobody_expects_is_one_line(failing: Callable[..., Answer]) -> None:
    answer = failing(KeyError("rows"))
    assert answer.code == 1
    assert answer.err == (
        "InternalError: Muster met something that it does not expect: KeyError: 'rows'\n\n"
        "hint: this is a defect of Muster: report it with what the command shows under MUSTER_DEBUG=1\n"
    )
    assert failing(KeyError("rows"), "--json").error["type"] == "InternalError"


def test_the_trace_is_there_for_who_asks(failing: Callable[..., Answer], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MUSTER_DEBUG", "1")
    assert "Traceback (most recent call last)" in failing(KeyError("rows")).err
    assert "Traceback" not in failing(InvalidInput("wrong")).err


def test_the_systems_words_are_passed_on(failing: Callable[..., Answer]) -> None:
    answer = failing(PermissionError(13, "Permission denied", "/hub/muster.db"))
    assert (answer.code, answer.err) == (
        1,
        "OSError: Permission denied: `/hub/muster.db`\n\nhint: use an account that may do this, or another place\n",
    )
    assert failing(OSError(5, "Input/output error")).err == (
        "OSError: Input/output error\n\nhint: MUSTER_DEBUG=1 shows where it came from\n"
    )


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_streams_lead_nowhere(closed: str, written: Path) -> None:
    script = f"{shlex.join(MUSTER)} model list {closed}"
    done = subprocess.run(["sh", "-c", script], capture_output=True, check=False, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("name ") == (">&-" not in closed.split())


@pytest.mark.parametrize("words", ["model list", "model list --json", "--help"])
def test_a_full_disk_behind_stdout_is_named(words: str, written: Path) -> None:
    script = f"{shlex.join(MUSTER)} {words} > /dev/full"
    done = subprocess.run(["sh", "-c", script], capture_output=True, check=False, text=True)
    assert done.returncode == 1
    assert "what is printed cannot be written: No space left on device" in done.stderr
    assert "see where stdout goes" in done.stderr
    assert "Exception ignored" not in done.stderr


def test_a_folder_that_is_gone_is_named(place: Path) -> None:
    script = f"mkdir gone; cd gone; rmdir ../gone; exec {shlex.join(MUSTER)} model list"
    done = subprocess.run(["sh", "-c", script], capture_output=True, check=False, text=True)
    assert (done.returncode, done.stderr) == (
        2,
        "InvalidInput: the folder that you are in is gone\n\nhint: change to one that exists\n",
    )


def test_a_models_own_frames_are_shown_to_who_asks(
    failing: Callable[..., Answer], monkeypatch: pytest.MonkeyPatch
) -> None:
    cause = ModelFailed(
        "the model failed: KeyError: 'age'", hint="mend it", details={"traceback": 'File "model.py", line 3'}
    )
    for error in (cause, RunFailed(cause.message, hint=cause.hint, details=cause.details)):
        if error is not cause:
            error.__cause__ = cause
        assert failing(error).err.endswith("\n\nhint: mend it; MUSTER_DEBUG=1 shows where in the model's code\n")
    monkeypatch.setenv("MUSTER_DEBUG", "1")
    assert failing(cause).err.endswith('\n\nhint: mend it\n\nFile "model.py", line 3\n')


@pytest.mark.parametrize(
    ("error", "code", "name"), [(KeyboardInterrupt(), 130, "Interrupted"), (errors.Terminated(), 143, "Terminated")]
)
def test_what_was_cut_off_tells_how_to_go_on(
    error: BaseException, code: int, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    session = Session()
    session.run = RUN
    assert errors.show(error, session, []) == code
    assert capsys.readouterr().err == (
        f"{name}: run {RUN} stopped, and keeps what is done\n\n"
        f"hint: go on with `muster run resume {RUN}`, or give it up with `muster run cancel {RUN}`\n"
    )
    session.format = "json"
    assert errors.show(error, session, []) == code
    assert json.loads(capsys.readouterr().err)["error"]["details"] == {"run": RUN}


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_signals_end_a_command_in_order(number: int, code: int, place: Path) -> None:
    """It waits for stdin when the signal comes."""
    script = (
        "import os, sys\nfrom muster.cli.commands import config\n"
        "config.show_config.callback = lambda *_, **__: (print('ready', flush=True), sys.stdin.read())\n"
        "from muster.cli import main\nmain()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, "config", "show"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        process.send_signal(number)
        _, told = process.communicate(timeout=60)
    assert process.returncode == code
    assert told.startswith(b"Interrupted: stopped" if number == signal.SIGINT else b"Terminated: stopped")
    assert b"Traceback" not in told


def test_a_reader_that_has_seen_enough_is_no_error(written: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [*MUSTER, "version", "list", "--json"], stdout=writer, stderr=subprocess.PIPE, check=False, timeout=60
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (141, b"")


def test_help_too_may_be_cut_off() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run([*MUSTER, "--help"], stdout=writer, stderr=subprocess.PIPE, check=False, timeout=60)
    os.close(writer)
    assert (done.returncode, done.stderr) == (141, b"")


def test_a_broken_pipe_that_is_not_stdout_is_a_failure(failing: Callable[..., Answer]) -> None:
    assert failing(BrokenPipeError(32, "Broken pipe")).err.startswith("OSError: Broken pipe\n")


def test_output_in_a_poor_encoding_is_still_output(written: Path) -> None:
    environ = {**os.environ, "PYTHONIOENCODING": "latin-1"}
    answer = call_apart("version", "threshold", "churn:1", "0.3", env=environ)
    assert (answer.code, answer.out) == (0, "threshold  churn:1  yes from p \\u2265 0.3\n")


def test_the_table_of_exits_is_whole() -> None:
    told = {line.split("|")[1].strip() for line in (errors.__doc__ or "").splitlines() if line.startswith("| ")}
    codes = {errors.DONE, errors.FAILED, errors.MISUSE, errors.INTERRUPTED, errors.CLOSED, errors.TERMINATED}
    assert told - {"exit", "---"} == set(map(str, codes))
    assert model.model.name == "model"
