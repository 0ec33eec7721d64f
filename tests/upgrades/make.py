"""Makes the small hub that is kept for each released schema: `./run python tests/upgrades/make.py`.

It has a bit of everything that a hub stores, packed as `<revision>.tar.gz` beside this file. Run it before a release that changes
the schema is begun, never after.
"""

from __future__ import annotations

import shutil
import tarfile
import tempfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

import muster
from muster.stores.tables import REVISION

HERE = Path(__file__).parent

MODEL = """
classes = ["no", "yes"]

def predict(data):
    return ["yes" if x > 0.5 else "no" for x in data["x"].to_pylist()]

INPUT = "arrow"
"""


def make(folder: Path) -> Path:
    """A hub in the folder."""
    model, data = folder / "model.py", folder / "data.parquet"
    model.write_text(MODEL)
    pq.write_table(pa.table({"x": [0.1, 0.9, None], "id": ["a", "b", "c"]}), data)
    place = folder / "hub"
    with muster.open(place) as hub:
        declared: dict[str, Any] = {"task": "binary", "classes": ["no", "yes"], "target": "late", "sample": str(data)}
        first = hub.register("delays", str(model), aliases=["champion"], tags={"team": "ops"}, **declared)
        model.write_text(MODEL.replace("0.5", "0.4"))
        second = hub.register("delays", str(model), description="a lower bar", **declared)
        hub.set_alias(second.ref, "challenger")
        hub.tag(first.ref, {"stage": "test"})
        hub.dataset("people", str(data))
        hub.connect("scores", "http", url="https://models.example/score", rate=5, price_per_call=0.01, spend=20)
        hub.score("delays@champion", str(data), str(folder / "scored.parquet"), keep=["id"])
        labelled = {"late": ["no", "yes", "no"], "told": ["no", "yes", "yes"]}
        hub.evaluate(labelled, target="late", prediction="told", classes=["no", "yes"], labels={"month": "2"})
        hub.register("gone", str(model), **declared)
        hub.delete_version("gone:1")
    for name in ("environments", "artifacts"):
        shutil.rmtree(place / name, ignore_errors=True)
    return place


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        place = make(Path(folder))
        target = HERE / f"{REVISION}.tar.gz"
        with tarfile.open(target, "w:gz") as archive:
            archive.add(place, arcname="hub")
    print(f"made {target.name}, {target.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
