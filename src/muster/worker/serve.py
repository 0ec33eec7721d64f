"""The worker's loop: load one model, then answer batches, whatever the model's code does.

Requests are `load` (`spec`, `folder`, `memory`) and `predict` (`params`, `outputs`; the batch as body, or in shared memory where
`shared` says how many bytes). Answers are `facts` (with `uncompiled` sources), `answer` (the batch as body) and `error` (see `report`).
The first frame is the worker's own: `hello`.
"""

from __future__ import annotations

import contextlib
import faulthandler
import gc
import json
import mmap
import os
import resource
import socket
import sys
from typing import Any, Callable, List

from .report import report
from .wire import PROTOCOL, Closed, Head, Wire


def serve(descriptor: int, shut_in: Callable[[], Head]) -> None:
    """Answer on the socket until the other end is closed. `shut_in` is called before any library is imported; it tells what it reached."""
    os.set_inheritable(descriptor, False)
    faulthandler.enable(all_threads=False)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w", encoding="ascii") as file:
        file.write("500")  # when the system runs out of memory, this process is the one to end
    with contextlib.suppress(Closed):
        _Server(socket.socket(fileno=descriptor)).run(shut_in())
    os._exit(0)


class _Server:
    def __init__(self, end: socket.socket) -> None:
        self._wire = Wire(end)
        self._pid = os.getpid()
        self._identity = _identity(end.fileno())
        self._loaded: Any = None
        self._shared: mmap.mmap | None = None
        os.register_at_fork(after_in_child=self._forked)

    def run(self, isolation: Head) -> None:
        self._wire.send(_hello(isolation))
        while True:
            request, body, descriptor = self._wire.receive()
            if descriptor is not None:
                self._shared = mmap.mmap(descriptor, 0, access=mmap.ACCESS_READ)
                os.close(descriptor)
            view = memoryview(body)
            if "shared" in request:
                assert self._shared is not None, "memory is shared before it is named"
                view = memoryview(self._shared)[: request["shared"]]
            answer, result = self._answer(request, view)
            if os.getpid() != self._pid:
                os._exit(0)  # a process that the model forked came out of the model's code
            if _identity(self._wire.socket.fileno()) != self._identity:
                os._exit(1)  # the model closed this socket, and may have opened a file in its place
            if "shared" in request and not _released(view):
                self._shared = None
                answer["kept"] = True
            self._wire.send(answer, result)

    def _answer(self, request: Head, view: memoryview) -> tuple[Head, Any]:
        try:
            if request["kind"] == "load":
                return self._load(request), b""
            return self._predict(request, view)
        except BaseException as error:  # noqa: BLE001  # also sys.exit and KeyboardInterrupt: the model does not end the worker
            if isinstance(error, MemoryError):
                gc.collect()
            return report(error), b""

    def _load(self, request: Head) -> Head:
        from .loaders import load

        memory = request["memory"]
        # Of what is private and written to; the address space (RLIMIT_AS) would count libraries, threads' arenas and a GPU's memory.
        resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))
        self._loaded = load(request["spec"], request["folder"])
        json.dumps(self._loaded.facts)  # here, where an error is the model's
        return {"kind": "facts", "facts": self._loaded.facts, "uncompiled": _uncompiled()}

    def _predict(self, request: Head, view: memoryview) -> tuple[Head, Any]:
        from .batches import decode, encode

        raw = self._loaded.call(decode(view), request["params"], request["outputs"])
        return {"kind": "answer"}, encode(raw)

    def _forked(self) -> None:
        """In a process that the model forked: it has no business on this socket."""
        with contextlib.suppress(OSError):
            if _identity(self._wire.socket.fileno()) == self._identity:
                self._wire.socket.close()


def _hello(isolation: Head) -> Head:
    hello = {"kind": "hello", "protocol": PROTOCOL, "pid": os.getpid(), "python": "{}.{}.{}".format(*sys.version_info)}
    hello["isolation"] = isolation
    try:
        import pyarrow as pa
    except ImportError as error:
        return dict(hello, error=str(error))
    return dict(hello, pyarrow=pa.__version__)


def _uncompiled() -> List[str]:
    """Sources that were imported and of which there is no byte code: this process may write none."""
    found = []
    for module in list(sys.modules.values()):
        spec = getattr(module, "__dict__", {}).get("__spec__")
        source, cached = getattr(spec, "origin", None), getattr(spec, "cached", None)
        if isinstance(source, str) and isinstance(cached, str) and not os.path.exists(cached):
            found.append(source)
    return found


def _released(view: memoryview) -> bool:
    """Whether nobody refers to a part of it: else the model kept some of the batch, and its memory must not be written to again."""
    try:
        view.release()
    except BufferError:
        return False
    return True


def _identity(descriptor: int) -> tuple[int, int]:
    """What is open there; (0, 0) is nothing."""
    try:
        status = os.fstat(descriptor)
    except OSError:
        return 0, 0
    return status.st_dev, status.st_ino
