"""Whether groups of rows are treated alike: the rates of each group, and how far apart they are, by the names that fairlearn has."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from muster.errors import InvalidInput, NotApplicable, near
from muster.metrics.disparity import between, greatest, over, spread, together
from muster.metrics.figure import Figure
from muster.metrics.groups import (
    LEAST_OF_A_GROUP,
    RATES,
    Group,
    Measurement,
    group_of_class,
    group_of_labels,
    group_of_numbers,
)
from muster.metrics.quality import Quality, quality
from muster.profiles.classification import Classification
from muster.profiles.regression import Regression
from muster.signature import Json

__all__ = ["MEASURES", "Fairness", "FourFifths"]

FOUR_FIFTHS = 0.8

_TPR, _FPR = "true_positive_rate", "false_positive_rate"
_OF_CLASSES: Mapping[str, tuple[str, ...]] = {
    "demographic_parity": ("selection_rate",),
    "equalized_odds": (_TPR, _FPR),
    "equal_opportunity": (_TPR,),
    "predictive_parity": ("positive_predictive_value",),
}
_OF_NUMBERS = (
    "mean_prediction_difference",
    "mean_error_difference",
    "mae_difference",
    "mae_ratio",
    "rmse_difference",
    "rmse_ratio",
)
MEASURES = (*(f"{name}_{kind}" for name in _OF_CLASSES for kind in ("difference", "ratio")), *_OF_NUMBERS)
"""What is said of all groups together."""


_OF_SEVERAL = "it is of the worst of several classes, which chance makes worse"
_NEVER_BELOW_0 = ("mae", "rmse", *RATES)
_Comparing = Callable[[str, Figure, Figure], Figure]


@dataclass(frozen=True, slots=True)
class FourFifths:
    """Whether each group is selected at least four fifths as often as the one that is selected most: `passed` is None where that
    cannot be told, and `reason` says why. `ratios` has each group that counts, `failing` those below four fifths.
    """

    passed: bool | None
    most: str | None
    failing: tuple[str, ...]
    ratios: Mapping[str, float]
    reason: str = ""

    def to_json(self) -> dict[str, Json]:
        return {
            "passed": self.passed,
            "most": self.most,
            "failing": [*self.failing],
            "ratios": dict(self.ratios),
            "reason": self.reason,
        }


class Fairness(Mapping[str, Group]):
    """The figures of each group of a protected column, and what they say together.

    `measures` are over all groups of 30 rows or more; `differences` and `ratios` of each group against the `reference`, the largest
    one unless `against` another. `at` has the labels of another threshold. Of several classes each of `measures` is that of the class
    for which it is worst, of those for which it is known; `worst` names it, and `of` has one class against the others.
    """

    def __init__(
        self,
        name: str,
        parts: Mapping[str, Measurement],
        classes: Sequence[str] = (),
        *,
        label: str | None = None,
        threshold: float | None = None,
        reference: str | None = None,
    ) -> None:
        self.name, self.classes, self.label, self.threshold = name, tuple(classes), label, threshold
        self._parts = dict(parts)
        self._total: dict[str, Quality] = {}
        self._reference = reference

    @property
    def reference(self) -> str | None:
        """The group that others are compared with: of the largest ones the first."""
        if self._reference is not None or not self._parts:
            return self._reference
        return max(self._parts, key=lambda group: self._parts[group].rows)

    @property
    def rows(self) -> int:
        return sum(part.rows for part in self._parts.values())

    def against(self, reference: str) -> Fairness:
        """The same with another group as the reference."""
        if reference not in self._parts:
            told = ", ".join(f"`{group}`" for group in self._parts)
            raise InvalidInput(
                f"`{self.name}` has no group `{reference}`{near(reference, self._parts)}", hint=f"there are {told}"
            )
        return self._with(reference=reference)

    def at(self, threshold: float) -> Fairness:
        """The same with the labels that a threshold gives: positive where the probability is at least that."""
        if not all(isinstance(p, Classification) and p.classes == 2 and p.lanes for p in self._parts.values()):
            raise NotApplicable("only two classes with probabilities have a threshold")
        if not 0 <= threshold <= 1:
            raise InvalidInput(f"the threshold {threshold} is no probability", hint="give a number from 0 to 1")
        return self._with(threshold=threshold)

    def of(self, label: object) -> Fairness:
        """The same of one class, against all others."""
        if str(label) not in self.classes:
            raise InvalidInput(f"there is no class `{label}`", hint=f"classes are {', '.join(self.classes) or 'none'}")
        if len(self.classes) == 2 and str(label) != self.classes[1]:
            raise InvalidInput(
                f"of two classes the rates are those of the positive one, `{self.classes[1]}`",
                hint="leave the class out",
            )
        return self._with(label=str(label))

    def _with(self, **other: str | float | None) -> Fairness:
        kept: dict[str, object] = {"label": self.label, "threshold": self.threshold, "reference": self._reference}
        found = Fairness(self.name, self._parts, self.classes, **(kept | other))  # type: ignore[arg-type]  # as they are above
        found._total = self._total
        return found

    def __getitem__(self, group: str) -> Group:
        return self._groups[group]

    def __iter__(self) -> Iterator[str]:
        return iter(self._parts)

    def __len__(self) -> int:
        return len(self._parts)

    @cached_property
    def _groups(self) -> Mapping[str, Group]:
        return {name: self._group(name, scores=True) for name in self._parts}

    @cached_property
    def _rates(self) -> Mapping[str, Group]:
        """What labels tell alone, which is quick for many classes."""
        return {name: self._group(name, scores=False) for name in self._parts}

    def _group(self, name: str, *, scores: bool) -> Group:
        part = self._parts[name]
        if isinstance(part, Regression):
            return group_of_numbers(part)
        if name not in self._total:
            self._total[name] = quality(part)
        if self._one is None:
            return group_of_labels(part, self._total[name])
        return group_of_class(part, self._total[name], self._one, self.threshold, scores=scores)

    @property
    def _one(self) -> int | None:
        """The class whose rates are told."""
        if self.label is not None:
            return self.classes.index(self.label)
        return 1 if len(self.classes) == 2 else None

    @cached_property
    def measures(self) -> Mapping[str, Figure]:
        """Differences are the greatest less the least, ratios the least over the greatest."""
        if self._several:
            return {name: found for name, (_, found) in self._worst.items()}
        if not self.classes:
            return {name: self._spread(name.rpartition("_")[0], name) for name in _OF_NUMBERS}
        found = {}
        for name, rates in _OF_CLASSES.items():
            for kind in ("difference", "ratio"):
                each = [self._spread(rate, f"{name}_{kind}") for rate in rates]
                found[f"{name}_{kind}"] = (
                    each[0] if len(each) == 1 else together(f"{name}_{kind}", each, ratio=kind == "ratio")
                )
        return found

    @cached_property
    def worst(self) -> Mapping[str, str]:
        """Of several classes, the one for which each measure is worst."""
        return (
            {name: label for name, (label, found) in self._worst.items() if found.value is not None}
            if self._several
            else {}
        )

    @property
    def _several(self) -> bool:
        return self._one is None and bool(self.classes)

    @cached_property
    def _worst(self) -> Mapping[str, tuple[str, Figure]]:
        found: dict[str, tuple[str, Figure]] = {}
        for label in self.classes:
            for name, one in self.of(label).measures.items():
                if name not in found or _worse(one, found[name][1]):
                    found[name] = label, one
        return {name: (label, _of_several(one)) for name, (label, one) in found.items()}

    def _spread(self, figure: str, name: str) -> Figure:
        ratio = name.endswith("_ratio")
        return spread(name, self._counting(figure), ratio=ratio, least_rows=LEAST_OF_A_GROUP)

    def _counting(self, figure: str) -> dict[str, Figure]:
        return {name: group[figure] for name, group in self._rates.items() if not group.small}

    @cached_property
    def differences(self) -> Mapping[str, Mapping[str, Figure]]:
        """Of each other group the figures less those of the reference."""
        return self._compared(between)

    @cached_property
    def ratios(self) -> Mapping[str, Mapping[str, Figure]]:
        """Of each other group the figures over those of the reference; only of what is never below 0."""
        return self._compared(over, _NEVER_BELOW_0)

    def _compared(self, how: _Comparing, only: Sequence[str] = ()) -> dict[str, dict[str, Figure]]:
        if self.reference is None:
            return {}
        own = self._groups[self.reference]
        names = [name for name in own if not only or name in only]
        return {
            group: {n: how(n, own[n], found[n]) for n in names if n in found}
            for group, found in self._groups.items()
            if group != self.reference
        }

    @cached_property
    def four_fifths(self) -> FourFifths:
        """Of the rate at which the positive class, or the class of `of`, is predicted."""
        if self._one is None:
            return FourFifths(None, None, (), {}, "it is a rule about the rate at which one class is predicted")
        rates = self._counting("selection_rate")
        found = self._spread("selection_rate", "demographic_parity_ratio")
        if found.value is None:
            return FourFifths(None, None, (), {}, found.reason)
        most = greatest(rates)
        ratios = {group: over(group, rates[most], rate) for group, rate in rates.items()}
        doubtful = [g for g, r in ratios.items() if r.bound and abs(float(str(r.value)) - FOUR_FIFTHS) <= r.bound]
        if doubtful:
            return FourFifths(None, most, (), {}, f"scores in cells do not tell on which side `{doubtful[0]}` is")
        known = {group: float(str(r.value)) for group, r in ratios.items()}
        failing = tuple(sorted((g for g, r in known.items() if r < FOUR_FIFTHS), key=lambda g: known[g]))
        return FourFifths(not failing, most, failing, known)

    def to_json(self) -> dict[str, Json]:
        return {
            "reference": self.reference,
            "class": self.label or (self.classes[1] if len(self.classes) == 2 else None),
            "threshold": self.threshold,
            "groups": {
                name: {"rows": g.rows, "small": g.small, "figures": {n: f.to_json() for n, f in g.items()}}
                for name, g in self._groups.items()
            },
            "measures": {name: found.to_json() for name, found in self.measures.items()},
            "worst": dict(self.worst),
            "four_fifths": self.four_fifths.to_json(),
            "differences": {g: {n: f.to_json() for n, f in found.items()} for g, found in self.differences.items()},
        }

    def __repr__(self) -> str:
        return f"<Fairness by {self.name}: {len(self)} groups, {self.rows} rows>"


def _of_several(found: Figure) -> Figure:
    if found.value is None:
        return found
    return replace(found, low=None, high=None, method="", reason=_OF_SEVERAL)


def _worse(one: Figure, other: Figure) -> bool:
    if one.value is None or other.value is None:
        return other.value is None and one.value is not None
    return one.value < other.value if one.name.endswith("_ratio") else one.value > other.value
