"""The Hub's methods for metrics of the user's own."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Literal

from muster.records import MetricRecord
from muster.registry.custom_metrics import CustomMetrics, MetricTools, NewMetric
from muster.registry.house import House
from muster.registry.search import Listing

__all__ = ["MetricHouse"]


class MetricHouse(House, ABC):
    @abstractmethod
    def _metric_tools(self) -> MetricTools: ...

    def register_metric(
        self,
        name: str,
        source: object,
        *,
        kind: Literal["batch", "profile"] = "batch",
        better: Literal["higher", "lower", ""] = "",
        title: str = "",
        within: Sequence[float] | None = None,
        environment: str | Path = "auto",
    ) -> MetricRecord:
        """Register a metric of your own: a function, or a Python file with one of that name or called `metric`.

        Of a `batch` it gets the evaluated rows and gives each a number, whose mean is the figure; of a `profile` it gets what was
        counted of all rows, and gives the figure. It runs apart, in an environment of its own, as models do. Nothing of a metric
        changes: another function under the same name is the next number, and the same one the same number again.
        """
        wish = NewMetric(
            name=name,
            source=source,
            kind=kind,
            better=better,
            title=title,
            within=within,
            environment=environment,
        )
        return self._custom_metrics.register(wish, self._metric_tools())

    def metrics(
        self, filters: Sequence[str] = (), sort: Sequence[str] = (), limit: int | None = None
    ) -> Listing[MetricRecord]:
        """The metrics that were registered; those of Muster are not among them."""
        return self._custom_metrics.list(filters, sort, limit)

    def metric(self, reference: str) -> MetricRecord:
        """The metric of a name, the newest number of it, or of `name:number`."""
        return self._custom_metrics.get(reference)

    def delete_metric(self, reference: str, *, reason: str = "") -> None:
        """Forget a metric, with its name alone all numbers of it. Evaluations that it was asked in keep their figures."""
        self._custom_metrics.delete(reference, reason)

    @cached_property
    def _custom_metrics(self) -> CustomMetrics:
        return CustomMetrics(self._records, self._actor)
