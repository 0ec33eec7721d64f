"""How well numbers were predicted: sums of errors, moments, and how predictions, actual values and errors are spread."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from muster.errors import InvalidInput
from muster.profiles.cells import CellCounts
from muster.profiles.classification import FOLDS
from muster.profiles.grid import PairCounts
from muster.profiles.keys import Cells, Floats, Hashes, ordered
from muster.profiles.stored import Arrays, fitting

__all__ = ["SUMS", "TWEEDIE_POWER", "Predicted", "Reach", "Regression", "Totals"]

_EPSILON = float(np.finfo(np.float64).eps)
TWEEDIE_POWER = 1.5

SUMS = (
    "absolute", "squared", "over", "relative", "symmetric", "actual_absolute", "log_squared",
    "poisson", "poisson_actual", "gamma", "gamma_actual", "tweedie", "tweedie_actual",
)  # fmt: skip
"""Columns of `Totals.sums`, each weighted: |e|, e², max(e, 0), |e| / |y|, 2|e| / (|y| + |f|), |y|, (log1p f - log1p y)²; the unit
deviances of Poisson, gamma and Tweedie (power 1.5) distributions, and of each the part that depends on the actual value alone:
y log y, log y, y**0.5. For e = f - y, the prediction less the actual value."""

FACTS = ("rows", "below", "negative", "zero", "unpositive", "inside", "under", "above")
"""Columns of `Totals.facts`: rows; of them with an actual value, or a prediction, below -1 or not above (no logarithm of 1 + it),
an actual value below 0, of 0, a prediction of 0 or below; an actual value inside, under and above the predicted interval."""

MOMENTS = ("mass", "actual", "predicted", "actual_2", "predicted_2", "product")
"""Columns of `Totals.moments`: the sum of weights, both means, and the centred sums of squares and of products."""


@dataclass(frozen=True, slots=True)
class Predicted:
    """Rows to count, as finite numbers of one length; `low` and `high` are the predicted interval, where there is one.

    `facts` and `terms` are what FACTS and SUMS tell of each row.
    """

    actual: Floats
    predicted: Floats
    weight: Floats | None
    low: Floats | None
    high: Floats | None
    facts: tuple[NDArray[np.bool_], ...]
    terms: tuple[Floats, ...]

    @classmethod
    def of(
        cls,
        actual: Floats,
        predicted: Floats,
        weight: Floats | None = None,
        low: Floats | None = None,
        high: Floats | None = None,
    ) -> Self:
        facts = _facts(actual, predicted, low, high)
        return cls(actual, predicted, weight, low, high, facts, _terms(actual, predicted))

    def take(self, rows: NDArray[Any]) -> Self:
        """Some of them, by index or mask."""
        weight, low, high = (None if a is None else a[rows] for a in (self.weight, self.low, self.high))
        facts, terms = tuple(a[rows] for a in self.facts), tuple(a[rows] for a in self.terms)
        return type(self)(self.actual[rows], self.predicted[rows], weight, low, high, facts, terms)


class Totals:
    """Sums of many groups at once; the first axis of each array is the group.

    `facts` (int64) as FACTS tells, `sums` as SUMS, `moments` as MOMENTS; `widths`, the sum of the widths of intervals;
    `largest` (groups, 3), the greatest |e|, and the least and the greatest actual value.
    """

    __slots__ = ("facts", "largest", "moments", "sums", "widths")

    def __init__(self, groups: int) -> None:
        self.facts = np.zeros((groups, len(FACTS)), np.int64)
        self.sums = np.zeros((groups, len(SUMS)), np.float64)
        self.moments = np.zeros((groups, len(MOMENTS)), np.float64)
        self.widths = np.zeros(groups, np.float64)
        self.largest = np.tile(np.array([0.0, np.inf, -np.inf]), (groups, 1))

    @property
    def groups(self) -> int:
        return len(self.facts)

    def add(self, rows: Predicted, group: Cells | None = None) -> None:
        """Count rows, each in its group (all in the first)."""
        where = np.zeros(len(rows.actual), np.int64) if group is None else group
        added = type(self)(self.groups)
        for n, fact in enumerate(rows.facts):
            added.facts[:, n] = np.bincount(where[fact], minlength=self.groups)
        for n, term in enumerate(rows.terms):
            added.sums[:, n] = np.bincount(where, term if rows.weight is None else term * rows.weight, self.groups)
        if rows.low is not None and rows.high is not None:
            width = rows.high - rows.low
            added.widths += np.bincount(where, width if rows.weight is None else width * rows.weight, self.groups)
        added.moments = _moments(rows, where, self.groups)
        np.maximum.at(added.largest[:, 0], where, np.abs(rows.predicted - rows.actual))
        np.minimum.at(added.largest[:, 1], where, rows.actual)
        np.maximum.at(added.largest[:, 2], where, rows.actual)
        self.merge(added)

    def merge(self, other: Self) -> None:
        if self.groups != other.groups:
            raise InvalidInput("these profiles count other things", hint="merge profiles of one kind only")
        self.facts += other.facts
        self.sums += other.sums
        self.widths += other.widths
        self.moments = _joined(self.moments, other.moments)
        self.largest[:, [0, 2]] = np.maximum(self.largest[:, [0, 2]], other.largest[:, [0, 2]])
        self.largest[:, 1] = np.minimum(self.largest[:, 1], other.largest[:, 1])

    def grow(self, groups: int) -> None:
        """Room for as many groups; new ones are empty."""
        more = type(self)(groups - self.groups)
        for name, array in self.arrays().items():
            setattr(self, name, np.concatenate([array, more.arrays()[name]]))

    def arrays(self) -> Arrays:
        return {name: getattr(self, name) for name in self.__slots__}

    def restore(self, arrays: Arrays, prefix: str) -> None:
        for name, mine in self.arrays().items():
            mine[...] = fitting(arrays[prefix + name], mine)


def _facts(y: Floats, f: Floats, low: Floats | None, high: Floats | None) -> tuple[NDArray[np.bool_], ...]:
    none = np.zeros(len(y), np.bool_)
    inside = under = above = none
    if low is not None and high is not None:
        under, above = y < low, y > high
        inside = ~(under | above)
    return ~none, (y <= -1) | (f <= -1), y < 0, y == 0, f <= 0, inside, under, above


def _terms(y: Floats, f: Floats) -> tuple[Floats, ...]:
    """Of SUMS, for each row. What is not defined for a row is 0 there; FACTS tells that there was one."""
    error = f - y
    absolute, size = np.abs(error), np.abs(y)
    both = size + np.abs(f)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        log_y, log_f = np.log(y), np.log(f)
        positive, neither = (y > 0) & (f > 0), (y >= 0) & (f > 0)
        y_log_y = np.where(y > 0, y * log_y, 0.0)
        power = TWEEDIE_POWER
        y_part = np.where(y > 0, np.power(y, 2 - power), 0.0) / ((1 - power) * (2 - power))
        tweedie = 2 * (y_part - y * np.power(f, 1 - power) / (1 - power) + np.power(f, 2 - power) / (2 - power))
        logs = np.where((y > -1) & (f > -1), (np.log1p(f) - np.log1p(y)) ** 2, 0.0)
        return (
            absolute,
            error * error,
            np.maximum(error, 0.0),
            absolute / np.maximum(size, _EPSILON),
            np.where(both > 0, 2 * absolute / both, 0.0),
            size,
            logs,
            np.where(neither, 2 * (y_log_y - y * log_f - y + f), 0.0),
            y_log_y,
            np.where(positive, 2 * (log_f - log_y + y / f - 1), 0.0),
            np.where(y > 0, log_y, 0.0),
            np.where(neither, tweedie, 0.0),
            y_part,
        )


def _moments(rows: Predicted, where: Cells, groups: int) -> Floats:
    weight = np.ones(len(rows.actual)) if rows.weight is None else rows.weight
    mass = np.bincount(where, weight, groups)
    some = np.where(mass > 0, mass, 1.0)
    means = [np.bincount(where, v * weight, groups) / some for v in (rows.actual, rows.predicted)]
    y, f = (v - m[where] for v, m in zip((rows.actual, rows.predicted), means, strict=True))
    squares = [np.bincount(where, v * weight, groups) for v in (y * y, f * f, y * f)]
    # What rounding left of the means is taken out once more (Chan, Golub and LeVeque 1983).
    left_y, left_f = (np.bincount(where, v * weight, groups) / some for v in (y, f))
    products = (left_y * left_y, left_f * left_f, left_y * left_f)
    centred = [s - mass * p for s, p in zip(squares, products, strict=True)]
    return np.stack([mass, means[0] + left_y, means[1] + left_f, *centred], axis=1)


def _joined(a: Floats, b: Floats) -> Floats:
    """Moments of two sets of rows together (Chan, Golub and LeVeque 1983)."""
    mass = a[:, 0] + b[:, 0]
    share = np.divide(b[:, 0], mass, out=np.zeros_like(mass), where=mass > 0)
    apart = b[:, 1:3] - a[:, 1:3]
    between = a[:, 0] * share
    products = np.stack([apart[:, 0] ** 2, apart[:, 1] ** 2, apart[:, 0] * apart[:, 1]], axis=1)
    means = np.where((a[:, :1] > 0), a[:, 1:3] + apart * share[:, None], b[:, 1:3])
    return np.concatenate([mass[:, None], means, a[:, 3:] + b[:, 3:] + products * between[:, None]], axis=1)


@dataclass(frozen=True, slots=True)
class Reach:
    """How many cells are kept of predictions, of actual values and of errors, how many squares of pairs; and folds or none."""

    spread: int
    squares: int
    folds: bool


WHOLE = Reach(16_384, 16_384, folds=True)
SEGMENT = Reach(1_024, 0, folds=False)


class Regression:
    """One measurement of predicted numbers, of all rows or of a segment.

    `totals` has one group, `folds` has 64. `predicted`, `actual` and `error` count rows by value; the sums beside `predicted` are
    of weights, and of weights times the actual value, the absolute and the squared error; beside the others of weights.
    `together` counts pairs of prediction and actual value, `apart` of prediction and error.
    """

    def __init__(self, reach: Reach = WHOLE, *, weighted: bool = False) -> None:
        self.reach, self.weighted = reach, weighted
        self.totals = Totals(1)
        self.folds = Totals(FOLDS if reach.folds else 0)
        self.predicted = CellCounts(reach.spread, sums=4)
        self.actual = CellCounts(reach.spread, sums=1 if weighted else 0)
        self.error = CellCounts(reach.spread, sums=1 if weighted else 0)
        self.together, self.apart = PairCounts(reach.squares), PairCounts(reach.squares)

    @property
    def rows(self) -> int:
        return int(self.totals.facts[0, 0])

    @property
    def total(self) -> float:
        """The rows, or the sum of their weights."""
        return float(self.totals.moments[0, 0])

    def add(self, rows: Predicted, hashes: Hashes) -> None:
        """Count rows, whose hashes say of what fold they are."""
        self.totals.add(rows)
        if self.folds.groups:
            self.folds.add(rows, (hashes >> np.uint64(58)).astype(np.int64))
        error = rows.predicted - rows.actual
        weight = np.ones(len(error)) if rows.weight is None else rows.weight
        sums = np.stack([weight, weight * rows.actual, weight * np.abs(error), weight * error * error], axis=1)
        self.predicted.add(ordered(rows.predicted), sums=sums)
        own = None if rows.weight is None else rows.weight[:, None]
        self.actual.add(ordered(rows.actual), sums=own)
        self.error.add(ordered(error), sums=own)
        if self.reach.squares:
            self.together.add(rows.predicted, rows.actual)
            self.apart.add(rows.predicted, error)

    def merge(self, other: Self) -> None:
        if (self.reach, self.weighted) != (other.reach, other.weighted):
            raise InvalidInput("these profiles count other things", hint="merge profiles of one kind only")
        for mine, its in zip(self._pieces().values(), other._pieces().values(), strict=True):
            mine.merge(its)  # type: ignore[arg-type]  # the same kind of piece in both

    def arrays(self) -> Arrays:
        """All that is counted, by name."""
        return {f"{of}.{name}": a for of, piece in self._pieces().items() for name, a in piece.arrays().items()}

    def restore(self, arrays: Arrays, prefix: str = "") -> None:
        """Take what `arrays` gave, as stored under `prefix`; ValueError or KeyError if it does not fit."""
        for of, piece in self._pieces().items():
            piece.restore(arrays, f"{prefix}{of}.")

    def _pieces(self) -> dict[str, Totals | CellCounts | PairCounts]:
        names = ("totals", "folds", "predicted", "actual", "error", "together", "apart")
        return {name: getattr(self, name) for name in names}
