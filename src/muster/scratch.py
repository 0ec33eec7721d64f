"""A folder for what a piece of work needs only while it runs; what killed processes left of theirs is swept."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from stat import S_ISREG

from muster.owners import alive, me

__all__ = ["make_scratch", "remove_scratch", "scratch", "try_remove", "used", "young"]

_DAY = 86_400.0
_PREFIX, _WORK = "tmp", "work"


@contextmanager
def scratch(folder: Path | None = None) -> Iterator[Path]:
    """A new empty folder in `folder`, else in one for temporary things of this user; gone at the end."""
    made = make_scratch(folder)
    try:
        yield made
    finally:
        remove_scratch(made)


def make_scratch(folder: Path | None = None) -> Path:
    """What `scratch` gives, for as long as this process lives, or until `remove_scratch`."""
    folder = _own() if folder is None else folder
    folder.mkdir(parents=True, exist_ok=True)
    for left in folder.glob(f"{_PREFIX}*"):  # others have theirs there too, as outputs that are staged
        if _is_orphan(left):
            _remove(left)
    owner = me()
    made = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=folder))
    try:
        (made / "owner").write_text(owner)
        (made / _WORK).mkdir()
    except BaseException:
        shutil.rmtree(made, ignore_errors=True)
        raise
    return made / _WORK


def remove_scratch(made: Path) -> None:
    """Remove a folder that was made, with what lies in it."""
    _remove(made.parent)


def _remove(folder: Path) -> None:
    """Whose it is goes last: what is left of a removal that is killed is swept like the rest."""
    shutil.rmtree(folder / _WORK, ignore_errors=True)
    shutil.rmtree(folder, ignore_errors=True)


def young(folder: Path, age: timedelta) -> set[str]:
    """The names of what was made in a folder no longer ago than this."""
    before, found = time.time() - age.total_seconds(), set()
    for path in folder.glob("*"):
        with suppress(FileNotFoundError):  # just removed by another process
            if path.stat().st_mtime >= before:
                found.add(path.name)
    return found


def used(path: Path) -> int:
    """The bytes of a file, or of all files in a folder; what goes meanwhile is left out."""
    found = 0
    for each in (path, *path.rglob("*")):
        with suppress(OSError):
            status = each.lstat()
            found += status.st_size if S_ISREG(status.st_mode) else 0
    return found


def try_remove(path: Path) -> bool:
    """Remove a file, or a folder with all in it; False if it is gone already, or may not be removed."""
    try:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
    except OSError:
        return False
    return True


def _own() -> Path:
    """One that nobody else can have put there; where somebody did, a new one for this call alone."""
    folder = Path(tempfile.gettempdir()) / f"muster-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if folder.is_symlink() or found.st_uid != os.getuid() or found.st_mode & 0o077:
        return Path(tempfile.mkdtemp(prefix="muster-"))
    return folder


def _is_orphan(left: Path) -> bool:
    """Its process is gone; or, where that cannot be told, it is a day old."""
    living: bool | None = None
    try:
        living = alive((left / "owner").read_text())
    except NotADirectoryError:  # a file that somebody else put there
        return False
    except (FileNotFoundError, ValueError):  # killed before, or while, it said whose it is; or gone meanwhile
        pass
    except OSError:  # that of another user of the hub
        return False
    with suppress(OSError):
        return living is False or (living is None and time.time() - left.stat().st_mtime > _DAY)
    return False
