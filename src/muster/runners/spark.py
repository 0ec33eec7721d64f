"""The runner of Spark: a small job for each task, whose Python worker keeps the predictor for the next; rows stay on the executors."""

from __future__ import annotations

import os
import pickle
import queue
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any, Self

import pyarrow as pa

from muster.config import Settings
from muster.errors import ClusterFailed, MissingExtra, NotApplicable
from muster.records import new_id
from muster.runners.cluster.driver import Answered, Crew, Ended, Lost, Told
from muster.runners.cluster.executor import kept
from muster.runners.cluster.listening import nobody_at
from muster.runners.cluster.runner import ClusterRunner
from muster.runners.cluster.tasks import Task

__all__ = ["SparkRunner"]

_END_SECONDS = 60.0
"""So long what was cancelled may take to end on the executors."""

_SECONDS = 2.0
"""How long the first job of a task works on it, about; each further one works for twice as long as the one before."""

_SETTINGS = {
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    # What is cancelled is killed as soon as Spark looks, which it does every 2 seconds, and not 2 more after that.
    "spark.python.task.killTimeout": "0s",
}

_ENDED = "its Java process has ended"

_STARTING = threading.Lock()


class SparkRunner(ClusterRunner):
    """In the session of this process; else one at `master`, or on this machine, that is started here and ends with the process.

    `workers` is how many tasks there are at a time; 0 is as many as Spark has cores.
    """

    name = "Spark"

    def __init__(self, master: str = "", workers: int = 0) -> None:
        if find_spec("pyspark") is None:
            raise MissingExtra.named("spark", "the runner `spark`")
        self._master, self._workers = master, workers

    @classmethod
    def of(cls, settings: Settings, workers: int) -> Self:
        return cls(settings.text("spark.master"), settings.number("spark.workers"))

    def _hire(self, labour: bytes, most: int) -> tuple[Crew, int]:
        try:
            return self._hired(labour, most)
        except Exception as error:
            if not _gone(error):
                raise
            raise ClusterFailed(
                f"the Spark of this program does not answer any more: {_ENDED}",
                hint="see its own log, and start the program again",
            ) from error

    def _hired(self, labour: bytes, most: int) -> tuple[Crew, int]:
        session = self._session()
        try:
            cores = session.sparkContext.defaultParallelism
        except Exception as error:
            if _gone(error):
                raise
            raise NotApplicable(
                "the Spark session of this program has no context: jobs of Spark Connect cannot be followed and stopped",
                hint="use a session on the cluster itself, or leave the runner out",
            ) from error
        count = max(1, min(most, self._workers or cores))
        return _Jobs(session, labour, count), count

    def _session(self) -> Any:
        from pyspark import SparkContext
        from pyspark.sql import SparkSession

        # No frame of pandas comes near this.
        warnings.filterwarnings("ignore", message="PySpark does not yet fully support pandas")
        with _STARTING:
            active = SparkSession.getActiveSession()
            if active is not None:
                return active
            if SparkContext._active_spark_context is not None:  # noqa: SLF001  # of another thread of this process
                return SparkSession.builder.getOrCreate()
            _look(self._master)
            asked = SparkSession.builder.appName("muster")
            asked = asked.master(self._master or f"local[{self._workers or '*'}]")
            for name, value in _SETTINGS.items():
                asked = asked.config(name, value)
            try:
                with _this_python():
                    session = asked.getOrCreate()
            except Exception as error:
                raise ClusterFailed(
                    f"there is no Spark at {self._master}: {_line(error)}"
                    if self._master
                    else f"Spark does not start on this machine: {_line(error)}",
                    hint="Spark needs Java 17 or later, found by JAVA_HOME or as `java`; see `spark.master`",
                ) from error
            session.sparkContext.setLogLevel("OFF")
            return session


def _look(master: str) -> None:
    """Spark tries a master for a minute."""
    if master.startswith("spark://") and (why := nobody_at(master.removeprefix("spark://"))) is not None:
        raise ClusterFailed(
            f"there is no Spark at {master}: {why}",
            hint="see `spark.master`: a master listens at port 7077 unless it was told another",
        )


@contextmanager
def _this_python() -> Iterator[None]:
    """A Spark that is started here runs its workers with this very Python, unless it is told another."""
    told = "PYSPARK_PYTHON" in os.environ
    if not told:
        os.environ["PYSPARK_PYTHON"] = sys.executable
    try:
        yield
    finally:
        if not told:
            del os.environ["PYSPARK_PYTHON"]


def _on_executor(run: str, labour: Any, task: bytes) -> Callable[[Iterable[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    """What Spark calls with the number of the task; `labour` is a broadcast."""

    def work(numbers: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for _ in numbers:
            with kept(run, lambda: labour.value) as executor:
                for message in executor.run(pickle.loads(task), lambda: False):  # noqa: S301  # of the driver
                    yield pa.record_batch({"message": pa.array([message], pa.binary())})

    return work


class _Jobs:
    """A Crew: threads that have a job each. What a job tells comes at its end, since Spark gives a part of it to nobody."""

    seconds = _SECONDS

    def __init__(self, session: Any, labour: bytes, count: int) -> None:
        from pyspark import InheritableThread

        self._session, self._context = session, session.sparkContext
        self._run = f"muster-{new_id()}"
        self._labour = self._context.broadcast(labour)
        self._tasks: queue.Queue[Task | None] = queue.Queue()
        self._told: queue.Queue[Told] = queue.Queue()
        self._closing = threading.Event()
        self.room = count
        self._threads = [
            InheritableThread(target=self._work, name=f"muster-spark-{n}", daemon=True, session=session)
            for n in range(count)
        ]
        for thread in self._threads:
            thread.start()

    def begin(self, task: Task) -> None:
        self.room -= 1
        self._tasks.put(task)

    def wait(self, seconds: float) -> Sequence[Told]:
        try:
            told = [self._told.get(timeout=seconds)]
        except queue.Empty:
            return ()
        while not self._told.empty():
            told.append(self._told.get())
        self.room += sum(not isinstance(one, Answered) for one in told)
        return told

    def missing(self) -> str | None:
        if self._active():
            return None
        spark = self._context._jsc.sc()  # noqa: SLF001  # nothing in Python tells
        if spark.isLocal() or spark.getExecutorMemoryStatus().size() > 1:  # the driver is among them
            return "Spark has begun no task: its cores do other work"
        return f"Spark has no executor at {self._context.master}"

    def close(self) -> None:
        self._closing.set()
        for _ in self._threads:
            self._tasks.put(None)
        try:
            self._end(time.monotonic() + _END_SECONDS)
        except Exception as error:
            if not _gone(error):  # with it, all that works for it ends
                raise

    def _end(self, until: float) -> None:
        while any(thread.is_alive() for thread in self._threads) and time.monotonic() < until:
            self._context.cancelJobGroup(self._run)
            for thread in self._threads:
                thread.join(0.1)
        while self._active() and time.monotonic() < until:
            time.sleep(0.05)
        self._labour.destroy()

    def _active(self) -> bool:
        """Whether a task still runs on an executor, though its job was cancelled."""
        status = self._context.statusTracker()
        jobs = [status.getJobInfo(job) for job in status.getJobIdsForGroup(self._run)]
        stages = [status.getStageInfo(stage) for job in jobs if job is not None for stage in job.stageIds]
        return any(stage is not None and stage.numActiveTasks for stage in stages)

    def _work(self) -> None:
        while (task := self._tasks.get()) is not None and not self._closing.is_set():
            try:
                self._context.setJobGroup(self._run, "muster", interruptOnCancel=True)
                for message in self._messages(task):
                    self._told.put(Answered(task.number, message))
                self._told.put(Ended(task.number))
            except Exception as error:  # noqa: BLE001  # Spark's own: what goes wrong in the work is a message
                self._told.put(Lost(task.number, _ENDED if _gone(error) else _line(error)))

    def _messages(self, task: Task) -> Iterator[bytes]:
        one = self._session.range(task.number, task.number + 1, 1, 1)
        work = _on_executor(self._run, self._labour, pickle.dumps(task))
        for row in one.mapInArrow(work, "message binary").collect():
            yield bytes(row.message)


def _gone(error: Exception) -> bool:
    """Whether nobody answers to whom Spark's own Python speaks."""
    network = any(kind.__name__ == "Py4JNetworkError" for kind in type(error).__mro__)  # of a library within Spark's
    return network or isinstance(error, OSError)


def _line(error: Exception) -> str:
    """What went wrong, out of what may be pages of two languages."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    own = [line for line in lines if not line.startswith(("at ", "File ", "...", "Traceback"))]
    python = [line for line in own if line.partition(":")[0].endswith(("Error", "Exception")) and "java." not in line]
    return (python or own or [type(error).__name__])[-1 if python else 0]
