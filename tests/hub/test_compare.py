"""Evaluations side by side."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from muster.errors import EvaluationNotFound, InvalidInput, MusterError
from muster.hub import Hub
from muster.metrics.figure import Figure
from tests.hub.test_evaluate import ROWS, labelled

BETTER = """
import pyarrow as pa
import pyarrow.compute as pc

INPUT = "arrow"


class Model:
    classes = ("no", "yes")

    def predict_proba(self, data):
        chance = pc.divide(pc.cast(pc.bit_wise_and(data["n"], 1023), pa.float64()), 1023.0)
        yes = pc.add(0.2, pc.multiply(chance, 0.6))
        return pa.table({"no": pc.subtract(1.0, yes), "yes": yes})

    def predict(self, data):
        return pc.if_else(pc.greater(self.predict_proba(data)["yes"], 0.5), "yes", "no")
"""


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    file = tmp_path / "labelled.parquet"
    pq.write_table(labelled(), file)
    return file


@pytest.fixture
def two(hub: Hub, tmp_path: Path) -> Hub:
    """`numbers:1`, and `numbers:2`, whose probabilities are calibrated."""
    (tmp_path / "better.py").write_text(BETTER)
    hub.register("numbers", tmp_path / "better.py", task="binary", sample={"n": [1, 2, 3]})
    return hub


def test_versions_are_compared_on_the_same_rows(two: Hub, rows: Path) -> None:
    found = two.compare(["numbers:1", "numbers:2"], data=rows, target="late", segments=["carrier"])
    (contest,) = found.contests
    assert contest.paired
    one, other = (e.metrics for e in found.evaluations)
    loss = contest.differences["log_loss"]
    values = [e.record.metrics["log_loss"] for e in found.evaluations]
    assert loss.value == pytest.approx(values[1] - values[0], abs=1e-12)
    assert loss.high is not None
    assert loss.high < 0, "the calibrated one is better beyond chance"
    assert _width(loss) < _width(one["log_loss"]) + _width(other["log_loss"]), "the same rows say more than two samples"
    same = contest.differences["roc_auc"]
    assert same.value == pytest.approx(0, abs=1e-12), "both rank alike"
    assert _width(same) < _width(one["roc_auc"]) / 20
    assert set(contest.segments["carrier"]) == {"AA", "UA", "missing"}
    assert contest.segments["carrier"]["AA"]["accuracy"].method == "independent"


def _width(figure: Figure) -> float:
    assert figure.low is not None
    assert figure.high is not None
    return figure.high - figure.low


def test_what_was_evaluated_before_is_not_again(two: Hub, rows: Path) -> None:
    first = two.evaluate("numbers:1", rows, target="late", segments=["carrier"])
    found = two.compare([first.id, "numbers:2"])
    assert found.reference.id == first.id
    assert found.evaluations[1].record.data == first.record.data
    assert len(list(two.evaluations())) == 2
    again = two.compare([first.id, "numbers:2"], data=rows)
    assert [e.id for e in again.evaluations] == [e.id for e in found.evaluations]
    assert len(list(two.evaluations())) == 2
    two.compare(
        ["numbers:1", "numbers:2"], data=rows, target="late"
    )  # without segments it asks for less, which is another question
    assert len(list(two.evaluations())) == 4


def test_other_rows_are_compared_and_said_to_be_others(two: Hub, rows: Path) -> None:
    one = two.evaluate("numbers:1", rows, target="late")
    other = two.evaluate("numbers:2", labelled(seed=4), target="late")
    keyed = [two.evaluate(v, rows, target="late", key=["n"]) for v in ("numbers:1", "numbers:2")]
    (contest,) = two.compare([one.id, other.id]).contests
    assert not contest.paired
    assert contest.reason == "the data are not the same, and no key tells which rows are"
    assert contest.differences["log_loss"].method == "independent"
    (mixed,) = two.compare([one.id, keyed[1].id]).contests
    assert mixed.reason == "rows are told apart by other columns"
    (by_key,) = two.compare([keyed[0].id, keyed[1].id]).contests
    assert by_key.paired


def test_what_cannot_be_compared_says_why(two: Hub, rows: Path) -> None:
    one = two.evaluate("numbers:1", rows, target="late")
    number = (
        two.evaluate({"y": [1.0, 2.0], "p": [1.5, 2.0]}, target="y", prediction="p", task="binary", classes=[1, 2])
        if False
        else None
    )
    assert number is None
    others = two.evaluate({"y": ["a", "b"], "p": ["a", "b"]}, target="y", prediction="p", classes=["a", "b"])
    with pytest.raises(InvalidInput, match=r"the classes of .* are a, b, and those of .* no, yes"):
        two.compare([one.id, others.id])
    with pytest.raises(InvalidInput, match="takes two to compare"):
        two.compare([one.id])
    with pytest.raises(InvalidInput, match="no data to compare on"):
        two.compare(["numbers:1", "numbers:2"])
    with pytest.raises(MusterError):
        two.compare([one.id, "01JD4ZT7K5Q3F0W8V9X2Y6A1BC"])
    with pytest.raises(EvaluationNotFound):
        two.evaluation("01JD4ZT7K5Q3F0W8V9X2Y6A1BC")


def test_a_table_in_memory_is_compared_on_too(two: Hub) -> None:
    table: pa.Table = labelled(ROWS // 10)
    found = two.compare(["numbers:1", "numbers:2"], data=table, target="late")
    assert found.contests[0].paired
