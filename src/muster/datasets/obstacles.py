"""What stands in the way of an output, found before any work is done."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from muster.datasets.disk import can_exchange
from muster.datasets.files import suffix_of
from muster.datasets.formats import SUFFIXES
from muster.datasets.listing import MANIFEST, walk
from muster.datasets.location import claims, locate
from muster.errors import Conflict, DatasetError, MusterError

__all__ = ["Obstacle", "refuse", "refuse_obstacles", "unwritable"]

Obstacle = tuple[type[MusterError], str, str]


def refuse_obstacles(target: Path, rejects: Path, *, folder: bool, overwrite: bool, inputs: Sequence[str]) -> None:
    """All that is in the way in one error: a Conflict if something exists already, else a DatasetError."""
    beside = [] if folder else [rejects]
    special = [obstacle for path in (target, *beside) for obstacle in _special(path)]
    special += [
        (DatasetError, f"{p} is a folder, where the rejects would stand", "move it away") for p in beside if p.is_dir()
    ]
    found = [
        *(special or _existing(target, rejects, folder=folder, overwrite=overwrite)),
        *_over_input(target, inputs, folder=folder),
        *unwritable(target, exchange=overwrite and target.exists() and (folder or target.is_dir())),
    ]
    refuse(found)


def refuse(found: Sequence[Obstacle]) -> None:
    """All obstacles in one error, if there are any."""
    if found:
        kinds = [kind for kind, _, _ in found]
        raise (Conflict if Conflict in kinds else DatasetError)(
            "; ".join(what for _, what, _ in found), hint="; ".join(dict.fromkeys(hint for _, _, hint in found))
        )


def _special(path: Path) -> Iterator[Obstacle]:
    """What is never replaced: one rename would put a file where a device was, or cut a link instead of writing where it leads."""
    if path.is_symlink():
        where = os.fsencode(path.resolve()).decode(errors="backslashreplace") if _leads(path) else "nothing"
        yield (
            DatasetError,
            f"{path} is a link to {where}, and an output is no link",
            "name the place that it leads to, or choose another output",
        )
    elif path.exists() and not (path.is_file() or path.is_dir()):
        yield (
            DatasetError,
            f"{path} is neither a file nor a folder, but a device, pipe or socket",
            "choose another output: what is there is never replaced",
        )


def _leads(link: Path) -> bool:
    try:
        return link.exists()
    except (OSError, RuntimeError):  # a link to itself
        return False


def _existing(target: Path, rejects: Path, *, folder: bool, overwrite: bool) -> Iterator[Obstacle]:
    if overwrite:
        strangers = _strangers(target) if target.is_dir() else []
        if strangers:
            told = ", ".join(strangers[:3]) + (", …" if len(strangers) > 3 else "")
            yield (
                Conflict,
                f"{target} holds more than data ({told}), which would be lost",
                "choose another output, or remove it yourself",
            )
        return
    if _occupied(target, folder=folder):
        yield (
            Conflict,
            f"{target} exists already",
            "choose another output, or replace it with `--overwrite` (overwrite=True)",
        )
    if not folder and rejects.exists():
        yield Conflict, f"{rejects} exists already", "move it away, or replace it with `--overwrite` (overwrite=True)"


def _occupied(target: Path, *, folder: bool) -> bool:
    if folder and target.is_dir():
        return any(target.iterdir())
    return target.exists()


def _strangers(folder: Path) -> list[str]:
    """What lies in a folder that is neither an output of Muster nor data: to replace it would be a mistake."""
    if (folder / MANIFEST).exists():
        return []
    return [str(path.relative_to(folder)) for path in walk(folder) if suffix_of(path) not in SUFFIXES]


def _over_input(target: Path, inputs: Sequence[str], *, folder: bool) -> Iterator[Obstacle]:
    real = target.parent.resolve() / target.name
    for uri in inputs:
        if not claims(uri):
            continue
        location = locate(uri)
        source = location.path.resolve()
        if location.pattern:
            # A glob takes in what it matches, and all that lies in folders that it matches.
            written = [target / "part-00000.parquet", target] if folder else [target]
            inside, around = any(map(location.matches, [*written, *target.parents])), False
        else:
            inside = source.is_dir() and real.is_relative_to(source)
            around = source.is_relative_to(real) or (source.exists() and real.exists() and source.samefile(real))
        if inside:
            yield (
                DatasetError,
                f"the output {target} lies in the input {location}",
                "choose an output outside of the input",
            )
        elif around:
            yield (
                DatasetError,
                f"the output {target} would replace the input {location}",
                "choose an output outside of the input",
            )


def unwritable(target: Path, *, exchange: bool) -> Iterator[Obstacle]:
    above = next(p for p in target.parents if p.exists() or p.is_symlink())
    if not above.is_dir():
        yield DatasetError, f"{above} is no folder", "choose another output"
    elif not os.access(above, os.W_OK | os.X_OK):
        yield DatasetError, f"{above} cannot be written to", "choose another output, or mend the rights on it"
    elif exchange and not can_exchange(above):
        yield (
            DatasetError,
            f"the disk of {above} cannot exchange a folder for another in one step, so {target} cannot be replaced safely",
            "choose a new output, or remove the old one first",
        )
