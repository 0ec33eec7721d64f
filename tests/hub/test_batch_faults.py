"""Batch jobs where something is in the way: storage that loses objects, jobs that fail, stop or vanish, rows that fail alone."""

from __future__ import annotations

import json
import math
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import fields
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyarrow import csv

import muster
from muster.errors import InvalidInput, MusterError, NotApplicable, RunCancelled, RunFailed, SourceUnavailable
from muster.hub import Hub
from muster.objects.bucket import bucket_of
from muster.objects.place import Place
from muster.predictors.external.batch import collecting, following, sending
from muster.predictors.external.batch.rounds import BatchJobs
from muster.predictors.external.batch.staged import Piece, Staged
from muster.predictors.external.batch.vertex import PredictionJobs
from muster.predictors.external.exchange import Payload
from muster.registry.collect import Retention
from muster.registry.scoring_job import ScoreRequest
from muster.signature import Column, Parameter, Signature
from muster.testing.endpoints import Account, Served, serving, vertex_batching
from muster.testing.endpoints.jobs import Job
from muster.testing.endpoints.refusal import Refused
from muster.testing.endpoints.vertex_batches import Batches
from tests.hub.batches import (
    connected,
    left,
    name_of,
    numbered,
    numbers_of,
    rejected,
    scored,
    until,
    with_refused,
    without,
)
from tests.suites.endpoints import COLUMNS, TRUTH, predict, rows

given: dict[str, Any] = {"task": "binary", "target": TRUTH, "classes": [0, 1], "sample": rows()}


one_in_depth = pytest.mark.parametrize(
    "account", [pytest.param("sagemaker", marks=pytest.mark.deep), "vertex"], indirect=True
)
"""Many requests of one row, each an object in a bucket, take their time with the first."""


@pytest.fixture
def unlucky(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Ends runs at the moment when answers are collected, as a bucket does that is away; the function mends it."""
    real = collecting.Collector.predict

    def away(*_: Any) -> pa.RecordBatch:
        raise SourceUnavailable("the bucket is away")

    monkeypatch.setattr(collecting.Collector, "predict", away)
    return lambda: monkeypatch.setattr(collecting.Collector, "predict", real)


@pytest.mark.parametrize("folder", ["in/00", "out/00"])
def test_objects_that_are_lost_are_no_rejects(
    *,
    folder: str,
    hub: Hub,
    sagemaker: Account,
    crowd: Path,
    tmp_path: Path,
    jobs_folder: str,
    unlucky: Callable[[], None],
) -> None:
    with pytest.raises(RunFailed):
        scored(hub, crowd, tmp_path / "jobs.parquet", "batch")
    unlucky()
    (run,) = hub.runs()
    bucket_of(Place.parse(jobs_folder)).delete([next(key for key in left(jobs_folder) if f"/{folder}/" in key)])
    with pytest.raises(RunFailed, match="is no longer there"):
        hub.resume(run.id)
    assert not (tmp_path / "jobs.parquet").exists()


@pytest.mark.parametrize("count", [0, 1])
def test_what_was_half_cleared_is_sent_again(
    *,
    count: int,
    hub: Hub,
    account: Account,
    crowd: Path,
    tmp_path: Path,
    jobs_folder: str,
    monkeypatch: pytest.MonkeyPatch,
    unlucky: Callable[[], None],
) -> None:
    """Whatever was removed when the removal was cut off."""
    with pytest.raises(RunFailed):
        scored(hub, crowd, tmp_path / "jobs.parquet", "batch")
    unlucky()
    (run,) = hub.runs()
    bucket = type(bucket_of(Place.parse(jobs_folder)))
    real, calls = bucket.delete, iter(range(count))

    def cut(self: Any, keys: Sequence[str]) -> None:
        if next(calls, None) is None:
            real(self, list(keys)[: len(keys) // 2])
            raise KeyboardInterrupt
        real(self, keys)

    monkeypatch.setattr(bucket, "delete", cut)
    with pytest.raises(KeyboardInterrupt):
        hub._scorings.give_up(run)
    monkeypatch.setattr(bucket, "delete", real)
    ended = hub.resume(run.id)
    assert (ended.rows, ended.rejected, left(jobs_folder)) == (5_000, 0, [])


@one_in_depth
def test_a_run_whose_folder_was_cleared_begins_again(
    hub: Hub, account: Account, tmp_path: Path, jobs_folder: str, unlucky: Callable[[], None]
) -> None:
    data = with_refused(tmp_path / "people.parquet", 3_000, [3, 700])
    with pytest.raises(RunFailed):
        scored(hub, data, tmp_path / "jobs.parquet", "batch")
    unlucky()
    (run,) = hub.runs()
    hub._scorings.give_up(run)
    assert left(jobs_folder) == []
    ended = hub.resume(run.id)
    assert (ended.rejected, numbers_of(tmp_path / "jobs.parquet")) == (2, without(3_000, [3, 700]))


def test_settling_that_was_cut_off_is_done_again(
    hub: Hub, vertex: Account, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = [3, 700, 1_400, 2_900]
    data = with_refused(tmp_path / "people.parquet", 3_000, bad)
    real, calls = Staged.write, iter(range(1))

    def cut(self: Staged, place: Place, content: bytes) -> None:
        if "answers/01/" in place.key and next(calls, None) is None:
            raise KeyboardInterrupt
        real(self, place, content)

    monkeypatch.setattr(Staged, "write", cut)
    with pytest.raises(KeyboardInterrupt):
        scored(hub, data, tmp_path / "jobs.parquet", "batch")
    monkeypatch.setattr(Staged, "write", real)
    (run,) = hub.runs()
    assert hub.resume(run.id).rejected == 4
    assert (numbers_of(tmp_path / "jobs.parquet"), len(list(vertex.jobs))) == (without(3_000, bad), 3)


def test_answers_of_a_job_that_failed_count(
    hub: Hub, vertex: Account, crowd: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed before they were put in order; and what they lack is asked for by another job."""
    real = vertex_batching._worked

    def partly(account: Account, job: Job, model: Any) -> tuple[str, dict[str, Any]]:
        _, told = real(account, job, model)
        return "FAILED", {**told, "error": {"code": 13, "message": "INTERNAL"}}

    monkeypatch.setattr(vertex_batching, "_worked", partly)
    settle = PredictionJobs.settle

    def killed(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(PredictionJobs, "settle", killed)
    with pytest.raises(KeyboardInterrupt):
        scored(hub, crowd, tmp_path / "jobs.parquet", "batch")
    monkeypatch.setattr(PredictionJobs, "settle", settle)
    (run,) = hub.runs()
    assert (hub.resume(run.id).rows, len(list(vertex.jobs))) == (5_000, 1)


def test_a_job_whose_making_was_not_answered_is_found(
    hub: Hub, vertex: Account, crowd: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, calls = Batches._create, iter(range(1))

    def create(self: Batches, visit: Any) -> dict[str, Any]:
        told = real(self, visit)
        if next(calls, None) is not None:
            raise Refused("unavailable", "the deadline was exceeded", code="UNAVAILABLE")
        return told

    monkeypatch.setattr(Batches, "_create", create)
    assert scored(hub, crowd, tmp_path / "jobs.parquet", "batch").rows == 5_000
    assert len(list(vertex.jobs)) == 1


def test_a_second_job_of_a_name_is_ended(
    hub: Hub, vertex: Account, crowd: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Batches._create
    vertex.jobs.seconds = 1

    def create(self: Batches, visit: Any) -> dict[str, Any]:
        real(self, visit)
        return real(self, visit)

    monkeypatch.setattr(Batches, "_create", create)
    assert scored(hub, crowd, tmp_path / "jobs.parquet", "batch").rows == 5_000
    assert sorted(job.wait().state for job in vertex.jobs) == ["JOB_STATE_CANCELLED", "JOB_STATE_SUCCEEDED"]


@pytest.mark.deep
def test_a_job_that_somebody_removed_is_not_waited_for(
    hub: Hub, vertex: Account, crowd: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "_GONE", 1.0)
    vertex.jobs.seconds = 60
    run = scored(hub, crowd, tmp_path / "jobs.parquet", "batch", wait=False)
    until(lambda: bool(list(vertex.jobs)))
    (job,) = vertex.jobs
    vertex.jobs.delete(job.name)
    with pytest.raises(RunFailed, match="is no longer there: somebody has removed it"):
        hub.wait(run.id)
    job.stop()
    vertex.jobs.seconds = 0
    assert hub.resume(run.id).rows == 5_000


@pytest.mark.parametrize("fault", ["denied", "away"])
def test_a_job_that_could_not_be_stopped_is_stopped_by_who_comes_next(
    *,
    fault: str,
    hub: Hub,
    account: Account,
    crowd: Path,
    tmp_path: Path,
    jobs_folder: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It costs as long as it works."""
    account.jobs.seconds = 60
    run = scored(hub, crowd, tmp_path / "jobs.parquet", "batch", wait=False)
    until(lambda: bool(list(account.jobs)))
    said: list[str] = []
    hub.talk_to(said.append)
    real = Staged.known
    if fault == "denied":
        account.faults.add("denied", on="stop", times=1)
    else:
        monkeypatch.setattr(Staged, "known", lambda _: _raised(SourceUnavailable("the bucket is away")))
    hub.cancel(run.id)
    with pytest.raises(MusterError, match="cancelled"):
        hub.wait(run.id)
    assert any(f"the batch jobs of run {run.id} may still work, and cost: " in line for line in said)
    assert left(jobs_folder)
    assert list(hub._runs.left())
    monkeypatch.setattr(Staged, "known", real)
    account.jobs.seconds = 0
    hub.score("numbers", pa.table({"n": [1, 2]}), tmp_path / "other.parquet")
    (job,) = account.jobs
    assert job.wait().state in ("Stopped", "JOB_STATE_CANCELLED")
    assert (left(jobs_folder), list(hub._runs.left())) == ([], [])


@pytest.mark.parametrize("fault", ["interrupted", "failed", "collected"])
def test_what_could_not_be_cleared_is_cleared_by_who_comes_next(
    *, fault: str, hub: Hub, account: Account, tmp_path: Path, jobs_folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However the run has ended, and though the garbage was collected meanwhile."""
    people = numbered(rows(40, seed=9))
    if fault == "failed":
        people = people.set_column(0, "age", pa.array([-1.0] * 40))
    pq.write_table(people, tmp_path / "people.parquet")
    real, error = BatchJobs.clear, KeyboardInterrupt() if fault == "interrupted" else SourceUnavailable("away")
    monkeypatch.setattr(BatchJobs, "clear", lambda _: _raised(error))
    with suppress(RunFailed, KeyboardInterrupt):
        scored(hub, tmp_path / "people.parquet", tmp_path / "jobs.parquet", "batch")
    if fault == "collected":
        no_time = Retention(**{one.name: timedelta(0) for one in fields(Retention)})
        monkeypatch.setattr(Retention, "of", classmethod(lambda *_: no_time))
        assert any("away" in told for told in hub.collect().faults)
    assert left(jobs_folder)
    monkeypatch.setattr(BatchJobs, "clear", real)
    hub.score("numbers", pa.table({"n": [1, 2]}), tmp_path / "other.parquet")
    assert (left(jobs_folder), list(hub._runs.left())) == ([], [])
    del account


@pytest.mark.parametrize("for_good", [False, True], ids=["deleted", "for good"])
def test_jobs_of_a_version_that_was_deleted_are_ended_as_long_as_that_is_possible(
    hub: Hub, sagemaker: Account, tmp_path: Path, jobs_folder: str, monkeypatch: pytest.MonkeyPatch, *, for_good: bool
) -> None:
    """And it is said once where it is not."""
    del sagemaker
    pq.write_table(numbered(rows(40, seed=9)), tmp_path / "people.parquet")
    real = BatchJobs.clear
    monkeypatch.setattr(BatchJobs, "clear", lambda _: _raised(SourceUnavailable("away")))
    scored(hub, tmp_path / "people.parquet", tmp_path / "jobs.parquet", "batch")
    monkeypatch.setattr(BatchJobs, "clear", real)
    hub.delete_version("churn:1", for_good=for_good)
    said: list[str] = []
    hub.talk_to(said.append)
    for n in range(2):
        hub.score("numbers", pa.table({"n": [1, 2]}), tmp_path / f"other{n}.parquet")
    assert list(hub._runs.left()) == []
    assert bool(left(jobs_folder)) is for_good
    assert len([line for line in said if "cannot be reached" in line]) == int(for_good)


def _raised(error: BaseException) -> Any:
    raise error


def test_who_lets_go_while_rows_are_sent_leaves_the_rest_to_be_sent(
    hub: Hub, account: Account, crowd: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the middle of the last chunk, where nobody asks any more whether to go on."""
    real, sent = Staged.write, iter(range(3 if account.kind == "vertex" else 8))

    def write(self: Staged, place: Place, content: bytes) -> None:
        real(self, place, content)
        if next(sent, None) is None:
            leave.set()

    monkeypatch.setattr(Staged, "write", write)
    monkeypatch.setattr(sending, "rows_of_request", lambda *_: 800)
    leave = threading.Event()
    request = ScoreRequest(
        reference="churn", data=str(crowd), output=str(tmp_path / "jobs.parquet"), keep=["n"], via="batch"
    )
    run = hub._scorings.start(request)
    with pytest.raises(RunCancelled):
        hub._scorings.execute(run, leave=leave)
    assert list(account.jobs) == []
    monkeypatch.setattr(Staged, "write", real)
    assert (hub.resume(run.id).rejected, numbers_of(tmp_path / "jobs.parquet")) == (0, list(range(5_000)))


def test_who_cancels_before_the_job_pays_for_none(
    *, hub: Hub, account: Account, crowd: Path, tmp_path: Path, jobs_folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Staged.note

    def note(self: Staged, name: str, document: Any) -> None:
        real(self, name, document)
        if name == "sent-00":
            (run,) = hub.runs()
            hub.cancel(run.id)
            time.sleep(1.5)  # longer than the run is without a look at who wants its end

    monkeypatch.setattr(Staged, "note", note)
    with pytest.raises(MusterError, match="cancelled"):
        scored(hub, crowd, tmp_path / "jobs.parquet", "batch")
    assert (list(account.jobs), left(jobs_folder)) == ([], [])


def test_what_a_job_writes_while_it_is_stopped_is_removed_too(
    *, hub: Hub, vertex: Account, crowd: Path, tmp_path: Path, jobs_folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = vertex_batching._worked

    def slow(account: Account, job: Job, model: Any) -> tuple[str, dict[str, Any]]:
        until(lambda: job.stopping)
        time.sleep(1)
        job._stopping.clear()
        account.jobs.seconds = 0
        return real(account, job, model)

    monkeypatch.setattr(vertex_batching, "_worked", slow)
    run = scored(hub, crowd, tmp_path / "jobs.parquet", "batch", wait=False)
    until(lambda: bool(list(vertex.jobs)))
    hub.cancel(run.id)
    with pytest.raises(MusterError, match="cancelled"):
        hub.wait(run.id)
    (job,) = vertex.jobs
    job.wait()
    until(lambda: not left(jobs_folder))


@pytest.mark.parametrize("fault", ["infinite", "text"])
def test_a_row_that_cannot_be_sent_ends_a_strict_run_before_anything_is_paid(
    fault: str, hub: Hub, account: Account, tmp_path: Path, jobs_folder: str
) -> None:
    people, file = numbered(rows(300, seed=9)), tmp_path / f"people.{'csv' if fault == 'text' else 'parquet'}"
    ages = people["age"].to_pylist()
    ages[5] = math.inf
    people = people.set_column(0, "age", pa.array(ages))
    if fault == "text":
        csv.write_csv(people, file)
        file.write_text(file.read_text().replace("inf", "old"))
    else:
        pq.write_table(people, file)
    with pytest.raises(RunFailed, match="row 5 of"):
        scored(hub, file, tmp_path / "jobs.parquet", "batch", on_reject="fail")
    assert (list(account.jobs), left(jobs_folder)) == ([], [])


@pytest.mark.parametrize("on_reject", ["skip", "fail"])
def test_files_without_rows_are_no_fault(on_reject: str, hub: Hub, sagemaker: Account, tmp_path: Path) -> None:
    del sagemaker
    people, folder = numbered(rows(2_000, seed=9)), tmp_path / "people"
    folder.mkdir()
    for name, part in (("a", people.slice(0, 1_000)), ("b", people.slice(0, 0)), ("c", people.slice(1_000))):
        csv.write_csv(part, folder / f"{name}.csv")
    scored(hub, folder, tmp_path / "jobs.parquet", "batch", on_reject=on_reject)
    assert numbers_of(tmp_path / "jobs.parquet") == list(range(2_000))


def test_a_row_that_is_larger_than_a_request_is_rejected_alone(
    hub: Hub, jobs_folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lengths(told: list[Any]) -> list[list[float]]:
        texts = [str(row["text"] if isinstance(row, dict) else row[0]) for row in told]
        return [[1 - (p := min(1.0, len(text) / 1_000)), p] for text in texts]

    served = Served(predict=lengths, columns=("text",), container="sklearn")
    with serving("sagemaker", {"texts": served}) as account:
        for name, value in account.environ.items():
            monkeypatch.setenv(name, value)
        hub.connect("c", "sagemaker", batch_folder=jobs_folder, **dict[str, Any](account.settings))
        sample = pa.table({"text": ["a" * 400, "bb" * 400], TRUTH: [0, 1]})
        hub.register("texts", muster.Endpoint("c", "texts"), **{**given, "sample": sample})
        texts = pa.table({"text": ["a", "b" * (7 << 20), "c"], "n": [0, 1, 2]})
        pq.write_table(texts, tmp_path / "texts.parquet")
        run = hub.score("texts", tmp_path / "texts.parquet", tmp_path / "jobs.parquet", keep=["n"], via="batch")
    assert numbers_of(tmp_path / "jobs.parquet") == [0, 2]
    assert ["larger than a request may be" in one["error"] for one in rejected(run)] == [True]


def test_parameters_go_with_the_job(
    hub: Hub, jobs_folder: str, crowd: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    columns = tuple(Column(name, pa.float64()) for name in COLUMNS)
    with connected(hub, "vertex", jobs_folder, monkeypatch) as account:
        hub.register(
            "deep", muster.Endpoint("c", "churn"), signature=Signature(columns, (Parameter("depth", pa.int64(), 3),)),
            request={"format": "instances-list", "columns": list(COLUMNS)}, **given,
        )  # fmt: skip
        hub.score("deep", crowd, tmp_path / "jobs.parquet", via="batch", params={"depth": 7})
        (job,) = account.jobs
    assert job.asked["modelParameters"] == {"depth": 7}


def test_members_beside_the_instances_are_refused(
    hub: Hub, jobs_folder: str, crowd: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    request: Any = {"format": "instances-list", "extra": {"parameters": {"depth": 9}}}
    with connected(hub, "vertex", jobs_folder, monkeypatch) as account:
        hub.register("odd", muster.Endpoint("c", "churn"), request=request, **given)
        with pytest.raises(NotApplicable, match="is sent `parameters` beside the instances"):
            hub.score("odd", crowd, tmp_path / "jobs.parquet", via="batch")
        assert (list(account.jobs), left(jobs_folder)) == ([], [])


def test_a_list_of_another_length_is_never_cut_nor_a_bare_value_sent(hub: Hub, vertex: Account) -> None:
    service = PredictionJobs(hub.version("churn"), hub.connection("c"))
    body = service.body(
        Piece(0, 0, 0, 2, 2, "0" * 16), Payload(b'{"instances": [[1, 2], [3, 4, 5]]}', "", ""), range(2)
    )
    first, second = (set(json.loads(line)) - {"muster_key"} for line in body.splitlines())
    assert not first & second
    with pytest.raises(NotApplicable, match="`churn:1` takes bare values"):
        service.body(Piece(0, 0, 0, 1, 1, "0" * 16), Payload(b'{"instances": [1]}', "", ""), range(1))
    service.close()


def test_a_folder_that_the_provider_cannot_use_is_refused(
    hub: Hub, crowd: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving("sagemaker", {"churn": Served(predict=predict, columns=COLUMNS, container="xgboost")}) as account:
        for name, value in account.environ.items():
            monkeypatch.setenv(name, value)
        hub.connect("c", "sagemaker", batch_folder="gs://bucket/jobs", **dict[str, Any](account.settings))
        hub.register("churn", muster.Endpoint("c", "churn"), **given)
        with pytest.raises(InvalidInput, match="read from S3 and write to it, and `batch_folder` is gs://bucket/jobs"):
            scored(hub, crowd, tmp_path / "jobs.parquet", "batch")


def test_more_requests_than_a_job_takes_are_refused(
    hub: Hub, sagemaker: Account, crowd: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("muster.predictors.external.batch.opening.MOST_REQUESTS", 2)
    monkeypatch.setattr("muster.predictors.external.batch.opening.rows_of_request", lambda *_: 1)
    with pytest.raises(NotApplicable, match="takes 1 row in a request, and a batch job 2 requests; the data has 5,000"):
        scored(hub, crowd, tmp_path / "jobs.parquet", "batch")
    assert not list(sagemaker.jobs)


@one_in_depth
def test_jobs_of_one_run_have_names_of_their_own(hub: Hub, account: Account, tmp_path: Path) -> None:
    scored(hub, with_refused(tmp_path / "people.parquet", 500, [3]), tmp_path / "jobs.parquet", "batch")
    names = [name_of(job) for job in account.jobs]
    assert len(set(names)) == len(names) > 1
    assert all(len(name) <= 63 for name in names)
