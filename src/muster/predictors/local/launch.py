"""Starting a worker's process, and what the system holds for one: sockets, a log, a scratch folder."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import tempfile
import threading
import time
import weakref
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import muster.worker
from muster.scratch import make_scratch, remove_scratch
from muster.signature import Json
from muster.worker.isolation import FILE as ISOLATION
from muster.worker.sealed import FILE as SEALED

__all__ = ["Handles"]

PROGRAM = Path(muster.worker.__file__).with_name("__main__.py")

_KEPT = ("PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "LD_LIBRARY_PATH", "CUDA_VISIBLE_DEVICES")
_THREADS = (
    "ARROW_IO_THREADS",
    "LOKY_MAX_CPU_COUNT",
    "MKL_NUM_THREADS",
    "NUMEXPR_MAX_THREADS",
    "NUMEXPR_NUM_THREADS",
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "POLARS_MAX_THREADS",
    "RAYON_NUM_THREADS",
    "TF_NUM_INTEROP_THREADS",
    "TF_NUM_INTRAOP_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)
_MALLOC = {"MALLOC_MMAP_THRESHOLD_": str(1 << 25), "MALLOC_TRIM_THRESHOLD_": str(1 << 27)}
"""The columns of one batch are given back and asked for again with the next: without this, the kernel clears their pages each time."""

_END_SECONDS = 8.0
_TAIL = 1 << 14


class Handles:
    """A started process. It ends with `close`, when nothing refers to this any more, with the interpreter, and when that is killed."""

    def __init__(
        self,
        python: Path,
        threads: int,
        scratch: Path | None,
        hidden: Mapping[str, Sequence[str]] | None = None,
        isolation: Mapping[str, Json] | None = None,
    ) -> None:
        """Start it; `hidden` is what it is not to see of its interpreter, `isolation` how it is shut in. OSError if that cannot be done."""
        with contextlib.ExitStack() as undo:
            folder = make_scratch(scratch)
            undo.callback(remove_scratch, folder)
            if hidden:
                (folder / SEALED).write_text(json.dumps({k: list(v) for k, v in hidden.items()}), encoding="utf-8")
            if isolation:
                (folder / ISOLATION).write_text(json.dumps(isolation), encoding="utf-8")
            log = undo.enter_context(tempfile.TemporaryFile(dir=folder))
            self.socket, socket_there = (undo.enter_context(end) for end in socket.socketpair())
            lifeline, lifeline_there = (undo.enter_context(end) for end in socket.socketpair())
            ends = socket_there.fileno(), lifeline_there.fileno()
            process = subprocess.Popen(
                [python, "-I", "-u", "-X", "utf8", PROGRAM, *map(str, ends), folder],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=ends,
                cwd=folder,
                env=_environment(folder, threads),
                start_new_session=True,
            )
            socket_there.close()
            lifeline_there.close()
            undo.pop_all()
        self._held = _Held(process, lifeline, self.socket, log, folder)
        self._end = weakref.finalize(self, self._held.end)
        _living.add(self)

    @property
    def alive(self) -> bool:
        return self._end.alive and self._held.process.poll() is None

    @property
    def log(self) -> str:
        """The tail of what was printed until now."""
        return self._held.read_log()

    def guards(self, pid: int) -> None:
        """Say which process the worker is, 0 if that cannot be known; the one that was started is its guard."""
        self._held.worker = pid

    @property
    def memory(self) -> int:
        """Bytes that the worker, and what it started, have for themselves alone; 0 where that cannot be told."""
        return sum(map(_private, _descendants(self._held.process.pid))) if self._end.alive else 0

    @property
    def cpu_seconds(self) -> float:
        """What the worker, and what it started, have computed until now; 0 where that cannot be told."""
        return sum(map(_computed, _descendants(self._held.process.pid))) if self._end.alive else 0.0

    def hang_up(self) -> None:
        """Have the process ended, and whoever waits for its answer go on. Closes nothing, so any thread may call it."""
        self._held.hang_up()

    def close(self, patience: float = 0.0) -> str:
        """End the process; how the worker ended, in the guard's words. One that ends by itself has `patience` seconds for it."""
        if patience and self._end.alive:
            self._held.wait(patience)
        self._end()
        return self._held.how()

    def forget(self) -> None:
        """In a process that this one forked: leave the worker to its owner."""
        if self._end.detach() is not None:
            self._held.process.returncode = 0
            self._held.close()


@dataclass(slots=True)
class _Held:
    process: subprocess.Popen[bytes]
    lifeline: socket.socket
    socket: socket.socket
    log: IO[bytes]
    folder: Path
    worker: int | None = None
    said: bytes = b""
    tail: str | None = None
    asking: threading.Lock = field(default_factory=threading.Lock)

    def hang_up(self) -> None:
        with contextlib.suppress(OSError):
            self.lifeline.shutdown(socket.SHUT_WR)
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)

    def wait(self, seconds: float) -> None:
        """Wait for the process to end by itself."""
        with self.asking:
            if not self.hear(seconds, b"\n") and not self.said:
                self.said = b"closed\n"

    def hear(self, seconds: float, until: bytes) -> bool:
        """Wait until the guard says that, or how the worker ended, which is kept in `said`; False if it said neither in time."""
        deadline = time.monotonic() + seconds
        heard = b""
        with contextlib.suppress(OSError):
            while not heard.endswith((until, b"\n")) and (left := deadline - time.monotonic()) > 0:
                self.lifeline.settimeout(left)
                more = self.lifeline.recv(64)
                if not more:
                    return True  # the guard itself is gone
                heard += more
        if heard.endswith(b"\n"):
            self.said = self.said or heard.lstrip(b"?")
        return heard.endswith((until, b"\n"))

    def how(self) -> str:
        code = self.process.returncode
        if self.said or self.worker is not None or code is None:
            return self.said.decode().strip()
        return f"exit {code}" if code >= 0 else f"signal {-code}"  # it never became a guard with a worker

    def read_log(self) -> str:
        with self.asking:
            if self.tail is not None:
                return self.tail
            with contextlib.suppress(OSError):  # it has ended, and what it printed is in the log
                self.lifeline.sendall(b"?")
                self.hear(1.0, b"?")
            return self.read_tail()

    def read_tail(self) -> str:
        size = os.fstat(self.log.fileno()).st_size
        return os.pread(self.log.fileno(), _TAIL, max(0, size - _TAIL)).decode(errors="replace")

    def end(self) -> None:
        """End the process and give back all that the system holds for it."""
        self.hang_up()
        with self.asking:
            self.hear(_END_SECONDS, b"\n")
            try:
                self.process.wait(1.0)
            except subprocess.TimeoutExpired:
                self.process.kill()  # stopped by the model: the worker dies with its guard
                self.process.wait()
            if not self.said and self.worker:  # the guard was killed, and could not clear up
                with contextlib.suppress(OSError):
                    os.killpg(self.worker, signal.SIGKILL)
            self.tail = self.read_tail()
            self.close()
        remove_scratch(self.folder)

    def close(self) -> None:
        for end in (self.lifeline, self.socket, self.log):
            end.close()


def _descendants(pid: int) -> Iterator[int]:
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    except OSError:  # it has ended, or this system does not tell
        return
    for child in map(int, children):
        yield child
        yield from _descendants(child)


def _computed(pid: int) -> float:
    """By the clock of the process, as clock_getcpuclockid(3) names it: what /proc tells is in hundredths of a second."""
    try:
        return time.clock_gettime((~pid << 3) | 2)
    except (OSError, AttributeError):  # it has ended, or this system has no such clock
        return 0.0


def _private(pid: int) -> int:
    try:
        _, resident, shared, *_ = map(int, Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split())
    except (OSError, ValueError):
        return 0
    return (resident - shared) * os.sysconf("SC_PAGE_SIZE")


def _environment(scratch: Path, threads: int) -> dict[str, str]:
    """Nothing of Muster's own environment but what a program needs to run: there may be secrets in it."""
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    own = {name: str(scratch) for name in ("HOME", "TMPDIR", "JOBLIB_TEMP_FOLDER")}
    own |= {"USER": "muster", "LOGNAME": "muster", "ARROW_DEFAULT_MEMORY_POOL": "system"}
    # Arrow's other allocators reserve memory that they do not use, which counts against the worker's limit.
    return kept | own | _MALLOC | dict.fromkeys(_THREADS, str(threads))


_living: weakref.WeakSet[Handles] = weakref.WeakSet()


def _forget_all() -> None:
    for handles in list(_living):
        handles.forget()


os.register_at_fork(after_in_child=_forget_all)
