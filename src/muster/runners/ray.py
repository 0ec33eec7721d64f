"""The runner of a Ray cluster: an actor for each core, which keeps its predictor, and streams of messages from them."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Self

from muster.config import Settings
from muster.errors import ClusterFailed, MissingExtra, MusterError
from muster.runners.cluster.driver import Answered, Crew, Ended, Lost, Told
from muster.runners.cluster.executor import Executor
from muster.runners.cluster.listening import nobody_at
from muster.runners.cluster.messages import decoded, encoded
from muster.runners.cluster.runner import ClusterRunner
from muster.runners.cluster.tasks import Task

__all__ = ["RayRunner"]

_AHEAD = 8
"""Messages of an actor that may wait for the driver."""

_STORE = 256 << 20
"""Memory for messages on a Ray that is started here: they are small."""

_END_SECONDS = 60.0
"""So long an actor may take to come to the end of what it is at; then it is killed."""

_STARTS = 3
"""How often a Ray of this machine is started before it is given up."""

_DEATHS = 3
"""So often in a row an actor may end before it is open."""

_STARTING = threading.Lock()


class RayRunner(ClusterRunner):
    """On the Ray that this process is connected to; else that at `address`; else one that is started here, and ends with the process.

    `workers` is how many actors there are at most, each with a core; 0 is all cores of the cluster.
    """

    name = "Ray"

    def __init__(self, address: str = "", workers: int = 0) -> None:
        if find_spec("ray") is None:
            raise MissingExtra.named("ray", "the runner `ray`")
        self._address, self._workers = address, workers

    @classmethod
    def of(cls, settings: Settings, workers: int) -> Self:
        return cls(settings.text("ray.address"), settings.number("ray.workers"))

    def _hire(self, labour: bytes, most: int) -> tuple[Crew, int]:
        ray = self._connected()
        cores = int(ray.cluster_resources().get("CPU", 1))
        count = max(1, min(most, self._workers or cores))
        return _Actors(ray, labour, count), count

    def _connected(self) -> Any:
        # Nothing is told of whoever uses this: it must be said before Ray is imported.
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        import ray

        with _STARTING:
            if ray.is_initialized():
                return ray
            address = self._address or os.environ.get("RAY_ADDRESS", "")
            quiet = {"logging_level": "error", "log_to_driver": False}
            if address:
                _connect(ray, address, **quiet)
                return ray
            try:
                _start(ray, num_cpus=self._workers or None, **quiet)
            except Exception as error:
                raise ClusterFailed(
                    f"there is no Ray on this machine: {_line(error)}",
                    hint="see its logs below /tmp/ray, or connect to one with `ray.address`",
                ) from error
            return ray


def _connect(ray: Any, address: str, **options: Any) -> None:
    # For `auto`, Ray looks there first.
    place = (os.environ.get("RAY_ADDRESS") or address) if address == "auto" else address
    if (why := nobody_at(place)) is not None:
        raise ClusterFailed(
            f"there is no Ray at {place}: {why}",
            hint="see `ray.address` and the variable RAY_ADDRESS: they name the host and the port that `ray start --head` told",
        )
    try:
        with _few_tries():
            ray.init(address=address, **options)
    except Exception as error:
        ray.shutdown()
        raise ClusterFailed(
            f"there is no Ray at {place}: {_line(error)}",
            hint="see `ray.address`, and that the cluster has the same releases of Ray and Python",
        ) from error


@contextmanager
def _few_tries() -> Iterator[None]:
    """What listens and is no Ray is tried for half a minute; Ray itself would try it twenty times."""
    constants: Any = import_module("ray._private.ray_constants")
    before = getattr(constants, "NUM_REDIS_GET_RETRIES", 20)
    constants.NUM_REDIS_GET_RETRIES = 1
    try:
        yield
    finally:
        constants.NUM_REDIS_GET_RETRIES = before


def _start(ray: Any, **options: Any) -> None:
    """On this machine. Where that is busy, it may take longer than Ray waits for itself."""
    for left in reversed(range(_STARTS)):
        try:
            ray.init("local", include_dashboard=False, object_store_memory=_STORE, **options)
            return
        except Exception:
            ray.shutdown()
            if not left:
                raise


class _Actor:
    """Runs on the cluster. One task at a time; `stop` comes from beside."""

    def __init__(self, labour: bytes) -> None:
        self._executor = Executor(labour)
        self._stopped = threading.Event()

    def open(self) -> bytes | None:
        """What is wrong with this machine; None if nothing is."""
        try:
            self._executor.open()
        except Exception as error:  # noqa: BLE001  # told to the driver, whatever it is
            return encoded(error)
        return None

    def up(self) -> None:
        """Answers as soon as this is there, while it still opens."""

    def run(self, task: Task) -> Iterator[bytes]:
        yield from self._executor.run(task, self._stopped.is_set)

    def stop(self) -> None:
        self._stopped.set()

    def close(self) -> None:
        self._executor.close()


class _Actors:
    """A Crew. An actor that died is replaced; one is free once it is open."""

    seconds = None

    def __init__(self, ray: Any, labour: bytes, count: int) -> None:
        self._ray = ray
        self._labour = ray.put(labour)
        self._kind = ray.remote(_Actor).options(num_cpus=1, max_concurrency=2, max_restarts=0)
        self._opening: dict[Any, Any] = {}
        """Of each actor that is not free yet, by what it will answer."""
        self._coming: dict[Any, Any] = {}
        """By the same: what it will answer as soon as it has started."""
        self._free: list[Any] = []
        self._busy: dict[Any, tuple[Any, int]] = {}
        """The actor and the task of each stream."""
        self._failed = 0
        for _ in range(count):
            self._hire()

    @property
    def room(self) -> int:
        return len(self._free)

    def begin(self, task: Task) -> None:
        actor = self._free.pop()
        run = actor.run.options(num_returns="streaming", _generator_backpressure_num_objects=_AHEAD)
        self._busy[run.remote(task)] = actor, task.number

    def wait(self, seconds: float) -> Sequence[Told]:
        asked = [*self._opening, *self._busy]
        if not asked:
            return ()
        ready, _ = self._ray.wait(asked, num_returns=1, timeout=seconds, fetch_local=False)
        told: list[Told] = []
        for one in ready:
            if one in self._opening:
                self._opened(one)
            else:
                told.append(self._heard(one))
        return told

    def missing(self) -> str | None:
        if self._free or self._busy:
            return None
        coming = list(self._coming.values())
        started, _ = self._ray.wait(coming, num_returns=len(coming), timeout=0, fetch_local=False)
        if started:
            return f"executors of Ray that have started: {len(started)}, and none has opened the model yet"
        all_cores, free = (
            int(told.get("CPU", 0)) for told in (self._ray.cluster_resources(), self._ray.available_resources())
        )
        return f"no executor of Ray has started, each needs a core, and {free} of {all_cores} are free"

    def close(self) -> None:
        """Actors come to the end of what they are at, so that nothing is written after this; those that do not are killed."""
        actors = [*self._opening.values(), *self._free, *(actor for actor, _ in self._busy.values())]
        until = time.monotonic() + _END_SECONDS
        for actor, _ in self._busy.values():
            actor.stop.remote()
        for stream in list(self._busy):
            self._drained(stream, until)
        closing = [actor.close.remote() for actor in actors if actor not in self._opening.values()]
        if closing:
            self._ray.wait(closing, num_returns=len(closing), timeout=max(0.1, until - time.monotonic()))
        for actor in actors:
            self._ray.kill(actor)

    def _hire(self) -> None:
        actor = self._kind.remote(self._labour)
        opened = actor.open.remote()
        self._opening[opened], self._coming[opened] = actor, actor.up.remote()

    def _opened(self, answer: Any) -> None:
        actor, _ = self._opening.pop(answer), self._coming.pop(answer)
        try:
            wrong = self._ray.get(answer)
        except self._ray.exceptions.RayError as error:
            self._failed += 1
            if self._failed > _DEATHS:
                raise _unusable(error) from error
            self._hire()
            return
        if wrong is not None:
            self._free.append(actor)
            found = decoded(wrong, None)
            assert isinstance(found, MusterError)
            raise found
        self._failed = 0
        self._free.append(actor)

    def _heard(self, stream: Any) -> Told:
        actor, task = self._busy[stream]
        try:
            return Answered(task, self._ray.get(next(stream)))
        except StopIteration:
            del self._busy[stream]
            self._free.append(actor)
            return Ended(task)
        except self._ray.exceptions.RayError as error:
            del self._busy[stream]
            self._ray.kill(actor)
            self._hire()
            return Lost(task, _line(error))

    def _drained(self, stream: Any, until: float) -> None:
        while (left := until - time.monotonic()) > 0:
            ready, _ = self._ray.wait([stream], timeout=left, fetch_local=False)
            try:
                if ready:
                    next(stream)
            except (StopIteration, self._ray.exceptions.RayError):
                return


def _unusable(error: Exception) -> ClusterFailed:
    missing = next((line.strip() for line in str(error).splitlines() if "ModuleNotFoundError" in line), "")
    return ClusterFailed(
        f"the executors of Ray do not start: {missing or _line(error)}",
        hint="install the same `muster-ml[ray]` on every node of the cluster",
    )


def _line(error: Exception) -> str:
    """The first line of what may be a page."""
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
