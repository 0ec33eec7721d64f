"""The act of registering: all is found out and checked first, then committed in one transaction, or nothing is."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Protocol

import pyarrow as pa

from muster.errors import (
    Conflict,
    InvalidInput,
    InvalidModel,
    InvalidReference,
    MusterError,
    NotApplicable,
    near,
    plural,
)
from muster.predictor import Declared, Description, Draft, Finding, Observed, Origin, Site
from muster.records import Counter, Environment, Event, Model, Snapshot, Version, new_id, now
from muster.registry.references import check_alias, check_name, check_tags
from muster.registry.registry import check_threshold, day, filled, point
from muster.registry.scans import Scan, Scanner
from muster.registry.snapshots import first_snapshot
from muster.registry.unrecognised import unrecognised
from muster.scratch import scratch
from muster.signature import Json, Output, Scalar, canonical
from muster.source import Fetched
from muster.store import Condition, Query, Reader, RecordStore, Sort, Transaction

__all__ = ["Registration", "Request", "Tools", "number_used", "overrides"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What the user asks for."""

    model: str
    source: object
    origin: str | None = None
    declared: Declared = Declared()
    sample: pa.Table | None = None
    aliases: tuple[str, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    description: str = ""
    environment: str | Path = "auto"
    network: bool = False
    runtime: Mapping[str, Json] = field(default_factory=dict)
    if_changed: bool = False
    number: int | None = None
    """The version's number, where it has one already; the next one without."""


def _never(_source: object, _folder: Path) -> Fetched | None:
    return None


def _nothing(_version: Version) -> Sequence[str]:
    return ()


class Resolve(Protocol):
    def __call__(
        self,
        requirements: Sequence[str],
        *,
        python: str | None,
        exact: bool = False,
        choice: str | Path = "auto",
        folder: Path | None = None,
    ) -> Environment: ...


@dataclass(frozen=True, slots=True)
class Tools:
    """What the hub lends to a registration: the origins by name, and plain functions over its implementations."""

    origins: Mapping[str, Callable[[], Origin]]
    store_artifact: Callable[[Path], tuple[str, int]]
    specify: Callable[[Mapping[str, Json]], str]
    resolve: Resolve
    site: Site
    scratch: Path
    fetch: Callable[[object, Path], Fetched | None] = _never
    """Brings here what a source elsewhere names, into a new folder; None for what is here."""
    scan: Scan | None = None
    observed: Callable[[Observed], tuple[str | None, str]] | None = None
    """Keeps what was seen of an endpoint: the digest of its answers, and that of what it is."""
    lost: Callable[[Version], Sequence[str]] = _nothing
    """The blobs of a version that are not there."""


class Registration:
    """One registration; `run` gives the version."""

    def __init__(self, store: RecordStore, actor: str, tools: Tools, request: Request) -> None:
        self._store = store
        self._actor = actor
        self._tools = tools
        self._request = request

    def run(self) -> Version:
        request = self._request
        self._check_names()
        with scratch(self._tools.scratch) as folder:
            fetched = self._tools.fetch(request.source, folder / "fetched")
            name, origin = self._origin(request.source if fetched is None else fetched.path)
            description = _asked(_described(origin, request.source, fetched, folder / "scratch"), request)
            declared = self._declared(description)
            digest, size = self._stored(description)
            if request.if_changed and (same := self._existing(digest)) is not None:
                return same
            try:
                description = self._scanned(description, digest)
                environment = self._environment(description)
                draft = Draft(description=description, declared=declared, digest=digest, environment=environment)
                finding = origin.probe(draft, self._tools.site, request.sample)
                seen = self._seen(finding)
                return self._commit(self._version(name, self._identified(draft, finding), size, finding), seen)
            except BaseException:
                self._discard(digest)
                raise

    def _seen(self, finding: Finding) -> Callable[[Version], Snapshot] | None:
        """What makes the first snapshot of the version, where there is to be one."""
        if finding.observed is None or self._tools.observed is None:
            return None
        answers, digest = self._tools.observed(finding.observed)
        return partial(first_snapshot, observed=finding.observed, answers=answers, digest=digest)

    def _identified(self, draft: Draft, finding: Finding) -> Draft:
        """An endpoint is identified also by how it is asked, which is known only now."""
        if draft.description.folder is not None or not finding.specification:
            return draft
        return replace(draft, digest=self._tools.specify({**draft.description.specification, **finding.specification}))

    def _scanned(self, description: Description, digest: str) -> Description:
        """Before anything of it is loaded."""
        if self._tools.scan is None or description.folder is None:
            return description
        return Scanner(self._store, self._actor, self._tools.site).scanned(description, digest, self._tools.scan)

    def _discard(self, digest: str) -> None:
        """The copy of files that were only looked at: nothing is left of a registration that fails, but blobs that nothing names."""
        where = Query((Condition("digest", "=", digest),), limit=1)
        if not self._store.find(Version, where).items:
            self._tools.site.discard(digest)

    def _check_names(self) -> None:
        wrong: list[InvalidReference] = []
        for check, names in ((check_name, [self._request.model]), (check_alias, self._request.aliases)):
            for name in names:
                try:
                    check(name)
                except InvalidReference as error:
                    wrong.append(error)
        check_tags(self._request.tags)
        if wrong:
            raise InvalidReference(
                "; ".join(e.message for e in wrong), hint=", and ".join(dict.fromkeys(e.hint for e in wrong))
            )

    def _origin(self, source: object) -> tuple[str, Origin]:
        origins, wanted = self._tools.origins, self._request.origin
        if wanted is not None:
            if wanted not in origins:
                raise InvalidInput(
                    f"there is no origin `{wanted}`{near(wanted, origins)}",
                    hint=f"origins are {', '.join(sorted(origins))}",
                )
            return wanted, origins[wanted]()
        for name, make in origins.items():
            origin = make()
            if origin.claims(source):
                return name, origin
        if isinstance(source, (str, os.PathLike)) and not Path(source).exists():
            raise InvalidModel(f"there is nothing at `{os.fspath(source)}`", hint="give the path of a model")
        raise unrecognised(source, sorted(origins))

    def _declared(self, description: Description) -> Declared:
        """What the user says, completed by what the model's first version fixed."""
        declared = self._request.declared
        model = _open_for_more(self._store.get(Model, self._request.model))
        if model is None:
            return declared
        if declared.task not in (None, model.task):
            raise Conflict(_differs(model, "task", model.task, declared.task), hint=_OTHER_MODEL)
        if declared.target is not None and model.target is not None and declared.target != model.target:
            raise Conflict(_differs(model, "target", model.target, declared.target), hint=_OTHER_MODEL)
        if declared.classes and not _same_set(declared.classes, model.classes):
            raise Conflict(_differs(model, "classes", list(model.classes), list(declared.classes)), hint=_OTHER_MODEL)
        task = declared.task or description.task or model.task
        if task != model.task:
            raise Conflict(_differs(model, "task", model.task, task), hint=_OTHER_MODEL)
        inherited = not declared.classes and not description.classes
        classes = model.classes if inherited else declared.classes
        target = declared.target or model.target
        return replace(declared, task=task, target=target, classes=classes, inherited=inherited)

    def _stored(self, description: Description) -> tuple[str, int]:
        if description.folder is not None:
            return self._tools.store_artifact(description.folder)
        return self._tools.specify(description.specification), 0

    def _environment(self, description: Description) -> Environment | None:
        if description.folder is None:
            return None
        return self._tools.resolve(
            description.requirements,
            python=description.python,
            exact=description.exact_python,
            choice=self._request.environment,
            folder=description.folder,
        )

    def _existing(self, digest: str) -> Version | None:
        with self._store.transaction(self._actor, "register") as tx:
            return self._same(tx, digest)

    def _same(self, tx: Transaction, digest: str) -> Version | None:
        """The newest version of this digest, with the aliases that were asked for."""
        where = (
            Condition("model", "=", self._request.model),
            Condition("digest", "=", digest),
            Condition("deleted_at", "=", None),
        )
        found = tx.find(Version, Query(where, (Sort("number", descending=True),), limit=1)).items
        if not found:
            return None
        for alias in self._request.aliases:
            point(tx, found[0], alias, self._actor)
        return filled(tx, found[0])

    def _version(self, origin: str, draft: Draft, size: int, finding: Finding) -> Version:
        description, declared = draft.description, draft.declared
        version = Version(
            id=new_id(),
            model=self._request.model,
            number=0,
            origin=origin,
            source=description.source,
            lineage=description.lineage,
            imported=description.imported,
            findings=description.findings,
            task=finding.task,
            target=finding.target or declared.target or description.target,
            signature=finding.signature,
            output=finding.output,
            reading=finding.reading,
            threshold=declared.threshold,
            digest=draft.digest,
            artifact=description.folder is not None,
            size=size,
            load={**description.load, **finding.load},
            environment=draft.environment,
            probe=finding.probe,
            description=self._request.description,
            tags={k: str(v) for k, v in sorted(self._request.tags.items())},
            notes=(*description.notes, *(draft.environment.notes if draft.environment else ()), *finding.notes),
            created_at=now(),
            created_by=self._actor,
        )
        check_threshold(version.threshold, version)
        return version

    def _commit(self, draft: Version, seen: Callable[[Version], Snapshot] | None) -> Version:
        with self._store.transaction(self._actor, "register") as tx:
            if self._request.if_changed and (same := self._same(tx, draft.digest)) is not None:
                return same
            model = _open_for_more(tx.get(Model, draft.model))
            number = self._request.number
            version = replace(
                draft, number=_count(tx, draft.model) if number is None else _kept(tx, draft.model, number)
            )
            if model is None:
                tx.insert(self._first(version))
            else:
                version = _fits(model, version)
                tx.replace(replace(model, updated_at=version.created_at, target=model.target or version.target))
            if lost := self._tools.lost(version):
                # Only here can it be seen: from now on the record keeps them, before it nothing did.
                raise Conflict(
                    f"{plural(len(lost), 'blob')} of the model went while it was registered: they were collected, or removed by hand",
                    hint="register it again",
                    details={"blobs": list(lost)},
                )
            tx.insert(version)
            if seen is not None:
                tx.insert(seen(version))
            for alias in self._request.aliases:
                point(tx, version, alias, self._actor)
        return replace(version, aliases=tuple(sorted(set(self._request.aliases))))

    def _first(self, version: Version) -> Model:
        return Model(
            id=new_id(),
            name=version.model,
            task=version.task,
            target=version.target,
            classes=version.classes,
            created_at=version.created_at,
            created_by=self._actor,
            updated_at=version.created_at,
        )


def _described(origin: Origin, source: object, fetched: Fetched | None, place: Path) -> Description:
    """What the origin says of the files; where they were fetched, they come from there and not from a folder that is soon gone."""
    place.mkdir()
    if fetched is None:
        return origin.describe(source, place)
    try:
        told = origin.describe(fetched.path, place)
    except MusterError as error:
        # The folder that is soon gone tells nobody anything.
        error.message = error.message.replace(str(fetched.path), fetched.source)
        raise
    return replace(told, source=fetched.source, lineage={**told.lineage, **fetched.lineage}, imported=fetched.imported)


def _asked(description: Description, request: Request) -> Description:
    """With what the user asks of its workers: a network, and other values of its runtime parameters."""
    load = dict(description.load)
    if request.network:
        load["network"] = True
    if request.runtime:
        load["runtime"] = _runtime(load.get("runtime"), request.runtime)
    return replace(description, load=load)


def _runtime(told: Json, given: Mapping[str, Json]) -> dict[str, Json]:
    declared = told if isinstance(told, dict) else {}
    wrong = [f"`{name}`{near(name, declared)}" for name in given if name not in declared]
    if wrong:
        has = f"it has {', '.join(declared)}" if declared else "it declares none, in [runtime] of model.toml"
        raise InvalidInput(f"the model has no runtime parameter {', '.join(wrong)}", hint=has)
    return {n: {**d, "value": given[n]} if n in given and isinstance(d, dict) else d for n, d in declared.items()}


def overrides(output: str | Mapping[str, Json]) -> Mapping[str, Json]:
    """What a user says of a model's raw answer: `auto`, or some of the keys of a Reading."""
    known = ("label", "probabilities", "value", "activation", "classes")
    if output == "auto":
        return {}
    if isinstance(output, str):
        raise InvalidInput(
            f"`output` cannot be {output!r}", hint=f"give 'auto', or a dictionary with some of {', '.join(known)}"
        )
    wrong = [f"`{k}`" for k in output if k not in known]
    if wrong:
        raise InvalidInput(f"`output` has no {', '.join(wrong)}", hint=f"its keys are {', '.join(known)}")
    return output


_OTHER_MODEL = "versions of a model answer one question: register this one under another model name"


def _open_for_more(model: Model | None) -> Model | None:
    """The model of this name, if there is one; refused where it is deleted: its versions could come back to another question."""
    if model is not None and model.deleted_at is not None:
        raise Conflict(
            f"the model `{model.name}` was deleted on {day(model.deleted_at)}, and can still be restored",
            hint=f"bring it back with `muster model restore {model.name}`, or free the name with"
            f" `muster model delete {model.name} --for-good`; version numbers go on after either",
        )
    return model


def _fits(model: Model, version: Version) -> Version:
    """The version in the model's class order; refused if it answers another question."""
    if version.task != model.task:
        raise Conflict(_differs(model, "task", model.task, version.task), hint=_OTHER_MODEL)
    if model.target is not None and version.target not in (None, model.target):
        raise Conflict(_differs(model, "target", model.target, version.target), hint=_OTHER_MODEL)
    if not _same_set(version.classes, model.classes):
        raise Conflict(_differs(model, "classes", list(model.classes), list(version.classes)), hint=_OTHER_MODEL)
    if model.task == "binary" and version.threshold is not None and version.classes != model.classes:
        raise NotApplicable(
            f"the threshold is for `{version.classes[-1]}`, but `{model.name}` calls `{model.classes[-1]}` positive",
            hint=f"declare the classes in the model's order: {', '.join(map(str, model.classes))}",
        )
    return replace(version, target=version.target or model.target, output=_in_order(version.output, model.classes))


def _in_order(output: Output, classes: tuple[Scalar, ...]) -> Output:
    """The output with the model's classes, whose type its predictions then have: 0 and "0" are one label."""
    if output.classes == classes and [type(c) for c in output.classes] == [type(c) for c in classes]:
        return output
    kind = output.type if output.task == "multilabel" else pa.array(classes).type
    return replace(output, classes=classes, type=kind)


def _same_set(one: Sequence[Scalar], other: Sequence[Scalar]) -> bool:
    return {canonical(c) for c in one} == {canonical(c) for c in other}


def _differs(model: Model, what: str, has: object, got: object) -> str:
    return f"`{model.name}` has the {what} {has}, and this version {got}"


def _count(tx: Transaction, model: str) -> int:
    name = f"version/{model}"
    counter = tx.get(Counter, name)
    if counter is None:
        tx.insert(Counter(name=name, last=1))
        return 1
    tx.replace(Counter(name=name, last=counter.last + 1))
    return counter.last + 1


def _kept(tx: Transaction, model: str, number: int) -> int:
    """A number that the version has elsewhere, if no version ever had it here; the next ones are counted from the highest."""
    if number_used(tx, model, number):
        raise Conflict(
            f"`{model}:{number}` is, or was, another version here",
            hint="numbers mean one version for ever: import it under another name",
        )
    name = f"version/{model}"
    counter = tx.get(Counter, name)
    if counter is None:
        tx.insert(Counter(name=name, last=number))
    elif number > counter.last:
        tx.replace(Counter(name=name, last=number))
    return number


def number_used(reader: Reader, model: str, number: int) -> bool:
    """Whether a version has or had this number: the audit trail knows also of those that are gone for good."""
    counter = reader.get(Counter, f"version/{model}")
    used = (Condition("subject", "=", f"version/{model}:{number}"), Condition("action", "=", "version.created"))
    return counter is not None and number <= counter.last and reader.count(Event, used) > 0
