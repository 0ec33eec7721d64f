"""Scoring Parquet in an S3 server of this machine (moto's) beside files: what object storage costs besides the network.

The server is a Python program and shares the machine's cores, so its own part is large: the figures bound what Muster adds from
above, and say nothing of a real S3, whose requests take longer and whose bytes come faster.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

sys.path.insert(0, str(Path(__file__).parents[1]))

from harness import DATA, Program, arguments, finish, machine, measure, show, table

import muster
from muster.objects.bucket import PIECE, bucket_of
from muster.objects.place import Place
from tests.clouds.s3 import s3_environ, serving

COLUMNS = [f"x{i}" for i in range(20)]
MODEL = """
import pyarrow as pa
import pyarrow.compute as pc

INPUT = "arrow"


class Model:
    def predict(self, data):
        return pc.add(data["x0"], data["x1"])
"""


def main() -> None:
    chosen = arguments(__doc__ or "", [1_000_000])
    folder = DATA / "objects"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    _register(folder)
    found = {}
    with serving() as server:
        environ = s3_environ(server, ["bench"])
        os.environ |= environ
        for rows in chosen.sizes:
            size = _data(folder, rows)
            found[rows] = table(measure(_programs(folder, rows, environ), chosen.rounds))
            if not chosen.json:
                show(f"Scoring {rows:,} rows of 20 numbers, {size >> 20} MB", found[rows])
    finish({"machine": machine("pyarrow", "obstore", "moto"), "rows": found}, chosen.json)


def _register(folder: Path) -> None:
    (folder / "model.py").write_text(MODEL)
    with muster.open(folder / "hub") as hub:
        sample = {c: [0.5, 1.5] for c in COLUMNS}
        hub.register("sum", folder / "model.py", task="regression", sample=sample)


def _data(folder: Path, rows: int) -> int:
    random = np.random.default_rng(0)
    file = folder / "in.parquet"
    pq.write_table(pa.table({c: random.normal(size=rows) for c in COLUMNS}), file, row_group_size=250_000)
    with file.open("rb") as stream:
        bucket_of(Place("s3://bench")).put("in.parquet", iter(lambda: stream.read(PIECE), b""))
    return file.stat().st_size


def _programs(folder: Path, rows: int, environ: Mapping[str, str]) -> list[Program]:
    here, there = str(folder), "s3://bench"
    ways = {"files": (here, here), "from S3": (there, here), "to S3": (here, there), "from and to S3": (there, there)}
    program = [sys.executable, "-m", "muster", "score", "sum"]
    return [
        Program(
            name,
            [*program, f"{source}/in.parquet", f"{target}/out/", "--overwrite", "--hub", str(folder / "hub")],
            check=_checked(folder, f"{target}/out/", rows),
            environ=environ,
        )
        for name, (source, target) in ways.items()
    ]


def _checked(folder: Path, target: str, rows: int) -> Callable[[str], None]:
    def check(_output: str) -> None:
        with muster.open(folder / "hub") as hub:
            assert hub.open_dataset(target).rows() == rows

    return check


if __name__ == "__main__":
    main()
