"""Which installed packages an object needs: those that have the modules it refers to, at their versions."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from packaging.utils import canonicalize_name

from muster.predictors.local.distributions import packages_distributions
from muster.predictors.local.installed import from_folder

__all__ = ["pins"]


def pins(modules: Iterable[str]) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """Requirements, modules that no index has (a script's own, or installed from a folder), and notes; for dotted names of modules.

    Modules of Python itself need nothing. A module that several distributions share belongs to those that hold its file.
    """
    known = packages_distributions()
    requirements: dict[str, str] = {}
    local: list[str] = []
    notes: list[str] = []
    for module in sorted(set(modules)):
        top = module.partition(".")[0]
        if top in sys.stdlib_module_names or top == "builtins":
            continue
        owners = _owners(module, top, known)
        here = [d for d in owners if from_folder(d)]
        notes += [
            f"`{module}` belongs to {d.name} {d.version}, which was installed from a folder of this machine"
            for d in here
        ]
        if here or not owners:
            local.append(module)
        requirements |= {
            canonicalize_name(d.name): f"{canonicalize_name(d.name)}=={d.version}" for d in owners if d not in here
        }
    return tuple(requirements[n] for n in sorted(requirements)), tuple(local), tuple(dict.fromkeys(notes))


def _owners(module: str, top: str, known: Mapping[str, Sequence[str]]) -> list[Distribution]:
    found = []
    for name in dict.fromkeys(known.get(top, ())):
        try:
            found.append(distribution(name))
        except PackageNotFoundError:
            continue  # its metadata went between two looks
    if len(found) > 1:
        file = _file(module)
        holding = [d for d in found if file is not None and _holds(d, file)]
        return holding or found
    return found


def _holds(owner: Distribution, file: Path) -> bool:
    return any(Path(str(owner.locate_file(f))) == file for f in owner.files or ())


def _file(module: str) -> Path | None:
    """Where a module comes from; it is not imported for it, but the packages above it are."""
    loaded = sys.modules.get(module)
    place = getattr(loaded, "__file__", None)
    if place is None:
        try:
            spec = importlib.util.find_spec(module)
        except (ImportError, ValueError, AttributeError):
            return None
        place = spec.origin if spec is not None else None
    return Path(place) if place is not None else None
