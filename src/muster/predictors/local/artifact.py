"""Artifacts: a model's files as one blob each, under a manifest blob whose digest names them all.

The manifest is canonical JSON (RFC 8785): `format` and `files`, sorted bytewise by path, each with `path` (relative, `/` between
its parts), `mode` (0644, or 0755 for what can be executed), `size` and `sha256`. Names, bytes and the executable bit make the
digest; times, owners, empty folders and Python's own `__pycache__` do not.
"""

from __future__ import annotations

import json
import os
import shutil
import stat
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import rfc8785

from muster.errors import Corrupt, InvalidModel, NotFound, StoreError, TooNew
from muster.records import MetricRecord, Version
from muster.store import BlobStore

if TYPE_CHECKING:
    from muster.signature import Json

__all__ = ["ArtifactFile", "fetch", "lost", "manifest", "specify", "store"]

_FORMAT = "muster.artifact/1"
_MODES = ("0644", "0755")
_CACHE = "__pycache__"
_MOST_FILES = 1_000_000
_TOLD = 10
_AT_ONCE = 8


@dataclass(frozen=True, slots=True, order=True)
class ArtifactFile:
    """One file of a manifest."""

    path: str
    mode: str
    size: int
    sha256: str

    @property
    def permissions(self) -> int:
        """Those of a copy, which nobody may write."""
        return int(self.mode, 8) & 0o555


def store(folder: Path, blobs: BlobStore) -> tuple[str, int]:
    """Store a folder; the artifact's digest and the size of all its files. Nothing refers to it before a record does.

    Links are followed where they stay in the folder. Everything that cannot be stored is named at once.
    """
    scan = _Scan(folder)
    if scan.wrong or not scan.found:
        raise _refused(folder, scan.wrong or ["it holds no file"])
    files: list[Json] = []
    total = 0
    for path, (source, mode) in sorted(scan.found.items(), key=lambda item: item[0].encode()):
        digest = blobs.put(source)
        size = blobs.size(digest)
        files.append({"path": path, "mode": mode, "size": size, "sha256": digest})
        total += size
    return blobs.put(rfc8785.dumps({"format": _FORMAT, "files": files})), total


def specify(specification: Mapping[str, Json], blobs: BlobStore) -> str:
    """Store the specification of a version that has no files, an endpoint; its digest."""
    return blobs.put(rfc8785.dumps(dict(specification)))


def manifest(digest: str, blobs: BlobStore) -> tuple[ArtifactFile, ...]:
    """The files of an artifact, each with a path that stays in the folder it is fetched to."""
    try:
        body = json.loads(blobs.read(digest))
        name, _, number = str(body["format"]).rpartition("/")
        if name == "muster.artifact" and number.isdigit() and int(number) > 1:
            raise TooNew(f"the artifact {digest} was written as `{body['format']}`", hint="upgrade Muster to read it")
        files = tuple(ArtifactFile(**f) for f in body["files"])
    except (ValueError, KeyError, TypeError) as error:
        raise _corrupt(digest, f"its manifest cannot be read ({error})") from None
    paths = {str(f.path) for f in files}
    wrong = [f.path for f in files if not _is_sound(f) or any(str(p) in paths for p in PurePosixPath(f.path).parents)]
    if body["format"] != _FORMAT or wrong or len(paths) != len(files):
        told = f"unsound entries: {', '.join(map(repr, wrong[:_TOLD]))}" if wrong else "it is not one of Muster's"
        raise _corrupt(digest, told)
    return files


def lost(version: Version | MetricRecord, blobs: BlobStore) -> Sequence[str]:
    """The blobs of a version, or of a metric, that are not there."""
    wanted = [version.digest]
    if version.environment is not None and version.environment.lock is not None:
        wanted.append(version.environment.lock)
    gone = [digest for digest in wanted if not blobs.has(digest)]
    if gone or (isinstance(version, Version) and not version.artifact):
        return gone
    digests = sorted({file.sha256 for file in manifest(version.digest, blobs)})
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return [digest for digest, there in zip(digests, pool.map(blobs.has, digests), strict=True) if not there]


def fetch(digest: str, blobs: BlobStore, target: Path) -> None:
    """Write an artifact's files into `target`, a new folder; every byte is checked as it is copied, and nothing is left if one is wrong."""
    files = manifest(digest, blobs)
    try:
        target.mkdir(parents=True)
        try:
            _copy(digest, files, blobs, target)
        except BaseException:
            shutil.rmtree(target, ignore_errors=True)
            raise
    except NotFound as error:
        raise _corrupt(digest, error.message) from None
    except OSError as error:
        hint = "see that its disk has room and that you may write it"
        raise StoreError(f"{target} cannot be written: {error.strerror}", hint=hint) from None


def _copy(digest: str, files: Sequence[ArtifactFile], blobs: BlobStore, target: Path) -> None:
    for file in files:
        place = target / file.path
        place.parent.mkdir(parents=True, exist_ok=True)
        blobs.fetch(file.sha256, place)
        if place.stat().st_size != file.size:
            raise _corrupt(digest, f"`{file.path}` has another size than its manifest says")
        place.chmod(file.permissions)


class _Scan:
    """All files of a folder by their path in the artifact, and what cannot be stored."""

    def __init__(self, folder: Path) -> None:
        self.found: dict[str, tuple[Path, str]] = {}
        self.wrong: list[str] = []
        self._root = Path(os.path.realpath(folder))
        try:
            self._folder(self._root, PurePosixPath(), (str(self._root),))
        except OSError as error:
            self.wrong.append(f"it cannot be read ({error.strerror})")

    def _folder(self, folder: Path, at: PurePosixPath, above: tuple[str, ...]) -> None:
        """`above` are the real folders that lead here: a link to one of them would never end."""
        with os.scandir(folder) as entries:
            for entry in sorted(entries, key=lambda e: os.fsencode(e.name)):
                if entry.name != _CACHE:
                    self._entry(Path(entry.path), at / entry.name, above)

    def _entry(self, source: Path, at: PurePosixPath, above: tuple[str, ...]) -> None:
        try:
            problem = self._take(source, at, above)
        except OSError as error:
            problem = f"cannot be read ({error.strerror})"
        except UnicodeEncodeError:
            problem = "has a name that is not UTF-8"
        if problem is not None:
            self.wrong.append(f"`{os.fsencode(str(at)).decode(errors='backslashreplace')}` {problem}")

    def _take(self, source: Path, at: PurePosixPath, above: tuple[str, ...]) -> str | None:
        str(at).encode()
        if "\\" in str(at):
            return "has a backslash in its name"
        if source.is_symlink() and not Path(os.path.realpath(source)).is_relative_to(self._root):
            return "is a link that leads out of the folder"
        if source.is_symlink() and not source.exists():
            return "is a link to nothing"
        found = source.stat()
        if stat.S_ISDIR(found.st_mode):
            real = os.path.realpath(source)
            if real in above:
                return "is a link to a folder that it lies in"
            self._folder(source, at, (*above, real))
            return None
        if not stat.S_ISREG(found.st_mode):
            return "is no file (a device, pipe or socket)"
        with source.open("rb"):
            pass  # one that cannot be opened is named together with all others
        if len(self.found) >= _MOST_FILES:
            raise InvalidModel(
                f"{self._root} holds more than {_MOST_FILES:,} files", hint="register an archive of them"
            )
        self.found[str(at)] = source, "0755" if found.st_mode & stat.S_IXUSR else "0644"
        return None


def _is_sound(file: ArtifactFile) -> bool:
    return (
        isinstance(file.path, str)
        and not any(p in ("", ".", "..") for p in file.path.split("/"))
        and "\0" not in file.path
        and "\\" not in file.path
        and file.mode in _MODES
        and isinstance(file.size, int)
        and isinstance(file.sha256, str)
    )


def _refused(folder: Path, wrong: Sequence[str]) -> InvalidModel:
    more = f"; and {len(wrong) - _TOLD} more" if len(wrong) > _TOLD else ""
    return InvalidModel(
        f"{folder} cannot be stored: " + "; ".join(wrong[:_TOLD]) + more,
        hint="an artifact is a folder of plain files, and of links that stay in it",
        details={"problems": list(wrong)},
    )


def _corrupt(digest: str, reason: str) -> Corrupt:
    return Corrupt(f"the artifact {digest} is damaged: {reason}", hint="restore the hub's blobs from a backup")
