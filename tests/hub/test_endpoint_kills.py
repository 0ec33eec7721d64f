"""A scoring over an endpoint that is killed goes on to the same output, and what was answered is not paid again."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from muster.records import Run
from muster.signature import Json
from tests.hub.endpoint_stage import AT_ONCE, CHUNK, KINDS, Stage, expected, staged
from tests.hub.killing import CLI, Killer, killer, sound

SMALL, LARGE = CHUNK, 500
"""A chunk is one request, or many whose rows get more while it is learnt what the endpoint takes."""
ROWS = {SMALL: 400, LARGE: 2_000}

over_kinds = pytest.mark.parametrize("kind", KINDS)
over_chunks = pytest.mark.parametrize("chunk", [SMALL, pytest.param(LARGE, marks=pytest.mark.deep)])


@pytest.fixture
def stage(kind: str, chunk: int, tmp_path: Path) -> Iterator[Stage]:
    with pytest.MonkeyPatch.context() as patch, staged(kind, tmp_path, patch, chunk=chunk) as stage:
        yield stage


def _environ(stage: Stage) -> dict[str, str]:
    return stage.home.environ(score_chunk_rows=str(stage.chunk), worker_count="2")


class Cuts:
    """Kills of one run, and what was on the disk after each."""

    def __init__(self, stage: Stage, work: Killer, command: list[object]) -> None:
        self.stage, self.work, self.command = stage, work, command
        self.known = {r.id for r in stage.hub.runs()}
        self.run: Run | None = None
        self.kills = 0
        self.stored: set[int] = set()

    def at(self, request: int) -> bool:
        """While the model has this request, counted from now, in work."""
        reached, gone, model = threading.Event(), threading.Event(), self.stage.model

        def hold() -> None:
            reached.set()
            gone.wait(20)

        begun = len(model.asked)
        model.at(begun + request, hold)
        cut = self.work.cut_at(reached, CLI, *self.command)
        gone.set()
        return self._looked(cut=cut, begun=begun)

    def some_time(self) -> bool:
        begun = len(self.stage.model.asked)
        return self._looked(cut=self.work.cut(CLI, *self.command), begun=begun)

    def _looked(self, *, cut: bool, begun: int) -> bool:
        """What was stored before was not asked for again; and what is stored now."""
        hub = self.stage.hub
        sound(hub)
        self.asked_nothing_stored(begun)
        self.kills += cut
        fresh = [r for r in hub.runs() if r.id not in self.known]
        assert len(fresh) <= 1
        if fresh:
            self.run = hub.run(fresh[0].id)
            self.stored = self.stage.kept(self.run.id)
            self.command = ["run", "resume", self.run.id]
        return cut

    def asked_nothing_stored(self, begun: int) -> None:
        assert self.stored & set(self.stage.model.rows(begun)) == set(), "paid for what was stored"


@over_kinds
@pytest.mark.parametrize(
    ("chunk", "request_number"),
    [
        (SMALL, 1),
        (SMALL, 7),
        pytest.param(SMALL, 20, marks=pytest.mark.deep),
        (LARGE, 6),
        pytest.param(LARGE, 12, marks=pytest.mark.deep),
    ],
)
def test_a_killed_scoring_goes_on_without_paying_again(stage: Stage, tmp_path: Path, request_number: int) -> None:
    data = stage.data(ROWS[stage.chunk])
    with killer(tmp_path, _environ(stage), 1) as work:
        output = stage.output()
        cuts = Cuts(stage, work, ["score", "churn", data, output, "--keep", "row"])
        assert cuts.at(request_number)
        assert cuts.run is not None
        if request_number > AT_ONCE:
            least = min(map(len, stage.model.asked))
            assert len(cuts.stored) >= (request_number - AT_ONCE) * least, "what was answered is on the disk"
        _goes_on(cuts, data)


@over_kinds
@over_chunks
def test_one_that_is_killed_again_and_again(stage: Stage, tmp_path: Path) -> None:
    data = stage.data(ROWS[stage.chunk])
    with killer(tmp_path, _environ(stage), 1) as work:
        cuts = Cuts(stage, work, ["score", "churn", data, stage.output(), "--keep", "row"])
        for _ in range(4):
            assert cuts.at(AT_ONCE)
        _goes_on(cuts, data)


@pytest.mark.deep
@pytest.mark.timeout(900)
@over_kinds
@over_chunks
def test_killed_at_any_moment(stage: Stage, tmp_path: Path) -> None:
    stage.model.pause = 0.02
    data = stage.data(ROWS[stage.chunk])
    with killer(tmp_path, _environ(stage), len(stage.kind)) as work:
        work.measure(CLI, "score", "churn", data, stage.output(), "--keep", "row")
        kills = 0
        while kills < 20:
            stage.model.forget()
            cuts = Cuts(stage, work, ["score", "churn", data, stage.output(), "--keep", "row"])
            for _ in range(3):
                if not cuts.some_time() or (cuts.run is not None and cuts.run.status == "done"):
                    break
            if cuts.run is not None:
                _goes_on(cuts, data)
            kills += cuts.kills


def _goes_on(cuts: Cuts, data: Path) -> None:
    """To the output of an undisturbed run; the requests that were in flight are all that was paid twice."""
    stage, run = cuts.stage, cuts.run
    assert run is not None
    begun = len(stage.model.asked)
    if run.status != "done":
        run = stage.hub.resume(run.id)
    cuts.asked_nothing_stored(begun)
    assert len(stage.model.repeated()) <= AT_ONCE * cuts.kills
    rows = ROWS[stage.chunk]
    assert set(stage.model.rows()) == set(range(rows))
    assert (run.status, run.rows, run.rejected) == ("done", rows, 0)
    assert stage.scored(run) == expected(range(rows))
    assert stage.answers() == []
    undisturbed = stage.score(data)
    assert pq.read_table(stage.place(run)).equals(pq.read_table(stage.place(undisturbed)))
    assert _figures(run) == _figures(undisturbed)


def _figures(run: Run) -> dict[str, Json]:
    """But for what was asked, and how often."""
    return {name: value for name, value in run.summary.items() if name != "asked"}
