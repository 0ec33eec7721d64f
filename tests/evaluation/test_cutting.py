"""Numbers are cut into parts of near equally many rows, whatever they look like, and at edges that read well."""

from __future__ import annotations

import math

import numpy as np
import pytest

from muster.evaluation.cutting import cuts
from muster.profiles.edges import names_between, places_between
from muster.profiles.keys import Floats

ROWS = 10_000
RANDOM = np.random.default_rng(12)


def whole(low: int, high: int) -> Floats:
    return RANDOM.integers(low, high, ROWS).astype(np.float64)


EVEN: dict[str, Floats] = {
    "epoch": 1.7e9 + RANDOM.random(ROWS) * 259_200,
    "id": 1_000_000.0 + whole(0, 100),
    "yyyymmdd": 20_130_101.0 + whole(0, 31),
    "pressure": RANDOM.normal(101_325, 300, ROWS),
    "money": RANDOM.lognormal(10, 1, ROWS),
    "latitude": 37.123 + RANDOM.random(ROWS) * 1e-3,
    "huge": RANDOM.normal(size=ROWS) * 4e307,
    "tiny": RANDOM.random(ROWS) * 1e-305,
    "neighbours": 1 + whole(0, 40) * 2.0**-52,
    "infinite": np.where(RANDOM.random(ROWS) < 0.02, np.inf, RANDOM.normal(size=ROWS)),
}


def rows(values: Floats, edges: tuple[float, ...]) -> dict[str, int]:
    counts = np.bincount(places_between(values, edges), minlength=len(edges) + 2)
    return {name: int(n) for name, n in zip(names_between(edges), counts, strict=True) if n}


@pytest.mark.parametrize("parts", [5, 8])
@pytest.mark.parametrize("name", EVEN)
def test_parts_have_near_equally_many_rows(name: str, parts: int) -> None:
    shares = np.array([*rows(EVEN[name], cuts(EVEN[name], parts)).values()]) / ROWS
    assert len(shares) == parts
    assert np.abs(shares - 1 / parts).max() < 0.05  # one day, one number of an id or 2 % of infinite rows more
    assert cuts(EVEN[name][::-1], parts) == cuts(EVEN[name], parts)


def test_edges_have_no_more_digits_than_they_need() -> None:
    assert cuts(np.linspace(0, 1, ROWS), 5) == (0.2, 0.4, 0.6, 0.8)
    assert cuts(np.arange(50.0, 5_050.0), 5) == (1_000.0, 2_000.0, 3_000.0, 4_000.0)
    assert cuts(1e6 + np.arange(100.0), 5) == (1_000_020.0, 1_000_040.0, 1_000_060.0, 1_000_080.0)
    assert all(len(f"{e:g}") <= 6 for e in cuts(EVEN["money"], 5))


@pytest.mark.parametrize("share", [0.25, 0.5, 0.9, 0.97])
@pytest.mark.parametrize("value", [0.0, -3.0, 4.0])
def test_a_value_of_many_rows_is_a_part_of_its_own(share: float, value: float) -> None:
    values = np.where(RANDOM.random(ROWS) < share, value, RANDOM.normal(size=ROWS) * 9)
    found = rows(values, cuts(values, 5))
    rest = [n for name, n in found.items() if name != f"{value:g}"]
    assert found[f"{value:g}"] == (values == value).sum()
    assert 3 <= len(found) <= 8
    assert min(rest) > 0.005 * ROWS
    assert max(rest) <= max(0.25 * ROWS, 0.6 * sum(rest))


def test_values_that_are_few_or_one_are_no_places_at_all() -> None:
    assert cuts(np.zeros(5), 5) == ()
    assert cuts(np.array([-0.0, 0.0, math.nan, math.inf]), 5) == ()
    assert rows(np.array([1.0, 1.0, 2.0]), cuts(np.array([1.0, 1.0, 2.0]), 5)) == {"1": 2, "above 1": 1}


def test_the_same_holds_of_anything() -> None:
    for _ in range(300):
        size, spread = int(RANDOM.integers(1, 400)), 10.0 ** RANDOM.integers(-300, 300)
        pool = RANDOM.normal(size=int(RANDOM.integers(1, 60))) * spread + RANDOM.choice([0.0, 1e6, spread * 1e6])
        values = np.asarray(RANDOM.choice(pool, size), np.float64)
        edges = cuts(values, 5)
        assert list(edges) == sorted(set(edges))
        assert all(math.isfinite(e) for e in edges)
        names = names_between(edges) if edges else []
        assert len(set(names)) == len(names)
        assert len(edges) <= 16
        if len(np.unique(values)) > 1:
            assert max(rows(values, edges).values()) <= max(
                np.unique(values, return_counts=True)[1].max(), 0.5 * size + 1
            )


def test_times_are_cut_at_whole_days_where_these_are_many() -> None:
    days = 86_400.0 * whole(0, 3_650) + whole(0, 86_400)
    edges = cuts(days, 5, times=True)
    assert [e % 86_400 for e in edges] == [0.0] * 4
    assert np.abs(np.array([*rows(days, edges).values()]) / ROWS - 0.2).max() < 0.02
    assert {e % 60 for e in cuts(1.6e9 + whole(0, 7_200), 5, times=True)} == {0.0}
    assert len(cuts(1.6e9 + whole(0, 30), 5, times=True)) == 4
    assert {0.0, 1.0} < set(cuts(np.where(whole(0, 2) > 0, 0.0, days), 5, times=True))
