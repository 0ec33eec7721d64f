"""Hides packages of the interpreter that are not in the version's lock, so that what a model does here it does wherever that is built.

Python's own finder is replaced by one that passes over them: they are not there to `import`, to `find_spec` and to
`importlib.metadata`. Modules of the same name that lie elsewhere, as in the model's own folder, are found.
"""

from __future__ import annotations

import json
import os
import re
import sys
from importlib.machinery import PathFinder
from typing import Any, Iterator

FILE = "surplus.json"
"""In the worker's folder: `modules` and `packages` that are hidden, and the `folders` of packages that they lie in."""


def seal(scratch: str) -> None:
    """Hide what the file names, if there is one."""
    try:
        with open(os.path.join(scratch, FILE), encoding="utf-8") as file:
            told = json.load(file)
    except FileNotFoundError:
        return
    place = sys.meta_path.index(PathFinder)
    sys.meta_path[place] = _finder(frozenset(told["modules"]), frozenset(told["packages"]), frozenset(told["folders"]))


def _finder(modules: frozenset[str], packages: frozenset[str], folders: frozenset[str]) -> Any:
    class Locked(PathFinder):
        @classmethod
        def find_spec(cls, fullname: str, path: Any = None, target: Any = None) -> Any:
            if path is None and fullname in modules:
                path = [p for p in sys.path if p not in folders]
            return PathFinder.find_spec(fullname, path, target)

        @staticmethod
        def find_distributions(*args: Any, **kwargs: Any) -> Iterator[Any]:
            for found in PathFinder.find_distributions(*args, **kwargs):
                name = found.metadata["Name"] or ""
                if re.sub(r"[-_.]+", "-", name).lower() not in packages:
                    yield found

    return Locked
