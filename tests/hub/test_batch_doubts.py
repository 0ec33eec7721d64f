"""Batch jobs and rows without an answer: which of them the model refuses, and which only were not answered."""

from __future__ import annotations

import random
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import muster
from muster.errors import RunFailed
from muster.hub import Hub
from muster.objects.place import Place as At
from muster.predictors.external.batch import sending, wanted
from muster.predictors.external.batch import vertex as vertex_service
from muster.predictors.external.batch.following import Following
from muster.records import Run
from muster.testing.endpoints import Account, sagemaker_transforming, vertex_batching
from muster.testing.endpoints.batch_objects import stored
from muster.testing.endpoints.jobs import Job
from muster.testing.endpoints.vertex_instances import JobFailed
from tests.hub.batches import age, name_of, numbered, numbers_of, rejected, scored, table, with_refused, without
from tests.suites.endpoints import rows

GONE = "Post request fails. Cannot get predictions. Error: Exceeded retries: HTTPConnectionPool: [Errno 111] Connection refused"
BUSY = "Post request fails. Cannot get predictions. Error: Exceeded retries: Non-OK result 503 (no healthy upstream) from server"


def test_many_requests_that_are_refused_are_looked_through_in_more_rounds(
    hub: Hub, sagemaker: Account, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wanted, "_MANY", 20)
    monkeypatch.setattr(sending, "rows_of_request", lambda *_: 100)
    bad = [50, 250, 3_999]
    run = scored(hub, with_refused(tmp_path / "people.parquet", 4_000, bad), tmp_path / "jobs.parquet", "batch")
    assert (run.rejected, numbers_of(tmp_path / "jobs.parquet")) == (3, without(4_000, bad))
    assert len(list(sagemaker.jobs)) > 3


def test_a_model_that_refuses_too_much_ends_the_run_and_rejects_nothing(
    hub: Hub, sagemaker: Account, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wanted, "MOST_REQUESTS", 30)
    monkeypatch.setattr(wanted, "_MANY", 5)
    monkeypatch.setattr(sending, "rows_of_request", lambda *_: 100)
    data = with_refused(tmp_path / "people.parquet", 4_000, range(0, 3_000, 50))
    with pytest.raises(
        RunFailed, match=r"the model refused 3. requests, and to find the rows in them takes more than 30"
    ):
        scored(hub, data, tmp_path / "jobs.parquet", "batch")
    assert not (tmp_path / "jobs.parquet").exists()


def test_a_row_that_fails_once_alone_is_asked_for_again(hub: Hub, vertex: Account, tmp_path: Path) -> None:
    """Alone, so that what passes is not taken for the row's fault."""
    data = with_refused(tmp_path / "people.parquet", 3_000, [3])
    met = vertex.faults.add("unavailable", rows=lambda row: not age(row) < 0 and alone(vertex), times=4)
    run = scored(hub, data, tmp_path / "jobs.parquet", "batch")
    assert (run.rejected, numbers_of(tmp_path / "jobs.parquet")) == (1, without(3_000, [3]))
    assert met.met == 4


def test_a_row_that_fails_alone_ever_again_is_rejected(hub: Hub, vertex: Account, crowd: Path, tmp_path: Path) -> None:
    """As one that kills the model: the rows beside it are answered, and one that was is asked for again with it."""
    old = max(table(crowd)["age"].to_pylist())
    people = [n for n, one in enumerate(table(crowd)["age"].to_pylist()) if one == old]
    vertex.faults.add("unavailable", rows=lambda row: age(row) == old)
    run = scored(hub, crowd, tmp_path / "jobs.parquet", "batch")
    assert (run.rejected, numbers_of(tmp_path / "jobs.parquet")) == (len(people), without(5_000, people))
    assert all("503" in one["error"] for one in rejected(run))


def test_a_job_that_fails_for_no_row_rejects_none(hub: Hub, account: Account, crowd: Path, tmp_path: Path) -> None:
    account.faults.add("unavailable", on="job", times=2)
    run: Run | None = None
    for _ in range(2):
        with pytest.raises(RunFailed, match="got no further, for a reason that lies in no row"):
            run = scored(hub, crowd, tmp_path / "jobs.parquet", "batch") if run is None else hub.resume(run.id)
        (run,) = hub.runs()
    assert run is not None
    ended = hub.resume(run.id)
    assert (ended.rows, ended.rejected, len(list(account.jobs))) == (5_000, 0, 3)


def test_jobs_that_leave_rows_out_are_followed_by_others(
    hub: Hub, vertex: Account, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a good share of instances fails, a job may end without having tried the rest."""
    real, cuts = vertex_batching._predicted, iter((150, 200, 250))

    def predicted(job: Job, machines: Any, found: Sequence[Any]) -> Any:
        single = "manualBatchTuningParameters" in job.asked
        done = real(job, machines, found[: next(cuts, None)] if single else found)
        done.total = len(found)
        return done

    monkeypatch.setattr(vertex_batching, "_predicted", predicted)
    bad = [3, 700, 1_400, 2_100, 2_900]
    run = scored(hub, with_refused(tmp_path / "people.parquet", 3_000, bad), tmp_path / "jobs.parquet", "batch")
    assert (run.rejected, numbers_of(tmp_path / "jobs.parquet")) == (5, without(3_000, bad))


def alone(account: Account) -> bool:
    return any("manualBatchTuningParameters" in job.asked for job in account.jobs)


def test_a_container_that_did_not_start_rejects_none(hub: Hub, sagemaker: Account, tmp_path: Path) -> None:
    """In the job that asks for single rows, so that all of them have no answer."""
    told = "AlgorithmError: Model container failed to respond to ping"
    sagemaker.faults.add("unavailable", on="job", calls={2}, message=told)
    data = with_refused(tmp_path / "people.parquet", 3_000, [3])
    with pytest.raises(RunFailed, match=f"got no further, for a reason that lies in no row: .*{told}"):
        scored(hub, data, tmp_path / "jobs.parquet", "batch")
    (run,) = hub.runs()
    assert hub.resume(run.id).rejected == 1
    assert numbers_of(tmp_path / "jobs.parquet") == without(3_000, [3])


@pytest.mark.deep
def test_a_container_that_dies_on_its_way_rejects_none(
    hub: Hub, sagemaker: Account, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = sagemaker_transforming._Work.all

    def dies(self: Any, objects: Sequence[Any]) -> Any:
        return (real(self, objects[:100])[0], "AlgorithmError") if len(objects) > 100 else real(self, objects)

    monkeypatch.setattr(sagemaker_transforming._Work, "all", dies)
    run = scored(hub, with_refused(tmp_path / "people.parquet", 3_000, [3]), tmp_path / "jobs.parquet", "batch")
    assert (run.rejected, numbers_of(tmp_path / "jobs.parquet")) == (1, without(3_000, [3]))
    assert len(list(sagemaker.jobs)) > 3


def test_rows_beside_one_that_ends_the_container_are_asked_for_again(
    hub: Hub, vertex: Account, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is started again after a while."""
    real, down = vertex_batching._take, [0]

    def take(done: Any, batch: Sequence[Any], answer: Any) -> None:
        if len(batch) == 1 and answer.status >= 400:
            down[0] = 5
        elif len(batch) == 1 and down[0]:
            down[0] -= 1
            done.fail(batch, 13, GONE)
            return
        real(done, batch, answer)

    monkeypatch.setattr(vertex_batching, "_take", take)
    run = scored(hub, with_refused(tmp_path / "people.parquet", 3_000, [3]), tmp_path / "jobs.parquet", "batch")
    assert (run.rejected, numbers_of(tmp_path / "jobs.parquet")) == (1, without(3_000, [3]))
    del vertex


def test_a_job_that_writes_nothing_rejects_none(
    hub: Hub, vertex: Account, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = vertex_batching._worked

    def killed(account: Account, job: Job, model: Any) -> Any:
        if alone(vertex):
            raise JobFailed(9, "Model server terminated: exit_code: 137 reason: OOMKilled")
        return real(account, job, model)

    monkeypatch.setattr(vertex_batching, "_worked", killed)
    with pytest.raises(RunFailed, match=r"got no further, for a reason that lies in no row: .*OOMKilled"):
        scored(hub, with_refused(tmp_path / "people.parquet", 3_000, [3]), tmp_path / "jobs.parquet", "batch")
    assert not (tmp_path / "jobs.parquet").exists()


@pytest.mark.deep
def test_a_model_with_too_much_to_do_rejects_none(
    hub: Hub, vertex: Account, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every fifth request fails, whatever is asked: either all is answered at last, or the run ends without an output."""
    real, draw = vertex_batching._take, random.Random(1)

    def busy(done: Any, batch: Sequence[Any], answer: Any) -> None:
        if draw.random() < 0.2:
            done.fail(batch, 14, BUSY)
        else:
            real(done, batch, answer)

    monkeypatch.setattr(vertex_batching, "_take", busy)
    bad = list(range(3, 3_000, 64))
    try:
        run = scored(hub, with_refused(tmp_path / "people.parquet", 3_000, bad), tmp_path / "jobs.parquet", "batch")
    except RunFailed:
        assert not (tmp_path / "jobs.parquet").exists()
        (run,) = hub.runs()
    else:
        assert numbers_of(tmp_path / "jobs.parquet") == without(3_000, bad)
    monkeypatch.setattr(vertex_batching, "_take", real)
    if run.status != "done":
        run = hub.resume(run.id)
    assert (run.rejected, numbers_of(tmp_path / "jobs.parquet")) == (len(bad), without(3_000, bad))
    del vertex


@pytest.mark.parametrize("alone", [False, True], ids=["one chunk", "a chunk for each row"])
def test_a_server_that_is_slow_to_start_rejects_none(
    hub: Hub, vertex: Account, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, alone: bool
) -> None:
    """The first request of each job fails; all rows can be answered."""
    real = vertex_batching._predicted

    def late(job: Job, machines: Any, found: Sequence[Any]) -> Any:
        size = job.asked.get("manualBatchTuningParameters", {}).get("batchSize", vertex_batching._BATCH)
        done = real(job, machines, found[size:])
        done.total = len(found)
        done.fail(found[:size], 14, BUSY)
        return done

    monkeypatch.setattr(vertex_batching, "_predicted", late)
    if alone:
        monkeypatch.setattr(vertex_batching, "_BATCH", 1)
    pq.write_table(numbered(rows(60 if alone else 2, seed=9)), tmp_path / "people.parquet")
    with muster.open(hub.folder, score__chunk_rows=1 if alone else 1_024) as again, suppress(RunFailed):
        run = scored(again, tmp_path / "people.parquet", tmp_path / "jobs.parquet", "batch")
        assert run.rejected == 0
    del vertex


def test_single_rows_that_were_not_looked_at_come_to_an_end(
    hub: Hub, sagemaker: Account, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A row in each request; the service fails when all but the bad ones are answered."""
    monkeypatch.setattr(sending, "rows_of_request", lambda *_: 1)
    real, fails = sagemaker_transforming._worked, iter(("InternalServerError: We encountered an internal error.",))

    def worked(account: Account, job: Job, model: Any) -> tuple[str, str]:
        state, why = real(account, job, model)
        return ("Failed", told) if (told := next(fails, None)) else (state, why)

    monkeypatch.setattr(sagemaker_transforming, "_worked", worked)
    run = scored(hub, with_refused(tmp_path / "people.parquet", 60, [3, 7]), tmp_path / "jobs.parquet", "batch")
    assert (run.rejected, numbers_of(tmp_path / "jobs.parquet")) == (2, without(60, [3, 7]))
    del sagemaker


@pytest.mark.deep
def test_a_job_is_not_judged_by_what_the_next_one_has_written_so_far(
    hub: Hub, sagemaker: Account, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No row is bad: one has failed twice for a reason that passes, and the job that would answer it works when the process is killed."""
    monkeypatch.setattr(sending, "rows_of_request", lambda *_: 1)
    real, early = sagemaker_transforming._Work.all, threading.Event()

    def worked(self: Any, objects: Sequence[Any]) -> Any:
        job = name_of(self._job).split("-", 3)[3]
        lost = {"0": {3, 9}, "1": {0}}.get(job, set())
        answered, whose = real(self, [o for o in objects if _first(o[1]) not in lost])
        if job == "2-1":
            below = At.parse(self._asked["TransformOutput"]["S3OutputPath"])
            for name, content in answered[:-1]:
                stored(below.below(f"{name}.out"), content)
            early.set()
            self._job.pause(3)
        return answered, whose or ("AlgorithmError" if lost else "")

    monkeypatch.setattr(sagemaker_transforming._Work, "all", worked)
    sagemaker.faults.add("unavailable", on="job", calls={3}, message="AlgorithmError: failed to respond to ping")
    pq.write_table(numbered(rows(60, seed=9)), tmp_path / "people.parquet")
    with pytest.raises(RunFailed, match="got no further"):
        scored(hub, tmp_path / "people.parquet", tmp_path / "jobs.parquet", "batch")
    (run,) = hub.runs()
    waited = Following._waited

    def killed(*_: Any) -> Any:
        assert early.wait(60)
        raise KeyboardInterrupt

    monkeypatch.setattr(Following, "_waited", killed)
    with pytest.raises(KeyboardInterrupt):
        hub.resume(run.id)
    monkeypatch.setattr(Following, "_waited", waited)
    assert (hub.resume(run.id).rejected, numbers_of(tmp_path / "jobs.parquet")) == (0, list(range(60)))


def _first(name: str) -> int:
    """The row that a request begins with, by its name."""
    return int(name.split("-")[-4])


def test_what_two_jobs_answer_in_part_proves_nothing(
    hub: Hub, vertex: Account, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One dies half-way, and the next one wakes half-way."""
    real = vertex_batching._predicted

    def predicted(job: Job, machines: Any, found: Sequence[Any]) -> Any:
        end = name_of(job).split("-", 3)[3]
        at = next((n for n, one in enumerate(found) if 33.125 in _values(one.sent)), 0)
        bad = found[at : at + 1] if end in ("0", "1") else found[at:] if end == "2" else found[: at + 1]
        done = real(job, machines, [one for one in found if one not in bad])
        done.total = len(found)
        done.fail(bad, 14, BUSY)
        return done

    monkeypatch.setattr(vertex_batching, "_predicted", predicted)
    people = numbered(rows(1_000, seed=9))
    ages = people["age"].to_pylist()
    ages[500] = 33.125
    pq.write_table(people.set_column(0, "age", pa.array(ages)), tmp_path / "people.parquet")
    with pytest.raises(RunFailed, match="got no further"):
        scored(hub, tmp_path / "people.parquet", tmp_path / "jobs.parquet", "batch")
    (run,) = hub.runs()
    with pytest.raises(RunFailed, match="got no further"):
        hub.resume(run.id)
    monkeypatch.setattr(vertex_batching, "_predicted", real)
    assert (hub.resume(run.id).rejected, numbers_of(tmp_path / "jobs.parquet")) == (0, list(range(1_000)))
    del vertex


def _values(sent: Any) -> list[Any]:
    return list(sent.values()) if isinstance(sent, dict) else list(sent)


def test_the_only_row_of_a_chunk_that_fails_is_found(hub: Hub, vertex: Account, tmp_path: Path) -> None:
    people = numbered(rows(1_025, seed=9))
    ages = people["age"].to_pylist()
    ages[1_024] = 33.125
    pq.write_table(people.set_column(0, "age", pa.array(ages)), tmp_path / "people.parquet")
    vertex.faults.add("unavailable", rows=lambda row: age(row) == 33.125)
    run = scored(hub, tmp_path / "people.parquet", tmp_path / "jobs.parquet", "batch")
    assert (run.rejected, numbers_of(tmp_path / "jobs.parquet")) == (1, list(range(1_024)))


@pytest.mark.parametrize(
    ("code", "message", "refuses"),
    [
        (3, "Cannot get predictions. Error: Non-OK result 400 (age is negative) from server", True),
        (13, "Cannot get predictions. Error: Non-OK result 422 (unprocessable) from server", True),
        (3, "Invalid JSON", True),
        (13, "Cannot get predictions. Error: Non-OK result 500 (ValueError) from server", False),
        (8, "Cannot get predictions. Error: Non-OK result 429 (slow down) from server", False),
        (3, "Cannot get predictions. Error: Non-OK result 404 (no such route) from server", False),
        (13, GONE, False),
        (3, GONE, False),
        (4, "deadline exceeded", False),
        (None, "something else", False),
    ],
)
def test_what_the_model_says_of_a_row_is_told_from_what_passes(
    code: int | None, message: str, *, refuses: bool
) -> None:
    assert vertex_service._refuses(code, message) is refuses
