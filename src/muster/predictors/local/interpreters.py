"""The Pythons of this machine: found by uv, or by pyenv, or downloaded by uv where its settings allow that."""

from __future__ import annotations

import functools
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from packaging.utils import NormalizedName, canonicalize_name

from muster.config import expanded
from muster.errors import EnvironmentFailed
from muster.predictors.local.tool import Uv
from muster.scratch import scratch

__all__ = ["OLDEST_PYARROW", "OLDEST_PYTHON", "Interpreter", "choose", "current", "inspect", "minor_of"]

# What the worker runs under: the first pyarrow with wheels for its oldest Python.
OLDEST_PYTHON = (3, 8)
OLDEST_PYARROW = (0, 16)

_LOOK = """
import json, sys
told = {"version": "%d.%d.%d" % sys.version_info[:3], "packages": {}}
if sys.version_info >= (3, 8):
    from importlib.metadata import distributions
    for found in distributions():
        name = found.metadata["Name"]
        if name:
            told["packages"].setdefault(name, found.version)
    try:
        import pyarrow
        told["pyarrow"] = pyarrow.__version__
    except Exception as error:
        told["problem"] = "%s: %s" % (type(error).__name__, error)
print(json.dumps(told))
"""


@dataclass(frozen=True, slots=True)
class Interpreter:
    """A Python executable. `packages` are the distributions that it has, by normalised name, where that was asked."""

    path: Path
    version: str
    packages: Mapping[NormalizedName, str] = field(default_factory=dict)
    pyarrow: str | None = None
    problem: str = ""

    @property
    def minor(self) -> str:
        return minor_of(self.version)


def minor_of(version: str) -> str:
    """`3.11` of `3.11.7`."""
    return ".".join(version.split(".")[:2])


def current() -> Interpreter:
    """The Python that runs this."""
    return Interpreter(Path(sys.executable), "{}.{}.{}".format(*sys.version_info))


def inspect(executable: Path) -> Interpreter:
    """What a Python that the user named is, and what it has installed."""
    command = [str(executable), "-E", "-s", "-c", _LOOK]
    try:
        ran = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=60, check=True)
        told = json.loads(ran.stdout)
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        reason = getattr(error, "stderr", "") or str(error)
        raise EnvironmentFailed(
            f"{executable} does not run as a Python: {str(reason).strip()[-300:]}",
            hint="give the path of a Python executable",
        ) from None
    packages = {canonicalize_name(n): str(v) for n, v in told["packages"].items()}
    return Interpreter(executable, told["version"], packages, told.get("pyarrow"), told.get("problem", ""))


def choose(
    minor: str | None, uv: Uv, *, exact: bool, seconds: float, what: str = "the model loads only under"
) -> tuple[Interpreter, tuple[str, ...]]:
    """The Python to use for a model of this minor, and a note where it is another one. `exact`: no other will do, as `what` says."""
    here = current()
    if minor is None or minor == here.minor:
        return here, ()
    if _number(minor) >= OLDEST_PYTHON and (found := _found(minor, uv, seconds)) is not None:
        return found, ()
    others = {p.minor: p for p in (*_pyenv(), *_listed(uv, seconds), here) if _number(p.minor) >= OLDEST_PYTHON}
    told = ", ".join(sorted(others, key=_number))
    if exact:
        raise EnvironmentFailed(
            f"{what} Python {minor}, " + _missing(minor, told),
            hint=f"install it, with `uv python install {minor}` or pyenv"
            if _number(minor) >= OLDEST_PYTHON
            else _TOO_OLD,
            details={"python": minor, "found": sorted(others, key=_number)},
        )
    nearest = min(others.values(), key=lambda p: (abs(_number(p.minor)[1] - _number(minor)[1]), -_number(p.minor)[1]))
    return nearest, (f"made for Python {minor}, which is not on this machine, so it runs under {nearest.minor}",)


_TOO_OLD = "save the model again under Python 3.8 or later"


def _missing(minor: str, found: str) -> str:
    if _number(minor) < OLDEST_PYTHON:
        return "which is older than what Muster can start (3.8)"
    return f"which is not on this machine and cannot be downloaded (found: {found})"


def _found(minor: str, uv: Uv, seconds: float) -> Interpreter | None:
    """A Python of this minor: known to uv, else to pyenv, else downloaded."""
    until = time.monotonic() + seconds
    ran = uv("python", "find", "--quiet", "--no-project", "--no-python-downloads", f"cpython@{minor}", until=until)
    if ran.ok and (found := _verified(Path(ran.out.strip()), minor)) is not None:
        return found
    for candidate in _pyenv(minor):
        if (found := _verified(candidate.path, minor)) is not None:
            return found
    return _downloaded(minor, uv, until)


def _downloaded(minor: str, uv: Uv, until: float) -> Interpreter | None:
    """uv makes a virtual environment of a Python that it does not find by downloading it, if its settings let it."""
    with scratch() as place:
        folder = place / "venv"
        if not uv("venv", "--quiet", "--no-project", "--python", f"cpython@{minor}", folder, until=until).ok:
            return None
        return _verified((folder / "bin" / "python").resolve(), minor)


def _verified(path: Path, minor: str) -> Interpreter | None:
    """Shims answer for versions that are not there, so it is asked itself."""
    try:
        ran = subprocess.run(
            [path, "-E", "-s", "-c", "import sys; print('%d.%d.%d' % sys.version_info[:3])"],
            capture_output=True,
            text=True,
            timeout=30,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    version = ran.stdout.strip()
    return Interpreter(path, version) if minor_of(version) == minor else None


def _pyenv(minor: str | None = None) -> Iterable[Interpreter]:
    """pyenv's versions, the newest patch first; its shims show uv only those that are switched on."""
    root = Path(os.environ.get("PYENV_ROOT") or expanded("~/.pyenv")) / "versions"
    found = [(d.name, d / "bin" / "python") for d in root.glob("3.*") if re.fullmatch(r"3\.\d+\.\d+", d.name)]
    found.sort(key=lambda f: [int(n) for n in f[0].split(".")], reverse=True)
    return [
        Interpreter(path, version) for version, path in found if path.exists() and minor in (None, minor_of(version))
    ]


def _listed(uv: Uv, seconds: float) -> Iterable[Interpreter]:
    ran = uv("python", "list", "--only-installed", "--output-format", "json", until=time.monotonic() + seconds)
    listed = json.loads(ran.out) if ran.ok and ran.out else []
    return [
        Interpreter(Path(p["path"]), p["version"])
        for p in listed
        if p["implementation"] == "cpython" and "freethreaded" not in p["key"]
    ]


@functools.cache
def _number(minor: str) -> tuple[int, int]:
    major, _, rest = minor.partition(".")
    return int(major), int(rest or 0)
