"""Answers that are kept by chunk: what an endpoint was paid for once answers again without being asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa
from pyarrow import ipc

from muster.errors import Corrupt
from muster.predictor import Call, Predictor
from muster.predictors.guarded import by_threshold
from muster.records import Version
from muster.store import BlobStore

__all__ = ["KeepAnswer", "KeptAnswers", "OpenKept", "decode_answer", "encode_answer"]


@dataclass(frozen=True, slots=True)
class KeepAnswer:
    """Keeps the answers to a chunk; the digest. Picklable if the store is."""

    blobs: BlobStore

    def __call__(self, answer: pa.RecordBatch) -> str:
        return self.blobs.put(encode_answer(answer))


@dataclass(frozen=True, slots=True)
class OpenKept:
    """Opens what was kept of a version's answers: `chunks` has the digest of a blob by part and index."""

    version: Version
    chunks: Mapping[tuple[int, int], str]
    blobs: BlobStore
    threshold: float | None

    def __call__(self) -> Predictor:
        return KeptAnswers(self.version, self.chunks, self.blobs, self.threshold)


class KeptAnswers:
    """A Predictor that has an answer for each chunk of one dataset, and knows the chunk by the call's id."""

    def __init__(
        self, version: Version, chunks: Mapping[tuple[int, int], str], blobs: BlobStore, threshold: float | None
    ) -> None:
        self.signature, self.output = version.signature, version.output
        self.abilities: frozenset[str] = frozenset()
        self._chunks, self._blobs = chunks, blobs
        self._label = None if threshold is None else by_threshold(threshold, version.output)

    def predict(self, batch: pa.RecordBatch, call: Call = Call()) -> pa.RecordBatch:
        _, part, index = call.id.rsplit("/", 2)
        answer = decode_answer(self._blobs.read(self._chunks[int(part), int(index)]))
        if answer.num_rows != batch.num_rows:
            raise Corrupt(f"kept answers of {answer.num_rows} rows do not fit a chunk of {batch.num_rows}")
        if self._label is None:
            return answer
        place = answer.schema.get_field_index("prediction")
        return answer.set_column(place, answer.schema.field(place), self._label(answer.column("probabilities")))

    def close(self) -> None:
        return None


def encode_answer(answer: pa.RecordBatch) -> bytes:
    """As a compressed Arrow stream."""
    sink = pa.BufferOutputStream()
    with ipc.new_stream(sink, answer.schema, options=ipc.IpcWriteOptions(compression="zstd")) as writer:
        writer.write_batch(answer)
    return sink.getvalue().to_pybytes()


def decode_answer(data: bytes) -> pa.RecordBatch:
    try:
        table = ipc.open_stream(pa.BufferReader(data)).read_all()
    except pa.ArrowInvalid as error:
        raise Corrupt(f"kept answers cannot be read: {error}") from None
    batches = table.combine_chunks().to_batches()
    return batches[0] if batches else pa.RecordBatch.from_pylist([], schema=table.schema)
