"""How many digits figures are written with."""

from __future__ import annotations

import pytest

from muster.charts.digits import written
from muster.charts.words import figure, percent, short
from muster.metrics.figure import Figure


@pytest.mark.parametrize(
    ("value", "beside", "text"),
    [
        (0.815251, (), "0.8153"),
        (0.0, (), "0.0000"),
        (-0.0, (), "0.0000"),
        (0.00042, (), "0.00042"),
        (1.23e-12, (), "1.2e-12"),
        (-1.3e-9, (2.0,), "0.0000"),
        (1_234.5678, (), "1,234.57"),
        (1_500.0, (), "1,500"),
        (1e20, (), "1.00000e+20"),
        (1e308, (-1e308,), "1.00000e+308"),
        (0.75, (0.7487, 0.7513), "0.7500"),
        (0.75, (0.7497, 0.7503), "0.75000"),
    ],
)
def test_as_many_as_tell_a_number_from_0(value: float, beside: tuple[float, ...], text: str) -> None:
    assert written(value, beside) == text


@pytest.mark.parametrize(
    ("value", "other"),
    [
        (0.815251, 0.815251001),
        (1e-6, 1.1e-6),
        (1e9, 1e9 + 0.25),
        (0.99995, 0.99996),
        (3e-300, 3.1e-300),
        (1e15, 1.001e15),
    ],
)
def test_numbers_beside_each_other_are_told_apart(value: float, other: float) -> None:
    assert written(value, [other]) != written(other, [value])
    assert float(written(value, [other]).replace(",", "")) == pytest.approx(value, abs=abs(other - value) / 8)


def test_what_rounding_makes_is_no_difference() -> None:
    assert written(0.1, [0.1 + 1e-16]) == "0.1000"


def test_a_figure_is_told_from_the_ends_of_its_interval() -> None:
    assert figure(Figure("mae", 1e-5, 100, 0.9e-5, 1.1e-5)) == "0.0000100 [0.0000090, 0.0000110]"
    assert figure(Figure("roc_auc", 0.9, 100, 0.88, 0.92)) == "0.900 [0.880, 0.920]"


def test_a_figure_without_an_interval_says_how_far_it_can_be_off() -> None:
    assert figure(Figure("roc_auc", 0.5, 100, bound=0.25)) == "0.500 ±\u202f0.3"
    assert figure(Figure("roc_auc", 0.5, 100, bound=1e-5)) == "0.500"


def test_large_numbers_beside_each_other_are_told_apart() -> None:
    assert short(1_000_000_000.0) == "1\u202f000\u202f000\u202f000"
    assert short(1_000_000_000.2, 1_000_000_001.4) == "1\u202f000\u202f000\u202f000.2"
    assert short(12.34, 56.78) == "12.3"


def test_a_share_is_told_from_none_and_from_all() -> None:
    assert [percent(v) for v in (0.0, 1.0, 0.4217)] == ["0.0\u202f%", "100.0\u202f%", "42.2\u202f%"]
    assert percent(2.1e-5) == "0.0021\u202f%"
    assert percent(0.99996) == "99.996\u202f%"
    assert percent(0.996, 0) == "99.6\u202f%"
