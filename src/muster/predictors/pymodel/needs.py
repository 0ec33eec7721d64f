"""What a model of the user's own needs installed, where it does not say so itself."""

from __future__ import annotations

import importlib.util
import re
import sys
import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from muster.predictors.local.pickled import names_columns as named_in_pickle
from muster.predictors.local.pickled import pickled_modules, recorded_versions
from muster.predictors.local.pins import pins

__all__ = ["has_module", "names_columns", "of_file", "of_modules", "of_pins"]

_MODULE = re.compile(rb'"__module__":\s*"([A-Za-z_][\w.]*)"')
_VERSION = re.compile(rb'"_sklearn_version":\s*\{[^{}]*"content":\s*"\\"([0-9][\w.+]*)\\""')


def of_modules(modules: Iterable[str], notes: list[str]) -> list[str]:
    """The installed packages of the modules, each at its version; what is not installed is noted."""
    return of_pins(pins(modules), notes)


def of_pins(found: tuple[Sequence[str], Sequence[str], Sequence[str]], notes: list[str]) -> list[str]:
    """The requirements of what `pins` found."""
    requirements, local, told = found
    notes += told
    for name in sorted({n.partition(".")[0] for n in local} - {"__main__"}):
        if not has_module(name):
            notes.append(
                f"`{name}` is used and not installed here, so its package is not known: name it in the requirements"
            )
    return list(requirements)


def has_module(name: str) -> bool:
    """Whether this Python could import it."""
    try:
        return name in sys.modules or importlib.util.find_spec(name) is not None
    except (ImportError, ValueError):
        return False


def names_columns(file: Path, form: str) -> bool:
    """Whether a model that was saved whole says that it was fitted with data frames."""
    if form != "skops":
        return named_in_pickle(file)
    return b"feature_names_in_" in _schema(file, [])


def of_file(file: Path, form: str, wrong: list[str], notes: list[str], more: Sequence[str] = ()) -> list[str]:
    """Of a model that was saved whole, and of `more` modules. A version that it records itself stands before the one that is here."""
    if form == "skops":
        modules, versions = _of_skops(file, wrong)
    else:
        modules, versions = pickled_modules(file), recorded_versions(file)
        if "__main__" in modules:
            wrong.append(
                f"{file.name} refers to things of `__main__`, the script that saved it, which are not in it: "
                "register the object itself, or save it with cloudpickle"
            )
    if not modules and not wrong:
        wrong.append(f"{file.name} holds no object")
    extra = {"joblib": ["joblib"], "skops": ["skops"]}.get(form, [])
    installed = [m for m in more if has_module(m)]
    found = {line.partition("==")[0]: line for line in of_modules({*modules, *extra, *installed}, notes)}
    return [*(found | {name: f"{name}=={version}" for name, version in versions.items()}).values()]


def _of_skops(file: Path, wrong: list[str]) -> tuple[set[str], dict[str, str]]:
    schema = _schema(file, wrong)
    version = _VERSION.search(schema)
    return {m.decode() for m in _MODULE.findall(schema)}, {"scikit-learn": version[1].decode()} if version else {}


def _schema(file: Path, wrong: list[str]) -> bytes:
    """What skops writes of an object; nothing, and what is wrong, if the file is none of its."""
    try:
        with zipfile.ZipFile(file) as opened:
            return opened.read("schema.json")
    except (OSError, KeyError, zipfile.BadZipFile, NotImplementedError) as error:
        wrong.append(f"{file.name} is no file of skops: {error}")
        return b""
