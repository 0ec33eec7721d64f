"""The files behind a location, in reading order, and the columns that their folders give."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from stat import S_ISREG
from urllib.parse import unquote

import pyarrow as pa

from muster.datasets.content import Disk
from muster.datasets.files import File
from muster.datasets.location import Location
from muster.errors import DatasetError, DatasetNotFound, TooNew

__all__ = [
    "MANIFEST",
    "MANIFEST_FORMAT",
    "REJECTS",
    "find",
    "hidden",
    "lacking",
    "listed",
    "partition_of",
    "partition_types",
    "walk",
]

MANIFEST = "_muster.json"
MANIFEST_FORMAT = "muster.output/1"
REJECTS = ".rejects.jsonl"

_NULL_PARTITION = "__HIVE_DEFAULT_PARTITION__"
_STAGING = re.compile(r"\.muster-[0-9A-Za-z]+$")


def find(location: Location) -> tuple[File, ...]:
    """The files in bytewise order of path. DatasetNotFound when there are none."""
    path = location.path
    try:
        if location.pattern:
            return _matches(location)
        if path.is_dir():
            return _folder(path)
        if not path.exists():
            raise DatasetNotFound(f"there is no file or folder {path}", hint=_neighbours(path))
        return (_file(path, path.name),)
    except OSError as error:
        raise DatasetError(
            f"{error.filename or location} cannot be read: {error.strerror}", hint="check the rights on it"
        ) from None


def _neighbours(path: Path) -> str:
    folder = next(above for above in path.parents if above.is_dir())
    if folder != path.parent:
        return f"the last folder of that path that exists is {folder}"
    names = sorted(entry.name for entry in folder.iterdir() if not hidden(entry.name))
    return f"{folder} holds {', '.join(names[:8])}{', …' if len(names) > 8 else ''}" if names else f"{folder} is empty"


def _matches(location: Location) -> tuple[File, ...]:
    """The files that a glob names; a folder that it names stands for all files in it."""
    depth = None if "**" in location.pattern else len(location.pattern)
    found: set[Path] = set()
    for path, is_folder in _tree(location.path, depth) if location.path.is_dir() else ():
        if location.matches(path):
            found.update(walk(path) if is_folder else [path])
    if not found:
        raise DatasetNotFound(
            f"no file matches {location}",
            hint=f"names that begin with `_` or `.` do not count; {_neighbours(location.path / 'x')}",
        )
    return _ordered((path, str(path.relative_to(location.path))) for path in found)


def _folder(root: Path) -> tuple[File, ...]:
    if (root / MANIFEST).exists():
        return _ordered((root / name, name) for name in _listed(root))
    if (root / "_delta_log").is_dir():
        raise DatasetError(
            f"{root} is a Delta table: its files hold rows of old versions too", hint=f"read it as `delta:{root}`"
        )
    found = [(path, str(path.relative_to(root))) for path in walk(root)]
    if not found:
        raise DatasetNotFound(f"the folder {root} holds no data", hint="names that begin with `_` or `.` do not count")
    return _ordered(found)


def _listed(root: Path) -> list[str]:
    """The parts that Muster's own manifest names, each of which must be there."""
    names = listed((root / MANIFEST).read_bytes(), str(root / MANIFEST))
    missing = [name for name in names if not (root / name).is_file()]
    if missing:
        raise lacking(str(root), missing)
    return names


def lacking(root: str, missing: Sequence[str]) -> DatasetError:
    """Parts of an output that are gone."""
    return DatasetError(f"{root} lacks parts that its manifest lists: {', '.join(missing[:10])}", hint="score again")


def listed(content: bytes, manifest: str) -> list[str]:
    """The parts that a manifest names."""
    try:
        document = json.loads(content)
        kind, _, version = str(document["format"]).partition("/")
        newer = int(version) > 1
        names = [] if newer else [str(f["path"]) for f in document["files"]]
    except (ValueError, KeyError, TypeError) as error:
        raise DatasetError(
            f"{manifest} is no manifest of Muster: {error!r}", hint="remove it to read the folder's files"
        ) from None
    if newer:
        raise TooNew(f"{manifest} was written as `{kind}/{version}`", hint="upgrade Muster to read it")
    return names


def walk(folder: Path) -> Iterator[Path]:
    """All files below a folder but the hidden ones."""
    return (path for path, is_folder in _tree(folder, None) if not is_folder)


def _tree(
    folder: Path, depth: int | None, above: frozenset[tuple[int, int]] = frozenset()
) -> Iterator[tuple[Path, bool]]:
    """The folder and what is below it, with whether it is a folder. Links are followed; one that leads back up is not."""
    yield folder, True
    here = folder.stat()
    above |= {(here.st_dev, here.st_ino)}
    with os.scandir(folder) as entries:
        for entry in entries if depth is None or depth > 0 else ():
            if hidden(entry.name):
                continue
            if not entry.is_dir():
                yield Path(entry.path), False
            elif (entry.stat().st_dev, entry.stat().st_ino) not in above:
                yield from _tree(Path(entry.path), None if depth is None else depth - 1, above)


def hidden(name: str) -> bool:
    """`.x`, `_x` (but for a partition `_x=1`), and what Muster puts beside its outputs."""
    marked = name.startswith(".") or (name.startswith("_") and "=" not in name)
    return marked or name.endswith(REJECTS) or bool(_STAGING.search(name))


def _ordered(found: Iterable[tuple[Path, str]]) -> tuple[File, ...]:
    return tuple(_file(path, name) for path, name in sorted(found, key=lambda f: os.fsencode(f[1])))


def _file(path: Path, name: str) -> File:
    try:
        stat = path.stat()
    except FileNotFoundError:
        raise DatasetError(f"{path} is a link to nothing", hint="mend the link, or remove it") from None
    if not S_ISREG(stat.st_mode):
        raise DatasetError(f"{path} is no file or folder", hint="copy what it gives into a file first")
    shown = os.fsencode(path).decode(errors="backslashreplace")
    if shown != str(path):
        raise DatasetError(f"the name of {shown} is no UTF-8 text", hint="rename it: Arrow opens only names that are")
    return File(Disk(path, stat.st_mtime_ns), name, stat.st_size, partition_of(name))


def partition_of(name: str) -> tuple[tuple[str, str | None], ...]:
    pairs = [part.partition("=") for part in name.split("/")[:-1] if "=" in part.lstrip("=")]
    return tuple((unquote(k), None if v == _NULL_PARTITION else unquote(v)) for k, _, v in pairs)


def partition_types(files: Sequence[File]) -> dict[str, pa.DataType]:
    """The columns that folders give: int64 where every value is a whole number, else string."""
    examples = {tuple(k for k, _ in file.partition): file.name for file in files}
    if len(examples) > 1:
        raise DatasetError(
            f"the files do not lie in folders of the same partition columns: {', '.join(sorted(examples.values())[:5])}",
            hint="give the folder, or a glob, of files with the same `key=value` folders",
        )
    values: dict[str, list[str]] = {}
    for file in files:
        for key, value in file.partition:
            values.setdefault(key, []).extend([value] if value is not None else [])
    return {key: pa.int64() if found and all(map(_is_int, found)) else pa.string() for key, found in values.items()}


def _is_int(text: str) -> bool:
    return re.fullmatch(r"-?[0-9]{1,19}", text) is not None and -(2**63) <= int(text) < 2**63
