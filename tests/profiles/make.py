"""Makes the profile of columns that is kept for each layout: `./run python tests/profiles/make.py`.

It has a column of each kind, exact and not, packed as `stored/columns-<layout>.bin`, with its figures beside it. Run it before a
release that changes the layout is begun, never after.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa

from muster.profiles.columns import Columns, Kept
from muster.profiles.stored import pack

STORED = Path(__file__).parent / "stored"
FORMAT = "muster.example/1"


def table() -> pa.Table:
    """Made of whole numbers alone, so that it is the same everywhere and always."""
    rows = np.arange(600)
    mixed = rows * 7_919 % 601
    return pa.table({
        "few": pa.array(mixed % 7, pa.int32()),
        "many": pa.array((mixed - 300) / 8, mask=mixed % 50 == 0),
        "strange": pa.array([np.nan, np.inf, -np.inf, 0.5] * 150),
        "yes": pa.array(mixed % 3 == 0),
        "city": pa.array([["Berlin", "Ulm", "", None, "São Paulo"][n % 5] for n in mixed]),
        "id": pa.array([f"user {n}" for n in mixed]),
        "day": pa.array(mixed, pa.int32()).view(pa.date32()),
        "at": pa.array([datetime(2024, 2, 29, 23, tzinfo=UTC)] * 600, pa.timestamp("us", "Europe/Berlin")),
        "lasts": pa.array(mixed).view(pa.duration("s")),
        "vector": pa.array([[float(n), float(n % 11), 1.0] for n in mixed], pa.list_(pa.float64())),
        "other": pa.array([{"a": 1}] * 600),
        "nothing": pa.nulls(600),
    })  # fmt: skip


def measured() -> Columns:
    columns = Columns(Kept(most=64, weighted=True))
    for batch in table().to_batches(max_chunksize=250):
        columns.add(batch, np.arange(batch.num_rows) / 4)
    return columns


def main() -> None:
    columns = measured()
    STORED.mkdir(exist_ok=True)
    layout = columns.header()["layout"]
    arrays = {f"input.{name}": array for name, array in columns.arrays().items()}
    (STORED / f"columns-{layout}.bin").write_bytes(pack(FORMAT, {"input": columns.header()}, arrays))
    figures = json.dumps(columns.figures(), indent=1, ensure_ascii=False, allow_nan=False)
    (STORED / f"columns-{layout}.json").write_text(f"{figures}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
