"""Environments on the disk: built beside their place and renamed into it, so that one that is there is whole.

`<folder>/<key>/` is a virtual environment; `muster.json` in it tells what it is, `lock.txt` what is installed, `used` when it
was last asked for. The folder belongs to one machine; several processes of it may share it.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from muster.errors import EnvironmentFailed, MusterError
from muster.predictor import Talk
from muster.predictors.local.exclusive import Busy, exclusive
from muster.predictors.local.interpreters import Interpreter
from muster.predictors.local.lock import Lock
from muster.predictors.local.refusals import understand
from muster.predictors.local.requirements import for_uv
from muster.predictors.local.tool import Ran, Uv
from muster.scratch import scratch, used

__all__ = ["Builds", "EnvironmentInfo", "Plan"]

_FORMAT = "muster.environment/1"
_KEY = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvironmentInfo:
    """An environment that is built on this machine. `packages` are `name==version`; `size` counts shared files in full."""

    key: str
    python: str
    packages: tuple[str, ...]
    size: int
    created_at: datetime
    used_at: datetime
    path: Path


@dataclass(frozen=True, slots=True)
class Plan:
    """What to build: the lock under its key, over a Python, with the model's own wheels and the options that say where the rest is."""

    key: str
    lock: Lock
    base: Interpreter
    wheels: Mapping[str, Path] = field(default_factory=dict)
    options: Sequence[str] = ()


class Builds:
    """The folder of environments. Safe from several threads and processes."""

    def __init__(self, folder: Path, uv: Uv, talk: Talk, seconds: float) -> None:
        self._folder = folder
        self._uv = uv
        self._talk = talk
        self._seconds = seconds

    def ready(self, key: str) -> Path | None:
        """The interpreter of an environment that is there and whose base Python still is; it counts as used now."""
        folder = self._folder / key
        python = folder / "bin" / "python"
        try:
            marker = json.loads((folder / "muster.json").read_text(encoding="utf-8"))
            if marker["format"] != _FORMAT or marker["base"] != _identity(python):
                return None
        except (OSError, ValueError, KeyError):
            return None
        _stamp(folder)
        return python

    def build(self, plan: Plan) -> Path:
        """Build it, unless somebody else does so meanwhile."""
        self._folder.mkdir(parents=True, exist_ok=True)
        until = time.monotonic() + self._seconds
        try:
            with exclusive(self._lock_file(plan.key), seconds=self._seconds, waiting=lambda: self._talk(_WAITING)):
                if (python := self.ready(plan.key)) is not None:
                    return python
                self._clear(plan.key)
                return self._make(plan, until)
        except Busy:
            raise EnvironmentFailed(
                f"another process has been building the environment for {self._seconds:g} s",
                hint="look what it waits for, or set environment.build_seconds higher",
            ) from None

    def list(self) -> list[EnvironmentInfo]:
        """What is built, in the order of keys."""
        found = (_info(d) for d in sorted(self._folder.glob("*")) if _KEY.fullmatch(d.name))
        return [info for info in found if info is not None]

    def remove(self, info: EnvironmentInfo, idle: float) -> str | None:
        """Remove an environment; if it cannot go now, the reason."""
        try:
            with exclusive(self._lock_file(info.key), seconds=0):
                if (pid := _user_of(info.path)) is not None:
                    return f"process {pid} runs in it"
                if idle > 0 and time.time() - _used(info.path) < idle:
                    return "it was just used"
                self._clear(info.key)
        except Busy:
            return "it is being built"
        return None

    def sweep(self) -> None:
        """Remove what killed builds and removals left."""
        for left in self._folder.glob("*.tmp-*"):
            try:
                with exclusive(self._lock_file(left.name.partition(".")[0]), seconds=0):
                    shutil.rmtree(left, ignore_errors=True)
            except Busy:
                continue
        for lock in self._folder.glob("*.lock"):
            try:
                with exclusive(lock, seconds=0):  # which removes it
                    pass
            except Busy:
                continue

    def _lock_file(self, key: str) -> Path:
        return self._folder / f"{key}.lock"

    def _clear(self, key: str) -> None:
        """Make the place free. Renamed first, so that nobody sees half an environment."""
        place = self._folder / key
        if place.exists():
            place.rename(self._folder / f"{key}.tmp-{os.urandom(4).hex()}")
        for left in self._folder.glob(f"{key}.tmp-*"):
            shutil.rmtree(left, ignore_errors=True)

    def _make(self, plan: Plan, until: float) -> Path:
        count, began = len(plan.lock.pins), time.monotonic()
        self._talk(f"building environment ({count} package{'s' if count != 1 else ''}, Python {plan.base.minor}) …")
        fresh = self._folder / f"{plan.key}.tmp-{os.urandom(4).hex()}"
        try:
            self._fill(fresh, plan, until)
            _mark(fresh, plan)
            fresh.rename(self._folder / plan.key)
        except OSError as error:
            raise EnvironmentFailed(
                f"the environment cannot be written to {self._folder}: {error.strerror}",
                hint="set environment.folder to a folder that you can write, on a disk with room",
            ) from None
        finally:
            shutil.rmtree(fresh, ignore_errors=True)
        self._talk(f"environment built in {time.monotonic() - began:.1f} s")
        return self._folder / plan.key / "bin" / "python"

    def _fill(self, fresh: Path, plan: Plan, until: float) -> None:
        # Relocatable, because it is renamed; without byte code, which takes far longer than the rest and comes with use.
        venv: tuple[str | Path, ...] = (
            "venv",
            "--quiet",
            "--relocatable",
            "--no-project",
            "--no-python-downloads",
            "--python",
            plan.base.path,
            fresh,
        )
        self._done(self._uv(*venv, until=until), plan)
        with scratch() as place:
            lines, flags = for_uv(plan.options)
            file = place / "lock.txt"
            file.write_text("\n".join([*lines, plan.lock.to_build(plan.wheels)]), encoding="utf-8")
            sync: tuple[str | Path, ...] = (
                "pip",
                "sync",
                "--require-hashes",
                "--strict",
                *flags,
                "--python",
                fresh / "bin" / "python",
                file,
            )
            sources = plan.lock.builds_sources
            ran = self._uv(*sync, until=until, sources=sources)
            if not ran.ok and understand(ran.said).kind == "network":
                cached = self._uv(*sync, until=until, sources=sources, offline=True)
                if cached.ok:
                    self._talk("no index could be reached; uv had everything in its cache")
                    return
            self._done(ran, plan)

    def _done(self, ran: Ran, plan: Plan) -> None:
        if ran.ok:
            return
        refusal = understand(ran.said)
        raise EnvironmentFailed(
            f"the environment with Python {plan.base.minor} cannot be built: {refusal.sentence}",
            hint=refusal.hint or "the packages of its lock must be in an index that this machine uses",
            details={"uv": ran.said, "kind": refusal.kind},
        )


_WAITING = "another process builds the environment; waiting for it …"


def _mark(fresh: Path, plan: Plan) -> None:
    """What makes an environment complete: written last."""
    (fresh / "lock.txt").write_text(plan.lock.text, encoding="utf-8")
    _stamp(fresh)
    marker = {
        "format": _FORMAT,
        "key": plan.key,
        "python": plan.base.version,
        "platform": sys.platform,
        "created_at": datetime.now(UTC).isoformat(),
        "size": used(fresh),
        "base": _identity(fresh / "bin" / "python"),
    }
    (fresh / "muster.json").write_text(json.dumps(marker, indent=1), encoding="utf-8")


def _identity(python: Path) -> list[object]:
    """The executable behind the environment's: when it goes or another takes its place, the environment is void."""
    real = python.resolve(strict=True)
    found = real.stat()
    return [str(real), found.st_size, found.st_mtime_ns]


def _stamp(folder: Path) -> None:
    try:
        (folder / "used").touch()
    except OSError:
        return  # a folder that this process may only read


def _used(folder: Path) -> float:
    try:
        return (folder / "used").stat().st_mtime
    except OSError:
        return 0.0


def _info(folder: Path) -> EnvironmentInfo | None:
    try:
        marker = json.loads((folder / "muster.json").read_text(encoding="utf-8"))
        pins = Lock((folder / "lock.txt").read_text(encoding="utf-8")).pins
        return EnvironmentInfo(
            key=folder.name,
            python=str(marker["python"]),
            packages=tuple(map(str, pins)),
            size=int(marker["size"]),
            created_at=datetime.fromisoformat(marker["created_at"]),
            used_at=datetime.fromtimestamp(_used(folder), UTC),
            path=folder,
        )
    except (OSError, ValueError, KeyError, MusterError):
        return None


def _user_of(folder: Path) -> int | None:
    """A living process that was started with something of the folder."""
    start = f"{folder}{os.sep}"
    return next(
        (pid for pid, arguments in _processes() if pid != os.getpid() and any(a.startswith(start) for a in arguments)),
        None,
    )


def _processes() -> Iterator[tuple[int, list[str]]]:
    proc = Path("/proc/self/cmdline")
    if not proc.exists():
        listed = subprocess.run(
            ["ps", "-axww", "-o", "pid=,command="], capture_output=True, text=True, check=True
        ).stdout
        yield from ((int(line.split(None, 1)[0]), line.split()[1:]) for line in listed.splitlines())
        return
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            yield int(file.parent.name), file.read_bytes().decode(errors="surrogateescape").split("\0")
        except OSError:
            continue  # it ended meanwhile
