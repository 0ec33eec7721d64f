"""A clean place for each test, and a hub whose models were written down rather than registered, which takes no time."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest

import muster
from muster.records import Environment, Model, Probe, Reading, Run, Version
from muster.signature import Column, Output, Parameter, Signature

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
RUN = "01JD4ZT7K5Q3F0W8V9X2Y6A1BC"

MODEL = Model(
    id="01JD4ZT7K5Q3F0W8V9X2Y6A1M0",
    name="churn",
    task="binary",
    target="left",
    classes=("no", "yes"),
    description="Who leaves within three months?",
    tags={"team": "ops"},
    created_at=NOON,
    created_by="ada",
    updated_at=NOON,
)
VERSION = Version(
    id="01JD4ZT7K5Q3F0W8V9X2Y6A1V1",
    model="churn",
    number=1,
    origin="mlflow",
    source="/models/churn",
    task="binary",
    target="left",
    signature=Signature(
        (Column("age", pa.int64(), nullable=False), Column("city", pa.string(), required=False)),
        (Parameter("scale", pa.float64(), 1.0),),
    ),
    output=Output("binary", pa.string(), ("no", "yes"), probabilities=True),
    reading=Reading(label="predict", probabilities=("predict_proba",), classes=("yes", "no")),
    digest="ab" * 32,
    size=3_200_000,
    environment=Environment(python="3.11", lock="cd" * 32, key="ef" * 32, requirements=("scikit-learn==1.6.1",)),
    probe=Probe(
        rows=1000,
        source="sample",
        seconds_to_load=1.25,
        seconds_to_predict=0.031,
        python="3.11.7",
        libraries={"scikit-learn": "1.6.1"},
        first=({"prediction": "no", "probabilities": [0.90004, 0.09996]},),
    ),
    notes=("the classes are in another order than the model's own",),
    created_at=NOON,
    created_by="ada",
)
FINISHED = Run(
    id=RUN,
    kind="score",
    status="done",
    model="churn",
    number=1,
    version_digest=VERSION.digest,
    input="rows.parquet",
    fingerprint="12" * 32,
    output="scored",
    rejects="scored.rejects.jsonl",
    settings={"keep": ["id"], "columns": ["age", "id"], "params": {}, "threshold": None, "mapping": {}, "prefix": "",
              "on_reject": "skip", "overwrite": False, "runner": "local", "stamp": "34" * 32, "chunk_rows": 65536},
    casts=("age: int32 → int64",),
    rows=28_240,
    rejected=3,
    seconds=4.06,
    timings={"read": 1.0, "predict": 6.0, "write": 1.0},
    created_at=NOON,
    created_by="ada",
    ended_at=NOON,
)  # fmt: skip


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, and no setting from outside."""
    for name in [n for n in os.environ if n.startswith("MUSTER_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("MUSTER_ACTOR", "ada")
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def written(place: Path) -> Path:
    """A hub with `churn:1` and `churn:2` (champion), `fraud` without a version, and a finished run; it is the default one."""
    with muster.open(place / ".muster") as hub:
        write(hub)
        hub.set_alias("churn:2", "champion")
    return place / ".muster"


def write(hub: muster.Hub) -> None:
    second = replace(
        VERSION,
        id="01JD4ZT7K5Q3F0W8V9X2Y6A1V2",
        number=2,
        digest="ba" * 32,
        description="Trained on 2026",
        threshold=0.3,
        tags={"stage": "trial"},
    )
    fraud = replace(MODEL, id="01JD4ZT7K5Q3F0W8V9X2Y6A1M1", name="fraud", tags={}, description="")
    with hub._records.transaction("ada", "written") as tx:
        for record in (MODEL, fraud, VERSION, second, FINISHED):
            tx.insert(record)
