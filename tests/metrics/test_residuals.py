"""What screens show, against the same from the rows themselves."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from muster.metrics.grids import parts_of, readable_edges
from muster.metrics.residuals import (
    Group,
    bands,
    deciles,
    error_histogram,
    error_quantiles,
    lift,
    predicted_by_actual,
    size_quantiles,
)
from muster.profiles.regression import SEGMENT, Regression
from tests.metrics.numbers import BINNED, KINDS, Rows, rows

finite = st.floats(allow_nan=False, allow_infinity=False)


@settings(max_examples=300)
@given(finite, finite, st.integers(2, 40))
def test_edges_hold_both_ends_in_few_steps(a: float, b: float, most: int) -> None:
    low, high = min(a, b), max(a, b)
    edges = readable_edges(low, high, most)
    assert 2 <= len(edges) <= most + 1
    assert (np.diff(edges) > 0).all()
    slack = abs(high / most - low / most) * 1e-9
    assert edges[0] <= low + slack
    assert edges[-1] >= high - slack


@pytest.mark.parametrize(
    ("low", "high", "most", "wanted"),
    [
        (0.02, 0.98, 10, [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0]),
        (-7.0, 31.0, 5, [-10.0, 0.0, 10.0, 20.0, 30.0, 40.0]),
        (1e9 - 2, 1e9 + 2, 4, [999999998.0, 999999999.0, 1e9, 1000000001.0, 1000000002.0]),
        (3.0, 3.0, 4, [1.0, 2.0, 3.0, 4.0, 5.0]),
    ],
)
def test_edges_are_readable(low: float, high: float, most: int, wanted: list[float]) -> None:
    assert readable_edges(low, high, most).tolist() == wanted


def test_ranges_are_parted_evenly() -> None:
    edges = np.array([0.0, 1.0, 2.0, 4.0])
    low, high = np.array([0.5, -1.0, 1.0, 4.0, 0.0, 9.0]), np.array([2.5, 1.0, 1.0, 4.0, 0.0, 9.0])
    assert parts_of(low, high, edges).tolist() == [
        [0.25, 0.5, 0.25], [0.5, 0, 0], [0, 1, 0], [0, 0, 1], [1, 0, 0], [0, 0, 0],
    ]  # fmt: skip


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("kind", sorted(KINDS))
def test_quantiles_of_errors(kind: str, weighted: bool) -> None:
    d = rows(kind, 2, 800, weighted=weighted)
    error = d.predicted - d.actual
    for found, true in ((error_quantiles(d.profile()), error), (size_quantiles(d.profile()), np.abs(error))):
        for q in found:
            if not weighted:
                assert q.value == pytest.approx(np.quantile(true, q.part, method="averaged_inverted_cdf"))
                assert q.interval.low is not None
                assert q.interval.high is not None
                assert q.interval.low <= q.value <= q.interval.high
            assert q.bound == 0
            assert (
                d.mass[true < q.value].sum()
                <= q.part * d.mass.sum() * (1 + 1e-9)
                <= d.mass[true <= q.value].sum() * (1 + 2e-9)
            )
            assert (q.interval.low is None) == weighted


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("kind", sorted(KINDS))
def test_the_histogram_of_errors(kind: str, weighted: bool) -> None:
    d = rows(kind, 2, 800, weighted=weighted)
    error = d.predicted - d.actual
    found = error_histogram(d.profile())
    assert found is not None
    assert len(found.mass) <= 40
    np.testing.assert_allclose(found.mass, np.histogram(error, found.edges, weights=d.mass)[0], rtol=1e-12)
    assert found.under == pytest.approx(d.mass[error < found.edges[0]].sum())
    assert found.over == pytest.approx(d.mass[error > found.edges[-1]].sum())
    assert found.bound == 0
    assert found.under + found.over <= 0.011 * d.mass.sum() + 2 * d.mass.max()
    binned = error_histogram(d.profile(BINNED))
    assert binned is not None
    assert binned.mass.sum() + binned.under + binned.over == pytest.approx(d.mass.sum())
    true = np.concatenate(
        [[d.mass[error < binned.edges[0]].sum()], np.histogram(error, binned.edges, weights=d.mass)[0]]
    )
    upto = np.cumsum(np.concatenate([[binned.under], binned.mass]))
    assert np.abs(upto - np.cumsum(true)).max() <= binned.bound * (1 + 1e-9) + 1e-9


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_predictions_by_actual_values(kind: str) -> None:
    d = rows(kind, 2, 800)
    found = predicted_by_actual(d.profile())
    assert found is not None
    assert found.rows.shape[0] <= 40
    true = np.histogram2d(d.predicted, d.actual, [found.edges, found.edges])[0]
    np.testing.assert_allclose(found.rows, true, atol=1e-9)
    assert found.outside == pytest.approx(800 - true.sum())
    assert found.outside <= 30
    binned = predicted_by_actual(d.profile(BINNED))
    assert binned is not None
    assert binned.rows.sum() + binned.outside == pytest.approx(800)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("kind", sorted(KINDS))
def test_deciles_of_predictions(kind: str, weighted: bool) -> None:
    d = rows(kind, 2, 800, weighted=weighted)
    found = deciles(d.profile())
    assert len(found) == 10
    assert sum(g.mass for g in found) == pytest.approx(d.mass.sum())
    assert np.dot([g.mass for g in found], _told(found, "mae")) == pytest.approx(
        (d.mass * np.abs(d.predicted - d.actual)).sum()
    )
    assert _told(found, "predicted") == sorted(_told(found, "predicted"))
    assert _told(found, "high") == sorted(_told(found, "high"))
    if len(np.unique(d.predicted)) == 800 and not weighted:
        order = np.argsort(d.predicted)
        for group, some in zip(found, np.split(order, 10), strict=True):
            error = (d.predicted - d.actual)[some]
            assert group.mass == 80
            assert (group.low, group.high) == (d.predicted[some].min(), d.predicted[some].max())
            assert group.predicted == pytest.approx(d.predicted[some].mean())
            assert group.actual == pytest.approx(d.actual[some].mean())
            assert group.mae == pytest.approx(np.abs(error).mean())
            assert group.rmse == pytest.approx(np.sqrt((error**2).mean()))
    mean = np.average(d.actual, weights=d.mass)
    wanted = [a / mean for a in reversed(_told(found, "actual"))]
    assert lift(d.profile()) == (pytest.approx(tuple(wanted)) if mean > 0 else (None,) * 10)


def _told(groups: tuple[Group, ...], name: str) -> list[float]:
    return [float(getattr(group, name)) for group in groups]


def test_one_prediction_for_all_is_shared_by_the_deciles() -> None:
    found = deciles(Rows(np.arange(20.0), np.full(20, 3.0)).profile())
    assert {(g.low, g.high) for g in found} == {(3.0, 3.0)}
    assert _told(found, "mass") == pytest.approx([2.0] * 10)
    assert _told(found, "actual") == pytest.approx([9.5] * 10)


def test_what_is_too_large_for_a_sum_is_not_told() -> None:
    found = deciles(Rows(np.array([1.0, 2.0]), np.array([1e200, 3.0])).profile(), 2)
    assert _told(found[:1], "rmse") == [1.0]
    assert found[1].rmse is None
    assert found[1].mae == 1e200


def test_weights_too_large_for_a_sum_have_no_deciles() -> None:
    assert deciles(Rows(np.arange(20.0), np.arange(20.0), np.full(20, 1e308)).profile()) == ()


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_bands_of_errors_along_predictions(kind: str) -> None:
    d = rows(kind, 2, 800)
    found = bands(d.profile(), (0.25, 0.5, 0.9))
    assert 2 <= len(found) <= 40
    for n, band in enumerate(found):
        upper = d.predicted <= band.high if n == len(found) - 1 else d.predicted < band.high
        error = (d.predicted - d.actual)[(d.predicted >= band.low) & upper]
        assert band.rows == len(error)
        wanted = np.quantile(error, [0.25, 0.5, 0.9], method="averaged_inverted_cdf")
        np.testing.assert_allclose(band.errors, wanted, rtol=1e-12, atol=1e-12)
    for band in bands(d.profile(BINNED)):
        assert list(band.errors) == sorted(band.errors)


def test_nothing_to_show() -> None:
    for empty in (Regression(), Regression(SEGMENT), Rows(np.ones(2), np.ones(2), np.zeros(2)).profile()):
        for found in (error_quantiles(empty), size_quantiles(empty), deciles(empty), lift(empty)):
            assert not found
        assert error_histogram(empty) is None
    assert predicted_by_actual(Regression()) is None
    assert bands(Regression()) == ()
    part = rows("positive", 1, 50).profile(SEGMENT)
    assert predicted_by_actual(part) is None
    assert bands(part) == ()
    assert len(deciles(part)) == 10


@settings(max_examples=200)
@given(st.lists(st.tuples(finite, finite), min_size=1, max_size=30))
def test_any_numbers_can_be_shown(pairs: list[tuple[float, float]]) -> None:
    d = Rows(*(np.array(side) for side in zip(*pairs, strict=True)))
    for reach in (SEGMENT, BINNED):
        profile = d.profile(reach)
        error_histogram(profile)
        predicted_by_actual(profile)
        bands(profile)
        lift(profile)
        assert all(np.isfinite(q.value) for q in (*error_quantiles(profile), *size_quantiles(profile)))
        assert all(np.isfinite(band.errors).all() for band in bands(profile))
