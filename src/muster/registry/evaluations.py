"""Evaluations: started with everything checked, executed under a lease, kept as a record and the blob of its profile."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from muster.dataset import Dataset
from muster.errors import Conflict, EvaluationNotFound
from muster.evaluation.foreseen import check_requirements
from muster.evaluation.result import Evaluation
from muster.profiles.evaluation import EvaluationProfile
from muster.profiles.question import Question
from muster.records import EvaluationRecord, Run, new_id, now
from muster.registry.answering import listed_answers
from muster.registry.custom_metrics import CustomMetrics, asked_for
from muster.registry.endings import recorded
from muster.registry.evaluated_output import (
    check_output,
    discard,
    give_up,
    layout_of,
    manifest,
    output_settings,
    sink_of,
)
from muster.registry.evaluation_job import EvaluateRequest, threshold_of
from muster.registry.measuring import Measured, Measuring, number_in, object_in
from muster.registry.questioning import Questioning
from muster.registry.registry import Registry
from muster.registry.runs import OVER, Held, Runs
from muster.registry.scoring_job import ScoreTools, Watch, strings, texts
from muster.registry.search import Listing, conditions, every, sorting
from muster.registry.subjects import subject_of
from muster.scoring.sizes import chunk_rows
from muster.store import BlobStore, Condition, Query, RecordStore, Transaction

__all__ = ["Evaluations"]


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
        self._asking = Questioning(registry, tools, metrics)
        self._measuring = Measuring(store, blobs, runs, self._asking)

    def start(self, request: EvaluateRequest, actor: str) -> Run:
        """The run's record, queued, once nothing stands in its way any more."""
        self._tools.runner(request.runner, 1)  # an unknown one is refused now rather than by a failed run
        check_output(request)
        version = None if request.reference is None else self._registry.version(request.reference)
        dataset = self._asking.dataset(request.data, version, request.mapping)
        found, columns, casts = self._asking.question(request, version, dataset)
        check_requirements(found, request.require)
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
        measured = self._measuring.measure(held, asked, watch)
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
        asked = Question.from_json(object_in(run.settings["question"]))
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
        dataset = self._asking.dataset(request.data, version, request.mapping)
        found, _, _ = self._asking.question(request, version, dataset)
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
        record = self._store.get(EvaluationRecord, identity)
        if record is None:
            raise EvaluationNotFound(
                f"no evaluation has the id `{identity}`", hint="list them with `muster evaluation list`"
            )
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

    def _record(self, run: Run, asked: Question, measured: Measured) -> EvaluationRecord:
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
            threshold=number_in(run, "threshold"),
            rows=profile.rows,
            counted=profile.whole.rows,
            left_out=dict(sorted(profile.left_out.items())),
            labels=strings(run.settings["labels"]),
            custom={m.name: m.digest for m in asked.custom},
            profile=self._blobs.put(profile.encode()),
            answers=self._blobs.put(listed_answers(measured.answers)) if measured.answers else None,
            chunk_rows=measured.chunk_rows,
            params=object_in(run.settings["params"]),
            mapping=strings(run.settings["mapping"]),
            created_at=now(),
            created_by=run.created_by,
        )
        values = {n: f.value for n, f in Evaluation(record, profile).metrics.items()}
        return replace(record, metrics={n: v for n, v in values.items() if v is not None})


def _metered(asked: Question, dataset: Dataset) -> Sequence[str]:
    """The columns that metrics of rows get: all, as nothing tells which of them they look at."""
    return dataset.names if any(m.kind == "batch" for m in asked.custom) else ()
