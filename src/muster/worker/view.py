"""What an isolated worker sees of the disk: the system's software, its interpreter and its artifact."""

from __future__ import annotations

import glob
import os
import sys
from typing import Iterable, List

SYSTEM = (
    "/bin",
    "/lib",
    "/lib32",
    "/lib64",
    "/libx32",
    "/nix/store",
    "/opt/intel",
    "/opt/nvidia",
    "/opt/rocm",
    "/sbin",
    "/sys",
    "/usr",
)

# Of /etc what libraries look up by themselves: how to find others, names, certificates. Not who has an account here.
CONFIGURATION = (
    "/etc/OpenCL",
    "/etc/alternatives",
    "/etc/ca-certificates",
    "/etc/fonts",
    "/etc/gai.conf",
    "/etc/host.conf",
    "/etc/hosts",
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/localtime",
    "/etc/mime.types",
    "/etc/nsswitch.conf",
    "/etc/pki",
    "/etc/protocols",
    "/etc/resolv.conf",
    "/etc/services",
    "/etc/ssl",
    "/etc/timezone",
)

# Its own entry, and the machine's figures: what others were started with stands in theirs.
PROCESSES = (
    "/proc/cpuinfo",
    "/proc/driver",
    "/proc/filesystems",
    "/proc/loadavg",
    "/proc/meminfo",
    "/proc/self",
    "/proc/stat",
    "/proc/sys",
    "/proc/uptime",
    "/proc/version",
)

DEVICES = ("/dev/full", "/dev/null", "/dev/random", "/dev/tty", "/dev/urandom", "/dev/zero")
_ACCELERATORS = ("/dev/dri", "/dev/kfd", "/dev/nvidia*")


def accelerators() -> List[str]:
    return [found for pattern in _ACCELERATORS for found in glob.glob(pattern)]


def readable(folder: str) -> List[str]:
    """Paths that can be read, in the order of their names. `folder` is the artifact."""
    found = {os.path.abspath(folder)}
    for root in (*SYSTEM, *CONFIGURATION, *_interpreter()):
        found.update(_around(root, folder) if os.path.exists(root) else ())
    return sorted(found)


def _interpreter() -> Iterable[str]:
    """This Python, where it imports from, and this program."""
    yield from (sys.prefix, sys.base_prefix, sys.exec_prefix, os.path.dirname(os.path.abspath(__file__)))
    yield os.path.dirname(os.path.realpath(sys.executable))
    yield from (os.path.abspath(p) for p in sys.path if os.path.isabs(p))
    yield from (p for p in os.environ.get("LD_LIBRARY_PATH", "").split(os.pathsep) if os.path.isabs(p))
    for name, module in list(sys.modules.items()):
        if name.startswith("__editable__"):  # setuptools' way to import from where a package is worked on
            yield from (os.path.dirname(p) for p in getattr(module, "MAPPING", {}).values())


def _around(root: str, folder: str) -> Iterable[str]:
    """The root; or, where the artifact lies in it, as in a hub in /usr/local, what lies in it but the way to the artifact."""
    root, folder = os.path.abspath(root), os.path.abspath(folder)
    if not folder.startswith(root.rstrip(os.sep) + os.sep):
        return [root]
    way = os.path.relpath(folder, root).split(os.sep)[0]
    return [os.path.join(root, name) for name in os.listdir(root) if name != way]
