"""Calls of `muster` in the process, in a process of its own, and on a terminal of its own."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from click.testing import CliRunner

from muster.cli.app import root

MUSTER = [sys.executable, "-m", "muster"]
OWN_TERMINAL = (
    "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execv(sys.argv[1], sys.argv[1:])"
)
COLOUR = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@dataclass(frozen=True)
class Answer:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def error(self) -> Any:
        """The error object; nothing else may stand on stderr."""
        return json.loads(self.err)["error"]


def call(*arguments: str | Path, stdin: str | bytes = b"") -> Answer:
    result = CliRunner().invoke(root, [str(a) for a in arguments], input=stdin)
    return Answer(result.exit_code, result.stdout, result.stderr)


def call_apart(*arguments: str | Path, stdin: bytes = b"", **options: Any) -> Answer:
    done = subprocess.run(
        [*MUSTER, *map(str, arguments)], input=stdin, capture_output=True, check=False, timeout=120, **options
    )
    return Answer(done.returncode, done.stdout.decode(), done.stderr.decode())


def leaves(command: click.Command = root, path: str = "muster") -> Iterator[tuple[str, click.Command]]:
    """Every command that does something, with its words."""
    if not isinstance(command, click.Group):
        yield path, command
        return
    context = click.Context(command, info_name=path)
    for name in command.list_commands(context):
        found = command.get_command(context, name)
        assert found is not None
        yield from leaves(found, f"{path} {name}")


class Terminal:
    """A program that believes that a person sits before it."""

    def __init__(self, process: subprocess.Popen[bytes], master: int) -> None:
        self.process = process
        self._master = master
        self.seen = ""

    def read_until(self, wanted: Callable[[str], bool], seconds: float = 60) -> str:
        """What was shown, once it is as wanted, or the program has ended."""
        end = time.monotonic() + seconds
        while not wanted(self.seen):
            assert time.monotonic() < end, f"not seen in time; so far: {self.seen!r}"
            if not select.select([self._master], [], [], 0.1)[0]:
                continue
            try:
                fresh = os.read(self._master, 65_536)
            except OSError:  # EIO is how Linux tells the end of a pty
                fresh = b""
            if not fresh:
                break
            self.seen += fresh.decode()
        return self.seen

    def type(self, text: str) -> None:
        os.write(self._master, text.encode())

    def interrupt(self) -> None:
        """Ctrl-C, until it is heard: a signal between the question and the wait for its answer is one that Python misses."""
        ended = False
        while not ended:
            self.type("\x03")
            with suppress(subprocess.TimeoutExpired):
                ended = self.process.wait(2) is not None

    def end(self) -> tuple[int, str]:
        """Exit code, and all that was shown, line ends as in a file."""
        shown = self.read_until(lambda _: False)
        return self.process.wait(60), shown.replace("\r\n", "\n")


@contextmanager
def terminal(
    *arguments: str | Path,
    columns: int = 80,
    cwd: Path | None = None,
    stdout: Any = None,
    program: Sequence[str] = MUSTER,
    **environment: str,
) -> Iterator[Terminal]:
    """`muster` on a terminal; `stdout` may go elsewhere."""
    master, slave = pty.openpty()
    environ = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "COLUMNS", "LINES")}
    process = subprocess.Popen(
        [sys.executable, "-c", OWN_TERMINAL, *program, *map(str, arguments)],
        stdin=slave,
        stdout=slave if stdout is None else stdout,
        stderr=slave,
        cwd=cwd,
        env={**environ, "TERM": "xterm-256color", "COLUMNS": str(columns), "LINES": "40", **environment},
        start_new_session=True,
    )
    os.close(slave)
    try:
        yield Terminal(process, master)
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        os.close(master)


def plain(text: str) -> str:
    return COLOUR.sub("", text)


def words(lines: Sequence[str]) -> list[list[str]]:
    return [line.split() for line in lines]
