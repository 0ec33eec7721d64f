"""Scoring by a provider's batch jobs: the same answers as by calls, rows refused alone, nothing paid twice or left behind."""

from __future__ import annotations

import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import muster
from muster.errors import InvalidInput, MusterError, NotApplicable, RunFailed
from muster.hub import Hub
from muster.predictors.external.batch.ends import open_service
from muster.testing.endpoints import Account, Served, serving
from tests.hub.batches import (
    CONTAINERS,
    KINDS,
    OPTIONS,
    left,
    name_of,
    numbered,
    rejected,
    scored,
    table,
    until,
)
from tests.suites.endpoints import COLUMNS, TRUTH, predict, rows


def test_batch_jobs_answer_as_calls_do(
    hub: Hub, account: Account, crowd: Path, tmp_path: Path, jobs_folder: str
) -> None:
    scored(hub, crowd, tmp_path / "calls.parquet", "calls")
    asked = len(account.invocations)
    run = scored(hub, crowd, tmp_path / "jobs.parquet", "batch")
    assert (run.status, run.rows, run.rejected) == ("done", 5_000, 0)
    assert table(tmp_path / "calls.parquet").equals(table(tmp_path / "jobs.parquet"))
    assert (len(account.invocations), len(list(account.jobs))) == (asked, 1)
    assert left(jobs_folder) == []


def test_rows_that_the_model_refuses_are_found_and_all_others_scored(
    hub: Hub, account: Account, tmp_path: Path, jobs_folder: str
) -> None:
    people = numbered(rows(1_500, seed=9))
    ages = people["age"].to_pylist()
    bad = [3, 700, 701, 1_499]
    for n in bad:
        ages[n] = -1.0
    ages[10] = math.inf
    pq.write_table(people.set_column(0, "age", pa.array(ages)), tmp_path / "people.parquet")
    run = scored(hub, tmp_path / "people.parquet", tmp_path / "jobs.parquet", "batch")
    assert (run.rows, run.rejected) == (1_500, 5)
    assert table(tmp_path / "jobs.parquet")["n"].to_pylist() == [n for n in range(1_500) if n not in {*bad, 10}]
    rejects = {r["values"]["n"] if "n" in r["values"] else r["row"]: r["error"] for r in rejected(run)}
    assert set(rejects) == {*bad, 10}
    assert "infinite" in rejects[10]
    one = hub.predict("churn", people.slice(0, 3))
    assert table(tmp_path / "jobs.parquet")["prediction"].slice(0, 3).equals(one["prediction"])
    assert left(jobs_folder) == []


def test_a_model_that_takes_no_row_ends_the_run(hub: Hub, account: Account, tmp_path: Path, jobs_folder: str) -> None:
    people = numbered(rows(300, seed=9))
    pq.write_table(people.set_column(0, "age", pa.array([-1.0] * 300)), tmp_path / "people.parquet")
    with pytest.raises(RunFailed, match="the batch jobs answered no row: "):
        scored(hub, tmp_path / "people.parquet", tmp_path / "jobs.parquet", "batch")
    assert (left(jobs_folder), (tmp_path / "jobs.parquet").exists()) == ([], False)
    assert len(list(account.jobs)) <= 3


KILLED = """
import sys
import muster

with muster.open(sys.argv[1], actor="ada") as hub:
    hub.score("churn", sys.argv[2], sys.argv[3], keep=["n"], via="batch")
"""


def test_a_run_that_was_killed_goes_on_with_its_job(
    hub: Hub, account: Account, crowd: Path, tmp_path: Path, jobs_folder: str
) -> None:
    """Before the job began, or while it works: what was sent is not sent again, and no job is paid twice."""
    early = account.kind == "sagemaker"
    account.jobs.seconds = 3
    with subprocess.Popen([sys.executable, "-c", KILLED, hub.folder, crowd, tmp_path / "jobs.parquet"]) as process:
        until(lambda: bool(left(jobs_folder) if early else list(account.jobs)))
        process.kill()
    account.jobs.seconds = 0
    (run,) = hub.runs()
    ended = hub.resume(run.id)
    assert (ended.status, ended.rows, len(list(account.jobs))) == ("done", 5_000, 1)
    assert table(tmp_path / "jobs.parquet")["n"].to_pylist() == list(range(5_000))
    assert left(jobs_folder) == []


def test_a_run_that_is_cancelled_ends_its_job(
    hub: Hub, account: Account, crowd: Path, tmp_path: Path, jobs_folder: str
) -> None:
    account.jobs.seconds = 60
    run = scored(hub, crowd, tmp_path / "jobs.parquet", "batch", wait=False)
    until(lambda: bool(list(account.jobs)))
    hub.cancel(run.id)
    with pytest.raises(MusterError):
        hub.wait(run.id)
    assert hub.run(run.id).status == "cancelled"
    (job,) = account.jobs
    assert job.wait().state in ("Stopped", "JOB_STATE_CANCELLED")
    assert left(jobs_folder) == []


def test_a_job_that_somebody_stops_is_started_again(hub: Hub, account: Account, crowd: Path, tmp_path: Path) -> None:
    account.jobs.seconds = 60
    run = scored(hub, crowd, tmp_path / "jobs.parquet", "batch", wait=False)
    until(lambda: bool(list(account.jobs)))
    stop(hub, account)
    with pytest.raises(RunFailed, match="was stopped at the provider"):
        hub.wait(run.id)
    account.jobs.seconds = 0
    assert hub.resume(run.id).rows == 5_000
    assert len(list(account.jobs)) == 2


def stop(hub: Hub, account: Account) -> None:
    """As a person does, at the provider."""
    service = open_service(hub.version("churn"), hub.connection("c"))
    (job,) = account.jobs
    service.stop(name_of(job))
    service.close()


def test_data_that_was_changed_gives_no_answers_of_other_rows(
    hub: Hub, account: Account, crowd: Path, tmp_path: Path
) -> None:
    account.jobs.seconds = 2
    run = scored(hub, crowd, tmp_path / "jobs.parquet", "batch", wait=False)
    until(lambda: bool(list(account.jobs)))
    pq.write_table(numbered(rows(5_000, seed=10)), crowd)
    with pytest.raises(RunFailed, match="changed"):
        hub.wait(run.id)
    assert not (tmp_path / "jobs.parquet").exists()


def test_what_cannot_go_by_batch_says_why(hub: Hub, crowd: Path, tmp_path: Path) -> None:
    hub.register("here", lambda frame: [0] * len(frame), task="binary", classes=[0, 1], sample=rows(), target=TRUTH)
    with pytest.raises(NotApplicable, match="`here:1` runs here, and batch jobs are of providers"):
        hub.score("here", crowd, tmp_path / "out.parquet", via="batch")
    with pytest.raises(InvalidInput, match="`jobs` is no way to score"):
        hub.score("here", crowd, tmp_path / "out.parquet", via="jobs")
    served = Served(predict=predict, columns=COLUMNS, container="probabilities")
    with serving("http", {"churn": served}) as account:
        hub.connect("h", "http", **dict[str, Any](account.settings))
        hub.register("http", muster.Endpoint("h"), task="binary", target=TRUTH, classes=[0, 1], sample=rows())
        with pytest.raises(NotApplicable, match="knows no batch jobs of the kind `http`"):
            hub.score("http", crowd, tmp_path / "out.parquet", via="batch")


@pytest.mark.parametrize("kind", KINDS)
def test_an_endpoint_that_divides_its_calls_runs_no_job(
    kind: str, hub: Hub, jobs_folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = tmp_path / "people.parquet"
    pq.write_table(numbered(rows(10)), data)
    one = Served(predict=predict, columns=COLUMNS, container=CONTAINERS[kind], weight=50)
    with serving(kind, {"churn": {"blue": one, "green": one}}, **OPTIONS[kind]) as account:
        for name, value in account.environ.items():
            monkeypatch.setenv(name, value)
        hub.connect("c", kind, **dict[str, Any](account.settings))
        given: dict[str, Any] = {"task": "binary", "target": TRUTH, "classes": [0, 1], "sample": rows()}
        hub.register("churn", muster.Endpoint("c", "churn"), **given)
        with pytest.raises(InvalidInput, match="the connection `c` has no `batch_folder`"):
            scored(hub, data, tmp_path / "out.parquet", "batch")
        hub.connect("c", kind, batch_folder=jobs_folder, replace=True, **dict[str, Any](account.settings))
        with pytest.raises(NotApplicable, match="divides its calls among"):
            scored(hub, data, tmp_path / "out.parquet", "batch")
    assert list(hub.runs()) == []
