"""The pass of an evaluation over its data: with the version's predictions, those that an endpoint gave before, or those in the data."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial

from muster.dataset import Dataset
from muster.errors import Conflict, RunFailed, plural
from muster.evaluation.given import AlreadyScored
from muster.evaluation.metering import OpenMetered, tell
from muster.evaluation.result import left_out_text
from muster.predictor import Call, OpenPredictor
from muster.profiles.evaluation import EvaluationProfile
from muster.profiles.question import Question
from muster.records import Run, Version
from muster.registry.answering import Chunks, ask_all, found_answers, read_answers, work_of
from muster.registry.custom_metrics import opened as opened_metrics
from muster.registry.evaluated_output import EvaluatedOutput, output_of
from muster.registry.fingerprint import Fingerprint
from muster.registry.questioning import Questioning
from muster.registry.runs import Held, Runs
from muster.registry.scoring_job import Watch, chunk_size, strings, texts
from muster.registry.stopwatch import Stopwatch
from muster.runner import Plan
from muster.signature import Json
from muster.store import BlobStore, RecordStore

__all__ = ["Measured", "Measuring", "number_in", "object_in"]

_TELL = 0.2
"""Seconds between two notes of how far it is."""
_HEAVIEST = 1e100
"""What all weights may add up to: squares of them, and products with squares of numbers, are to be doubles too."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What came of a pass."""

    profile: EvaluationProfile
    fingerprint: str
    answers: Chunks
    chunk_rows: int
    work: Mapping[str, Json]
    """What predicting took, for the summary of the run."""
    output: EvaluatedOutput | None


@dataclass(frozen=True, slots=True)
class Measuring:
    store: RecordStore
    blobs: BlobStore
    runs: Runs
    asking: Questioning

    def measure(self, held: Held, asked: Question, watch: Watch | None) -> Measured:
        run = held.run
        version = self._version(run)
        assert run.input is not None
        dataset = self.asking.dataset(run.input, version, strings(run.settings["mapping"]))
        stamp = dataset.stamp()
        if stamp != run.settings["stamp"]:
            raise Conflict(f"the data of run {run.id} has changed since it began: {run.input}", hint="evaluate again")
        params = object_in(run.settings["params"])
        call = Call(params, run.id, cancelled=held.cancelled)
        ready = self.asking.tools.seen(version, dataset, stamp)
        codes = opened_metrics(self.asking.metrics, asked.custom, self.asking.tools.open_metric)
        of_rows = {m.name: codes[m.name] for m in asked.custom if m.kind == "batch"}
        talk = self.asking.tools.talk
        plan = Plan(chunk_size(run), tuple(texts(run.settings["columns"])), call=call, ready=ready, talk=talk)
        runner = self.asking.tools.runner(str(run.settings["runner"]), self.asking.tools.workers)
        telling: _Telling | None = _Telling(held, watch)
        with Fingerprint(dataset, held) as fingerprint:
            opened: OpenPredictor | None = None
            answers: Chunks = {}
            stopwatch, work = Stopwatch(), dict[str, Json]()
            if version is not None and not asked.scored:
                opened = stopwatch.around(self._open(run, version))
                if version.load.get("connection") is not None:  # whoever is asked for money is asked once
                    plan, answers, work = self._answers(
                        held, version, dataset, plan, fingerprint=fingerprint.result(), watch=watch
                    )
                    opened, telling = self.asking.tools.open_kept(version, answers, number_in(run, "threshold")), None
            parts = dataset.parts(plan.rows)
            if of_rows:
                opened = OpenMetered(asked, opened or AlreadyScored(asked.output), of_rows)
            profile = EvaluationProfile.of(asked)
            output = output_of(held, self.asking.tools.create_sink, dataset, asked, version)
            if output is None:
                found = runner.reduce(parts, profile, opened, plan=plan, watch=telling)
            else:
                opened = opened or AlreadyScored(asked.output)
                plan = replace(plan, ready=self.asking.tools.seen(version, dataset, stamp, output.staging))
                found = output.measure(runner, parts, profile, opened, plan=plan, watch=telling)
            known = fingerprint.result()
        if dataset.stamp() != stamp:
            raise RunFailed(
                f"the data was changed while it was evaluated: {dataset.uri}",
                hint="evaluate it again when nothing writes to it",
            )
        assert isinstance(found, EvaluationProfile)
        _check(found, asked)
        tell(found, codes, call)
        if told := stopwatch.told():
            work["predicted"] = dict(told)
        return Measured(found, known, answers, plan.rows, work, output)

    def _answers(
        self, held: Held, version: Version, dataset: Dataset, plan: Plan, *, fingerprint: str, watch: Watch | None
    ) -> tuple[Plan, Chunks, dict[str, Json]]:
        """What the endpoint answers to every row, the plan with the chunks that it was asked by, and what that took."""
        run = held.run
        params, mapping = object_in(run.settings["params"]), strings(run.settings["mapping"])
        before = found_answers(self.store, version, fingerprint, params, mapping)
        if before is not None and before.answers is not None:
            return (
                replace(plan, rows=before.chunk_rows),
                read_answers(self.blobs, before.answers),
                {"kept": before.id},
            )
        self.asking.tools.announce(version, dataset.rows(), plan.rows)
        name = str(run.settings["runner"])
        runner = self.asking.tools.runner(name, self.asking.tools.workers_of(version))
        opened = self.asking.tools.open_version(
            version, threshold=None, mapping=mapping, workers=self.asking.tools.workers_of(version, name)
        )
        parts, stopwatch = dataset.parts(plan.rows), Stopwatch()
        opened = stopwatch.around(opened)
        chunks = ask_all(
            held, self.runs, runner, parts, opened, keep=self.asking.tools.keep_answer, plan=plan, watch=watch
        )
        told = work_of(self.runs.chunks(run.id), stopwatch.told(), partial(self.asking.tools.price, version))
        return plan, chunks, told

    def _open(self, run: Run, version: Version) -> OpenPredictor:
        return self.asking.tools.open_version(
            version,
            threshold=number_in(run, "threshold"),
            mapping=strings(run.settings["mapping"]),
            workers=self.asking.tools.workers_of(version, str(run.settings["runner"])),
        )

    def _version(self, run: Run) -> Version | None:
        if run.ref is None:
            return None
        version = self.asking.registry.version(run.ref)
        if version.digest != run.version_digest:
            raise Conflict(f"`{version.ref}` is not the version that run {run.id} began with", hint="evaluate again")
        return version


class _Telling:
    """Notes how far an evaluation is, now and then, and tells who watches."""

    def __init__(self, held: Held, watch: Watch | None) -> None:
        self._held = held
        self._watch = watch
        self._rows = 0
        self._told = 0.0

    def __call__(self, rows: int) -> None:
        self._rows += rows
        if time.monotonic() - self._told < _TELL:
            return
        self._told = time.monotonic()
        progress = self._held.advance(self._rows)
        if self._watch is not None:
            self._watch(progress)


def _check(profile: EvaluationProfile, asked: Question) -> None:
    """RunFailed where there is nothing to say a figure of."""
    if profile.whole.rows:
        if not profile.whole.total:
            raise RunFailed(f"all weights in `{asked.weight}` are 0", hint="name another column of weights, or none")
        if not 1 / _HEAVIEST <= profile.whole.total <= _HEAVIEST:
            raise RunFailed(
                f"the weights in `{asked.weight}` add up to {profile.whole.total:g}, of which sums and squares are no numbers any more",
                hint="divide them all by one number: only their ratios count",
            )
        return
    reasons = profile.left_out.most_common(3)
    told = "; ".join(f"{plural(n, 'row')} {left_out_text(reason, asked.target)}" for reason, n in reasons)
    raise RunFailed(
        f"not one of {plural(profile.rows, 'row')} can be evaluated" + (f": {told}" if told else ""),
        hint="mend the data, or name other columns",
    )


def number_in(run: Run, setting: str) -> float | None:
    """A setting that is a number, where it is one."""
    value = run.settings[setting]
    return float(value) if isinstance(value, (int, float)) else None


def object_in(value: Json) -> dict[str, Json]:
    assert isinstance(value, dict)
    return value
