"""Scoring Parquet to Parquet with LightGBM, 20 numbers a row: Muster against the least code, both on all cores.

The limit: one process a core, each reads its row groups, predicts, and writes its rows to a file of its own. Nothing is
checked, recorded, synced or made atomic there.
"""

from __future__ import annotations

import os
import shutil
import sys
from multiprocessing import Process
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from harness import DATA, Program, arguments, exponent, finish, machine, measure, median, show, table

COLUMNS = [f"x{i}" for i in range(20)]
GROUP = 100_000


def main() -> None:
    options = arguments(__doc__ or "", [200_000, 1_000_000, 2_000_000])
    prepare(options.sizes)
    result: dict[str, object] = {"machine": machine("muster-ml", "lightgbm", "pyarrow", "pandas")}
    walls: dict[str, list[float]] = {}
    for rows in options.sizes:
        out = DATA / "out"
        programs = [
            Program(
                "limit", [sys.executable, __file__, "limit", str(rows), out / "limit"], prepare=_clean(out / "limit")
            ),
            Program(
                "muster",
                [sys.executable, __file__, "muster", str(rows), out / "muster"],
                prepare=_clean(out / "muster"),
            ),
        ]
        times = measure(programs, options.rounds)
        agree(out / "limit", out / "muster", rows)
        result[f"{rows}"] = found = table(times)
        for name, t in times.items():
            walls.setdefault(name, []).append(median(t.wall))
        if not options.json:
            show(f"{rows:,} rows × {len(COLUMNS)}, Parquet → Parquet, LightGBM", found)
    if len(options.sizes) > 1:
        result["exponent"] = {n: round(exponent(options.sizes, w), 3) for n, w in walls.items()}
        if not options.json:
            print("\ngrowth exponent:", result["exponent"])
    finish(result, options.json)


def prepare(sizes: list[int]) -> None:
    """Data, a model, and a hub that has it, made once."""
    DATA.mkdir(exist_ok=True)
    for rows in sizes:
        _data(rows)
    if not (DATA / "model.txt").exists():
        _model()


def _data(rows: int) -> Path:
    file = DATA / f"numbers-{rows}.parquet"
    if not file.exists():
        random = np.random.default_rng(rows)
        with pq.ParquetWriter(file, pa.schema([(c, pa.float64()) for c in COLUMNS])) as writer:
            for start in range(0, rows, GROUP):
                size = min(GROUP, rows - start)
                writer.write_table(pa.table({c: random.normal(size=size) for c in COLUMNS}), row_group_size=GROUP)
    return file


def _model() -> None:
    import lightgbm
    import pandas as pd

    import muster

    random = np.random.default_rng(1)
    x = pd.DataFrame(random.normal(size=(50_000, 20)), columns=COLUMNS)
    y = (x.to_numpy() @ random.normal(size=20) + random.normal(size=50_000) > 0).astype(int)
    model = lightgbm.LGBMClassifier(n_estimators=100, num_leaves=31, n_jobs=1, verbose=-1).fit(x, y)
    shutil.rmtree(DATA / "hub", ignore_errors=True)
    with muster.open(DATA / "hub") as hub:
        hub.register("numbers", model, sample=x.head(100), task="binary")
    model.booster_.save_model(DATA / "model.txt")


def limit(rows: int, out: Path) -> None:
    out.mkdir(parents=True)
    groups = pq.ParquetFile(_data(rows)).num_row_groups
    cores = len(os.sched_getaffinity(0))
    processes = [
        Process(
            target=_limit_part,
            args=(rows, range(groups)[i * groups // cores : (i + 1) * groups // cores], out / f"{i}.parquet"),
        )
        for i in range(cores)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
        if process.exitcode:
            sys.exit("a process of the limit failed")


def _limit_part(rows: int, groups: range, file: Path) -> None:
    import lightgbm

    booster = lightgbm.Booster(model_file=DATA / "model.txt", params={"num_threads": 1})
    source = pq.ParquetFile(_data(rows))
    writer: pq.ParquetWriter | None = None
    for group in groups:
        frame = source.read_row_group(group).to_pandas()
        p = booster.predict(frame, num_threads=1)
        result = pa.table({"prediction": (p > 0.5).astype(np.int64), "probability_0": 1 - p, "probability_1": p})
        writer = writer or pq.ParquetWriter(file, result.schema)
        writer.write_table(result)
    if writer is not None:
        writer.close()


def score(rows: int, out: Path) -> None:
    import muster

    with muster.open(DATA / "hub") as hub:
        hub.score("numbers", _data(rows), out)


def agree(limit_out: Path, muster_out: Path, rows: int) -> None:
    """Both outputs have the same rows, else no time counts."""
    expected = pa.concat_tables([pq.read_table(f) for f in sorted(limit_out.glob("*.parquet"))])
    actual = pa.concat_tables([pq.read_table(f) for f in sorted(muster_out.glob("part-*.parquet"))])
    assert expected.num_rows == actual.num_rows == rows
    for name in ("prediction", "probability_0", "probability_1"):
        np.testing.assert_array_equal(actual[name].to_numpy(), expected[name].to_numpy())


def _clean(folder: Path):  # type: ignore[no-untyped-def]
    return lambda: shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    if len(sys.argv) == 4 and sys.argv[1] in ("limit", "muster"):
        {"limit": limit, "muster": score}[sys.argv[1]](int(sys.argv[2]), Path(sys.argv[3]))
    else:
        main()
