"""Makes the profiles of agreements that are kept for each format: `./run python tests/profiles/make_agreements.py`.

One of each task is stored as `stored/agreement-<format>-<task>.bin`, with its figures beside it. Run it before a release that
changes the format is begun, never after.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa

from muster.metrics.agreement import agreement_figures, better
from muster.profile import Rows
from muster.profiles.agreement import AgreementProfile
from muster.profiles.answered import Pair
from muster.profiles.question import Question
from muster.signature import Json, Output

STORED = Path(__file__).parent / "stored"


def pairs() -> dict[str, Pair]:
    binary = Output("binary", pa.string(), ("no", "yes"), True)
    several = Output("multiclass", pa.int64(), (0, 1, 2), True)
    price = Output("regression", pa.float64())
    first = {
        "binary": Question(output=binary, target="late", probabilities=("p",), shown=("n", "part"), mistakes=3),
        "multiclass": Question(
            output=several, target="kind", probabilities=("p0", "p1", "p2"), weight="weight", key=("n",), mistakes=3
        ),
        "regression": Question(output=price, target="price", prediction="told", mistakes=3),
    }
    second = {
        "binary": replace(first["binary"], probabilities=("q",), threshold=0.25),
        "multiclass": replace(first["multiclass"], probabilities=("p2", "p0", "p1")),
        "regression": replace(first["regression"], prediction="other"),
    }
    return {task: Pair(first[task], second[task]) for task in first}


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
        "q": pa.array([None if i % 53 == 0 else (m % 257) / 512 + i % 3 / 16 for i, m in enumerate(mixed.tolist())]),
        "kind": mixed % 3,
        "p0": share, "p1": 0.5 - share, "p2": np.full(600, 0.5),
        "weight": (n % 5) / 4,
        "price": mixed / 8, "told": (mixed + n % 16) / 8, "other": (mixed - n % 7) / 8,
    })  # fmt: skip


def measured(pair: Pair) -> AgreementProfile:
    profile = AgreementProfile(pair)
    for start, batch in zip((0, 250, 500), table().to_batches(max_chunksize=250), strict=True):
        profile.update(Rows(batch, 0, start))
    return profile


def figures(profile: AgreementProfile) -> dict[str, Json]:
    """What is said of the rows, and of those that moved most."""
    return {
        **profile.figures(),
        "digest": f"{profile.digest:016x}",
        "figures": {name: figure.value for name, figure in agreement_figures(profile.whole).items()},
        "test": better(profile.whole).to_json(),
        "moved": [{"row": m.row, "move": m.move, "first": m.first, "values": m.values} for m in profile.moved.furthest],
    }


def main() -> None:
    STORED.mkdir(exist_ok=True)
    for name, pair in pairs().items():
        profile = measured(pair)
        stem = f"agreement-{profile.format.rpartition('/')[2]}-{name}"
        (STORED / f"{stem}.bin").write_bytes(profile.encode())
        text = json.dumps(figures(profile), indent=1, ensure_ascii=False, allow_nan=False)
        (STORED / f"{stem}.json").write_text(f"{text}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
