"""How far a worker is to be shut in, by the settings and what its version asks for; and what it reached."""

from __future__ import annotations

import functools
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from muster.config import ISOLATION_LEVELS, Settings
from muster.errors import EnvironmentFailed
from muster.signature import Json

__all__ = ["Isolation", "Reached", "weakest"]

_TRY_SECONDS = 5.0
_TRY = (
    "--unshare-user-try",
    "--unshare-ipc",
    "--unshare-pid",
    "--unshare-net",
    "--ro-bind",
    "/",
    "/",
    "--cap-drop",
    "ALL",
)


@dataclass(frozen=True, slots=True)
class Isolation:
    """What is wanted of one worker. `least` is the level below which no model is loaded."""

    shut: bool
    network: bool
    least: str | None = None

    @classmethod
    def wanted(cls, settings: Settings, load: Mapping[str, Json]) -> Isolation:
        policy, mode = settings.text("worker.network"), settings.text("worker.isolation")
        network = policy == "always" or (policy == "declared" and load.get("network") is True)
        least = settings.text("worker.isolation_level") if mode == "required" else None
        return cls(shut=mode != "none", network=network, least=least)

    def document(self, folder: Path) -> dict[str, Json]:
        """What the worker is told."""
        bwrap = bubblewrap() if self.shut else None
        return {"shut": self.shut, "network": self.network, "folder": str(folder), "bwrap": bwrap}

    def check(self, reached: Reached) -> None:
        """Raise if it is less than what is required."""
        if self.least is not None and ISOLATION_LEVELS.index(reached.level) < ISOLATION_LEVELS.index(self.least):
            left = f" ({', '.join(reached.open)} cannot be closed off)" if reached.open else ""
            raise EnvironmentFailed(
                f"workers reach the isolation `{reached.level}` on this machine{left}, and `{self.least}` is required",
                hint="install bubblewrap, use a system with Landlock (Linux 5.13 or later), or lower worker.isolation_level",
                details={"isolation": str(reached)},
            )


@dataclass(frozen=True, slots=True)
class Reached:
    """The level that a worker reached, and what it found open when it tried: `files`, `artifact`, `processes`, `signals`, `network`."""

    level: str = "none"
    open: tuple[str, ...] = ()

    @classmethod
    def told(cls, told: object) -> Reached:
        match told:
            case {"level": str(level), "open": list(found)} if level in ISOLATION_LEVELS:
                return cls(level, tuple(map(str, found)))
        return cls()

    def __str__(self) -> str:
        """As it is stored: the level, and what is open although the level does not say so."""
        more = [n for n in ("signals", "network") if n in self.open] if self.level in ("landlock", "sandbox") else []
        return ", ".join([self.level, *(f"{n} open" for n in more)])


def weakest(levels: list[str]) -> str | None:
    """Of what several workers reached, as they are stored."""
    return min(levels, key=lambda t: (ISOLATION_LEVELS.index(t.partition(",")[0]), -len(t)), default=None)


def bubblewrap() -> str | None:
    """The program, where it is installed and this system lets it work."""
    found = shutil.which("bwrap") if sys.platform == "linux" else None
    return found if found is not None and _works(found) else None


@functools.cache
def _works(program: str) -> bool:
    """It needs namespaces, which many containers forbid."""
    try:
        done = subprocess.run(
            [program, *_TRY, "--proc", "/proc", "--dev", "/dev", "true"],
            capture_output=True,
            timeout=_TRY_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0
