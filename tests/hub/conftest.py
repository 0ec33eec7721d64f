"""A hub with one quick model of a Python file, made once for all tests; and tables to score."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import muster
from muster.hub import Hub
from muster.predictors.external.batch import results, wanted
from muster.testing.endpoints import Account
from tests.clouds.fixtures import new_bucket
from tests.hub.batches import KINDS, connected, numbered
from tests.hub.homes import Home, folder_home, postgres_home
from tests.suites.endpoints import rows

MODEL = Path(__file__).with_name("numbers_model.py")


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made")
    shutil.copyfile(MODEL, folder / "model.py")
    with muster.open(folder / "hub") as hub:
        hub.register("numbers", folder / "model.py", task="binary", sample={"n": [1, 2, 3]}, aliases=["champion"])
    return folder / "hub"


@pytest.fixture
def place(made: Path, tmp_path: Path) -> Path:
    """A copy of the hub, so that tests do not see each other's runs."""
    shutil.copytree(made, tmp_path / "hub")
    return tmp_path / "hub"


@pytest.fixture
def hub(place: Path) -> Iterator[Hub]:
    with muster.open(place, score__chunk_rows=1_024) as opened:
        yield opened


@contextmanager
def home_of(kind: str, request: pytest.FixtureRequest, folder: Path, made: Path | None) -> Iterator[Home]:
    """`folder`, `postgres`, or `platform`: PostgreSQL and a bucket."""
    if kind == "folder":
        yield folder_home(folder, made)
        return
    server = request.getfixturevalue("postgres_server")
    bucket = new_bucket("s3", request) if kind == "platform" else None
    with postgres_home(server, folder, made, bucket) as home:
        yield home


def numbers(rows: int) -> pa.Table:
    """A row number and a text that goes with it."""
    return pa.table({"n": pa.array(range(rows), pa.int64()), "text": [f"row {n}" for n in range(rows)]})


@pytest.fixture
def data(tmp_path: Path) -> Path:
    file = tmp_path / "numbers.parquet"
    pq.write_table(numbers(20_000), file, row_group_size=3_000)
    return file


@pytest.fixture
def jobs_folder(request: pytest.FixtureRequest) -> str:
    """Where batch jobs read and write; a bucket of its own."""
    return f"{new_bucket('s3', request)}/jobs"


@pytest.fixture
def crowd(tmp_path: Path) -> Path:
    """5,000 people, numbered by `n`."""
    pq.write_table(numbered(rows(5_000, seed=9)), tmp_path / "people.parquet")
    return tmp_path / "people.parquet"


@pytest.fixture
def small_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rounds of batch jobs with few requests, in more of them: each is an object, which takes its time."""
    monkeypatch.setattr(wanted, "_MANY", 200)
    monkeypatch.setattr(results, "_PROOFS", 20)


@pytest.fixture(params=KINDS)
def account(
    request: pytest.FixtureRequest, hub: Hub, jobs_folder: str, monkeypatch: pytest.MonkeyPatch, small_rounds: None
) -> Iterator[Account]:
    with connected(hub, request.param, jobs_folder, monkeypatch) as account:
        yield account


@pytest.fixture
def sagemaker(hub: Hub, jobs_folder: str, monkeypatch: pytest.MonkeyPatch, small_rounds: None) -> Iterator[Account]:
    with connected(hub, "sagemaker", jobs_folder, monkeypatch) as account:
        yield account


@pytest.fixture
def vertex(hub: Hub, jobs_folder: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    with connected(hub, "vertex", jobs_folder, monkeypatch) as account:
        yield account
