"""Labels and several targets, evaluated from end to end: with real models in their workers, and where the data are scored already."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pc
import pyarrow.parquet as pq
import pytest
from sklearn import metrics as sk

import muster
from muster.errors import InvalidInput, NotApplicable
from muster.hub import Hub

ROWS = 3_000
NAMES = ("urgent", "billing", "spam")
TAGS = """
import numpy as np
import pyarrow as pa

INPUT = "arrow"


class Model:
    classes = ["urgent", "billing", "spam"]

    def predict_proba(self, data):
        x = data["x"].to_numpy()
        return pa.table({"urgent": x, "billing": x * x, "spam": 1 - x})

    def predict(self, data):
        x = data["x"].to_numpy()
        return pa.table({"prediction": pa.array((np.stack([x, x * x, 1 - x], 1) > 0.5).tolist())})
"""
HOUSE = """
import pyarrow as pa
import pyarrow.compute as pc

INPUT = "arrow"


def predict(data):
    return pa.table({"price": pc.multiply(data["x"], 100.0), "size": pc.multiply(data["x"], 2.0)})
"""


def _drawn() -> tuple[Any, Any, Any]:
    random = np.random.default_rng(3)
    x = random.random(ROWS)
    given = np.stack([x, x * x, 1 - x], axis=1)
    return x, given, random.random((ROWS, 3)) < given


def table() -> pa.Table:
    x, _, own = _drawn()
    random = np.random.default_rng(4)
    price, size = x * 100 + 20 * random.normal(size=ROWS), x * 2 + random.normal(size=ROWS)
    return pa.table(
        {
            "x": x,
            "labels": pa.array([[n for n, f in zip(NAMES, row, strict=True) if f] for row in own.tolist()]),
            "flags": pa.array(own.tolist()),
            **{name: own[:, n].astype(int) for n, name in enumerate(NAMES)},
            "price": price,
            "size": size,
            "both": pa.array([{"price": p, "size": s} for p, s in zip(price.tolist(), size.tolist(), strict=True)]),
            "part": random.choice(["a", "b"], ROWS),
            "weight": random.random(ROWS),
        }
    )


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("several")
    (folder / "tags.py").write_text(TAGS)
    (folder / "house.py").write_text(HOUSE)
    sample = table().select(["x"]).slice(0, 10)
    with muster.open(folder / "hub") as hub:
        hub.register("tags", folder / "tags.py", task="multilabel", sample=sample, target="labels")
        hub.register("house", folder / "house.py", task="multioutput", sample=sample)
    return folder / "hub"


@pytest.fixture
def hub(made: Path, tmp_path: Path) -> Iterator[Hub]:
    shutil.copytree(made, tmp_path / "hub")
    with muster.open(tmp_path / "hub", score__chunk_rows=1_024) as opened:
        yield opened


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    pq.write_table(table(), tmp_path / "rows.parquet", row_group_size=700)
    return tmp_path / "rows.parquet"


def test_labels_of_a_version_are_measured(hub: Hub, rows: Path) -> None:
    found = hub.evaluate("tags", rows, segments=["part"])
    _, given, own = _drawn()
    told = given > 0.5
    assert found.record.target == "labels"
    assert found.metrics["f1_macro"].value == pytest.approx(sk.f1_score(own, told, average="macro"), abs=1e-12)
    assert found.metrics["roc_auc_micro"].value == pytest.approx(sk.roc_auc_score(own, given, average="micro"))
    assert found.metrics["subset_accuracy"].value == pytest.approx(sk.accuracy_score(own, told))
    assert found.record.metrics["subset_accuracy"] == found.metrics["subset_accuracy"].value
    assert list(found.outputs) == list(NAMES)
    spam = found.outputs["spam"]
    assert spam.metrics["recall"].value == pytest.approx(sk.recall_score(own[:, 2], told[:, 2]))
    assert spam.confusion == sk.confusion_matrix(own[:, 2], told[:, 2]).tolist()
    assert spam.dummy["roc_auc"] == 0.5
    at = found.at({"spam": 0.3, "urgent": 0.7})["f1_macro"].value
    assert at == pytest.approx(sk.f1_score(own, given >= np.array([0.7, 0.5, 0.3]), average="macro"))
    best = spam.best("recall>=0.9")
    assert best.threshold is not None
    assert sk.recall_score(own[:, 2], given[:, 2] >= best.threshold) >= 0.9
    assert spam.thresholds["tp"].to_pylist()[-1] == own[:, 2].sum()
    part = np.asarray(table()["part"].to_pylist()) == "a"
    expected = sk.f1_score(own[part], told[part], average="macro")
    assert found.segments["part"]["a"]["f1_macro"].value == pytest.approx(expected)
    alone = found.outputs["billing"].segments["part"]["a"]["f1"].value
    assert alone == pytest.approx(sk.f1_score(own[part, 1], told[part, 1]))
    assert hub.evaluation(found.id).to_json() == found.to_json()
    json.dumps(found.to_json(), allow_nan=False)
    worst = found.mistakes[0]
    assert set(worst.actual) ^ set(worst.predicted)  # type: ignore[arg-type]  # lists of labels
    assert "probability" not in found.charts["labels"].text
    assert found.charts["roc:spam"].heading == "ROC curve: spam"
    assert "confusion:billing" in found.charts


def test_the_target_may_be_flags_or_a_column_for_each_label(hub: Hub, rows: Path) -> None:
    names = hub.evaluate("tags", rows)
    for target in ("flags", NAMES, ("spam", "urgent", "billing")):
        other = hub.evaluate("tags", rows, target=target)
        assert other.metrics == names.metrics, target
        assert other.record.digest == names.record.digest, target


def test_columns_named_as_the_labels_are_found(hub: Hub, rows: Path, tmp_path: Path) -> None:
    pq.write_table(pq.read_table(rows).drop_columns(["labels"]), tmp_path / "columns.parquet")
    found = hub.evaluate("tags", tmp_path / "columns.parquet")
    assert found.record.target == "urgent, billing, spam"
    with pytest.raises(InvalidInput, match="the target `label` is no column"):
        hub.evaluate("tags", tmp_path / "columns.parquet", target="label")


def test_rows_whose_labels_are_not_known_are_told(hub: Hub) -> None:
    odd = table().slice(0, 6)
    labels = [["urgent"], ["spam", "ham"], None, [], ["ham"], ["spam", None]]
    found = hub.evaluate("tags", odd.set_column(1, "labels", pa.array(labels)))
    assert found.record.counted == 2
    assert found.left_out == {
        "are of the class `ham`, which the model does not know": 2,
        "have no value in `labels`": 1,
        "have in `labels` no full list of flags, or of names": 1,
    }
    columns = odd.select(["x", *NAMES]).to_pydict() | {"spam": [1, 0, None, 2, 1, 0]}
    found = hub.evaluate("tags", pa.table(columns), target=NAMES)
    assert found.left_out == {"have no value in `spam`": 1, "have in `spam` neither true nor false": 1}


def test_scored_labels_need_no_model(hub: Hub, rows: Path, tmp_path: Path) -> None:
    direct = hub.evaluate("tags", rows)
    hub.score("tags", rows, tmp_path / "scored.parquet", keep="all")
    again = hub.evaluate(tmp_path / "scored.parquet", target="labels")
    for name, figure in direct.metrics.items():
        assert again.metrics[name].value == pytest.approx(figure.value, rel=1e-12), name
    turned = hub.evaluate(
        tmp_path / "scored.parquet",
        target="labels",
        prediction=None,
        classes=NAMES[::-1],
        task="multilabel",
        threshold=0.5,
    )
    assert turned.outputs["spam"].metrics["roc_auc"].value == direct.outputs["spam"].metrics["roc_auc"].value
    of_version = hub.evaluate("tags", tmp_path / "scored.parquet", prediction="prediction")
    assert of_version.metrics["f1_macro"] == direct.metrics["f1_macro"]
    with pytest.raises(NotApplicable, match="a threshold needs probabilities"):
        of_version.at(0.5)
    assert of_version.metrics["roc_auc_macro"].reason == "it needs probabilities, and there are only labels"
    scored = pq.read_table(tmp_path / "scored.parquet")
    texts = {
        "labels": [json.dumps(v) for v in scored["labels"].to_pylist()],
        "told": [json.dumps(v) for v in scored["prediction"].to_pylist()],
        "p": [json.dumps(v) for v in zip(*(scored[f"probability_{n}"].to_pylist() for n in NAMES), strict=True)],
    }
    pc.write_csv(pa.table(texts), tmp_path / "scored.csv")
    nested = hub.evaluate(
        tmp_path / "scored.csv",
        task="multilabel",
        target="labels",
        prediction="told",
        probabilities=["p"],
        classes=NAMES,
    )
    assert nested.metrics["roc_auc_macro"].value == direct.metrics["roc_auc_macro"].value
    alone = hub.evaluate(
        scored,
        task="multilabel",
        target="flags",
        probabilities=[f"probability_{n}" for n in NAMES],
        classes=NAMES,
        threshold=0.3,
    )
    assert alone.metrics["f1_macro"].value == direct.at(0.3)["f1_macro"].value
    columns = {**{f"is_{n}": scored[n] for n in NAMES}, **{f"told_{n}": scored[n] for n in NAMES}}
    perfect = hub.evaluate(
        pa.table(columns), task="multilabel", target=[f"is_{n}" for n in NAMES], prediction=[f"told_{n}" for n in NAMES]
    )
    assert perfect.metrics["subset_accuracy"].value == 1.0


def test_all_that_is_wrong_with_labels_is_told_at_once(hub: Hub, rows: Path) -> None:
    with pytest.raises(InvalidInput) as caught:
        hub.evaluate(
            "tags",
            rows,
            target=["urgent", "spam"],
            weight="part",
            segments=["paart"],
            costs=[[0, 1], [1, 0]],
            protected=["part"],
            weak_segments=True,
        )
    for said in (
        "2 columns of actual values are named for 3 outputs",
        "the weight `part` is string, and weights are numbers",
        "the segment `paart` is no column of the data; did you mean `part`?",
        "costs go with a single output",
        "protected columns go with a single output: there is no one rate",
        "weak segments are found for a single output: there is no one loss",
    ):
        assert said in str(caught.value)
    for target, said in (
        ("x", "the target `x` is double, and the labels of a row are a list of 3 flags"),
        (["x", "part", "urgent"], "the target `part` is string, and has neither true and false nor 1 and 0"),
    ):
        with pytest.raises(InvalidInput, match=said):
            hub.evaluate("tags", rows, target=target)
    strange = table().slice(0, 3).set_column(1, "labels", pa.array([["a"], ["b"], ["a"]]))
    with pytest.raises(InvalidInput, match="holds none of the labels urgent, billing, spam, but a, b"):
        hub.evaluate("tags", strange)
    ambiguous = pa.table({"y": [[0, 1], [1, 1]], "prediction": [[True, False], [True, True]]})
    with pytest.raises(InvalidInput, match="may be flags or names"):
        hub.evaluate(ambiguous, target="y", classes=[0, 1], task="multilabel")
    with pytest.raises(InvalidInput, match="`spam` is named as actual values and as predictions"):
        hub.evaluate(table(), task="multilabel", target=NAMES, prediction=NAMES)
    with pytest.raises(InvalidInput, match="one column of actual values, and 2 are named"):
        hub.evaluate(table(), task="regression", target=["price", "size"], prediction="x")


def test_targets_of_a_version_are_measured(hub: Hub, rows: Path) -> None:
    found = hub.evaluate("house", rows, segments=["part"], weight="weight")
    data = pq.read_table(rows)
    x, weight = data["x"].to_numpy(), data["weight"].to_numpy()
    actual = np.stack([data["price"].to_numpy(), data["size"].to_numpy()], axis=1)
    told = np.stack([x * 100, x * 2], axis=1)
    assert found.record.target == "price, size"
    expected = sk.root_mean_squared_error(actual, told, sample_weight=weight)
    assert found.metrics["rmse_uniform_average"].value == pytest.approx(expected)
    expected = sk.r2_score(actual, told, sample_weight=weight, multioutput="uniform_average")
    assert found.metrics["r2_uniform_average"].value == pytest.approx(expected)
    price = found.outputs["price"]
    expected = sk.root_mean_squared_error(actual[:, 0], told[:, 0], sample_weight=weight)
    assert price.metrics["rmse"].value == pytest.approx(expected)
    assert price.segments["part"]["a"]["rmse"].value is not None
    worst = price.mistakes[0]
    assert worst.loss == pytest.approx(np.abs(actual - told)[:, 0].max())
    assert found.confusion is None
    assert price.confusion is None
    struct = hub.evaluate("house", rows, target="both", weight="weight")
    assert struct.metrics == found.metrics
    assert "errors:size" in found.charts
    with pytest.raises(NotApplicable, match="a threshold belongs to one output, and there are 2"):
        found.at(0.5)
    with pytest.raises(NotApplicable, match="`price` has no threshold"):
        price.best("f1")
    hub.score("house", rows, rows.parent / "scored.csv", keep=["price", "size", "weight"])
    again = hub.evaluate(rows.parent / "scored.csv", task="multioutput", weight="weight")
    assert again.metrics["rmse_uniform_average"].value == pytest.approx(found.metrics["rmse_uniform_average"].value)


def test_targets_of_either_kind_in_scored_data(hub: Hub) -> None:
    random = np.random.default_rng(5)
    price, kind = random.gamma(2, 50, 400), random.choice(["a", "b", "c"], 400)
    given = random.dirichlet(np.ones(3), 400)
    data = pa.table(
        {
            "price": price,
            "kind": pa.array([None, "z", *kind[2:].tolist()]),
            "p_price": pa.array([*(price * 1.1)[:-1], np.nan]),
            "p_kind": np.array(["a", "b", "c"])[given.argmax(1)],
            "scores": pa.array(given.tolist()),
        }
    )
    asked: dict[str, Any] = {"target": ["price", "kind"], "prediction": ["p_price", "p_kind"]}
    with pytest.raises(InvalidInput, match="the classes of the target `kind` are not known"):
        hub.evaluate(data, **asked)
    found = hub.evaluate(data, **asked, probabilities=["scores"], classes={"kind": ["a", "b", "c"]})
    assert found.left_out == {
        "are of the class `kind=z`, which the model does not know": 1,
        "have no value in `kind`": 1,
        "have a prediction of `price` that is no class, or no finite number": 1,
    }
    good = slice(2, 399)
    assert found.outputs["price"].metrics["mae"].value == pytest.approx(np.abs(price * 0.1)[good].mean())
    expected = sk.log_loss(kind[good], given[good], labels=["a", "b", "c"])
    assert found.outputs["kind"].metrics["log_loss"].value == pytest.approx(expected)
    assert found.outputs["kind"].classes == ("a", "b", "c")
    assert "accuracy_uniform_average" in found.metrics


def test_requirements_may_be_of_one_label_or_target(hub: Hub, rows: Path) -> None:
    found = hub.evaluate("tags", rows, segments=["part"])
    passed = found.require(
        "f1_macro>=0.1", "f1:spam>=0.1", "roc_auc:spam.low>=0.99", "recall:urgent>=0.1 for part=a", "f1:spam>=0.99"
    )
    assert [v.passed for v in passed] == [True, True, False, True, False]
    assert passed[2].reason.startswith("roc_auc:spam.low is 0.")
    with pytest.raises(InvalidInput) as caught:
        found.require("f1:spma>=0.5", "mae:spam<=1")
    assert "`spma` is no label and no target: they are urgent, billing, spam; did you mean `spam`?" in str(caught.value)
    assert "there is no metric `mae`" in str(caught.value)
    found = hub.evaluate("house", rows)
    assert found.require("rmse:price<=100")[0].passed


def test_versions_are_compared_by_label_and_by_target(hub: Hub, rows: Path, tmp_path: Path) -> None:
    (tmp_path / "other.py").write_text(TAGS.replace("1 - x", "0.9 - 0.8 * x"))
    hub.register("tags", tmp_path / "other.py", task="multilabel", sample=table().select(["x"]).slice(0, 10))
    found = hub.compare(["tags:1", "tags:2"], data=str(rows))
    (contest,) = found.contests
    assert contest.paired
    assert contest.outputs["urgent"]["roc_auc"].value == 0
    spam = contest.outputs["spam"]["log_loss"]
    assert spam.value is not None
    assert spam.low is not None
    assert contest.differences["log_loss"].value == pytest.approx(spam.value / 3)
    assert contest.differences["log_loss"].method == "jackknife"
    one, other = (hub.evaluate("house", rows, target=t) for t in ("both", ("price", "size")))
    (contest,) = hub.compare([one.id, other.id]).contests
    assert contest.outputs["price"]["rmse"].value == 0
    targets = hub.compare([one.id, other.id])
    for compared, name in ((found, "spam"), (targets, "price")):
        assert list(compared.charts) == ["differences"]
        assert compared.contests[0].verdict.outcome is not None
        compared.report(tmp_path / "compared.md")
        assert f"| {name} | " in (tmp_path / "compared.md").read_text()
    assert "ROC AUC, macro (higher is better)" in {row["metric"] for row in found.charts["differences"].table}
    assert targets.contests[0].verdict.text.startswith(
        f"{targets.names[1]} errs no differently beyond chance: root mean"
    )
    json.dumps(found.to_json(), allow_nan=False)
    with pytest.raises(InvalidInput, match="is of the task multioutput"):
        hub.compare([found.reference.id, one.id])


def test_a_report_shows_the_worst_labels_first(hub: Hub, rows: Path, tmp_path: Path) -> None:
    for name in ("tags", "house"):
        found = hub.evaluate(name, rows, segments=["part"])
        found.report(tmp_path / "page.html")
        found.report(tmp_path / "page.md")
        page, text = (tmp_path / "page.html").read_text(), (tmp_path / "page.md").read_text()
        assert len(page.encode()) < 2_000_000
        for one in found.outputs:
            assert f">{one}</td>" in page
            assert f"| {one} |" in text
        worst = min(found.outputs.values(), key=lambda o: o.metrics["f1" if name == "tags" else "r2"].value or 0)
        places = [text.index(f"| {one} |") for one in found.outputs]
        assert min(places) == text.index(f"| {worst.name} |")
        assert found.charts[f"{'roc' if name == 'tags' else 'errors'}:{worst.name}"].text in text


def test_one_label_may_stand_in_plain_columns(hub: Hub) -> None:
    random = np.random.default_rng(6)
    own = random.random(300) < 0.4
    p = np.clip(0.3 * own + 0.6 * random.random(300), 0, 1)
    data = pa.table({"spam": own, "p": p, "ps": pa.array([[x] for x in p.tolist()]), "told": p >= 0.5})
    asked: dict[str, Any] = {"task": "multilabel", "target": "spam", "classes": ["spam"]}
    for probabilities in ("p", "ps"):
        found = hub.evaluate(data, **asked, probabilities=[probabilities])
        assert found.metrics["roc_auc_macro"].value == pytest.approx(sk.roc_auc_score(own, p))
        assert found.outputs["spam"].metrics["f1"].value == pytest.approx(sk.f1_score(own, p >= 0.5))
        assert found.charts["label_counts"].text
    found = hub.evaluate(data, **asked, prediction="told")
    assert found.metrics["f1_micro"].value == pytest.approx(sk.f1_score(own, p >= 0.5))


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"task": "multilabel", "target": "y", "prediction": "p", "classes": ["a", "a"]}, "the classes name `a` more than once"),
        ({"task": "multilabel", "target": "y", "prediction": "p"}, "the labels are not known"),
        ({"prediction": ["n", "k"], "classes": {"k": ["x", "y"]}}, "the target is not known: name its column, or one for"),
        ({"target": ["m", "j"], "prediction": ["n", "k"], "classes": {"j": ["x"]}}, "are x, and it takes two different ones"),
        ({"target": ["m", "j"], "prediction": ["n", "k"], "classes": {"i": ["x", "y"]}}, "`i` is no target: they are m, j"),
        ({"task": "multilabel", "target": "y", "prediction": "p", "classes": ["a", "b"], "threshold": 0.3}, "a threshold goes with"),
        ({"task": "other", "target": "y", "prediction": "p"}, "an evaluation of the task `other` has no figures"),
    ],
)  # fmt: skip
def test_what_cannot_be_asked_is_told(hub: Hub, asked: dict[str, Any], said: str) -> None:
    data = {"y": [[True, False]], "p": [[True, True]], "m": [1.0], "n": [2.0], "j": ["x"], "k": ["y"]}
    with pytest.raises((InvalidInput, NotApplicable), match=said):
        hub.evaluate(pa.table(data), **asked)
