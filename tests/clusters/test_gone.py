"""A real Spark whose Java process ends in the middle of a run, as it may for want of memory."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.deep

ROOT = Path(__file__).parents[2]
PROGRAM = """
import json, sys
from pathlib import Path
import psutil, pyarrow as pa, pyarrow.parquet as pq
import muster
from muster.errors import MusterError

folder = Path(sys.argv[1])
(folder / "double.py").write_text("def predict(data):\\n    return [2.0 * n for n in data['n']]\\n")
pq.write_table(pa.table({"n": range(4_000)}), folder / "in.parquet", row_group_size=100)

def kill(_progress):
    for process in psutil.Process().children(recursive=True):
        if process.name() == "java":
            process.kill()
            process.wait()

told = []
with muster.open(folder / "hub", score__chunk_rows=25, worker__isolation="none", spark__workers=1) as hub:
    hub.register("double", folder / "double.py", task="regression", sample={"n": [1, 2, 3]})
    for output in ("a.parquet", "b.parquet"):
        try:
            hub.score("double", folder / "in.parquet", folder / output, runner="spark", watch=kill)
        except MusterError as error:
            told.append(error.message)
    told.append([run.status for run in hub.runs()])
print(json.dumps(told))
"""


def test_a_spark_that_has_ended_is_told_and_so_is_the_next_run(tmp_path: Path) -> None:
    pytest.importorskip("pyspark")
    command = [sys.executable, "-c", PROGRAM, str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=300)
    first, second, statuses = json.loads(done.stdout.splitlines()[-1])
    assert "was lost 3 times: its Java process has ended" in first
    assert "the Spark of this program does not answer any more: its Java process has ended" in second
    assert statuses == ["failed", "failed"]
