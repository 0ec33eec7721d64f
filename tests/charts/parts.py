"""Charts of parts of the rows."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from muster.charts.chart import Chart
from muster.charts.fairness import fairness_chart
from muster.charts.segments import segment_chart
from muster.charts.weak_segments import weak_segments_chart
from muster.metrics.fairness import Fairness
from muster.metrics.groups import Measurement
from muster.metrics.parts import part_table
from muster.metrics.weak_segments import WeakSegments
from muster.profiles.binning import Binning, Search
from muster.profiles.classification import SEGMENT, Classification
from muster.profiles.judged import Judged
from muster.profiles.keys import hash_rows
from muster.profiles.losses import Losses
from muster.profiles.regression import SEGMENT as REGRESSION_SEGMENT
from muster.profiles.regression import Predicted
from muster.profiles.tally import Classified, Probabilities
from tests.metrics.classified import IN_CELLS, binary, scored, several
from tests.metrics.numbers import rows as numbers

NAMES = ["on time", "late"]
PARTS = (
    "parts",
    "parts in cells",
    "parts of labels",
    "parts of three",
    "parts of numbers",
    "one part",
    "many parts",
    "odd parts",
)


def parts(kind: str) -> dict[str, Chart]:
    """Of the parts that a few rows and many, and rows of one class, make."""
    extent = IN_CELLS if kind == "parts in cells" else SEGMENT
    names = ["a", "b", "c"] if kind == "parts of three" else NAMES
    sizes = {"large": 900, "larger": 1_200, "small": 20, "single": 1}
    if kind == "one part":
        sizes = {"alone": 300}
    elif kind == "many parts":
        sizes = {f"part {n}": 60 for n in range(45)}
    elif kind == "odd parts":
        sizes = {'</script><b>"x"': 100, "ä | 'y'": 100}
    made: dict[str, Measurement] = {}
    for n, (name, rows) in enumerate(sizes.items()):
        if kind == "parts of numbers":
            made[name] = numbers("plain", n, rows).profile(REGRESSION_SEGMENT)
        elif kind == "parts of three":
            made[name] = several(n, 3, max(3, rows)).profile(extent)
        elif kind == "parts of labels":
            labels = Classification(2, extent, scores=False)
            labels.add(Classified(np.arange(rows) % 2, np.arange(rows) % 3 % 2), hash_rows(0, np.arange(rows)))
            made[name] = labels
        else:
            made[name] = (
                binary(n, rows, skill=1.0 + n / 5).profile(extent) if rows > 1 else scored([0], [0.3]).profile(extent)
            )
    whole = made[next(iter(made))]
    fairness = Fairness("group", made, [] if kind == "parts of numbers" else names)
    found = [segment_chart(part_table("group", made, whole)), fairness_chart(fairness)]
    found += [weak_segments_chart(weak) for weak in _weak(kind)]
    return {chart.name: chart for chart in found}


def _weak(kind: str) -> list[WeakSegments]:
    if kind not in ("parts", "parts of numbers"):
        return []
    random = np.random.default_rng(4)
    bins = (
        Binning("carrier", "category", values=("AA", "EV")),
        Binning("dep_time", "number", edges=(600.0, 1_800.0, 2_100.0)),
    )
    losses = Losses(Search(bins, (("note", "it is empty"),)), classes=kind == "parts", scores=True)
    batch = pa.record_batch(
        {"carrier": random.choice(["AA", "EV"], 4_000), "dep_time": random.integers(0, 2_400, 4_000)}
    )
    weak = (np.asarray(batch["carrier"].to_pylist()) == "EV") & (batch["dep_time"].to_numpy() >= 1_800)
    if kind == "parts":
        score = random.random(4_000)
        actual = (random.random(4_000) < np.where(weak, 1 - score, score)).astype(np.int64)
        given = np.stack([1 - score, score], axis=1)
        rows: Classified | Predicted = Classified(
            actual, (score >= 0.5).astype(np.int64), None, Probabilities.of(given, actual)
        )
    else:
        value = random.gamma(2.0, 100.0, 4_000)
        rows = Predicted.of(value, value + random.normal(0, np.where(weak, 60, 20)))
    losses.add(batch, Judged(np.arange(4_000), hash_rows(0, np.arange(4_000)), rows))
    found = WeakSegments(losses)
    return [found.by(metric) for metric in found.metrics]
