"""Moving a whole registry here: planned and checked as one, then imported a version at a time, and gone on with after any stop."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeAlias

from muster.errors import Conflict, InvalidInput, MusterError, SourceDenied, SourceUnavailable
from muster.records import Alias, Model, Version
from muster.registry.declarations import Declarations
from muster.registry.references import check_alias, check_name, usable_tags
from muster.registry.register import number_used
from muster.registry.registry import point
from muster.registry.search import conditions, every, holds
from muster.source import Catalogue, Entry, SourceModel
from muster.store import Condition, Query, RecordStore

__all__ = ["Import", "ImportReport", "Imported", "Outcome", "mended"]

Outcome: TypeAlias = Literal["imported", "there", "planned", "failed", "waiting"]
Register: TypeAlias = Callable[..., Version]
"""What `hub.register` does."""
Watch: TypeAlias = Callable[["Imported", int, int], None]

_MOST_PARALLEL = 8
_LONG = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """A version of the other registry, and what became of it; `ref` is its name here. `waiting` is one that was not come to."""

    name: str
    number: int
    ref: str
    outcome: Outcome
    aliases: tuple[str, ...] = ()
    reason: str = ""
    hint: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportReport:
    """What became of each version. `stopped` says why the rest was not come to; calling again goes on there."""

    server: str
    items: tuple[Imported, ...]
    stopped: str = ""
    hint: str = ""

    def count(self, outcome: Outcome) -> int:
        return sum(i.outcome == outcome for i in self.items)

    @property
    def complete(self) -> bool:
        return not self.stopped and not self.count("failed")


@dataclass(frozen=True, slots=True)
class _Plan:
    """The versions of one model there that are wanted, in order of their numbers."""

    model: SourceModel
    name: str
    entries: tuple[Entry, ...]


@dataclass(slots=True)
class _Stop:
    """Whether to go on: a server that is down or a token that is refused is so for every version."""

    event: threading.Event = field(default_factory=threading.Event)
    error: MusterError | None = None

    def because(self, error: MusterError) -> None:
        self.error = self.error or error
        self.event.set()


class Import:
    """One import. Nothing is changed before everything that can be checked was."""

    def __init__(self, store: RecordStore, actor: str, register: Register) -> None:
        self._store = store
        self._actor = actor
        self._register = register

    def run(
        self,
        catalogue: Catalogue,
        *,
        filters: Sequence[str] = (),
        declare: Mapping[str, Any] | None = None,
        options: Mapping[str, Any] | None = None,
        dry_run: bool = False,
        parallel: int = 2,
        watch: Watch | None = None,
    ) -> ImportReport:
        if not 1 <= parallel <= _MOST_PARALLEL:
            raise InvalidInput(f"{parallel} versions cannot be imported at a time", hint=f"from 1 to {_MOST_PARALLEL}")
        declared = Declarations.of(declare or {}, catalogue, mended)
        plans = _plans(catalogue, filters)
        stop, told = _Stop(), _Watch(watch, sum(len(p.entries) for p in plans))

        def one(plan: _Plan) -> list[Imported]:
            return [told(i) for i in self._model(plan, declared, options or {}, stop, dry_run=dry_run)]

        pool = ThreadPoolExecutor(parallel, thread_name_prefix="muster-import")
        try:
            items = [i for done in pool.map(one, plans) for i in done]
        except BaseException:
            stop.event.set()  # a version that is begun is brought to its end, and no other is begun
            raise
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
        error = stop.error
        return ImportReport(
            server=catalogue.server,
            items=tuple(items),
            stopped=error.message if error else "",
            hint=error.hint if error else "",
        )

    def _model(
        self, plan: _Plan, declared: Declarations, options: Mapping[str, Any], stop: _Stop, *, dry_run: bool
    ) -> Iterator[Imported]:
        """The versions of one model, one after the other: its first one fixes the model's task and classes."""
        foreign = self._foreign(plan)
        for entry in plan.entries:
            item = Imported(name=entry.name, number=entry.number, ref=f"{plan.name}:{entry.number}", outcome="waiting")
            if (same := self._same(entry)) is not None:
                yield self._there(item, entry, same, dry_run=dry_run)
            elif self._was_here(plan, entry):
                yield replace(item, outcome="there", notes=("it was deleted here, for good",))
            elif stop.event.is_set():
                yield item
            elif entry.problem or entry.number in foreign:
                yield _failed(item, _no_way(entry, plan, foreign))
            elif dry_run:
                yield replace(item, outcome="planned", aliases=tuple(map(mended, entry.aliases)))
            else:
                yield self._one(item, entry, plan, {**options, **declared.options(entry, plan.name)}, stop)

    def _one(self, item: Imported, entry: Entry, plan: _Plan, options: Mapping[str, Any], stop: _Stop) -> Imported:
        try:
            version = self._register(
                plan.name,
                entry.source,
                number=entry.number,
                tags=_tags(entry),
                description=entry.description,
                **options,
            )
        except MusterError as error:
            if isinstance(error, SourceUnavailable) or (
                isinstance(error, SourceDenied) and error.details.get("status") == 401
            ):
                stop.because(error)
                return item
            if (same := self._same(entry)) is not None:  # another import had it at the same time
                return self._there(item, entry, same, dry_run=False)
            return _failed(item, error)
        except Exception as error:  # noqa: BLE001  # one strange version of thousands is told like any that fails
            return _failed(item, _unexpected(error))
        self._describe(plan)
        aliases, notes = self._aliases(entry, version)
        return replace(item, outcome="imported", aliases=aliases, notes=notes)

    def _there(self, item: Imported, entry: Entry, version: Version, *, dry_run: bool) -> Imported:
        """One that was imported before; aliases that were cut off then are set now."""
        item = replace(item, outcome="there", ref=version.ref)
        if version.deleted_at is not None:
            return replace(item, notes=("it was deleted here",))
        aliases, notes = ((), ()) if dry_run else self._aliases(entry, version)
        return replace(item, aliases=aliases, notes=notes)

    def _same(self, entry: Entry) -> Version | None:
        found = self._store.find(Version, Query((Condition("imported", "=", entry.imported),), limit=1)).items
        return found[0] if found else None

    def _was_here(self, plan: _Plan, entry: Entry) -> bool:
        """Whether a version of this number was here and is gone: it does not come back by itself."""
        return self._store.get(Version, plan.name, entry.number) is None and number_used(
            self._store, plan.name, entry.number
        )

    def _foreign(self, plan: _Plan) -> Mapping[int, str]:
        """The wanted numbers that other versions have here, with what those are. All, where nothing of the model was imported yet."""
        model = self._store.get(Model, plan.name)
        if model is None:
            return {}
        ours = {e.number: e.imported for e in plan.entries}
        line = plan.entries[0].imported.rpartition(":")[0]
        known = False
        taken: dict[int, str] = {}
        for version in every(self._store, Version, (Condition("model", "=", plan.name),)):
            from_there = version.imported is not None and version.imported.rpartition(":")[0] == line
            known = known or from_there
            if version.imported is not None and not from_there:  # two lines of versions never become one
                return dict.fromkeys(ours, f"{version.ref} was imported from {version.imported}")
            if version.number in ours and version.imported != ours[version.number]:
                taken[version.number] = f"{version.ref} comes from {version.source}"
        return taken if known or not taken else dict.fromkeys(ours, taken[min(taken)])

    def _aliases(self, entry: Entry, version: Version) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Set those that are free. One that means another version here was moved by somebody, and stays."""
        done, notes = [], []
        with self._store.transaction(self._actor, "import") as tx:
            if tx.get(Version, version.model, version.number) is None:
                return (), ("it was deleted here",)
            for alias in map(mended, entry.aliases):
                there = tx.get(Alias, version.model, alias)
                if there is None:
                    point(tx, version, alias, self._actor)
                if there is None or there.number == version.number:
                    done.append(alias)
                else:
                    notes.append(f"`{alias}` means {version.model}:{there.number} here, and stays")
        return tuple(done), tuple(notes)

    def _describe(self, plan: _Plan) -> None:
        """The model's own words and tags, unless somebody has given it others here."""
        with self._store.transaction(self._actor, "import") as tx:
            model = tx.get(Model, plan.name)
            if model is not None and not model.tags and not model.description:
                tags = {**usable_tags(plan.model.tags), "mlflow.name": plan.model.name}
                tx.replace(replace(model, tags=dict(sorted(tags.items())), description=plan.model.description))


class _Watch:
    """Tells of each version as it is done, from whichever thread."""

    def __init__(self, watch: Watch | None, total: int) -> None:
        self._watch, self._total = watch, total
        self._done = 0
        self._lock = threading.Lock()

    def __call__(self, item: Imported) -> Imported:
        with self._lock:
            self._done += 1
            if self._watch is not None:
                self._watch(item, self._done, self._total)
        return item


def mended(name: str) -> str:
    """A name from elsewhere as one of Muster's: lower case, other characters as `-`."""
    return re.sub(r"[^a-z0-9._-]", "-", name.lower()).lstrip("-._")


def _plans(catalogue: Catalogue, filters: Sequence[str]) -> list[_Plan]:
    """What is wanted, by model; refused with all that no name here fits."""
    where = conditions(Entry, filters)
    wanted: dict[str, list[Entry]] = {}
    for entry in catalogue.entries:
        if all(holds(_seen(entry), c) for c in where):
            wanted.setdefault(entry.name, []).append(entry)
    _check_names(wanted)
    return [
        _Plan(catalogue.models[name], mended(name), tuple(sorted(entries, key=lambda e: e.number)))
        for name, entries in wanted.items()
    ]


def _seen(entry: Entry) -> dict[str, tuple[object, ...]]:
    """What filters look at: each field with its values."""
    fields: dict[str, tuple[object, ...]] = {
        "name": (entry.name,), "number": (entry.number,), "alias": entry.aliases, "stage": (entry.stage,), "run_id": (entry.run_id,),
    }  # fmt: skip
    return fields | {f"tag.{k}": (v,) for k, v in entry.tags.items()}


def _check_names(wanted: Mapping[str, Sequence[Entry]]) -> None:
    """Every name and alias must become one of its own here; all that do not are named at once."""
    wrong: list[str] = []
    here: dict[str, list[str]] = {}
    for name, entries in wanted.items():
        here.setdefault(mended(name), []).append(name)
        try:
            check_name(mended(name))
        except InvalidInput as error:
            wrong.append(f"`{name}` would be {error.message}")
        wrong += _wrong_aliases(name, entries)
    wrong += [
        f"{' and '.join(f'`{n}`' for n in names)} would both be `{name}`"
        for name, names in here.items()
        if len(names) > 1
    ]
    if wrong:
        raise Conflict(
            f"nothing was imported: {'; '.join(wrong)}",
            hint="import one of them with --filter name=…, and register the other by hand under another name, or rename it there",
            details={"problems": wrong},
        )


def _wrong_aliases(name: str, entries: Sequence[Entry]) -> Iterator[str]:
    by_name: dict[str, set[str]] = {}
    for alias in {a for e in entries for a in e.aliases}:
        by_name.setdefault(mended(alias), set()).add(alias)
        try:
            check_alias(mended(alias))
        except InvalidInput as error:
            yield f"the alias `{alias}` of `{name}`: {error.message}"
    for alias, same in by_name.items():
        if len(same) > 1:
            yield f"the aliases {' and '.join(f'`{a}`' for a in sorted(same))} of `{name}` would both be `{alias}`"


def _tags(entry: Entry) -> dict[str, str]:
    """Its own tags that can be ones here, and what it was called, so that it is found by that."""
    told = {"mlflow.name": entry.name, "mlflow.version": str(entry.number)}
    if entry.aliases:
        told["mlflow.alias"] = ", ".join(entry.aliases)[:_LONG]
    if entry.stage:
        told["mlflow.stage"] = entry.stage
    return {**usable_tags(entry.tags), **told}


def _no_way(entry: Entry, plan: _Plan, foreign: Mapping[int, str]) -> MusterError:
    if entry.problem:
        return InvalidInput(entry.problem, hint="register that version there again, or delete it")
    return Conflict(
        f"the model `{plan.name}` has other versions here: {foreign[entry.number]}",
        hint="numbers mean one version for ever: rename the model there, or import into another hub",
    )


def _unexpected(error: Exception) -> MusterError:
    return MusterError(
        f"Muster met something that it does not expect: {type(error).__name__}: {error}",
        hint="this is a defect of Muster: report it, with what `muster register` of this version alone shows under MUSTER_DEBUG=1",
    )


def _failed(item: Imported, error: MusterError) -> Imported:
    return replace(item, outcome="failed", reason=error.message, hint=error.hint)
