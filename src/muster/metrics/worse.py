"""Whether some rows lose more than others: the test, and the figures of both with their intervals."""

from __future__ import annotations

from typing import Literal

import numpy as np

from muster.metrics.differences import independent
from muster.metrics.figure import Figure, Interval, figure
from muster.profiles.keys import Floats

__all__ = ["LOSS", "ROWS", "SQUARES", "WRONG", "Kind", "chance", "compared", "surely"]

ROWS, WRONG, LOSS, SQUARES = range(4)
"""Columns of counts: rows, those predicted wrong, sums of losses and of their squares."""

Kind = Literal["share", "mean"]
"""Of rows predicted wrong, or of losses."""

_EPSILON = 8 * float(np.finfo(np.float64).eps)
_ADJUSTED = ", adjusted for the search"


def chance(kind: Kind, inside: Floats, others: Floats) -> Floats:
    """How often chance alone makes the rows inside so much worse than the others; 1 where that is not known. The last axis is of counts.

    Shares by the binomial distribution with the rate of both, which is wider than that of drawing without return. Means by Welch's
    test: losses are skewed to the right, which makes it say less where those inside are fewer than the others.
    """
    with np.errstate(all="ignore"):
        found = _of_shares(inside, others) if kind == "share" else _of_means(inside, others)
    known = (inside[..., ROWS] > 1) & (others[..., ROWS] > 1) & np.isfinite(found)
    return np.where(known, found, 1.0)


def _of_shares(inside: Floats, others: Floats) -> Floats:
    from scipy.special import betainc

    rows, wrong = inside[..., ROWS], inside[..., WRONG]
    rate = (wrong + others[..., WRONG]) / (rows + others[..., ROWS])
    return np.where(wrong > 0, betainc(np.maximum(wrong, 1.0), rows - wrong + 1, rate), 1.0)


def _of_means(inside: Floats, others: Floats) -> Floats:
    from scipy.special import stdtr

    gap, variances = _mean(inside) - _mean(others), [_of_mean(side) for side in (inside, others)]
    error = np.sqrt(variances[0] + variances[1])
    return np.asarray(stdtr(_freedom(inside, others, variances), -gap / error), np.float64)


def _mean(counts: Floats) -> Floats:
    return counts[..., LOSS] / counts[..., ROWS]


def _of_mean(counts: Floats) -> Floats:
    """The variance of a mean, never less than what rounding of the sums may hide."""
    rows, squares = counts[..., ROWS], counts[..., SQUARES]
    around = np.maximum(squares - counts[..., LOSS] ** 2 / rows, _EPSILON * squares)
    return around / (rows - 1) / rows


def _freedom(inside: Floats, others: Floats, variances: list[Floats]) -> Floats:
    """Satterthwaite's (1946)."""
    parts = [v**2 / (side[..., ROWS] - 1) for v, side in zip(variances, (inside, others), strict=True)]
    return (variances[0] + variances[1]) ** 2 / (parts[0] + parts[1])


def surely(kind: Kind, inside: Floats, others: Floats, level: float) -> Floats:
    """By how much at least each group inside is worse, but for the share `level` of cases: by the normal distribution, to rank them."""
    from scipy.special import ndtri

    sides = (inside, others)
    with np.errstate(all="ignore"):
        if kind == "share":
            rates = [side[..., WRONG] / side[..., ROWS] for side in sides]
            variances = [r * (1 - r) / side[..., ROWS] for r, side in zip(rates, sides, strict=True)]
        else:
            rates, variances = [_mean(side) for side in sides], [_of_mean(side) for side in sides]
        return rates[0] - rates[1] + float(ndtri(level / 2)) * np.sqrt(variances[0] + variances[1])


def compared(kind: Kind, name: str, inside: Floats, others: Floats, *, level: float) -> tuple[Figure, Figure, Figure]:
    """The figure of one group inside, of the others, and by how much it is worse, each with its interval of this level."""
    one, other = (_figure(kind, name, side, level) for side in (inside, others))
    assert one.value is not None
    assert other.value is not None
    interval = independent(other, one)
    if kind == "mean":
        from scipy.special import stdtrit

        variances = [_of_mean(side) for side in (inside, others)]
        most = float(stdtrit(_freedom(inside, others, variances), (1 + level) / 2))
        half = most * float(np.sqrt(variances[0] + variances[1]))
        interval = Interval(one.value - other.value - half, one.value - other.value + half, "welch")
    method = interval.method + _ADJUSTED
    gap = Interval(interval.low, interval.high, method, interval.reason)
    return one, other, figure(name, one.value - other.value, int(inside[ROWS] + others[ROWS]), gap)


def _figure(kind: Kind, name: str, counts: Floats, level: float) -> Figure:
    rows = int(counts[ROWS])
    if kind == "share":
        share = float(counts[WRONG]) / rows
        return figure(name, share, rows, _wilson(share, rows, level))
    from scipy.special import stdtrit

    value = float(_mean(counts))
    half = float(stdtrit(rows - 1, (1 + level) / 2) * np.sqrt(_of_mean(counts)))
    return figure(name, value, rows, Interval(max(0.0, value - half), value + half, f"student{_ADJUSTED}"))


def _wilson(share: float, rows: int, level: float) -> Interval:
    from scipy.special import ndtri

    z2 = float(ndtri((1 + level) / 2)) ** 2
    centre = (share + z2 / (2 * rows)) / (1 + z2 / rows)
    half = float(np.sqrt(z2 * (share * (1 - share) / rows + z2 / (4 * rows * rows)))) / (1 + z2 / rows)
    return Interval(max(0.0, centre - half), min(1.0, centre + half), f"wilson{_ADJUSTED}")
