"""Runs in the environment of a flavor: `python inside.py FLAVOR FOLDER` makes its models there. Python 3.8 syntax.

The recipe is compiled under its name alone, so that no pickle holds the path of this machine.
"""

from __future__ import annotations

import os
import shutil
import sys
import types
import warnings
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
AUTHOR = "/home/author/project"
"""What stands in a stored MLmodel where MLflow writes a path of the machine."""


def main(flavor: str, folder: Path) -> None:
    sys.path[0] = str(ROOT)
    sys.dont_write_bytecode = True
    warnings.simplefilter("ignore")
    tests = sys.modules["tests"] = types.ModuleType("tests")  # some libraries bring a package of this name
    tests.__path__ = [str(ROOT / "tests")]
    from tests.zoo.kit import makers

    name = f"{flavor}_recipes"
    module = sys.modules[name] = types.ModuleType(name)
    text = (ROOT / "tests/zoo/flavors" / f"{flavor}.py").read_text(encoding="utf-8")
    exec(compile(text, f"{flavor}.py", "exec"), vars(module))
    for maker, make in makers.items():
        place = folder / maker
        place.mkdir(parents=True)
        os.chdir(str(place))
        make(place)
        shutil.rmtree(str(place / "mlruns"), ignore_errors=True)  # of trying the example
        scrub(place)


def scrub(place: Path) -> None:
    """Put the author's folder where this machine's is named, in the files that MLflow writes as text."""
    for file in place.rglob("*"):
        if not file.is_file():
            continue
        data = told = file.read_bytes()
        if file.suffix in ("", ".yaml", ".json", ".txt"):
            told = told.replace(str(place).encode(), AUTHOR.encode())
        for path in (sys.prefix, str(ROOT)):  # in a pickle, text has its length before it
            told = told.replace(path.encode(), (AUTHOR + "_" * len(path))[: len(path)].encode())
        if told != data:
            file.write_bytes(told)
    for left in ("registered_model_meta",):
        (place / "model" / left).unlink() if (place / "model" / left).exists() else None


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]).resolve())
