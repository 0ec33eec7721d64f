"""What the batches of one caller are asked with."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

import pyarrow as pa

from muster.predictor import Call
from muster.predictors.external.exchange import Answer, Later, Payload
from muster.predictors.external.provider import Provider, Send
from muster.predictors.external.transport.checkpoint import Asked, Checkpoint
from muster.predictors.external.transport.counts import Counter
from muster.predictors.external.transport.lane import Lane
from muster.predictors.external.transport.retry import Patience
from muster.signature import Json

__all__ = ["Decode", "Encode", "Encoded", "Means"]

Encode: TypeAlias = Callable[[pa.RecordBatch, Mapping[str, Json], str], Payload]
"""Of rows, parameters, and the identity of the request. The same rows give the same bytes."""
Decode: TypeAlias = Callable[[Answer, int], pa.RecordBatch]
"""Of so many rows; ModelFailed if it is no answer to them."""


@dataclass(frozen=True, slots=True)
class Encoded:
    """A request that is ready to be sent: the same, with the same identity, at each try.

    With `promised` it was sent before this began, and its answer is to come.
    """

    payload: Payload
    identity: str
    asked: Asked
    promised: Later | None = None


@dataclass(slots=True, kw_only=True)
class Means:
    """Shared by all threads. `seconds` is how long one try may take; `check` raises where a call is over."""

    provider: Provider
    route: Mapping[str, Json]
    name: str
    send: Send
    encode: Encode
    decode: Decode
    schema: pa.Schema | None
    version: str
    patience: Patience
    answered: Checkpoint | None
    seconds: float
    lane: Lane
    counter: Counter
    check: Callable[[Call], None]
    proof: Encoded | None = None
    """The smallest request that was answered: asked again, it tells whether the endpoint works at all."""
    renewals: int = 0
    _renewing: threading.Lock = field(default_factory=threading.Lock)
    proving: threading.Lock = field(default_factory=threading.Lock)

    def keep_proof(self, encoded: Encoded) -> None:
        """A request was answered."""
        if self.proof is None or len(encoded.payload.body) < len(self.proof.payload.body):
            self.proof = encoded

    def renew(self, seen: int) -> None:
        """Drop the credentials, unless another request did since `seen` renewals."""
        with self._renewing:
            if self.renewals == seen:
                self.provider.renew()
                self.renewals += 1
                self.counter.add(renewed=1)
