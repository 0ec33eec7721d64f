"""What this machine offers a version: its artifact's files and its interpreter.

An artifact is copied once from the blobs into `<folder>/artifacts/<digest>`, read-only, checked as it is copied. It is hashed
again when a process first uses it, and after that a file that changed since (by size, times or inode) is: what loads is always
what the digest names. A copy that is incomplete or was tampered with is fetched again.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeAlias

from muster.config import Settings
from muster.errors import NotFound
from muster.predictor import Answers, Talk
from muster.predictors.local.artifact import ArtifactFile, fetch, manifest
from muster.predictors.local.environment import Environments, to_stderr
from muster.predictors.local.exclusive import Busy, exclusive
from muster.records import Connection, Environment
from muster.scratch import used
from muster.sharing import Shares
from muster.store import BlobStore

__all__ = ["LocalSite"]

_FETCH_SECONDS = 3_600.0
_CACHE = "__pycache__"


Find: TypeAlias = Callable[[str], Connection]
"""The connection of a name."""


@dataclass(frozen=True, slots=True)
class Known:
    """Some connections, as a picklable value."""

    connections: Mapping[str, Connection]

    def __call__(self, name: str) -> Connection:
        if name not in self.connections:
            raise NotFound(f"there is no connection `{name}` here", hint="see `muster connection list`")
        return self.connections[name]


class LocalSite:
    """The site of the machine that it is opened on. Picklable; the talk stays behind, and lines go to stderr there."""

    def __init__(
        self,
        folder: Path,
        blobs: BlobStore,
        settings: Settings,
        talk: Talk = to_stderr,
        *,
        find: Find | None = None,
        answers: Answers | None = None,
        shares: Shares | None = None,
    ) -> None:
        self._folder = folder
        self._blobs = blobs
        self._settings = settings
        self._talk = talk
        self._find = find or Known({})
        self._answers, self._shares = answers, shares
        named = settings.text("environment.folder")
        self._environments = Environments(Path(named) if named else folder / "environments", blobs, settings, talk)
        self._made: set[str] = set()
        self._checked: dict[str, dict[str, tuple[int, ...]]] = {}

    def __reduce__(self) -> tuple[object, ...]:
        find = self._find if isinstance(self._find, Known) else None  # any other one looks into a store
        made = partial(LocalSite, find=find, answers=self._answers, shares=self._shares)
        return made, (self._folder, self._blobs, self._settings)

    def knowing(self, connections: Mapping[str, Connection]) -> LocalSite:
        """One that can be sent elsewhere, and knows these connections alone."""
        known = Known(connections)
        made = partial(LocalSite, find=known, answers=self._answers, shares=self._shares)
        return made(self._folder, self._blobs, self._settings, self._talk)

    @property
    def answers(self) -> Answers | None:
        return self._answers

    @property
    def shares(self) -> Shares | None:
        return self._shares

    def connection(self, name: str) -> Connection:
        return self._find(name)

    @property
    def settings(self) -> Settings:
        return self._settings

    @property
    def talk(self) -> Talk:
        return self._talk

    def artifact(self, digest: str) -> Path:
        place = self._artifacts / digest
        files = manifest(digest, self._blobs)
        if self._is_whole(digest, place, files):
            return place
        place.parent.mkdir(parents=True, exist_ok=True)
        wait = "another process fetches the model's files; waiting for it …"
        with exclusive(place.with_suffix(".lock"), seconds=_FETCH_SECONDS, waiting=lambda: self._talk(wait)):
            if not self._is_whole(digest, place, files):
                self._replace(digest, place)
                self._made.add(digest)
                self._checked[digest] = {f.path: _stamp(place / f.path) for f in files}
        return place

    def discard(self, digest: str) -> None:
        if digest in self._made:
            self._remove_copy(self._artifacts / digest)

    def interpreter(self, environment: Environment) -> Path:
        return self._environments.interpreter(environment)

    def surplus(self, environment: Environment) -> Mapping[str, Sequence[str]]:
        return self._environments.surplus(environment)

    def collect(self, keep: Collection[str]) -> int:
        """Remove the copies of all artifacts but these; the bytes that went. A copy that is needed after all is fetched again."""
        freed = 0
        for place in [p for p in self._artifacts.glob("*") if p.is_dir() and p.name.partition(".")[0] not in keep]:
            freed += self._remove_copy(place)
        return freed

    def _remove_copy(self, place: Path) -> int:
        """The bytes that went; none if it is being fetched."""
        try:
            with exclusive(place.with_name(place.name.partition(".")[0] + ".lock"), seconds=0):
                freed = used(place)
                _remove(place)
        except Busy:
            return 0
        self._checked.pop(place.name, None)
        self._made.discard(place.name)
        return freed

    @property
    def _artifacts(self) -> Path:
        return self._folder / "artifacts"

    def _replace(self, digest: str, place: Path) -> None:
        for left in place.parent.glob(f"{digest}.tmp-*"):
            _remove(left)
        fresh = place.parent / f"{digest}.tmp-{os.urandom(4).hex()}"
        fetch(digest, self._blobs, fresh)
        for folder in [d for d in fresh.rglob("*") if d.is_dir()]:
            folder.chmod(0o555)
        if place.exists():
            place.rename(place.parent / f"{digest}.tmp-{os.urandom(4).hex()}")
        fresh.rename(place)
        place.chmod(0o555)
        for left in place.parent.glob(f"{digest}.tmp-*"):
            _remove(left)

    def _is_whole(self, digest: str, place: Path, files: tuple[ArtifactFile, ...]) -> bool:
        """Whether the copy holds exactly these files, with these bytes."""
        known = self._checked.get(digest, {})
        try:
            if _paths(place) != {f.path for f in files}:
                return False
            fresh = {f.path: _stamp(place / f.path) for f in files}
            changed = [f for f in files if fresh[f.path] != known.get(f.path)]
            with ThreadPoolExecutor(os.cpu_count()) as pool:
                if not all(pool.map(lambda f: _hash(place / f.path) == f.sha256, changed)):
                    return False
        except OSError:  # another process replaces it just now
            return False
        self._checked[digest] = fresh
        return True


def _paths(place: Path) -> set[str]:
    """The files of a copy. Byte code that a model's imports left there goes: nothing but what was stored is ever loaded."""
    found: set[str] = set()
    for folder, folders, names in os.walk(place):
        if _CACHE in folders:
            folders.remove(_CACHE)
            _remove(Path(folder) / _CACHE)
        links = [n for n in folders if (Path(folder) / n).is_symlink()]
        found |= {(Path(folder) / n).relative_to(place).as_posix() for n in (*names, *links)}
    return found


def _stamp(file: Path) -> tuple[int, ...]:
    found = file.lstat()
    return found.st_mode, found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino


def _hash(file: Path) -> str:
    if file.is_symlink():
        return ""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _remove(folder: Path) -> None:
    """A folder whose parts may be read-only."""
    for path, _, _ in os.walk(folder):
        Path(path).chmod(0o755)
    shutil.rmtree(folder, ignore_errors=True)
