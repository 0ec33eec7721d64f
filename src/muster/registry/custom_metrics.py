"""Metrics of the user's own: registered as versions are, with their code and the lock of what it runs in."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol, get_args, get_type_hints

from muster.errors import Conflict, InvalidInput, MetricNotFound, near, plural, shortened
from muster.evaluation.metering import OpenCode
from muster.metrics.names import is_built_in
from muster.predictor import Description
from muster.profiles.custom import CustomMetric
from muster.records import Counter, MetricRecord, new_id, now
from muster.registry.register import Resolve
from muster.registry.search import Listing, conditions, every, sorting
from muster.scratch import scratch
from muster.store import Condition, Query, Reader, RecordStore, Sort, Transaction

__all__ = ["CustomMetrics", "MetricTools", "NewMetric", "asked_for", "opened"]

_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
_REFERENCE = re.compile(r"(?P<name>[^:]*)(?::(?P<number>0*[1-9][0-9]{0,17}))?")
_RULE = "a name has 1 to 64 of a-z, 0-9 and `_`, and begins with a letter"


class Describe(Protocol):
    def __call__(self, source: object, name: str, kind: str, scratch: Path) -> Description: ...


@dataclass(frozen=True, slots=True)
class MetricTools:
    """What the hub lends: plain functions over its implementations."""

    describe: Describe
    store_artifact: Callable[[Path], tuple[str, int]]
    resolve: Resolve
    check: Callable[[MetricRecord], None]
    """Loads it once, where it will run."""
    lost: Callable[[MetricRecord], Sequence[str]]
    """The blobs of it that are not there."""
    discard: Callable[[str], None]
    """Removes the copy of files that were only looked at."""
    scratch: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class NewMetric:
    """What the user asks for."""

    name: str
    source: object
    kind: str = "batch"
    better: str = ""
    title: str = ""
    within: Sequence[float] | None = None
    environment: str | Path = "auto"


class CustomMetrics:
    """The metrics that a hub has beside those of Muster."""

    def __init__(self, store: RecordStore, actor: str) -> None:
        self._store = store
        self._actor = actor

    def register(self, wish: NewMetric, tools: MetricTools) -> MetricRecord:
        """All is found out and checked, then committed; or nothing is. The newest of the name, where it is just that already."""
        _check(wish)
        with scratch(tools.scratch) as folder:
            told = tools.describe(wish.source, wish.name, wish.kind, folder)
            assert told.folder is not None
            stored = tools.store_artifact(told.folder)
            draft = _draft(wish, told, stored, tools, self._actor)
        try:
            tools.check(draft)
            return self._commit(draft, tools)
        except BaseException:
            if not self._store.find(MetricRecord, Query((Condition("digest", "=", draft.digest),), limit=1)).items:
                tools.discard(draft.digest)
            raise

    def _commit(self, draft: MetricRecord, tools: MetricTools) -> MetricRecord:
        with self._store.transaction(self._actor, "register metric") as tx:
            newest = _newest(tx, draft.name)
            if newest is not None and _same(newest, draft):
                return newest
            metric = replace(draft, number=_count(tx, draft.name))
            if lost := tools.lost(metric):  # only here can it be seen: from now on the record keeps them
                raise Conflict(
                    f"{plural(len(lost), 'blob')} of the metric went while it was registered: they were collected, or removed by hand",
                    hint="register it again",
                )
            tx.insert(metric)
            return metric

    def get(self, reference: str) -> MetricRecord:
        """The metric that `profit`, the newest of that name, `profit:2` or an id means."""
        found = _REFERENCE.fullmatch(reference)
        name, number = (found["name"], found["number"]) if found is not None else (reference, None)
        record = self._store.get(MetricRecord, name, int(number)) if number else _newest(self._store, name)
        if record is None and (by_id := self._find(Condition("id", "=", reference))):
            record = by_id[0]
        if record is None:
            known = {m.name for m in every(self._store, MetricRecord)}
            raise MetricNotFound(
                f"no metric is registered as `{shortened(reference)}`{near(name, known)}",
                hint="list them with `muster metric list`; those of Muster need not be asked for",
            )
        return record

    def list(
        self, filters: Sequence[str] = (), sort: Sequence[str] = (), limit: int | None = None
    ) -> Listing[MetricRecord]:
        where, order = conditions(MetricRecord, filters), sorting(MetricRecord, sort or ("name", "number"))
        return Listing(lambda n, cursor: self._store.find(MetricRecord, Query(where, order, n, cursor)), limit)

    def known(self, references: Sequence[str]) -> Sequence[str]:
        """Those of them, each with its number, that are still registered."""
        numbers = {m.ref for m in every(self._store, MetricRecord)}
        return [reference for reference in references if reference in numbers]

    def delete(self, reference: str, reason: str = "") -> None:
        """Forget one number of a metric, or with its name alone all of them. Evaluations keep their figures, and its code."""
        found = self.get(reference)
        with self._store.transaction(self._actor, reason or "delete metric") as tx:
            where = (Condition("name", "=", found.name),)
            for metric in [found] if reference != found.name else list(every(tx, MetricRecord, where)):
                tx.delete(metric)

    def _find(self, where: Condition) -> Sequence[MetricRecord]:
        return self._store.find(MetricRecord, Query((where,), limit=1)).items


def asked_for(metrics: CustomMetrics, names: Sequence[str]) -> tuple[CustomMetric, ...]:
    """Those that an evaluation is to tell; one function for each name."""
    records = {m.ref: m for m in map(metrics.get, names)}
    found = tuple(map(_remembered, records.values()))
    twice = {m.name for m in found if sum(m.name == o.name for o in found) > 1}
    if twice:
        raise InvalidInput(
            f"{', '.join(f'`{n}`' for n in sorted(twice))} is asked for with two numbers",
            hint="ask for one of them: figures go by the name",
        )
    return found


def opened(
    metrics: CustomMetrics, asked: Sequence[CustomMetric], open_code: Callable[[MetricRecord], OpenCode]
) -> dict[str, OpenCode]:
    """The code of each, by name."""
    return {metric.name: open_code(metrics.get(metric.ref)) for metric in asked}


def _remembered(record: MetricRecord) -> CustomMetric:
    return CustomMetric(
        name=record.name,
        number=record.number,
        digest=record.digest,
        kind=record.kind,
        title=record.title,
        better=record.better,
        within=record.within,
    )


def _check(wish: NewMetric) -> None:
    hints = get_type_hints(MetricRecord)
    wrong = []
    if not _NAME.fullmatch(wish.name):
        wrong.append(f"`{shortened(wish.name)}` cannot name a metric: {_RULE}")
    elif is_built_in(wish.name):
        wrong.append(f"`{wish.name}` is a metric of Muster, and a metric of your own has another name")
    if wish.kind not in get_args(hints["kind"]):
        wrong.append(f"`{wish.kind}` is no kind of metric: it is `batch` or `profile`")
    if wish.better not in get_args(hints["better"]):
        wrong.append(f"`{wish.better}` cannot be better: it is `higher`, `lower`, or nothing")
    ends = wish.within
    if ends is not None and (len(ends) != 2 or any(math.isnan(e) for e in ends) or not ends[0] < ends[1]):
        wrong.append("`within` has two ends, the least and the greatest that the figure can be")
    elif ends is not None and any(math.isinf(e) for e in ends):
        wrong.append("`within` has finite ends; leave it out where there are none")
    if wrong:
        raise InvalidInput("; ".join(wrong), hint="mend that, and register it again")


def _draft(wish: NewMetric, told: Description, stored: tuple[str, int], tools: MetricTools, actor: str) -> MetricRecord:
    environment = tools.resolve(
        told.requirements, python=told.python, exact=told.exact_python, choice=wish.environment, folder=told.folder
    )
    low, high = wish.within or (0.0, 0.0)
    return MetricRecord(
        id=new_id(),
        name=wish.name,
        number=0,
        kind="profile" if wish.kind == "profile" else "batch",
        title=wish.title,
        better=wish.better,  # type: ignore[arg-type]  # as was checked
        within=None if wish.within is None else (float(low), float(high)),
        source=told.source,
        digest=stored[0],
        size=stored[1],
        load=dict(told.load),
        environment=environment,
        notes=(*told.notes, *environment.notes),
        created_at=now(),
        created_by=actor,
    )


def _same(one: MetricRecord, other: MetricRecord) -> bool:
    def said(m: MetricRecord) -> tuple[object, ...]:
        return m.digest, m.kind, m.title, m.better, m.within, m.load, m.environment.key

    return said(one) == said(other)


def _newest(reader: Reader, name: str) -> MetricRecord | None:
    where = Query((Condition("name", "=", name),), (Sort("number", descending=True),), limit=1)
    return next(iter(reader.find(MetricRecord, where).items), None)


def _count(tx: Transaction, name: str) -> int:
    """The next number, which none ever had."""
    counter = tx.get(Counter, f"metric/{name}")
    if counter is None:
        tx.insert(Counter(name=f"metric/{name}", last=1))
        return 1
    tx.replace(replace(counter, last=counter.last + 1))
    return counter.last + 1
