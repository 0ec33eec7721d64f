"""How far a version is from the champion of its model, metric by metric, on the same data."""

from __future__ import annotations

from dataclasses import dataclass

from muster.evaluation.comparison import Contest
from muster.evaluation.kinds import Kind, unlike
from muster.evaluation.result import Evaluation
from muster.metrics.figure import Figure, undefined
from muster.signature import Json

__all__ = ["VsChampion", "beside_champion"]


@dataclass(frozen=True, slots=True)
class VsChampion:
    """`contest` has the champion as its reference; None where there is none to compare with, and `reason` says why."""

    contest: Contest | None = None
    reason: str = ""

    def difference(self, metric: str) -> Figure:
        """The metric less that of the champion."""
        if self.contest is None:
            return undefined(metric, 0, self.reason)
        found = self.contest.differences
        return found[metric] if metric in found else undefined(metric, 0, self.contest.left_out[metric])

    @property
    def words(self) -> str:
        """What it is compared with, or why with nothing."""
        if self.contest is None:
            return self.reason
        rows = "the same rows" if self.contest.paired else f"other rows: {self.contest.reason}"
        return f"{self.contest.names[0]}, on {rows}"

    def to_json(self) -> dict[str, Json]:
        contest = self.contest
        if contest is None:
            return {"evaluation": None, "reason": self.reason}
        return {
            "evaluation": contest.reference.id,
            "ref": contest.reference.record.ref,
            "paired": contest.paired,
            "reason": contest.reason,
            "verdict": contest.verdict.text,
            "differences": contest.differences.to_json(),
        }


def beside_champion(evaluation: Evaluation, champion: Evaluation | str) -> Evaluation:
    """The evaluation with its difference from the champion's, or with the reason why there is none."""
    if not isinstance(champion, str):
        fault = unlike(*map(Kind.of_evaluation, (champion, evaluation)))
        champion = f"they cannot be compared: {fault}" if fault else champion
    found = VsChampion(reason=champion) if isinstance(champion, str) else VsChampion(Contest(champion, evaluation))
    return Evaluation(evaluation.record, evaluation.profile, evaluation.subject, found, evaluation.required)
