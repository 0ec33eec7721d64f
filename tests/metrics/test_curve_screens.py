"""ROC, precision and recall, gains, densities and decisions, against scikit-learn and counts of rows."""

from __future__ import annotations

import math
from itertools import pairwise
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from muster.charts.density import density_chart
from muster.errors import NotApplicable
from muster.metrics.classes import measure
from muster.metrics.decision import cost_curve, net_benefit
from muster.metrics.density import density
from muster.metrics.gains import gains
from muster.metrics.precision_recall import _at as precisions
from muster.metrics.precision_recall import precision_recall
from muster.metrics.quality import curve_of
from muster.metrics.roc import roc
from muster.profiles.classification import SEGMENT, Classification
from tests.metrics.classified import IN_CELLS, Rows, binary, scored, several

drawn = st.builds(
    binary, seed=st.integers(0, 2**32), rows=st.integers(2, 200), ties=st.booleans(), weighted=st.booleans()
)


@settings(max_examples=25, deadline=None)
@given(drawn)
def test_roc_is_that_of_scikit_learn(rows: Rows) -> None:
    found = roc(rows.profile(), most=10_000)
    fpr, tpr, thresholds = sk.roc_curve(rows.actual, rows.score, sample_weight=rows.weight, drop_intermediate=False)
    assert found.fpr == pytest.approx(fpr, abs=1e-12)
    assert found.tpr == pytest.approx(tpr)
    assert found.thresholds == pytest.approx(thresholds)
    assert found.exact
    assert found.auc.value == pytest.approx(sk.roc_auc_score(rows.actual, rows.score, sample_weight=rows.weight))
    assert found.ks.value == pytest.approx((tpr - fpr).max())
    assert found.ks.value == pytest.approx(found.ks.tpr - found.ks.fpr)
    positive = rows.score >= found.ks.threshold
    weight = np.ones(len(positive)) if rows.weight is None else rows.weight
    assert (weight * positive * rows.actual).sum() / (weight * rows.actual).sum() == pytest.approx(found.ks.tpr)


@settings(max_examples=25, deadline=None)
@given(drawn)
def test_precision_and_recall_are_those_of_scikit_learn(rows: Rows) -> None:
    found = precision_recall(rows.profile(), most=10_000)
    precision, recall, thresholds = sk.precision_recall_curve(rows.actual, rows.score, sample_weight=rows.weight)
    assert found.precision == pytest.approx(precision[-2::-1])
    assert found.recall == pytest.approx(recall[-2::-1])
    assert found.thresholds == pytest.approx(thresholds[::-1])
    area = float((np.diff(found.recall, prepend=0.0) * found.precision).sum())
    assert found.average.value == pytest.approx(area)
    assert found.base == pytest.approx(np.average(rows.actual, weights=rows.weight))


def test_a_thin_curve_keeps_its_ends_and_its_furthest_point() -> None:
    rows = binary(4, 60_000)
    found = roc(rows.profile())
    assert len(found.fpr) <= 200
    assert (found.fpr[0], found.tpr[0], found.fpr[-1], found.tpr[-1]) == (0.0, 0.0, 1.0, 1.0)
    assert (found.tpr - found.fpr).max() == found.ks.value
    area = float(np.trapezoid(found.tpr, found.fpr))
    assert area == pytest.approx(found.auc.value or 0.0, abs=2e-4)
    shown = precision_recall(rows.profile())
    assert len(shown.recall) <= 200
    assert np.diff(shown.recall).max() < 0.025


def test_in_cells_points_are_exact_and_figures_have_bounds() -> None:
    rows = binary(9, 20_000)
    one_by_one, in_cells = roc(rows.profile()), roc(rows.profile(IN_CELLS))
    for threshold, fpr, tpr in zip(in_cells.thresholds, in_cells.fpr, in_cells.tpr, strict=True):
        positive = rows.score >= threshold
        assert tpr == pytest.approx(positive[rows.actual == 1].mean())
        assert fpr == pytest.approx(positive[rows.actual == 0].mean())
    assert 0 < in_cells.bound < 1e-3
    assert in_cells.bounded == "AUC"
    assert abs((in_cells.auc.value or 0) - (one_by_one.auc.value or 0)) <= in_cells.bound
    assert abs(in_cells.ks.value - one_by_one.ks.value) <= in_cells.ks.bound + 1e-12
    curve = precision_recall(rows.profile(IN_CELLS))
    assert abs((curve.average.value or 0) - sk.average_precision_score(rows.actual, rows.score)) <= curve.bound


def test_bands_lie_about_their_curves() -> None:
    for weighted in (False, True):
        profile = binary(3, 4_000, weighted=weighted).profile()
        found, curve = roc(profile), precision_recall(profile)
        whole = roc(profile, most=10_000)
        at = np.interp(found.band_fpr, whole.fpr, whole.tpr)
        assert (found.low <= at + 1e-9).all()
        assert (found.high >= at - 1e-9).all()
        assert (found.high - found.low).mean() == pytest.approx(0.05, abs=0.03)
        assert len(curve.band_recall) == len(curve.low) == len(curve.high) > 50
        assert (curve.high - curve.low).mean() < 0.2


def test_bands_do_not_depend_on_the_unit_of_weights() -> None:
    rows = binary(3, 2_000)
    plain = rows.profile()
    for unit in (1e-4, 1.0, 1e4):
        weighted = scored(rows.actual, rows.score, np.full(2_000, unit)).profile()
        for screen in (roc, precision_recall):
            assert screen(weighted).low == pytest.approx(screen(plain).low, abs=1e-6)
            assert screen(weighted).high == pytest.approx(screen(plain).high, abs=1e-6)


def test_a_curve_at_its_end_has_a_band_all_the_same() -> None:
    found = roc(scored([0, 1] * 100, [0.1, 0.9] * 100).profile())
    assert found.tpr[1] == 1.0
    assert found.low[0] == pytest.approx(1 - 0.038, abs=0.002)
    assert found.high[0] == 1.0


def test_of_few_rows_of_a_class_there_is_no_band_and_no_interval() -> None:
    few = scored([1] * 29 + [0] * 2_000, np.random.default_rng(1).random(2_029)).profile()
    found, curve = roc(few), precision_recall(few)
    assert (len(found.low), len(curve.low)) == (0, 0)
    assert found.auc.reason == curve.average.reason == "a class has fewer than 30 rows"
    assert found.auc == measure(few)["roc_auc"]
    assert curve.average == measure(few)["average_precision"]
    enough = binary(3, 1_000).profile()
    assert (roc(enough).auc, precision_recall(enough).average) == (
        measure(enough)["roc_auc"],
        measure(enough)["average_precision"],
    )


def test_where_recall_stands_still_precision_is_the_first() -> None:
    rows = scored([1, 0, 0, 1, 0, 1, 0], [0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3])
    for curve in (curve_of(rows.profile(), 0), curve_of(rows.profile(IN_CELLS), 0)):
        assert precisions(curve, np.array([1 / 3, 2 / 3, 1.0]))[0] == pytest.approx([1.0, 2 / 4, 3 / 6], abs=1e-6)


@pytest.mark.parametrize(
    ("rows", "part", "times"),
    [
        pytest.param(1_000, 0.3, 200),
        pytest.param(200, 0.3, 2_000, marks=pytest.mark.deep),
        pytest.param(2_000, 0.3, 2_000, marks=pytest.mark.deep),
        pytest.param(2_000, 0.05, 2_000, marks=pytest.mark.deep),
        pytest.param(20_000, 0.01, 500, marks=pytest.mark.deep),
    ],
)
def test_bands_cover_the_curves_of_all_rows(rows: int, part: float, times: int) -> None:
    normal = NormalDist()
    fpr, recall = np.array([0.05, 0.1, 0.2, 0.4, 0.7]), np.array([0.1, 0.3, 0.5, 0.7, 0.9])
    tpr = np.array([normal.cdf(1.5 + normal.inv_cdf(f)) for f in fpr])
    alarms = np.array([1 - normal.cdf(1.5 - normal.inv_cdf(r)) for r in recall])
    precision = part * recall / (part * recall + (1 - part) * alarms)
    random = np.random.default_rng(7)
    hits = {"roc": np.zeros(5), "precision_recall": np.zeros(5)}
    for _ in range(times):
        actual = (random.random(rows) < part).astype(int)
        profile = scored(actual, 1 / (1 + np.exp(-random.normal(size=rows) - 1.5 * actual))).profile()
        one, other = roc(profile), precision_recall(profile)
        for name, at, truth, places, low, high in (
            ("roc", fpr, tpr, one.band_fpr, one.low, one.high),
            ("precision_recall", recall, precision, other.band_recall, other.low, other.high),
        ):
            hits[name] += (np.interp(at, places, low) <= truth) & (truth <= np.interp(at, places, high))
    chance = 3 * np.sqrt(0.95 * 0.05 / times)
    for found in hits.values():
        assert (found / times >= 0.93 - chance).all(), hits
        assert (found / times <= 0.99).all() or times < 500, hits
        assert 0.94 - chance <= found.mean() / times <= 0.985, hits


def test_without_folds_there_is_no_band() -> None:
    profile = binary(3, 400).profile(SEGMENT)
    assert len(roc(profile).band_fpr) == len(roc(profile).low) == 0
    assert len(precision_recall(profile).low) == 0
    assert len(roc(scored([0, 1], [0.2, 0.8]).profile()).low) == 0  # without one of the folds there is no curve


@pytest.mark.parametrize("actual", [[0, 0, 0], [1, 1, 1], []])
def test_one_class_or_none_gives_no_curve_and_no_error(actual: list[int]) -> None:
    profile = scored(actual, [0.1, 0.5, 0.7][: len(actual)]).profile()
    found, curve = roc(profile), precision_recall(profile)
    assert found.auc.value is None
    assert found.auc.reason
    assert found.to_json()["rows"] == len(actual)
    assert not len(found.low)
    assert curve.to_json()["rows"] == len(actual)
    assert gains(profile).to_json()["rows"] == len(actual)
    assert net_benefit(profile).to_json()["rows"] == len(actual)
    assert density(profile).to_json()["rows"] == len(actual)
    assert cost_curve(profile, [[0, 1], [1, 0]]).to_json()["rows"] == len(actual)


def test_one_class_of_many_scores_gives_no_curve() -> None:
    found = roc(scored(np.ones(1_000), np.linspace(0, 1, 1_000)).profile())
    assert np.isnan(found.fpr).all()
    assert len(found.tpr) <= 200
    assert found.ks.value == 0.0


def test_labels_alone_are_refused() -> None:
    profile = Classification(2, scores=False)
    for screen in (roc, precision_recall, gains, density, net_benefit):
        with pytest.raises(NotApplicable, match="probabilities"):
            screen(profile)


def test_of_several_classes_each_has_its_curves() -> None:
    rows = several(1, 4)
    for n in range(4):
        found = roc(rows.profile(), lane=n)
        assert found.auc.value == pytest.approx(sk.roc_auc_score(rows.actual == n, rows.given[:, n]))


@settings(max_examples=25, deadline=None)
@given(drawn)
def test_gains_are_those_of_the_metrics(rows: Rows) -> None:
    profile = rows.profile()
    found, figures = gains(profile), measure(profile)
    assert found.captured[4] == pytest.approx(figures["captured_at_5"].value)
    assert found.lift[9] == pytest.approx(figures["lift_at_10"].value)
    assert found.captured[-1] == pytest.approx(1.0)
    weight = np.ones(len(rows.actual)) if rows.weight is None else rows.weight
    assert found.size.sum() == pytest.approx(weight.sum())
    assert found.hits.sum() == pytest.approx((weight * rows.actual).sum())
    assert (found.best >= found.captured - 1e-9).all()


def test_tenths_are_those_of_sorted_rows() -> None:
    rows = binary(6, 1_003)
    found = gains(rows.profile())
    order = np.argsort(-rows.score)
    ends = [0] + [math.ceil(round(1_003 * n / 10, 9)) for n in range(1, 11)]
    for n, (start, end) in enumerate(pairwise(ends)):
        part = order[start:end]
        assert found.size[n] == len(part)
        assert found.hits[n] == pytest.approx(rows.actual[part].sum())
        assert found.down_to[n] == rows.score[part].min()
        assert found.rate_low[n] <= found.rate[n] <= found.rate_high[n]
    in_cells = gains(rows.profile(IN_CELLS))
    assert np.abs(in_cells.captured - found.captured).max() <= in_cells.bound + 1e-12
    assert np.abs(in_cells.lift - found.lift).max() <= in_cells.lift_bound + 1e-12
    assert np.abs(in_cells.rate - found.rate).max() <= in_cells.rate_bound + 1e-12
    assert 0 < in_cells.bound < in_cells.lift_bound < 0.1
    assert 0 < in_cells.rate_bound < 0.1
    assert found.exact
    assert (found.lift_bound, found.rate_bound) == (0, 0)


@pytest.mark.parametrize("weighted", [False, True])
def test_densities_are_histograms(weighted: bool) -> None:
    rows = binary(2, 2_000, weighted=weighted, ties=True)
    found = density(rows.profile())
    weight = np.ones(2_000) if rows.weight is None else rows.weight
    place = np.maximum(np.ceil(np.round(rows.score * 50, 9)).astype(int) - 1, 0)
    for values, shares, label in ((found.own, found.own_share, 1), (found.others, found.others_share, 0)):
        expected = np.bincount(place[rows.actual == label], weight[rows.actual == label], 50)
        assert values == pytest.approx(expected)
        assert shares == pytest.approx(expected / expected.sum())


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("ties", [False, True])
def test_net_benefit_is_that_of_the_labels(weighted: bool, ties: bool) -> None:
    rows = binary(8, 3_000, weighted=weighted)
    rows = scored(rows.actual, np.round(rows.score, 2), rows.weight) if ties else rows
    weight = np.ones(3_000) if rows.weight is None else rows.weight
    one_by_one, in_cells = net_benefit(rows.profile()), net_benefit(rows.profile(IN_CELLS))
    assert one_by_one.exact
    assert in_cells.bound > 0
    for n, t in enumerate(one_by_one.thresholds):
        positive = rows.score >= t
        tp, fp = ((weight * positive)[rows.actual == c].sum() for c in (1, 0))
        expected = (tp - fp * t / (1 - t)) / weight.sum()
        assert one_by_one.model[n] == pytest.approx(expected, abs=1e-12)
        assert abs(in_cells.model[n] - expected) <= in_cells.bound + 1e-12
    assert one_by_one.model[0] == pytest.approx(one_by_one.always[0], abs=0.01)


def test_costs_are_those_of_the_labels_at_each_threshold() -> None:
    rows = binary(8, 300)
    costs = [[0.0, 1.0], [7.0, -3.0]]
    found = cost_curve(rows.profile(), costs, most=10_000)
    for n in range(1, len(found.thresholds)):
        positive = rows.score >= found.thresholds[n]
        table = sk.confusion_matrix(rows.actual, positive)
        assert found.mean[n] == pytest.approx((table * costs).sum() / 300)
    assert found.never == pytest.approx(7 * rows.actual.mean())
    assert found.always == pytest.approx(1 - 4 * rows.actual.mean())
    assert found.best.figure.value == pytest.approx(found.mean.min())
    assert cost_curve(rows.profile(), costs, most=20).mean.min() == found.mean.min()


@pytest.mark.parametrize("weighted", [False, True])
def test_mean_scores_of_the_classes_are_those_of_the_rows(weighted: bool) -> None:
    rows = binary(4, 400, weighted=weighted)
    weight = np.ones(400) if rows.weight is None else rows.weight
    found, cells = density(rows.profile()), density(rows.profile(IN_CELLS))
    for label, name in ((1, "own_mean"), (0, "others_mean")):
        of = rows.actual == label
        wanted = float(np.average(rows.score[of], weights=weight[of]))
        assert getattr(found, name) == pytest.approx(wanted, abs=1e-14)
        assert abs(getattr(cells, name) - wanted) <= cells.mean_bound
    assert found.mean_bound == 0.0
    assert 0 < cells.mean_bound < 0.002


def test_scores_of_0_and_1_are_0_and_1_on_average() -> None:
    actual = np.array([0, 1] * 40)
    chart = density_chart(density(scored(actual, actual).profile()), positive="1", negative="0")
    assert "Rows that are 1 score 1.00 on average, others 0.00" in chart.reading
    assert "averages" not in chart.note
    cells = density_chart(density(binary(4, 400).profile(IN_CELLS)), positive="1", negative="0")
    assert "averages ±" in cells.note
