"""Locks: exact versions with hashes, for one Python minor. A lock is a requirements file that names no index.

Wheels are preferred, because building a package from its source runs its code: only packages that have no wheels at all,
or that the requirements name with `--no-binary`, are built, and the lock says which.
"""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import InvalidWheelFilename, NormalizedName, canonicalize_name, parse_wheel_filename
from packaging.version import InvalidVersion, Version

from muster.errors import EnvironmentFailed
from muster.predictors.local.interpreters import Interpreter
from muster.predictors.local.refusals import Refusal, understand
from muster.predictors.local.requirements import Requirements, for_uv, name_of
from muster.predictors.local.tool import Ran, Uv
from muster.scratch import scratch

__all__ = ["Lock", "Pin", "key_of", "resolve", "same_version"]

_FIXED = (
    "--generate-hashes",
    "--no-header",
    "--no-annotate",
    "--no-emit-index-url",
    "--no-emit-find-links",
    "--no-python-downloads",
)
_MINORS = tuple(f"3.{n}" for n in range(7, 15))
_WHEEL = "# wheel of the model: "


@dataclass(frozen=True, slots=True)
class Pin:
    """One package of a lock. `version` is None where only an address names it; `wheel` is the name of a file of the model."""

    name: NormalizedName
    version: str | None
    hashes: tuple[str, ...] = ()
    wheel: str | None = None

    def __str__(self) -> str:
        return f"{self.name}=={self.version}" if self.version is not None else self.name


@dataclass(frozen=True, slots=True)
class Lock:
    """The text that is stored, and what it says."""

    text: str

    @property
    def pins(self) -> tuple[Pin, ...]:
        """The packages, without those whose marker does not hold here, in the order of the text."""
        return tuple(_pins(self.text))

    @property
    def builds_sources(self) -> bool:
        """Whether building it runs the code of packages."""
        return "--no-binary" in self.text

    def to_build(self, wheels: Mapping[str, Path]) -> str:
        """The text for uv, with the model's own wheels by their paths."""
        text = self.text
        for pin in self.pins:
            if pin.wheel is not None:
                text = text.replace(f"\n{pin} ", f"\n{pin.name} @ {wheels[pin.wheel].as_uri()} ")
        return text


def key_of(text: str, minor: str, executable: str = "") -> str:
    """The name of an environment: the same wherever the lock and the minor are (and the executable, if the user named one)."""
    return hashlib.sha256(f"muster.environment/1\n{minor}\n{executable}\n{text}".encode()).hexdigest()


def same_version(one: str, other: str) -> bool:
    """Whether two versions are equal, however they are written; a local part (`+cpu`) counts."""
    try:
        return Version(one) == Version(other)
    except InvalidVersion:
        return one == other


def resolve(
    wanted: Requirements,
    python: Interpreter,
    uv: Uv,
    *,
    seconds: float,
    prefer: Mapping[NormalizedName, str] | None = None,
    closed: bool = False,
) -> tuple[Lock, tuple[str, ...]]:
    """The lock of the requirements, and notes on how it came about. Versions of `prefer` are taken where they fit.

    `closed`: the requirements name every package that is needed, so that none is added.
    """
    with scratch() as folder:
        until = time.monotonic() + seconds
        return _Resolution(wanted, python, uv, scratch=folder, until=until, closed=closed).run(prefer or {})


class _Resolution:
    """One resolution, in several rounds where some requirements are wrong, or some packages have no wheels."""

    def __init__(
        self, wanted: Requirements, python: Interpreter, uv: Uv, *, scratch: Path, until: float, closed: bool
    ) -> None:
        self._wanted = wanted
        self._python = python
        self._uv = uv
        self._scratch = scratch
        self._until = until
        self._closed = closed
        self._options, self._flags = for_uv(wanted.options)
        self._sources = set(wanted.sources)
        self._lines = {name_of(line): line for line in wanted.lines}
        self._notes: list[str] = []

    def run(self, prefer: Mapping[NormalizedName, str]) -> tuple[Lock, tuple[str, ...]]:
        problems: list[Refusal] = []
        said = ""
        while True:
            ran = self._compile(prefer)
            if ran.ok:
                break
            said = said or ran.said
            refusal = understand(ran.said)
            if refusal.kind in ("network", "denied", "disk"):
                raise EnvironmentFailed(
                    f"the packages cannot be looked up: {refusal.sentence}", hint=refusal.hint, details={"uv": ran.said}
                )
            if self._build_wheelless(refusal):
                continue
            problems.append(self._explained(refusal))
            # What is wrong with one requirement alone is told together with what is wrong with the others.
            if refusal.kind == "conflict" or self._lines.pop(canonicalize_name(refusal.name), None) is None:
                break
        if problems:
            raise self._failed(problems, said)
        return Lock(self._finished()), tuple(self._notes)

    def _compile(self, prefer: Mapping[NormalizedName, str]) -> Ran:
        ask, lock = self._scratch / "requirements.in", self._scratch / "lock.txt"
        ask.write_text("\n".join([*self._options, *map(self._line, self._lines.values())]) + "\n", encoding="utf-8")
        lock.write_text("".join(f"{n}=={v}\n" for n, v in prefer.items()), encoding="utf-8")
        return self._uv_compile(
            ask, "--output-file", lock, *self._constraints(), *(["--no-deps"] if self._closed else [])
        )

    def _constraints(self) -> list[str | Path]:
        if not self._wanted.constraints:
            return []
        file = self._scratch / "constraints.txt"
        file.write_text("\n".join(self._wanted.constraints) + "\n", encoding="utf-8")
        return ["--constraint", file]

    def _uv_compile(self, ask: Path, *more: str | Path) -> Ran:
        flags = ["--only-binary", ":all:", *self._flags]
        for name in sorted(self._sources):
            flags += ["--no-binary", name]
        if "--pre" in self._wanted.options:
            flags += ["--prerelease", "allow"]
        command = ("pip", "compile", ask, "--python", self._python.path, *_FIXED, *flags, *more)
        return self._uv(*command, until=self._until, sources=bool(self._sources))

    def _line(self, line: str) -> str:
        wheel = self._wanted.wheels.get(name_of(line))
        return line if wheel is None else f"{name_of(line)} @ {wheel.as_uri()}"

    def _build_wheelless(self, refusal: Refusal) -> bool:
        """Allow to build from source what has no wheel for any Python. Whether there is anything new to try."""
        fresh = {
            n for n in refusal.wheelless[:5] if n not in self._sources and not self._minors_with_wheels(n, own=True)
        }
        self._sources |= fresh
        return bool(fresh)

    def _minors_with_wheels(self, name: str, *, own: bool = False) -> list[str]:
        """The Pythons that the requirement, or else the package in any version, has wheels for."""
        ask = self._scratch / "one.in"
        ask.write_text(
            "\n".join([*self._options, self._lines.get(canonicalize_name(name), name)]) + "\n", encoding="utf-8"
        )
        wheels: tuple[str | Path, ...] = (
            "pip",
            "compile",
            ask,
            "--quiet",
            "--no-deps",
            "--only-binary",
            ":all:",
            "--no-python-downloads",
            *self._flags,
        )
        found = []
        for minor in _MINORS:
            if minor == self._python.minor and not own:
                continue
            if self._uv(*wheels, "--python", self._python.path, "--python-version", minor, until=self._until).ok:
                found.append(minor)
                if own:
                    break
        return found

    def _explained(self, refusal: Refusal) -> Refusal:
        """A missing wheel with the Pythons that have one."""
        if refusal.kind != "wheels":
            return refusal
        what = self._lines.get(canonicalize_name(refusal.name), refusal.name + refusal.spec)
        minors = self._minors_with_wheels(refusal.name)
        if not minors:
            return refusal
        told = minors[0] if len(minors) == 1 else f"{minors[0]} to {minors[-1]}"
        return Refusal(
            "wheels",
            f"{what} has wheels for Python {told}, none for {self._python.minor} on this machine",
            refusal.name,
            refusal.spec,
            f"install a Python of those, ask for a version with wheels, or allow building it with `--no-binary {refusal.name}`",
        )

    def _failed(self, problems: list[Refusal], said: str) -> EnvironmentFailed:
        hints = list(dict.fromkeys(h for p in problems if (h := p.hint or _HINTS.get(p.kind, ""))))
        return EnvironmentFailed(
            f"no environment with Python {self._python.minor} meets the requirements: "
            + "; ".join(p.sentence for p in problems),
            hint=hints[0] if len(hints) == 1 else _ANY,
            details={"requirements": list(self._wanted.lines), "problems": [p.sentence for p in problems], "uv": said},
        )

    def _finished(self) -> str:
        """uv's text, without paths of this machine, with what is built from source at its top."""
        text = (self._scratch / "lock.txt").read_text(encoding="utf-8")
        for name, wheel in self._wanted.wheels.items():
            own = f"{_WHEEL}{wheel.name}\n{self._lines[name]} "
            text = re.sub(rf"^{re.escape(name)} @ file:\S+ ", own, text, flags=re.MULTILINE)
        text = self._with_given_hashes(text)
        built = [str(p) for p in _pins(text) if p.name in self._sources]
        if built:
            self._notes.append(
                f"{', '.join(built)} {'are' if len(built) > 1 else 'is'} built from source: no wheels of it exist"
            )
        names = [p.partition("==")[0] for p in built]
        return "--only-binary :all:\n" + "".join(f"--no-binary {n}\n" for n in names) + text

    def _with_given_hashes(self, text: str) -> str:
        """Where the requirements themselves give hashes, no other file of that version will do."""
        for pin in _pins(text):
            given = self._wanted.hashes.get(pin.name)
            if given is None:
                continue
            if not given & set(pin.hashes):
                raise EnvironmentFailed(
                    f"no file of {pin} in the index has a hash that the requirements give for it",
                    hint="compare the hashes with the package's publisher",
                )
            for other in set(pin.hashes) - given:
                text = re.sub(rf" \\\n    --hash={re.escape(other)}(?=\s)", "", text)
        return text


_ANY = "change them, or give `environment=` a requirements file of your own"
_HINTS = {
    "unknown": "check the spelling; packages of your own need an index or a wheel folder in pip's or uv's settings",
    "version": "ask for a version that exists for this Python",
    "python": "use a Python of that version, or ask for another version of the package",
    "conflict": _ANY,
}


def _pins(text: str) -> Iterator[Pin]:
    wheel = None
    for line in text.replace("\\\n", " ").splitlines():
        if line.startswith(_WHEEL):
            wheel = line.removeprefix(_WHEEL)
        elif line and not line.startswith(("#", "-")):
            first, *hashes = line.split(" --hash=")
            requirement = Requirement(first.strip())
            if requirement.marker is not None and not requirement.marker.evaluate():
                continue
            yield Pin(
                canonicalize_name(requirement.name), _version(requirement), tuple(h.strip() for h in hashes), wheel
            )
            wheel = None


def _version(requirement: Requirement) -> str | None:
    if requirement.url is None:
        return next((s.version for s in requirement.specifier if s.operator in ("==", "===")), None)
    try:
        return str(parse_wheel_filename(requirement.url.partition("#")[0].rsplit("/", 1)[-1])[1])
    except InvalidWheelFilename:
        return None
