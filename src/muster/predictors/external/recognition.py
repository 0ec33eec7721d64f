"""What an endpoint takes and how it answers, found out by asking it about a few rows; from then on both are fixed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import pyarrow as pa

from muster.errors import InvalidInput, ModelFailed, MusterError, shortened
from muster.predictor import Declared
from muster.predictors.external.codecs.candidates import candidates
from muster.predictors.external.codecs.encode import encode
from muster.predictors.external.codecs.recognise import recognise
from muster.predictors.external.codecs.spec import RequestSpec, ResponseSpec
from muster.predictors.external.exchange import Answer, Payload, Refusal
from muster.signature import Json, Scalar, Signature, Task

__all__ = ["Ask", "Recognised", "Tried", "recognised"]

Ask = Callable[[Payload], "Answer | Refusal"]
"""One request, tried again where that helps."""

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


def recognised(
    ask: Ask, kind: str, rows: pa.RecordBatch, signature: Signature, load: Mapping[str, Json], declared: Declared, task: Task, classes: Sequence[Scalar]
) -> Recognised:
    """`load` has what the provider told of formats. Try what is declared, else what the provider tells, else what such endpoints mostly take, until one is understood.

    InvalidInput lists all that was tried, where none is.
    """
    tried: list[Tried] = []
    for spec in _requests(kind, signature, load, declared):
        spec = spec if spec.columns else replace(spec, columns=signature.names)  # noqa: PLW2901  # the one that is sent
        found = _try(ask, spec, rows.slice(0, 1 if spec.one_row else _ROWS), _hints(load, declared), task, classes, tried)
        if found is not None and _again(ask, spec, rows, found, tried):
            return Recognised(spec, found, tuple(tried))
    raise InvalidInput(
        f"nothing that was sent to the endpoint gave an answer that can be read: {'; '.join(_told(t) for t in tried)}",
        hint="declare `request` and `response`: a format's name, or the explicit specification as a dictionary",
        details={"probes": [t.to_json() for t in tried]},
    )


def _requests(kind: str, signature: Signature, load: Mapping[str, Json], declared: Declared) -> list[RequestSpec]:
    if declared.request != "auto":
        return [RequestSpec.from_json(declared.request)]
    told = [] if load["request"] == "auto" else [RequestSpec.from_json(load["request"])]
    return [*told, *(c for c in candidates(kind, signature) if c not in told)]


def _hints(load: Mapping[str, Json], declared: Declared) -> Json:
    return declared.response if declared.response != "auto" else load["response"]


def _try(
    ask: Ask, spec: RequestSpec, rows: pa.RecordBatch, hints: Json, task: Task, classes: Sequence[Scalar], tried: list[Tried]
) -> ResponseSpec | None:
    try:
        payload = encode(rows, spec)
    except MusterError as error:
        tried.append(Tried(spec.format, rows.num_rows, f"it cannot hold these rows: {error.message}", passed=False))
        return None
    answer = ask(payload)
    if isinstance(answer, Refusal):
        tried.append(_seen(spec, rows, payload, f"refused: {answer.message}", b"", passed=False))
        return None
    try:
        found = recognise(answer.body, answer.content_type, rows.num_rows, task, classes, hints)
    except (InvalidInput, ModelFailed) as error:
        tried.append(_seen(spec, rows, payload, error.message, answer.body, passed=False))
        return None
    tried.append(_seen(spec, rows, payload, "understood", answer.body, passed=True))
    return found


def _again(ask: Ask, spec: RequestSpec, rows: pa.RecordBatch, found: ResponseSpec, tried: list[Tried]) -> bool:
    """Another number of rows must give as many answers: one row and three can be told apart by nothing else."""
    if spec.one_row or rows.num_rows < 2:
        return True
    few = rows.slice(0, 2 if rows.num_rows > 2 else 1)
    payload = encode(few, spec)
    answer = ask(payload)
    if isinstance(answer, Refusal):
        tried.append(_seen(spec, few, payload, f"refused: {answer.message}", b"", passed=False))
        return False
    try:
        _read(answer, few.num_rows, found)
    except (InvalidInput, ModelFailed) as error:
        tried.append(_seen(spec, few, payload, error.message, answer.body, passed=False))
        return False
    tried.append(_seen(spec, few, payload, "understood", answer.body, passed=True))
    return True


def _read(answer: Answer, rows: int, found: ResponseSpec) -> None:
    from muster.predictors.external.codecs.document import document, text_of
    from muster.predictors.external.codecs.rows import tabulate

    tabulate(document(text_of(answer.body, answer.content_type), found), rows, found)


def _seen(spec: RequestSpec, rows: pa.RecordBatch, payload: Payload, outcome: str, body: bytes, *, passed: bool) -> Tried:
    return Tried(spec.format, rows.num_rows, outcome, passed, _beginning(payload.body), _beginning(body))


def _beginning(body: bytes) -> str:
    return shortened(body[: 4 * _SHOWN].decode(errors="replace"), _SHOWN)


def _told(tried: Tried) -> str:
    return f"`{tried.request}`: {shortened(tried.outcome, 160)}"
