"""Scoring and evaluating the same rows with the same model by each runner, on the cores of one machine: what a cluster costs at first.

Each runner works in a process of its own: once while its cluster starts, then `--rounds` times on the one that is up, of which
the median counts. A runner whose library is not installed is left out.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from harness import DATA, arguments, machine, median

FOLDER = DATA / "clusters"
COLUMNS = [f"x{i}" for i in range(20)]
LIBRARIES = {"local": "muster", "ray": "ray", "spark": "pyspark"}
GROUP = 100_000
"""Rows of a row group, and so of a part."""


def data(rows: int) -> Path:
    """The labelled file with so many rows, made once."""
    file = FOLDER / f"{rows}.parquet"
    if not file.exists():
        FOLDER.mkdir(parents=True, exist_ok=True)
        random = np.random.default_rng(rows)
        columns = {c: random.normal(size=rows) for c in COLUMNS}
        y = columns["x0"] + columns["x1"] * columns["x2"] + random.normal(size=rows) > 0
        pq.write_table(pa.table({**columns, "y": y.astype(np.int64)}), file, row_group_size=GROUP)
    return file


def hub() -> Path:
    """With the one model, made anew."""
    import lightgbm

    import muster

    shutil.rmtree(FOLDER / "hub", ignore_errors=True)
    frame = pq.read_table(data(GROUP)).to_pandas()
    model = lightgbm.LGBMClassifier(n_estimators=100, num_leaves=31, n_jobs=1, verbose=-1)
    model.fit(frame[COLUMNS], frame["y"])
    model.booster_.save_model(FOLDER / "model.txt")
    with muster.open(FOLDER / "hub") as opened:
        sample = pq.read_table(data(GROUP), columns=COLUMNS).slice(0, 100)
        opened.register("numbers", FOLDER / "model.txt", task="binary", classes=[0, 1], sample=sample)
    return FOLDER / "hub"


def work(runner: str, rows: int, rounds: int) -> dict[str, Any]:
    """In a process of its own: the seconds of the first time of each verb, and of the others."""
    import muster

    file, output = data(rows), FOLDER / f"out-{runner}.parquet"
    found: dict[str, Any] = {}
    with muster.open(FOLDER / "hub") as opened:
        for verb in ("score", "evaluate"):
            times = []
            for _ in range(rounds + 1):
                began = time.perf_counter()
                if verb == "score":
                    opened.score("numbers", file, output, runner=runner, overwrite=True)
                else:
                    evaluation = opened.evaluate("numbers", file, target="y", runner=runner)
                    found["roc_auc"] = evaluation.metrics["roc_auc"].value
                times.append(time.perf_counter() - began)
            found[verb] = {"first": times[0], "seconds": median(times[1:])}
    return found


def main() -> None:
    def more(parser: argparse.ArgumentParser) -> None:
        parser.add_argument(
            "--runner", choices=LIBRARIES, help="only this one, in this process, and without the others"
        )

    asked = arguments(__doc__ or "", [1_000_000], more)
    if asked.runner:
        print(json.dumps(work(asked.runner, asked.sizes[0], asked.rounds)))
        return
    hub()
    shown = []
    for rows in asked.sizes:
        data(rows)
        for runner in [name for name, library in LIBRARIES.items() if find_spec(library)]:
            command = [
                sys.executable,
                __file__,
                "--runner",
                runner,
                "--sizes",
                str(rows),
                "--rounds",
                str(asked.rounds),
            ]
            done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
            found = json.loads(done.stdout.splitlines()[-1])
            for verb in ("score", "evaluate"):
                line = {"rows": rows, "runner": runner, "verb": verb, "first_s": round(found[verb]["first"], 1)}
                shown.append({**line, "rows/s": round(rows / found[verb]["seconds"]), "roc_auc": found["roc_auc"]})
    if len({line["roc_auc"] for line in shown if line["rows"] == asked.sizes[0]}) > 1:
        sys.exit(f"the runners do not agree: {shown}")
    if asked.json:
        print(json.dumps({"machine": machine(), "figures": shown}))
        return
    for line in shown:
        print(
            "  ".join(
                f"{name} {value:,}" if isinstance(value, int) else f"{name} {value}" for name, value in line.items()
            )
        )


if __name__ == "__main__":
    main()
