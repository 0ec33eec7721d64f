"""Evaluating predictions in a Parquet file: Muster with everything that it says, one numpy sort, and scikit-learn's metrics.

- limit: reads the columns and sorts once, which is the least from which an exact AUC or median follows.
- muster: `muster evaluate`, as people type it: all metrics, every interval and threshold, and the record that it keeps.
- sklearn: the figures of Muster that scikit-learn has, one after the other, without intervals.
- mlflow, evidently: with --peers, their report of the same file; of classes MLflow is given labels alone.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import evaluation_peers
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
from harness import DATA, Program, arguments, exponent, finish, machine, measure, median, show, table

GROUP = 1_000_000
FOLDER = DATA / "evaluate"
CLASSES = 20
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Work:
    """One task: how its rows are made, the least that is done with them, what scikit-learn says, and the figures that must agree."""

    name: str
    sizes: tuple[int, ...]
    make: Callable[[np.random.Generator, int], pa.Table]
    limit: Callable[[pa.Table], object]
    sklearn: Callable[[pa.Table], dict[str, float]]
    options: tuple[str, ...] = ()

    def data(self, rows: int) -> Path:
        """The file with so many rows, made once."""
        file = FOLDER / f"{self.name}-{rows}.parquet"
        if not file.exists():
            file.parent.mkdir(parents=True, exist_ok=True)
            random = np.random.default_rng(rows)
            first = self.make(random, min(GROUP, rows))
            with pq.ParquetWriter(file, first.schema) as writer:
                writer.write_table(first)
                for start in range(GROUP, rows, GROUP):
                    writer.write_table(self.make(random, min(GROUP, rows - start)))
        return file


def _binary(random: np.random.Generator, rows: int) -> pa.Table:
    y = (random.random(rows) < 0.1).astype(np.int64)
    p = 1 / (1 + np.exp(2.2 - 1.5 * random.normal(1.5 * y, 1.0)))
    return pa.table({"y": y, "prediction": (p >= 0.5).astype(np.int64), "probability_0": 1 - p, "probability_1": p})


def _sort(found: pa.Table) -> object:
    return np.sort(found["probability_1"].to_numpy())


def _sklearn_binary(found: pa.Table) -> dict[str, float]:
    from sklearn import metrics as sk

    y, label, p = (found[name].to_numpy() for name in ("y", "prediction", "probability_1"))
    sk.roc_curve(y, p)
    sk.precision_recall_curve(y, p)
    sk.confusion_matrix(y, label)
    sk.matthews_corrcoef(y, label)
    sk.cohen_kappa_score(y, label)
    sk.precision_recall_fscore_support(y, label)
    return {
        "roc_auc": float(sk.roc_auc_score(y, p)),
        "average_precision": float(sk.average_precision_score(y, p)),
        "log_loss": float(sk.log_loss(y, p)),
        "brier": float(sk.brier_score_loss(y, p)),
        "accuracy": float(sk.accuracy_score(y, label)),
    }


def _multiclass(random: np.random.Generator, rows: int) -> pa.Table:
    y = random.integers(0, CLASSES, rows)
    p = random.gamma(0.4, size=(rows, CLASSES)) + np.eye(CLASSES)[y] * random.random((rows, 1))
    p /= p.sum(1, keepdims=True)
    columns = {f"probability_{n}": p[:, n] for n in range(CLASSES)}
    return pa.table({"y": y, "prediction": p.argmax(1), **columns})


def _sort_lanes(found: pa.Table) -> object:
    return [np.sort(found[f"probability_{n}"].to_numpy()) for n in range(CLASSES)]


def _sklearn_multiclass(found: pa.Table) -> dict[str, float]:
    from sklearn import metrics as sk

    y, label = found["y"].to_numpy(), found["prediction"].to_numpy()
    p = np.stack([found[f"probability_{n}"].to_numpy() for n in range(CLASSES)], axis=1)
    sk.confusion_matrix(y, label)
    sk.matthews_corrcoef(y, label)
    sk.precision_recall_fscore_support(y, label)
    return {
        "roc_auc_ovr_macro": float(sk.roc_auc_score(y, p, multi_class="ovr")),
        "roc_auc_ovo_macro": float(sk.roc_auc_score(y, p, multi_class="ovo")),
        "log_loss": float(sk.log_loss(y, p)),
        "top_3_accuracy": float(sk.top_k_accuracy_score(y, p, k=3)),
        "accuracy": float(sk.accuracy_score(y, label)),
    }


def _regression(random: np.random.Generator, rows: int) -> pa.Table:
    expected = random.gamma(2.0, 50.0, rows)
    return pa.table({"y": expected * random.gamma(8.0, 1 / 8, rows), "prediction": expected})


def _sort_errors(found: pa.Table) -> object:
    return np.sort(found["prediction"].to_numpy() - found["y"].to_numpy())


def _sklearn_regression(found: pa.Table) -> dict[str, float]:
    from scipy.stats import pearsonr, spearmanr
    from sklearn import metrics as sk

    y, p = found["y"].to_numpy(), found["prediction"].to_numpy()
    named = (
        "max_error",
        "explained_variance_score",
        "mean_squared_log_error",
        "mean_poisson_deviance",
        "mean_gamma_deviance",
        "d2_absolute_error_score",
        "mean_pinball_loss",
    )
    for name in named:
        getattr(sk, name)(y, p)
    pearsonr(y, p)
    return {
        "mae": float(sk.mean_absolute_error(y, p)),
        "rmse": float(sk.root_mean_squared_error(y, p)),
        "r2": float(sk.r2_score(y, p)),
        "median_absolute_error": float(sk.median_absolute_error(y, p)),
        "mape": float(sk.mean_absolute_percentage_error(y, p)),
        "spearman": float(spearmanr(y, p).statistic),
    }


WORKS = (
    Work("binary", (1_000_000, 5_000_000, 10_000_000), _binary, _sort, _sklearn_binary),
    Work("multiclass", (200_000, 1_000_000), _multiclass, _sort_lanes, _sklearn_multiclass),
    Work("regression", (1_000_000, 5_000_000, 10_000_000), _regression, _sort_errors, _sklearn_regression),
)


def main() -> None:
    by_name = {work.name: work for work in WORKS}
    if len(sys.argv) == 4 and sys.argv[1] in ("limit", "sklearn"):
        _way(by_name[sys.argv[2]], sys.argv[1], int(sys.argv[3]))
        return
    options = arguments(__doc__ or "", [0], _more)
    result: dict[str, object] = {"machine": machine("muster-ml", "pyarrow", "scikit-learn")}
    for work in WORKS if options.task is None else (by_name[options.task],):
        result[work.name] = _measured(work, options)
    finish(result, options.json)


def _more(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--task", choices=[work.name for work in WORKS])
    parser.add_argument("--peers", action="store_true", help="measure MLflow and Evidently too")


def _measured(work: Work, options: Any) -> dict[str, object]:
    result: dict[str, object] = {}
    sizes = work.sizes if options.sizes == [0] else options.sizes
    walls: dict[str, list[float]] = {}
    for rows in sizes:
        work.data(rows)
        said: dict[str, str] = {}
        others = ("sklearn", *(evaluation_peers.PEERS if options.peers else ()))
        times = measure([_program(work, way, rows, said) for way in ("limit", "muster", *others)], options.rounds)
        for other in others:
            _agree(json.loads(said["muster"]), json.loads(said[other].splitlines()[-1]))
        result[f"{rows}"] = found = table(times)
        for name, t in times.items():
            walls.setdefault(name, []).append(median(t.wall))
        if not options.json:
            show(f"{rows:,} rows, {work.name}", found)
    if len(sizes) > 1:
        result["exponent"] = {n: round(exponent(sizes, w), 3) for n, w in walls.items()}
        if not options.json:
            print("\ngrowth exponent:", result["exponent"])
    return result


def _program(work: Work, way: str, rows: int, said: dict[str, str]) -> Program:
    hub = FOLDER / "hub"
    command: list[str | Path] = [sys.executable, __file__, way, work.name, str(rows)]
    if way in evaluation_peers.PEERS:
        command = evaluation_peers.command(way, work.name, work.data(rows))
    elif way == "muster":
        muster = Path(sys.executable).with_name("muster")
        command = [
            muster,
            "--hub",
            hub,
            "--quiet",
            "evaluate",
            work.data(rows),
            "--target",
            "y",
            "--json",
            *work.options,
        ]

    def begin() -> None:
        if way == "muster":
            shutil.rmtree(hub, ignore_errors=True)
            import muster as library

            library.open(hub).close()

    return Program(way, command, lambda output: said.update({way: output}), begin)


def _way(work: Work, way: str, rows: int) -> None:
    found = pq.read_table(work.data(rows))
    print(json.dumps(work.sklearn(found)) if way == "sklearn" else len(str(work.limit(found))))


def _agree(muster: dict[str, Any], sklearn: dict[str, float]) -> None:
    """Both say the same, within what Muster tells of its figures, else no time counts."""
    for name, expected in sklearn.items():
        told = muster["metrics"][name]
        assert abs(told["value"] - expected) <= told["bound"] + 1e-9, (name, told, expected)


if __name__ == "__main__":
    main()
