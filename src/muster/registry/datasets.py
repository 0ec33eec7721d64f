"""Names for datasets."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from muster.dataset import Dataset
from muster.errors import Conflict, DatasetNotFound, near
from muster.records import DatasetRecord, Run, now
from muster.registry.references import check_name, check_tags
from muster.registry.search import Listing, conditions, sorting
from muster.signature import type_to_json
from muster.store import Query, RecordStore, Sort

__all__ = ["DatasetUse", "Datasets"]

_AS_READ = re.compile(r"[?&](?:version|timestamp|mode|key|order)=[^&]*")
"""What an URL says of how its table is read or written, not of which it is."""


@dataclass(frozen=True, slots=True)
class DatasetUse:
    """A run that read a dataset, or wrote it."""

    how: Literal["read", "wrote"]
    run: Run


class Datasets:
    """Registered datasets, as `data:NAME` means them."""

    def __init__(self, store: RecordStore, actor: str) -> None:
        self._store = store
        self._actor = actor

    def register(
        self,
        name: str,
        dataset: Dataset,
        *,
        description: str = "",
        tags: Mapping[str, str] | None = None,
        replace: bool = False,
    ) -> DatasetRecord:
        """Name a dataset as it is now: its columns and fingerprint are kept. Conflict if the name is taken, unless `replace`."""
        check_name(name, "dataset")
        check_tags(tags or {})
        record = DatasetRecord(
            name=name,
            uri=dataset.uri,
            schema=tuple({"name": f.name, "type": type_to_json(f.type)} for f in dataset.schema),
            rows=dataset.rows(),
            fingerprint=dataset.fingerprint(),
            description=description,
            tags=dict(tags or {}),
            created_at=now(),
            created_by=self._actor,
        )
        with self._store.transaction(self._actor, "dataset") as tx:
            existing = tx.get(DatasetRecord, name)
            if existing is None:
                tx.insert(record)
            elif replace:
                tx.replace(record)
            else:
                raise Conflict(
                    f"the dataset `{name}` exists: {existing.uri}",
                    hint="choose another name, or replace it with `--replace`",
                )
        return record

    def get(self, name: str) -> DatasetRecord:
        found = self._store.get(DatasetRecord, name)
        if found is None:
            known = [d.name for d in self._store.find(DatasetRecord, Query(limit=1_000)).items]
            raise DatasetNotFound(
                f"no dataset is registered as `{name}`{near(name, known)}", hint="list them with `muster dataset list`"
            )
        return found

    def list(
        self, filters: Sequence[str] = (), sort: Sequence[str] = (), limit: int | None = None
    ) -> Listing[DatasetRecord]:
        where, order = conditions(DatasetRecord, filters), sorting(DatasetRecord, sort)
        return Listing(lambda n, cursor: self._store.find(DatasetRecord, Query(where, order, n, cursor)), limit)

    def uses(self, name: str) -> Iterator[DatasetUse]:
        """The runs that read the dataset, by its name or by where it is, or wrote it; the newest first."""
        record = self.get(name)
        place = _place(record.uri)
        cursor = None
        while True:
            page = self._store.find(Run, Query((), (Sort("created_at", descending=True),), 500, cursor))
            for run in page.items:
                if run.settings.get("data") == f"data:{name}" or _place(run.input) == place:
                    yield DatasetUse("read", run)
                if run.status == "done" and _place(run.output) == place:
                    yield DatasetUse("wrote", run)
            cursor = page.next
            if cursor is None:
                return

    def remove(self, name: str, reason: str = "") -> None:
        """Forget the name; the data stays where it is."""
        with self._store.transaction(self._actor, reason) as tx:
            tx.delete(self.get(name))


def _place(uri: str | None) -> str | None:
    if uri is None:
        return None
    # An option may be the first of several: what stands behind it then begins the others.
    path, mark, _ = uri.partition("?")
    options = _AS_READ.sub("", uri[len(path) :])
    return (path.rstrip("/") + mark + options[1:]).rstrip("?") if mark else path.rstrip("/")
