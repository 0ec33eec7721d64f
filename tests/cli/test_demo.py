"""`muster demo --external`: the tour over local endpoints. Its data is made up here, but for one run of the real thing."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import muster
from muster.demo.fitting import fitted
from muster.demo.flights import month_file
from muster.demo.logistic import chance
from muster.errors import NotFound
from tests.cli.helpers import Answer, call

KINDS = {"sagemaker", "vertex", "databricks", "openinference", "http"}


def with_flights(folder: Path) -> Path:
    """The data is there already: eight months in which evenings are late, and one carrier."""
    (folder / "data").mkdir(parents=True)
    random = np.random.default_rng(1)
    for month in range(1, 9):
        count = 600
        hour, carrier = random.integers(5, 24, count), random.choice(["AA", "EV", "UA"], count)
        odds = 0.4 * (hour - 16) + 1.5 * (carrier == "EV")
        late = np.where(random.random(count) < 1 / (1 + np.exp(-odds)), "yes", "no").astype(object)
        late[:5] = None
        told = {
            "date": pa.array([f"2013-{month:02}-01"] * count),
            "flight": pa.array(range(count)),
            "hour": pa.array(hour),
            "distance": pa.array(random.integers(90, 2600, count)),
            "carrier": pa.array(carrier),
            "origin": pa.array(random.choice(["EWR", "JFK"], count)),
            "late": pa.array(late, pa.string()),
        }
        pq.write_table(pa.table(told), month_file(folder, month))
    return folder


@dataclass(frozen=True)
class Toured:
    folder: Path
    answer: Answer
    environ: tuple[dict[str, str], dict[str, str]]


@pytest.fixture(scope="module")
def toured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Toured]:
    """After the first tour, with the environment before and after it."""
    place = tmp_path_factory.mktemp("tour")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        patch.delenv("MUSTER_HUB", raising=False)
        folder, before = with_flights(place / "here"), dict(os.environ)
        answer = call("demo", "--external", "here")
        assert answer.code == 0, answer.err
        yield Toured(folder, answer, (before, dict(os.environ)))


def heads(answer: Answer) -> list[str]:
    return [line.partition("  ")[0] for line in answer.err.splitlines() if not line.startswith(" ")]


def test_it_shows_all_of_it_and_leaves_a_hub(toured: Toured) -> None:
    assert toured.environ[0] == toured.environ[1]
    answer, folder = toured.answer, toured.folder
    told = [h for h in heads(answer) if h in {"connected", "registered", "the same", "scored", "unchanged", "changed"}]
    assert told == [
        *["registered", *["connected"] * 5, *["registered"] * 5],
        *["the same", "scored", "unchanged", "changed"],
    ]
    assert "the same  6 versions predict the same of 595 rows of July\n" in answer.err
    assert re.search(
        r"late-sagemaker:1 .* asked by csv  columns supported on 200 rows: \d of 2 pairs matter\n", answer.err
    )
    shares = re.search(r"served by  late-1: (\d+) rows, late-2: (\d+) rows\n", answer.err)
    assert shares is not None
    assert sum(map(int, shares.groups())) == 600
    with muster.open(folder / ".muster") as hub:
        assert {c.kind for c in hub.connections()} == KINDS
        assert {v.origin for v in hub.versions()} == {*KINDS, "python"}
        assert [bool(s.changes) for s in hub.snapshots("late-openinference:1")] == [True, False, False]
        assert hub.version("late-openinference:1").marks
        scored = pq.read_table(folder / "scored" / "2013-07-databricks.parquet")
        july = pq.read_table(month_file(folder, 7))
        assert scored["prediction"].equals(hub.predict("late:1", july)["prediction"])
        assert set(scored["prediction"].to_pylist()) == {"no", "yes"}


def test_what_it_says_to_try_next_needs_no_server(toured: Toured, monkeypatch: pytest.MonkeyPatch) -> None:
    told = toured.answer.err
    assert "The endpoints were servers on this machine, and are gone. The hub is in here/.muster. Go on with:\n" in told
    monkeypatch.chdir(toured.folder)
    commands = re.findall(r"^  muster (.*)$", told, re.MULTILINE)
    assert len(commands) >= 5
    for command in commands:
        done = call(*command.split())
        assert (done.code, command) == (0, command), done.err
        assert done.out


def test_it_runs_again(toured: Toured) -> None:
    again = call("demo", "--external", toured.folder)
    assert again.code == 0, again.err
    assert "unchanged  late:1  " in again.err
    assert "unchanged  late-sagemaker:1  sagemaker  " in again.err
    assert "registered  late-openinference:2  " in again.err, "it was seen to have changed"
    assert "changed  late-openinference:2  " in again.err
    with muster.open(toured.folder / ".muster") as hub:
        assert len(list(hub.connections())) == len(KINDS)


def test_neither_libraries_nor_keys_of_one_s_own_are_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    folder = with_flights(tmp_path / "here")
    monkeypatch.setitem(sys.modules, "google.auth", None)
    mine = {"AWS_PROFILE": "no-such-profile", "AWS_SESSION_TOKEN": "mine", "HTTP_PROXY": "http://127.0.0.1:9"}
    for name, value in mine.items():
        monkeypatch.setenv(name, value)
    answer = call("demo", "--external", "here")
    assert answer.code == 0, answer.err
    assert "left out  vertex: a connection to Vertex AI needs an optional library; install it with" in answer.err
    assert "the same  5 versions" in answer.err
    assert {name: os.environ[name] for name in mine} == mine
    with muster.open(folder / ".muster") as hub, pytest.raises(NotFound):
        hub.connection("demo-vertex")


def test_endpoints_that_answer_otherwise_are_no_success(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A model that is a little off where it is served, so that labels are the same."""
    monkeypatch.chdir(tmp_path)
    with_flights(tmp_path / "here")
    monkeypatch.setattr("muster.demo.stand.chance", lambda weights, row: min(1.0, chance(weights, row) * (1 + 1e-5)))
    answer = call("demo", "--external", "here")
    assert answer.code == 1
    assert "`late-sagemaker:1` and `late:1` are one model, and answer differently" in answer.err


def test_weights_are_those_that_fit_best() -> None:
    """Where a word alone decides, the chance of each is its share."""
    table = pa.table(
        {"hour": [7] * 400, "distance": [100] * 400, "carrier": ["AA", "UA"] * 200, "origin": ["JFK"] * 400}
    )
    late = [(i % 2 == 0 and i % 8 != 0) or i % 40 == 1 for i in range(400)]
    weights = fitted(table, pa.chunked_array([late]))
    assert chance(weights, (7, 100, "AA", "JFK")) == pytest.approx(0.75, abs=0.02)
    assert chance(weights, (7, 100, "UA", "JFK")) == pytest.approx(0.05, abs=0.02)
    assert chance(weights, (7, 100, "XX", "JFK")) < chance(weights, (7, 100, "AA", "JFK"))


@pytest.mark.deep
def test_it_begins_with_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    answer = call("demo", "--external")
    assert answer.code == 0, answer.err
    assert "fetching  all flights from New York in 2013" in answer.err
    assert "scored  late-databricks:1  29,425 rows  " in answer.err
    assert "columns supported on 200 rows: 1 of 2 pairs matter" in answer.err
    july = pq.read_table(tmp_path / "muster-demo" / "data" / "flights-2013-07.parquet")
    assert july.column_names == [
        *("date", "flight", "tailnum", "hour", "minute", "weekday", "distance", "carrier", "origin", "dest", "late")
    ]
    first = july.slice(0, 1).to_pylist()[0]
    assert (str(first["date"]), first["weekday"], first["flight"], first["late"]) == ("2013-07-01", 0, 915, "yes")
    assert july["late"].null_count == 1_132
