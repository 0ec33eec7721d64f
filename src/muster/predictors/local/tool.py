"""Runs uv: in an empty folder, with pip's settings beside its own, within a time limit, telling what it downloads."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import uv

from muster.errors import EnvironmentFailed
from muster.predictor import Talk
from muster.predictors.local.indexes import NOWHERE, Sources, mask, uv_settings
from muster.scratch import scratch

__all__ = ["Ran", "Uv"]

# They would turn uv to another environment or resolution than the one that is asked for, or make it skip checks.
_DROPPED = frozenset(
    [
        "CONDA_PREFIX",
        "PYTHONHOME",
        "PYTHONPATH",
        "VIRTUAL_ENV",
        "UV_BREAK_SYSTEM_PACKAGES",
        "UV_NO_BINARY",
        "UV_NO_BINARY_PACKAGE",
        "UV_NO_BUILD",
        "UV_NO_BUILD_PACKAGE",
        "UV_NO_VERIFY_HASHES",
        "UV_OUTPUT_FILE",
        "UV_PROJECT",
        "UV_PYTHON",
        "UV_REQUIRE_HASHES",
        "UV_SYSTEM_PYTHON",
        "UV_WORKING_DIR",
    ]
)
# What a package that is built from its source sees, because building runs its code: no secrets that were meant for others.
_FOR_SOURCES = re.compile(
    r"UV_\w+|SSL_\w+|LC_\w+|\w+_(proxy|PROXY)|PATH|HOME|LANG|TMPDIR|TZ|NETRC|XDG_\w+|CC|CXX|FC|(C|CXX|LD)FLAGS|LD_LIBRARY_PATH"
)
_NEWS = re.compile(r"\s*(Downloading|Building|Updating) ")


@dataclass(frozen=True, slots=True)
class Ran:
    """How a uv command ended, without secrets: what it wrote, and what it said."""

    ok: bool
    out: str
    said: str


class Uv:
    """The uv of this machine. `talk` gets a line for each large download and each build from source."""

    def __init__(self, talk: Talk, sources: Sources = NOWHERE) -> None:
        self._talk = talk
        self._sources = sources

    def __call__(self, *arguments: str | Path, until: float, sources: bool = False, offline: bool = False) -> Ran:
        """Run one command that has to end before `until`, a `time.monotonic()`. `sources`: it may run the code of packages."""
        settings, flags = uv_settings(ours=self._sources)
        environ = {
            n: v for n, v in os.environ.items() if n not in _DROPPED and (not sources or _FOR_SOURCES.fullmatch(n))
        }
        command = [find_uv(), *map(str, arguments), *(flags if arguments[0] == "pip" else []), "--color", "never"]
        if offline:
            command.append("--offline")
        with (
            scratch() as empty,
            _started(command, environ | settings, empty) as process,
        ):
            return self._finish(process, until, " ".join(map(str, arguments[:2])))

    def _finish(self, process: subprocess.Popen[str], until: float, what: str) -> Ran:
        overdue = threading.Event()

        def end() -> None:
            overdue.set()
            _kill(process)

        out: list[str] = []
        assert process.stdout is not None
        assert process.stderr is not None
        read = process.stdout.read
        reader = threading.Thread(target=lambda: out.append(read()), daemon=True)
        reader.start()
        timer = threading.Timer(max(0.0, until - time.monotonic()), end)
        timer.start()
        try:
            said = [self._heard(line) for line in process.stderr]
            process.wait()
            reader.join()
        finally:
            timer.cancel()
        if overdue.is_set():
            raise EnvironmentFailed(
                f"`uv {what}` was stopped because it took longer than environment.build_seconds allows",
                hint="set environment.build_seconds higher, or look why downloads are slow",
                details={"uv": mask("".join(said))},
            )
        return Ran(process.returncode == 0, "".join(out), mask("".join(said)))

    def _heard(self, line: str) -> str:
        if _NEWS.match(line):
            news = mask(line.strip())
            self._talk(news[0].lower() + news[1:])
        return line


def find_uv() -> str:
    """The uv that was installed with Muster, else the one on the PATH."""
    try:
        return os.fspath(uv.find_uv_bin())
    except FileNotFoundError:
        found = shutil.which("uv")
    if found is None:
        raise EnvironmentFailed(
            "uv, which builds environments, is not installed", hint="install it with `pip install uv`"
        )
    return found


@contextmanager
def _started(command: Sequence[str], environ: dict[str, str], folder: Path) -> Iterator[subprocess.Popen[str]]:
    """A process in its own group, which has ended, with all that it started, when the block ends."""
    with subprocess.Popen(
        command,
        env=environ,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        start_new_session=True,
    ) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                _kill(process)


def _kill(process: subprocess.Popen[str]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
