"""How far two agree on the same rows: whose labels, who is right, how far scores moved, and whose numbers are nearer."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from muster.metrics.figure import Figure, Interval, figure, undefined
from muster.metrics.intervals import Z, t_quantile, wilson
from muster.metrics.quantiles import Steps, steps
from muster.metrics.residuals import Quantile, quantiles
from muster.metrics.sign_test import SignTest, sign_test
from muster.metrics.uneven import PLAIN, interval_on, of_rows
from muster.profiles.agreed import LabelsAgreed, NumbersAgreed
from muster.profiles.counted import Counted
from muster.profiles.keys import Floats
from muster.profiles.shift import Shift

__all__ = ["agreement_figures", "better", "moves_of", "shift_of", "shift_quantiles"]

_LEAST_ROWS = 100
"""Of fewer, an interval of a mean was seen to cover it too seldom."""
_LEAST_APART = 20
"""Likewise of kappa, where two differ on fewer rows."""
_NO_ROW = "no row was predicted by both"


def agreement_figures(whole: LabelsAgreed | NumbersAgreed) -> dict[str, Figure]:
    """Every figure of it, the most telling first."""
    found = [*_of_labels(whole)] if isinstance(whole, LabelsAgreed) else [*_of_numbers(whole)]
    return {one.name: one for one in found}


def better(whole: LabelsAgreed | NumbersAgreed) -> SignTest:
    """Of classes by the rows that only one of the two has right (McNemar's test); of numbers by whose is nearer to the actual value."""
    if isinstance(whole, LabelsAgreed):
        rows, weighted = whole.outcomes.rows.sum(0), whole.outcomes.mass is not None
        return sign_test(int(rows[1, 0]), int(rows[0, 1]), weighted=weighted)
    first, _, second = whole.nearer.rows.tolist()
    return sign_test(first, second, weighted=whole.nearer.mass is not None)


def shift_of(whole: LabelsAgreed | NumbersAgreed) -> Shift | None:
    """How scores or numbers moved; None where one of the two gives no probabilities."""
    if isinstance(whole, NumbersAgreed):
        return whole.shift
    return None if whole.scores is None else whole.scores.shift


def moves_of(shift: Shift) -> Steps | None:
    """The second less the first of each row, in order; None of no rows, and where a move is too large for a double."""
    moves = shift.moves
    if not moves.rows or moves.finite < moves.rows:
        return None
    return steps(moves.values.cells, (moves.least, moves.greatest))


def shift_quantiles(shift: Shift) -> tuple[Quantile, ...]:
    """Of the moves. What is less than the rounding of a difference is no bound of one."""
    slack = (
        float(np.spacing(max(abs(n.least) + abs(n.greatest) for n in (shift.first, shift.second))))
        if shift.rows
        else 0.0
    )
    found = quantiles(moves_of(shift), whole=not len(shift.squares))
    return tuple(q._replace(bound=0.0) if q.bound <= slack else q for q in found)


def _of_labels(whole: LabelsAgreed) -> list[Figure]:
    outcomes, k = whole.outcomes, whole.classes
    cell = np.arange(4).reshape(2, 2)
    found = [_share("agreement", whole.labels, np.eye(k, dtype=np.bool_)), _kappa(whole.labels)]
    names = {"both_right": (1, 1), "only_first_right": (1, 0), "only_second_right": (0, 1), "both_wrong": (0, 0)}
    found += [_share(name, outcomes, np.broadcast_to(cell == cell[at], (k, 2, 2))) for name, at in names.items()]
    if whole.scores is not None:
        found += _of_shift(whole.scores.shift)
        far = whole.scores.far
        for name, on in {"moved_far": (1, 0, 1), "moved_far_down": (1, 0, 0), "moved_far_up": (0, 0, 1)}.items():
            found.append(_share(name, far, np.array(on, np.bool_)))
    return found


def _of_numbers(whole: NumbersAgreed) -> list[Figure]:
    nearer = whole.nearer
    apart = np.array([True, False, True])
    second = np.array([False, False, True])
    none = "both are as near to every actual value" if whole.rows else _NO_ROW
    return [
        *_of_shift(whole.shift),
        _share("differ", nearer, apart),
        _share("second_nearer", nearer, second, among=apart, why=none),
    ]


def _of_shift(shift: Shift) -> list[Figure]:
    rows = shift.rows
    if not rows:
        return [undefined(name, 0, _NO_ROW) for name in ("mean_shift", "largest_shift", "correlation")]
    ends = shift.moves.least, shift.moves.greatest
    largest = max(ends, key=abs) if shift.moves.finite == rows else math.inf
    alone = Interval.none("it is that of one row")
    return [_mean(shift), figure("largest_shift", largest, rows, alone, why=_TOO_LARGE), _correlation(shift)]


_TOO_LARGE = "the numbers are too large"


def _share(
    name: str, counted: Counted, part: NDArray[np.bool_], *, among: NDArray[np.bool_] | None = None, why: str = _NO_ROW
) -> Figure:
    """Of the rows `among` (all), those of a `part`, with Wilson's interval; in weights as of so many equal rows.

    How many these are, weights alone tell (Kish 1965), and what they make of the variance; the lesser holds.
    """
    of = np.ones(counted.rows.shape, np.bool_) if among is None else among
    rows = int(counted.rows[of].sum())
    mass, hits = float(counted.counts[of].sum()), float(counted.counts[part & of].sum())
    if not mass > 0:
        return undefined(name, rows, why if not rows else "the weights of these rows are 0")
    share, equal = hits / mass, float(rows)
    if counted.squares is not None:
        squares, inside = float(counted.squares[of].sum()), float(counted.squares[part & of].sum())
        equal = mass * mass / squares
        spread = inside * (1 - share) ** 2 + (squares - inside) * share**2
        if 0 < share < 1 and spread > 0:
            equal = min(equal, share * (1 - share) * mass * mass / spread)
    return figure(name, share, rows, wilson(share * equal, equal))


def _kappa(labels: Counted) -> Figure:
    """Cohen's, of the labels of both: 0 as two would agree by chance, 1 wholly."""
    rows = int(labels.rows.sum())
    total = float(labels.counts.sum())
    if not total > 0:
        return undefined("kappa", rows, _NO_ROW)
    shares = labels.counts / total
    of_first, of_second = shares.sum(1), shares.sum(0)
    agreed, chance = float(np.trace(shares)), float(of_first @ of_second)
    if not chance < 1:
        return undefined("kappa", rows, "both give all rows the same label")
    value = (agreed - chance) / (1 - chance)
    apart = rows - int(np.trace(labels.rows))
    if labels.mass is not None:
        why = Interval.none("rows have weights")
    elif apart < _LEAST_APART or rows < _LEAST_ROWS:
        why = Interval.none(f"fewer than {_LEAST_ROWS} rows, or than {_LEAST_APART} on which the two differ")
    else:
        half = Z * math.sqrt(_kappa_variance(shares, agreed, chance) / rows)
        why = Interval(max(-1.0, value - half), min(1.0, value + half), "fleiss")
    return figure("kappa", value, rows, why)


def _kappa_variance(shares: Floats, agreed: float, chance: float) -> float:
    """Of one row, for large numbers of them (Fleiss, Cohen and Everitt 1969)."""
    of_first, of_second = shares.sum(1), shares.sum(0)
    own = np.diagonal(shares)
    right = (own * ((1 - chance) - (of_first + of_second) * (1 - agreed)) ** 2).sum()
    both = (of_second[:, None] + of_first[None, :]) ** 2
    wrong = (1 - agreed) ** 2 * ((shares * both).sum() - (own * np.diagonal(both)).sum())
    rest = (agreed * chance - 2 * chance + agreed) ** 2
    return max(0.0, float(right + wrong - rest)) / (1 - chance) ** 4


def _mean(shift: Shift) -> Figure:
    moves, rows = shift.moves, shift.rows
    mean = moves.mean
    if mean is None or moves.finite < rows:
        why = _TOO_LARGE if moves.finite < rows or moves.moments[0] > 0 else "the weights of these rows are 0"
        return undefined("mean_shift", rows, why)
    return figure("mean_shift", mean, rows, _mean_interval(shift, mean))


def _mean_interval(shift: Shift, mean: float) -> Interval:
    """By how far each row moves the mean, with the freedom that few large moves leave."""
    rows, numbers = shift.rows, moves_of(shift)
    if rows < _LEAST_ROWS or numbers is None:
        return Interval.none(f"fewer than {_LEAST_ROWS} rows")
    if not len(shift.squares):
        ends = (-math.inf, math.inf)
        found = of_rows((numbers.middle - mean) / rows, numbers.rows)
        return interval_on(PLAIN, mean, found, ends, "student")
    weights, first, second = (float(s) for s in shift.squares)
    mass = float(shift.moves.moments[0])
    equal = mass * mass / weights
    variance = second - 2 * mean * first + mean * mean * weights
    if not (variance > 0 and math.isfinite(variance)) or equal < _LEAST_ROWS:
        return Interval.none("the weights of few rows make up most of it" if variance > 0 else "all rows say the same")
    half = t_quantile(round(equal) - 1) * math.sqrt(variance) / mass
    return Interval(mean - half, mean + half, "student")


def _correlation(shift: Shift) -> Figure:
    """Pearson's, of what the two say."""
    deviations = [numbers.deviation for numbers in (shift.first, shift.second, shift.moves)]
    if any(d is None for d in deviations) or shift.moves.finite < shift.rows:
        return undefined("correlation", shift.rows, _TOO_LARGE)
    first, second, moves = (float(d or 0.0) for d in deviations)
    if not first > 0 or not second > 0:
        return undefined("correlation", shift.rows, "one of the two says the same of all rows")
    value = (first / second + second / first - moves / first * (moves / second)) / 2
    none = Interval.none("it would take groups of rows, which are not kept of two answers")
    return figure("correlation", min(1.0, max(-1.0, value)), shift.rows, none)
