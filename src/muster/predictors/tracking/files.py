"""Files of another place, brought here: each where it belongs, whole, and no more of them than a model has."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Protocol

from muster.errors import NotFound, SourceError
from muster.predictors.archive import MOST_BYTES, MOST_DEEP, MOST_FILES

__all__ = ["Files", "Item", "Nested", "download", "download_file"]


@dataclass(frozen=True, slots=True)
class Item:
    """A file or folder; `path` is relative to the root that is listed. `size` is None where the place does not tell it."""

    path: str
    folder: bool
    size: int | None = None


class Files(Protocol):
    """A tree of files elsewhere."""

    def __str__(self) -> str:
        """What a message calls its root; no secret is in it."""
        ...

    def list(self, folder: str) -> Iterator[Item]:
        """What is right below a folder, or all that is in it; nothing for what is no folder. The root is the empty path."""
        ...

    def fetch(self, path: str, target: Path) -> int:
        """Write a file's bytes to `target`; how many there were."""
        ...


class Nested(Files, Protocol):
    """A tree whose root may be a file."""

    @property
    def above(self) -> tuple[Files, str]:
        """The folder that the root lies in, and its name there."""
        ...


def download_file(files: Nested, target: Path) -> Path | None:
    """The root into the new folder `target` where it is one file, and its path; None where it is none."""
    folder, name = files.above
    if not name or not any(i.path == name and not i.folder for i in folder.list("")):
        return None
    target.mkdir(parents=True)
    folder.fetch(name, target / name)
    return target / name


def download(files: Files, target: Path) -> None:
    """All files below a root into `target`, a new folder."""
    target.mkdir(parents=True)
    count = total = 0
    for item in _walk(files):
        count += 1
        total += item.size or 0
        if count > MOST_FILES or total > MOST_BYTES:
            raise SourceError(
                f"{files} holds more than {MOST_FILES:,} files or {MOST_BYTES >> 30} GB",
                hint="name the model's own folder",
            )
        place = target / item.path
        place.parent.mkdir(parents=True, exist_ok=True)
        size = files.fetch(item.path, place)
        if item.size is not None and size != item.size:
            raise SourceError(
                f"{files}: `{item.path}` has {size:,} bytes, and was listed with {item.size:,}",
                hint="it may just be written: try again; else save the model again",
            )
        total += size if item.size is None else 0
    if not count:
        raise NotFound(
            f"there are no files at {files}", hint="see whether its artifacts were deleted, or lie under another path"
        )


def _walk(files: Files) -> Iterator[Item]:
    """Every file, depth first. A place that lists what lies elsewhere, or folders without end, is refused."""
    waiting, seen = [""], set()
    while waiting:
        folder = waiting.pop()
        for item in files.list(folder):
            path = PurePosixPath(item.path)
            inside = PurePosixPath(folder) in path.parents or not folder
            if (
                path.is_absolute()
                or ".." in path.parts
                or not path.parts
                or not inside
                or "\\" in item.path
                or "\0" in item.path
                or len(path.parts) > MOST_DEEP
            ):
                raise SourceError(f"{files} lists `{item.path!r}`, which is no file in it", hint="see the server's log")
            if str(path) in seen:
                raise SourceError(f"{files} lists `{item.path}` twice", hint="see the server's log")
            seen.add(str(path))
            if item.folder:
                waiting.append(str(path))
            else:
                yield Item(str(path), folder=False, size=item.size)
