"""The table of thresholds and the best of them, against scikit-learn and a search over all."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from muster.errors import InvalidInput, NotApplicable
from muster.metrics.classes import measure
from muster.metrics.optimum import best_threshold
from muster.metrics.steps import steps
from muster.metrics.threshold_table import COLUMNS, threshold_table
from muster.profiles.classification import Classification
from tests.metrics.classified import IN_CELLS, Rows, binary, scored

drawn = st.builds(
    binary, seed=st.integers(0, 2**32), rows=st.integers(2, 200), ties=st.booleans(), weighted=st.booleans()
)


@settings(max_examples=40)
@given(drawn)
def test_every_distinct_score_is_a_threshold(rows: Rows) -> None:
    table = threshold_table(rows.profile(), most=None)
    fpr, tpr, thresholds = sk.roc_curve(rows.actual, rows.score, sample_weight=rows.weight, drop_intermediate=False)
    assert table.complete
    assert table.thresholds == pytest.approx(thresholds)
    assert table.tp / (table.tp + table.fn) == pytest.approx(tpr)
    assert table.fp / (table.fp + table.tn) == pytest.approx(fpr, abs=1e-12)


ORACLES: dict[str, Callable[..., float]] = {
    "precision": lambda a, p, w: sk.precision_score(a, p, sample_weight=w, zero_division=np.nan),
    "recall": lambda a, p, w: sk.recall_score(a, p, sample_weight=w),
    "specificity": lambda a, p, w: sk.recall_score(a, p, sample_weight=w, pos_label=0),
    "f1": lambda a, p, w: sk.f1_score(a, p, sample_weight=w),
    "f05": lambda a, p, w: sk.fbeta_score(a, p, beta=0.5, sample_weight=w),
    "f2": lambda a, p, w: sk.fbeta_score(a, p, beta=2, sample_weight=w),
    "jaccard": lambda a, p, w: sk.jaccard_score(a, p, sample_weight=w),
    "accuracy": lambda a, p, w: sk.accuracy_score(a, p, sample_weight=w),
    "balanced_accuracy": lambda a, p, w: sk.balanced_accuracy_score(a, p, sample_weight=w),
    "mcc": lambda a, p, w: sk.matthews_corrcoef(a, p, sample_weight=w),
    "kappa": lambda a, p, w: sk.cohen_kappa_score(a, p, sample_weight=w),
}


@pytest.mark.parametrize("weighted", [False, True])
def test_metrics_of_a_threshold_are_those_of_scikit_learn(weighted: bool) -> None:
    rows = binary(3, 60, ties=True, weighted=weighted)
    table = threshold_table(rows.profile(), most=None)
    assert set(ORACLES) == set(COLUMNS)
    for n, threshold in enumerate(table.thresholds[1:-1], 1):
        labels = (rows.score >= threshold).astype(int)
        for name, oracle in ORACLES.items():
            assert table.metrics[name][n] == pytest.approx(oracle(rows.actual, labels, rows.weight), abs=1e-12), name


def test_counts_in_cells_are_exact_where_a_cell_ends() -> None:
    rows = binary(1, 20_000)
    table = threshold_table(rows.profile(IN_CELLS), most=None)
    assert not table.complete
    for n in range(1, len(table.thresholds), 97):
        positive = rows.score >= table.thresholds[n]
        assert (table.tp[n], table.fp[n]) == (
            (positive & (rows.actual == 1)).sum(),
            (positive & (rows.actual == 0)).sum(),
        )


def test_a_thin_table_has_the_extremes_and_misses_no_step() -> None:
    profile = binary(7, 50_000).profile()
    whole, thin = threshold_table(profile, most=None), threshold_table(profile)
    assert len(thin.thresholds) <= 200 < len(whole.thresholds) == thin.distinct
    assert (thin.thresholds[0], thin.thresholds[-1]) == (np.inf, whole.thresholds[-1])
    for name in ("f1", "mcc", "accuracy"):
        assert np.nanmax(thin.metrics[name]) == np.nanmax(whole.metrics[name])
    for name in ("recall", "specificity"):
        assert np.abs(np.diff(thin.metrics[name])).max() < 0.025
    assert np.abs(np.diff(thin.thresholds[1:])).max() < 0.025


GOALS = ["f1", "mcc", "recall>=0.9", "precision >= 0.6", "alerts<=20", [[0.0, 1.0], [5.0, -2.0]]]


def _worth(rows: Rows, goal: object, threshold: float) -> float:
    """What a goal makes of a threshold, minus infinity where it is not met."""
    positive = rows.score >= threshold
    weight = np.ones(len(positive)) if rows.weight is None else rows.weight
    tp, fp = ((weight * positive)[rows.actual == c].sum() for c in (1, 0))
    fn = weight[rows.actual == 1].sum() - tp
    precision, recall = tp / (tp + fp) if tp + fp else np.nan, tp / (tp + fn)
    match goal:
        case "recall>=0.9":
            return precision if recall >= 0.9 - 1e-12 else -np.inf
        case "precision >= 0.6":
            return recall if precision >= 0.6 - 1e-12 else -np.inf
        case "alerts<=20":
            return recall if tp + fp <= 20 + 1e-9 else -np.inf
        case "mcc" if positive.all() or not positive.any():
            return np.nan  # scikit-learn calls it 0
        case str():
            return ORACLES[goal](rows.actual, positive.astype(int), rows.weight)
        case _:
            return -(fp * 1 + fn * 5 - tp * 2) / weight.sum()


@pytest.mark.parametrize("goal", GOALS, ids=str)
@settings(max_examples=15, deadline=None)
@given(rows=drawn)
def test_no_threshold_is_better_than_the_best(goal: object, rows: Rows) -> None:
    best = best_threshold(rows.profile(), goal)  # type: ignore[arg-type]
    candidates = [*np.unique(rows.score), 1.0]
    worths = [_worth(rows, goal, float(t)) for t in candidates]
    if best.threshold is None:
        assert best.reason
        assert not np.isfinite(worths).any()
        return
    assert best.complete
    reached = _worth(rows, goal, best.threshold)
    if goal == "recall>=0.9":  # the greatest threshold that finds enough, not the greatest precision
        assert reached > -np.inf
        fewer = [(rows.score >= t).sum() < (rows.score >= best.threshold).sum() for t in candidates]
        assert all(w == -np.inf for f, w in zip(fewer, worths, strict=True) if f)
    else:
        assert reached == pytest.approx(np.nanmax(worths), abs=1e-9)
    if best.figure.value is not None:
        sign = -1 if not isinstance(goal, str) else 1
        assert sign * best.figure.value == pytest.approx(reached, abs=1e-9)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32), rows=st.integers(2, 100))
def test_weights_leave_no_rest_where_there_is_no_row(seed: int, rows: int) -> None:
    profile = binary(seed, rows, weighted=True).profile()
    for threshold in (0.0, 1.0):
        assert measure(profile, threshold=threshold, names={"mcc"})["mcc"].value is None
    table = threshold_table(profile)
    assert (table.fn[-1], table.tn[-1], table.tp[0], table.fp[0]) == (0, 0, 0, 0)
    assert np.isnan(table.metrics["mcc"][[0, -1]]).all()


def test_it_stands_in_the_middle_between_two_scores() -> None:
    rows = scored([0, 0, 1, 1], [0.1, 0.4, 0.6, 0.9])
    assert best_threshold(rows.profile(), "f1").threshold == pytest.approx(0.5)
    assert best_threshold(rows.profile(), "alerts<=0").threshold == pytest.approx(0.95)
    assert best_threshold(rows.profile(), "recall>=1").threshold == pytest.approx(0.5)
    assert best_threshold(rows.profile(), [[0, 0], [1, 0]]).threshold == pytest.approx(0.5)
    assert best_threshold(rows.profile(), "precision>=0.5").threshold == 0.0


def test_neighbours_without_a_number_between_them_are_told_apart() -> None:
    above = np.nextafter(0.5, 1.0)
    rows = scored([0, 1], [0.5, above])
    assert best_threshold(rows.profile(), "f1").threshold == above


def test_in_cells_it_divides_the_same_rows() -> None:
    rows = binary(5, 5_000, ties=True)
    for goal in ("f1", "mcc", "recall>=0.9", "precision>=0.6", "alerts<=900"):
        one_by_one, in_cells = (best_threshold(p, goal) for p in (rows.profile(), rows.profile(IN_CELLS)))
        assert one_by_one.threshold is not None
        assert in_cells.threshold is not None
        assert not in_cells.complete
        assert in_cells.figure.value == one_by_one.figure.value
        assert ((rows.score >= in_cells.threshold) == (rows.score >= one_by_one.threshold)).all()


def test_the_figure_has_an_interval_and_its_rows() -> None:
    for goal in GOALS:
        found = best_threshold(binary(2, 3_000).profile(), goal)  # type: ignore[arg-type]
        assert found.figure.low is not None
        assert found.figure.high is not None
        assert found.figure.value is not None
        assert found.figure.low < found.figure.value < found.figure.high
        assert found.figure.rows == 3_000
        assert found.to_json()["threshold"] == found.threshold


@pytest.mark.parametrize(
    ("goal", "said"),
    [
        ("f3", "no goal `f3`"),
        ("recall<=0.9", "wrong side"),
        ("alerts>=3", "wrong side"),
        ("precision>=1.2", "out of range"),
        ("recall>=-", "no number"),
        ([[0, 1, 2], [1, 0, 2]], "shape"),
        ([["a", "b"], ["c", "d"]], "numbers"),
        ([[0, np.inf], [1, 0]], "finite"),
    ],
)
def test_a_goal_that_is_none_is_refused(goal: object, said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        best_threshold(binary(1).profile(), goal)  # type: ignore[arg-type]


def test_what_no_threshold_reaches_is_said() -> None:
    rows = scored([1, 0, 0, 1], [1.0, 1.0, 1.0, 0.3])
    best = best_threshold(rows.profile(), "precision>=0.9")
    assert (best.threshold, best.figure.value) == (None, None)
    assert best.reason == "no threshold has a precision of 0.9; the greatest is 0.5"
    assert best_threshold(rows.profile(), "alerts<=2").reason == "the highest score alone has 3 rows"


def test_nothing_to_choose_from() -> None:
    empty = Classification(2, scores=True)
    assert best_threshold(empty, "f1").reason == "there is no row"
    assert best_threshold(empty, [[0, 1], [1, 0]]).reason == "there is no row"
    assert len(threshold_table(empty).thresholds) == 1
    with pytest.raises(NotApplicable):
        steps(Classification(2, scores=False))


@pytest.mark.parametrize(
    "goal", [*COLUMNS, *GOALS, "recall>=0", "precision>=0", "alerts<=0", "[[0, 1], [1, 0]]"], ids=str
)
def test_no_threshold_is_best_where_a_class_has_no_row(goal: object) -> None:
    score = np.linspace(0.05, 0.95, 50)
    for actual, weight, why in (
        (np.zeros(50), None, "no row is of the class"),
        (np.ones(50), None, "every row is of the class"),
        (np.arange(50) < 25, np.arange(50) >= 25, "no row that weighs something is of the class"),
        (np.arange(50) < 25, np.arange(50) < 25, "every row that weighs something is of the class"),
    ):
        best = best_threshold(scored(actual, score, weight).profile(), goal)  # type: ignore[arg-type]
        if str(goal).startswith("alerts") and why.startswith("every"):
            assert best.threshold is not None, "the budget alone says where"
            continue
        assert (best.threshold, best.figure.value, best.reason, best.figure.reason) == (None, None, why, why)


def test_the_table_goes_to_json() -> None:
    stored = threshold_table(binary(1, ties=True).profile()).to_json()
    assert stored["exact"] is True
    assert stored["rows"] == 300
    assert stored["thresholds"][0] is None  # type: ignore[index]
    assert stored["metrics"]["precision"][0] is None  # type: ignore[index,call-overload]
