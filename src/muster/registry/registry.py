"""Models, versions, aliases and tags: found, named, changed. What is deleted is not found; `deletions` has it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime

from muster import typed
from muster.errors import (
    AliasNotFound,
    InvalidInput,
    InvalidReference,
    ModelNotFound,
    NotApplicable,
    VersionNotFound,
    near,
)
from muster.records import Alias, Model, Version, now
from muster.registry.references import ID, Reference, check_alias, check_tags, parse
from muster.registry.search import Listing, conditions, sorting
from muster.store import Condition, Page, Query, Reader, RecordStore, Sort, Transaction

__all__ = ["Registry"]

_MANY = 1_000
_LIVE = Condition("deleted_at", "=", None)


class Registry:
    """What is registered. Every change is one transaction by `actor`."""

    def __init__(self, store: RecordStore, actor: str) -> None:
        self._store = store
        self._actor = actor

    def models(
        self,
        filters: Sequence[str] = (),
        sort: Sequence[str] = (),
        limit: int | None = None,
        *,
        deleted: bool = False,
    ) -> Listing[Model]:
        """Models; with `deleted` those alone that are deleted and not collected yet."""
        where, order = (*conditions(Model, filters), _deleted(deleted=deleted)), sorting(Model, sort)
        return Listing(lambda n, cursor: self._store.find(Model, Query(where, order, n, cursor)), limit)

    def versions(
        self,
        model: str | None = None,
        filters: Sequence[str] = (),
        sort: Sequence[str] = (),
        limit: int | None = None,
        *,
        deleted: bool = False,
    ) -> Listing[Version]:
        """Versions of a model, or of all; the newest of a model first unless sorted otherwise. With `deleted` those that are."""
        where, order = (*conditions(Version, filters), _deleted(deleted=deleted)), sorting(Version, sort)
        if model is not None:
            where += (Condition("model", "=", self.model(model, deleted=deleted).name),)
            order = order or (Sort("number", descending=True),)
        return Listing(
            lambda n, cursor: self._with_aliases(self._store.find(Version, Query(where, order, n, cursor))), limit
        )

    def model(self, name: str, *, deleted: bool = False) -> Model:
        """The model of this name or id; `deleted`: also one that is."""
        reference = parse(name)
        if reference.number is not None or reference.alias is not None:
            raise InvalidReference(f"`{name}` is a version, not a model", hint=f"write `{reference.model}`")
        return self.find_model(self._store, name, deleted=deleted)

    def version(self, reference: str, *, deleted: bool = False) -> Version:
        """The version that a reference means, by the rules of references; `deleted`: also one that is, by its number or id."""
        return self.find(self._store, reference, deleted=deleted)

    def aliases(self, model: str) -> Mapping[str, int]:
        return {a.name: a.number for a in aliases_of(self._store, self.model(model).name)}

    def aliases_of(self, models: Iterable[str]) -> Mapping[str, Mapping[str, int]]:
        """The aliases of several models, by their names, with one question to the store."""
        found: dict[str, dict[str, int]] = {name: {} for name in models}
        for alias in aliases_of(self._store, *found):
            found[alias.model][alias.name] = alias.number
        return found

    def set_alias(self, reference: str, alias: str, reason: str = "") -> Version:
        """Make the alias mean this version, whatever it meant before."""
        check_alias(alias)
        with self._store.transaction(self._actor, reason) as tx:
            version = self.find(tx, reference)
            point(tx, version, alias, self._actor)
        return self.version(version.ref)

    def remove_alias(self, model: str, alias: str, reason: str = "") -> None:
        with self._store.transaction(self._actor, reason) as tx:
            name = self.find_model(tx, model).name
            found = tx.get(Alias, name, alias)
            if found is None:
                raise self._no_alias(tx, name, alias)
            tx.delete(found)

    def tag(self, reference: str, tags: Mapping[str, str | None], reason: str = "") -> Model | Version:
        """Set tags of a model (`churn`) or a version (`churn:3`); None removes one."""
        check_tags({k: v for k, v in tags.items() if v is not None})
        with self._store.transaction(self._actor, reason) as tx:
            before = self._either(tx, reference)
            merged = {**before.tags, **tags}
            kept = {k: str(v) for k, v in sorted(merged.items()) if v is not None}
            return self._write(tx, before, replace(before, tags=kept))

    def describe(self, reference: str, description: str, reason: str = "") -> Model | Version:
        with self._store.transaction(self._actor, reason) as tx:
            before = self._either(tx, reference)
            return self._write(tx, before, replace(before, description=description))

    def set_threshold(self, reference: str, threshold: float | None, reason: str = "") -> Version:
        """The probability from which a row is positive; None leaves the model's own label."""
        if threshold is not None:
            threshold = typed.read_one("threshold", threshold, typed.NUMBER)
        with self._store.transaction(self._actor, reason) as tx:
            before = self.find(tx, reference)
            check_threshold(threshold, before)
            after = replace(before, threshold=threshold)
            tx.replace(after)
            return after

    def _either(self, reader: Reader, reference: str) -> Model | Version:
        parsed = parse(reference)
        if parsed.id is None and parsed.number is None and parsed.alias is None:
            return self.find_model(reader, parsed.model)
        if parsed.id is not None:
            with suppress(ModelNotFound):
                return self.find_model(reader, reference)
        return self.find(reader, reference)

    def _write(self, tx: Transaction, before: Model | Version, after: Model | Version) -> Model | Version:
        if isinstance(after, Model) and after != before:
            after = replace(after, updated_at=now())
        tx.replace(after)
        return after

    def find_model(self, reader: Reader, name: str, *, deleted: bool = False) -> Model:
        """The model of this name or id to a reader, as a transaction is one; `deleted`: also one that is."""
        found = reader.get(Model, name)
        if found is None and ID.fullmatch(name):
            found = next(iter(reader.find(Model, Query((Condition("id", "=", name),), limit=1)).items), None)
            if found is None:
                raise ModelNotFound(f"no model has the id `{name}`", hint="list them with `muster model list`")
        if found is None:
            known = [m.name for m in reader.find(Model, Query((_LIVE,), limit=_MANY)).items]
            raise ModelNotFound(
                f"no model is named `{name}`{near(name, known)}", hint="list them with `muster model list`"
            )
        if found.deleted_at is not None and not deleted:
            raise ModelNotFound(
                f"the model `{found.name}` was deleted on {day(found.deleted_at)}",
                hint=f"bring it back with `muster model restore {found.name}`",
            )
        return found

    def find(self, reader: Reader, text: str, *, deleted: bool = False) -> Version:
        """The version that a reference means to a reader; `deleted`: also one that is, by its number or id."""
        reference = parse(text)
        if reference.id is not None:
            found = reader.find(Version, Query((Condition("id", "=", reference.id),), limit=1)).items
            if not found:
                raise VersionNotFound(
                    f"no version has the id `{reference.id}`", hint="list them with `muster version list MODEL`"
                )
            return filled(reader, found[0] if deleted else self._live(reader, found[0]))
        aliases = aliases_of(reader, reference.model)
        number = self._number(reader, reference, {a.name: a.number for a in aliases})
        version = reader.get(Version, reference.model, number)
        if version is None:
            raise self._no_version(reader, reference.model, number)
        live = version if deleted else self._live(reader, version)
        return replace(live, aliases=tuple(a.name for a in aliases if a.number == number))

    def _live(self, reader: Reader, version: Version) -> Version:
        """The version, unless it is deleted."""
        if version.deleted_at is not None:
            self.find_model(reader, version.model)
            raise VersionNotFound(
                f"`{version.ref}` was deleted on {day(version.deleted_at)}",
                hint=f"bring it back with `muster version restore {version.ref}`",
            )
        return version

    def _number(self, reader: Reader, reference: Reference, aliases: Mapping[str, int]) -> int:
        if reference.number is not None:
            return reference.number
        if reference.alias is not None and reference.alias != "latest":
            if reference.alias not in aliases:
                self.find_model(reader, reference.model)
                raise self._no_alias(reader, reference.model, reference.alias)
            return aliases[reference.alias]
        if reference.alias is None and "champion" in aliases:
            return aliases["champion"]
        self.find_model(reader, reference.model)
        where = (Condition("model", "=", reference.model), _LIVE)
        newest = reader.find(Version, Query(where, (Sort("number", descending=True),), limit=6)).items
        if not newest:
            raise VersionNotFound(
                f"model `{reference.model}` has no version",
                hint=f"register one: `muster register {reference.model} SOURCE`",
            )
        if reference.alias == "latest" or len(newest) == 1:
            return newest[0].number
        told = ", ".join(v.ref for v in newest[:5]) + (", …" if len(newest) > 5 else "")
        raise InvalidReference(
            f"`{reference.model}` could mean several versions: {told}",
            hint=f"name one, or set the default: `muster alias set {newest[0].ref} champion`",
            details={"versions": [v.ref for v in newest]},
        )

    def _no_version(self, reader: Reader, model: str, number: int) -> VersionNotFound:
        self.find_model(reader, model)
        where = (Condition("model", "=", model), _LIVE)
        newest = reader.find(Version, Query(where, (Sort("number", descending=True),), limit=1)).items
        latest = f" (latest is {newest[0].number})" if newest else " (it has none)"
        return VersionNotFound(
            f"model `{model}` has no version {number}{latest}", hint=f"list them with `muster version list {model}`"
        )

    def _no_alias(self, reader: Reader, model: str, alias: str) -> AliasNotFound:
        known = [a.name for a in aliases_of(reader, model)]
        has = f"it has {', '.join(known)}" if known else "it has none"
        return AliasNotFound(
            f"model `{model}` has no alias `{alias}` ({has}){near(alias, known)}",
            hint=f"set it with `muster alias set {model}:NUMBER {alias}`",
        )

    def _with_aliases(self, page: Page[Version]) -> Page[Version]:
        by_version: dict[tuple[str, int], list[str]] = {}
        for a in aliases_of(self._store, *{v.model for v in page.items}):
            by_version.setdefault((a.model, a.number), []).append(a.name)
        return Page([replace(v, aliases=tuple(by_version.get((v.model, v.number), ()))) for v in page.items], page.next)


def point(tx: Transaction, version: Version, alias: str, actor: str) -> None:
    """Set an alias inside a transaction."""
    existing = tx.get(Alias, version.model, alias)
    fresh = Alias(model=version.model, name=alias, number=version.number, set_at=now(), set_by=actor)
    if existing is None:
        tx.insert(fresh)
    elif existing.number != version.number:
        tx.replace(fresh)


def filled(reader: Reader, version: Version) -> Version:
    """The version with its aliases."""
    names = tuple(a.name for a in aliases_of(reader, version.model) if a.number == version.number)
    return replace(version, aliases=names)


def day(at: datetime) -> str:
    """A time as messages tell it."""
    return f"{at:%Y-%m-%d at %H:%M} UTC"


def _deleted(*, deleted: bool) -> Condition:
    return Condition("deleted_at", "!=", None) if deleted else _LIVE


def check_threshold(threshold: float | None, version: Version) -> None:
    """A threshold is a probability, and only a binary version with probabilities has one."""
    if threshold is None:
        return
    if version.task != "binary" or not version.output.probabilities:
        raise NotApplicable(
            f"`{version.ref}` takes no threshold: its task is {version.task}"
            + ("" if version.output.probabilities else " and it gives no probabilities"),
            hint="leave the threshold out",
        )
    given = typed.read_one("threshold", threshold, typed.NUMBER)
    if not 0 <= given <= 1:  # NaN too
        raise InvalidInput(f"the threshold {given:g} is no probability", hint="give a number from 0 to 1")


def check_calls(version: Version) -> None:
    """NotApplicable for a version that nobody can ask: its predictions are sent in."""
    if version.load.get("reported") is True:
        raise NotApplicable(
            f"`{version.ref}` is reported: it runs where Muster cannot ask it ({version.source})",
            hint="score there, and evaluate what it scored",
        )


def aliases_of(reader: Reader, *models: str) -> Sequence[Alias]:
    """All aliases of these models, in order."""
    where = (Condition("model", "=", models[0]) if len(models) == 1 else Condition("model", "in", models),)
    found: list[Alias] = []
    page = reader.find(Alias, Query(where, limit=_MANY))
    while page.next is not None:
        found += page.items
        page = reader.find(Alias, Query(where, limit=_MANY, cursor=page.next))
    return [*found, *page.items]
