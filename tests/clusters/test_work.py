"""Scoring and evaluation on a real Ray and a real Spark: the same rows, bytes and figures as on this machine alone."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import muster
from muster.hub import Hub
from tests.clusters.starting import CLUSTERS

pytestmark = pytest.mark.deep

MODEL = """
import time

INPUT = "arrow"


class Model:
    classes = ["no", "yes"]

    def predict_proba(self, data):
        numbers = data["n"].to_pylist()
        if any(n < 0 for n in numbers):
            raise ValueError("numbers must not be negative")
        return [[1 - (n & 1023) / 1023.0, (n & 1023) / 1023.0] for n in numbers]
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made")
    (folder / "model.py").write_text(MODEL)
    with muster.open(folder / "hub") as hub:
        hub.register("numbers", folder / "model.py", task="binary", classes=["no", "yes"], sample={"n": [1, 2, 3]})
    return folder / "hub"


@pytest.fixture
def place(made: Path, tmp_path: Path) -> Path:
    shutil.copytree(made, tmp_path / "hub")
    return tmp_path / "hub"


@pytest.fixture(params=CLUSTERS)
def cluster(request: pytest.FixtureRequest) -> str:
    """The name of a runner whose cluster is up."""
    CLUSTERS[request.param]()
    return str(request.param)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Files of several parts each, with rows on which the model fails, and columns with values of which sums are no whole numbers."""
    chance = np.random.default_rng(5)
    (tmp_path / "rows").mkdir()
    for name, start, count in (("a", 0, 9_000), ("b", 9_000, 4_000), ("c", 13_000, 500)):
        n = np.arange(start, start + count)
        table = pa.table(
            {
                "n": np.where(n % 997 == 3, -n, n),
                "late": np.where(chance.random(count) < 0.2 + 0.6 * (n & 1023) / 1023.0, "yes", "no"),
                "carrier": pa.array([["AA", "UA", None][i] for i in chance.integers(0, 3, count)], pa.string()),
                "distance": chance.normal(1000.0, 300.1, count),
                "weight": chance.random(count),
            }
        )
        pq.write_table(table, tmp_path / "rows" / f"{name}.parquet", row_group_size=2_500)
    return tmp_path / "rows"


def digests(folder: Path) -> dict[str, str]:
    return {
        p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(folder.iterdir()) if p.name != "_muster.json"
    }


def opened(place: Path) -> Hub:
    return muster.open(place, score__chunk_rows=512)


def test_a_scoring_is_the_same_to_the_byte(cluster: str, place: Path, data: Path, tmp_path: Path) -> None:
    with opened(place) as hub:
        here = hub.score("numbers", data, tmp_path / "here/", keep="all")
        there = hub.score("numbers", data, tmp_path / "there/", keep="all", runner=cluster)
    assert digests(tmp_path / "here") == digests(tmp_path / "there")
    assert (here.rows, here.rejected, here.summary) == (there.rows, there.rejected, there.summary)
    assert there.rejected == 14
    assert not list(tmp_path.glob("*.muster-*"))


def test_an_evaluation_is_the_same_to_the_bit(cluster: str, place: Path, data: Path) -> None:
    with opened(place) as hub:
        here, there = (
            hub.evaluate("numbers", data, target="late", weight="weight", segments=["carrier"], runner=runner)
            for runner in ("local", cluster)
        )
        assert here.profile.encode() == there.profile.encode()
        told = [
            {k: v for k, v in e.to_json().items() if k not in ("id", "run", "created_at", "effort")}
            for e in (here, there)
        ]
        assert told[0] == told[1]
        assert here.metrics["roc_auc"].value == there.metrics["roc_auc"].value


def test_evaluated_rows_are_the_same_to_the_byte(cluster: str, place: Path, data: Path, tmp_path: Path) -> None:
    with opened(place) as hub:
        found = [
            hub.evaluate("numbers", data, target="late", runner=runner, output=tmp_path / f"{runner}/")
            for runner in ("local", cluster)
        ]
    assert found[0].profile.encode() == found[1].profile.encode()
    assert digests(tmp_path / "local") == digests(tmp_path / cluster)
