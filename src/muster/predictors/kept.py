"""Answers that are kept by chunk: what an endpoint was paid for once answers again without being asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import ipc

from muster.errors import Corrupt
from muster.predictor import Call, Predictor
from muster.predictors.guarded import by_threshold
from muster.records import Version
from muster.store import BlobStore

__all__ = ["KeepAnswer", "KeptAnswers", "OpenKept", "Pieces", "decode_answer", "encode_answer"]

Pieces = Sequence[tuple[str, NDArray[np.int64]]]
"""Where the answers to the rows of a chunk stand, in order: the digest of a blob, and which rows of it."""


@dataclass(frozen=True, slots=True)
class KeepAnswer:
    """Keeps the answers to a chunk; the digest. Picklable if the store is."""

    blobs: BlobStore

    def __call__(self, answer: pa.RecordBatch) -> str:
        return self.blobs.put(encode_answer(answer))


@dataclass(frozen=True, slots=True)
class OpenKept:
    """Opens what was kept of a version's answers: `chunks` has by part and index the digest of a blob, or pieces of several."""

    version: Version
    chunks: Mapping[tuple[int, int], str] | Mapping[tuple[int, int], Pieces]
    blobs: BlobStore
    threshold: float | None

    def __call__(self) -> Predictor:
        return KeptAnswers(self.version, self.chunks, self.blobs, self.threshold)


class KeptAnswers:
    """A Predictor that has an answer for each chunk of one dataset, and knows the chunk by the call's id."""

    def __init__(
        self,
        version: Version,
        chunks: Mapping[tuple[int, int], str] | Mapping[tuple[int, int], Pieces],
        blobs: BlobStore,
        threshold: float | None,
    ) -> None:
        self.signature, self.output = version.signature, version.output
        self.abilities: frozenset[str] = frozenset()
        self._chunks, self._blobs = chunks, blobs
        self._label = None if threshold is None else by_threshold(threshold, version.output)

    def predict(self, batch: pa.RecordBatch, call: Call = Call()) -> pa.RecordBatch:
        _, part, index = call.id.rsplit("/", 2)
        kept = self._chunks[int(part), int(index)]
        answer = self._read(kept) if isinstance(kept, str) else self._joined(kept)
        if answer.num_rows != batch.num_rows:
            raise Corrupt(f"kept answers of {answer.num_rows} rows do not fit a chunk of {batch.num_rows}")
        if self._label is None:
            return answer
        place = answer.schema.get_field_index("prediction")
        return answer.set_column(place, answer.schema.field(place), self._label(answer.column("probabilities")))

    def close(self) -> None:
        return None

    def _read(self, digest: str) -> pa.RecordBatch:
        return decode_answer(self._blobs.read(digest))

    def _joined(self, pieces: Pieces) -> pa.RecordBatch:
        """One batch, whichever of the columns that an answer may have the pieces have."""
        taken = [pa.Table.from_batches([self._read(digest).take(pa.array(rows))]) for digest, rows in pieces]
        whole = pa.concat_tables(taken or [self.output.schema.empty_table()], promote_options="default")
        columns = [c.combine_chunks() if c.num_chunks != 1 else c.chunk(0) for c in whole.columns]
        return pa.RecordBatch.from_arrays(columns, schema=whole.schema)


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
