"""What is typed in Python: plain values of any library are taken, all else is told at once, before anything is read or made."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sklearn.metrics import roc_auc_score

import muster
from muster.errors import InvalidInput, InvalidReference
from muster.evaluation.result import Evaluation
from muster.hub import Hub

_RANDOM = np.random.default_rng(7)
_P = _RANDOM.random(400)
_Y = (_RANDOM.random(400) < _P).astype(int)
TABLE = pa.table({"y": _Y, "p": _P, "seg": [f"s{i % 3}" for i in range(400)], "w": _RANDOM.random(400)})
SCORED: Mapping[str, Any] = {"target": "y", "probabilities": ["p"], "classes": [0, 1]}


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Hub]:
    with muster.open(tmp_path / "hub") as opened:
        yield opened


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize(
    "classes",
    [
        np.array([0, 1]),
        list(np.array([0, 1], np.uint8)),
        [0.0, 1.0],
        np.unique(_Y.astype(float)),
        ["0", "1"],
        pd.Series([0, 1]),
    ],
    ids=str,
)
def test_classes_of_any_library_are_those_of_the_data(empty: Hub, classes: Any, *, whole: bool) -> None:
    data = TABLE if whole else TABLE.set_column(0, "y", pa.array(_Y.astype(float)))
    found = empty.evaluate(data, target="y", probabilities=["p"], classes=classes)
    assert found.record.counted == 400
    assert found.metrics["roc_auc"].value == pytest.approx(roc_auc_score(_Y, _P), abs=1e-12)


def test_classes_in_several_spellings_compare(empty: Hub) -> None:
    """They are the same classes; so are the rows, and the differences are paired."""
    spellings: list[Any] = [[0, 1], ["0", "1"]]
    both = [empty.evaluate(TABLE, target="y", key="w", probabilities=["p"], classes=c) for c in spellings]
    compared = empty.compare([e.id for e in both])
    assert compared.contests[0].paired
    assert compared.contests[0].differences["roc_auc"].value == 0


def test_a_version_s_classes_may_be_written_as_text(hub: Hub) -> None:
    data = {"n": [1, 2, 3, 600], "late": ["no", "no", "yes", "yes"]}
    known: Any = np.array(["no", "yes"])
    assert hub.evaluate("numbers", data, target="late", classes=known).record.counted == 4
    with pytest.raises(InvalidInput, match="the classes of `numbers:1` are no, yes"):
        hub.evaluate("numbers", data, target="late", classes=["yes", "no"])


def test_plain_values_of_numpy_are_taken(empty: Hub) -> None:
    given: Mapping[str, Any] = {
        "target": np.str_("y"),
        "probabilities": np.array(["p"]),
        "classes": np.array([0, 1]),
        "threshold": np.float32(0.25),
        "costs": np.array([[0, 1], [5, 0]]),
        "segments": "seg",
        "key": pd.Index(["seg", "w"]),
        "texts": np.False_,
        "weak_segments": np.True_,
        "labels": {"month": np.int64(2)},
    }
    found = empty.evaluate(TABLE, **given)
    assert found.record.threshold == 0.25
    assert found.record.labels == {"month": "2"}
    assert [*found.segments] == ["seg"]
    assert found.profile.question.key == ("seg", "w")
    assert not found.profile.question.texts  # what was to be kept secret would else be kept
    assert found.at(np.float64(0.25))["recall"] == found.metrics["recall"]
    assert found.best(np.array([[0, 1], [5, 0]])).threshold == found.best([[0, 1], [5, 0]]).threshold
    with pytest.raises(InvalidInput, match="it takes two to compare"):
        empty.compare(found.id)  # one, and no letters


BAD: dict[str, tuple[Mapping[str, object], str]] = {
    "a threshold of text": ({"threshold": "0.5"}, "`threshold` takes a number, and not '0.5'"),
    "a threshold that is true": ({"threshold": True}, "`threshold` takes a number, and not True"),
    "a level of text": ({"level": "x"}, "`level` takes a number"),
    "a list of weights": ({"weight": ["w"]}, r"`weight` takes the name of one column, and not \['w'\]"),
    "a target that is a number": ({"target": 5}, "`target` takes the name of a column, or a list of them, and not 5"),
    "segments of None": ({"segments": [None]}, r"`segments` takes a list of columns, .* and not \[None\]"),
    "a key that is a number": ({"key": 5}, "`key` takes the name of a column"),
    "labels in a list": ({"labels": ["a"]}, "`labels` takes texts by name"),
    "parameters that are a number": ({"params": 3}, "`params` takes values by name"),
    "metrics that are a number": ({"metrics": 5}, "`metrics` takes a list of texts"),
    "costs of text": ({"costs": "x"}, "`costs` takes rows of numbers"),
    "texts that are text": ({"texts": "no"}, "`texts` takes true or false, and not 'no'"),
    "weak segments that are text": ({"weak_segments": "yes"}, "`weak_segments` takes true or false"),
    "a task that is a number": ({"task": 5}, "`task` takes a text"),
    "an output that is a number": ({"output": 5}, "`output` takes a path"),
    "a watch that is a number": ({"watch": 5}, "`watch` takes a function"),
    "an option that there is not": ({"optimise": "f1"}, "there is no option `optimise`"),
    "a near one": ({"treshold": 0.5}, "there is no option `treshold`; did you mean `threshold`?"),
    "all at once": ({"weigth": "w", "key": 5, "classes": [0, 0]}, "no option `weigth`.*the classes name `0` more than once.*`key` takes"),
    "waiting that is text": ({"wait": "no"}, "`wait` takes true or false"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_what_is_of_another_kind_is_told(empty: Hub, case: str) -> None:
    options, message = BAD[case]
    with pytest.raises(InvalidInput, match=message):
        empty.evaluate(TABLE, **{**SCORED, **options})
    if "wait" not in options:
        with pytest.raises(InvalidInput, match=message):
            empty.compare(["numbers:1"], TABLE, **{**SCORED, **options})
    assert list(empty.runs()) == []
    assert not [*(empty.folder / "frames").glob("*")]


def test_a_version_and_items_are_named_by_text(empty: Hub) -> None:
    with pytest.raises(InvalidInput, match="`reference` takes a text, and not 5"):
        empty.evaluate(5, TABLE, **SCORED)
    with pytest.raises(InvalidInput, match="`items` takes a list of texts"):
        empty.compare(5)  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="`items` takes a list of texts"):
        empty.compare([empty.evaluate(TABLE, **SCORED)])


def test_methods_of_an_evaluation_tell_it_too(empty: Hub, tmp_path: Path) -> None:
    found: Evaluation = empty.evaluate(TABLE, **SCORED)
    for odd in (None, 5, ["f1>=0.1"]):
        with pytest.raises(InvalidInput, match="is no requirement"):
            found.require(odd)  # type: ignore[arg-type]
    for wrong in ("0.5", None, True, [0.5]):
        with pytest.raises(InvalidInput, match="`threshold` takes a number"):
            found.at(wrong)  # type: ignore[arg-type]
    for goal in (5, None, {"f1": 1}):
        with pytest.raises(InvalidInput, match="`goal` takes a metric"):
            found.best(goal)  # type: ignore[arg-type]
    for path in (5, None):
        with pytest.raises(InvalidInput, match="`path` takes a path"):
            found.report(path)  # type: ignore[arg-type]
    numbers = empty.evaluate({"y": [1.0, 2.0, 4.0], "prediction": [1.5, 2.5, 3.0]}, target="y")
    with pytest.raises(InvalidInput, match="`segment` takes a text, and not 5"):
        numbers.sides_of(5)  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="`band` takes a number, and not 'x'"):
        numbers.sides("x")  # type: ignore[arg-type]
    assert numbers.sides(np.float64(0.5)).band == 0.5


def test_thresholds_goals_and_histories_of_versions_tell_it_too(hub: Hub) -> None:
    for wrong in ("0.5", [0.5], True):
        with pytest.raises(InvalidInput, match="`threshold` takes a number"):
            hub.set_threshold("numbers:1", wrong)  # type: ignore[arg-type]
    assert hub.set_threshold("numbers:1", np.float64(0.25)).threshold == 0.25
    assert type(hub.version("numbers:1").threshold) is float
    found = hub.evaluate("numbers", {"n": [1, 2, 3, 600], "late": ["no", "no", "yes", "yes"]}, target="late")
    with pytest.raises(InvalidInput, match=r"`goal` takes a metric.*and not 5"):
        hub.optimise("numbers:1", found.id, 5)  # type: ignore[arg-type]
    for odd in (None, 5, ["numbers:1"]):
        with pytest.raises(InvalidReference, match="is no reference but a"):
            hub.set_threshold(odd, 0.5)  # type: ignore[arg-type]
        with pytest.raises(InvalidReference, match="is no reference but a"):
            hub.optimise(odd, found.id)  # type: ignore[arg-type]
        with pytest.raises(InvalidInput, match="`evaluation` takes a text"):
            hub.optimise("numbers:1", odd)  # type: ignore[arg-type]
        with pytest.raises(InvalidInput, match="`reference` takes a text"):
            hub.history(odd)  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="the data is no table"):
        hub.evaluate("numbers", {"n": 1, "late": "no"}, target="late")
    with pytest.raises(
        InvalidInput, match=r"`metrics` takes a list of texts.*`by` takes a text.*`limit` takes a whole number"
    ):
        hub.history("numbers", 5, by=["x"], limit="x")  # type: ignore[arg-type]
    assert len(hub.history("numbers", filters="number=1", limit=3)) == 1
    with pytest.raises(InvalidInput, match=r"`optimise` takes a metric.*and not 5"):
        hub.register("numbers", "model.py", optimise=5)  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match=r"the classes name `0` more than once.*`threshold` takes a number"):
        hub.register("other", "model.py", classes=[0, "0.0"], threshold="x")  # type: ignore[arg-type]


def test_columns_are_named_once(empty: Hub, tmp_path: Path) -> None:
    labels = {f"l{i}": _Y for i in range(3)} | {f"p{i}": _P for i in range(3)}
    pq.write_table(pa.table(labels), tmp_path / "l.parquet")
    with pytest.raises(
        InvalidInput, match="`l1` is named twice as actual values; `p0` is named twice as probabilities"
    ):
        empty.evaluate(
            tmp_path / "l.parquet", task="multilabel", target=["l0", "l1", "l1"], probabilities=["p0", "p0", "p0"],
            classes=["l0", "l1", "l2"],
        )  # fmt: skip
    with pytest.raises(InvalidInput, match="`p` is named twice as probabilities; `seg` is named twice as the key"):
        empty.evaluate(TABLE, target="y", classes=[0, 1], probabilities=["p", "p"], key=["seg", "w", "seg"])
    assert list(empty.runs()) == []
