"""Scoring over an endpoint that answers later: what it has taken is looked for until it is there, and never asked for twice."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

import muster
from muster.errors import InvalidInput, ModelTimeout, NotFound, RunCancelled, RunFailed, SourceDenied
from muster.predictor import Call
from muster.predictors.external.predictor import EndpointPredictor
from muster.records import Run
from muster.testing.endpoints import Deployed, Served
from tests.hub.endpoint_stage import AT_ONCE, CHUNK, QUEUE, Stage, chance, expected, staged, table
from tests.hub.killing import CLI, killer

CHUNKS = 10
ROWS = CHUNKS * CHUNK
KIND = "sagemaker async"


def _served(served: Served, **options: Any) -> Deployed:
    return Deployed(variants={"AllTraffic": served}, options={**QUEUE, **options})


@pytest.fixture
def patch() -> Iterator[pytest.MonkeyPatch]:
    with pytest.MonkeyPatch.context() as patch:
        yield patch


@pytest.fixture
def stage(tmp_path: Path, patch: pytest.MonkeyPatch) -> Iterator[Stage]:
    with staged(KIND, tmp_path, patch) as stage:
        yield stage


def _held(stage: Stage, at: int = 5) -> tuple[threading.Event, Callable[[], None]]:
    """Requests from that one on stay in work, as many as may be, until they are let go: reached once it is kept that they were taken."""
    reached, gone = threading.Event(), threading.Event()

    def hold(number: int) -> None:
        if number == at + AT_ONCE - 1:
            until = time.monotonic() + 20
            while sum("later" in a.content_type for a in stage.answers()) < AT_ONCE and time.monotonic() < until:
                time.sleep(0.02)
            reached.set()
        gone.wait(20)

    for number in range(at, at + AT_ONCE):
        stage.model.at(number, lambda number=number: hold(number))  # type: ignore[misc]  # bound now
    return reached, gone.set


def _done(stage: Stage, run: Run) -> None:
    assert (run.status, run.rows, run.rejected) == ("done", ROWS, 0)
    assert stage.scored(run) == expected(range(ROWS))
    assert stage.model.repeated() == [], "nothing is paid twice"
    assert sorted(stage.model.rows()) == list(range(ROWS))
    assert stage.answers() == [], "also no promises"


def _asked(run: Run) -> dict[str, Any]:
    asked = run.summary["asked"]
    assert isinstance(asked, dict)
    return asked


# Looking


TROUBLE: dict[str, dict[str, Any]] = {
    "S3 fails": {"what": "unavailable", "share": 0.5},
    "S3 is busy": {"what": "throttled", "share": 0.5},
    "S3 is busy for a while": {"what": "throttled", "times": 30},
    "connections break": {"what": "drop", "share": 0.3},
    "answers are cut": {"what": "cut", "share": 0.3},
    "credentials end": {"what": "expired", "calls": [4]},
    "it is slow": {"what": "slow", "seconds": 0.2},
}


@pytest.mark.parametrize("trouble", TROUBLE.values(), ids=TROUBLE)
def test_trouble_with_looking_is_no_reason_to_ask_again(stage: Stage, trouble: dict[str, Any]) -> None:
    fault = stage.account.faults.add(on="fetch", **trouble)
    run = stage.score(stage.data(ROWS))
    assert fault.met
    assert len(stage.account.invocations) == CHUNKS
    _done(stage, run)
    asked = _asked(run)
    assert (asked["tries"], asked.get("failed", 0), asked.get("paid_twice", 0)) == (CHUNKS, 0, 0)


def test_sessions_that_end_while_answers_are_waited_for(tmp_path: Path, patch: pytest.MonkeyPatch) -> None:
    with staged(KIND, tmp_path, patch, options={"auth": "role"}) as stage:
        reached, let_go = _held(stage)
        run = stage.score(stage.data(ROWS), wait=False)
        assert reached.wait(20), "no more are sent, and all are looked for"
        stage.account.expire()
        looks = len(stage.account.calls)
        until = time.monotonic() + 20
        while len(stage.account.calls) < looks + AT_ONCE and time.monotonic() < until:
            time.sleep(0.02)
        let_go()
        run = stage.hub.wait(run.id)
        assert any(c.status == 400 for c in stage.account.calls if c.operation == "fetch"), "S3 refused the old session"
        _done(stage, run)


def test_answers_that_take_their_time(tmp_path: Path, patch: pytest.MonkeyPatch) -> None:
    with staged(KIND, tmp_path, patch, deployed=lambda served: _served(served, after=0.5)) as stage:
        run = stage.score(stage.data(ROWS))
        looks = [c for c in stage.account.calls if c.operation == "fetch" and c.status == 404]
        assert looks, "what is not there yet was looked for"
        _done(stage, run)


def test_as_many_are_on_their_way_as_somebody_allows(stage: Stage) -> None:
    """A queue takes more than it works on: none waits here that could wait there."""
    reached, let_go = _held(stage, 1)
    run = stage.score(stage.data(ROWS), wait=False)
    assert reached.wait(20)
    let_go()
    stage.hub.wait(run.id)
    assert stage.model.at_once == AT_ONCE


# What fails there


def test_a_row_that_fails_is_found_and_told_in_the_model_s_words(stage: Stage) -> None:
    told = table(ROWS)
    data = stage.data(told.set_column(0, "row", pa.array([-1.0 if n == 21 else float(n) for n in range(ROWS)])))
    run = stage.score(data)
    assert (run.status, run.rejected) == ("done", 1)
    assert run.rejects is not None
    text = Path(run.rejects.removeprefix("file://")).read_text()
    assert "there is no row -1" in text
    assert "Received server error" not in text, "the model's own words"
    assert stage.scored(run) == expected([n for n in range(ROWS) if n != 21])
    assert stage.answers() == []


def test_a_request_that_takes_too_long_is_asked_for_in_halves(tmp_path: Path, patch: pytest.MonkeyPatch) -> None:
    with staged(KIND, tmp_path, patch) as stage:
        stage.account.faults.add("timeout", calls=[2])
        run = stage.score(stage.data(ROWS))
        assert (run.status, run.rejected) == ("done", 0)
        assert stage.scored(run) == expected(range(ROWS))


def test_an_endpoint_that_became_asynchronous_blames_no_rows(tmp_path: Path, patch: pytest.MonkeyPatch) -> None:
    with staged("sagemaker", tmp_path, patch) as stage:
        variants = stage.account.place("churn").variants
        stage.account.deploy("churn", Deployed(variants=variants, options=QUEUE))
        with pytest.raises(NotFound, match="does not support synchronous"):
            stage.hub.predict("churn:1", table(3))


# Ends


def test_a_run_that_is_cancelled_does_not_wait(stage: Stage) -> None:
    reached, let_go = _held(stage)
    run = stage.score(stage.data(ROWS), wait=False)
    assert reached.wait(20)
    stage.hub.cancel(run.id)
    with pytest.raises(RunCancelled):
        stage.hub.wait(run.id)
    assert stage.hub.run(run.id).status == "cancelled"
    assert stage.answers() == []
    let_go()
    assert not list(stage.folder.glob("*out-*"))


def test_a_prediction_waits_no_longer_than_it_may(stage: Stage) -> None:
    _, let_go = _held(stage, 1)
    try:
        predictor = EndpointPredictor(stage.hub.version("churn:1"), stage.hub.connection("c"))
        with pytest.raises(ModelTimeout):
            predictor.predict(table(3).to_batches()[0], Call(deadline=time.monotonic() + 1))
        predictor.close()
    finally:
        let_go()


def test_what_was_taken_when_a_run_failed_is_not_paid_again(stage: Stage) -> None:
    """Not even that which was in flight."""
    stage.model.at(5, lambda: stage.account.deny("fetch"))
    with pytest.raises(RunFailed) as caught:
        stage.score(stage.data(ROWS))
    assert caught.value.details["type"] == SourceDenied.__name__
    assert "s3:ListBucket" in caught.value.hint
    run = stage.hub.run(str(caught.value.details["run"]))
    begun = len(stage.account.invocations)
    with pytest.raises(RunFailed):
        stage.hub.resume(run.id)
    assert len(stage.account.invocations) <= begun + AT_ONCE
    stage.account.allow("fetch")
    _done(stage, stage.hub.resume(run.id))


def test_what_was_in_flight_when_it_was_killed_is_not_paid_again(stage: Stage, tmp_path: Path) -> None:
    data, output = stage.data(ROWS), stage.output()
    environ = stage.home.environ(score_chunk_rows=str(stage.chunk), worker_count="2")
    reached, let_go = _held(stage)
    with killer(tmp_path, environ, 1) as work:
        assert work.cut_at(reached, CLI, "score", "churn", data, output, "--keep", "row")
    let_go()
    (run,) = stage.hub.runs()
    assert len(stage.model.asked) >= 4 + AT_ONCE
    ended = stage.hub.resume(run.id)
    _done(stage, ended)
    assert _asked(ended)["kept"] >= AT_ONCE


def test_a_failure_that_came_after_a_kill_is_told(stage: Stage, tmp_path: Path) -> None:
    """What was promised comes to a failure: that request is over, and its halves are asked for."""
    told = table(ROWS)
    data = stage.data(told.set_column(0, "row", pa.array([-1.0 if n == 70 else float(n) for n in range(ROWS)])))
    environ = stage.home.environ(score_chunk_rows=str(stage.chunk), worker_count="2")
    reached, let_go = _held(stage)
    with killer(tmp_path, environ, 1) as work:
        assert work.cut_at(reached, CLI, "score", "churn", data, stage.output(), "--keep", "row")
    let_go()
    (run,) = stage.hub.runs()
    ended = stage.hub.resume(run.id)
    assert (ended.status, ended.rejected) == ("done", 1)
    assert stage.scored(ended) == expected([n for n in range(ROWS) if n != 70])


# Registering


def test_it_is_registered_as_what_it_is(stage: Stage) -> None:
    version = stage.hub.version("churn:1")
    assert version.load["route"] == {"endpoint": "churn", "queue": True}
    limits = version.load["limits"]
    assert isinstance(limits, dict)
    assert (limits["bytes"], limits["seconds"]) == (128_000, 3600.0)
    answer = stage.hub.predict("churn:1", table(20))
    assert [p[1] for p in answer.column("probabilities").to_pylist()] == pytest.approx([chance(n) for n in range(20)])


@pytest.mark.parametrize("operation", ["fetch", "list-bucket"])
def test_who_may_not_read_answers_pays_for_none(tmp_path: Path, patch: pytest.MonkeyPatch, operation: str) -> None:
    with staged("sagemaker", tmp_path, patch) as stage:
        stage.account.deploy("late", _served(Served(predict=stage.model, columns=("row", "weight"))))
        stage.account.deny(operation)
        with pytest.raises(SourceDenied, match="AccessDenied") as caught:
            _register(stage)
        assert "s3:ListBucket" in caught.value.hint
        assert stage.account.invocations == []


def test_one_that_does_not_tell_what_fails_is_refused(tmp_path: Path, patch: pytest.MonkeyPatch) -> None:
    with staged("sagemaker", tmp_path, patch) as stage:
        stage.account.deploy("late", _served(Served(predict=stage.model, columns=("row", "weight")), failures=None))
        with pytest.raises(InvalidInput, match="no S3FailurePath"):
            _register(stage)
        assert stage.account.invocations == []


def _register(stage: Stage) -> None:
    stage.hub.register("late", muster.Endpoint("c", "late"), task="binary", classes=[0, 1], sample=table(30))
