"""How tours talk: acts as the commands of their names tell them, and at the end what to try next."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from muster.evaluation.comparison import Comparison
from muster.records import Run, Version

__all__ = ["Told", "go_on"]


@dataclass(frozen=True, slots=True)
class Told:
    """Who hears of what: each act is told as the command of that name tells it."""

    talk: Callable[[str], None]
    registered: Callable[[Version, datetime], None]
    scored: Callable[[Run], None]
    compared: Callable[[Comparison], None]
    reported: Callable[[Path], None]


def go_on(folder: Path, muster: str, *commands: str) -> str:
    """Commands to go on with, `muster` as it is called in the folder."""
    typed = (f"cd {shlex.quote(str(folder))}", *(f"{muster} {command}" for command in commands))
    return "\n".join((f"The hub is in {folder / '.muster'}. Go on with:", *(f"  {line}" for line in typed)))
