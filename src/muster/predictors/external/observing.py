"""Looking at what stands behind an endpoint: its configuration there, and how it answers pinned rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pyarrow as pa

from muster.endpoint import Endpoint
from muster.predictor import Observed
from muster.predictors.external.asking import Asker
from muster.predictors.external.behaviour import noise_of, pinned_rows, with_rows
from muster.predictors.external.codecs.spec import RequestSpec, ResponseSpec
from muster.predictors.external.opening import open_there
from muster.records import Connection, Version
from muster.sharing import Shares
from muster.signature import Json, Output

__all__ = ["behaviour", "observe"]

_PINNED = 20


def observe(version: Version, connection: Connection, known: Observed, shares: Shares | None = None) -> Observed:
    """What is there now, asked about the rows that were pinned in what is known."""
    told = _configuration(version, connection)
    if known.answers is None:
        return Observed(configuration=told)
    request, response = RequestSpec.from_json(version.load["request"]), ResponseSpec.from_json(version.load["response"])
    rows = pinned_rows(known.answers)
    with Asker(connection, version.load, rows.num_rows + 1, shares) as asker:
        answer = asker.predict(rows, request, response, version.output)
    return Observed(configuration=told, answers=with_rows(rows, answer))


def _configuration(version: Version, connection: Connection) -> Mapping[str, Json]:
    provider, send = open_there(connection, version.load)
    try:
        return provider.describe(_endpoint_of(version)).configuration
    finally:
        provider.close()
        send.close()


def behaviour(
    asker: Asker, rows: pa.RecordBatch, request: RequestSpec, response: ResponseSpec, output: Output
) -> Observed:
    """The answers to rows that are pinned from now on, and their noise, as far as there are calls left to ask twice."""
    few = rows.slice(0, min(_PINNED, asker.left // 2 if request.one_row else _PINNED))
    if asker.left < 1 or not few.num_rows:
        return Observed(configuration={})
    seen = with_rows(few, asker.predict(few, request, response, output))
    again = asker.left >= (few.num_rows if request.one_row else 1)
    noise = noise_of(seen, with_rows(few, asker.predict(few, request, response, output))) if again else 0.0
    return replace(Observed(configuration={}), answers=seen, noise=noise)


def _endpoint_of(version: Version) -> Endpoint:
    told = version.load["endpoint"]
    assert isinstance(told, dict)
    name, variant = (None if told.get(k) is None else str(told[k]) for k in ("name", "variant"))
    return Endpoint(str(version.load["connection"]), name, variant)
