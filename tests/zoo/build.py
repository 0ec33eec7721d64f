"""`./run zoo [--line LINE] [--flavor FLAVOR] [--to FOLDER]`: a real model of each flavor, made by the real library in its own environment.

Each is saved by MLflow with its input rows and what the library itself predicts for them: `LINE/FLAVOR/MODEL` has `model`,
`data.arrow`, `expected.arrow` and `case.json`. Without `--to`, the stored models of the light flavors are made anew.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from muster.errors import MusterError
from muster.predictors.local.interpreters import choose
from muster.predictors.local.tool import Uv
from tests.zoo.lines import FLAVORS, LINES

__all__ = ["ENVIRONMENTS", "STORED", "Unavailable", "make", "recipe"]

ROOT = Path(__file__).resolve().parents[2]
STORED = ROOT / "tests/zoo/stored"
LOCKED = ROOT / "requirements/dev.txt"
ENVIRONMENTS = ROOT / ".venv/zoo"
_SECONDS = 1800.0


class Unavailable(Exception):
    """The environment of a flavor does not resolve on this machine."""


def make(line: str, flavor: str, place: Path) -> None:
    """All models of a flavor, in a folder of that name that is made new."""
    python = _environment(line, flavor)
    environ = {**os.environ, "MLFLOW_TRACKING_URI": "", "GIT_PYTHON_REFRESH": "quiet", "PYTHONHASHSEED": "0"}
    with tempfile.TemporaryDirectory() as scratch:
        fresh = Path(scratch) / flavor
        ran = subprocess.run(
            [python, ROOT / "tests/zoo/inside.py", flavor, fresh],
            cwd=scratch, env=environ, capture_output=True, text=True, timeout=_SECONDS, check=False,
        )  # fmt: skip
        if ran.returncode:
            raise RuntimeError(f"{flavor} of MLflow {line} was not made:\n{ran.stderr[-4000:]}")
        shutil.rmtree(place, ignore_errors=True)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(fresh, place)


def recipe(line: str, flavor: str) -> str:
    """All that its models follow from: they are made anew when it changes."""
    scripts = [ROOT / "tests/zoo/kit.py", ROOT / "tests/zoo/flavors" / f"{flavor}.py"]
    return "\n".join([_plan(line, flavor), *(s.read_text(encoding="utf-8") for s in scripts)])


def _plan(line: str, flavor: str) -> str:
    """All that its environment follows from."""
    told = LINES[line]
    bounds = LOCKED.read_text(encoding="utf-8") if told.locked else "\n".join(told.bounds)
    return "\n".join([_python(line, flavor), *_wanted(line, flavor), bounds])


def _python(line: str, flavor: str) -> str:
    return FLAVORS[flavor].pythons.get(line, LINES[line].python)


def _wanted(line: str, flavor: str) -> list[str]:
    usual = ["pandas", "pyarrow", "scipy", "setuptools<81"]
    needs = FLAVORS[flavor]
    return [f"mlflow-skinny=={LINES[line].mlflow}", *usual, *needs.needs, *needs.extra.get(line, ())]


def _environment(line: str, flavor: str) -> Path:
    """The Python of its virtual environment, which is made once."""
    told, wanted = LINES[line], _wanted(line, flavor)
    folder = ENVIRONMENTS / f"{line}-{flavor}"
    mark, plan = folder / "plan.txt", _plan(line, flavor)
    if mark.is_file() and mark.read_text(encoding="utf-8") == plan:
        return folder / "bin/python"
    shutil.rmtree(folder, ignore_errors=True)
    uv, until = Uv(lambda text: print(text, file=sys.stderr)), time.monotonic() + _SECONDS
    try:
        base, _ = choose(_python(line, flavor), uv, exact=True, seconds=60)
    except MusterError as error:
        raise Unavailable(error.message) from None
    made = uv("venv", "--quiet", "--no-project", "--python", base.path, folder, until=until)
    if not made.ok:
        raise Unavailable(made.said)
    limits = folder / "bounds.txt"
    limits.write_text("\n".join(told.bounds), encoding="utf-8")
    python = folder / "bin/python"
    install: list[str | Path] = ["pip", "install", "--python", python, "--only-binary", ":all:"]
    bounded = [*install, "--constraint", LOCKED if told.locked else limits]
    tried = uv(*bounded, "--dry-run", *wanted, until=until)
    if "nvidia-cu" in tried.said:
        here = uv(*install, "--dry-run", "--no-index", "--no-deps", "torch", until=until)
        found = re.search(r"torch==\S+\+cpu", here.said)
        if found is None:
            raise Unavailable("only wheels of torch with CUDA, of several GB, are to be had for this Python")
        wanted.append(found[0])
    # A worker writes no byte code, and would compile all of these libraries each time it starts.
    ran = uv(*bounded, "--quiet", "--compile-bytecode", *wanted, until=until) if tried.ok else tried
    if not ran.ok:
        raise Unavailable(ran.said)
    mark.write_text(plan, encoding="utf-8")
    return python


def main() -> int:
    parser = argparse.ArgumentParser(prog="./run zoo", description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--line", action="append", choices=LINES, help="of MLflow; all if not given")
    parser.add_argument("--flavor", action="append", choices=FLAVORS, help="the light ones if not given")
    parser.add_argument("--to", type=Path, default=STORED, help="where to put them (default: with the tests)")
    given = parser.parse_args()
    failed = 0
    for line in given.line or LINES:
        for flavor in given.flavor or [f for f, v in FLAVORS.items() if v.light]:
            if line not in FLAVORS[flavor].lines:
                continue
            try:
                make(line, flavor, given.to / line / flavor)
                print(f"{line} {flavor}: made")
            except (Unavailable, RuntimeError, subprocess.TimeoutExpired) as error:
                print(f"{line} {flavor}: {error}", file=sys.stderr)
                failed += 1
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
