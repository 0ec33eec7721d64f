"""How Muster is called here: in a clone nothing is on the PATH, and `./run`, which says in MUSTER_RUN where it is, calls it."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

__all__ = ["called_here", "program"]


def program(folder: Path | None = None) -> str:
    """What stands for `muster` in a command that is typed in the folder, or in this one."""
    script = os.environ.get("MUSTER_RUN")
    if not script:
        return "muster"
    try:
        path = min(script, os.path.relpath(script, folder or Path.cwd()), key=len)
    except FileNotFoundError:  # this folder is gone
        path = script
    return f"{shlex.quote(path if os.sep in path else f'./{path}')} muster"


def called_here(text: str) -> str:
    """The text, with commands of Muster (in backticks, or the whole of it) as they are typed in this folder."""
    if text.startswith("muster "):
        return program() + text.removeprefix("muster")
    return text.replace("`muster ", f"`{program()} ")
