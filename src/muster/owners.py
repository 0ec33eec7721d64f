"""Who does something: the user, and the process of a machine, recognised even when its number is used again."""

from __future__ import annotations

import getpass
import os
import socket
from pathlib import Path

__all__ = ["NOBODY", "alive", "machine", "me", "user"]

NOBODY = "nobody/0/"
"""The owner of what is left to whoever comes next."""


def me() -> str:
    """This process: machine, number and start time."""
    return f"{machine()}/{os.getpid()}/{_started(os.getpid())}"


def alive(owner: str) -> bool | None:
    """Whether the owner still runs; None where that cannot be told, as it is on another machine."""
    place, pid, started = owner.rsplit("/", 2)
    if place != machine():
        return None
    return _started(int(pid)) == started


def user() -> str:
    """The user of the operating system; by number where it has no name, as in many containers."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid-{os.getuid()}"


def machine() -> str:
    """The host since it was started, and the container: processes of others cannot be seen, and have the same numbers."""
    boot, space = Path("/proc/sys/kernel/random/boot_id"), Path("/proc/self/ns/pid")
    if not boot.exists():
        return socket.gethostname()
    seen = space.stat().st_ino if space.exists() else 0
    return f"{socket.gethostname()}/{boot.read_text().strip()}/{seen}"


def _started(pid: int) -> str:
    """When the process began, in the kernel's ticks; empty when there is none, or where that is not known."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return _signalled(pid)
    fields = stat.rpartition(")")[2].split()
    return "" if fields[0] == "Z" else fields[19]


def _signalled(pid: int) -> str:
    """On systems without /proc a live process is "?" whenever it began."""
    if Path("/proc/self/stat").exists():
        return ""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return ""
    except PermissionError:
        return "?"
    return "?"
