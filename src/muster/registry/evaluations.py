"""Evaluations: started with everything checked, executed under a lease, kept as a record and the blob of its profile."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import pyarrow as pa

from muster.dataset import Dataset
from muster.errors import Conflict, EvaluationNotFound, RunFailed, plural
from muster.evaluation.asking import Asked, columns_wanted, interval_of, outputs_of, question
from muster.evaluation.asking_several import SEVERAL, Given, is_several, named, question_of_several, scored_several
from muster.evaluation.given import AlreadyScored
from muster.evaluation.metering import OpenMetered, check_custom, tell
from muster.evaluation.result import Evaluation, left_out_text
from muster.predictor import Call, OpenPredictor
from muster.profiles.evaluation import EvaluationProfile
from muster.profiles.question import Question
from muster.records import EvaluationRecord, Run, Version, new_id, now
from muster.registry.answering import Chunks, ask_all, found_answers, listed_answers, read_answers, work_of
from muster.registry.custom_metrics import CustomMetrics, asked_for
from muster.registry.custom_metrics import opened as opened_metrics
from muster.registry.endings import recorded
from muster.registry.evaluated_output import (
    EvaluatedOutput,
    check_output,
    discard,
    give_up,
    layout_of,
    manifest,
    output_of,
    output_settings,
    sink_of,
)
from muster.registry.evaluation_job import EvaluateRequest, threshold_of, told_by
from muster.registry.fingerprint import Fingerprint
from muster.registry.registry import Registry, check_calls
from muster.registry.runs import OVER, Held, Runs
from muster.registry.scoring_job import ScoreTools, Watch, chunk_size, declared, strings, texts
from muster.registry.search import Listing, conditions, every, sorting
from muster.registry.stopwatch import Stopwatch
from muster.registry.subjects import subject_of
from muster.runner import Plan
from muster.scoring.sizes import chunk_rows
from muster.scoring.small import head
from muster.signature import Json
from muster.store import BlobStore, Condition, Query, RecordStore, Transaction

__all__ = ["Evaluations"]

_HEAD = 10_000
"""Rows that are looked at before anything is counted."""
_TELL = 0.2
"""Seconds between two notes of how far it is."""


class Evaluations:
    """Starts, executes and gives evaluations."""

    def __init__(
        self,
        store: RecordStore,
        blobs: BlobStore,
        runs: Runs,
        registry: Registry,
        tools: ScoreTools,
        *,
        metrics: CustomMetrics,
    ) -> None:
        self._store = store
        self._blobs = blobs
        self._runs = runs
        self._registry = registry
        self._tools = tools
        self._metrics = metrics

    def start(self, request: EvaluateRequest, actor: str) -> Run:
        """The run's record, queued, once nothing stands in its way any more."""
        self._tools.runner(request.runner, 1)  # an unknown one is refused now rather than by a failed run
        check_output(request)
        version = None if request.reference is None else self._registry.version(request.reference)
        dataset = self._dataset(request.data, version, request.mapping)
        found, columns, casts = self._question(request, version, dataset)
        rows = dataset.rows()
        read = tuple(dict.fromkeys((*columns, *found.columns)))
        # Whatever is written beside: other chunks would be summed in another order.
        size = self._tools.chunk_rows or chunk_rows(dataset.types(read), rows, self._tools.workers)
        written = output_settings(request, dataset)
        layout = layout_of(written, dataset, found, version) if written else None
        run = Run(
            id=new_id(),
            kind="evaluate",
            status="queued",
            model=None if version is None else version.model,
            number=None if version is None else version.number,
            version_digest=None if version is None else version.digest,
            input=dataset.uri,
            output=request.output,
            settings={
                "question": replace(found, custom=()).to_json(),
                # By name and number, which mean one function for ever: a digest would keep its code as long as the run is known.
                "metrics": [m.ref for m in found.custom],
                "columns": list(
                    dict.fromkeys((*read, *(() if layout is None else layout.copied), *_metered(found, dataset)))
                ),
                "params": {} if version is None else dict(self._tools.parameters(version.signature, request.params)),
                "threshold": found.threshold if found.scored else threshold_of(request, version),
                "mapping": dict(request.mapping),
                "runner": request.runner,
                "labels": dict(request.labels),
                "stamp": dataset.stamp(),
                "chunk_rows": size,
                **({"data": request.data} if request.data.startswith("data:") else {}),
                **written,
            },
            casts=casts,
            created_at=now(),
            created_by=actor,
        )
        if (sink := sink_of(self._tools.create_sink, run, layout)) is not None:
            sink.check()
            run = replace(run, output=sink.output)
        return self._runs.create(run, rows)

    def execute(self, run: Run, watch: Watch | None = None) -> Run:
        """Count every row, and keep the evaluation: the run at its end, whose summary names it.

        What ended it otherwise is raised, and stands in the run's record.
        """
        sink = sink_of(self._tools.create_sink, run)
        with self._runs.hold(run) as held:
            try:
                with recorded(self._runs, held, lambda: None, self._tools.retries):
                    ended = self._execute(held, watch)
            except BaseException:
                give_up(held, sink)
                raise
            discard(held, sink)
            return ended

    def _execute(self, held: Held, watch: Watch | None) -> Run:
        began = time.monotonic()
        asked = self._asked(held.run)
        measured = self._measure(held, asked, watch)
        profile = measured.profile
        record = self._record(held.run, asked, measured)
        rejects: tuple[str | None, str | None] = None, None
        if measured.output is not None:
            measured.output.commit(manifest(held.run, record))
            rejects = measured.output.rejects()
        over = replace(
            held.run,
            status="done",
            rows=profile.rows,
            rejected=profile.rows - profile.whole.rows,
            seconds=held.run.seconds + time.monotonic() - began,
            summary={"evaluation": record.id, **measured.work},
            fingerprint=measured.fingerprint,
            rejects=rejects[0],
            rejects_sha256=rejects[1],
            ended_at=now(),
        )
        return held.end(over, also=partial(self._keep, record))

    def _asked(self, run: Run) -> Question:
        asked = Question.from_json(_mapping(run.settings["question"]))
        return replace(asked, custom=asked_for(self._metrics, texts(run.settings.get("metrics", []))))

    def _keep(self, record: EvaluationRecord, tx: Transaction) -> None:
        blobs = [record.profile, *([record.answers] if record.answers else [])]
        if not all(map(self._blobs.has, blobs)):  # only here can it be seen: before the record names it, nothing does
            raise Conflict(
                "the profile went while it was recorded: it was collected, or removed by hand", hint="evaluate again"
            )
        tx.insert(record)

    def resume(self, run: Run, watch: Watch | None = None) -> Run:
        """Begin again with an evaluation that was cut off or failed."""
        if run.status in OVER:
            raise Conflict(f"run {run.id} is {run.status} already", hint="start a new one with `muster evaluate`")
        return self.execute(run, watch)

    def made(self, request: EvaluateRequest) -> Evaluation | None:
        """The newest evaluation that asked the same of the same version and the same data, where there is one."""
        assert request.reference is not None
        version = self._registry.version(request.reference)
        dataset = self._dataset(request.data, version, request.mapping)
        found, _, _ = self._question(request, version, dataset)
        where = (Condition("model", "=", version.model), Condition("number", "=", str(version.number)))
        fingerprint: str | None = None
        for record in every(self._store, EvaluationRecord, where, sorting(EvaluationRecord, ("-created_at",))):
            same = (record.version_digest, record.params, record.mapping, record.threshold) == (
                version.digest,
                dict(self._tools.parameters(version.signature, request.params)),
                dict(request.mapping),
                threshold_of(request, version),
            )
            if not same:
                continue
            fingerprint = fingerprint or dataset.fingerprint()
            if record.fingerprint == fingerprint and self.get(record.id).profile.question == found:
                return self.get(record.id)
        return None

    def cancel(self, run: Run) -> Run:
        """Stop an evaluation. One that nobody works on is ended here and now."""
        if self._runs.ask_cancel(run.id):
            return run
        sink = sink_of(self._tools.create_sink, run)
        with self._runs.hold(run, "end") as held:
            if sink is not None and sink.committed():  # killed right after: only the record lacks it
                raise Conflict(
                    f"the rows of run {run.id} are in place already: {run.output}",
                    hint=f"have its figures recorded with `muster run resume {run.id}`",
                )
            ended = held.end(replace(held.run, status="cancelled", error="cancelled", ended_at=now()))
            discard(held, sink)
            return ended

    def get(self, identity: str) -> Evaluation:
        """The evaluation of an id."""
        found = self.find(identity)
        if found is None:
            raise EvaluationNotFound(
                f"no evaluation has the id `{identity}`", hint="list them with `muster evaluation list`"
            )
        return found

    def find(self, identity: str) -> Evaluation | None:
        record = self._store.get(EvaluationRecord, identity)
        if record is None:
            return None
        profile = EvaluationProfile.decode(self._blobs.read(record.profile))
        known = subject_of(record, profile.question, self._store, self._registry, self._tools.packages)
        return Evaluation(record, profile, known)

    def read(self, record: EvaluationRecord) -> Evaluation:
        """The evaluation of a record, without what is known of the version: for its figures alone."""
        return Evaluation(record, EvaluationProfile.decode(self._blobs.read(record.profile)))

    def list(
        self, filters: Sequence[str] = (), sort: Sequence[str] = (), limit: int | None = None
    ) -> Listing[EvaluationRecord]:
        """Records of evaluations, the newest first unless sorted otherwise."""
        where, order = conditions(EvaluationRecord, filters), sorting(EvaluationRecord, sort or ("-created_at",))
        return Listing(lambda n, cursor: self._store.find(EvaluationRecord, Query(where, order, n, cursor)), limit)

    def remove(self, identity: str, actor: str, reason: str = "") -> None:
        """Forget an evaluation, with all its figures."""
        with self._store.transaction(actor, reason or "delete evaluation") as tx:
            record = tx.get(EvaluationRecord, identity)
            if record is None:
                raise EvaluationNotFound(
                    f"no evaluation has the id `{identity}`", hint="list them with `muster evaluation list`"
                )
            tx.delete(record)

    def _question(
        self, request: EvaluateRequest, version: Version | None, dataset: Dataset
    ) -> tuple[Question, tuple[str, ...], tuple[str, ...]]:
        """What is asked, the columns that the version takes, and how they are cast."""
        asked = told_by(request.asked, version, self._registry)
        asked = replace(asked, texts=self._tools.texts if asked.texts is None else asked.texts)
        scored = version is None or bool(asked.prediction or asked.predictions or asked.probabilities)
        inputs = [] if version is None or scored else [request.mapping.get(c.name, c.name) for c in version.signature]
        names = dataset.names
        if version is not None and version.task in SEVERAL:
            asked = named(asked, version.output, names, told=_told_target(request.asked))
        first = head(dataset, _HEAD, columns_wanted(asked, names, inputs))
        if version is not None and not scored:
            check_calls(version)
            fit = self._tools.fit(_in_order(names, first.schema), version.signature, request.mapping)
            if version.task in SEVERAL:
                found = question_of_several(asked, version.output, first, names, Given(), inputs=fit.columns)
                return found, fit.columns, fit.casts
            found = question(asked, version.output, first, names, inputs=fit.columns)
            return self._with_metrics(found, request), fit.columns, fit.casts
        if is_several(asked, first):
            output, given = scored_several(asked, first, None if version is None else version.output)
            asked = named(asked, output, names, told=_told_target(asked))
            found = question_of_several(asked, output, first, names, given)
            return self._with_metrics(found, request), (), ()
        output, prediction, probabilities = outputs_of(asked, first)
        if prediction is None and version is not None:
            asked = replace(asked, threshold=threshold_of(request, version))
        interval = interval_of(asked, output.task, names)
        found = question(
            asked, output, first, names, prediction=prediction, probabilities=probabilities, interval=interval
        )
        return self._with_metrics(found, request), (), ()

    def _with_metrics(self, found: Question, request: EvaluateRequest) -> Question:
        asked = replace(found, custom=asked_for(self._metrics, request.metrics))
        check_custom(asked)
        return asked

    def _measure(self, held: Held, asked: Question, watch: Watch | None) -> _Measured:
        run = held.run
        version = self._version(run)
        assert run.input is not None
        dataset = self._dataset(run.input, version, strings(run.settings["mapping"]))
        stamp = dataset.stamp()
        if stamp != run.settings["stamp"]:
            raise Conflict(f"the data of run {run.id} has changed since it began: {run.input}", hint="evaluate again")
        params = _mapping(run.settings["params"])
        call = Call(params, run.id, cancelled=held.cancelled)
        ready = self._tools.seen(version, dataset, stamp)
        codes = opened_metrics(self._metrics, asked.custom, self._tools.open_metric)
        of_rows = {m.name: codes[m.name] for m in asked.custom if m.kind == "batch"}
        plan = Plan(chunk_size(run), tuple(texts(run.settings["columns"])), call=call, ready=ready)
        runner = self._tools.runner(str(run.settings["runner"]), self._tools.workers)
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
                    opened, telling = self._tools.open_kept(version, answers, _number(run, "threshold")), None
            parts = dataset.parts(plan.rows)
            if of_rows:
                opened = OpenMetered(asked, opened or AlreadyScored(asked.output), of_rows)
            profile = EvaluationProfile.of(asked)
            output = output_of(held, self._tools.create_sink, dataset, asked, version)
            if output is None:
                found = runner.reduce(parts, profile, opened, plan=plan, watch=telling)
            else:
                opened = opened or AlreadyScored(asked.output)
                plan = replace(plan, ready=self._tools.seen(version, dataset, stamp, output.staging))
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
        return _Measured(found, known, answers, plan.rows, work, output)

    def _answers(
        self, held: Held, version: Version, dataset: Dataset, plan: Plan, *, fingerprint: str, watch: Watch | None
    ) -> tuple[Plan, Chunks, dict[str, Json]]:
        """What the endpoint answers to every row, the plan with the chunks that it was asked by, and what that took."""
        run = held.run
        params, mapping = _mapping(run.settings["params"]), strings(run.settings["mapping"])
        before = found_answers(self._store, version, fingerprint, params, mapping)
        if before is not None and before.answers is not None:
            return (
                replace(plan, rows=before.chunk_rows),
                read_answers(self._blobs, before.answers),
                {"kept": before.id},
            )
        self._tools.announce(version, dataset.rows(), plan.rows)
        name = str(run.settings["runner"])
        runner = self._tools.runner(name, self._tools.workers_of(version))
        opened = self._tools.open_version(
            version, threshold=None, mapping=mapping, workers=self._tools.workers_of(version, name)
        )
        parts, stopwatch = dataset.parts(plan.rows), Stopwatch()
        opened = stopwatch.around(opened)
        chunks = ask_all(held, self._runs, runner, parts, opened, keep=self._tools.keep_answer, plan=plan, watch=watch)
        told = work_of(self._runs.chunks(run.id), stopwatch.told(), partial(self._tools.price, version))
        return plan, chunks, told

    def _open(self, run: Run, version: Version) -> OpenPredictor:
        return self._tools.open_version(
            version,
            threshold=_number(run, "threshold"),
            mapping=strings(run.settings["mapping"]),
            workers=self._tools.workers_of(version, str(run.settings["runner"])),
        )

    def _version(self, run: Run) -> Version | None:
        if run.ref is None:
            return None
        version = self._registry.version(run.ref)
        if version.digest != run.version_digest:
            raise Conflict(f"`{version.ref}` is not the version that run {run.id} began with", hint="evaluate again")
        return version

    def _dataset(self, uri: str, version: Version | None, mapping: Mapping[str, str]) -> Dataset:
        dataset = self._tools.open_dataset(uri)
        return dataset if version is None else declared(dataset, version, mapping)

    def _record(self, run: Run, asked: Question, measured: _Measured) -> EvaluationRecord:
        assert run.input is not None
        profile = measured.profile
        record = EvaluationRecord(
            id=new_id(),
            run=run.id,
            model=run.model,
            number=run.number,
            version_digest=run.version_digest,
            task=asked.output.task,
            target=asked.target,
            data=run.input,
            fingerprint=measured.fingerprint,
            digest=f"{profile.digest:016x}",
            threshold=_number(run, "threshold"),
            rows=profile.rows,
            counted=profile.whole.rows,
            left_out=dict(sorted(profile.left_out.items())),
            labels=strings(run.settings["labels"]),
            custom={m.name: m.digest for m in asked.custom},
            profile=self._blobs.put(profile.encode()),
            answers=self._blobs.put(listed_answers(measured.answers)) if measured.answers else None,
            chunk_rows=measured.chunk_rows,
            params=_mapping(run.settings["params"]),
            mapping=strings(run.settings["mapping"]),
            created_at=now(),
            created_by=run.created_by,
        )
        values = {n: f.value for n, f in Evaluation(record, profile).metrics.items()}
        return replace(record, metrics={n: v for n, v in values.items() if v is not None})


@dataclass(frozen=True, slots=True)
class _Measured:
    profile: EvaluationProfile
    fingerprint: str
    answers: Chunks
    chunk_rows: int
    work: Mapping[str, Json]
    """What predicting took, for the summary of the run."""
    output: EvaluatedOutput | None


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


def _metered(asked: Question, dataset: Dataset) -> Sequence[str]:
    """The columns that metrics of rows get: all, as nothing tells which of them they look at."""
    return dataset.names if any(m.kind == "batch" for m in asked.custom) else ()


def _check(profile: EvaluationProfile, asked: Question) -> None:
    """RunFailed where there is nothing to say a figure of."""
    if profile.whole.rows:
        if not profile.whole.total:
            raise RunFailed(f"all weights in `{asked.weight}` are 0", hint="name another column of weights, or none")
        return
    reasons = profile.left_out.most_common(3)
    told = "; ".join(f"{plural(n, 'row')} {left_out_text(reason, asked.target)}" for reason, n in reasons)
    raise RunFailed(
        f"not one of {plural(profile.rows, 'row')} can be evaluated" + (f": {told}" if told else ""),
        hint="mend the data, or name other columns",
    )


def _told_target(asked: Asked) -> bool:
    return bool(asked.target or asked.targets)


def _in_order(names: Sequence[str], known: pa.Schema) -> pa.Schema:
    """All names of the data, so that a missing column's message can tell near ones; those not looked at have no type."""
    return pa.schema([known.field(n) if n in known.names else pa.field(n, pa.null()) for n in names])


def _number(run: Run, setting: str) -> float | None:
    value = run.settings[setting]
    return float(value) if isinstance(value, (int, float)) else None


def _mapping(value: Json) -> dict[str, Json]:
    assert isinstance(value, dict)
    return value
