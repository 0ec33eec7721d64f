"""What Linux lets a process forbid itself, for good and for all that it starts: Landlock, a filter of system calls, capabilities.

Each function works on the calling thread, so it is called before there is a second one. OSError where the kernel has no such thing.
"""

from __future__ import annotations

import ctypes
import os
import platform
import struct
import sys
from typing import Any, Iterable

_CREATE, _ADD, _RESTRICT = 444, 445, 446  # landlock_*(2), the same on every machine
_NO_NEW_PRIVILEGES, _SECCOMP, _BOUNDING_DROP, _AMBIENT = 38, 22, 24, 47  # of prctl(2)

_EXECUTE, _WRITE, _READ, _LIST = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_TRUNCATE, _IOCTL = 1 << 14, 1 << 15
_OF_FILES = _EXECUTE | _WRITE | _READ | _TRUNCATE | _IOCTL

# What its versions (of 2021 to 2024) can handle: rights on files, on TCP, and what stays inside: abstract sockets and signals.
_FILES = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 4: (1 << 15) - 1, 5: (1 << 16) - 1}
_TCP, _SCOPED = 0b11, 0b11

# System calls by machine: (its number for a filter, that of socket(2), those that no model needs and that lead around the rest).
_MACHINES = {
    "x86_64": (
        0xC000003E,
        41,
        (101, 155, 161, 165, 166, 169, 175, 176, 246, 248, 249, 250, 272, 298, 304, 308, 310, 311, 313, 320, 321, 323),
    ),
    "aarch64": (
        0xC00000B7,
        198,
        (39, 40, 41, 51, 97, 104, 105, 106, 117, 142, 217, 218, 219, 241, 265, 268, 270, 271, 273, 280, 282, 294),
    ),
}
_EVERYWHERE = (
    425,
    428,
    429,
    430,
    438,
    442,
)  # io_uring_setup, open_tree, move_mount, fsopen, pidfd_getfd, mount_setattr

_libc: Any = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def landlock_version() -> int:
    """0 where there is none."""
    if _libc is None:
        return 0
    return max(0, _libc.syscall(_CREATE, None, ctypes.c_size_t(0), ctypes.c_uint(1)))


def landlock(readable: Iterable[str], writable: Iterable[str], *, network: bool) -> None:
    """See and write these paths and no others; reach no process that is not started from here; open no connection, unless `network`."""
    version = landlock_version()
    if not version:
        raise OSError("the kernel has no Landlock")
    files = _FILES[min(version, 5)]
    fields = [files, *([0 if network else _TCP] if version >= 4 else []), *([_SCOPED] if version >= 6 else [])]
    attributes = struct.pack(f"={len(fields)}Q", *fields)
    ruleset = _called("syscall", _CREATE, attributes, ctypes.c_size_t(len(attributes)), ctypes.c_uint(0))
    try:
        for paths, rights in ((readable, _EXECUTE | _READ | _LIST), (writable, files)):
            for path in paths:
                _allow(ruleset, path, rights & files)
        _called("prctl", _NO_NEW_PRIVILEGES, ctypes.c_ulong(1), 0, 0, 0)
        _called("syscall", _RESTRICT, ruleset, ctypes.c_uint(0))
    finally:
        os.close(ruleset)


def _allow(ruleset: int, path: str, rights: int) -> None:
    try:
        opened = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return  # it is not here, or not for this user
    try:
        if not os.path.isdir(path):
            rights &= _OF_FILES
        _called("syscall", _ADD, ruleset, ctypes.c_int(1), struct.pack("=Qi", rights, opened), ctypes.c_uint(0))
    finally:
        os.close(opened)


def filter_calls(*, network: bool) -> None:
    """Refuse system calls that lead around the rest, and, unless `network`, any socket but pairs of them, UDP and Unix's own too."""
    if platform.machine() not in _MACHINES or sys.maxsize < 2**32:
        raise OSError("the system calls of this machine are not known")
    machine, socket, refused = _MACHINES[platform.machine()]
    numbers = [*refused, *_EVERYWHERE, *([] if network else [socket])]
    last = len(numbers) + 5  # the place of the refusal
    program = [
        (0x20, 0, 0, 4),  # load the machine
        (0x15, 0, last - 2, machine),  # another one's calls have other numbers
        (0x20, 0, 0, 0),  # load the call's number
        (0x35, last - 4, 0, 0x40000000),  # calls of x32, which are others again
        *((0x15, last - place, 0, number) for place, number in enumerate(numbers, 5)),
        (0x06, 0, 0, 0x7FFF0000),  # allow
        (0x06, 0, 0, 0x00050001),  # refuse: EPERM
    ]
    code = b"".join(struct.pack("=HBBI", *line) for line in program)
    held = ctypes.create_string_buffer(code)
    described = struct.pack("@HP", len(program), ctypes.addressof(held))
    _called("prctl", _NO_NEW_PRIVILEGES, ctypes.c_ulong(1), 0, 0, 0)
    _called("prctl", _SECCOMP, ctypes.c_ulong(2), described, 0, 0)


def drop_capabilities() -> None:
    """Of a worker that root starts: it keeps the right to pass over the modes of files that it can see, and no other."""
    for number in range(64):
        if _libc.prctl(_BOUNDING_DROP, ctypes.c_ulong(number), 0, 0, 0) and ctypes.get_errno() == 22:
            break  # there is none of that number
    _libc.prctl(_AMBIENT, ctypes.c_ulong(4), 0, 0, 0)
    kept = 1 << 1 if os.geteuid() == 0 else 0
    _called("capset", struct.pack("=Ii", 0x20080522, 0), struct.pack("=6I", kept, kept, 0, 0, 0, 0))


def _called(name: str, *arguments: Any) -> int:
    answer: int = getattr(_libc, name)(*arguments)
    if answer < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{name}: {os.strerror(code)}")
    return answer
