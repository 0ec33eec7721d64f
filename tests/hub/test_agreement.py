"""Two versions held against each other, row by row."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pc_csv
import pyarrow.parquet as pq
import pytest
from sklearn.metrics import cohen_kappa_score
from statsmodels.stats.contingency_tables import mcnemar

from muster.errors import Conflict, DatasetNotFound, InvalidInput, NotApplicable, VersionNotFound
from muster.evaluation.agreement import Agreement
from muster.evaluation.result import Evaluation
from muster.hub import Hub
from muster.records import Progress
from tests.hub.test_evaluate import ROWS, labelled

OTHER = """
import pyarrow as pa
import pyarrow.compute as pc

INPUT = "arrow"


class Model:
    classes = ("no", "yes")

    def predict_proba(self, data):
        if -3 in data["n"].to_pylist():
            raise ValueError("minus three is no number of mine")
        shifted = pc.bit_wise_and(pc.add(data["n"], SHIFT), 1023)
        yes = pc.divide(pc.cast(shifted, pa.float64()), 1023.0)
        return pa.table({"no": pc.subtract(1.0, yes), "yes": yes})

    def predict(self, data):
        return pc.if_else(pc.greater(self.predict_proba(data)["yes"], 0.5), "yes", "no")
"""
"""Says of n what `numbers:1` says of n + SHIFT."""
SHIFT = 200


@pytest.fixture
def two(hub: Hub, tmp_path: Path) -> Hub:
    (tmp_path / "other.py").write_text(OTHER.replace("SHIFT", str(SHIFT)))
    hub.register("numbers", tmp_path / "other.py", task="binary", sample={"n": [1, 2, 3]})
    return hub


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    file = tmp_path / "labelled.parquet"
    pq.write_table(labelled(), file, row_group_size=3_000)
    return file


def _said(table: pa.Table) -> tuple[Any, Any, Any]:
    """Whether each is late, and what either says of it."""
    n = table["n"].to_numpy()
    late = np.asarray(table["late"].to_pylist()) == "yes"
    return late, (n & 1023) / 1023.0, ((n + SHIFT) & 1023) / 1023.0


def _agreed(hub: Hub, items: list[str], data: object = None, **asked: Any) -> Agreement:
    (agreement,) = hub.compare(items, data, agreement=True, **asked).agreement
    return agreement


def test_every_row_is_held_against_its_counterpart(two: Hub, rows: Path) -> None:
    seen: list[Progress] = []
    found = _agreed(two, ["numbers:1", "numbers:2"], rows, target="late", watch=seen.append)
    late, first, second = _said(pq.read_table(rows))
    labels = np.where(first > 0.5, 1, 0), np.where(second > 0.5, 1, 0)
    assert (found.rows, found.names, dict(found.left_out)) == (ROWS, ("numbers:1", "numbers:2"), {})
    assert found.labels == [[int(((labels[0] == a) & (labels[1] == b)).sum()) for b in (0, 1)] for a in (0, 1)]
    assert found.figures["kappa"].value == pytest.approx(cohen_kappa_score(*labels), abs=1e-12)
    right = labels[0] == late, labels[1] == late
    table = [[int(((right[0] == a) & (right[1] == b)).sum()) for b in (True, False)] for a in (True, False)]
    assert (found.test.first, found.test.second) == (table[0][1], table[1][0])
    assert found.test.exact == pytest.approx(mcnemar(table, exact=True).pvalue)
    assert found.outcomes is not None
    assert sum(of["both"] for of in found.outcomes.values()) == table[0][0]
    moves = second - first
    assert found.figures["mean_shift"].value == pytest.approx(moves.mean(), abs=1e-12)
    assert found.figures["moved_far"].value == pytest.approx((np.abs(moves) > 0.1).mean())
    largest = found.moved[0]
    assert abs(largest.move) == np.abs(moves).max() == abs(found.figures["largest_shift"].value or 0)
    assert len(found.moved) == 50
    for one in found.moved:
        assert one.values["n"] == one.row, "the file is of one piece"
        assert (one.first_score, one.second_score) == pytest.approx((first[one.row], second[one.row]))
        assert one.actual == ("yes" if late[one.row] else "no")
    assert list(found.charts) == ["labels", "shift", "scores"]
    assert [t.heading for t in found.tables][1:] == ["Who is right", "Shifts", "Rows that moved most"]
    told = json.dumps(found.to_json(), allow_nan=False)
    assert json.loads(told)["counted"] == ROWS
    assert [p.run for p in seen].count("") >= 1, "no run is told of that could be resumed"
    assert seen[-1].rows <= ROWS
    assert len(list(two.runs(["kind=evaluate"]))) == 2, "and none is made"


def test_each_has_its_own_threshold(two: Hub, rows: Path) -> None:
    one = two.evaluate("numbers:1", rows, target="late", threshold=0.2)
    other = two.evaluate("numbers:1", rows, target="late", threshold=0.9)
    found = _agreed(two, [one.id, other.id])
    _, first, _ = _said(pq.read_table(rows))
    assert found.labels == [
        [int((first < 0.2).sum()), 0],
        [int(((first >= 0.2) & (first < 0.9)).sum()), int((first >= 0.9).sum())],
    ]
    assert found.names == (one.id, other.id), "the versions tell nothing"
    assert (found.figures["largest_shift"].value, found.moved) == (0.0, [])


def test_rows_that_one_cannot_predict_are_told(two: Hub, tmp_path: Path) -> None:
    table = labelled(2_000)
    n, late, weight = (table[name].to_pylist() for name in ("n", "late", "weight"))
    n[10], n[11], n[12] = -1, -3, -3  # the first fails on one, the second on two
    late[13], weight[14] = None, -1.0
    file = tmp_path / "odd.parquet"
    pq.write_table(pa.table({"n": n, "late": late, "weight": weight}), file)
    found = _agreed(two, ["numbers:1", "numbers:2"], file, target="late", weight="weight")
    assert found.rows == 2_000 - 5
    assert found.left_out == {
        "are predicted by numbers:1 alone": 2,
        "are predicted by numbers:2 alone": 1,
        "are predicted by neither, or have no actual value": 2,
    }
    assert found.reasons[0]["have no prediction"] == 1
    assert found.reasons[1]["have no prediction"] == 2
    good = [i for i in range(2_000) if i not in range(10, 15)]
    weights = np.asarray(weight, float)[good]
    _, first, second = _said(pa.table({"n": n, "late": late}).take(good))
    assert found.figures["agreement"].value == pytest.approx(
        np.average((first > 0.5) == (second > 0.5), weights=weights)
    )
    assert found.figures["mean_shift"].value == pytest.approx(np.average(second - first, weights=weights))
    assert found.test.reason == "it counts rows, and these have weights"


def test_what_stands_in_the_data_agrees_too(two: Hub, rows: Path, tmp_path: Path) -> None:
    table = pq.read_table(rows)
    _, first, second = _said(table)
    scored = tmp_path / "scored.parquet"
    pq.write_table(table.append_column("one", pa.array(first)).append_column("two", pa.array(second)), scored)
    one, other = (_read(two, scored, name) for name in ("one", "two"))
    for items in ([one.id, other.id], [one.id, "numbers:2"]):
        found = _agreed(two, items)
        assert found.labels == [
            [int((((first > 0.5) == a) & ((second > 0.5) == b)).sum()) for b in (False, True)] for a in (False, True)
        ]
        assert found.figures["mean_shift"].value == pytest.approx((second - first).mean())
        assert set(found.moved[0].values) >= {"n", "carrier"}
        assert "one" not in found.moved[0].values, "its prediction is told already"
    assert found.names == ("one", "numbers:2")
    part = tmp_path / "part.parquet"
    pq.write_table(pq.read_table(scored).slice(5), part)
    with pytest.raises(InvalidInput, match="is of other data"):
        _agreed(two, [one.id, _read(two, part, "one").id])
    weighted = two.evaluate("numbers:2", scored, target="late", weight="weight", probabilities=["two"])
    with pytest.raises(InvalidInput, match="has the weight `weight`, and not none"):
        _agreed(two, [one.id, weighted.id])


def test_data_in_memory(two: Hub) -> None:
    compared = two.compare(["numbers:1", "numbers:2"], labelled(), agreement=True, target="late")
    assert compared.agreement[0].rows == ROWS
    assert list((two.folder / "frames").rglob("*.arrow")) == [], "nothing of it is left"
    two.delete_version("numbers:2")
    with pytest.raises(VersionNotFound):
        _agreed(two, [e.id for e in compared.evaluations], labelled())


def test_data_that_went_or_changed(hub: Hub, tmp_path: Path) -> None:
    table = labelled(1_000)
    for name, shift in (("one", 0), ("two", SHIFT)):
        table = table.append_column(name, pa.array(((table["n"].to_numpy() + shift) & 1023) / 1023.0))
    file = tmp_path / "scored.parquet"
    pq.write_table(table, file)
    one, other = (_read(hub, file, name).id for name in ("one", "two"))
    found = _agreed(hub, [one, other])
    moved = file.rename(file.with_name("elsewhere.parquet"))
    with pytest.raises(DatasetNotFound, match=f"the data of {one} are not where they were") as caught:
        _agreed(hub, [one, other])
    assert "--data" in caught.value.hint
    pq.write_table(table.slice(1), file)
    with pytest.raises(Conflict, match="the data are not those that"):
        _agreed(hub, [one, other])
    moved.rename(file)
    assert _agreed(hub, [one, other], file).labels == found.labels


def _read(hub: Hub, data: Path, column: str) -> Evaluation:
    """What stands in a column, evaluated."""
    return hub.evaluate(data=data, target="late", probabilities=[column], classes=["no", "yes"])


def test_text_is_one_row_to_both_or_none(two: Hub, tmp_path: Path) -> None:
    """A column that one takes as text and the other as a number has to be read as both."""
    file = tmp_path / "rows.csv"
    table = labelled(3_000)
    pc_csv.write_csv(table, file)
    _, first, second = _said(table)
    found = _agreed(two, ["numbers:1", "numbers:2"], file, target="late")
    assert found.labels is not None
    assert found.labels[0][0] == int(((first <= 0.5) & (second <= 0.5)).sum())
    (tmp_path / "texts.py").write_text(
        OTHER.replace('data["n"]', 'pc.cast(data["n"], pa.int64())').replace("SHIFT", "0")
    )
    two.register("numbers", tmp_path / "texts.py", task="binary", sample={"n": ["1", "2"]})
    with pytest.raises(InvalidInput, match="the two read the same text differently: `n` as int64 and as string"):
        _agreed(two, ["numbers:1", "numbers:3"], file, target="late")


PRICES = """
import pyarrow.compute as pc

INPUT = "arrow"


def predict(data):
    return pc.multiply(pc.cast(data["n"], "float64"), FACTOR)
"""


def test_numbers_have_moves_and_a_nearer_one(hub: Hub, tmp_path: Path) -> None:
    for factor in (1.5, 1.1):
        (tmp_path / "model.py").write_text(PRICES.replace("FACTOR", str(factor)))
        hub.register("prices", tmp_path / "model.py", task="regression", sample={"n": [1, 2, 3]})
    n = np.arange(4_000)
    actual = n * np.random.default_rng(2).normal(1.25, 0.2, len(n))
    found = _agreed(hub, ["prices:1", "prices:2"], pa.table({"n": n, "price": actual}), target="price")
    moves = n * 1.1 - n * 1.5
    assert found.figures["mean_shift"].value == pytest.approx(moves.mean())
    assert found.figures["largest_shift"].value == pytest.approx(moves.min())
    nearer = np.abs(n * 1.1 - actual) < np.abs(n * 1.5 - actual)
    assert (found.test.first, found.test.second) == ((~nearer[1:]).sum(), nearer.sum())
    assert found.figures["second_nearer"].value == pytest.approx(nearer[1:].mean()), "of the first row both say 0"
    assert found.figures["correlation"].value == pytest.approx(1.0)
    assert (found.labels, found.outcomes, list(found.charts)) == (None, None, ["shift", "numbers"])
    assert [m.row for m in found.moved[:3]] == [3_999, 3_998, 3_997]
    json.dumps(found.to_json(), allow_nan=False)


def test_of_several_labels_there_is_none(hub: Hub, tmp_path: Path) -> None:
    file = tmp_path / "tags.parquet"
    table = {"y": [["a"], ["a", "b"], []] * 40, "p0": [0.9, 0.7, 0.2] * 40, "p1": [0.1, 0.8, 0.3] * 40}
    pq.write_table(pa.table(table), file)
    asked: Any = {"task": "multilabel", "target": "y", "probabilities": ["p0", "p1"], "classes": ["a", "b"]}
    one, other = (hub.evaluate(data=file, **asked).id for _ in range(2))
    with pytest.raises(
        NotApplicable, match="agreement is of one class or number of each row, and multilabel gives several"
    ):
        _agreed(hub, [one, other])
