"""Asks an endpoint about all rows of a batch: in requests that it takes, as many at once as it bears, tried again where that helps."""

from __future__ import annotations

import threading
from collections.abc import Mapping

import pyarrow as pa

from muster.errors import ModelFailed, ModelTimeout, RunCancelled
from muster.predictor import Call
from muster.predictors.external.exchange import Limits
from muster.predictors.external.provider import Provider, Send
from muster.predictors.external.transport.asking import Asking
from muster.predictors.external.transport.checkpoint import Checkpoint
from muster.predictors.external.transport.counts import Counter, Counts
from muster.predictors.external.transport.lane import close, share
from muster.predictors.external.transport.means import Decode, Encode, Means
from muster.predictors.external.transport.rate import Caps
from muster.predictors.external.transport.retry import Patience
from muster.sharing import Shares
from muster.signature import Json

__all__ = ["Caller"]


class Caller:
    """One version at one endpoint. Safe from several threads.

    `name` is what messages call the endpoint, and `key` names it to all in this process who share its limits; those `within` one
    connection share its caps, which `shares` lends to all processes that use this `connection`. `version` is the
    digest of what answers there, so that `answered` gives no answer of another. `cap` is how many requests at once somebody
    allows. `schema` has the columns of every answer. `grace` are the seconds that are waited beyond the endpoint's own limit,
    so that it can say itself that it took too long.
    """

    def __init__(
        self,
        provider: Provider,
        route: Mapping[str, Json],
        limits: Limits,
        send: Send,
        *,
        encode: Encode,
        decode: Decode,
        schema: pa.Schema | None = None,
        name: str,
        key: str = "",
        within: str = "",
        version: str = "",
        caps: Caps | None = None,
        cap: int | None = None,
        shares: Shares | None = None,
        connection: str = "",
        patience: Patience | None = None,
        answered: Checkpoint | None = None,
        grace: float = 10.0,
    ) -> None:
        self._key, self._within, self._caps, self._cap = key or name, within, caps or Caps(), cap
        self._shares = shares
        self._counter = Counter()
        self._lock = threading.Lock()
        self._closed = self._left = self._retired = False
        self._asking = 0
        self._means = Means(
            provider=provider,
            route=route,
            name=name,
            send=send,
            encode=encode,
            decode=decode,
            schema=schema,
            version=version,
            patience=patience or Patience(),
            answered=answered,
            seconds=limits.seconds + grace,
            lane=share(self._key, name, limits, self._caps, cap, within=within, shares=shares, connection=connection),
            counter=self._counter,
            check=self._check,
        )

    @property
    def counts(self) -> Counts:
        """What happened since this was made."""
        return self._counter.read()

    def ask(self, batch: pa.RecordBatch, call: Call = Call()) -> pa.RecordBatch:
        """The answers to all rows, in order, with `served_by` where that is known, and `error` for rows that have none.

        SourceDenied, NotFound and SourceUnavailable end it whatever was answered before, which a checkpoint keeps: the rows
        are not to blame. ModelFailed if the endpoint takes no row; RunCancelled and ModelTimeout once the call is over.
        """
        self._check(call)
        with self._lock:
            self._asking += 1
        try:
            return Asking(self._means, batch, call).run()
        finally:
            with self._lock:
                self._asking -= 1
            self._leave_if_done()

    def close(self) -> None:
        """End what is asked. What is in flight is not waited for."""
        self._closed = True
        self._leave()

    def retire(self) -> None:
        """Nothing more will be asked: let go of what is shared, its caps too, once what is asked now has been answered."""
        self._retired = True
        self._leave_if_done()

    def _leave_if_done(self) -> None:
        with self._lock:
            done = self._retired and not self._asking
        if done:
            self._leave()

    def _leave(self) -> None:
        with self._lock:
            left, self._left = self._left, True
        if not left:
            close(self._key, self._caps, self._cap, within=self._within, shares=self._shares)

    def _check(self, call: Call) -> None:
        if self._closed:
            raise ModelFailed("the endpoint was closed", hint="open the version again")
        if call.cancelled():
            raise RunCancelled("the prediction was cancelled")
        if call.left(1.0) <= 0:
            raise ModelTimeout(
                "the endpoint did not answer before the call's deadline", hint="allow more time, or send fewer rows"
            )
