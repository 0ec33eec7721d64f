"""Weak segments: what was planted is found, and next to nothing where nothing was; the tests against SciPy's."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from muster.errors import InvalidInput
from muster.metrics.multiplicity import adjusted
from muster.metrics.weak_segments import WeakSegment, WeakSegments
from muster.metrics.worse import chance, compared
from muster.profiles.binning import Binning, Search
from muster.profiles.losses import Losses

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
LETTERS = tuple("abcdefg")


def _losses(codes: Ints, wrong: Ints | None, loss: Floats | None, *, numbers: bool = False) -> Losses:
    """Of rows whose bins of each column are known; eight bins a column, of which the last two are rare or missing."""
    columns = codes.shape[1]
    letters = [Binning(f"x{n}", "category", values=LETTERS[:6]) for n in range(columns)]
    between = [Binning(f"x{n}", "number", edges=(1.0, 2.0, 3.0, 4.0, 5.0, 6.0)) for n in range(columns)]
    search = Search(tuple(between if numbers else letters))
    found = Losses(search, classes=wrong is not None, scores=loss is not None)
    kind = np.zeros(len(codes), np.int64) if wrong is None else wrong
    tables = [(found.alone(n), codes[:, n]) for n in range(columns)]
    tables += [(found.pair(n), codes[:, a] * 8 + codes[:, b]) for n, (a, b) in enumerate(search.pairs)]
    for (rows, sums), index in tables:
        flat = rows.reshape(-1, rows.shape[-1])
        np.add.at(flat, (index, kind), 1)
        if loss is not None:
            np.add.at(sums.reshape(-1, 2), (index,), np.stack([loss, loss * loss], axis=1))
    return found


def _drawn(random: np.random.Generator, rows: int, columns: int) -> Ints:
    return random.choice(8, (rows, columns), p=[0.25, 0.2, 0.15, 0.12, 0.1, 0.08, 0.06, 0.04])


def _conditions(found: WeakSegments) -> list[tuple[str, ...]]:
    return [one.conditions for one in found]


PLANTED = ("x1 = b", "x3 = c")


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("kind", ["share", "mean"])
def test_a_planted_pair_is_found_first_and_its_columns_are_not_told_beside_it(seed: int, kind: str) -> None:
    random = np.random.default_rng([seed, 77])
    codes = _drawn(random, 20_000, 8)
    planted = (codes[:, 1] == 1) & (codes[:, 3] == 2)  # 3 % of the rows
    if kind == "share":
        found = WeakSegments(
            _losses(codes, (random.random(20_000) < np.where(planted, 0.45, 0.2)).astype(np.int64), None)
        )
    else:
        found = WeakSegments(_losses(codes, None, random.gamma(1.0, np.where(planted, 2.0, 1.0))))
    assert _conditions(found)[0] == PLANTED
    assert len(found) <= 2
    worst = found[0]
    assert (worst.rows, worst.columns) == (int(planted.sum()), ("x1", "x3"))
    assert worst.share == pytest.approx(planted.mean())
    assert worst.gap.low is not None
    assert worst.gap.low > 0.1
    assert worst.adjusted < 1e-6


@pytest.mark.parametrize("seed", range(5))
def test_a_planted_column_is_told_once_and_not_with_every_other_column(seed: int) -> None:
    random = np.random.default_rng([seed, 78])
    codes = _drawn(random, 20_000, 8)
    found = WeakSegments(_losses(codes, None, random.gamma(1.0, np.where(codes[:, 2] == 3, 1.6, 1.0))))
    assert _conditions(found)[0] == ("x2 = d",)
    assert len(found) <= 2


def test_the_same_rows_are_not_told_twice() -> None:
    random = np.random.default_rng(79)
    codes = _drawn(random, 20_000, 6)
    codes[:, 5] = codes[:, 1]  # two columns that say the same
    planted = (codes[:, 1] == 1) & (codes[:, 3] == 2)
    found = WeakSegments(_losses(codes, None, random.gamma(1.0, np.where(planted, 2.5, 1.0))))
    assert len(found) == 1
    alone = WeakSegments(_losses(codes, None, random.gamma(1.0, np.where(codes[:, 1] == 1, 2.5, 1.0))))
    assert _conditions(alone) in ([("x1 = b",)], [("x5 = b",)])


def test_neighbouring_bins_are_told_as_one() -> None:
    random = np.random.default_rng(86)
    codes = random.integers(0, 7, (30_000, 4))
    planted = (codes[:, 0] >= 2) & (codes[:, 0] <= 4) & (codes[:, 2] >= 5)
    loss = random.gamma(1.0, np.where(planted, 2.5, 1.0))
    found = WeakSegments(_losses(codes, None, loss, numbers=True))
    assert {one.conditions for one in found} <= {("x0 2 to 5", "x2 5 to 6"), ("x0 2 to 5", "x2 6 or more")}
    assert sum(one.rows for one in found) == planted.sum()
    for one in found:
        mine = planted & (codes[:, 2] == (5 if one.conditions[1] == "x2 5 to 6" else 6))
        assert (one.there.value, one.elsewhere.value) == pytest.approx((loss[mine].mean(), loss[~mine].mean()))
    letters = WeakSegments(_losses(codes, None, loss))
    assert len(letters) == 6, "categories have no neighbours"


@pytest.mark.parametrize("kind", ["share", "rare", "mean", "heavy"])
def test_where_nothing_was_planted_next_to_nothing_is_found(kind: str) -> None:
    random = np.random.default_rng([80, len(kind)])
    some, samples = 0, 60
    for _ in range(samples):
        codes = _drawn(random, 4_000, 8)
        if kind in ("share", "rare"):
            wrong = (random.random(4_000) < (0.3 if kind == "share" else 0.02)).astype(np.int64)
            found = WeakSegments(_losses(codes, wrong, None))
        else:
            found = WeakSegments(_losses(codes, None, random.lognormal(0.0, 0.5 if kind == "mean" else 1.5, 4_000)))
        assert found.looked_at > 500
        some += len(found) > 0
    assert some <= 8  # 5 % of 60 are 3; more than 8 of them are seen in less than one of 200 cases


def test_what_is_hard_everywhere_does_not_let_chance_through() -> None:
    """Many true segments make a rule over all of them lenient, and are left out as pairs that say no more: what is left may be chance."""
    random = np.random.default_rng(81)
    wrongly = told = 0
    for _ in range(12):
        codes = _drawn(random, 20_000, 8)
        found = WeakSegments(_losses(codes, None, random.gamma(1.0, np.where(codes[:, 0] <= 1, 1.5, 1.0))))
        told += len(found)
        wrongly += sum("x0" not in one.columns for one in found)
    assert told >= 24
    assert wrongly <= 4


def test_intervals_of_those_that_are_told_hold_the_truth() -> None:
    """Chosen as the worst of many, they would not without being adjusted for it."""
    random = np.random.default_rng(82)
    told = held = 0
    for _ in range(150):
        codes = _drawn(random, 3_000, 6)
        planted = (codes[:, 1] == 0) & (codes[:, 3] == 0)
        rate = np.where(planted, 0.36, 0.2)
        found = WeakSegments(_losses(codes, (random.random(3_000) < rate).astype(np.int64), None))
        for one in found:
            inside = np.all([codes[:, int(c[1])] == LETTERS.index(c[-1]) for c in one.conditions], axis=0)
            truth = rate[inside].mean() - rate[~inside].mean()
            told += 1
            held += _low(one) <= truth <= _high(one)
    assert told > 60
    assert held / told >= 0.9


def _low(one: WeakSegment) -> float:
    assert one.gap.low is not None
    return one.gap.low


def _high(one: WeakSegment) -> float:
    assert one.gap.high is not None
    return one.gap.high


def test_most_of_the_rows_and_few_of_them_are_no_segment() -> None:
    random = np.random.default_rng(83)
    codes = np.zeros((2_000, 2), np.int64)
    codes[:29, 0] = 1  # too few
    codes[29:1_500, 0] = 2  # the rule
    loss = random.gamma(1.0, np.where(codes[:, 0] == 0, 0.2, 5.0))
    found = WeakSegments(_losses(codes, None, loss))
    assert found.looked_at == 2  # the 500 others, in x0 alone and with the one bin of x1
    assert not len(found)


def test_p_values_are_those_of_scipy() -> None:
    random = np.random.default_rng(84)
    one, other = random.gamma(1.0, 1.3, 60), random.gamma(1.0, 1.0, 500)
    sides = [np.array([len(x), 0, x.sum(), (x * x).sum()]) for x in (one, other)]
    expected = stats.ttest_ind(one, other, equal_var=False, alternative="greater")
    assert float(chance("mean", sides[0], sides[1])) == pytest.approx(expected.pvalue, rel=1e-9)
    shares = np.array([80.0, 30, 0, 0]), np.array([920.0, 200, 0, 0])
    binomial = stats.binomtest(30, 80, 230 / 1_000, alternative="greater").pvalue
    assert float(chance("share", *shares)) == pytest.approx(binomial, rel=1e-9)
    p = random.random(200) ** 3
    assert adjusted(p) == pytest.approx(stats.false_discovery_control(p), rel=1e-12)
    there, _, gap = compared("mean", "mae", sides[0], sides[1], level=0.95)
    interval = stats.ttest_ind(one, other, equal_var=False).confidence_interval(0.95)
    assert (gap.low, gap.high) == pytest.approx((interval.low, interval.high), rel=1e-9)
    ends = stats.t.interval(0.99, 59, one.mean(), stats.sem(one))
    at_99, _, _ = compared("mean", "mae", sides[0], sides[1], level=0.99)
    assert (at_99.low, at_99.high) == pytest.approx(ends, rel=1e-9)
    assert there.value == pytest.approx(one.mean())
    share, _, _ = compared("share", "error_rate", *shares, level=0.99)
    wilson = stats.binomtest(30, 80).proportion_ci(0.99, method="wilson")
    assert (share.low, share.high) == pytest.approx((wilson.low, wilson.high), rel=1e-9)


def test_losses_without_spread_and_without_columns() -> None:
    codes = np.repeat([[0, 0], [1, 0]], 50, axis=0)
    same = WeakSegments(_losses(codes, None, np.zeros(100)))
    assert not len(same)
    none = WeakSegments(Losses(Search((), (("blob", "its values are binary"),)), classes=True, scores=True))
    assert (len(none), none.looked_at, none.left_out) == (0, 0, {"blob": "its values are binary"})
    with pytest.raises(InvalidInput, match="no loss `mae`"):
        none.by("mae")
    assert none.metrics == ("log_loss", "error_rate")
