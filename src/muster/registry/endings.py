"""How a run ends that has no output: what is kept of it, and what to do next."""

from __future__ import annotations

from muster.dataset import KeptRejects
from muster.errors import InvalidInput, ModelDied, ModelFailed, ModelTimeout, MusterError, RunFailed, plural

__all__ = ["nothing_scored", "then", "worth_resuming"]

_LONG = 200
"""Characters of a reason that a message shows."""


def worth_resuming(error: MusterError) -> bool:
    """Not where the data or the model's code is to blame: the run would keep both, and end the same way."""
    told = error.details.get("resume")
    if isinstance(told, bool):
        return told
    if isinstance(error, ModelFailed):
        return isinstance(error, (ModelDied, ModelTimeout)) or error.details.get("type") == "MemoryError"
    return not isinstance(error, InvalidInput)


def then(hint: str, next_step: str) -> str:
    """A hint, and what to do after it."""
    return f"{hint}; then {next_step}" if hint else next_step


def nothing_scored(rows: int, rejects: KeptRejects) -> RunFailed:
    """How a run ends that would have an output of no rows."""
    told = "; ".join(f"{plural(n, 'row')}: {_short(reason)}" for reason, n in rejects.reasons.items())
    return RunFailed(
        f"not one of {plural(rows, 'row')} could be scored: {told}",
        hint=f"all rows with their reasons are in {rejects.place}; mend the data or the model, then score again",
        details={"rejects": rejects.place, "reasons": dict(rejects.reasons)},
    )


def _short(text: str) -> str:
    return text if len(text) <= _LONG else f"{text[:_LONG]}…"
