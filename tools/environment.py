"""Make .venv from requirements/, with uv from PATH or brought into the clone.

Runs under whatever `python3` is there, so: Python 3.8 syntax and the standard library alone.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from bring_uv import CannotBring, find_or_bring
from pip_settings import as_uv_settings

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
MADE = VENV / ".made"
OLDEST_PYTHON = (3, 11)
GROUPS = {"core": ["core"], "dev": ["dev"], "deep": ["dev", "clusters"]}
"""Each has the requirement files of requirements/ that it is made of; each has all that those before it have."""


def main(wanted: str) -> int:
    """Bring .venv up to date with `wanted`, one process at a time."""
    with open(__file__) as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        group = max(wanted, _made_for(), key=list(GROUPS).index)  # nothing that is there is taken away
        if _is_current(group):  # another process made it while this one waited
            return 0
        try:
            _make(group)
        except CannotBring as problem:
            print("./run: " + str(problem), file=sys.stderr)
            return 1
        except subprocess.CalledProcessError as failed:
            print("./run: could not make .venv: `{}` failed".format(" ".join(failed.cmd[:3])), file=sys.stderr)
            return 1
    return 0


def _make(group: str) -> None:
    environment = dict(os.environ, **as_uv_settings())
    # Settings that would turn uv to another environment or another resolution than the one of the requirement file.
    for name in ("UV_SYSTEM_PYTHON", "UV_PROJECT", "UV_WORKING_DIR", "UV_PYTHON", "VIRTUAL_ENV", "PYTHONHOME"):
        environment.pop(name, None)
    shutil.rmtree(str(MADE), ignore_errors=True)  # from here to the end .venv is unfinished
    uv = find_or_bring(ROOT)
    if not _usable():
        print("./run: making .venv (the first time downloads the packages)", file=sys.stderr)
        _run([uv, "venv", "--quiet", "--clear", "--python", _python(), str(VENV)], environment)
    elif group != "core":
        needing = "the deep tests" if group == "deep" else "tests, tools and other commands"
        print(f"./run: bringing .venv up to all that {needing} need", file=sys.stderr)
    requirements = [str(file) for file in _requirements(group)]
    _run([uv, "pip", "sync", *_talk(), "--require-hashes", "--python", str(VENV), *requirements], environment)
    # The environment's own uv is of the pinned version and builds with the backend inside it: nothing unpinned is fetched.
    own = str(VENV / "bin" / "uv")
    _run([own, "pip", "install", "--quiet", "--no-deps", "--python", str(VENV), "--editable", str(ROOT)], environment)
    _stamp(group)


def _usable() -> bool:
    """Whether .venv has a working Python that was made for this folder."""
    config = VENV / "pyvenv.cfg"
    if not config.is_file() or not (VENV / "bin" / "python").exists():
        return False
    activate = VENV / "bin" / "activate"
    return activate.is_file() and str(VENV) in activate.read_text()  # a moved clone leaves the old path in its scripts


def _python() -> str:
    """The Python that runs this, if it is new enough; else uv looks for one on the machine, then downloads it."""
    if sys.version_info >= OLDEST_PYTHON:
        return sys.executable
    return ">={}.{}".format(*OLDEST_PYTHON)


def _talk() -> list[str]:
    return [] if sys.stderr.isatty() else ["--quiet"]


def _run(command: list[str], environment: dict[str, str]) -> None:
    subprocess.run(command, check=True, env=environment, cwd=str(ROOT), stdout=sys.stderr)


def _stamp(group: str) -> None:
    """Keep what .venv was made from; ./run compares it before it starts anything."""
    MADE.mkdir()
    for file in _requirements(group):
        shutil.copyfile(str(file), str(MADE / file.name))
    shutil.copyfile(str(ROOT / "pyproject.toml"), str(MADE / "pyproject.toml"))
    (MADE / "group").write_text(group)
    (MADE / "root").write_text(str(ROOT) + "\n")


def _requirements(group: str) -> list[Path]:
    return [ROOT / "requirements" / (name + ".txt") for name in GROUPS[group]]


def _made_for() -> str:
    """The group that .venv was made for; the smallest where there is none."""
    group = (MADE / "group").read_text() if (MADE / "group").is_file() else ""
    return group if group in GROUPS else "core"


def _is_current(group: str) -> bool:
    sources = [*_requirements(group), ROOT / "pyproject.toml"]
    return _usable() and all(
        (MADE / now.name).is_file() and (MADE / now.name).read_bytes() == now.read_bytes() for now in sources
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
