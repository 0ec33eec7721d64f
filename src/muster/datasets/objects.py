"""Tables in object storage: an object, a folder of objects or a glob, in the formats and by the rules of files.

`s3://bucket/x.parquet`, `s3://bucket/folder/`, `gs://bucket/**/*.csv.gz`, `az://container/x.jsonl?type.n=int64`. A folder in which
Muster wrote is read as its manifest says. Objects are read in ranges as they are needed; none is downloaded whole first.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING
from urllib.parse import quote

from muster.datasets.content import Remote
from muster.datasets.files import File
from muster.datasets.formats import format_of
from muster.datasets.listing import MANIFEST, hidden, lacking, listed, partition_of
from muster.datasets.location import fits, is_magic, split_options
from muster.datasets.object_named import named_place
from muster.datasets.table import FileDataset
from muster.errors import DatasetError, DatasetNotFound
from muster.objects.faults import ObjectError, ObjectNotFound
from muster.objects.place import Place, is_object_url
from muster.records import Connection

if TYPE_CHECKING:
    from muster.objects.bucket import Entry

__all__ = ["ObjectLocation", "Objects", "explained", "locate_object", "part_name", "run_of"]

_PART = re.compile(r"part-[0-9]{6,}-[0-9]{6,}-([0-9A-Z]{26})\.[a-z.]+")


def part_name(part: int, index: int, run: str, suffix: str) -> str:
    """In the order of the rows, and no other run's."""
    return f"part-{part:06}-{index:06}-{run}{suffix}"


def run_of(name: str) -> str | None:
    """The run whose part of an output this is: one that counts only where a manifest names it."""
    found = _PART.fullmatch(name)
    return found[1] if found else None


@dataclass(frozen=True, slots=True)
class ObjectLocation:
    """A place. `pattern` are the parts behind it of a glob; with a slash at the end of its key it is a folder."""

    place: Place
    options: Mapping[str, str] = field(default_factory=dict)
    pattern: tuple[str, ...] = ()

    @property
    def uri(self) -> str:
        options = "&".join(f"{quote(k)}={quote(v)}" for k, v in self.options.items())
        return f"{self}{'?' if options else ''}{options}"

    def __str__(self) -> str:
        return f"{str(self.place).rstrip('/')}/{'/'.join(self.pattern)}" if self.pattern else str(self.place)


def locate_object(
    uri: str, options: Mapping[str, str] | None = None, connection: Connection | None = None
) -> ObjectLocation:
    url, query = split_options(uri)
    place = Place.parse(url) if connection is None else named_place(url, connection)
    chosen, parts = {**query, **(options or {})}, place.key.split("/")
    magic = next((i for i, part in enumerate(parts) if is_magic(part)), None)
    if magic is None:
        return ObjectLocation(place, chosen)
    above = "".join(f"{part}/" for part in parts[:magic])
    return ObjectLocation(replace(place, key=above), chosen, tuple(filter(None, parts[magic:])))


class Objects:
    """DatasetKind of URLs of object storage; with a connection, of what it names."""

    name = "objects"

    def __init__(self, connection: Connection | None = None) -> None:
        self._connection = connection

    def claims(self, uri: str) -> bool:
        return is_object_url(uri)

    def open(self, uri: str, options: Mapping[str, str]) -> FileDataset:
        location = locate_object(uri, options, self._connection)
        with explained():
            files = _find(location)
        return FileDataset(location, files, format_of(files, location.options))


@contextmanager
def explained() -> Iterator[None]:
    """What object storage refuses, as an error of datasets."""
    try:
        yield
    except ObjectNotFound as error:
        raise DatasetNotFound(str(error), hint=error.hint) from None
    except ObjectError as error:
        raise DatasetError(str(error), hint=error.hint) from None


def _find(location: ObjectLocation) -> tuple[File, ...]:
    from muster.objects.bucket import bucket_of

    place = location.place
    bucket = bucket_of(place)
    if location.pattern:
        found = {place.relative(e.place.key): e for e in bucket.list(place.folder)}
        names = _finished(_matching(found, location.pattern), found)
        if not names:
            hint = "names that begin with `_` or `.` do not count; the parts of a key are matched one by one, `**` takes any number"
            raise DatasetNotFound(f"no object matches {location}", hint=hint)
        return _ordered((found[name], name) for name in names)
    if place.key and not place.key.endswith("/"):
        try:
            return _ordered([(bucket.head(place.key), place.name)])
        except ObjectNotFound:
            pass  # then it may be a folder that was written without its slash
    return _folder(place, {place.relative(e.place.key): e for e in bucket.list(place.folder)})


def _matching(names: Iterable[str], pattern: Sequence[str]) -> list[str]:
    """The objects that a glob names; a folder that it names stands for all objects in it."""
    return [name for name in names if not _is_hidden(name) and _named(PurePosixPath(name), pattern)]


def _named(path: PurePosixPath, pattern: Sequence[str]) -> bool:
    return any(fits(p.parts, pattern) for p in (path, *path.parents) if p.parts)


def _folder(place: Place, found: Mapping[str, Entry]) -> tuple[File, ...]:
    from muster.objects.bucket import bucket_of

    if MANIFEST in found:
        entry = found[MANIFEST]
        names = listed(bucket_of(place).read(entry.place.key), str(entry.place))
        missing = [name for name in names if name not in found]
        if missing:
            raise lacking(str(place), missing)
        return _ordered((found[name], name) for name in names)
    if any(name.startswith("_delta_log/") for name in found):
        raise DatasetError(
            f"{place} is a Delta table: its files hold rows of old versions too", hint=f"read it as `delta:{place}`"
        )
    names = _finished([name for name in found if not _is_hidden(name)], found)
    if not names and any(map(run_of, found)):
        raise DatasetNotFound(
            f"{place} holds only parts of an output that is not finished",
            hint=f"wait for its {MANIFEST}, or score again",
        )
    if not names:
        raise DatasetNotFound(f"there is no object {place}, nor data below it", hint=_neighbours(place))
    return _ordered((found[name], name) for name in names)


def _finished(names: Sequence[str], found: Mapping[str, Entry]) -> list[str]:
    """Without parts of outputs that no manifest beside them names: of runs at work, or cut off, or that were replaced."""
    from muster.objects.bucket import bucket_of

    parts = {name: name.rpartition("/")[0] for name in names if run_of(name.rpartition("/")[2])}
    counted: set[str] = set()
    for folder in set(parts.values()):
        above = f"{folder}/" if folder else ""
        if (entry := found.get(above + MANIFEST)) is not None:
            content = bucket_of(entry.place).read(entry.place.key)
            counted.update(above + name for name in listed(content, str(entry.place)))
    return [name for name in names if name not in parts or name in counted]


def _neighbours(place: Place) -> str:
    from muster.objects.bucket import bucket_of

    above = place.beside("")
    names = bucket_of(place).names(above.key)
    told = f"{above} holds {', '.join(names[:8])}{', …' if len(names) > 8 else ''}" if names else f"{above} is empty"
    return f"{told}; names that begin with `_` or `.` do not count"


def _is_hidden(name: str) -> bool:
    return any(hidden(part) for part in name.split("/"))


def _ordered(found: Iterable[tuple[Entry, str]]) -> tuple[File, ...]:
    files = [File(Remote(entry), name, entry.size, partition_of(name)) for entry, name in found]
    return tuple(sorted(files, key=lambda f: f.name.encode()))
