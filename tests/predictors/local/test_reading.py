"""Raw answers read by an independent oracle in plain Python, row by row; and what they are taken to mean."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from muster.classes import one_type
from muster.errors import InvalidInput, InvalidModel, ModelFailed
from muster.predictor import Declared, Description
from muster.predictors.local.classes import match, type_of
from muster.predictors.local.deciding import decide
from muster.predictors.local.objectives import objective
from muster.predictors.local.reading import read, wanted
from muster.predictors.order import better_order, never_likely
from muster.records import Reading
from muster.signature import Json, Output, Scalar, Task, canonical

FEW = st.integers(0, 12)


def lists(rows: Sequence[Sequence[float]], width: int, kind: pa.DataType | None = None) -> pa.Array:
    return pa.FixedSizeListArray.from_arrays(pa.array([v for row in rows for v in row], kind or pa.float64()), width)


def raw(**columns: Any) -> pa.RecordBatch:
    return pa.record_batch({n: c if isinstance(c, pa.Array) else pa.array(c) for n, c in columns.items()})


def output(
    task: Any, classes: Sequence[Scalar] = (), *, probabilities: bool = False, kind: pa.DataType | None = None
) -> Output:
    return Output(task, kind or type_of(classes), tuple(classes), probabilities=probabilities)


@st.composite
def class_sets(draw: st.DrawFn) -> tuple[Scalar, ...]:
    kinds: list[st.SearchStrategy[Any]] = [
        st.integers(-3, 30),
        st.text(min_size=1, max_size=4).filter(lambda t: not t.strip().isdigit()),
    ]
    values = draw(st.lists(draw(st.sampled_from(kinds)), min_size=2, max_size=6, unique_by=canonical))
    return tuple(draw(st.sampled_from([values, [False, True]])))


@st.composite
def classified(draw: st.DrawFn) -> tuple[tuple[Scalar, ...], tuple[Scalar, ...], list[Scalar], list[list[float]]]:
    """Native classes, registered ones in another order, labels and rows of probabilities in the native order."""
    native = draw(class_sets())
    registered = tuple(draw(st.permutations(native)))
    labels = draw(st.lists(st.sampled_from(native), max_size=12))
    weights = st.lists(st.floats(0.01, 1), min_size=len(native), max_size=len(native))
    rows = [[w / sum(ws) for w in ws] for ws in (draw(weights) for _ in labels)]
    return native, registered, labels, rows


@given(classified(), st.booleans(), st.sampled_from(["list", "fixed", "columns", "struct"]))
def test_probabilities_follow_the_registered_order_and_labels_stand(given_: Any, own: bool, form: str) -> None:
    native, registered, labels, rows = given_
    columns: dict[str, Any] = {"label": pa.array(labels, type_of(native))} if own else {}
    names: tuple[str, ...] = ("p",)
    if form == "list":
        columns["p"] = pa.array(rows, pa.list_(pa.float64()))
    elif form == "fixed":
        columns["p"] = lists(rows, len(native))
    elif form == "struct":
        columns["p"] = pa.array(
            [dict(zip(map(str, native), r, strict=True)) for r in rows],
            pa.struct([(str(c), pa.float64()) for c in native]),
        )
    else:
        names = tuple(f"p{i}" for i in range(len(native)))
        columns |= {n: pa.array([r[i] for r in rows], pa.float64()) for i, n in enumerate(names)}
    reading = Reading(label="label" if own else None, probabilities=names, classes=native)
    answer = read(raw(**columns), reading, output("multiclass", registered, probabilities=True))
    expected = [[row[native.index(c)] for c in registered] for row in rows]
    assert answer.column("probabilities").to_pylist() == expected
    if own:
        assert answer.column("prediction").to_pylist() == labels
    elif len(native) > 2:
        assert answer.column("prediction").to_pylist() == [
            registered[max(range(len(r)), key=r.__getitem__)] for r in expected
        ]
    else:
        assert answer.column("prediction").to_pylist() == [registered[p[1] >= 0.5] for p in expected]
    assert "error" not in answer.schema.names


@given(st.lists(st.floats(0, 1), max_size=12), st.booleans(), st.booleans())
def test_one_number_is_the_probability_of_the_last_class(values: list[float], as_list: bool, turned: bool) -> None:
    column = lists([[v] for v in values], 1) if as_list else pa.array(values, pa.float64())
    registered = ("yes", "no") if turned else ("no", "yes")
    reading = Reading(probabilities=("p",), classes=("no", "yes"))
    answer = read(raw(p=column), reading, output("binary", registered, probabilities=True))
    place = registered.index("yes")
    assert [p[place] for p in answer.column("probabilities").to_pylist()] == values
    assert [p[1 - place] for p in answer.column("probabilities").to_pylist()] == [1 - v for v in values]
    positive = [v >= 0.5 if not turned else 1 - v >= 0.5 for v in values]
    assert answer.column("prediction").to_pylist() == [registered[p] for p in positive]


@given(st.lists(st.lists(st.floats(-700, 700), min_size=3, max_size=3), max_size=8))
def test_activations_are_what_they_are_called(rows: list[list[float]]) -> None:
    def apply(name: Any, values: list[list[float]], classes: int = 3) -> list[Any]:
        columns = raw(p=lists(values, len(values[0]) if values else classes))
        kind = output("multilabel", list("abc"), probabilities=True, kind=pa.list_(pa.bool_(), 3))
        if name != "sigmoid":
            kind = output("multiclass", list("abc"), probabilities=True)
        return (
            read(columns, Reading(probabilities=("p",), activation=name, classes=tuple("abc")), kind)
            .column("probabilities")
            .to_pylist()
        )

    for found, row in zip(apply("softmax", rows), rows, strict=True):
        high = max(row)
        total = math.fsum(math.exp(v - high) for v in row)
        assert found == pytest.approx([math.exp(v - high) / total for v in row], rel=1e-12, abs=1e-300)
    for found, row in zip(apply("sigmoid", rows), rows, strict=True):
        assert found == pytest.approx([1 / (1 + math.exp(-v)) if v > -700 else 0.0 for v in row], rel=1e-9, abs=1e-300)
    positive = [[abs(v) + 1 for v in row] for row in rows]
    for found, row in zip(apply("normalise", positive), positive, strict=True):
        assert found == pytest.approx([v / sum(row) for v in row])
    for found, row in zip(apply("exp", rows), rows, strict=True):
        assert found == pytest.approx([math.exp(v) for v in row])


LABELS: list[tuple[Any, tuple[Scalar, ...], list[Scalar | None]]] = [
    ([6.0, 7.0], (6, 7), [6, 7]),
    (["6.0", "7"], (6, 7), [6, 7]),
    ([True, False], (False, True), [True, False]),
    (["True", "false"], (False, True), [True, False]),
    ([6, 7], ("6", "7"), ["6", "7"]),
    (pa.array(["b", "a"]).dictionary_encode(), ("a", "b"), ["b", "a"]),
    (pa.array(["b", "a"], pa.large_string()), ("a", "b"), ["b", "a"]),
    (lists([[1], [0]], 1, pa.int64()), (0, 1), [1, 0]),
    ([1, 0], ("no", "yes"), ["yes", "no"]),
    ([1.0, 0.0], ("no", "yes"), ["yes", "no"]),
    (pa.array([1, 0], pa.uint8()), ("no", "yes"), ["yes", "no"]),
    (["a", None], ("a", "b"), ["a", None]),
    ([2, 0], ("no", "yes"), [None, "no"]),
    ([0.5, 1.0], ("no", "yes"), [None, "yes"]),
    ([1, 0], ("1", "two"), ["1", None]),
    ([float("nan"), 1.0], (0, 1), [None, 1]),
]


@pytest.mark.parametrize(("labels", "classes", "expected"), LABELS)
def test_labels_are_matched_by_what_they_say(labels: Any, classes: tuple[Scalar, ...], expected: list[Any]) -> None:
    answer = read(raw(label=labels), Reading(label="label", classes=classes), output("binary", classes))
    assert answer.column("prediction").to_pylist() == expected
    assert answer.column("prediction").type == type_of(classes)
    errors = answer.column("error").to_pylist() if "error" in answer.schema.names else [None] * len(expected)
    assert [e is not None for e in errors] == [e is None for e in expected]


def test_a_row_that_cannot_be_understood_spoils_no_other() -> None:
    reading = Reading(label="label", probabilities=("p",), classes=("no", "yes"))
    batch = raw(label=["no", "maybe", None], p=lists([[0.9, 0.1], [0.5, 0.5], [0.2, 0.8]], 2))
    answer = read(batch, reading, output("binary", ("yes", "no"), probabilities=True))
    assert answer.to_pylist() == [
        {"prediction": "no", "probabilities": [0.1, 0.9], "error": None},
        {
            "prediction": None,
            "probabilities": None,
            "error": "the model answered `maybe`, which is none of its classes (`no`, `yes`)",
        },
        {"prediction": None, "probabilities": None, "error": "the model gave no label"},
    ]


@given(st.lists(st.lists(st.booleans(), min_size=3, max_size=3), max_size=8), st.sampled_from(["bool", "int", "names"]))
def test_several_labels_of_a_row(rows: list[list[bool]], form: str) -> None:
    classes = ("a", "b", "c")
    if form == "names":
        column = pa.array(
            [[c for c, held in zip(classes, row, strict=True) if held] for row in rows], pa.list_(pa.string())
        )
    else:
        column = (
            lists(rows, 3, pa.bool_()) if form == "bool" else lists([[int(v) for v in r] for r in rows], 3, pa.int64())
        )
    kind = output("multilabel", ("c", "a", "b"), kind=pa.list_(pa.bool_(), 3))
    answer = read(raw(label=column), Reading(label="label", classes=classes), kind)
    assert answer.column("prediction").to_pylist() == [[r[2], r[0], r[1]] for r in rows]


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (pa.array([[True, None], [True, False]], pa.list_(pa.bool_())), [None, [True, False]]),
        (pa.array([None, ["a"]], pa.list_(pa.string())), [None, [True, False]]),
        (pa.array([[float("nan"), 1.0], [1.0, 0.0]], pa.list_(pa.float64(), 2)), [None, [True, False]]),
    ],
)
def test_what_a_model_leaves_open_of_several_labels_is_not_no(column: pa.Array, expected: list[Any]) -> None:
    kind = output("multilabel", ("a", "b"), kind=pa.list_(pa.bool_(), 2))
    answer = read(raw(label=column), Reading(label="label", classes=("a", "b")), kind)
    assert answer.column("prediction").to_pylist() == expected


def test_a_label_that_was_never_or_always_there_is_refused() -> None:
    """The one probability that is given of it is that of its absence, or of its presence: which one, no column tells."""
    facts = {**FACTS, "kind": "classifier", "classes": [[0, 1], [0]], "methods": ["predict", "predict_proba"]}
    batch = raw(
        predict=lists([[1, 0]], 2, pa.int64()),
        predict_proba_0=lists([[0.2, 0.8]], 2),
        predict_proba_1=lists([[1.0]], 1),
    )
    with pytest.raises(InvalidModel, match="not trained on rows with and rows without `b`"):
        decide(facts, batch, Declared(task="multilabel", classes=("a", "b")), Description(source=""))


def test_probabilities_of_several_labels_stand_alone() -> None:
    kind = output("multilabel", ("a", "b"), probabilities=True, kind=pa.list_(pa.bool_(), 2))
    each = raw(p0=lists([[0.2, 0.8], [0.7, 0.3]], 2), p1=lists([[0.6, 0.4], [0.5, 0.5]], 2))
    answer = read(each, Reading(probabilities=("p0", "p1"), classes=("a", "b")), kind)
    assert answer.column("probabilities").to_pylist() == [[0.8, 0.4], [0.3, 0.5]]
    assert answer.column("prediction").to_pylist() == [[True, False], [False, True]]


def test_several_targets() -> None:
    targets = {
        "late": output("binary", ("no", "yes"), probabilities=True),
        "delay": Output("regression", pa.float64()),
    }
    kind = Output(
        "multioutput", pa.struct([(n, t.type) for n, t in targets.items()]), probabilities=True, targets=targets
    )
    answer = read(
        raw(late=["yes", "maybe"], delay=[1, 2], late_p=lists([[0.2, 0.8], [0.5, 0.5]], 2)),
        Reading(probabilities=("late_p",)),
        kind,
    )
    assert answer.column("prediction").to_pylist() == [{"late": "yes", "delay": 1.0}, None]
    assert answer.column("probabilities").to_pylist() == [{"late": [0.2, 0.8]}, None]
    assert answer.column("error").to_pylist()[0] is None
    assert "`maybe`" in answer.column("error").to_pylist()[1]


@given(st.lists(st.one_of(st.none(), st.floats(), st.integers(-5, 5).map(float)), max_size=9), st.booleans())
def test_values_are_doubles(values: list[float | None], as_list: bool) -> None:
    column = pa.array(values, pa.float64())
    if as_list:
        column = pa.FixedSizeListArray.from_arrays(column, 1)
    found = (
        read(raw(v=column), Reading(value="v"), Output("regression", pa.float64()))
        .column("prediction")
        .to_numpy(zero_copy_only=False)
    )
    np.testing.assert_array_equal(found, np.array([math.nan if v is None else v for v in values], float))


def test_everything_else_stays_as_it_is() -> None:
    column = pa.array([{"a": [1]}, None])
    kind = Output("other", column.type)
    assert read(raw(v=column), Reading(value="v"), kind).column("prediction").equals(column)
    both = pa.struct([("a", pa.int64()), ("b", pa.string())])
    assert read(raw(a=[1], b=["x"]), Reading(), Output("other", both)).to_pylist() == [
        {"prediction": {"a": 1, "b": "x"}}
    ]
    assert wanted(Reading()) == ()
    assert wanted(Reading(label="l", probabilities=("p", "q"))) == ("l", "p", "q")


CHANGED: dict[str, tuple[pa.RecordBatch, Reading, Output, str]] = {
    "a column is gone": (raw(x=[1]), Reading(value="v"), Output("regression", pa.float64()), "no `v`, .*; it has x"),
    "text for numbers": (raw(v=["x"]), Reading(value="v"), Output("regression", pa.float64()), "`v` holds string"),
    "more classes": (
        raw(p=lists([[0.2, 0.3, 0.5]], 3)), Reading(probabilities=("p",), classes=("a", "b")),
        output("binary", ("a", "b"), probabilities=True), "3 numbers in a row, and there are 2 classes",
    ),
    "fewer columns": (
        raw(p=[0.5], q=[0.5]), Reading(probabilities=("p", "q"), classes=("a", "b", "c")),
        output("multiclass", ("a", "b", "c"), probabilities=True), "gives 2 probabilities for each row, and it has 3 classes",
    ),
    "another type": (raw(v=["x"]), Reading(value="v"), Output("other", pa.int64()), "answered string, and int64 when it was registered"),
    "nested labels": (raw(v=[["x"]]), Reading(label="v", classes=("a", "b")), output("binary", ("a", "b")), "labels are list"),
}  # fmt: skip


@pytest.mark.parametrize("case", CHANGED)
def test_an_answer_of_another_form_than_registered_fails(case: str) -> None:
    batch, reading, kind, message = CHANGED[case]
    with pytest.raises(ModelFailed, match=message) as caught:
        read(batch, reading, kind)
    assert caught.value.hint


def test_rows_of_another_length_are_faults_of_the_row() -> None:
    batch = raw(p=pa.array([[0.2, 0.8], [1.0], None, [0.1, 0.2, 0.7]]))
    found = read(
        batch, Reading(probabilities=("p",), classes=("a", "b")), output("binary", ("a", "b"), probabilities=True)
    )
    rows = found.column("probabilities").to_pylist()
    assert rows[0] == [0.2, 0.8]
    assert all(math.isnan(v) for row in rows[1:] for v in row)


@given(classified(), st.integers(1, 9))
def test_reading_a_part_is_the_part_of_reading(given_: Any, size: int) -> None:
    native, registered, labels, rows = given_
    assume(labels)
    batch = raw(label=pa.array(labels, type_of(native)), p=lists(rows, len(native)))
    reading, kind = (
        Reading(label="label", probabilities=("p",), classes=native),
        output("multiclass", registered, probabilities=True),
    )
    whole = read(batch, reading, kind)
    for start in range(0, batch.num_rows, size):
        assert read(batch.slice(start, size), reading, kind).to_pylist() == whole.slice(start, size).to_pylist()


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0, 1], (0, 1)), ([0.0, 1.0], (0, 1)), (["a", "b"], ("a", "b")), ([False, True], (False, True)), ([0.5, 1.5], ("0.5", "1.5")),
        ([np.int64(3), np.int64(-4)], (3, -4)),
    ],
)  # fmt: skip
def test_classes_are_scalars_of_one_type(values: list[object], expected: tuple[Scalar, ...]) -> None:
    assert one_type(values) == expected
    assert {type(v) for v in one_type(values)} == {type(v) for v in expected}


@pytest.mark.parametrize("values", [[0, "a"], [True, 1], ["a", "a"], ["True", "true"], [1, 1.0]])
def test_classes_that_cannot_be_told_apart_are_refused(values: list[object]) -> None:
    with pytest.raises(InvalidInput) as caught:
        one_type(values)
    assert caught.value.hint


def test_declared_classes_meet_the_model_s_own() -> None:
    assert match(("a", "b"), ()).registered == ("a", "b")
    assert match((), ("b", "a")).native == ("b", "a")
    assert (match((0, 1), ("1", "0")).native, match((0, 1), ("1", "0")).registered) == ((0, 1), ("1", "0"))
    named = match((0, 1, 2), ("low", "mid", "high"))
    assert (named.native, named.registered) == (("low", "mid", "high"), ("low", "mid", "high"))
    assert named.note == "the model knows its classes by numbers: 0 is low, 1 is mid, 2 is high"
    for native, declared in (((1, 2), ("a", "b")), (("a", "b"), ("a", "c")), (("a", "b"), ("a", "b", "c"))):
        with pytest.raises(InvalidInput):
            match(native, declared)


CODED: dict[str, tuple[dict[str, Any], pa.RecordBatch]] = {
    "the model's classes are codes": (
        {"kind": "classifier", "classes": [0, 1, 2], "methods": ["predict"]},
        raw(predict=[0, 1, 2, 0]),
    ),
    "a booster answers places": ({"objective": "multi:softmax"}, raw(predict=[0.0, 1.0, 2.0, 0.0])),
    "its columns have the classes' names": (
        {"kind": "classifier", "classes": [0, 1, 2], "methods": ["predict", "predict_proba"]},
        raw(
            predict=[0, 1, 2, 0],
            predict_proba=pa.array([{"1": p, "2": q, "3": 1 - p - q} for p, q in ((1, 0), (0, 1), (0, 0), (1, 0))]),
        ),
    ),
}


NUMBERED: tuple[tuple[Scalar, ...], ...] = ((1, 2, 3), (3, 1, 2), ("1", "2", "3"))
OTHERS: tuple[tuple[Scalar, ...], ...] = ((10, 20, 30), ("low", "mid", "high"))


@pytest.mark.parametrize(
    ("case", "classes"), [(c, names) for c in CODED for names in NUMBERED + (() if "names" in c else OTHERS)]
)
def test_a_code_is_the_place_of_a_class_and_not_its_name(case: str, classes: tuple[Scalar, ...]) -> None:
    """The code 1 is the second class, also where the first one is called 1."""
    facts, batch = CODED[case]
    found = decide({**FACTS, **facts}, batch, Declared(classes=classes), Description(source=""))
    answer = read(batch, found.reading, found.output)
    names = ("1", "2", "3") if "names" in case else classes
    assert found.output.classes == classes
    assert [str(p) for p in answer.column("prediction").to_pylist()] == [str(names[i]) for i in (0, 1, 2, 0)]
    assert "error" not in answer.schema.names


@pytest.mark.parametrize("case", sorted(CODED))
def test_earlier_versions_do_not_tell_what_a_code_means(case: str) -> None:
    """Where nobody said it of this version: its labels may have been encoded in another order. Names of columns tell."""
    facts, batch = CODED[case]
    inherited = Declared(classes=("high", "low", "mid"), inherited=True)
    if "names" in case:
        names = Declared(classes=(3, 1, 2), inherited=True)
        assert decide({**FACTS, **facts}, batch, names, Description(source="")).output.classes == (3, 1, 2)
        return
    with pytest.raises(InvalidInput, match="nothing tells which of") as caught:
        decide({**FACTS, **facts}, batch, inherited, Description(source=""))
    assert "in the order of those numbers" in caught.value.hint
    called = Declared(classes=(2, 0, 1), inherited=True)
    assert decide({**FACTS, **facts}, batch, called, Description(source="")).output.classes == (2, 0, 1)


def test_codes_in_another_order_are_names() -> None:
    facts = {**FACTS, "objective": "multi:softmax"}
    found = decide(facts, raw(predict=[0.0, 2.0]), Declared(classes=(2, 0, 1)), Description(source=""))
    answer = read(raw(predict=[0.0, 2.0]), found.reading, found.output)
    assert (found.output.classes, answer.column("prediction").to_pylist()) == ((2, 0, 1), [0, 2])


@given(st.integers(2, 6), st.data())
def test_a_right_order_is_never_called_wrong(count: int, data: st.DataObject) -> None:
    """Whatever the probabilities, labels that are the most probable class agree with them."""
    rows = data.draw(st.lists(st.lists(st.floats(0.001, 1), min_size=count, max_size=count), min_size=1, max_size=20))
    scores = np.array([[v / sum(r) for v in r] for r in rows])
    assert better_order(scores, scores.argmax(axis=1)) is None


@given(st.floats(0.05, 0.95), st.lists(st.floats(0, 1), min_size=2, max_size=30))
def test_a_threshold_is_never_called_another_order(threshold: float, values: list[float]) -> None:
    positive = np.array(values)
    assert better_order(np.column_stack([1 - positive, positive]), (positive >= threshold).astype(np.int64)) is None


@given(st.permutations(range(4)), st.integers(0, 1000))
def test_another_order_is_found_and_named(order: list[int], seed: int) -> None:
    assume(order != sorted(order))
    random = np.random.default_rng(seed)
    scores = random.dirichlet([0.4] * 4, size=80)
    labels = scores.argmax(axis=1)
    assume(len(set(labels.tolist())) == 4)
    # Column j of the shuffled scores stands for the class order[j].
    found = better_order(scores[:, order], labels)
    assert found == order


def test_a_few_rows_that_agree_are_not_called_wrong_for_how_their_scores_lie() -> None:
    """By their order alone, the second class's scores would fit the second row better than the third's."""
    scores = np.array([[0.5, 0.05, 0.45], [0.3, 0.3, 0.4]])
    assert better_order(scores, np.array([0, 2])) is None


def test_what_cannot_be_seen_is_not_called_wrong() -> None:
    one_label = np.array([[0.9, 0.1], [0.8, 0.2]]), np.array([1, 1])
    assert better_order(*one_label) is None
    assert better_order(np.empty((0, 2)), np.empty(0, np.int64)) is None
    assert better_order(np.array([[np.nan, 1.0]]), np.array([0])) is None
    assert better_order(np.array([[0.9, 0.1], [0.1, 0.9]]), np.array([-1, -2])) is None


@pytest.mark.parametrize(
    ("told", "task", "form", "activation"),
    [
        ("binary sigmoid:1", "binary", "probabilities", "none"),
        ("binary:logitraw", "binary", "probabilities", "sigmoid"),
        ("multi:softmax", "multiclass", "codes", "none"),
        ("multiclassova num_class:3", "multiclass", "probabilities", "normalise"),
        ("reg:squarederror", "regression", "value", "none"),
        ("rank:ndcg", "other", "value", "none"),
        ("poisson", "regression", "value", "none"),
    ],
)
def test_objectives_tell_what_a_booster_answers(told: str, task: str, form: str, activation: str) -> None:
    found = objective(told)
    assert found is not None
    assert (found.task, found.form, found.activation) == (task, form, activation)
    assert objective("my_own") is None
    assert objective(None) is None


FACTS: dict[str, Any] = {"methods": ["predict"], "classes": None, "kind": None}
DECIDED: dict[str, tuple[dict[str, Any], pa.RecordBatch | None, dict[str, Any], tuple[str, Reading]]] = {
    "labels of declared classes": (
        {},
        raw(predict=["a", "b"]),
        {"classes": ("a", "b", "c")},
        ("multiclass", Reading(label="predict", classes=("a", "b", "c"))),
    ),
    "booleans": ({}, raw(predict=[True, False]), {}, ("binary", Reading(label="predict", classes=(False, True)))),
    "numbers outside of 0 to 1": ({}, raw(predict=[1.5, -2.25]), {}, ("regression", Reading(value="predict"))),
    "a matrix of declared classes": (
        {},
        raw(predict=lists([[0.2, 0.8]], 2)),
        {"classes": ("a", "b")},
        ("binary", Reading(probabilities=("predict",), classes=("a", "b"))),
    ),
    "Muster's own columns": (
        {},
        raw(prediction=["a", "b"], probability_a=[0.9, 0.1], probability_b=[0.1, 0.9]),
        {},
        ("binary", Reading(label="prediction", probabilities=("probability_a", "probability_b"), classes=("a", "b"))),
    ),
    "columns of ONNX": (
        {},
        raw(output_label=[0, 1], output_probability=[{"0": 0.9, "1": 0.1}, {"0": 0.2, "1": 0.8}]),
        {"classes": (0, 1)},
        ("binary", Reading(label="output_label", probabilities=("output_probability",), classes=("0", "1"))),
    ),
    "columns of classes in another order": (
        {},
        raw(yes=[0.2], no=[0.8]),
        {"classes": ("no", "yes")},
        ("binary", Reading(probabilities=("yes", "no"), classes=("yes", "no"))),
    ),
    "logarithms": (
        {"kind": "classifier", "classes": ["a", "b"]},
        raw(predict=["a"], predict_log_proba=lists([[-0.1, math.log(1 - math.exp(-0.1))]], 2)),
        {},
        (
            "binary",
            Reading(label="predict", probabilities=("predict_log_proba",), activation="exp", classes=("a", "b")),
        ),
    ),
    "a label of zeros and ones by an estimator": (
        {"kind": "classifier", "classes": [0, 1]},
        raw(predict=[0.0, 1.0]),
        {},
        ("binary", Reading(label="predict", classes=(0, 1))),
    ),
    "a booster's codes": (
        {"objective": "multi:softmax"},
        raw(predict=[0.0, 2.0]),
        {"classes": ("a", "b", "c")},
        ("multiclass", Reading(label="predict", classes=("a", "b", "c"), codes=True)),
    ),
    "a value, though it looks like a probability": (
        {},
        raw(predict=[0.1, 0.9]),
        {"task": "regression"},
        ("regression", Reading(value="predict")),
    ),
    "facts alone": (
        {"kind": "classifier", "classes": ["a", "b"], "methods": ["predict", "predict_proba"]},
        None,
        {},
        ("binary", Reading(label="predict", probabilities=("predict_proba",), classes=("a", "b"))),
    ),
    "facts of a regressor": ({"kind": "regressor"}, None, {}, ("regression", Reading(value="predict"))),
    "clusters": ({"kind": "clusterer"}, raw(predict=[1, 2]), {}, ("other", Reading(value="predict"))),
}


@pytest.mark.parametrize("case", DECIDED)
def test_what_an_answer_means(case: str) -> None:
    facts, batch, declared, (task, reading) = DECIDED[case]
    found = decide({**FACTS, **facts}, batch, Declared(**declared), Description(source=""))
    assert (found.task, found.reading) == (task, reading)


@pytest.mark.parametrize(
    ("task", "told", "idle"),
    [
        ("regression", {"probabilities": "predict"}, "`probabilities`"),
        ("regression", {"classes": ["z"], "activation": "softmax"}, "`classes`, `activation`"),
        ("other", {"label": "predict"}, "`label`"),
        ("binary", {"label": "predict", "value": "predict", "targets": ["a"]}, "`value`, `targets`"),
    ],
)
def test_nothing_that_is_told_of_an_answer_is_passed_over(task: Task, told: dict[str, Json], idle: str) -> None:
    declared = Declared(task=task, classes=(0, 1) if task == "binary" else (), output=told)
    with pytest.raises(InvalidInput, match=f"says {idle}, which means nothing for task {task}"):
        decide(FACTS, raw(predict=[0.0, 1.0]), declared, Description(source=""))


def test_scores_that_lie_within_by_chance_are_no_probabilities() -> None:
    facts = {**FACTS, "kind": "classifier", "classes": [0, 1], "methods": ["predict", "predict_proba"]}
    batch = raw(predict=[0, 1, 1], predict_proba=lists([[0.75, 0.25], [0.4, 0.6], [-0.5, 1.5]], 2))
    with pytest.raises(InvalidModel, match=r"no probabilities, by 1 of 3 rows: .*-0.5, 1.5") as caught:
        decide(facts, batch, Declared(), Description(source=""))
    assert "a margin m as" in caught.value.hint


def test_columns_are_read_as_the_classes_that_they_are_named_by() -> None:
    """In whichever order they come, and whichever is declared or known to the model."""
    batch = raw(yes=[0.25], no=[0.75])
    told: list[tuple[tuple[str, ...], list[str] | None, tuple[str, ...]]] = [
        (("no", "yes"), None, ("no", "yes")), (("yes", "no"), None, ("yes", "no")), ((), None, ("yes", "no")),
        ((), ["no", "yes"], ("no", "yes")), (("yes", "no"), ["no", "yes"], ("yes", "no")),
    ]  # fmt: skip
    for declared, native, registered in told:
        facts: dict[str, Any] = {**FACTS, "classes": native}
        found = decide(facts, batch, Declared(classes=declared, task="binary"), Description(source=""))
        answer = read(batch, found.reading, found.output)
        assert found.output.classes == registered
        assert answer.column("probabilities")[0].as_py() == [{"no": 0.75, "yes": 0.25}[c] for c in registered]
        assert answer.column("prediction")[0].as_py() == "no"
    numbered = raw(predict_proba=[{"1": 0.25, "0": 0.75}])
    numbers: dict[str, Any] = {**FACTS, "classes": [0, 1]}
    found = decide(numbers, numbered, Declared(), Description(source=""))
    answer = read(numbered, found.reading, found.output)
    assert (found.output.classes, answer.to_pylist()) == ((0, 1), [{"prediction": 0, "probabilities": [0.75, 0.25]}])


def test_a_class_that_the_model_lacks_is_told_with_both_numbers() -> None:
    facts: dict[str, Any] = {
        **FACTS,
        "kind": "classifier",
        "classes": ["a", "b", "c"],
        "methods": ["predict", "predict_proba"],
    }
    batch = raw(predict=["a"], predict_proba=lists([[0.5, 0.5]], 2))
    with pytest.raises(InvalidModel, match="gives 2 probabilities for each row, and it has 3 classes"):
        decide(facts, batch, Declared(), Description(source=""))
    with pytest.raises(InvalidInput, match="knows one class only"):
        decide({**facts, "classes": ["a"]}, raw(predict=["a"]), Declared(), Description(source=""))
    with pytest.raises(InvalidInput, match="a binary model has 2 classes, and this one has 3"):
        decide(facts, batch, Declared(task="binary"), Description(source=""))


def test_whole_numbers_that_no_double_holds_are_faults_of_their_rows() -> None:
    given = [2**53 + 1, 2**60, 5, 2**63 - 1, None]
    answer = read(
        raw(predict=pa.array(given, pa.int64())), Reading(value="predict"), output("regression", kind=pa.float64())
    )
    assert answer["prediction"].to_pylist()[1:3] == [2.0**60, 5.0]
    errors = answer["error"].to_pylist()
    assert [e is None for e in errors] == [False, True, True, False, True]
    assert errors[0] == "the model answered 9007199254740993, which has more digits than a prediction holds"


def test_large_whole_numbers_register() -> None:
    decision = decide(
        {}, raw(predict=pa.array([2**60, 2**60 + 1])), Declared(task="regression"), Description(source="")
    )
    assert decision.notes == (
        (
            "1 of 2 rows of the probe have no prediction; the first: the model answered 1152921504606846977,"
            " which has more digits than a prediction holds"
        ),
    )


def test_labels_that_are_never_likely_are_noted() -> None:
    facts: dict[str, Json] = {"kind": "classifier", "classes": ["a", "b"], "methods": ["predict", "predict_proba"]}
    rows = {"predict": ["b"] * 4, "predict_proba": lists([[0.9, 0.1]] * 4, 2)}
    (note,) = decide(facts, raw(**rows), Declared(), Description(source="")).notes
    assert note.startswith("the label is in no row of the probe the most probable class: see that `a`, `b`")
    assert (
        decide(facts, raw(**{**rows, "predict": ["b", "b", "b", "a"]}), Declared(), Description(source="")).notes == ()
    )
    assert not never_likely(np.array([[0.5, 0.5]]), np.array([1]))
    assert not never_likely(np.empty((0, 2)), np.empty(0, np.int64))


def test_one_probability_is_one() -> None:
    with pytest.raises(ModelFailed, match="gives 1 probability for each row, and it has 3 classes"):
        read(
            raw(p=[0.5]),
            Reading(probabilities=("p",), classes=("a", "b", "c")),
            output("multiclass", ("a", "b", "c"), probabilities=True),
        )


@pytest.mark.parametrize(("methods", "label"), [(["predict_proba"], None), (["predict", "predict_proba"], "predict")])
def test_unasked_a_classifier_is_read_by_the_methods_that_it_has(methods: list[Json], label: str | None) -> None:
    facts: dict[str, Json] = {"kind": "classifier", "classes": ["a", "b"], "methods": methods}
    found = decide(facts, None, Declared(), Description(source=""))
    assert (found.reading.label, found.reading.probabilities) == (label, ("predict_proba",))
