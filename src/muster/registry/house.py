"""Keeping house: the Hub's methods over what is registered, which need a store and no implementation of anything else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path

from muster.records import Connection, DatasetRecord, Event, Model, Run, Version
from muster.registry import trail
from muster.registry.connections import Connections
from muster.registry.datasets import Datasets, DatasetUse
from muster.registry.deletions import Deletions
from muster.registry.registry import Registry
from muster.registry.runs import Runs
from muster.registry.search import Listing, conditions, sorting
from muster.signature import Json
from muster.store import Query, RecordStore

__all__ = ["House"]


class House:
    """Models, versions, aliases, datasets, runs and events. Each change is one transaction by `actor`, with its audit event."""

    def __init__(self, records: RecordStore, actor: str) -> None:
        self._records = records
        self._actor = actor
        self._registry = Registry(records, actor)
        self._deletions = Deletions(records, actor, self._registry)
        self._runs = Runs(records, actor)
        self._datasets = Datasets(records, actor)
        self._connections = Connections(records, actor)

    def models(
        self,
        filters: Sequence[str] = (),
        sort: Sequence[str] = (),
        limit: int | None = None,
        *,
        deleted: bool = False,
    ) -> Listing[Model]:
        """Models; with `deleted` those alone that are deleted and can be restored."""
        return self._registry.models(filters, sort, limit, deleted=deleted)

    def model(self, name: str, *, deleted: bool = False) -> Model:
        """The model of this name or id; `deleted`: also one that is."""
        return self._registry.model(name, deleted=deleted)

    def versions(
        self,
        model: str | None = None,
        filters: Sequence[str] = (),
        sort: Sequence[str] = (),
        limit: int | None = None,
        *,
        deleted: bool = False,
    ) -> Listing[Version]:
        """Versions of a model, or of all; with `deleted` those alone that are deleted and can be restored."""
        return self._registry.versions(model, filters, sort, limit, deleted=deleted)

    def version(self, reference: str, *, deleted: bool = False) -> Version:
        """The version that a reference means; `deleted`: also one that is, by its number or id."""
        return self._registry.version(reference, deleted=deleted)

    def aliases(self, model: str) -> Mapping[str, int]:
        return self._registry.aliases(model)

    def aliases_of(self, models: Sequence[str]) -> Mapping[str, Mapping[str, int]]:
        """The aliases of several models, by their names."""
        return self._registry.aliases_of(models)

    def set_alias(self, reference: str, alias: str, *, reason: str = "") -> Version:
        return self._registry.set_alias(reference, alias, reason)

    def remove_alias(self, model: str, alias: str, *, reason: str = "") -> None:
        self._registry.remove_alias(model, alias, reason)

    def tag(self, reference: str, tags: Mapping[str, str | None], *, reason: str = "") -> Model | Version:
        return self._registry.tag(reference, tags, reason)

    def describe(self, reference: str, description: str, *, reason: str = "") -> Model | Version:
        return self._registry.describe(reference, description, reason)

    def set_threshold(self, reference: str, threshold: float | None, *, reason: str = "") -> Version:
        return self._registry.set_threshold(reference, threshold, reason)

    def delete_version(self, reference: str, *, reason: str = "", for_good: bool = False) -> None:
        """Delete a version, which `restore_version` brings back until it is collected; `for_good`: at once, and never again."""
        self._deletions.delete_version(reference, reason, for_good=for_good)

    def delete_model(self, name: str, *, reason: str = "", for_good: bool = False) -> int:
        """Delete a model with all its versions, which `restore_model` brings back until they are collected; how many there were."""
        return self._deletions.delete_model(name, reason, for_good=for_good)

    def restore_version(self, reference: str, *, reason: str = "") -> Version:
        return self._deletions.restore_version(reference, reason)

    def restore_model(self, name: str, *, reason: str = "") -> int:
        """Bring back a model with the versions that were deleted with it; how many those are."""
        return self._deletions.restore_model(name, reason)

    def datasets(
        self, filters: Sequence[str] = (), sort: Sequence[str] = (), limit: int | None = None
    ) -> Listing[DatasetRecord]:
        return self._datasets.list(filters, sort, limit)

    def dataset_uses(self, name: str) -> Iterator[DatasetUse]:
        """The runs that read or wrote a registered dataset, the newest first."""
        return self._datasets.uses(name.removeprefix("data:"))

    def remove_dataset(self, name: str, *, reason: str = "") -> None:
        self._datasets.remove(name, reason)

    def connection(self, name: str) -> Connection:
        return self._connections.get(name)

    def connections(
        self, filters: Sequence[str] = (), sort: Sequence[str] = (), limit: int | None = None
    ) -> Listing[Connection]:
        return self._connections.list(filters, sort, limit)

    def connection_uses(self, name: str) -> Sequence[str]:
        """The versions that use a connection, the registered datasets, and the runs that are not over."""
        return self._connections.used_by(name)

    def connection_spent(self, name: str) -> float:
        """What calls over a connection have cost by its prices, from all processes and ever; its cap `spend` bounds that."""
        return self._connections.spent(name)

    def remove_connection(self, name: str, *, reason: str = "") -> None:
        """Forget a connection; refused while something uses it."""
        self._connections.remove(name, reason)

    def run(self, run: str) -> Run:
        return self._runs.get(run)

    def cut_off(self, run: Run) -> datetime | None:
        """When work on a run went on last, where its process is gone without having ended it; such a run can be resumed."""
        return self._runs.cut_off(run)

    def worker(self, run: Run) -> str | None:
        """The process that works on a run, as people name it; None where none does."""
        return self._runs.worker(run)

    def runs(self, filters: Sequence[str] = (), sort: Sequence[str] = (), limit: int | None = None) -> Listing[Run]:
        return self._runs.list(filters, sort, limit)

    def events(self, filters: Sequence[str] = (), sort: Sequence[str] = (), limit: int | None = None) -> Listing[Event]:
        """The audit trail, the newest first unless sorted otherwise."""
        where, order = conditions(Event, filters), sorting(Event, sort or ("-seq",))
        return Listing(lambda n, cursor: self._records.find(Event, Query(where, order, n, cursor)), limit)

    def verify_events(self, head: str | Path | None = None) -> tuple[int, Event | None]:
        """Walk the audit trail: how many events hold, and the first that does not.

        With the file of a head that was exported, Corrupt where events since then or before it were removed or written anew.
        """
        return trail.verify(self._records, None if head is None else trail.read_head(Path(head)))

    def event_head(self) -> dict[str, Json]:
        """The head of the audit trail as it is exported: keep it where nobody who writes the hub's store can write."""
        return trail.head(self._records)

    def upgrade(self) -> tuple[str, str]:
        """Bring the store to this release's schema; the revisions before and after."""
        return self._records.upgrade()
