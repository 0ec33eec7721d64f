"""What an endpoint takes and how it answers, found out by asking it about a few rows; from then on both are fixed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

import pyarrow as pa

from muster.errors import InvalidInput, ModelFailed, MusterError, shortened
from muster.predictor import Declared
from muster.predictors.external.codecs.candidates import candidates
from muster.predictors.external.codecs.decode import decode
from muster.predictors.external.codecs.encode import encode
from muster.predictors.external.codecs.outputs import output_of
from muster.predictors.external.codecs.recognise import recognise
from muster.predictors.external.codecs.spec import RequestSpec, ResponseSpec
from muster.predictors.external.exchange import Answer, Payload, Refusal
from muster.signature import Json, Scalar, Signature, Task

__all__ = ["Ask", "Recognised", "Tried", "Wanted", "recognised"]

Ask = Callable[[Payload], "Answer | Refusal"]
"""One request, tried again where that helps."""

_Read = Callable[[Answer, int], ResponseSpec]

_ROWS = 3
_SHOWN = 300


@dataclass(frozen=True, slots=True)
class Tried:
    """A probe: what was sent, and what came back."""

    request: str
    rows: int
    outcome: str
    passed: bool
    sent: str = ""
    received: str = ""
    failed: bool = False
    """Whether the endpoint failed at it, which it also does when it is down."""

    def to_json(self) -> Json:
        return {
            "request": self.request, "rows": self.rows, "passed": self.passed,
            "outcome": self.outcome, "sent": self.sent, "received": self.received,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Recognised:
    """Both sides of the codec, explicit, and every probe that was sent for it."""

    request: RequestSpec
    response: ResponseSpec
    tried: tuple[Tried, ...]

    @property
    def classes(self) -> tuple[Scalar, ...]:
        return self.response.meaning.classes


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is known of an endpoint before it is asked. `load` has what the provider told of formats."""

    kind: str
    signature: Signature
    load: Mapping[str, Json]
    declared: Declared
    task: Task
    classes: Sequence[Scalar]
    target: str | None = None

    def requests(self) -> list[RequestSpec]:
        if self.declared.request != "auto":
            return [RequestSpec.from_json(self.declared.request)]
        told = [] if self.load["request"] == "auto" else [RequestSpec.from_json(self.load["request"])]
        return [*told, *(c for c in candidates(self.kind, self.signature) if c not in told)]

    def hints(self) -> Json:
        return self.declared.response if self.declared.response != "auto" else self.load["response"]


def recognised(probe: Ask, ask: Ask, rows: pa.RecordBatch, wanted: Wanted) -> Recognised:
    """Try what is declared, else what the provider tells, else what such endpoints mostly take, until one is understood.

    InvalidInput lists all that was tried, where none is. One that fails whatever it is asked is asked again by `ask`, patiently:
    it may be down.
    """
    tried: list[Tried] = []
    found = _first(probe, rows, wanted, tried)
    sent = [t for t in tried if t.sent]
    if found is None and sent and all(t.failed for t in sent):
        found = _first(ask, rows, wanted, tried)
    if found is not None:
        return found
    raise InvalidInput(
        f"nothing that was sent to the endpoint gave an answer that can be read: {'; '.join(_told(t) for t in tried)}",
        hint="declare `request` and `response`: a format's name, or the explicit specification as a dictionary",
        details={"probes": [t.to_json() for t in tried]},
    )


def _first(ask: Ask, rows: pa.RecordBatch, wanted: Wanted, tried: list[Tried]) -> Recognised | None:
    for each in wanted.requests():
        spec = each if each.columns else replace(each, columns=wanted.signature.names)
        few = rows.slice(0, 1 if spec.one_row else _ROWS)
        found = _answered(ask, spec, few, tried, lambda answer, n: _recognise(answer, n, wanted))
        if found is not None and _again(ask, spec, few, (found, wanted), tried):
            return Recognised(spec, found, tuple(tried))
    return None


def _recognise(answer: Answer, rows: int, wanted: Wanted) -> ResponseSpec:
    """A number by the target's own name goes before one by a name that such numbers usually have."""
    hints = wanted.hints()
    if wanted.task == "regression" and wanted.target and hints == "auto":
        with suppress(InvalidInput):
            return recognise(answer.body, answer.content_type, rows, wanted.task, (), {"value": wanted.target})
    return recognise(answer.body, answer.content_type, rows, wanted.task, wanted.classes, hints)


def _answered(
    ask: Ask, spec: RequestSpec, rows: pa.RecordBatch, tried: list[Tried], read: _Read
) -> ResponseSpec | None:
    """One probe, which is noted whatever comes of it."""
    try:
        payload = encode(rows, spec)
    except MusterError as error:
        tried.append(Tried(spec.format, rows.num_rows, f"it cannot hold these rows: {error.message}", passed=False))
        return None
    answer = ask(payload)
    received = answer.body if isinstance(answer, Answer) else b""
    found, outcome = None, "understood"
    failed = isinstance(answer, Refusal) and answer.kind == "unavailable"
    if isinstance(answer, Refusal):
        outcome = f"refused: {answer.message}"
    else:
        try:
            found = read(answer, rows.num_rows)
        except (InvalidInput, ModelFailed) as error:
            outcome = error.message
    sent = _beginning(payload.body), _beginning(received)
    tried.append(Tried(spec.format, rows.num_rows, outcome, found is not None, *sent, failed=failed))
    return found


def _again(
    ask: Ask, spec: RequestSpec, rows: pa.RecordBatch, known: tuple[ResponseSpec, Wanted], tried: list[Tried]
) -> bool:
    """Another number of rows must give as many answers: one row and three can be told apart by nothing else."""
    if spec.one_row or rows.num_rows < 2:
        return True
    few = rows.slice(0, 2 if rows.num_rows > 2 else 1)
    return _answered(ask, spec, few, tried, lambda answer, n: _read(answer, n, *known)) is not None


def _read(answer: Answer, rows: int, found: ResponseSpec, wanted: Wanted) -> ResponseSpec:
    """Another answer must be read by what the first one told."""
    output = output_of(found, wanted.task, wanted.classes or found.meaning.classes)
    read = decode(answer.body, answer.content_type, rows, output, found)
    if "error" in read.schema.names and read.column("error").null_count == 0:
        raise ModelFailed(f"no row has a prediction: {read.column('error')[0]}")
    return found


def _beginning(body: bytes) -> str:
    return shortened(body[: 4 * _SHOWN].decode(errors="replace"), _SHOWN)


def _told(tried: Tried) -> str:
    return f"`{tried.request}`: {shortened(tried.outcome, 160)}"
