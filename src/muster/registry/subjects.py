"""What the registry knows of evaluations that are compared: of their versions, and of the runs that made them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence

from muster.errors import ModelNotFound, VersionNotFound
from muster.evaluation.subject import Effort, Subject
from muster.profiles.question import Question
from muster.records import Environment, EvaluationRecord, Run, Snapshot, Version
from muster.registry.registry import Registry
from muster.registry.search import every
from muster.signature import Column, Json, type_to_json
from muster.store import Condition, RecordStore, Sort

__all__ = ["CHAMPION", "subject_of"]

CHAMPION = "champion"
"""The alias of the version that a model is used by."""

Packages = Callable[[Environment], Sequence[str]]


def subject_of(
    record: EvaluationRecord, question: Question, store: RecordStore, registry: Registry, packages: Packages
) -> Subject:
    """A version that is not there any more tells nothing but its name."""
    version = _version(record, registry)
    facts = _asked(record, question) if version is None else _facts(version, store, packages) | _asked(record, question)
    if record.ref is not None and version is None:
        facts = {"version": "it is deleted: nothing of it is known", **facts}
    return Subject(
        champion=version is not None and CHAMPION in version.aliases,
        facts={name: value for name, value in facts.items() if value is not None},
        effort=_effort(question, store.get(Run, record.run)),
    )


def _version(record: EvaluationRecord, registry: Registry) -> Version | None:
    """The version that was evaluated, if it is still there."""
    if record.ref is None:
        return None
    try:
        found = registry.version(record.ref)
    except (ModelNotFound, VersionNotFound):
        return None
    return found if found.digest == record.version_digest else None


def _facts(version: Version, store: RecordStore, packages: Packages) -> dict[str, Json]:
    signature = version.signature
    probed = version.probe.libraries if version.probe is not None else {}
    facts: dict[str, Json] = {
        "origin": version.origin,
        "digest": version.digest,
        "task": version.task,
        "classes": ", ".join(map(str, version.classes)) or None,
        "probabilities": version.output.probabilities,
        "size in bytes": version.size or None,
    }
    facts |= {f"column {c.name}": _column(c) for c in signature}
    if signature.positional:
        facts["order of columns"] = ", ".join(signature.names)
    facts |= {f"parameter {p.name}": f"{type_to_json(p.type)}, default {p.default}" for p in signature.parameters}
    environment = version.environment
    if environment is not None:
        facts["python"] = environment.python
        has = packages(environment) if environment.lock is not None else [f"{n}=={v}" for n, v in probed.items()]
        facts |= {f"package {name}": number for name, _, number in sorted(p.partition("==") for p in has)}
    facts |= _endpoint(version, store)
    return facts | {f"tag {key}": value for key, value in sorted(version.tags.items())}


def _column(column: Column) -> str:
    kind = type_to_json(column.type)
    told = kind if isinstance(kind, str) else json.dumps(kind)
    if column.tensor is not None:
        told = (
            f"tensor of {column.tensor.dtype}, {' × '.join('rows' if n < 0 else str(n) for n in column.tensor.shape)}"
        )
    return told + ("" if column.required else ", optional") + ("" if column.nullable else ", never null")


def _endpoint(version: Version, store: RecordStore) -> dict[str, Json]:
    """What stood behind a version that someone else runs when it was last looked at. What is nested is told by its digest."""
    where = (Condition("model", "=", version.model), Condition("number", "=", version.number))
    last = next(every(store, Snapshot, where, (Sort("created_at", descending=True),)), None)
    if last is None:
        return {}
    told: dict[str, Json] = {"connection": version.load.get("connection"), "endpoint": f"{last.digest[:12]}…"}
    told |= {f"endpoint {name}": _plain(value) for name, value in sorted(last.configuration.items())}
    return told | {"changes of the endpoint": "; ".join(version.marks) or None}


def _plain(value: Json) -> Json:
    if not isinstance(value, (dict, list)):
        return value
    return f"{hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:12]}…"


def _asked(record: EvaluationRecord, question: Question) -> dict[str, Json]:
    """What the evaluation was made with."""
    facts: dict[str, Json] = {
        "threshold": record.threshold,
        "data": record.data,
        "fingerprint of the data": record.fingerprint,
        "target": record.target,
        "weight": question.weight,
        "key": ", ".join(question.key) or None,
        "costs": json.dumps(question.costs) if question.costs else None,
        "prediction": question.prediction,
        "probabilities in": ", ".join(question.probabilities) or None,
    }
    facts |= {f"data's column of {name}": column for name, column in sorted(record.mapping.items())}
    return facts | {f"param {name}": value for name, value in sorted(record.params.items())}


def _effort(question: Question, run: Run | None) -> Effort:
    summary: Mapping[str, Json] = {} if run is None else run.summary
    if question.scored:
        return Effort(reason="the predictions stood in the data")
    if (kept := summary.get("kept")) is not None:
        return Effort(reason=f"its answers were kept from evaluation {kept}: nothing was asked")
    asked, cost, predicted = (summary.get(name) for name in ("asked", "cost", "predicted"))
    known = {k: float(v) for k, v in asked.items() if isinstance(v, (int, float))} if isinstance(asked, dict) else {}
    paid = float(cost) if isinstance(cost, (int, float)) else None
    if not isinstance(predicted, dict):
        return Effort(asked=known, cost=paid, reason="it was not measured how long predicting took")
    rows, seconds = (predicted.get(name) for name in ("rows", "seconds"))
    assert isinstance(rows, int | float)
    assert isinstance(seconds, int | float)
    return Effort(rows=int(rows), seconds=float(seconds), asked=known, cost=paid)
