"""A metric of the user's own, whose code runs in workers as that of models does."""

from __future__ import annotations

import math
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from muster.errors import EnvironmentFailed, MetricFailed, ModelFailed, MusterError
from muster.predictor import Call, Site
from muster.predictors.local.pool import Pool, check
from muster.predictors.local.process import WorkerProcess
from muster.predictors.local.spread import cores
from muster.records import MetricRecord

__all__ = ["LocalMetric", "OpenMetric", "check_metric"]


@dataclass(frozen=True, slots=True)
class OpenMetric:
    """Opens a metric where it is called."""

    metric: MetricRecord
    site: Site
    workers: int

    def __call__(self) -> LocalMetric:
        return LocalMetric(self.metric, self.site, self.workers)


class LocalMetric:
    """Whatever fails is MetricFailed, which names the metric. Safe to use from several threads."""

    def __init__(self, metric: MetricRecord, site: Site, workers: int) -> None:
        try:
            python, folder = site.interpreter(metric.environment), site.artifact(metric.digest)
        except EnvironmentFailed as error:
            raise _told(metric, error) from None
        settings, threads = site.settings, max(1, cores() // max(1, workers))

        def make() -> WorkerProcess:
            return WorkerProcess(python, folder, metric.load, settings=settings, threads=threads)

        self._metric = metric
        self._seconds = settings.seconds("worker.call_seconds")
        self._pool = Pool(make, workers, settings.seconds("worker.idle_seconds"))

    def values(self, rows: pa.RecordBatch, call: Call) -> pa.Array:
        """One double for each row of a batch; null where it gave none, or NaN."""
        check(call)
        try:
            with self._pool.worker(call) as worker:
                answer = worker.predict(rows, {}, [], call.left(self._seconds))
        except (ModelFailed, EnvironmentFailed) as error:
            check(call)
            raise _told(self._metric, error) from None
        return self._numbers(answer, rows.num_rows)

    def close(self) -> None:
        self._pool.close()

    def _numbers(self, answer: pa.RecordBatch, rows: int) -> pa.Array:
        values = answer.column(0)
        kind = values.type
        if answer.num_rows != rows:
            raise self._wrong(f"returned {answer.num_rows:,} values for {rows:,} rows")
        numeric = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)
        if not (numeric or pa.types.is_boolean(kind) or pa.types.is_null(kind)):
            raise self._wrong(f"returned values of type {kind}")
        doubles = pc.cast(values, pa.float64(), safe=False)
        doubles = pc.if_else(pc.is_nan(doubles), None, doubles)
        ends = pc.min_max(doubles)
        for end in (ends["min"].as_py(), ends["max"].as_py()):
            if end is not None and math.isinf(end):
                raise self._wrong(f"returned {end}")
        return doubles

    def _wrong(self, what: str) -> MetricFailed:
        rows = self._metric.kind == "batch"
        hint = "it gives each row of the batch one finite number, in order" if rows else "it gives one finite number"
        return MetricFailed(
            f"the metric `{self._metric.name}` {what}",
            hint=f"{hint}, or None where there is none",
            details={"metric": self._metric.ref, "resume": False},
        )


def check_metric(metric: MetricRecord, site: Site) -> None:
    """Load it once, with what its lock has and no more; MetricFailed says why that cannot be done."""
    worker = WorkerProcess(
        site.interpreter(metric.environment),
        site.artifact(metric.digest),
        metric.load,
        settings=site.settings,
        threads=1,
        hidden=site.surplus(metric.environment),
    )
    try:
        worker.start()
    except ModelFailed as error:
        raise _told(metric, error) from None
    finally:
        worker.stop()


def _told(metric: MetricRecord, error: MusterError) -> MetricFailed:
    """What happened to its worker, of which is told as of a model's."""
    named, what = f"the metric `{metric.name}`", error.message
    message = named + what.removeprefix("the model") if what.startswith("the model") else f"{named} failed: {what}"
    return MetricFailed(message, hint=error.hint, details={**error.details, "metric": metric.ref, "resume": False})
