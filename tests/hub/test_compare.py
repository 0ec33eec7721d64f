"""Evaluations side by side."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from muster.errors import DatasetNotFound, EvaluationNotFound, InvalidInput, VersionNotFound
from muster.evaluation.result import Evaluation
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


def test_edges_that_a_sample_told_are_taken_over(two: Hub, tmp_path: Path) -> None:
    table = labelled()
    first = pa.array(np.where(np.arange(ROWS) % 2, 0, np.random.default_rng(1).normal(size=ROWS)))
    day = pa.array((np.arange(ROWS) // 40).astype("datetime64[D]"))
    data = tmp_path / "more.parquet"
    pq.write_table(table.append_column("x", first).append_column("day", day), data)
    segments = ["distance", "x", "day", ["carrier", "late"]]
    one = two.evaluate("numbers:1", data, target="late", segments=segments, vs_champion=True)
    other = two.evaluate("numbers:2", data, target="late", segments=segments, vs_champion=True)
    assert other.vs_champion is not None
    assert other.vs_champion.contest is not None
    assert other.vs_champion.contest.reference.id == one.id
    assert dict(other.vs_champion.contest.left_out) == {}
    asked = two.evaluate("numbers:1", data, target="late", segments=[{"distance": [7.5, 1_234.5]}, "day:1970-03-01"])
    for e in (one, asked):
        compared = two.compare([e.id, "numbers:2"])
        (contest,) = compared.contests
        assert dict(contest.left_out) == {}
        assert {n: list(parts) for n, parts in contest.segments.items()} == {n: list(e.segments[n]) for n in e.segments}
        assert compared.evaluations[1].profile.question.segments == e.profile.question.segments
        assert compared.evaluations[1].to_json()["cuts"] == e.to_json()["cuts"]
    smaller = two.compare(
        [one.id, "numbers:2"],
        data=table.slice(0, 5_000).append_column("x", first[:5_000]).append_column("day", day[:5_000]),
    )
    assert set(smaller.contests[0].segments["distance"]) == set(one.segments["distance"])


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
    prices = two.evaluate({"y": [1.0, 2.0], "p": [1.5, 2.0]}, target="y", prediction="p", task="regression")
    with pytest.raises(InvalidInput, match=f"{prices.id} is of the task regression, and {one.id} of binary"):
        two.compare([one.id, prices.id])
    others = two.evaluate({"y": ["a", "b"], "p": ["a", "b"]}, target="y", prediction="p", classes=["a", "b"])
    with pytest.raises(InvalidInput, match=r"the classes of .* are a, b, and those of .* no, yes"):
        two.compare([one.id, others.id])
    with pytest.raises(InvalidInput, match="takes two to compare"):
        two.compare([one.id])
    with pytest.raises(InvalidInput, match="no data to compare on"):
        two.compare(["numbers:1", "numbers:2"])
    for items in ([one.id, "01JD4ZT7K5Q3F0W8V9X2Y6A1BC"], ["01JD4ZT7K5Q3F0W8V9X2Y6A1BC", "numbers:1"]):
        with pytest.raises(EvaluationNotFound):
            two.compare(items)
    with pytest.raises(EvaluationNotFound):
        two.evaluation("01JD4ZT7K5Q3F0W8V9X2Y6A1BC")


def test_a_table_in_memory_is_compared_on_too(two: Hub) -> None:
    table: pa.Table = labelled(ROWS // 10)
    found = two.compare(["numbers:1", "numbers:2"], data=table, target="late")
    assert found.contests[0].paired


def test_data_that_are_gone_are_asked_for(two: Hub, rows: Path) -> None:
    table = pq.read_table(rows)
    first = two.evaluate("numbers:1", table, target="late")
    with pytest.raises(DatasetNotFound, match=f"the data of evaluation {first.id} are not there any more") as caught:
        two.compare([first.id, "numbers:2"])
    assert caught.value.hint == "name the same data with `data=` (--data)"
    assert two.compare([first.id, "numbers:2"], data=rows).contests[0].differences["log_loss"].low is not None
    with pytest.raises(DatasetNotFound, match="no file or folder"):
        two.compare([first.id, "numbers:2"], data=rows.with_name("nowhere.parquet"))


def test_what_is_compared_is_known_by_what_the_registry_has(two: Hub, rows: Path) -> None:
    two.tag("numbers:2", {"team": "ops"})
    two.set_threshold("numbers:2", 0.25)
    found = two.compare(["numbers:1", "numbers:2"], data=rows, target="late")
    assert [e.subject.champion for e in found.evaluations] == [True, False]
    told = found.to_json()["evaluations"]
    assert [e["champion"] for e in told] == [True, False]  # type: ignore[union-attr,index,call-overload]
    settings = {s.what: s.values for s in found.settings}
    assert settings["tag team"] == (None, "ops")
    assert settings["threshold"] == (None, 0.25)
    assert set(settings) == {"digest", "size in bytes", "threshold", "tag team"}, (
        "origin, columns, packages and data are alike"
    )
    for one in found.evaluations:
        assert one.subject.effort.rows == ROWS
        assert one.subject.effort.rate is not None
        assert one.to_json()["effort"]["reason"] == ""  # type: ignore[index,call-overload]
    two.set_alias("numbers:2", "champion")
    again = two.compare([e.id for e in found.evaluations])
    assert [e.subject.champion for e in again.evaluations] == [False, True]
    assert "delays" not in again.charts["roc"].text
    two.delete_version("numbers:1")
    (one, other) = two.compare([e.id for e in found.evaluations]).evaluations
    assert one.subject.facts["version"] == "it is deleted: nothing of it is known"
    assert (one.subject.champion, other.subject.champion) == (False, True)


def test_signatures_and_packages_that_differ_are_told(two: Hub, tmp_path: Path, rows: Path) -> None:
    model = BETTER.replace('data["n"]', 'data["distance"]')
    (tmp_path / "other.py").write_text(model)
    two.register("numbers", tmp_path / "other.py", task="binary", sample={"distance": [1, 2, 3]})
    settings = {s.what: s.values for s in two.compare(["numbers:1", "numbers:3"], data=rows, target="late").settings}
    assert settings["column n"] == ("int64", None)
    assert settings["column distance"] == (None, "int64")
    one, other = two.version("numbers:1"), two.version("numbers:3")
    assert one.environment is not None
    assert f"package {two.environments.packages(one.environment)[0].partition('==')[0]}" not in settings
    assert "secret" not in str(settings)
    assert other.digest in settings["digest"]


def test_the_champion_stands_beside_each_metric(two: Hub, rows: Path) -> None:
    found = two.evaluate("numbers:2", rows, target="late", segments=["carrier"], vs_champion=True)
    beside = found.vs_champion
    assert beside is not None
    assert beside.contest is not None
    assert beside.contest.paired
    assert beside.contest.reference.record.ref == "numbers:1"
    loss, its = found.metrics["log_loss"].value, beside.contest.reference.metrics["log_loss"].value
    assert loss is not None
    assert its is not None
    less = beside.difference("log_loss")
    assert less.value == pytest.approx(loss - its, abs=1e-12)
    assert less.high is not None
    assert less.high < 0
    assert less.method == "jackknife"
    told = found.to_json()["vs_champion"]
    assert isinstance(told, dict)
    assert told["ref"] == "numbers:1"
    again = two.evaluate("numbers:2", rows, target="late", segments=["carrier"], vs_champion=True)
    assert again.vs_champion is not None
    assert again.vs_champion.contest is not None
    assert again.vs_champion.contest.reference.id == beside.contest.reference.id, "it is not evaluated again"
    assert two.evaluation(found.id).vs_champion is None
    assert two.evaluate("numbers:2", rows, target="late").to_json()["vs_champion"] is None


def test_a_table_in_memory_has_the_champion_beside_it_too(two: Hub) -> None:
    beside = two.evaluate("numbers:2", labelled(ROWS // 10), target="late", vs_champion=True).vs_champion
    assert beside is not None
    assert beside.contest is not None
    assert beside.contest.paired


def test_where_there_is_no_champion_to_compare_with_it_is_said(two: Hub, rows: Path) -> None:
    def said(found: Evaluation) -> str:
        beside = found.vs_champion
        assert beside is not None
        assert beside.contest is None
        assert beside.to_json() == {"evaluation": None, "reason": beside.reason}
        return beside.reason

    itself = two.evaluate("numbers:1", rows, target="late", vs_champion=True)
    assert said(itself) == "`numbers:1` is the champion itself"
    scored = {"late": ["yes", "no"], "p": ["yes", "no"]}
    alone = two.evaluate(scored, target="late", prediction="p", classes=["no", "yes"], vs_champion=True)
    assert said(alone).startswith("the data are scored already")
    two.remove_alias("numbers", "champion")
    assert (
        said(two.evaluate("numbers:2", rows, target="late", vs_champion=True))
        == "`numbers` has no champion: no version has the alias"
    )
    before = len(list(two.runs()))
    with pytest.raises(InvalidInput, match="known only when the evaluation is done"):
        two.evaluate("numbers:2", rows, target="late", vs_champion=True, wait=False)  # type: ignore[call-overload]
    assert len(list(two.runs())) == before


def test_a_champion_that_cannot_be_evaluated_costs_no_evaluation(two: Hub, tmp_path: Path, rows: Path) -> None:
    (tmp_path / "other.py").write_text(BETTER.replace('data["n"]', 'data["height"]'))
    two.register("numbers", tmp_path / "other.py", task="binary", sample={"height": [1, 2, 3]}, aliases=["champion"])
    found = two.evaluate("numbers:2", rows, target="late", vs_champion=True)
    assert found.metrics["roc_auc"].value is not None
    assert found.vs_champion is not None
    assert found.vs_champion.reason.startswith("the champion, `numbers:3`, cannot be evaluated: ")
    assert "height" in found.vs_champion.reason


NUMBER = """
INPUT = "arrow"


def predict(data):
    return data["n"]
"""


def test_what_cannot_be_compared_is_refused_before_anything_is_evaluated(two: Hub, rows: Path, tmp_path: Path) -> None:
    (tmp_path / "number.py").write_text(NUMBER)
    two.register("size", tmp_path / "number.py", task="regression", target="late", sample={"n": [1, 2, 3]})
    with pytest.raises(InvalidInput, match="size:1 is of the task regression, and numbers:1 of binary"):
        two.compare(["numbers:1", "size:1"], data=rows, target="late")
    with pytest.raises(VersionNotFound):
        two.compare(["numbers:1", "numbers:9"], data=rows, target="late")
    with pytest.raises(InvalidInput, match="it takes two to compare"):
        two.compare(["numbers:1"], data=rows, target="late")
    assert list(two.runs()) == []
    one = two.evaluate("numbers:1", rows, target="late")
    with pytest.raises(InvalidInput, match=f"size:1 is of the task regression, and {one.id} of binary"):
        two.compare([one.id, "size:1"])
    with pytest.raises(InvalidInput, match=f"the target of numbers:2 is `other`, and that of {one.id} `late`"):
        two.compare([one.id, "numbers:2"], target="other")
    assert [e.id for e in two.evaluations()] == [one.id]


def test_what_would_not_be_heard_is_refused(two: Hub, rows: Path) -> None:
    one, other = (two.evaluate(v, rows, target="late") for v in ("numbers:1", "numbers:2"))
    with pytest.raises(InvalidInput, match="`data`, `target`, `threshold` would be asked of versions") as caught:
        two.compare([one.id, other.id], rows, target="late", segments=[], threshold=0.0)
    assert caught.value.hint == "leave it out, or name versions"
    assert two.compare([one.id, other.id], target=None, segments=[]).contests[0].paired
    assert two.compare([one.id, other.id], rows, agreement=True).agreement, "which looks at the rows"
    assert two.compare([one.id, "numbers:2"], rows).evaluations[1].id == other.id
