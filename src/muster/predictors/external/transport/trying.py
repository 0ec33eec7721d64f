"""One try of a request, and what follows from how it ended."""

from __future__ import annotations

import random
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, TypeVar

from muster.errors import MusterError, NotFound, SourceDenied, SourceUnavailable
from muster.predictors.external.exchange import FREE, Answer, Later, Refusal
from muster.predictors.external.transport.bisect import Piece
from muster.predictors.external.transport.checkpoint import Asked
from muster.predictors.external.transport.gate import Permit
from muster.predictors.external.transport.means import Encoded, Means
from muster.predictors.external.transport.retry import Trouble
from muster.predictors.external.transport.together import Admission
from muster.predictors.external.transport.unreachable import Unreachable
from muster.predictors.external.transport.waiting import wait_for

__all__ = ["Settle", "attempt"]

_Told = TypeVar("_Told", Answer | Refusal, Answer | Later | Refusal)

_WORDS: Mapping[Trouble, str] = {
    "throttled": "too busy",
    "starting": "not started",
    "unavailable": "unavailable",
    "timeout": "too slow",
}


class Settle(Protocol):
    """Takes how a request ended."""

    def check(self) -> None:
        """Raises where nobody waits for it any more."""
        ...

    def left(self) -> float:
        """Seconds that a try may take."""
        ...

    def wanted(self) -> bool:
        """Whether anyone waits for how it ends."""
        ...

    def keep(self, asked: Asked, answer: Answer | Later) -> None:
        """What was paid, before anything else."""
        ...

    def read(self, piece: Piece, answer: Answer) -> None: ...
    def refused(self, piece: Piece, message: str) -> None:
        """The rows are to blame, or some of them."""
        ...

    def failed(self, error: BaseException) -> None:
        """Nothing more need be sent."""
        ...

    def again(self, piece: Piece, at: float) -> None: ...
    def halve(self, piece: Piece) -> None: ...


def attempt(
    means: Means, settle: Settle, piece: Piece, encoded: Encoded, permit: Permit, *, admission: Admission
) -> None:
    """Send it once. The permit is given back in any case, and not before a paid answer is kept."""
    limiter, renewals, began, seconds = means.lane.limiter, means.renewals, time.monotonic(), settle.left()
    try:
        outcome = _end(means, settle, encoded, seconds, admission)
        took = time.monotonic() - began
        if isinstance(outcome, Answer):
            settle.keep(encoded.asked, outcome)
    except _Late:
        limiter.release(permit)
        settle.again(piece, time.monotonic())
        return
    except BaseException as error:  # noqa: BLE001  # handed on
        settle.failed(error)
        limiter.release(permit)
        return
    means.counter.add(seconds=took)
    if outcome is None:
        limiter.release(permit)
        return
    after = _After(means, settle, piece, encoded, permit)
    if isinstance(outcome, Answer):
        if encoded.promised is None:
            means.lane.answered(permit, piece.rows, len(encoded.payload.body), took)
        else:
            means.lane.found(permit)
        means.keep_proof(encoded)
        settle.read(piece, outcome)
    elif isinstance(outcome, Unreachable):
        after.unreached(outcome, whole=seconds >= means.seconds)
    else:
        after.turned_away(outcome, renewals)


def _end(
    means: Means, settle: Settle, encoded: Encoded, seconds: float, admission: Admission
) -> Answer | Refusal | Unreachable | None:
    """What it comes to; None once nobody waits for that any more."""
    outcome = encoded.promised or _outcome(means, encoded, seconds, admission)
    if not isinstance(outcome, Later):
        return outcome
    if outcome is not encoded.promised:
        settle.keep(encoded.asked, outcome)
    return _awaited(means, settle, outcome)


def _outcome(
    means: Means, encoded: Encoded, seconds: float, admission: Admission
) -> Answer | Later | Refusal | Unreachable:
    payload = encoded.payload
    try:
        request = means.provider.request(means.route, payload, encoded.identity)
    except SourceDenied as error:
        error.details.setdefault("resume", True)
        raise
    except SourceUnavailable as error:
        return Refusal("unavailable", error.message)
    if means.lane.together.gate.over:
        raise _Late
    admission.taken = True
    means.counter.add(tries=1, bytes_sent=len(payload.body))
    try:
        reply = means.send(request, seconds if request.seconds is None else min(seconds, request.seconds))
    except Unreachable as error:
        admission.taken = error.sent
        # The model has nothing to do with how long it takes until a request is taken.
        late = error.kind == "timeout" and request.seconds is not None
        return Unreachable("broken", error.message, error.hint) if late else error
    means.counter.add(bytes_received=len(reply.body))
    try:
        outcome = means.provider.read(reply)
    except SourceUnavailable as error:
        return Refusal("unavailable", error.message)
    admission.taken = not (isinstance(outcome, Refusal) and outcome.kind in FREE)
    return _no_page(outcome)


class _Late(Exception):
    """The part of the caps that it was let through with is over: others may have it by now."""


def _awaited(means: Means, settle: Settle, later: Later) -> Answer | Refusal | None:
    """What a promise comes to. Every request waits for itself, as long as its answer may come."""
    found = wait_for(means.provider, later, settle.wanted, means.patience.unavailable)
    if isinstance(found, Answer):
        means.counter.add(bytes_received=len(found.body))
    return None if found is None else _no_page(found)


def _no_page(outcome: _Told) -> _Told | Refusal:
    if isinstance(outcome, Answer) and _is_page(outcome):
        return Refusal("unavailable", "it answers with a page for people")
    return outcome


def _is_page(answer: Answer) -> bool:
    """What a proxy or a login says in place of the model."""
    kind = answer.content_type.partition(";")[0].strip().lower()
    return kind == "text/html" or answer.body[:64].lstrip().lower().startswith((b"<!doctype html", b"<html"))


@dataclass(frozen=True, slots=True)
class _After:
    """What to do with a request that was not answered."""

    means: Means
    settle: Settle
    piece: Piece
    encoded: Encoded
    permit: Permit

    def unreached(self, error: Unreachable, *, whole: bool) -> None:
        """`whole`: it had all the time that a try may take, and not only what was left of the call."""
        lane = self.means.lane
        self.means.counter.add(failed=1)
        if error.sent and whole:
            lane.limiter.late(self.permit)
        else:
            lane.limiter.release(self.permit)
        if not error.passes:
            raise SourceUnavailable(error.message, hint=error.hint, details={"resume": True, "kind": error.kind})
        slow = error.kind == "timeout" and whole
        if slow:
            lane.packing.late(self.piece.rows)
        self.again("timeout" if slow else "unavailable", error.message, error.hint, paid=error.sent)

    def turned_away(self, refusal: Refusal, renewals: int) -> None:
        """`renewals` is how often the credentials had been renewed when it was sent."""
        limiter, told = self.means.lane.limiter, refusal.message
        match refusal.kind:
            case "throttled":
                self.means.counter.add(throttled=1)
                patience = self.means.patience.throttled
                limiter.throttled(self.permit, None if refusal.wait is None else min(refusal.wait, patience))
                self.again("throttled", told, wait=refusal.wait)
            case "starting":
                limiter.starting(self.permit)
                self.again("starting", told, wait=refusal.wait)
            case "unavailable":
                self.means.counter.add(failed=1)
                limiter.late(self.permit)
                self.again("unavailable", told, wait=refusal.wait, paid=True)
            case "denied" | "missing":
                self.settle.failed(_final(self.means.name, refusal))
                limiter.release(self.permit)
            case "expired":
                limiter.release(self.permit)
                self.renewed(told, renewals)
            case _:
                self.means.lane.refused(self.permit)
                self.unfit(refusal)

    def unfit(self, refusal: Refusal) -> None:
        """The endpoint works, and does not take this request."""
        told = refusal.message
        if refusal.kind == "too_large":
            size = len(self.encoded.payload.body)
            self.means.lane.packing.too_large(self.piece.rows, size)
            told = f"too large: {told} ({size:,} bytes)"
        self.settle.refused(self.piece, told)

    def renewed(self, message: str, renewals: int) -> None:
        """Once more with new credentials; those that are refused as well are no good."""
        if self.piece.tries.renewed:
            raise SourceDenied(
                f"{self.means.name} refuses new credentials too: {message}",
                hint="see the connection's credentials",
                details={"resume": True, "status": 401},
            )
        self.means.renew(renewals)
        self.piece.tries.renewed = True
        self.settle.again(self.piece, time.monotonic())

    def again(
        self, trouble: Trouble, message: str, hint: str = "", *, wait: float | None = None, paid: bool = False
    ) -> None:
        """Later, smaller, or not at all. `paid`: the endpoint may count what failed."""
        means, piece, now = self.means, self.piece, time.monotonic()
        if piece.tries.in_doubt(trouble, means.lane.last_answer):
            _prove(means, self.settle)
        after = piece.tries.failed(trouble, piece.rows, now, means.lane.last_answer, means.patience)
        if after.what == "bad":
            self.settle.refused(piece, message)
            return
        if after.what == "over" or (wait or 0.0) > means.patience.of(trouble):
            raise SourceUnavailable(
                f"{means.name} is {_WORDS[trouble]} (tried {piece.tries.count} times): {message}",
                hint=hint or "try again later; answers that were kept are not paid again",
                details={"resume": True},
            )
        means.counter.add(paid_twice=int(paid))
        if after.what == "smaller":
            self.settle.halve(piece)
        else:
            spread = 1 + random.random() / 10  # noqa: S311  # so that those who are told the same do not come back as one
            works = trouble in ("unavailable", "throttled") and piece.tries.works(means.lane.last_answer)
            pause = means.lane.budget.take(trouble, works=works)
            self.settle.again(piece, now + max(after.seconds, (wait or 0.0) * spread, pause))


def _prove(means: Means, settle: Settle) -> None:
    """Ask once more what was answered before: if it is answered again, the endpoint works, and other requests fail for their rows."""
    proof = means.proof
    if proof is None or not means.proving.acquire(blocking=False):
        return
    lane = means.lane
    try:
        outcome: Answer | Later | Refusal | Unreachable | None
        with lane.together.admitted(settle.check) as admission:
            permit = lane.limiter.acquire(admission.check, proof.asked.rows)
            try:
                outcome = _outcome(means, proof, settle.left(), admission)
                means.counter.add(proofs=1)
                if isinstance(outcome, Later):
                    outcome = _awaited(means, settle, outcome)
            finally:
                lane.limiter.release(permit)
        if isinstance(outcome, Answer):
            lane.last_answer = time.monotonic()
    except _Late:
        return
    finally:
        means.proving.release()


def _final(name: str, refusal: Refusal) -> MusterError:
    if refusal.kind == "missing":
        hint = "see the endpoint's name, and that it is in service"
        return NotFound(f"{name} is not there: {refusal.message}", hint=hint, details={"resume": True})
    hint = "see the connection's credentials, and what they may do"
    return SourceDenied(f"{name} refuses who asks: {refusal.message}", hint=hint, details={"resume": True})
