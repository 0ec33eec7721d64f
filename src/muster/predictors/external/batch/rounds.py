"""The rounds of a run that is scored by batch jobs: what is sent, which job answers it, and what is left for the next."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass

import numpy as np

from muster.errors import ModelFailed, RunFailed, SourceUnavailable, shortened
from muster.predictor import OpenPredictor, Predictor, Sending, Talk
from muster.predictors.external.batch.ends import BatchOf, Collector, Outcome, Round, Sender, open_service
from muster.predictors.external.batch.following import Following
from muster.predictors.external.batch.service import Seen, Service, Work
from muster.predictors.external.batch.staged import Piece
from muster.predictors.external.batch.wanted import (
    MOST_REQUESTS,
    Chunk,
    Ended,
    Range,
    Wanted,
    following,
    places,
    places_told,
    stretches,
)
from muster.predictors.external.codecs.spec import RequestSpec
from muster.signature import Json

__all__ = ["BatchJobs"]

_ROUNDS = 90
_TOGETHER = 4
_LONG = 2_000


@dataclass(frozen=True, slots=True)
class _Send:
    """An OpenPredictor that sends what a round asks for."""

    batch: BatchOf
    number: int
    wanted: Wanted | None

    def __call__(self) -> Predictor:
        return Sender(self.batch, self.number, self.wanted)


@dataclass(frozen=True, slots=True)
class _Collect:
    """An OpenPredictor that gives what came back."""

    batch: BatchOf
    rounds: Sequence[Round]

    def __call__(self) -> Predictor:
        return Collector(self.batch, self.rounds)


class BatchJobs:
    """ProviderJobs over a folder in object storage. `talk` is told what a person waits for."""

    def __init__(self, batch: BatchOf, params: Mapping[str, Json], talk: Talk) -> None:
        self._batch = batch
        self._params = params
        self._staged = batch.staged
        self._talk = talk
        self._opened: Service | None = None

    @property
    def _service(self) -> Service:
        if self._opened is None:
            self._opened = open_service(self._batch.version, self._batch.connection)
        return self._opened

    @property
    def _jobs(self) -> Following:
        return Following(self._service, self._staged, self._batch.run, self._talk)

    def next(self) -> Sending | None:
        rounds, wanted = self._history()
        if rounds and not wanted:
            return None
        if len(rounds) >= _ROUNDS:
            raise SourceUnavailable(
                f"{len(rounds)} batch jobs have not answered every row", hint="see the jobs at the provider"
            )
        self._staged.mark()
        return Sending(len(rounds), _Send(self._batch, len(rounds), wanted), *self._done(len(rounds), wanted))

    def run(self, sending: Sending, cancelled: Callable[[], bool]) -> None:
        number = sending.number
        rounds, _ = self._history()
        # What was told of a row may have been told of those that it was asked for with.
        alone = self._service.by_row and any(one.ended.refused or one.ended.tried for one in rounds)
        pieces = self._sealed(number)
        if not pieces:  # not one row could be sent
            return self._note_end(number, Ended(alone=alone))
        rows = sum(p.rows for p in pieces)
        answered = any(sum(p.rows for p in self._staged.pieces(n)) > one.ended.rows for n, one in enumerate(rounds))
        request = RequestSpec.from_json(self._batch.version.load["request"])
        work = Work(
            name="",
            source=self._staged.requests(number),
            target=self._staged.outputs(number),
            first=self._staged.request(number, pieces[0], self._service.suffix),
            largest=self._staged.largest(number),
            content_type=request.content_type or request.about.content_type,
            accept=request.accept or request.about.accept,
            alone=alone,
            params={**request.params, **self._params},
        )

        def outcome(name: str, seen: Seen) -> tuple[Ended, str]:
            return self._outcome(number, pieces, name, seen, alone=alone)

        ended, said = self._jobs.worked(work, number, rows, outcome, cancelled)
        if ended.rows == rows and not answered and (number or alone or len(pieces) == rows):
            raise ModelFailed(
                f"the batch jobs answered no row: {said}",
                hint="see that the columns, their order and the request format are those that the model takes, and the job's own logs",
            )
        return self._note_end(number, ended)

    @property
    def answers(self) -> OpenPredictor:
        rounds, _ = self._history()
        return _Collect(self._batch, tuple(rounds))

    def clear(self) -> None:
        """Stop what works, and remove all that was put into the folder; what could not be stopped is raised at the end."""
        try:
            numbers = range(next(n for n in range(_ROUNDS + 1) if self._staged.noted(_sent(n)) is None))
            self._jobs.end(numbers)
        finally:
            self._staged.clear()

    def close(self) -> None:
        if self._opened is not None:
            self._opened.close()

    def _sealed(self, number: int) -> Sequence[Piece]:
        """All that was sent for a round, which is noted from now on."""
        noted = self._staged.noted(_sent(number))
        pieces = self._staged.pieces(number, None if noted is None else _int(noted["pieces"]))
        if len(pieces) > MOST_REQUESTS:
            raise RunFailed(
                f"the data makes {len(pieces):,} requests, and a batch job takes {MOST_REQUESTS:,} at most",
                hint="score less of it at once, or by calls, without `--via batch`",
            )
        if noted is None:
            self._staged.note(_sent(number), {"pieces": len(pieces)})
        return pieces

    def _outcome(
        self, number: int, pieces: Sequence[Piece], name: str, seen: Seen, *, alone: bool
    ) -> tuple[Ended, str]:
        """How the round stands after a job of it, and the first of what was said of rows without an answer."""
        keys = self._service.answers(self._staged, number)
        silent = shortened(
            f"the batch job {name} gave no answer to it{f': {seen.message}' if seen.message else ''}", _LONG
        )
        refused: dict[str, str | Sequence[Range]] = {}
        again: dict[str, str | Sequence[Range]] = {}
        tried: dict[str, str | Sequence[Range]] = {}
        # Where a job tells of each row, what it says nothing of was not looked at, unless it says nothing at all.
        blamed = seen.state != "stopped" and seen.rows_to_blame and not (self._service.by_row and keys)
        for piece in pieces:
            if piece not in keys:
                (refused if blamed else again)[piece.name] = silent
        known = self._read([p for p in pieces if p in keys], keys)
        for piece, one in self._settled(known) if alone else known:
            for told, rows in ((refused, one.refused), (again, one.again), (tried, one.tried)):
                if rows.size:
                    told[piece.name] = stretches(rows)
        said = next((one.said for _, one in known if one.said), silent)
        return Ended(refused, again, tried, alone), shortened(said, _LONG)

    def _settled(self, known: Sequence[tuple[Piece, Outcome]]) -> Sequence[tuple[Piece, Outcome]]:
        """A row that fails alone, and again in the next job, while that one answers others, fails for itself."""
        rounds, wanted = self._history()
        last = rounds[-1]
        works = any(piece.rows > one.refused.size + one.again.size for piece, one in known)
        if not (works and last.ended.alone and last.ended.tried):
            return known
        before = places_told(last.wanted, [last.ended.tried])
        return [(piece, _twice(one, places(wanted, piece), before.get(piece.chunk))) for piece, one in known]

    def _read(self, pieces: Sequence[Piece], keys: Mapping[Piece, str]) -> Sequence[tuple[Piece, Outcome]]:
        with closing(Collector(self._batch, ())) as collector, ThreadPoolExecutor(_TOGETHER) as pool:
            return list(zip(pieces, pool.map(lambda p: collector.outcome(p, keys[p]), pieces), strict=True))

    def _note_end(self, number: int, ended: Ended) -> None:
        self._staged.note(f"ended-{number:02}", ended.to_json())

    def _history(self) -> tuple[list[Round], Wanted | None]:
        """The rounds that have ended, in order, and what the next one is to ask for; all rows where that is None."""
        rounds: list[Round] = []
        wanted: Wanted | None = None
        while (told := self._staged.noted(f"ended-{len(rounds):02}")) is not None:
            sent = self._staged.noted(_sent(len(rounds)))
            assert sent is not None, "it is noted first"
            ended = Ended.from_json(told)
            rounds.append(Round(wanted, _int(sent["pieces"]), ended))
            wanted = following(wanted, ended, by_row=self._service.by_row)
        return rounds, wanted

    def _done(self, number: int, wanted: Wanted | None) -> tuple[frozenset[Chunk], frozenset[int], bool]:
        """Chunks that need not be read, parts that need not, and whether all of the round was sent."""
        sealed = self._staged.noted(_sent(number)) is not None
        if wanted is None:
            return _whole(self._staged.pieces(number)), frozenset(), sealed
        known = {piece.chunk for piece in self._staged.pieces(0)}
        return frozenset(known - set(wanted)), frozenset({p for p, _ in known} - {p for p, _ in wanted}), sealed


def _twice(one: Outcome, rows: np.ndarray, before: np.ndarray | None) -> Outcome:
    """With the rows refused that were tried before, too."""
    if before is None:
        return one
    over = one.tried[np.isin(rows[one.tried], before)]
    again, tried = np.setdiff1d(one.again, over), np.setdiff1d(one.tried, over)
    return Outcome(np.union1d(one.refused, over), again, tried, one.said)


def _whole(pieces: Sequence[Piece]) -> frozenset[Chunk]:
    """The chunks of which every piece is there."""
    rows: dict[Chunk, int] = {}
    for piece in pieces:
        rows[piece.chunk] = rows.get(piece.chunk, piece.of) - piece.rows
    return frozenset(chunk for chunk, left in rows.items() if left == 0)


def _sent(number: int) -> str:
    return f"sent-{number:02}"


def _int(value: Json) -> int:
    assert isinstance(value, int)
    return value
