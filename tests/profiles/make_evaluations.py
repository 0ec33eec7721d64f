"""Makes the profiles of evaluations that are kept for each format: `./run python tests/profiles/make_evaluations.py`.

One of each task is stored as `stored/evaluation-<format>-<task>.bin`, with its figures beside it. Run it before a release that
changes the format is begun, never after.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa

from muster.metrics.classes import measure
from muster.metrics.regression import measure as measure_numbers
from muster.metrics.weak_segments import WeakSegments
from muster.profile import Rows
from muster.profiles.binning import Binning, Search
from muster.profiles.classification import Classification
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


def questions() -> dict[str, Question]:
    binary = Output("binary", pa.string(), ("no", "yes"), True)
    several = Output("multiclass", pa.int64(), (0, 1, 2), True)
    price = Output("regression", pa.float64())
    return {
        "binary": Question(
            output=binary, target="late", probabilities=("p",), segments=PARTS, inputs=("n", "part"), shown=("n",), mistakes=3
        ),
        "multiclass": Question(
            output=several, target="kind", probabilities=("p0", "p1", "p2"), weight="weight", key=("n",), mistakes=3
        ),
        "regression": Question(output=price, target="price", prediction="told", segments=PARTS[:1], mistakes=3),
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
        "price": mixed / 8, "told": (mixed + n % 16) / 8,
    })  # fmt: skip


def measured(question: Question) -> EvaluationProfile:
    profile = EvaluationProfile(question)
    for start, batch in zip((0, 250, 500), table().to_batches(max_chunksize=250), strict=True):
        profile.update(Rows(batch, 0, start))
    return profile


def figures(profile: EvaluationProfile) -> dict[str, Json]:
    """What is said of all rows, of the parts, and of the inputs."""
    whole = profile.whole
    of = measure(whole) if isinstance(whole, Classification) else measure_numbers(whole)
    return {
        **profile.figures(),
        "digest": f"{profile.digest:016x}",
        "metrics": {name: figure.value for name, figure in of.items()},
        "columns": profile.columns.figures(),
        **({} if profile.losses is None else {"losses": _losses(profile.losses)}),
        "mistakes": [{"row": m.row, "actual": m.actual, "predicted": m.predicted} for m in profile.mistakes.worst],
    }


def _losses(losses: Losses) -> dict[str, Json]:
    found = WeakSegments(losses)
    rows: list[Json] = [[*row] for row in losses.rows.tolist()]
    sums: list[Json] = [[*row] for row in losses.sums.tolist()]
    return {"rows": rows, "sums": sums, "looked_at": found.looked_at}


def main() -> None:
    STORED.mkdir(exist_ok=True)
    for name, question in questions().items():
        profile = measured(question)
        stem = f"evaluation-{profile.format.rpartition('/')[2]}-{name}"
        (STORED / f"{stem}.bin").write_bytes(profile.encode())
        text = json.dumps(figures(profile), indent=1, ensure_ascii=False, allow_nan=False)
        (STORED / f"{stem}.json").write_text(f"{text}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
