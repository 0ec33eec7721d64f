"""Evaluations from end to end, with a real model in its worker."""

from __future__ import annotations

import json
import os
import random
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from sklearn import metrics as sk

import muster
from muster.errors import (
    Conflict,
    DatasetError,
    EvaluationNotFound,
    InvalidInput,
    NotApplicable,
    RunCancelled,
    RunFailed,
    SignatureMismatch,
)
from muster.evaluation.result import Evaluation
from muster.hub import Hub
from muster.profiles.evaluation import EvaluationProfile
from muster.records import Progress, Run

ROWS = 20_000

_SHARE = np.random.default_rng(8).random(200)
_YES = _SHARE < 0.5


def labelled(rows: int = ROWS, seed: int = 3) -> pa.Table:
    """What the model predicts is right more often than not, by the part; some rows lack a value somewhere."""
    chance = np.random.default_rng(seed)
    n = np.arange(rows)
    late = chance.random(rows) < 0.2 + 0.6 * ((n & 1023) / 1023.0)
    return pa.table(
        {
            "n": n,
            "late": np.where(late, "yes", "no"),
            "carrier": pa.array([["AA", "UA", None][i] for i in chance.integers(0, 3, rows)], pa.string()),
            "distance": chance.integers(100, 3_000, rows),
            "weight": chance.integers(0, 4, rows).astype(float),
        }
    )


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    file = tmp_path / "labelled.parquet"
    pq.write_table(labelled(), file, row_group_size=3_000)
    return file


def _scores(table: pa.Table) -> tuple[Any, Any]:
    return np.asarray(table["late"].to_pylist()) == "yes", (table["n"].to_numpy() & 1023) / 1023.0


def test_every_row_is_measured_and_the_evaluation_is_kept(hub: Hub, rows: Path) -> None:
    found = hub.evaluate("numbers", rows, target="late", labels={"month": "2"})
    actual, score = _scores(pq.read_table(rows))
    assert found.metrics["roc_auc"].value == pytest.approx(sk.roc_auc_score(actual, score), abs=1e-12)
    assert found.metrics["precision"].value == pytest.approx(sk.precision_score(actual, score > 0.5), abs=1e-12)
    assert found.metrics["roc_auc"].exact
    low, high = found.metrics["roc_auc"].low, found.metrics["roc_auc"].high
    assert low is not None
    assert high is not None
    assert low < 0.7 < high + 0.1
    assert found.at(threshold=0.3)["recall"].value == pytest.approx(sk.recall_score(actual, score >= 0.3), abs=1e-12)
    again = hub.evaluation(found.id)
    assert again.to_json() == found.to_json()
    json.dumps(found.to_json(), allow_nan=False)
    record = found.record
    assert (record.rows, record.counted, record.ref, record.target) == (ROWS, ROWS, "numbers:1", "late")
    assert record.fingerprint == hub.open_dataset(str(rows)).fingerprint()
    assert record.metrics["roc_auc"] == found.metrics["roc_auc"].value
    run = hub.run(record.run)
    assert (run.kind, run.status, run.rows, run.summary["evaluation"]) == ("evaluate", "done", ROWS, found.id)
    assert [e.id for e in hub.evaluations(["tag.month=2", "model=numbers"])] == [found.id]
    assert list(hub.evaluations(["tag.month=3"])) == []
    hub.delete_evaluation(found.id, reason="no longer of use")
    with pytest.raises(EvaluationNotFound):
        hub.evaluation(found.id)


def test_what_the_inputs_looked_like_is_kept(hub: Hub, rows: Path) -> None:
    found = hub.evaluate("numbers", rows, target="late")
    told: dict[str, Any] = dict(hub.evaluation(found.id).profile.columns.figures())
    assert list(told) == ["n"], "what the version takes"
    assert told["n"]["rows"] == ROWS
    assert told["n"]["mean"] == pytest.approx((ROWS - 1) / 2)
    hub.score("numbers", rows, rows.parent / "scored.parquet", keep="all")
    scored = hub.evaluate(rows.parent / "scored.parquet", target="late")
    assert list(scored.profile.columns.figures()) == ["n", "carrier", "distance", "weight"]


def test_rows_that_cannot_be_measured_are_told_by_reason(hub: Hub, tmp_path: Path) -> None:
    table = labelled(2_000)
    late = table["late"].to_pylist()
    late[5], late[6], late[7] = None, "maybe", "maybe"
    weight = table["weight"].to_pylist()
    weight[8], weight[9] = -1.0, None
    n = table["n"].to_pylist()
    n[10] = -1  # the model fails on it
    columns = {"n": n, "late": late, "weight": weight}
    pq.write_table(pa.table(columns), tmp_path / "odd.parquet")
    found = hub.evaluate("numbers", tmp_path / "odd.parquet", target="late", weight="weight")
    assert found.left_out == {
        "are of the class `maybe`, which the model does not know": 2,
        "have no prediction": 1,
        "have no value in `late`": 1,
        "have no weight, or a negative one": 2,
    }
    assert (found.record.rows, found.record.counted) == (2_000, 1_994)
    good = [i for i in range(2_000) if i not in {5, 6, 7, 8, 9, 10}]
    actual, score = np.asarray(late)[good] == "yes", (np.asarray(n)[good] & 1023) / 1023.0
    expected = sk.roc_auc_score(actual, score, sample_weight=np.asarray(weight, float)[good])
    assert found.metrics["roc_auc"].value == pytest.approx(expected, abs=1e-12)


def test_parts_are_measured_apart(hub: Hub, rows: Path) -> None:
    found = hub.evaluate("numbers", rows, target="late", segments=["carrier", "distance:500,1000", ["carrier", "late"]])
    table = pq.read_table(rows)
    for part in ("AA", "UA", "missing"):
        of = pc.is_null(table["carrier"]) if part == "missing" else pc.equal(table["carrier"], part)
        actual, score = _scores(table.filter(of))
        figures = found.segments["carrier"][part]
        assert found.segments["carrier"].rows(part) == len(actual)
        assert figures["accuracy"].value == pytest.approx(sk.accuracy_score(actual, score > 0.5), abs=1e-12)
        assert figures["roc_auc"].value == pytest.approx(sk.roc_auc_score(actual, score), abs=1e-12)
    assert list(found.segments["distance"]) == ["below 500", "500 to 1000", "1000 or more"]
    edge = pc.sum(pc.and_(pc.greater_equal(table["distance"], 500), pc.less(table["distance"], 1_000))).as_py()
    assert found.segments["distance"].rows("500 to 1000") == edge
    assert set(found.segments["carrier × late"]) == {
        f"{carrier} × {late}" for carrier in ("AA", "UA", "missing") for late in ("no", "yes")
    }


def test_a_number_with_many_values_is_cut_at_its_quintiles(hub: Hub, rows: Path) -> None:
    found = hub.evaluate("numbers", rows, target="late", segments=["distance"])
    shares = [found.segments["distance"].rows(p) / ROWS for p in found.segments["distance"]]
    assert len(shares) == 5
    assert all(0.18 < s < 0.22 for s in shares)


@pytest.mark.parametrize("kind", [pa.float64(), pa.float16()])
def test_a_number_that_is_none_is_missing(hub: Hub, kind: pa.DataType) -> None:
    half = pa.array(
        np.array([1, np.nan, 2.5, 0], np.float16)[[0, 1, 2, 3] * 10], mask=np.array([0, 0, 0, 1] * 10, bool)
    )
    data = {"y": _SHARE[:40], "prediction": _SHARE[:40], "size": half.cast(kind)}
    parts = hub.evaluate(data, target="y", segments=["size"]).segments["size"]
    assert {part: parts.rows(part) for part in parts} == {"missing": 20, "1": 10, "2.5": 10}


def test_chunks_and_files_change_no_figure(place: Path, rows: Path, tmp_path: Path) -> None:
    """Nor which rows are paired: a row is known by its place in its file."""
    documents = []
    for chunk in (1_024, 7_000, 65_536):
        with muster.open(place, score__chunk_rows=chunk) as hub:
            found = hub.evaluate("numbers", rows, target="late", segments=["carrier"], weight="weight")
        told = found.to_json()
        documents.append({k: told[k] for k in ("metrics", "segments", "confusion", "rows", "counted")})
        assert found.record.digest == hub_digest(found)
    assert _rounded(documents[0]) == _rounded(documents[1]) == _rounded(documents[2])


def hub_digest(found: Evaluation) -> str:
    return f"{found.profile.digest:016x}"


def _rounded(value: Any) -> Any:
    """Float sums are of chunks, and may differ in the last bits."""
    match value:
        case float():
            return float(f"{value:.9g}")
        case dict():
            return {k: _rounded(v) for k, v in value.items()}
        case list():
            return [_rounded(v) for v in value]
    return value


def test_the_same_rows_have_the_same_digest_by_their_key(hub: Hub, tmp_path: Path) -> None:
    """In whatever order and files they stand."""
    table = labelled(3_000)
    order = list(range(3_000))
    random.Random(5).shuffle(order)
    pq.write_table(table, tmp_path / "a.parquet")
    (tmp_path / "b").mkdir()
    shuffled = table.take(pa.array(order))
    pq.write_table(shuffled.slice(0, 1_000), tmp_path / "b" / "1.parquet")
    pq.write_table(shuffled.slice(1_000), tmp_path / "b" / "2.parquet")
    found = [hub.evaluate("numbers", tmp_path / data, target="late", key=["n", "late"]) for data in ("a.parquet", "b")]
    other = hub.evaluate("numbers", pq.read_table(tmp_path / "a.parquet").slice(1), target="late", key=["n", "late"])
    assert found[0].record.digest == found[1].record.digest != other.record.digest
    assert [m.hash for m in found[0].mistakes] == [m.hash for m in found[1].mistakes]
    a, b = (f.profile.whole.arrays() for f in found)
    assert all((a[name] == b[name]).all() for name in a if a[name].dtype == np.int64), "counts, of the folds too"


def test_data_that_are_scored_already_need_no_model(hub: Hub, rows: Path, tmp_path: Path) -> None:
    hub.score("numbers", rows, tmp_path / "scored.parquet", keep="all")
    direct = hub.evaluate("numbers", rows, target="late")
    for data in (tmp_path / "scored.parquet", pq.read_table(tmp_path / "scored.parquet").to_pandas()):
        found = hub.evaluate(data, target="late")
        assert _rounded(found.metrics.to_json()) == _rounded(direct.metrics.to_json())
        assert (found.record.ref, found.classes) == (None, ("no", "yes"))
    named = hub.evaluate(
        data=tmp_path / "scored.parquet", target="late", prediction="prediction", probabilities=["probability_yes"],
        task="binary", classes=["no", "yes"],
    )  # fmt: skip
    assert _rounded(named.metrics.to_json()) == _rounded(direct.metrics.to_json())
    of_version = hub.evaluate("numbers", tmp_path / "scored.parquet", target="late", prediction="prediction")
    assert of_version.record.ref == "numbers:1"
    assert of_version.metrics["accuracy"] == direct.metrics["accuracy"]
    assert of_version.metrics["roc_auc"].value is None
    assert of_version.metrics["roc_auc"].reason == "it needs probabilities, and there are only labels"
    scores = hub.evaluate(
        tmp_path / "scored.parquet",
        target="late",
        probabilities=["probability_no", "probability_yes"],
        classes=["no", "yes"],
    )
    assert scores.metrics["roc_auc"] == direct.metrics["roc_auc"]
    assert scores.confusion == direct.confusion


def test_a_threshold_gives_the_labels_of_scored_data_too(hub: Hub, rows: Path, tmp_path: Path) -> None:
    """Whatever labels stand beside the probabilities; and those alone have the labels of the version's threshold."""
    hub.score("numbers", rows, tmp_path / "scored.parquet", keep="all")
    direct = hub.evaluate("numbers", rows, target="late", threshold=0.3)
    found = hub.evaluate(tmp_path / "scored.parquet", target="late", threshold=0.3)
    assert found.confusion == direct.confusion
    assert found.record.threshold == 0.3
    hub.set_threshold("numbers", 0.2)
    alone = hub.evaluate("numbers", tmp_path / "scored.parquet", target="late", probabilities=["probability_yes"])
    assert (alone.record.threshold, alone.confusion) == (0.2, hub.evaluate("numbers", rows, target="late").confusion)
    given = hub.evaluate("numbers", tmp_path / "scored.parquet", target="late", prediction="prediction")
    assert given.record.threshold is None, "the labels were not made by it"


def test_labels_are_equal_however_they_are_written(hub: Hub) -> None:
    data = {"y": [True, False, True, None, False], "p": ["true", "False", "FALSE", "true", "true"]}
    found = hub.evaluate(data, target="y", prediction="p", classes=[False, True])
    assert found.confusion == [[1, 1], [1, 1]]
    numbers = {"y": [0.0, 1.0, float("nan"), 1.0], "p": [0, 1, 1, 0]}
    found = hub.evaluate(numbers, target="y", prediction="p", classes=[0, 1])
    assert found.confusion == [[1, 0], [1, 1]]
    assert found.left_out == {"have no value in `y`": 1}


def test_probabilities_that_are_none_are_left_out(hub: Hub) -> None:
    given = [0.2, 1.2, -0.1, float("nan"), None, float("inf"), 0.9]
    found = hub.evaluate(
        {"y": ["no", "yes"] * 3 + ["yes"], "p": given}, target="y", probabilities=["p"], classes=["no", "yes"]
    )
    assert found.left_out == {
        "have no prediction": 1,
        "have probabilities that are none: outside 0 to 1, or not adding up to 1": 4,
    }
    assert found.confusion == [[1, 0], [0, 1]]


def test_two_rows_and_one_class_have_figures_and_reasons(hub: Hub) -> None:
    found = hub.evaluate({"y": ["no", "no"], "p": [0.1, 0.7]}, target="y", probabilities=["p"], classes=["no", "yes"])
    assert found.metrics["accuracy"].value == 0.5
    auc, recall = found.metrics["roc_auc"], found.metrics["recall"]
    assert (auc.value, auc.reason) == (None, "all rows have the same actual class")
    assert (recall.value, recall.reason) == (None, "no row is of the class")
    json.dumps(found.to_json(), allow_nan=False)


BAD: dict[str, tuple[dict[str, Any], type[Exception], str]] = {
    "no such target": ({"target": "lat"}, InvalidInput, "the target `lat` is no column of the data; did you mean `late`"),
    "no target": ({}, InvalidInput, "the target is not known"),
    "a target that is no class": ({"target": "carrier"}, InvalidInput, "`carrier` holds none of the classes no, yes, but AA"),
    "everything at once": (
        {"target": "late", "weight": "w", "segments": ["carier", "distance:5,x"], "key": ["id"]},
        InvalidInput,
        "the weight `w` is no column.*the key `id`.*is no column.*the segment `carier`.*did you mean `carrier`.*edges that are no",
    ),
    "a weight of text": ({"target": "late", "weight": "carrier"}, InvalidInput, "weights are numbers"),
    "a threshold of 2": ({"target": "late", "threshold": 2.0}, InvalidInput, "the threshold 2 is no probability"),
    "another task": ({"target": "late", "task": "regression"}, InvalidInput, "`numbers:1` is binary, and not regression"),
    "other classes": ({"target": "late", "classes": ["a", "b"]}, InvalidInput, "the classes of `numbers:1` are no, yes"),
    "edges of a text": ({"target": "late", "segments": ["carrier:1,2"]}, InvalidInput, "has edges, and is no number"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_what_is_wrong_is_told(hub: Hub, rows: Path, case: str) -> None:
    options, kind, message = BAD[case]
    with pytest.raises(kind, match=message):
        hub.evaluate("numbers", rows, **options)
    assert list(hub.runs()) == []
    assert list(hub.evaluations()) == []


def test_a_segment_of_too_many_values_ends_it(hub: Hub, rows: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"`n × late` has [\d,]+ values in the first 10,000 rows"):
        hub.evaluate("numbers", rows, target="late", segments=[["n", "late"]])
    assert list(hub.runs()) == []
    table = labelled()
    n = np.arange(ROWS)
    pq.write_table(table.append_column("late_id", pa.array(np.where(n < 10_000, 0, n))), tmp_path / "later.parquet")
    with pytest.raises(RunFailed, match=r"`late_id × late` has more than 200 values") as caught:
        hub.evaluate("numbers", tmp_path / "later.parquet", target="late", segments=[["late_id", "late"]])
    assert "cross columns of fewer values" in caught.value.hint
    assert caught.value.hint.endswith("then evaluate again")
    assert list(hub.evaluations()) == []


def test_what_is_wrong_with_scored_data_is_told(hub: Hub) -> None:
    with pytest.raises(InvalidInput, match="no column `prediction`"):
        hub.evaluate({"y": [1]}, target="y")
    with pytest.raises(InvalidInput, match="lacks `p`"):
        hub.evaluate({"y": [1]}, target="y", prediction="p")
    with pytest.raises(InvalidInput, match="the classes are not known"):
        hub.evaluate({"y": ["a"], "p": ["a"]}, target="y", prediction="p", task="binary")
    with pytest.raises(InvalidInput, match="whether the predictions are classes or numbers is not known"):
        hub.evaluate({"y": [1], "p": [1]}, target="y", prediction="p")
    with pytest.raises(InvalidInput, match="3 columns of probabilities do not fit 2 classes"):
        data = {"y": ["a"], "p": [0.5], "q": [0.5], "r": [0.0]}
        hub.evaluate(data, target="y", probabilities=["p", "q", "r"], classes=["a", "b"])
    with pytest.raises(InvalidInput, match="nothing to evaluate"):
        hub.evaluate()
    assert list(hub.runs()) == []


def test_nothing_to_measure_is_no_evaluation(hub: Hub) -> None:
    for data, message in (
        ({"y": pa.nulls(3, pa.string()), "p": [0.1, 0.2, 0.3]}, "not one of 3 rows can be evaluated: 3 rows have no value in `y`"),
        ({"y": ["a", "b"], "p": [0.1, 0.2], "w": [0.0, 0.0]}, "all weights in `w` are 0"),
    ):  # fmt: skip
        table = pa.table(data)
        weight = "w" if "w" in table.column_names else None
        with pytest.raises(RunFailed, match=message):
            hub.evaluate(table, target="y", probabilities=["p"], classes=["a", "b"], weight=weight)
    assert list(hub.evaluations()) == []
    assert {r.status for r in hub.runs()} == {"failed"}


def test_a_model_that_the_data_do_not_fit(hub: Hub) -> None:
    with pytest.raises(SignatureMismatch, match="`n`"):
        hub.evaluate("numbers", {"m": [1], "late": ["no"]}, target="late")
    with pytest.raises(DatasetError, match="no rows"):
        hub.evaluate(
            "numbers", pa.table({"n": pa.array([], pa.int64()), "late": pa.array([], pa.string())}), target="late"
        )
    found = hub.evaluate(
        "numbers", {"number": [1, 1_000], "late": ["no", "yes"]}, target="late", mapping={"n": "number"}
    )
    assert found.confusion == [[1, 0], [0, 1]]


def test_a_threshold_gives_other_labels_and_the_versions_own_is_kept(hub: Hub, rows: Path) -> None:
    plain = hub.evaluate("numbers", rows, target="late")
    strict = hub.evaluate("numbers", rows, target="late", threshold=0.9)
    assert strict.metrics["precision"] == plain.at(0.9)["precision"]
    assert (plain.record.threshold, strict.record.threshold) == (None, 0.9)
    hub.set_threshold("numbers", 0.2)
    later = hub.evaluate("numbers", rows, target="late")
    assert (later.record.threshold, hub.evaluation(plain.id).record.threshold) == (0.2, None)
    assert later.metrics["recall"] == plain.at(0.2)["recall"]
    assert hub.evaluation(plain.id).metrics.to_json() == plain.metrics.to_json(), "what is stored is never rewritten"
    with pytest.raises(InvalidInput, match="no probability"):
        plain.at(2)


def test_requirements_are_met_or_tell_why_not(hub: Hub, rows: Path) -> None:
    found = hub.evaluate("numbers", rows, target="late", segments=["carrier"])
    told = found.require(
        "roc_auc>=0.6", "roc_auc.low > 0.99", "accuracy<=1 for carrier=AA", "accuracy>0 for carrier=ZZ", "ks.low>0"
    )
    assert [v.passed for v in told] == [True, False, True, False, False]
    assert "and 0.99 is asked for" in told[1].reason
    assert told[3].reason == "no row has carrier=ZZ"
    assert "ks has no low" in told[4].reason
    with pytest.raises(InvalidInput, match=r"there is no metric `roc`.*`tier` was no segment"):
        found.require("roc>=1", "accuracy>1 for tier=x")
    for text in ("roc_auc is good", None, 5, ["roc_auc>=0.6"]):
        with pytest.raises(InvalidInput, match="is no requirement"):
            found.require(text)  # type: ignore[arg-type]  # as somebody may do without types
    assert found.verdicts == []


def test_what_is_said_to_a_model_that_is_not_asked_is_refused(hub: Hub) -> None:
    table = pa.table({"y": [0, 1] * 20, "p": [0.2, 0.7] * 20})
    with pytest.raises(InvalidInput) as caught:
        hub.evaluate(table, target="y", probabilities=["p"], classes=[0, 1], params={"depth": 3}, mapping={"y": "p"})
    assert caught.value.message == (
        "no model is asked, as the data are scored already: the parameter `depth`, the mapping of `y` would change nothing"
    )
    scored = pa.table({"late": ["no", "yes"] * 20, "p": [0.2, 0.7] * 20})
    with pytest.raises(InvalidInput, match="the parameter `depth` would change nothing"):
        hub.evaluate("numbers", scored, target="late", probabilities=["p"], params={"depth": 3})


def test_rows_are_required_too(hub: Hub) -> None:
    """Actual values that are not known yet leave out all but a few rows, of which the figures may be good."""
    p = np.arange(1_000) / 10.0
    known = pa.array(np.zeros(1_000, int), mask=p > 1)
    table = pa.table({"y": known, "p": np.minimum(p, 1), "part": np.where(p <= 0.5, "low", "high")})
    found = hub.evaluate(table, target="y", probabilities=["p"], classes=[0, 1], segments=["part"])
    assert found.record.counted == 11
    told = found.require(
        "accuracy>=0.3",
        "rows>=1000",
        "rows<=11",
        "counted>=0.99",
        "counted<0.02",
        "rows>5 for part=low",
        "rows>5 for part=high",
    )
    assert [v.passed for v in told] == [True, False, True, False, True, True, False]
    assert [v.value for v in told[1:]] == [11, 11, 0.011, 0.011, 6, 5]
    assert (told[1].reason, told[3].reason) == (
        "rows is 11, and 1000 is asked for",
        "counted is 0.0110, and 0.99 is asked for",
    )
    with pytest.raises(InvalidInput) as caught:
        found.require("rows.low>=5", "rows:y>=5", "counted>=0.9 for part=low", "rows>=5 for part")
    assert caught.value.message.split("; ") == [
        "`rows` is a count, which has no interval: write `rows>=5`",
        "`y` is no label and no target: this evaluation has one output",
        "`counted` is the share of all rows that are measured, which is not known of a part: write `rows>=N for …`",
        "`rows` is of one part of the rows: write `rows>=5 for part=VALUE`",
    ]
    hub.evaluate(table, target="y", probabilities=["p"], classes=[0, 1], require=["counted>=0.5", "rows>=1"])


def test_requirements_are_looked_at_before_anything_is_counted(hub: Hub, rows: Path) -> None:
    good = ("roc_auc>=0.6", "recall>=0.99", "accuracy>0 for carrier=ZZ")
    wrong = ("roc>=1", "good enough", "f2_score>=0 for tier=x", "selection_rate>0 for origin", "f1:yes>0")
    with pytest.raises(InvalidInput) as caught:
        hub.evaluate("numbers", rows, target="late", segments=["carrier"], require=[*good, *wrong])
    assert caught.value.message.split("; ") == [
        "there is no metric `roc`",
        "did you mean `roc_auc`?",
        "`good enough` is no requirement",
        "there is no metric `f2_score`",
        "`tier` was no segment of this evaluation: they are `carrier`",
        "`origin` was no protected column of this evaluation: they are none",
        "`yes` is no label and no target: this evaluation has one output",
    ]
    with pytest.raises(InvalidInput, match="known only when the evaluation is done"):
        hub.evaluate("numbers", rows, target="late", require="f1>0", wait=False)
    assert list(hub.runs()) == []
    found = hub.evaluate("numbers", rows, target="late", segments=["carrier"], require=good)
    assert found.verdicts == found.require(*good)
    assert [v.passed for v in found.verdicts] == [True, False, False]


@pytest.mark.parametrize(
    ("data", "asked"),
    [
        ({"probability_no": 1 - _SHARE, "probability_yes": _SHARE, "y": _YES}, {"costs": [[0, 1], [5, 0]]}),
        ({"prediction": _YES, "y": _YES[::-1]}, {}),
        ({"prediction": ["a", "b", "c", "c"] * 50, "y": ["a", "b", "c", "a"] * 50}, {"classes": ["a", "b", "c"]}),
        ({"prediction": _SHARE * 2, "y": _SHARE}, {}),
        ({"prediction": _SHARE, "y": _SHARE, "prediction_low": _SHARE, "prediction_high": _SHARE + 1}, {"level": 0.9}),
        (
            {"p": _SHARE, "q": 1 - _SHARE, "y": _YES, "z": ~_YES},
            {"task": "multilabel", "target": ["y", "z"], "probabilities": ["p", "q"], "classes": ["y", "z"]},
        ),
    ],
    ids=["probabilities", "labels", "classes", "numbers", "intervals", "multilabel"],
)
def test_what_an_evaluation_will_have_is_known_before(hub: Hub, data: dict[str, Any], asked: dict[str, Any]) -> None:
    groups = {} if asked.get("task") == "multilabel" else {"protected": ["g"]}
    table = {**data, "g": ["u", "v"] * 100}
    found = hub.evaluate(table, **{"target": "y", "segments": ["g"], **groups, **asked})
    nothing = Evaluation(found.record, EvaluationProfile.of_nothing(found.profile.question))

    def names(of: Evaluation) -> set[frozenset[str]]:
        every: list[Mapping[str, object]] = [of.metrics, *of.segments["g"].values()]
        every += [one.metrics for one in of.outputs.values()]
        for fair in of.fairness.values():
            every += [fair.measures, *fair.values()]
        return {frozenset(figures) for figures in every}

    assert names(nothing) == names(found)


def test_one_that_is_cancelled_leaves_nothing(hub: Hub, tmp_path: Path) -> None:
    pq.write_table(labelled(1_000_000), tmp_path / "many.parquet")
    cancelled: list[str] = []

    def watch(progress: Progress) -> None:
        if not cancelled:
            cancelled.append(hub.cancel(progress.run).id)

    with pytest.raises(RunCancelled):
        hub.evaluate("numbers", tmp_path / "many.parquet", target="late", watch=watch)
    assert [r.status for r in hub.runs()] == ["cancelled"]
    assert list(hub.evaluations()) == []


def test_one_in_the_background_names_its_evaluation(hub: Hub, rows: Path) -> None:
    run = hub.evaluate("numbers", rows, target="late", wait=False)
    assert isinstance(run, Run)
    ended = hub.wait(run.id)
    assert hub.evaluation(str(ended.summary["evaluation"])).record.counted == ROWS


def test_data_that_change_meanwhile_fail_it_and_it_is_begun_again(hub: Hub, rows: Path) -> None:
    before = rows.stat()
    touched = threading.Event()

    def touch(_: Progress) -> None:
        os.utime(rows, (0, 0))
        touched.set()

    with pytest.raises(RunFailed, match="was changed while it was evaluated") as caught:
        hub.evaluate("numbers", rows, target="late", watch=touch)
    run = str(caught.value.details["run"])
    with pytest.raises(RunFailed, match="has changed since it began"):
        hub.resume(run)
    os.utime(rows, ns=(before.st_atime_ns, before.st_mtime_ns))
    ended = hub.resume(run)
    assert hub.evaluation(str(ended.summary["evaluation"])).record.counted == ROWS
    with pytest.raises(Conflict, match="done already"):
        hub.resume(run)


def test_a_task_without_figures_says_so(hub: Hub, tmp_path: Path) -> None:
    model = tmp_path / "words.py"
    model.write_text("INPUT = 'arrow'\n\n\ndef predict(data):\n    return [str(v) for v in data['n'].to_pylist()]\n")
    hub.register("words", model, task="other", sample={"n": [1, 2]})
    with pytest.raises(NotApplicable, match="the task `other` has no figures"):
        hub.evaluate("words", {"n": [1], "y": ["1"]}, target="y")


def _same(one: Evaluation, other: Evaluation) -> bool:
    return one.metrics.to_json() == other.metrics.to_json()


def test_collecting_keeps_what_an_evaluation_needs(hub: Hub, rows: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = hub.evaluate("numbers", rows, target="late")
    age: Callable[[Path], None] = lambda file: os.utime(file, (0, 0))  # noqa: E731  # older than any retention
    for file in hub.folder.rglob("*"):
        if file.is_file() and "blobs" in file.parts:
            age(file)
    hub.collect()
    assert _same(hub.evaluation(found.id), found)


def test_a_profile_that_was_collected_meanwhile_makes_no_record(
    hub: Hub, rows: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put = hub._blobs.put

    def collected(source: Path | bytes) -> str:
        digest = put(source)
        hub._blobs.delete(digest)
        return digest

    monkeypatch.setattr(hub._blobs, "put", collected)
    with pytest.raises(RunFailed, match="the profile went while it was recorded"):
        hub.evaluate("numbers", rows, target="late")
    assert list(hub.evaluations()) == []
    assert [r.status for r in hub.runs()] == ["failed"]


def test_what_decisions_cost(hub: Hub, rows: Path) -> None:
    costs = [[0.0, 1.0], [5.0, 0.5]]
    found = hub.evaluate("numbers", rows, target="late", segments=["carrier"], costs=costs)
    actual, score = _scores(pq.read_table(rows))
    at = {t: float(np.where(actual, np.where(score >= t, 0.5, 5), score >= t).mean()) for t in (0.5, 0.3)}
    told = found.metrics["cost"]
    assert told.value == pytest.approx(
        at[0.5], abs=1e-3
    )  # the label of the model stands, which is its own at exactly 0.5
    assert told.low is not None
    assert found.at(0.3)["cost"].value == pytest.approx(at[0.3], abs=1e-12)
    assert found.segments["carrier"]["AA"]["cost"].value is not None
    assert {"cost", "confusion_by_cost"} <= set(found.charts)
    assert found.best("cost") == found.best(costs)
    assert found.record.metrics["cost"] == told.value
    assert hub.evaluation(found.id).to_json() == found.to_json()
    assert found.dummy["cost"] == pytest.approx(min(5 * actual.mean(), (~actual).mean() + 0.5 * actual.mean()))
    assert found.require("cost<=100 for carrier=AA")[0].passed
    again = hub.compare([found.id, "numbers:1"])
    assert again.contests[0].differences["cost"].value == 0
    plain = hub.evaluate("numbers", rows, target="late")
    assert "cost" not in plain.metrics
    assert "cost" not in hub.compare([found.id, plain.id]).contests[0].differences
    with pytest.raises(InvalidInput, match="was given no costs"):
        plain.best("cost")
    with pytest.raises(InvalidInput, match=r"`weigh` is no column.*the cost matrix has the shape \(1, 2\)"):
        hub.evaluate("numbers", rows, target="late", weight="weigh", costs=[[0, 1]])


MODEL = Path(__file__).with_name("numbers_model.py")


def test_one_act_registers_evaluates_and_chooses_the_threshold(hub: Hub, rows: Path) -> None:
    made = hub.register("numbers", MODEL, sample={"n": [1]}, target="late", evaluate=rows, optimise="f1")
    (record,) = hub.evaluations()
    assert (record.ref, record.threshold) == (made.ref, None)
    actual, score = _scores(pq.read_table(rows))
    best = max(sk.f1_score(actual, score >= t) for t in np.unique(score))
    assert made.threshold is not None
    assert sk.f1_score(actual, score >= made.threshold) == pytest.approx(best, abs=1e-12)
    events = [e for e in hub.events() if e.reason.startswith("best for f1 in evaluation")]
    assert len(events) == 1
    later = hub.optimise(made.ref, record.id, "recall>=0.9")
    assert later.threshold is not None
    assert sk.recall_score(actual, score >= later.threshold) >= 0.9
    assert hub.evaluation(record.id).record.threshold is None


def test_what_stands_in_the_way_of_one_act_registers_nothing(hub: Hub, rows: Path) -> None:
    before = [v.ref for v in hub.versions()]
    for more, message in (
        ({"optimise": "f1"}, "a threshold is optimised on labelled data"),
        ({"evaluate": rows}, "the target is not known"),
        ({"evaluate": rows, "target": "lat"}, "the target `lat` is no column of the data; did you mean `late`"),
        ({"evaluate": rows, "target": "late", "optimise": "bogus"}, "no goal `bogus`"),
        (
            {"evaluate": rows, "target": "lat", "optimise": "f11"},
            "the target `lat` .*; no goal `f11`; did you mean `f1`",
        ),
        ({"evaluate": rows, "target": "late", "optimise": "recall>=2"}, "`2` in `recall>=2` is out of range"),
        (
            {"evaluate": rows, "target": "late", "optimise": "alerts<=1e999"},
            "`1e999` in `alerts<=1e999` is out of range",
        ),
        ({"evaluate": rows, "target": "late", "optimise": "precision<=0.5"}, "limits precision from the wrong side"),
        ({"evaluate": rows, "target": "late", "optimise": "[[0, 1]]"}, r"the cost matrix has the shape \(1, 2\)"),
        ({"evaluate": rows, "target": "late", "optimise": [[0, 1], [2]]}, "the cost matrix is not made of numbers"),
        ({"evaluate": rows, "target": "late", "optimise": "[[0, 1"}, "is no cost matrix"),
        ({"evaluate": rows, "target": "late", "optimise": "cost"}, "`cost` is a goal with costs, and there are none"),
    ):
        with pytest.raises(InvalidInput, match=message):
            hub.register("numbers", MODEL, sample={"n": [1]}, **more)
    assert [v.ref for v in hub.versions()] == before
    other = hub.evaluate("numbers:1", rows, target="late")
    made = hub.register("numbers", MODEL, sample={"n": [1]})
    if made.digest != hub.version("numbers:1").digest:
        with pytest.raises(InvalidInput, match="is of numbers:1, and not of"):
            hub.optimise(made.ref, other.id)
    with pytest.raises(NotApplicable, match="no threshold is best"):
        hub.optimise("numbers:1", other.id, "alerts<=0")


def test_data_of_one_class_choose_no_threshold(hub: Hub, tmp_path: Path) -> None:
    table = labelled(300)
    pq.write_table(table.filter(pa.compute.equal(table["late"], "no")), tmp_path / "one.parquet")
    with pytest.raises(RunFailed, match="but: no threshold is best for `f1`: no row is of the class"):
        hub.register(
            "numbers", MODEL, sample={"n": [1]}, target="late", evaluate=tmp_path / "one.parquet", optimise="f1"
        )
    assert hub.version("numbers:2").threshold is None


def test_columns_of_probabilities_are_told_by_their_classes(hub: Hub) -> None:
    """Whatever their order in the data is."""
    p = np.random.default_rng(2).random(400)
    late = np.where(np.random.default_rng(3).random(400) < p, "yes", "no")
    table = {"late": late, "prediction": np.where(p > 0.5, "yes", "no"), "probability_yes": p, "probability_no": 1 - p}
    found = hub.evaluate(pa.table(table), target="late", classes=["no", "yes"])
    assert found.metrics["roc_auc"].value == pytest.approx(sk.roc_auc_score(late == "yes", p))
