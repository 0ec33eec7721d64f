"""Confusion, mistakes and the table of classes, and calibration, against scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics as sk
from sklearn.calibration import calibration_curve

from muster.errors import InvalidInput
from muster.metrics.confusion import confused_pairs, confusion
from muster.metrics.intervals import wilson
from muster.metrics.per_class import class_table
from muster.metrics.reliability import reliability
from muster.profiles.classification import SEGMENT, Classification
from tests.metrics.classified import IN_CELLS, binary, scored, several

NAMES = [f"class {n}" for n in range(40)]


@pytest.mark.parametrize("weighted", [False, True])
def test_confusion_is_that_of_scikit_learn(weighted: bool) -> None:
    rows = several(2, 5, weighted=weighted)
    costs = np.arange(25.0).reshape(5, 5)
    found = confusion(rows.profile(), NAMES[:5], costs=costs)
    counts = sk.confusion_matrix(rows.actual, rows.predicted, sample_weight=rows.weight)
    assert found.counts == pytest.approx(counts)
    assert found.by_row == pytest.approx(counts / counts.sum(1, keepdims=True))
    assert found.by_column == pytest.approx(counts / counts.sum(0, keepdims=True))
    assert found.costs == pytest.approx(counts * costs)
    assert found.classes == tuple(NAMES[:5])
    assert found.exact


def test_the_most_confused_come_first() -> None:
    rows = several(2, 5)
    plain, ordered = (confusion(rows.profile(), NAMES[:5], by_confusion=b) for b in (False, True))
    wrong = plain.counts.sum(0) + plain.counts.sum(1) - 2 * np.diagonal(plain.counts)
    order = np.argsort(-wrong, kind="stable")
    assert ordered.classes == tuple(NAMES[n] for n in order)
    assert (ordered.counts == plain.counts[np.ix_(order, order)]).all()


def test_many_classes_are_taken_together() -> None:
    rows = several(2, 40, 4_000)
    found = confusion(rows.profile(), NAMES)
    counts = sk.confusion_matrix(rows.actual, rows.predicted)
    wrong = counts.sum(0) + counts.sum(1) - 2 * np.diagonal(counts)
    assert found.others == 11
    assert found.classes[-1] == "11 others"
    assert len(found.classes) == len(found.counts) == 30
    assert found.counts.sum() == 4_000
    kept = [NAMES.index(name) for name in found.classes[:-1]]
    assert kept == sorted(kept)
    assert min(wrong[kept]) >= max(wrong[n] for n in range(40) if n not in kept)
    assert (found.counts[:-1, :-1] == counts[np.ix_(kept, kept)]).all()


def test_confusion_at_a_threshold_and_its_bound() -> None:
    rows = binary(4, 2_000)
    for threshold in (0.1, 0.5, 0.83):
        counts = sk.confusion_matrix(rows.actual, rows.score >= threshold)
        one_by_one, in_cells = (
            confusion(p, ["no", "yes"], threshold=threshold) for p in (rows.profile(), rows.profile(IN_CELLS))
        )
        assert (one_by_one.counts == counts).all()
        assert one_by_one.exact
        assert np.abs(in_cells.counts - counts).max() <= in_cells.bound
    with pytest.raises(InvalidInput, match="threshold"):
        confusion(several(1, 3).profile(), NAMES[:3], threshold=0.5)
    with pytest.raises(InvalidInput, match="2 names"):
        confusion(several(1, 3).profile(), NAMES[:2])


def test_mistakes_by_their_number() -> None:
    rows = several(3, 6)
    found = confused_pairs(rows.profile(), NAMES, most=7)
    counts = sk.confusion_matrix(rows.actual, rows.predicted)
    assert (np.diff(found.count) <= 0).all()
    off = counts - np.diag(np.diagonal(counts))
    assert found.count.tolist() == sorted(off.ravel(), reverse=True)[:7]
    for actual, predicted, count, part, low in zip(
        found.actual, found.predicted, found.count, found.part, found.low, strict=True
    ):
        assert off[NAMES.index(actual), NAMES.index(predicted)] == count
        of = counts[NAMES.index(actual)].sum()
        assert part == pytest.approx(count / of)
        assert low == wilson(count, of).low
    assert found.mistakes[0] == pytest.approx(found.count[0] / off.sum())


@pytest.mark.parametrize("weighted", [False, True])
def test_each_class_has_its_figures(weighted: bool) -> None:
    rows = several(5, 4, 2_000, weighted=weighted)
    found = class_table(rows.profile(), NAMES[:4])
    precision, recall, f1, _ = sk.precision_recall_fscore_support(
        rows.actual, rows.predicted, sample_weight=rows.weight
    )
    weight = np.ones(2_000) if rows.weight is None else rows.weight
    for n in range(4):
        assert found.support[n] == pytest.approx(weight[rows.actual == n].sum())
        assert found.predicted[n] == pytest.approx(weight[rows.predicted == n].sum())
        auc = sk.roc_auc_score(rows.actual == n, rows.given[:, n], sample_weight=rows.weight)
        expected = {"precision": precision[n], "recall": recall[n], "f1": f1[n], "roc_auc": auc}
        for name, value in expected.items():
            figure = found.figures[name][n]
            assert figure.value == pytest.approx(value), name
            assert figure.low is not None
            assert figure.high is not None
            assert figure.low < value < figure.high
            assert 0.01 < figure.high - figure.low < 0.2
    assert found.to_json()["classes"] == NAMES[:4]


def test_in_a_segment_some_intervals_are_missing_with_the_reason() -> None:
    found = class_table(several(5, 4, weighted=True).profile(SEGMENT), NAMES[:4])
    assert found.figures["f1"][0].value is not None
    assert (found.figures["f1"][0].low, found.figures["f1"][0].reason) == (None, "no folds of the rows are kept for it")
    alone = class_table(several(5, 4).profile(SEGMENT), NAMES[:4])
    assert alone.figures["f1"][0].low is not None
    assert alone.figures["recall"][0].low is not None


def test_binary_and_labels_alone() -> None:
    found = class_table(binary(1).profile(), ["no", "yes"])
    assert found.figures["roc_auc"][0].value is None
    assert found.figures["roc_auc"][1].value is not None
    assert class_table(Classification(3, scores=False), "abc").figures["roc_auc"][2].reason


@pytest.mark.parametrize("bins", [10, 20])
@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize(("by", "strategy"), [("width", "uniform"), ("rows", "quantile")])
def test_calibration_is_that_of_scikit_learn(bins: int, ties: bool, by: str, strategy: str) -> None:
    rows = binary(3, 777, ties=ties)
    found = reliability(rows.profile(), bins=bins, by=by)  # type: ignore[arg-type]
    observed, mean = calibration_curve(rows.actual, rows.score, n_bins=bins, strategy=strategy)
    assert found.observed == pytest.approx(observed)
    assert found.mean == pytest.approx(mean)
    assert found.size.sum() == 777
    assert found.exact
    if by == "rows" and not ties:
        assert found.upper[:-1] == pytest.approx(np.percentile(rows.score, 100 * np.arange(1, bins) / bins))
    assert found.low[0] == wilson(observed[0] * found.size[0], found.size[0]).low
    assert (found.lower <= found.mean).all()
    assert (found.mean <= found.upper + 1e-12).all()


def test_in_cells_means_of_bins_of_rows_have_a_bound() -> None:
    rows = binary(3, 20_000)
    by_width = [reliability(p) for p in (rows.profile(), rows.profile(IN_CELLS))]
    assert by_width[0].mean == pytest.approx(by_width[1].mean)
    found = reliability(rows.profile(IN_CELLS), by="rows")
    assert 0 < found.bound < 0.002
    for lower, upper, mean, observed in zip(found.lower, found.upper, found.mean, found.observed, strict=True):
        inside = (rows.score > lower - found.bound) & (rows.score <= upper + found.bound)
        assert mean == pytest.approx(rows.score[inside].mean(), abs=5 * found.bound)
        assert observed == pytest.approx(rows.actual[inside].mean(), abs=0.03)


def test_bins_are_called_off_where_chance_does_not_explain_it() -> None:
    random = np.random.default_rng(4)
    false_alarms = 0
    for _ in range(400):
        score = random.random(500)
        found = reliability(scored(random.random(500) < score, score).profile())
        false_alarms += bool(found.off().any())
    assert false_alarms <= 400 * 0.08
    score = random.random(5_000)
    low = reliability(scored(random.random(5_000) < score**2, score).profile()).off()
    assert (low >= 0).all()
    assert low[3:7].all()
    high = reliability(scored(random.random(5_000) < np.sqrt(score), score).profile()).off()
    assert (high <= 0).all()
    assert not reliability(binary(1, weighted=True).profile()).off().any()


def test_weights_count_in_each_bin() -> None:
    rows = binary(3, 900, weighted=True)
    assert rows.weight is not None
    found = reliability(rows.profile())
    place = np.minimum((rows.score * 10).astype(int), 9)
    sizes = np.bincount(place, rows.weight, 10)
    assert found.size == pytest.approx(sizes[sizes > 0])
    means = np.bincount(place, rows.weight * rows.score, 10)
    assert found.mean == pytest.approx((means[sizes > 0]) / sizes[sizes > 0])
    assert np.isnan(found.low).all()
    tenths = reliability(rows.profile(), by="rows")
    assert tenths.size.sum() == pytest.approx(rows.weight.sum())
    assert tenths.size.max() < 1.5 * tenths.size.min()


def test_bins_that_do_not_divide_a_hundred_are_refused() -> None:
    with pytest.raises(InvalidInput, match="hundred"):
        reliability(binary(1).profile(), bins=7)
    assert reliability(Classification(2, scores=True), by="rows").size.sum() == 0
