"""The answers of an endpoint to one dataset: asked once, kept by chunk in the blob store, and taken from there ever after."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import pyarrow as pa

from muster.dataset import Chunk, Part, Written
from muster.errors import Corrupt
from muster.predictor import OpenPredictor
from muster.records import Chunk as ChunkRecord
from muster.records import EvaluationRecord, Version
from muster.registry.runs import Held, Runs
from muster.registry.scoring_job import Watch
from muster.registry.search import every
from muster.runner import Plan, Runner
from muster.signature import Json
from muster.store import BlobStore, Condition, RecordStore

__all__ = ["Chunks", "ask_all", "found_answers", "listed_answers", "read_answers", "work_of"]

Chunks = Mapping[tuple[int, int], str]
"""The digest of the blob with the answers, by part and index of the chunk."""

_FORMAT = "muster.answers/1"


@dataclass(frozen=True, slots=True)
class _AnswerWriter:
    """A runner's Writer that keeps answers, those to rows that failed among them, and no rows."""

    keep: Callable[[pa.RecordBatch], str]

    def write(self, chunk: Chunk, answer: pa.RecordBatch) -> tuple[Written, int]:
        digest = self.keep(answer)
        failed = answer.num_rows - answer.column("error").null_count if "error" in answer.schema.names else 0
        return Written("", answer.num_rows, digest), failed + len(chunk.faults)


def ask_all(
    held: Held,
    runs: Runs,
    runner: Runner,
    parts: Sequence[Part],
    opened: OpenPredictor,
    *,
    keep: Callable[[pa.RecordBatch], str],
    plan: Plan,
    watch: Watch | None,
) -> Chunks:
    """Ask for every chunk that was not answered to this run before; each is recorded when its answers are kept."""
    known = {(c.part, c.index): c.digest for c in runs.chunks(held.run.id)}
    rest = replace(plan, done=frozenset(known))
    for done in runner.map(parts, opened, _AnswerWriter(keep), plan=rest):
        progress = held.checkpoint(
            ChunkRecord(
                run=held.run.id,
                part=done.part,
                index=done.index,
                start=done.start,
                length=done.length,
                rejected=done.rejected,
                last=done.last,
                file="",
                digest=done.written.digest,
                timings=done.timings,
                asked=done.asked,
            )
        )
        known[done.part, done.index] = done.written.digest
        if watch is not None:
            watch(progress)
    return known


def work_of(
    chunks: Iterable[ChunkRecord], predicted: Mapping[str, float], price: Callable[[float, float], float | None]
) -> dict[str, Json]:
    """What was asked for a run, also by processes that were cut off, and what that cost at most; `predicted` is of this one."""
    asked: dict[str, float] = {}
    for chunk in chunks:
        for name, value in chunk.asked.items():
            asked[name] = asked.get(name, 0) + value
    told: dict[str, Json] = {"asked": dict(asked)} if asked else {}
    if predicted:
        told["predicted"] = dict(predicted)
    cost = price(asked.get("tries", 0), predicted.get("seconds", 0.0))
    return told if cost is None else {**told, "cost": cost}


def found_answers(
    store: RecordStore,
    version: Version,
    fingerprint: str,
    params: Mapping[str, Json],
    mapping: Mapping[str, str],
) -> EvaluationRecord | None:
    """An evaluation of the same version on the same rows, whose answers are kept."""
    where = (Condition("model", "=", version.model), Condition("number", "=", str(version.number)))
    for record in every(store, EvaluationRecord, where):
        same = (record.version_digest, record.fingerprint) == (version.digest, fingerprint)
        if same and record.answers is not None and (record.params, record.mapping) == (params, mapping):
            return record
    return None


def listed_answers(chunks: Chunks) -> bytes:
    """The blob that names those of the chunks."""
    body = {"format": _FORMAT, "chunks": [[*key, digest] for key, digest in sorted(chunks.items())]}
    return json.dumps(body, separators=(",", ":")).encode()


def read_answers(blobs: BlobStore, digest: str) -> Chunks:
    try:
        body = json.loads(blobs.read(digest))
        assert body["format"] == _FORMAT
        return {(int(part), int(index)): str(of) for part, index, of in body["chunks"]}
    except (ValueError, KeyError, TypeError, AssertionError) as error:
        raise Corrupt(f"the list of kept answers {digest} is damaged: {error}") from None
