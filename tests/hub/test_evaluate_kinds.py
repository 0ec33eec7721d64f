"""Columns of every kind in data that are scored already: measured right, or refused by name before anything is counted."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from pyarrow import feather
from sklearn.metrics import accuracy_score, mean_absolute_error

import muster
from muster.errors import InvalidInput, RunFailed
from muster.hub import Hub

_RANDOM = np.random.default_rng(5)
N = 300
_F = np.round(_RANDOM.gamma(2, 50, N), 2)
_Y = np.round(_F + _RANDOM.normal(0, 5, N), 2)
_P = _RANDOM.random(N)
_C = (_RANDOM.random(N) < _P).astype(int)


_NEW_YEAR = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    with muster.open(tmp_path / "hub") as opened:
        yield opened


def _decimals(values: np.ndarray[Any, Any], kind: Callable[[int, int], pa.DataType]) -> pa.Array:
    return pa.array([Decimal(f"{v:.2f}") for v in values], kind(7, 2))


NUMBERS: dict[str, Callable[[np.ndarray[Any, Any]], pa.Array]] = {
    "lists of one (n × 1)": lambda v: pa.array([[x] for x in v]),
    "fixed lists of one": lambda v: pa.FixedSizeListArray.from_arrays(pa.array(v), 1),
    "large lists of one": lambda v: pa.array([[x] for x in v], pa.large_list(pa.float64())),
    "lists of lists of one": lambda v: pa.array([[[x]] for x in v]),
    "decimals": lambda v: _decimals(v, pa.decimal128),
    "short decimals": lambda v: _decimals(v, pa.decimal32),
    "a dictionary": lambda v: pa.array(v).dictionary_encode(),
    "runs": lambda v: pc.run_end_encode(pa.array(v)),
}


@pytest.mark.parametrize("kind", NUMBERS)
def test_numbers_are_measured_however_they_are_written(hub: Hub, tmp_path: Path, kind: str) -> None:
    make, file = NUMBERS[kind], tmp_path / "t.arrow"
    for columns in ({"y": _Y, "prediction": make(_F)}, {"y": make(_Y), "prediction": make(_F)}):
        table = pa.table(columns)
        if kind == "runs":
            with pa.ipc.new_file(file, table.schema) as writer:
                writer.write_table(table)
        else:
            feather.write_feather(table, str(file), compression="uncompressed")
        found = hub.evaluate(file, target="y", task="regression")
        assert found.record.counted == N
        assert found.metrics["mae"].value == pytest.approx(mean_absolute_error(_Y, _F), rel=1e-12)


def test_predictions_of_one_output_are_numbers_without_a_word(hub: Hub) -> None:
    """As a network with a single output gives them, and pandas keeps them."""
    frame = pd.DataFrame({"y": _Y, "prediction": [*_F.reshape(-1, 1)]})
    found = hub.evaluate(frame, target="y")
    assert (found.record.task, found.record.counted) == ("regression", N)
    assert found.metrics["mae"].value == pytest.approx(mean_absolute_error(_Y, _F), rel=1e-12)


def test_a_list_that_has_more_later_is_left_out(hub: Hub, tmp_path: Path) -> None:
    rows = 12_000  # more than are looked at first
    lists = [[1.0]] * (rows - 4) + [[1.0, 2.0], [], [None], None]
    found = hub.evaluate({"y": [2.0] * rows, "prediction": lists}, target="y")
    assert found.record.counted == rows - 4
    assert found.record.left_out == {"failed": 1, "prediction": 3}
    assert found.metrics["mae"].value == 1.0


@pytest.mark.parametrize(
    ("values", "mae"),
    [
        ([True, False, True], mean_absolute_error([1.5, 2.5, 4.0], [1, 0, 1])),
        ([2**63, 2**53 + 2, 3], mean_absolute_error([1.5, 2.5, 4.0], [2.0**63, 2.0**53 + 2, 3])),
        ([np.inf, np.nan, 3.0], 1.0),
        ([None, 2.5, None], 0.0),
    ],
    ids=str,
)
def test_numbers_of_any_size_are_measured(hub: Hub, values: list[Any], mae: float) -> None:
    kind = pa.uint64() if 2**63 in values else None
    found = hub.evaluate({"y": [1.5, 2.5, 4.0], "prediction": pa.array(values, kind)}, target="y", task="regression")
    assert found.metrics["mae"].value == pytest.approx(mae)


NO_NUMBERS: dict[str, tuple[Any, str]] = {
    "text": (["a"] * 3, "is string, and a regression needs numbers"),
    "numbers as text": (["1.5", "2", "3"], "is string, and a regression needs numbers"),
    "days": ([dt.date(2020, 1, 1)] * 3, "is date32"),
    "times": ([_NEW_YEAR] * 3, "is timestamp"),
    "structs": ([{"a": 1.0}] * 3, "is struct<a: double>"),
    "lists of two": ([[1.0, 2.0]] * 3, "has lists of 2 values, and a regression needs one number of a row"),
    "lists of one list of two": ([[[1.0, 2.0]]] * 3, "has lists of 2 values"),
    "lists of text": ([["a"]] * 3, "is list<item: string>"),
}  # fmt: skip


@pytest.mark.parametrize("kind", NO_NUMBERS)
def test_what_is_no_number_is_refused_by_name(hub: Hub, kind: str) -> None:
    values, message = NO_NUMBERS[kind]
    with pytest.raises(InvalidInput, match=f"the prediction `prediction` {message}"):
        hub.evaluate({"y": [1.0, 2.0, 3.0], "prediction": values}, target="y", task="regression")
    with pytest.raises(InvalidInput, match=f"the target `y` {message}"):
        hub.evaluate({"y": values, "prediction": [1.0, 2.0, 3.0]}, target="y", task="regression")
    assert list(hub.runs()) == []


def test_numbers_that_csv_has_as_text_are_refused_with_all_else(hub: Hub, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text('y,prediction,lo,hi,w,k\n1.5,"1,5",a,2,x,1\n2.5,"2,0",b,3,y,2\n')
    with pytest.raises(InvalidInput) as caught:
        hub.evaluate(
            tmp_path / "t.csv",
            target="y",
            task="regression",
            prediction="prediction",
            interval=["lo", "hi"],
            weight="w",
        )
    for told in (
        "the weight `w` is string",
        "the end `lo` of the interval is string",
        "the prediction `prediction` is string",
    ):
        assert told in caught.value.message


def _scored(**columns: Any) -> dict[str, Any]:
    return {"y": [0, 1, 1], "p": [0.2, 0.7, 0.9], **columns}


_P1, _P2 = {"probabilities": ["p"]}, {"probabilities": ["q", "p"]}
WRONG: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "probabilities of text": (_scored(p=["a"] * 3), _P1, "the probabilities `p` are string, and probabilities are numbers"),
    "probabilities of days": (_scored(p=[dt.date(2020, 1, 1)] * 3), _P1, "the probabilities `p` are date32"),
    "one of two is text": (_scored(q=["a"] * 3), _P2, "the probabilities `q` are string"),
    "one of two is a list": (_scored(q=[[0.1]] * 3), _P2, "the probabilities `q` are list"),
    "lists of one": (_scored(p=[[0.1]] * 3), _P1, "the probabilities `p` are lists of 1, and there are 2 classes"),
    "lists of text": (_scored(p=[["a", "b"]] * 3), _P1, "the probabilities `p` are list<item: string>"),
    "a weight that is a list": (_scored(w=[[1.0]] * 3), _P1 | {"weight": "w"}, r"the weight `w` is list<.*weights are numbers"),
    "a key that is a list": (_scored(k=[[1]] * 3), _P1 | {"key": "k"}, "the key `k` is list<.*a text, a number or a time"),
    "a key that is a struct": (_scored(k=[{"a": 1}] * 3), _P1 | {"key": "k"}, "the key `k` is struct"),
    "labels in lists": (_scored(l=[[1]] * 3), {"task": "binary", "prediction": "l"}, "the prediction `l` is list<.*one value of each row"),
    "labels in structs": (_scored(l=[{"a": 1}] * 3), {"task": "binary", "prediction": "l"}, "the prediction `l` is struct<"),
    "a target in lists": (_scored(y=[[1]] * 3), _P1 | {"task": "binary"}, "the target `y` is list<"),
    "labels of other classes": (_scored(l=["a"] * 3), {"prediction": "l"}, "the prediction `l` holds none of the classes 0, 1, but a"),
    "labels that are probabilities": (_scored(), {"prediction": "p"}, r"`p` holds numbers between 0 and 1.*name it with `probabilities=`"),
    "truth values and numbers": (
        _scored(y=[True, False, True], l=[1, 0, 1]), {"prediction": "l", "classes": ()},
        "the prediction `l` holds none of the classes false, true, but 0, 1",
    ),
    "one of several targets in lists": (
        _scored(a=[[1]] * 3, z=[0, 1, 0], c=[1] * 3),
        {"task": "multioutput", "classes": {"y": [0, 1], "z": [0, 1]}, "target": ["z", "y"], "prediction": ["a", "c"]},
        "the prediction `a` is list<",
    ),
    "one of several labels in lists": (
        _scored(a=[[1]] * 3, c=[1] * 3, z=[0, 1, 0]),
        {"task": "multilabel", "classes": ("b", "c"), "target": ["y", "z"], "prediction": ["a", "c"]},
        "the prediction `a` is list<",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_columns_of_the_wrong_kind_are_refused_by_name(hub: Hub, case: str) -> None:
    data, options, message = WRONG[case]
    with pytest.raises(InvalidInput, match=message):
        hub.evaluate(data, **{"target": "y", "classes": [0, 1], **options})
    assert list(hub.runs()) == []


NAMED = {"y": ["no", "yes"] * 20, "probability_no": [0.8, 0.3] * 20, "probability_yes": [0.2, 0.7] * 20}


@pytest.mark.parametrize(
    ("data", "options", "message"),
    [
        ({"y": NAMED["y"], "probability_no": NAMED["probability_no"]}, {}, "`probability_no` is named for the class `no`"),
        (NAMED, {"probabilities": ["probability_no"]}, "one column alone is that of the positive class"),
        (NAMED, {"probabilities": ["probability_yes", "probability_no"]}, "`probability_yes` is named for .* in the order of the classes"),
        (NAMED | {"p": [20.0, 70.0] * 20}, {"probabilities": ["p"]}, "40 of the first 40 rows have no probabilities in `p`"),
        (NAMED | {"probability_of_rain": [0.5] * 40}, {"classes": ()}, "40 of the first 40 rows have no .* do not add up to 1"),
        (NAMED | {"p": [[0.7, 0.7]] * 40}, {"probabilities": ["p"]}, "40 of the first 40 rows have no probabilities in `p`"),
    ],
)  # fmt: skip
def test_probabilities_of_other_classes_are_refused(
    hub: Hub, data: dict[str, Any], options: dict[str, Any], message: str
) -> None:
    """Else an AUC of 0.84 would be one of 0.16, or that of the few rows that happen to add up."""
    with pytest.raises(InvalidInput, match=message):
        hub.evaluate(data, **{"target": "y", "classes": ["no", "yes"], **options})


def test_probabilities_of_other_labels_are_refused(hub: Hub) -> None:
    flags = {"a": [1, 0], "b": [0, 0], "probability_a": [0.9, 0.1], "probability_b": [0.2, 0.3]}
    asked: dict[str, Any] = {"task": "multilabel", "target": ["a", "b"], "classes": ["a", "b"]}
    assert hub.evaluate(flags, **asked, probabilities=["probability_a", "probability_b"]).record.counted == 2
    with pytest.raises(InvalidInput, match="`probability_b` is named for the class `b`, and stands for `a`"):
        hub.evaluate(flags, **asked, probabilities=["probability_b", "probability_a"])


def test_probabilities_follow_their_names(hub: Hub) -> None:
    """In whatever order the data have them; of one that is named, in the order of the classes that are named."""
    turned = {name: NAMED[name] for name in ("probability_yes", "y", "probability_no")}
    asked: list[dict[str, Any]] = [
        {},
        {"classes": ["no", "yes"]},
        {"classes": ["no", "yes"], "probabilities": ["probability_yes"]},
    ]
    for options in asked:
        found = hub.evaluate(turned, target="y", **options)
        assert found.metrics["roc_auc"].value == 1.0
    assert hub.evaluate(NAMED, target="y", classes=["yes", "no"], probabilities=["probability_no"]).classes == (
        "yes",
        "no",
    )


def test_probabilities_of_a_column_of_flags_are_asked_about(hub: Hub) -> None:
    """0 and 1 with numbers between them may be meant either way."""
    data = {"y": _C, "prediction": _P}
    with pytest.raises(InvalidInput, match="whether `prediction` has probabilities of `y` or numbers is not known"):
        hub.evaluate(data, target="y")
    assert hub.evaluate(data, target="y", task="regression").record.task == "regression"
    assert hub.evaluate(data, target="y", probabilities="prediction", classes=[0, 1]).record.task == "binary"


KEYS: dict[str, pa.Array] = {
    "bytes that are no text": pa.array([bytes([255, n % 250, n // 250]) for n in range(N)]),
    "times": pa.array([_NEW_YEAR + dt.timedelta(hours=n) for n in range(N)]),
    "decimals": _decimals(np.arange(N) / 100, pa.decimal128),
    "nothing": pa.nulls(N),
    "runs": pc.run_end_encode(pa.array(np.arange(N) // 2)),
}


@pytest.mark.parametrize("kind", KEYS)
def test_keys_of_many_kinds_tell_rows_apart(hub: Hub, tmp_path: Path, kind: str) -> None:
    table = pa.table({"y": _C, "p": _P, "k": KEYS[kind]})
    with pa.ipc.new_file(tmp_path / "t.arrow", table.schema) as writer:
        writer.write_table(table)
    found = hub.evaluate(tmp_path / "t.arrow", target="y", probabilities=["p"], classes=[0, 1], key="k")
    assert found.record.counted == N


LABELS: Mapping[str, tuple[Any, Any, list[Any]]] = {
    "an integer with nulls, as pandas has it": ([0.0, 1.0, None, 1.0], [0, 1, 1, 0], [0, 1]),
    "a nullable integer": (pd.array([0, 1, None, 1], dtype="Int64"), [0.0, 1.0, 1.0, 0.0], [0, 1]),
    "text and numbers": (["0", "1", None, "1"], [0, 1, 1, 0], [0, 1]),
    "text of floats": (["0.0", "1.0", None, "1.0"], ["0", "1", "1", "0"], ["0", "1"]),
    "truth values": ([False, True, None, True], [False, True, True, False], [False, True]),
    "truth values as text": (["False", "TRUE", None, "true"], [False, True, True, False], [False, True]),
    "decimals": (pa.array([Decimal(0), Decimal(1), None, Decimal(1)], pa.decimal32(5, 0)), [0, 1, 1, 0], [0, 1]),
    "runs": (pc.run_end_encode(pa.array(["0", "1", None, "1"])), [0, 1, 1, 0], [0, 1]),
    "a dictionary": (pa.array(["0", "1", None, "1"]).dictionary_encode(), [0, 1, 1, 0], [0, 1]),
}


@pytest.mark.parametrize("case", LABELS)
def test_labels_pair_up_however_each_column_writes_them(hub: Hub, tmp_path: Path, case: str) -> None:
    actual, predicted, classes = LABELS[case]
    table = pa.table({"y": pa.array(actual) if not isinstance(actual, pa.Array) else actual, "prediction": predicted})
    with pa.ipc.new_file(tmp_path / "t.arrow", table.schema) as writer:
        writer.write_table(table)
    found = hub.evaluate(tmp_path / "t.arrow", target="y", classes=classes)
    assert (found.record.counted, found.record.left_out) == (3, {"no target": 1})
    assert found.confusion == [[1, 0], [1, 1]]
    assert found.metrics["accuracy"].value == pytest.approx(accuracy_score([0, 1, 1], [0, 1, 0]))


def test_columns_without_a_value_are_told_for_what_they_are(hub: Hub) -> None:
    for target, prediction, reason in (
        ([None] * 3, [1.0] * 3, "no value in `y`"),
        ([1.0] * 3, [None] * 3, "no prediction"),
    ):
        for kind in (pa.null(), pa.float64()):
            columns = {
                "y": pa.array(target, kind if target[0] is None else None),
                "prediction": pa.array(prediction, kind if prediction[0] is None else None),
            }
            with pytest.raises(RunFailed, match=f"not one of 3 rows can be evaluated: 3 rows have {reason}"):
                hub.evaluate(columns, target="y", task="regression")
