"""What the running Python has installed, as a process of it sees that is started without the user's own paths."""

from __future__ import annotations

import json
import os
import site
import sys
from collections.abc import Iterable, Iterator
from dataclasses import replace
from importlib.metadata import Distribution, distributions

from packaging.requirements import Requirement
from packaging.utils import NormalizedName, canonicalize_name

from muster.errors import EnvironmentFailed
from muster.predictors.local.distributions import name_of, packages_distributions, version_of
from muster.predictors.local.requirements import Requirements

__all__ = ["as_installed", "beyond", "from_folder", "from_index", "installed_here", "own_paths"]


def own_paths() -> list[str]:
    """The folders of installed packages, without PYTHONPATH and the user's site, which no worker sees."""
    given = {os.path.abspath(p) for p in os.environ.get("PYTHONPATH", "").split(os.pathsep) if p}  # noqa: PTH100  # sys.path has strings
    foreign = given | {site.getusersitepackages()}
    return [p for p in sys.path if p.endswith(("site-packages", "dist-packages")) and p not in foreign]


def installed_here(names: Iterable[str] | None = None) -> dict[NormalizedName, str]:
    """The versions of these packages, or of all, that are installed."""
    return {name: version_of(d) for name, d in _distributions(names)}


def from_index(names: Iterable[str]) -> dict[NormalizedName, str]:
    """The versions of those of these packages that are installed, and not from a place on this machine."""
    return {name: version_of(d) for name, d in _distributions(names) if not from_folder(d)}


def from_folder(distribution: Distribution) -> bool:
    """Whether it was installed from a place on this machine, so that no index has it.

    What conda installed tells the folder of the machine that built it: that is none of this one's.
    """
    if (distribution.read_text("INSTALLER") or "").strip() == "conda":
        return False
    text = distribution.read_text("direct_url.json")
    return text is not None and str(json.loads(text).get("url", "")).startswith("file:")


def beyond(names: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """The `modules` and `packages` that are installed from an index beside these packages, and the `folders` that they lie in.

    What was installed from a folder of this machine is no part of it: no lock can have that, and a note tells of it.
    """
    locked = {canonicalize_name(n) for n in names}
    here = {name for name, d in _distributions(None) if not from_folder(d)} - locked
    owners = {top: {canonicalize_name(n) for n in found} for top, found in packages_distributions().items()}
    modules = tuple(sorted(top for top, found in owners.items() if found <= here))
    return {"modules": modules, "packages": tuple(sorted(here)), "folders": tuple(own_paths())}


def as_installed(wanted: Requirements) -> tuple[Requirements, tuple[str, ...], bool]:
    """The requirements with all that they need, at the versions that are installed here; how these differ; whether nothing lacks.

    What is not installed stays as it was asked for.
    """
    walk = _Walk()
    for line in wanted.lines:
        walk.root(Requirement(line))
    walk.rest()
    if walk.folders:
        raise EnvironmentFailed(
            f"no lock can hold what was installed from a folder of this machine: {', '.join(walk.folders)}",
            hint=f"use this Python as it is, with environment={sys.executable!r}; or give a requirements file without it",
        )
    pins = tuple(f"{n}=={v}" for n, v in sorted(walk.pins.items()))
    return replace(wanted, lines=(*pins, *walk.missing), wheels={}), tuple(walk.notes), not walk.missing


class _Walk:
    """From requirements to what they need in turn."""

    def __init__(self) -> None:
        self._here = dict(_distributions(None))
        self._queue: list[Requirement] = []
        self._seen: set[tuple[NormalizedName, frozenset[str]]] = set()
        self.pins: dict[NormalizedName, str] = {}
        self.missing: list[str] = []
        self.notes: list[str] = []
        self.folders: list[str] = []

    def root(self, requirement: Requirement) -> None:
        if requirement.marker is not None and not requirement.marker.evaluate():
            return
        found = self._here.get(canonicalize_name(requirement.name))
        if found is None:
            self.missing.append(str(requirement))
            self.notes.append(f"{requirement.name} is not installed here and comes from the index")
            return
        if not requirement.specifier.contains(found.version, prereleases=True):
            self.notes.append(
                f"{requirement.name} {found.version} is installed here; the model asks for {requirement.specifier}"
            )
        self._queue.append(requirement)

    def rest(self) -> None:
        while self._queue:
            requirement = self._queue.pop()
            name = canonicalize_name(requirement.name)
            seen = name, frozenset(requirement.extras)
            if seen in self._seen or (found := self._here.get(name)) is None:
                continue  # what an installed package does not need to have installed, it has lived without
            self._seen.add(seen)
            self._take(name, found)
            for text in found.requires or ():
                needed = Requirement(text)
                if needed.marker is None or any(
                    needed.marker.evaluate({"extra": extra}) for extra in ("", *requirement.extras)
                ):
                    self._queue.append(needed)

    def _take(self, name: NormalizedName, found: Distribution) -> None:
        if from_folder(found) and name not in self.folders:
            self.folders.append(name)
        self.pins[name] = found.version


def _distributions(names: Iterable[str] | None) -> Iterator[tuple[NormalizedName, Distribution]]:
    """The first distribution of each name on the path, which is the one that is imported, with that name."""
    paths = own_paths()
    seen: set[NormalizedName] = set()
    for wanted in [None] if names is None else names:
        for found in distributions(path=paths) if wanted is None else distributions(path=paths, name=wanted):
            name = canonicalize_name(name_of(found) or "")
            if name and name not in seen:
                seen.add(name)
                yield name, found
