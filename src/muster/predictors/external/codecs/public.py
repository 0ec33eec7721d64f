"""Encoding and decoding as functions of their own, to try a format without an endpoint."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pyarrow as pa

from muster.classes import one_type
from muster.predictors.external.codecs import decode as decoding
from muster.predictors.external.codecs import encode as encoding
from muster.predictors.external.codecs.hints import hints_of
from muster.predictors.external.codecs.outputs import output_of
from muster.predictors.external.codecs.recognise import recognise
from muster.predictors.external.codecs.spec import RequestSpec, ResponseSpec
from muster.signature import Json, Scalar, Task

__all__ = ["decode", "encode"]


def decode(
    body: bytes | str,
    *,
    content_type: str,
    rows: int,
    task: Task,
    classes: Sequence[Scalar] | None = None,
    spec: Json | ResponseSpec = "auto",
) -> pa.RecordBatch:
    """The body of a response as predictions.

    `spec` is `auto`, the name of a format, an explicit specification, or a part of one, such as `{"label": …, "score": …}`,
    with which the rest is found in the body.
    """
    body = body.encode() if isinstance(body, str) else body
    told = hints_of(spec)
    frozen = (
        told.base
        if told.base.frozen and told.score is None
        else recognise(body, content_type, rows, task, classes, spec)
    )
    known = one_type(classes) if classes else None
    return decoding.decode(body, content_type, rows, output_of(frozen, task, known), frozen)


def encode(
    batch: pa.RecordBatch, spec: Json | RequestSpec, params: Mapping[str, Json] | None = None
) -> tuple[bytes, str]:
    """A batch as the body of a request, and its content type."""
    payload = encoding.encode(batch, RequestSpec.from_json(spec), params)
    return payload.body, payload.content_type
