"""Shuts the worker in before it loads anything, and finds out by trying what it can still do.

Muster says in a file what it wants; what was reached is told in `hello`. A level is only ever claimed for what was tried and failed:
`none` < `limits` (of memory and time, and a short list of variables) < `landlock` (it sees its own files alone, no other
process, and no network unless it may) < `sandbox` (that, in namespaces of its own, made by bubblewrap).
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import sys
from typing import Any, Callable, Dict, List

from . import kernel, view

FILE = "isolation.json"
"""In the worker's folder: `shut` (or as it is), `network`, the artifact's `folder`, and perhaps `bwrap`, the program."""

_TEMPORARY = ("/tmp", "/dev/shm")  # noqa: S108  # the sandbox's own, which end with it

Told = Dict[str, Any]


def told(scratch: str, *, inside: bool) -> Told:
    """What Muster wants; `inside` is whether this process is in its sandbox."""
    try:
        with open(os.path.join(scratch, FILE), encoding="utf-8") as file:
            asked: Told = json.load(file)
    except FileNotFoundError:
        return {"shut": False, "network": True, "folder": scratch, "bwrap": None, "inside": inside}
    return dict(asked, inside=inside)


def command(asked: Told, scratch: str, program: List[str]) -> List[str]:
    """The program in namespaces of its own, with a disk that has nothing but what it may see."""
    own = ["--unshare-user-try", "--unshare-ipc", "--unshare-pid", "--unshare-uts", "--unshare-cgroup-try"]
    own += [] if asked["network"] else ["--unshare-net"]
    disk = ["--tmpfs", _TEMPORARY[0], "--proc", "/proc", "--dev", "/dev"]
    for path in view.readable(asked["folder"]):
        disk += ["--ro-bind-try", path, path]
    for path in view.accelerators():
        disk += ["--dev-bind-try", path, path]
    disk += ["--bind", scratch, scratch, "--chdir", scratch]
    return [asked["bwrap"], *own, "--die-with-parent", "--cap-drop", "ALL", *disk, "--", *program]


def shut_in(asked: Told, scratch: str) -> Told:
    """Give up what is asked for, as far as this system allows; the `level` that was reached, and what is `open`."""
    if asked["shut"] and sys.platform == "linux":
        readable = [*view.readable(asked["folder"]), *(["/proc"] if asked["inside"] else view.PROCESSES)]
        writable = [scratch, *view.DEVICES, *view.accelerators(), *(_TEMPORARY if asked["inside"] else [])]
        with contextlib.suppress(OSError):  # what this system lacks shows in what is tried next
            kernel.landlock(readable, writable, network=asked["network"])
        with contextlib.suppress(OSError):
            kernel.filter_calls(network=asked["network"])
        with contextlib.suppress(OSError):
            kernel.drop_capabilities()
    return _reached(asked)


def _reached(asked: Told) -> Told:
    open_: List[str] = [name for name, possible in _ATTEMPTS.items() if possible(asked)]
    left = [name for name in open_ if name != "signals" and not (name == "network" and asked["network"])]
    level = "limits" if sys.platform == "linux" else "none"
    if not left:
        level = "sandbox" if asked["inside"] else "landlock"
    return {"level": level, "open": open_}


def _network(asked: Told) -> bool:
    """Whether a socket can be had. One that leads nowhere is as good as none where the network is this process's own."""
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as tried:
            tried.connect(("192.0.2.1", 9))  # sends nothing: it asks for a way there
    except PermissionError:
        return False
    except OSError:
        return not asked["inside"]
    return True


def _files(_asked: Told) -> bool:
    """Whether a file can be read that everybody may read."""
    try:
        with open("/etc/passwd", "rb"):
            return True
    except OSError:
        return False


def _artifact(asked: Told) -> bool:
    """Whether the artifact could be written to. Its mode alone keeps nobody from it who owns it, so that must not be the reason."""
    place = os.path.join(asked["folder"], f".muster-{os.getpid()}")
    try:
        if os.statvfs(asked["folder"]).f_flag & os.ST_RDONLY:
            return False
        os.close(os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL))
    except OSError:
        return _files(asked)
    os.unlink(place)
    return True


def _processes(asked: Told) -> bool:
    """Whether it can be read what another process of this user was started with."""
    if asked["inside"] and os.getpid() < 10:
        return False  # the others of this user are not there
    try:
        with open(f"/proc/{os.getppid()}/environ", "rb"):
            return True
    except OSError:
        return sys.platform != "linux"


def _signals(asked: Told) -> bool:
    if asked["inside"]:
        return False
    try:
        os.kill(os.getppid(), 0)
    except OSError:
        return False
    return True


_ATTEMPTS: Dict[str, Callable[[Told], bool]] = {
    "files": _files,
    "artifact": _artifact,
    "processes": _processes,
    "signals": _signals,
    "network": _network,
}
