"""What the scoring benchmarks share: each scores Parquet to Parquet three ways, and believes times only if all agree.

- limit: one process a core, each reads its row groups, predicts, and writes its rows to a file of its own. Nothing is checked,
  recorded, synced or made atomic.
- muster: `muster score`, as people type it, with everything that it does.
- pyfunc: MLflow's `pyfunc.load_model` in one process, predicting and writing a row group at a time.
"""

from __future__ import annotations

import logging
import os
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import Process
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
from harness import DATA, Program, arguments, exponent, finish, machine, measure, median, show, table

GROUP = 100_000
Predict = Callable[[Any], npt.NDArray[np.float64]]
"""A pandas frame to the probability of class 1."""


@dataclass(frozen=True)
class Work:
    """One kind of data with one model. `train` gives a fitted classifier; `load` its least form, from a folder that `save` filled."""

    name: str
    title: str
    program: str
    """The path of the benchmark, which is started again for each way."""
    schema: pa.Schema
    make: Callable[[np.random.Generator, int], pa.Table]
    train: Callable[[Any, npt.NDArray[np.int64]], Any]
    save: Callable[[Any, Path], None]
    load: Callable[[Path], Predict]
    packages: Sequence[str]

    @property
    def folder(self) -> Path:
        return DATA / self.name

    def data(self, rows: int) -> Path:
        """The file with so many rows, made once."""
        file = self.folder / f"{rows}.parquet"
        if not file.exists():
            self.folder.mkdir(parents=True, exist_ok=True)
            random = np.random.default_rng(rows)
            with pq.ParquetWriter(file, self.schema) as writer:
                for start in range(0, rows, GROUP):
                    writer.write_table(self.make(random, min(GROUP, rows - start)), row_group_size=GROUP)
        return file

    def prepare(self, sizes: Sequence[int]) -> None:
        """Data, a model in its least form and as an MLflow folder, and a hub that has it."""
        for rows in sizes:
            self.data(rows)
        if (self.folder / "made").exists():
            return
        import mlflow

        import muster

        logging.getLogger("mlflow").setLevel(logging.ERROR)
        frame = self.make(np.random.default_rng(1), 50_000).to_pandas()
        numbers = frame.select_dtypes("number").to_numpy()
        noise = np.random.default_rng(2)
        weights = noise.normal(size=numbers.shape[1])
        model = self.train(frame, (numbers @ weights + noise.normal(size=len(frame)) > 0).astype(np.int64))
        for name in ("hub", "mlflow", "least"):
            shutil.rmtree(self.folder / name, ignore_errors=True)
        (self.folder / "least").mkdir(parents=True)
        self.save(model, self.folder / "least")
        mlflow.sklearn.save_model(
            model, self.folder / "mlflow", pyfunc_predict_fn="predict_proba", serialization_format="cloudpickle"
        )
        with muster.open(self.folder / "hub") as hub:
            hub.register(self.name, model, sample=frame.head(100), task="binary")
        (self.folder / "made").touch()


def main(work: Work, sizes: Sequence[int], about: str) -> None:
    """The benchmark, or one of its ways when started with that way's arguments."""
    ways = {"limit": limit, "pyfunc": pyfunc}
    if len(sys.argv) == 4 and sys.argv[1] in ways:
        ways[sys.argv[1]](work, int(sys.argv[2]), Path(sys.argv[3]))
        return
    options = arguments(about, sizes)
    work.prepare(options.sizes)
    result: dict[str, object] = {"machine": machine("muster-ml", "pyarrow", "pandas", "mlflow-skinny", *work.packages)}
    walls: dict[str, list[float]] = {}
    for rows in options.sizes:
        times = measure([program(work, way, rows) for way in ("limit", "muster", "pyfunc")], options.rounds)
        agree(work, rows)
        result[f"{rows}"] = found = table(times)
        for name, t in times.items():
            walls.setdefault(name, []).append(median(t.wall))
        if not options.json:
            show(f"{rows:,} rows × {len(work.schema)}, Parquet → Parquet, {work.title}", found)
    if len(options.sizes) > 1:
        result["exponent"] = {n: round(exponent(options.sizes, w), 3) for n, w in walls.items()}
        if not options.json:
            print("\ngrowth exponent:", result["exponent"])
    finish(result, options.json)


def program(work: Work, way: str, rows: int) -> Program:
    out = work.folder / "out" / way
    command: list[str | Path] = [sys.executable, work.program, way, str(rows), out]
    if way == "muster":
        muster = Path(sys.executable).with_name("muster")
        command = [muster, "--hub", work.folder / "hub", "--quiet", "score", work.name, work.data(rows), out]
    return Program(way, command, prepare=lambda: shutil.rmtree(out, ignore_errors=True))


def limit(work: Work, rows: int, out: Path) -> None:
    out.mkdir(parents=True)
    groups = pq.ParquetFile(work.data(rows)).num_row_groups
    cores = len(os.sched_getaffinity(0))
    shares = [range(groups)[i * groups // cores : (i + 1) * groups // cores] for i in range(cores)]
    processes = [Process(target=_limit_part, args=(work, rows, s, out / f"{i}.parquet")) for i, s in enumerate(shares)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
        if process.exitcode:
            sys.exit("a process of the limit failed")


def _limit_part(work: Work, rows: int, groups: Sequence[int], file: Path) -> None:
    predict = work.load(work.folder / "least")
    _write(predict, pq.ParquetFile(work.data(rows)), groups, file)


def pyfunc(work: Work, rows: int, out: Path) -> None:
    import mlflow

    out.mkdir(parents=True)
    model = mlflow.pyfunc.load_model(str(work.folder / "mlflow"))
    source = pq.ParquetFile(work.data(rows))
    _write(lambda frame: model.predict(frame)[:, 1], source, range(source.num_row_groups), out / "0.parquet")


def _write(predict: Predict, source: pq.ParquetFile, groups: Sequence[int], file: Path) -> None:
    with _writer(file) as write:
        for group in groups:
            p = predict(source.read_row_group(group).to_pandas())
            write(pa.table({"prediction": (p > 0.5).astype(np.int64), "probability_0": 1 - p, "probability_1": p}))


@contextmanager
def _writer(file: Path) -> Iterator[Callable[[pa.Table], None]]:
    opened: list[pq.ParquetWriter] = []

    def write(rows: pa.Table) -> None:
        if not opened:
            opened.append(pq.ParquetWriter(file, rows.schema))
        opened[0].write_table(rows)

    yield write
    for writer in opened:
        writer.close()


def agree(work: Work, rows: int) -> None:
    """All outputs have the same rows, else no time counts."""
    found = {way: _output(work.folder / "out" / way) for way in ("limit", "muster", "pyfunc")}
    for name in ("prediction", "probability_0", "probability_1"):
        expected = found["limit"][name].to_numpy()
        assert len(expected) == rows
        for other in ("muster", "pyfunc"):
            np.testing.assert_allclose(found[other][name].to_numpy(), expected, rtol=0, atol=1e-12)


def _output(folder: Path) -> pa.Table:
    return pa.concat_tables([pq.read_table(f) for f in sorted(folder.glob("[!_]*.parquet"))])
