"""Scoring as durable work: started with everything checked, executed under a lease, resumed after a kill."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial

import pyarrow as pa

from muster.dataset import Dataset, Sink
from muster.errors import Conflict, InvalidInput, ModelNotFound, MusterError, NotApplicable, RunFailed, VersionNotFound
from muster.predictor import Call, OpenPredictor, Sending
from muster.profile import Profile
from muster.records import Chunk, Run, Version, new_id, now
from muster.registry.batching import Sent, opened, work_off
from muster.registry.endings import nothing_scored, recorded
from muster.registry.fingerprint import Fingerprint
from muster.registry.registry import Registry, check_calls, check_threshold
from muster.registry.runs import OVER, Held, Purpose, Runs
from muster.registry.scoring_job import Job, ScoreRequest, ScoreTools, Watch, chunk_size, declared, strings, texts
from muster.runner import Done, Plan
from muster.scoring.layout import kept_columns, layout
from muster.scoring.rejecting import Rejecting
from muster.scoring.sizes import chunk_rows
from muster.scoring.writer import ScoreWriter
from muster.scratch import used

__all__ = ["Scorings"]


class Scorings:
    """Starts, executes, resumes and gives up scorings."""

    def __init__(self, runs: Runs, registry: Registry, actor: str, tools: ScoreTools) -> None:
        self._runs = runs
        self._registry = registry
        self._actor = actor
        self._tools = tools

    def start(self, request: ScoreRequest) -> Run:
        """The run's record, queued, once nothing stands in its way any more; whether any worker takes it, the request says."""
        self.tidy()
        self._tools.runner(request.runner, 1)  # an unknown one is refused now rather than by a failed run
        version = self._registry.version(request.reference)
        check_calls(version)
        threshold = version.threshold if request.threshold is None else request.threshold
        check_threshold(threshold, version)
        if request.on_reject not in ("skip", "fail"):
            raise InvalidInput(f"`{request.on_reject}` is no way to treat rejects", hint="choose `skip` or `fail`")
        params = self._tools.parameters(version.signature, request.params)
        dataset = declared(self._tools.open_dataset(request.data), version, request.mapping)
        fit = self._tools.fit(_schema(dataset, version, request.mapping), version.signature, request.mapping)
        keep = kept_columns(dataset.names, request.keep)
        columns = tuple(dict.fromkeys((*fit.columns, *keep)))
        rows = dataset.rows()
        data = dataset.types(columns)
        shown = layout(data, version.output, keep, request.prefix, served=_served(version))
        size = self._tools.chunk_rows or chunk_rows(data, rows, self._tools.workers)
        folder = self._batch_folder(version, request.via, rows)
        run = Run(
            id=new_id(),
            kind="score",
            status="queued",
            model=version.model,
            number=version.number,
            version_digest=version.digest,
            input=dataset.uri,
            output=request.output,
            settings={
                "keep": list(keep),
                "columns": list(columns),
                "params": dict(params),
                "threshold": threshold,
                "mapping": dict(request.mapping),
                "prefix": request.prefix,
                "on_reject": request.on_reject,
                "overwrite": request.overwrite,
                "runner": request.runner,
                "stamp": dataset.stamp(),
                **({"data": request.data} if request.data.startswith("data:") else {}),
                "chunk_rows": size,
                **({"via": request.via, "batch_folder": folder} if folder else {}),
            },
            casts=fit.casts,
            queue=request.queue,
            created_at=now(),
            created_by=self._actor,
        )
        sink = self._sink(run, shown.schema)
        sink.check()
        if not folder and (estimate := self._tools.announce(version, rows, size)):
            run = replace(run, settings={**run.settings, "estimate": dict(estimate)})
        return self._runs.create(replace(run, output=sink.output), rows)

    def execute(
        self,
        run: Run,
        watch: Watch | None = None,
        *,
        purpose: Purpose = "work",
        leave: threading.Event | None = None,
    ) -> Run:
        """Do what is left of the run. The record at the end; what ended it otherwise is raised.

        Once `leave` is set, it lets go of a run of the queue, so that another process goes on.
        """
        sink = self._sink(run, pa.schema([]))
        with self._runs.hold(run, purpose, leave) as held:
            with recorded(self._runs, held, partial(self._discard, run, sink, held), self._tools.retries):
                began = time.monotonic()
                if watch is not None and (progress := self._runs.progress(run.id)) is not None:
                    watch(progress)
                # What is in place already needs neither the data nor the version any more.
                if not sink.committed():
                    job = self._job(run)
                    if purpose == "claim" and self._changed(job):
                        raise _other_data(run, discard=True)
                    self._score(held, job, watch)
                ended = held.end(self._result(held, sink, time.monotonic() - began))
            self._discard(run, sink, held)
        return ended

    def _score(self, held: Held, job: Job, watch: Watch | None) -> None:
        job.sink.begin()
        stamp = job.dataset.stamp()
        with Fingerprint(job.dataset, held) as fingerprint:
            for _ in self._work(held, job, watch, stamp):
                pass
            known = fingerprint.result()
        if job.dataset.stamp() != stamp:
            raise RunFailed(
                f"the data was changed while it was scored: {job.dataset.uri}",
                hint="score it again when nothing writes to it",
            )
        held.ensure()
        self._commit(job, known)

    def resume(self, identity: str, watch: Watch | None = None) -> Run:
        """Go on with a run that was cut off or failed."""
        self.tidy()
        run = self._runs.get(identity)
        if run.kind != "score":
            raise NotApplicable(f"run {run.id} is a {run.kind}, which cannot be resumed", hint="start it again")
        if run.status in OVER:
            raise Conflict(f"run {run.id} is {run.status} already", hint="start a new one with `muster score`")
        if not self._sink(run, pa.schema([])).committed() and self._changed(self._job(run)):
            raise _other_data(run)
        return self.execute(run, watch)

    def cancel(self, identity: str) -> Run:
        """Stop the run and remove what it staged. One that nobody works on is ended here and now."""
        run = self._runs.get(identity)
        if self._runs.ask_cancel(identity):
            return run
        sink = self._sink(run, pa.schema([]))  # neither the data nor the version need be there any more
        try:
            with self._runs.hold(run, "end") as held:
                late = sink.committed()  # killed right after: its output stands, only the record lacks it
                over = replace(held.run, status="cancelled", error="cancelled", ended_at=now())
                ended = held.end(self._result(held, sink, 0.0) if late else over, forget=not late)
                self._discard(run, sink, held)
                return ended
        except Conflict:  # someone began to work on it at this very moment
            if not self._runs.ask_cancel(identity):
                raise
            return self._runs.get(identity)

    def tidy(self) -> None:
        """Remove what was left of runs that are over, since their process was killed before, or could not."""
        for run in self._runs.left():
            try:
                with self._runs.hold(run, "tidy") as held:
                    held.unfinished = True
                    self.give_up(run)
                    held.unfinished = False
            except Conflict:  # somebody does so already, or goes on with it
                continue
            except (MusterError, OSError) as error:  # of no weight for the work at hand; whoever comes next tries again
                if isinstance(error, MusterError) and _by_jobs(run):
                    self._tools.talk(_still(run, error))

    def give_up(self, run: Run) -> int:
        """Remove what a run has staged; how many bytes of this machine's disks that were."""
        if run.output is None:
            return 0
        sink = self._sink(run, pa.schema([]))
        size = 0 if isinstance(sink.staging, str) else used(sink.staging)
        self._discard(run, sink)
        return size

    def _discard(self, run: Run, sink: Sink, held: Held | None = None) -> None:
        """Remove what was staged, at a provider too; where that cannot be done now, it is left to whoever comes next."""
        try:
            sink.discard()
        finally:
            if _by_jobs(run):
                self._clear_jobs(run, held)

    def _clear_jobs(self, run: Run, held: Held | None) -> None:
        assert run.ref is not None
        if held is not None:
            held.unfinished = True  # also where it is interrupted
        try:
            with opened(self._tools.open_jobs(self._registry.version(run.ref, deleted=True), run)) as jobs:
                jobs.clear()
        except (ModelNotFound, VersionNotFound) as error:  # nothing tells any more how its provider is reached
            self._tools.talk(_out_of_reach(run, error))
            if held is not None:
                held.unfinished = False
        except MusterError as error:
            if held is None:
                raise
            self._tools.talk(_still(run, error))
        else:
            if held is not None:
                held.unfinished = False

    def _batch_folder(self, version: Version, via: str, rows: int | None) -> str:
        """Where batch jobs read and write, if the scoring is to go that way."""
        if via == "calls":
            return ""
        if via != "batch":
            raise InvalidInput(f"`{via}` is no way to score", hint="choose `calls` or `batch`")
        return self._tools.batch_folder(version, rows)

    def _changed(self, job: Job) -> bool:
        """By the fingerprint; by the stamp where the run was cut off before it had read its input through."""
        progress = self._runs.progress(job.run.id)
        if progress is not None and progress.fingerprint is not None:
            return job.dataset.fingerprint() != progress.fingerprint
        return job.dataset.stamp() != job.run.settings["stamp"]

    def _sink(self, run: Run, schema: pa.Schema) -> Sink:
        assert run.output is not None
        assert run.input is not None
        overwrite = run.settings["overwrite"] is True
        return self._tools.create_sink(run.output, run.id, schema, overwrite=overwrite, inputs=[run.input])

    def _job(self, run: Run) -> Job:
        assert run.ref is not None
        assert run.input is not None
        version = self._registry.version(run.ref)
        if version.digest != run.version_digest:
            raise Conflict(f"`{version.ref}` is not the version that run {run.id} began with", hint="score again")
        settings = run.settings
        dataset = declared(self._tools.open_dataset(run.input), version, strings(settings["mapping"]))
        columns = tuple(texts(settings["columns"]))
        prefix, served = str(settings["prefix"]), _served(version)
        shown = layout(dataset.types(columns), version.output, texts(settings["keep"]), prefix, served=served)
        parts = dataset.parts(chunk_size(run))
        return Job(run, version, dataset, parts, shown, self._sink(run, shown.schema), columns)

    def _work(self, held: Held, job: Job, watch: Watch | None, stamp: str) -> Iterator[None]:
        settings = job.run.settings
        finished = list(self._runs.chunks(job.run.id))
        threshold = settings["threshold"]
        open_version = partial(
            self._tools.open_version,
            job.version,
            threshold=float(threshold) if isinstance(threshold, (int, float)) else None,
            mapping=strings(settings["mapping"]),
            workers=self._tools.workers_of(job.version, str(settings["runner"])),
        )
        params = settings["params"]
        assert isinstance(params, dict)
        plan = Plan(
            rows=chunk_size(job.run),
            columns=job.columns,
            done=frozenset((c.part, c.index) for c in finished),
            finished=frozenset(_complete(finished)),
            call=Call(params=params, id=job.run.id, cancelled=held.cancelled),
            ready=self._tools.seen(job.version, job.dataset, stamp, job.sink.staging),
            talk=self._tools.talk,
        )
        writer = ScoreWriter(
            job.sink,
            job.layout,
            "fail" if settings["on_reject"] == "fail" else "skip",
            Rejecting({p.index: p.file for p in job.parts}, {p.index: p.offset for p in job.parts}),
        )
        runner = self._tools.runner(str(settings["runner"]), self._tools.workers_of(job.version))

        def send(sending: Sending) -> Iterator[Done]:
            rest = replace(plan, done=sending.done, finished=sending.finished)
            return runner.map(job.parts, open_version(inner=sending.open), Sent(writer), plan=rest)

        predictor = open_version(inner=self._answered(held, job, send))
        for done in runner.map(job.parts, predictor, writer, self._tools.profile(job.version.output), plan=plan):
            held.isolation = done.isolation or held.isolation
            progress = held.checkpoint(_chunk(job.run, done))
            if watch is not None:
                watch(progress)
            yield

    def _answered(self, held: Held, job: Job, send: Callable[[Sending], Iterator[Done]]) -> OpenPredictor | None:
        """What answers by batch jobs, once those are over; None where the model is asked by calls."""
        if not _by_jobs(job.run):
            return None
        with opened(self._tools.open_jobs(job.version, job.run)) as jobs:
            work_off(jobs, send, held, self._tools.talk)
            return jobs.answers

    def _commit(self, job: Job, fingerprint: str) -> None:
        chunks = list(self._runs.chunks(job.run.id))
        if {p.index for p in job.parts} != set(_complete(chunks)):
            raise RunFailed("not every part of the data has been scored to its end", hint="score it again")
        starts: dict[int, int] = {}
        total = 0
        for part in job.parts:
            starts[part.index] = total
            total += sum(c.length for c in chunks if c.part == part.index)
        rejected = sum(c.rejected for c in chunks)
        places = [(c.part, c.index) for c in chunks]
        if total and rejected == total:
            raise nothing_scored(total, job.sink.keep_rejects(places, starts))
        job.sink.commit(
            places,
            {
                "run": job.run.id,
                "version": job.version.ref,
                "version_digest": job.version.digest,
                "input": job.dataset.uri,
                "fingerprint": fingerprint,
                "rows": total - rejected,
                "rejected": rejected,
            },
            starts,
        )

    def _result(self, held: Held, sink: Sink, seconds: float) -> Run:
        rows = rejected = 0
        timings: dict[str, float] = {}
        asked: dict[str, float] = {}
        total: Profile | None = None
        for chunk in self._runs.chunks(held.run.id):
            rows += chunk.length
            rejected += chunk.rejected
            for name, value in chunk.timings.items():
                timings[name] = timings.get(name, 0.0) + value
            for name, value in chunk.asked.items():
                asked[name] = asked.get(name, 0) + value
            if chunk.profile is not None:
                measured = self._tools.decode_profile(chunk.profile.encode())
                if total is None:
                    total = measured
                else:
                    total.merge(measured)
        progress = self._runs.progress(held.run.id)
        return replace(
            held.run,
            status="done",
            rows=rows,
            rejected=rejected,
            seconds=held.run.seconds + seconds,
            timings=timings,
            summary={**(total.figures() if total is not None else {}), **({"asked": dict(asked)} if asked else {})},
            fingerprint=progress.fingerprint if progress is not None else None,
            rejects=sink.rejects if rejected else None,
            rejects_sha256=sink.rejects_sha256() if rejected else None,
            rejects_collected_at=None,
            ended_at=now(),
        )


def _by_jobs(run: Run) -> bool:
    return run.settings.get("via") == "batch"


def _still(run: Run, error: MusterError) -> str:
    return f"the batch jobs of run {run.id} may still work, and cost: {error.message}; the next scoring tries to end them again"


def _out_of_reach(run: Run, error: MusterError) -> str:
    folder = run.settings.get("batch_folder")
    return f"the batch jobs of run {run.id} cannot be reached: {error.message}; see at the provider that none works, and empty {folder}"


def _served(version: Version) -> bool:
    """Whether its endpoint tells which of the models behind it gave an answer."""
    return version.load.get("served_by") is True


def _other_data(run: Run, *, discard: bool = False) -> Conflict:
    """Where what was scored of it would not fit what is to come. It has nothing to go on with when it is to `discard`."""
    again = "score again" if discard else f"give it up with `muster run cancel {run.id}` and score again"
    return Conflict(
        f"the data of run {run.id} has changed since it began: {run.input}",
        hint=again,
        details={"resume": False} if discard else None,
    )


def _schema(dataset: Dataset, version: Version, mapping: Mapping[str, str]) -> pa.Schema:
    wanted = dict.fromkeys(mapping.get(c.name, c.name) for c in version.signature)
    return _in_order(dataset.names, dataset.types([n for n in wanted if n in dataset.names]))


def _in_order(names: Sequence[str], known: pa.Schema) -> pa.Schema:
    """All names of the data, so that a missing column's message can tell near ones; those not needed have no type."""
    return pa.schema([known.field(n) if n in known.names else pa.field(n, pa.null()) for n in names])


def _chunk(run: Run, done: Done) -> Chunk:
    return Chunk(
        run=run.id,
        part=done.part,
        index=done.index,
        start=done.start,
        length=done.length,
        rejected=done.rejected,
        last=done.last,
        file=done.written.file,
        digest=done.written.digest,
        timings=done.timings,
        asked=done.asked,
        profile=done.profile.encode().decode() if done.profile is not None else None,
    )


def _complete(chunks: Sequence[Chunk]) -> Iterator[int]:
    """Parts of which every chunk is there."""
    by_part: dict[int, list[Chunk]] = {}
    for chunk in chunks:
        by_part.setdefault(chunk.part, []).append(chunk)
    for part, found in by_part.items():
        last = [c.index for c in found if c.last]
        if last and len(found) == last[0] + 1:
            yield part
