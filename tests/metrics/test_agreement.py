"""What is said of two answers to the same rows: equal to what others compute from the rows themselves, at any number of pieces."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import binomtest
from sklearn.metrics import cohen_kappa_score
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.inter_rater import cohens_kappa
from statsmodels.stats.proportion import proportion_confint

from muster.metrics.agreement import agreement_figures, better, moves_of, shift_of, shift_quantiles
from muster.metrics.figure import Figure
from muster.metrics.residuals import histogram
from muster.metrics.sign_test import sign_test
from muster.profiles.agreed import LabelsAgreed, NumbersAgreed
from tests.metrics.agreed import Twice, binary, numbers, several

CLASSED = {
    "binary": binary(1, 3_000),
    "ties": binary(2, 400, ties=True),
    "three": several(3, 3, 1_200),
    "thirty": several(4, 30, 3_000),
    "weighted": binary(5, 900).weighted(),
    "three, weighted": several(6, 3, 900).weighted(),
}
NUMBERED = {"numbers": numbers(7, 2_000), "weighted": numbers(8, 900).weighted()}


def _figures(rows: Twice, cuts: int = 7) -> dict[str, Figure]:
    return agreement_figures(rows.profile(cuts).whole)


def _mean(values: NDArray[np.float64] | NDArray[np.bool_], rows: Twice) -> float:
    return float(np.average(values, weights=rows.mass))


@pytest.mark.parametrize("rows", CLASSED.values(), ids=CLASSED)
@pytest.mark.parametrize("cuts", [1, 7])
def test_labels_are_counted_against_each_other(rows: Twice, cuts: int) -> None:
    whole = rows.profile(cuts).whole
    assert isinstance(whole, LabelsAgreed)
    first, second = rows.labels(rows.first), rows.labels(rows.second)
    expected = np.zeros((rows.classes, rows.classes))
    np.add.at(expected, (first, second), rows.mass)
    assert whole.labels.counts == pytest.approx(expected)
    found = agreement_figures(whole)
    assert found["agreement"].value == pytest.approx(_mean(first == second, rows))
    kappa = cohen_kappa_score(first, second, labels=range(rows.classes), sample_weight=rows.weight)
    assert found["kappa"].value == pytest.approx(kappa, abs=1e-12)
    right = first == rows.actual, second == rows.actual
    for name, one, other in (
        ("both_right", True, True),
        ("only_first_right", True, False),
        ("only_second_right", False, True),
        ("both_wrong", False, False),
    ):
        assert found[name].value == pytest.approx(_mean((right[0] == one) & (right[1] == other), rows), abs=1e-15)
    for label in range(rows.classes):
        mine = rows.actual == label
        own = np.zeros((2, 2))
        np.add.at(own, (right[0][mine].astype(int), right[1][mine].astype(int)), rows.mass[mine])
        assert whole.outcomes.counts[label] == pytest.approx(own)


@pytest.mark.parametrize("kind", ["binary", "ties", "three", "thirty"])
def test_intervals_and_tests_are_those_of_statsmodels(kind: str) -> None:
    rows = CLASSED[kind]
    whole = rows.profile(3).whole
    assert isinstance(whole, LabelsAgreed)
    found = agreement_figures(whole)
    agree = int(np.trace(whole.labels.rows))
    ends = proportion_confint(agree, len(rows), method="wilson")
    assert (found["agreement"].low, found["agreement"].high) == pytest.approx(ends)
    kappa = cohens_kappa(whole.labels.rows)
    assert (found["kappa"].low, found["kappa"].high) == pytest.approx((kappa.kappa_low, kappa.kappa_upp), abs=1e-9)
    test = better(whole)
    outcomes = whole.outcomes.rows.sum(0)
    assert (test.first, test.second) == (outcomes[1, 0], outcomes[0, 1])
    assert test.exact == pytest.approx(mcnemar(outcomes, exact=True).pvalue)


def test_shares_of_weights_are_those_of_so_many_equal_rows() -> None:
    """Of the lesser number by the weights alone (Kish), and by what they make of the variance."""
    rows = CLASSED["weighted"]
    found, w = _figures(rows), rows.mass
    for name, hit in (
        ("agreement", rows.labels(rows.first) == rows.labels(rows.second)),
        ("moved_far", np.abs(rows.moves) > 0.1),
    ):
        share = np.average(hit, weights=w)
        equal = min(w.sum() ** 2 / (w**2).sum(), share * (1 - share) * w.sum() ** 2 / (w**2 * (hit - share) ** 2).sum())
        ends = proportion_confint(share * equal, equal, method="wilson")
        assert (found[name].low, found[name].high) == pytest.approx(ends, abs=1e-9)


@pytest.mark.parametrize(("first", "second"), [(0, 1), (3, 3), (5, 12), (0, 40), (410, 390), (9_000, 9_500)])
def test_the_sign_test_is_the_binomial_one(first: int, second: int) -> None:
    test = sign_test(first, second, weighted=False)
    assert test.exact == pytest.approx(binomtest(first, first + second).pvalue, rel=1e-9)
    point = binomtest(first, first + second).pvalue - (test.mid or 0)
    one = _binomial(min(first, second), first + second)
    assert point == pytest.approx(one if first != second else 0.0, rel=1e-6, abs=1e-12), "half of either end less"


def _binomial(hits: int, of: int) -> float:
    from scipy.stats import binom

    return float(binom.pmf(hits, of, 0.5))


def test_what_no_test_can_tell_says_why() -> None:
    assert sign_test(0, 0, weighted=False).reason == "there is no row for either"
    test = better(CLASSED["weighted"].profile().whole)
    assert (test.exact, test.mid, test.reason) == (None, None, "it counts rows, and these have weights")
    alike = replace(CLASSED["binary"], second=CLASSED["binary"].first)
    found = _figures(alike)
    assert found["agreement"].value == found["kappa"].value == 1.0
    assert found["kappa"].low is None
    assert found["correlation"].value == pytest.approx(1.0)
    assert (found["mean_shift"].value, found["mean_shift"].low) == (0.0, None)
    assert found["largest_shift"].value == found["moved_far"].value == 0.0
    one = Twice(np.zeros(200, np.int64), np.full(200, 0.2), np.full(200, 0.2), 2)
    assert _figures(one)["kappa"].reason == "both give all rows the same label"
    assert _figures(one)["correlation"].reason == "one of the two says the same of all rows"
    none = Twice(np.zeros(0, np.int64), np.zeros(0), np.zeros(0), 2)
    assert {f.value for f in _figures(none).values()} == {None}
    assert {f.value for f in _figures(Twice(np.zeros(0), np.zeros(0), np.zeros(0))).values()} == {None}
    weightless = replace(CLASSED["binary"], weight=np.zeros(3_000))
    assert {f.value for n, f in _figures(weightless).items() if n not in ("largest_shift", "correlation")} == {None}


@pytest.mark.parametrize(
    "rows", [*CLASSED.values(), *NUMBERED.values()], ids=[*CLASSED, *(f"of {n}" for n in NUMBERED)]
)
@pytest.mark.parametrize("cuts", [1, 7])
def test_moves_are_those_of_the_rows(rows: Twice, cuts: int) -> None:
    whole = rows.profile(cuts).whole
    found, shift, moves = agreement_figures(whole), shift_of(whole), rows.moves
    assert shift is not None
    mean = _mean(moves, rows)
    assert found["mean_shift"].value == pytest.approx(mean, abs=1e-12)
    assert found["largest_shift"].value == moves[np.argmax(np.abs(moves))]
    if rows.weight is None:
        error = moves.std(ddof=1) / np.sqrt(len(rows))
        assert found["mean_shift"].high == pytest.approx(mean + 1.96 * error, abs=0.05 * error)
    else:
        error = np.sqrt((rows.weight**2 * (moves - mean) ** 2).sum()) / rows.weight.sum()
        assert found["mean_shift"].high == pytest.approx(mean + 1.96 * error, abs=0.05 * error)
    kept = moves_of(shift)
    for q in shift_quantiles(shift) if rows.weight is None else ():
        assert q.bound == 0 or q.bound > 1e-15
        assert abs(q.value - np.quantile(moves, q.part, method="averaged_inverted_cdf")) <= q.bound + 1e-12
    bars = histogram(kept)
    assert bars is not None
    drawn, _ = np.histogram(moves, bars.edges, weights=rows.mass)
    assert np.abs(bars.mass - drawn).max() <= bars.bound + 1e-9
    assert bars.mass.sum() + bars.under + bars.over == pytest.approx(rows.mass.sum())
    if found["correlation"].value is not None:
        one, other = (
            given if given.ndim == 1 else given[np.arange(len(rows)), rows.actual]
            for given in (rows.first, rows.second)
        )
        matrix = np.cov(one, other, aweights=rows.weight)
        assert found["correlation"].value == pytest.approx(
            matrix[0, 1] / np.sqrt(matrix[0, 0] * matrix[1, 1]), abs=1e-9
        )


@pytest.mark.parametrize("rows", CLASSED.values(), ids=CLASSED)
def test_scores_that_moved_far_are_counted_one_by_one(rows: Twice) -> None:
    whole = rows.profile(3).whole
    assert isinstance(whole, LabelsAgreed)
    assert whole.scores is not None
    found, moves = agreement_figures(whole), rows.moves
    up, down = moves > 0.1 + 1e-9, moves < -0.1 - 1e-9
    assert found["moved_far"].value == pytest.approx(_mean(up | down, rows))
    assert found["moved_far_up"].value == pytest.approx(_mean(up, rows))
    assert found["moved_far_down"].value == pytest.approx(_mean(down, rows))
    edges = np.arange(51) / 50
    one, other = (
        given if given.ndim == 1 else given[np.arange(len(rows)), rows.actual] for given in (rows.first, rows.second)
    )
    expected, _, _ = np.histogram2d(one, other, [edges, edges], weights=rows.mass)
    assert whole.scores.grid.counts == pytest.approx(expected)


def test_a_tenth_is_not_more_than_a_tenth() -> None:
    first = np.array([0.3, 0.5, 0.9, 0.2])
    rows = Twice(np.array([0, 1, 1, 0]), first, np.array([0.4, 0.4, 0.7, 0.2]), 2)
    found = _figures(rows, 1)
    assert found["moved_far"].value == 0.25
    assert found["moved_far_down"].value == 0.25


@pytest.mark.parametrize("rows", NUMBERED.values(), ids=NUMBERED)
def test_whose_number_is_nearer(rows: Twice) -> None:
    rows = replace(rows, second=np.where(np.arange(len(rows)) % 5, rows.second, rows.first))
    whole = rows.profile(4).whole
    assert isinstance(whole, NumbersAgreed)
    found = agreement_figures(whole)
    one, other = np.abs(rows.first - rows.actual), np.abs(rows.second - rows.actual)
    apart = one != other
    assert found["differ"].value == pytest.approx(_mean(apart, rows))
    assert found["second_nearer"].value == pytest.approx(
        np.average(other[apart] < one[apart], weights=rows.mass[apart])
    )
    test = better(whole)
    assert (test.first, test.second) == ((one < other).sum(), (other < one).sum())
    if rows.weight is None:
        ends = proportion_confint(test.second, test.first + test.second, method="wilson")
        assert (found["second_nearer"].low, found["second_nearer"].high) == pytest.approx(ends)
        assert test.exact == pytest.approx(binomtest(test.second, test.first + test.second).pvalue)


def test_numbers_too_large_are_told() -> None:
    huge = np.array([1e308, -1e308] * 100)
    found = _figures(Twice(np.zeros(200), huge, -huge), 2)
    assert {found[name].reason for name in ("mean_shift", "largest_shift", "correlation")} == {
        "the numbers are too large"
    }
    assert found["differ"].value == 0.0


def test_labels_alone_have_no_scores() -> None:
    whole = replace(CLASSED["binary"], scores=False).profile(2).whole
    assert shift_of(whole) is None
    assert "mean_shift" not in agreement_figures(whole)
    assert agreement_figures(whole)["agreement"] == _figures(CLASSED["binary"])["agreement"]


@pytest.mark.parametrize("size", [200, 2_000])
@pytest.mark.parametrize("name", ["kappa", "mean_shift", "agreement"])
def test_intervals_cover_the_truth(name: str, size: int) -> None:
    truth = _figures(binary(0, 400_000, apart=0.5), 1)[name].value
    assert truth is not None
    given = [_figures(binary(seed, size, apart=0.5), 1)[name] for seed in range(1, 301)]
    covered = [f.low <= truth <= f.high for f in given if f.low is not None and f.high is not None]
    assert len(covered) > 200
    assert np.mean(covered) > 0.92
