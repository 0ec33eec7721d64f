"""Why a history has no evaluations."""

from __future__ import annotations

from collections.abc import Sequence

from muster.errors import near, plural
from muster.records import EvaluationRecord

__all__ = ["why_none"]


def why_none(
    of: str, all_of: Sequence[EvaluationRecord], filters: Sequence[str], by: str | None, labels: Sequence[str]
) -> str:
    """`all_of` are there without the filters, which name these labels; `by` is the one that orders it."""
    if not all_of:
        return f"there are no evaluations of {of} yet"
    known = sorted({label for record in all_of for label in record.labels})
    wanted = dict.fromkeys((*labels, *(() if by is None else (by,))))
    unknown = [f"the label `{name}`{near(name, known)}" for name in wanted if name not in known]
    asked = [f"`{f}`" for f in filters] + ([] if by is None else [f"the label `{by}`"])
    told = f"of {plural(len(all_of), 'evaluation')} of {of} none has {', nor '.join(unknown) or ' and '.join(asked)}"
    if not unknown:
        return told
    return told + (f"; their labels are {', '.join(f'`{k}`' for k in known)}" if known else "; they have no labels")
