"""Metrics of the user's own from end to end, with their code in workers."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sklearn import metrics as sk

import muster
from muster.errors import InvalidInput, MetricFailed, MetricNotFound, NotApplicable, RunFailed
from muster.hub import Hub
from tests.hub.test_evaluate import ROWS, labelled

PROFIT = """
import pyarrow.compute as pc

INPUT = "arrow"


def profit(data):
    right = pc.equal(data["target"], data["prediction"])
    gain = pc.if_else(right, pc.divide(pc.cast(data["distance"], "double"), 100.0), -20.0)
    return pc.if_else(pc.is_null(data["carrier"]), None, gain)
"""
YOUDEN = """
def metric(counted):
    (tn, fp), (fn, tp) = counted["confusion"]
    return tp / (tp + fn) + tn / (tn + fp) - 1
"""
ODD = """
import os
import time

INPUT = "arrow"


def metric(data):
    n = len(data)
    what = data["what"][0].as_py()
    if what == "raise":
        raise ValueError("no such luck")
    if what == "die":
        os._exit(7)
    if what == "hang":
        time.sleep(60)
    return {"few": [1.0], "inf": [float("inf")] * n, "text": ["a"] * n, "pid": [os.getpid()] * n}[what]
"""


@pytest.fixture(scope="module")
def metered(made: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A hub with `numbers:1`, and the metrics `profit`, `youden` and `odd`."""
    folder = tmp_path_factory.mktemp("metered")
    shutil.copytree(made, folder / "hub")
    for name, text in {"profit": PROFIT, "youden": YOUDEN, "odd": ODD}.items():
        (folder / f"{name}.py").write_text(text)
    with muster.open(folder / "hub") as hub:
        hub.register_metric("profit", folder / "profit.py", better="higher", title="Profit a flight")
        hub.register_metric("youden", folder / "youden.py", kind="profile", better="higher", within=(-1, 1))
        hub.register_metric("odd", folder / "odd.py")
    return folder


@pytest.fixture
def hub(metered: Path, tmp_path: Path) -> Iterator[Hub]:
    shutil.copytree(metered / "hub", tmp_path / "hub")
    with muster.open(tmp_path / "hub", score__chunk_rows=4_096, worker__call_seconds=3) as opened:
        yield opened


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    file = tmp_path / "labelled.parquet"
    pq.write_table(labelled(), file, row_group_size=3_000)
    return file


def _gains(table: pa.Table) -> Any:
    """Of each row; NaN where it is not counted."""
    p = (table["n"].to_numpy() & 1023) / 1023.0
    right = np.where(p > 0.5, "yes", "no") == table["late"].to_numpy()
    gain = np.where(right, table["distance"].to_numpy() / 100, -20.0)
    return np.where(np.asarray(table["carrier"].is_null()), np.nan, gain)


def test_they_stand_beside_those_of_muster(hub: Hub, rows: Path, tmp_path: Path) -> None:
    asked: dict[str, Any] = {"target": "late", "weight": "weight", "segments": ["carrier"]}
    found = hub.evaluate("numbers", rows, **asked, metrics=["profit", "youden"], output=tmp_path / "out.parquet")
    table = pq.read_table(rows)
    gains, weight = _gains(table), table["weight"].to_numpy()
    some = ~np.isnan(gains)
    profit, youden = found.metrics["profit"], found.metrics["youden"]
    assert profit.value == pytest.approx(np.average(gains[some], weights=weight[some]), abs=1e-10)
    assert (profit.rows, profit.method) == (some.sum(), "jackknife")
    assert profit.low is not None
    assert profit.high is not None
    assert profit.low < profit.value < profit.high
    values = [found.metrics[n].value for n in ("recall", "specificity")]
    assert youden.value == pytest.approx(sum(v for v in values if v is not None) - 1, abs=1e-12)
    assert youden.low is not None
    assert youden.low < youden.value
    part = found.segments["carrier"]["AA"]
    of = np.asarray(table["carrier"].to_pylist()) == "AA"
    assert part["profit"].value == pytest.approx(np.average(gains[of], weights=weight[of]), abs=1e-10)
    assert (part["profit"].low, part["profit"].reason) == (None, "no folds of the rows are kept for it")
    assert part["youden"].value is not None
    missing = found.segments["carrier"]["missing"]["profit"]
    assert (missing.value, missing.reason) == (None, "it gave no row a number")
    plain = hub.evaluate("numbers", rows, **asked)
    assert {n: f for n, f in found.metrics.items() if n in plain.metrics} == dict(plain.metrics), "nothing else changes"
    assert pq.read_table(tmp_path / "out.parquet").num_rows == ROWS


def test_their_history_has_their_figures(hub: Hub, rows: Path) -> None:
    found = hub.evaluate("numbers", rows, target="late", metrics=["profit", "youden"])
    hub.evaluate("numbers", rows, target="late")
    one, without = hub.history("numbers", metrics=["profit", "youden", "f1"])
    assert one.figures["profit"].value is not None
    assert {n: one.figures[n] for n in ("profit", "youden", "f1")} == {
        n: found.metrics[n] for n in ("profit", "youden", "f1")
    }
    assert (without.figures["profit"].value, without.figures["f1"]) == (None, found.metrics["f1"])


def test_they_are_kept_told_and_required(hub: Hub, rows: Path, tmp_path: Path) -> None:
    found = hub.evaluate("numbers", rows, target="late", metrics=["profit", "youden:1"], segments=["carrier"])
    again = hub.evaluation(found.id)
    assert again.to_json() == found.to_json()
    json.dumps(found.to_json(), allow_nan=False)
    assert found.record.custom == {n: hub.metric(n).digest for n in ("profit", "youden")}
    assert found.record.metrics["profit"] == found.metrics["profit"].value
    verdicts = found.require("profit>=-100", "youden.low>0.99", "profit>=1000 for carrier=AA")
    assert [v.passed for v in verdicts] == [True, False, False]
    found.report(tmp_path / "report.md")
    report = (tmp_path / "report.md").read_text()
    assert "| profit |" in report
    assert "| AA |" in report.partition("## By carrier")[2]
    assert "profit" in report.partition("## By carrier")[2].partition("\n\n")[2].splitlines()[2]
    assert "profit" not in found.at(0.3), "it was told of the labels as they were"


def test_the_code_runs_in_another_process_and_in_its_own_environment(hub: Hub) -> None:
    data = {"y": ["a", "b"] * 60, "p": ["a", "a"] * 60, "what": ["pid"] * 120}
    found = hub.evaluate(data, target="y", prediction="p", classes=["a", "b"], metrics=["odd"])
    assert found.metrics["odd"].value not in (None, float(os.getpid()))
    environment = hub.metric("odd").environment
    assert environment.lock is not None
    assert [r[:7] for r in environment.requirements] == ["pyarrow"], "and nothing else"


WRONG = {
    "raise": "the metric `odd` failed: ValueError: no such luck",
    "die": "the metric `odd`'s process ended while it predicted: exit code 7",
    "hang": "the metric `odd` did not predict within 3 s",
    "few": "the metric `odd` returned 1 values for 100 rows",
    "inf": "the metric `odd` returned inf",
    "text": "the metric `odd` returned values of type string",
}


@pytest.mark.parametrize("what", WRONG)
def test_one_that_fails_ends_the_evaluation_with_its_name(hub: Hub, tmp_path: Path, what: str) -> None:
    data = {"y": ["a", "b"] * 50, "p": ["a", "a"] * 50, "what": [what] * 100}
    asked: dict[str, Any] = {"target": "y", "prediction": "p", "classes": ["a", "b"], "metrics": ["odd"]}
    with pytest.raises(RunFailed) as caught:
        hub.evaluate(data, **asked, output=tmp_path / "out.parquet")
    assert WRONG[what] in caught.value.message
    assert caught.value.details["type"] == "MetricFailed"
    assert caught.value.details["metric"] == "odd:1"
    assert "resume" not in caught.value.hint
    assert [r.status for r in hub.runs()] == ["failed"]
    assert list(hub.evaluations()) == []
    assert [p.name for p in tmp_path.iterdir()] == ["hub"]


def test_functions_are_registered_as_they_are(hub: Hub) -> None:
    bar = 2.0

    def within(data: Any) -> Any:
        return (data["prediction"] - data["target"]).abs() < bar

    def spread(counted: Any) -> Any:
        return None if counted["rows"] < 150 else counted["means"]["error"]

    assert hub.register_metric("within", within, within=(0, 1)).ref == "within:1"
    hub.register_metric("spread", spread, kind="profile")
    chance = np.random.default_rng(3)
    y = chance.normal(10, 5, 500)
    p = y + chance.normal(0.3, 2, 500)
    part = np.where(np.arange(500) < 100, "few", "many")
    data = pa.table({"y": y, "p": p, "part": part})
    found = hub.evaluate(data, target="y", prediction="p", metrics=["within", "spread"], segments=["part"])
    near = found.metrics["within"]
    assert near.value == pytest.approx((np.abs(p - y) < 2).mean())
    assert near.high is not None
    assert near.high <= 1
    assert found.metrics["spread"].value == pytest.approx((p - y).mean())
    few = found.segments["part"]["few"]["spread"]
    assert (few.value, few.reason) == (None, "it gave no number")


def test_another_function_is_the_next_number_and_the_same_one_the_same(hub: Hub, metered: Path, tmp_path: Path) -> None:
    again = hub.register_metric("profit", metered / "profit.py", better="higher", title="Profit a flight")
    assert again == hub.metric("profit")
    events = [e.action for e in hub.events(["subject=metric/profit:1"])]
    assert events == ["metric.created"]
    (tmp_path / "profit.py").write_text(PROFIT.replace("20.0", "30.0"))
    second = hub.register_metric("profit", tmp_path / "profit.py", better="higher")
    assert (second.ref, hub.metric("profit").number, hub.metric("profit:1").digest) == ("profit:2", 2, again.digest)
    assert [m.ref for m in hub.metrics(["name=profit"])] == ["profit:1", "profit:2"]
    assert hub.metric(second.id) == second
    with pytest.raises(InvalidInput, match="`profit` is asked for with two numbers"):
        hub.evaluate({"y": [1.0], "p": [1.0]}, target="y", prediction="p", metrics=["profit:1", "profit"])


def test_versions_are_compared_by_them_too(hub: Hub, rows: Path, tmp_path: Path) -> None:
    hub.set_threshold("numbers:1", None)
    one = hub.evaluate("numbers", rows, target="late", metrics=["profit", "youden"])
    other = hub.evaluate("numbers", rows, target="late", threshold=0.2, metrics=["profit", "youden"])
    (contest,) = hub.compare([one.id, other.id]).contests
    assert contest.paired
    for name in ("profit", "youden"):
        found = contest.differences[name]
        values = [e.metrics[name].value for e in (one, other)]
        assert found.value == pytest.approx(float(values[1] or 0) - float(values[0] or 0), abs=1e-12)
        assert found.low is not None
        assert found.high is not None
        assert found.low < float(found.value or 0) < found.high
    (tmp_path / "profit.py").write_text(PROFIT.replace("20.0", "30.0"))
    hub.register_metric("profit", tmp_path / "profit.py")
    later = hub.evaluate("numbers", rows, target="late", metrics=["profit"], segments=["carrier"])
    (contest,) = hub.compare([one.id, later.id]).contests
    assert contest.differences["profit"].reason == "`profit` is another function in each of the two"
    assert "youden" not in contest.differences
    (contest,) = hub.compare([later.id, "numbers:1"]).contests
    assert contest.differences["profit"].value == 0, "evaluated with the same number of it"


def test_evaluations_outlive_the_metric(hub: Hub, rows: Path, tmp_path: Path) -> None:
    found = hub.evaluate("numbers", rows, target="late", metrics=["profit"])
    digest = hub.metric("profit").digest
    hub.delete_metric("profit", reason="counted twice")
    with pytest.raises(MetricNotFound, match="no metric is registered as `profit`"):
        hub.metric("profit")
    event = next(iter(hub.events(["subject=metric/profit:1"])))
    assert (event.action, event.reason) == ("metric.removed", "counted twice")
    assert hub.evaluation(found.id).metrics["profit"] == found.metrics["profit"]
    (contest,) = hub.compare([found.id, "numbers:1"]).contests
    assert contest.left_out["profit"].endswith(" lacks it")
    assert contest.differences["accuracy"].value == 0
    place = tmp_path / "hub"
    hub.close()
    with muster.open(place, retention__unused_hours=0) as opened:
        opened.collect()
        assert opened._blob_store().has(digest), "an evaluation rests on it"
        opened.delete_evaluation(found.id)
        opened.collect()
        assert not opened._blob_store().has(digest)
        assert opened.register_metric("profit", _file(tmp_path)).ref == "profit:2", "numbers are never used again"


def _file(folder: Path) -> Path:
    (folder / "profit.py").write_text(PROFIT)
    return folder / "profit.py"


def test_they_are_backed_up_and_kept_by_collecting(hub: Hub, rows: Path, tmp_path: Path) -> None:
    hub.collect()
    made = hub.backup(tmp_path / "backup")
    assert made.missing == ()
    with muster.open(tmp_path / "other") as other:
        other.restore(tmp_path / "backup")
        assert list(other.metrics()) == list(hub.metrics())
        found = other.evaluate("numbers", rows, target="late", metrics=["profit", "youden"])
        assert found.metrics["profit"].value is not None
    digest = hub.metric("youden").digest
    hub._blob_store().delete(digest)
    assert hub.backup(tmp_path / "later").missing == (digest,), "what is lost is told"


REFUSED: dict[str, tuple[str, str, dict[str, Any], str]] = {
    "a name": ("Profit", PROFIT, {}, "`Profit` cannot name a metric"),
    "a metric of Muster": ("roc_auc", PROFIT, {}, "`roc_auc` is a metric of Muster"),
    "a metric of numbers": ("rmse", PROFIT, {}, "`rmse` is a metric of Muster"),
    "a metric of labels": ("f1_samples", PROFIT, {}, "`f1_samples` is a metric of Muster"),
    "a mean over targets": ("mae_uniform_average", PROFIT, {}, "is a metric of Muster"),
    "a rate of groups": ("selection_rate", PROFIT, {}, "`selection_rate` is a metric of Muster"),
    "the cost": ("cost", PROFIT, {}, "`cost` is a metric of Muster"),
    "all at once": (
        "a-b", PROFIT, {"kind": "row", "better": "more", "within": (1, 0)},
        "cannot name a metric.*is no kind of metric.*cannot be better.*has two ends",
    ),
    "no function": ("gain", PROFIT, {}, "defines no function `gain` or `metric`"),
    "an asynchronous one": ("gain", "async def gain(data):\n    return 1\n", {}, "is asynchronous"),
    "no argument": ("gain", "def gain():\n    return 1\n", {}, "takes no data"),
    "no Python": ("gain", "def gain(data:\n", {}, "is not Python"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_registered_is_refused(hub: Hub, tmp_path: Path, case: str) -> None:
    name, text, options, message = REFUSED[case]
    (tmp_path / "gain.py").write_text(text)
    with pytest.raises(InvalidInput, match=message):
        hub.register_metric(name, tmp_path / "gain.py", **options)
    assert [m.name for m in hub.metrics()] == ["odd", "profit", "youden"]


def test_one_that_does_not_load_is_not_registered(hub: Hub, tmp_path: Path) -> None:
    (tmp_path / "gain.py").write_text("raise RuntimeError('not here')\n\n\ndef gain(data):\n    return data\n")
    with pytest.raises(MetricFailed, match="the metric `gain` does not load: RuntimeError: not here"):
        hub.register_metric("gain", tmp_path / "gain.py")
    with pytest.raises(InvalidInput, match="there is no Python file at"):
        hub.register_metric("gain", tmp_path / "none.py")
    with pytest.raises(InvalidInput, match="an object of type int is no metric"):
        hub.register_metric("gain", 3)
    assert [m.name for m in hub.metrics()] == ["odd", "profit", "youden"]


def test_columns_that_would_pass_for_what_the_evaluation_gives_are_kept_from_it(hub: Hub, tmp_path: Path) -> None:
    (tmp_path / "seen.py").write_text(
        "INPUT = 'arrow'\n\n\ndef seen(data):\n"
        "    assert data.column_names == WANTED, data.column_names\n    return [1.0] * len(data)\n"
    )
    text = (tmp_path / "seen.py").read_text()
    cases: list[tuple[str | None, list[str]]] = [
        (None, ["target", "prediction", "probabilities", "n", "late"]),
        ("w", ["target", "prediction", "probabilities", "weight", "n", "late", "w"]),
    ]
    for weight, wanted in cases:
        (tmp_path / "seen.py").write_text(f"WANTED = {wanted}\n{text}")
        hub.register_metric("seen", tmp_path / "seen.py")
        table = {"n": [1, 2, 3], "late": ["no", "yes", "no"], "weight": [70.0, 80.0, 90.0], "prediction": [0, 0, 0]}
        table |= {} if weight is None else {weight: [1.0, 2.0, 3.0]}
        found = hub.evaluate("numbers", table, target="late", metrics=["seen"], weight=weight)
        assert found.metrics["seen"].value == 1.0
    with pytest.raises(MetricNotFound, match="`profti`; did you mean `profit`"):
        hub.evaluate("numbers", {"n": [1], "late": ["no"]}, target="late", metrics=["profti"])


def test_rows_of_several_targets_have_none_and_are_not_written(hub: Hub, tmp_path: Path) -> None:
    rows = pa.table({"y": [[True, False]] * 4, "p": [[True, True]] * 4})
    asked: dict[str, Any] = {"task": "multilabel", "target": "y", "prediction": "p", "classes": ["a", "b"]}
    hub.evaluate(rows, **asked)
    with pytest.raises(NotApplicable, match="metrics of your own take no evaluation of the task `multilabel`"):
        hub.evaluate(rows, **asked, metrics=["profit"])
    with pytest.raises(NotApplicable, match="the rows of an evaluation of the task `multilabel` are not written"):
        hub.evaluate(rows, **asked, output=tmp_path / "out.parquet")
    assert len(list(hub.runs())) == 1


def test_a_profile_metric_over_more_classes(hub: Hub, tmp_path: Path) -> None:
    (tmp_path / "agreement.py").write_text(
        "def agreement(c):\n    m, t = c['confusion'], c['total']\n"
        "    p = sum(m[i][i] for i in range(len(m))) / t\n"
        "    e = sum(sum(m[i]) * sum(r[i] for r in m) for i in range(len(m))) / t**2\n"
        "    return (p - e) / (1 - e)\n"
    )
    hub.register_metric("agreement", tmp_path / "agreement.py", kind="profile")
    chance = np.random.default_rng(3)
    y = chance.integers(0, 3, 1_000)
    p = np.where(chance.random(1_000) < 0.6, y, chance.integers(0, 3, 1_000))
    found = hub.evaluate({"y": y, "p": p}, target="y", prediction="p", classes=[0, 1, 2], metrics=["agreement"])
    assert found.metrics["agreement"].value == pytest.approx(sk.cohen_kappa_score(y, p), abs=1e-12)
