"""What a scoring over an endpoint has in common with every other: it ends in one sentence, goes on, is cancelled, shared and capped."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from muster.errors import RunCancelled, RunFailed, SourceDenied
from muster.records import Progress, Run, StoredAnswer
from muster.registry.answers import KeptAnswers
from muster.testing.endpoints import Served
from tests.hub.endpoint_stage import AT_ONCE, CHUNK, KINDS, Model, Stage, chance, expected, staged, table
from tests.hub.killing import CLI, killer

CHUNKS = 12
ROWS = CHUNKS * CHUNK

over_kinds = pytest.mark.parametrize("kind", KINDS)
who_answer_at_once = pytest.mark.parametrize("kind", [kind for kind in KINDS if "async" not in kind])


@pytest.fixture
def patch() -> Iterator[pytest.MonkeyPatch]:
    with pytest.MonkeyPatch.context() as patch:
        yield patch


@pytest.fixture
def stage(kind: str, tmp_path: Path, patch: pytest.MonkeyPatch) -> Iterator[Stage]:
    with staged(kind, tmp_path, patch) as stage:
        yield stage


def _fails(stage: Stage, at: int, act: Callable[[], object]) -> tuple[Run, RunFailed]:
    """Something happens while that request is in work, and ends the run."""
    stage.model.at(at, act)
    with pytest.raises(RunFailed) as caught:
        stage.score(stage.data(ROWS))
    run = stage.hub.run(str(caught.value.details["run"]))
    assert run.status == "failed"
    assert "\n" not in caught.value.message
    assert f"muster run resume {run.id}" in caught.value.hint
    return run, caught.value


def _goes_on(stage: Stage, run: Run, twice: int = 0) -> None:
    """`twice` requests at most are paid again."""
    stored, begun = stage.kept(run.id), len(stage.model.asked)
    assert stored
    ended = stage.hub.resume(run.id)
    assert (ended.status, ended.rows, ended.rejected) == ("done", ROWS, 0)
    assert stage.scored(ended) == expected(range(ROWS))
    assert stored & set(stage.model.rows(begun)) == set(), "paid for what was stored"
    assert len(stage.model.repeated()) <= twice
    assert stage.answers() == []


class TestEndings:
    @over_kinds
    def test_a_permission_that_is_taken_away(self, stage: Stage) -> None:
        run, error = _fails(stage, 5, lambda: stage.account.deny("invoke"))
        assert error.details["type"] == SourceDenied.__name__
        asked = len(stage.account.invocations)
        with pytest.raises(RunFailed):
            stage.hub.resume(run.id)
        assert len(stage.account.invocations) <= asked + AT_ONCE, "who is denied does not go on asking"
        stage.account.allow("invoke")
        _goes_on(stage, run)

    def test_keys_that_are_no_good_any_more(self, tmp_path: Path, patch: pytest.MonkeyPatch) -> None:
        name = "AWS_SECRET_ACCESS_KEY"
        with staged("sagemaker", tmp_path, patch, options={"auth": "role"}) as stage:

            def spoil() -> None:
                patch.setenv(name, "wrong")
                stage.account.expire()

            run, error = _fails(stage, 5, spoil)
            assert "wrong" not in f"{error.message} {error.hint} {run.error}"
            patch.setenv(name, stage.account.environ[name])
            _goes_on(stage, run)

    def test_a_secret_that_is_no_good_any_more(self, tmp_path: Path, patch: pytest.MonkeyPatch) -> None:
        with staged("http", tmp_path, patch, options={"auth": "bearer"}) as stage:
            run, error = _fails(stage, 5, stage.account.expire)
            assert "new credentials" in error.message
            patch.setenv("ENDPOINT_SECRET", stage.account.environ["ENDPOINT_SECRET"])
            _goes_on(stage, run)

    @pytest.mark.parametrize(
        ("kind", "auth"), [("sagemaker", "role"), ("sagemaker", "web-identity"), ("http", "bearer"), ("http", "basic")]
    )
    def test_credentials_that_are_renewed_in_mid_run(
        self, tmp_path: Path, patch: pytest.MonkeyPatch, kind: str, auth: str
    ) -> None:
        with staged(kind, tmp_path, patch, options={"auth": auth}) as stage:

            def expire() -> None:
                stage.account.expire()
                for name, value in stage.account.environ.items():
                    os.environ[name] = value

            stage.model.at(5, expire)
            run = stage.score(stage.data(ROWS))
            assert (run.status, run.rejected) == ("done", 0)
            assert stage.scored(run) == expected(range(ROWS))
            assert stage.model.repeated() == []
            asked = run.summary["asked"]
            assert isinstance(asked, dict)
            # Secrets by reference are read for each request: only those on their way meet the old one.
            assert asked.get("renewed", 0) in ((1,) if kind == "sagemaker" else (0, 1))

    @over_kinds
    def test_an_endpoint_that_is_deleted(self, stage: Stage) -> None:
        place = stage.account.place("churn")
        run, error = _fails(stage, 5, lambda: stage.account.delete("churn"))
        assert "in service" in error.hint
        stage.account.places["churn"] = place
        _goes_on(stage, run)

    def test_an_endpoint_that_is_not_in_service(self, tmp_path: Path, patch: pytest.MonkeyPatch) -> None:
        with staged("sagemaker", tmp_path, patch) as stage:
            run, error = _fails(stage, 5, lambda: stage.account.status("churn", "Failed"))
            assert "Failed" in error.message
            stage.account.status("churn", "InService")
            _goes_on(stage, run)

    @over_kinds
    def test_a_name_that_no_server_has(self, stage: Stage, patch: pytest.MonkeyPatch) -> None:
        """Before the first answer: it is not waited for longer than an endpoint takes to come up."""
        from muster.predictors.external.transport import caller, retry

        patch.setattr(caller, "Patience", lambda: retry.Patience(first=0.2, unavailable=0.2))
        patch.setattr("socket.getaddrinfo", _nobody)
        with pytest.raises(RunFailed, match="no server has the name") as caught:
            stage.score(stage.data(ROWS))
        patch.undo()
        for name, value in stage.account.environ.items():
            patch.setenv(name, value)
        ended = stage.hub.resume(str(caught.value.details["run"]))
        assert stage.scored(ended) == expected(range(ROWS))

    def test_a_certificate_that_is_not_trusted(self, tmp_path: Path, patch: pytest.MonkeyPatch) -> None:
        with staged("http", tmp_path, patch, options={"tls": True}) as stage:
            settings: dict[str, Any] = {**stage.account.settings}
            bundle = settings.pop("ca_bundle")
            stage.hub.connect("c", "http", replace=True, concurrency=AT_ONCE, **settings)
            with pytest.raises(RunFailed, match="certificate") as caught:
                stage.score(stage.data(ROWS))
            assert stage.model.asked == []
            assert "ca_bundle" in caught.value.hint
            stage.hub.connect("c", "http", replace=True, ca_bundle=bundle, concurrency=AT_ONCE, **settings)
            ended = stage.hub.resume(str(caught.value.details["run"]))
            assert stage.scored(ended) == expected(range(ROWS))


def _nobody(*_: object, **__: object) -> list[object]:
    import socket

    raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")


class TestWhatIsKept:
    @who_answer_at_once
    def test_nothing_is_kept_of_a_run_that_was_cancelled(self, stage: Stage, patch: pytest.MonkeyPatch) -> None:
        with _held_run(stage) as (run, late):
            stage.hub.cancel(run.id)
            with pytest.raises(RunCancelled):  # what is in flight is not waited for
                stage.hub.wait(run.id)
            assert stage.hub.run(run.id).status == "cancelled"
            kept = _told(patch, late)
        assert kept.wait(20)
        assert stage.answers() == [], "also not what was answered afterwards"
        assert not list(stage.folder.glob("*out-*"))
        assert len(stage.model.asked) < CHUNKS

    @who_answer_at_once
    def test_what_is_answered_after_a_run_has_failed_is_not_lost(self, stage: Stage, patch: pytest.MonkeyPatch) -> None:
        with _held_run(stage, deny=True) as (run, late):
            with pytest.raises(RunFailed):
                stage.hub.wait(run.id)
            before = stage.kept(run.id)
            kept = _told(patch, late)
        assert kept.wait(20)
        assert len(stage.kept(run.id)) == len(before) + late * CHUNK
        stage.account.allow("invoke")
        _goes_on(stage, run)

    @over_kinds
    def test_nothing_is_kept_of_one_that_is_done(self, stage: Stage) -> None:
        run, _ = _fails(stage, 5, lambda: stage.account.deny("invoke"))
        _keep_one(stage, run)
        stage.account.allow("invoke")
        stage.hub.resume(run.id)
        assert stage.answers() == []

    @over_kinds
    def test_nothing_is_kept_of_a_failed_one_that_is_cancelled(self, stage: Stage) -> None:
        run, _ = _fails(stage, 5, lambda: stage.account.deny("invoke"))
        _keep_one(stage, run)
        stage.hub.cancel(run.id)
        assert stage.answers() == []

    @over_kinds
    def test_nothing_is_kept_of_a_failed_one_that_was_collected(self, stage: Stage) -> None:
        run, _ = _fails(stage, 5, lambda: stage.account.deny("invoke"))
        _keep_one(stage, run)
        stage.hub.collect()
        assert stage.answers(), "it may go on for days"
        stage.hub.close()
        with stage.home.open(score__chunk_rows=CHUNK, retention__runs_days=0) as hub:
            stage.hub = hub
            hub.collect()
            assert stage.answers() == []
            stage.account.allow("invoke")
            assert stage.scored(hub.resume(run.id)) == expected(range(ROWS)), "from its beginning"


def _keep_one(stage: Stage, run: Run) -> None:
    """As a killed process leaves it: an answer of a chunk that was not finished."""
    with stage.hub._records.transaction("test") as tx:
        tx.insert(StoredAnswer(run=run.id, chunk="0/99", first=0, rows=1, digest="", body="", content_type=""))


@contextmanager
def _held_run(stage: Stage, at: int = 5, *, deny: bool = False) -> Iterator[tuple[Run, int]]:
    """A run that is at work, and the number of its requests that are held until the block ends: all from this one on.

    With `deny`, there is one less than could be, and what is asked next is refused.
    """
    reached, gone = threading.Event(), threading.Event()
    late = AT_ONCE - 1 if deny else AT_ONCE

    def hold() -> None:
        gone.wait(20)

    def last() -> None:
        if deny:
            stage.account.deny("invoke")
        reached.set()
        gone.wait(20)

    for number in range(at, at + late):
        stage.model.at(number, last if number == at + late - 1 else hold)
    run = stage.score(stage.data(ROWS), wait=False)
    try:
        assert reached.wait(20)
        yield run, late
    finally:
        gone.set()


def _told(patch: pytest.MonkeyPatch, answers: int) -> threading.Event:
    """Set once so many more answers were given to be kept."""
    left, done, put = threading.Semaphore(answers - 1), threading.Event(), KeptAnswers.put

    def counted(kept: KeptAnswers, answer: StoredAnswer) -> None:
        put(kept, answer)
        if not left.acquire(blocking=False):
            done.set()

    patch.setattr(KeptAnswers, "put", counted)
    return done


class TestTheRun:
    @over_kinds
    def test_its_progress_is_told(self, stage: Stage) -> None:
        seen: list[Progress] = []

        def watch(progress: Progress) -> None:
            seen.append(progress)
            finished = {f"{c.part}/{c.index}" for c in stage.hub._runs.chunks(progress.run)}
            assert finished & {a.chunk for a in stage.answers()} == set(), "kept no longer than it is needed"

        stage.score(stage.data(ROWS), watch=watch)
        assert [p.total for p in seen] == [ROWS] * len(seen)
        assert [p.rows for p in seen] == [CHUNK * n for n in range(CHUNKS + 1)]

    @over_kinds
    def test_one_bad_row_fails_it_if_so_wished(self, stage: Stage) -> None:
        bad = [-1.0 if n == 37 else float(n) for n in range(ROWS)]
        data = stage.data(table(ROWS).set_column(0, "row", pa.array(bad)))
        with pytest.raises(RunFailed, match=r"row 37 .*there is no row -1"):
            stage.score(data, on_reject="fail")
        assert stage.answers() == []
        assert not list(stage.folder.glob("*out-*"))

    @over_kinds
    def test_a_threshold_and_a_mapping(self, stage: Stage) -> None:
        data = stage.data(table(ROWS).rename_columns(["number", "heavy"]))
        output = stage.output()
        run = stage.score(data, output, keep=["number"], mapping={"row": "number", "weight": "heavy"}, threshold=0.9)
        found = stage.read(run)
        assert found["number"] == list(range(ROWS))
        assert found["prediction"] == [int(chance(n) >= 0.9) for n in range(ROWS)]
        assert found["probability_1"] == pytest.approx([chance(n) for n in range(ROWS)], abs=1e-6)

    @over_kinds
    def test_two_at_once_share_what_the_endpoint_bears(self, stage: Stage) -> None:
        stage.model.pause = 0.03
        one, other = (stage.score(stage.data(ROWS), wait=False) for _ in range(2))
        for run in (one, other):
            assert stage.scored(stage.hub.wait(run.id)) == expected(range(ROWS))
        assert 1 < stage.model.at_once <= AT_ONCE
        assert sorted(stage.model.rows()) == sorted([*range(ROWS), *range(ROWS)])

    @over_kinds
    def test_predictions_of_several_threads(self, stage: Stage) -> None:
        stage.model.pause = 0.03
        found: dict[int, list[float]] = {}

        def predict(first: int) -> None:
            answer = stage.hub.predict("churn", table(ROWS).slice(first * CHUNK, CHUNK))
            found[first] = [p[1] for p in answer.column("probabilities").to_pylist()]

        threads = [threading.Thread(target=predict, args=(n,)) for n in range(CHUNKS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [p for n in range(CHUNKS) for p in found[n]] == pytest.approx([chance(n) for n in range(ROWS)], abs=1e-6)
        assert stage.model.at_once <= AT_ONCE
        assert stage.answers() == [], "what belongs to no run is not kept"

    def test_a_variant_that_is_switched_in_mid_run(self, tmp_path: Path, patch: pytest.MonkeyPatch) -> None:
        def two(served: Served) -> dict[str, Served]:
            return {"blue": served, "green": replace(served, weight=0)}

        with staged("sagemaker", tmp_path, patch, deployed=two) as stage:
            stage.model.at(5, lambda: stage.account.shift("churn", blue=0, green=100))
            run = stage.score(stage.data(ROWS))
            told = stage.read(run)["served_by"]
            by_row = {
                float(line.partition(",")[0]): call.variant
                for call in stage.account.invocations
                for line in call.request.body.decode().split()
            }
            assert told == [by_row[n] for n in range(ROWS)]
            assert set(told) == {"blue", "green"}
            assert run.summary["served_by"] == {v: told.count(v) for v in ("blue", "green")}

    @over_kinds
    def test_a_model_that_is_exchanged_without_a_word(self, stage: Stage) -> None:
        def other(rows: list[Any]) -> list[list[float]]:
            return [[likely, 1 - likely] for _, likely in Model()(rows)]

        assert stage.hub.snapshot("churn:1").changes == ()
        stage.model.at(5, lambda: stage.account.swap("churn", other))
        run = stage.score(stage.data(ROWS))
        assert run.status == "done"
        assert stage.hub.snapshot("churn:1").changes
        assert "has changed" in stage.hub.version("churn:1").marks[-1]


class TestTheQueue:
    @over_kinds
    def test_another_process_goes_on_when_the_first_dies(self, stage: Stage, tmp_path: Path) -> None:
        run = stage.score(stage.data(ROWS), queue=True, wait=False)
        reached, gone = threading.Event(), threading.Event()

        def hold() -> None:
            reached.set()
            gone.wait(20)

        stage.model.at(6, hold)
        with killer(tmp_path, stage.home.environ(score_chunk_rows=str(CHUNK)), 1) as work:
            assert work.cut_at(reached, CLI, "worker", "--once")
        gone.set()
        stored, begun = stage.kept(run.id), len(stage.model.asked)
        assert stored
        stage.hub.work(once=True)
        ended = stage.hub.run(run.id)
        assert (ended.status, ended.attempts) == ("done", 2)
        assert stage.scored(ended) == expected(range(ROWS))
        assert stored & set(stage.model.rows(begun)) == set()
        assert len(stage.model.repeated()) <= AT_ONCE
        assert stage.answers() == []

    @over_kinds
    def test_what_passes_is_tried_again_and_what_does_not_is_not(self, stage: Stage) -> None:
        run = stage.score(stage.data(ROWS), queue=True, wait=False)
        stage.model.at(5, lambda: stage.account.deny("invoke"))
        stage.hub.work(once=True)
        failed = stage.hub.run(run.id)
        assert (failed.status, failed.attempts) == ("failed", 1)
        stage.account.allow("invoke")
        _goes_on(stage, run)


class TestCaps:
    @over_kinds
    @pytest.mark.parametrize("most", [1, 2])
    def test_requests_at_once(self, tmp_path: Path, patch: pytest.MonkeyPatch, kind: str, most: int) -> None:
        with staged(kind, tmp_path, patch, settings={"concurrency": most}) as stage:
            stage.model.pause = 0.03
            run = stage.score(stage.data(ROWS))
            assert stage.scored(run) == expected(range(ROWS))
            assert stage.model.at_once == most

    @over_kinds
    def test_requests_a_second(self, tmp_path: Path, patch: pytest.MonkeyPatch, kind: str) -> None:
        with staged(kind, tmp_path, patch, settings={"rate": 8}) as stage:
            began = time.time()
            run = stage.score(stage.data(ROWS))
            assert stage.scored(run) == expected(range(ROWS))
            calls = stage.account.invocations
            assert len(calls) == CHUNKS
            assert max(call.time for call in calls) - began >= (CHUNKS - 8) / 8, (
                "what a second brings at once, then one by one"
            )

    @over_kinds
    def test_a_run_that_would_cost_more_than_may_be_spent_is_begun_and_pauses(
        self, tmp_path: Path, patch: pytest.MonkeyPatch, kind: str
    ) -> None:
        prices = {"price_per_call": 0.5}
        with staged(kind, tmp_path, patch, settings=prices) as stage:
            spent = stage.hub.connection_spent("c")
            assert spent > 0, "probes are paid as well"
            capped: dict[str, Any] = {**stage.account.settings, **prices, "spend": spent + 2.5}
            stage.hub.connect("c", stage.account.kind, replace=True, **capped)
            with pytest.raises(RunFailed, match="may be spent") as caught:
                stage.score(stage.data(ROWS))
            assert stage.hub.connection_spent("c") == spent + 2.5
            run = stage.hub.run(str(caught.value.details["run"]))
            assert run.settings["estimate"] == {
                "calls": CHUNKS,
                "seconds": pytest.approx(0, abs=1),
                "cost": CHUNKS * 0.5,
            }
            assert len(stage.account.invocations) == 5
            assert stage.kept(run.id) == set(stage.model.rows())
            raised: dict[str, Any] = {**stage.account.settings, **prices, "spend": 100}
            stage.hub.connect("c", kind.partition(" ")[0], replace=True, **raised)
            _goes_on(stage, run)
            assert len(stage.account.invocations) == CHUNKS
            assert stage.hub.connection_spent("c") == spent + CHUNKS * 0.5

    @over_kinds
    def test_what_is_announced_is_what_is_asked(self, stage: Stage) -> None:
        run = stage.score(stage.data(ROWS))
        told = run.settings["estimate"]
        assert isinstance(told, dict)
        assert (told["calls"], told["cost"]) == (len(stage.account.invocations), None)
