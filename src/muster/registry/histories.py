"""Histories: the evaluations of a version or of a model that are looked at, and why there are none."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from muster.errors import InvalidInput
from muster.evaluation.history import Asking, History
from muster.evaluation.unfound import why_none
from muster.records import EvaluationRecord
from muster.registry.evaluations import Evaluations
from muster.registry.registry import Registry
from muster.registry.search import conditions

__all__ = ["Histories"]


@dataclass(frozen=True, slots=True)
class Histories:
    registry: Registry
    evaluations: Evaluations

    def of(self, reference: str, filters: Sequence[str], limit: int, asked: Asking) -> History:
        """The newest evaluations, as many as the limit; where something is required, older ones that are the newest of a version too."""
        if limit < 1:
            raise InvalidInput(f"a history of {limit} evaluations is none", hint="give a limit of 1 or more")
        of, own = self._of(reference)
        every = iter(self.evaluations.list([*own, *filters]))
        records = [record for _, record in zip(range(limit), every, strict=False)]
        rest = list(every) if asked.required else [r for _, r in zip(range(1), every, strict=False)]
        if asked.required:
            records += _newest(rest, records, asked.by)
        nothing = ""
        if not any(asked.by is None or asked.by in r.labels for r in records):
            labels = [c.field.removeprefix("tag.") for c in conditions(EvaluationRecord, filters) if "tag." in c.field]
            everything = list(self.evaluations.list(own))
            nothing = why_none(of, everything, filters, asked.by, labels)
        return History(of, records, self.evaluations.read, asked, older=len(rest) > 0, nothing=nothing)

    def _of(self, reference: str) -> tuple[str, list[str]]:
        """What it is a history of, and the filters that say so."""
        if ":" in reference or "@" in reference:
            version = self.registry.version(reference)
            return version.ref, [f"model={version.model}", f"number={version.number}"]
        name = self.registry.model(reference).name
        return name, [f"model={name}"]


def _newest(
    rest: Iterable[EvaluationRecord], before: Sequence[EvaluationRecord], by: str | None
) -> Iterator[EvaluationRecord]:
    """Of each version and target the newest, where none of it is among those before."""
    known = {(r.number, r.target) for r in before if by is None or by in r.labels}
    for record in rest:
        if (record.number, record.target) not in known and (by is None or by in record.labels):
            known.add((record.number, record.target))
            yield record
