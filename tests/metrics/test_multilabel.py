"""Metrics of labels against scikit-learn's, on random and on adversarial rows."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from muster.metrics.classes import measure as measure_classes
from muster.metrics.figure import Interval
from muster.metrics.label_table import label_table
from muster.metrics.multilabel import MULTILABEL, dummy, measure, paired
from muster.profiles.rankings import rankings
from tests.metrics.labelled import Rows, drawn

Oracle = Callable[[Rows], float]
_AVERAGES = ("macro", "micro", "weighted", "samples")


def _shares(of: Callable[..., Any], average: str) -> Oracle:
    """scikit-learn's, for which an undefined term is left out rather than 0."""

    def oracle(rows: Rows) -> float:
        options: dict[str, Any] = {"average": average, "zero_division": np.nan}
        return float(of(rows.actual, rows.predicted, sample_weight=rows.weight, **options))

    return oracle


def _jaccard(average: str) -> Oracle:
    """Of the rows or labels for which it is defined."""

    def oracle(rows: Rows) -> float:
        y, p, weight = rows.actual, rows.predicted, rows.weight
        weights = np.ones(len(y)) if weight is None else weight
        if average == "micro":
            return float(sk.jaccard_score(y.ravel(), p.ravel(), sample_weight=np.repeat(weights, y.shape[1])))
        if average == "samples":
            keep = (y | p).any(1)
            return float(sk.jaccard_score(y[keep], p[keep], average=average, sample_weight=weights[keep]))
        each = [sk.jaccard_score(a, b, sample_weight=weights) for a, b in zip(y.T, p.T, strict=True)]
        return float(np.average(each, weights=(y | p).any(0) if average == "macro" else weights @ y))

    return oracle


def _scored(of: Callable[..., Any], **options: Any) -> Oracle:
    return lambda rows: float(of(rows.actual, rows.given, sample_weight=rows.weight, **options))


def _labelled(of: Callable[..., Any]) -> Oracle:
    return lambda rows: float(of(rows.actual, rows.predicted, sample_weight=rows.weight))


def _of_labels(of: Callable[..., Any]) -> Oracle:
    """The mean over labels."""
    return lambda rows: float(
        np.mean([of(y, p, sample_weight=rows.weight) for y, p in zip(rows.actual.T, rows.given.T, strict=True)])  # type: ignore[union-attr]
    )


def _log_loss(y: Any, p: Any, sample_weight: Any) -> float:
    return float(sk.log_loss(y, p, sample_weight=sample_weight, labels=[False, True]))


def _brier(y: Any, p: Any, sample_weight: Any) -> float:
    return float(np.average((p - y) ** 2, weights=sample_weight))


ORACLES: dict[str, Oracle] = {
    **{f"precision_{a}": _shares(sk.precision_score, a) for a in _AVERAGES},
    **{f"recall_{a}": _shares(sk.recall_score, a) for a in _AVERAGES},
    **{f"f1_{a}": _shares(sk.f1_score, a) for a in _AVERAGES},
    **{f"jaccard_{a}": _jaccard(a) for a in _AVERAGES},
    **{f"roc_auc_{a}": _scored(sk.roc_auc_score, average=a) for a in ("macro", "micro", "weighted")},
    **{f"average_precision_{a}": _scored(sk.average_precision_score, average=a) for a in ("macro", "micro", "weighted")},
    "subset_accuracy": _labelled(sk.accuracy_score),
    "hamming_loss": _labelled(sk.hamming_loss),
    "log_loss": _of_labels(_log_loss),
    "brier": _of_labels(_brier),
    "label_ranking_average_precision": _scored(sk.label_ranking_average_precision_score),
    "label_ranking_loss": _scored(sk.label_ranking_loss),
    "coverage_error": _scored(sk.coverage_error),
    "labels_per_row": lambda rows: float(np.average(rows.actual.sum(1), weights=rows.weight)),
    "predicted_labels_per_row": lambda rows: float(np.average(rows.predicted.sum(1), weights=rows.weight)),
}  # fmt: skip


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """scikit-learn warns where it gives a number for what is not defined."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@pytest.mark.parametrize("labels", [1, 2, 5, 30])
@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
def test_metrics_are_those_of_scikit_learn(labels: int, ties: bool, weighted: bool) -> None:
    rows = drawn(labels, 300, labels, ties=ties, weighted=weighted)
    found = measure(rows.profile(), rows.names)
    for name, oracle in ORACLES.items():
        if labels == 1 and name in _NOT_OF_ONE:
            continue
        assert found[name].value == pytest.approx(oracle(rows), rel=1e-9), name
        assert found[name].exact, name
    for average in ("macro", "micro", "weighted") if labels > 1 else ():
        flipped = Rows(~rows.actual, ~rows.predicted, weight=rows.weight)
        if average == "weighted":  # by the rows that have the label, which those of the flipped ones are not
            each = sk.recall_score(flipped.actual, flipped.predicted, average=None, sample_weight=rows.weight)
            expected = np.average(each, weights=np.average(rows.actual, axis=0, weights=rows.weight))
        else:
            expected = sk.recall_score(flipped.actual, flipped.predicted, average=average, sample_weight=rows.weight)
        assert found[f"specificity_{average}"].value == pytest.approx(expected), average
    covered = {*ORACLES, "calibration_loss", *(f"specificity_{a}" for a in ("macro", "micro", "weighted"))}
    assert covered == {m.name for m in MULTILABEL}, "each metric has an oracle"


_NOT_OF_ONE = {
    *(f"{m}_{a}" for m in ("precision", "recall", "f1", "jaccard") for a in _AVERAGES),
    *("label_ranking_average_precision", "label_ranking_loss", "coverage_error"),
}
"""scikit-learn takes one column for two classes."""

flags = st.lists(st.lists(st.booleans(), min_size=3, max_size=3), min_size=1, max_size=12)


@settings(max_examples=40, deadline=None)
@given(flags, st.randoms(use_true_random=False))
def test_any_rows_have_the_figure_or_a_reason(actual: list[list[bool]], random: Any) -> None:
    y = np.array(actual)
    p = np.array([[random.choice([0.0, 0.25, 0.5, 0.5, 0.75, 1.0]) for _ in row] for row in actual])
    rows = Rows(y, p >= 0.5, p)
    found = measure(rows.profile(), ["a", "b", "c"])
    for name, figure in found.items():
        assert (figure.value is None) <= bool(figure.reason), name
        if figure.value is None or name not in ORACLES:
            continue
        assert figure.value == pytest.approx(ORACLES[name](rows), abs=1e-12), name
    defined = np.asarray(y.any(0) & ~y.all(0))
    assert (found["roc_auc_macro"].value is not None) == defined.all()
    assert (found["average_precision_macro"].value is not None) == y.any(0).all()
    told = found["roc_auc_macro"].reason
    assert all((f"`{n}`" in told) == (not ok) for n, ok in zip("abc", defined.tolist(), strict=True)) or defined.all()


@settings(max_examples=150, deadline=None)
@given(flags, st.randoms(use_true_random=False))
def test_rankings_are_those_of_scikit_learn(actual: list[list[bool]], random: Any) -> None:
    y = np.array(actual)
    scores = np.array([[random.choice([0.0, 0.25, 0.5, 1.0]) for _ in row] for row in actual])
    precision, coverage, loss = (found.mean() for found in rankings(y, scores))
    assert precision == pytest.approx(sk.label_ranking_average_precision_score(y, scores))
    assert coverage == pytest.approx(sk.coverage_error(y, scores))
    assert loss == pytest.approx(sk.label_ranking_loss(y, scores))


def test_a_row_without_labels_is_none_that_is_wrong() -> None:
    """scikit-learn counts it as 0 unless told otherwise."""
    y = np.array([[True, False], [False, False]])
    found = measure(Rows(y, y).profile(), ["a", "b"])
    assert found["f1_samples"].value == 1.0
    assert found["f1_samples"].rows == 1, "the rows it rests on"
    assert found["subset_accuracy"].value == 1.0
    assert found["subset_accuracy"].rows == 2


def test_what_is_not_defined_says_which_label_makes_it_so() -> None:
    y, nothing = np.array([[True, True], [True, False]]), np.zeros((2, 2), np.bool_)
    found = measure(Rows(y, nothing).profile(), ["old", "new"])
    assert found["precision_macro"].value is None
    assert found["precision_macro"].reason == "the label occurs and was never predicted: `old`, `new`"
    assert found["precision_micro"].reason == "no label was predicted"
    assert found["precision_samples"].reason == "no row has a predicted label"
    assert found["f1_macro"].value == 0.0
    assert found["roc_auc_macro"].reason == "it needs probabilities, and there are only labels"
    empty = measure(Rows(nothing[:0], nothing[:0]).profile(), ["old", "new"])
    assert {figure.value for figure in empty.values()} == {None}
    assert empty["hamming_loss"].reason == "there is no row"
    all_true = measure(Rows(~nothing, ~nothing, np.ones((2, 2))).profile(), ["old", "new"])
    assert all_true["specificity_macro"].reason == "each row has the label: `old`, `new`"
    assert all_true["roc_auc_micro"].value is None
    assert all_true["label_ranking_average_precision"].value == 1.0


def test_a_label_by_itself_has_the_figures_of_two_classes() -> None:
    rows = drawn(3)
    profile = rows.profile()
    assert rows.given is not None
    for n, label in enumerate(profile.labels):
        found = measure_classes(label)
        assert found["roc_auc"].value == pytest.approx(sk.roc_auc_score(rows.actual[:, n], rows.given[:, n]))
        assert found["f1"].value == pytest.approx(sk.f1_score(rows.actual[:, n], rows.predicted[:, n]))
    table = label_table(profile, rows.names)
    assert table.support == tuple(rows.actual.sum(0))
    assert [f.value for f in table.figures["prevalence"]] == pytest.approx(rows.actual.mean(0))


@pytest.mark.parametrize("weighted", [False, True])
def test_other_thresholds_need_no_second_pass(weighted: bool) -> None:
    rows = drawn(5, weighted=weighted)
    at = [0.2, 0.4, 0.6, 0.8]
    assert rows.given is not None
    other = Rows(rows.actual, rows.given >= np.array(at), rows.given, rows.weight)
    found, direct = measure(rows.profile(), rows.names, thresholds=at), measure(other.profile(), rows.names)
    for name in ("f1_macro", "f1_micro", "precision_weighted", "recall_macro", "hamming_loss", "specificity_micro"):
        assert found[name].value == pytest.approx(direct[name].value), name
    assert found["predicted_labels_per_row"].value == pytest.approx(direct["predicted_labels_per_row"].value)
    assert found["subset_accuracy"].value is None
    assert "labels of each row together" in found["subset_accuracy"].reason


def test_in_cells_figures_are_within_their_bounds() -> None:
    random = np.random.default_rng(4)
    rows = drawn(6, 50_000, 2)
    profile = Rows(rows.actual, rows.predicted, rows.given).profile()
    assert profile.labels[0].exact is None, "more scores than are kept one by one"
    found = measure(profile, rows.names)
    for name in ("roc_auc_macro", "roc_auc_micro", "average_precision_weighted"):
        assert 0 < found[name].bound < 1e-3, name
        assert abs(found[name].value - ORACLES[name](rows)) <= found[name].bound, name  # type: ignore[operator]
    at = random.random(2).tolist()
    assert rows.given is not None
    direct = measure(Rows(rows.actual, rows.given >= np.array(at)).profile(), rows.names)
    for name in ("f1_macro", "recall_micro", "hamming_loss", "jaccard_weighted"):
        figure = measure(profile, rows.names, thresholds=at)[name]
        assert abs(figure.value - direct[name].value) <= figure.bound + 1e-12, name  # type: ignore[operator]


def test_few_rows_have_no_intervals_but_those_of_shares() -> None:
    rows = drawn(7, 25)
    found = measure(rows.profile(), rows.names)
    assert found["f1_micro"].low is None
    assert found["f1_micro"].reason == "there are fewer than 30 rows"
    assert found["subset_accuracy"].method == "wilson"
    rare = drawn(8, 400)
    rare.actual[:, 0] = False
    rare.actual[:5, 0] = True
    found = measure(rare.profile(), rare.names)
    assert found["f1_macro"].low is None
    assert found["f1_micro"].low is not None
    right = drawn(9, 400)
    perfect = measure(Rows(right.actual, right.actual, right.given).profile(), right.names)
    assert perfect["f1_samples"].low is None
    assert perfect["f1_samples"].reason == "fewer than 20 rows are predicted wrong"


def test_many_labels_keep_the_folds_of_rows() -> None:
    rows = drawn(10, 400, 30)
    found = measure(rows.profile(), rows.names)
    for name in ("f1_micro", "f1_samples", "hamming_loss", "label_ranking_loss", "subset_accuracy"):
        assert found[name].low is not None, name
    assert found["roc_auc_macro"].reason == "of so many labels no folds of the rows are kept"


def test_parts_have_figures_and_no_folds() -> None:
    rows = drawn(11)
    whole, part = measure(rows.profile(), rows.names), measure(rows.profile(segment=True), rows.names)
    for name in ORACLES:
        assert part[name].value == pytest.approx(whole[name].value, rel=1e-9), name
    assert part["f1_micro"].low is None


def test_the_dummy_knows_how_often_labels_occur() -> None:
    rows = drawn(12)
    share = rows.actual.mean(0)
    constant = np.tile(share, (len(rows.actual), 1))
    known = Rows(rows.actual, constant > 0.5, constant)
    found = dummy(rows.profile())
    for name in ("roc_auc_macro", "roc_auc_micro", "log_loss", "brier", "f1_macro", "recall_micro", "hamming_loss"):
        assert found[name] == pytest.approx(measure(known.profile(), rows.names)[name].value, abs=1e-9), name
    rare = Rows(
        rows.actual & (np.arange(len(share)) > 0) & (np.random.default_rng(1).random(rows.actual.shape) < 0.5),
        rows.predicted,
    )
    assert dummy(rare.profile())["subset_accuracy"] == pytest.approx((~rare.actual.any(1)).mean())


def test_paired_differences_are_of_each_fold() -> None:
    one = drawn(13)
    other = Rows(one.actual, one.actual ^ (np.random.default_rng(2).random(one.actual.shape) < 0.1), one.given)
    found = paired(one.profile(), other.profile())
    first, second = (measure(r.profile(), r.names) for r in (one, other))
    scored = {m.name for m in MULTILABEL if m.scores}
    for name, values in found.items():
        if name in scored:
            assert isinstance(values, Interval)
            assert values.reason == "the scores of both say the same of all rows that count for it"
            continue
        assert isinstance(values, np.ndarray)
        assert len(values) == 64
        assert values.mean() == pytest.approx(second[name].value - first[name].value, abs=0.02), name  # type: ignore[operator]


def test_labels_that_differ_on_few_rows_have_no_interval_of_the_difference() -> None:
    one = drawn(13)
    predicted = one.predicted.copy()
    predicted[:5] = ~predicted[:5]
    found = paired(one.profile(), Rows(one.actual, predicted, one.given).profile())
    assert {name for name, values in found.items() if isinstance(values, np.ndarray)} == set()
    few = found["hamming_loss"]
    assert isinstance(few, Interval)
    assert few.reason == "the labels of both differ on too few rows"


def test_few_labels_that_are_right_have_no_intervals() -> None:
    rows = drawn(14)
    few = rows.predicted & rows.actual & (np.cumsum(rows.predicted & rows.actual, axis=0) <= 2)
    rare = Rows(rows.actual, few, rows.given)
    found = measure(rare.profile(), rows.names)
    for name in ("recall_micro", "f1_weighted", "jaccard_samples", "precision_samples"):
        assert found[name].reason == "fewer than 10 labels are predicted right", name
    assert found["hamming_loss"].low is not None
    assert found["label_ranking_loss"].low is not None
    seldom = rows.actual & (np.arange(400) < 90)[:, None]
    ranked = measure(Rows(seldom, rows.predicted, rows.given).profile(), rows.names)
    assert ranked["label_ranking_loss"].reason == "fewer than 100 rows have a label"
    assert ranked["recall_micro"].low is not None
