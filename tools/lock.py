"""Resolve pyproject.toml into requirements/*.txt: exact versions with hashes, for every platform and Python.

A uv.lock would name the registry that each file came from; these name none, so they serve behind any index.
"""

import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path

from pip_settings import as_uv_settings

ROOT = Path(__file__).resolve().parent.parent
HEADER = (
    "# Written by `./run lock` from pyproject.toml: exact versions with hashes, from whichever index is configured.\n"
)
OPTIONS = [
    "--universal",
    "--generate-hashes",
    "--no-header",
    "--annotation-style=line",
    "--python-version=3.11",
    "--quiet",
]
CLUSTERS = ("ray", "spark")
"""Half a gigabyte that only the deep tests of the runners need: they have a file of their own."""
# An extra index or a folder of wheels has some of a version's files, and the lock must have the hashes of all.
PARTIAL = {"UV_INDEX", "UV_EXTRA_INDEX_URL", "UV_FIND_LINKS", "UV_INDEX_STRATEGY"}


def main(arguments: list[str]) -> int:
    """Write dev.txt, then core.txt as a part of it and clusters.txt as more than it, so that they never disagree."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = [name for name in project["optional-dependencies"] if name not in CLUSTERS]
    resolve("dev", ["--group", "dev", *_extras(extras), *arguments])
    resolve("core", ["--constraints", "requirements/dev.txt"])
    resolve("clusters", [*_extras(CLUSTERS), "--constraints", "requirements/dev.txt"])
    addresses = [
        file.name for file in requirement_files() if re.search(r"://|^-|^[^#]* @ ", file.read_text(), re.MULTILINE)
    ]
    if addresses:
        print(f"./run lock: {', '.join(addresses)} must not name an index or a direct address", file=sys.stderr)
    return 1 if addresses else 0


def _extras(names: Sequence[str]) -> list[str]:
    return [f"--extra={name}" for name in names]


def resolve(name: str, options: list[str]) -> None:
    """Resolve into requirements/<name>.txt, keeping the versions that are there where they still fit."""
    file = ROOT / "requirements" / f"{name}.txt"
    file.parent.mkdir(exist_ok=True)
    command = [
        "uv",
        "pip",
        "compile",
        *OPTIONS,
        *options,
        "pyproject.toml",
        "--output-file",
        f"requirements/{name}.txt",
    ]
    settings = {**os.environ, **as_uv_settings()}
    subprocess.run(command, cwd=ROOT, check=True, env={key: settings[key] for key in settings.keys() - PARTIAL})
    text = file.read_text().removeprefix(HEADER)
    file.write_text(HEADER + re.sub(r"-c requirements/dev.txt, |, -c requirements/dev.txt", "", text))


def requirement_files() -> list[Path]:
    """What this writes."""
    return [ROOT / "requirements" / "dev.txt", ROOT / "requirements" / "core.txt"]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
