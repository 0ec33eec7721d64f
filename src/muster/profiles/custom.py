"""What metrics of the user's own tell: means of what they gave rows, and what they made of all that was counted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from muster.profiles.fold_cells import FOLDS
from muster.profiles.keys import Floats, Hashes
from muster.profiles.stored import Arrays, fitting
from muster.signature import Json

__all__ = ["Custom", "CustomMetric", "Means", "column_of", "given_to"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomMetric:
    """A metric of the user's own as an evaluation remembers it: by the digest of its code."""

    name: str
    number: int
    digest: str
    kind: Literal["batch", "profile"]
    title: str = ""
    better: Literal["higher", "lower", ""] = ""
    within: tuple[float, float] | None = None

    @property
    def ref(self) -> str:
        return f"{self.name}:{self.number}"

    @property
    def told(self) -> str:
        """What it is, in words."""
        better = f"{self.better} is better" if self.better else ""
        within = "" if self.within is None else f"within {self.within[0]:g} to {self.within[1]:g}"
        return ", ".join(
            filter(None, (self.title, better, within, f"number {self.number}", f"digest {self.digest[:12]}"))
        )

    def to_json(self) -> dict[str, Json]:
        within: list[Json] | None = None if self.within is None else [float(end).hex() for end in self.within]
        told: dict[str, Json] = {"name": self.name, "number": self.number, "digest": self.digest, "kind": self.kind}
        return told | {"title": self.title, "better": self.better, "within": within}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        within = document["within"]
        return cls(**{**document, "within": None if within is None else tuple(map(float.fromhex, within))})


def column_of(name: str) -> str:
    """The column of an answer with what a metric gave each row."""
    return f"metric:{name}"


def given_to(metrics: Sequence[CustomMetric], answer: pa.RecordBatch | None, places: NDArray[np.int64]) -> Floats:
    """What each metric (the first axis) gave these rows; NaN where it gave nothing."""
    if not metrics:
        return np.empty((0, len(places)))
    assert answer is not None
    columns = [answer.column(column_of(m.name)).to_numpy(zero_copy_only=False) for m in metrics]
    return np.stack([c[places] for c in columns])


class Means:
    """Of each metric and group of rows: `rows` that were given a number, their weights, and the sums of weights times numbers."""

    __slots__ = ("mass", "rows", "sums")

    def __init__(self, metrics: int, groups: int) -> None:
        self.rows = np.zeros((metrics, groups), np.int64)
        self.mass = np.zeros((metrics, groups), np.float64)
        self.sums = np.zeros((metrics, groups), np.float64)

    def add(self, given: Floats, weight: Floats | None, group: NDArray[np.int64]) -> None:
        groups = self.rows.shape[1]
        for n, values in enumerate(given):
            some = ~np.isnan(values)
            value, where = values[some], group[some]
            once = np.ones(len(value)) if weight is None else weight[some]
            self.rows[n] += np.bincount(where, minlength=groups)
            with np.errstate(over="ignore", invalid="ignore"):  # sums that are too large are told as such
                self.mass[n] += np.bincount(where, once, groups)
                self.sums[n] += np.bincount(where, once * value, groups)

    def merge(self, other: Self) -> None:
        with np.errstate(over="ignore", invalid="ignore"):
            for name in self.__slots__:
                np.add(getattr(self, name), getattr(other, name), out=getattr(self, name))

    def arrays(self) -> Arrays:
        return {name: getattr(self, name) for name in self.__slots__}

    def restore(self, arrays: Arrays, prefix: str) -> None:
        for name, mine in self.arrays().items():
            mine[...] = fitting(arrays[prefix + name], mine)


@dataclass(slots=True)
class Custom:
    """`whole` are the means of all rows, by fold; `parts` those of the values of each segment.

    `told` has what each metric over a profile (the first axis) made of it, and of it without each fold; `told_parts` of those of
    the parts. NaN where it made nothing; empty until they are asked, which is after the last row.
    """

    metrics: tuple[CustomMetric, ...]
    whole: Means = field(init=False)
    parts: dict[str, dict[str, Means]] = field(default_factory=dict)
    told: Floats = field(init=False)
    told_parts: dict[str, dict[str, Floats]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.whole = Means(len(self.of_rows), FOLDS)
        self.told = np.empty((len(self.of_profiles), 0))

    @property
    def of_rows(self) -> list[CustomMetric]:
        return [m for m in self.metrics if m.kind == "batch"]

    @property
    def of_profiles(self) -> list[CustomMetric]:
        return [m for m in self.metrics if m.kind == "profile"]

    def add(self, given: Floats, weight: Floats | None, hashes: Hashes) -> None:
        self.whole.add(given, weight, (hashes >> np.uint64(58)).astype(np.int64))

    def add_part(self, segment: str, value: str, given: Floats, weight: Floats | None) -> None:
        part = self.parts.setdefault(segment, {}).setdefault(value, Means(len(self.of_rows), 1))
        part.add(given, weight, np.zeros(given.shape[1], np.int64))

    def merge(self, other: Self) -> None:
        """What metrics made of a profile is of its rows alone: of more, they are to be asked again."""
        self.told, self.told_parts = np.empty((len(self.of_profiles), 0)), {}
        self.whole.merge(other.whole)
        for segment, parts in other.parts.items():
            mine = self.parts.setdefault(segment, {})
            for value, means in parts.items():
                mine.setdefault(value, Means(len(self.of_rows), 1)).merge(means)

    def arrays(self, segments: Mapping[str, Sequence[str]]) -> Arrays:
        """All that is known, by name; nothing where there is no metric. `segments` are the values of each, in order."""
        found: dict[str, NDArray[Any]] = {}
        if self.of_rows:
            found |= {f"custom.{name}": a for name, a in self.whole.arrays().items()}
            for n, (segment, values) in enumerate(segments.items()):
                for i, value in enumerate(values):
                    part = self.parts[segment][value].arrays()
                    found |= {f"custom.{n}.{i}.{name}": a for name, a in part.items()}
        if self.told.size:
            found["custom.told"] = self.told
            for n, (segment, values) in enumerate(segments.items()):
                if values:
                    found[f"custom.told.{n}"] = np.stack([self.told_parts[segment][v] for v in values])
        return found

    def restore(self, arrays: Arrays, segments: Mapping[str, Sequence[str]]) -> None:
        if self.of_rows:
            self.whole.restore(arrays, "custom.")
            for n, (segment, values) in enumerate(segments.items()):
                self.parts[segment] = {value: Means(len(self.of_rows), 1) for value in values}
                for i, value in enumerate(values):
                    self.parts[segment][value].restore(arrays, f"custom.{n}.{i}.")
        if self.of_profiles and "custom.told" in arrays:
            self.told = np.asarray(arrays["custom.told"], np.float64)
            if self.told.ndim != 2 or len(self.told) != len(self.of_profiles):
                raise ValueError("what other metrics made of it")
            for n, (segment, values) in enumerate(segments.items()):
                told: Sequence[Floats] = list(arrays[f"custom.told.{n}"]) if values else []
                self.told_parts[segment] = dict(zip(values, told, strict=True))
