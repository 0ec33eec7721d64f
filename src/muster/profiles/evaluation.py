"""Everything that an evaluation counts: all rows, each part of them, the worst mistakes, and the rows that were left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Self, TypeVar

import numpy as np
import pyarrow as pa

from muster.errors import InvalidInput
from muster.profile import OpenProfile, Rows
from muster.profiles import classification, regression
from muster.profiles.alike import sum_of_rows, sum_of_values
from muster.profiles.binning import Search
from muster.profiles.classification import Classification
from muster.profiles.columns import Columns, Kept
from muster.profiles.custom import Custom, given_to
from muster.profiles.edges import names_of_before
from muster.profiles.judged import Judged, judged
from muster.profiles.judged_labels import judged_labels
from muster.profiles.judged_targets import judged_targets, scored_targets
from muster.profiles.keys import Floats, Hashes
from muster.profiles.losses import Losses
from muster.profiles.mistakes import Mistakes
from muster.profiles.multilabel import Labelled, Multilabel
from muster.profiles.multioutput import Multioutput, Several
from muster.profiles.part_names import MISSING
from muster.profiles.parting import check_parts, parts_of
from muster.profiles.question import Question, Segmenting
from muster.profiles.reading import kind_of
from muster.profiles.regression import Predicted, Regression
from muster.profiles.stored import pack, reads, unpack
from muster.profiles.tally import Classified
from muster.signature import Json, Output

__all__ = ["EvaluationProfile", "Measurement"]

Measurement = Classification | Regression | Multilabel | Multioutput
_JUDGED = {"multilabel": judged_labels, "multioutput": judged_targets}
"""How the rows of a task are read; `judged` reads all others."""
_Part = TypeVar("_Part")
_WORDLESS = frozenset(("boolean", "number", "date", "timestamp", "timestamp_utc", "clock", "duration"))


class _Opening:
    """Opens the profiles of one evaluation, in one process. Once a profile has met more scores than are kept one by one, those that
    are opened later keep none: whatever they would keep, their sum does not. Their folds start with cells as wide as are known to be
    needed, for the same reason.
    """

    def __init__(self, question: Question) -> None:
        self.question = question
        self.over = False
        self.shifts: tuple[int, ...] = ()

    def __call__(self) -> EvaluationProfile:
        return EvaluationProfile(self.question, self)


class EvaluationProfile:
    """`whole` measures the rows that count, `segments` their parts, `rows` counts those that were read, `left_out` the others by reason.

    `columns` has what the inputs looked like, of all rows that could be read. `losses` tells where weak segments are, if that is asked.

    `mistakes` has the rows that were predicted worst; of several targets `mistakes_of` has those of each.

    `custom` has what metrics of the user's own tell: those of rows come with the answer.

    `digest` is the sum of the hashes of the rows that count, modulo 2**64: two evaluations of the same rows have the same one.
    `values` is the same of the rows with their actual values and weights; None where it was stored before this was told.
    `written` is the format that it was read from: an older one may lack figures of today.
    """

    format = "muster.evaluation/3"

    def __init__(self, question: Question, opening: _Opening | None = None) -> None:
        self.question = question
        self._opening = opening or _Opening(question)
        self.written = self.format
        self.rows = 0
        self.digest = 0
        self.values: int | None = 0
        self.left_out: Counter[str] = Counter()
        self.columns = Columns(Kept(texts=question.texts, weighted=False))
        self.whole = self._measurement(segment=False)
        if isinstance(self.whole, Classification):
            self.whole.exact = None if self._opening.over else self.whole.exact
            for lane, shift in zip(self.whole.by_fold, self._opening.shifts, strict=False):
                lane.start_at(shift)
        self.segments: dict[str, dict[str, Measurement]] = {s.name: {} for s in question.segments}
        self.mistakes = _mistakes(question.output, question.mistakes)
        self.custom = Custom(question.custom)
        self.losses = None if question.search is None else _losses(question, question.search)
        each = max(5, 4 * question.mistakes // max(1, len(question.output.targets)))
        self.mistakes_of = {
            name: _mistakes(output, min(question.mistakes, each)) for name, output in question.output.targets.items()
        }

    @classmethod
    def of(cls, question: Question) -> OpenProfile:
        return _Opening(question)

    @classmethod
    def of_nothing(cls, question: Question) -> Self:
        """Of no rows, with one part of none in each segment: whatever is measured has its name here, and no value."""
        profile = cls(question)
        for parts in profile.segments.values():
            parts[MISSING] = profile._measurement(segment=True)
        return profile

    def update(self, rows: Rows, answer: pa.RecordBatch | None = None) -> None:
        found = _JUDGED.get(self.question.output.task, judged)(self.question, rows, answer)
        self.rows += rows.batch.num_rows + len(rows.unread)
        self.left_out.update(found.left_out if self.question.texts else _without_labels(found.left_out))
        self.columns.add(rows.batch.select(list(self.question.inputs)))
        if not len(found.places):
            return
        self._count(sum_of_rows(found.hashes), sum_of_values(found.measured, found.hashes))
        _add(self.whole, found.measured, found.hashes)
        self._look()
        given = given_to(self.custom.of_rows, answer, found.places)
        if len(given) and not isinstance(found.measured, Several):
            self.custom.add(given, found.measured.weight, found.hashes)
        for segmenting in self.question.segments:
            self._update_segments(segmenting, rows.batch, found, given)
        if self.losses is not None:
            self.losses.add(rows.batch, found)
        shown = self._shown(rows.batch.schema)
        if not isinstance(found.measured, Several):
            self.mistakes.add(rows, found, shown)
            return
        for mistakes, one in zip(self.mistakes_of.values(), found.measured.targets, strict=True):
            mistakes.add(rows, replace(found, measured=one), shown)

    def _shown(self, schema: pa.Schema) -> tuple[str, ...]:
        """The columns that are kept of a mistake."""
        shown = self.question.shown
        return shown if self.question.texts else tuple(n for n in shown if kind_of(schema.field(n).type) in _WORDLESS)

    def _update_segments(self, segmenting: Segmenting, batch: pa.RecordBatch, found: Judged, given: Floats) -> None:
        parts = self.segments[segmenting.name]
        kind = kind_of(batch.schema.field(segmenting.columns[0]).type)
        names, codes = parts_of(segmenting, batch)
        codes = codes[found.places]
        order = np.argsort(codes, kind="stable")
        starts = np.searchsorted(codes[order], np.arange(len(names) + 1))
        check_parts(
            segmenting, {*parts, *(n for n, (a, b) in zip(names, pairwise(starts), strict=True) if b > a)}, kind
        )
        for name, (first, end) in zip(names, pairwise(starts), strict=True):
            if end == first:
                continue
            some = order[first:end]
            part = parts.setdefault(name, self._measurement(segment=True))
            measured = found.measured.take(some)
            _add(part, measured, found.hashes[some])
            if len(given) and not isinstance(measured, Several):
                self.custom.add_part(segmenting.name, name, given[:, some], measured.weight)

    def merge(self, other: Self) -> None:
        if self.question != other.question:
            raise InvalidInput("these profiles measure different things", hint="merge profiles of one evaluation only")
        self.rows += other.rows
        self._count(other.digest, other.values)
        self.left_out.update(other.left_out)
        self.columns.merge(other.columns)
        _merge(self.whole, other.whole)
        self._look()
        for segmenting in self.question.segments:
            parts, others = self.segments[segmenting.name], other.segments[segmenting.name]
            check_parts(segmenting, {*parts, *others})
            for name, measured in others.items():
                _merge(parts.setdefault(name, self._measurement(segment=True)), measured)
        self.mistakes.merge(other.mistakes)
        if self.losses is not None and other.losses is not None:
            self.losses.merge(other.losses)
        for name, mistakes in self.mistakes_of.items():
            mistakes.merge(other.mistakes_of[name])
        self.custom.merge(other.custom)

    def encode(self) -> bytes:
        header: dict[str, Json] = {
            "question": self.question.to_json(),
            "rows": self.rows,
            "digest": f"{self.digest:016x}",
            **({} if self.values is None else {"values": f"{self.values:016x}"}),
            "left_out": dict(sorted(self.left_out.items())),
            "segments": {name: list(values) for name, values in self._values().items()},
            "mistakes": self.mistakes.to_json(),
            "columns": self.columns.header(),
            **({"mistakes_of": {n: m.to_json() for n, m in self.mistakes_of.items()}} if self.mistakes_of else {}),
        }
        arrays = {f"columns.{name}": array for name, array in self.columns.arrays().items()}
        arrays |= {f"whole.{name}": array for name, array in self.whole.arrays().items()}
        for at, measured in self._parts():
            arrays |= {at + name: array for name, array in measured.arrays().items()}
        if self.losses is not None:
            arrays |= {f"losses.{name}": array for name, array in self.losses.arrays().items()}
        arrays |= self.custom.arrays(self._values())
        return pack(self.format, header, arrays)

    @classmethod
    @reads("muster.evaluation")
    def decode(cls, data: bytes) -> Self:
        number, header, arrays = unpack(data, cls.format)
        profile = cls(Question.from_json(header["question"]))
        profile.written = f"{cls.format.rpartition('/')[0]}/{number}"
        profile.rows, profile.digest = int(header["rows"]), int(header["digest"], 16)
        profile.values = int(header["values"], 16) if "values" in header else None
        profile.left_out.update({str(k): int(n) for k, n in header["left_out"].items()})
        profile.mistakes.restore(header["mistakes"])
        for name, mistakes in profile.mistakes_of.items():
            mistakes.restore(header["mistakes_of"][name])
        profile.columns = Columns.restored(header["columns"], arrays, "columns.")
        profile.whole.restore(arrays, "whole.")
        for name, parts in profile.segments.items():
            parts.update({str(value): profile._measurement(segment=True) for value in header["segments"][name]})
        for at, measured in profile._parts():
            measured.restore(arrays, at)
        if profile.losses is not None:
            profile.losses.restore(arrays, "losses.")
        profile.custom.restore(arrays, profile._values())
        profile._rename()
        return profile

    def figures(self) -> Mapping[str, Json]:
        """`rows`, `counted`, and `left_out` by reason; of each segment the rows of its parts."""
        return {
            "rows": self.rows,
            "counted": self.whole.rows,
            "left_out": dict(sorted(self.left_out.items())),
            "segments": {name: {v: m.rows for v, m in sorted(parts.items())} for name, parts in self.segments.items()},
        }

    def _count(self, digest: int, values: int | None) -> None:
        self.digest = (self.digest + digest) % 2**64
        self.values = None if self.values is None or values is None else (self.values + values) % 2**64

    def _rename(self) -> None:
        """Parts between edges were once named by six digits of these."""
        for segmenting in self.question.segments:
            if not segmenting.edges or not (names := names_of_before(segmenting.edges)):
                continue
            of, told = segmenting.name, self.custom
            self.segments[of] = _renamed(self.segments[of], names)
            told.parts[of] = _renamed(told.parts.get(of, {}), names)
            told.told_parts[of] = _renamed(told.told_parts.get(of, {}), names)

    def _look(self) -> None:
        """Whether single scores are too many to keep, and how wide the cells of folds have to be."""
        if not isinstance(self.whole, Classification):
            return
        self._opening.over |= self.whole.exact is None
        found, before = tuple(lane.shift for lane in self.whole.by_fold), self._opening.shifts
        self._opening.shifts = tuple(map(max, found, before)) if before else found

    def _values(self) -> Mapping[str, Sequence[str]]:
        """The values of each segment, in the order in which they are stored."""
        return {name: sorted(parts) for name, parts in self.segments.items()}

    def _parts(self) -> list[tuple[str, Measurement]]:
        """Each part with where its arrays are stored."""
        return [
            (f"segment.{n}.{i}.", parts[value])
            for n, parts in enumerate(self.segments.values())
            for i, value in enumerate(sorted(parts))
        ]

    def _measurement(self, *, segment: bool) -> Measurement:
        question, weighted = self.question, self.question.weight is not None
        output = question.output
        if output.task == "regression":
            return Regression(regression.SEGMENT if segment else regression.WHOLE, weighted=weighted)
        if output.task == "multilabel":
            return Multilabel(len(output.classes), segment=segment, scores=question.scores, weighted=weighted)
        if output.task == "multioutput":
            return Multioutput(output.targets, scored_targets(question), segment=segment, weighted=weighted)
        extent = classification.SEGMENT if segment else classification.WHOLE
        return Classification(len(question.output.classes), extent, scores=question.scores, weighted=weighted)


def _renamed(parts: Mapping[str, _Part], names: Mapping[str, str]) -> dict[str, _Part]:
    return {names.get(name, name): part for name, part in parts.items()}


def _mistakes(output: Output, most: int) -> Mistakes:
    return Mistakes(most, output.classes, sides=output.task in ("binary", "regression"))


def _without_labels(left_out: Counter[str]) -> Counter[str]:
    """Rows by reason, those of labels that are no class together."""
    found: Counter[str] = Counter()
    for reason, rows in left_out.items():
        found["class" if reason.startswith("class: ") else reason] += rows
    return found


def _losses(question: Question, search: Search) -> Losses:
    return Losses(search, classes=question.output.task != "regression", scores=question.scores)


def _add(measurement: Measurement, rows: Classified | Predicted | Labelled | Several, hashes: Hashes) -> None:
    measurement.add(rows, hashes)  # type: ignore[arg-type]  # both are of the task of the question


def _merge(measurement: Measurement, other: Measurement) -> None:
    measurement.merge(other)  # type: ignore[arg-type]  # both are of the task of the question
