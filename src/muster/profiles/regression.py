"""How well numbers were predicted: sums of errors, moments, and how predictions, actual values and errors are spread."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from muster.errors import InvalidInput
from muster.profiles.cells import CellCounts
from muster.profiles.deviances import deviances, log_errors
from muster.profiles.fold_cells import FOLDS
from muster.profiles.grid import PairCounts
from muster.profiles.keys import Cells, Floats, Hashes, ordered
from muster.profiles.stored import Arrays, fitting

__all__ = [
    "BY_PREDICTION", "COVERED", "FACTS", "MOMENTS", "RANGES", "SEGMENT", "SUMS", "WHOLE", "Predicted", "Reach", "Regression", "Totals",
]  # fmt: skip

_EPSILON = float(np.finfo(np.float64).eps)

SUMS = (
    "absolute", "squared", "over", "relative", "symmetric", "actual_absolute", "log_squared", "poisson", "gamma", "tweedie",
)  # fmt: skip
"""Columns of `Totals.sums`, each weighted: |e|, e², max(e, 0), |e| / |y|, 2|e| / (|y| + |f|), |y|, (log1p f - log1p y)²; the unit
deviances of Poisson, gamma and Tweedie (power 1.5) distributions. For e = f - y, the prediction less the actual value."""

FACTS = ("rows", "below", "negative", "zero", "unpositive", "inside", "under", "above")
"""Columns of `Totals.facts`: rows; of them with an actual value, or a prediction, of -1 or below (no logarithm of 1 + it), an actual
value below 0, of 0, a prediction of 0 or below; an actual value inside, under and above the predicted interval."""

MOMENTS = (
    "mass", "actual", "predicted", "error", "actual_rest", "predicted_rest", "error_rest",
    "actual_2", "predicted_2", "error_2", "product", "actual_poisson", "actual_gamma", "actual_tweedie",
)  # fmt: skip
"""Columns of `Totals.moments`: the sum of weights; the means of actual values, predictions and errors, and what rounding left out of
each; their centred sums of squares, and that of the products of actual values and predictions; the deviances of the actual values
from their mean, 0 where they are not defined for one of them."""

_ENDS = (np.maximum, np.minimum, np.maximum, np.minimum, np.maximum)
"""Of the columns of `Totals.largest`."""

_MEANS, _RESTS, _SQUARES, _DEVIANCES = slice(1, 4), slice(4, 7), slice(7, 11), slice(11, 14)

BY_PREDICTION = ("mass", "predicted", "actual", "error", "absolute", "squared")
"""Columns of the sums beside `Regression.predicted`, each weighted."""

RANGES = ("mass", "inside", "width", "mass_2", "inside_2")
"""Columns of `Totals.ranges`, each weighted: of rows with a predicted interval 1, whether the actual value is inside, and its width; and
the first two in squares of weights."""


COVERED = ("width", "inside", "under", "above")
"""Columns of the sums beside `Regression.covered`, each weighted: the width of the predicted interval, and whether the actual value is
inside, under and above it; the counts of rows beside them are of the last three."""

_COVERED_CELLS = 1_024
"""Enough for coverage by tenths of the predictions."""


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
    error: Floats

    @classmethod
    def of(
        cls,
        actual: Floats,
        predicted: Floats,
        weight: Floats | None = None,
        low: Floats | None = None,
        high: Floats | None = None,
        *,
        rest: Floats | None = None,
    ) -> Self:
        """`rest` is what doubles left out of the errors, where large whole numbers are none."""
        facts = _facts(actual, predicted, low, high)
        with np.errstate(over="ignore"):
            error = predicted - actual if rest is None else (predicted - actual) + rest
        return cls(actual, predicted, weight, low, high, facts, _terms(actual, predicted, error), error)

    def take(self, rows: NDArray[Any]) -> Self:
        """Some of them, by index or mask."""
        weight, low, high = (None if a is None else a[rows] for a in (self.weight, self.low, self.high))
        facts, terms = tuple(a[rows] for a in self.facts), tuple(a[rows] for a in self.terms)
        return type(self)(self.actual[rows], self.predicted[rows], weight, low, high, facts, terms, self.error[rows])


class Totals:
    """Sums of many groups at once; the first axis of each array is the group.

    `facts` (int64) as FACTS tells, `sums` as SUMS, `moments` as MOMENTS, `ranges` as RANGES; `largest` (groups, 5), of
    rows that weigh something, the greatest |e|, the least and the greatest actual value, and the least and the greatest prediction.
    """

    __slots__ = ("facts", "largest", "moments", "ranges", "sums")

    def __init__(self, groups: int) -> None:
        self.facts = np.zeros((groups, len(FACTS)), np.int64)
        self.sums = np.zeros((groups, len(SUMS)), np.float64)
        self.moments = np.zeros((groups, len(MOMENTS)), np.float64)
        self.ranges = np.zeros((groups, len(RANGES)), np.float64)
        self.largest = np.tile(np.array([0.0, np.inf, -np.inf, np.inf, -np.inf]), (groups, 1))

    @property
    def groups(self) -> int:
        return len(self.facts)

    def add(self, rows: Predicted, group: Cells | None = None) -> None:
        """Count rows, each in its group (all in the first)."""
        self.merge(self.of(rows, self.groups, group))

    @classmethod
    def of(cls, rows: Predicted, groups: int = 1, group: Cells | None = None) -> Totals:
        """Those of some rows."""
        where = np.zeros(len(rows.actual), np.int64) if group is None else group
        result, weight = cls(groups), rows.weight

        def summed(values: Floats) -> Floats:
            return np.bincount(where, values if weight is None else values * weight, groups).astype(
                np.float64, copy=False
            )

        with np.errstate(over="ignore", invalid="ignore"):
            for n, fact in enumerate(rows.facts):
                result.facts[:, n] = np.bincount(where[fact], minlength=groups)
            for n, term in enumerate(rows.terms):
                result.sums[:, n] = summed(term)
            if rows.low is not None and rows.high is not None:
                inside = rows.facts[FACTS.index("inside")].astype(np.float64)
                once = np.ones(len(where)) if weight is None else weight
                terms = (np.ones(len(where)), inside, rows.high - rows.low, once, inside * once)
                for n, term in enumerate(terms):
                    result.ranges[:, n] = summed(term)
            result.moments = _moments(rows, where, summed)
        weighs = slice(None) if weight is None else weight > 0
        values = (rows.terms[0], rows.actual, rows.actual, rows.predicted, rows.predicted)
        for n, (end, value) in enumerate(zip(_ENDS, values, strict=True)):
            end.at(result.largest[:, n], where[weighs], value[weighs])
        result._drop_undefined()
        return result

    def merge(self, other: Totals) -> None:
        if self.groups != other.groups:
            raise InvalidInput("these profiles count other things", hint="merge profiles of one kind only")
        with np.errstate(over="ignore", invalid="ignore"):
            self.facts += other.facts
            self.sums += other.sums
            self.ranges += other.ranges
            self.moments = _joined(self.moments, other.moments)
        self._drop_undefined()
        ends = [end(self.largest[:, n], other.largest[:, n]) for n, end in enumerate(_ENDS)]
        self.largest = np.stack(ends, axis=1)

    def _drop_undefined(self) -> None:
        """Of a deviance that is not defined for one of the rows nothing is kept: a part of it would depend on how rows were parted."""
        negative, zero = (self.facts[:, FACTS.index(fact)] > 0 for fact in ("negative", "zero"))
        undefined = np.stack([negative, negative | zero, negative], axis=1)
        self.moments[:, _DEVIANCES][undefined] = 0.0

    def take(self, groups: Any) -> Totals:
        """Some of the groups, by index."""
        result = type(self)(0)
        for name, array in self.arrays().items():
            setattr(result, name, np.array(array[groups]))
        return result

    def together(self) -> Totals:
        """All groups as one; a power of two of them."""
        return self._halves()[-1]

    def others(self) -> Totals:
        """For each group all others together; a power of two of them.

        From the top of the tree of halves down: what is outside of a half, and the other half.
        """
        *halves, _ = self._halves()
        rest = type(self)(1)
        for half in reversed(halves):
            each = np.arange(half.groups)
            rest = rest.take(each // 2)
            rest.merge(half.take(each ^ 1))
        return rest

    def _halves(self) -> list[Totals]:
        """The groups, pairs of them, pairs of those, to the whole."""
        levels = [self]
        while levels[-1].groups > 1:
            half = levels[-1].take(slice(0, None, 2))
            half.merge(levels[-1].take(slice(1, None, 2)))
            levels.append(half)
        return levels

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
        if (self.facts < 0).any():
            raise ValueError("counts below 0")


def _facts(y: Floats, f: Floats, low: Floats | None, high: Floats | None) -> tuple[NDArray[np.bool_], ...]:
    none = np.zeros(len(y), np.bool_)
    inside = under = above = none
    if low is not None and high is not None:
        under, above = y < low, y > high
        inside = ~(under | above)
    return ~none, (y <= -1) | (f <= -1), y < 0, y == 0, f <= 0, inside, under, above


def _terms(y: Floats, f: Floats, error: Floats) -> tuple[Floats, ...]:
    """Of SUMS, for each row. What is not defined for a row is 0 there; FACTS tells that there was one."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        absolute, size = np.abs(error), np.abs(y)
        both = size + np.abs(f)
        return (
            absolute,
            error * error,
            np.maximum(error, 0.0),
            absolute / np.maximum(size, _EPSILON),
            np.where(both > 0, 2 * (absolute / both), 0.0),
            size,
            log_errors(y, f, error) ** 2,
            *deviances(y, f, -error),
        )


def _moments(rows: Predicted, where: Cells, summed: Callable[[Floats], Floats]) -> Floats:
    mass = summed(np.ones(len(where)))
    some = np.where(mass > 0, mass, 1.0)
    values = (rows.actual, rows.predicted, rows.error)
    means = [summed(v) / some for v in values]
    apart = [v - m[where] for v, m in zip(values, means, strict=True)]
    # What rounding left out of the means is taken out once more (Chan, Golub and LeVeque 1983), and kept.
    rests = [summed(v) / some for v in apart]
    pairs = ((0, 0), (1, 1), (2, 2), (0, 1))
    squares = [summed(apart[a] * apart[b]) - mass * rests[a] * rests[b] for a, b in pairs]
    squares[:3] = [np.maximum(square, 0.0) for square in squares[:3]]
    from_mean = [summed(d) for d in deviances(rows.actual, means[0][where], apart[0] - rests[0][where])]
    return np.stack([mass, *means, *rests, *squares, *from_mean], axis=1)


def _joined(a: Floats, b: Floats) -> Floats:
    """Moments of two sets of rows together (Chan, Golub and LeVeque 1983).

    Deviances from a mean add up in the same way: theirs are Bregman divergences, as squares are.
    """
    result = a + b
    mass = result[:, :1]
    share = np.divide(b[:, :1], mass, out=np.zeros_like(mass), where=mass > 0)
    apart = (b[:, _MEANS] - a[:, _MEANS]) + (b[:, _RESTS] - a[:, _RESTS])
    products = np.concatenate([apart * apart, apart[:, :1] * apart[:, 1:2]], axis=1)
    result[:, _SQUARES] += products * (a[:, :1] * share)
    rest = a[:, _RESTS] + apart * share
    means = a[:, _MEANS] + rest
    result[:, _MEANS], result[:, _RESTS] = means, rest - (means - a[:, _MEANS])
    for part, way in ((a, -share), (b, 1 - share)):
        between = deviances(part[:, 1], means[:, 0], apart[:, 0] * way[:, 0])
        result[:, _DEVIANCES] += part[:, :1] * np.stack(between, axis=1)
    for part, other in ((a, b), (b, a)):  # nothing joined to something leaves it as it was, to the bit
        result = np.where(other[:, :1] > 0, result, part)
    return result


@dataclass(frozen=True, slots=True)
class Reach:
    """How many cells are kept of predictions, of actual values and of errors; how many squares of pairs of prediction and error, and of
    prediction and actual value twice as many; and folds or none.
    """

    spread: int
    squares: int
    folds: bool


WHOLE = Reach(16_384, 16_384, folds=True)
SEGMENT = Reach(1_024, 0, folds=False)


class Regression:
    """One measurement of predicted numbers, of all rows or of a segment.

    `totals` has one group, `folds` has 64. `predicted`, `actual` and `error` count rows by value. The sums beside `predicted` are
    as BY_PREDICTION tells; beside `actual` of weights, and of weights times the value; beside `error` of weights, where rows have
    them. `together` counts pairs of prediction and actual value, `apart` of prediction and error. `covered` counts rows with a
    predicted interval by prediction, as COVERED tells; it is empty in parts, and in profiles of before it was kept.
    """

    def __init__(self, reach: Reach = WHOLE, *, weighted: bool = False) -> None:
        self.reach, self.weighted = reach, weighted
        self.totals = Totals(1)
        self.folds = Totals(FOLDS if reach.folds else 0)
        self.predicted = CellCounts(reach.spread, sums=len(BY_PREDICTION))
        self.actual = CellCounts(reach.spread, sums=2)
        self.error = CellCounts(reach.spread, sums=1 if weighted else 0)
        self.together, self.apart = PairCounts(2 * reach.squares, places=True), PairCounts(reach.squares)
        self.covered = CellCounts(_COVERED_CELLS, kinds=3, sums=len(COVERED))

    @property
    def rows(self) -> int:
        return int(self.totals.facts[0, 0])

    @property
    def total(self) -> float:
        """The rows, or the sum of their weights."""
        return float(self.totals.moments[0, 0])

    def add(self, rows: Predicted, hashes: Hashes) -> None:
        """Count rows, whose hashes say of what fold they are."""
        if self.folds.groups:
            added = Totals.of(rows, FOLDS, (hashes >> np.uint64(58)).astype(np.int64))
            self.folds.merge(added)
            self.totals.merge(added.together())
        else:
            self.totals.add(rows)
        weight = np.ones(len(rows.actual)) if rows.weight is None else rows.weight
        with np.errstate(over="ignore", invalid="ignore"):
            error = rows.error
            terms = (rows.predicted, rows.actual, error, *rows.terms[:2])
            sums = np.stack([weight, *(weight * term for term in terms)], axis=1)
            own = np.stack([weight, weight * rows.actual], axis=1)
        self.predicted.add(ordered(rows.predicted), sums=sums)
        self.actual.add(ordered(rows.actual), sums=own)
        self.error.add(ordered(error), sums=None if rows.weight is None else weight[:, None])
        if self.reach.squares:
            self.together.add(rows.predicted, rows.actual)
            self.apart.add(rows.predicted, error)
        if self.folds.groups and rows.low is not None and rows.high is not None:
            facts = np.stack(rows.facts[FACTS.index("inside") :], axis=1)
            with np.errstate(over="ignore", invalid="ignore"):
                sums = np.column_stack([rows.high - rows.low, facts]) * weight[:, None]
            self.covered.add(ordered(rows.predicted), facts.argmax(1), sums)

    def merge(self, other: Self) -> None:
        if (self.reach, self.weighted) != (other.reach, other.weighted):
            raise InvalidInput("these profiles count other things", hint="merge profiles of one kind only")
        for mine, its in zip(self._pieces().values(), other._pieces().values(), strict=True):
            mine.merge(its)  # type: ignore[arg-type]  # the same kind of piece in both

    def arrays(self) -> Arrays:
        """All that is counted, by name."""
        pieces = {
            name: piece for name, piece in self._pieces().items() if piece is not self.covered or self.covered.rows
        }
        return {f"{of}.{name}": a for of, piece in pieces.items() for name, a in piece.arrays().items()}

    def restore(self, arrays: Arrays, prefix: str = "") -> None:
        """Take what `arrays` gave, as stored under `prefix`; ValueError or KeyError if it does not fit."""
        for of, piece in self._pieces().items():
            if piece is not self.covered or f"{prefix}{of}.cells" in arrays:
                piece.restore(arrays, f"{prefix}{of}.")
        counted = [self.predicted.rows, self.actual.rows, self.error.rows]
        if self.reach.squares:
            counted += [self.together.rows, self.apart.rows]
        if self.folds.groups and (self.folds.facts.sum(0) != self.totals.facts[0]).any():
            raise ValueError("folds that are not the whole")
        if self.covered.rows:
            counted += [self.covered.rows]
        if any(rows != self.rows for rows in counted):
            raise ValueError("counts of other numbers of rows")

    def _pieces(self) -> dict[str, Totals | CellCounts | PairCounts]:
        names = ("totals", "folds", "predicted", "actual", "error", "together", "apart", "covered")
        return {name: getattr(self, name) for name in names}
