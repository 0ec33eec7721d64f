"""Find uv, or bring the pinned one into the clone: by pip in whatever form it is there, else by the standard library.

Runs under any `python3`: Python 3.8 syntax and the standard library alone.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path
from typing import Callable

from fetch_uv import CannotFetch, fetch

OLDEST_UV = (0, 8)


class CannotBring(Exception):
    """No uv on this machine, and no way to get it."""


def find_or_bring(root: Path) -> str:
    """The path of a uv that is new enough."""
    brought = root / ".uv" / "bin" / "uv"
    for uv in (shutil.which("uv"), str(brought)):
        if uv and _version(uv) >= OLDEST_UV:
            return uv
    print("./run: no uv here: bringing it into .uv", file=sys.stderr)
    pin, hashes = pinned(root / "requirements" / "core.txt")
    problems = []
    for way in (_venv_and_pip, _pip_alone, _bundled_pip):
        shutil.rmtree(str(root / ".uv"), ignore_errors=True)
        problem = way(root / ".uv", pin, hashes)
        if problem is None and _version(str(brought)) >= OLDEST_UV:
            return str(brought)
        problems.append("{}: {}".format(_name(way), problem or "it installed no uv that runs here"))
    try:
        fetch(brought, pin, hashes)
    except CannotFetch as problem:
        raise CannotBring(_explain([*problems, f"standard library: {problem}"])) from problem
    return str(brought)


def pinned(requirements: Path) -> tuple[str, list[str]]:
    """The version of uv in a requirements file, and the hashes that its files may have."""
    block = re.search(r"^uv==(\S+)((?:.*\\\n)+.*)", requirements.read_text(), re.MULTILINE)
    if block is None:
        raise CannotBring(f"{requirements} pins no uv: run `./run lock` where uv is installed")
    return block.group(1), re.findall(r"sha256:([0-9a-f]{64})", block.group(2))


def _venv_and_pip(target: Path, pin: str, hashes: list[str]) -> str | None:
    problem = _try([sys.executable, "-m", "venv", str(target)])
    return problem or _install([str(target / "bin" / "python"), "-m", "pip"], [], pin, hashes)


def _pip_alone(target: Path, pin: str, hashes: list[str]) -> str | None:
    """This Python's pip, or that of another Python on PATH: the wheel of uv is the same for all."""
    others = [[path] for path in map(shutil.which, ("pip3", "pip")) if path]
    problems = []
    for pip in [[sys.executable, "-m", "pip"], *others]:
        problem = _install(pip, ["--target", str(target)], pin, hashes)
        if problem is None:
            return None
        problems.append(problem)
    return problems[0]


def _bundled_pip(target: Path, pin: str, hashes: list[str]) -> str | None:
    """The wheel of pip that Python keeps for new environments runs without being installed."""
    folders = [
        sysconfig.get_config_var("WHEEL_PKG_DIR"),
        os.path.join(sysconfig.get_path("stdlib"), "ensurepip", "_bundled"),
    ]
    wheels = [wheel for folder in folders if folder for wheel in sorted(Path(folder).glob("pip-*.whl"))]
    if not wheels:
        return "this Python keeps none"
    return _install([sys.executable, str(wheels[-1] / "pip")], ["--target", str(target)], pin, hashes)


def _install(pip: list[str], where: list[str], pin: str, hashes: list[str]) -> str | None:
    with tempfile.TemporaryDirectory() as folder:
        requirement = Path(folder) / "uv.txt"
        requirement.write_text("uv=={} {}\n".format(pin, " ".join("--hash=sha256:" + digest for digest in hashes)))
        options = ["--quiet", "--disable-pip-version-check", "--no-deps", "--only-binary", ":all:", "--require-hashes"]
        return _try([*pip, "install", *options, *where, "--requirement", str(requirement)])


def _try(command: list[str]) -> str | None:
    """Nothing where the command did its work, else the last line that it said."""
    try:
        done = subprocess.run(command, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    except OSError as problem:
        return str(problem)
    if done.returncode == 0:
        return None
    return (done.stdout.strip().splitlines() or ["it failed without a word"])[-1]


def _version(uv: str) -> tuple[int, ...]:
    try:
        said = subprocess.run(
            [uv, "--version"], check=False, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        ).stdout
    except OSError:
        return ()
    numbers = re.match(r"uv (\d+)\.(\d+)", said)
    return tuple(int(number) for number in numbers.groups()) if numbers else ()


def _name(way: Callable[..., object]) -> str:
    return way.__name__.strip("_").replace("_", " ")


def _explain(problems: list[str]) -> str:
    tried = "".join("\n  " + problem for problem in problems)
    mend = (
        "install uv, or this Python's venv and pip, or name your package index in PIP_INDEX_URL (or UV_DEFAULT_INDEX)"
    )
    return f"uv could not be brought into the clone{tried}\n\nhint: {mend}"
