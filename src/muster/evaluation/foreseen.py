"""What an evaluation will have, before anything is counted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from muster.evaluation.requirements import parsed
from muster.evaluation.result import Evaluation
from muster.profiles.evaluation import EvaluationProfile
from muster.profiles.question import Question
from muster.records import EvaluationRecord

__all__ = ["check_requirements"]


def check_requirements(question: Question, requirements: Sequence[str]) -> None:
    """InvalidInput names everything in them that no evaluation of the question has, at once."""
    if requirements:
        nothing = cast(EvaluationRecord, None)  # figures come from the profile alone
        parsed(Evaluation(nothing, EvaluationProfile.of_nothing(question)), requirements)
