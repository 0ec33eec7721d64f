"""Byte code of what a worker imported, compiled beside it: a worker that is shut in cannot write any, and would compile all at each start.

Compiling runs nothing of what is compiled. Each file is written to a temporary name and renamed, so it may be cut off anywhere; what
lacks then is compiled at the next start.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator
from functools import cache
from itertools import islice
from pathlib import Path

import muster.worker
from muster.predictors.local.installed import own_paths

__all__ = ["Compiling"]

_OWN = Path(muster.worker.__file__).parent
_SECONDS = 60.0
_PATIENCE = 20.0
"""Seconds that the end of a worker waits for it."""
_MOST = 20_000
"""Sources that are looked at, whatever a worker tells."""

_PROGRAM = """
import compileall, os, sys
os.nice(5)
for line in sys.stdin.buffer.read().decode("utf-8", "surrogateescape").split("\\n"):
    compileall.compile_file(line, quiet=2)
"""
_at_work: set[Path] = set()
_taking = threading.Lock()


class Compiling:
    """Compiles from now on, unless another thread of this process does for the same Python; `wait` until it is done, but not long."""

    def __init__(self, python: Path, files: Iterable[object]) -> None:
        self._python = python
        self._thread: threading.Thread | None = None
        wanted = list(_within(_places(python), files))
        with _taking:
            if not wanted or python in _at_work:
                return
            _at_work.add(python)
        self._thread = threading.Thread(target=self._compile, args=(wanted,), name="muster-compile", daemon=True)
        self._thread.start()

    def wait(self) -> None:
        if self._thread is not None:
            self._thread.join(_PATIENCE)

    def _compile(self, files: list[str]) -> None:
        try:
            subprocess.run(
                [self._python, "-I", "-S", "-c", _PROGRAM],
                input="\n".join(files).encode("utf-8", "surrogateescape"),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                timeout=_SECONDS,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired):
            return  # it only makes later starts quicker
        finally:
            with _taking:
                _at_work.discard(self._python)


def _places(python: Path) -> list[Path]:
    """Where byte code may be written: in an environment that Muster built, and in this process's own as Python itself would."""
    built = python.parent.parent
    if (built / "muster.json").is_file():
        return [built, _OWN]
    if python == Path(sys.executable) and not sys.dont_write_bytecode:
        return [*map(Path, own_paths()), _OWN]
    return []


def _within(places: list[Path], files: Iterable[object]) -> Iterator[str]:
    """What a worker tells may be anything: a model's code runs in it."""
    roots = [place.resolve() for place in places]
    told = [f for f in files if isinstance(f, str) and f.endswith(".py") and "\n" not in f] if roots else []
    takes = cache(_takes)
    for file in islice(dict.fromkeys(told), _MOST):
        real = Path(os.path.realpath(file))
        if any(map(real.is_relative_to, roots)) and real.is_file() and takes(real.parent):
            yield str(real)


def _takes(folder: Path) -> bool:
    """Whether byte code can be written: where it cannot, compiling would be for nothing, and again at each start."""
    kept = folder / "__pycache__"
    return os.access(kept if kept.is_dir() else folder, os.W_OK)
