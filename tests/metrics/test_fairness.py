"""Fairness against its definitions, computed row by row with scikit-learn."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix, precision_score, recall_score, roc_auc_score

from muster.errors import InvalidInput, NotApplicable
from muster.metrics.disparity import over, spread
from muster.metrics.fairness import Fairness
from muster.metrics.figure import Figure, figure
from muster.metrics.groups import RATES, Measurement
from muster.metrics.intervals import wilson
from muster.profiles.classification import SEGMENT, Extent
from muster.profiles.keys import hash_rows
from muster.profiles.regression import SEGMENT as NUMBERS
from muster.profiles.regression import Predicted, Regression
from tests.metrics.classified import IN_CELLS, Floats, Ints, Rows, binary, several

DIFFERENCES = ("demographic_parity", "equal_opportunity", "predictive_parity")


def _grouped(rows: Rows, shares: Mapping[str, float], seed: int = 5) -> Ints:
    random = np.random.default_rng(seed)
    return random.choice(list(shares), len(rows.actual), p=list(shares.values()))


def _some(rows: Rows, kept: np.typing.NDArray[np.bool_]) -> Rows:
    weight = None if rows.weight is None else rows.weight[kept]
    return Rows(rows.actual[kept], rows.predicted[kept], rows.given[kept], weight)


def _fairness(rows: Rows, groups: Ints, extent: Extent = SEGMENT, classes: int = 2) -> Fairness:
    parts: dict[str, Measurement] = {g: _some(rows, groups == g).profile(extent) for g in np.unique(groups).tolist()}
    return Fairness("sex", parts, [f"c{n}" for n in range(classes)])


def _rates(actual: Ints, predicted: Ints, weight: Floats | None) -> dict[str, float]:
    tn, fp, fn, tp = confusion_matrix(actual, predicted, labels=[0, 1], sample_weight=weight).ravel().tolist()
    total = tn + fp + fn + tp
    return {
        "selection_rate": (tp + fp) / total,
        "accuracy": (tp + tn) / total,
        "true_positive_rate": recall_score(actual, predicted, sample_weight=weight),
        "false_positive_rate": 1 - recall_score(actual, predicted, sample_weight=weight, pos_label=0),
        "true_negative_rate": recall_score(actual, predicted, sample_weight=weight, pos_label=0),
        "false_negative_rate": fn / (fn + tp),
        "positive_predictive_value": precision_score(actual, predicted, sample_weight=weight),
        "negative_predictive_value": precision_score(actual, predicted, sample_weight=weight, pos_label=0),
        "base_rate": (tp + fn) / total,
    }


def _measures(rates: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    """As fairlearn has them: over groups, the greatest less the least, and the least over the greatest."""

    def difference(name: str) -> float:
        values = [r[name] for r in rates.values()]
        return max(values) - min(values)

    def ratio(name: str) -> float:
        values = [r[name] for r in rates.values()]
        return min(values) / max(values)

    of = {
        "demographic_parity": "selection_rate",
        "equal_opportunity": "true_positive_rate",
        "predictive_parity": "positive_predictive_value",
    }
    found = {f"{name}_difference": difference(rate) for name, rate in of.items()}
    found |= {f"{name}_ratio": ratio(rate) for name, rate in of.items()}
    odds = ("true_positive_rate", "false_positive_rate")
    found["equalized_odds_difference"] = max(map(difference, odds))
    found["equalized_odds_ratio"] = min(map(ratio, odds))
    return found


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("shares", [{"F": 0.4, "M": 0.6}, {"a": 0.5, "b": 0.3, "c": 0.2}])
def test_rates_and_measures_are_those_of_their_definitions(shares: Mapping[str, float], weighted: bool) -> None:
    rows = binary(3, 1_500, weighted=weighted)
    groups = _grouped(rows, shares)
    found = _fairness(rows, groups)
    expected = {}
    for group in shares:
        own = _some(rows, groups == group)
        expected[group] = _rates(own.actual, own.predicted, own.weight)
        assert {n: found[group][n].value for n in RATES} == pytest.approx(expected[group], abs=1e-12)
        auc = roc_auc_score(own.actual, own.score, sample_weight=own.weight)
        assert found[group]["roc_auc"].value == pytest.approx(auc, abs=1e-12)
        apart = np.average(own.score - own.actual, weights=own.weight)
        assert found[group]["calibration_in_the_large"].value == pytest.approx(apart, abs=1e-12)
    assert {n: f.value for n, f in found.measures.items()} == pytest.approx(_measures(expected), abs=1e-12)


def test_another_threshold_needs_no_second_pass() -> None:
    rows = binary(4, 2_000)
    groups = _grouped(rows, {"F": 0.4, "M": 0.6})
    strict = Rows(rows.actual, (rows.score >= 0.7).astype(np.int64), rows.given)
    again = _fairness(rows, groups).at(0.7)
    for name, own in _fairness(strict, groups).measures.items():
        assert (again.measures[name].value, again.measures[name].low) == (own.value, own.low)
    assert again.threshold == 0.7
    with pytest.raises(InvalidInput):
        again.at(1.2)


def test_a_threshold_within_a_cell_of_scores_is_told_with_its_bound() -> None:
    rows = binary(6, 4_000)
    groups = _grouped(rows, {"F": 0.4, "M": 0.6})
    truth = _fairness(rows, groups).at(0.4321)
    coarse = _fairness(rows, groups, Extent(1, 16, folds=False)).at(0.4321)
    bounds = 0
    for group in groups[:2].tolist():
        for name in RATES:
            one, exact = coarse[group][name], truth[group][name]
            assert one.value is not None
            assert exact.value is not None
            assert abs(one.value - exact.value) <= one.bound + 1e-12
            bounds += one.bound > 0
    assert bounds
    for name, one in coarse.measures.items():
        exact = truth.measures[name]
        assert one.value is not None
        assert exact.value is not None
        assert abs(one.value - exact.value) <= one.bound + 1e-12


def test_small_groups_are_told_and_decide_nothing() -> None:
    rows = binary(7, 1_000)
    groups = _grouped(rows, {"F": 0.4, "M": 0.6}).astype("<U5")
    without = _fairness(rows, groups)
    some = np.flatnonzero(rows.predicted == 0)[:29]  # never selected: it would break every rule
    more = Rows(*(np.concatenate([a, a[some]]) for a in (rows.actual, rows.predicted, rows.given)))
    found = _fairness(more, np.concatenate([groups, np.full(29, "small")]))
    assert found["small"].small
    assert found["small"]["selection_rate"].value == 0
    assert found.measures == without.measures
    assert found.four_fifths == without.four_fifths
    one_more = Rows(*(np.concatenate([a, a[some], a[some[:1]]]) for a in (rows.actual, rows.predicted, rows.given)))
    large = _fairness(one_more, np.concatenate([groups, np.full(30, "small")]))
    assert large.four_fifths.failing == ("small",)


@pytest.mark.parametrize(("rate", "passed"), [(0.40, True), (0.39, False)])
def test_the_four_fifths_rule_says_which_group_breaks_it(rate: float, passed: bool) -> None:
    actual = np.tile([0, 1], 100)
    predicted = np.concatenate([np.arange(100) < 50, np.arange(100) < 100 * rate]).astype(np.int64)
    given = np.full((200, 2), 0.5)
    found = _fairness(Rows(actual, predicted, given), np.repeat(["M", "F"], 100)).four_fifths
    assert (found.passed, found.most) == (passed, "M")
    assert found.failing == (() if passed else ("F",))
    assert found.ratios["F"] == pytest.approx(rate / 0.5)


def test_what_is_not_defined_says_why() -> None:
    rows = binary(8, 400)
    alone = _fairness(rows, np.repeat("M", 400))
    assert alone.four_fifths.passed is None
    assert alone.four_fifths.reason == "fewer than two groups have 30 rows"
    assert {f.value for f in alone.measures.values()} == {None}
    groups = np.where(rows.actual == 1, "M", "F")  # no row of F is of the class
    found = _fairness(rows, groups).measures
    assert found["equal_opportunity_ratio"].reason == "of `F` it is not known: no row is of the class"
    assert found["equalized_odds_difference"].value is None
    assert found["demographic_parity_ratio"].value is not None
    never = Rows(rows.actual, np.zeros(400, np.int64), rows.given)
    unselected = _fairness(never, _grouped(rows, {"F": 0.5, "M": 0.5}))
    assert unselected.measures["demographic_parity_difference"].value == 0
    assert unselected.measures["demographic_parity_ratio"].reason == "it is 0 in every group"
    assert unselected.four_fifths.passed is None


def test_an_interval_there_is_of_two_groups_and_of_no_more() -> None:
    rows = binary(9, 1_200)
    two = _fairness(rows, _grouped(rows, {"F": 0.4, "M": 0.6})).measures
    three = _fairness(rows, _grouped(rows, {"a": 0.4, "b": 0.3, "c": 0.3})).measures
    for name in ("demographic_parity_difference", "demographic_parity_ratio", "equal_opportunity_ratio"):
        one = two[name]
        assert one.value is not None
        assert one.low is not None
        assert one.high is not None
        assert 0 <= one.low <= one.value <= one.high
        assert three[name].low is None
        assert "several groups" in three[name].reason
    assert two["equalized_odds_ratio"].low is None


def test_each_group_is_compared_with_the_largest_or_any_other() -> None:
    rows = binary(10, 900)
    found = _fairness(rows, _grouped(rows, {"F": 0.2, "M": 0.5, "X": 0.3}))
    assert found.reference == "M"
    one, other = found["M"]["selection_rate"].value, found["F"]["selection_rate"].value
    assert one is not None
    assert other is not None
    assert found.differences["F"]["selection_rate"].value == pytest.approx(other - one)
    assert found.ratios["F"]["selection_rate"].value == pytest.approx(other / one)
    turned = found.against("F")
    assert turned.differences["M"]["selection_rate"].value == pytest.approx(one - other)
    assert turned.measures == found.measures
    with pytest.raises(InvalidInput, match="no group `f`"):
        found.against("f")


def test_of_several_classes_the_worst_one_is_named() -> None:
    rows = several(11, 3, 3_000)
    groups = _grouped(rows, {"F": 0.4, "M": 0.6})
    found = _fairness(rows, groups, classes=3)
    for label in range(3):
        own = found.of(f"c{label}")
        expected = {
            g: _rates(
                (rows.actual[groups == g] == label).astype(np.int64),
                (rows.predicted[groups == g] == label).astype(np.int64),
                None,
            )
            for g in ("F", "M")
        }
        assert {n: own["F"][n].value for n in RATES} == pytest.approx(expected["F"], abs=1e-12)
        assert {n: f.value for n, f in own.measures.items()} == pytest.approx(_measures(expected), abs=1e-12)
        auc = roc_auc_score(rows.actual[groups == "F"] == label, rows.given[groups == "F", label])
        assert own["F"]["roc_auc"].value == pytest.approx(auc, abs=1e-12)
    for name, one in found.measures.items():
        each = {label: found.of(label).measures[name].value for label in found.classes}
        known = {label: value for label, value in each.items() if value is not None}
        worst = (min if name.endswith("ratio") else max)(known, key=lambda label: known[label])
        assert (found.worst[name], one.value) == (worst, known[worst])
        assert one.low is None
    assert found["F"]["accuracy"].value == pytest.approx((rows.actual == rows.predicted)[groups == "F"].mean())
    with pytest.raises(NotApplicable):
        found.at(0.5)


def _numbers(actual: Floats, predicted: Floats) -> Regression:
    found = Regression(NUMBERS)
    found.add(Predicted.of(actual, predicted), hash_rows(0, np.arange(len(actual))))
    return found


def test_predicted_numbers_are_compared_by_how_large_and_how_far_off_they_are() -> None:
    random = np.random.default_rng(12)
    actual = random.gamma(2.0, 3.0, 500)
    predicted = actual + random.normal(0.4, 1.0, 500)
    women = np.arange(500) < 200
    found = Fairness(
        "sex", {"F": _numbers(actual[women], predicted[women]), "M": _numbers(actual[~women], predicted[~women])}
    )
    error = predicted - actual
    own = found["F"]
    assert own["mean_prediction"].value == pytest.approx(predicted[women].mean())
    assert own["mean_actual"].value == pytest.approx(actual[women].mean())
    assert own["mean_error"].value == pytest.approx(error[women].mean())
    half = 1.971957 * error[women].std(ddof=1) / np.sqrt(200)  # Student's 97.5 % quantile of 199
    assert own["mean_error"].high == pytest.approx(error[women].mean() + half, rel=1e-6)
    absolute = np.abs(error)
    half = 1.971957 * absolute[women].std(ddof=1) / np.sqrt(200)
    assert own["mae"].low == pytest.approx(absolute[women].mean() - half, rel=1e-6)
    means = [absolute[women].mean(), absolute[~women].mean()]
    assert found.measures["mae_difference"].value == pytest.approx(max(means) - min(means))
    assert found.measures["mae_ratio"].value == pytest.approx(min(means) / max(means))
    assert found.measures["rmse_difference"].low is None
    assert found.four_fifths.passed is None


def _share(random: np.random.Generator, rows: int, rate: float) -> Figure:
    hits = int(random.binomial(rows, rate))
    return figure("selection_rate", hits / rows, rows, wilson(hits, rows))


@pytest.mark.parametrize("ratio", [False, True])
@pytest.mark.parametrize("rates", [(0.5, 0.5), (0.5, 0.38), (0.9, 0.2), (0.08, 0.05)])
@pytest.mark.parametrize("rows", [60, 400])
def test_the_intervals_of_two_groups_cover_the_truth(rows: int, rates: tuple[float, float], ratio: bool) -> None:
    random = np.random.default_rng([rows, int(1_000 * rates[1])])
    truth = min(rates) / max(rates) if ratio else max(rates) - min(rates)
    held = counted = 0
    for _ in range(2_000):
        groups = {name: _share(random, rows, rate) for name, rate in zip("ab", rates, strict=True)}
        one = spread("parity", groups, ratio=ratio, least_rows=30)
        if one.low is not None and one.high is not None:
            counted += 1
            held += one.low <= truth <= one.high
    assert counted > 1_900
    assert held / counted >= 0.935  # nominally 0.95, less three standard errors of 2,000 samples


@pytest.mark.parametrize("seed", range(20))
def test_the_interval_of_a_ratio_is_where_that_of_a_difference_ends(seed: int) -> None:
    """One less so many times the other has an interval that ends at 0 (Donner and Zou 2012)."""
    random = np.random.default_rng(seed)
    one, other = (_share(random, int(random.integers(30, 300)), float(random.uniform(0.1, 0.9))) for _ in range(2))
    found = over("ratio", other, one)
    a, low, high = _ends(one)
    b, other_low, other_high = _ends(other)
    _, least, most = _ends(found)
    assert a - least * b == pytest.approx(np.hypot(a - low, least * (other_high - b)), rel=1e-9)
    assert most * b - a == pytest.approx(np.hypot(high - a, most * (b - other_low)), rel=1e-9)


def _ends(found: Figure) -> tuple[float, float, float]:
    assert found.value is not None
    assert found.low is not None
    assert found.high is not None
    return found.value, found.low, found.high


@pytest.mark.deep
@pytest.mark.parametrize("rows", [100, 200, 2_000])
def test_means_of_errors_of_a_part_are_covered(rows: int) -> None:
    random = np.random.default_rng(rows)
    held = dict.fromkeys(("mae", "mean_error", "mean_prediction"), 0)
    truth = {"mae": 0.7978845608, "mean_error": 0.0, "mean_prediction": 6.0}
    for _ in range(2_000):
        actual = random.gamma(2.0, 3.0, rows)
        found = Fairness("x", {"a": _numbers(actual, actual + random.normal(size=rows))})["a"]
        for name, value in truth.items():
            one = found[name]
            assert one.low is not None
            assert one.high is not None
            held[name] += one.low <= value <= one.high
    assert all(0.93 <= n / 2_000 <= 0.97 for n in held.values()), held


def test_scores_that_are_counted_in_cells_give_the_same_groups() -> None:
    rows = binary(13, 800)
    groups = _grouped(rows, {"F": 0.4, "M": 0.6})
    exact, cells = (_fairness(rows, groups, extent) for extent in (SEGMENT, IN_CELLS))
    assert exact.measures == cells.measures
