"""The rounds of a run that is scored by batch jobs: what is sent, which job answers it, and what is left for the next."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, replace

from muster.errors import ModelFailed, RunCancelled, SourceUnavailable, plural, shortened
from muster.predictor import OpenPredictor, Predictor, Sending, Talk
from muster.predictors.external.batch.pieces import BatchOf, Chunk, Collector, Range, Refused, Sender, open_service
from muster.predictors.external.batch.service import Seen, Service, Work
from muster.predictors.external.batch.staged import Piece
from muster.predictors.external.codecs.spec import RequestSpec
from muster.signature import Json

__all__ = ["BatchJobs"]

_CUT = 16
"""Requests that one is cut into that was refused."""
_MANY = 20_000
"""Requests of a later round: where more were refused, their rows are given up with what was said of them."""
_FAULTS = 3
"""So often in a row a job may fail for a reason that lies in no rows."""
_FIRST, _LONGEST, _GROWS = 0.2, 30.0, 1.5
"""Seconds between two looks at a job."""
_PATIENCE = 600.0
"""Seconds for which the provider may not answer such looks."""
_TOLD = 60.0
_TOGETHER = 4
_LONG = 2_000


@dataclass(frozen=True, slots=True)
class _Open:
    """An OpenPredictor for one end of a round."""

    batch: BatchOf
    number: int
    ranges: Mapping[Chunk, Sequence[Range]] | None = None
    refused: tuple[Refused, ...] | None = None

    def __call__(self) -> Predictor:
        if self.refused is not None:
            return Collector(self.batch, self.refused)
        return Sender(self.batch, self.number, self.ranges)


@dataclass(frozen=True, slots=True)
class _Ended:
    """How a round ended. `alone`: each row was asked for by itself."""

    refused: Refused
    rows_to_blame: bool
    alone: bool


class BatchJobs:
    """ProviderJobs over a folder in object storage. `talk` is told what a person waits for."""

    def __init__(self, batch: BatchOf, talk: Talk) -> None:
        self._batch = batch
        self._staged = batch.staged
        self._talk = talk
        self._opened: Service | None = None

    @property
    def _service(self) -> Service:
        if self._opened is None:
            self._opened = open_service(self._batch.version, self._batch.connection)
        return self._opened

    def next(self) -> Sending | None:
        rounds = self._rounds()
        number = len(rounds)
        if rounds and not rounds[-1].refused:
            return None
        ranges = None if not rounds else self._left(rounds)
        if ranges is not None and not ranges:
            return None
        return Sending(number, _Open(self._batch, number, ranges), *self._done(number, ranges))

    def run(self, sending: Sending, cancelled: Callable[[], bool]) -> None:
        number = sending.number
        pieces = self._staged.pieces(number)
        alone = self._service.by_row and _looking(self._rounds())
        self._staged.note(f"sent-{number:02}", {"pieces": len(pieces), "alone": alone})
        if not pieces:  # no row could be sent at all
            return self._end(number, {}, Seen("done", ""), alone=alone)
        first, rows = pieces[0], sum(p.rows for p in pieces)
        request = RequestSpec.from_json(self._batch.version.load["request"])
        work = Work(
            name="",
            source=self._staged.requests(number),
            target=self._staged.outputs(number),
            content_type=request.content_type or request.about.content_type,
            accept=request.accept or request.about.accept,
            largest=self._staged.largest(number),
            alone=alone,
        )
        name, seen = self._worked(work, number, rows, cancelled)
        self._service.settle(name, self._staged, number)
        keys = self._service.answers(self._staged, number)
        why = f": {seen.message}" if seen.message else ""
        refused = self._refused(pieces, keys, shortened(f"the batch job {name} gave no answer to it{why}", _LONG))
        some = rows > sum(_rows_of(n, told) for n, told in refused.items())
        if not some and not seen.rows_to_blame:
            raise SourceUnavailable(
                f"the batch job {name} failed: {seen.message or seen.word}", hint="see the job at the provider"
            )
        if not some and (len(pieces) == rows if not number else not self._any(number)):
            said = self._said(first, refused, keys)
            raise ModelFailed(
                f"the batch jobs answered no row: {said}",
                hint="see that the columns, their order and the request format are those that the model takes, and the job's own logs",
            )
        return self._end(number, refused, seen, alone=alone)

    def _any(self, number: int) -> bool:
        """Whether any row was answered before a round."""
        for earlier, ended in enumerate(self._rounds()[:number]):
            if sum(p.rows for p in self._staged.pieces(earlier)) > sum(
                _rows_of(n, told) for n, told in ended.refused.items()
            ):
                return True
        return False

    @property
    def answers(self) -> OpenPredictor:
        rounds = self._rounds()
        return _Open(self._batch, len(rounds), refused=tuple(r.refused for r in rounds))

    def clear(self) -> None:
        """Stop what works, and remove all that was put into the folder."""
        number = 0
        while self._staged.noted(f"sent-{number:02}") is not None:
            for name in self._names(number):
                seen = self._service.look(name)
                if seen is None:
                    break
                if seen.state == "working":
                    self._service.stop(name)
            number += 1
        self._staged.clear()

    def close(self) -> None:
        if self._opened is not None:
            self._opened.close()

    def _worked(self, work: Work, number: int, rows: int, cancelled: Callable[[], bool]) -> tuple[str, Seen]:
        """The round's job once it has ended: the one that works, or did to some end; else a new one."""
        for name in self._names(number):
            seen = self._service.look(name)
            if seen is None:
                self._service.start(replace(work, name=name))
                self._talk(f"the batch job {name} was started, for {plural(rows, 'row')}")
            elif seen.state == "stopped" or (seen.state == "failed" and not seen.rows_to_blame):
                continue  # whoever goes on wants another try
            return name, self._waited(name, cancelled)
        raise AssertionError("there is always another name")

    def _names(self, number: int) -> Sequence[str]:
        whole = f"muster-{self._batch.run}-{number}".lower()
        return [whole, *(f"{whole}-{attempt}" for attempt in range(1, 100))]

    def _waited(self, name: str, cancelled: Callable[[], bool]) -> Seen:
        pause, began, told_at, word, heard = _FIRST, time.monotonic(), 0.0, "", time.monotonic()
        while True:
            try:
                seen = self._service.look(name)
                heard = time.monotonic()
            except SourceUnavailable:
                if time.monotonic() - heard > _PATIENCE:
                    raise
            else:
                if seen is not None and seen.state == "stopped":
                    raise SourceUnavailable(
                        f"the batch job {name} was stopped at the provider", hint="go on to start another"
                    )
                if seen is not None and seen.state != "working":
                    return seen
                now = time.monotonic()
                if seen is not None and (seen.word != word or now - told_at > _TOLD):
                    word, told_at = seen.word, now
                    self._talk(f"the batch job {name} is {word} ({now - began:,.0f} s)")
            _sleep(pause, cancelled)
            pause = min(pause * _GROWS, _LONGEST)

    def _refused(self, pieces: Sequence[Piece], keys: Mapping[Piece, str], said: str) -> Refused:
        """What has no answer: what the job told so, and what it wrote that is none. `said` is of requests that it has passed over."""
        refused: dict[str, str | Sequence[Range]] = {p.name: said for p in pieces if p not in keys}
        answered = [p for p in pieces if p in keys]
        with closing(Collector(self._batch, ())) as collector, ThreadPoolExecutor(_TOGETHER) as pool:
            for piece, told in zip(answered, pool.map(lambda p: collector.refused(p, keys[p]), answered), strict=True):
                if told:
                    refused[piece.name] = shortened(told, _LONG) if isinstance(told, str) else told
        return refused

    def _said(self, piece: Piece, refused: Refused, keys: Mapping[Piece, str]) -> str:
        if isinstance(told := refused[piece.name], str):
            return told
        with closing(Collector(self._batch, ())) as collector:
            return collector.said(keys[piece])

    def _end(self, number: int, refused: Refused, seen: Seen, *, alone: bool) -> None:
        blame = seen.rows_to_blame or seen.state == "done"
        told: Json = {n: r if isinstance(r, str) else [list(one) for one in r] for n, r in refused.items()}
        self._staged.note(f"ended-{number:02}", {"refused": told, "rows_to_blame": blame, "alone": alone})

    def _rounds(self) -> list[_Ended]:
        """Those that have ended, in order."""
        found: list[_Ended] = []
        while (told := self._staged.noted(f"ended-{len(found):02}")) is not None:
            found.append(_Ended(_refused_of(told["refused"]), told["rows_to_blame"] is True, told["alone"] is True))
        return found

    def _left(self, rounds: Sequence[_Ended]) -> Mapping[Chunk, Sequence[Range]]:
        """What is worth asking for again, each range in one request; nothing where every row is decided."""
        last = rounds[-1]
        if not last.rows_to_blame and len(rounds) >= _FAULTS and not any(r.rows_to_blame for r in rounds[-_FAULTS:]):
            raise SourceUnavailable(
                f"{_FAULTS} batch jobs in a row have failed: {_first_said(last)}", hint="see the jobs at the provider"
            )
        if last.alone and last.rows_to_blame:
            return {}
        found: dict[Chunk, list[Range]] = {}
        count = 0
        for name, told in last.refused.items():
            piece = Piece.named(name)
            assert piece is not None
            for first, many in self._cut(piece, told, whole=not last.rows_to_blame):
                found.setdefault(piece.chunk, []).append((piece.first + first, many))
                count += 1
        if count > _MANY:
            self._talk(
                f"{plural(count, 'request')} would be too many to find rows that the model cannot take: they are rejected"
            )
            return {}
        return found

    def _cut(self, piece: Piece, told: str | Sequence[Range], *, whole: bool) -> Sequence[Range]:
        """The requests that refused rows of a piece are asked for in next."""
        if piece.rows == 1 and not whole:
            return []
        each = piece.rows if whole or self._service.by_row else -(-piece.rows // _CUT)
        every = [(0, piece.rows)] if isinstance(told, str) else told
        return [(at, min(each, first + many - at)) for first, many in every for at in range(first, first + many, each)]

    def _done(
        self, number: int, ranges: Mapping[Chunk, Sequence[Range]] | None
    ) -> tuple[frozenset[Chunk], frozenset[int], bool]:
        """Chunks that need not be read, parts that need not, and whether all of the round was sent."""
        sealed = self._staged.noted(f"sent-{number:02}") is not None
        if ranges is None:
            return _whole(self._staged.pieces(number)), frozenset(), sealed
        known = {piece.chunk for piece in self._staged.pieces(0)}
        return frozenset(known - set(ranges)), frozenset({p for p, _ in known} - {p for p, _ in ranges}), sealed


def _whole(pieces: Sequence[Piece]) -> frozenset[Chunk]:
    """The chunks of which every piece is there."""
    rows: dict[Chunk, int] = {}
    for piece in pieces:
        rows[piece.chunk] = rows.get(piece.chunk, piece.of) - piece.rows
    return frozenset(chunk for chunk, left in rows.items() if left == 0)


def _looking(rounds: Sequence[_Ended]) -> bool:
    """Whether the rows that are left are to be asked for one by one: some of them were to blame."""
    return any(ended.rows_to_blame for ended in rounds)


def _refused_of(document: Json) -> Refused:
    """What was noted of a round."""
    assert isinstance(document, dict)
    found: dict[str, str | Sequence[Range]] = {}
    for name, told in document.items():
        assert isinstance(told, (str, list))
        found[name] = told if isinstance(told, str) else [_range_of(one) for one in told]
    return found


def _range_of(document: Json) -> Range:
    match document:
        case [int(first), int(many)]:
            return first, many
    raise AssertionError(f"{document!r} was noted as a range")


def _rows_of(name: str, told: str | Sequence[Range]) -> int:
    """How many rows of a piece were refused."""
    piece = Piece.named(name)
    assert piece is not None
    return piece.rows if isinstance(told, str) else sum(many for _, many in told)


def _first_said(ended: _Ended) -> str:
    return next((told for told in ended.refused.values() if isinstance(told, str)), "they answered nothing")


def _sleep(seconds: float, cancelled: Callable[[], bool]) -> None:
    """Sleep, unless somebody wants an end; the job works on, and is found again by its name."""
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        if cancelled():
            raise RunCancelled("the run was cancelled")
        time.sleep(min(0.2, left))
