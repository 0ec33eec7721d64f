"""Labels of rows, however a column says them."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pytest

from muster.profiles.label_columns import Flags, flags_of, flags_of_column, scores_of
from muster.profiles.nested import parsed

NAMES = ("a", "b", "c")
LABELS = [["a", "c"], [], ["b"]]
OWN = [[True, False, True], [False, False, False], [False, True, False]]


@pytest.mark.parametrize(
    "column",
    [
        pa.array(OWN),
        pa.array(OWN, pa.list_(pa.bool_(), 3)),
        pa.array(OWN, pa.large_list(pa.bool_())),
        pa.array([[int(f) for f in row] for row in OWN]),
        pa.array([[float(f) for f in row] for row in OWN]),
        pa.array(LABELS),
        pa.array(LABELS, pa.list_(pa.dictionary(pa.int32(), pa.string()))),
        pa.array([json.dumps(row) for row in OWN]),
        pa.array([json.dumps(row) for row in LABELS]),
        pa.array([json.dumps(row) for row in LABELS]).dictionary_encode(),
        pa.array([None, *LABELS])[1:],
        pa.array([[True] * 3, *OWN], pa.list_(pa.bool_(), 3))[1:],
    ],
    ids=str,
)
def test_flags_and_names_say_the_same(column: pa.Array) -> None:
    found = flags_of(column, NAMES)
    assert found.own.tolist() == OWN
    assert not found.absent.any()
    assert not found.wrong.any()
    assert not found.unknown


def _told(found: Flags) -> tuple[list[bool], list[bool], dict[str, list[bool]]]:
    return found.absent.tolist(), found.wrong.tolist(), {k: m.tolist() for k, m in found.unknown.items()}


def test_what_is_no_list_of_labels_is_told_by_row() -> None:
    rows = pa.array([None, ["a", None], ["a", "z"], ["b"]])
    absent, wrong, unknown = _told(flags_of(rows, NAMES))
    assert absent == [True, False, False, False]
    assert wrong == [False, True, False, False]
    assert unknown == {"z": [False, False, True, False]}
    rows = pa.array([None, [True, None, False], [True, False], [True, False, True]])
    absent, wrong, unknown = _told(flags_of(rows, NAMES))
    assert absent == [True, False, False, False]
    assert wrong == [False, True, True, False]
    texts = pa.array([None, "no json", "[true, false]", "3", "[true, false, true]"])
    absent, wrong, _ = _told(flags_of(texts, NAMES))
    assert absent == [True, False, False, False, False]
    assert wrong == [False, True, True, True, False]
    absent, wrong, _ = _told(flags_of(pa.array([1, 2]), NAMES))
    assert wrong == [True, True]


def test_numbers_are_names_where_the_labels_are_numbers() -> None:
    found = flags_of(pa.array([[7, 9], [8]]), (7, 8, 9))
    assert found.own.tolist() == [[True, False, True], [False, True, False]]
    assert flags_of(pa.array([["7.0"]]), (7, 8, 9)).own.tolist() == [[True, False, False]], "labels are equal as texts"


def test_a_column_for_a_label_holds_true_and_false_or_1_and_0() -> None:
    for column in (pa.array([True, False, None]), pa.array([1, 0, None]), pa.array(["1.0", "False", None])):
        found = flags_of_column(column)
        assert found.own.tolist() == [[True], [False], [False]]
        assert found.absent.tolist() == [False, False, True]
    assert flags_of_column(pa.array([2, 1])).wrong.tolist() == [True, False]


def test_probabilities_of_lists() -> None:
    column = pa.array([[0.1, 0.2], None, [0.3], [0.4, None]])
    found, absent, wrong = scores_of(column, 2)
    assert absent.tolist() == [False, True, False, False]
    assert wrong.tolist() == [False, False, True, False]
    assert found[0].tolist() == [0.1, 0.2]
    assert np.isnan(found[3, 1])
    texts = pa.array(["[0.1, 0.2]", "[0, 1]", None, "nothing"])
    found, absent, wrong = scores_of(texts, 2)
    assert found[:2].tolist() == [[0.1, 0.2], [0.0, 1.0]]
    assert (absent | wrong).tolist() == [False, False, True, True]


def test_structs_of_texts() -> None:
    kind = pa.struct({"price": pa.float64(), "kind": pa.string()})
    texts = pa.array(['{"price": 1, "kind": "a"}', None, '{"price": 2.5}'])
    assert parsed(texts, kind).to_pylist() == [{"price": 1.0, "kind": "a"}, None, {"price": 2.5, "kind": None}]
    odd = pa.array(['{"price": "much", "kind": "a"}', "no json", '{"price": 2.5, "kind": "b", "more": 1}', "[1]"])
    nothing = {"price": None, "kind": None}
    assert parsed(odd, kind).to_pylist() == [nothing | {"kind": "a"}, nothing, {"price": 2.5, "kind": "b"}, nothing]
