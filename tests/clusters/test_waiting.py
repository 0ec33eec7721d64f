"""A real Ray and a real Spark that have no room for a run: what is told meanwhile, and that nothing is left of it when it is ended."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import muster
from tests.clusters.starting import CLUSTERS
from tests.clusters.test_trouble import MODEL

pytestmark = pytest.mark.deep

ROOT = Path(__file__).parents[2]
PROGRAM = """
import sys, threading, time
from pathlib import Path
import muster
from muster.runners.cluster import driver
from tests.clusters.starting import CLUSTERS, WORKERS

cluster, folder, master = sys.argv[1], Path(sys.argv[2]), sys.argv[3]
driver._SILENT_SECONDS = 0.5
opened = folder / "opened"

def hold(begun):
    Path(begun).touch()
    while not opened.exists():
        time.sleep(0.05)

def held():
    CLUSTERS[cluster]()
    begun = [str(folder / f"held-{n}") for n in range(WORKERS)]
    if cluster == "ray":
        import ray
        for one in begun:
            ray.remote(hold).remote(one)
    else:
        from pyspark.sql import SparkSession
        work = SparkSession.getActiveSession().sparkContext.parallelize(begun, WORKERS)
        threading.Thread(target=lambda: work.foreach(hold), daemon=True).start()
    while not all(Path(one).exists() for one in begun):
        time.sleep(0.05)

if not master:
    held()
settings = {"spark__master": master} if master else {}
with muster.open(folder / "hub", score__chunk_rows=400, worker__isolation="none", **settings) as hub:
    hub.talk_to(lambda line: print(line, flush=True))
    try:
        hub.score("slow", folder / "in.parquet", folder / "out.parquet", runner=cluster)
    except KeyboardInterrupt:
        (run,) = hub.runs()
        print("interrupted", run.status, len((folder / "pids").read_text()), flush=True)
    if not master:
        driver._SILENT_SECONDS = 30.0
        opened.touch()
        print(hub.resume(run.id).rows, *(p.name for p in folder.glob("out*")), flush=True)
    if cluster == "ray":
        import ray
        while ray.available_resources().get("CPU") != WORKERS:
            time.sleep(0.1)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "model.py").write_text(MODEL.format(pids=str(tmp_path / "pids")))
    pq.write_table(pa.table({"n": range(1_600)}), tmp_path / "in.parquet", row_group_size=800)
    with muster.open(tmp_path / "hub", worker__isolation="none") as hub:
        hub.register("slow", tmp_path / "model.py", task="regression", sample={"n": [1, 2, 3]})
    (tmp_path / "pids").write_text("")
    return tmp_path


@contextmanager
def started(cluster: str, folder: Path, master: str = "") -> Iterator[subprocess.Popen[str]]:
    pytest.importorskip("ray" if cluster == "ray" else "pyspark")
    command = [sys.executable, "-c", PROGRAM, cluster, str(folder), master]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as program:
        yield program
        assert program.wait(120) == 0


WHY = {
    "ray": "no executor of Ray has started, each needs a core, and 0 of 2 are free",
    "spark": "Spark has begun no task: its cores do other work",
}


@pytest.mark.parametrize("cluster", CLUSTERS)
def test_a_cluster_without_room_is_told_and_ctrl_c_ends_what_waits(cluster: str, folder: Path) -> None:
    with started(cluster, folder) as program:
        assert program.stdout is not None
        lines = iter(program.stdout.readline, "")
        line = next((one for one in lines if "nothing works" in one), "")
        assert WHY[cluster] in line
        assert "ends with Ctrl-C or `muster run cancel" in line
        program.send_signal(signal.SIGINT)
        told = [one.strip() for one in lines]
    assert told == ["interrupted failed 0", "1600 out.parquet"], "and it goes on when there is room"


def test_a_master_without_executors_is_told(folder: Path) -> None:
    with started("spark", folder, "local-cluster[0,1,1024]") as program:
        assert program.stdout is not None
        lines = iter(program.stdout.readline, "")
        line = next((one for one in lines if "nothing works" in one), "")
        assert "Spark has no executor at local-cluster[0,1,1024];" in line
        program.send_signal(signal.SIGINT)
        assert next(lines).strip() == "interrupted failed 0"
