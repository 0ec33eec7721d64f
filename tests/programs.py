"""Programs of PyPI that tests and benchmarks talk to, each in an environment of its own below the project's."""

from __future__ import annotations

import shutil
import sys
import time
from pathlib import Path

from muster.predictors.local.tool import Uv

__all__ = ["CannotInstall", "installed"]

_SECONDS = 900


class CannotInstall(Exception):
    """What uv said of it."""


def installed(name: str, *wanted: str) -> Path:
    """The environment's folder of programs; made once, and anew when other requirements are wanted."""
    folder = Path(__file__).parents[1] / ".venv" / name
    mark, said = folder / "wanted.txt", "\n".join(wanted)
    if not (mark.is_file() and mark.read_text() == said):
        shutil.rmtree(folder, ignore_errors=True)
        uv, until = Uv(lambda _: None), time.monotonic() + _SECONDS
        commands: tuple[tuple[str | Path, ...], ...] = (
            ("venv", "--quiet", "--no-project", "--python", sys.executable, folder),
            ("pip", "install", "--quiet", "--python", folder / "bin/python", *wanted),
        )
        for command in commands:
            ran = uv(*command, until=until)
            if not ran.ok:
                raise CannotInstall(ran.said)
        mark.write_text(said)
    return folder / "bin"
