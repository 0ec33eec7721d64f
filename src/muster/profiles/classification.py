"""How well classes were predicted: counts by actual and predicted class, and by class and score."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from muster.errors import InvalidInput
from muster.profiles.cells import CellCounts
from muster.profiles.fold_cells import FOLDS, FoldCells
from muster.profiles.keys import Cells, Floats, Hashes, ordered
from muster.profiles.stored import Arrays, fitting
from muster.profiles.tally import Classified, Tally, coarse, lanes_of, width_of

__all__ = ["EQUAL_WIDTHS", "SEGMENT", "WHOLE", "Classification", "Extent"]

EQUAL_WIDTHS = 100
"""Of the bins of equal width in which calibration is counted: 10 and 20 are sums of them."""

_EDGES = np.arange(EQUAL_WIDTHS + 1) / EQUAL_WIDTHS
_PAIRED = 20
"""Up to so many classes, scores are counted by actual class for each pair, and by fold."""
_PAIRS = 16
"""Fine cells taken together where scores are counted by actual class."""

_BY_FOLD, _LEAST_BY_FOLD = 1_024, 256
"""Cells of scores by fold: of all lanes together about, and of each in any case."""

_WIDE, _WIDER = 16, 64
"""The same where scores were counted by fold, in `muster.evaluation/1`."""


@dataclass(frozen=True, slots=True)
class Extent:
    """How much is kept: `exact` distinct scores in all, fine cells taken together by `by`, and folds or none.

    `by_fold` is how many cells folds have of each lane; 0 leaves that to the number of classes.
    """

    exact: int
    by: int
    folds: bool
    by_fold: int = 0


WHOLE = Extent(65_536, 1, folds=True)
SEGMENT = Extent(4_096, 16, folds=False)


class Classification:
    """One measurement of classified rows, of all of them or of a segment.

    `tally` has one group; `folds` has 64 and says for each what the tally would have had of its rows alone, but for scores:
    `by_fold` has these of each lane, in cells of its own.
    `exact` has for each lane the rows of each actual class by score, while few scores are distinct; else it is None.
    `pairs` (lanes, classes, cells) has the rows of each actual class in cells, for three to 20 classes. `calibration`
    (lanes, 100, 2) and `scores` (lanes, 100) have rows and sums of the scores in bins of equal width, each with its upper end.
    `top` (100, 2), of more than two classes, has rows by their highest score, those predicted wrong and right; None in profiles of
    before it was kept.
    """

    def __init__(self, classes: int, extent: Extent = WHOLE, *, scores: bool, weighted: bool = False) -> None:
        few = classes <= _PAIRED
        self.classes, self.extent = classes, extent
        lanes = len(lanes_of(classes)) if scores else 0
        self.tally = Tally(classes, 1, extent.by if few else 16, scores=scores, weighted=weighted)
        folds = FOLDS if extent.folds and few else 0
        self.folds = Tally(classes, folds, 0, scores=scores, weighted=weighted)
        cells = extent.by_fold or max(_LEAST_BY_FOLD, _BY_FOLD // max(1, lanes))
        self.by_fold = tuple(FoldCells(cells, weighted=weighted) for _ in range(lanes if folds else 0))
        each = max(1, extent.exact // lanes) if lanes else 0
        self.exact: list[CellCounts] | None = [
            CellCounts(each, classes, classes if weighted else 0) for _ in range(lanes)
        ]
        shapes = {
            "pairs": (lanes, classes if few and classes > 2 else 0, width_of(_PAIRS)),
            "calibration": (lanes, EQUAL_WIDTHS, 2),
        }
        self.pairs, self.calibration = (np.zeros(shape, np.int64) for shape in shapes.values())
        self.scores = np.zeros((lanes, EQUAL_WIDTHS), np.float64)
        self.mass = {name: np.zeros(shape, np.float64) for name, shape in shapes.items()} if weighted else {}
        kept = lanes > 1
        self.top: npt.NDArray[np.int64] | None = np.zeros((EQUAL_WIDTHS, 2), np.int64) if kept else None
        self.top_mass: Floats | None = np.zeros((EQUAL_WIDTHS, 2), np.float64) if kept and weighted else None

    @property
    def rows(self) -> int:
        return int(self.tally.confusion.sum())

    @property
    def total(self) -> float:
        """The rows, or the sum of their weights."""
        return float(self.tally.mass["confusion"].sum()) if self.weighted else float(self.rows)

    @property
    def weighted(self) -> bool:
        return self.tally.weighted

    @property
    def lanes(self) -> int:
        return len(self.calibration)

    def add(self, rows: Classified, hashes: Hashes) -> None:
        """Count rows, whose hashes say of what fold they are."""
        self.tally.add(rows)
        fold = (hashes >> np.uint64(58)).astype(np.int64) if self.folds.groups else np.empty(0, np.int64)
        if self.folds.groups:
            self.folds.add(rows, fold)
        if (given := rows.probabilities) is None:
            return
        highest = np.zeros(len(rows.actual), np.int64)
        for lane, (label, score, cells) in enumerate(
            zip(lanes_of(self.classes), given.scores, given.cells, strict=True)
        ):
            place = _bins(score)
            np.maximum(highest, place, out=highest)  # the bin of the highest score, as a higher score has no lower bin
            self._count("calibration", lane, place * 2 + (rows.actual == label), rows.weight)
            self.scores[lane] += np.bincount(place, score if rows.weight is None else score * rows.weight, EQUAL_WIDTHS)
            if self.pairs.size:
                self._count("pairs", lane, rows.actual * self.pairs.shape[2] + coarse(cells, _PAIRS), rows.weight)
            if self.exact is not None:
                self._keep(self.exact[lane], score, rows)
            if self.by_fold:
                self.by_fold[lane].add(score, fold, rows.actual == label, rows.weight)
        if self.top is not None:
            highest *= 2
            highest += rows.actual == rows.predicted
            self._count_highest(highest, rows.weight)

    def _count_highest(self, place: Cells, weight: Floats | None) -> None:
        assert self.top is not None
        self.top = self.top + np.bincount(place, minlength=self.top.size).reshape(self.top.shape)
        if self.top_mass is not None:
            self.top_mass = self.top_mass + np.bincount(place, weight, self.top.size).reshape(self.top.shape)

    def _count(self, name: str, lane: int, index: Cells, weight: Floats | None) -> None:
        counts: npt.NDArray[np.int64] = getattr(self, name)[lane]
        counts += np.bincount(index, minlength=counts.size).reshape(counts.shape)
        if weight is not None:
            self.mass[name][lane] += np.bincount(index, weight, counts.size).reshape(counts.shape)

    def _keep(self, counts: CellCounts, score: Floats, rows: Classified) -> None:
        weights = None
        if rows.weight is not None:
            weights = np.zeros((len(score), self.classes))
            weights[np.arange(len(score)), rows.actual] = rows.weight
        counts.add(ordered(score), rows.actual, weights)
        if counts.shift:
            self.exact = None

    def merge(self, other: Self) -> None:
        if self._kind() != other._kind():
            raise InvalidInput("these profiles count other things", hint="merge profiles of one kind only")
        self.tally.merge(other.tally)
        self.folds.merge(other.folds)
        for own, more in zip(self.by_fold, other.by_fold, strict=True):
            own.merge(more)
        for mine, its in zip(self._arrays().values(), other._arrays().values(), strict=True):
            np.add(mine, its, out=mine)
        if self.top is None or other.top is None:
            self.top = self.top_mass = None
        else:
            self.top = self.top + other.top
            self.top_mass = None if self.top_mass is None or other.top_mass is None else self.top_mass + other.top_mass
        if self.exact is None or other.exact is None:
            self.exact = None
            return
        for lane, added in zip(self.exact, other.exact, strict=True):
            lane.merge(added)
        if any(lane.shift for lane in self.exact):
            self.exact = None

    def arrays(self) -> Arrays:
        """All that is counted, by name."""
        return {
            **{f"tally.{name}": array for name, array in self.tally.arrays().items()},
            **{f"folds.{name}": array for name, array in self.folds.arrays().items()},
            **self._arrays(),
            **({} if self.top is None else {"top": self.top}),
            **({} if self.top_mass is None else {"mass.top": self.top_mass}),
            **{
                f"by_fold.{n}.{name}": array
                for n, lane in enumerate(self.by_fold)
                for name, array in lane.arrays().items()
            },
            **{
                f"exact.{n}.{name}": array
                for n, lane in enumerate(self.exact or ())
                for name, array in lane.arrays().items()
            },
        }

    def restore(self, arrays: Arrays, prefix: str = "") -> None:
        """Take what `arrays` gave, as stored under `prefix`; ValueError or KeyError if it does not fit."""
        self.tally.restore(arrays, f"{prefix}tally.")
        self._restore_folds(arrays, prefix)
        for name, mine in self._arrays().items():
            mine[...] = fitting(arrays[prefix + name], mine)
        self.top = (
            fitting(arrays[f"{prefix}top"], self.top) if self.top is not None and f"{prefix}top" in arrays else None
        )
        if self.top is None or self.top_mass is None:
            self.top_mass = None
        else:
            self.top_mass = fitting(arrays[f"{prefix}mass.top"], self.top_mass)
        if self.top is not None and (self.top.sum() != self.rows or (self.top < 0).any()):
            raise ValueError("highest scores of other rows than those that are counted")
        if self.lanes and f"{prefix}exact.0.cells" not in arrays:
            self.exact = None
        for n, lane in enumerate(self.exact or ()):
            lane.restore(arrays, f"{prefix}exact.{n}.")

    def _restore_folds(self, arrays: Arrays, prefix: str) -> None:
        """Also of profiles that have scores by fold in the same wide cells, whatever the scores (`muster.evaluation/1`)."""
        if not self.lanes or f"{prefix}folds.cells" not in arrays or not arrays[f"{prefix}folds.cells"].shape[2]:
            self.folds.restore(arrays, f"{prefix}folds.")
            for n, lane in enumerate(self.by_fold):
                lane.restore(arrays, f"{prefix}by_fold.{n}.")
            return
        fixed = {f"{prefix}folds.{name}" for name in ("cells", "mass.cells")}
        empty = {name: np.empty_like(array[:, :0, :0]) for name, array in arrays.items() if name in fixed}
        self.folds.restore({**arrays, **empty}, f"{prefix}folds.")
        counts, mass = arrays[f"{prefix}folds.cells"], arrays.get(f"{prefix}folds.mass.cells")
        by = _WIDE if counts.shape[2] == width_of(_WIDE) else _WIDER
        for n, lane in enumerate(self.by_fold):
            lane.restore_fixed(counts[:, n], None if mass is None else mass[:, n], by)

    def _kind(self) -> tuple[object, ...]:
        return self.classes, self.extent, self.weighted, self.lanes

    def _arrays(self) -> Arrays:
        own = {"pairs": self.pairs, "calibration": self.calibration, "scores": self.scores}
        return own | {f"mass.{name}": array for name, array in self.mass.items()}


def _bins(score: Floats) -> Cells:
    """The bin of equal width of each, which has its upper end."""
    place = np.minimum((score * EQUAL_WIDTHS).astype(np.int64), EQUAL_WIDTHS - 1)
    place -= (score <= _EDGES[place]) & (place > 0)  # to the bin whose upper end it is, and whatever rounding did
    place += score > _EDGES[place + 1]
    return place
