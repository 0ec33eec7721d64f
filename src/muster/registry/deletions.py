"""Deleting and restoring: what is deleted is hidden, keeps its number and its bytes, and comes back until it is collected."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from muster.errors import Conflict
from muster.records import Model, Version, now
from muster.registry.registry import Registry, aliases_of
from muster.registry.search import every
from muster.registry.snapshots import forget_snapshots
from muster.store import Condition, Reader, RecordStore, Transaction

__all__ = ["Deletions"]


class Deletions:
    """Each is one transaction by `actor`. `for_good` removes the records at once, also those that were deleted before."""

    def __init__(self, store: RecordStore, actor: str, registry: Registry) -> None:
        self._store = store
        self._actor = actor
        self._registry = registry

    def delete_version(self, reference: str, reason: str = "", *, for_good: bool = False) -> None:
        """Delete a version. Refused while an alias points at it. Its number is not used again."""
        with self._store.transaction(self._actor, reason) as tx:
            version = self._registry.find(tx, reference, deleted=True)
            _refuse_deleted(version, f"`{version.ref}`", for_good=for_good)
            if version.aliases:
                names = ", ".join(f"`{a}`" for a in version.aliases)
                raise Conflict(
                    f"`{version.ref}` cannot be deleted: {names} points at it",
                    hint=f"move it with `muster alias set OTHER {version.aliases[0]}`, or"
                    f" remove it with `muster alias remove {version.model}@{version.aliases[0]}`",
                )
            _drop(tx, version, None if for_good else now())

    def delete_model(self, name: str, reason: str = "", *, for_good: bool = False) -> int:
        """Delete a model and all its versions; refused while it has aliases. Returns how many versions went with it."""
        with self._store.transaction(self._actor, reason) as tx:
            model = self._registry.find_model(tx, name, deleted=True)
            _refuse_deleted(model, f"the model `{model.name}`", for_good=for_good)
            aliases = [a.name for a in aliases_of(tx, model.name)]
            if aliases:
                many = len(aliases) > 1
                raise Conflict(
                    f"`{model.name}` cannot be deleted: it has the alias{'es' if many else ''} {', '.join(aliases)}",
                    hint=f"remove {'each' if many else 'it'} with `muster alias remove {model.name}@{aliases[0]}`",
                )
            at = None if for_good else now()
            gone = [v for v in _versions(tx, model.name) if for_good or v.deleted_at is None]
            for version in gone:
                _drop(tx, version, at)
            _drop(tx, model, at)
            return len(gone)

    def restore_version(self, reference: str, reason: str = "") -> Version:
        """Bring back a version that was deleted and is not collected yet."""
        with self._store.transaction(self._actor, reason) as tx:
            version = self._registry.find(tx, reference, deleted=True)
            model = tx.get(Model, version.model)
            if version.deleted_at is None:
                raise Conflict(f"`{version.ref}` is not deleted", hint=_LIST_VERSIONS)
            if model is None or model.deleted_at is not None:
                raise Conflict(
                    f"`{version.ref}` cannot be restored alone: its model is deleted",
                    hint=f"restore both, with the versions that were deleted with it: `muster model restore {version.model}`",
                )
            back = replace(version, deleted_at=None)
            tx.replace(back)
            return back

    def restore_model(self, name: str, reason: str = "") -> int:
        """Bring back a deleted model with the versions that were deleted with it; how many those are."""
        with self._store.transaction(self._actor, reason) as tx:
            model = self._registry.find_model(tx, name, deleted=True)
            if model.deleted_at is None:
                raise Conflict(
                    f"the model `{model.name}` is not deleted",
                    hint="list those that are: `muster model list --deleted`",
                )
            back = [v for v in _versions(tx, model.name) if v.deleted_at == model.deleted_at]
            for version in back:
                tx.replace(replace(version, deleted_at=None))
            tx.replace(replace(model, deleted_at=None))
            return len(back)

    def expired(self, before: datetime) -> Iterator[Model | Version]:
        """What was deleted before a time."""
        where = (Condition("deleted_at", "<", before.isoformat()),)
        yield from every(self._store, Version, where)
        yield from every(self._store, Model, where)

    def remove(self, found: Model | Version, before: datetime) -> bool:
        """Remove the record of something that was deleted before a time; False if it was restored or removed meanwhile.

        A model stays as long as it has versions, which were deleted later than it.
        """
        with self._store.transaction(self._actor, "collected") as tx:
            stored = tx.get(type(found), *found.identity)
            if stored is None or stored.deleted_at is None or stored.deleted_at >= before:
                return False
            if isinstance(stored, Model) and next(_versions(tx, stored.name), None) is not None:
                return False
            _delete(tx, stored)
            return True


_LIST_VERSIONS = "list them with `muster version list`, and with `muster version list --deleted`"


def _refuse_deleted(found: Model | Version, what: str, *, for_good: bool) -> None:
    if found.deleted_at is not None and not for_good:
        raise Conflict(
            f"{what} is deleted already",
            hint="it goes for good when it is collected, or now with `--for-good`",
        )


def _drop(tx: Transaction, found: Model | Version, at: datetime | None) -> None:
    """Mark as deleted at a time, or remove."""
    if at is None:
        _delete(tx, found)
    else:
        tx.replace(replace(found, deleted_at=at))


def _delete(tx: Transaction, found: Model | Version) -> None:
    """The record, and those that are of it alone."""
    if isinstance(found, Version):
        forget_snapshots(tx, found)
    tx.delete(found)


def _versions(reader: Reader, model: str) -> Iterator[Version]:
    yield from every(reader, Version, (Condition("model", "=", model),))
