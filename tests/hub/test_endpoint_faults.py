"""A fault at every call of a scoring over an endpoint: the output is that of no fault, or rejects tell of each row that is missing."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from muster.records import Run
from muster.testing.endpoints import Served
from muster.testing.endpoints.faults import What
from tests.hub.endpoint_stage import CHUNK, KINDS, Stage, chance, expected, number, staged, table

ROWS = 4 * CHUNK
CALLS = (1, 2, 4)
EVERY = range(1, 6)

PASSING: dict[str, dict[str, Any]] = {
    "throttled": {},
    "throttled, with a wait": {"wait": 0.05},
    "starting": {"seconds": 0.05},
    "unavailable": {},
    "failing": {"what": "unavailable", "status": 500},
    "cut": {},
    "drop": {},
    "html": {},
    "html, as if all were well": {"what": "html", "status": 200},
    "expired": {},
    "slow": {"seconds": 0.05},
}
ON_ROWS: dict[str, dict[str, Any]] = {
    "error_in_answer": {"message": "the model broke"},
    "model_error": {"message": "the model broke"},
    "too_large": {},
    "timeout": {},
    "fewer": {},
    "more": {},
}
"""What looks as if the rows were to blame: asked for in smaller requests, they are answered."""

REJECTED: dict[What, str] = {"nan": r"\bnan\b", "over_one": r"0 and 1|above 1"}
"""What an answer says of its rows is believed: it was paid, and is not asked for again."""

over_kinds = pytest.mark.parametrize("kind", KINDS, scope="module")
in_depth = pytest.mark.parametrize("calls", [CALLS, pytest.param(EVERY, marks=pytest.mark.deep)], ids=["few", "every"])


@pytest.fixture(scope="module")
def shared(kind: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with pytest.MonkeyPatch.context() as patch, staged(kind, tmp_path_factory.mktemp(kind), patch) as stage:
        yield stage


@pytest.fixture
def stage(shared: Stage) -> Stage:
    shared.clear()
    return shared


def _put(stage: Stage, name: str, more: dict[str, Any], call: int) -> None:
    given = {"what": name.partition(",")[0], "calls": [call], **more}
    stage.account.faults.add(given.pop("what"), **given)


def _rejects(run: Run) -> dict[int, str]:
    """By the number of the row."""
    if run.rejects is None:
        return {}
    told = [json.loads(line) for line in Path(run.rejects.removeprefix("file://")).read_text().splitlines()]
    assert len(told) == run.rejected
    return {int(reject["values"]["row"]): reject["error"] for reject in told}


def _all_told(stage: Stage, run: Run, rows: int = ROWS) -> dict[int, str]:
    """Every row is scored right, or rejected with a reason; none is both, or twice."""
    rejects = _rejects(run)
    assert run.rows == rows
    assert stage.scored(run) == expected([n for n in range(rows) if n not in rejects])
    assert all(rejects.values())
    assert stage.answers() == []
    return rejects


@over_kinds
@in_depth
@pytest.mark.parametrize("fault", PASSING)
def test_what_passes_changes_nothing(stage: Stage, fault: str, calls: range) -> None:
    data = stage.data(ROWS)
    for call in calls:
        stage.clear()
        _put(stage, fault, PASSING[fault], call)
        assert _all_told(stage, stage.score(data)) == {}, call


@over_kinds
@in_depth
@pytest.mark.parametrize("fault", ON_ROWS)
def test_what_is_not_the_fault_of_rows_leaves_out_none(stage: Stage, fault: str, calls: range) -> None:
    data = stage.data(ROWS)
    for call in calls:
        stage.clear()
        _put(stage, fault, ON_ROWS[fault], call)
        assert _all_told(stage, stage.score(data)) == {}, call


@over_kinds
@in_depth
@pytest.mark.parametrize("fault", REJECTED)
def test_numbers_that_cannot_be_are_rejected_with_what_they_were(stage: Stage, fault: What, calls: range) -> None:
    data = stage.data(ROWS)
    for call in calls:
        stage.clear()
        # One number alone does not show that a half was added, where that leaves it below 1.
        met = stage.account.faults.add(fault, calls=[call], rows=lambda row: chance(number(row)) > 0.5)
        rejects = _all_told(stage, stage.score(data))
        assert bool(rejects) == bool(met.met) == (call <= ROWS // CHUNK)
        hit = [request for request in stage.model.asked if set(rejects) & set(request)]
        assert len(hit) == len(rejects) // max(1, len(rejects)), "those of one request"
        assert set(rejects) == {n for request in hit for n in request if chance(n) > 0.5}
        assert all(re.search(REJECTED[fault], told, re.IGNORECASE) for told in rejects.values())


@in_depth
def test_a_class_that_was_never_declared_is_rejected_by_its_name(tmp_path: Path, calls: range) -> None:
    def labels(served: Served) -> Served:
        return replace(served, container="labels")

    with pytest.MonkeyPatch.context() as patch, staged("http", tmp_path, patch, deployed=labels) as stage:
        data = stage.data(ROWS)
        for call in calls:
            stage.clear()
            stage.account.faults.add("unknown_class", calls=[call])
            run = stage.score(data)
            rejects = _rejects(run)
            assert len(rejects) == (CHUNK if call <= ROWS // CHUNK else 0)
            assert all("never declared" in told for told in rejects.values())
            found = pq.read_table(stage.place(run)).to_pydict()
            left = [n for n in range(ROWS) if n not in rejects]
            assert found["row"] == left
            assert found["prediction"] == [int(chance(n) >= 0.5) for n in left]


@over_kinds
@pytest.mark.parametrize("seed", [*range(3), *(pytest.param(n, marks=pytest.mark.deep) for n in range(3, 40))])
def test_many_faults_in_one_run_and_rows_that_the_model_refuses(stage: Stage, seed: int) -> None:
    dice = random.Random(seed)
    bad = dice.sample(range(10 * CHUNK), 3)
    told = table(10 * CHUNK)
    numbers = [-n - 1.0 if n in bad else float(n) for n in range(10 * CHUNK)]
    data = stage.data(told.set_column(0, "row", pa.array(numbers)))
    for call in dice.sample(range(1, 16), 6):
        name = dice.choice(sorted(set(PASSING) - {"expired"}))
        _put(stage, name, PASSING[name], call)
    run = stage.score(data)
    rejects = _rejects(run)
    assert set(rejects) == {-n - 1 for n in bad}
    assert all("there is no row" in why for why in rejects.values())
    assert stage.scored(run) == expected([n for n in range(10 * CHUNK) if n not in bad])
    assert stage.answers() == []


@over_kinds
@pytest.mark.parametrize("share", [0.5, pytest.param(0.9, marks=pytest.mark.deep)])
def test_most_calls_throttled_and_all_rows_scored(stage: Stage, share: float) -> None:
    fault = stage.account.faults.add("throttled", share=share)
    run = stage.score(stage.data(ROWS))
    assert _all_told(stage, run) == {}
    assert fault.met >= share * fault.seen - 1
    asked = run.summary["asked"]
    assert isinstance(asked, dict)
    assert asked["throttled"] == fault.met
    assert sorted(stage.model.rows()) == list(range(ROWS)), "what was throttled no model has seen"


@pytest.mark.deep
def test_an_answer_that_is_too_late_is_asked_for_again(tmp_path: Path) -> None:
    with pytest.MonkeyPatch.context() as patch, staged("http", tmp_path, patch, settings={"seconds": "1"}) as stage:
        stage.account.faults.add("slow", calls=[2], seconds=13)  # a second, and ten for the way
        run = stage.score(stage.data(ROWS))
        assert _all_told(stage, run) == {}
        asked = run.summary["asked"]
        assert isinstance(asked, dict)
        assert asked["failed"] == 1
