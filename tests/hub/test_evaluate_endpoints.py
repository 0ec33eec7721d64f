"""An endpoint is evaluated as every other version is, and asked once for each row."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sklearn import metrics as sk

from muster.errors import RunCancelled, RunFailed
from muster.records import Progress
from tests.hub.endpoint_stage import CHUNK, KINDS, Stage, chance, staged, table

ROWS = 12 * CHUNK

over_kinds = pytest.mark.parametrize("kind", KINDS)


@pytest.fixture
def patch() -> Iterator[pytest.MonkeyPatch]:
    with pytest.MonkeyPatch.context() as patch:
        yield patch


@pytest.fixture
def stage(kind: str, tmp_path: Path, patch: pytest.MonkeyPatch) -> Iterator[Stage]:
    with staged(kind, tmp_path, patch) as stage:
        yield stage


def _labelled(rows: int = ROWS) -> pa.Table:
    late = np.random.default_rng(1).random(rows) < [chance(n) for n in range(rows)]
    return (
        table(rows)
        .append_column("late", pa.array(late.astype(int)))
        .append_column("part", [["a", "b"][n % 2] for n in range(rows)])
    )


@over_kinds
def test_it_is_measured_and_asked_once(stage: Stage) -> None:
    data = stage.data(_labelled())
    found = stage.hub.evaluate("churn", data, target="late")
    late, score = _labelled()["late"].to_numpy(), np.array([chance(n) for n in range(ROWS)])
    assert found.metrics["roc_auc"].value == pytest.approx(sk.roc_auc_score(late, score), abs=1e-9)
    assert found.metrics["accuracy"].value == pytest.approx(sk.accuracy_score(late, score >= 0.5), abs=1e-12)
    assert sorted(stage.model.rows()) == list(range(ROWS))
    assert stage.answers() == [], "what was kept request by request is kept by chunk now"
    asked = len(stage.account.invocations)
    stage.hub.collect()
    again = stage.hub.evaluate("churn", data, target="late", segments=["part"], threshold=0.2)
    assert len(stage.account.invocations) == asked, "the same rows are not paid for twice"
    assert again.metrics["recall"] == found.at(0.2)["recall"]
    assert [m.hash for m in again.mistakes] != []
    other = stage.hub.evaluate("churn", stage.data(_labelled(CHUNK)), target="late")
    assert (other.record.counted, len(stage.model.rows())) == (CHUNK, ROWS + CHUNK)


@over_kinds
def test_its_rows_are_written_without_asking_again(stage: Stage, tmp_path: Path) -> None:
    data = stage.data(_labelled())
    found = stage.hub.evaluate("churn", data, target="late", output=tmp_path / "out.parquet", keep=["part"])
    table = pq.read_table(tmp_path / "out.parquet")
    assert (table.num_rows, sorted(stage.model.rows())) == (ROWS, list(range(ROWS)))
    assert table["part"].to_pylist() == _labelled()["part"].to_pylist()
    assert found.metrics["accuracy"].value == pytest.approx(np.mean(table["correct"].to_pylist()), abs=1e-12)
    assert stage.hub.evaluate("churn", data, target="late").profile.encode() == found.profile.encode()
    assert len(stage.model.rows()) == ROWS


def test_metrics_of_ones_own_ask_nothing_again(tmp_path: Path, patch: pytest.MonkeyPatch) -> None:
    with staged("http", tmp_path, patch) as stage:
        (tmp_path / "right.py").write_text(
            "INPUT = 'arrow'\n\n\ndef right(data):\n"
            "    pairs = zip(data['target'].to_pylist(), data['prediction'].to_pylist())\n"
            "    return [float(a == b) for a, b in pairs]\n"
        )
        stage.hub.register_metric("right", tmp_path / "right.py")
        data = stage.data(_labelled())
        found = stage.hub.evaluate("churn", data, target="late", metrics=["right"], output=tmp_path / "out.parquet")
        assert found.metrics["right"].value == pytest.approx(found.metrics["accuracy"].value, abs=1e-12)
        assert sorted(stage.model.rows()) == list(range(ROWS))
        assert pq.read_table(tmp_path / "out.parquet").num_rows == ROWS


@over_kinds
def test_one_that_is_cut_off_goes_on_where_it_was(stage: Stage) -> None:
    stage.model.at(5, lambda: stage.account.deny("invoke"))
    with pytest.raises(RunFailed) as caught:
        stage.hub.evaluate("churn", stage.data(_labelled()), target="late")
    run = str(caught.value.details["run"])
    assert "muster run resume" in caught.value.hint
    stored, begun = stage.kept(run), len(stage.model.asked)
    assert stored
    stage.account.allow("invoke")
    ended = stage.hub.resume(run)
    found = stage.hub.evaluation(str(ended.summary["evaluation"]))
    assert found.record.counted == ROWS
    assert stored & set(stage.model.rows(begun)) == set(), "paid for what was stored"
    assert stage.answers() == []


@over_kinds
def test_rows_that_it_refuses_are_told(stage: Stage) -> None:
    rows = _labelled().to_pydict()
    rows["row"][3] = -1.0
    found = stage.hub.evaluate("churn", stage.data(pa.table(rows)), target="late")
    assert found.left_out == {"have no prediction": 1}
    asked = len(stage.account.invocations)
    assert stage.hub.evaluate("churn", stage.data(pa.table(rows)), target="late").left_out == found.left_out
    assert len(stage.account.invocations) == asked


@over_kinds
def test_one_that_is_cancelled_keeps_nothing(stage: Stage) -> None:
    def watch(progress: Progress) -> None:
        stage.hub.cancel(progress.run)

    stage.model.pause = 1.0  # so that there is time to hear of it
    with pytest.raises(RunCancelled):
        stage.hub.evaluate("churn", stage.data(_labelled()), target="late", watch=watch)
    (run,) = stage.hub.runs(["kind=evaluate"])
    assert (run.status, stage.answers(), list(stage.hub._runs.chunks(run.id))) == ("cancelled", [], [])
    assert list(stage.hub.evaluations()) == []


@pytest.mark.parametrize("kind", ["http"])
def test_answers_go_with_the_evaluation_that_keeps_them(stage: Stage) -> None:
    data = stage.data(_labelled())
    found = stage.hub.evaluate("churn", data, target="late")
    stage.hub.delete_evaluation(found.id)
    for file in (stage.hub.folder / "blobs").rglob("*"):
        os.utime(file, (0, 0))
    asked = len(stage.account.invocations)
    stage.hub.evaluate("churn", data, target="late")
    assert len(stage.account.invocations) > asked


@pytest.mark.parametrize("kind", ["http"])
def test_what_was_asked_and_what_it_cost_is_told_once(stage: Stage) -> None:
    priced: dict[str, Any] = {**stage.account.settings, "price_per_call": 0.5}
    stage.hub.connect("c", "http", replace=True, **priced)
    data = stage.data(_labelled())
    found = stage.hub.evaluate("churn", data, target="late").subject
    calls = len(stage.account.invocations)
    assert found.effort.asked["tries"] == calls
    assert found.effort.cost == pytest.approx(calls * 0.5)
    assert (found.effort.rows, found.effort.reason) == (ROWS, "")
    assert found.effort.rate is not None
    assert found.facts["connection"] == "c"
    again = stage.hub.evaluate("churn", data, target="late", segments=["part"]).subject.effort
    first = min(e.id for e in stage.hub.evaluations())
    assert again.reason == f"its answers were kept from evaluation {first}: nothing was asked"
    assert (again.rate, again.cost, again.asked) == (None, None, {})


@pytest.mark.parametrize("kind", ["http"])
def test_what_was_asked_before_it_was_cut_off_counts_too(stage: Stage) -> None:
    stage.model.at(5, lambda: stage.account.deny("invoke"))
    with pytest.raises(RunFailed) as caught:
        stage.hub.evaluate("churn", stage.data(_labelled()), target="late")
    stage.account.allow("invoke")
    ended = stage.hub.resume(str(caught.value.details["run"]))
    effort = stage.hub.evaluation(str(ended.summary["evaluation"])).subject.effort
    assert 0 < effort.rows <= ROWS
    assert effort.asked["rows"] >= ROWS - CHUNK


@over_kinds
def test_two_are_held_against_each_other_without_being_asked_again(stage: Stage) -> None:
    rows = _labelled().to_pydict()
    rows["row"][3] = -1.0  # which it refuses
    data = stage.data(pa.table(rows))
    one = stage.hub.evaluate("churn", data, target="late")
    other = stage.hub.evaluate("churn", data, target="late", threshold=0.2)
    asked = len(stage.account.invocations)
    expected = _two_thresholds(0.5, 0.2)
    (found,) = stage.hub.compare([one.id, other.id], agreement=True).agreement
    assert found.labels == expected
    assert found.left_out == {"are predicted by neither, or have no actual value": 1}
    with stage.home.open(score__chunk_rows=CHUNK - 5) as cut:  # where the chunks are not those that were asked
        (found,) = cut.compare([one.id, other.id], agreement=True).agreement
    assert (found.labels, found.rows) == (expected, ROWS - 1)
    assert found.figures["largest_shift"].value == 0.0
    assert len(stage.account.invocations) == asked


def _two_thresholds(one: float, other: float) -> list[list[int]]:
    score = np.array([chance(n) for n in range(ROWS) if n != 3])
    first, second = score >= one, score >= other
    return [[int(((first == a) & (second == b)).sum()) for b in (False, True)] for a in (False, True)]
