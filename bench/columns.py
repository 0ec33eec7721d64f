"""Measuring 20 columns of numbers and 10 of texts of a Parquet file, beside `describe` of pandas and polars.

All use one core. The limit reads the file and does nothing with it. The others tell of a column how many are missing, and of numbers the
mean, the ends and quartiles; Muster keeps what drift, quality checks and pages are made from, too, and never has the whole
file in memory. They have to agree on what all of them tell.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from harness import DATA, Program, arguments, finish, machine, measure, show, table

ONE_CORE = {"POLARS_MAX_THREADS": "1", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
BATCH = 65_536


def main() -> None:
    chosen = arguments(__doc__ or "", [1_000_000])
    found = {}
    for rows in chosen.sizes:
        path = _data(rows)
        told: list[dict[str, Any]] = []
        programs = [
            Program(name, [sys.executable, __file__, name, path], partial(_agree, told), environ=ONE_CORE)
            for name in WAYS
        ]
        found[rows] = table(measure(programs, chosen.rounds))
        if not chosen.json:
            show(f"{rows:,} rows of 20 numbers and 10 texts", found[rows])
    finish({"machine": machine("pyarrow", "numpy", "pandas", "polars"), "rows": found}, chosen.json)


def _data(rows: int) -> Path:
    """Of the numbers 16 are continuous, 4 have few values; of the texts 6 have few, 3 have 3,000, 1 nearly as many as rows."""
    path = DATA / f"columns-{rows}.parquet"
    if path.exists():
        return path
    DATA.mkdir(exist_ok=True)
    draw = np.random.default_rng(1)
    words = np.array(["red", "green", "blue", "North", "South-East", "one two", "long category name"])
    columns = {f"x{n}": pa.array(draw.normal(size=rows) * 10**n, mask=draw.random(rows) < 0.01) for n in range(16)}
    columns |= {f"k{n}": pa.array(draw.integers(0, 100, rows)) for n in range(4)}
    columns |= {f"s{n}": pa.array(words[draw.integers(0, len(words), rows)]) for n in range(6)}
    columns |= {f"p{n}": pa.array(np.char.add("place ", draw.integers(0, 3_000, rows).astype(str))) for n in range(3)}
    columns["id"] = pa.array(np.char.add("id-", draw.integers(0, 10**9, rows).astype(str)))
    pq.write_table(pa.table(columns), path, row_group_size=BATCH)
    return path


def _agree(told: list[dict[str, Any]], output: str) -> None:
    """Compare with what the first program told that told anything."""
    found = json.loads(output)
    if not found:
        return
    told.append(found)
    for name, (missing, *figures) in found.items():
        expected = told[0][name]
        assert missing == expected[0], name
        assert all(
            math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-9) for a, b in zip(figures, expected[1:], strict=True)
        ), name


def _read(path: str) -> dict[str, Any]:
    for _ in pq.ParquetFile(path, pre_buffer=False).iter_batches(BATCH, use_threads=False):
        pass
    return {}


def _muster(path: str) -> dict[str, Any]:
    from muster.profiles.columns import Columns

    columns = Columns()
    for batch in pq.ParquetFile(path, pre_buffer=False).iter_batches(BATCH, use_threads=False):
        columns.add(batch)
    figures: dict[str, Any] = columns.figures()
    return {n: [f["missing"], *(f[k] for k in ("mean", "min", "max") if k in f)] for n, f in figures.items()}


def _pandas(path: str) -> dict[str, Any]:
    frame = pq.read_table(path, use_threads=False).to_pandas()
    told = frame.describe(include="all")
    missing = frame.isna().sum()
    numbers = frame.select_dtypes("number").columns
    figures = ("mean", "min", "max")
    return {n: [int(missing[n]), *(float(told[n][k]) for k in figures if n in numbers)] for n in frame.columns}


def _polars(path: str) -> dict[str, Any]:
    import polars as pl

    frame = pl.read_parquet(path)
    told = {line["statistic"]: line for line in frame.describe().iter_rows(named=True)}
    distinct = frame.select(pl.col(pl.String).n_unique())  # which describe does not tell of texts
    assert distinct.width == 10
    figures = ("mean", "min", "max")
    return {
        n: [int(told["null_count"][n]), *(told[k][n] for k in figures if frame[n].dtype.is_numeric())]
        for n in frame.columns
    }


WAYS: dict[str, Callable[[str], dict[str, Any]]] = {
    "read": _read,
    "muster": _muster,
    "polars": _polars,
    "pandas": _pandas,
}

if __name__ == "__main__":
    if sys.argv[1:2] and sys.argv[1] in WAYS:
        print(json.dumps(WAYS[sys.argv[1]](sys.argv[2])))
    else:
        main()
