"""One worker: a process in a version's environment that has the version's model loaded."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

import pyarrow as pa

from muster.config import Settings
from muster.errors import EnvironmentFailed, ModelDied, ModelFailed, ModelTimeout
from muster.predictors.local.bytecode import Compiling
from muster.predictors.local.isolation import Isolation, Reached
from muster.predictors.local.launch import Handles
from muster.predictors.local.runtime import Runtime
from muster.predictors.local.transport import Channel
from muster.signature import Json
from muster.worker.wire import PROTOCOL, Closed, Head

__all__ = ["WorkerProcess"]

_GREET_SECONDS = 60.0
"""How long Python and pyarrow may take to start; `worker.load_seconds` is the model's alone."""

_PATIENCE = 2.0
"""Seconds that a worker which closed its socket gets to end by itself, so that its own end is told and not ours."""


class WorkerProcess:
    """Starts once, and is used by one thread at a time; `stop`, `alive` and `log` may be called from any.

    What fails inside the model raises ModelFailed (`details`: `type`, `error`, `traceback`, `log`) and leaves the worker as
    it was. After ModelTimeout and ModelDied (`details`: `signal` or `exit_code`, and `log`) there is none.
    """

    def __init__(
        self,
        python: Path,
        folder: Path,
        load: Mapping[str, Json],
        *,
        settings: Settings,
        threads: int,
        scratch: Path | None = None,
        hidden: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        """`scratch` is where the worker's own folder is made, a temporary one when not given; `hidden` is Site's `surplus`."""
        self._python, self._folder, self._load = python, folder, load
        self._settings = settings
        self._threads = threads
        self._scratch = scratch
        self._hidden = hidden
        self._isolation = Isolation.wanted(settings, load)
        self.reached = Reached()
        """How far the worker is shut in, once it has started."""
        self._runtime = Runtime(None)
        self._using = threading.Lock()
        self._handles: Handles | None = None
        self._channel: Channel | None = None
        self._compiling: Compiling | None = None
        self._stopped = False

    def start(self) -> dict[str, Json]:
        """Start the process and load the model; its facts."""
        seconds = self._settings.seconds("worker.load_seconds")
        with self._using:
            self._runtime = Runtime(self._load.get("runtime"))
            channel = self._launch()
            spec = {**self._load, "runtime": self._runtime.values}
            request: dict[str, Json] = {"kind": "load", "spec": spec, "folder": str(self._folder)}
            request["memory"] = self._settings.number("worker.memory")
            with self._watched("load", seconds):
                answer = channel.ask(request, seconds)
            if answer["kind"] == "error":
                self._end()
                raise self._failure("the model does not load", answer)
            self._channel = channel
            uncompiled = answer.get("uncompiled")
            self._compiling = Compiling(self._python, uncompiled if isinstance(uncompiled, list) else [])
            facts: dict[str, Json] = {str(k): v for k, v in self._masked(answer["facts"]).items()}
            return facts

    def predict(
        self, batch: pa.RecordBatch, params: Mapping[str, Json], outputs: Sequence[str], seconds: float
    ) -> pa.RecordBatch:
        """The raw answer, with as many rows as the model returned."""
        request: dict[str, Json] = {"kind": "predict", "params": dict(params), "outputs": list(outputs)}
        with self._using:
            if self._channel is None:
                raise ModelDied("the model's process has ended", hint="open the version again")
            with self._watched("predict", seconds):
                answer, raw = self._channel.ask_about(batch, request, seconds)
        if answer["kind"] == "error" or raw is None:
            raise self._failure("the model failed", answer)
        return raw

    def stop(self) -> None:
        """End the process and all that it started. A request that it works on raises ModelDied."""
        self._stopped = True
        if self._handles is not None:
            self._handles.hang_up()
        with self._using:
            self._end()
        if self._compiling is not None:
            self._compiling.wait()

    @property
    def started(self) -> bool:
        return self._handles is not None

    @property
    def alive(self) -> bool:
        return self._channel is not None and self._handles is not None and self._handles.alive

    @property
    def memory(self) -> int:
        """Bytes that it takes."""
        return 0 if self._handles is None else self._handles.memory

    @property
    def cpu_seconds(self) -> float:
        """What it has computed until now."""
        return 0.0 if self._handles is None else self._handles.cpu_seconds

    @property
    def log(self) -> str:
        """The tail of what the worker and its model printed."""
        return "" if self._handles is None else self._runtime.mask(self._handles.log)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _launch(self) -> Channel:
        """Start the process, and hear from it that it is a worker that this Muster can talk to."""
        assert self._handles is None, "a worker starts once"
        try:
            told = self._isolation.document(self._folder)
            self._handles = Handles(self._python, self._threads, self._scratch, self._hidden, told)
        except OSError as error:
            raise EnvironmentFailed(f"a worker cannot be started with {self._python}: {error}", hint=_REBUILD) from None
        if self._stopped:
            self._handles.hang_up()
        channel = Channel(self._handles.socket)
        try:
            hello = channel.receive(_GREET_SECONDS)
        except (Closed, TimeoutError):
            if self._stopped:
                self._end()
                raise self._death("load", "") from None
            ended = self._end(_PATIENCE)
            said = f"{self._python} did not start as a worker ({ended or f'no word within {_GREET_SECONDS:g} s'})"
            details = {**_ending(ended)[1], "log": self.log}
            raise EnvironmentFailed(f"{said}: {_last_line(self.log)}", hint=_REBUILD, details=details) from None
        if hello.get("protocol") != PROTOCOL or "error" in hello:
            self._end()
            raise _unfit(self._python, hello)
        self.reached = Reached.told(hello.get("isolation"))
        self._handles.guards(0 if told["bwrap"] else hello["pid"])
        try:
            self._isolation.check(self.reached)
        except EnvironmentFailed:
            self._end()
            raise
        return channel

    @contextmanager
    def _watched(self, doing: str, seconds: float) -> Iterator[None]:
        """What the wire raises, as what happened to the model; there is no worker any more then."""
        try:
            yield
        except TimeoutError:
            self._end()
            raise ModelTimeout(
                f"the model did not {doing} within {seconds:g} s",
                hint=f"give it longer with `worker.{'load' if doing == 'load' else 'call'}_seconds`, if it is slow and does not hang",
                details={"log": self.log},
            ) from None
        except Closed:
            ended = self._end(0.0 if self._stopped else _PATIENCE)
            raise self._death(doing, ended) from None
        except pa.ArrowException as error:  # the frame was whole, so the worker can be asked again
            said = f"what it answered is not sound: {error}"
            raise ModelFailed(f"the model failed: {said}", details={"error": said, "log": self.log}) from None
        except BaseException:
            self._end()  # the conversation was broken off, and cannot be taken up again
            raise

    def _death(self, doing: str, ended: str) -> ModelDied:
        verb = "loaded" if doing == "load" else "predicted"
        if self._stopped:
            return ModelDied(f"the worker was stopped while it {verb}", hint="open the version again")
        how, details, hint = _ending(ended)
        return ModelDied(
            f"the model's process ended while it {verb}: {how}", hint=hint, details={**details, "log": self.log}
        )

    def _masked(self, told: Head) -> Head:
        masked = self._runtime.mask_all(told)
        assert isinstance(masked, dict)
        return masked

    def _failure(self, what: str, answer: Head) -> ModelFailed:
        hint, answer = "", self._masked(answer)
        if answer.get("memory"):
            allowed = self._settings.number("worker.memory")
            hint = f"a worker may use {allowed / 1e9:.3g} GB: raise `worker.memory`, or send fewer rows at a time"
        elif answer.get("type") in {"ImportError", "ModuleNotFoundError"}:
            hint = "its environment lacks a package: add it to the requirements and register again"
        elif answer.get("type") == "PermissionError" and self.reached.level in ("landlock", "sandbox"):
            alone = self.reached.level == "landlock" and "multiprocessing" in str(answer.get("traceback"))
            hint = _ALONE if alone else _SHUT_IN
        details = {
            "type": answer.get("type", ""),
            "error": answer.get("error", ""),
            "traceback": answer.get("traceback", ""),
        }
        return ModelFailed(f"{what}: {answer.get('error', '')}", hint=hint, details={**details, "log": self.log})

    def _end(self, patience: float = 0.0) -> str:
        if self._channel is not None:
            self._channel.close()
        self._channel = None
        return "" if self._handles is None else self._handles.close(patience)


_SHUT_IN = (
    "its worker sees the model's files, its environment and a folder of its own, and has a network only if the version declares it"
    " (network=True): put what it reads into the model's folder"
)
_ALONE = (
    "at the isolation `landlock` a model shares no locks and memory with processes of its own (`multiprocessing.Pool`): use threads"
    " (`multiprocessing.pool.ThreadPool`), or register on a machine with bubblewrap, where workers are in a `sandbox` that lets it"
)
_REBUILD = "build its environment again, or register the version with another `environment`"


def _unfit(python: Path, hello: Head) -> EnvironmentFailed:
    if hello.get("protocol") != PROTOCOL:
        return EnvironmentFailed(
            f"the worker speaks protocol {hello.get('protocol')}, and this process {PROTOCOL}: Muster was upgraded under it",
            hint="start this process again",
        )
    return EnvironmentFailed(f"{python} has no usable pyarrow: {hello['error']}", hint=_REBUILD)


def _ending(ended: str) -> tuple[str, dict[str, object], str]:
    """What the guard said of a worker's end: for a person, for a program, and what to do."""
    kind, _, value = ended.partition(" ")
    if kind == "exit":
        return f"exit code {value}", {"exit_code": int(value)}, "its own code, or a library, ended the process"
    if kind == "signal":
        number = int(value)
        name = signal.Signals(number).name if number in set(signal.Signals) else "unknown"
        if number == signal.SIGKILL:
            what = "killed by the system (signal 9, SIGKILL), as happens when memory runs out"
            return (
                what,
                {"signal": number},
                "use fewer workers, or lower `worker.memory` so that the model gets an error instead",
            )
        return (
            f"signal {number} ({name})",
            {"signal": number},
            "its native code crashed: see the end of what it printed, or use another release of its library",
        )
    if kind == "closed":
        return "it closed its connection to Muster", {}, "the model's code closes file descriptors that are not its own"
    return "the process that guards it was killed", {}, "the model's code kills processes that are not its own"


def _last_line(log: str) -> str:
    lines = log.strip().splitlines()
    return lines[-1] if lines else "it printed nothing"
