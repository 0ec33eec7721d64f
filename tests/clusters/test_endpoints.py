"""Endpoints that executors of a real Ray and a real Spark ask: caps hold over all of them, and secrets are found there or missed."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.clusters.starting import CLUSTERS, executors
from tests.hub.endpoint_stage import Stage, expected, staged, table

pytestmark = pytest.mark.deep

ROWS = 480
LOGIN = {"auth": "bearer", "secret": "env:CHURN_SECRET"}
ROOT = Path(__file__).parents[2]

# In a process of its own, whose cluster begins with the variables that it has.
PROGRAM = """
import json, os, sys
import muster
from muster.errors import MusterError

task, runner, workers, data, output = sys.argv[1:6]
hidden = {name: os.environ.pop(name) for name in sys.argv[6:]}
if hidden:
    from tests.clusters.starting import CLUSTERS
    CLUSTERS[runner]()
os.environ.update(hidden)
with muster.open(score__chunk_rows="16", ray__workers=workers, spark__workers=workers) as hub:
    try:
        if task == "score":
            told = {"rows": hub.score("churn", data, output, keep=["row"], runner=runner).rows}
        else:
            told = {"id": hub.evaluate("churn", data, target="y", runner=runner).id}
    except MusterError as error:
        told = {"error": error.message, "hint": error.hint}
print(json.dumps(told))
"""


@pytest.fixture(params=CLUSTERS)
def cluster(request: pytest.FixtureRequest) -> str:
    pytest.importorskip("ray" if request.param == "ray" else "pyspark")
    return str(request.param)


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CHURN_SECRET", "a-word")
        with staged("http", tmp_path, patch, settings=LOGIN) as stage:
            stage.model.pause = 0.02
            yield stage


def told(
    stage: Stage, task: str, cluster: str, data: Path, *, output: str = "", hidden: str = "", workers: int = 2
) -> dict[str, Any]:
    asked = [task, cluster, str(workers), str(data), output, *([hidden] if hidden else [])]
    command = [sys.executable, "-c", PROGRAM, *asked]
    done = subprocess.run(command, env=stage.home.environ(), cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def _capped(stage: Stage, **caps: float) -> None:
    settings: dict[str, Any] = {**stage.account.settings, **LOGIN, **caps}
    stage.hub.connect("c", "http", replace=True, **settings)


def labelled(stage: Stage) -> Path:
    file = stage.folder / "labelled.parquet"
    rows = table(ROWS)
    pq.write_table(rows.append_column("y", pa.array([n % 3 // 2 for n in range(ROWS)])), file, row_group_size=64)
    return file


def test_the_cap_of_a_connection_holds_over_all_executors(cluster: str, stage: Stage) -> None:
    _capped(stage, concurrency=2)
    data, output = labelled(stage), stage.output()
    assert told(stage, "score", cluster, data, output=str(output)) == {"rows": ROWS}
    found = pq.read_table(output).to_pydict()
    rows = list(zip(found["row"], found["prediction"], found["probability_1"], strict=True))
    assert rows == expected(range(ROWS))
    assert 1 <= stage.model.at_once <= 2
    assert sorted(stage.model.rows()) == list(range(ROWS)), "nobody was asked twice"
    here = stage.hub.evaluate("churn", data, target="y")
    stage.clear()
    there = stage.hub.evaluation(told(stage, "evaluate", cluster, data)["id"])
    assert stage.model.asked == [], "what was paid for is not asked again"
    assert here.profile.encode() == there.profile.encode()


def test_an_evaluation_asks_once_and_what_it_spent_is_counted(cluster: str, stage: Stage) -> None:
    _capped(stage, price_per_call=1, spend=100)
    there = stage.hub.evaluation(told(stage, "evaluate", cluster, labelled(stage))["id"])
    assert there.record.counted == ROWS
    assert sorted(stage.model.rows()) == list(range(ROWS))
    assert stage.hub.connection_spent("c") == ROWS / stage.chunk


def test_all_that_an_executor_was_lent_counts_once_it_is_killed_and_no_more(cluster: str, stage: Stage) -> None:
    """It is alone, and has one request in flight as it dies: the tenth, which is asked again."""
    _capped(stage, price_per_call=1, spend=100, concurrency=1)
    counted: list[float] = []

    def kill() -> None:
        (victim,) = executors(cluster)
        victim.kill()
        psutil.wait_procs([victim])
        counted.append(stage.hub.connection_spent("c"))

    stage.model.at(10, kill)
    there = stage.hub.evaluation(told(stage, "evaluate", cluster, labelled(stage), workers=1)["id"])
    assert there.record.counted == ROWS
    (then,) = counted
    assert then >= 10
    assert len(stage.model.asked) == ROWS / stage.chunk + 1
    assert stage.hub.connection_spent("c") == then + ROWS / stage.chunk + 1 - 10


def test_a_secret_that_executors_do_not_have_is_named(cluster: str, stage: Stage) -> None:
    answer = told(stage, "score", cluster, labelled(stage), output=str(stage.output()), hidden="CHURN_SECRET")
    assert "the variable CHURN_SECRET, which is not set" in answer["error"]
    assert "run resume" in answer["hint"]
    assert stage.model.asked == []
