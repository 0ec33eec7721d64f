"""Makes the profiles of evaluations that are kept for each format: `./run python tests/profiles/make_evaluations.py`.

One of each task, and one with metrics of the user's own, is stored as `stored/evaluation-<format>-<task>.bin`, with its figures beside
it. Run it before a release that changes the format is begun, never after. With names of tasks it makes theirs alone.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa

from muster.evaluation.figures import figures_of
from muster.evaluation.outputs import measured_of, output_names
from muster.metrics.custom import custom_figures
from muster.metrics.weak_segments import WeakSegments
from muster.profile import Rows
from muster.profiles.binning import Binning, Search
from muster.profiles.custom import CustomMetric, column_of
from muster.profiles.evaluation import EvaluationProfile
from muster.profiles.losses import Losses
from muster.profiles.question import Question, Segmenting
from muster.signature import Json, Output

STORED = Path(__file__).parent / "stored"
PARTS = (Segmenting(("part",)), Segmenting(("n",), (200.0, 400.0)))
SEARCH = Search(
    (Binning("part", "category", values=("a", "b")), Binning("n", "number", edges=(200.0, 400.0))),
    (("x", "it is empty"),),
)


PROFIT = CustomMetric(name="profit", number=1, digest="a" * 64, kind="batch", title="Profit", better="higher")
YOUDEN = CustomMetric(name="youden", number=2, digest="b" * 64, kind="profile", within=(-1.0, 1.0))


def questions() -> dict[str, Question]:
    binary = Output("binary", pa.string(), ("no", "yes"), True)
    several = Output("multiclass", pa.int64(), (0, 1, 2), True)
    price = Output("regression", pa.float64())
    labels = Output("multilabel", pa.list_(pa.bool_(), 3), ("a", "b", "c"), True)
    targets = {"price": price, "late": Output("binary", pa.string(), ("no", "yes"))}
    both = Output("multioutput", pa.struct([(name, one.type) for name, one in targets.items()]), (), False, targets)
    return {
        "binary": Question(
            output=binary, target="late", probabilities=("p",), segments=PARTS, inputs=("n", "part"), shown=("n",), mistakes=3
        ),
        "multiclass": Question(
            output=several, target="kind", probabilities=("p0", "p1", "p2"), weight="weight", key=("n",), mistakes=3
        ),
        "multilabel": Question(
            output=labels, target="tags", probabilities=("q0", "q1", "q2"), prediction="flags", segments=PARTS[:1], mistakes=3
        ),
        "multioutput": Question(
            output=both, target="price, late", targets=("price", "late"), predictions=("told", "flag"),
            weight="weight", segments=PARTS[:1], mistakes=3,
        ),
        "regression": Question(output=price, target="price", prediction="told", segments=PARTS[:1], mistakes=3),
        "pairs": Question(output=price, target="price", prediction="told", mistakes=3),
        "custom": Question(
            output=binary, target="late", probabilities=("p",), segments=PARTS[:1], mistakes=3, custom=(PROFIT, YOUDEN)
        ),
        "searched": Question(
            output=binary, target="late", probabilities=("p",), segments=PARTS, protected=("part",), inputs=("n",), mistakes=3,
            search=SEARCH,
        ),
    }  # fmt: skip


def table() -> pa.Table:
    """Made of whole numbers and fractions of two alone, so that it is the same everywhere and always."""
    n = np.arange(600)
    mixed = n * 7_919 % 601
    share = (mixed % 127 + 1) / 256
    return pa.table({
        "n": n,
        "part": pa.array([["a", "b", None][i % 3] for i in n]),
        "late": pa.array([None if i % 97 == 0 else "maybe" if i % 89 == 0 else "yes" if i % 5 < 2 else "no" for i in n]),
        "p": (mixed % 257) / 256,
        "kind": mixed % 3,
        "p0": share, "p1": 0.5 - share, "p2": np.full(600, 0.5),
        "weight": (n % 5) / 4,
        "tags": pa.array([None if i % 83 == 0 else [c for k, c in enumerate("abc") if i % (k + 2) == 0] for i in n.tolist()]),
        "flags": pa.array([[m % 2 == 0, m % 3 == 0, m % 5 == 0] for m in mixed.tolist()]),
        **{f"q{k}": (mixed * (k + 3) % 257) / 256 for k in range(3)},
        "flag": pa.array(["yes" if i % 7 < 3 else "no" for i in n.tolist()]),
        "price": mixed / 8, "told": (mixed + n % 16) / 8,
    })  # fmt: skip


def pairs() -> pa.Table:
    """More pairs of prediction and actual value than are counted by themselves, in a pattern that takes little room."""
    n = np.arange(40_000)
    return pa.table({"price": n / 16, "told": (n + n % 7) / 16})


def measured(question: Question) -> EvaluationProfile:
    profile = EvaluationProfile(question)
    if question == questions()["pairs"]:
        for start, batch in zip((0, 25_000), pairs().to_batches(max_chunksize=25_000), strict=True):
            profile.update(Rows(batch, 0, start))
        return profile
    for start, batch in zip((0, 250, 500), table().to_batches(max_chunksize=250), strict=True):
        gains = [None if n % 7 == 0 else (n % 16) / 8 for n in batch["n"].to_pylist()]
        profile.update(Rows(batch, 0, start), pa.record_batch({column_of("profit"): pa.array(gains, pa.float64())}))
    if question.custom:
        profile.custom.told = np.array([[0.25, *(n / 128 for n in range(64))]])
        profile.custom.told_parts = {
            "part": {"a": np.array([0.5]), "b": np.array([np.nan]), "missing": np.array([0.0])}
        }
    return profile


def figures(profile: EvaluationProfile) -> dict[str, Json]:
    """What is said of all rows, of the parts, and of the inputs."""
    of, outputs = figures_of(profile.whole, profile.question), measured_of(profile.whole)
    each = {n: figures_of(m, profile.question) for n, m in zip(output_names(profile.question), outputs, strict=True)}
    return {
        **profile.figures(),
        "digest": f"{profile.digest:016x}",
        "metrics": {name: figure.value for name, figure in of.items()},
        "columns": profile.columns.figures(),
        **({} if profile.losses is None else {"losses": _losses(profile.losses)}),
        **({"custom": {n: f.to_json() for n, f in custom_figures(profile).items()}} if profile.question.custom else {}),
        "mistakes": [{"row": m.row, "actual": m.actual, "predicted": m.predicted} for m in profile.mistakes.worst],
        **({"outputs": {n: {k: f.value for k, f in found.items()} for n, found in each.items()}} if each else {}),
        **(
            {"mistakes_of": {n: [m.row for m in ms.worst] for n, ms in profile.mistakes_of.items()}}
            if profile.mistakes_of
            else {}
        ),
    }


def _losses(losses: Losses) -> dict[str, Json]:
    found = WeakSegments(losses)
    rows: list[Json] = [[*row] for row in losses.rows.tolist()]
    sums: list[Json] = [[*row] for row in losses.sums.tolist()]
    return {"rows": rows, "sums": sums, "looked_at": found.looked_at}


def main() -> None:
    STORED.mkdir(exist_ok=True)
    for name, question in questions().items():
        if sys.argv[1:] and name not in sys.argv[1:]:
            continue
        profile = measured(question)
        stem = f"evaluation-{profile.format.rpartition('/')[2]}-{name}"
        (STORED / f"{stem}.bin").write_bytes(profile.encode())
        text = json.dumps(figures(profile), indent=1, ensure_ascii=False, allow_nan=False)
        (STORED / f"{stem}.json").write_text(f"{text}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
