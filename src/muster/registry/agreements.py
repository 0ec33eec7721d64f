"""Two evaluations once more, row by row: both predict the same rows in one pass, and what they say is counted together."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from muster.dataset import Dataset
from muster.errors import Conflict, DatasetNotFound, InvalidInput, NotApplicable, RunFailed
from muster.evaluation.agreement import Agreement
from muster.evaluation.both import OpenBoth, OpenOne
from muster.evaluation.result import Evaluation
from muster.predictor import Call
from muster.profiles.agreement import AgreementProfile
from muster.profiles.answered import Pair
from muster.profiles.question import Question
from muster.records import Progress, Version, new_id, now
from muster.registry.answering import read_answers
from muster.registry.recut import Reading, recut
from muster.registry.registry import Registry
from muster.registry.scoring_job import ScoreTools, Watch, declared, declared_together
from muster.runner import Plan
from muster.scoring.sizes import chunk_rows
from muster.store import BlobStore

__all__ = ["Agreements"]

_TASKS = ("binary", "multiclass", "regression")
_TELL = 0.2
"""Seconds between two notes of how far it is."""


class Agreements:
    """Measures how far evaluations agree. It keeps nothing."""

    def __init__(self, blobs: BlobStore, registry: Registry, tools: ScoreTools) -> None:
        self._blobs = blobs
        self._registry = registry
        self._tools = tools

    def check(self, reference: Evaluation, others: Sequence[Evaluation]) -> None:
        """InvalidInput where two are not of the same rows: that they agree would say nothing.

        NotApplicable to several labels or targets.
        """
        if reference.record.task not in _TASKS:
            raise NotApplicable(
                f"agreement is of one class or number of each row, and {reference.record.task} gives several",
                hint="compare them without it",
            )
        wrong = [f"{other.id} {fault}" for other in others for fault in _unlike(reference, other)]
        if wrong:
            told = "; ".join(wrong)
            raise InvalidInput(
                f"rows of {reference.id} have no counterparts: {told}",
                hint="compare versions on one dataset, with one target, weight and key",
            )

    def between(self, first: Evaluation, second: Evaluation, data: str | None, watch: Watch | None) -> Agreement:
        """On the data that both were made on, wherever they are now."""
        sides = [self._side(first), self._side(second)]
        dataset = self._dataset(first, data)
        fingerprint = dataset.fingerprint()
        if fingerprint != first.record.fingerprint:
            raise Conflict(
                f"the data are not those that {first.id} and {second.id} were made on: {dataset.uri}",
                hint="name those with `data=` (--data), or evaluate both again",
            )
        wishes = [(s.version, s.mapping) for s in sides if s.version is not None]
        together = declared_together(dataset, wishes)
        _check_types(dataset, together, sides)
        pair = Pair(sides[0].question, sides[1].question)
        size = self._tools.chunk_rows or chunk_rows(together.types(pair.columns), dataset.rows(), self._tools.workers)
        reading = Reading(together, size, pair.columns)
        stamp = dataset.stamp()
        found = self._measure(pair, reading, [self._opened(s, dataset, reading) for s in sides], watch)
        if dataset.stamp() != stamp:
            raise RunFailed(f"the data was changed while it was read: {dataset.uri}", hint="compare again")
        if not found.whole.rows:
            raise RunFailed(
                f"not one of {found.rows} rows is predicted by both",
                hint="see what each left out: `muster evaluation show`",
            )
        return Agreement(first, second, found)

    def _measure(
        self, pair: Pair, reading: Reading, opened: Sequence[OpenOne | None], watch: Watch | None
    ) -> AgreementProfile:
        both = OpenBoth(*opened) if any(opened) else None
        runner = self._tools.runner("local", self._tools.workers)
        plan = Plan(reading.rows, reading.columns, call=Call(id=new_id()))  # by which kept answers know their chunk
        telling = None if watch is None else _Telling(reading.dataset.rows(), watch)
        parts = reading.dataset.parts(reading.rows)
        found = runner.reduce(parts, AgreementProfile.of(pair), both, plan=plan, watch=telling)
        assert isinstance(found, AgreementProfile)
        return found

    def _opened(self, side: _Side, dataset: Dataset, reading: Reading) -> OpenOne | None:
        """None where the predictions stand in the data. An endpoint is not asked again."""
        record, version = side.evaluation.record, side.version
        if version is None:
            return None
        if version.load.get("connection") is None:
            opened = self._tools.open_version(
                version,
                threshold=record.threshold,
                mapping=record.mapping,
                workers=self._tools.workers_of(version),
            )
            return OpenOne(opened, record.params)
        if record.answers is None:
            raise Conflict(f"the answers of `{version.ref}` in {record.id} are not kept", hint="evaluate it again")
        own = side.evaluation.profile.question.columns
        kept = Reading(declared(dataset, version, record.mapping), record.chunk_rows, own)
        pieces = recut(read_answers(self._blobs, record.answers), kept, reading)
        return OpenOne(self._tools.open_kept(version, pieces, record.threshold), record.params)

    def _side(self, evaluation: Evaluation) -> _Side:
        record, asked = evaluation.record, evaluation.profile.question
        question = replace(asked, segments=(), protected=(), search=None, inputs=() if asked.scored else asked.inputs)
        if record.ref is None or asked.scored:
            return _Side(evaluation, question, None, {})
        version = self._registry.version(record.ref)
        if version.digest != record.version_digest:
            raise Conflict(f"`{version.ref}` is not the version that {record.id} is of", hint="evaluate it again")
        return _Side(evaluation, question, version, record.mapping)

    def _dataset(self, evaluation: Evaluation, data: str | None) -> Dataset:
        try:
            return self._tools.open_dataset(data or evaluation.record.data)
        except DatasetNotFound as error:
            if data is not None:
                raise
            raise DatasetNotFound(
                f"the data of {evaluation.id} are not where they were: {error.message}",
                hint="name them with `data=` (--data)",
            ) from error


@dataclass(frozen=True, slots=True)
class _Side:
    evaluation: Evaluation
    question: Question
    version: Version | None
    mapping: Mapping[str, str]

    @property
    def needed(self) -> tuple[str, ...]:
        """The columns whose types decide what is predicted, and what is right."""
        asked = self.question
        names = (*asked.inputs, asked.target, asked.weight, asked.prediction, *asked.probabilities)
        return tuple(dict.fromkeys(n for n in names if n is not None))


class _Telling:
    """Tells who watches how far it is: when work begins, and now and then. There is no run that could be resumed."""

    def __init__(self, total: int | None, watch: Watch) -> None:
        self._total, self._watch = total, watch
        self._rows = 0
        self._tell()

    def __call__(self, rows: int) -> None:
        self._rows += rows
        if self._rows == self._total or time.monotonic() - self._told >= _TELL:
            self._tell()

    def _tell(self) -> None:
        self._told = time.monotonic()
        self._watch(Progress(run="", rows=self._rows, total=self._total, updated_at=now()))


def _unlike(one: Evaluation, other: Evaluation) -> list[str]:
    """Why the rows of two evaluations are not each other's."""
    a, b = one.profile.question, other.profile.question
    wrong = []
    if one.record.fingerprint != other.record.fingerprint:
        wrong.append(f"is of other data: {other.record.data}")
    for what, mine, its in (("target", a.target, b.target), ("weight", a.weight, b.weight), ("key", a.key, b.key)):
        if mine != its:
            wrong.append(f"has the {what} {_told(its)}, and not {_told(mine)}")
    return wrong


def _told(columns: str | tuple[str, ...] | None) -> str:
    names = (columns,) if isinstance(columns, str) else columns or ()
    return ", ".join(f"`{n}`" for n in names) or "none"


def _check_types(dataset: Dataset, together: Dataset, sides: Sequence[_Side]) -> None:
    """InvalidInput where text would be read as something else than when a version was evaluated, and be another row to it."""
    wrong: dict[str, set[str]] = {}
    for side in sides:
        own = dataset if side.version is None else declared(dataset, side.version, side.mapping)
        for mine, its in zip(own.types(side.needed), together.types(side.needed), strict=True):
            if mine.type != its.type:
                wrong.setdefault(mine.name, set()).update((str(mine.type), str(its.type)))
    if wrong:
        told = "; ".join(f"`{name}` as {' and as '.join(sorted(kinds))}" for name, kinds in wrong.items())
        raise InvalidInput(
            f"the two read the same text differently: {told}",
            hint="write the data with types, as Parquet, and evaluate both on that",
        )
