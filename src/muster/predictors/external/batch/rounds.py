"""The rounds of a run that is scored by batch jobs: what is sent, which job answers it, and what is left for the next."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from muster.errors import ModelFailed, RunCancelled, RunFailed, SourceError
from muster.objects.place import Place
from muster.predictor import OpenPredictor, Predictor, Sending, Talk
from muster.predictors.external.batch.collecting import Collector, Round
from muster.predictors.external.batch.ends import BatchOf, open_service
from muster.predictors.external.batch.following import Following
from muster.predictors.external.batch.results import Results
from muster.predictors.external.batch.sending import Sender
from muster.predictors.external.batch.service import Seen, Service, Work
from muster.predictors.external.batch.staged import Piece, Staged, clear, removed
from muster.predictors.external.batch.wanted import MOST_REQUESTS, Chunk, Ended, Wanted, following
from muster.predictors.external.codecs.spec import RequestSpec
from muster.records import Connection, Version
from muster.signature import Json

__all__ = ["BatchJobs"]

_ROUNDS = 30


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
    """ProviderJobs over a folder in object storage, where a run has one of its own. `talk` is told what a person waits for."""

    def __init__(
        self,
        version: Version,
        connection: Connection,
        run: str,
        folder: Place,
        *,
        params: Mapping[str, Json],
        talk: Talk,
    ) -> None:
        self._version, self._connection, self._run = version, connection, run
        self._place = folder.below(f"muster-{run}/")
        self._params = params
        self._talk = talk
        self._opened: Service | None = None

    @cached_property
    def _staged(self) -> Staged:
        return Staged.begun(self._place)

    @property
    def _batch(self) -> BatchOf:
        return BatchOf(self._version, self._connection, self._staged, self._run)

    @property
    def _service(self) -> Service:
        if self._opened is None:
            self._opened = open_service(self._version, self._connection)
        return self._opened

    def next(self) -> Sending | None:
        rounds, wanted = self._history()
        number = len(rounds)
        if rounds and not wanted:
            return None
        if number >= _ROUNDS:
            raise SourceError(
                f"{number} batch jobs have not answered every row: {rounds[-1].ended.said}",
                hint="see the jobs at the provider, or score by calls, without `--via batch`",
            )
        return Sending(number, _Send(self._batch, number, wanted), *self._done(number, wanted))

    def run(self, sending: Sending, cancelled: Callable[[], bool]) -> None:
        if cancelled():  # before anything is noted as sent: who sends has stopped at that too
            raise RunCancelled("the run was cancelled")
        number = sending.number
        rounds, wanted = self._history()
        alone = self._alone([one.ended for one in rounds])
        pieces = self._sealed(number)
        if not pieces:  # not one row could be sent
            return self._note_end(number, Ended(alone=alone))
        rows = sum(p.rows for p in pieces)
        request = RequestSpec.from_json(self._version.load["request"])
        work = Work(
            name="",
            source=self._staged.requests(number),
            target=self._staged.outputs(number),
            first=self._staged.first(number),
            largest=self._staged.largest(number),
            content_type=request.content_type or request.about.content_type,
            accept=request.accept or request.about.accept,
            alone=alone,
            params={**request.params, **self._params},
        )
        results = Results(self._service, self._batch, number, pieces, wanted, alone=alone)
        last = rounds[-1] if rounds else None

        def outcome(name: str, seen: Seen, count: int) -> tuple[Ended, bool]:
            return results.of(name, seen, last, jobs=count)

        jobs = Following(self._service, self._staged, self._run, self._talk)
        ended = jobs.worked(work, number, rows, outcome, cancelled)
        if not ended.proofs and ended.unanswered == rows and (number or alone or len(pieces) == rows):
            raise ModelFailed(
                f"the batch jobs answered no row: {ended.said}",
                hint="see that the columns, their order and the request format are those that the model takes, and the job's own logs",
            )
        return self._note_end(number, ended)

    @property
    def answers(self) -> OpenPredictor:
        rounds, _ = self._history()
        return _Collect(self._batch, tuple(rounds))

    def clear(self) -> None:
        """Stop what works, and then remove all that was put into the folder; nothing is removed where a job could not be stopped."""
        if (staged := Staged.known(self._place)) is not None:
            numbers = range(next(n for n in range(_ROUNDS + 1) if staged.noted(_sent(n)) is None))
            Following(self._service, staged, self._run, self._talk).end(numbers)
        clear(self._place)

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

    def _alone(self, ended: Sequence[Ended]) -> bool:
        """Whether the next round is to ask for each row by itself: what was told of some may have been told of their neighbours."""
        return self._service.by_row and any(one.refused or one.tried for one in ended)

    def _note_end(self, number: int, ended: Ended) -> None:
        self._staged.note(f"ended-{number:02}", ended.to_json())

    def _history(self) -> tuple[list[Round], Wanted | None]:
        """The rounds that have ended, in order, and what the next one is to ask for; all rows where that is None."""
        rounds: list[Round] = []
        wanted: Wanted | None = None
        while (told := self._staged.noted(f"ended-{len(rounds):02}")) is not None:
            sent = self._staged.noted(_sent(len(rounds)))
            if sent is None:  # it was noted first
                raise removed(self._place)
            rounds.append(Round(wanted, _int(sent["pieces"]), Ended.from_json(told)))
            alone = self._alone([one.ended for one in rounds])
            wanted = following(wanted, rounds[-1].ended, by_row=self._service.by_row, alone=alone)
        return rounds, wanted

    def _done(self, number: int, wanted: Wanted | None) -> tuple[frozenset[Chunk], frozenset[int], bool]:
        """Chunks that need not be read, parts that need not, and whether all of the round was sent."""
        sealed = self._staged.noted(_sent(number)) is not None
        if wanted is None:
            return _whole(self._staged.pieces(number)), frozenset(), sealed
        known = {piece.chunk for piece in self._staged.pieces(0)}
        return frozenset(known - set(wanted)), frozenset({p for p, _ in known} - {p for p, _ in wanted}), sealed


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
