"""What is known of what was evaluated, beside its figures: plain values, which whoever keeps the versions passes."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from muster.signature import Json

__all__ = ["Effort", "Setting", "Subject", "differing"]

_DIGEST = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """What predicting `rows` took: `seconds` in which predictions were under way, the start of the model among them.

    `asked` counts what an endpoint was asked, and `cost` is what that cost at most, at its connection's prices. Where `seconds`
    is None, `reason` says why no speed is known.
    """

    rows: int = 0
    seconds: float | None = None
    asked: Mapping[str, float] = field(default_factory=dict)
    cost: float | None = None
    reason: str = ""

    @property
    def rate(self) -> float | None:
        """Rows in a second."""
        return self.rows / self.seconds if self.seconds else None

    def to_json(self) -> dict[str, Json]:
        return {
            "rows": self.rows,
            "seconds": self.seconds,
            "rows_per_second": self.rate,
            "asked": dict(self.asked),
            "cost": self.cost,
            "reason": self.reason,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """`champion`: the alias of its model names this version now. `facts` are what it is, each by what it tells of."""

    champion: bool = False
    facts: Mapping[str, Json] = field(default_factory=dict)
    effort: Effort = Effort(reason="it is not known how long predicting took")


@dataclass(frozen=True, slots=True)
class Setting:
    """One thing that differs: `values` has that of each, in their order; None where one has none."""

    what: str
    values: tuple[Json, ...]

    @property
    def told(self) -> tuple[str, ...]:
        """The values as they are read; of digests the beginning, which tells as much."""
        return tuple(map(_plain, self.values))

    def to_json(self) -> dict[str, Json]:
        return {"what": self.what, "values": [*self.values]}


def _plain(value: Json) -> str:
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = str(value)
    return f"{text[:12]}…" if _DIGEST.fullmatch(text) else text


def differing(subjects: Sequence[Subject]) -> tuple[Setting, ...]:
    """All in which they are not alike, in the order in which they tell it."""
    names = dict.fromkeys(name for subject in subjects for name in subject.facts)
    rows = (Setting(name, tuple(s.facts.get(name) for s in subjects)) for name in names)
    return tuple(row for row in rows if any(value != row.values[0] for value in row.values))
