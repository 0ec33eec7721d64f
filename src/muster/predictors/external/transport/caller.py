"""Asks an endpoint about all rows of a batch: in requests that it takes, as many at once as it bears, tried again where that helps."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial

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


@dataclass(slots=True)
class _Part:
    """What one process has of a caller, and how many ask there."""

    means: Means
    asking: int = 0
    left: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)
    process: int = field(default_factory=os.getpid)


_forked = threading.Lock()


def _renew_lock() -> None:
    global _forked  # noqa: PLW0603  # the parent's may be held by a thread that is not here
    _forked = threading.Lock()


os.register_at_fork(after_in_child=_renew_lock)


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
        key = key or name
        self._share = partial(
            share, key, name, limits, caps or Caps(), cap, within=within, shares=shares, connection=connection
        )
        self._unshare = partial(close, key, caps or Caps(), cap, within=within, shares=shares)
        self._closed = self._retired = False
        self._means = partial(
            Means,
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
            check=self._check,
        )
        self._part = self._joined(Counter())

    @property
    def counts(self) -> Counts:
        """What happened since this was made."""
        return (self._part if self._closed else self._here()).means.counter.read()

    def ask(self, batch: pa.RecordBatch, call: Call = Call()) -> pa.RecordBatch:
        """The answers to all rows, in order, with `served_by` where that is known, and `error` for rows that have none.

        SourceDenied, NotFound and SourceUnavailable end it whatever was answered before, which a checkpoint keeps: the rows
        are not to blame. ModelFailed if the endpoint takes no row; RunCancelled and ModelTimeout once the call is over.
        """
        self._check(call)
        part = self._here()
        with part.lock:
            part.asking += 1
        try:
            return Asking(part.means, batch, call).run()
        finally:
            with part.lock:
                part.asking -= 1
            self._leave_if_done(part)

    def close(self) -> None:
        """End what is asked. What is in flight is not waited for."""
        self._closed = True
        self._leave(self._part)

    def retire(self) -> None:
        """Nothing more will be asked: let go of what is shared, its caps too, once what is asked now has been answered."""
        self._retired = True
        self._leave_if_done(self._part)

    def give_back(self) -> None:
        """Nothing is asked for a while: what is lent to this process is given back before this returns."""
        if self._part.process == os.getpid() and not self._part.left:
            self._part.means.lane.together.give_back()

    def _joined(self, counter: Counter) -> _Part:
        return _Part(self._means(lane=self._share(), counter=counter))

    def _here(self) -> _Part:
        """That of this process. One that was forked off begins anew: no place, no money and no thread of its parent's is its own."""
        if self._part.process != os.getpid():
            with _forked:
                if self._part.process != os.getpid():
                    self._part = self._joined(Counter(self._part.means.counter))
        return self._part

    def _leave_if_done(self, part: _Part) -> None:
        if part.process != os.getpid():
            return
        with part.lock:
            done = self._retired and not part.asking
        if done:
            self._leave(part)

    def _leave(self, part: _Part) -> None:
        if part.process != os.getpid():
            return
        with part.lock:
            left, part.left = part.left, True
        if not left:
            self._unshare()

    def _check(self, call: Call) -> None:
        if self._closed:
            raise ModelFailed("the endpoint was closed", hint="open the version again")
        if call.cancelled():
            raise RunCancelled("the prediction was cancelled")
        if call.left(1.0) <= 0:
            raise ModelTimeout(
                "the endpoint did not answer before the call's deadline", hint="allow more time, or send fewer rows"
            )
