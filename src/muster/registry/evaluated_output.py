"""The rows that an evaluation writes: staged while they are measured, put in place by one rename."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import pyarrow as pa

from muster.dataset import Dataset, Part, Sink
from muster.errors import InvalidInput, MusterError
from muster.predictor import OpenPredictor
from muster.profile import OpenProfile, Profile
from muster.profiles.question import Question
from muster.records import EvaluationRecord, Run, Version
from muster.registry.evaluation_job import EvaluateRequest
from muster.registry.runs import Held
from muster.registry.scoring_job import CreateSink, texts
from muster.runner import InOrder, Plan, Runner
from muster.scoring.evaluated import EvaluatedLayout, EvaluatedWriter, evaluated_layout
from muster.scoring.layout import kept_columns
from muster.scoring.rejecting import Rejecting
from muster.signature import Json

__all__ = [
    "EvaluatedOutput",
    "check_output",
    "discard",
    "give_up",
    "layout_of",
    "manifest",
    "output_of",
    "output_settings",
    "sink_of",
]


def check_output(request: EvaluateRequest) -> None:
    """InvalidInput where something is said of an output that is not asked for."""
    if request.output is not None:
        return
    said = {"keep": request.keep, "prefix": request.prefix, "overwrite": request.overwrite}
    wrong = [f"`{name}`" for name, value in said.items() if value]
    if wrong:
        raise InvalidInput(
            f"{', '.join(wrong)} goes with an output, and there is none", hint="name it with `output=` (--output)"
        )


def output_settings(request: EvaluateRequest, dataset: Dataset) -> dict[str, Json]:
    """What a run keeps of it; nothing where no rows are to be written."""
    if request.output is None:
        return {}
    keep = list(kept_columns(dataset.names, request.keep))
    return {"keep": list(keep), "prefix": request.prefix, "overwrite": request.overwrite}


def layout_of(
    settings: Mapping[str, Json], dataset: Dataset, asked: Question, version: Version | None
) -> EvaluatedLayout:
    keep = texts(settings["keep"])
    data = dataset.types(tuple(dict.fromkeys([*keep, *asked.columns])))
    served = version is not None and not asked.scored and version.load.get("served_by") is True
    return evaluated_layout(data, asked, keep, str(settings["prefix"]), served=served)


def sink_of(create: CreateSink, run: Run, layout: EvaluatedLayout | None = None) -> Sink | None:
    """Where a run writes its rows, if it does; without a layout to tidy up alone."""
    if run.output is None:
        return None
    assert run.input is not None
    schema = pa.schema([]) if layout is None else layout.schema
    return create(run.output, run.id, schema, overwrite=run.settings["overwrite"] is True, inputs=[run.input])


def manifest(run: Run, record: EvaluationRecord) -> dict[str, object]:
    """What an output tells of where it is from."""
    return {
        "run": run.id,
        "version": run.ref,
        "version_digest": run.version_digest,
        "evaluation": record.id,
        "input": run.input,
        "fingerprint": record.fingerprint,
    }


class EvaluatedOutput:
    """The output of one evaluation. What is in place already, as after a kill right then, is not written again."""

    def __init__(self, held: Held, sink: Sink, layout: EvaluatedLayout) -> None:
        self._held = held
        self._sink = sink
        self._layout = layout
        self._lengths: dict[tuple[int, int], int] = {}
        self._parts: Sequence[Part] = ()
        self._rejected = 0

    @property
    def staging(self) -> Path | str | None:
        """Where it grows; None where it is in place."""
        return None if self._sink.committed() else self._sink.staging

    def measure(
        self,
        runner: Runner,
        parts: Sequence[Part],
        open_profile: OpenProfile,
        opened: OpenPredictor,
        *,
        plan: Plan,
        watch: Callable[[int], None] | None,
    ) -> Profile:
        """The profile of all rows, which are staged on the way: the same to the bit as without an output."""
        if self._sink.committed():
            return runner.reduce(parts, open_profile, opened, plan=plan, watch=watch)
        self._sink.begin()
        self._parts = parts
        rejecting = Rejecting({p.index: p.file for p in parts}, {p.index: p.offset for p in parts})
        merged = InOrder(open_profile(), [p.index for p in parts])
        writer = EvaluatedWriter(self._sink, self._layout, rejecting)
        for done in runner.map(parts, opened, writer, open_profile, plan=plan):
            assert done.profile is not None
            merged.add(done.part, done.index, done.profile, last=done.last)
            self._lengths[done.part, done.index] = done.length
            self._rejected += done.rejected
            if watch is not None:
                watch(done.length)
        return merged.end()

    def commit(self, manifest: Mapping[str, object]) -> None:
        """Put the rows in place."""
        if self._sink.committed():
            return
        self._held.ensure()
        chunks, starts, total = sorted(self._lengths), dict[int, int](), 0
        of_parts = Counter[int]()
        for (of, _), length in self._lengths.items():
            of_parts[of] += length
        for part in self._parts:
            starts[part.index] = total
            total += of_parts[part.index]
        self._sink.commit(chunks, {**manifest, "rows": total, "rejected": self._rejected}, starts)

    def rejects(self) -> tuple[str | None, str | None]:
        """Where the rows without a prediction stand, and the digest of that file."""
        digest = self._sink.rejects_sha256()
        return (self._sink.rejects, digest) if self._rejected or digest else (None, None)


def output_of(
    held: Held, create: CreateSink, dataset: Dataset, asked: Question, version: Version | None
) -> EvaluatedOutput | None:
    """What is to be written of the rows of a run, if they are."""
    if held.run.output is None:
        return None
    layout = layout_of(held.run.settings, dataset, asked, version)
    sink = sink_of(create, held.run, layout)
    assert sink is not None
    return EvaluatedOutput(held, sink, layout)


def discard(held: Held, sink: Sink | None) -> None:
    """Remove what was staged; where that cannot be done now, it is left to whoever comes next."""
    if sink is not None:
        held.unfinished = True
        sink.discard()
        held.unfinished = False


def give_up(held: Held, sink: Sink | None) -> None:
    """The same where the evaluation has failed, unless the rows are in place, or are somebody else's by now."""
    if sink is None or held.lost:
        return
    with suppress(MusterError, OSError):
        if not sink.committed():
            discard(held, sink)
