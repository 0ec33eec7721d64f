"""A small process between Muster and the worker, which sees to it that nothing of the model's outlives either.

It holds one end of the *lifeline*, a socket pair whose other end only Muster has: when that is closed, by Muster or by the
kernel because Muster was killed, the guard kills the worker, its process group, and whatever ever descended from it, wherever it hid.
The guard runs none of the model's code, so no hang, held lock or closed descriptor of a model's keeps it from that.
It also keeps the tail of what the model prints.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import select
import signal
import sys
import time

_PDEATHSIG, _SUBREAPER = 1, 36  # of prctl(2)
_TAIL = 1 << 16
_SWEEP_SECONDS = 5.0


def stand_guard(lifeline: int, socket: int, scratch: str, *, sandboxed: bool = False) -> None:
    """Fork. The child returns, to become the worker; this process watches it and never returns."""
    muster, watcher = os.getppid(), os.getpid()
    _prctl(_SUBREAPER, 1)
    printed, pipe = os.pipe()
    worker = os.fork()
    if worker:
        try:
            os.close(pipe)
            os.close(socket)
            _Guard(muster, worker, lifeline, printed, scratch, sandboxed=sandboxed).watch()
        finally:
            os._exit(0)
    os.setsid()
    _prctl(_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != watcher:
        os._exit(0)  # the guard was killed before it could have taken the worker with it
    for descriptor in (1, 2):
        os.dup2(pipe, descriptor)
    for descriptor in (printed, pipe, lifeline):
        os.close(descriptor)


class _Guard:
    def __init__(self, muster: int, worker: int, lifeline: int, printed: int, scratch: str, *, sandboxed: bool) -> None:
        self._muster, self._worker, self._sandboxed = muster, worker, sandboxed
        self._lifeline, self._printed = lifeline, printed
        self._scratch = scratch
        self._status: int | None = None
        self._tail = b""
        self._written = 0

    def watch(self) -> None:
        """Wait for the end of the worker or of Muster, clear up, and tell Muster how the worker ended."""
        ours, theirs = os.pipe()
        for descriptor in (ours, theirs, self._printed):
            os.set_blocking(descriptor, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(theirs, warn_on_full_buffer=False)
        poll = select.poll()
        for descriptor in (ours, self._printed, self._lifeline):
            poll.register(descriptor, select.POLLIN)
        gone = False
        self._reap()
        while self._status is None:
            ready = [descriptor for descriptor, _ in poll.poll(1000)]
            if ours in ready:
                os.read(ours, 4096)
            if self._printed in ready and not self._copy():
                poll.unregister(self._printed)  # the model closed all it could print to
            if self._lifeline in ready:
                said = self._hear()
                gone = not said
                if said != b"?":
                    break
            elif os.getppid() != self._muster:
                gone = True  # killed, while a process that it forked holds the lifeline open
                break
            self._reap()
        self._sweep()
        self._drain()
        self._tell()
        if gone:
            self._clear()

    def _clear(self) -> None:
        """Remove the scratch folder; whose it is goes last, so that what is left where this is killed is swept like the rest."""
        import shutil

        for folder in (os.path.join(self._scratch, "work"), self._scratch):
            shutil.rmtree(folder, ignore_errors=True)

    def _hear(self) -> bytes:
        """What Muster says: `?` asks to have all that was printed in the log, `.` ends the worker, nothing is Muster's end."""
        try:
            said = os.read(self._lifeline, 1)
            if said == b"?":
                self._drain()
                os.write(self._lifeline, b"?")
        except OSError:
            return b""
        return said

    def _tell(self) -> None:
        status = self._status or 0
        code = status >> 8
        if os.WIFSIGNALED(status):
            ended = f"signal {os.WTERMSIG(status)}"
        elif self._sandboxed and code > 128:
            ended = f"signal {code - 128}"  # as bubblewrap tells of it
        else:
            ended = f"exit {code}"
        with contextlib.suppress(OSError):
            os.write(self._lifeline, ended.encode() + b"\n")

    def _reap(self) -> bool:
        """Take note of children that ended; whether there are others."""
        try:
            while True:
                child, status = os.waitpid(-1, os.WNOHANG)
                if not child:
                    return True
                if child == self._worker:
                    self._status = status
        except ChildProcessError:
            return False

    def _sweep(self) -> None:
        """Kill until this process has no child: orphans become its children, since it is their subreaper."""
        end = time.monotonic() + _SWEEP_SECONDS
        while self._reap() and time.monotonic() < end:
            with contextlib.suppress(OSError):
                os.killpg(self._worker, signal.SIGKILL)
            for child in _children():
                with contextlib.suppress(OSError):
                    os.kill(child, signal.SIGKILL)
            time.sleep(0.001)

    def _copy(self) -> bool:
        """Move what was printed to the log, which is this process's own stderr; False at its end."""
        try:
            data = os.read(self._printed, _TAIL)
        except BlockingIOError:
            return True
        with contextlib.suppress(OSError):  # a full disk costs the log, and not the worker
            self._keep(data)
        return bool(data)

    def _keep(self, data: bytes) -> None:
        self._tail = (self._tail + data)[-_TAIL:]
        if self._written + len(data) > 16 * _TAIL:  # a model may print for ever
            os.ftruncate(2, os.pwrite(2, self._tail, 0))
            self._written = os.lseek(2, 0, os.SEEK_END)
        else:
            self._written += os.write(2, data)

    def _drain(self) -> None:
        """Move all that was printed until now."""
        end = time.monotonic() + 1.0
        while select.select([self._printed], [], [], 0)[0] and time.monotonic() < end:
            if not self._copy():
                return


def _children() -> list[int]:
    try:
        with open(f"/proc/self/task/{os.getpid()}/children", encoding="ascii") as file:
            return [int(child) for child in file.read().split()]
    except OSError:
        return []  # not Linux, or a kernel without that file: the process group remains


def _prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, ctypes.c_ulong(value), 0, 0, 0)
